//! The pages of tool servers and their rules.

use super::forms::{form, form_of};
use super::{page, start, start_of};
use crate::tool_lists::upstream::Upstream;
use crate::tools::judge_by_headers;
use crate::world::{APP, PUBLIC, Pair, Plan, World};
use gatepost_kit::client::{Answer, Client};
use gatepost_kit::process::until;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

const PATH: &str = "/admin/tools/github";

/// Alice administers the tenant `github`, and Bob the tenant `wiki`. There is a tool server of `github`.
async fn registered(world: &World, root: &Client) {
    world
        .cli_all(&[
            ["tenant", "create", "github"].as_slice(),
            &["tenant", "create", "wiki"],
            &["tenant", "add-member", "github", "alice@example.com", "--role", "admin"],
            &["tenant", "add-member", "wiki", "bob@example.com", "--role", "admin"],
            &["group", "create", "Coders"],
        ])
        .await;
    let new = form(world, root, "/admin/tools", "/admin/tools").await;
    let made = new
        .with("id", "github")
        .with("tenant", "github")
        .with("url", &world.url(APP, "/mcp"))
        .with("name", "GitHub tools");
    let made = made.done(world, root).await;
    assert!(
        made.contains("GitHub tools") && made.contains("whoever may enter may call every tool"),
        "{made}"
    );
}

/// Adds a rule by the form of the page.
async fn allow(world: &World, browser: &Client, fields: &[(&str, &str)]) -> String {
    let rule = form(world, browser, PATH, &format!("{PATH}/rules")).await;
    fields.iter().fold(rule, |rule, (name, value)| rule.with(name, value)).done(world, browser).await
}

/// A world with a scripted tool server, which Gatepost reaches.
async fn reached(pair: Pair) -> (World, Client, Upstream) {
    let upstream = Upstream::start().await;
    let services = format!("tools=http://{}", upstream.addr);
    let (world, root) = start_of(Plan::default().env("GATEPOST_SERVICES", services), pair).await;
    registered(&world, &root).await;
    world.cli(&["tool-server", "update", "github", "--service", "tools"]).await;
    (world, root, upstream)
}

fn listing(names: &[&str]) -> Value {
    let tools: Vec<_> = names.iter().map(|name| json!({ "name": name })).collect();
    json!({ "jsonrpc": "2.0", "id": 1, "result": { "tools": tools } })
}

/// Asks the server on its page.
async fn ask(world: &World, browser: &Client, kind: &str) -> Answer {
    let page = world.url(PUBLIC, &format!("{PATH}/listed"));
    let asked = browser.request(Method::POST, &page).from(&page);
    asked.form(&[("kind", kind)]).send().await
}

both_pairs! {
    async fn what_a_server_lists_is_shown_with_the_rules_about_it(pair) {
        let (world, root, upstream) = reached(pair).await;
        allow(&world, &root, &[("subject", "group"), ("group", "Coders"), ("kind", "tool"), ("pattern", "get_*")]).await;
        let of_prompts = [("subject", "group"), ("group", "Coders"), ("kind", "prompt"), ("pattern", "delete_*")];
        allow(&world, &root, &of_prompts).await;
        upstream.replies_json(&listing(&["get_file", "delete_repo", "*", "<i>x</i>"]));
        let listed = format!("{PATH}/listed");
        assert!(page(&world, &root, PATH).await.body.contains(&format!("href=\"{listed}\"")));
        let form = page(&world, &root, &listed).await.body;
        assert!(form.contains("name=\"kind\" value=\"tool\"") && !form.contains("get_file"), "{form}");
        assert_eq!(upstream.count(), 0, "to look at the page asks nobody");
        let shown = ask(&world, &root, "tool").await.body;
        for part in ["<code>get_file</code>", "group Coders", "administrators of the system alone", "&#60;i&#62;x"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert_eq!(shown.matches("group Coders").count(), 1, "not by the rule about prompts: {shown}");
        let link = format!("{PATH}?kind=tool&#38;pattern=delete_repo");
        assert!(shown.contains(&link) && !shown.contains("pattern=*") && !shown.contains("pattern=%2A"), "{shown}");
        let asked = upstream.last().to_lowercase();
        assert!(asked.starts_with("post /mcp http/1.1") && asked.contains("mcp-method: tools/list"), "{asked}");
        assert!(asked.contains(&format!("host: {}", &world.url(APP, "")[8..])), "as clients name it: {asked}");
        for secret in ["x-user-", "cookie", "authorization", "x-gatepost"] {
            assert!(!asked.contains(secret), "{secret}: {asked}");
        }
        let begun = page(&world, &root, &link.replace("&#38;", "&")).await.body;
        assert!(begun.contains("value=\"delete_repo\""), "{begun}");
        // An error, no list, and nobody there: each says why.
        let error = json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": -32601, "message": "no" } });
        upstream.replies_json(&error);
        let none = ask(&world, &root, "prompt").await.body;
        assert!(none.contains("The server has none, or tells nobody without an identity."), "{none}");
        upstream.replies("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/html\r\n\r\nget_file".to_owned());
        let odd = ask(&world, &root, "tool").await.body;
        assert!(odd.contains("The server gave no list") && !odd.contains("get_file"), "{odd}");
        for unknown in ["x", ""] {
            assert_eq!(ask(&world, &root, unknown).await.status, 404, "{unknown:?}");
        }
        world.cli(&["tool-server", "update", "github", "--service", "none"]).await;
        let unreached = ask(&world, &root, "tool").await.body;
        assert!(unreached.contains("has no service"), "{unreached}");
    }

    async fn only_who_administers_a_server_makes_gatepost_ask_it(pair) {
        let (world, _root, upstream) = reached(pair).await;
        upstream.replies_json(&listing(&["get_file"]));
        let alice = world.signed_in("alice").await;
        world.entra.forget_browsers();
        let bob = world.signed_in("bob").await;
        assert_eq!(ask(&world, &bob, "tool").await.status, 404, "another tenant's administrator");
        assert_eq!(ask(&world, &world.browser(), "tool").await.status, 303, "nobody");
        let address = world.url(PUBLIC, &format!("{PATH}/listed"));
        let foreign = alice.request(Method::POST, &address).from(&world.url(APP, "/")).form(&[("kind", "tool")]);
        assert_eq!(foreign.send().await.status, 403, "the page of an application");
        assert_eq!(upstream.count(), 0);
        let own = ask(&world, &alice, "tool").await.body;
        assert!(own.contains("get_file") && own.contains("whoever may enter"), "{own}");
        // One question of a person at a time.
        upstream.replies(String::new());
        let hanging = ask(&world, &alice, "tool");
        let second = async {
            until("the first question", Duration::from_secs(30), async || (upstream.count() == 2).then_some(())).await;
            ask(&world, &alice, "tool").await.body
        };
        let told = tokio::select! {
            told = second => told,
            first = hanging => panic!("it was answered: {}", first.body),
        };
        assert!(told.contains("too many questions are under way"), "{told}");
        assert_eq!(upstream.count(), 2);
    }

    async fn the_first_page_finds_keys_and_tool_servers_of_the_reader_alone(pair) {
        let (world, root) = start(pair).await;
        registered(&world, &root).await;
        world.cli(&["key", "create", "nightly backup", "--tenant", "github", "--host", APP, "--json"]).await;
        let alice = world.signed_in("alice").await;
        world.entra.forget_browsers();
        let bob = world.signed_in("bob").await;
        for (q, found) in [("nightly", "/admin/keys/"), ("github", PATH)] {
            let search = format!("/admin?q={q}");
            let link = format!("<li><span><a href=\"{found}");
            for (who, sees) in [(&root, true), (&alice, true), (&bob, false)] {
                let shown = page(&world, who, &search).await;
                assert_eq!((shown.status, shown.body.contains(&link)), (200, sees), "{q}: {}", shown.body);
            }
        }
    }

    async fn no_form_has_messages_judged_by_headers_that_were_not_tried(pair) {
        let (world, root) = start(pair).await;
        registered(&world, &root).await;
        let edit = format!("{PATH}/edit");
        let changed = form(&world, &root, &edit, &edit).await;
        assert!(!page(&world, &root, &edit).await.body.contains("name=\"headers\""), "it cannot be chosen");
        let url = world.url(APP, "/other");
        let new = form(&world, &root, "/admin/tools", "/admin/tools").await;
        let new = new.with("id", "other").with("tenant", "github").with("url", &url);
        for sent in [changed, new] {
            let refused = sent.with("headers", "on").send(&world, &root).await;
            assert_eq!(refused.status, 422, "{}", refused.body);
            assert!(refused.body.contains("it is unknown whether tool server") || refused.body.contains("It is unknown whether tool server"), "{}", refused.body);
            assert!(refused.body.contains("--mode headers"), "{}", refused.body);
        }
        // What a trial has set stays with a change of the name, and can be taken away.
        judge_by_headers(&world, "github").await;
        let kept = form(&world, &root, &edit, &edit).await.with("name", "Another");
        assert!(kept.done(&world, &root).await.contains("headers alone"));
        let taken = form(&world, &root, &edit, &edit).await.without("headers").done(&world, &root).await;
        assert!(taken.contains("the body of each message"), "{taken}");
    }

    async fn rules_are_added_and_removed_and_the_last_one_only_after_a_question(pair) {
        let (world, root) = start(pair).await;
        registered(&world, &root).await;
        let one = allow(&world, &root, &[("subject", "group"), ("group", "Coders"), ("kind", "tool"), ("pattern", "get_*")]).await;
        for part in ["<code>get_*</code>", "group Coders</a>", "Only what a rule allows is allowed", "/rules/remove?rule="] {
            assert!(one.contains(part), "{part}: {one}");
        }
        let two = allow(&world, &root, &[("subject", "role:admin"), ("kind", "tool"), ("pattern", "delete_repo")]).await;
        assert!(two.contains("the role admin, and above") && !two.contains("/rules/remove?rule="), "{two}");
        let known = allow(&world, &root, &[("subject", "role:admin"), ("kind", "tool"), ("pattern", "delete_repo")]).await;
        assert!(known.contains("There was such a rule already"), "{known}");
        let removed = form(&world, &root, PATH, &format!("{PATH}/rules/remove")).await.done(&world, &root).await;
        assert!(!removed.contains("<code>get_*</code>") && removed.contains("delete_repo"), "{removed}");
        // Nothing but this rule closes the tools now: a form that does not answer the question changes nothing.
        let (_, link) = removed.split_once("/rules/remove?rule=").unwrap();
        let question = page(&world, &root, &format!("{PATH}/rules/remove?rule={}", &link[..36])).await;
        assert!(question.body.contains("whoever may enter may call every tool then"), "{}", question.body);
        let answer = form_of(&question, PATH, &format!("{PATH}/rules/remove"));
        let unasked = answer.clone().with("opens", "").send(&world, &root).await;
        assert!(unasked.status == 200 && unasked.body.contains("Remove the last rule?"), "{}", unasked.body);
        assert!(page(&world, &root, PATH).await.body.contains("delete_repo"));
        let open = answer.done(&world, &root).await;
        assert!(open.contains("No rule: whoever may enter may call every tool"), "{open}");
        let gone = answer.send(&world, &root).await;
        assert_eq!(gone.status, 409, "{}", gone.body);
    }

    async fn the_page_of_a_server_leads_to_who_may_call_a_tool(pair) {
        let (world, root) = start(pair).await;
        registered(&world, &root).await;
        world
            .cli_all(&[
                ["tenant", "add-member", "github", "carol@example.com"].as_slice(),
                &["tenant", "add-member", "github", "dave@example.com"],
                &["group", "add", "Coders", "carol@example.com"],
                &["group", "add", "Coders", "eve@example.com"],
            ])
            .await;
        let one = allow(&world, &root, &[("subject", "group"), ("group", "Coders"), ("kind", "tool"), ("pattern", "get_file")]).await;
        let link = "/admin/access?by=tool&#38;of=github%3Aget_file";
        assert!(one.contains(&format!("href=\"{link}\"")) && one.contains("value=\"github:\""), "{one}");
        let path = link.replace("&#38;", "&");
        let shown = page(&world, &root, &path).await.body;
        for part in ["Who may call it, and why", "carol@example.com", "to which a rule gives the tool"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        for name in ["dave@example.com", "eve@example.com"] {
            assert!(!shown.contains(name), "{name} lacks the group or the tenant: {shown}");
        }
        let table = page(&world, &root, &path.replace("/access?", "/access.csv?")).await.body;
        assert!(table.contains("carol@example.com") && !table.contains("dave@example.com"), "{table}");
        let nobody = page(&world, &root, "/admin/access?by=tool&of=github:delete_repo").await.body;
        assert!(nobody.contains("root@example.com") && !nobody.contains("carol@example.com"), "{nobody}");
        for (of, status, part) in [
            ("github:", 400, "the whole name of a tool"),
            ("github:get_*", 400, "the whole name of a tool"),
            ("none:get_file", 404, "There is no tool server none."),
        ] {
            let answer = page(&world, &root, &format!("/admin/access?by=tool&of={of}")).await;
            assert!(answer.status == status && answer.body.contains(part), "{of}: {}", answer.body);
        }
        // The tenant's own administrator learns who, and no name of a group. To another one there is no such server.
        let alice = world.signed_in("alice").await;
        let seen = page(&world, &alice, &path).await.body;
        assert!(seen.contains("carol@example.com") && !seen.contains("Coders"), "{seen}");
        world.entra.forget_browsers();
        let bob = world.signed_in("bob").await;
        assert_eq!(page(&world, &bob, &path).await.status, 404);
    }

    async fn what_is_wrong_stands_beside_its_field(pair) {
        let (world, root) = start(pair).await;
        registered(&world, &root).await;
        let wrong = form(&world, &root, "/admin/tools", "/admin/tools").await.with("id", "a b").with("tenant", "nowhere")
            .with("url", "https://elsewhere.example.com/mcp").with("provider", "none").with("documentation", "http://x").with("scopes", "offline_access");
        let wrong = wrong.send(&world, &root).await;
        assert_eq!(wrong.status, 422, "{}", wrong.body);
        for part in ["id=\"id-error\"", "id=\"tenant-error\"", "is neither in GATEPOST_HOSTS", "There is no provider of this id", "id=\"documentation-error\"", "id=\"scopes-error\"", "value=\"a b\""] {
            assert!(wrong.body.contains(part), "{part}: {}", wrong.body);
        }
        let taken = form(&world, &root, "/admin/tools", "/admin/tools").await.with("id", "other").with("tenant", "wiki").with("url", &world.url(APP, "/mcp"));
        let taken = taken.send(&world, &root).await;
        assert!(taken.status == 422 && taken.body.contains("The address belongs to another tool server"), "{}", taken.body);
        let rule = form(&world, &root, PATH, &format!("{PATH}/rules")).await;
        let rule = rule.with("subject", "group").with("group", "Nobody").with("kind", "tool").with("pattern", "a*b").send(&world, &root).await;
        for part in ["There is no group Nobody", "id=\"pattern-error\"", "value=\"a*b\""] {
            assert!(rule.status == 422 && rule.body.contains(part), "{part}: {}", rule.body);
        }
    }

    async fn a_server_is_changed_and_deleted(pair) {
        let (world, root) = start(pair).await;
        registered(&world, &root).await;
        let stale = form(&world, &root, &format!("{PATH}/edit"), &format!("{PATH}/edit")).await;
        let changed = stale.clone().with("name", "Code").done(&world, &root).await;
        assert!(changed.contains("<h1>Code</h1>"), "{changed}");
        let overtaken = stale.with("name", "Mine").send(&world, &root).await;
        assert!(overtaken.status == 412 && overtaken.body.contains("value=\"Mine\"") && overtaken.body.contains("<b>Code</b>"), "{}", overtaken.body);
        let delete = form(&world, &root, &format!("{PATH}/delete"), &format!("{PATH}/delete")).await;
        let mistyped = delete.clone().with("id", "x").send(&world, &root).await;
        assert_eq!(mistyped.status, 422, "{}", mistyped.body);
        let after = delete.with("id", "github").done(&world, &root).await;
        assert!(after.contains("There is no tool server yet"), "{after}");
    }

    async fn a_system_administrator_names_the_upstream_of_a_server_and_nobody_else(pair) {
        let plan = Plan::default().env("GATEPOST_SERVICES", "tools=http://127.0.0.1:9");
        let (world, root) = start_of(plan, pair).await;
        registered(&world, &root).await;
        let edit = form(&world, &root, &format!("{PATH}/edit"), &format!("{PATH}/edit")).await;
        let unknown = edit.clone().with("service", "other").send(&world, &root).await;
        assert!(unknown.status == 422 && unknown.body.contains("id=\"service-error\""), "{}", unknown.body);
        let named = edit.with("service", "tools").done(&world, &root).await;
        assert!(named.contains("Gatepost asks <code>tools</code>"), "{named}");
        // Others change the rest, and it stays.
        let alice = world.signed_in("alice").await;
        let page = page(&world, &alice, &format!("{PATH}/edit")).await;
        assert!(page.status == 200 && !page.body.contains("name=\"service\""), "{}", page.body);
        let own = form(&world, &alice, &format!("{PATH}/edit"), &format!("{PATH}/edit")).await;
        for forged in ["", "tools", "other"] {
            let sent = own.clone().with("name", "Code").with("service", forged).send(&world, &alice).await;
            assert!(matches!(sent.status, 303 | 412 | 422), "{forged}: {}", sent.body);
            let shown: Value = serde_json::from_str(&world.cli(&["tool-server", "show", "github", "--json"]).await).unwrap();
            assert!(shown.to_string().contains(r#""service":"tools""#), "{forged}: {shown}");
        }
        let edit = form(&world, &root, &format!("{PATH}/edit"), &format!("{PATH}/edit")).await;
        let none = edit.with("service", "").done(&world, &root).await;
        assert!(none.contains("Everybody sees the names of all tools"), "{none}");
    }

    async fn the_administrator_of_another_tenant_neither_sees_nor_changes_a_server(pair) {
        let (world, root) = start(pair).await;
        registered(&world, &root).await;
        allow(&world, &root, &[("subject", "group"), ("group", "Coders"), ("kind", "tool"), ("pattern", "get_*")]).await;
        let (alice, bob) = (world.signed_in("alice").await, {
            world.entra.forget_browsers();
            world.signed_in("bob").await
        });
        for path in [PATH.to_owned(), format!("{PATH}/edit"), format!("{PATH}/delete"), "/admin/tools?tenant=github".to_owned()] {
            assert_eq!(page(&world, &bob, &path).await.status, 404, "{path}");
        }
        assert!(!page(&world, &bob, "/admin/tools").await.body.contains("GitHub tools"));
        let foreign = form(&world, &bob, "/admin/tools", "/admin/tools").await.with("id", "mine").with("tenant", "github").with("url", &world.url(APP, "/other"));
        let foreign = foreign.send(&world, &bob).await;
        assert!(foreign.status == 422 && foreign.body.contains("no tenant of this id that you administer"), "{}", foreign.body);
        let edit = form(&world, &root, &format!("{PATH}/edit"), &format!("{PATH}/edit")).await;
        let delete = form(&world, &root, &format!("{PATH}/delete"), &format!("{PATH}/delete")).await.with("id", "github");
        let rule = form(&world, &root, PATH, &format!("{PATH}/rules")).await.with("subject", "everyone").with("kind", "tool").with("pattern", "*");
        for theirs in [edit, delete, rule] {
            assert_eq!(theirs.send(&world, &bob).await.status, 404);
        }
        // The tenant's own administrator decides its rules, and learns no name of a group.
        let own = allow(&world, &alice, &[("subject", "everyone"), ("kind", "prompt"), ("pattern", "*")]).await;
        assert!(own.contains("everyone who may enter") && !own.contains("Coders"), "{own}");
        let person = page(&world, &world.browser(), PATH).await;
        assert_eq!(person.status, 303);
    }
}

/// As servers of before 2026-07-28 do: no message without a session.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_an_older_revision_is_asked_in_a_session_of_its_own() {
    let (world, root, upstream) = reached(Pair::Embedded).await;
    let head = |status: &str, more: &str| format!("HTTP/1.1 {status}\r\nConnection: close\r\n{more}\r\n");
    let json = "Content-Type: application/json\r\n";
    let begun = json!({ "jsonrpc": "2.0", "id": 1, "result": { "protocolVersion": "2025-06-18" } });
    let first =
        json!({ "jsonrpc": "2.0", "id": 1, "result": { "tools": [{ "name": "one" }], "nextCursor": "c" } });
    let second = json!({ "jsonrpc": "2.0", "id": 2, "result": { "tools": [{ "name": "two" }] } });
    let stream = "Content-Type: text/event-stream\r\n";
    upstream.replies_to(
        "\"initialize\"",
        &(head("200 OK", &format!("{json}Mcp-Session-Id: s1\r\n")) + begun.to_string().as_str()),
    );
    upstream.replies_to("notifications/initialized", &head("202 Accepted", "Content-Length: 0\r\n"));
    upstream.replies_to("DELETE /mcp", &head("200 OK", "Content-Length: 0\r\n"));
    upstream.replies_to("\"cursor\":\"c\"", &format!("{}data: {second}\n\n", head("200 OK", stream)));
    upstream.replies_to("mcp-session-id: s1", &format!("{}data: {first}\n\n", head("200 OK", stream)));
    let refused = json!({ "jsonrpc": "2.0", "id": "server-error", "error": { "code": -32600, "message": "no session" } });
    upstream.replies(head("400 Bad Request", json) + refused.to_string().as_str());
    let shown = ask(&world, &root, "tool").await.body;
    assert!(shown.contains("<code>one</code>") && shown.contains("<code>two</code>"), "{shown}");
    let ended = upstream.last();
    assert!(ended.starts_with("DELETE /mcp") && ended.contains("mcp-session-id: s1"), "{ended}");
    assert!(ended.contains("mcp-protocol-version: 2025-06-18"), "as the server said: {ended}");
}
