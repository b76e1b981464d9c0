//! Sends raw bytes over TCP, for requests that no client library would send.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than any test pauses a server.
const TIMEOUT: Duration = Duration::from_secs(45);

/// What a server sent back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawAnswer {
    /// The status of the first answer; `None` if the server did not answer with HTTP.
    pub status: Option<u16>,
    /// All received bytes.
    pub bytes: Vec<u8>,
}

impl RawAnswer {
    /// The received bytes as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Sends `bytes` and reads until the server closes the connection, or until a complete answer arrived and the server is
/// silent.
///
/// # Errors
/// The connection failed.
pub async fn send_raw(addr: SocketAddr, bytes: &[u8]) -> std::io::Result<RawAnswer> {
    let mut stream = TcpStream::connect(addr).await?;
    // The server may answer and close the connection before it has read everything (431).
    let _ = stream.write_all(bytes).await;
    let mut received = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let limit = if complete(&received) { Duration::ZERO } else { TIMEOUT };
        match tokio::time::timeout(limit, stream.read(&mut buffer)).await {
            Ok(Ok(read)) if read > 0 => received.extend_from_slice(&buffer[..read]),
            _ => break,
        }
    }
    let status = received
        .strip_prefix(b"HTTP/1.")
        .and_then(|rest| std::str::from_utf8(rest.get(2..5)?).ok())
        .and_then(|status| status.parse().ok());
    Ok(RawAnswer { status, bytes: received })
}

/// Formats a `GET` of `path` with these header lines, in this order and spelling, and `Connection: close`.
pub fn get_request(path: &str, headers: &[(&str, &[u8])]) -> Vec<u8> {
    let mut request = format!("GET {path} HTTP/1.1\r\n").into_bytes();
    for (name, value) in headers {
        request.extend_from_slice(name.as_bytes());
        request.extend_from_slice(b": ");
        request.extend_from_slice(value);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"Connection: close\r\n\r\n");
    request
}

/// Whether a complete answer with a `Content-Length` arrived.
fn complete(received: &[u8]) -> bool {
    let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&received[..end]).to_ascii_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    length.is_some_and(|length| received.len() >= end + 4 + length)
}
