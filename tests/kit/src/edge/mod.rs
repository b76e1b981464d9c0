//! The `ForwardAuth` edge: what Traefik does between a browser, Gatepost and an application, in a few lines and without
//! a start-up time. Per host a route with the address of `/verify` or an open one; plain HTTP or TLS.
//! Left to the real Traefik, because tests of them must meet the real thing: path normalisation, WebSocket, HTTP/2.

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

/// Where the requests of one host go.
#[derive(Debug, Clone)]
pub struct Route {
    verify: Option<String>,
    backend: SocketAddr,
}

impl Route {
    /// Everybody passes: Gatepost's own public host, or an open application.
    pub fn open(backend: SocketAddr) -> Self {
        Self { verify: None, backend }
    }

    /// Every request is asked about at `verify`, an `http://` address with the requirements.
    pub fn gated(verify: impl Into<String>, backend: SocketAddr) -> Self {
        Self { verify: Some(verify.into()), backend }
    }
}

/// How an edge is to be started.
#[derive(Debug, Default)]
pub struct EdgeBuilder {
    routes: HashMap<String, Route>,
    port: u16,
    tls: Option<Authority>,
    response_headers: Option<Vec<String>>,
}

impl EdgeBuilder {
    /// Adds or replaces the route of a host (without a port).
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

    /// Speaks TLS with the certificate of `authority`.
    #[must_use]
    pub fn tls(mut self, authority: &Authority) -> Self {
        self.tls = Some(authority.clone());
        self
    }

    /// Takes over these response headers instead of [`AUTH_RESPONSE_HEADERS`].
    #[must_use]
    pub fn response_headers(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.response_headers = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Starts the edge.
    ///
    /// # Errors
    /// When the port is taken.
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

/// A running edge; ends with its guard.
#[derive(Debug)]
pub struct Edge {
    addr: SocketAddr,
    secure: bool,
    routes: Arc<RwLock<HashMap<String, Route>>>,
    task: AbortHandle,
}

impl Edge {
    /// Begins to describe an edge.
    pub fn builder() -> EdgeBuilder {
        EdgeBuilder::default()
    }

    /// Where the edge listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Address of a page of a host behind this edge, with the port.
    pub fn url(&self, host: &str, path: &str) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{host}:{}{path}", self.addr.port())
    }

    /// Adds or replaces the route of a host while the edge runs.
    pub fn set_route(&self, host: &str, route: Route) {
        self.routes.write().unwrap_or_else(PoisonError::into_inner).insert(host.to_ascii_lowercase(), route);
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.task.abort();
    }
}
