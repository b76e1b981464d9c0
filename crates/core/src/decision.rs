//! The decision: a pure function from what was loaded to a permit or a named denial.
//!
//! Only a [`Permit`] can be rendered into identity headers, and only [`decide`] makes one.

use super::access::{Access, Person, Role, Standing};
use super::auth_time::AuthTime;
use super::clock::Timestamp;
use super::email::EmailAddress;
use super::ids::{GroupName, TenantId};
use super::requirement::Requirement;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Sessions outlive an unreachable provider by this much (DESIGN.md section 8, "Refresh").
pub const PROVIDER_OUTAGE_GRACE: Duration = Duration::from_hours(1);

/// How long sessions live.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Without use.
    pub idle: Duration,
    /// In all.
    pub absolute: Duration,
    /// Between two looks at the provider.
    pub refresh_interval: Duration,
}

/// Last use is exact to a minute: not every image may be a write.
const TOUCH_INTERVAL: Duration = Duration::from_mins(1);

impl Lifetimes {
    /// How often the use of a session is written down.
    pub fn touch_interval(&self) -> Duration {
        TOUCH_INTERVAL.min(self.idle / 4)
    }
}

/// The times of one session as its record and the host's cookie give them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimes {
    /// First sign-in.
    pub begun_at: Timestamp,
    /// When the person last proved who they are, as this host learnt it.
    pub auth_time: AuthTime,
    /// Last use, exact to a minute.
    pub last_seen_at: Timestamp,
    /// Last answer of the provider about this session.
    pub checked_at: Timestamp,
    /// How the provider is asked about it again.
    pub recheck: Recheck,
    /// Last attempt to ask that found the provider out of reach, since `checked_at`.
    pub unreachable_at: Option<Timestamp>,
}

impl SessionTimes {
    /// The end of the absolute lifetime.
    pub fn expires_at(&self, lifetimes: &Lifetimes) -> Timestamp {
        self.begun_at.plus(lifetimes.absolute)
    }

    /// What the provider's side asks for before this session is used again.
    pub fn check(&self, now: Timestamp, lifetimes: &Lifetimes) -> Check {
        let age = now.since(self.checked_at);
        let interval = lifetimes.refresh_interval;
        let riding_out = self.unreachable_at.is_some_and(|at| now.since(at) <= interval)
            && age < interval * 2 + PROVIDER_OUTAGE_GRACE;
        match self.recheck {
            Recheck::Never => Check::NotDue,
            _ if age < interval => Check::NotDue,
            Recheck::ByRefresh if age < interval * 2 || riding_out => Check::InBackground,
            // Whoever comes from a provider that does not answer has just been sent back.
            Recheck::BySignIn if riding_out => Check::NotDue,
            Recheck::BySignIn if age < interval * 2 => Check::AtNavigation,
            Recheck::ByRefresh | Recheck::BySignIn => Check::First,
        }
    }
}

/// How the provider is asked again about a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recheck {
    /// In the background, with the session's refresh token.
    ByRefresh,
    /// There is no refresh token: the browser takes the person through the provider, unseen where its single sign-on
    /// lives.
    BySignIn,
    /// There is no refresh token, and the operator wants nobody sent away for that.
    Never,
}

/// When a session's refresh is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Not now.
    NotDue,
    /// The request passes; the refresh runs beside it.
    InBackground,
    /// Only the browser can ask: a navigation goes through the provider, everything else passes.
    AtNavigation,
    /// Unused for two intervals, or the outage lasts too long: the provider answers before anybody passes.
    First,
}

/// What one request asks of the gate, besides who sends it.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    /// The present.
    pub now: Timestamp,
    /// The router's requirement.
    pub requirement: &'a Requirement,
    /// Another origin makes the browser send this with its cookie, and could change something.
    pub is_cross_origin: bool,
    /// The answer may send the browser elsewhere: a navigation that the router does not call an API's.
    pub may_redirect: bool,
}

/// Whoever may pass.
#[derive(Debug, PartialEq, Eq)]
pub struct Permit<'a> {
    /// The address; a permit without one cannot exist.
    pub email: &'a EmailAddress,
    /// Who.
    pub person: &'a Person,
    /// What they may.
    pub access: &'a Access,
    /// The tenant that the requirement names, and the role in it.
    pub tenant: Option<(&'a TenantId, Role)>,
}

/// Why somebody may not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// Nobody is signed in, for this reason.
    SignIn(SignInReason),
    /// The provider must be asked before this session is used again.
    CheckFirst,
    /// The same, and only a visit of the browser can ask.
    CheckBySignIn,
    /// Another origin's doing.
    CrossOrigin,
    /// Signed in, but not allowed.
    Forbidden(Missing),
    /// Signed in too long ago, or nobody knows when.
    StepUp(Duration),
}

/// Why there is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignInReason {
    /// No cookie, or one that does not open.
    NoSession,
    /// The store knows nothing of it, it was ended, or its person is gone.
    Ended,
    /// Idle or absolute lifetime is over.
    Expired,
    /// The person is disabled.
    Disabled,
    /// The person has no address (an admin released it).
    NoAddress,
}

/// What of the requirement does not hold; empty lists hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// In none of these groups.
    pub groups: Vec<GroupName>,
    /// May enter none of these tenants.
    pub tenants: Vec<TenantId>,
    /// Is no admin.
    pub admin: bool,
}

/// As a log line says it: `group A or B, tenant T, admin`.
impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |kind: &str, names: Vec<String>| format!("{kind} {}", names.join(" or "));
        let mut parts = Vec::new();
        if !self.groups.is_empty() {
            parts.push(listed("group", self.groups.iter().map(ToString::to_string).collect()));
        }
        if !self.tenants.is_empty() {
            parts.push(listed("tenant", self.tenants.iter().map(ToString::to_string).collect()));
        }
        if self.admin {
            parts.push("admin".to_owned());
        }
        f.write_str(&parts.join(", "))
    }
}

/// Is this session one that counts now? Everything but what the request demands.
///
/// # Errors
/// Why it does not.
pub fn live<'a>(
    standing: &'a Standing,
    times: &SessionTimes,
    lifetimes: &Lifetimes,
    now: Timestamp,
) -> Result<&'a EmailAddress, SignInReason> {
    let superseded = standing.sessions_not_before.is_some_and(|not_before| times.begun_at < not_before);
    if standing.is_session_ended || superseded {
        Err(SignInReason::Ended)
    } else if standing.is_disabled {
        Err(SignInReason::Disabled)
    } else if now >= times.expires_at(lifetimes) || now.since(times.last_seen_at) >= lifetimes.idle {
        Err(SignInReason::Expired)
    } else {
        standing.person.email.as_ref().ok_or(SignInReason::NoAddress)
    }
}

/// Decides about a request with a session. What is not allowed is judged before `max_age`: nobody proves themselves
/// again only to be refused.
///
/// # Errors
/// A [`Denial`].
pub fn decide<'a>(
    demand: &Demand<'a>,
    standing: &'a Standing,
    times: &SessionTimes,
    lifetimes: &Lifetimes,
) -> Result<Permit<'a>, Denial> {
    let email = live(standing, times, lifetimes, demand.now).map_err(Denial::SignIn)?;
    if demand.is_cross_origin {
        return Err(Denial::CrossOrigin);
    }
    match times.check(demand.now, lifetimes) {
        Check::First if times.recheck == Recheck::BySignIn => return Err(Denial::CheckBySignIn),
        Check::First => return Err(Denial::CheckFirst),
        Check::AtNavigation if demand.may_redirect => return Err(Denial::CheckBySignIn),
        Check::NotDue | Check::InBackground | Check::AtNavigation => {}
    }
    let access = &standing.access;
    if let Some(missing) = missing(demand.requirement, access) {
        return Err(Denial::Forbidden(missing));
    }
    match demand.requirement.max_age {
        Some(max_age) if !times.auth_time.is_within(max_age, demand.now) => Err(Denial::StepUp(max_age)),
        _ => Ok(Permit {
            email,
            person: &standing.person,
            access,
            tenant: demand.requirement.tenant_for(access),
        }),
    }
}

/// What of a requirement does not hold for somebody; `None`: all of it does.
pub fn missing(requirement: &Requirement, access: &Access) -> Option<Missing> {
    let in_a_group = requirement.groups.is_empty()
        || requirement.groups.iter().any(|group| access.groups.binary_search(group).is_ok());
    let in_a_tenant = requirement.tenants.is_empty() || requirement.tenant_for(access).is_some();
    let admin_enough = !requirement.admin || access.is_admin;
    if in_a_group && in_a_tenant && admin_enough {
        return None;
    }
    Some(Missing {
        groups: if in_a_group { Vec::new() } else { requirement.groups.clone() },
        tenants: if in_a_tenant { Vec::new() } else { requirement.tenants.clone() },
        admin: !admin_enough,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
    const LIFETIMES: Lifetimes = Lifetimes {
        idle: Duration::from_hours(1),
        absolute: Duration::from_hours(12),
        refresh_interval: Duration::from_mins(15),
    };

    fn ago(seconds: u64) -> Timestamp {
        NOW.minus(Duration::from_secs(seconds))
    }

    fn standing() -> Standing {
        let access = Access {
            groups: ["A", "B"].map(|name| name.parse().expect("a name")).to_vec(),
            tenants: [("t".parse().expect("an id"), Role::Viewer)].into(),
            is_admin: false,
            every_tenant: Vec::new(),
        };
        let person = Person {
            id: "0190a0b0-0000-7000-8000-000000000001".parse().expect("an id"),
            email: "alice@example.com".parse().ok(),
            name: None,
        };
        Standing {
            person,
            is_disabled: false,
            sessions_not_before: None,
            is_session_ended: false,
            access: access.into(),
        }
    }

    fn times() -> SessionTimes {
        SessionTimes {
            begun_at: ago(600),
            auth_time: AuthTime::at(ago(600)),
            last_seen_at: ago(60),
            checked_at: ago(600),
            recheck: Recheck::ByRefresh,
            unreachable_at: None,
        }
    }

    fn with(query: &str, standing: &Standing, times: &SessionTimes) -> Result<bool, Denial> {
        let requirement = Requirement::parse(query).expect("a requirement");
        let demand =
            Demand { now: NOW, requirement: &requirement, is_cross_origin: false, may_redirect: false };
        decide(&demand, standing, times, &LIFETIMES).map(|permit| permit.access.is_admin)
    }

    fn missing_of(result: Result<bool, Denial>) -> Missing {
        match result {
            Err(Denial::Forbidden(missing)) => missing,
            other => panic!("expected Forbidden, got {other:?}"),
        }
    }

    #[test]
    fn a_live_session_passes_where_nothing_more_is_required() {
        assert_eq!(with("", &standing(), &times()), Ok(false));
    }

    #[test]
    fn of_one_kind_any_will_do_and_different_kinds_must_all_hold() {
        for (query, passes) in [
            ("group=A", true),
            ("group=X&group=B", true),
            ("group=X", false),
            ("group=a", false),
            ("tenant=t", true),
            ("tenant=x&tenant=t", true),
            ("tenant=x", false),
            ("group=A&tenant=t", true),
            ("group=A&tenant=x", false),
            ("group=X&tenant=t", false),
            ("admin=true", false),
            ("group=A&admin=true", false),
        ] {
            assert_eq!(with(query, &standing(), &times()).is_ok(), passes, "{query}");
        }
    }

    #[test]
    fn a_refusal_names_only_what_is_missing() {
        let missing = missing_of(with("group=A&tenant=x&admin=true", &standing(), &times()));
        assert_eq!(
            missing,
            Missing { groups: vec![], tenants: vec!["x".parse().expect("an id")], admin: true }
        );
    }

    #[test]
    fn an_admin_enters_every_tenant_that_there_is_but_is_in_no_group_for_it() {
        let mut admin = standing();
        admin.access = Arc::new(Access {
            is_admin: true,
            every_tenant: ["t", "x"].map(|id| id.parse().expect("an id")).to_vec(),
            ..(*admin.access).clone()
        });
        assert_eq!(with("tenant=x&admin=true", &admin, &times()), Ok(true));
        assert_eq!(missing_of(with("group=X", &admin, &times())).groups.len(), 1);
        let requirement = Requirement::parse("tenant=x").expect("a requirement");
        let tenant = requirement.tenant_for(&admin.access).map(|(tenant, role)| (tenant.as_str(), role));
        assert_eq!(tenant, Some(("x", Role::Admin)));
        assert_eq!(missing_of(with("tenant=misspelt", &admin, &times())).tenants.len(), 1);
    }

    #[test]
    fn whoever_may_no_longer_is_sent_to_sign_in() {
        let set = |change: fn(&mut Standing)| {
            let mut standing = standing();
            change(&mut standing);
            with("", &standing, &times())
        };
        for (change, reason) in [
            ((|s| s.is_session_ended = true) as fn(&mut Standing), SignInReason::Ended),
            (|s| s.sessions_not_before = Some(ago(599)), SignInReason::Ended),
            (|s| s.is_disabled = true, SignInReason::Disabled),
            (|s| s.person.email = None, SignInReason::NoAddress),
        ] {
            assert_eq!(set(change), Err(Denial::SignIn(reason)));
        }
        assert_eq!(set(|s| s.sessions_not_before = Some(ago(600))), Ok(false), "begun in that very second");
    }

    #[test]
    fn idle_and_absolute_lifetime_end_a_session_to_the_second() {
        let idle = |seconds| with("", &standing(), &SessionTimes { last_seen_at: ago(seconds), ..times() });
        assert_eq!(idle(3_599), Ok(false));
        assert_eq!(idle(3_600), Err(Denial::SignIn(SignInReason::Expired)));
        let begun = |seconds| with("", &standing(), &SessionTimes { begun_at: ago(seconds), ..times() });
        assert_eq!(begun(43_199), Ok(false));
        assert_eq!(begun(43_200), Err(Denial::SignIn(SignInReason::Expired)));
    }

    #[test]
    fn step_up_asks_for_a_recent_sign_in_but_only_who_is_allowed_at_all() {
        assert_eq!(with("max_age=600", &standing(), &times()), Ok(false));
        assert_eq!(with("max_age=599", &standing(), &times()), Err(Denial::StepUp(Duration::from_secs(599))));
        missing_of(with("max_age=599&group=X", &standing(), &times()));
        let unknown = SessionTimes { auth_time: AuthTime::UNKNOWN, ..times() };
        let ever = format!("max_age={}", u64::MAX);
        let denied = Err(Denial::StepUp(Duration::from_secs(u64::MAX)));
        assert_eq!(with(&ever, &standing(), &unknown), denied, "a missing auth_time meets no max_age");
        assert_eq!(with("", &standing(), &unknown), Ok(false));
    }

    #[test]
    fn another_origins_change_is_refused_before_anything_is_told() {
        let requirement = Requirement::parse("group=X").expect("a requirement");
        let demand =
            Demand { now: NOW, requirement: &requirement, is_cross_origin: true, may_redirect: true };
        assert_eq!(decide(&demand, &standing(), &times(), &LIFETIMES), Err(Denial::CrossOrigin));
    }

    #[test]
    fn a_session_unused_for_two_intervals_is_checked_before_it_passes() {
        let checked = |seconds, unreachable| SessionTimes {
            checked_at: ago(seconds),
            unreachable_at: unreachable,
            last_seen_at: ago(60),
            ..times()
        };
        for (times, check) in [
            (checked(899, None), Check::NotDue),
            (checked(900, None), Check::InBackground),
            (checked(1_799, None), Check::InBackground),
            (checked(1_800, None), Check::First),
            (checked(1_800, Some(ago(900))), Check::InBackground),
            (checked(1_800, Some(ago(901))), Check::First),
            (checked(5_399, Some(ago(10))), Check::InBackground),
            (checked(5_400, Some(ago(10))), Check::First),
            (SessionTimes { recheck: Recheck::Never, ..checked(5_400, None) }, Check::NotDue),
        ] {
            assert_eq!(times.check(NOW, &LIFETIMES), check, "{times:?}");
            let want = if check == Check::First { Err(Denial::CheckFirst) } else { Ok(false) };
            assert_eq!(with("", &standing(), &times), want);
        }
    }

    #[test]
    fn without_a_refresh_token_a_navigation_goes_through_the_provider_and_the_rest_waits_longer() {
        let (passes, goes) = (Ok(false), Err(Denial::CheckBySignIn));
        let at = |seconds, unreachable, may_redirect| {
            let times = SessionTimes {
                checked_at: ago(seconds),
                recheck: Recheck::BySignIn,
                unreachable_at: unreachable,
                ..times()
            };
            let requirement = Requirement::default();
            let demand = Demand { now: NOW, requirement: &requirement, is_cross_origin: false, may_redirect };
            decide(&demand, &standing(), &times, &LIFETIMES).map(|permit| permit.access.is_admin)
        };
        for (seconds, unreachable, navigation, other) in [
            (899, None, &passes, &passes),
            (900, None, &goes, &passes),
            (1_799, None, &goes, &passes),
            (1_800, None, &goes, &goes),
            (1_799, Some(ago(900)), &passes, &passes),
            (1_799, Some(ago(901)), &goes, &passes),
            (5_399, Some(ago(10)), &passes, &passes),
            (5_400, Some(ago(10)), &goes, &goes),
        ] {
            assert_eq!(at(seconds, unreachable, true), *navigation, "{seconds} {unreachable:?}");
            assert_eq!(at(seconds, unreachable, false), *other, "{seconds} {unreachable:?}");
        }
    }
}
