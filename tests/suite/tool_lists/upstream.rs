//! A tool server that answers every request with the same bytes.

use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone)]
pub struct Upstream {
    pub addr: SocketAddr,
    reply: Arc<Mutex<String>>,
    /// What is answered to requests that contain a text, before the rest.
    others: Arc<Mutex<Vec<(&'static str, String)>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let upstream = Self { addr, reply: Arc::default(), others: Arc::default(), seen: Arc::default() };
        let serving = upstream.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().answer(stream));
            }
        });
        upstream
    }

    async fn answer(self, mut stream: TcpStream) {
        let Some(request) = read(&mut stream).await else { return };
        let other = self.others.lock().unwrap().iter().find(|(text, _)| request.contains(text)).cloned();
        self.seen.lock().unwrap().push(request);
        let reply = other.map_or_else(|| self.reply.lock().unwrap().clone(), |(_, reply)| reply);
        if reply.is_empty() {
            // Until the other side hangs up.
            let _ = stream.read(&mut [0]).await;
        }
        // Whoever asks may have heard enough.
        let _ = stream.write_all(reply.as_bytes()).await;
        let _ = stream.shutdown().await;
    }

    /// Answers with these bytes from now on, with none never.
    pub fn replies(&self, bytes: String) {
        *self.reply.lock().unwrap() = bytes;
    }

    /// Answers with these bytes to requests that contain this text from now on.
    pub fn replies_to(&self, text: &'static str, bytes: &str) {
        self.others.lock().unwrap().push((text, bytes.to_owned()));
    }

    /// Answers with this JSON from now on.
    pub fn replies_json(&self, body: &Value) {
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n";
        self.replies(format!("{head}{body}"));
    }

    /// How many requests have come.
    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// The request that has come last.
    pub fn last(&self) -> String {
        self.seen.lock().unwrap().last().unwrap().clone()
    }
}

/// A whole request; `None`: its sender went away.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    loop {
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
        });
        if body.len() >= length.unwrap_or(0) {
            return Some(text);
        }
    }
}
