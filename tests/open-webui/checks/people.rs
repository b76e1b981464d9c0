//! Who one is in `Open WebUI`, and what that opens.

use crate::house::{ADMIN, House};
use crate::stage::{CHAT, MCP};
use crate::visitor::{Program, TIMEOUT, Visitor};
use gatepost_kit::client::{Answer, Client, Kind};
use gatepost_kit::language_model::{MODEL, SLOWLY};
use gatepost_kit::process::until;
use reqwest::Method;
use serde_json::{Value, json};

pub async fn accounts(house: &House) {
    for (who, role) in [(ADMIN, "admin"), ("alice", "user"), ("bob", "user")] {
        let account = Program::signed_in(house, who).await.who_am_i().await;
        assert_eq!(
            (&account["email"], &account["role"]),
            (&format!("{who}@example.com").into(), &role.into())
        );
    }
}

pub async fn models(house: &House) {
    let bob = Program::signed_in(house, "bob").await;
    assert_eq!(bob.list_models().await, Vec::<String>::new());
    house.furnish().await;
    assert_eq!(bob.list_models().await, [MODEL]);
}

pub async fn groups(house: &House) {
    for (who, wanted) in [("alice", vec!["MCP-GitHub"]), ("bob", vec![])] {
        let groups = Program::signed_in(house, who).await.get("/api/v1/groups/").await.json();
        let names: Vec<&str> =
            groups.as_array().unwrap().iter().filter_map(|group| group["name"].as_str()).collect();
        assert_eq!(names, wanted, "{who}");
    }
}

pub async fn chat(house: &House) {
    let alice = Visitor::signed_in(house, "alice").await;
    alice.browser.take_frames().await;
    alice.ask("one two three four five six").await;
    let frames = alice.browser.take_frames().await;
    let pieces = frames.iter().filter(|frame| frame.contains("\"events\"")).count();
    assert!(pieces > 3, "the answer came at once: {frames:#?}");
    alice.pictures("chat").await;
}

pub async fn upload(house: &House) {
    let alice = Program::signed_in(house, "alice").await;
    let text = "0123456789".repeat(200_000);
    let body = format!(
        "--limit\r\nContent-Disposition: form-data; name=\"file\"; filename=\"long.txt\"\r\nContent-Type: text/plain\r\n\r\n{text}\r\n--limit--\r\n"
    );
    let url = format!("{CHAT}/api/v1/files/?process=false");
    let request = alice.client.request(Method::POST, &url).kind(Kind::Fetch).from(&format!("{CHAT}/"));
    let request = request.header("authorization", format!("Bearer {}", alice.token));
    let answer =
        request.header("content-type", "multipart/form-data; boundary=limit").body(body).send().await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let back = alice.get(&format!("/api/v1/files/{id}/content")).await;
    assert!(back.status == 200 && back.body == text, "{} and {} bytes", back.status, back.body.len());
}

pub async fn spoofing(house: &House) {
    let path = format!("{CHAT}/api/v1/auths/signin");
    let lie = async |client: &Client| -> Answer {
        let request = client.request(Method::POST, &path).kind(Kind::Fetch).from(&format!("{CHAT}/"));
        let request = request.header("x-user-email", format!("{ADMIN}@example.com"));
        request.header("content-type", "application/json").body(r#"{"email":"","password":""}"#).send().await
    };
    assert_eq!(lie(&house.stage.browser()).await.status, 401);
    let alice = Program::signed_in(house, "alice").await;
    assert_eq!(lie(&alice.client).await.json()["email"], "alice@example.com");
}

pub async fn tools(house: &House) {
    let initialize = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "check", "version": "1" } } });
    let url = format!("{MCP}/servers/github/mcp/");
    for (who, status) in [("alice", 200), ("bob", 403)] {
        let program = Program::signed_in(house, who).await;
        // A sign-in for this host, as in a browser.
        program.client.navigate(&format!("{MCP}/servers/github/mcp/")).await;
        let request = program.client.request(Method::POST, &url).kind(Kind::Fetch).from(&format!("{MCP}/"));
        let request = request.header("content-type", "application/json");
        let request = request.header("accept", "application/json, text/event-stream");
        let answer = request.body(initialize.to_string()).send().await;
        assert_eq!(answer.status, status, "{who}: {}", answer.body);
        assert_eq!(answer.body.contains("serverInfo"), status == 200, "{who}: {}", answer.body);
    }
}

pub async fn disabled(house: &House) {
    let dave = Visitor::signed_in(house, "dave").await;
    dave.write(&format!("{SLOWLY} please")).await;
    dave.send().await;
    dave.browser.wait_for_text("word-2").await;
    house.stage.cli(&["user", "disable", "dave@example.com"]).await;
    let asks = "fetch('/api/models', { cache: 'no-store' }); document.getElementById('gatepost-signed-out') !== null";
    dave.wait_until(asks).await;
    let seen = number_of_words(&dave).await;
    until("the answer to go on", TIMEOUT, async || (number_of_words(&dave).await > seen + 5).then_some(()))
        .await;
    dave.picture("disabled").await;
    house.stage.cli(&["user", "enable", "dave@example.com"]).await;
}

async fn number_of_words(visitor: &Visitor<'_>) -> usize {
    visitor.browser.text().await.matches("word-").count()
}

pub async fn address(house: &House) {
    let erin = Program::signed_in(house, "erin").await;
    let before = erin.who_am_i().await;
    house.stage.entra.update("erin", |erin| {
        erin.email = Some("erin.new@example.com".to_owned());
        erin.preferred_username = "erin.new@example.com".to_owned();
    });
    house.stage.entra.forget_browsers();
    let after: Value = Program::signed_in(house, "erin").await.who_am_i().await;
    assert_eq!((&after["email"], &after["id"]), (&before["email"], &before["id"]));
}
