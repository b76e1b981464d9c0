//! The hot path: forwarded request, principal, decision, headers.
//!
//! Load, decide purely, render: [`forwarded`] parses what the proxy says, [`crate::principal`] loads who it is from both
//! stores side by side, `domain::decision` decides, [`identity`] renders a permit. Every request with a cookie asks the
//! stores; a cache of principals would stand in front of [`principal::load`] and nowhere else.

pub mod forwarded;
pub mod identity;

use crate::directory::DirectoryError;
use crate::domain::access::Role;
use crate::domain::clock::Timestamp;
use crate::domain::decision::{self, Check, Demand, Denial, Missing, Permit, SignInReason};
use crate::domain::email::EmailAddress;
use crate::domain::host::Origin;
use crate::domain::requirement::Requirement;
use crate::login::refresh;
use crate::principal::{self, LoadError, Principal};
use crate::session::cookie::Held;
use crate::session::values::HostValue;
use crate::state::State;
use forwarded::{Forwarded, RequestKind};
use identity::IdentityHeaders;
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

/// What `/verify` found.
#[derive(Debug)]
pub enum Verdict {
    /// 200 with these headers.
    Allow(IdentityHeaders),
    /// Everything that is not: named, with the person where one is known.
    Deny {
        /// Why.
        denial: Denial,
        /// Who is signed in.
        email: Option<EmailAddress>,
    },
    /// 503: neither yes nor no.
    CannotKnow(LoadError),
}

impl Verdict {
    fn sign_in(reason: SignInReason) -> Self {
        Self::Deny { denial: Denial::SignIn(reason), email: None }
    }
}

/// Judges one request of a protected host.
pub async fn verify(
    state: &Arc<State>,
    forwarded: &Forwarded<'_>,
    origin: &Origin,
    requirement: &Requirement,
    held: Option<&Held<HostValue>>,
) -> Verdict {
    let Some(cookie) = held.and_then(|held| held.value.as_ref()) else {
        return Verdict::sign_in(SignInReason::NoSession);
    };
    let deadline = Instant::now() + principal::DEADLINE;
    let principal = match principal::load(state, &cookie.session, cookie.user).await {
        Ok(Some(principal)) => principal,
        Ok(None) => return Verdict::sign_in(SignInReason::Ended),
        Err(error) => return Verdict::CannotKnow(error),
    };
    let demand = Demand {
        now: Timestamp::now(),
        requirement,
        is_cross_origin: forwarded.is_cross_origin(origin, &state.config.allowed_origins),
    };
    let times = principal.session.record.times(cookie.auth_time);
    let verdict = match decision::decide(&demand, &principal.standing, &times, &state.lifetimes) {
        Ok(permit) => match timeout_at(deadline, existing_tenant(state, requirement, permit)).await {
            Ok(Ok(Ok(permit))) => Verdict::Allow(identity::render(&permit, forwarded, state)),
            Ok(Ok(Err(denial))) => Verdict::Deny { denial, email: principal.standing.person.email.clone() },
            Ok(Err(error)) => Verdict::CannotKnow(error.into()),
            Err(_) => Verdict::CannotKnow(LoadError::Deadline),
        },
        Err(denial) => Verdict::Deny { denial, email: principal.standing.person.email.clone() },
    };
    follow_up(state, &verdict, cookie, principal);
    verdict
}

/// An admin may enter every tenant, but only one that there is: what a router misspells opens to nobody.
async fn existing_tenant<'a>(
    state: &State,
    requirement: &'a Requirement,
    permit: Permit<'a>,
) -> Result<Result<Permit<'a>, Denial>, DirectoryError> {
    if !permit.access.is_admin || requirement.tenants.is_empty() {
        return Ok(Ok(permit));
    }
    for tenant in &requirement.tenants {
        if permit.access.tenants.contains_key(tenant) || state.directory.tenant_exists(tenant).await? {
            return Ok(Ok(Permit { tenant: Some((tenant, Role::Admin)), ..permit }));
        }
    }
    Ok(Err(Denial::Forbidden(Missing { tenants: requirement.tenants.clone(), ..Missing::default() })))
}

/// What a request sets off beside its answer: its use is noted, a due refresh runs.
fn follow_up(state: &Arc<State>, verdict: &Verdict, cookie: &HostValue, principal: Principal) {
    let is_live = match verdict {
        Verdict::Allow(_) => true,
        Verdict::Deny { denial, .. } => !matches!(denial, Denial::SignIn(_)),
        Verdict::CannotKnow(_) => false,
    };
    if !is_live {
        return;
    }
    let check = principal.session.record.times(cookie.auth_time).check(Timestamp::now(), &state.lifetimes);
    let is_used = !matches!(verdict, Verdict::Deny { denial: Denial::CheckFirst, .. });
    let tasks = &state.tasks;
    let state = Arc::clone(state);
    if check != Check::NotDue {
        tasks.spawn(async move { refresh::run(&state, &principal.session).await });
    } else if is_used && state.sessions.is_touch_due(&principal.session) {
        tasks.spawn(async move {
            if let Err(error) = state.sessions.touch(&principal.session).await {
                tracing::debug!(error = %crate::telemetry::Chain(&error), "last use not noted");
            }
        });
    }
}

/// The groups and tenants of a requirement that do not exist: nobody can ever meet it, so the operator should know.
/// Looked up beside the answer, which does not wait for it.
pub fn log_unknown_names(state: &Arc<State>, missing: &Missing) {
    let tasks = &state.tasks;
    let (state, missing) = (Arc::clone(state), missing.clone());
    tasks.spawn(async move {
        for group in &missing.groups {
            if matches!(state.directory.group_exists(group).await, Ok(false)) {
                tracing::warn!(group.name = %group, "a router requires a group that does not exist");
            }
        }
        for tenant in &missing.tenants {
            if matches!(state.directory.tenant_exists(tenant).await, Ok(false)) {
                tracing::warn!(tenant.id = %tenant, "a router requires a tenant that does not exist");
            }
        }
    });
}

/// Whether a denial of this request may send the browser away to sign in.
pub fn may_redirect(kind: RequestKind, requirement: &Requirement) -> bool {
    kind == RequestKind::Navigation && !requirement.api
}
