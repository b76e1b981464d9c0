//! The conformance suite against a server that can do everything, bare and behind the gate.

use crate::house::{EVERYTHING, House, logs, url_of};
use crate::programs::{newer_node, node, package, run, serve};
use gatepost_kit::process::free_addr;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// What the suite says of a server.
struct Outcome {
    /// The scenarios by name, each with its line of the summary.
    scenarios: BTreeMap<String, String>,
    /// Those that the revision does not require.
    not_scored: BTreeSet<String>,
}

pub async fn current(house: &House) {
    compare(house, "2026-07-28", 37).await;
}

pub async fn older(house: &House) {
    compare(house, "2025-11-25", 30).await;
}

/// All scenarios that the revision requires pass bare, and each ends behind the gate as it does bare.
async fn compare(house: &House, revision: &str, required: usize) {
    let bare = judge(house, revision, &format!("http://{}/mcp", house.everything)).await;
    let addr = free_addr();
    let key = house.make_key("conformance").await;
    let mut forward = node("tests/mcp/forward.mjs");
    let port = |addr: SocketAddr| addr.port().to_string();
    forward.args([&port(addr), &port(house.stage.traefik.secure), "mcp.example.com", &key]);
    house.place(&mut forward);
    let _forward = serve("what adds the key", forward, addr).await;
    let path = url_of(EVERYTHING).replace("https://mcp.example.com", "");
    let behind = judge(house, revision, &format!("http://{addr}{path}")).await;
    let passing = |outcome: &Outcome| {
        let scenarios = outcome.scenarios.iter().filter(|(name, _)| !outcome.not_scored.contains(*name));
        scenarios.filter(|(_, line)| line.starts_with('✓')).count()
    };
    let (scored, scored_behind) = (passing(&bare), passing(&behind));
    let others = bare.not_scored.len();
    println!(
        "        {revision}: of {required}, {scored} pass bare and {scored_behind} behind; {others} more are not scored"
    );
    let differing: Vec<_> = bare
        .scenarios
        .iter()
        .filter(|(name, line)| behind.scenarios.get(*name) != Some(line))
        .map(|(name, line)| format!("bare {line}; behind {:?}", behind.scenarios.get(name)))
        .collect();
    assert_eq!(differing, Vec::<String>::new());
    assert_eq!((scored, scored_behind, bare.scenarios.len()), (required, required, required + others));
}

async fn judge(house: &House, revision: &str, url: &str) -> Outcome {
    let mut command = newer_node();
    command.arg(package("@modelcontextprotocol/conformance/dist/index.js"));
    command.args(["server", "--url", url, "--requirements", revision]).env("NODE_NO_WARNINGS", "1");
    let results = logs().join(format!("{revision}-at-{}", url.rsplit(':').next().unwrap().replace('/', "-")));
    command.arg("--output-dir").arg(results);
    command.current_dir(house.stage.folder.path(""));
    let (stdout, stderr) = run(command).await;
    let summary = stdout.split("=== SUMMARY ===").nth(1).unwrap_or_else(|| panic!("{stdout}{stderr}"));
    let (scenarios, not_scored) = summary.split_once("Total:").unwrap();
    Outcome {
        scenarios: lines(scenarios).map(|(name, line)| (name.to_owned(), line.to_owned())).collect(),
        not_scored: lines(not_scored).map(|(name, _)| name.to_owned()).collect(),
    }
}

/// The scenarios that are named in a part of a summary, with their lines.
fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines().map(str::trim).filter(|line| line.starts_with(['✓', '✗']));
    lines.map(|line| (line.split([' ', ':']).nth(1).unwrap_or_default(), line))
}
