//! A connection to one server, or the connections to the nodes of a Cluster. Clones share it.

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::{Cmd, Pipeline, RedisFuture, Value};
use std::time::Duration;

/// The limit for one connection.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);
/// The limit for one command, and for one node of a Cluster.
pub(super) const COMMAND_TIMEOUT: Duration = Duration::from_millis(100);
/// The limit for one command to a Cluster: with redirections, and a second attempt where a node did not answer. `/verify`
/// answers within 250 ms.
pub(super) const CLUSTER_TIMEOUT: Duration = Duration::from_millis(200);

#[derive(Clone)]
pub(super) enum Connection {
    One(MultiplexedConnection),
    /// It finds the node of each key, follows slots that move, and replaces lost connections by itself.
    Cluster(ClusterConnection),
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(connection) => connection.req_packed_command(command),
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}
