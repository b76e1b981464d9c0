//! `Open WebUI` calls the tools through the shipped files: the real Traefik, Gatepost as a speaker's judge, and a tool server
//! that tells what it was sent.

use super::read;
use super::stage::{CHAT, MCP, Stage};
use crate::speakers::{Key, add_key_to_postgres, words_by};
use gatepost_config::UNSIGNED_HEADERS;
use gatepost_kit::client::{Answer, Kind};
use gatepost_kit::process::until;
use gatepost_kit::tool_calls::{self, ToolRequest};
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;

async fn send(stage: &Stage, server: &str, request: &ToolRequest) -> Answer {
    let client = stage.browser();
    let url = format!("{MCP}/servers/{server}/mcp");
    let sent = client.request(request.method.parse().unwrap(), &url).kind(Kind::Program);
    let sent = request.headers.iter().fold(sent, |sent, (name, value)| sent.header(name, value));
    sent.body(request.body.clone()).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_person_reaches_the_tools_of_their_groups_and_no_application_gets_key_or_word() {
    let stage = Stage::start().await;
    let database = stage.folder.secret("database_url");
    let key =
        Key { scopes: &["act-as:open-webui"], hosts: &["mcp.example.com"], tenant: None, networks: &[] };
    let key = add_key_to_postgres(&database, &key).await;
    let secret = stage.folder.secret("open_webui_speaker");
    let word = |who: &str| {
        let words = words_by(&secret, &format!("{who}@example.com"));
        words["good"]["as Open WebUI signs it"].as_str().unwrap().to_owned()
    };
    for who in ["alice", "bob"] {
        stage.signed_in(who, &format!("{CHAT}/")).await;
    }
    let of_alice = word("alice");
    for request in [tool_calls::modern(&key, &of_alice), tool_calls::legacy(&key, &of_alice)].concat() {
        let answer = send(&stage, "github", &request).await;
        assert_eq!(answer.status, 200, "{request:?}: {}", answer.body);
        let received = answer.echoed();
        assert_eq!(received.header("x-user-email"), Some("alice@example.com"), "{request:?}");
        assert_eq!(received.header("x-tenant-id"), Some("github"));
        assert_eq!(received.header("x-user-via"), Some("The%20chat"));
        assert!(received.header("x-openwebui-chat-id").is_some(), "it tells nobody who somebody is");
        for hidden in ["x-openwebui-user-jwt", "authorization", "x-gatepost-key"] {
            assert_eq!(received.header(hidden), None, "{hidden}");
        }
        assert_eq!(send(&stage, "sentry", &request).await.status, 403, "another tenant");
    }
    let call = tool_calls::modern(&key, &word("bob")).pop().unwrap();
    let answer = send(&stage, "github", &call).await;
    assert!(answer.status == 403 && answer.body.contains("github"), "{}", answer.body);
    let call = tool_calls::modern(&key, &word("nobody")).pop().unwrap();
    let answer = send(&stage, "github", &call).await;
    assert!(
        answer.status == 403 && answer.body.contains("Sign in at https://auth.example.com"),
        "{}",
        answer.body
    );

    // Rules decide about each call as soon as there is one.
    stage.cli(&["tool-server", "allow", "github", "--group", "MCP-GitHub", "--tool", "no_such_tool"]).await;
    let call = tool_calls::modern(&key, &of_alice).pop().unwrap();
    until("the rule to bind", Duration::from_secs(10), async || {
        let answer = send(&stage, "github", &call).await;
        (answer.status == 403 && answer.body.contains("You may not use")).then_some(())
    })
    .await;

    // What a browser says about people reaches no application either.
    let browser = stage.signed_in("alice", &format!("{MCP}/servers/github/mcp")).await;
    let request = browser.request(Method::GET, &format!("{MCP}/servers/github/mcp"));
    let request = UNSIGNED_HEADERS.iter().fold(request, |request, name| request.header(name, "carol"));
    let received = request.header("x-openwebui-user-jwt", &of_alice).send().await.echoed();
    let told = received.headers.iter().filter(|(name, _)| name.starts_with("x-openwebui-user-"));
    assert_eq!(told.count(), 0, "{received:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_knows_the_address_of_a_shipped_tool_server_learns_where_to_sign_in() {
    let stage = Stage::start().await;
    let stranger =
        tool_calls::modern("", "").remove(0).without("authorization").without("x-openwebui-user-jwt");
    let servers: Value = serde_json::from_str(&read("deploy/mcp/servers.json")).unwrap();
    for id in servers["mcpServers"].as_object().unwrap().keys() {
        let refused = send(&stage, id, &stranger).await;
        let metadata = format!("{MCP}/.well-known/oauth-protected-resource/servers/{id}/mcp");
        let challenge = refused.header("www-authenticate").unwrap_or_default();
        assert!(refused.status == 401 && challenge.contains(&format!("\"{metadata}\"")), "{id}: {challenge}");
        let answer = stage.browser().request(Method::GET, &metadata).kind(Kind::Program).send().await;
        assert_eq!(answer.status, 200, "{id}: {}", answer.body);
        assert_eq!(answer.json()["resource"], format!("{MCP}/servers/{id}/mcp"));
    }
    assert_eq!(stage.mcp.requests(), [], "a tool server was asked for a stranger");
}
