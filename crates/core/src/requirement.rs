//! What a request must meet: what its router requires, by the query of the middleware's address, which only the operator can
//! write; and the tenant of its host.

use super::access::{Access, Role};
use super::ids::{GroupName, TenantId};
use super::mcp::Mode;
use std::borrow::Cow;
use std::time::Duration;
use url::form_urlencoded;

/// At most this many names of a query are logged.
const MAX_NAMES: usize = 16;
/// A logged name is cut to this many characters.
const MAX_NAME: usize = 64;

/// A requirement. All parts must hold; of `groups` and of `tenants`, one entry is enough. The default requires only a session.
/// `api`, `assertion`, `meter` and `default_tenant` require nothing: they select how to answer and what is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirement {
    /// The person must be in one of these groups; empty: no group is required.
    pub groups: Vec<GroupName>,
    /// The person must be allowed to enter one of these tenants; empty: no tenant is required.
    pub tenants: Vec<TenantId>,
    /// The person must be an administrator.
    pub admin: bool,
    /// The last sign-in on this host must be at most this long ago (step-up).
    pub max_age: Option<Duration>,
    /// Answer 401 where else the browser would be redirected.
    pub api: bool,
    /// Send the application `X-User-Assertion` too.
    pub assertion: bool,
    /// The router leads to tool servers: what a message asks for is judged, too.
    pub mcp: Option<Mode>,
    /// Requests with a session count for the tenant, too, as those with a key or token always do.
    pub meter: Option<Meter>,
    /// The tenant whose host it is, which the person must be allowed to enter, too. No query sets it.
    pub host_tenant: Option<TenantId>,
    /// The tenant that a request means if nothing else names one (`GATEPOST_DEFAULT_TENANT`). No query sets it.
    pub default_tenant: Option<TenantId>,
}

/// What is counted at a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meter {
    /// Every request that passes, against `api_requests_per_day` of its tenant.
    ApiRequests,
}

/// A mistake in the query of the middleware's address. Nobody passes until the operator corrects it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RequirementError {
    /// An unknown name. It is an error because a typing error must not remove a requirement.
    #[error(
        "unknown requirement {0:?}: expected group, tenant, admin, max_age, api, assertion, mcp or meter"
    )]
    Unknown(String),
    /// A value that is not allowed for the name.
    #[error("{name} is malformed: expected {expected}")]
    Malformed {
        /// The name.
        name: &'static str,
        /// What the value must be.
        expected: &'static str,
    },
}

impl Requirement {
    /// Reads the query of `/verify?...`.
    ///
    /// # Errors
    /// An unknown name or a malformed value: ignoring it could let more people pass than the operator meant.
    pub fn parse(query: &str) -> Result<Self, RequirementError> {
        let mut requirement = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            requirement.narrow(&name, &value)?;
        }
        Ok(requirement)
    }

    /// The same on a host of this tenant, where nobody named another one by default.
    #[must_use]
    pub fn at(self, host_tenant: Option<&TenantId>, default_tenant: Option<&TenantId>) -> Self {
        Self { host_tenant: host_tenant.cloned(), default_tenant: default_tenant.cloned(), ..self }
    }

    /// The names in a query without their values, for the log. The values may be the client's: some proxies append the
    /// client's query to the middleware's address.
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
            "meter" if value == "api_requests" => self.meter = Some(Meter::ApiRequests),
            "meter" => return Err(malformed("meter", "api_requests")),
            "mcp" => {
                let mode = match value {
                    "true" => Mode::Body,
                    "headers" => Mode::Headers,
                    _ => return Err(malformed("mcp", "true or headers")),
                };
                if self.mcp.replace(mode).is_some_and(|other| other != mode) {
                    return Err(malformed("mcp", "true or headers, not both"));
                }
            }
            "max_age" => {
                let age = max_age(value).ok_or_else(|| malformed("max_age", "seconds"))?;
                self.max_age = Some(self.max_age.map_or(age, |other| other.min(age)));
            }
            _ => return Err(RequirementError::Unknown(name.chars().take(MAX_NAME).collect())),
        }
        Ok(())
    }

    /// The first of the tenants that the router requires which the person may enter, with the person's role there.
    pub fn required_tenant(&self, access: &Access) -> Option<(&TenantId, Role)> {
        first_open(&self.tenants, access)
    }

    /// The tenant that a request means, with the person's role there. The first that applies: the required tenant, the host's,
    /// the only one of the caller, the default. `None` also if the caller may not enter it: whoever reads the header takes it
    /// for permission.
    pub fn tenant_for<'a>(&'a self, access: &'a Access) -> Option<(&'a TenantId, Role)> {
        let named = self.required_tenant(access).or_else(|| first_open(&self.host_tenant, access));
        named
            .or_else(|| first_open(access.only_tenant(), access))
            .or_else(|| first_open(&self.default_tenant, access))
    }

    /// All tenants that the decision depends on: those that the router requires, and the host's.
    pub fn all_tenants(&self) -> impl Iterator<Item = &TenantId> {
        self.tenants.iter().chain(&self.host_tenant)
    }
}

fn first_open<'a>(
    tenants: impl IntoIterator<Item = &'a TenantId>,
    access: &Access,
) -> Option<(&'a TenantId, Role)> {
    tenants.into_iter().find_map(|tenant| access.role_in(tenant).map(|role| (tenant, role)))
}

/// Reads the value of `max_age`: seconds, written in digits only.
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
            "mcp",
            "mcp=",
            "mcp=false",
            "mcp=body",
            "mcp=true&mcp=headers",
            "meter",
            "meter=",
            "meter=true",
            "meter=tool_calls",
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
        let metered = Requirement { meter: Some(Meter::ApiRequests), ..Requirement::default() };
        assert_eq!(Requirement::parse("meter=api_requests"), Ok(metered));
        for (query, mode) in
            [("mcp=true", Mode::Body), ("mcp=true&mcp=true", Mode::Body), ("mcp=headers", Mode::Headers)]
        {
            assert_eq!(
                Requirement::parse(query).map(|requirement| requirement.mcp),
                Ok(Some(mode)),
                "{query}"
            );
        }
    }
}
