//! `gatepost store show`.

use super::json;
use crate::world::World;

both_pairs! {
    async fn what_the_stores_are_and_hold_is_shown_without_passwords(pair) {
        let world = World::start(pair).await;
        let _alice = world.signed_in("alice").await;
        let shown = json(&world, &["store", "show"]).await;
        let (directory, sessions) = (&shown["directory"], &shown["sessions"]);
        assert_eq!(directory["rows"]["users"], 1, "{shown}");
        assert!(directory["rows"].as_object().unwrap().len() > 20, "{shown}");
        assert!(directory["schema"].as_str().unwrap().starts_with("2026"), "{shown}");
        let address = directory["address"].as_str().unwrap();
        if directory["kind"] == "sqlite" {
            assert!(address.starts_with("sqlite://") && address.ends_with("gatepost.db"), "{address}");
            assert_eq!((&directory["standbys"], &sessions["kind"]), (&serde_json::Value::Null, &"sqlite".into()));
        } else {
            assert!(address.starts_with("postgres://") && address.contains(":***@127.0.0.1:"), "{address}");
            assert!(address.ends_with(directory["name"].as_str().unwrap()), "{address}");
            assert_eq!((&directory["standbys"], &sessions["kind"]), (&0.into(), &"redis".into()));
            let hosts = sessions["hosts"].as_array().unwrap();
            assert_eq!((hosts.len(), &hosts[0]), (1, &sessions["server"]), "{shown}");
            assert!(sessions["version"].as_str().unwrap().contains('.'), "{shown}");
        }
        let text = world.cli(&["store", "show"]).await;
        assert!(text.contains(address) && text.contains("audit_entries"), "{text}");
    }
}
