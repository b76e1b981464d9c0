//! Who can open something, and what somebody can open.

use super::{NO_USER, Office, problem};
use crate::answers::Asked;
use crate::cli::sql;
use crate::world::APP;
use gatepost_core::clock::Timestamp;
use gatepost_kit::process::until;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use std::time::Duration;

/// `name: by`, sorted.
fn people(answer: &Value) -> Vec<String> {
    let short = |person: &Value| {
        let name = person["email"].as_str().unwrap().split('@').next().unwrap();
        format!("{name}: {}", person["ways"][0]["by"].as_str().unwrap())
    };
    let mut people: Vec<String> = answer["items"].as_array().unwrap().iter().map(short).collect();
    people.sort();
    people
}

/// Waits until the directory has this requirement of `APP`.
async fn wait_for(office: &Office, query: &str) {
    let is_there = async || {
        let answer = office.done("GET", &format!("/access?host={APP}"), None).await;
        answer["requirements"].as_array().unwrap().iter().any(|one| one["query"] == query).then_some(())
    };
    until("the requirement to be noted", Duration::from_secs(20), is_there).await;
}

both_pairs! {
    async fn the_api_says_who_can_open_something_page_by_page(pair) {
        let office = Office::open(pair).await;
        for name in ["bob", "carol", "dave"] {
            office.world.signed_in(name).await;
        }
        let answer = office.done("GET", "/access?tenant=a", None).await;
        assert_eq!(people(&answer), ["alice: admin", "carol: group"]);
        let carol = answer["items"].as_array().unwrap().iter().find(|person| person["email"] == "carol@example.com").unwrap();
        let way = &carol["ways"][0];
        assert_eq!((&way["group"], &way["source"], &way["tenants"]), (&json!("admins-a"), &json!("manual"), &json!({ "a": "admin" })));
        assert!(way["set_by"].as_str().unwrap().starts_with("cli:") && way["set_at"].is_string() && way["until"].is_null(), "{way}");
        assert!(way["text"].as_str().unwrap().starts_with("group admins-a, added by an administrator, which gives access to a as admin"), "{way}");
        // Encoded twice: once as the query of the middleware, once as a parameter.
        let query = "/access?requirement=group%3Dadmins-a%26group%3Dadmins-b";
        assert_eq!(people(&office.done("GET", query, None).await), ["carol: group", "dave: group"]);
        let unknown = office.done("GET", "/access?requirement=group%3DNone%26tenant%3Dnone", None).await;
        assert_eq!((&unknown["items"], &unknown["unknown_groups"], &unknown["unknown_tenants"]), (&json!([]), &json!(["None"]), &json!(["none"])));
        let (mut found, mut path) = (Vec::new(), "/access?requirement=&limit=1".to_owned());
        loop {
            let page = office.done("GET", &path, None).await;
            assert!(page["items"].as_array().unwrap().len() <= 1);
            found.extend(people(&page));
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/access?requirement=&limit=1&after={next}");
        }
        found.sort();
        assert_eq!(found, ["alice: sign_in", "bob: sign_in", "carol: sign_in", "dave: sign_in"]);
    }

    async fn the_api_knows_what_the_routers_of_a_host_require_and_what_somebody_can_open(pair) {
        let office = Office::open(pair).await;
        let carol = office.world.signed_in("carol").await;
        let bob = office.world.signed_in("bob").await;
        for query in ["tenant=a", "group=admins-a"] {
            Asked::navigation("/x").requiring(query).by(&carol).of(&office.world).await;
            wait_for(&office, query).await;
        }
        let by_host = office.done("GET", &format!("/access?host={APP}"), None).await;
        assert_eq!(by_host["requirements"].as_array().unwrap().len(), 3, "{by_host}");
        assert_eq!(people(&by_host), ["alice: sign_in", "bob: sign_in", "carol: sign_in", "dave: sign_in"]);
        let carol_id = office.id_of("carol@example.com").await;
        let open = office.done("GET", &format!("/users/{carol_id}/access"), None).await;
        let queries: Vec<&Value> = open["hosts"][0]["requirements"].as_array().unwrap().iter().map(|one| &one["query"]).collect();
        assert_eq!(queries, ["", "group=admins-a", "tenant=a"]);
        assert_eq!((&open["tenants"][0]["tenant"], &open["tenants"][0]["group"], &open["is_admin"]), (&json!("a"), &json!("admins-a"), &json!(false)));
        assert!(open["hosts"][0]["requirements"][1]["ways"][0]["set_by"].is_string(), "{open}");

        // To carol, who administers a tenant, only that tenant exists, and no group.
        let seen = office.send(&carol, "GET", &format!("/users/{carol_id}/access"), None).await.json();
        let queries: Vec<&Value> = seen["hosts"][0]["requirements"].as_array().unwrap().iter().map(|one| &one["query"]).collect();
        assert_eq!(queries, ["", "tenant=a"]);
        assert_eq!((&seen["is_admin"], &seen["unknown_hosts"]), (&Value::Null, &json!([])));
        assert!(!seen.to_string().contains("admins-a"), "{seen}");
        let own = office.send(&carol, "GET", "/access?tenant=a", None).await.json();
        assert_eq!(people(&own), ["carol: group"]);
        assert!(!own.to_string().contains("admins-a"), "{own}");
        problem(&office.send(&carol, "GET", "/access?tenant=b", None).await, 404, "not-found", "another tenant");
        for query in ["group%3Dadmins-a", "tenant%3Da%26group%3Dadmins-a", "admin%3Dtrue"] {
            let answer = office.send(&carol, "GET", &format!("/access?requirement={query}"), None).await;
            problem(&answer, 403, "forbidden", query);
        }
        let hosts = office.send(&carol, "GET", &format!("/access?host={APP}"), None).await.json();
        assert_eq!(hosts["requirements"].as_array().unwrap().len(), 2, "{hosts}");
        let bob_id = office.id_of("bob@example.com").await;
        problem(&office.send(&carol, "GET", &format!("/users/{bob_id}/access"), None).await, 404, "not-found", "bob is in no tenant of hers");

        // Everybody knows of themselves, but not who decided it.
        let own = office.send(&carol, "GET", "/me/access", None).await.json();
        assert_eq!(own["hosts"][0]["requirements"].as_array().unwrap().len(), 3, "{own}");
        assert!(own["hosts"].to_string().contains("admins-a") && !own.to_string().contains("cli:"), "{own}");
        let nothing = office.send(&bob, "GET", "/me/access", None).await.json();
        assert_eq!((nothing["hosts"][0]["requirements"].as_array().unwrap().len(), &nothing["hosts"][0]["unmet"]), (1, &json!(2)));
    }

    async fn who_may_call_a_tool_is_whom_the_gate_lets_call_it(pair) {
        let office = Office::open(pair).await;
        let world = &office.world;
        let url = world.url(APP, "/servers/github/mcp");
        for name in ["bob", "carol", "dave"] {
            world.signed_in(name).await;
        }
        world
            .cli_all(&[
                ["tool-server", "create", "github", "--tenant", "a", "--url", &url].as_slice(),
                &["tool-server", "create", "open", "--tenant", "b", "--url", &format!("{url}/open")],
                &["tenant", "add-member", "a", "bob@example.com", "--role", "viewer"],
                &["tenant", "add-member", "a", "dave@example.com"],
                &["group", "add", "Coders", "bob@example.com"],
                // In the group, and not in the tenant.
                &["group", "add", "Coders", "eve@example.com"],
                &["tool-server", "allow", "github", "--group", "Coders", "--tool", "get_*"],
                &["tool-server", "allow", "github", "--role", "member", "--tool", "list_files"],
                &["tool-server", "allow", "github", "--role", "admin", "--tool", "delete_repo"],
                &["tool-server", "allow", "github", "--everyone", "--prompt", "ask"],
            ])
            .await;
        let names = |answer: &Value| {
            let name = |person: &Value| person["email"].as_str().unwrap().split('@').next().unwrap().to_owned();
            let mut names: Vec<String> = answer["items"].as_array().unwrap().iter().map(name).collect();
            names.sort();
            names
        };
        for (tool, expected) in [
            ("github:get_file", ["alice", "bob"].as_slice()),
            ("github:list_files", &["alice", "carol", "dave"]),
            ("github:delete_repo", &["alice", "carol"]),
            ("github:other", &["alice"]),
            ("open:anything", &["alice", "dave"]),
        ] {
            let answer = office.done("GET", &format!("/access?tool={tool}"), None).await;
            assert_eq!(names(&answer), expected, "{tool}: {answer}");
            let (server, name) = tool.split_once(':').unwrap();
            let (tenant, address) = if server == "open" { ("b", format!("{url}/open")) } else { ("a", url.clone()) };
            let require = format!("mcp=true&tenant={tenant}");
            for person in ["alice", "bob", "carol", "dave"] {
                let email = format!("{person}@example.com");
                let asked = ["explain", "--user", &email, "--url", &address, "--require", &require, "--tool", name, "--json"];
                let explained: Value = serde_json::from_str(&world.cli(&asked).await).unwrap();
                assert_eq!(explained["allowed"], expected.contains(&person), "{person} and {tool}: {explained:#}");
            }
        }
        let answer = office.done("GET", "/access?tool=github:get_file", None).await;
        assert_eq!(answer["requirements"][0]["query"], "mcp=true&tenant=a");
        let ways = answer.to_string();
        assert!(ways.contains("group Coders, added by an administrator, to which a rule gives the tool"), "{ways}");
        // Whoever is disabled may call nothing.
        world.cli(&["user", "disable", "bob@example.com"]).await;
        assert_eq!(names(&office.done("GET", "/access?tool=github:get_file", None).await), ["alice"]);
        world.cli(&["user", "enable", "bob@example.com"]).await;
        // To the administrator of a tenant its tools exist alone, and no group.
        let carol = world.signed_in("carol").await;
        let own = office.send(&carol, "GET", "/access?tool=github:get_file", None).await.json();
        assert!(names(&own).contains(&"bob".to_owned()) && !own.to_string().contains("Coders"), "{own}");
        problem(&office.send(&carol, "GET", "/access?tool=open:anything", None).await, 404, "not-found", "another tenant's");
        problem(&office.send(&office.alice, "GET", "/access?tool=none:x", None).await, 404, "not-found", "none");
    }

    async fn the_administrator_of_two_tenants_does_not_learn_who_administers_the_system(pair) {
        let office = Office::open(pair).await;
        let world = &office.world;
        let (carol, _bob) = (world.signed_in("carol").await, world.signed_in("bob").await);
        let (viewer, admin) = (json!({ "role": "viewer" }), json!({ "role": "admin" }));
        office.done("PUT", "/tenants/a/members/bob@example.com", Some(&viewer)).await;
        office.done("PUT", "/tenants/b/members/carol@example.com", Some(&admin)).await;
        world.cli(&["admin", "grant", "bob@example.com"]).await;
        let now = Timestamp::now().unix();
        let seen = format!("INSERT INTO requirements (host, query, seen_at) VALUES ('{APP}', 'tenant=b', {now})");
        sql(world, AssertSqlSafe(seen)).await;
        let found = office.done("GET", "/users?email=bob@example.com", None).await;
        let access = format!("/users/{}/access", found["items"][0]["id"].as_str().unwrap());
        let all = office.done("GET", "/access?tenant=b", None).await;
        assert!(all["items"].to_string().contains("bob@example.com"), "{all}");
        assert!(office.done("GET", &access, None).await.to_string().contains("tenant=b"));
        let own = office.send(&carol, "GET", "/access?tenant=b", None).await.json()["items"].to_string();
        assert!(own.contains("carol@example.com") && !own.contains("bob@example.com"), "{own}");
        let of_bob = office.send(&carol, "GET", &access, None).await;
        assert!(of_bob.status == 200 && !of_bob.body.contains("tenant=b"), "{}", of_bob.body);
    }

    async fn a_question_that_is_none_is_refused(pair) {
        let office = Office::open(pair).await;
        for (query, place, code) in [
            ("", "", "missing"),
            ("?tenant=a&host=app.example.test", "", "excluded"),
            ("?tenant=a&tenant=b", "tenant", "repeated"),
            ("?tenant=a%2Fb", "tenant", "malformed"),
            ("?host=a%20b", "host", "malformed"),
            ("?requirement=grup%3Da", "requirement", "malformed"),
            ("?tool=x", "tool", "malformed"),
            ("?tool=github:get_*", "tool", "malformed"),
            ("?tool=github:x&tenant=a", "", "excluded"),
            ("?tools=x&tenant=a", "tools", "unknown"),
        ] {
            let answer = office.send(&office.alice, "GET", &format!("/access{query}"), None).await;
            assert_eq!(problem(&answer, 400, "invalid", query), [(place.to_owned(), code.to_owned())], "{query}");
        }
        let answer = office.send(&office.alice, "GET", "/access?host=elsewhere.example.net", None).await;
        assert_eq!(problem(&answer, 422, "not-possible", "a host")[0].1, "unprotected_host");
        problem(&office.send(&office.alice, "GET", "/access?tenant=none", None).await, 404, "not-found", "a tenant");
        problem(&office.send(&office.alice, "GET", &format!("/users/{NO_USER}/access"), None).await, 404, "not-found", "nobody");
        let page = office.done("GET", "/access?requirement=&limit=1", None).await;
        let other = format!("/access?tenant=a&after={}", page["next"].as_str().unwrap());
        problem(&office.send(&office.alice, "GET", &other, None).await, 400, "invalid", "the place of another question");
    }
}
