//! Programs: keys of `Open WebUI` itself, and headers that a gate must refuse.

use crate::house::{ADMIN, House};
use crate::read;
use crate::stage::CHAT;
use crate::visitor::Program;
use gatepost_kit::client::{Client, Kind};
use gatepost_kit::language_model::MODEL;
use reqwest::Method;
use serde_json::json;

pub async fn own_keys(house: &House) {
    let alice = Program::signed_in(house, "alice").await;
    let answer = alice.post("/api/v1/auths/api_key", &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let key = answer.json()["api_key"].as_str().expect("a key").to_owned();
    let program = house.stage.browser();
    assert_eq!(ask(&program, &key).await, (401, false), "without the router");

    let document = read("docs/open-webui.md");
    let section = document.split("## Programs with Open WebUI's own keys\n").nth(1).expect("the section");
    let router =
        section.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the router");
    house.stage.traefik.add("chat-keys.yml", router, "chat-keys").await;
    assert_eq!(ask(&program, &key).await, (200, true), "with the router");
    assert_eq!(ask(&program, "sk-of-nobody").await, (401, false), "a key of nobody");
    let elsewhere = program.request(Method::GET, &format!("{CHAT}/api/v1/chats/")).kind(Kind::Program);
    let elsewhere = elsewhere.header("authorization", format!("Bearer {key}")).send().await;
    assert_eq!(elsewhere.status, 401, "another path: {}", elsewhere.body);
}

/// The status of a question by this key, and whether it was answered.
async fn ask(program: &Client, key: &str) -> (u16, bool) {
    let question = json!({ "model": MODEL, "messages": [{ "role": "user", "content": "by key" }] });
    let url = format!("{CHAT}/api/chat/completions");
    let request = program.request(Method::POST, &url).kind(Kind::Program);
    let request = request.header("authorization", format!("Bearer {key}"));
    // It claims to be the administrator, which must count for nothing.
    let request = request.header("x-user-email", format!("{ADMIN}@example.com"));
    let answer = request.header("content-type", "application/json").body(question.to_string()).send().await;
    (answer.status, answer.body.contains("You said: by key"))
}

pub async fn alias(house: &House) {
    let alice = Program::signed_in(house, "alice").await;
    let url = format!("{CHAT}/api/models");
    let request =
        alice.client.request(Method::GET, &url).kind(Kind::Program).header("accept", "application/json");
    // With a dot Traefik's older option lets it through to Gatepost; the newer one refuses it by itself, without a body.
    let answer = request.header("x.user.email", "x").send().await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    let by_gatepost = !house.stage.traefik.refuses_all_aliases;
    let kind = answer.header("content-type").unwrap_or_default();
    assert!(!by_gatepost || kind.starts_with("application/json"), "{kind}: {}", answer.body);
}
