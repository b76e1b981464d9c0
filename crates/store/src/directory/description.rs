//! What the database of the directory is and holds, for operators.

use super::count::Count;
use gatepost_core::clock::Timestamp;

/// The database of the directory at one moment.
#[derive(Clone, Debug)]
pub struct Description {
    /// The version of the server, or of the library.
    pub version: String,
    /// The number of the newest migration that was applied.
    pub schema: i64,
    /// The rows of each table, counted up to a limit.
    pub rows: Vec<(&'static str, Count)>,
    /// Standbys that follow. `None`: there can be none.
    pub standbys: Option<i64>,
    /// When a dump was last restored in a drill. `None`: never, or there can be none.
    pub last_drill: Option<Timestamp>,
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    /// The host, or the folder of the socket.
    pub host: String,
    pub port: u16,
    pub user: String,
    /// The name of the database.
    pub database: String,
}
