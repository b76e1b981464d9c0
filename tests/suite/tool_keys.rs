//! API keys at tool servers: what rules give a key, what its own limit leaves of that, and what a key may do that acts for
//! people and says for nobody.

use crate::explain::{by_number, explained, step, told as told_by};
use crate::speakers;
use crate::tools::{FAST, JSON, MCP, PATH, call, current, error, post, tool_world_of};
use crate::world::{Plan, World};
use gatepost_kit::client::{Answer, Kind};
use gatepost_kit::process::find_ok;
use reqwest::Method;
use serde_json::{Value, json};

/// A key for both hosts, as `key create --json` prints it.
async fn key(world: &World, name: &str, arguments: &[&str]) -> [String; 2] {
    let base = ["key", "create", name, "--host", MCP, "--host", FAST, "--json"];
    let made: Value = serde_json::from_str(&world.cli(&[&base[..], arguments].concat()).await).unwrap();
    ["id", "key"].map(|member| made[member].as_str().unwrap().to_owned())
}

async fn allow(world: &World, rule: &[&str]) {
    for server in ["github", "fast"] {
        world.cli(&[&["tool-server", "allow", server], rule].concat()).await;
    }
}

/// Calls a tool as a program does, at the router that reads bodies or at the one that reads headers alone.
async fn calls(world: &World, host: &str, headers: &[(&str, &str)], tool: &str) -> Answer {
    let own =
        [JSON, ("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", tool)];
    post(&world.browser(), &world.url(host, PATH), &[&own[..], headers].concat(), &current(tool)).await
}

/// The message of the refusal.
async fn refused(world: &World, host: &str, headers: &[(&str, &str)], tool: &str) -> String {
    let answer = calls(world, host, headers, tool).await;
    assert_eq!(answer.header("www-authenticate"), None, "other scopes would not help");
    error(&answer, 403, 403)["error"]["message"].as_str().unwrap().to_owned()
}

/// The tools that the server behind the gate is told.
async fn told(world: &World, host: &str, headers: &[(&str, &str)], tool: &str) -> String {
    let answer = calls(world, host, headers, tool).await;
    assert_eq!(answer.status, 200, "{tool}: {}", answer.body);
    answer.echoed().header("x-user-tools").unwrap().to_owned()
}

/// What a program sends for a person.
fn said<'a>(key: &'a str, word: &'a str) -> [(&'a str, &'a str); 2] {
    [("authorization", key), ("x-openwebui-user-jwt", word)]
}

fn bearer(key: &str) -> String {
    format!("Bearer {key}")
}

const LIMITED: &str = "Missing: a key that is not limited to other tools.";
const FOR_NOBODY: &str = "Missing: a signed statement that says for whom the key sends this.";

both_pairs! {
    async fn a_key_calls_what_rules_give_it_within_its_own_tools(pair) {
        let world = tool_world_of(Plan::default(), pair).await;
        let [id, own] = key(&world, "ci", &["--tenant", "github"]).await;
        let [_, grouped] =
            key(&world, "limited", &["--tenant", "github", "--group", "MCP-GitHub", "--tool", "get_file", "--tool", "search*"]).await;
        let (own, grouped) = (bearer(&own), bearer(&grouped));
        let (own, grouped) = ([("authorization", own.as_str())], [("authorization", grouped.as_str())]);
        for host in [MCP, FAST] {
            let message = refused(&world, host, &own, "get_file").await;
            assert_eq!(message, "You may not use get_file. Missing: group MCP-GitHub.");
            assert_eq!(told(&world, host, &grouped, "get_file").await, "get_file", "a rule of the group");
            assert!(refused(&world, host, &grouped, "get_all").await.ends_with(LIMITED));
        }
        let answer = error(&calls(&world, MCP, &own, "get_file").await, 403, 403);
        let kept = by_number(&world, answer["error"]["data"]["request_id"].as_str().unwrap()).await;
        let named = ["key_id", "via", "tool", "email"].map(|name| &kept["refused"][name]);
        let (tool, no_person) = (json!("tool get_file"), Value::Null);
        assert_eq!(named, [&json!(id), &json!("ci"), &tool, &no_person], "the address of its machine says no more");
        allow(&world, &["--key", &id, "--tool", "get_all"]).await;
        allow(&world, &["--everyone", "--tool", "search"]).await;
        allow(&world, &["--everyone", "--tool", "list_*"]).await;
        for host in [MCP, FAST] {
            assert_eq!(told(&world, host, &own, "get_all").await, "get_all,list_*,search");
            assert_eq!(told(&world, host, &own, "search").await, "get_all,list_*,search");
            assert!(refused(&world, host, &own, "get_file").await.contains("MCP-GitHub"));
            assert_eq!(told(&world, host, &grouped, "search").await, "get_file,search");
            assert!(refused(&world, host, &grouped, "list_x").await.ends_with(LIMITED), "a rule for everyone");
        }
        // The key acts for nobody, so what has no rule is open to it as to everybody.
        let prompt = json!({ "id": 1, "method": "prompts/get", "params": { "name": "p" } }).to_string();
        assert_eq!(post(&world.browser(), &world.url(MCP, PATH), &[JSON, own[0]], &prompt).await.status, 200);
        world.cli(&["tool-server", "forbid", "github", "--key", &id, "--tool", "get_all"]).await;
        refused(&world, MCP, &own, "get_all").await;
    }

    async fn an_explanation_names_the_way_to_a_tool_or_what_is_missing(pair) {
        let world = tool_world_of(Plan::default(), pair).await;
        for who in ["alice", "bob", "carol"] {
            world.signed_in(who).await;
        }
        let [id, own] =
            key(&world, "ci", &["--tenant", "github", "--tool", "get_*", "--tool", "search"]).await;
        allow(&world, &["--key", &id, "--tool", "get_all"]).await;
        let url = world.url(MCP, PATH);
        let about = async |asker: &[&str], more: &[&str]| {
            let question = [asker, &["--url", &url, "--require", "tenant=github&mcp=true"], more].concat();
            explained(&world, &question).await
        };
        let by_key = ["--key", id.as_str()];
        for (asker, tool, way, tools) in [
            (&["--user", "alice@example.com"][..], "get_file", "group:MCP-GitHub", "get_*"),
            (&["--user", "carol@example.com"], "delete_repo", "administrator", "*"),
            (&by_key, "get_all", &*format!("key:{id}"), "get_all"),
        ] {
            let explanation = about(asker, &["--tool", tool]).await;
            let facts = step(&explanation, "tool");
            assert_eq!((&facts["way"], &facts["name"], &facts["server"]), (&json!(way), &json!(tool), &json!("github")));
            assert_eq!(explanation["answer"]["status"], 200, "{explanation:#}");
            assert_eq!(explanation["answer"]["headers"]["x-user-tools"], tools);
        }
        assert_eq!(step(&about(&["--user", "bob@example.com"], &["--prompt", "p"]).await, "tool")["way"], "open");
        for (asker, tool, groups, lack) in [
            (&["--user", "bob@example.com"][..], "get_file", json!(["MCP-GitHub"]), Value::Null),
            (&by_key, "get_file", json!(["MCP-GitHub"]), Value::Null),
            (&by_key, "put_file", json!([]), json!("tools")),
            (&["--user", "alice@example.com"], "put_file", json!([]), Value::Null),
        ] {
            let explanation = about(asker, &["--tool", tool]).await;
            let facts = step(&explanation, "tool");
            assert_eq!((&facts["missing_groups"], &facts["missing_key"]), (&groups, &lack), "{asker:?} {tool}");
            assert_eq!((&explanation["answer"]["status"], &explanation["reason"]), (&json!(403), &json!("tool")));
        }
        // The key itself: what it is for, and why it does not count elsewhere or any more.
        let live = calls(&world, MCP, &[("authorization", &bearer(&own))], "get_all").await.echoed();
        let explanation = about(&by_key, &["--tool", "get_all"]).await;
        for name in ["x-user-email", "x-user-id", "x-user-tools", "x-tenant-id", "x-user-role"] {
            assert_eq!(explanation["answer"]["headers"][name], live.header(name).unwrap(), "{name}");
        }
        let text = told_by(&world, &["--key", &id, "--url", &world.url("app.example.test", "/")]).await;
        assert!(text.contains("the key does not count at this host") && text.contains("answers 403"), "{text}");
        let not_asked = told_by(&world, &["--user", "alice@example.com", "--url", &url, "--tool", "get_file"]).await;
        assert!(not_asked.contains("mcp=true is missing"), "{not_asked}");
        let elsewhere = ["--user", "alice@example.com", "--url", &world.url(MCP, "/x"), "--require", "mcp=true"];
        assert_eq!(explained(&world, &elsewhere).await["reason"], "unknown_tool_server");
        world.cli(&["key", "revoke", &id]).await;
        let explanation = about(&by_key, &["--tool", "get_all"]).await;
        assert!(step(&explanation, "key")["revoked_at"].is_string(), "{explanation:#}");
        assert_eq!(explanation["answer"]["status"], 401);
        assert!(!explanation.to_string().contains(&own), "no secret");
        // A refusal of a tool is explained as what was asked for.
        let bob = world.signed_in("bob").await;
        bob.navigate(&url).await;
        let refused = error(&post(&bob, &url, &[JSON], &call("get_file")).await, 403, 403);
        let number = refused["error"]["data"]["request_id"].as_str().unwrap();
        let kept = by_number(&world, number).await;
        assert_eq!((&kept["mended"], &kept["refused"]["tool"]), (&json!(false), &json!("tool get_file")), "{kept:#}");
        allow(&world, &["--role", "member", "--tool", "get_file"]).await;
        assert_eq!(by_number(&world, number).await["mended"], true);
    }

    async fn a_person_for_whom_a_key_acts_stays_within_the_keys_tools(pair) {
        let plan = speakers::plan().env("GATEPOST_SPEAKERS__OPEN_WEBUI__HOSTS", "*.example.test");
        let world = tool_world_of(plan, pair).await;
        for who in ["alice", "bob", "carol"] {
            world.signed_in(who).await;
        }
        let [id, chat] = key(&world, "chat", &["--scope", "act-as", "--tool", "get_file", "--tool", "put_*"]).await;
        allow(&world, &["--key", &id, "--tool", "put_file"]).await;
        let chat = bearer(&chat);
        let [of_alice, of_bob, of_carol] =
            ["alice", "bob", "carol"].map(|who| speakers::word_about(&format!("{who}@example.com")));
        for host in [MCP, FAST] {
            let alice = said(&chat, &of_alice);
            assert_eq!(told(&world, host, &alice, "get_file").await, "get_file", "within both");
            assert!(refused(&world, host, &alice, "get_all").await.ends_with(LIMITED), "alice may, the key may not");
            let answer = calls(&world, host, &alice, "put_file").await;
            let message = error(&answer, 403, 403);
            let number = message["error"]["data"]["request_id"].as_str().unwrap();
            let message = message["error"]["message"].as_str().unwrap();
            let kept = by_number(&world, number).await;
            assert_eq!((&kept["refused"]["via"], &kept["refused"]["tool"]), (&json!("chat"), &json!("tool put_file")));
            assert_eq!((&kept["refused"]["email"], &kept["now"]), (&json!("alice@example.com"), &Value::Null));
            assert_eq!(message, "You may not use put_file. Missing: a rule that allows it to you.", "a rule of the key alone");
            assert!(refused(&world, host, &said(&chat, &of_bob), "get_file").await.contains("MCP-GitHub"));
            let carol = calls(&world, host, &said(&chat, &of_carol), "get_file").await;
            assert_eq!(carol.status, 403, "an administrator's rights do not travel");
        }
        let counted = find_ok(world.gatepost.internal(), "/metrics").await.unwrap();
        for answer in ["allowed", "forbidden"] {
            let series = format!("gatepost_credentials_total{{credential=\"word\",answer=\"{answer}\"}}");
            assert!(counted.contains(&series), "{series}: {counted}");
        }
        assert!(!counted.contains("put_file") && !counted.contains("chat"), "no name makes a series");
        let logs = world.gatepost.logs().join("\n");
        assert!(logs.contains("tool put_file") && !logs.contains(&chat) && !logs.contains(&of_alice));
    }

    async fn a_key_that_says_for_nobody_gets_to_know_servers_and_calls_only_what_a_rule_gives_it(pair) {
        let plan = speakers::plan().env("GATEPOST_SPEAKERS__OPEN_WEBUI__HOSTS", "*.example.test");
        let world = tool_world_of(plan.route("plain.example.test", "tenant=github"), pair).await;
        let hosts = ["--host", "plain.example.test", "--tenant", "github"];
        let [id, speaks] = key(&world, "chat", &[&hosts[..], &["--scope", "act-as"]].concat()).await;
        let [_, both] = key(&world, "both", &[&hosts[..], &["--scope", "act-as", "--scope", "gate"]].concat()).await;
        let [_, reads] = key(&world, "reads", &[&hosts[..], &["--scope", "api.read"]].concat()).await;
        let (client, url) = (world.browser(), world.url(MCP, PATH));
        let send = async |key: &str, method: &str, params: Value| {
            let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
            post(&client, &url, &[JSON, ("authorization", &bearer(key))], &body).await
        };
        for key in [&speaks, &both] {
            for method in ["server/discover", "initialize", "notifications/initialized", "ping", "tools/list", "prompts/list", "resources/list"] {
                let answer = send(key, method, json!({})).await;
                assert_eq!(answer.status, 200, "{method}: {}", answer.body);
                assert_eq!(answer.echoed().header("x-user-tools"), Some(""), "{method}");
            }
            // Prompts and resources have no rule, which opens them to people alone.
            for (method, params) in [
                ("tools/call", json!({ "name": "get_file" })),
                ("prompts/get", json!({ "name": "p" })),
                ("resources/read", json!({ "uri": "file:///a" })),
                ("tasks/result", json!({ "taskId": "t" })),
                ("completion/complete", json!({})),
                ("resources/subscribe", json!({ "uri": "file:///a" })),
            ] {
                let body = error(&send(key, method, params).await, 403, 403);
                assert!(body["error"]["message"].as_str().unwrap().ends_with(FOR_NOBODY), "{method}: {body}");
            }
            let answered = json!({ "jsonrpc": "2.0", "id": 1, "result": {} }).to_string();
            error(&post(&client, &url, &[JSON, ("authorization", &bearer(key))], &answered).await, 403, 403);
            for (method, status) in [(Method::GET, 403), (Method::DELETE, 200)] {
                let request = client.request(method.clone(), &url).kind(Kind::Program);
                assert_eq!(request.header("authorization", bearer(key)).send().await.status, status, "{method}");
            }
            let fast = [("authorization", bearer(key))];
            let fast = [("authorization", fast[0].1.as_str())];
            assert!(refused(&world, FAST, &fast, "get_file").await.ends_with(FOR_NOBODY));
            let listing = [JSON, ("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list"), fast[0]];
            assert_eq!(post(&client, &world.url(FAST, PATH), &listing, "").await.status, 200);
        }
        allow(&world, &["--key", &id, "--tool", "get_file"]).await;
        for host in [MCP, FAST] {
            assert_eq!(told(&world, host, &[("authorization", &bearer(&speaks))], "get_file").await, "get_file");
            refused(&world, host, &[("authorization", &bearer(&both))], "get_file").await;
        }
        let unsigned = [JSON, ("x-openwebui-user-email", "alice@example.com"), ("authorization", &bearer(&speaks))];
        error(&post(&client, &url, &unsigned, &call("get_file")).await, 401, 401);
        assert_eq!(send(&reads, "tools/list", json!({})).await.status, 403, "another scope opens nothing");
        // Elsewhere the key needs the scope gate, and its tenant holds here too.
        let page = client.request(Method::GET, &world.url("plain.example.test", "/")).kind(Kind::Program);
        assert_eq!(page.header("authorization", bearer(&speaks)).send().await.status, 403);
        let [_, foreign] = key(&world, "foreign", &["--scope", "act-as"]).await;
        assert_eq!(send(&foreign, "tools/list", json!({})).await.status, 403, "not in the tenant");
    }
}
