//! Lies in the HTTP answer: a wrong location, size or speed, or an answer that never ends.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::sync::OnceLock;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use serde_json::{Value, json};

use super::Lie;

/// The size of a huge answer in bytes.
const HUGE: usize = 100 << 20;
/// The unpacked size of a gzip bomb in bytes.
const BOMB: usize = 200 << 20;
const CHUNK: usize = 64 << 10;

/// How an answer is sent.
enum Way {
    Html,
    Empty,
    Huge,
    Endless,
    GzipBomb,
    Slow,
    Reset,
    ServerError,
    Bom,
    /// A redirect with this status, to this path on another host.
    Redirect(StatusCode, &'static str),
}

pub(crate) fn discovery(lie: Lie, mut document: Value, base: &str) -> Response {
    let way = match lie {
        Lie::DiscoveryIssuerMismatch => {
            let issuer = document["issuer"].as_str().unwrap_or_default();
            document["issuer"] = json!(format!("{issuer}INVALID"));
            None
        }
        Lie::DiscoveryIssuerMissing => {
            remove(&mut document, "issuer");
            None
        }
        Lie::DiscoveryPlainHttp => {
            document["token_endpoint"] = json!("http://login.example.com/token");
            None
        }
        Lie::DiscoveryExtras => {
            for (name, value) in
                [("x_null", Value::Null), ("x_list", json!([1, {}])), ("x_object", json!({"a": {"b": 1.5}}))]
            {
                document[name] = value;
            }
            None
        }
        Lie::DiscoveryRedirect => Some(Way::Redirect(StatusCode::FOUND, "discovery")),
        Lie::DiscoveryHtml => Some(Way::Html),
        Lie::DiscoveryEmpty => Some(Way::Empty),
        Lie::DiscoveryHuge => Some(Way::Huge),
        Lie::DiscoveryEndless => Some(Way::Endless),
        Lie::DiscoveryGzipBomb => Some(Way::GzipBomb),
        Lie::DiscoverySlow => Some(Way::Slow),
        Lie::DiscoveryReset => Some(Way::Reset),
        Lie::DiscoveryServerError => Some(Way::ServerError),
        Lie::DiscoveryBom => Some(Way::Bom),
        _ => None,
    };
    send(way, &document, base)
}

pub(crate) fn keys(lie: Lie, mut document: Value, base: &str) -> Response {
    let way = match lie {
        Lie::KeysEmpty => {
            document["keys"] = json!([]);
            None
        }
        Lie::KeysHtml => Some(Way::Html),
        Lie::KeysHuge => Some(Way::Huge),
        Lie::KeysEndless => Some(Way::Endless),
        Lie::KeysGzipBomb => Some(Way::GzipBomb),
        Lie::KeysSlow => Some(Way::Slow),
        Lie::KeysReset => Some(Way::Reset),
        Lie::KeysRedirect => Some(Way::Redirect(StatusCode::FOUND, "keys")),
        Lie::KeysServerError => Some(Way::ServerError),
        _ => None,
    };
    send(way, &document, base)
}

pub(crate) fn token(lie: Lie, mut document: Value, base: &str) -> Response {
    let way = match lie {
        Lie::TokenExpiresInString => {
            let seconds = document["expires_in"].to_string();
            document["expires_in"] = json!(seconds);
            None
        }
        Lie::TokenExpiresInMissing => {
            remove(&mut document, "expires_in");
            None
        }
        Lie::TokenWithoutIdToken => {
            remove(&mut document, "id_token");
            None
        }
        Lie::TokenErrorWith200 => {
            document = json!({"error": "invalid_grant", "error_description": "no"});
            None
        }
        Lie::TokenRedirect => Some(Way::Redirect(StatusCode::TEMPORARY_REDIRECT, "token")),
        Lie::TokenServerError => Some(Way::ServerError),
        Lie::TokenHtml => Some(Way::Html),
        Lie::TokenEmpty => Some(Way::Empty),
        Lie::TokenReset => Some(Way::Reset),
        Lie::TokenSlow => Some(Way::Slow),
        Lie::TokenEndless => Some(Way::Endless),
        Lie::TokenHuge => Some(Way::Huge),
        Lie::TokenGzipBomb => Some(Way::GzipBomb),
        Lie::TokenBom => Some(Way::Bom),
        _ => None,
    };
    send(way, &document, base)
}

pub(crate) fn userinfo(lie: Lie, mut document: Value, base: &str) -> Response {
    match lie {
        Lie::UserinfoSubDifferent => {
            let sub = document["sub"].as_str().unwrap_or_default();
            document["sub"] = json!(format!("{sub}invalid"));
        }
        Lie::UserinfoSubMissing => remove(&mut document, "sub"),
        Lie::UserinfoArray => document = json!([document]),
        _ => {}
    }
    send(None, &document, base)
}

pub(crate) fn graph(lie: Lie, document: &Value, base: &str) -> Response {
    let way = match lie {
        Lie::GraphHtml => Some(Way::Html),
        Lie::GraphReset => Some(Way::Reset),
        _ => None,
    };
    send(way, document, base)
}

fn remove(document: &mut Value, name: &str) {
    if let Value::Object(fields) = document {
        fields.remove(name);
    }
}

/// The same listener under another host name, to which a client must not follow a redirect.
pub(crate) fn elsewhere(base: &str) -> String {
    let (host, other) =
        if base.contains("//127.0.0.1") { ("127.0.0.1", "localhost") } else { ("localhost", "127.0.0.1") };
    match base.rsplit_once(':') {
        Some((_, port)) if base.contains(host) => format!("http://{other}:{port}"),
        _ => base.to_owned(),
    }
}

fn send(way: Option<Way>, document: &Value, base: &str) -> Response {
    let text = document.to_string();
    let Some(way) = way else { return axum::Json(document).into_response() };
    match way {
        Way::Html => Html("<!doctype html><title>Welcome</title><h1>You are behind a captive portal</h1>")
            .into_response(),
        Way::Empty => json_response(Body::empty()),
        Way::ServerError => (StatusCode::INTERNAL_SERVER_ERROR, "out of order").into_response(),
        Way::Bom => json_response(Body::from(format!("\u{feff}{text}"))),
        Way::Redirect(status, path) => {
            (status, [(header::LOCATION, format!("{}/attacker/{path}", elsewhere(base)))]).into_response()
        }
        Way::Huge => json_response(huge(text)),
        Way::Endless => {
            let first = text.trim_end_matches('}').to_owned() + ",\"filling\":\"";
            let chunks = stream::unfold(Some(first), |first| async move {
                let chunk = first.map_or_else(|| Bytes::from(vec![b'x'; CHUNK]), Bytes::from);
                Some((Ok::<_, Infallible>(chunk), None))
            });
            json_response(Body::from_stream(chunks))
        }
        Way::GzipBomb => {
            let mut response = json_response(Body::from(bomb()));
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        }
        Way::Slow => {
            let bytes = stream::unfold(text.into_bytes().into_iter(), |mut rest| async move {
                let byte = rest.next()?;
                tokio::time::sleep(Duration::from_secs(1)).await;
                Some((Ok::<_, Infallible>(Bytes::copy_from_slice(&[byte])), rest))
            });
            json_response(Body::from_stream(bytes))
        }
        Way::Reset => {
            let half = text[..text.len() / 2].to_owned();
            let chunks = stream::unfold(Some(half), |half| async move {
                if let Some(half) = half {
                    return Some((Ok(Bytes::from(half)), None));
                }
                // Makes sure that the first half is sent before the connection breaks.
                tokio::time::sleep(Duration::from_millis(20)).await;
                Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), None))
            });
            json_response(Body::from_stream(chunks))
        }
    }
}

fn json_response(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The valid document after 100 MB of spaces.
fn huge(text: String) -> Body {
    let chunks = stream::unfold((0, Some(text)), |(sent, text)| async move {
        if sent < HUGE {
            Some((Ok::<_, Infallible>(Bytes::from(vec![b' '; CHUNK])), (sent + CHUNK, text)))
        } else {
            text.map(|text| (Ok(Bytes::from(text)), (sent, None)))
        }
    });
    Body::from_stream(chunks)
}

fn bomb() -> Bytes {
    static PACKED: OnceLock<Bytes> = OnceLock::new();
    let pack = || {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let blanks = vec![b' '; 1 << 20];
        for _ in 0..BOMB >> 20 {
            if encoder.write_all(&blanks).is_err() {
                break;
            }
        }
        encoder.finish().map(Bytes::from).unwrap_or_default()
    };
    PACKED.get_or_init(pack).clone()
}
