//! A warm Gatepost without a network: its connection handler on one end of an in-memory pipe, the request of a browser or
//! of an MCP client on the other. For counting instructions.

use crate::load::Requests;
use crate::load::answer::Answer;
use crate::site::{Addresses, Provider, Site};
use crate::tool_call;
use gatepost::app::State;
use gatepost::internal;
use gatepost_core::clock::BootTime;
use gatepost_core::mcp::Mode;
use gatepost_runtime::invalidation;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::runtime::{Builder, Runtime};

/// The number of answers that warm up the cache and all lazily initialized state.
const WARM: usize = 5;
const PIPE: usize = 64 * 1024;
/// Between two looks at the lease.
const PAUSE: Duration = Duration::from_millis(5);
/// Where the tool server is.
const PATH: &str = "/servers/github/mcp";

/// A connection to a Gatepost that has one session in its cache.
pub struct Gate {
    pipe: DuplexStream,
    request: Vec<u8>,
    answer: Vec<u8>,
    cookie: Box<str>,
    state: Arc<State>,
    /// The runtime that serves the connection, on the thread that sends requests.
    front: Runtime,
    /// The runtime for background tasks, on another thread.
    _behind: Runtime,
    _site: Site,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}

impl Gate {
    /// Opens a connection for navigations, and warms it up.
    ///
    /// # Panics
    /// If the visitor is not let through.
    pub fn open() -> Self {
        Self::with(None)
    }

    /// Opens a connection for calls of a tool server, and warms it up. `tools` are what its rules give to the visitor.
    ///
    /// # Panics
    /// If the visitor is not let through.
    pub fn of_tools(mode: Mode, tools: &[String]) -> Self {
        Self::with(Some((mode, tools)))
    }

    fn with(tool_server: Option<(Mode, &[String])>) -> Self {
        let behind = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let (site, visitors) = behind.block_on(async {
            let site = Site::embedded(&Provider::absent(), Addresses::production()).await.expect("a site");
            let people = site.people(1).await.expect("a person");
            if let Some((mode, tools)) = tool_server {
                site.tool_server(mode, PATH, tools).await.expect("a tool server");
            }
            let visitors = site.sessions(&people, 1, site.addresses.host, None).await.expect("a session");
            (site, visitors)
        });
        let state = Arc::clone(&site.state);
        behind.spawn(invalidation::keep_lease(Arc::clone(&state.stores), Arc::clone(&state.lease)));
        let front = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (pipe, other) = tokio::io::duplex(PIPE);
        front.spawn(internal::serve_stream(
            Arc::clone(&state.internal),
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            other,
        ));
        let cookie = visitors[0].cookie.clone();
        let host = site.addresses.host;
        let requests = match tool_server {
            None => Requests::pages("/verify", host),
            Some((mode @ Mode::Body, _)) => tool_call::requests(mode, host, "/verify?mcp=true", PATH),
            Some((mode @ Mode::Headers, _)) => tool_call::requests(mode, host, "/verify?mcp=headers", PATH),
        };
        let mut request = Vec::new();
        requests.by(site.addresses.cookie, visitors.into()).ready().write(0, &mut request);
        let answer = vec![0; PIPE];
        let mut gate = Self { pipe, request, answer, cookie, state, front, _behind: behind, _site: site };
        // Until then nothing that is cached counts.
        while !gate.state.lease.holds(BootTime::now()) {
            std::thread::sleep(PAUSE);
        }
        while gate.state.gate.cache.size().0 == 0 {
            gate.ask();
        }
        for _ in 0..WARM {
            gate.ask();
        }
        let answer = Answer::read(&gate.answer).expect("an answer").expect("all of it");
        assert_eq!((answer.status, answer.email.is_some()), (200, true));
        gate
    }

    /// Sends one request, and reads the complete answer.
    ///
    /// # Panics
    /// If the connection ends.
    pub fn ask(&mut self) {
        let Self { pipe, request, answer, front, .. } = self;
        front.block_on(async {
            pipe.write_all(request).await.expect("an open pipe");
            let read = pipe.read(answer).await.expect("an open pipe");
            assert!(read > 0, "the gate hung up");
        });
    }

    /// Every part of the gate.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The visitor's cookie.
    pub fn cookie(&self) -> &str {
        &self.cookie
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_runtime::session_cache::{CacheKey, SessionProof};

    #[test]
    fn a_gate_in_memory_lets_its_visitor_pass() {
        let mut gate = Gate::open();
        let key = CacheKey::of("app.example.test", gate.cookie());
        gate.ask();
        assert!(gate.answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
        assert!(gate.state().gate.cache.fresh::<SessionProof>(&key).is_some());
    }

    #[test]
    fn a_gate_in_memory_lets_calls_of_its_visitors_tools_pass() {
        for mode in [Mode::Body, Mode::Headers] {
            let mut gate = Gate::of_tools(mode, &["get_*".to_owned()]);
            gate.ask();
            let answer = String::from_utf8_lossy(&gate.answer);
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
            assert!(answer.contains("x-user-tools: get_*\r\n"), "{answer}");
        }
    }
}
