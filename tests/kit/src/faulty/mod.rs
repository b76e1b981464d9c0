//! A TCP proxy in front of a store or a provider that fails like a network: it refuses, resets, stalls, delays, or
//! drops one direction. The mode can be changed while it runs, on the same port.

mod pump;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use crate::process::{free_addr, until};
use pump::pump;

const SWITCH: Duration = Duration::from_secs(5);

/// How the proxy behaves. `Refuse` and `Reset` only apply to new connections (see [`FaultyProxy::cut`] for existing
/// ones), the other modes apply to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// All bytes are forwarded.
    Pass,
    /// Nothing listens on the port, so the operating system refuses connections.
    Refuse,
    /// New connections are accepted and reset.
    Reset,
    /// Connections stay open, but bytes are held back until the mode changes, as after a lost route.
    Stall,
    /// Bytes are delayed by this time in each direction.
    Slow(Duration),
    /// Connections stay open, but bytes are dropped. A connection that lost bytes stays broken without an error.
    HalfOpen,
}

#[derive(Debug, Clone, Copy)]
struct Orders {
    mode: Mode,
    upstream: SocketAddr,
    cuts: u64,
}

/// A running proxy. It stops when this value is dropped.
#[derive(Debug)]
pub struct FaultyProxy {
    addr: SocketAddr,
    orders: watch::Sender<Orders>,
    listening: watch::Receiver<bool>,
    accepted: Arc<AtomicUsize>,
    questions: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl FaultyProxy {
    /// Starts a proxy that forwards everything to `upstream`.
    pub async fn start(upstream: SocketAddr) -> Self {
        let addr = free_addr();
        let (orders, receiver) = watch::channel(Orders { mode: Mode::Pass, upstream, cuts: 0 });
        let (state, listening) = watch::channel(false);
        let (accepted, questions) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let gate = Gate {
            addr,
            orders: receiver,
            listening: state,
            accepted: Arc::clone(&accepted),
            questions: Arc::clone(&questions),
        };
        let task = tokio::spawn(gate.run()).abort_handle();
        let proxy = Self { addr, orders, listening, accepted, questions, task };
        proxy.wait_listening(true).await;
        proxy
    }

    /// The address of the proxy.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The number of connections that were accepted so far.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// The number of reads from clients so far. Several requests that are sent at once count as one.
    pub fn questions(&self) -> usize {
        self.questions.load(Ordering::Relaxed)
    }

    /// Changes the mode. Returns when the port is open or closed, as the mode requires.
    pub async fn set(&self, mode: Mode) {
        self.orders.send_modify(|orders| orders.mode = mode);
        self.wait_listening(mode != Mode::Refuse).await;
    }

    /// Sends new connections to another server, like an address that moves. Existing connections stay until
    /// [`FaultyProxy::cut`].
    pub fn lead_to(&self, upstream: SocketAddr) {
        self.orders.send_modify(|orders| orders.upstream = upstream);
    }

    /// Resets every existing connection.
    pub fn cut(&self) {
        self.orders.send_modify(|orders| orders.cuts += 1);
    }

    async fn wait_listening(&self, wanted: bool) {
        until("the proxy to obey", SWITCH, async || (*self.listening.borrow() == wanted).then_some(())).await;
    }
}

impl Drop for FaultyProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Gate {
    addr: SocketAddr,
    orders: watch::Receiver<Orders>,
    listening: watch::Sender<bool>,
    accepted: Arc<AtomicUsize>,
    questions: Arc<AtomicUsize>,
}

impl Gate {
    async fn run(mut self) {
        let mut connections = JoinSet::new();
        loop {
            let listener = TcpListener::bind(self.addr).await.expect("the proxy's own port");
            self.listening.send_replace(true);
            self.accept(&listener, &mut connections).await;
            drop(listener);
            self.listening.send_replace(false);
            if self.orders.wait_for(|orders| orders.mode != Mode::Refuse).await.is_err() {
                return;
            }
        }
    }

    /// Accepts connections until the mode is `Refuse`.
    async fn accept(&mut self, listener: &TcpListener, connections: &mut JoinSet<()>) {
        let mut orders = self.orders.clone();
        loop {
            tokio::select! {
                refused = orders.wait_for(|orders| orders.mode == Mode::Refuse) => {
                    if refused.is_ok() {
                        return;
                    }
                }
                accepted = listener.accept() => {
                    let Ok((stream, _)) = accepted else { continue };
                    self.accepted.fetch_add(1, Ordering::Relaxed);
                    if self.orders.borrow().mode == Mode::Reset {
                        let _ = stream.set_zero_linger();
                        continue;
                    }
                    connections.spawn(connection(stream, self.orders.clone(), Arc::clone(&self.questions)));
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

async fn connection(client: TcpStream, orders: watch::Receiver<Orders>, questions: Arc<AtomicUsize>) {
    let Orders { upstream, cuts, .. } = *orders.borrow();
    let Ok(server) = TcpStream::connect(upstream).await else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let mut scissors = orders.clone();
    let (mut client, mut server) = (client, server);
    let whole = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let (there, back) = (orders.clone(), orders);
        let count = || {
            questions.fetch_add(1, Ordering::Relaxed);
        };
        tokio::select! {
            ((), ()) = async { tokio::join!(pump(from_client, to_server, there, count), pump(from_server, to_client, back, || {})) } => true,
            _ = scissors.wait_for(|orders| orders.cuts > cuts) => false,
        }
    };
    if !whole {
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}
