//! Everything that is held about a tenant, for its administrators.

use super::audit::fill;
use super::{Office, problem};
use crate::world::APP;
use serde_json::{Value, json};

const HERE: &str = "/tenants/a/export";

both_pairs! {
    async fn everything_about_a_tenant_is_told_to_its_administrators_and_nothing_about_others(pair) {
        let office = Office::open(pair).await;
        let (carol, dave) = (office.world.signed_in("carol").await, office.world.signed_in("dave").await);
        let bob = office.world.signed_in("bob").await;
        let key = office.done("POST", "/tenants/a/keys", Some(&json!({ "name": "Reader", "scopes": ["api.read"] }))).await;
        let invited = office.done("POST", "/tenants/a/invitations", Some(&json!({ "email": "new@example.com", "role": "viewer" }))).await;
        office.done("PUT", "/tenants/a/members/bob@example.com", Some(&json!({ "role": "viewer" }))).await;
        office.done("PUT", "/tenants/b/members/bob@example.com", Some(&json!({ "role": "viewer" }))).await;
        let url = office.world.url(APP, "/server/mcp");
        office.world.cli_all(&[
            &["tool-server", "create", "server-a", "--tenant", "a", "--url", &url],
            &["tenant", "branding", "a", "--name", "ACME"],
        ])
        .await;
        let rule = json!({ "subject": "everyone", "kind": "tool", "pattern": "get_*" });
        office.done("POST", "/tool-servers/server-a/rules", Some(&rule)).await;

        let answer = office.send(&carol, "GET", HERE, None).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{}", answer.body);
        assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"tenant-data.json\""));
        let told = answer.json();
        assert_eq!((&told["tenant"]["id"], &told["tenant"]["branding"]["name"], &told["provider"]), (&json!("a"), &json!("ACME"), &json!(null)));
        assert_eq!((&told["members"][0]["email"], &told["invitations"][0]["id"]), (&json!("bob@example.com"), &invited["id"]));
        assert_eq!(told["keys"][0]["id"], key["id"]);
        assert_eq!((&told["tool_servers"][0]["id"], &told["tool_servers"][0]["rules"][0]["pattern"]), (&json!("server-a"), &json!("get_*")));
        let audit = told["audit"].as_array().unwrap();
        let has = |action: &str| audit.iter().any(|entry| entry["action"] == action);
        for action in ["tenant.invite", "tenant.brand", "tenant.add_member", "key.create"] {
            assert!(has(action), "{action}: {audit:?}");
        }
        assert!(audit.iter().all(|entry| entry["tenant_id"] == "a"), "{audit:?}");
        let secrets = [&key["key"], &invited["link"]].map(|secret| secret.as_str().unwrap().to_owned());
        let secrets = secrets.iter().map(|secret| secret.rsplit('/').next().unwrap());
        for hidden in secrets.chain(["alice@example.com", "server-b", "127.0.0.1"]) {
            assert!(!answer.body.contains(hidden), "{hidden}: {}", answer.body);
        }
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("a.json");
        office.world.cli(&["tenant", "export", "a", "-o", &file.display().to_string()]).await;
        let mut written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions()) & 0o777, 0o600);
        let whole = office.done("GET", HERE, None).await;
        written["exported_at"] = whole["exported_at"].clone();
        // A replica may have written what it counted in between.
        written["usage"] = whole["usage"].clone();
        assert_eq!(written, whole, "the command writes the same");
        let unknown = office.world.cli_refuses(&["tenant", "export", "none", "-o", &file.display().to_string()]).await;
        assert!(unknown.contains("there is no tenant none"), "{unknown}");
        assert_eq!(office.send(&carol, "HEAD", HERE, None).await.body, "");
        assert_eq!(office.send(&office.alice, "GET", HERE, None).await.status, 200);
        problem(&office.send(&dave, "GET", HERE, None).await, 404, "not-found", "dave administers another tenant");
        problem(&office.send(&bob, "GET", HERE, None).await, 403, "forbidden", "bob is a viewer");
    }

    async fn an_export_of_a_tenant_has_each_entry_of_a_long_audit_once(pair) {
        let office = Office::open(pair).await;
        fill(&office.world, 3000).await;
        let carol = office.world.signed_in("carol").await;
        let told = office.send(&carol, "GET", HERE, None).await.json();
        let filled = told["audit"].as_array().unwrap().iter().filter(|entry| entry["action"] == "test.fill");
        let numbers: Vec<_> = filled.map(|entry| entry["after"]["number"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (1..=1000).rev().map(|number| number * 3).collect::<Vec<_>>());
    }
}
