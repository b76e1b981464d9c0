//! What a router demands: the query of the middleware's address, where only the operator can write.

use super::access::Role;
use super::ids::{GroupName, TenantId};
use std::borrow::Cow;
use std::time::Duration;
use url::form_urlencoded;

/// So many names of a query are logged, and so many characters of each.
const MAX_NAMES: usize = 16;
const MAX_NAME: usize = 64;

/// All parts must hold; within `groups` and `tenants`, any one of them. The default demands a session, nothing else.
/// `api` and `assertion` demand nothing: they say how to answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirement {
    /// Member of any of these, if there are any.
    pub groups: Vec<GroupName>,
    /// May enter any of these tenants, if there are any.
    pub tenants: Vec<TenantId>,
    /// Must be an admin.
    pub admin: bool,
    /// Signed in on this host at most so long ago (step-up).
    pub max_age: Option<Duration>,
    /// Never redirect.
    pub api: bool,
    /// The application gets `X-User-Assertion` too.
    pub assertion: bool,
}

/// The middleware's address is wrong: the operator must mend it, so nobody passes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RequirementError {
    /// Not one of ours: a typing error must not open the gate.
    #[error("unknown requirement {0:?}: expected group, tenant, admin, max_age, api or assertion")]
    Unknown(String),
    /// A value that the name does not take.
    #[error("{name} is malformed: expected {expected}")]
    Malformed {
        /// The requirement.
        name: &'static str,
        /// What may stand there.
        expected: &'static str,
    },
}

impl Requirement {
    /// Reads the query of `/verify?...`.
    ///
    /// # Errors
    /// Everything that is not exactly understood, for it may have been meant to narrow.
    pub fn parse(query: &str) -> Result<Self, RequirementError> {
        let mut requirement = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            requirement.narrow(&name, &value)?;
        }
        Ok(requirement)
    }

    /// The names in a query without their values, for the log: where a proxy appends the client's query to the
    /// middleware's address, the values are the client's.
    pub fn names(query: &str) -> String {
        let short = |name: Cow<'_, str>| name.chars().take(MAX_NAME).collect::<String>();
        let names = form_urlencoded::parse(query.as_bytes()).take(MAX_NAMES).map(|(name, _)| short(name));
        names.collect::<Vec<_>>().join(", ")
    }

    fn narrow(&mut self, name: &str, value: &str) -> Result<(), RequirementError> {
        let malformed = |name, expected| RequirementError::Malformed { name, expected };
        match name {
            "group" => self.groups.push(value.parse().map_err(|_| malformed("group", "a group's name"))?),
            "tenant" => self.tenants.push(value.parse().map_err(|_| malformed("tenant", "a tenant's id"))?),
            "admin" if value == "true" => self.admin = true,
            "admin" => return Err(malformed("admin", "true")),
            "api" if value == "true" => self.api = true,
            "api" => return Err(malformed("api", "true")),
            "assertion" if value == "true" => self.assertion = true,
            "assertion" => return Err(malformed("assertion", "true")),
            "max_age" => {
                let age = max_age(value).ok_or_else(|| malformed("max_age", "seconds"))?;
                self.max_age = Some(self.max_age.map_or(age, |other| other.min(age)));
            }
            _ => return Err(RequirementError::Unknown(name.chars().take(MAX_NAME).collect())),
        }
        Ok(())
    }

    /// The tenant that this requirement names for a person: the first of its tenants that opens, with the role there.
    pub fn tenant_for(&self, access: &super::access::Access) -> Option<(&TenantId, Role)> {
        self.tenants.iter().find_map(|tenant| access.role_in(tenant).map(|role| (tenant, role)))
    }
}

/// The value of a `max_age`: seconds, in digits alone.
pub fn max_age(value: &str) -> Option<Duration> {
    value.parse().ok().filter(|_| value.bytes().all(|b| b.is_ascii_digit())).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_groups_are_any_of_and_the_smallest_max_age_holds() {
        let got = Requirement::parse(
            "group=MCP-GitHub&group=A+b%2Cc&max_age=900&max_age=60&admin=true&api=true&assertion=true",
        );
        let want = Requirement {
            groups: vec!["MCP-GitHub".parse().expect("a name"), "A b,c".parse().expect("a name")],
            max_age: Some(Duration::from_mins(1)),
            admin: true,
            api: true,
            assertion: true,
            ..Requirement::default()
        };
        assert_eq!(got, Ok(want));
    }

    #[test]
    fn what_is_not_exactly_understood_is_an_error() {
        for query in [
            "grup=x",
            "admin=false",
            "admin=",
            "admin",
            "group=",
            "tenant=",
            "tenant=a/b",
            "api=1",
            "assertion=1",
            "assertion=false",
            "assertion=",
            "assertion",
            "max_age=-1",
            "max_age=+5",
            "max_age=",
            "max_age=1.5",
            "Group=x",
            "=",
            "%00=1",
        ] {
            assert!(Requirement::parse(query).is_err(), "{query}");
        }
        assert_eq!(Requirement::parse(""), Ok(Requirement::default()));
    }
}
