//! Names of keys in Redis.

/// The prefix of all keys, because other programs may use the same server.
pub(super) const PREFIX: &[u8] = b"gatepost:";

/// The key of a value of the store.
pub(super) fn key(name: &[u8]) -> Vec<u8> {
    [PREFIX, name].concat()
}
