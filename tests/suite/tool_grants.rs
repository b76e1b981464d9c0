//! What the gate keeps of earlier calls of tools ends with everything that it follows from, on every replica within a second.

use crate::answers::Asked;
use crate::ends::{ends_at, first, soon};
use crate::replicas::another;
use crate::tools::{FAST, PATH, tool_world_of};
use crate::world::{COOKIE, PUBLIC, Pair, Plan, World};
use gatepost_kit::client::{Client, Kind, retry};
use gatepost_kit::process::{Gatepost, until};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(30);
/// In which every change binds.
const SECOND: Duration = Duration::from_secs(1);
const BOB: &str = "bob@example.com";
const ERIN: &str = "erin@example.com";

/// A message as the proxy asks about it, at the router that reads headers alone.
fn message(method: &str, credential: (&str, &str)) -> Asked {
    Asked::fetch(PATH)
        .with("X-Forwarded-Method", "POST")
        .with("X-Forwarded-Host", FAST)
        .with("MCP-Protocol-Version", "2026-07-28")
        .with("Mcp-Method", method)
        .with(credential.0, credential.1)
        .requiring("tenant=github&mcp=headers")
}

/// Somebody who calls tools, with what they send.
struct Caller {
    call: Asked,
    list: Asked,
}

impl Caller {
    fn new(credential: (&str, &str), tool: &str) -> Self {
        let call = message("tools/call", credential).with("Mcp-Name", tool);
        Self { call, list: message("tools/list", credential) }
    }

    async fn person(world: &World, who: &str, tool: &str) -> Self {
        world.entra.forget_browsers();
        let browser = world.signed_in(who).await;
        browser.navigate(&world.url(FAST, PATH)).await;
        let cookie = format!("{COOKIE}={}", browser.find_cookie(FAST, COOKIE).unwrap());
        Self::new(("Cookie", &cookie), tool)
    }

    /// A key of the tenant that is in this group, and its id.
    async fn key(world: &World, name: &str, group: &str) -> (String, Self) {
        let base = ["key", "create", name, "--tenant", "github", "--host", FAST, "--group", group, "--json"];
        let made: Value = serde_json::from_str(&world.cli(&base).await).unwrap();
        let bearer = format!("Bearer {}", made["key"].as_str().unwrap());
        (made["id"].as_str().unwrap().to_owned(), Self::new(("Authorization", &bearer), "get_file"))
    }

    /// The status of a list, and the tools that the server behind the gate is told.
    async fn told(&self, replica: &Gatepost) -> (u16, Option<String>) {
        let told = retry(|| self.list.at(replica), |told| told.status == 503).await;
        (told.status, told.header("x-user-tools").map(str::to_owned))
    }

    /// The caller's tools are kept on every replica.
    async fn is_known(&self, replicas: &[&Gatepost], tools: &str) {
        for replica in replicas {
            first(&self.call, replica).await;
            first(&self.call, replica).await;
            assert_eq!(self.told(replica).await, (200, Some(tools.to_owned())));
        }
    }

    /// The change was acknowledged right now: on no replica the call passes for longer than a second, and then the list says
    /// the same.
    async fn is_bound(&self, replicas: &[&Gatepost], status: u16, list: (u16, Option<&str>), why: &str) {
        let acknowledged = Instant::now();
        for replica in replicas {
            until("the change to bind", TIMEOUT, async || {
                let sent = Instant::now();
                let told = self.call.at(replica).await;
                let is_late = sent >= acknowledged + SECOND;
                assert!(told.status != 200 || !is_late, "{why}: passes {:?} later", sent - acknowledged);
                (told.status == status).then_some(())
            })
            .await;
            assert_eq!(self.told(replica).await, (list.0, list.1.map(str::to_owned)), "{why}");
        }
    }
}

/// Changes a key by the API, as carol, who administers the system.
async fn change_key(world: &World, carol: &Client, id: &str, body: &Value) {
    let url = world.url(PUBLIC, &format!("/api/v1/keys/{id}"));
    let request = carol.request(Method::PATCH, &url).kind(Kind::Fetch).from(&world.url(PUBLIC, "/"));
    let answer = request.header("content-type", "application/json").body(body.to_string()).send().await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// A second replica, where the stores allow one.
async fn second(world: &World, pair: Pair) -> Option<Gatepost> {
    if pair == Pair::Shared { Some(another(world).await) } else { None }
}

both_pairs! {
    async fn what_a_person_may_use_ends_with_rule_group_role_tenant_and_account(pair) {
        let world = tool_world_of(Plan::default(), pair).await;
        world.entra.add(gatepost_kit::entra::Person::named("erin"));
        world.cli_all(&[
            &["tenant", "add-member", "github", BOB, "--role", "admin"],
            &["tenant", "add-member", "github", ERIN],
            &["group", "create", "Extra"],
            &["group", "add", "Extra", ERIN],
            &["tool-server", "allow", "fast", "--role", "admin", "--tool", "delete_repo"],
            &["tool-server", "allow", "fast", "--group", "Extra", "--tool", "put_*"],
            &["tool-server", "allow", "fast", "--everyone", "--tool", "search"],
        ]).await;
        let second = second(&world, pair).await;
        let replicas: Vec<_> = std::iter::once(&world.gatepost).chain(&second).collect();
        let alice = Caller::person(&world, "alice", "get_file").await;
        let bob = Caller::person(&world, "bob", "delete_repo").await;
        let erin = Caller::person(&world, "erin", "put_file").await;
        alice.is_known(&replicas, "get_*,search").await;
        bob.is_known(&replicas, "delete_repo,search").await;
        erin.is_known(&replicas, "put_*,search").await;

        world.cli(&["tool-server", "forbid", "fast", "--group", "MCP-GitHub", "--tool", "get_*"]).await;
        alice.is_bound(&replicas, 403, (200, Some("search")), "a rule less").await;
        world.cli(&["tenant", "add-member", "github", BOB, "--role", "member"]).await;
        bob.is_bound(&replicas, 403, (200, Some("search")), "a lower role").await;
        world.cli(&["group", "remove", "Extra", ERIN]).await;
        erin.is_bound(&replicas, 403, (200, Some("search")), "a group less").await;

        let (searching, erin) = (Caller::person(&world, "alice", "search").await, Caller::person(&world, "erin", "search").await);
        for caller in [&searching, &erin] {
            caller.is_known(&replicas, "search").await;
        }
        world.cli(&["user", "disable", ERIN]).await;
        erin.is_bound(&replicas, 401, (401, None), "the account").await;
        world.cli(&["tenant", "suspend", "github", "--reason", "unpaid"]).await;
        searching.is_bound(&replicas, 403, (403, None), "the tenant").await;
    }

    async fn what_a_key_may_use_ends_with_its_limits_groups_and_itself(pair) {
        let world = tool_world_of(Plan::default(), pair).await;
        world.cli(&["tool-server", "allow", "fast", "--everyone", "--tool", "search"]).await;
        world.cli(&["group", "create", "Extra"]).await;
        world.cli(&["tool-server", "allow", "fast", "--group", "Extra", "--tool", "get_*"]).await;
        let carol = world.signed_in("carol").await;
        let second = second(&world, pair).await;
        let replicas: Vec<_> = std::iter::once(&world.gatepost).chain(&second).collect();
        let (narrowed, by_tools) = Caller::key(&world, "narrowed", "MCP-GitHub").await;
        let (_, by_group) = Caller::key(&world, "ungrouped", "Extra").await;
        let (revoked, gone) = Caller::key(&world, "revoked", "MCP-GitHub").await;
        let (_, suspended) = Caller::key(&world, "suspended", "MCP-GitHub").await;
        for caller in [&by_tools, &by_group, &gone, &suspended] {
            caller.is_known(&replicas, "get_*,search").await;
        }
        change_key(&world, &carol, &narrowed, &json!({ "tools": ["search", "put_*"] })).await;
        by_tools.is_bound(&replicas, 403, (200, Some("search")), "its tools").await;
        world.cli(&["group", "delete", "Extra"]).await;
        by_group.is_bound(&replicas, 403, (200, Some("search")), "its group").await;
        world.cli(&["key", "revoke", &revoked]).await;
        gone.is_bound(&replicas, 401, (401, None), "revoked").await;
        world.cli(&["tenant", "suspend", "github", "--reason", "unpaid"]).await;
        suspended.is_bound(&replicas, 403, (403, None), "the tenant").await;
    }

    async fn what_a_membership_gives_ends_in_its_second_though_nobody_says_so(pair) {
        let world = tool_world_of(Plan::default(), pair).await;
        world.cli(&["tool-server", "allow", "fast", "--everyone", "--tool", "search"]).await;
        let bob = Caller::person(&world, "bob", "get_file").await;
        let (end, text) = soon();
        world.cli(&["group", "add", "MCP-GitHub", BOB, "--until", &text]).await;
        first(&bob.call, &world.gatepost).await;
        ends_at(end, &bob.call, &world.gatepost, |told| told.status == 200).await;
        assert_eq!(bob.told(&world.gatepost).await, (200, Some("search".to_owned())));
    }
}
