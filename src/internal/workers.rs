//! Threads that serve the proxy and nothing else, so that a slow provider or a page never delays `/verify`.
//!
//! One runtime per core, each with its own connections: a request is served where its bytes came in. All accept from the
//! same socket, which is closed only when all have stopped.

use super::connection::{Shared, serve_http1, serve_http2};
use super::connection_timeouts::{Activity, CHECK_INTERVAL, Watched};
use super::context::{Context, Surface};
use super::untrusted_peers::{Permit, UntrustedPeers};
use gatepost_certs::InternalTls;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

/// A TLS handshake takes at most this long.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The operating system is out of file descriptors: that passes.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A socket that listens, and what it answers.
#[derive(Debug)]
pub struct Listener {
    socket: StdListener,
    surface: Surface,
    tls: Option<Arc<InternalTls>>,
}

impl Listener {
    /// Listens; nobody is served yet.
    ///
    /// # Errors
    /// The address is taken, or is not ours.
    pub fn bind(address: SocketAddr, surface: Surface, tls: Option<Arc<InternalTls>>) -> io::Result<Self> {
        let socket = StdListener::bind(address)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, surface, tls })
    }
}

/// The threads of one listener.
#[derive(Debug)]
pub struct Workers {
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

/// Serves a listener on `count` threads.
///
/// # Errors
/// The operating system gives no thread, or no runtime.
pub fn start(
    context: &Arc<Context>,
    listener: &Listener,
    count: usize,
    finish: Duration,
) -> io::Result<Workers> {
    let (stop, stopping) = watch::channel(false);
    let mut threads = Vec::with_capacity(count);
    let untrusted_peers = Arc::new(UntrustedPeers::default());
    for number in 0..count {
        let socket = listener.socket.try_clone()?;
        let admission =
            Admission { tls: listener.tls.clone(), untrusted_peers: Arc::clone(&untrusted_peers) };
        let shared =
            Shared { context: Arc::clone(context), surface: listener.surface, stop: stopping.clone() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serve = move || {
            let result = runtime.block_on(accept(socket, admission, shared, finish));
            if let Err(error) = result {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a thread of the internal listener failed"
                );
            }
        };
        threads.push(thread::Builder::new().name(format!("verify-{number}")).spawn(serve)?);
    }
    Ok(Workers { stop, threads })
}

impl Workers {
    /// Accepts no more, finishes what runs, returns when all is done. Blocks the thread.
    pub fn stop(self) {
        self.stop.send_replace(true);
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the internal listener had panicked");
            }
        }
    }
}

/// What a connection passes before it is served: the limit of untrusted peers, and TLS.
struct Admission {
    tls: Option<Arc<InternalTls>>,
    untrusted_peers: Arc<UntrustedPeers>,
}

impl Admission {
    /// Takes a permit for a peer that is not a trusted proxy. `Err`: there is none left.
    fn admit(&self, context: &Context, peer: SocketAddr) -> Result<Option<Permit>, ()> {
        let peer = peer.ip().to_canonical();
        if context.gate.site.trusts(peer) {
            return Ok(None);
        }
        self.untrusted_peers.admit(peer).map(Some).ok_or_else(|| {
            tracing::info!(peer = %peer, "closed a connection of a peer that is no trusted proxy and has too many");
        })
    }
}

async fn accept(
    socket: StdListener,
    admission: Admission,
    shared: Shared,
    finish: Duration,
) -> io::Result<()> {
    let listener = TcpListener::from_std(socket)?;
    let connections = TaskTracker::new();
    let mut watched = Watched::default();
    let mut checks = interval(CHECK_INTERVAL);
    // After a pause of the process connections get their time before they are looked at again.
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stop = shared.stop.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let Ok(admitted) = admission.admit(&shared.context, peer) else { continue };
                    let acceptor = admission.tls.as_ref().map(|tls| TlsAcceptor::from(tls.server_config()));
                    let activity = Arc::new(Activity::default());
                    let connection = serve(shared.clone(), acceptor, Arc::clone(&activity), stream, peer);
                    let serving = async move {
                        let _admitted = admitted;
                        connection.await;
                    };
                    watched.add(connections.spawn(serving).abort_handle(), activity);
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            _ = checks.tick() => watched.close_overdue(),
            _ = stop.changed() => break,
        }
    }
    drop(listener);
    watched.close();
    connections.close();
    // Connections that are still open after this time are closed.
    let _ = timeout(finish, connections.wait()).await;
    Ok(())
}

async fn serve(
    shared: Shared,
    acceptor: Option<TlsAcceptor>,
    activity: Arc<Activity>,
    stream: TcpStream,
    peer: SocketAddr,
) {
    // Answers are small and written whole: waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    let peer = peer.ip().to_canonical();
    let Some(acceptor) = acceptor else { return serve_http1(shared, activity, peer, stream).await };
    match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
            serve_http2(shared, activity, peer, stream).await;
        }
        Ok(Ok(stream)) => serve_http1(shared, activity, peer, stream).await,
        Ok(Err(error)) => {
            tracing::info!(peer = %peer, error = &error as &dyn std::error::Error, "refused a connection without a valid client certificate");
        }
        Err(_) => tracing::info!(peer = %peer, "a TLS handshake took too long"),
    }
}
