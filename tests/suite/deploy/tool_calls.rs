//! `Open WebUI` calls the tools through the shipped files: the real Traefik, Gatepost as a speaker's judge, and a tool server
//! that tells what it was sent.

use super::stage::{CHAT, MCP, Stage};
use crate::speakers::{Key, add_key_to_postgres, words_by};
use gatepost_config::UNSIGNED_HEADERS;
use gatepost_kit::client::{Answer, Kind};
use gatepost_kit::tool_calls::{self, ToolRequest};
use reqwest::Method;

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

    // What a browser says about people reaches no application either.
    let browser = stage.signed_in("alice", &format!("{MCP}/servers/github/mcp")).await;
    let request = browser.request(Method::GET, &format!("{MCP}/servers/github/mcp"));
    let request = UNSIGNED_HEADERS.iter().fold(request, |request, name| request.header(name, "carol"));
    let received = request.header("x-openwebui-user-jwt", &of_alice).send().await.echoed();
    let told = received.headers.iter().filter(|(name, _)| name.starts_with("x-openwebui-user-"));
    assert_eq!(told.count(), 0, "{received:?}");
}
