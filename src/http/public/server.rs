//! The public listener's sockets and what they may cost. Strangers reach it, through Traefik or not, and each connection
//! takes memory before anybody knows who asks.

use super::body::{Bodies, WithRest};
use super::callers::PersonPages;
use super::fault::{self, Fault};
use super::register;
use crate::state::State;
use actix_web::dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::KeepAlive;
use actix_web::middleware::from_fn;
use actix_web::{App, Error, HttpResponse, HttpServer, web};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::net::TcpSocket;

/// A request's head takes at most this long: Traefik sends it whole.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// After the answer to a request whose body nobody reads, the connection is read on for so long: else a reset could
/// overtake the answer. The framework's clock is up to half a second late, and a time that is over when it is set never ends.
const LINGER: Duration = Duration::from_millis(750);
/// Connections at once, each with one request. More wait until one of these ends. A connection takes some 20 KiB, and
/// 128 KiB while its peer sends a long head.
const MOST_CONNECTIONS: usize = 512;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// Bytes that the kernel holds of what a connection was sent and Gatepost has not read; a container's limit counts them.
const RECEIVE_BUFFER: u32 = 16 * 1024;

/// Listens and serves.
///
/// # Errors
/// The address is taken, or is not ours.
pub fn start(state: &Arc<State>, address: SocketAddr, finish: Duration) -> io::Result<Server> {
    let shared = Shared::new(state);
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let server = HttpServer::new(move || application(&shared))
        // Each connection carries one request: the framework has a deadline for a connection's first head alone, so one
        // that stays open could be held for ever by a part of its second.
        .keep_alive(KeepAlive::Disabled)
        .client_request_timeout(HEAD_TIMEOUT)
        .client_disconnect_timeout(LINGER)
        .workers(workers)
        .max_connections(MOST_CONNECTIONS.div_ceil(workers))
        .shutdown_timeout(finish.as_secs())
        .disable_signals()
        .listen(listen(address)?)?;
    Ok(server.run())
}

/// What all threads' applications share.
#[derive(Clone)]
pub(super) struct Shared {
    state: web::Data<State>,
    bodies: web::Data<Bodies>,
    pages: web::Data<PersonPages>,
}

impl Shared {
    pub(super) fn new(state: &Arc<State>) -> Self {
        Self {
            state: web::Data::from(Arc::clone(state)),
            bodies: web::Data::new(Bodies::default()),
            pages: web::Data::new(PersonPages::default()),
        }
    }
}

/// One thread's application.
pub(super) fn application(
    shared: &Shared,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<WithRest>,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    App::new()
        .app_data(shared.state.clone())
        .app_data(shared.bodies.clone())
        .app_data(shared.pages.clone())
        .configure(|config| drop(register(config)))
        .default_service(web::to(nothing_here))
        .wrap(from_fn(fault::answer))
}

async fn nothing_here() -> Result<HttpResponse, Fault> {
    Err(Fault::NotFound)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}
