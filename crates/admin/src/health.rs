//! Whether the stores answer.

use super::Context;

/// Whether the stores answer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    pub directory: bool,
    /// Whether the directory takes changes.
    pub is_writable: bool,
    pub sessions: bool,
}

impl Context {
    pub async fn health(&self) -> Health {
        let stores = &self.stores;
        let (directory, is_writable, sessions) =
            tokio::join!(stores.directory.ping(), stores.directory.is_writable(), stores.sessions.ping());
        Health {
            directory: directory.is_ok(),
            is_writable: is_writable.unwrap_or(false),
            sessions: sessions.is_ok(),
        }
    }
}
