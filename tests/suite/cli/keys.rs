//! `gatepost key`: the secret goes to standard output alone, and a key passes until it is revoked.

use super::json;
use crate::world::{APP, World, run_command};
use gatepost_kit::client::Client;
use reqwest::Method;

async fn status(world: &World, key: &str) -> u16 {
    let client: Client = world.browser();
    let request = client.request(Method::GET, &world.url(APP, "/"));
    request.header("authorization", format!("Bearer {key}")).send().await.status
}

both_pairs! {
    async fn a_key_passes_from_its_making_until_it_is_revoked(pair) {
        let world = World::start(pair).await;
        let (code, key, said) = run_command(&world.builder, &["key", "create", "ci", "--host", APP]).await;
        assert_eq!(code, Some(0), "{said}");
        let key = key.trim();
        assert!(key.starts_with("gp_") && !said.contains(key) && said.contains("not shown again"), "{said}");
        assert_eq!(status(&world, key).await, 200);

        let listed = json(&world, &["key", "list"]).await;
        let id = listed[0]["id"].as_str().unwrap();
        assert_eq!(listed[0]["scopes"], serde_json::json!(["gate"]));
        assert!(!listed.to_string().contains(key));
        let (code, other, said) = run_command(&world.builder, &["key", "rotate", id, "--overlap", "0s"]).await;
        assert_eq!(code, Some(0), "{said}");
        world.has_heard().await;
        assert_eq!((status(&world, key).await, status(&world, other.trim()).await), (401, 200));
        assert_eq!(world.cli(&["key", "revoke", id]).await, "Key ci was revoked.\n");
        assert_eq!(status(&world, other.trim()).await, 401);
        let refused = world.cli_refuses(&["key", "rotate", id]).await;
        assert!(refused.contains("is revoked"), "{refused}");

        let refused = world.cli_refuses(&["key", "create", "ci", "--host", "elsewhere.example.net"]).await;
        assert!(refused.contains("elsewhere.example.net is not a protected host"), "{refused}");
        let dry = json(&world, &["key", "create", "ci", "--host", APP, "--dry-run"]).await;
        assert_eq!((&dry["key"], &dry["dry_run"]), (&serde_json::Value::Null, &true.into()));
        assert_eq!(json(&world, &["key", "list"]).await.as_array().unwrap().len(), 1);
    }
}
