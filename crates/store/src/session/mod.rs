//! Sessions: sealed values, cookies, the record of who signed in, and the stores that keep it.
//!
//! What a store holds lets its reader neither sign in nor read a token, and its writer forge nothing: keys are hashes,
//! values are sealed to their key. Redis may lose anything; who may no longer is the directory's to say.

pub mod cookie;
pub mod record;
pub mod sealed;
pub mod store;
pub mod uses;
pub mod values;

mod once;
mod packed;
mod sessions;
pub use once::{ExchangeTurn, Exchanged, RefreshTurn};
pub use sessions::{Announcement, Handover, Session, Sessions, Started};
