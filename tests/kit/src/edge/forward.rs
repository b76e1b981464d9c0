//! Handles one request: sends the sub-request with the same `X-Forwarded-*` headers as Traefik. Any answer but 2xx goes
//! to the browser. Of a 2xx answer, the listed headers go to the application.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::Route;

const HOP_BY_HOP: [&str; 6] = ["connection", "keep-alive", "te", "trailers", "transfer-encoding", "upgrade"];
const MANAGED: [&str; 13] = [
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-server",
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-forwarded-prefix",
    "x-forwarded-tls-client-cert",
    "x-forwarded-tls-client-cert-info",
    "x-scheme",
    "x-real-ip",
];
const MAX_RESPONSE_BODY: usize = 16_384;
/// `maxBodySize` of [`crate::process::Dynamic`].
const MAX_REQUEST_BODY: usize = 4 * 1024 * 1024;
const VERIFY_TIMEOUT: Duration = Duration::from_secs(30);
/// Like Go's default transport, which Traefik uses: two idle connections per host, for 90 s.
const VERIFY_IDLE: usize = 2;
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

pub(super) struct Forwarder {
    routes: Arc<RwLock<HashMap<String, Route>>>,
    response_headers: Vec<HeaderName>,
    proto: &'static str,
    verify: Client<HttpConnector, Body>,
    backends: Client<HttpConnector, Body>,
}

enum Verdict {
    Allowed(HeaderMap),
    Answered(Response<Body>),
}

impl Forwarder {
    pub(super) fn new(routes: Arc<RwLock<HashMap<String, Route>>>, names: &[String], secure: bool) -> Self {
        let response_headers = names
            .iter()
            .map(|name| name.parse().expect("a header name in the list of response headers"))
            .collect();
        let proto = if secure { "https" } else { "http" };
        let verify = client(VERIFY_IDLE);
        Self { routes, response_headers, proto, verify, backends: client(200) }
    }

    pub(super) async fn answer(&self, mut request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        remove_connection_options(request.headers_mut());
        // Aliases of a managed header are removed too, as at Traefik's entry point (CVE-2026-39858).
        let headers = request.headers_mut();
        for name in MANAGED {
            headers.remove(name);
            headers.remove(name.replace('-', "_"));
        }
        let Some(route) = self.find_route(&request) else { return status(StatusCode::NOT_FOUND) };
        let (head, body) = request.into_parts();
        let (mut request, mut body) = (Request::from_parts(head, ()), Body::new(body));
        if let Some(address) = &route.verify {
            // With `forwardBody` Traefik reads the whole body first, and answers 401 to a longer one.
            let mut message = None;
            if address.contains("mcp=true") {
                let Ok(whole) = to_bytes(body, MAX_REQUEST_BODY).await else {
                    return status(StatusCode::UNAUTHORIZED);
                };
                message = Some(whole.clone());
                body = Body::from(whole);
            }
            match self.ask(address, &request, message, peer).await {
                Verdict::Answered(answer) => return answer,
                Verdict::Allowed(granted) => self.take_over(request.headers_mut(), &granted),
            }
        }
        self.pass_on(request.map(|()| body), route.backend, peer).await
    }

    fn find_route<B>(&self, request: &Request<B>) -> Option<Route> {
        let host = host_of(request).to_ascii_lowercase();
        let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
        let name = name.strip_suffix('.').unwrap_or(name);
        self.routes.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    async fn ask(
        &self,
        address: &str,
        request: &Request<()>,
        message: Option<Bytes>,
        peer: SocketAddr,
    ) -> Verdict {
        let mut question = Request::new(message.map_or_else(Body::empty, Body::from));
        *question.uri_mut() = address.parse().expect("the address of a route is a URL");
        *question.headers_mut() = request.headers().clone();
        let headers = question.headers_mut();
        remove_hop_by_hop(headers);
        headers.remove(HOST);
        headers.remove(CONTENT_LENGTH);
        let uri = request.uri().path_and_query().map_or("/", |path| path.as_str());
        set(headers, "x-forwarded-for", &peer.ip().to_string());
        set(headers, "x-forwarded-method", request.method().as_str());
        set(headers, "x-forwarded-proto", self.proto);
        set(headers, "x-forwarded-port", &self.port_of(request));
        set(headers, "x-forwarded-host", &host_of(request));
        set(headers, "x-forwarded-uri", uri);
        let Ok(Ok(answer)) = tokio::time::timeout(VERIFY_TIMEOUT, self.verify.request(question)).await else {
            return Verdict::Answered(status(StatusCode::INTERNAL_SERVER_ERROR));
        };
        let (mut head, body) = answer.into_parts();
        let Ok(body) = to_bytes(Body::new(body), MAX_RESPONSE_BODY).await else {
            return Verdict::Answered(status(StatusCode::UNAUTHORIZED));
        };
        if head.status.is_success() {
            return Verdict::Allowed(head.headers);
        }
        remove_hop_by_hop(&mut head.headers);
        Verdict::Answered(Response::from_parts(head, Body::from(body)))
    }

    fn take_over(&self, headers: &mut HeaderMap, granted: &HeaderMap) {
        for name in &self.response_headers {
            headers.remove(name);
            for value in granted.get_all(name) {
                headers.append(name, value.clone());
            }
        }
    }

    async fn pass_on(&self, request: Request<Body>, backend: SocketAddr, peer: SocketAddr) -> Response<Body> {
        let host = host_of(&request);
        let port = self.port_of(&request);
        let (mut head, body) = request.into_parts();
        remove_hop_by_hop(&mut head.headers);
        let headers = &mut head.headers;
        set(headers, "x-forwarded-for", &peer.ip().to_string());
        set(headers, "x-forwarded-host", &host);
        set(headers, "x-forwarded-port", &port);
        set(headers, "x-forwarded-proto", self.proto);
        set(headers, "x-forwarded-server", "gatepost-kit");
        set(headers, "x-real-ip", &peer.ip().to_string());
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let Ok(uri) =
            Uri::builder().scheme("http").authority(backend.to_string()).path_and_query(path).build()
        else {
            return status(StatusCode::BAD_REQUEST);
        };
        head.uri = uri;
        head.version = hyper::Version::HTTP_11;
        match self.backends.request(Request::from_parts(head, body)).await {
            Ok(answer) => {
                let (mut head, body) = answer.into_parts();
                remove_hop_by_hop(&mut head.headers);
                Response::from_parts(head, Body::new(body))
            }
            Err(_) => status(StatusCode::BAD_GATEWAY),
        }
    }

    fn port_of<B>(&self, request: &Request<B>) -> String {
        let host = host_of(request);
        let given = host.rsplit_once(':').map(|(_, port)| port.to_owned());
        let default = if self.proto == "https" { "443" } else { "80" };
        given.unwrap_or_else(|| default.to_owned())
    }
}

fn client(idle_connections: usize) -> Client<HttpConnector, Body> {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(idle_connections)
        .build_http()
}

fn host_of<B>(request: &Request<B>) -> String {
    let named = request.headers().get(HOST).map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned());
    named.or_else(|| request.uri().authority().map(ToString::to_string)).unwrap_or_default()
}

/// Removes the headers that the client's `Connection` lists, except the managed headers (CVE-2024-45410).
fn remove_connection_options(headers: &mut HeaderMap) {
    let listed: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !MANAGED.contains(&name.as_str()))
        .collect();
    for name in listed {
        headers.remove(name);
    }
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        headers.insert(name, value);
    }
}

fn status(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}
