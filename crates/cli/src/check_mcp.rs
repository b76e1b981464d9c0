//! `gatepost check --mcp`: asks the addresses of all tool servers through the proxy, without a credential and with an API key.
//!
//! [`probe`] sends the messages, [`trial`] tries whether a server may be judged by headers alone, [`entra`] asks the provider.

mod entra;
mod probe;
mod trial;

pub(super) use trial::{Way, judge_by_headers};

use super::console::Console;
use super::error::CommandError;
use gatepost_check::Finding;
use gatepost_check::mcp::{self, Answer};
use gatepost_config::Config;
use gatepost_core::mcp::Mode;
use gatepost_store::directory::changes::ShownKey;
use probe::{Probe, Routed, see};
use std::net::IpAddr;

/// Checks all tool servers. `requirements` are those of Traefik's files; `proxy` is where it is, if DNS does not say.
pub(super) async fn run(
    console: &Console,
    requirements: &[Routed],
    proxy: Option<IpAddr>,
) -> Result<Vec<Finding>, CommandError> {
    let site = &console.here()?.site;
    let mut findings = Vec::new();
    for (server, _) in console.here()?.stores.directory.read_tool_servers().await? {
        let probe = Probe::new(console, (&server, server.settings.mode), proxy)?;
        let before = findings.len();
        findings.extend(probe.document().await);
        let stranger = probe.stranger().await;
        let is_judged = stranger.is_none();
        findings.extend(stranger);
        if is_judged {
            findings.extend(try_with_key(&probe, requirements).await?);
        }
        findings.extend(entra::check(&site.providers, &probe.known, &server.settings).await);
        if findings.len() == before {
            findings.push(mcp::fine(&probe.known));
        }
    }
    findings.extend(discoveries(&site.config).await?);
    Ok(findings)
}

/// The trial with a key.
async fn try_with_key(probe: &Probe<'_>, requirements: &[Routed]) -> Result<Vec<Finding>, CommandError> {
    let known = &probe.known;
    let trial = async |key: &ShownKey| {
        let seen = probe.differing(key).await;
        let mut findings: Vec<Finding> =
            seen.iter().find_map(|seen| mcp::mismatch(known, seen)).into_iter().collect();
        if known.mode == Mode::Body && findings.is_empty() {
            findings.extend(probe.long(key).await);
        }
        Ok(findings)
    };
    probe.with_key(requirements, trial).await
}

/// The discovery documents of the providers where clients sign in. One that cannot be fetched is reported elsewhere.
async fn discoveries(config: &Config) -> Result<Vec<Finding>, CommandError> {
    let client = gatepost_oidc::client_to(config.ca_file.as_deref(), None)?;
    let mut findings = Vec::new();
    for provider in &config.providers {
        let issuer = gatepost_oidc::authorization_server(&provider.kind);
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        if let Ok(Answer { status: 200, body: Some(document), .. }) = see(client.get(address)).await {
            findings.extend(mcp::discovery(provider.id.as_str(), &document));
        }
    }
    Ok(findings)
}
