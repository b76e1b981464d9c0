//! Stands between `Open WebUI` and a tool server, and keeps what `Open WebUI` sends.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// What has another value in each connection.
const VARIABLE: [(&str, &str); 6] = [
    ("host", "host"),
    ("authorization", "key"),
    ("x-openwebui-user-jwt", "word"),
    ("x-openwebui-chat-id", "chat"),
    ("x-openwebui-message-id", "message"),
    ("mcp-session-id", "session"),
];

pub struct Recorder {
    pub addr: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    /// Starts one before this server.
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (from_client, mut to_client) = client.into_split();
                let (mut from_server, to_server) = TcpStream::connect(server).await.unwrap().into_split();
                tokio::spawn(pass_on(from_client, to_server, Arc::clone(&seen)));
                tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            }
        });
        Self { addr, requests }
    }

    /// The requests so far, in no order.
    pub fn requests(&self) -> Vec<String> {
        let mut requests = self.requests.lock().unwrap().clone();
        requests.sort();
        requests
    }
}

async fn pass_on(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, seen: Arc<Mutex<Vec<String>>>) {
    let (mut bytes, mut rest) = (vec![0; 65_536], Vec::new());
    while let Ok(count @ 1..) = client.read(&mut bytes).await {
        rest.extend_from_slice(&bytes[..count]);
        while let Some(length) = find_request(&rest) {
            let request: Vec<u8> = rest.drain(..length).collect();
            seen.lock().unwrap().push(normalised(&String::from_utf8(request).unwrap()));
        }
        if server.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

/// The length of the first request, once it is complete.
fn find_request(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|part| part == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let mut lines = text.lines();
    let body = lines.find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    (bytes.len() >= head + body).then_some(head + body)
}

/// A request with the line ends of a file, and names for what has another value in each connection.
pub fn normalised(request: &str) -> String {
    let request = request.replace("\r\n", "\n");
    let (head, body) = request.split_once("\n\n").unwrap_or((&request, ""));
    let lines = head.lines().enumerate().map(|(number, line)| {
        if number == 0 {
            let mut words = line.split(' ');
            return format!("{} {{path}} {}", words.next().unwrap(), words.nth(1).unwrap());
        }
        let (name, value) = line.split_once(": ").unwrap();
        let variable = VARIABLE.iter().find(|(own, _)| name.eq_ignore_ascii_case(own));
        let value = variable.map_or_else(|| value.to_owned(), |(_, stands_for)| format!("{{{stands_for}}}"));
        format!("{name}: {value}")
    });
    format!("{}\n\n{}", lines.collect::<Vec<_>>().join("\n"), body.trim_end())
}

/// The requests of a recorded file, as [`Recorder::requests`] has them.
pub fn requests_of(recorded: &str) -> Vec<String> {
    let mut requests: Vec<String> = Vec::new();
    for line in recorded.lines() {
        match requests.last_mut() {
            Some(request) if !line.ends_with(" HTTP/1.1") => request.push_str(line),
            _ => requests.push(line.to_owned()),
        }
        requests.last_mut().unwrap().push('\n');
    }
    let mut requests: Vec<String> = requests.iter().map(|request| normalised(request)).collect();
    requests.sort();
    requests
}
