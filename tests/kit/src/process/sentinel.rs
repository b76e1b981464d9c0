//! Real Sentinels that watch one primary and promote its replica.

use super::redis_node::{Kind, RedisNode};
use super::{Authority, Redis, until};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const START: Duration = Duration::from_secs(30);
/// The name under which the primary is watched.
pub const MASTER: &str = "gatepost";

/// A primary with a replica, and three Sentinels that promote the replica a second after the primary is gone.
#[derive(Debug)]
pub struct WatchedRedis {
    /// The primary at the start.
    pub primary: Redis,
    /// Its replica.
    pub replica: Redis,
    /// The Sentinels.
    pub sentinels: Vec<Sentinel>,
}

/// One Sentinel.
#[derive(Debug)]
pub struct Sentinel(RedisNode);

impl WatchedRedis {
    /// Starts all, and waits until each Sentinel knows the others and the replica.
    pub async fn start() -> Self {
        Self::start_as(None).await
    }

    /// The same, where servers and Sentinels speak TLS with each other. They also accept connections without it.
    pub async fn start_with_tls(authority: &Authority) -> Self {
        Self::start_as(Some(authority)).await
    }

    async fn start_as(authority: Option<&Authority>) -> Self {
        let (primary, replica) = (Redis::start().await, Redis::start().await);
        let mut watched = primary.addr().port();
        if let Some(authority) = authority {
            watched = primary.serve_tls(authority).port();
            replica.serve_tls(authority);
            for server in [&primary, &replica] {
                server.replicate_by_tls();
            }
        }
        replica.command(&["REPLICAOF", "127.0.0.1", &watched.to_string()]);
        until("the replica to follow", START, async || {
            replica.command(&["INFO", "replication"]).contains("master_link_status:up").then_some(())
        })
        .await;
        let sentinels: Vec<Sentinel> = (0..3).map(|_| Sentinel::watching(watched, 2, authority)).collect();
        for sentinel in &sentinels {
            let knows = |known: &str| {
                known.contains("num-slaves\r\n$1\r\n1\r\n")
                    && known.contains("num-other-sentinels\r\n$1\r\n2\r\n")
            };
            until("the Sentinels to know each other", START, async || {
                sentinel
                    .try_command(&["SENTINEL", "MASTER", MASTER])
                    .ok()
                    .filter(|known| knows(known))
                    .map(drop)
            })
            .await;
        }
        Self { primary, replica, sentinels }
    }

    /// The `redis-sentinel://` URL of these Sentinels.
    pub fn url(&self) -> String {
        url(&self.sentinels.iter().collect::<Vec<_>>())
    }

    /// The `rediss-sentinel://` URL of these Sentinels.
    ///
    /// # Panics
    /// If they speak no TLS.
    pub fn tls_url(&self) -> String {
        let hosts = self.sentinels.iter().map(|it| it.0.tls_addr().to_string()).collect::<Vec<_>>();
        format!("rediss-sentinel://{}/{MASTER}/0", hosts.join(","))
    }

    /// Waits until the replica has everything that the primary has.
    pub async fn settled(&self) {
        until("the replica to have everything", START, async || {
            let (its, whole) = (self.replica.command(&["DBSIZE"]), self.primary.command(&["DBSIZE"]));
            (its == whole).then_some(())
        })
        .await;
    }

    /// Waits until the replica is the primary.
    pub async fn promoted(&self) {
        until("the replica to be promoted", START, async || {
            // Who promotes it closes its connections.
            self.replica.try_command(&["ROLE"]).ok()?.contains("master").then_some(())
        })
        .await;
    }
}

/// The `redis-sentinel://` URL of some Sentinels.
pub fn url(sentinels: &[&Sentinel]) -> String {
    let hosts: Vec<String> = sentinels.iter().map(|sentinel| sentinel.addr().to_string()).collect();
    format!("redis-sentinel://{}/{MASTER}/0", hosts.join(","))
}

impl Sentinel {
    /// Watches this server. `quorum` Sentinels must find it gone before another one is promoted.
    pub fn start(primary: &Redis, quorum: u8) -> Self {
        Self::watching(primary.addr().port(), quorum, None)
    }

    fn watching(watched: u16, quorum: u8, authority: Option<&Authority>) -> Self {
        let settings = [
            format!("sentinel monitor {MASTER} 127.0.0.1 {watched} {quorum}"),
            format!("sentinel down-after-milliseconds {MASTER} 1000"),
            format!("sentinel failover-timeout {MASTER} 3000"),
        ];
        Self(RedisNode::start(Kind::Sentinel, &settings, authority, &["tls-replication yes"]))
    }

    /// The address of the Sentinel.
    pub fn addr(&self) -> SocketAddr {
        self.0.addr()
    }

    /// Pauses it. Connections stay open, but nothing is answered.
    pub fn sigstop(&self) {
        self.0.running().sigstop();
    }

    /// Continues it.
    pub fn sigcont(&self) {
        self.0.running().sigcont();
    }

    /// Waits until it answers.
    pub async fn ready(&self) {
        until("the Sentinel to answer", START, async || {
            self.try_command(&["PING"]).ok().filter(|reply| reply.contains("PONG"))
        })
        .await;
    }

    /// Sends one command, and returns the raw reply (RESP2).
    ///
    /// # Panics
    /// If the Sentinel cannot be reached.
    pub fn command(&self, words: &[&str]) -> String {
        self.try_command(words).expect("the Sentinel answers")
    }

    fn try_command(&self, words: &[&str]) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.addr())?;
        stream.set_read_timeout(Some(Duration::from_millis(300)))?;
        stream.write_all(format!("{}\r\n", words.join(" ")).as_bytes())?;
        let (mut reply, mut bytes) = (Vec::new(), [0; 4096]);
        // A Sentinel knows no QUIT, so the reply ends where nothing more comes.
        while let Ok(read) = stream.read(&mut bytes) {
            if read == 0 {
                break;
            }
            reply.extend_from_slice(&bytes[..read]);
        }
        Ok(String::from_utf8_lossy(&reply).into_owned())
    }
}
