//! `gatepost check --mcp`: asks the addresses of all tool servers through the proxy, without a credential and with an API key.
//!
//! The key is made for one tool server, lives for minutes, and is revoked when its requests are done or the command is
//! interrupted. What it sends is refused everywhere, or names a tool that no server has. [`entra`] asks the provider.

mod entra;

use super::console::Console;
use super::error::CommandError;
use gatepost_check::mcp::{self, Answer, Seen, Server};
use gatepost_check::{Finding, Place};
use gatepost_config::Config;
use gatepost_core::api_key::{KeyExpiry, KeyLimits, KeyScope};
use gatepost_core::error_chain::Chain;
use gatepost_core::ids::GroupName;
use gatepost_core::mcp::{CURRENT_VERSION, MAX_BODY, Mode};
use gatepost_core::requirement::Requirement;
use gatepost_store::directory::changes::{CreateKey, RevokeKey, ShownKey};
use gatepost_store::directory::{KeyHolder, ToolServer};
use reqwest::header::{ACCEPT, CONTENT_TYPE, WWW_AUTHENTICATE};
use reqwest::{Client, RequestBuilder};
use serde_json::json;
use std::net::IpAddr;
use std::time::Duration;

/// The life of the key, if the command cannot revoke it.
const LIFE: Duration = Duration::from_mins(5);
/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 256 * 1024;
/// A tool that no server has.
const NO_TOOL: &str = "gatepost-check-no-such-tool";

/// Checks all tool servers. `requirements` are those of Traefik's files; `proxy` is where it is, if DNS does not say.
pub(super) async fn run(
    console: &Console,
    requirements: &[(Requirement, Place)],
    proxy: Option<IpAddr>,
) -> Result<Vec<Finding>, CommandError> {
    let site = &console.here()?.site;
    let config = &site.config;
    let mut findings = Vec::new();
    for (server, _) in console.here()?.stores.directory.read_tool_servers().await? {
        let (id, settings) = (server.id.to_string(), &server.settings);
        let known = Server { id: &id, url: &settings.url, mode: settings.mode };
        let host = settings.url.host().as_str();
        let client = gatepost_oidc::client_to(config.ca_file.as_deref(), proxy.map(|proxy| (host, proxy)))?;
        let before = findings.len();
        let document = client.get(settings.url.metadata_url());
        findings.extend(mcp::metadata(&known, &see(document).await));
        let stranger = mcp::stranger(&known, &see(message(&client, &known, "ping", "ping", "")).await);
        let is_judged = stranger.is_none();
        findings.extend(stranger);
        // Without the gate, the key would reach what is behind it.
        if is_judged {
            findings.extend(try_with_key(console, &client, &known, &server, requirements).await?);
        }
        findings.extend(entra::check(&site.providers, &known, settings).await);
        if findings.len() == before {
            findings.push(mcp::fine(&known));
        }
    }
    findings.extend(discoveries(config).await?);
    Ok(findings)
}

/// The trial with a key, which is revoked whatever comes of it.
async fn try_with_key(
    console: &Console,
    client: &Client,
    known: &Server<'_>,
    server: &ToolServer,
    requirements: &[(Requirement, Place)],
) -> Result<Vec<Finding>, CommandError> {
    let key = make_key(console, server, requirements).await?;
    let trial = async {
        let secret = key.secret.expose();
        let differing = message(client, known, "tools/list", "tools/call", NO_TOOL).bearer_auth(secret);
        let mut findings: Vec<Finding> = mcp::mismatch(known, &see(differing).await).into_iter().collect();
        if known.mode == Mode::Body && findings.is_empty() {
            let long = format!("{{\"method\":\"ping\"{}}}", " ".repeat(MAX_BODY));
            let long = client.post(known.url.as_str()).header(CONTENT_TYPE, "application/json").body(long);
            findings.extend(mcp::long(known, &see(long.bearer_auth(secret)).await));
        }
        findings
    };
    let findings = tokio::select! {
        findings = trial => Ok(findings),
        _ = tokio::signal::ctrl_c() => Err(CommandError::Interrupted),
    };
    let holder = KeyHolder { tenant: Some(server.tenant_id.clone()), owner: None };
    console.carry_out_here(&RevokeKey { id: key.record.id, holder }).await?;
    findings
}

/// A key of the server's tenant, in the groups of which the routers of this tenant require one.
async fn make_key(
    console: &Console,
    server: &ToolServer,
    requirements: &[(Requirement, Place)],
) -> Result<ShownKey, CommandError> {
    let of_tools = requirements.iter().map(|(requirement, _)| requirement).filter(|own| own.mcp.is_some());
    let is_meant = |own: &&Requirement| own.tenants.is_empty() || own.tenants.contains(&server.tenant_id);
    let mut groups: Vec<GroupName> = of_tools.filter(is_meant).flat_map(|own| own.groups.clone()).collect();
    groups.sort_unstable();
    groups.dedup();
    let directory = &console.here()?.stores.directory;
    let mut existing = Vec::new();
    for group in groups {
        if directory.group_exists(&group).await? {
            existing.push(group);
        }
    }
    let hosts = vec![server.settings.url.host().clone()];
    let change = CreateKey {
        name: "gatepost check".parse().unwrap_or_else(|_| unreachable!("it is a name")),
        holder: KeyHolder { tenant: Some(server.tenant_id.clone()), owner: None },
        faults: console.here()?.admin.faults_of_hosts(Some(&server.tenant_id), &hosts).await?,
        limits: KeyLimits { scopes: vec![KeyScope::Gate], hosts, ..KeyLimits::default() },
        groups: existing,
        expiry: KeyExpiry::At(directory.clock().await?.plus(LIFE)),
    };
    Ok(console.carry_out_here(&change).await?.outcome)
}

/// A message of the current revision. Its header and its body may name different methods.
fn message(client: &Client, server: &Server<'_>, header: &str, method: &str, name: &str) -> RequestBuilder {
    let meta = json!({ "io.modelcontextprotocol/protocolVersion": CURRENT_VERSION });
    let body =
        json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": { "name": name, "_meta": meta } });
    client
        .post(server.url.as_str())
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, "application/json, text/event-stream")
        .header("mcp-protocol-version", CURRENT_VERSION)
        .header("mcp-method", header)
        .body(body.to_string())
}

async fn see(request: RequestBuilder) -> Seen {
    let mut answer = request.send().await.map_err(|error| Chain(&error).to_string())?;
    let challenge = answer.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
    let challenge = challenge.map(str::to_owned);
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_ANSWER {
            break;
        }
    }
    Ok(Answer { status, challenge, body: serde_json::from_slice(&body).ok() })
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
