//! Checks tool servers (MCP) by what their addresses answer, through the proxy that clients use.
//!
//! This module judges answers and sends nothing: `gatepost check --mcp` asks, with an API key that it makes and revokes.

use super::finding::{Finding, codes};
use gatepost_core::mcp::endpoint::Endpoint;
use gatepost_core::mcp::{HEADER_MISMATCH, Mode};
use serde_json::Value;

codes! {
    UNREACHABLE = Error "mcp-unreachable":
        "Clients do not reach the tool server either.",
        "Look at DNS, firewall, the proxy's certificate and GATEPOST_CA_FILE. If this machine reaches the proxy at another address than clients, give --proxy.";
    ROUTER_MISSING = Error "mcp-router-missing":
        "Nobody reaches the tool server.",
        "Add a router for the host and the path of the tool server, with the middleware whose address has mcp=true.";
    OPEN = Error "mcp-open":
        "Everybody can call every tool without signing in.",
        "Put the middleware whose address has mcp=true on the router of the tool server.";
    CHALLENGE_MISSING = Error "mcp-challenge-missing":
        "Clients do not learn where to sign in, and calls are not judged by the rules of the tool server.",
        "Let the middleware's address have mcp=true, and register the tool server with exactly the address that clients use.";
    METADATA_GATED = Error "mcp-metadata-gated":
        "Clients cannot sign in, because they would have to be signed in to learn where.",
        "Add a router for PathPrefix(`/.well-known/oauth-protected-resource`) of this host to Gatepost's public listener, without the middleware and with a priority above the other routers of the host.";
    METADATA_MISSING = Error "mcp-metadata-missing":
        "Clients do not learn where to sign in.",
        "Add a router for PathPrefix(`/.well-known/oauth-protected-resource`) of this host to Gatepost's public listener, without the middleware.";
    RESOURCE = Error "mcp-resource-differs":
        "Clients refuse the document, or ask the provider for a token of another resource.",
        "Let the path reach Gatepost unchanged, and register the tool server with exactly the address that clients use. Upper case, a slash at the end and a port count.";
    FORWARD_BODY = Error "mcp-forward-body":
        "Gatepost judges messages by their body, which does not come: every POST is refused.",
        "Set forwardBody: true and maxBodySize: 4194304 in the middleware whose address has mcp=true.";
    BODY_SIZE = Error "mcp-body-size":
        "Messages that Gatepost would take are answered with an empty 401, and clients sign in again and again.",
        "Set maxBodySize: 4194304 in the middleware.";
    MISMATCH = Error "mcp-mismatch-accepted":
        "A message whose headers and body name different tools is carried out: anybody can call every tool by naming another one in the header.",
        "Use mcp=true for this tool server, so that the body decides: gatepost tool-server update ID --mode body. Use mcp=headers only with a server that refuses such messages.";
    ROUTER_DIFFERS = Error "mcp-router-differs":
        "Every request is refused, because the router means another tool server.",
        "Let the router name the tenant of the tool server (tenant=). A router with mcp=headers needs a tool server that was tried: gatepost tool-server update ID --mode headers.";
    PROBE_REFUSED = Hint "mcp-probe-refused":
        "Whether a message whose headers and body differ is refused could not be tried.",
        "Give the files with --traefik, so that the key for the trial gets the groups that the router requires. A router with admin=true or max_age cannot be tried with a key.";
    PKCE_UNNAMED = Hint "mcp-pkce-unnamed":
        "Clients that follow the specification strictly refuse to sign in: they look for code_challenge_methods_supported. The provider may support PKCE all the same, as Entra does. MCP Inspector and clients of the TypeScript SDK mind.",
        "Use clients that go on, or a provider that names S256.";
}

/// A tool server, as far as its answers depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Server<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its address.
    pub url: &'a Endpoint,
    /// From what its messages are judged.
    pub mode: Mode,
}

/// What an address answered. `Err`: why there is no answer.
pub type Seen = Result<Answer, String>;

/// An answer of the proxy, or of what is behind it.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// `WWW-Authenticate`.
    pub challenge: Option<String>,
    /// The body, if it is JSON.
    pub body: Option<Value>,
}

impl Answer {
    fn code(&self) -> Option<i64> {
        self.body.as_ref()?["error"]["code"].as_i64()
    }

    /// Whether Gatepost itself has refused the message because of its body: then the message has not reached the tool server.
    pub fn is_by_gate(&self) -> bool {
        self.reason() == "header_mismatch"
    }

    fn reason(&self) -> &str {
        self.body.as_ref().and_then(|body| body["error"]["data"]["reason"].as_str()).unwrap_or_default()
    }
}

impl Server<'_> {
    pub(super) fn place(&self) -> String {
        format!("tool server {}", self.id)
    }

    fn unreachable(&self, address: &str, why: &str) -> Finding {
        UNREACHABLE.at(self.place(), format!("{address} does not answer: {why}."))
    }
}

/// Judges the answer to a GET of the server's document without a credential (RFC 9728).
pub fn metadata(server: &Server<'_>, seen: &Seen) -> Option<Finding> {
    let (address, place) = (server.url.metadata_url(), server.place());
    let answer = match seen {
        Ok(answer) => answer,
        Err(why) => return Some(server.unreachable(&address, why)),
    };
    match (answer.status, &answer.body) {
        (200, Some(document)) => {
            let resource = document["resource"].as_str().unwrap_or_default();
            let found = format!(
                "{address} says the resource {resource:?}, and the address is {}.",
                server.url.as_str()
            );
            (resource != server.url.as_str()).then(|| RESOURCE.at(place, found))
        }
        (301..=308 | 401 | 403, _) => Some(
            METADATA_GATED.at(place, format!("{address} answers {} without a credential.", answer.status)),
        ),
        (status, _) => {
            Some(METADATA_MISSING.at(place, format!("{address} answers {status}, not a document.")))
        }
    }
}

/// Judges the answer to a message without a credential.
pub fn stranger(server: &Server<'_>, seen: &Seen) -> Option<Finding> {
    let (url, place) = (server.url.as_str(), server.place());
    let answer = match seen {
        Ok(answer) => answer,
        Err(why) => return Some(server.unreachable(url, why)),
    };
    let names_document =
        |challenge: &String| challenge.contains(&format!("\"{}\"", server.url.metadata_url()));
    match answer.status {
        401 if answer.challenge.as_ref().is_some_and(names_document) => None,
        401 => Some(
            CHALLENGE_MISSING
                .at(place, format!("The 401 of {url} does not name {}.", server.url.metadata_url())),
        ),
        404 => Some(ROUTER_MISSING.at(place, format!("{url} answers 404."))),
        status @ 200..=299 => Some(OPEN.at(place, format!("{url} answers {status} without a credential."))),
        status => Some(
            CHALLENGE_MISSING.at(place, format!("{url} answers {status} without a credential, not 401.")),
        ),
    }
}

/// Judges the answer to a message whose headers and body differ, with a key.
pub fn mismatch(server: &Server<'_>, seen: &Seen) -> Option<Finding> {
    let (url, place) = (server.url.as_str(), server.place());
    let answer = match seen {
        Ok(answer) => answer,
        Err(why) => return Some(server.unreachable(url, why)),
    };
    let status = answer.status;
    if status == 400 && answer.code() == Some(HEADER_MISMATCH.into()) {
        return None;
    }
    Some(match (status, answer.reason()) {
        (400, "unreadable") if server.mode == Mode::Body => {
            FORWARD_BODY.at(place, format!("The body of a message to {url} does not arrive at Gatepost."))
        }
        (403, "unknown_tool_server") => {
            ROUTER_DIFFERS.at(place, format!("The router of {url} is of another tenant or mode."))
        }
        (401 | 403 | 429 | 503, _) => {
            PROBE_REFUSED.at(place, format!("{url} answers {status} to the key that was made for the trial."))
        }
        _ => MISMATCH.at(
            place,
            format!("{url} answers {status} to a message whose headers and body differ, not 400."),
        ),
    })
}

/// Judges the answer to a message of one byte more than is taken, with the key. Only where the body is read.
pub fn long(server: &Server<'_>, seen: &Seen) -> Option<Finding> {
    let answer = seen.as_ref().ok().filter(|answer| answer.status != 413)?;
    let found = format!("{} answers {} to a message of 1 MiB, not 413.", server.url.as_str(), answer.status);
    Some(BODY_SIZE.at(server.place(), found))
}

/// Judges the discovery document of a provider where clients sign in.
pub fn discovery(provider: &str, document: &Value) -> Option<Finding> {
    let methods = document["code_challenge_methods_supported"].as_array();
    let names_s256 = methods.is_some_and(|methods| methods.iter().any(|method| method == "S256"));
    let found = "Its discovery document does not name S256 in code_challenge_methods_supported.";
    (!names_s256).then(|| PKCE_UNNAMED.at(format!("provider {provider}"), found))
}

/// What is said where nothing was found.
pub fn fine(server: &Server<'_>) -> Finding {
    Finding::fine(
        "mcp",
        server.place(),
        format!("{} is judged, and clients learn where to sign in.", server.url.as_str()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(status: u16, body: &Value) -> Answer {
        Answer { status, challenge: None, body: Some(body.clone()).filter(|body| !body.is_null()) }
    }

    #[test]
    fn each_answer_is_judged() {
        let url: Endpoint = "https://mcp.example.com/servers/github/mcp".parse().expect("an address");
        let server = Server { id: "github", url: &url, mode: Mode::Body };
        let code = |finding: Option<Finding>| finding.map(|finding| finding.code());
        let document = |resource: &str| json!({ "resource": resource });
        for (seen, found) in [
            (answer(200, &document(url.as_str())), None),
            (
                answer(200, &document("https://mcp.example.com/servers/github/mcp/")),
                Some("mcp-resource-differs"),
            ),
            (
                answer(200, &document("https://mcp.example.com/Servers/github/mcp")),
                Some("mcp-resource-differs"),
            ),
            (answer(200, &json!({})), Some("mcp-resource-differs")),
            (answer(302, &Value::Null), Some("mcp-metadata-gated")),
            (answer(401, &Value::Null), Some("mcp-metadata-gated")),
            (answer(404, &Value::Null), Some("mcp-metadata-missing")),
            (answer(200, &Value::Null), Some("mcp-metadata-missing")),
        ] {
            assert_eq!(code(metadata(&server, &Ok(seen.clone()))), found, "{seen:?}");
        }
        assert_eq!(code(metadata(&server, &Err("refused".to_owned()))), Some("mcp-unreachable"));
        let named = format!("Bearer resource_metadata=\"{}\"", url.metadata_url());
        for (status, challenge, found) in [
            (401, Some(named.as_str()), None),
            (401, Some("Bearer"), Some("mcp-challenge-missing")),
            (401, None, Some("mcp-challenge-missing")),
            (302, Some(&*named), Some("mcp-challenge-missing")),
            (200, Some(&*named), Some("mcp-open")),
            (404, None, Some("mcp-router-missing")),
        ] {
            let seen = Ok(Answer { status, challenge: challenge.map(str::to_owned), body: None });
            assert_eq!(code(stranger(&server, &seen)), found, "{status} {challenge:?}");
        }
        let error =
            |code: i64, reason: &str| json!({ "error": { "code": code, "data": { "reason": reason } } });
        for (status, body, found) in [
            (400, error(-32020, "header_mismatch"), None),
            (400, error(-32020, ""), None),
            (400, error(400, "unreadable"), Some("mcp-forward-body")),
            (400, error(-32600, ""), Some("mcp-mismatch-accepted")),
            (200, error(-32020, ""), Some("mcp-mismatch-accepted")),
            (202, Value::Null, Some("mcp-mismatch-accepted")),
            (403, error(403, "unknown_tool_server"), Some("mcp-router-differs")),
            (403, error(403, "requirement"), Some("mcp-probe-refused")),
            (401, Value::Null, Some("mcp-probe-refused")),
        ] {
            assert_eq!(code(mismatch(&server, &Ok(answer(status, &body)))), found, "{status} {body}");
        }
        let headers = Server { mode: Mode::Headers, ..server };
        let unread = Ok(answer(400, &error(400, "unreadable")));
        assert_eq!(code(mismatch(&headers, &unread)), Some("mcp-mismatch-accepted"));
        assert_eq!(code(long(&server, &Ok(answer(413, &Value::Null)))), None);
        assert_eq!(code(long(&server, &Ok(answer(401, &Value::Null)))), Some("mcp-body-size"));
    }

    #[test]
    fn a_provider_must_name_its_method_of_pkce() {
        assert!(discovery("op", &json!({ "code_challenge_methods_supported": ["plain", "S256"] })).is_none());
        for document in [json!({}), json!({ "code_challenge_methods_supported": ["plain"] }), Value::Null] {
            assert!(discovery("op", &document).is_some(), "{document}");
        }
    }
}
