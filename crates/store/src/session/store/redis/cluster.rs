//! The nodes of a Redis Cluster. The crate's connection finds the node of each key, follows slots that move, and replaces
//! connections that are lost.

use super::client::{certificates, client, information};
use super::connection::COMMAND_TIMEOUT;
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{RoutingInfo, SingleNodeRoutingInfo};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, FromRedisValue, RedisError, Value, from_redis_value,
};
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::timeout;

/// How many nodes, drawn by lot, are asked for the primaries. One of them may not answer.
const ASKED: usize = 3;

/// How long it may take to connect to one node. The crate connects to the named nodes, and then to those that it finds, both
/// within the limit for one connection.
const CONNECT_TO_NODE: Duration = COMMAND_TIMEOUT;

/// The addresses of the nodes that serve slots.
pub(super) type Primaries = BTreeSet<String>;

/// The nodes that are named, with user and password.
pub(super) struct Cluster {
    nodes: Vec<Client>,
    all: ClusterClient,
}

impl Cluster {
    /// `root`: PEM of all authorities to trust. `None`: those of the system.
    ///
    /// # Errors
    /// An address or a certificate cannot be parsed.
    pub fn new(urls: &[SecretString], root: Option<&[u8]>) -> Result<Self, RedisError> {
        let named = urls.iter().map(information).collect::<Result<Vec<_>, _>>()?;
        let nodes = named.iter().map(|node| client(node.clone(), root)).collect::<Result<Vec<_>, _>>()?;
        let is_tls = named.iter().any(|node| matches!(node.addr(), ConnectionAddr::TcpTls { .. }));
        let builder = ClusterClientBuilder::new(named)
            .connection_timeout(CONNECT_TO_NODE)
            .response_timeout(COMMAND_TIMEOUT)
            // The store ends the whole command, with redirections and attempts.
            .overall_response_timeout(None)
            .min_retry_wait(5)
            .max_retry_wait(50);
        let all = match root.filter(|_| is_tls) {
            Some(root) => builder.certs(certificates(root)).build()?,
            None => builder.build()?,
        };
        Ok(Self { nodes, all })
    }

    /// The nodes that are named, each with its port.
    pub fn hosts(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.get_connection_info().addr().to_string()).collect()
    }

    /// New connections to all nodes. Each has answered once.
    ///
    /// # Errors
    /// No node can be used. The error is that of one node.
    pub async fn connect(&self) -> Result<ClusterConnection, RedisError> {
        match self.all.get_async_connection().await {
            Ok(nodes) => Ok(nodes),
            Err(error) => Err(self.find_reason().await.unwrap_or(error)),
        }
    }

    /// The crate tells why it could not connect in a text that has no code. So each named node is asked, and one that answers
    /// tells more than one that does not.
    async fn find_reason(&self) -> Option<RedisError> {
        let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT_TO_NODE));
        let mut reason = None;
        for node in &self.nodes {
            match node.get_multiplexed_async_connection_with_config(&config).await {
                Ok(_) => return None,
                Err(error) if reason.is_none() || !error.is_io_error() => reason = Some(error),
                Err(_) => {}
            }
        }
        reason
    }
}

/// The answer of one node, drawn by lot.
pub(super) async fn ask_one<T: FromRedisValue>(
    mut nodes: ClusterConnection,
    question: Cmd,
) -> Result<T, RedisError> {
    let one = RoutingInfo::SingleNode(SingleNodeRoutingInfo::Random);
    let answer = nodes.route_command(question, one).await?.extract_error()?;
    Ok(from_redis_value(answer)?)
}

/// The nodes that serve slots, as one of the nodes knows them. `None`: none of those that were asked answers.
pub(super) async fn find_primaries(nodes: &ClusterConnection) -> Option<Primaries> {
    for _ in 0..ASKED {
        let mut question = redis::cmd("CLUSTER");
        question.arg("SLOTS");
        let asked = ask_one::<Vec<Vec<Value>>>(nodes.clone(), question);
        if let Ok(Ok(ranges)) = timeout(COMMAND_TIMEOUT, asked).await {
            return Some(ranges.into_iter().filter_map(primary).collect());
        }
    }
    None
}

/// Begin, end, the primary, its replicas (`CLUSTER SLOTS`). A node is its address, its port, and more.
fn primary(range: Vec<Value>) -> Option<String> {
    let Value::Array(node) = range.into_iter().nth(2)? else { return None };
    let mut node = node.into_iter();
    let host: Option<String> = from_redis_value(node.next()?).ok()?;
    let port: u16 = from_redis_value(node.next()?).ok()?;
    Some(format!("{}:{port}", host.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(host: Value, port: i64) -> Value {
        Value::Array(vec![host, Value::Int(port), Value::BulkString(b"id".to_vec())])
    }

    #[test]
    fn the_primary_is_the_first_node_of_a_range_of_slots() {
        let named = node(Value::BulkString(b"10.0.0.1".to_vec()), 6379);
        let replica = node(Value::BulkString(b"10.0.0.2".to_vec()), 6379);
        let range = vec![Value::Int(0), Value::Int(99), named, replica];
        assert_eq!(primary(range).as_deref(), Some("10.0.0.1:6379"));
        let nameless = vec![Value::Int(0), Value::Int(99), node(Value::Nil, 7000)];
        assert_eq!(primary(nameless).as_deref(), Some(":7000"));
        assert_eq!(primary(vec![Value::Int(0), Value::Int(99)]), None);
    }
}
