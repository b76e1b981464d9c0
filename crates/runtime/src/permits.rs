//! A semaphore with two limits: permits per holder, and permits in total.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the permits in use, by holder.
#[derive(Debug)]
pub struct Permits<K> {
    in_use: Mutex<HashMap<K, usize>>,
    max_per_holder: usize,
    max_total: usize,
}

/// One permit. Dropping it releases it.
#[derive(Debug)]
pub struct Permit<K: Copy + Eq + Hash> {
    permits: Arc<Permits<K>>,
    holder: K,
}

impl<K: Copy + Eq + Hash> Permits<K> {
    /// Allows `max_per_holder` permits for one holder and `max_total` for all holders together.
    pub fn new(max_per_holder: usize, max_total: usize) -> Self {
        Self { in_use: Mutex::default(), max_per_holder, max_total }
    }

    /// Takes a permit. `None`: one of the two limits is reached.
    pub fn try_acquire(self: &Arc<Self>, holder: K) -> Option<Permit<K>> {
        let mut in_use = self.lock();
        let own = in_use.get(&holder).copied().unwrap_or_default();
        if own >= self.max_per_holder || in_use.values().sum::<usize>() >= self.max_total {
            return None;
        }
        in_use.insert(holder, own + 1);
        Some(Permit { permits: Arc::clone(self), holder })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash> Drop for Permit<K> {
    fn drop(&mut self) {
        let mut in_use = self.permits.lock();
        if let Some(own) = in_use.get_mut(&self.holder) {
            *own -= 1;
            if *own == 0 {
                in_use.remove(&self.holder);
            }
        }
    }
}

/// The holder that an address stands for. One subscriber has a whole IPv6 /64, and an IPv4 address that is written as an
/// IPv6 one is the same holder.
pub fn holder_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_is_limited_and_others_still_get_permits() {
        let permits = Arc::new(Permits::new(16, 1_024));
        let mut taken: Vec<_> = (0..20).filter_map(|_| permits.try_acquire("one")).collect();
        assert_eq!(taken.len(), 16);
        assert!(permits.try_acquire("one").is_none());
        assert!(permits.try_acquire("another").is_some());
        taken.pop();
        assert!(permits.try_acquire("one").is_some(), "a permit that was released");
        drop(taken);
        assert!(permits.lock().is_empty(), "a holder without permits takes no memory");
    }

    #[test]
    fn all_holders_together_have_a_limit_too() {
        let permits = Arc::new(Permits::new(16, 1_024));
        let taken: Vec<_> = (0..10_000).filter_map(|holder| permits.try_acquire(holder)).collect();
        assert_eq!(taken.len(), 1_024);
    }
}
