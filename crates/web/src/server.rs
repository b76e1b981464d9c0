//! The public listener's sockets and what they may cost. Strangers reach it, through Traefik or not, and each connection
//! takes memory before anybody knows who asks.

use super::body::Bodies;
use super::fault::{self, Fault};
use super::logos::Logos;
use super::register;
use crate::api::Documents;
use crate::tenant_checks::TenantChecks;
use actix_web::dev::Server;
use actix_web::http::KeepAlive;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, HttpServer, web};
use gatepost_admin::explain::Explainer;
use gatepost_core::api_key::KeyId;
use gatepost_core::ids::UserId;
use gatepost_runtime::assertion::AssertionKeys;
use gatepost_runtime::key_look_up::KeyLookUps;
use gatepost_runtime::key_uses::KeyUses;
use gatepost_runtime::rate::Rate;
use gatepost_runtime::readiness::Readiness;
use gatepost_runtime::tools::ToolServers;
use gatepost_runtime::tools::listing::Listing;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::sync::Semaphore;

/// A request's head takes at most this long: Traefik sends it whole.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// After the answer to a request whose body nobody reads, the connection is read on for so long: else a reset could
/// overtake the answer. The framework's clock is up to half a second late, and a time that is over when it is set never ends.
const LINGER: Duration = Duration::from_millis(750);
/// Connections at once, each with one request. More wait until one of these ends. A connection takes some 20 KiB, and
/// 128 KiB while its peer sends a long head.
const MOST_CONNECTIONS: usize = 512;
/// Connections that wait to be accepted, in the kernel.
const BACKLOG: u32 = 1024;
/// Bytes that the kernel holds of what a connection was sent and Gatepost has not read; a container's limit counts them.
const RECEIVE_BUFFER: u32 = 16 * 1024;

/// Pages of signed-in people that are made at once. Each queries the stores several times, and `/verify` has priority.
const PERSON_PAGES: usize = 4;

/// What the public listener needs to answer.
#[derive(Clone, Debug)]
pub struct Context {
    /// Signs in and out.
    pub sign_in: Arc<gatepost_sign_in::Context>,
    /// Look-ups of API keys that do not count. Shared with the gate.
    pub wrong_keys: Arc<KeyLookUps>,
    /// Requests of the API keys that have a limit. Shared with the gate.
    pub key_rates: Arc<Rate<KeyId>>,
    /// Uses of API keys that are not written yet. Shared with the gate.
    pub key_uses: Arc<KeyUses>,
    /// Explains decisions to admins.
    pub explainer: Arc<dyn Explainer>,
    /// Makes changes: those of administrators, and people's own requests for access.
    pub admin: Arc<gatepost_admin::Context>,
    /// Whether this replica should get requests, which the API shows.
    pub readiness: Arc<Readiness>,
    /// Verifies `X-User-Assertion`, and publishes its keys.
    pub assertion_keys: Arc<AssertionKeys>,
    /// What the documents about tool servers are made of.
    pub tool_servers: Arc<ToolServers>,
    /// Asks tool servers what they have, for whoever makes their rules.
    pub listing: Arc<Listing>,
}

/// Listens and serves.
///
/// # Errors
/// The address is taken, or is not ours.
pub fn start(context: &Context, address: SocketAddr, finish: Duration) -> io::Result<Server> {
    let configure = configure(context);
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let server =
        HttpServer::new(move || App::new().configure(configure.clone()).wrap(from_fn(fault::answer)))
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

/// What each thread's application is made of; they share one budget of bodies, and the permits of people's pages.
pub fn configure(context: &Context) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + use<> {
    let sign_in = web::Data::from(Arc::clone(&context.sign_in));
    let explainer = web::Data::from(Arc::clone(&context.explainer));
    let assertion_keys = web::Data::from(Arc::clone(&context.assertion_keys));
    let admin = web::Data::from(Arc::clone(&context.admin));
    let readiness = web::Data::from(Arc::clone(&context.readiness));
    let tool_servers = web::Data::from(Arc::clone(&context.tool_servers));
    let listing = web::Data::from(Arc::clone(&context.listing));
    let wrong_keys = web::Data::from(Arc::clone(&context.wrong_keys));
    let key_rates = web::Data::from(Arc::clone(&context.key_rates));
    let key_uses = web::Data::from(Arc::clone(&context.key_uses));
    let rate = web::Data::new(Rate::<UserId>::default());
    let documents = web::Data::new(Documents::default());
    let checks = web::Data::new(TenantChecks::default());
    let bodies = web::Data::new(Bodies::default());
    let logos = web::Data::new(Logos::default());
    let permits = web::Data::new(Semaphore::new(PERSON_PAGES));
    move |config| {
        config.app_data(sign_in.clone()).app_data(explainer.clone()).app_data(assertion_keys.clone());
        config.app_data(admin.clone()).app_data(readiness.clone()).app_data(rate.clone());
        config.app_data(bodies.clone()).app_data(permits.clone()).app_data(tool_servers.clone());
        config
            .app_data(checks.clone())
            .app_data(logos.clone())
            .app_data(documents.clone())
            .app_data(listing.clone());
        config.app_data(wrong_keys.clone()).app_data(key_rates.clone()).app_data(key_uses.clone());
        config.default_service(web::to(nothing_here));
        register(config);
    }
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
