//! A tool server that nobody has seen refuse a message whose headers and body differ: without the body, only the key that tries it
//! passes.

use super::memory::by_headers;
use super::{FAST, MCP, tool_world, tool_world_of};
use crate::answers::Asked;
use crate::cli::sql;
use crate::speakers;
use crate::world::World;
use serde_json::Value;
use sqlx::AssertSqlSafe;

const ROUTER: &str = "tenant=github&mcp=headers";
/// What the key of a trial may call.
const NO_TOOL: &str = "no-such-tool";

/// A key of the tenant, its id and its text, that tries this server.
async fn key(world: &World, tries: Option<&str>) -> (String, String) {
    key_with(world, tries, &[]).await
}

async fn key_with(world: &World, tries: Option<&str>, scopes: &[&str]) -> (String, String) {
    let base = [
        "key", "create", "trial", "--tenant", "github", "--host", MCP, "--host", FAST, "--tool", NO_TOOL,
        "--json",
    ];
    let made: Value = serde_json::from_str(&world.cli(&[&base[..], scopes].concat()).await).unwrap();
    let id = made["id"].as_str().unwrap().to_owned();
    if let Some(server) = tries {
        let statement = format!("UPDATE keys SET trial_of = '{server}' WHERE id = '{id}'");
        sql(world, AssertSqlSafe(statement)).await;
    }
    (id, format!("Bearer {}", made["key"].as_str().unwrap()))
}

fn call(host: &str, tool: &str, bearer: &str) -> Asked {
    by_headers(host, tool).with("Authorization", bearer).requiring(ROUTER)
}

both_pairs! {
    async fn on_trial_only_the_key_of_the_trial_passes_and_only_with_its_tool(pair) {
        let world = tool_world(pair).await;
        let ((_, plain), (_, trial)) = (key(&world, None).await, key(&world, Some("github")).await);
        let (_, of_another) = key(&world, Some("fast")).await;
        // Nobody has a rule for this tool. The key of the trial needs none.
        assert_eq!(call(MCP, NO_TOOL, &trial).of(&world).await.status, 200);
        let other_tool = call(MCP, "get_file", &trial).of(&world).await;
        assert_eq!(other_tool.status, 403, "{other_tool:?}");
        // A server without a rule for prompts gives all of them.
        world.cli(&["tool-server", "allow", "github", "--group", "MCP-GitHub", "--prompt", "review"]).await;
        world.has_heard().await;
        let prompt = call(MCP, NO_TOOL, &trial).with("Mcp-Method", "prompts/get").of(&world).await;
        assert_eq!(prompt.status, 403, "{prompt:?}");
        for other in [&plain, &of_another] {
            let told = call(MCP, NO_TOOL, other).of(&world).await;
            assert_eq!(told.status, 403, "{told:?}");
            assert!(told.body.contains("unknown_tool_server"), "{told:?}");
        }
        // Where the mode is set, rules decide about every other key.
        assert_eq!(call(FAST, NO_TOOL, &plain).of(&world).await.status, 403);
        assert_eq!(call(FAST, NO_TOOL, &of_another).of(&world).await.status, 200);
        assert_eq!(call(FAST, NO_TOOL, &trial).of(&world).await.status, 403, "it tries another server");
        world.cli(&["tenant", "create", "wiki"]).await;
        let elsewhere = call(MCP, NO_TOOL, &trial).requiring("mcp=headers&tenant=wiki");
        assert_eq!(elsewhere.of(&world).await.status, 403, "the router is another tenant's");
    }

    async fn the_key_of_a_trial_tries_nothing_for_a_person(pair) {
        let plan = speakers::plan().env("GATEPOST_SPEAKERS__OPEN_WEBUI__HOSTS", "*.example.test");
        let world = tool_world_of(plan, pair).await;
        world.signed_in("alice").await;
        let (id, both) = key_with(&world, None, &["--scope", "act-as", "--scope", "gate"]).await;
        let alice = speakers::word_about("alice@example.com");
        let for_alice = call(FAST, NO_TOOL, &both).with("X-OpenWebUI-User-Jwt", &alice);
        let told = for_alice.of(&world).await;
        assert_eq!(told.status, 403, "{told:?}");
        assert!(told.body.contains("a rule that allows it to you"), "the word counts: {told:?}");
        sql(&world, AssertSqlSafe(format!("UPDATE keys SET trial_of = 'github' WHERE id = '{id}'"))).await;
        world.has_heard().await;
        assert_eq!(call(MCP, NO_TOOL, &both).of(&world).await.status, 200, "the key by itself tries the server");
        let told = call(MCP, NO_TOOL, &both).with("X-OpenWebUI-User-Jwt", &alice).of(&world).await;
        assert_eq!(told.status, 403, "{told:?}");
        assert!(told.body.contains("unknown_tool_server"), "{told:?}");
    }

    async fn the_trial_ends_with_its_key(pair) {
        let world = tool_world(pair).await;
        let (revoked, expired, gone) =
            (key(&world, Some("github")).await, key(&world, Some("github")).await, key(&world, Some("github")).await);
        for (_, bearer) in [&revoked, &expired, &gone] {
            assert_eq!(call(MCP, NO_TOOL, bearer).of(&world).await.status, 200);
        }
        world.cli(&["key", "revoke", &revoked.0]).await;
        sql(&world, AssertSqlSafe(format!("UPDATE keys SET expires_at = 1 WHERE id = '{}'", expired.0))).await;
        sql(&world, AssertSqlSafe(format!("DELETE FROM keys WHERE id = '{}'", gone.0))).await;
        world.has_heard().await;
        for (_, bearer) in [&revoked, &expired, &gone] {
            assert_eq!(call(MCP, NO_TOOL, bearer).of(&world).await.status, 401);
        }
    }
}
