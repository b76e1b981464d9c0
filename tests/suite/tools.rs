//! Tool servers behind the gate: what a message asks for decides, by its body or by its headers.

pub mod memory;
mod trial;

use crate::answers::Asked;
use crate::cli::sql;
use crate::tenant_hosts::give;
use crate::world::{COOKIE, MCP_GITHUB, PUBLIC, Pair, Plan, World, alice};
use gatepost_kit::client::{Answer, Client, Kind};
use gatepost_kit::edge::Route;
use gatepost_kit::entra::Person;
use gatepost_kit::process::{Application, Dynamic, Traefik};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

/// Its router sends bodies along.
pub const MCP: &str = "mcp.example.test";
/// Its router reads headers alone.
pub const FAST: &str = "fast.example.test";
pub const PATH: &str = "/servers/github/mcp";
/// The host of another tenant.
const TENANT: &str = "other.example.net";

/// Alice is in `MCP-GitHub`, which opens the tenant and may use `get_*`; bob is a member of the tenant by himself; carol is
/// an administrator; dave is nothing.
async fn tool_world(pair: Pair) -> World {
    tool_world_of(Plan::default(), pair).await
}

/// The same with other settings.
pub async fn tool_world_of(plan: Plan, pair: Pair) -> World {
    let plan = plan.route(MCP, "tenant=github&mcp=true").route(FAST, "tenant=github&mcp=headers");
    let world = plan.start(pair).await;
    for person in [alice(), Person::named("bob"), Person::named("carol"), Person::named("dave")] {
        world.entra.add(person);
    }
    world.cli(&["group", "link", "MCP-GitHub", &format!("entra:{MCP_GITHUB}")]).await;
    world.cli(&["tenant", "create", "github"]).await;
    world.cli(&["tenant", "map", "MCP-GitHub", "github"]).await;
    world.cli(&["tenant", "add-member", "github", "bob@example.com"]).await;
    world.cli(&["admin", "grant", "carol@example.com"]).await;
    let create = ["tool-server", "create", "github", "--tenant", "github", "--scope", "tools", "--url"];
    world.cli(&[&create[..], &[&world.url(MCP, PATH)]].concat()).await;
    let create = ["tool-server", "create", "fast", "--tenant", "github", "--url"];
    world.cli(&[&create[..], &[&world.url(FAST, PATH)]].concat()).await;
    judge_by_headers(&world, "fast").await;
    for id in ["github", "fast"] {
        world.cli(&["tool-server", "allow", id, "--group", "MCP-GitHub", "--tool", "get_*"]).await;
    }
    world
}

/// Has the messages of a tool server judged by their headers, as after a trial: `check::trial` has one.
pub async fn judge_by_headers(world: &World, id: &str) {
    let sql_text = format!("UPDATE tool_servers SET mode = 'headers' WHERE id = '{id}'");
    sql(world, AssertSqlSafe(sql_text)).await;
    world.has_heard().await;
}

pub fn call(tool: &str) -> String {
    json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": tool, "arguments": { "secret": "s3cr3t" } } })
        .to_string()
}

/// A message of the current revision.
pub fn current(tool: &str) -> String {
    let meta = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28" });
    json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": tool, "_meta": meta } })
        .to_string()
}

pub const JSON: (&str, &str) = ("content-type", "application/json");

pub async fn post(client: &Client, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let request = client.request(Method::POST, url).kind(Kind::Program);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    request.body(body.to_owned()).send().await
}

/// The JSON-RPC error of a refusal.
pub fn error(answer: &Answer, status: u16, code: i64) -> Value {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.body);
    let body = answer.json();
    assert_eq!((&body["jsonrpc"], &body["error"]["code"]), (&json!("2.0"), &json!(code)), "{body}");
    assert!(
        body["error"]["data"]["request_id"].is_string() && body["error"]["data"]["help"].is_string(),
        "{body}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    body
}

both_pairs! {
    async fn a_person_calls_the_tools_that_a_rule_gives_them_and_no_other(pair) {
        let world = tool_world(pair).await;
        let url = world.url(MCP, PATH);
        let alice = world.signed_in("alice").await;
        alice.navigate(&url).await;
        let passed = post(&alice, &url, &[JSON], &call("get_file")).await;
        assert_eq!(passed.status, 200, "{}", passed.body);
        assert_eq!(passed.echoed().body, call("get_file"), "the application gets what was judged");
        let refused = post(&alice, &url, &[JSON], &call("delete_repo")).await;
        let body = error(&refused, 403, 403);
        assert_eq!((&body["id"], &body["error"]["data"]["reason"]), (&json!(7), &json!("tool")));
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("You may not use delete_repo."), "{message}");
        assert_eq!(refused.header("www-authenticate"), None, "a client would ask for scopes that do not help");
        for (method, params) in [("tools/list", json!({})), ("initialize", json!({})), ("prompts/get", json!({ "name": "p" }))] {
            let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
            assert_eq!(post(&alice, &url, &[JSON], &body).await.status, 200, "{method} has no rule");
        }
        // Bob enters the tenant without the group, carol administers the system.
        let bob = world.signed_in("bob").await;
        bob.navigate(&url).await;
        let body = error(&post(&bob, &url, &[JSON], &call("get_file")).await, 403, 403);
        assert_eq!(body["error"]["message"], "You may not use get_file. Missing: group MCP-GitHub.");
        let carol = world.signed_in("carol").await;
        carol.navigate(&url).await;
        assert_eq!(post(&carol, &url, &[JSON], &call("delete_repo")).await.status, 200);
        // The same answer next second: rules bind every request.
        world.cli(&["tool-server", "allow", "github", "--role", "member", "--tool", "delete_repo"]).await;
        assert_eq!(post(&bob, &url, &[JSON], &call("delete_repo")).await.status, 200);
        world.cli(&["tool-server", "forbid", "github", "--role", "member", "--tool", "delete_repo"]).await;
        error(&post(&bob, &url, &[JSON], &call("delete_repo")).await, 403, 403);
        let logs = world.gatepost.logs().join("\n");
        assert!(logs.contains("tool delete_repo") && !logs.contains("s3cr3t"), "the log knows tools, not arguments");
    }

    async fn who_may_not_enter_is_told_where_to_sign_in_and_their_body_is_not_read(pair) {
        let world = tool_world(pair).await;
        let url = world.url(MCP, PATH);
        let stranger = world.browser();
        let metadata = world.url(MCP, &format!("/.well-known/oauth-protected-resource{PATH}"));
        for body in [call("get_file"), "not JSON".to_owned()] {
            let answer = post(&stranger, &url, &[JSON], &body).await;
            let json = error(&answer, 401, 401);
            assert_eq!(json["id"], Value::Null);
            let challenge = format!("Bearer resource_metadata=\"{metadata}\", scope=\"tools\"");
            assert_eq!(answer.header("www-authenticate"), Some(challenge.as_str()));
        }
        let elsewhere = post(&stranger, &world.url(MCP, "/elsewhere"), &[JSON], &call("get_file")).await;
        error(&elsewhere, 401, 401);
        assert!(!elsewhere.header("www-authenticate").unwrap().contains("resource_metadata"));
        let dave = world.signed_in("dave").await;
        dave.navigate(&url).await;
        let refused = post(&dave, &url, &[JSON], "not JSON").await;
        let body = error(&refused, 403, 403);
        assert_eq!(body["error"]["message"], "You may not use this tool server. Missing: tenant github.");
        assert_eq!(refused.header("www-authenticate"), None);
        assert_eq!(world.app.requests().iter().filter(|request| request.uri == PATH).count(), 0);
        let foreign = post(&dave, &url, &[JSON, ("origin", "https://evil.example")], &call("get_file")).await;
        error(&foreign, 403, 403);
    }

    async fn a_body_that_is_no_plain_message_is_refused(pair) {
        let world = tool_world(pair).await;
        let url = world.url(MCP, PATH);
        let alice = world.signed_in("alice").await;
        alice.navigate(&url).await;
        let good = call("get_file");
        let twice = r#"{"id":7,"method":"tools/call","params":{"name":"get_file","name":"delete_repo"}}"#;
        for (headers, body) in [
            (&[JSON][..], format!("[{good}]")),
            (&[JSON], twice.to_owned()),
            (&[JSON], String::new()),
            (&[JSON], "{".to_owned()),
            (&[JSON, ("content-encoding", "gzip")], good.clone()),
            (&[("content-type", "text/plain")], good.clone()),
            (&[], good.clone()),
        ] {
            let json = error(&post(&alice, &url, headers, &body).await, 400, 400);
            assert_eq!((&json["id"], &json["error"]["data"]["reason"]), (&Value::Null, &json!("unreadable")));
        }
        let long = good.replace("s3cr3t", &"x".repeat(1024 * 1024));
        error(&post(&alice, &url, &[JSON], &long).await, 413, 413);
        for (headers, body) in [
            (vec![JSON, ("mcp-name", "get_file"), ("mcp-method", "tools/call")], call("delete_repo")),
            (vec![JSON, ("mcp-method", "tools/list")], good.clone()),
            (vec![JSON, ("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call")], current("get_file")),
            (vec![JSON], current("get_file")),
        ] {
            let json = error(&post(&alice, &url, &headers, &body).await, 400, -32020);
            assert_eq!(json["id"], json!(7), "{headers:?}");
        }
        let whole =
            [JSON, ("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "=?base64?Z2V0X2ZpbGU=?=")];
        assert_eq!(post(&alice, &url, &whole, &current("get_file")).await.status, 200);
        for (method, body, status) in
            [(Method::GET, "", 200), (Method::DELETE, "", 200), (Method::GET, "{}", 400), (Method::PUT, "{}", 400), (Method::DELETE, "{}", 400)]
        {
            let request = alice.request(method.clone(), &url).kind(Kind::Program).header("content-type", "application/json");
            let answer = if body.is_empty() { request.send().await } else { request.body(body).send().await };
            assert_eq!(answer.status, status, "{method} {body:?}: {}", answer.body);
        }
        assert!(world.app.requests().iter().all(|request| !request.body.contains("delete_repo")));
    }

    async fn an_address_without_a_tool_server_of_the_routers_tenant_is_refused(pair) {
        let world = tool_world(pair).await;
        let alice = world.signed_in("alice").await;
        alice.navigate(&world.url(MCP, PATH)).await;
        for path in ["/", "/servers/github", "/servers/github/mcpx", "/Servers/github/mcp", "/servers//github/mcp", "/servers/github/%6dcp"] {
            let body = error(&post(&alice, &world.url(MCP, path), &[JSON], &call("get_file")).await, 403, 403);
            assert_eq!(body["error"]["data"]["reason"], "unknown_tool_server", "{path}");
        }
        assert_eq!(post(&alice, &world.url(MCP, &format!("{PATH}/")), &[JSON], &call("get_file")).await.status, 200);
        // Another tenant's server has another tenant's rules.
        world.cli(&["tenant", "create", "other"]).await;
        let create = ["tool-server", "create", "other", "--tenant", "other", "--url"];
        world.cli(&[&create[..], &[&world.url(MCP, "/other/mcp")]].concat()).await;
        let body = error(&post(&alice, &world.url(MCP, "/other/mcp"), &[JSON], &call("get_file")).await, 403, 403);
        assert_eq!(body["error"]["data"]["reason"], "unknown_tool_server");
        // The host of a tenant has the servers of that tenant, whatever its router requires.
        world.cli(&["tenant", "add-member", "other", "alice@example.com"]).await;
        give(&world, "other", TENANT).await;
        world.edge.set_route(TENANT, Route::gated(world.gatepost.verify_url("mcp=true"), world.app.addr()));
        let url = world.url(TENANT, PATH);
        world.cli(&["tool-server", "create", "own", "--tenant", "other", "--url", &url]).await;
        world.cli(&["tool-server", "allow", "own", "--group", "MCP-GitHub", "--tool", "get_*"]).await;
        world.has_heard().await;
        alice.navigate(&url).await;
        assert_eq!(post(&alice, &url, &[JSON], &call("get_file")).await.status, 200);
        let foreign = ["tool-server", "create", "foreign", "--tenant", "github", "--url", &world.url(TENANT, "/foreign/mcp")];
        let refused = world.cli_refuses(&foreign).await;
        assert!(refused.contains("other.example.net is neither in GATEPOST_HOSTS nor an active host of the tenant"), "{refused}");
        // The host may become another tenant's later.
        sql(&world, "UPDATE tool_servers SET tenant_id = 'github' WHERE id = 'own'").await;
        world.has_heard().await;
        let body = error(&post(&alice, &url, &[JSON], &call("get_file")).await, 403, 403);
        assert_eq!(body["error"]["data"]["reason"], "unknown_tool_server");
        world.cli(&["tool-server", "delete", "github"]).await;
        error(&post(&alice, &world.url(MCP, PATH), &[JSON], &call("get_file")).await, 403, 403);
    }

    async fn clients_learn_where_to_sign_in_before_they_do(pair) {
        let world = tool_world(pair).await;
        world.edge.set_route("open.example.test", Route::open(world.gatepost.public()));
        let stranger = world.browser();
        let well_known = |path: &str| world.url("open.example.test", &format!("/.well-known/oauth-protected-resource{path}"));
        assert_eq!(stranger.get(&well_known("")).await.status, 404, "the host has no tool server");
        for (id, path) in [("one", "/one/mcp"), ("two", "/two/mcp")] {
            let url = world.url("open.example.test", path);
            let create = ["tool-server", "create", id, "--tenant", "github", "--name", "GitHub", "--scope", "tools", "--url", &url];
            world.cli(&create).await;
            let answer = stranger.get(&well_known(path)).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
            assert_eq!(answer.header("cache-control"), Some("max-age=300"));
            assert_eq!(answer.header("content-type"), Some("application/json"));
            let document = json!({
                "resource": url,
                "authorization_servers": [format!("{}/{}/v2.0", world.entra.authority(), world.entra.tid())],
                "scopes_supported": ["tools"],
                "bearer_methods_supported": ["header"],
                "resource_name": "GitHub",
            });
            assert_eq!(answer.json(), document);
        }
        for path in ["", "/", "/one", "/one/mcp/", "/One/mcp", "/%6fne/mcp", "/three/mcp"] {
            assert_eq!(stranger.get(&well_known(path)).await.status, 404, "{path:?}");
        }
        world.cli(&["tool-server", "update", "two", "--default", "true"]).await;
        assert_eq!(stranger.get(&well_known("")).await.json()["resource"], world.url("open.example.test", "/two/mcp"));
        world.cli(&["tool-server", "delete", "two"]).await;
        assert_eq!(stranger.get(&well_known("")).await.json()["resource"], world.url("open.example.test", "/one/mcp"), "the only one");
        assert_eq!(stranger.get(&world.url(PUBLIC, "/.well-known/oauth-protected-resource/one/mcp")).await.status, 404);
    }

    async fn headers_alone_decide_where_the_router_and_the_server_say_so(pair) {
        let world = tool_world(pair).await;
        let url = world.url(FAST, PATH);
        let alice = world.signed_in("alice").await;
        alice.navigate(&url).await;
        let version = ("mcp-protocol-version", "2026-07-28");
        let method = ("mcp-method", "tools/call");
        let passed = post(&alice, &url, &[JSON, version, method, ("mcp-name", "get_file")], &current("get_file")).await;
        assert_eq!(passed.status, 200, "{}", passed.body);
        error(&post(&alice, &url, &[JSON, version, method, ("mcp-name", "delete_repo")], "").await, 403, 403);
        error(&post(&alice, &url, &[JSON, version, method], "").await, 400, -32020);
        for headers in [&[JSON][..], &[JSON, ("mcp-protocol-version", "2025-11-25"), method, ("mcp-name", "get_file")]] {
            let body = error(&post(&alice, &url, headers, &call("get_file")).await, 400, -32022);
            assert_eq!(body["error"]["data"]["supported"], json!(["2026-07-28"]));
        }
        world.cli(&["tool-server", "update", "fast", "--mode", "body"]).await;
        let refused = post(&alice, &url, &[JSON, version, method, ("mcp-name", "get_file")], "").await;
        assert_eq!(error(&refused, 403, 403)["error"]["data"]["reason"], "unknown_tool_server");
    }

    async fn the_application_is_told_which_tools_are_open(pair) {
        let world = tool_world(pair).await;
        let url = world.url(MCP, PATH);
        world.cli(&["tool-server", "allow", "github", "--everyone", "--tool", "search,all"]).await;
        for (who, tools) in [("alice", "get_*,search%2Call"), ("bob", "search%2Call"), ("carol", "*")] {
            let browser = world.signed_in(who).await;
            browser.navigate(&url).await;
            let cookie = format!("{COOKIE}={}", browser.find_cookie(MCP, COOKIE).unwrap());
            let asked = Asked::fetch(PATH).with("X-Forwarded-Host", MCP).with("Cookie", cookie);
            let told = asked.requiring("tenant=github&mcp=true&assertion=true").of(&world).await;
            assert_eq!(told.status, 200, "{told:?}");
            assert_eq!(told.all("x-user-tools"), [tools], "{who}");
            let token = told.all("x-user-assertion")[0].to_owned();
            let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(&token).unwrap().claims;
            let open: Vec<_> = tools.split(',').map(|tool| tool.replace("%2C", ",")).collect();
            let mcp = json!({ "server": "github", "tools": open, "prompts": ["*"], "resources": ["*"] });
            assert_eq!((&claims["tenant"], &claims["mcp"]), (&json!("github"), &mcp), "{who}");
        }
    }

    async fn a_long_list_of_patterns_is_cut_in_the_header_and_in_the_claim_and_calls_stay_allowed(pair) {
        let plan = Plan::default().env("GATEPOST_VERIFY__GROUPS_HEADER_LIMIT", "256");
        let world = tool_world_of(plan, pair).await;
        let tool = |number: u8| format!("{}-{number}", "long-name".repeat(9));
        for number in 1..=5 {
            world.cli(&["tool-server", "allow", "github", "--group", "MCP-GitHub", "--tool", &tool(number)]).await;
        }
        world.cli(&["tool-server", "allow", "github", "--group", "MCP-GitHub", "--prompt", &"p".repeat(100)]).await;
        let url = world.url(MCP, PATH);
        let alice = world.signed_in("alice").await;
        alice.navigate(&url).await;
        let cookie = format!("{COOKIE}={}", alice.find_cookie(MCP, COOKIE).unwrap());
        let asked = || Asked::fetch(PATH).with("X-Forwarded-Host", MCP).with("Cookie", cookie.as_str());
        let told = asked().requiring("tenant=github&mcp=true&assertion=true").of(&world).await;
        assert_eq!(told.status, 200, "{told:?}");
        let header = told.header("x-user-tools").unwrap();
        assert!((150..=256).contains(&header.len()), "{header}");
        let token = told.all("x-user-assertion")[0].to_owned();
        let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(&token).unwrap().claims;
        let tools: Vec<_> = header.split(',').collect();
        let mcp = json!({ "server": "github", "tools": tools, "prompts": [], "resources": ["*"], "truncated": true });
        assert_eq!(claims["mcp"], mcp);
        assert_eq!(post(&alice, &url, &[JSON], &call(&tool(5))).await.status, 200, "not in the list");
        error(&post(&alice, &url, &[JSON], &call(&tool(6))).await, 403, 403);
        // A change of the rules is in the next answer, whatever was kept.
        for number in 1..=5 {
            world.cli(&["tool-server", "forbid", "github", "--group", "MCP-GitHub", "--tool", &tool(number)]).await;
        }
        let told = asked().requiring("tenant=github&mcp=true").of(&world).await;
        assert_eq!(told.all("x-user-tools"), ["get_*"]);
    }

    async fn two_callers_with_the_same_groups_get_the_list_of_their_own_key(pair) {
        let world = tool_world(pair).await;
        let url = world.url(MCP, PATH);
        let key = async |name: &str, tools: &[&str]| {
            let create = ["key", "create", name, "--tenant", "github", "--host", MCP, "--group", "MCP-GitHub", "--json"];
            let tools: Vec<&str> = tools.iter().flat_map(|tool| ["--tool", *tool]).collect();
            let made: Value = serde_json::from_str(&world.cli(&[&create[..], &tools[..]].concat()).await).unwrap();
            (made["id"].as_str().unwrap().to_owned(), format!("Bearer {}", made["key"].as_str().unwrap()))
        };
        let (id, first) = key("first", &[]).await;
        let (_, second) = key("second", &[]).await;
        let (_, narrow) = key("narrow", &["get_file"]).await;
        world.cli(&["tool-server", "allow", "github", "--key", &id, "--tool", "delete_repo"]).await;
        let list = json!({ "id": 1, "method": "tools/list" }).to_string();
        for _ in 0..2 {
            for (bearer, tools) in [(&first, "delete_repo,get_*"), (&second, "get_*"), (&narrow, "get_file")] {
                let passed = post(&world.browser(), &url, &[JSON, ("authorization", bearer)], &list).await;
                assert_eq!(passed.status, 200, "{}", passed.body);
                assert_eq!(passed.echoed().header("x-user-tools"), Some(tools));
            }
        }
    }
}

/// With `forwardBody`, which is what the edge of the other tests imitates.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_traefik_sends_the_body_along() {
    let world = tool_world(Pair::Embedded).await;
    let verify = world.gatepost.verify_url("tenant=github&mcp=true");
    let application = Application { host: MCP.to_owned(), backend: world.app.addr(), verify: Some(verify) };
    let traefik =
        Traefik::with_authority(Dynamic::default().application(&application).yaml(), world.authority.clone())
            .await;
    let alice = world.signed_in("alice").await;
    alice.navigate(&world.url(MCP, PATH)).await;
    let cookie = format!("{}={}", COOKIE, alice.find_cookie(MCP, COOKIE).unwrap());
    let client = Client::builder().everywhere(traefik.secure()).trust(&world.authority).build().patient();
    let url = format!("https://{MCP}{PATH}");
    let headers = [JSON, ("cookie", cookie.as_str())];
    let passed = post(&client, &url, &headers, &call("get_file")).await;
    assert_eq!(passed.status, 200, "{}", passed.body);
    assert_eq!(passed.echoed().body, call("get_file"));
    error(&post(&client, &url, &headers, &call("delete_repo")).await, 403, 403);
    error(&post(&client, &url, &[JSON], &call("get_file")).await, 401, 401);
    let long = call("get_file").replace("s3cr3t", &"x".repeat(2 * 1024 * 1024));
    error(&post(&client, &url, &headers, &long).await, 413, 413);
    let dotted = format!("https://{MCP}/servers/github/x/../mcp");
    assert_eq!(post(&client, &dotted, &headers, &call("delete_repo")).await.status, 403);
}
