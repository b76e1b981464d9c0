//! Access tokens at tool servers: for which server a token was issued, and with which scopes.

use crate::tools::memory::{by_headers, from_memory};
use crate::tools::{JSON, MCP, PATH, call, error, judge_by_headers, post};
use crate::world::{PUBLIC, Pair, Plan, World};
use gatepost_kit::client::Answer;
use gatepost_kit::entra::{Entra, Person, Shape};
use serde_json::{Value, json};

/// The audience of another server.
const ANOTHER: &str = "00000000-0000-4000-8000-000000000abc";

/// Alice has signed in once. `scopes` are those of the tool server, as clients request them.
async fn world(pair: Pair, entra: Entra, bearer_scopes: &str, scopes: &[String]) -> World {
    let world = world_of(Plan::default(), pair, entra, bearer_scopes, scopes).await;
    world.signed_in("alice").await;
    world
}

/// The same with other settings, before Alice has signed in.
async fn world_of(plan: Plan, pair: Pair, entra: Entra, bearer_scopes: &str, scopes: &[String]) -> World {
    let audience = format!("{},{ANOTHER}", entra.audience());
    let plan = plan
        .route(MCP, "mcp=true")
        .env("GATEPOST_PROVIDERS__ENTRA__AUDIENCE", audience)
        .env("GATEPOST_PROVIDERS__ENTRA__BEARER_SCOPES", bearer_scopes);
    let world = plan.start_with(pair, entra).await;
    world.entra.add(Person::named("alice").email_verified(Some(true)));
    world.cli(&["tenant", "create", "github"]).await;
    let url = world.url(MCP, PATH);
    let create = ["tool-server", "create", "github", "--tenant", "github", "--url", &url];
    let scopes = scopes.iter().flat_map(|scope| ["--scope", scope]);
    world.cli(&create.into_iter().chain(scopes).collect::<Vec<_>>()).await;
    world
}

/// A token of this form whose claims have these scopes and this audience.
fn token(world: &World, shape: Shape, scopes: &str, audience: &str) -> String {
    world.entra.access_token_with(shape, "alice", |claims| {
        let name = if claims.get("scp").is_some() { "scp" } else { "scope" };
        claims[name] = json!(scopes);
        claims["aud"] = json!(audience);
    })
}

async fn send(world: &World, token: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    post(&world.browser(), &world.url(MCP, PATH), &[JSON, ("authorization", &bearer)], body).await
}

/// The challenge of the refusal, which names the document of the server.
fn challenge(answer: &Answer, status: u16, error_name: &str) -> String {
    let body = error(answer, status, status.into());
    assert_eq!(body["id"], Value::Null, "the body is not read");
    let challenge = answer.header("www-authenticate").unwrap().to_owned();
    assert!(challenge.starts_with(&format!("Bearer error=\"{error_name}\"")), "{challenge}");
    assert!(challenge.contains("resource_metadata=\"https://mcp.example.test"), "{challenge}");
    assert_eq!(challenge.matches("scope=").count(), 1, "{challenge}");
    challenge
}

/// What holds for the tokens of each kind of provider.
async fn assert_scopes_and_audience(
    world: &World,
    shape: Shape,
    server_scopes: &str,
    provider_audience: &str,
) {
    let url = world.url(MCP, PATH);
    // Entra's tokens name the API. Others name the server, unless an administrator says what they name.
    let own = if matches!(shape, Shape::EntraV2) { provider_audience } else { url.as_str() };
    if own != provider_audience {
        let narrow = token(world, shape, "mcp.call mcp.write", provider_audience);
        let told = challenge(&send(world, &narrow, &call("get_file")).await, 401, "invalid_token");
        assert!(told.contains("another audience than this tool server"), "{told}");
        world.cli(&["tool-server", "update", "github", "--audience", provider_audience]).await;
    }
    let both = token(world, shape, "openid mcp.write mcp.call", provider_audience);
    let passed = send(world, &both, &call("get_file")).await;
    assert_eq!(passed.status, 200, "{shape:?}: {}", passed.body);
    assert_eq!(passed.echoed().header("x-user-email"), Some("alice@example.com"));
    let one = token(world, shape, "mcp.call", provider_audience);
    let told = challenge(&send(world, &one, &call("get_file")).await, 403, "insufficient_scope");
    assert!(told.contains(&format!("scope=\"{server_scopes}\"")), "all scopes of the operation: {told}");
    // What the provider demands of every token is named with them.
    let none = token(world, shape, "openid", provider_audience);
    let told = challenge(&send(world, &none, &call("get_file")).await, 403, "insufficient_scope");
    assert!(told.contains(&format!("scope=\"{server_scopes}\"")), "{told}");
    // Refused by a rule: no scope would help.
    world.cli(&["tool-server", "allow", "github", "--role", "admin", "--tool", "get_file"]).await;
    let refused = send(world, &both, &call("get_file")).await;
    assert_eq!(error(&refused, 403, 403)["error"]["data"]["reason"], "tool");
    assert_eq!(refused.header("www-authenticate"), None);
    world.cli(&["tool-server", "update", "github", "--audience", ANOTHER]).await;
    challenge(&send(world, &both, &call("get_all")).await, 401, "invalid_token");
    // A session of a browser has neither audience nor scopes.
    let alice = world.signed_in("alice").await;
    alice.navigate(&url).await;
    let list = json!({ "id": 1, "method": "tools/list" }).to_string();
    assert_eq!(post(&alice, &url, &[JSON], &list).await.status, 200);
}

both_pairs! {
    async fn a_token_for_another_server_or_without_a_scope_calls_nothing_from_memory(pair) {
        let entra = Entra::start_oidc().await;
        let audience = entra.audience();
        let world = world(pair, entra, "mcp.call", &["mcp.write".to_owned()]).await;
        judge_by_headers(&world, "github").await;
        let call = |scopes: &str, audience: &str| {
            let token = token(&world, Shape::Rfc9068, scopes, audience);
            let call = by_headers(MCP, "get_file").with("Authorization", format!("Bearer {token}"));
            call.requiring("mcp=headers")
        };
        let (whole, narrow) = (call("mcp.call mcp.write", &audience), call("mcp.call", &audience));
        assert_eq!(from_memory(&world, &whole).await.status, 401, "the token is for all servers of the provider");
        world.cli(&["tool-server", "update", "github", "--audience", &audience]).await;
        world.has_heard().await;
        assert_eq!(from_memory(&world, &whole).await.status, 200);
        assert_eq!(from_memory(&world, &narrow).await.status, 403);
    }

    async fn a_token_of_a_plain_provider_or_keycloak_is_for_one_tool_server_with_all_its_scopes(pair) {
        for shape in [Shape::Rfc9068, Shape::Keycloak] {
            let entra = Entra::start_oidc().await;
            let audience = entra.audience();
            let scopes = ["mcp.call", "mcp.write"].map(str::to_owned);
            let world = world(pair, entra, "mcp.call", &scopes).await;
            assert_scopes_and_audience(&world, shape, "mcp.call mcp.write", &audience).await;
        }
    }

    async fn a_token_of_entra_is_for_one_tool_server_with_all_its_scopes(pair) {
        let entra = Entra::start().await;
        let audience = entra.audience();
        // As clients request them. The token has their last parts.
        let scopes = ["mcp.call", "mcp.write"].map(|scope| format!("https://{MCP}{PATH}/{scope}"));
        let world = world(pair, entra, "mcp.call", &scopes).await;
        assert_scopes_and_audience(&world, Shape::EntraV2, &scopes.join(" "), &audience).await;
    }

    async fn a_token_of_another_provider_is_worth_nothing_where_a_tool_server_names_its_provider(pair) {
        let other = Entra::start_oidc().await;
        let mut plan = Plan::default().env("GATEPOST_PROVIDERS__ENTRA__ALLOWED_DOMAINS", "example.com");
        for (name, value) in [
            ("KIND", "oidc".to_owned()),
            ("ISSUER", other.issuer()),
            ("CLIENT_ID", other.client_id()),
            ("CLIENT_SECRET", other.client_secret()),
            ("AUDIENCE", other.audience()),
            ("ALLOWED_DOMAINS", "other.example".to_owned()),
            ("GROUP_NAMES", "link".to_owned()),
        ] {
            plan = plan.env(&format!("GATEPOST_PROVIDERS__OTHER__{name}"), value);
        }
        let entra = Entra::start_oidc().await;
        let audience = entra.audience();
        let world = world_of(plan, pair, entra, "mcp.call", &[]).await;
        world.cli(&["tool-server", "update", "github", "--audience", &audience]).await;
        world.entra.at_the_browser(Some("alice"));
        let alice = world.browser();
        let trip = alice.navigate(&world.url(PUBLIC, "/login?provider=entra")).await;
        assert_eq!(trip.end().status, 200, "{}", trip.describe());
        let own = token(&world, Shape::Rfc9068, "mcp.call", &audience);
        assert_eq!(send(&world, &own, &call("get_file")).await.status, 200, "no provider is named");
        world.cli(&["tool-server", "update", "github", "--provider", "other"]).await;
        for body in [call("get_file"), json!({ "id": 1, "method": "tools/list" }).to_string()] {
            let answer = send(&world, &own, &body).await;
            let body = error(&answer, 401, 401);
            assert_eq!(body["id"], Value::Null, "the body is not read");
            let told = answer.header("www-authenticate").unwrap();
            assert!(told.starts_with("Bearer error=\"invalid_token\"") && told.contains("of another provider"), "{told}");
            assert!(told.contains("resource_metadata=\"https://mcp.example.test"), "{told}");
        }
        // A session says nothing about a provider.
        alice.navigate(&world.url(MCP, PATH)).await;
        assert_eq!(post(&alice, &world.url(MCP, PATH), &[JSON], &call("get_file")).await.status, 200);
        world.cli(&["tool-server", "update", "github", "--provider", "entra"]).await;
        assert_eq!(send(&world, &own, &call("get_file")).await.status, 200);
    }
}
