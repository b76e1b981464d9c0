//! API keys in the configuration as files: what a plan does to them, and what it never does.

use super::administration::Administers;
use super::files::{apply, carry_out, declared, exported, lines, plan};
use super::{Opened, actor, person};
use gatepost_core::administration::Scope;
use gatepost_core::api_key::{KeyExpiry, KeyLimits};
use gatepost_core::ids::TenantId;
use gatepost_store::directory::changes::{CreateKey, KeyUpdate, RotateKey, UpdateKey};
use gatepost_store::directory::files::Plan;
use gatepost_store::directory::{DirectoryError, KeyFilter, KeyHolder, KeyRecord};
use std::time::Duration;

const KEYS: &str = "\
groups: [{name: Support}]
keys:
- name: nightly
  tenant: t
  scopes: [gate]
  hosts: [app.example.test]
  networks: [10.0.0.0/8]
  tools: [get_*]
  requests_per_minute: 60
  endless: 'the report'
- name: reader
  scopes: [api.read]
  groups: [Support]
  endless: 'a: b'
";

async fn keys(store: &Opened) -> Vec<KeyRecord> {
    store.directory.search_keys(&Scope::System, &KeyFilter::default(), None, 100).await.unwrap().items
}

async fn named(store: &Opened, name: &str) -> KeyRecord {
    keys(store).await.into_iter().find(|key| key.name == name && key.revoked_at.is_none()).unwrap()
}

fn by_hand(name: &str, holder: KeyHolder) -> CreateKey {
    let limits = KeyLimits {
        scopes: vec!["gate".parse().unwrap()],
        hosts: vec!["app.example.test".parse().unwrap()],
        ..KeyLimits::default()
    };
    let expiry = KeyExpiry::Never("by hand".to_owned());
    CreateKey { name: name.parse().unwrap(), holder, limits, groups: Vec::new(), expiry, faults: Vec::new() }
}

async fn start(store: &Opened) {
    let tenant: TenantId = "t".parse().unwrap();
    store.directory.create_tenant(&tenant, None, &actor()).await.unwrap();
}

both_stores! {
    async fn keys_are_made_changed_and_revoked_by_files_and_no_file_has_a_secret(store) {
        start(&store).await;
        assert_eq!(apply(&store, KEYS).await[1..], [
            "+ key \"reader\": scopes api.read, groups Support, end never, \"a: b\"",
            "+ key \"nightly\" of tenant t: scopes gate, hosts app.example.test, networks 10.0.0.0/8, tools get_*, \
             requests per minute 60, end never, \"the report\"",
        ]);
        assert_eq!(apply(&store, KEYS).await, Vec::<String>::new());
        assert_eq!(store.audited("key.create").await.len(), 2);
        let (texts, read) = exported(&store).await;
        assert_eq!(read.keys, declared(KEYS).keys, "{texts:?}");
        let [nightly, reader] = [named(&store, "nightly").await, named(&store, "reader").await];
        assert!(!texts[5].1.contains(&nightly.hint) && !texts[5].1.contains(&reader.hint), "{texts:?}");

        // Whoever needs the secret rotates the key. It is still the files'.
        let rotate = RotateKey { id: nightly.id, holder: nightly.holder(), overlap: Duration::ZERO };
        store.directory.make(rotate, &actor()).await.unwrap();
        assert_eq!(plan(&store, &declared(KEYS)).await, Plan::default());
        let changed = KEYS.replace("networks: [10.0.0.0/8]", "networks: []").replace("'the report'", "'reports'");
        assert_eq!(apply(&store, &changed).await, [
            "~ key \"nightly\" of tenant t: networks 10.0.0.0/8 -> none, end never, \"the report\" -> never, \"reports\"",
        ]);
        assert_eq!(named(&store, "nightly").await.id, nightly.id, "it keeps its id and its secret");
        let gone = apply(&store, "keys: []").await;
        assert_eq!(gone, [
            "- key \"reader\" (managed by apply; it is revoked)", "- key \"nightly\" of tenant t (managed by apply; it is revoked)",
        ]);
        assert_eq!(store.audited("key.revoke").await.len(), 2);
        assert!(keys(&store).await.iter().all(|key| key.revoked_at.is_some()));
        // A revoked key does not come back: the same files make another one.
        apply(&store, KEYS).await;
        assert!(named(&store, "nightly").await.id != nightly.id);
    }

    async fn keys_that_somebody_made_or_changed_by_hand_and_those_of_people_stay(store) {
        start(&store).await;
        let owner = store.admitted(&person("a", "a@example.com", &[])).await;
        store.directory.make(by_hand("own", KeyHolder { tenant: None, owner: Some(owner) }), &actor()).await.unwrap();
        store.directory.make(by_hand("hand", KeyHolder::default()), &actor()).await.unwrap();
        apply(&store, KEYS).await;
        let reader = named(&store, "reader").await;
        let new = KeyUpdate { requests_per_minute: Some(Some(7)), ..KeyUpdate::default() };
        store.directory.make(UpdateKey { id: reader.id, holder: reader.holder(), new }, &actor()).await.unwrap();
        let (texts, read) = exported(&store).await;
        assert!(!texts[5].1.contains("own") && texts[5].1.contains("name: hand"), "{texts:?}");
        assert_eq!(read.keys.unwrap().len(), 3);
        assert_eq!(lines(&plan(&store, &declared("keys: []")).await), ["- key \"nightly\" of tenant t (managed by apply; it is revoked)"]);
        // What is there as declared is taken over, and then it is the files'.
        let hand = "keys: [{name: hand, scopes: [gate], hosts: [app.example.test], endless: by hand}]";
        let taken = apply(&store, hand).await;
        assert_eq!(taken.last().unwrap(), "= key \"hand\": scopes gate, hosts app.example.test, end never, \"by hand\" (exists; managed by apply from now on)");
        assert_eq!(store.audited("managed_by.update").await.len(), 1);
        assert_eq!(apply(&store, "keys: []").await, ["- key \"hand\" (managed by apply; it is revoked)"]);
        assert!(named(&store, "own").await.revoked_at.is_none());
        // A group of a key that somebody made by hand is not deleted under it.
        let left = lines(&plan(&store, &declared("groups: []")).await);
        assert!(left.iter().any(|line| line.starts_with("! group Support stays")), "{left:?}");
    }

    async fn a_key_whose_end_has_come_is_as_if_it_were_not_declared_and_of_two_with_one_name_none_is_written(store) {
        start(&store).await;
        let until = super::now().plus(Duration::from_hours(24));
        let text = format!("keys: [{{name: short, scopes: [api.read], until: '{}'}}]", gatepost_core::calendar::rfc3339(until));
        assert_eq!(apply(&store, &text).await.len(), 1);
        assert_eq!(exported(&store).await.1.keys, declared(&text).keys);
        store.sql("UPDATE gatepost.keys SET expires_at = 1").await;
        let past = "keys: [{name: short, scopes: [api.read], until: '2020-01-01T00:00:00Z'}]";
        assert_eq!(plan(&store, &declared(past)).await, Plan::default());
        for _ in 0..2 {
            store.directory.make(by_hand("twice", KeyHolder::default()), &actor()).await.unwrap();
        }
        assert_eq!(exported(&store).await.0[5].1, "keys: []\n");
    }

    async fn a_plan_of_keys_that_somebody_overtook_changes_nothing_and_a_key_that_cannot_be_is_refused(store) {
        start(&store).await;
        let wanted = declared(KEYS);
        let old = plan(&store, &wanted).await;
        store.directory.make(by_hand("reader", KeyHolder::default()), &actor()).await.unwrap();
        let overtaken = carry_out(&store, &wanted, old, &actor()).await;
        assert!(matches!(&overtaken, Err(DirectoryError::PlanOvertaken(what)) if what.contains("reader")), "{overtaken:?}");
        assert!(keys(&store).await.iter().all(|key| key.name == "reader"));
        let wrong = declared("keys: [{name: x, scopes: [gate], endless: why}]");
        let refused = carry_out(&store, &wrong, plan(&store, &wrong).await, &actor()).await;
        assert!(matches!(refused, Err(DirectoryError::KeyRefused(_))), "a key for the gate needs a host: {refused:?}");
    }
}
