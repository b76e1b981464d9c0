//! The stores: sessions in Redis or SQLite, people and their rights in Postgres or SQLite.
//!
//! No other crate contains SQL or Redis commands.

pub mod directory;
pub mod pool;
pub mod retry;
pub mod session;
