//! The proof of a speaker's word: the session that makes it count.

use super::cached_caller::Proof;
use gatepost_core::access::Person;
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::SessionTimes;

/// A word that was verified, about a person who was found.
#[derive(Clone, Copy, Debug)]
pub struct WordProof {
    /// Of the person's valid sessions the one that lasts longest. `None`: no session is needed.
    pub session: Option<SessionTimes>,
}

impl Proof for WordProof {
    fn holder(&self, person: &Person) -> u64 {
        person.id.random_bits()
    }

    fn copy(&self, _now: Timestamp) -> Self {
        *self
    }

    fn size(&self) -> usize {
        0
    }
}
