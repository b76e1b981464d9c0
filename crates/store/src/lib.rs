//! What is kept: sessions in Redis or SQLite, people and their rights in Postgres or SQLite.
//!
//! The only place that knows SQL and the commands of Redis.

pub mod directory;
pub mod patience;
pub mod pool;
pub mod session;
