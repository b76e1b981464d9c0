//! Tools that `Open WebUI` calls for people: through Traefik and the gate, with a key and a signed word.

use crate::house::{ADMIN, House};
use crate::recorder::requests_of;
use crate::stage::{CHAT, MCP};
use crate::visitor::{Program, TIMEOUT, Visitor};
use gatepost_kit::language_model::{MODEL, SLOWLY};
use gatepost_kit::process::until;
use gatepost_kit::tool_calls::RECORDED;
use serde_json::{Value, json};
use std::path::PathBuf;

/// An administrator registers the server, gives one of its tools to a group, makes a key, and enters the server in
/// `Open WebUI`, with the two that are recorded.
pub async fn set_up(house: &House) {
    let url = format!("{MCP}/servers/github/mcp");
    let stage = &house.stage;
    stage.cli(&["tool-server", "allow", "github", "--group", "MCP-GitHub", "--tool", "shout"]).await;
    let key = ["key", "create", "The-chat", "--scope", "act-as:open-webui", "--host", "mcp.example.com"];
    let key = stage.cli(&key).await.trim().to_owned();
    let servers = [
        ("github", url),
        ("modern", format!("http://{}/mcp", house.modern.addr)),
        ("legacy", format!("http://{}/servers/github/mcp", house.legacy.addr)),
    ];
    let everybody = json!([{ "principal_type": "user", "principal_id": "*", "permission": "read" }]);
    let connections: Vec<Value> = servers
        .iter()
        .map(|(id, url)| {
            json!({ "url": url, "path": "", "type": "mcp", "auth_type": "bearer", "key": key,
                "config": { "enable": true, "access_grants": everybody }, "info": { "id": id, "name": id } })
        })
        .collect();
    let admin = Program::signed_in(house, ADMIN).await;
    let answer =
        admin.post("/api/v1/configs/tool_servers", &json!({ "TOOL_SERVER_CONNECTIONS": connections })).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    for (id, _) in servers {
        admin.open_model(id, &json!({ "toolIds": [format!("server:mcp:{id}")] })).await;
    }
}

/// A person before the page, with a model that has the tools of a server.
async fn with_tools<'a>(house: &'a House, who: &str, server: &str) -> Visitor<'a> {
    let visitor = Visitor::signed_in(house, who).await;
    visitor.browser.open(&format!("{CHAT}/?models={server}")).await;
    visitor.wait_until("document.querySelector('[aria-label=\"Available Tools\"]') !== null").await;
    visitor
}

async fn ask(visitor: &Visitor<'_>, question: &str, answer: &str) {
    visitor.write(question).await;
    visitor.send().await;
    visitor.browser.wait_for_text(answer).await;
}

pub async fn recorded(house: &House) {
    let recorders = [("modern", &house.modern), ("legacy", &house.legacy)];
    let mut differing = Vec::new();
    for ((server, recorder), recorded) in recorders.into_iter().zip(RECORDED) {
        let alice = with_tools(house, "alice", server).await;
        ask(&alice, "call get_file a", "The tool says: file").await;
        let wanted = requests_of(recorded);
        let came = until("every request", TIMEOUT, async || {
            let requests = recorder.requests();
            (requests.len() >= wanted.len()).then_some(requests)
        });
        let came = came.await;
        let file = house.pictures.join(format!("{server}.http"));
        std::fs::write(&file, came.join("\n\n")).unwrap();
        if came != wanted {
            differing.push(file);
        }
    }
    assert_eq!(differing, Vec::<PathBuf>::new(), "other than tests/kit/src/tool_calls");
}

pub async fn group(house: &House) {
    let alice = with_tools(house, "alice", "github").await;
    ask(&alice, "call shout hello", "The tool says: HELLO").await;
    alice.pictures("tool-called").await;
    let alice = with_tools(house, "alice", "github").await;
    ask(&alice, "call whisper hello", "You may not use whisper.").await;
    alice.picture("tool-refused").await;
    let bob = with_tools(house, "bob", "github").await;
    ask(&bob, "call shout hello", "I have no tool shout.").await;
    bob.pictures("tool-unknown").await;
}

pub async fn signed_out(house: &House) {
    ends(house, "alice", &["session", "end", "--user", "alice@example.com"]).await;
}

pub async fn disabled(house: &House) {
    house.stage.cli(&["tenant", "add-member", "github", "dave@example.com"]).await;
    house.stage.cli(&["tool-server", "allow", "github", "--role", "member", "--tool", "shout"]).await;
    ends(house, "dave", &["user", "disable", "dave@example.com"]).await;
    house.stage.cli(&["user", "enable", "dave@example.com"]).await;
}

/// A tool works for a person, and no more after a command, not even in an answer that has begun.
async fn ends(house: &House, who: &str, command: &[&str]) {
    let visitor = with_tools(house, who, "github").await;
    ask(&visitor, "call shout before", "The tool says: BEFORE").await;
    visitor.write(&format!("{SLOWLY} call shout after")).await;
    visitor.send().await;
    visitor.browser.wait_for_text("word-2").await;
    house.stage.cli(command).await;
    visitor.browser.wait_for_text("Sign in at https://auth.example.com").await;
    let text = visitor.browser.text().await;
    assert!(!text.contains("AFTER"), "{text}");
    visitor.picture(&format!("tool-after-{}", command[1])).await;
    house.stage.entra.forget_browsers();
}

/// What `Open WebUI` does for a person by itself, as its scheduled tasks do: no browser is there.
pub async fn by_itself(house: &House) {
    let alice = Program::signed_in(house, "alice").await;
    let question = json!({ "model": MODEL, "tool_ids": ["server:mcp:github"], "stream": false,
        "messages": [{ "role": "user", "content": "call shout hello" }] });
    let asks = async || {
        let url = format!("http://{}/api/chat/completions", house.open_webui);
        let request = reqwest::Client::new().post(url).bearer_auth(&alice.token);
        request.body(question.to_string()).header("content-type", "application/json").send().await.unwrap()
    };
    let offered = asks().await.text().await.unwrap();
    assert!(offered.contains("github_shout"), "{offered}");
    alice.client.navigate(&format!("{CHAT}/.gatepost/logout")).await;
    until("the end to count", TIMEOUT, async || {
        let offered = asks().await.text().await.unwrap();
        offered.contains("I have no tool shout.").then_some(())
    })
    .await;
}
