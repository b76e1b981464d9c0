//! TLS of the internal listener (TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1) with a required client certificate.
//!
//! [`InternalTls::reload`] takes all files of the folder into use, or none of them: if one is invalid, the previous
//! certificates stay in use. TLS sessions are not resumed, because a resumed session would not be verified against an
//! authority that was replaced meanwhile. Traefik keeps its connection open, so resumption would save little.

use super::certificate::{Authority, Certificate};
use super::files::{self, Stamp};
use super::pair::certify;
use super::{CertsError, Outcome, Role, renew_if_due};
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::Chain;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often the files are checked for changes.
const RELOAD_INTERVAL: Duration = Duration::from_secs(30);
/// How often certificates that are due are renewed.
const RENEWAL_INTERVAL: Duration = Duration::from_hours(24);
/// A certificate that expires within this time and cannot be renewed here is reported in the log.
const EXPIRY_WARNING: Duration = Duration::from_hours(14 * 24);

/// The certificates of the internal listener that are in use now.
#[derive(Debug)]
pub struct InternalTls {
    folder: PathBuf,
    loaded: watch::Sender<Loaded>,
}

#[derive(Clone, Debug)]
struct Loaded {
    config: Arc<ServerConfig>,
    not_after: Timestamp,
    stamps: [Option<Stamp>; 3],
}

impl InternalTls {
    /// Reads `ca.crt`, `server.crt` and `server.key`.
    ///
    /// # Errors
    /// [`CertsError`]: a file is missing, readable by others, expired, or does not match the others.
    pub fn load(folder: &Path) -> Result<Self, CertsError> {
        Self::load_at(folder, Timestamp::now())
    }

    pub(super) fn load_at(folder: &Path, now: Timestamp) -> Result<Self, CertsError> {
        if !folder.is_dir() {
            return Err(CertsError::NoFolder(folder.to_owned()));
        }
        let stamps = stamps(folder);
        let (config, not_after) = read(folder, now)?;
        Ok(Self {
            folder: folder.to_owned(),
            loaded: watch::Sender::new(Loaded { config, not_after, stamps }),
        })
    }

    /// The configuration for the next connection. Call this for each connection, because a reload replaces it.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.loaded.borrow().config)
    }

    /// The last second in which both the server's certificate and its authority are valid.
    pub fn not_after(&self) -> Timestamp {
        self.loaded.borrow().not_after
    }

    /// Reads the files again if one of them changed since they were last read. Returns whether new files are in use.
    ///
    /// # Errors
    /// [`CertsError`], once for each change; the previous certificates stay in use.
    pub fn reload(&self) -> Result<bool, CertsError> {
        self.reload_at(Timestamp::now())
    }

    pub(super) fn reload_at(&self, now: Timestamp) -> Result<bool, CertsError> {
        // Before reading, so that a change during the reading is noticed the next time.
        let stamps = stamps(&self.folder);
        if self.loaded.borrow().stamps == stamps {
            return Ok(false);
        }
        let read = read(&self.folder, now);
        self.loaded.send_modify(|loaded| {
            loaded.stamps = stamps;
            if let Ok((config, not_after)) = &read {
                (loaded.config, loaded.not_after) = (Arc::clone(config), *not_after);
            }
        });
        read.map(|_| true)
    }

    /// Renews certificates that are due once a day and reloads changed files, for as long as the process runs.
    pub async fn keep_fresh(self: Arc<Self>) {
        let mut ticks = interval(RELOAD_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut renewed: Option<Instant> = None;
        loop {
            ticks.tick().await;
            let is_renewal_time = renewed.is_none_or(|at| at.elapsed() >= RENEWAL_INTERVAL);
            if is_renewal_time {
                renewed = Some(Instant::now());
            }
            let this = Arc::clone(&self);
            // File operations block. A panic is logged by the panic hook.
            let _ = spawn_blocking(move || this.maintain(is_renewal_time)).await;
        }
    }

    fn maintain(&self, is_renewal_time: bool) {
        if is_renewal_time {
            let now = Timestamp::now();
            match renew_if_due(&self.folder, now) {
                Ok(outcome) => log_outcome(&outcome, now),
                Err(error) => {
                    tracing::error!(error = %Chain(&error), "cannot renew the internal certificates");
                }
            }
        }
        match self.reload() {
            Ok(true) => {
                tracing::info!(not_after = self.not_after().unix(), "reloaded the internal certificates");
            }
            Ok(false) => {}
            Err(error) => {
                tracing::error!(error = %Chain(&error), "the new internal certificates are invalid; the previous ones stay in use");
            }
        }
    }
}

fn log_outcome(outcome: &Outcome, now: Timestamp) {
    for state in &outcome.states {
        let (path, days) = (state.path.display(), state.not_after.since(now).as_secs() / 86_400);
        if state.made.is_some() {
            tracing::info!(certificate = %path, days, "renewed a certificate");
        } else if state.not_after.since(now) < EXPIRY_WARNING {
            tracing::warn!(certificate = %path, days, "a certificate expires soon and this process cannot renew it: run `gatepost certs`");
        }
    }
}

fn paths(folder: &Path) -> [PathBuf; 3] {
    [Role::Authority.certificate_in(folder), Role::Server.certificate_in(folder), Role::Server.key_in(folder)]
}

fn stamps(folder: &Path) -> [Option<Stamp>; 3] {
    paths(folder).map(|path| files::stamp(&path))
}

fn read(folder: &Path, now: Timestamp) -> Result<(Arc<ServerConfig>, Timestamp), CertsError> {
    let [authority_path, certificate_path, key_path] = paths(folder);
    let find = |path: PathBuf| Certificate::find(&path)?.ok_or(CertsError::Missing(path));
    let (ca, certificate) = (find(authority_path)?, find(certificate_path)?);
    let key = files::find_key(&key_path)?.ok_or_else(|| CertsError::Missing(key_path.clone()))?;
    let provider = Arc::new(ring::default_provider());
    let certified = certify(&certificate, &key_path, &key, &provider)?;
    let authority = Authority::new(&ca, &provider, now)?;
    authority.check(&certificate, Role::Server)?;
    let config = server_config(certified, &authority, &provider)?;
    Ok((Arc::new(config), certificate.not_after.min(ca.not_after)))
}

fn server_config(
    certified: rustls::sign::CertifiedKey,
    authority: &Authority<'_>,
    provider: &Arc<CryptoProvider>,
) -> Result<ServerConfig, CertsError> {
    let roots = Arc::clone(&authority.roots);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider)).build();
    let verifier = verifier.map_err(|error| CertsError::Tls(rustls::Error::General(error.to_string())))?;
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(CertsError::Tls)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}
