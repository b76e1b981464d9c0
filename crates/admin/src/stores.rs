//! What the stores are and hold, and which replicas serve.

use super::Context;
use super::views::{DirectoryStore, StoresView};
use gatepost_config::StoresConfig;
use gatepost_store::directory::{DirectoryError, Replica};

impl Context {
    /// The replicas that serve, the oldest first.
    ///
    /// # Errors
    /// The directory does not answer.
    pub async fn list_replicas(&self) -> Result<Vec<Replica>, DirectoryError> {
        self.leadership.list(&self.stores).await
    }

    /// Where the stores are, without passwords, and what the directory holds.
    ///
    /// # Errors
    /// The directory does not answer.
    pub async fn describe_stores(&self) -> Result<StoresView, DirectoryError> {
        let directory = &self.stores.directory;
        let (found, sessions) = tokio::join!(directory.describe(), self.stores.sessions.describe());
        let file = match &self.site.config.stores {
            StoresConfig::Embedded { file } => Some(file.as_path()),
            StoresConfig::Shared { .. } => None,
        };
        Ok(StoresView {
            directory: DirectoryStore::new(found?, &directory.servers(), file),
            sessions: sessions.into(),
        })
    }
}
