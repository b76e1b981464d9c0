//! Compares a list of tools from the tool server itself with the same list through the filter.

use super::Stage;
use super::production::{Production, contestant};
use crate::cpu::Watched;
use crate::load::{Expect, Requests};
use crate::measure::Contestant;
use crate::site::{LISTED, Site};
use crate::stats::Spread;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::UserId;
use gatepost_kit::process::free_addr;
use gatepost_runtime::assertion::{Claims, McpClaims};
use std::io;
use std::sync::Arc;
use std::time::Duration;

const PATH: &str = "/servers/lists/mcp";
const EMAIL: &str = "person-0@example.com";
/// How long the assertion of the requests counts, longer than the row takes.
const VALID: Duration = Duration::from_hours(1);
/// The patterns of the caller, half of which fit tools.
const PATTERNS: usize = 100;

/// Measures one request at a time: what a client waits longer.
pub async fn run(stage: &mut Stage, production: &Production) -> io::Result<()> {
    let (ground, schedule) = (stage.ground.clone(), stage.tempo.deciding());
    let Production { site, .. } = production;
    let (upstream, filter) = (ground.tool_server().await?, free_addr());
    let builder = site.builder(&ground).env("GATEPOST_MCP__FILTER_ADDR", filter.to_string());
    let builder = builder.env("GATEPOST_SERVICES", format!("lists=http://{}", upstream.addr));
    let url = format!("https://{}{PATH}", site.addresses.host);
    let create =
        ["tool-server", "create", "lists", "--tenant", "github", "--service", "lists", "--url", &url];
    Site::command(builder.clone(), &create).await?;
    let gatepost = site.start(&ground, &builder).await?;
    let requests = Arc::new(requests(site));
    let watched = || upstream.watched("tool server");
    let gate = Watched::new("gatepost", gatepost.running().pid());
    let one = |contestant: Contestant| Contestant { connections: 1, ..contestant };
    let contestants = [
        one(contestant("from the tool server", upstream.addr, Arc::clone(&requests), vec![watched()])),
        one(contestant("through the filter", filter, requests, vec![gate, watched()])),
    ];
    let title = format!("A list of {LISTED} tools, http, one request at a time");
    let row = stage.row(&title, &contestants, schedule).await?;
    let [direct, filtered] = [0, 1].map(|at| row.outcomes[at].each(|sample| sample.p50));
    let added = filtered.iter().zip(&direct).map(|(filtered, direct)| (filtered - direct) / 1000.0);
    if let Some(added) = Spread::of(added) {
        let note = "p50 through the filter less p50 from the tool server, in each round";
        let fact = stage.report.fact("What the filter of lists adds", added, "ms", note);
        fact.must("filter of a list of 200 tools adds", 3.0, 1.0);
    }
    Ok(())
}

/// List calls of somebody whom the gate has let in.
fn requests(site: &Site) -> Requests {
    let (config, host) = (&site.state.site.config, site.addresses.host);
    let patterns = |number: usize| [format!("get_{number}"), format!("other_{number}*")];
    let mcp = McpClaims {
        server: "lists".to_owned(),
        tools: (0..PATTERNS / 2).flat_map(patterns).collect(),
        prompts: Vec::new(),
        resources: Vec::new(),
        is_cut: false,
    };
    let (id, now) = (UserId::generate(), Timestamp::now());
    let claims = Claims {
        iss: config.public_url.to_string(),
        aud: host.to_owned(),
        sub: id,
        email: EMAIL.parse().expect("an address"),
        name: None,
        groups: Vec::new(),
        groups_truncated: false,
        admin: false,
        tenant: None,
        role: None,
        mcp: Some(mcp),
        iat: now,
        exp: now.plus(VALID),
    };
    let body = r#"{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{}}"#;
    let requests = Requests::pages(PATH, host).by_script().posted().with("Host", host);
    requests
        .with("Accept", "application/json, text/event-stream")
        .with("Mcp-Method", "tools/list")
        .with("X-User-Id", &id.to_string())
        .with("X-User-Email", EMAIL)
        .with("X-User-Admin", "false")
        .with("X-User-Groups", "")
        .with("X-User-Assertion", &claims.sign(&site.state.gate.assertion_keys))
        .with_json(body.to_owned())
        .expecting(Expect::Reached)
        .ready()
}
