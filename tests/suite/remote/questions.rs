//! Questions on the server and elsewhere: the same answers, as text and as JSON.

use super::{Elsewhere, Ran};
use crate::answers::Asked;
use crate::cli::audit::make_head;
use crate::explain::by_number;
use crate::world::APP;
use serde_json::Value;

async fn assert_same(elsewhere: &Elsewhere, key: &str, arguments: &[&str]) -> Ran {
    let (here, there) = (elsewhere.run_here(arguments).await, elsewhere.run(key, arguments).await);
    assert_eq!((here.0, here.2.as_str()), (Some(0), ""), "{arguments:?}");
    assert_eq!(here, there, "{arguments:?}");
    there
}

/// An explanation of now says when that was.
fn without_time((code, out, error): Ran) -> (Option<i32>, Value, String) {
    let mut said: Value = serde_json::from_str(&out).unwrap();
    for place in ["/at", "/now/at"] {
        if let Some(at) = said.pointer_mut(place) {
            *at = Value::Null;
        }
    }
    (code, said, error)
}

both_pairs! {
    async fn who_can_open_something_is_the_same_on_the_server_and_elsewhere(pair) {
        let elsewhere = Elsewhere::start(pair).await;
        let (world, key) = (&elsewhere.world, elsewhere.full_key().await);
        world.signed_in("bob").await;
        for command in [
            ["group", "add", "Plain", "bob@example.com", "--until", "2036-01-01T00:00Z"].as_slice(),
            &["group", "add", "Plain", "=eve@example.com"],
            &["tenant", "create", "a"],
            &["tenant", "map", "Plain", "a", "--role", "viewer"],
            &["tenant", "add-member", "a", "eve@example.com"],
            &["admin", "grant", "alice@example.com"],
            &["tool-server", "create", "github", "--tenant", "a", "--url", "https://app.example.test/mcp"],
            &["tool-server", "allow", "github", "--group", "Plain", "--tool", "get_*"],
        ] {
            world.cli(command).await;
        }
        let requirement = "group=Plain&group=None";
        for arguments in [
            ["--tenant", "a"].as_slice(),
            &["--tool", "github:get_file"],
            &["--requirement", requirement],
            &["--requirement", "admin=true"],
            &["--url", "https://app.example.test/"],
            &["--user", "bob@example.com"],
            &["--user", "eve@example.com"],
        ] {
            let arguments = [&["access"], arguments].concat();
            let said = assert_same(&elsewhere, &key, &arguments).await;
            assert!(said.1.contains("example"), "{said:?}");
            assert_same(&elsewhere, &key, &[&arguments[..], &["--json"]].concat()).await;
        }
        let (_, table, _) = assert_same(&elsewhere, &key, &["access", "--requirement", requirement, "--csv"]).await;
        assert_eq!(table.lines().count(), 3, "{table}");
        world.cli(&["user", "disable", "bob@example.com"]).await;
        let (_, disabled, _) = assert_same(&elsewhere, &key, &["access", "--user", "bob@example.com"]).await;
        assert!(disabled.contains("an administrator disabled the person"), "{disabled}");
    }

    async fn the_audit_is_the_same_on_the_server_and_elsewhere(pair) {
        let elsewhere = Elsewhere::start(pair).await;
        let (world, key) = (&elsewhere.world, elsewhere.full_key().await);
        world.signed_in("bob").await;
        for name in ["one", "two", "three", "four", "five"] {
            world.cli(&["group", "add", name, "bob@example.com"]).await;
        }
        // With a key as the actor too.
        assert_eq!(elsewhere.run(&key, &["group", "create", "six"]).await.0, Some(0));
        for arguments in [
            ["list"].as_slice(),
            &["list", "--user", "bob@example.com", "--since", "7d"],
            &["list", "--action", "group.create", "--via", "api", "--json"],
            &["list", "--target", "group:one", "--until", "2036-01-01"],
            &["list", "--actor", "bob@example.com", "--json"],
            &["list", "--tenant", "none"],
            &["export"],
            &["export", "--until", "2020-01-01"],
            &["heads"],
        ] {
            assert_same(&elsewhere, &key, &[&["audit"], arguments].concat()).await;
        }
        // Page by page, also within one second.
        let all = assert_same(&elsewhere, &key, &["audit", "list", "--json"]).await.1;
        let all: Value = serde_json::from_str(&all).unwrap();
        let (mut found, mut before) = (Vec::new(), None::<String>);
        loop {
            let mut arguments = vec!["audit", "list", "--json", "--limit", "3"];
            arguments.extend(before.as_deref().map(|before| ["--before", before]).into_iter().flatten());
            let page: Value = serde_json::from_str(&assert_same(&elsewhere, &key, &arguments).await.1).unwrap();
            found.extend(page["entries"].as_array().unwrap().clone());
            before = page["next"].as_str().map(str::to_owned);
            if before.is_none() {
                break;
            }
        }
        assert!(found.len() > 6, "{found:?}");
        assert_eq!(Value::from(found), all["entries"]);
        make_head(world).await;
        let heads = assert_same(&elsewhere, &key, &["audit", "heads"]).await;
        assert!(heads.1.contains("2024-10-04T00:00:00Z"), "{heads:?}");
        assert_eq!(assert_same(&elsewhere, &key, &["audit", "heads", "--since", "2026-01-01"]).await.1, "");
    }

    async fn an_explanation_is_the_same_on_the_server_and_elsewhere(pair) {
        let elsewhere = Elsewhere::start(pair).await;
        let (world, key) = (&elsewhere.world, elsewhere.full_key().await);
        let bob = world.signed_in("bob").await;
        world.cli(&["tenant", "create", "a"]).await;
        world.cli(&["group", "link", "Plain", "entra:some"]).await;
        let program = elsewhere.make_key(&["--tenant", "a", "--host", APP]).await;
        let program = program["id"].as_str().unwrap().to_owned();
        let url = format!("https://{APP}/x");
        let bobs = ["explain", "--user", "bob@example.com", "--url", &url];
        for more in [
            ["--group", "Plain"].as_slice(),
            &["--require", "tenant=a&max_age=900"],
            &["--require", "admin=true", "--from", "https://evil.example.net", "--method", "DELETE"],
            &["--require", "grup=a"],
            &["--require", "mcp=true&tenant=a", "--tool", "get_file"],
        ] {
            let fixed = [&bobs[..], more, &["--at", "2026-01-01T00:00:00Z"]].concat();
            assert_same(&elsewhere, &key, &fixed).await;
            assert_same(&elsewhere, &key, &[&fixed[..], &["--json"]].concat()).await;
            let now = [&bobs[..], more, &["--json"]].concat();
            let (here, there) = (elsewhere.run_here(&now).await, elsewhere.run(&key, &now).await);
            assert_eq!(without_time(here), without_time(there), "{more:?}");
        }
        assert_same(&elsewhere, &key, &["explain", "--key", &program, "--url", &url, "--require", "tenant=a"]).await;
        let refused = Asked::navigation("/x").requiring("group=Finance").by(&bob).of(world).await;
        assert_eq!(refused.status, 403);
        let number = refused.request_id();
        by_number(world, &number).await;
        let text = elsewhere.run(&key, &["explain", "--request", &number]).await;
        let is_told = text.1.contains("it still does not pass") && text.1.contains("bob@example.com");
        assert!(text.0 == Some(0) && is_told, "{text:?}");
        let arguments = ["explain", "--request", number.as_str(), "--json"];
        let (here, there) = (elsewhere.run_here(&arguments).await, elsewhere.run(&key, &arguments).await);
        assert_eq!(without_time(here), without_time(there));
    }
}
