//! The decision: a pure function from the loaded state to a permit or a named denial.
//!
//! Identity headers can only be rendered from a [`Permit`], and only [`decide`] makes one.

mod acting;
mod session;
#[cfg(test)]
mod tests;
mod token;

pub use acting::{WordDenial, decide_for_person};
pub use session::{
    Lifetimes, PROVIDER_OUTAGE_GRACE, Recheck, RefreshDue, SessionTimes, SignInReason, require_live,
};

pub use token::{TokenDenial, TokenTimes, decide_token};

use crate::access::{Access, Person, Role, Standing};
use crate::api_key::{KeyDenial, KeyLimits, KeyScope, KeyUse};
use crate::clock::Timestamp;
use crate::email::EmailAddress;
use crate::ids::{GroupName, TenantId};
use crate::quota::QuotaExceeded;
use crate::requirement::Requirement;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// What the decision needs to know about one request, besides its session.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    /// The current time.
    pub now: Timestamp,
    /// The router's requirement.
    pub requirement: &'a Requirement,
    /// A page of another origin makes the browser send this request with the cookie, and the request could change
    /// something.
    pub is_cross_origin: bool,
    /// The answer may be a redirect: the request is a navigation, and the requirement does not say `api=true`.
    pub may_redirect: bool,
}

/// The proof that a request may pass, with what the identity headers need.
#[derive(Debug, PartialEq, Eq)]
pub struct Permit<'a> {
    /// The person's address. There is no permit for a person without one.
    pub email: &'a EmailAddress,
    /// The person.
    pub person: &'a Person,
    /// The person's groups, tenants and admin rights.
    pub access: &'a Access,
    /// The tenant that the request means ([`Requirement::tenant_for`]), and the role in it.
    pub tenant: Option<(&'a TenantId, Role)>,
}

/// Why a request may not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// There is no valid session, for this reason.
    SignIn(SignInReason),
    /// The provider must be asked about this session first.
    CheckFirst,
    /// The provider must be asked first, and only a redirect of the browser can do that.
    CheckBySignIn,
    /// A page of another origin made the browser send the request.
    CrossOrigin,
    /// The person is signed in, but does not meet the requirement.
    Forbidden(Missing),
    /// The last sign-in is more than this `max_age` ago, or its time is unknown.
    StepUp(Duration),
    /// The request carries an API key that does not count for it.
    Key(KeyDenial),
    /// What came with the key about a person does not count.
    Word(WordDenial),
    /// The request carries an access token that does not count for it.
    Token(TokenDenial),
    /// The request could pass, and a quota of its tenant is used up.
    Quota(QuotaExceeded),
}

/// The parts of a requirement that a person does not meet. An empty list means that the part is met.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// The required groups, if the person is in none of them.
    pub groups: Vec<GroupName>,
    /// The required tenants, if the person may enter none of them.
    pub tenants: Vec<TenantId>,
    /// An administrator is required, and the person is none.
    pub admin: bool,
    /// What of a tool server no rule allows the person, as `tool delete_repo`. `groups` are then those that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The key that was sent is what makes `tool` impossible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyLack>,
    /// The one of `tenants` that the person could enter if it were not suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<TenantId>,
    /// The tenant whose own provider identifies the person, where the request is not about that tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confined_to: Option<TenantId>,
}

/// What a key lacks for a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyLack {
    /// It is limited to other tools.
    Tools,
    /// It sends requests for people, and said for nobody: then it uses only what a rule gives it.
    Person,
}

impl KeyLack {
    /// What is missing, as an answer to whoever holds the key says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tools => "a key that is not limited to other tools",
            Self::Person => "a signed statement that says for whom the key sends this",
        }
    }
}

/// Writes `group A or B, tenant T, admin`, for log lines.
impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |kind: &str, names: Vec<String>| format!("{kind} {}", names.join(" or "));
        let mut parts: Vec<String> = self.tool.iter().cloned().collect();
        if !self.groups.is_empty() {
            parts.push(listed("group", self.groups.iter().map(ToString::to_string).collect()));
        }
        if !self.tenants.is_empty() {
            parts.push(listed("tenant", self.tenants.iter().map(ToString::to_string).collect()));
        }
        if self.admin {
            parts.push("admin".to_owned());
        }
        parts.extend(self.suspended.as_ref().map(|tenant| format!("{tenant} is suspended")));
        parts
            .extend(self.confined_to.as_ref().map(|tenant| format!("a person of more than tenant {tenant}")));
        parts.extend(self.key.map(|lack| lack.as_str().to_owned()));
        f.write_str(&parts.join(", "))
    }
}
/// Decides about a request with a session. Groups, tenants and admin are checked before `max_age`, so that nobody signs
/// in again only to be refused.
///
/// # Errors
/// The first reason for which the request may not pass.
pub fn decide<'a>(
    demand: &Demand<'a>,
    standing: &'a Standing,
    times: &SessionTimes,
    lifetimes: &Lifetimes,
) -> Result<Permit<'a>, Denial> {
    let email = require_live(standing, times, lifetimes, demand.now).map_err(Denial::SignIn)?;
    if demand.is_cross_origin {
        return Err(Denial::CrossOrigin);
    }
    match times.refresh_due(demand.now, lifetimes) {
        RefreshDue::First if times.recheck == Recheck::BySignIn => return Err(Denial::CheckBySignIn),
        RefreshDue::First => return Err(Denial::CheckFirst),
        RefreshDue::AtNavigation if demand.may_redirect => return Err(Denial::CheckBySignIn),
        RefreshDue::NotDue | RefreshDue::InBackground | RefreshDue::AtNavigation => {}
    }
    let access = &standing.access;
    if let Some(missing) = missing(demand.requirement, access) {
        return Err(Denial::Forbidden(missing));
    }
    match demand.requirement.max_age {
        Some(max_age) if !times.auth_time.is_within(max_age, demand.now) => Err(Denial::StepUp(max_age)),
        _ => Ok(permit(email, standing, demand.requirement)),
    }
}

/// Decides about a request with an API key. What the key is worth comes first, then what it may be used for, then what its
/// access opens. The rule about other origins is not applied: no browser sends a key by itself. A key that acts for people may
/// also ask tool servers what they offer: its program does so before it knows for whom.
///
/// # Errors
/// The first reason for which the request may not pass.
pub fn decide_key<'a>(
    requirement: &'a Requirement,
    standing: &'a Standing,
    limits: &KeyLimits,
    request: &KeyUse<'_>,
) -> Result<Permit<'a>, Denial> {
    limits.check(request).map_err(Denial::Key)?;
    require_active(&standing.access).map_err(Denial::Key)?;
    let may_look = requirement.mcp.is_some() && limits.acts_for_people();
    if !limits.has(&KeyScope::Gate) && !may_look {
        return Err(Denial::Key(KeyDenial::Scope));
    }
    if let Some(missing) = missing(requirement, &standing.access) {
        return Err(Denial::Forbidden(missing));
    }
    if requirement.max_age.is_some() {
        return Err(Denial::Key(KeyDenial::NoSignIn));
    }
    // Every machine has an address. Without one there would be nobody to name to the application.
    let email = standing.person.email.as_ref().ok_or(Denial::Key(KeyDenial::Unknown))?;
    Ok(permit(email, standing, requirement))
}

/// Whether the tenant of a key, whose access this is, is not suspended.
///
/// # Errors
/// [`KeyDenial::TenantSuspended`].
pub fn require_active(access: &Access) -> Result<(), KeyDenial> {
    if access.suspended.is_empty() { Ok(()) } else { Err(KeyDenial::TenantSuspended) }
}

fn permit<'a>(email: &'a EmailAddress, standing: &'a Standing, requirement: &'a Requirement) -> Permit<'a> {
    let access = &standing.access;
    Permit { email, person: &standing.person, access, tenant: requirement.tenant_for(access) }
}

/// The parts of a requirement that a person with this access does not meet; `None` if all are met.
pub fn missing(requirement: &Requirement, access: &Access) -> Option<Missing> {
    let has_group = requirement.groups.is_empty()
        || requirement.groups.iter().any(|group| access.groups.binary_search(group).is_ok());
    let missing_tenants = missing_tenants(requirement, access);
    let is_admin_enough = !requirement.admin || access.is_admin;
    let confined_to = confined_elsewhere(requirement, access);
    if has_group && missing_tenants.is_empty() && is_admin_enough && confined_to.is_none() {
        return None;
    }
    let suspended = missing_tenants.iter().find(|id| access.suspended.find(id).is_some());
    Some(Missing {
        groups: if has_group { Vec::new() } else { requirement.groups.clone() },
        tenants: missing_tenants.to_vec(),
        admin: !is_admin_enough,
        tool: None,
        key: None,
        suspended: suspended.cloned(),
        confined_to: confined_to.cloned(),
    })
}

/// The tenant that a person is confined to, if neither the router nor the host requires that tenant. A router that requires
/// only that somebody signed in is open to people whom the platform's providers vouch for, not to those whom a tenant does.
fn confined_elsewhere<'a>(requirement: &Requirement, access: &'a Access) -> Option<&'a TenantId> {
    let own = access.confined_to.as_ref()?;
    let is_required = requirement.required_tenant(access).is_some_and(|(tenant, _)| tenant == own);
    (!is_required && requirement.host_tenant.as_ref() != Some(own)).then_some(own)
}

/// The tenants of which the person lacks one. The router's come before the host's, so that each refusal names what one more
/// membership is enough for.
fn missing_tenants<'a>(requirement: &'a Requirement, access: &Access) -> &'a [TenantId] {
    if !requirement.tenants.is_empty() && requirement.required_tenant(access).is_none() {
        return &requirement.tenants;
    }
    match &requirement.host_tenant {
        Some(tenant) if access.role_in(tenant).is_none() => std::slice::from_ref(tenant),
        _ => &[],
    }
}
