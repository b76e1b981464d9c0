//! Places that one asker, and all of them together, may take only so many of at a time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The places that are taken, by asker.
#[derive(Debug)]
pub struct Places<K> {
    taken: Mutex<HashMap<K, usize>>,
    most_of_one: usize,
    most: usize,
}

/// One place; free again when it drops.
#[derive(Debug)]
pub struct Place<K: Copy + Eq + Hash> {
    places: Arc<Places<K>>,
    asker: K,
}

impl<K: Copy + Eq + Hash> Places<K> {
    /// So many places for one asker, and so many in all.
    pub fn new(most_of_one: usize, most: usize) -> Self {
        Self { taken: Mutex::default(), most_of_one, most }
    }

    /// Takes a place; `None`: the asker, or all of them, have as many as they may.
    pub fn take(self: &Arc<Self>, asker: K) -> Option<Place<K>> {
        let mut taken = self.lock();
        let own = taken.get(&asker).copied().unwrap_or_default();
        if own >= self.most_of_one || taken.values().sum::<usize>() >= self.most {
            return None;
        }
        taken.insert(asker, own + 1);
        Some(Place { places: Arc::clone(self), asker })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        if let Some(own) = taken.get_mut(&self.asker) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.asker);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_asker_has_so_many_and_leaves_room_for_others() {
        let places = Arc::new(Places::new(16, 1_024));
        let mut taken: Vec<_> = (0..20).filter_map(|_| places.take("one")).collect();
        assert_eq!(taken.len(), 16);
        assert!(places.take("one").is_none());
        assert!(places.take("another").is_some());
        taken.pop();
        assert!(places.take("one").is_some(), "a place that is free again");
        drop(taken);
        assert!(places.lock().is_empty(), "who is gone takes no room");
    }

    #[test]
    fn all_together_have_a_limit_too() {
        let places = Arc::new(Places::new(16, 1_024));
        let taken: Vec<_> = (0..10_000).filter_map(|asker| places.take(asker)).collect();
        assert_eq!(taken.len(), 1_024);
    }
}
