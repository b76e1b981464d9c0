//! The doctor: looks at everything Gatepost depends on and says what is wrong, what can happen and how it is mended.
//!
//! One file per part. Each has time limits, changes nothing, and turns what it cannot reach into a finding; a broken
//! configuration does not keep the rest from being looked at.

mod certificates;
mod configuration;
mod finding;
mod keys;
mod postgres;
mod provider;
mod redis;
mod requirements;
mod time;
pub mod traefik;

pub use finding::{Code, Finding, Place, Severity};

use gatepost_config::{Config, StoresConfig};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use url::{Host, Url};

/// What to look at.
#[derive(Debug)]
pub struct Order {
    /// `--config`.
    pub config_file: Option<PathBuf>,
    /// The process's environment; or the name of a variable in it that may be a setting and is no text.
    pub environment: Result<Vec<(String, String)>, String>,
    /// `--traefik`.
    pub traefik: Vec<PathBuf>,
}

/// Every kind of finding, in the order of the parts; `docs/check.md` lists them.
pub fn codes() -> impl Iterator<Item = &'static Code> {
    let parts = [
        configuration::CODES,
        keys::CODES,
        certificates::CODES,
        provider::CODES,
        redis::CODES,
        postgres::CODES,
        requirements::CODES,
    ];
    parts.into_iter().flatten().copied().chain(traefik::codes())
}

/// Looks at all of it. Must be called within a runtime.
pub async fn run(order: &Order) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (config, stores) = load(order, &mut findings);
    if let Some(config) = &config {
        findings.extend(configuration::look(config));
        findings.extend(keys::look(config));
    }
    let looked = traefik::look(&order.traefik, config.as_deref());
    if let Some(config) = &config {
        findings.extend(certificates::look(config, &looked.gates));
    }
    let (provider, (stores, directory)) = tokio::join!(
        async {
            match &config {
                Some(config) => provider::look(config).await,
                None => Vec::new(),
            }
        },
        async {
            match &stores {
                Some((stores, ca_file)) => look_at_stores(stores, ca_file.as_ref()).await,
                None => (Vec::new(), None),
            }
        },
    );
    findings.extend(provider);
    findings.extend(stores);
    findings.extend(looked.findings);
    if let Some(directory) = directory {
        findings.extend(requirements::look(&directory, &looked.requirements).await);
    }
    findings
}

type Stores = (StoresConfig, Option<PathBuf>);

/// The configuration, if it holds; else of it at least where the stores are.
fn load(order: &Order, findings: &mut Vec<Finding>) -> (Option<Arc<Config>>, Option<Stores>) {
    let environment = match &order.environment {
        Ok(environment) => environment,
        Err(name) => {
            findings.push(configuration::not_text(name));
            return (None, None);
        }
    };
    match Config::load(order.config_file.as_deref(), environment.iter().cloned()) {
        Ok(config) => {
            let stores = (config.stores.clone(), config.ca_file.clone());
            (Some(Arc::new(config)), Some(stores))
        }
        Err(errors) => {
            findings.extend(configuration::errors(&errors));
            (None, Config::load_stores(order.config_file.as_deref(), environment.iter().cloned()))
        }
    }
}

async fn look_at_stores(
    stores: &StoresConfig,
    ca_file: Option<&PathBuf>,
) -> (Vec<Finding>, Option<gatepost_store::directory::Directory>) {
    let ca_file = ca_file.map(PathBuf::as_path);
    let (mut findings, (others, directory)) = tokio::join!(
        async {
            match stores {
                StoresConfig::Shared { redis_url, .. } => redis::look(redis_url, ca_file).await,
                StoresConfig::Embedded { .. } => Vec::new(),
            }
        },
        postgres::look(stores, ca_file),
    );
    findings.extend(others);
    (findings, directory)
}

/// Whether an address is on loopback.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        // Schemes that URLs know nothing of keep addresses as text.
        Some(Host::Domain(name)) => {
            name == "localhost"
                || name.ends_with(".localhost")
                || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether the way there stays on this machine: to loopback, or to a container, whose name has no dot.
fn stays_near(url: &Url) -> bool {
    let is_container = |name: &str| {
        !name.starts_with('[') && (!name.contains('.') || name.ends_with(".internal")) && !name.contains(':')
    };
    is_loopback(url) || url.host_str().is_some_and(is_container)
}
