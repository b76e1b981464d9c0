//! Programs that a test starts: private stores, a real Traefik, the real Gatepost. Each uses free ports and is killed
//! when its value is dropped. Its output is collected. If a program does not start, the test fails with its output.

#![expect(clippy::missing_panics_doc, reason = "a kit for tests: what cannot be set up is a failed test")]

mod authority;
mod caddy;
mod clock;
mod cluster;
mod dynamic;
mod files;
mod flaws;
mod gatepost;
mod nginx;
mod pgbouncer;
mod port;
mod postgres;
pub(crate) mod reaper;
mod redis;
mod redis_node;
mod running;
pub mod sentinel;
mod traefik;
mod wait;

/// Where the system has its programs. Debian installs servers in `/usr/sbin`, which is not in every `PATH`.
const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

pub use authority::{Authority, TEST_NAMES, client_certificate};
pub use caddy::Caddy;
pub use clock::Clock;
pub use cluster::RedisCluster;
pub use dynamic::{AUTH_RESPONSE_HEADERS, Application, Dynamic};
pub use files::raise_open_files;
pub use flaws::Flaw;
pub use gatepost::{Gatepost, GatepostBuilder};
pub use nginx::Nginx;
pub use pgbouncer::PgBouncer;
pub use port::{free_addr, free_port};
pub use postgres::{Database, Postgres};
pub use redis::Redis;
pub use running::Running;
pub use rustix::process::Signal;
pub use sentinel::{Sentinel, WatchedRedis};
pub use traefik::{Traefik, install_traefik};
pub use wait::until;

use std::sync::LazyLock;
use std::time::Duration;

const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether `addr` accepts a TCP connection now.
pub async fn port_is_open(addr: std::net::SocketAddr) -> bool {
    tokio::net::TcpStream::connect(addr).await.is_ok()
}

/// How many calls of its stores a replica has counted, of those whose line in its metrics `is_meant`.
///
/// # Panics
/// There are no metrics, or a count is no number.
pub async fn store_calls(internal: std::net::SocketAddr, is_meant: impl Fn(&str) -> bool) -> u64 {
    let metrics = find_ok(internal, "/metrics").await.expect("metrics");
    let calls = metrics.lines().filter_map(|line| line.strip_prefix("gatepost_store_calls_total"));
    let counts = calls.filter(|line| is_meant(line)).filter_map(|line| line.rsplit(' ').next());
    counts.map(|count| count.parse::<u64>().expect("a number")).sum()
}

/// The body of `http://<addr><path>` if the answer is 200 within 2 s. For health checks.
pub async fn find_ok(addr: std::net::SocketAddr, path: &str) -> Option<String> {
    static CLIENT: LazyLock<reqwest::Client> = LazyLock::new(|| {
        crate::client::install_crypto();
        // No idle connections, because they belong to the runtime of the test that opened them.
        let client = reqwest::Client::builder().no_proxy().timeout(PROBE_TIMEOUT).pool_max_idle_per_host(0);
        client.tls_certs_only([]).build().expect("a client")
    });
    let answer = CLIENT.get(format!("http://{addr}{path}")).send().await.ok()?;
    if answer.status() != reqwest::StatusCode::OK {
        return None;
    }
    answer.text().await.ok()
}
