//! Checks Traefik's files: static and dynamic configuration in YAML and TOML, and Compose files with their labels.
//!
//! It only reads the given files, not what Traefik actually runs. Every finding names a file and a line.

mod chain;
mod compose;
mod document;
mod entry_points;
mod forward_auth;
mod image;
mod lists;
mod open_webui;
mod routers;
mod rule;
mod setup;
mod site;
mod source;
mod tenants;
mod tls;
mod tls_end;
mod toml_file;
mod yaml;

pub use document::{Malformed, Node, Value};
pub use yaml::read_only_document;

use super::finding::{Code, Finding, Place};
use gatepost_config::Config;
use gatepost_core::host::ProtectedHosts;
use gatepost_core::requirement::Requirement;
use setup::Setup;
use site::Site;
use std::path::PathBuf;
pub(super) use tls::Gate;

/// All kinds of findings about Traefik.
pub(super) fn codes() -> impl Iterator<Item = &'static Code> {
    [
        source::CODES,
        forward_auth::CODES,
        tls_end::CODES,
        tls::CODES,
        routers::CODES,
        chain::CODES,
        lists::CODES,
        tenants::CODES,
        entry_points::CODES,
        compose::CODES,
        open_webui::CODES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// The result of checking Traefik's files.
#[derive(Debug, Default)]
pub struct Inspection {
    /// The findings.
    pub findings: Vec<Finding>,
    /// The requirements in the middlewares' addresses, each with its place. Malformed ones are left out.
    pub requirements: Vec<(Requirement, Place)>,
    /// How each middleware reaches Gatepost. Middlewares with a malformed address are left out.
    pub(super) gates: Vec<Gate>,
}

/// Checks the files. Without a configuration, hosts and ports are not checked.
pub fn inspect(files: &[PathBuf], config: Option<&Config>) -> Inspection {
    let mut findings = Vec::new();
    let sources = source::read(files, &mut findings);
    let site = config.map(|config| Site {
        public: config.public_url.host(),
        hosts: ProtectedHosts::new(config.hosts.clone(), config.public_url.clone()),
        internal_port: config.internal_addr.port(),
        public_port: config.public_addr.port(),
        filter_port: config.filter_addr.map(|address| address.port()),
        has_tls: config.internal_tls.is_some(),
        is_development: config.is_development(),
        speakers: &config.speakers,
    });
    let setup = Setup::new(&sources);
    let site = site.as_ref();
    forward_auth::inspect(&setup, site, &mut findings);
    tls_end::inspect(&setup, site, &mut findings);
    tls::inspect(&setup, site, &mut findings);
    routers::inspect(&setup, site, &mut findings);
    chain::inspect(&setup, &mut findings);
    lists::inspect(&setup, site, &mut findings);
    tenants::inspect(&setup, site, &mut findings);
    entry_points::inspect(&setup, site, &mut findings);
    compose::inspect(&setup, &mut findings);
    open_webui::inspect(&setup, site, &mut findings);
    if !files.is_empty() && findings.iter().all(|finding| finding.severity() < super::Severity::Warning) {
        let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        let found = format!("{} routers, {} of them protected.", setup.routers.len(), protected(&setup));
        findings.push(Finding::fine("traefik", names.join(", "), found));
    }
    Inspection { requirements: forward_auth::requirements(&setup), gates: tls::gates(&setup), findings }
}

fn protected(setup: &Setup<'_>) -> usize {
    setup.routers.iter().filter(|router| setup.gate_of(router).is_some()).count()
}
