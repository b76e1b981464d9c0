//! Keys of the locks that transactions of all replicas share.

use gatepost_core::secret::Hash;

/// The key of one lock. Transactions with the same key wait for each other. Different names practically never have the
/// same key.
#[derive(Clone, Copy, Debug)]
pub struct LockKey(i64);

impl LockKey {
    /// The key for a name that consists of several parts.
    pub fn of(name: &[&str]) -> Self {
        let parts: Vec<&[u8]> = name.iter().map(|part| part.as_bytes()).collect();
        let hash = Hash::of(&parts);
        let (first, _) = hash.as_bytes().split_first_chunk().expect("32 bytes");
        Self(i64::from_be_bytes(*first))
    }

    /// The key as the advisory locks of Postgres take it.
    pub const fn number(self) -> i64 {
        self.0
    }
}
