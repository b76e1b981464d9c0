//! Clients and a server of MCP's own SDKs, of both eras, with the gate between them: the real Traefik and the shipped files.

use super::repository;
use super::stage::{CHAT, MCP, Others, Stage};
use crate::speakers::words_by;
use gatepost_kit::process::{Running, free_addr, port_is_open};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

const START: Duration = Duration::from_mins(1);
/// `@modelcontextprotocol/client` that asks for the newest revision, the same as it is by default, and
/// `@modelcontextprotocol/sdk`.
const ERAS: [&str; 3] = ["modern", "negotiating", "legacy"];

/// The folder of the packages; the first call installs them.
fn packages() -> String {
    let output = Command::new(repository("script/mcp-sdk")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(repository("tests/mcp-sdk").join(script)).arg(packages());
    command
}

async fn start_server(addr: SocketAddr) -> Running {
    let mut command = node("server.mjs");
    command.arg(addr.port().to_string());
    let server = Running::start("a tool server of MCP's SDK", command);
    server.ready(START, async || port_is_open(addr).await.then_some(())).await;
    server
}

/// What a client gets at the tool server's address, with these headers.
async fn ask(stage: &Stage, era: &str, headers: &Value) -> Value {
    let authority = stage.folder.path("authority.pem");
    std::fs::write(&authority, stage.authority.ca_pem()).unwrap();
    let mut command = Command::new("node");
    command.arg("--require").arg(repository("tests/mcp-sdk/places.cjs"));
    command.arg(repository("tests/mcp-sdk/client.mjs")).args([&packages(), era]);
    let calls = json!([["get_file", { "path": "a" }], ["delete_repo", { "path": "a" }]]);
    command.args([format!("{MCP}/servers/github/mcp"), headers.to_string(), calls.to_string()]);
    command.env("NODE_EXTRA_CA_CERTS", authority);
    command.env("TRAEFIK_PORT", stage.traefik.secure.port().to_string());
    let output = tokio::process::Command::from(command).kill_on_drop(true).output().await.unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{era}: {error}: {stdout}{stderr}"))
}

/// The gate, with a tool server of which the group `MCP-GitHub` may use `get_*`.
async fn stage(server: SocketAddr) -> Stage {
    let stage = Stage::start_with(Others { mcp_proxy: Some(server), ..Others::default() }).await;
    stage.cli(&["tool-server", "allow", "github", "--group", "MCP-GitHub", "--tool", "get_*"]).await;
    for who in ["alice", "bob"] {
        stage.signed_in(who, &format!("{CHAT}/")).await;
    }
    stage
}

async fn make_key(stage: &Stage, scope: &str, more: &[&str]) -> String {
    let arguments = ["key", "create", "program", "--host", "mcp.example.com", "--scope", scope];
    stage.cli(&[&arguments, more].concat()).await.trim().to_owned()
}

/// What a client has of an error, to show it: the gate's own words are in its message or in its data.
#[track_caller]
fn assert_shows(shown: &Value, words: &str, of: &str) {
    let shown = shown.to_string();
    assert!(shown.contains(words) && shown.contains("jsonrpc"), "{of}: {shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_both_eras_call_the_tools_of_a_rule_by_key_and_show_why_others_are_refused() {
    let addr = free_addr();
    let (_server, stage) = tokio::join!(start_server(addr), stage(addr));
    let key = make_key(&stage, "gate", &["--tenant", "github", "--group", "MCP-GitHub"]).await;
    for era in ERAS {
        let got = ask(&stage, era, &json!({ "Authorization": format!("Bearer {key}") })).await;
        assert_eq!(got["tools"], json!(["get_file", "delete_repo"]), "{era}: {got}");
        let answer = got["calls"]["get_file"].as_str().unwrap_or_default();
        assert!(answer.starts_with("get_file a for program-"), "{era}: {got}");
        assert_shows(&got["calls"]["delete_repo"], "You may not use delete_repo.", era);
        let got = ask(&stage, era, &json!({})).await;
        assert_shows(&got["failed"], "Nobody is signed in.", era);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_both_eras_act_for_people_and_show_why_others_are_refused() {
    let addr = free_addr();
    let (_server, stage) = tokio::join!(start_server(addr), stage(addr));
    let key = make_key(&stage, "act-as:open-webui", &[]).await;
    let secret = stage.folder.secret("open_webui_speaker");
    let of = |who: &str| {
        let words = words_by(&secret, &format!("{who}@example.com"));
        json!({ "Authorization": format!("Bearer {key}"),
            "X-OpenWebUI-User-Jwt": words["good"]["as Open WebUI signs it"] })
    };
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(of);
    for era in ERAS {
        let got = ask(&stage, era, &alice).await;
        assert_eq!(got["calls"]["get_file"], "get_file a for alice@example.com", "{era}: {got}");
        assert_shows(&got["calls"]["delete_repo"], "You may not use delete_repo.", era);
        let got = ask(&stage, era, &bob).await;
        assert_shows(&got["failed"], "You may not use this tool server. Missing: tenant github.", era);
        let got = ask(&stage, era, &carol).await;
        assert_shows(&got["failed"], "Sign in at https://auth.example.com/ once, then try again.", era);
    }
}
