//! Calls that are decided from memory: headers decide there what they decide where the stores are asked, and nothing more.

use super::{FAST, MCP, PATH, tool_world};
use crate::answers::{Asked, Told};
use crate::world::{COOKIE, World};
use gatepost_kit::client::Client;
use gatepost_kit::process::{store_calls, until};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);

/// A call that its headers describe whole, without a body.
pub fn by_headers(host: &str, tool: &str) -> Asked {
    Asked::fetch(PATH)
        .with("X-Forwarded-Host", host)
        .with("X-Forwarded-Method", "POST")
        .with("Content-Type", "application/json")
        .with("MCP-Protocol-Version", "2026-07-28")
        .with("Mcp-Method", "tools/call")
        .with("Mcp-Name", tool)
}

/// The answer to a request for which no store was asked.
pub async fn from_memory(world: &World, asked: &Asked) -> Told {
    until("an answer from memory", TIMEOUT, async || {
        let calls = || store_calls(world.gatepost.internal(), |_| true);
        let before = calls().await;
        let told = asked.of(world).await;
        (calls().await == before && told.status != 503).then_some(told)
    })
    .await
}

async fn cookie(world: &World, browser: &Client, host: &str) -> String {
    browser.navigate(&world.url(host, PATH)).await;
    format!("{COOKIE}={}", browser.find_cookie(host, COOKIE).unwrap())
}

both_pairs! {
    async fn what_headers_say_is_judged_from_memory_too(pair) {
        let world = tool_world(pair).await;
        let alice = world.signed_in("alice").await;
        let cookie = cookie(&world, &alice, FAST).await;
        let call = |tool: &str| by_headers(FAST, tool).with("Cookie", cookie.as_str()).requiring("tenant=github&mcp=headers");
        let told = from_memory(&world, &call("get_file")).await;
        assert_eq!((told.status, told.header("x-user-tools")), (200, Some("get_*")), "{told:?}");
        assert_eq!(from_memory(&world, &call("delete_repo")).await.status, 403);
        let earlier = call("get_file").with("MCP-Protocol-Version", "2025-11-25");
        assert_eq!(from_memory(&world, &earlier).await.status, 400, "servers of that revision compare nothing");
        let get = call("get_file").with("X-Forwarded-Method", "GET");
        assert_eq!(from_memory(&world, &get).await.status, 400);
        world.cli(&["tool-server", "forbid", "fast", "--group", "MCP-GitHub", "--tool", "get_*"]).await;
        world.has_heard().await;
        world.cli(&["tool-server", "allow", "fast", "--role", "admin", "--tool", "get_*"]).await;
        world.has_heard().await;
        assert_eq!(from_memory(&world, &call("get_file")).await.status, 403, "rules bind from memory too");
    }

    async fn headers_decide_from_memory_only_where_the_router_and_the_server_say_so(pair) {
        let world = tool_world(pair).await;
        let alice = world.signed_in("alice").await;
        let fast = by_headers(FAST, "get_file").with("Cookie", cookie(&world, &alice, FAST).await);
        let body = from_memory(&world, &fast.requiring("tenant=github&mcp=true")).await;
        assert_eq!(body.status, 400, "the router sends a body, which decides: {body:?}");
        let slow = by_headers(MCP, "get_file").with("Cookie", cookie(&world, &alice, MCP).await);
        let server = from_memory(&world, &slow.requiring("tenant=github&mcp=headers")).await;
        assert_eq!(server.status, 403, "the server does not compare headers with the body: {server:?}");
    }
}
