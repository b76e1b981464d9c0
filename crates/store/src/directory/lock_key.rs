//! What transactions of all replicas take one after the other.

use gatepost_core::secret::Hash;

/// Names one such thing: two of the same name wait for one another, two of different names practically never.
#[derive(Clone, Copy, Debug)]
pub(super) struct LockKey(i64);

impl LockKey {
    /// The key of a name of several parts.
    pub fn of(name: &[&str]) -> Self {
        let parts: Vec<&[u8]> = name.iter().map(|part| part.as_bytes()).collect();
        let hash = Hash::of(&parts);
        let (first, _) = hash.as_bytes().split_first_chunk().expect("32 bytes");
        Self(i64::from_be_bytes(*first))
    }

    /// As Postgres takes it.
    pub const fn number(self) -> i64 {
        self.0
    }
}
