//! When a person last proved who they are, by the provider's word and nobody else's.

use super::clock::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// `auth_time` (OpenID Connect Core section 2), or that the provider gave none.
///
/// Where there is none, no `max_age` is ever met: `iat` only says when the token was made, which a provider's single
/// sign-on does without asking anybody. Written as a number, 0 for none: an older release reads that as long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuthTime(Timestamp);

impl AuthTime {
    /// The provider gave none. Earlier than every other.
    pub const UNKNOWN: Self = Self(Timestamp::from_unix(0));

    /// The claim.
    pub const fn at(claimed: Timestamp) -> Self {
        Self(claimed)
    }

    /// The moment, where it is known.
    pub fn known(self) -> Option<Timestamp> {
        (self != Self::UNKNOWN).then_some(self.0)
    }

    /// Was it at most `max_age` ago? An unknown time never was.
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
