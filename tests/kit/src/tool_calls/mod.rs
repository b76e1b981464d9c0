//! What `Open WebUI` 0.12.4 sends to a tool server for a person, as recorded between it and a server of each era: with
//! its headers (`utils/headers.py`, `utils/tools.py`) and its client (`mcp` 2.3.0 on `httpx2` 2.16.0). The check of
//! `script/open-webui` compares these files with what it sends.

const MODERN: &str = include_str!("of_2026_07_28.http");
const LEGACY: &str = include_str!("of_2025_11_25.http");

/// The recorded requests of both eras as text, the older one last. `{path}`, `{host}`, `{key}` and `{word}` stand for what
/// is another one each time.
pub const RECORDED: [&str; 2] = [MODERN, LEGACY];

/// One recorded request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolRequest {
    /// The HTTP method.
    pub method: String,
    /// The headers in the recorded order, without `Host`, `Connection` and `Content-Length`.
    pub headers: Vec<(String, String)>,
    /// The body; empty for GET and DELETE.
    pub body: String,
}

impl ToolRequest {
    /// The JSON-RPC method; empty where there is no body.
    pub fn rpc_method(&self) -> &str {
        let (_, rest) = self.body.split_once("\"method\":\"").unwrap_or_default();
        rest.split('"').next().unwrap_or_default()
    }

    /// The same request without a header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
        self
    }

    /// The same request with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A connection to a server of 2026-07-28: discover, list, call.
pub fn modern(key: &str, word: &str) -> Vec<ToolRequest> {
    parse(MODERN, key, word)
}

/// A connection to a server of 2025-11-25: discover (which it does not know), initialize, initialized, the stream of
/// events, list, call, the end of the session.
pub fn legacy(key: &str, word: &str) -> Vec<ToolRequest> {
    parse(LEGACY, key, word)
}

fn parse(recorded: &str, key: &str, word: &str) -> Vec<ToolRequest> {
    let mut requests: Vec<ToolRequest> = Vec::new();
    for line in recorded.lines() {
        if let Some(method) = line.strip_suffix(" {path} HTTP/1.1") {
            let (headers, body) = (Vec::new(), String::new());
            requests.push(ToolRequest { method: method.to_owned(), headers, body });
            continue;
        }
        let Some(request) = requests.last_mut() else { continue };
        if line.starts_with('{') {
            line.clone_into(&mut request.body);
        } else if let Some((name, value)) = line.split_once(": ")
            && !["Host", "Connection", "Content-Length"].contains(&name)
        {
            let value = value.replace("{key}", key).replace("{word}", word);
            request.headers.push((name.to_owned(), value));
        }
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recorded_request_carries_key_and_word() {
        let methods = |requests: &[ToolRequest]| -> Vec<String> {
            requests.iter().map(|request| format!("{} {}", request.method, request.rpc_method())).collect()
        };
        assert_eq!(
            methods(&modern("gp_k", "w")),
            ["POST server/discover", "POST tools/list", "POST tools/call"]
        );
        assert_eq!(
            methods(&legacy("gp_k", "w")),
            [
                "POST server/discover",
                "POST initialize",
                "POST notifications/initialized",
                "GET ",
                "POST tools/list",
                "POST tools/call",
                "DELETE "
            ]
        );
        for request in modern("gp_k", "w").into_iter().chain(legacy("gp_k", "w")) {
            for (name, value) in [("Authorization", "Bearer gp_k"), ("X-OpenWebUI-User-Jwt", "w")] {
                assert!(request.headers.contains(&(name.to_owned(), value.to_owned())), "{request:?}");
            }
        }
    }
}
