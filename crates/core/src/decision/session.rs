//! How long a session is valid, and when it must be refreshed at the provider.

use crate::access::Standing;
use crate::auth_time::AuthTime;
use crate::clock::Timestamp;
use crate::email::EmailAddress;
use std::time::Duration;

/// How long sessions go on while the provider is unreachable.
pub const PROVIDER_OUTAGE_GRACE: Duration = Duration::from_hours(1);

/// The configured lifetimes of sessions.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// A session ends after this time without use.
    pub idle: Duration,
    /// A session ends this long after it started.
    pub absolute: Duration,
    /// A session is refreshed at the provider after this time.
    pub refresh_interval: Duration,
}

/// The last use of a session is stored at most this often, so that not every request causes a write.
const TOUCH_INTERVAL: Duration = Duration::from_mins(1);

impl Lifetimes {
    /// The interval after which the last use of a session is stored again.
    pub fn touch_interval(&self) -> Duration {
        TOUCH_INTERVAL.min(self.idle / 4)
    }
}

/// The times of one session, from its record and from the host's cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimes {
    /// When the session started: the first sign-in.
    pub started_at: Timestamp,
    /// The last sign-in at the provider that this host knows of.
    pub auth_time: AuthTime,
    /// The last use, exact to a minute.
    pub last_seen_at: Timestamp,
    /// When the provider last confirmed this session.
    pub checked_at: Timestamp,
    /// How the provider is asked about this session again.
    pub recheck: Recheck,
    /// The last attempt since `checked_at` that could not reach the provider.
    pub unreachable_at: Option<Timestamp>,
}

impl SessionTimes {
    /// The times of a session that the person starts at `now`, for questions about people who have none.
    pub fn of_new_session(standing: &Standing, now: Timestamp) -> Self {
        let started_at = standing.sessions_not_before.map_or(now, |not_before| not_before.max(now));
        Self {
            started_at,
            auth_time: AuthTime::at(started_at),
            last_seen_at: started_at,
            checked_at: started_at,
            recheck: Recheck::ByRefresh,
            unreachable_at: None,
        }
    }

    /// When the absolute lifetime ends.
    pub fn expires_at(&self, lifetimes: &Lifetimes) -> Timestamp {
        self.started_at.plus(lifetimes.absolute)
    }

    /// When the session ends if it is not used any more.
    pub fn ends_at(&self, lifetimes: &Lifetimes) -> Timestamp {
        self.expires_at(lifetimes).min(self.last_seen_at.plus(lifetimes.idle))
    }

    /// Whether the provider must be asked about this session, and when relative to the current request.
    pub fn refresh_due(&self, now: Timestamp, lifetimes: &Lifetimes) -> RefreshDue {
        let age = now.since(self.checked_at);
        let interval = lifetimes.refresh_interval;
        let is_within_grace = self.unreachable_at.is_some_and(|at| now.since(at) <= interval)
            && age < interval * 2 + PROVIDER_OUTAGE_GRACE;
        match self.recheck {
            Recheck::Never => RefreshDue::NotDue,
            _ if age < interval => RefreshDue::NotDue,
            Recheck::ByRefresh if age < interval * 2 || is_within_grace => RefreshDue::InBackground,
            // The browser was just at the provider, which did not answer: sending it there again would not help.
            Recheck::BySignIn if is_within_grace => RefreshDue::NotDue,
            Recheck::BySignIn if age < interval * 2 => RefreshDue::AtNavigation,
            Recheck::ByRefresh | Recheck::BySignIn => RefreshDue::First,
        }
    }
}

/// How the provider is asked about a session again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recheck {
    /// With the session's refresh token, in the background.
    ByRefresh,
    /// By redirecting the browser to the provider, because there is no refresh token. The person sees nothing of it
    /// while the provider's single sign-on session lasts.
    BySignIn,
    /// Not at all: there is no refresh token, and the operator turned redirects to the provider off.
    Never,
}

/// Whether a session must be refreshed at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshDue {
    /// No refresh is due.
    NotDue,
    /// The request is answered at once, and the refresh runs in the background.
    InBackground,
    /// Only the browser can ask the provider: a navigation is redirected there, any other request is answered at once.
    AtNavigation,
    /// The refresh must succeed before the request is answered, because the last refresh is two intervals old, or the
    /// provider's outage lasts too long.
    First,
}

/// Why there is no valid session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignInReason {
    /// The request has no cookie, or one that cannot be unsealed.
    NoSession,
    /// The session was ended, its record is not in the store, or its person no longer exists.
    Ended,
    /// The idle or the absolute lifetime is over.
    Expired,
    /// An administrator disabled the person.
    Disabled,
    /// The person has no address, because an administrator released it.
    NoAddress,
}

/// Checks everything about a session that does not depend on the request, and returns the person's address.
///
/// # Errors
/// Why the session is not valid.
pub fn require_live<'a>(
    standing: &'a Standing,
    times: &SessionTimes,
    lifetimes: &Lifetimes,
    now: Timestamp,
) -> Result<&'a EmailAddress, SignInReason> {
    let is_superseded = standing.sessions_not_before.is_some_and(|not_before| times.started_at < not_before);
    if standing.is_session_ended || is_superseded {
        Err(SignInReason::Ended)
    } else if standing.is_disabled {
        Err(SignInReason::Disabled)
    } else if now >= times.ends_at(lifetimes) {
        Err(SignInReason::Expired)
    } else {
        standing.person.email.as_ref().ok_or(SignInReason::NoAddress)
    }
}
