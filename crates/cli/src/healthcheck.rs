//! `gatepost healthcheck`: requests `/readyz` from the health listener, else from the internal one, for the container's
//! health check.

use super::CommandError;
use gatepost_config::Config;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const TIMEOUT: Duration = Duration::from_secs(3);

pub(super) async fn run(config: &Config) -> Result<(), CommandError> {
    if config.internal_tls.is_some() && config.health_addr.is_none() {
        let why = "the internal listener requires a client certificate: set GATEPOST_HEALTH_ADDR too";
        return Err(CommandError::NotReady(why.to_owned()));
    }
    let address = reachable(config.health_addr.unwrap_or(config.internal_addr));
    let answer = match timeout(TIMEOUT, ask(address)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(CommandError::NotReady(format!("{address}: {error}"))),
        Err(_) => {
            return Err(CommandError::NotReady(format!("{address} did not answer within {TIMEOUT:?}")));
        }
    };
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if head.starts_with("HTTP/1.1 200 ") {
        println!("ready");
        Ok(())
    } else {
        Err(CommandError::NotReady(body.trim().trim_start_matches("not ready: ").to_owned()))
    }
}

/// Replaces an unspecified listen address by loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
    } else {
        address
    }
}

async fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.take(16 * 1024).read_to_string(&mut answer).await?;
    Ok(answer)
}
