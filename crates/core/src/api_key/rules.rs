//! What a key may be given: never more than its maker has.

use super::{KeyLimits, KeyScope};
use crate::clock::Timestamp;
use crate::ids::TenantId;
use std::fmt;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
/// When a key expires that is given no other end.
pub const DEFAULT_LIFE: Duration = Duration::from_hours(90 * 24);
/// The most days until a key expires.
const MOST_DAYS: u32 = 366;
/// The most keys of a tenant.
pub const MOST_OF_TENANT: usize = 100;
/// The most keys of a person.
pub const MOST_OF_PERSON: usize = 20;
/// The most days for which the secret from before a rotation may count.
const MOST_DAYS_OF_OVERLAP: u32 = 30;
/// The most items of each list of a key.
const MOST_ITEMS: usize = 100;

/// When a key is to expire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyExpiry {
    /// After [`DEFAULT_LIFE`].
    #[default]
    Usual,
    /// At this second.
    At(Timestamp),
    /// Never, for this reason.
    Never(String),
}

/// Why a key cannot be made or changed as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// The scope belongs to the platform.
    #[error("only a system administrator may handle a key with the scope {0}")]
    Scope(KeyScope),
    /// Groups belong to the platform.
    #[error("only a system administrator may handle a key with groups")]
    Groups,
    /// Keys without an end belong to the platform.
    #[error("only a system administrator may handle a key that never expires")]
    Endless,
    /// The owner may not enter the tenant.
    #[error("the owner of the key may not enter tenant {0}")]
    TenantClosed(TenantId),
    /// There are as many keys as there may be.
    #[error("{0} may have at most {1} keys: revoke one that is no longer used")]
    TooMany(&'static str, usize),
    #[error("a key needs a scope")]
    NoScope,
    #[error("a key with the scope gate or act-as needs at least one host")]
    NoHost,
    /// Gatepost does not protect the host.
    #[error(
        "{0} is not a protected host: GATEPOST_HOSTS does not name it, and the key's tenant does not have it"
    )]
    UnprotectedHost(String),
    #[error("a key that never expires needs a reason")]
    NoReason,
    #[error("the key would expire in the past")]
    ExpiresInThePast,
    #[error("a key expires after at most {MOST_DAYS} days")]
    ExpiresTooLate,
    #[error("a list of a key has at most {MOST_ITEMS} items")]
    TooManyItems,
    #[error("requests per minute must be at least 1")]
    NoRequests,
    #[error("the old secret may count for at most {MOST_DAYS_OF_OVERLAP} days more")]
    OverlapTooLong,
    /// Whoever changed it, or had its secret, could write one tool into the headers and another one into the body.
    #[error("the key was made to try a tool server, and only ends")]
    OfTrial,
}

/// The kind of a [`KeyFault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyFaultKind {
    /// The key would be wider than its maker.
    Wider,
    /// There are too many keys.
    TooMany,
    /// A value cannot be taken.
    NotPossible,
}

impl KeyFault {
    /// The kind.
    pub const fn kind(&self) -> KeyFaultKind {
        match self {
            Self::Scope(_) | Self::Groups | Self::Endless | Self::TenantClosed(_) => KeyFaultKind::Wider,
            Self::TooMany(..) => KeyFaultKind::TooMany,
            _ => KeyFaultKind::NotPossible,
        }
    }

    /// The member of a key that it concerns.
    pub const fn member(&self) -> &'static str {
        match self {
            Self::Scope(_) | Self::NoScope => "scopes",
            Self::Groups => "groups",
            Self::TenantClosed(_) => "tenant",
            Self::NoHost | Self::UnprotectedHost(_) => "hosts",
            Self::Endless | Self::ExpiresInThePast | Self::ExpiresTooLate => "expires_at",
            Self::NoReason => "endless_reason",
            Self::NoRequests => "requests_per_minute",
            Self::OverlapTooLong => "overlap_seconds",
            Self::TooMany(..) | Self::TooManyItems | Self::OfTrial => "",
        }
    }

    /// The word for it in answers to programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Scope(_) | Self::Groups | Self::Endless | Self::TenantClosed(_) => "wider_than_its_maker",
            Self::TooMany(..) => "too_many_keys",
            Self::NoScope => "no_scope",
            Self::NoHost => "no_host",
            Self::UnprotectedHost(_) => "unprotected_host",
            Self::NoReason => "no_reason",
            Self::ExpiresInThePast => "ends_in_the_past",
            Self::ExpiresTooLate => "ends_too_late",
            Self::TooManyItems => "too_many_items",
            Self::NoRequests => "no_requests",
            Self::OverlapTooLong => "overlap_too_long",
            Self::OfTrial => "of_trial",
        }
    }
}

/// All that is wrong with what was asked. Not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFaults(Vec<KeyFault>);

impl KeyFaults {
    /// # Errors
    /// The faults, if there are any.
    pub fn none(faults: Vec<KeyFault>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self(faults)) }
    }

    /// Each of them.
    pub fn all(&self) -> &[KeyFault] {
        &self.0
    }

    /// The kind that counts most: who may not make such a key is told this first.
    pub fn kind(&self) -> KeyFaultKind {
        self.0.iter().map(KeyFault::kind).min().unwrap_or(KeyFaultKind::NotPossible)
    }
}

impl fmt::Display for KeyFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().enumerate() {
            write!(f, "{}{fault}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for KeyFaults {}

/// What is wrong with a key of these limits, groups and end, for who is no system administrator: what only system
/// administrators give. Whoever changes or rotates such a key would have it.
pub fn reserved(limits: &KeyLimits, has_groups: bool) -> Vec<KeyFault> {
    let is_free = |scope: &KeyScope| {
        matches!(scope, KeyScope::Gate | KeyScope::ApiRead | KeyScope::ApiWrite | KeyScope::UsageWrite)
    };
    let scopes = limits.scopes.iter().filter(|scope| !is_free(scope));
    let mut faults: Vec<KeyFault> = scopes.cloned().map(KeyFault::Scope).collect();
    faults.extend(has_groups.then_some(KeyFault::Groups));
    faults.extend(limits.expires_at.is_none().then_some(KeyFault::Endless));
    faults
}

/// What is wrong with limits, whoever gives them. The end is judged by [`expiry`].
pub fn unusable(limits: &KeyLimits) -> Vec<KeyFault> {
    let KeyLimits { scopes, hosts, networks, tools, requests_per_minute, .. } = limits;
    let mut faults = Vec::new();
    faults.extend(scopes.is_empty().then_some(KeyFault::NoScope));
    let needs_host = scopes.iter().any(|scope| matches!(scope, KeyScope::Gate | KeyScope::ActAs(_)));
    faults.extend((needs_host && hosts.is_empty()).then_some(KeyFault::NoHost));
    let lengths = [scopes.len(), hosts.len(), networks.len(), tools.len()];
    faults.extend(lengths.iter().any(|length| *length > MOST_ITEMS).then_some(KeyFault::TooManyItems));
    faults.extend((*requests_per_minute == Some(0)).then_some(KeyFault::NoRequests));
    faults
}

/// The end of a key, and what is wrong with it. `None`: it has none.
pub fn expiry(wanted: &KeyExpiry, now: Timestamp) -> (Option<Timestamp>, Option<KeyFault>) {
    match wanted {
        KeyExpiry::Usual => (Some(now.plus(DEFAULT_LIFE)), None),
        KeyExpiry::At(at) if *at <= now => (Some(*at), Some(KeyFault::ExpiresInThePast)),
        KeyExpiry::At(at) if *at > now.plus(DAY * MOST_DAYS) => (Some(*at), Some(KeyFault::ExpiresTooLate)),
        KeyExpiry::At(at) => (Some(*at), None),
        KeyExpiry::Never(reason) => (None, reason.trim().is_empty().then_some(KeyFault::NoReason)),
    }
}

/// What is wrong with the time for which the secret from before a rotation counts too.
pub fn overlap(overlap: Duration) -> Option<KeyFault> {
    (overlap > DAY * MOST_DAYS_OF_OVERLAP).then_some(KeyFault::OverlapTooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn limits(scopes: &[&str]) -> KeyLimits {
        KeyLimits {
            expires_at: Some(NOW),
            scopes: scopes.iter().map(|scope| scope.parse().expect("a scope")).collect(),
            ..KeyLimits::default()
        }
    }

    #[test]
    fn what_belongs_to_the_platform_is_given_by_system_administrators_alone() {
        assert_eq!(reserved(&limits(&["gate", "api.read", "api.write", "usage.write"]), false), []);
        let endless = KeyLimits { expires_at: None, ..limits(&["gate", "scim", "act-as", "act-as:chat"]) };
        let faults = reserved(&endless, true);
        assert_eq!(faults.len(), 5, "{faults:?}");
        assert!(faults.iter().all(|fault| fault.kind() == KeyFaultKind::Wider));
    }

    #[test]
    fn a_key_that_could_do_nothing_is_refused() {
        assert_eq!(unusable(&limits(&["api.read"])), []);
        assert_eq!(unusable(&limits(&[])), [KeyFault::NoScope]);
        for scope in ["gate", "act-as", "act-as:chat"] {
            assert_eq!(unusable(&limits(&[scope])), [KeyFault::NoHost]);
        }
        let never = KeyLimits { requests_per_minute: Some(0), ..limits(&["scim"]) };
        assert_eq!(unusable(&never), [KeyFault::NoRequests]);
        let many =
            KeyLimits { networks: vec!["10.0.0.0/8".parse().expect("a network"); 101], ..limits(&["scim"]) };
        assert_eq!(unusable(&many), [KeyFault::TooManyItems]);
    }

    #[test]
    fn a_key_expires_within_366_days_or_has_a_reason() {
        let last = NOW.plus(DAY * 366);
        assert_eq!(expiry(&KeyExpiry::Usual, NOW), (Some(NOW.plus(DAY * 90)), None));
        assert_eq!(expiry(&KeyExpiry::At(last), NOW), (Some(last), None));
        let late = last.plus(Duration::from_secs(1));
        assert_eq!(expiry(&KeyExpiry::At(late), NOW).1, Some(KeyFault::ExpiresTooLate));
        assert_eq!(expiry(&KeyExpiry::At(NOW), NOW).1, Some(KeyFault::ExpiresInThePast));
        assert_eq!(expiry(&KeyExpiry::Never("a satellite".to_owned()), NOW), (None, None));
        assert_eq!(expiry(&KeyExpiry::Never(" ".to_owned()), NOW), (None, Some(KeyFault::NoReason)));
        assert_eq!(overlap(DAY * 30), None);
        assert_eq!(overlap(DAY * 31), Some(KeyFault::OverlapTooLong));
    }

    #[test]
    fn all_faults_are_told_at_once_and_the_worst_decides() {
        let faults =
            KeyFaults::none(vec![KeyFault::NoHost, KeyFault::TooMany("a tenant", 100), KeyFault::Groups]);
        let faults = faults.expect_err("faults");
        assert_eq!(faults.kind(), KeyFaultKind::Wider);
        assert_eq!(faults.to_string().matches(';').count(), 2);
        assert_eq!(KeyFaults::none(Vec::new()), Ok(()));
    }
}
