//! Sessions: sealed values, cookies, session records, and the stores that keep the records.
//!
//! Whoever reads a store can neither sign in nor read a token, and whoever writes to it cannot forge anything: keys are
//! hashes, and each value is sealed to its key. Redis may lose any data, because the directory decides which sessions
//! have ended.

pub mod carry;
pub mod cookie;
pub mod last_used;
pub mod quotas;
pub mod record;
pub mod sealed;
pub mod store;
pub mod tokens;

mod in_use;
mod locks;
mod sessions;
mod token_encoding;

/// The key whose value changes when Redis has lost its data.
const QUOTA_MARK: &[u8] = b"quotas";

pub use locks::{ExchangeLock, Exchanged, RefreshLock};
pub use sessions::{Announcement, Handover, Session, Sessions, Started, forget_all};
