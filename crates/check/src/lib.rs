//! `gatepost check`: examines everything that Gatepost depends on, and reports what is wrong, what can happen and how
//! to fix it.
//!
//! One module per part. Each has time limits and changes nothing. What it cannot reach becomes a finding. If the
//! configuration has errors, the other parts are checked as far as possible.

mod certificates;
mod configuration;
mod finding;
mod keys;
mod loopback;
pub mod mcp;
pub mod mcp_entra;
mod postgres;
mod provider;
mod redis;
mod requirements;
mod time;
pub mod traefik;

pub use finding::{Code, Finding, Place, Severity};
pub use postgres::audit_broken;
pub use provider::{EXPIRES_SOON_DAYS, credential_ends_at};

use gatepost_config::{Config, StoresConfig};
use gatepost_store::directory::Directory;
use std::path::PathBuf;
use std::sync::Arc;

/// What to check.
#[derive(Debug)]
pub struct Order {
    /// `--config`: the path of the configuration file.
    pub config_file: Option<PathBuf>,
    /// The process's environment, or the name of a variable that may be a setting and is not UTF-8.
    pub environment: Result<Vec<(String, String)>, String>,
    /// `--traefik`: Traefik's configuration files and Compose files.
    pub traefik: Vec<PathBuf>,
}

/// All kinds of findings, in the order in which `docs/check.md` lists them.
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
    let tools = mcp::CODES.iter().chain(mcp_entra::CODES).copied();
    parts.into_iter().flatten().copied().chain(traefik::codes()).chain(tools)
}

/// Checks every part. Must be called within a Tokio runtime.
pub async fn run(order: &Order) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (config, stores) = load(order, &mut findings);
    if let Some(config) = &config {
        findings.extend(configuration::inspect(config));
        findings.extend(keys::inspect(config));
    }
    let traefik = traefik::inspect(&order.traefik, config.as_deref());
    if let Some(config) = &config {
        findings.extend(certificates::inspect(config, &traefik.gates));
    }
    let (provider, (stores, directory)) = tokio::join!(
        async {
            match &config {
                Some(config) => provider::inspect(config).await,
                None => Vec::new(),
            }
        },
        async {
            match &stores {
                Some((stores, ca_file)) => check_stores(stores, ca_file.as_ref()).await,
                None => (Vec::new(), None),
            }
        },
    );
    findings.extend(provider);
    findings.extend(stores);
    findings.extend(traefik.findings);
    if let Some(directory) = directory {
        findings.extend(requirements::inspect(&directory, &traefik.requirements).await);
    }
    findings
}

/// Checks the database of the directory alone, and returns it if it can be used. Other settings may be missing.
pub async fn run_store(order: &Order) -> (Vec<Finding>, Option<Directory>) {
    let mut findings = Vec::new();
    // What is wrong with the other settings matters only where those of the stores cannot be read.
    let (_, Some((stores, ca_file))) = load(order, &mut findings) else { return (findings, None) };
    postgres::inspect(&stores, ca_file.as_deref()).await
}

type Stores = (StoresConfig, Option<PathBuf>);

/// Loads the configuration. If it has errors, loads at least the settings of the stores.
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

async fn check_stores(stores: &StoresConfig, ca_file: Option<&PathBuf>) -> (Vec<Finding>, Option<Directory>) {
    let ca_file = ca_file.map(PathBuf::as_path);
    let (mut findings, (others, directory)) = tokio::join!(
        async {
            match stores {
                StoresConfig::Shared { redis_url, .. } => redis::inspect(redis_url, ca_file).await,
                StoresConfig::Embedded { .. } => Vec::new(),
            }
        },
        postgres::inspect(stores, ca_file),
    );
    findings.extend(others);
    (findings, directory)
}
