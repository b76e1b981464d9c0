//! Permits of which one holder, and all holders together, may have only so many at a time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The permits that are taken, by holder.
#[derive(Debug)]
pub struct Permits<K> {
    taken: Mutex<HashMap<K, usize>>,
    max_per_holder: usize,
    max_total: usize,
}

/// One permit; it is given back when it drops.
#[derive(Debug)]
pub struct Permit<K: Copy + Eq + Hash> {
    permits: Arc<Permits<K>>,
    holder: K,
}

impl<K: Copy + Eq + Hash> Permits<K> {
    /// At most so many permits for one holder, and so many in all.
    pub fn new(max_per_holder: usize, max_total: usize) -> Self {
        Self { taken: Mutex::default(), max_per_holder, max_total }
    }

    /// Takes a permit. `None`: the holder, or all holders together, have as many as they may.
    pub fn try_acquire(self: &Arc<Self>, holder: K) -> Option<Permit<K>> {
        let mut taken = self.lock();
        let own = taken.get(&holder).copied().unwrap_or_default();
        if own >= self.max_per_holder || taken.values().sum::<usize>() >= self.max_total {
            return None;
        }
        taken.insert(holder, own + 1);
        Some(Permit { permits: Arc::clone(self), holder })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash> Drop for Permit<K> {
    fn drop(&mut self) {
        let mut taken = self.permits.lock();
        if let Some(own) = taken.get_mut(&self.holder) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_gets_so_many_and_others_still_get_theirs() {
        let permits = Arc::new(Permits::new(16, 1_024));
        let mut taken: Vec<_> = (0..20).filter_map(|_| permits.try_acquire("one")).collect();
        assert_eq!(taken.len(), 16);
        assert!(permits.try_acquire("one").is_none());
        assert!(permits.try_acquire("another").is_some());
        taken.pop();
        assert!(permits.try_acquire("one").is_some(), "a permit that was given back");
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
