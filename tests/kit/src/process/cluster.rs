//! A real Redis Cluster of six: three primaries, each with a replica.

use super::redis_node::{Kind, RedisNode};
use super::{Authority, free_port, until};
use std::net::SocketAddr;
use std::process::{Command, Output};
use std::time::Duration;

const START: Duration = Duration::from_mins(1);

/// A Cluster. A node that does not answer for 2 s is replaced by its replica.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node(RedisNode);

impl RedisCluster {
    /// Starts six nodes, and waits until all slots are served and each primary has its replica.
    pub async fn start() -> Self {
        Self::start_as(None).await
    }

    /// The same, where the nodes speak TLS with each other. They also accept clients without it.
    pub async fn start_with_tls(authority: &Authority) -> Self {
        Self::start_as(Some(authority)).await
    }

    async fn start_as(authority: Option<&Authority>) -> Self {
        let cluster = Self { nodes: (0..6).map(|_| Node::start(authority)).collect() };
        for node in &cluster.nodes {
            until("a node to answer", START, async || {
                node.asked(&["PING"]).filter(|reply| reply.contains("PONG"))
            })
            .await;
        }
        let addresses: Vec<String> = cluster.nodes.iter().map(|node| node.addr().to_string()).collect();
        let mut arguments = vec!["--cluster", "create"];
        arguments.extend(addresses.iter().map(String::as_str));
        arguments.extend(["--cluster-replicas", "1", "--cluster-yes"]);
        let made = run(&arguments);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
        cluster.whole().await;
        cluster
    }

    /// Waits until each node says that all slots are served, and three replicas follow.
    pub async fn whole(&self) {
        for node in &self.nodes {
            until("the Cluster to be whole", START, async || {
                let info = node.asked(&["CLUSTER", "INFO"])?;
                let nodes = node.asked(&["CLUSTER", "NODES"])?;
                let is_whole = info.contains("cluster_state:ok")
                    && info.contains("cluster_slots_ok:16384")
                    && nodes.lines().filter(|line| line.contains("slave") && !line.contains("fail")).count()
                        == 3;
                is_whole.then_some(())
            })
            .await;
        }
    }

    /// The `redis-cluster://` URL of two of the nodes.
    pub fn url(&self) -> String {
        format!("redis-cluster://{},{}", self.nodes[0].addr(), self.nodes[1].addr())
    }

    /// The `rediss-cluster://` URL of two of the nodes.
    ///
    /// # Panics
    /// If they speak no TLS.
    pub fn tls_url(&self) -> String {
        format!("rediss-cluster://{},{}", self.nodes[0].0.tls_addr(), self.nodes[1].0.tls_addr())
    }

    /// The address of a node.
    pub fn addr(&self, node: usize) -> SocketAddr {
        self.nodes[node].addr()
    }

    /// Waits until each replica has what its primary has.
    pub async fn settled(&self) {
        until("the replicas to have everything", START, async || {
            let sizes = self.nodes.iter().map(|node| node.asked(&["DBSIZE"])?.trim().parse::<u64>().ok());
            let sizes: Vec<u64> = sizes.collect::<Option<_>>()?;
            let keys: u64 = sizes.iter().sum();
            let of_primaries: u64 = self.primaries().iter().map(|at| sizes[*at]).sum();
            (keys == 2 * of_primaries).then_some(())
        })
        .await;
    }

    /// The keys that all primaries have.
    pub fn keys(&self) -> u64 {
        let of =
            |at: usize| self.nodes[at].asked(&["DBSIZE"]).and_then(|size| size.trim().parse::<u64>().ok());
        self.primaries().into_iter().filter_map(of).sum()
    }

    /// The nodes that are primaries now.
    pub fn primaries(&self) -> Vec<usize> {
        let is_primary = |node: &Node| node.asked(&["ROLE"]).is_some_and(|role| role.starts_with("master"));
        (0..self.nodes.len()).filter(|at| is_primary(&self.nodes[*at])).collect()
    }

    /// The primary that has keys of this pattern.
    ///
    /// # Panics
    /// If none has.
    pub fn holder(&self, pattern: &str) -> usize {
        let has =
            |at: &usize| self.ask(*at, &["KEYS", pattern]).is_some_and(|found| !found.trim().is_empty());
        self.primaries().into_iter().find(has).expect("a primary with such keys")
    }

    /// The replica of a primary.
    ///
    /// # Panics
    /// If it has none.
    pub fn replica_of(&self, primary: usize) -> usize {
        let port = self.addr(primary).port().to_string();
        let follows = |at: &usize| {
            let role = self.ask(*at, &["ROLE"]).unwrap_or_default();
            role.starts_with("slave") && role.lines().any(|line| line == port)
        };
        (0..self.nodes.len()).find(follows).expect("a replica")
    }

    /// The answer of a node to a command, as `redis-cli` prints it. `None`: there is none.
    pub fn ask(&self, node: usize, words: &[&str]) -> Option<String> {
        self.nodes[node].asked(words)
    }

    /// Sends a command to each node, and returns the answers.
    ///
    /// # Panics
    /// If one does not answer.
    pub fn ask_all(&self, words: &[&str]) -> Vec<String> {
        self.nodes.iter().map(|node| node.asked(words).expect("each node answers")).collect()
    }

    /// Lets a replica hear nothing more from its primary, without either of them being away.
    pub async fn cut_off(&self, replica: usize, primary: usize) {
        // The primary has no password, and refuses a replica that gives one.
        self.ask(replica, &["CONFIG", "SET", "masterauth", "wrong"]).expect("the replica answers");
        self.ask(primary, &["CLIENT", "KILL", "TYPE", "replica"]).expect("the primary answers");
        until("the replica to be cut off", START, async || {
            let info = self.ask(replica, &["INFO", "replication"])?;
            info.contains("master_link_status:down").then_some(())
        })
        .await;
    }

    /// Waits until a replica is a primary.
    pub async fn promoted(&self, replica: usize) {
        until("the replica to take over", START, async || {
            self.ask(replica, &["ROLE"])?.starts_with("master").then_some(())
        })
        .await;
    }

    /// Kills a node.
    pub fn sigkill(&self, node: usize) {
        self.nodes[node].0.running().sigkill();
    }

    /// Pauses a node.
    pub fn sigstop(&self, node: usize) {
        self.nodes[node].0.running().sigstop();
    }

    /// Continues a node.
    pub fn sigcont(&self, node: usize) {
        self.nodes[node].0.running().sigcont();
    }

    /// Moves this many slots from one primary to another, with their keys.
    pub async fn move_slots(&self, from: usize, to: usize, count: u16) {
        let id = |at: usize| self.nodes[at].asked(&["CLUSTER", "MYID"]).expect("a node").trim().to_owned();
        let (from, to, count) = (id(from), id(to), count.to_string());
        let at = self.nodes[0].addr().to_string();
        let words = ["--cluster", "reshard", &at, "--cluster-from", &from, "--cluster-to", &to];
        let mut words: Vec<String> = words.map(str::to_owned).into();
        words.extend(["--cluster-slots", &count, "--cluster-yes"].map(str::to_owned));
        until("the slots to be moved", START, async || {
            let words = words.clone();
            let moved = tokio::task::spawn_blocking(move || {
                run(&words.iter().map(String::as_str).collect::<Vec<_>>())
            });
            let moved = moved.await.expect("redis-cli ran");
            let told = String::from_utf8_lossy(&moved.stdout);
            // Nothing is moved as long as a node has not heard of the last move.
            let is_early = told.contains("Nodes don't agree about configuration");
            assert!(moved.status.success() || is_early, "{told}");
            moved.status.success().then_some(())
        })
        .await;
    }
}

impl Node {
    fn start(authority: Option<&Authority>) -> Self {
        let bus = format!("cluster-port {}", free_port());
        let settings =
            ["cluster-enabled yes", &bus, "cluster-node-timeout 2000", "save \"\"", "appendonly no"];
        let tls = ["tls-cluster yes", "tls-replication yes"];
        Self(RedisNode::start(Kind::ClusterNode, &settings.map(str::to_owned), authority, &tls))
    }

    fn addr(&self) -> SocketAddr {
        self.0.addr()
    }

    /// The answer to a command, as `redis-cli` prints it. `None`: there is none.
    fn asked(&self, words: &[&str]) -> Option<String> {
        let port = self.addr().port().to_string();
        // A node that stands still takes the connection, and never answers.
        let mut command = Command::new("timeout");
        let output = command.args(["2", "redis-cli", "-p", &port]).args(words).output().expect("redis-cli");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn run(arguments: &[&str]) -> Output {
    Command::new("redis-cli").args(arguments).output().expect("redis-cli: Debian package redis-tools")
}
