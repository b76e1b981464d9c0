//! A small proxy that does what Traefik's `ForwardAuth` does between a browser, Gatepost and an application, and starts
//! at once. Each host has one route, with the address of `/verify` or open. It speaks plain HTTP or TLS.
//! Tests of path normalisation, `WebSocket` and HTTP/2 must use the real Traefik.

mod forward;
pub(crate) mod server;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

use crate::process::{AUTH_RESPONSE_HEADERS, Authority};
use forward::Forwarder;

/// The route of one host.
#[derive(Debug, Clone)]
pub struct Route {
    verify: Option<String>,
    backend: SocketAddr,
}

impl Route {
    /// A route without `/verify`, for Gatepost's public host or for an open application.
    pub fn open(backend: SocketAddr) -> Self {
        Self { verify: None, backend }
    }

    /// A route that calls `verify` for each request, an `http://` address with the requirement.
    pub fn gated(verify: impl Into<String>, backend: SocketAddr) -> Self {
        Self { verify: Some(verify.into()), backend }
    }
}

/// The options of a proxy.
#[derive(Debug, Default)]
pub struct EdgeBuilder {
    routes: HashMap<String, Route>,
    port: u16,
    tls: Option<Authority>,
    response_headers: Option<Vec<String>>,
}

impl EdgeBuilder {
    /// Adds or replaces the route of a host, which is given without a port.
    #[must_use]
    pub fn route(mut self, host: &str, route: Route) -> Self {
        self.routes.insert(host.to_ascii_lowercase(), route);
        self
    }

    /// Listens on this port of 127.0.0.1 instead of a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Uses TLS with the certificate of `authority`.
    #[must_use]
    pub fn tls(mut self, authority: &Authority) -> Self {
        self.tls = Some(authority.clone());
        self
    }

    /// Copies these headers from `/verify`'s answer instead of [`AUTH_RESPONSE_HEADERS`].
    #[must_use]
    pub fn response_headers(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.response_headers = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Starts the proxy.
    ///
    /// # Errors
    /// The port is in use.
    pub async fn start(self) -> std::io::Result<Edge> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?;
        let addr = listener.local_addr()?;
        let names =
            self.response_headers.unwrap_or_else(|| AUTH_RESPONSE_HEADERS.map(str::to_owned).to_vec());
        let routes = Arc::new(RwLock::new(self.routes));
        let secure = self.tls.is_some();
        let forwarder = Arc::new(Forwarder::new(Arc::clone(&routes), &names, secure));
        let tls = self.tls.map(|authority| TlsAcceptor::from(authority.server_config()));
        let task = tokio::spawn(server::serve(listener, tls, move |request, peer| {
            let forwarder = Arc::clone(&forwarder);
            async move { forwarder.answer(request, peer).await }
        }));
        Ok(Edge { addr, secure, routes, task: task.abort_handle() })
    }
}

/// A running proxy. It stops when this value is dropped.
#[derive(Debug)]
pub struct Edge {
    addr: SocketAddr,
    secure: bool,
    routes: Arc<RwLock<HashMap<String, Route>>>,
    task: AbortHandle,
}

impl Edge {
    /// Returns a builder for a proxy.
    pub fn builder() -> EdgeBuilder {
        EdgeBuilder::default()
    }

    /// The address of the proxy.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL of a page of a host behind this proxy, with the port.
    pub fn url(&self, host: &str, path: &str) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{host}:{}{path}", self.addr.port())
    }

    /// Adds or replaces the route of a host while the proxy runs.
    pub fn set_route(&self, host: &str, route: Route) {
        self.routes.write().unwrap_or_else(PoisonError::into_inner).insert(host.to_ascii_lowercase(), route);
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.task.abort();
    }
}
