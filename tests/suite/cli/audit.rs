//! `gatepost audit`: the stream of entries, the heads, and whether the audit is whole.

use super::{json, sql};
use crate::directory::SOON;
use crate::world::{Pair, Stores, World, run_command};
use gatepost_config::StoresConfig;
use gatepost_kit::process::until;
use gatepost_store::directory::Directory;
use serde_json::Value;

/// Moves all entries into an hour long ago, and makes its head.
pub(crate) async fn make_head(world: &World) {
    let stores = match &world.stores {
        Stores::Embedded(folder) => StoresConfig::Embedded { file: folder.path().join("gatepost.db") },
        Stores::Shared { database, .. } => StoresConfig::Shared {
            redis_url: "redis://unused".into(),
            database_url: database.to_string().into(),
        },
    };
    if matches!(world.stores, Stores::Embedded(_)) {
        sql(world, "DROP TRIGGER keep_audit_entries").await;
    }
    sql(world, "UPDATE audit_entries SET hour = 480000").await;
    let directory = Directory::open(&stores, None).unwrap();
    // On Postgres the replica leads; its lease is taken away.
    let term = until("the lease", SOON, async || {
        if matches!(world.stores, Stores::Shared { .. }) {
            sql(world, "UPDATE leases SET expires_at = 'epoch'").await;
        }
        directory.hold_leader_lease("test", None).await.unwrap().term
    })
    .await;
    assert_eq!(directory.leading(term).make_audit_heads(10).await.unwrap(), 1);
}

async fn verify(world: &World, arguments: &[&str]) -> (Option<i32>, String) {
    let (code, stdout, stderr) =
        run_command(&world.builder, &[&["audit", "verify"], arguments].concat()).await;
    assert_eq!(stderr, "");
    (code, stdout)
}

async fn check_store(world: &World) -> (Option<i32>, String) {
    let (code, stdout, stderr) = run_command(&world.builder, &["check", "--store"]).await;
    assert_eq!(stderr, "");
    (code, stdout)
}

both_pairs! {
    async fn verify_names_the_hour_and_the_exit_code_says_whether_the_audit_is_whole(pair) {
        let world = World::start(pair).await;
        for name in ["a", "b", "c"] {
            world.cli(&["group", "create", name]).await;
        }
        let (code, said) = verify(&world, &[]).await;
        assert!(code == Some(0) && said.starts_with("The audit is whole: 0 entries fit 0 heads."), "{said}");
        make_head(&world).await;
        let (code, said) = verify(&world, &[]).await;
        assert!(code == Some(0) && said.starts_with("The audit is whole: ") && said.contains(" entries fit 1 heads."), "{said}");
        let (code, said) = check_store(&world).await;
        assert!(code == Some(0) && said.contains("The audit is whole: ") && !said.contains("provider"), "{said}");
        let kept = world.stores.folder().join("heads.jsonl");
        let heads = world.cli(&["audit", "heads"]).await;
        let head: Value = serde_json::from_str(&heads).unwrap();
        assert_eq!(head["hour"], "2024-10-04T00:00:00Z");
        std::fs::write(&kept, &heads).unwrap();
        let kept = kept.to_str().unwrap();
        assert_eq!(verify(&world, &["--against", kept]).await.0, Some(0));

        sql(&world, "UPDATE audit_entries SET actor = 'cli:other' WHERE target = 'group:b'").await;
        let (code, said) = verify(&world, &["--json"]).await;
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!((code, &said["whole"], &said["fault"]["hour"]), (Some(1), &Value::Bool(false), &head["hour"]));
        let (code, said) = check_store(&world).await;
        assert!(code == Some(1) && said.contains("audit-broken") && said.contains("2024-10-04T00"), "{said}");
        sql(&world, "UPDATE audit_entries SET actor = 'cli:test' WHERE target = 'group:b'").await;
        if pair == Pair::Embedded {
            sql(&world, "DROP TRIGGER keep_audit_heads_from_deletion").await;
        }
        sql(&world, "DELETE FROM audit_heads").await;
        let (code, said) = verify(&world, &["--against", kept]).await;
        assert_eq!(code, Some(1));
        assert!(said.starts_with("The audit was changed. Hour 2024-10-04T00:00:00Z: a head is missing"), "{said}");
        std::fs::write(kept, "no head\n").unwrap();
        let said = world.cli_refuses(&["audit", "verify", "--against", kept]).await;
        assert!(said.contains("heads.jsonl") && said.contains("line 1"), "{said}");
    }

    async fn an_export_has_what_the_list_has_one_entry_a_line(pair) {
        let world = World::start(pair).await;
        for number in 0..3 {
            world.cli(&["group", "create", &format!("g{number}")]).await;
        }
        let listed = json(&world, &["audit", "list", "--limit", "1000"]).await;
        let exported = world.cli(&["audit", "export"]).await;
        let exported: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(Value::Array(exported), listed["entries"]);
        assert_eq!(listed["entries"][0]["via"], "cli");
        assert_eq!(world.cli(&["audit", "export", "--until", "2026-01-01"]).await, "");
    }
}
