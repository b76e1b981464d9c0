//! The connection in use: one multiplexed connection, which is replaced when it fails or does not answer, and when Sentinels
//! name another primary. It belongs to the runtime on which the store was opened, whichever task connects.
//!
//! A connection that does not answer in time is dropped, because a half-open connection would lose all commands until
//! the kernel notices. The connections to a Cluster are not: the crate replaces one that is lost or does not answer in time,
//! the others answer meanwhile, and `watch.rs` replaces all of them after a failover. The crate sees that a node does not
//! answer only while somebody waits for it, so a command to a Cluster may take longer than one node may.

use super::super::StoreError;
use super::connection::{CLUSTER_TIMEOUT, COMMAND_TIMEOUT, CONNECT_TIMEOUT, Connection};
use super::current::{Numbered, Request};
use super::{RedisStore, Shared};
use redis::{FromRedisValue, RedisError};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::task::JoinSet;
use tokio::time::timeout;

impl RedisStore {
    /// Sends the command, and sends it again on a new connection if the old one was lost. After a restart of Redis all
    /// idle connections are lost. The crate does so for a Cluster, within the same time.
    pub(super) async fn send<T: FromRedisValue>(&self, request: Request<'_>) -> Result<T, StoreError> {
        let mut is_retry = false;
        loop {
            let current = self.connection().await?;
            let is_cluster = matches!(current.connection, Connection::Cluster(_));
            let limit = if is_cluster { CLUSTER_TIMEOUT } else { COMMAND_TIMEOUT };
            let (number, answer) = (current.number, request.send_on(current.connection));
            match timeout(limit, answer).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => {
                    self.0.refusals.note(&error);
                    if is_cluster {
                        return Err(StoreError::Redis(error));
                    }
                    let is_gone = error.is_unrecoverable_error() || error.is_io_error();
                    if is_gone || is_other_server(&error) {
                        self.discard(number).await;
                    }
                    if is_retry || !is_gone {
                        return Err(StoreError::Redis(error));
                    }
                    is_retry = true;
                }
                Err(_) => {
                    if !is_cluster {
                        self.discard(number).await;
                    }
                    return Err(StoreError::Timeout(limit));
                }
            }
        }
    }

    /// The connection in use, or a new one.
    pub(super) async fn connection(&self) -> Result<Numbered, StoreError> {
        let mut current = self.0.current.lock().await;
        if let Some(connection) = &current.connection {
            return Ok(connection.clone());
        }
        let shared = Arc::clone(&self.0);
        // Aborted with this call: nobody would use the connection.
        let mut connecting = JoinSet::new();
        connecting.spawn_on(async move { shared.server.connect().await }, &self.0.runtime);
        let (server, connection) = timeout(CONNECT_TIMEOUT, connecting.join_next())
            .await
            .ok()
            .flatten()
            .and_then(Result::ok)
            .ok_or(StoreError::Timeout(CONNECT_TIMEOUT))?
            .inspect_err(|error| self.0.server.note(error))
            .map_err(StoreError::Redis)?;
        let before = std::mem::replace(&mut current.server, server);
        if before.is_some() && before != current.server {
            let server = current.server.as_ref().map(ToString::to_string);
            self.0.note_failover(&server.unwrap_or_default());
        }
        Ok(current.connection.insert(Numbered::new(connection)).clone())
    }

    async fn discard(&self, number: u64) {
        let mut current = self.0.current.lock().await;
        if current.connection.as_ref().is_some_and(|current| current.number == number) {
            current.connection = None;
        }
    }
}

impl Shared {
    pub(super) fn note_failover(&self, server: &str) {
        self.failovers.fetch_add(1, Ordering::Relaxed);
        tracing::info!(server, "Redis has another primary");
    }
}

/// Whether the connection still leads to the former primary. After a failover the address leads to another server.
fn is_other_server(error: &RedisError) -> bool {
    matches!(error.code(), Some("READONLY" | "MASTERDOWN" | "NOAUTH" | "WRONGPASS"))
}
