//! `gatepost tool-server update --mode headers` against the real Traefik: only a server that refuses messages whose headers and body
//! differ is judged by headers.

use super::tool_servers::{Stage, assert_revoked};
use gatepost_kit::tool_server::{Compared, ToolServer};
use serde_json::Value;

const BY_HEADERS: &str = "tenant=github&mcp=headers";

fn update<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    let base = ["tool-server", "update", "github", "--mode", "headers", "--proxy", "127.0.0.1"];
    [&base[..], rest].concat()
}

impl Stage {
    /// From what the server's messages are judged, and its version.
    async fn mode(&self) -> (String, u64) {
        let shown = self.world.cli(&["tool-server", "show", "github", "--json"]).await;
        let shown: Value = serde_json::from_str(&shown).unwrap();
        let version = shown["version"].as_str().unwrap().trim_start_matches('v').parse().unwrap();
        (shown["mode"].as_str().unwrap().to_owned(), version)
    }

    async fn is_refused(&self, why: &str) {
        let error = self.world.cli_refuses(&update(&[])).await;
        assert!(error.contains(why), "{why}: {error}");
        assert_eq!(self.mode().await.0, "body");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_server_that_was_seen_to_refuse_is_judged_by_headers() {
    let mut stage = Stage::start().await;
    // A rule closes the tools to everybody but the key of the trial.
    stage.world.cli(&["tool-server", "allow", "github", "--role", "admin", "--tool", "get_*"]).await;
    stage.route("tenant=github", "", "").await;
    stage.is_refused("does not name").await;
    stage.route("tenant=github&mcp=true", "forwardBody: true, maxBodySize: 4194304", "").await;
    stage.is_refused("was not tried: its router reads bodies").await;
    // The echo application takes every message.
    stage.route(BY_HEADERS, "", "").await;
    stage.is_refused("answers 200 to a message whose headers and body differ").await;
    for (compared, is_enough) in
        [(Compared::Nothing, false), (Compared::Methods, false), (Compared::All, true)]
    {
        let server = ToolServer::comparing(compared).await;
        stage.upstream = server.addr();
        stage.route(BY_HEADERS, "", "").await;
        if !is_enough {
            stage.is_refused("answers 200 to a message whose headers and body differ").await;
            continue;
        }
        let before = stage.mode().await.1;
        let dry = stage.world.cli(&update(&["--dry-run"])).await;
        assert!(dry.contains("would be tried"), "{dry}");
        assert_eq!(stage.mode().await, ("body".to_owned(), before));
        let told = stage.world.cli(&update(&[])).await;
        assert!(told.contains("refuses messages whose headers and body differ"), "{told}");
        assert_eq!(stage.mode().await, ("headers".to_owned(), before + 1));
        assert!(stage.world.cli(&update(&[])).await.contains("is like that already"));
        assert!(!stage.found().await.contains(&"mcp-mismatch-accepted".to_owned()));
        // An update of the server compares less than before: the check tells.
        let careless = ToolServer::comparing(Compared::Methods).await;
        stage.upstream = careless.addr();
        stage.route(BY_HEADERS, "", "").await;
        assert!(stage.found().await.contains(&"mcp-mismatch-accepted".to_owned()));
    }
    assert!(assert_revoked(&stage.world).await >= 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_moves_is_judged_by_its_body_until_it_is_tried_there() {
    let mut stage = Stage::start().await;
    let server = ToolServer::comparing(Compared::All).await;
    stage.upstream = server.addr();
    stage.route(BY_HEADERS, "", "").await;
    stage.world.cli(&update(&[])).await;
    let moved = stage.url("/servers/moved/mcp");
    let error = stage.world.cli_refuses(&["tool-server", "update", "github", "--url", &moved]).await;
    assert!(error.contains("it is unknown whether tool server github refuses"), "{error}");
    assert_eq!(stage.mode().await.0, "headers");
    stage.world.cli(&update(&["--url", &moved])).await;
    assert_eq!(stage.mode().await.0, "headers");
    stage.upstream = stage.world.app.addr();
    stage.route(BY_HEADERS, "", "").await;
    let again = stage.url("/servers/again/mcp");
    stage.world.cli_refuses(&update(&["--url", &again])).await;
    assert_eq!(stage.mode().await.0, "body", "at the new address nobody saw it refuse");
}
