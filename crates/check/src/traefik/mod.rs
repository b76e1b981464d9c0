//! Traefik's side of the gate: static and dynamic configuration in YAML and TOML, Compose files with their labels.
//!
//! It reads what the operator wrote, never what runs: a file that was not given is not known. Findings point to lines.

mod chain;
mod compose;
mod document;
mod entry_points;
mod forward_auth;
mod image;
mod routers;
mod rule;
mod setup;
mod source;
mod tls;
mod tls_end;
mod toml_file;
mod yaml;

use super::finding::{Code, Finding, Place};
use gatepost_config::Config;
use gatepost_core::host::{HostName, ProtectedHosts};
use gatepost_core::requirement::Requirement;
use setup::Setup;
use std::path::PathBuf;
pub(super) use tls::Gate;

/// Every kind of finding about Traefik.
pub(super) fn codes() -> impl Iterator<Item = &'static Code> {
    [
        source::CODES,
        forward_auth::CODES,
        tls_end::CODES,
        tls::CODES,
        routers::CODES,
        chain::CODES,
        entry_points::CODES,
        compose::CODES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// What the rest of the configuration says about the site that Traefik serves.
#[derive(Debug)]
struct Site<'a> {
    public: &'a HostName,
    hosts: ProtectedHosts,
    internal_port: u16,
    public_port: u16,
    /// Of the internal listener.
    has_tls: bool,
    is_development: bool,
}

/// What the files hold.
#[derive(Debug, Default)]
pub struct Looked {
    /// What was found.
    pub findings: Vec<Finding>,
    /// The requirements in the middlewares' addresses that can be read, each with its place.
    pub requirements: Vec<(Requirement, Place)>,
    /// How the middlewares whose addresses can be read reach Gatepost.
    pub(super) gates: Vec<Gate>,
}

/// Looks at these files; without a configuration hosts and ports cannot be judged.
pub fn look(files: &[PathBuf], config: Option<&Config>) -> Looked {
    let mut findings = Vec::new();
    let sources = source::read(files, &mut findings);
    let site = config.map(|config| Site {
        public: config.public_url.host(),
        hosts: ProtectedHosts::new(config.hosts.clone(), config.public_url.host().clone()),
        internal_port: config.internal_addr.port(),
        public_port: config.public_addr.port(),
        has_tls: config.internal_tls.is_some(),
        is_development: config.is_development(),
    });
    let setup = Setup::new(&sources);
    let site = site.as_ref();
    forward_auth::look(&setup, site, &mut findings);
    tls_end::look(&setup, site, &mut findings);
    tls::look(&setup, site, &mut findings);
    routers::look(&setup, site, &mut findings);
    chain::look(&setup, &mut findings);
    entry_points::look(&setup, site, &mut findings);
    compose::look(&setup, &mut findings);
    if !files.is_empty() && findings.iter().all(|finding| finding.severity() < super::Severity::Warning) {
        let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        let found = format!("{} routers, {} of them protected.", setup.routers.len(), protected(&setup));
        findings.push(Finding::fine("traefik", names.join(", "), found));
    }
    Looked { requirements: forward_auth::requirements(&setup), gates: tls::gates(&setup), findings }
}

fn protected(setup: &Setup<'_>) -> usize {
    setup.routers.iter().filter(|router| setup.gate_of(router).is_some()).count()
}
