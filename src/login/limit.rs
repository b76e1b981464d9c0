//! Failing sign-ins are limited per address: guessing and flooding cost the one who does it, nobody else.
//!
//! Only failures count, so that an office behind one address signs in undisturbed; in this process alone, because the
//! limit protects the process. Nothing here names a person, so nobody can lock somebody else out.

use dashmap::DashMap;
use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::time::Instant;

/// Failures at once, and per minute after that.
const BURST: NonZeroU32 = NonZeroU32::new(20).expect("not zero");

/// Failing sign-ins per address (IPv6: per /64, which one subscriber holds).
pub struct Limits {
    failures: RateLimiter<IpAddr, DashMapStateStore<IpAddr>, DefaultClock>,
    /// Until when an address that failed too often waits.
    waits: DashMap<IpAddr, Instant>,
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits").field("addresses", &self.failures.len()).finish_non_exhaustive()
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { failures: RateLimiter::dashmap(Quota::per_minute(BURST)), waits: DashMap::new() }
    }
}

impl Limits {
    /// Counts a failed sign-in.
    pub fn fail(&self, address: Option<IpAddr>) {
        let Some(address) = address.map(network) else { return };
        if let Err(not_until) = self.failures.check_key(&address) {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            self.waits.insert(address, Instant::now() + wait);
        }
    }

    /// How long this address waits before its next try.
    pub fn wait(&self, address: Option<IpAddr>) -> Option<Duration> {
        let until = *self.waits.get(&network(address?))?;
        until.checked_duration_since(Instant::now()).filter(|wait| !wait.is_zero())
    }

    /// Forgets addresses that have not failed for a while; run now and then.
    pub fn shrink(&self) {
        self.failures.retain_recent();
        let now = Instant::now();
        self.waits.retain(|_, until| *until > now);
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let mut segments = v6.segments();
            segments[4..].fill(0);
            IpAddr::V6(segments.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_failures_of_one_address_are_noticed_and_nobody_elses_count() {
        let limits = Limits::default();
        let a: IpAddr = "2001:db8::1".parse().expect("an address");
        let same_subscriber = "2001:db8::2".parse().expect("an address");
        let other = "192.0.2.1".parse().expect("an address");
        (0..BURST.get()).for_each(|_| limits.fail(Some(a)));
        assert_eq!(limits.wait(Some(a)), None);
        limits.fail(Some(a));
        assert!(limits.wait(Some(a)).is_some() && limits.wait(Some(same_subscriber)).is_some());
        assert_eq!((limits.wait(Some(other)), limits.wait(None)), (None, None));
    }
}
