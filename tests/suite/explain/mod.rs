//! `gatepost explain`: what it says is what `/verify` then does, and why.

mod people;
mod programs;
mod refusals;
mod times;
mod words;

pub(crate) use refusals::by_number;

use crate::world::{APP, MCP_GITHUB, Pair, Plan, World, alice, run_command};
use gatepost_kit::entra::Person;
use serde_json::Value;

/// Everybody's address, and why they may what they may.
pub(crate) const PEOPLE: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];

/// Alice is in a linked group that opens a tenant, Bob in nothing; Carol is an admin by her group, Dave by his role, Erin
/// by an explicit word.
pub(crate) async fn world(pair: Pair) -> World {
    let world = Plan::default().env("GATEPOST_ADMIN_ROLES", "entra:Boss").start(pair).await;
    world.entra.add(alice());
    world.entra.add(Person::named("bob"));
    world.entra.add(Person::named("carol").group("00000000-0000-4000-8000-00000000a00a", "Admins"));
    world.entra.add(Person::named("dave").role("Boss"));
    world.entra.add(Person::named("erin"));
    world.cli(&["group", "link", "MCP-GitHub", &format!("entra:{MCP_GITHUB}")]).await;
    world.cli(&["group", "link", "MCP-Admin", "entra:00000000-0000-4000-8000-00000000a00a"]).await;
    world.cli(&["tenant", "create", "github"]).await;
    world.cli(&["tenant", "map", "MCP-GitHub", "github", "--role", "viewer"]).await;
    world.cli(&["admin", "grant", "erin@example.com"]).await;
    world
}

fn address(who: &str) -> String {
    format!("{who}@example.com")
}

/// What the command says, whatever it needs.
pub(crate) async fn told(world: &World, arguments: &[&str]) -> String {
    let (code, stdout, stderr) = run_command(&world.builder, &[&["explain"], arguments].concat()).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments:?}: {stdout}");
    stdout
}

pub(crate) async fn explained(world: &World, arguments: &[&str]) -> Value {
    let text = told(world, &[arguments, &["--json"]].concat()).await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
}

/// About this person at the application, and what a router demands.
pub(crate) async fn asked(world: &World, who: &str, requirement: &str, more: &[&str]) -> Value {
    let (user, url) = (address(who), world.url(APP, "/x"));
    let arguments = ["--user", &user, "--url", &url, "--require", requirement];
    explained(world, &[&arguments[..], more].concat()).await
}

/// A step of the explanation by its name.
pub(crate) fn step<'a>(explanation: &'a Value, name: &str) -> &'a Value {
    let steps = explanation["steps"].as_array().unwrap();
    steps.iter().find(|step| step["step"] == name).unwrap_or_else(|| panic!("no {name}: {explanation:#}"))
}
