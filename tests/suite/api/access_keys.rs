//! The keys that can open something, and the applications, as the API, the pages and the command line list them.

use super::{Office, problem};
use crate::answers::Asked;
use crate::cli::sql;
use crate::world::APP;
use gatepost_kit::client::Kind;
use gatepost_kit::process::until;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// Makes a key that counts at `APP`. Returns its text.
async fn key(office: &Office, name: &str, arguments: &[&str]) -> String {
    let arguments =
        [&["key", "create", name, "--scope", "gate", "--host", APP, "--json"], arguments].concat();
    let made: Value = serde_json::from_str(&office.world.cli(&arguments).await).unwrap();
    made["key"].as_str().unwrap().to_owned()
}

/// `name: ways`.
fn named(answer: &Value, items: &str) -> Vec<String> {
    let line = |key: &Value| {
        let ways: Vec<&str> =
            key["ways"].as_array().unwrap().iter().map(|way| way["by"].as_str().unwrap()).collect();
        format!("{}: {}", key["name"].as_str().unwrap(), ways.join(" "))
    };
    let mut lines: Vec<String> = answer[items].as_array().unwrap().iter().map(line).collect();
    lines.sort();
    lines
}

async fn keys(office: &Office, query: &str) -> Vec<String> {
    named(&office.done("GET", &format!("/access/keys?{query}"), None).await, "items")
}

/// The status with which the gate answers the program that has this key.
async fn status(office: &Office, key: &str) -> u16 {
    let url = office.world.url(APP, "/x");
    let program = office.world.browser();
    let request = program.request(Method::GET, &url).kind(Kind::Program).header("x-gatepost-key", key);
    request.send().await.status
}

both_pairs! {
    async fn the_keys_that_can_open_a_host_are_those_that_pass_there(pair) {
        let office = Office::open(pair).await;
        let world = &office.world;
        world.cli(&["group", "create", "Coders"]).await;
        let plain = key(&office, "Plain", &[]).await;
        let coding = key(&office, "Coding", &["--group", "Coders"]).await;
        let tenants = key(&office, "Of a", &["--tenant", "a"]).await;
        let revoked = key(&office, "Revoked", &[]).await;
        let found = office.done("GET", "/keys", None).await;
        let id = |name: &str| {
            let mut all = found["items"].as_array().unwrap().iter();
            all.find(|key| key["name"] == name).unwrap()["id"].as_str().unwrap().to_owned()
        };
        office.done("DELETE", &format!("/keys/{}", id("Revoked")), None).await;
        Asked::navigation("/x").by(&office.alice).of(world).await;
        let is_known = async || (!keys(&office, &format!("host={APP}")).await.is_empty()).then_some(());
        until("the requirement of the host to be noted", Duration::from_secs(20), is_known).await;
        assert_eq!(keys(&office, &format!("host={APP}")).await, ["Coding: key", "Of a: key", "Plain: key"]);
        for (key, expected) in [(&plain, 200), (&coding, 200), (&tenants, 200), (&revoked, 401)] {
            assert_eq!(status(&office, key).await, expected);
        }
        assert_eq!(keys(&office, "requirement=group%3DCoders").await, ["Coding: group"]);
        assert_eq!(keys(&office, "tenant=a").await, ["Of a: tenant"]);
        let answer = office.done("GET", "/access/keys?tenant=a", None).await;
        let way = &answer["items"][0]["ways"][0];
        assert_eq!((&way["tenant"], &way["text"]), (&json!("a"), &json!("a key of the tenant a")), "{answer}");
        assert_eq!(answer["items"][0]["hosts"], json!([APP]));

        let (mut all, mut path) = (Vec::new(), "/access/keys?requirement=&limit=1".to_owned());
        loop {
            let page = office.done("GET", &path, None).await;
            assert!(page["items"].as_array().unwrap().len() <= 1, "{page}");
            all.extend(named(&page, "items"));
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/access/keys?requirement=&limit=1&after={next}");
        }
        all.sort();
        assert_eq!(all, ["Coding: key", "Of a: key", "Plain: key"]);

        // Beside people, and apart from them.
        let said: Value = serde_json::from_str(&world.cli(&["access", "--tenant", "a", "--json"]).await).unwrap();
        assert_eq!(named(&said, "keys"), ["Of a: tenant"]);
        let text = world.cli(&["access", "--tenant", "a"]).await;
        assert!(text.contains("carol@example.com") && text.contains("Of a") && text.contains("a key of the tenant a"), "{text}");
        let table = world.cli(&["access", "--tenant", "a", "--csv"]).await;
        let row = table.lines().find(|line| line.contains("Of a")).unwrap_or_else(|| panic!("{table}"));
        assert!(row.contains(&id("Of a")) && row.contains("tenant=a,key,"), "{row}");
        assert!(table.lines().any(|line| line.contains("carol@example.com") && line.ends_with("tenant=a,person,")), "{table}");

        // To the administrator of a tenant its keys exist alone, and no group.
        let carol = world.signed_in("carol").await;
        let own = office.send(&carol, "GET", &format!("/access/keys?host={APP}"), None).await.json();
        assert_eq!(named(&own, "items"), ["Of a: key"]);
        problem(&office.send(&carol, "GET", "/access/keys?requirement=group%3DCoders", None).await, 403, "forbidden", "a group");
        problem(&office.send(&carol, "GET", "/access/keys?tenant=b", None).await, 404, "not-found", "another tenant");
    }

    async fn the_pages_show_keys_apart_from_people(pair) {
        let office = Office::open(pair).await;
        let world = &office.world;
        key(&office, "Of a", &["--tenant", "a", "--network", "10.0.0.0/8"]).await;
        let page = crate::portal::page(world, &office.alice, "/admin/access?by=tenant&of=a").await;
        for part in ["carol@example.com</a>", "API keys that can open it", ">Of a</a>", "a key of the tenant a", "from <code>10.0.0.0/8</code>", "/api/v1/access/keys?tenant=a"] {
            assert!(page.body.contains(part), "{part}: {}", page.body);
        }
        let table = crate::portal::page(world, &office.alice, "/admin/access.csv?by=tenant&of=a").await;
        assert_eq!(table.body, world.cli(&["access", "--tenant", "a", "--csv"]).await);
        assert!(table.body.contains(",key,"), "{}", table.body);
        let none = crate::portal::page(world, &office.alice, "/admin/access?by=tenant&of=b").await;
        assert!(none.status == 200 && !none.body.contains("API keys that can open it"), "{}", none.body);
    }

    async fn the_applications_are_listed_page_by_page_with_what_they_require(pair) {
        let office = Office::open(pair).await;
        let proof = "0123456789abcdef0123456789abcdef";
        for (host, tenant) in [("one.example.net", "a"), ("two.example.net", "b"), ("zoo.example.net", "a")] {
            let add = format!("INSERT INTO tenant_hosts (host, tenant_id, state, proof, created_at) VALUES ('{host}', '{tenant}', 'active', '{proof}', 1)");
            sql(&office.world, sqlx::AssertSqlSafe(add)).await;
        }
        office.world.has_heard().await;
        let carol = office.world.signed_in("carol").await;
        Asked::navigation("/x").requiring("group=admins-a").by(&carol).of(&office.world).await;
        let is_known = async || {
            let answer = office.done("GET", "/applications", None).await;
            answer.to_string().contains("group=admins-a").then_some(())
        };
        until("the requirement to be noted", Duration::from_secs(20), is_known).await;
        let hosts = |answer: &Value| -> Vec<String> {
            answer["items"].as_array().unwrap().iter().map(|one| one["host"].as_str().unwrap().to_owned()).collect()
        };
        let all = office.done("GET", "/applications", None).await;
        assert_eq!(hosts(&all), [APP, "one.example.net", "two.example.net", "zoo.example.net"]);
        assert_eq!((&all["items"][0]["tenant"], &all["items"][1]["tenant"]), (&Value::Null, &json!("a")), "{all}");
        assert!(all["items"][0]["requirements"].to_string().contains("group=admins-a"), "{all}");
        assert_eq!(all["items"][1]["requirements"], json!([]));
        let (mut found, mut path) = (Vec::new(), "/applications?limit=1".to_owned());
        loop {
            let page = office.done("GET", &path, None).await;
            found.extend(hosts(&page));
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/applications?limit=1&after={next}");
        }
        assert_eq!(found, hosts(&all));
        // The administrator of a tenant learns of that tenant's hosts, and of no group.
        let own = office.send(&carol, "GET", "/applications", None).await.json();
        assert!(!hosts(&own).contains(&"two.example.net".to_owned()) && hosts(&own).contains(&"zoo.example.net".to_owned()), "{own}");
        assert!(!own.to_string().contains("admins-a") && own["unseen"] == json!([]), "{own}");
    }
}
