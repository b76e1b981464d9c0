//! A warm gate without a network: Gatepost's own connection on one end of a pipe in memory, a browser's request on the
//! other. For counting instructions.

use crate::load::Requests;
use crate::load::answer::Answer;
use crate::site::{Manner, Provider, Site};
use gatepost::app::State;
use gatepost::http::internal;
use gatepost::invalidation;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::runtime::{Builder, Runtime};

/// So many answers in a row show that memory knows the visitor, and that every first time is over.
const WARM: usize = 5;
const PIPE: usize = 64 * 1024;

/// One connection to a gate that knows one visitor.
pub struct Gate {
    pipe: DuplexStream,
    request: Vec<u8>,
    answer: Vec<u8>,
    cookie: Box<str>,
    state: Arc<State>,
    /// Serves the connection, on the thread that asks.
    front: Runtime,
    /// Everything that no request waits for, on a thread of its own.
    _behind: Runtime,
    _site: Site,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}

impl Gate {
    /// Opens one and warms it up.
    ///
    /// # Panics
    /// When it does not let the visitor pass.
    pub fn open() -> Self {
        let behind = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let (site, visitors) = behind.block_on(async {
            let site = Site::embedded(&Provider::absent(), Manner::production()).await.expect("a site");
            let people = site.people(1).await.expect("a person");
            let visitors = site.sessions(&people, 1, site.manner.host, None).await.expect("a session");
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
        let requests = Requests::pages("/verify", site.manner.host).by(site.manner.cookie, visitors.into());
        let mut request = Vec::new();
        requests.ready().write(0, &mut request);
        let answer = vec![0; PIPE];
        let mut gate = Self { pipe, request, answer, cookie, state, front, _behind: behind, _site: site };
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

    /// Asks once and reads the answer to its end.
    ///
    /// # Panics
    /// When the connection ends.
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
    use gatepost::gate::session_cache::CacheKey;

    #[test]
    fn a_gate_in_memory_lets_its_visitor_pass() {
        let mut gate = Gate::open();
        let key = CacheKey::of("app.example.test", gate.cookie());
        gate.ask();
        assert!(gate.answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
        assert!(gate.state().gate.cache.fresh(&key).is_some());
    }
}
