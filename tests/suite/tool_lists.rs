//! The list filter: each person sees the tools that they may call, and no list passes that is not understood.

mod limits;
mod traefik;
pub mod upstream;

use crate::answers::{Asked, Told};
use crate::world::{COOKIE, MCP_GITHUB, Pair, Plan, World, alice, run_command};
use gatepost_kit::client::{Answer, Client, Kind};
use gatepost_kit::edge::Route;
use gatepost_kit::entra::Person;
use gatepost_kit::process::free_addr;
use reqwest::Method;
use serde_json::{Value, json};
use std::net::SocketAddr;
use upstream::Upstream;

const MCP: &str = "mcp.example.test";
const PATH: &str = "/servers/github/mcp";
const REQUIREMENT: &str = "tenant=github&mcp=true&assertion=true";
const TOOLS: [&str; 5] = ["get_file", "delete_repo", "ping", "get_issue", "Get_file"];

/// A world whose tool server is scripted, and the listener that filters its lists.
struct Lists {
    world: World,
    upstream: Upstream,
    filter: SocketAddr,
}

impl Lists {
    /// Alice is in `MCP-GitHub`, which opens the tenant and may use `get_*`; bob is a member of the tenant by himself; carol
    /// is an administrator. Members may `ping`.
    async fn start(pair: Pair) -> Self {
        let (upstream, filter) = (Upstream::start().await, free_addr());
        let plan = Plan::default().route(MCP, REQUIREMENT);
        let plan = plan.env("GATEPOST_MCP__FILTER_ADDR", filter.to_string());
        let services = format!("tools=http://{},other=http://127.0.0.1:9", upstream.addr);
        let world = plan.env("GATEPOST_SERVICES", services).start(pair).await;
        for person in [alice(), Person::named("bob"), Person::named("carol")] {
            world.entra.add(person);
        }
        let url = world.url(MCP, PATH);
        world
            .cli_all(&[
                &["group", "link", "MCP-GitHub", &format!("entra:{MCP_GITHUB}")][..],
                &["tenant", "create", "github"],
                &["tenant", "map", "MCP-GitHub", "github"],
                &["tenant", "add-member", "github", "bob@example.com"],
                &["admin", "grant", "carol@example.com"],
                &[
                    "tool-server",
                    "create",
                    "github",
                    "--tenant",
                    "github",
                    "--url",
                    &url,
                    "--service",
                    "tools",
                ],
                &["tool-server", "allow", "github", "--group", "MCP-GitHub", "--tool", "get_*"],
                &["tool-server", "allow", "github", "--role", "member", "--tool", "ping"],
            ])
            .await;
        upstream.replies_json(&tools());
        let lists = Self { world, upstream, filter };
        lists.to_filter();
        lists
    }

    /// Sends the host's requests to the list filter, behind the middleware.
    fn to_filter(&self) {
        let verify = self.world.gatepost.verify_url(REQUIREMENT);
        self.world.edge.set_route(MCP, Route::gated(verify, self.filter));
    }

    fn to_application(&self) {
        let verify = self.world.gatepost.verify_url(REQUIREMENT);
        self.world.edge.set_route(MCP, Route::gated(verify, self.world.app.addr()));
    }

    fn url(&self) -> String {
        self.world.url(MCP, PATH)
    }

    async fn browser(&self, who: &str) -> Client {
        let browser = self.world.signed_in(who).await;
        self.to_application();
        browser.navigate(&self.url()).await;
        self.to_filter();
        browser
    }

    async fn list(&self, client: &Client, method: &str) -> Answer {
        post(client, &self.url(), method, &message(method)).await
    }

    /// What `/verify` tells the proxy for a person.
    async fn told(&self, who: &str, requirement: &str) -> Told {
        let browser = self.browser(who).await;
        let cookie = format!("{COOKIE}={}", browser.find_cookie(MCP, COOKIE).unwrap());
        let asked = Asked::fetch(PATH).with("X-Forwarded-Host", MCP).with("Cookie", cookie);
        let told = asked.requiring(requirement).of(&self.world).await;
        assert_eq!(told.status, 200, "{told:?}");
        told
    }

    /// Sends a list call to the listener itself, with these headers.
    async fn past_the_edge(&self, path: &str, headers: &[(String, String)]) -> Answer {
        let client = Client::builder().everywhere(self.filter).build();
        let request = client.request(Method::POST, &format!("http://{MCP}{path}")).kind(Kind::Program);
        let request = request.header("content-type", "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.body(message("tools/list")).send().await
    }
}

async fn post(client: &Client, url: &str, method: &str, body: &str) -> Answer {
    let request = client.request(Method::POST, url).kind(Kind::Program);
    let request = request.header("content-type", "application/json").header("mcp-method", method);
    request.header("authorization", "Basic b3duOnNlY3JldA==").body(body.to_owned()).send().await
}

fn message(method: &str) -> String {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": {} }).to_string()
}

fn call(tool: &str) -> String {
    json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": tool } }).to_string()
}

/// A page of all tools.
fn tools() -> Value {
    let entry = |name: &&str| json!({ "name": name, "inputSchema": { "type": "object" } });
    let tools: Vec<Value> = TOOLS.iter().map(entry).collect();
    json!({ "jsonrpc": "2.0", "id": 7, "result": { "tools": tools, "nextCursor": "2", "ttlMs": 300_000, "cacheScope": "public" } })
}

fn names(answer: &Answer, member: &str, name: &str) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let list = answer.json()["result"][member].as_array().unwrap().clone();
    list.iter().map(|entry| entry[name].as_str().unwrap().to_owned()).collect()
}

/// The JSON-RPC error of a list that is not answered.
#[track_caller]
fn refused(answer: &Answer, status: u16, reason: &str) {
    let shown = TOOLS.iter().find(|tool| answer.body.contains(*tool));
    assert_eq!((answer.status, shown), (status, None), "{reason}: {}", answer.body);
    let body = answer.json();
    assert_eq!(body["error"]["data"]["reason"], reason, "{body}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

both_pairs! {
    async fn each_person_sees_the_tools_that_they_may_call(pair) {
        let lists = Lists::start(pair).await;
        for (who, expected) in [("alice", vec!["get_file", "ping", "get_issue"]), ("bob", vec!["ping"]), ("carol", TOOLS.to_vec())] {
            let browser = lists.browser(who).await;
            let answer = lists.list(&browser, "tools/list").await;
            let seen = names(&answer, "tools", "name");
            assert_eq!(seen, expected, "{who}");
            let result = &answer.json()["result"];
            assert_eq!((&result["nextCursor"], &result["ttlMs"], &result["cacheScope"]), (&json!("2"), &json!(60_000), &json!("private")));
            lists.to_application();
            for tool in TOOLS {
                let called = post(&browser, &lists.url(), "tools/call", &call(tool)).await;
                assert_eq!(called.status == 200, seen.contains(&tool.to_owned()), "{who} {tool}: {}", called.body);
            }
            lists.to_filter();
        }
        // The next list knows a rule that was made or taken back.
        let bob = lists.browser("bob").await;
        lists.world.cli(&["tool-server", "allow", "github", "--everyone", "--tool", "delete_repo"]).await;
        assert_eq!(names(&lists.list(&bob, "tools/list").await, "tools", "name"), ["delete_repo", "ping"]);
        lists.world.cli(&["tool-server", "forbid", "github", "--everyone", "--tool", "delete_repo"]).await;
        lists.world.cli(&["tool-server", "forbid", "github", "--role", "member", "--tool", "ping"]).await;
        assert_eq!(names(&lists.list(&bob, "tools/list").await, "tools", "name"), [""; 0]);
    }

    async fn only_a_system_administrator_names_the_service(pair) {
        let lists = Lists::start(pair).await;
        let alice = lists.browser("alice").await;
        lists.world.cli(&["tool-server", "update", "github", "--service", "none"]).await;
        refused(&lists.list(&alice, "tools/list").await, 502, "no_service");
        let error = lists.world.cli_refuses(&["tool-server", "update", "github", "--service", "elsewhere"]).await;
        assert!(error.contains("GATEPOST_SERVICES has no elsewhere"), "{error}");
        lists.world.cli(&["tool-server", "update", "github", "--service", "other"]).await;
        refused(&lists.list(&alice, "tools/list").await, 502, "not_filtered");
        lists.world.cli(&["tool-server", "update", "github", "--service", "tools"]).await;
        assert_eq!(lists.list(&alice, "tools/list").await.status, 200);
        assert!(lists.world.cli(&["tool-server", "show", "github"]).await.contains("filtered at service tools"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_resources_and_templates_are_filtered_by_their_own_rules() {
    let lists = Lists::start(Pair::Embedded).await;
    let allow = ["tool-server", "allow", "github", "--everyone", "--resource", "file:///a/*"];
    lists.world.cli(&allow).await;
    let alice = lists.browser("alice").await;
    let listed = async |method: &str, member: &str, name: &str, all: &[&str]| {
        let entries: Vec<Value> = all.iter().map(|text| json!({ name: text })).collect();
        lists.upstream.replies_json(&json!({ "jsonrpc": "2.0", "id": 7, "result": { member: entries } }));
        names(&lists.list(&alice, method).await, member, name)
    };
    assert_eq!(listed("prompts/list", "prompts", "name", &["a", "b"]).await, ["a", "b"], "no rule");
    let all = ["file:///a/1", "file:///b"];
    assert_eq!(listed("resources/list", "resources", "uri", &all).await, ["file:///a/1"]);
    let all = ["file:///{path}", "file:///a/{id}", "file:///b/{id}", "git://{repo}"];
    let seen = listed("resources/templates/list", "resourceTemplates", "uriTemplate", &all).await;
    assert_eq!(seen, ["file:///{path}", "file:///a/{id}"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_understood_is_502_and_never_unfiltered() {
    let lists = Lists::start(Pair::Embedded).await;
    let alice = lists.browser("alice").await;
    let list = tools().to_string();
    let json = "Content-Type: application/json\r\n";
    let stream = "Content-Type: text/event-stream\r\n";
    let huge = list.replace("\"2\"", &format!("\"{}\"", "x".repeat(4 * 1024 * 1024)));
    for (head, body) in [
        ("200 OK", format!("Content-Type: text/plain\r\n\r\n{list}")),
        ("200 OK", format!("\r\n{list}")),
        ("200 OK", format!("{json}{json}\r\n{list}")),
        ("200 OK", format!("Content-Type: application/json; charset=utf-16\r\n\r\n{list}")),
        ("200 OK", format!("{json}Content-Encoding: gzip\r\n\r\n{list}")),
        ("200 OK", format!("{json}Content-Encoding: identity\r\n\r\n{list}")),
        ("200 OK", format!("{json}\r\n[{list}]")),
        ("200 OK", format!("{json}\r\n{list}{list}")),
        ("200 OK", format!("{json}\r\n{}", list.replace("\"id\":7", "\"id\":8"))),
        ("200 OK", format!("{json}\r\n{}", list.replace("\"tools\":", "\"Tools\":"))),
        ("200 OK", format!("{json}\r\n{}", list.replace("\"nextCursor\":\"2\"", "\"tools\":[]"))),
        ("200 OK", format!("{json}\r\n{}", &list[..list.len() - 1])),
        ("200 OK", format!("{json}\r\n{huge}")),
        ("200 OK", format!("{json}Content-Length: 9999\r\n\r\n{list}")),
        ("200 OK", format!("{json}\r\n")),
        ("201 Created", format!("{json}\r\n{list}")),
        ("204 No Content", "\r\n".to_owned()),
        ("302 Found", format!("Location: /elsewhere\r\n{json}\r\n{list}")),
        ("404 Not Found", format!("{json}\r\n{list}")),
        ("500 Internal Server Error", format!("Content-Type: text/plain\r\n\r\n{list}")),
        ("200 OK", format!("{stream}\r\ndata: {list}\n")),
        ("200 OK", format!("{stream}\r\nevent: list\ndata: {list}\n\n")),
        ("200 OK", format!("{stream}\r\ndata: {{\"id\":1,\"method\":\"roots/list\"}}\n\ndata: {list}\n\n")),
        ("200 OK", format!("{stream}\r\n: ping\n\n")),
        (
            "200 OK",
            format!("{stream}\r\n{}data: {list}\n\n", format!(": {}\n", "x".repeat(1023)).repeat(4096)),
        ),
    ] {
        lists.upstream.replies(format!("HTTP/1.1 {head}\r\nConnection: close\r\n{body}"));
        let answer = lists.list(&alice, "tools/list").await;
        refused(&answer, 502, "not_filtered");
        assert_eq!(answer.json()["id"], 7, "{head} {}", &body[..body.len().min(200)]);
    }
    lists.upstream.replies("no HTTP".to_owned());
    refused(&lists.list(&alice, "tools/list").await, 502, "not_filtered");
    // The same list, sent as it may be.
    for body in [
        format!("{json}\r\n{list}"),
        format!("Content-Type: application/json; charset=utf-8\r\n\r\n{list}"),
        format!("{stream}\r\nid: 1\ndata:\n\ndata: {list}\n\n"),
        format!(
            "{stream}\r\n: ping\n\ndata: {{\"method\":\"notifications/message\"}}\n\nevent: message\ndata: {list}\n\nmore"
        ),
    ] {
        lists.upstream.replies(format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{body}"));
        assert_eq!(names(&lists.list(&alice, "tools/list").await, "tools", "name").len(), 3, "{body}");
    }
    let error =
        json!({ "jsonrpc": "2.0", "id": 7, "error": { "code": -32602, "message": "no such cursor" } });
    for status in ["200 OK", "400 Bad Request", "404 Not Found"] {
        lists.upstream.replies(format!("HTTP/1.1 {status}\r\nConnection: close\r\n{json}\r\n{error}"));
        let answer = lists.list(&alice, "tools/list").await;
        assert_eq!((answer.status.to_string(), answer.json()), (status[..3].to_owned(), error.clone()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tool_server_gets_the_message_and_no_credential() {
    let lists = Lists::start(Pair::Embedded).await;
    let alice = lists.browser("alice").await;
    let create = ["key", "create", "ci", "--host", MCP, "--tenant", "github"];
    let (_, key, _) = run_command(&lists.world.builder, &create).await;
    let own = format!("{COOKIE}={}; theme=dark", alice.find_cookie(MCP, COOKIE).unwrap());
    let client = lists.world.browser();
    for credential in [("authorization", format!("Bearer {}", key.trim())), ("cookie", own)] {
        let request = client.request(Method::POST, &format!("{}?page=2", lists.url())).kind(Kind::Program);
        let request = request.header("content-type", "application/json").header("accept-encoding", "gzip");
        let request = request.header(credential.0, &credential.1).body(message("tools/list"));
        assert_eq!(request.send().await.status, 200);
        let seen = lists.upstream.last();
        let (head, body) = seen.split_once("\r\n\r\n").unwrap();
        let head = head.to_ascii_lowercase();
        assert!(head.starts_with(&format!("post {PATH}?page=2 http/1.1")), "{head}");
        assert_eq!(body, message("tools/list"));
        for line in
            ["host: mcp.example.test:", "x-user-email: ", "x-user-tools: ", "accept-encoding: identity"]
        {
            assert!(head.contains(&format!("\r\n{line}")), "{line} {head}");
        }
        for hidden in ["cookie:", "authorization:", "x-gatepost-key:", "gp_", "gzip"] {
            assert!(!head.contains(hidden), "{hidden} {head}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_a_list_call_comes_to_a_tool_server() {
    let lists = Lists::start(Pair::Embedded).await;
    let carol = lists.browser("carol").await;
    for (status, reason, method, body) in [
        (400, "no_list", "tools/call", call("get_file")),
        (400, "no_list", "initialize", message("initialize")),
        (400, "no_list", "prompts/get", message("prompts/get").replace("{}", "{\"name\":\"a\"}")),
        (400, "no_list", "tools/list", message("tools/list").replace("\"id\":7,", "")),
    ] {
        let answer = post(&carol, &lists.url(), method, &body).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["data"]["reason"]),
            (status, &json!(reason)),
            "{method}"
        );
    }
    let answer = carol.get(&lists.url()).await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    assert_eq!(lists.upstream.count(), 0);

    // Past the gate: only what it has signed for this host, this server and this person counts.
    let headers = |told: &Told, without: &str| -> Vec<(String, String)> {
        let of_caller =
            told.headers.iter().filter(|(name, _)| name.starts_with("x-user-") || name == "x-tenant-id");
        of_caller.filter(|(name, _)| name != without).cloned().collect()
    };
    let carols = headers(&lists.told("carol", REQUIREMENT).await, "");
    let told = lists.told("alice", REQUIREMENT).await;
    let alices = headers(&told, "");
    assert_eq!(lists.past_the_edge(PATH, &alices).await.status, 200);
    refused(&lists.past_the_edge(PATH, &[]).await, 403, "unknown_caller");
    refused(&lists.past_the_edge(PATH, &headers(&told, "x-user-assertion")).await, 403, "unknown_caller");
    let plain = lists.told("alice", "assertion=true").await;
    refused(&lists.past_the_edge(PATH, &headers(&plain, "")).await, 403, "unknown_caller");
    let with = |name: &str, value: &str| {
        let mut changed = alices.clone();
        changed.retain(|(other, _)| other != name);
        changed.push((name.to_owned(), value.to_owned()));
        changed
    };
    for name in ["x-user-email", "x-user-id", "x-user-groups", "x-user-admin", "x-tenant-id", "x-user-role"] {
        refused(&lists.past_the_edge(PATH, &with(name, "carol")).await, 403, "unknown_caller");
        refused(&lists.past_the_edge(PATH, &headers(&told, name)).await, 403, "unknown_caller");
        let twice =
            [alices.clone(), vec![alices.iter().find(|(other, _)| other == name).unwrap().clone()]].concat();
        refused(&lists.past_the_edge(PATH, &twice).await, 403, "unknown_caller");
    }
    let token = &carols.iter().find(|(name, _)| name == "x-user-assertion").unwrap().1;
    refused(&lists.past_the_edge(PATH, &with("x-user-assertion", token)).await, 403, "unknown_caller");
    let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
    let mut forged = carols.clone();
    forged.retain(|(name, _)| name != "x-user-assertion");
    forged.push(("x-user-assertion".to_owned(), unsigned));
    refused(&lists.past_the_edge(PATH, &forged).await, 403, "unknown_caller");
    // Another server of the same tenant and host, with other rules.
    let url = lists.world.url(MCP, "/other/mcp");
    let create =
        ["tool-server", "create", "other", "--tenant", "github", "--service", "tools", "--url", &url];
    lists.world.cli(&create).await;
    refused(&lists.past_the_edge("/other/mcp", &alices).await, 403, "unknown_tool_server");
    refused(&lists.past_the_edge("/nowhere", &alices).await, 403, "unknown_tool_server");
    assert_eq!(lists.upstream.count(), 1, "one of all of these was answered");
}
