//! When a person last signed in at the provider, as the provider's `auth_time` claim says.

use super::clock::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The claim `auth_time` (OpenID Connect Core section 2), or [`AuthTime::UNKNOWN`] if the provider sent none.
///
/// An unknown time meets no `max_age`. `iat` cannot replace it: a provider with an active single sign-on session issues
/// a new token without asking the person. Stored as a number, with 0 for unknown, which an older release reads as a
/// time long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuthTime(Timestamp);

impl AuthTime {
    /// The provider sent no `auth_time`. Sorts before every known time.
    pub const UNKNOWN: Self = Self(Timestamp::from_unix(0));

    /// The time that the provider claimed.
    pub const fn at(claimed: Timestamp) -> Self {
        Self(claimed)
    }

    /// The time, if it is known.
    pub fn known(self) -> Option<Timestamp> {
        (self != Self::UNKNOWN).then_some(self.0)
    }

    /// Whether the sign-in was at most `max_age` ago; `false` for an unknown time.
    pub fn is_within(self, max_age: Duration, now: Timestamp) -> bool {
        self.known().is_some_and(|at| now.since(at) <= max_age)
    }
}

impl From<Option<Timestamp>> for AuthTime {
    fn from(claim: Option<Timestamp>) -> Self {
        claim.map_or(Self::UNKNOWN, Self::at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_time_meets_no_max_age() {
        let now = Timestamp::from_unix(1_800_000_000);
        let at = |seconds| AuthTime::at(now.minus(Duration::from_secs(seconds)));
        assert!(at(900).is_within(Duration::from_mins(15), now));
        assert!(!at(901).is_within(Duration::from_mins(15), now));
        for max_age in [Duration::ZERO, Duration::from_mins(15), Duration::from_secs(u64::MAX)] {
            assert!(!AuthTime::UNKNOWN.is_within(max_age, now), "{max_age:?}");
        }
        assert_eq!(AuthTime::from(None).known(), None);
        assert!(AuthTime::UNKNOWN < at(1_000_000));
    }
}
