//! Collects what the routers of each host require, for the pages of administrators. New pairs of host and query are written
//! to the directory in batches, and each known one again once a day.
//!
//! Host and query come from outside. Only requests from the trusted proxy, for a protected host, with a valid requirement
//! and a valid session come here. What is kept in memory is bounded: beyond the bounds nothing is noted until the next day.
//! A pair that is known costs a request one hash and no lock.

use gatepost_core::clock::Timestamp;
use gatepost_core::host::HostName;
use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The longest query that is noted, in bytes. A longer one was hardly written by an operator.
const MAX_QUERY: usize = 2_000;
/// How many pairs are noted in one day.
const MAX_KNOWN: usize = 10_000;
/// How many pairs wait for the next batch at most.
const MAX_WAITING: usize = 200;
/// Places for marks of pairs. Each pair may have one of two neighbours.
const PLACES: usize = 4_096;

/// The pairs that this process has noted today.
#[derive(Debug)]
pub struct SeenRequirements {
    /// Marks of pairs that are known. Zero is none.
    places: Box<[AtomicU64]>,
    /// Has a random key, so that nobody can choose pairs that take each other's place.
    hasher: RandomState,
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    /// The day that `known` is about, in days since the epoch.
    day: i64,
    known: HashSet<u64>,
    waiting: Vec<(HostName, String)>,
}

impl Default for SeenRequirements {
    fn default() -> Self {
        let places = (0..PLACES).map(|_| AtomicU64::new(0)).collect();
        Self { places, hasher: RandomState::new(), noted: Mutex::default() }
    }
}

impl SeenRequirements {
    /// Notes what a router of this host requires.
    pub fn note(&self, host: &HostName, query: &str, now: Timestamp) {
        if query.len() > MAX_QUERY {
            return;
        }
        let day = now.unix().div_euclid(24 * 60 * 60);
        let mark = self.hasher.hash_one((host, query, day)).max(1);
        let [first, second] = self.places_of(mark);
        let is_known = first.load(Ordering::Relaxed) == mark || second.load(Ordering::Relaxed) == mark;
        if !is_known {
            self.note_unknown(host, query, day, mark);
        }
    }

    fn places_of(&self, mark: u64) -> [&AtomicU64; 2] {
        let first = usize::try_from(mark % PLACES as u64).unwrap_or_default();
        [&self.places[first], &self.places[first ^ 1]]
    }

    #[cold]
    fn note_unknown(&self, host: &HostName, query: &str, day: i64, mark: u64) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.day != day {
            noted.day = day;
            noted.known.clear();
        }
        if !noted.known.contains(&mark) {
            if noted.known.len() >= MAX_KNOWN || noted.waiting.len() >= MAX_WAITING {
                return;
            }
            noted.known.insert(mark);
            noted.waiting.push((host.clone(), query.to_owned()));
        }
        let [first, second] = self.places_of(mark);
        second.store(first.swap(mark, Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Takes the pairs that wait to be written.
    pub fn take(&self) -> Vec<(HostName, String)> {
        std::mem::take(&mut self.noted.lock().unwrap_or_else(PoisonError::into_inner).waiting)
    }

    /// Puts back what could not be written.
    pub fn put_back(&self, pairs: Vec<(HostName, String)>) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_WAITING.saturating_sub(noted.waiting.len());
        noted.waiting.extend(pairs.into_iter().take(room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn host(name: &str) -> HostName {
        name.parse().expect("a host")
    }

    #[test]
    fn a_pair_is_noted_once_a_day() {
        let seen = SeenRequirements::default();
        for _ in 0..3 {
            seen.note(&host("a.example.com"), "group=A", NOW);
            seen.note(&host("a.example.com"), "", NOW);
            seen.note(&host("b.example.com"), "group=A", NOW);
        }
        let mut noted = seen.take();
        noted.sort();
        let pairs = [("a.example.com", ""), ("a.example.com", "group=A"), ("b.example.com", "group=A")];
        assert_eq!(noted, pairs.map(|(name, query)| (host(name), query.to_owned())));
        seen.note(&host("a.example.com"), "group=A", NOW);
        assert!(seen.take().is_empty(), "it is known");
        seen.note(&host("a.example.com"), "group=A", NOW.plus(Duration::from_hours(24)));
        assert_eq!(seen.take().len(), 1, "the next day it is written again");
    }

    #[test]
    fn a_flood_fills_neither_the_queue_nor_the_memory() {
        let seen = SeenRequirements::default();
        let name = host("a.example.com");
        for number in 0..3 * MAX_WAITING {
            seen.note(&name, &format!("group={number}"), NOW);
        }
        assert_eq!(seen.take().len(), MAX_WAITING);
        for number in 0..2 * MAX_KNOWN {
            seen.note(&name, &format!("group=x{number}"), NOW);
            seen.take();
        }
        assert_eq!(seen.noted.lock().expect("no panic").known.len(), MAX_KNOWN);
        seen.note(&name, &"x".repeat(MAX_QUERY + 1), NOW.plus(Duration::from_hours(24)));
        assert!(seen.take().is_empty(), "a long query is not noted");
        seen.note(&name, "group=A", NOW.plus(Duration::from_hours(24)));
        assert_eq!(seen.take().len(), 1, "the next day there is room again");
    }

    #[test]
    fn what_could_not_be_written_waits_as_far_as_there_is_room() {
        let seen = SeenRequirements::default();
        let name = host("a.example.com");
        let lost = (0..2 * MAX_WAITING).map(|number| (name.clone(), format!("group={number}"))).collect();
        seen.note(&name, "group=new", NOW);
        seen.put_back(lost);
        let waiting = seen.take();
        assert_eq!((waiting.len(), waiting[0].1.as_str()), (MAX_WAITING, "group=new"));
    }
}
