//! What the first hot reads would have to wait for: connections, and what server and driver prepare on each of them.

use super::{Result, Store, key_standing, standing};
use futures_util::future::join_all;
use gatepost_core::ids::UserId;
use gatepost_core::secret::Hash;
use std::time::Duration;

impl Store {
    pub(in crate::directory) async fn warm_up(&self, limit: Duration) -> Result<()> {
        // All are acquired before the first is released, so no connection is acquired twice while another one is missing.
        let connections = (0..self.hot().max_size()).map(|_| self.warm_connection(limit));
        join_all(connections).await.into_iter().collect()
    }

    async fn warm_connection(&self, limit: Duration) -> Result<()> {
        let (nobody, nothing) = (UserId::generate(), Hash::of(&[]));
        read_within!(limit, self.hot().acquire(), |connection| {
            standing::fetch(connection, nobody, &nothing).await?;
            key_standing::fetch(connection, &nothing).await.map(drop)
        })
    }
}
