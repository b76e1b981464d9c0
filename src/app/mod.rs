//! Starts and stops the process: opens the stores, starts the listeners and background tasks, stops them in order.

mod housekeeping;
mod leading;
mod state;
#[cfg(test)]
mod tests;
mod warm_up;

pub use state::State;

use crate::internal::{self, Listener, Surface, Workers};
use actix_web::dev::ServerHandle;
use gatepost_certs::tls;
use gatepost_certs::{self as certs, CertsError, InternalTls};
use gatepost_cli::start::{StartError, lock};
use gatepost_cli::{Here, Program};
use gatepost_config::{Config, StoresConfig, keyring};
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::Lifetimes;
use gatepost_core::host::ProtectedHosts;
use gatepost_core::secret::Secret;
use gatepost_oidc::{Calls, Providers, Settings, Speakers, TenantClients};
use gatepost_runtime::assertion::AssertionKeys;
use gatepost_runtime::revocation;
use gatepost_runtime::site::Site;
use gatepost_runtime::stores::Stores;
use gatepost_runtime::webhook::Webhook;
use gatepost_store::directory::Directory;
use gatepost_store::session::Sessions;
use gatepost_store::session::cookie::CookiePolicy;
use gatepost_store::session::sealed::KeyRing;
use gatepost_store::session::store::{RedisStore, SqliteStore, Store};
use gatepost_telemetry::Metrics;
use housekeeping::Housekeeping;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;

/// How long the process serves on after SIGTERM while it is not ready, so that the proxy stops sending requests first.
const DRAIN: Duration = Duration::from_secs(5);
/// How long requests and tasks may then take to finish.
const FINISH: Duration = Duration::from_secs(10);

/// Runs until a signal says stop.
///
/// # Errors
/// [`StartError`].
pub async fn serve(config: Config) -> Result<(), StartError> {
    let _lock = lock(&config.stores)?;
    if config.is_development() {
        tracing::warn!("DEVELOPMENT: plain HTTP, cookies without Secure. Never let anybody else reach this.");
    }
    let state = Arc::new(build(config)?);
    housekeeping::prepare(&state).await?;
    let tls = state.site.config.internal_tls.as_deref().map(open_tls).transpose()?;
    // The public listener starts first: as soon as readiness can be queried, browsers may come.
    let public = listen_public(&state)?;
    let internal = listen_internal(&state, state.site.config.internal_addr, Surface::Internal, tls.as_ref())?;
    let health =
        state.site.config.health_addr.map(|address| listen_internal(&state, address, Surface::Health, None));
    let filter = state.site.config.filter_addr;
    let filter = filter.map(|address| listen_internal(&state, address, Surface::Filter, tls.as_ref()));
    let internal: Vec<Workers> =
        std::iter::once(internal).chain(health.transpose()?).chain(filter.transpose()?).collect();
    let housekeeping = Housekeeping::start(&state);
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        internal.addr = %state.site.config.internal_addr,
        public.addr = %state.site.config.public_addr,
        public.url = %state.site.config.public_url,
        "serving"
    );
    let stopped = stop_on_signal(&state, internal, &public).await;
    housekeeping.stop().await;
    leading::forget(&state).await;
    tracing::info!("stopped");
    stopped.map_err(StartError::Runtime)
}

/// What the command line runs.
pub const PROGRAM: Program = Program { open, serve: |config| Box::pin(serve(config)) };

/// Opens what commands work on.
fn open(config: Config) -> Result<Here, StartError> {
    let State { site, stores, admin, explain, .. } = build(config)?;
    Ok(Here { site, stores, admin, explainer: explain })
}

/// Opens stores, keys and providers. Needs no network yet.
///
/// # Errors
/// [`StartError`].
pub fn build(config: Config) -> Result<State, StartError> {
    let config = Arc::new(config);
    let keys = secret_keys(&config)?;
    let ring = Arc::new(KeyRing::new(&keys));
    let lifetimes = Lifetimes {
        idle: config.session.idle_timeout,
        absolute: config.session.absolute_timeout,
        refresh_interval: config.session.refresh_interval,
    };
    let metrics = Arc::new(Metrics::new(config.providers.iter().map(|provider| &provider.id)));
    let stores = Stores {
        directory: Directory::open(&config.stores, config.ca_file.as_deref())?,
        sessions: Sessions::new(open_store(&config)?, Arc::clone(&ring), lifetimes),
        metrics: Arc::clone(&metrics),
    };
    let client = gatepost_oidc::outgoing_client(config.ca_file.as_deref());
    let webhook =
        Webhook::new(config.webhook.clone(), &config.public_url, &client.map_err(StartError::Webhook)?);
    let direct = || gatepost_oidc::direct_client(config.ca_file.as_deref()).map_err(StartError::Upstreams);
    let upstreams = (!config.services.is_empty()).then(direct).transpose()?;
    let assertion_keys = AssertionKeys::new(&keys);
    let (settings, calls) = (Settings::of(&config), provider_calls(&metrics));
    let providers = Providers::new(&settings, &calls)?;
    let site = Site {
        accepts_access_tokens: providers.accept_access_tokens(),
        providers,
        tenant_clients: TenantClients::new(&settings, &config.tenants.provider_networks, &calls)?,
        hosts: ProtectedHosts::new(config.hosts.clone(), config.public_url.clone()),
        cookies: CookiePolicy {
            is_secure: !config.is_development(),
            is_persistent: config.session.persistent,
        },
        speakers: Speakers::new(&settings, &calls).map_err(StartError::Speakers)?,
        ring,
        lifetimes,
        config,
    };
    Ok(State::new(site, stores, assertion_keys, webhook, upstreams))
}

fn secret_keys(config: &Config) -> Result<Cow<'_, [Secret]>, StartError> {
    match &config.stores {
        StoresConfig::Embedded { file } if config.secret_keys.is_empty() => {
            keyring::read_or_create(file).map(Cow::Owned).map_err(StartError::KeyRing)
        }
        _ => Ok(Cow::Borrowed(&config.secret_keys)),
    }
}

/// Counts and times each finished call to a provider.
fn provider_calls(metrics: &Arc<Metrics>) -> Calls {
    let metrics = Arc::clone(metrics);
    Calls::new(move |call| {
        if let Some(metrics) = metrics.provider(call.provider) {
            metrics.called(call.endpoint, call.outcome, call.elapsed);
        }
    })
}

fn open_store(config: &Config) -> Result<Store, StartError> {
    match &config.stores {
        StoresConfig::Embedded { file } => Ok(Store::Sqlite(SqliteStore::open(file))),
        StoresConfig::Shared { redis_url, .. } => {
            let ca = config.ca_file.as_deref().map(read).transpose()?;
            RedisStore::open(redis_url, ca).map(Store::Redis).map_err(StartError::Redis)
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, StartError> {
    tls::read_authorities(path).map_err(|error| StartError::File(path.to_owned(), error))
}

/// Loads the certificates, and renews those that expired while Gatepost was not running. From then on a task renews them.
fn open_tls(folder: &Path) -> Result<Arc<InternalTls>, StartError> {
    let loaded = match InternalTls::load(folder) {
        Err(CertsError::Expired { .. }) => {
            certs::renew_if_due(folder, Timestamp::now()).and_then(|_| InternalTls::load(folder))
        }
        loaded => loaded,
    };
    let tls = Arc::new(loaded?);
    actix_web::rt::spawn(Arc::clone(&tls).keep_fresh());
    Ok(tls)
}

fn listen_internal(
    state: &Arc<State>,
    address: SocketAddr,
    surface: Surface,
    tls: Option<&Arc<InternalTls>>,
) -> Result<Workers, StartError> {
    let bound = Listener::bind(address, surface, tls.cloned());
    let listener = bound.map_err(|error| StartError::Listen(address, error))?;
    let cores = match surface {
        Surface::Internal => thread::available_parallelism().map_or(1, NonZero::get),
        Surface::Health | Surface::Filter => 1,
    };
    internal::start(&state.internal, &listener, cores, FINISH).map_err(StartError::Runtime)
}

fn listen_public(state: &Arc<State>) -> Result<ServerHandle, StartError> {
    let address = state.site.config.public_addr;
    let server = gatepost_web::start(&state.public, address, FINISH)
        .map_err(|error| StartError::Listen(address, error))?;
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}

/// Stops on a signal. SIGTERM: not ready at once, serve on for [`DRAIN`], finish, close. SIGINT: close at once, because a
/// person waits at a terminal.
async fn stop_on_signal(state: &State, internal: Vec<Workers>, public: &ServerHandle) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let is_graceful = tokio::select! {
        _ = terminate.recv() => true,
        _ = interrupt.recv() => false,
    };
    state.readiness.drain();
    leading::leave(state).await;
    if is_graceful {
        // In development no proxy has to notice first.
        let drain = if state.site.config.is_development() { Duration::ZERO } else { DRAIN };
        tracing::info!("stopping: not ready any more, serving {} s longer", drain.as_secs());
        tokio::time::sleep(drain).await;
    }
    let (stopped, ()) = tokio::join!(
        spawn_blocking(move || internal.into_iter().for_each(Workers::stop)),
        public.stop(is_graceful)
    );
    if is_graceful {
        state.tasks.finish(FINISH).await;
    }
    state.gate.quotas.give_back().await;
    housekeeping::write_uses(state).await;
    housekeeping::write_key_uses(state).await;
    housekeeping::write_refusals(state).await;
    state.gate.usage.write().await;
    revocation::write_pending(&state.revocation).await;
    stopped?;
    Ok(())
}
