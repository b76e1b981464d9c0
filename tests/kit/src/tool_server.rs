//! A small tool server (Model Context Protocol over HTTP): it lists three tools, and says who called one. It can compare a
//! message's headers with its body, as servers of revision 2026-07-28 do.

use crate::edge::server;
use axum::body::{Body, to_bytes};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

const MAX_BODY: usize = 1024 * 1024;
/// The tools, and what each does.
const TOOLS: [(&str, &str); 3] =
    [("get_issue", "Reads an issue"), ("get_file", "Reads a file"), ("delete_repo", "Deletes a repository")];

/// What a server refuses of messages whose headers and body differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// None.
    Nothing,
    /// Those that name another method.
    Methods,
    /// Those that name another method or another tool.
    All,
}

/// A running tool server. It stops when this value is dropped.
#[derive(Debug)]
pub struct ToolServer {
    addr: SocketAddr,
    task: AbortHandle,
}

impl ToolServer {
    /// Starts it on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// There is no free port.
    pub async fn start() -> Self {
        Self::comparing(Compared::Nothing).await
    }

    /// The same, which refuses messages whose headers and body differ.
    ///
    /// # Panics
    /// There is no free port.
    pub async fn comparing(compared: Compared) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let task =
            tokio::spawn(server::serve(listener, None, move |request, _peer| answer(request, compared)));
        Self { addr, task: task.abort_handle() }
    }

    /// Its address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for ToolServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(request: Request<Incoming>, compared: Compared) -> Response<Body> {
    if request.method() != Method::POST {
        return with_status(StatusCode::METHOD_NOT_ALLOWED, Body::empty());
    }
    let (head, body) = request.into_parts();
    let body = to_bytes(Body::new(body), MAX_BODY).await.unwrap_or_default();
    let Ok(message) = serde_json::from_slice::<Value>(&body) else {
        return with_status(StatusCode::BAD_REQUEST, Body::empty());
    };
    let Some(id) = message.get("id") else { return with_status(StatusCode::ACCEPTED, Body::empty()) };
    let mut reply = json!({ "jsonrpc": "2.0", "id": id });
    let mut status = StatusCode::OK;
    if differs(&message, &head.headers, compared) {
        reply["error"] = json!({ "code": -32020, "message": "headers and body differ" });
        status = StatusCode::BAD_REQUEST;
    } else {
        match result(&message, &head.headers) {
            Ok(result) => reply["result"] = result,
            Err(error) => reply["error"] = json!({ "code": -32601, "message": error }),
        }
    }
    let mut response = with_status(status, Body::from(format!("{reply}\n")));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn differs(message: &Value, headers: &HeaderMap, compared: Compared) -> bool {
    let sent = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let method = sent("mcp-method") != message["method"].as_str();
    let name = message["method"] == "tools/call" && sent("mcp-name") != message["params"]["name"].as_str();
    match compared {
        Compared::Nothing => false,
        Compared::Methods => method,
        Compared::All => method || name,
    }
}

fn result(message: &Value, headers: &HeaderMap) -> Result<Value, String> {
    let tools = TOOLS.map(|(name, description)| {
        json!({ "name": name, "description": description, "inputSchema": { "type": "object" } })
    });
    match message["method"].as_str().unwrap_or_default() {
        "initialize" => Ok(json!({
            "protocolVersion": message["params"]["protocolVersion"],
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "demo", "version": "1" },
        })),
        "ping" => Ok(json!({})),
        "tools/list" => Ok(json!({ "tools": tools })),
        "tools/call" => {
            let tool = message["params"]["name"].as_str().unwrap_or_default();
            let who = headers.get("x-user-email").and_then(|who| who.to_str().ok()).unwrap_or("nobody");
            let text = format!("{tool} was called by {who}");
            let is_known = TOOLS.iter().any(|(name, _)| *name == tool);
            Ok(json!({ "content": [{ "type": "text", "text": text }], "isError": !is_known }))
        }
        other => Err(format!("there is no method {other}")),
    }
}

fn with_status(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}
