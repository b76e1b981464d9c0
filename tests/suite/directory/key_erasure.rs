//! What is said about keys goes with their owner, and stays while the key is there.

use super::administration::Administers;
use super::key_changes::of_person;
use super::key_life::{named, target};
use super::refusals::refusal as some_refusal;
use super::{actor, now, person};
use gatepost_core::ids::UserId;
use gatepost_core::refusal::Refusal;
use gatepost_store::directory::KeyHolder;
use gatepost_store::directory::changes::{EraseUser, ShownKey};

both_stores! {
    async fn the_names_of_a_persons_keys_leave_the_refusals_with_them(store) {
        let user = store.admitted(&person("e", "e@example.com", &[])).await;
        let other = store.admitted(&person("x", "x@example.com", &[])).await;
        let own = named(&store, "secret-one", of_person(user, None)).await;
        let free = named(&store, "free", KeyHolder::default()).await;
        let refusal = |user: UserId, key: Option<&ShownKey>, via: &str| Refusal {
            key: key.map(|key| key.record.id),
            via: Some(via.to_owned()),
            email: None,
            user,
            ..some_refusal(now())
        };
        let of_own = refusal(own.record.id.machine(), Some(&own), "secret-one");
        let by_own = refusal(other, Some(&own), "secret-former");
        let older = refusal(other, None, "secret-one");
        let of_free = refusal(free.record.id.machine(), Some(&free), "free");
        let about = Refusal { email: Some("e@example.com".parse().unwrap()), ..refusal(free.record.id.machine(), Some(&free), "free") };
        let kept = [&of_own, &by_own, &older, &of_free, &about].map(Clone::clone);
        store.directory.keep_refusals(&kept).await.unwrap();
        let traces = store.directory.find_traces(user).await.unwrap();
        assert_eq!(traces.refusals, [of_own.clone()], "the person is told of their keys' refusals");
        store.directory.make(EraseUser { user, confirm: "e@example.com".to_owned() }, &actor()).await.unwrap();
        let found = async |refusal: &Refusal| store.directory.find_refusal(refusal.request_id).await.unwrap();
        for gone in [&of_own, &about] {
            assert_eq!(found(gone).await, None);
        }
        for nameless in [by_own, older] {
            let want = Refusal { via: None, ..nameless.clone() };
            assert_eq!(found(&nameless).await, Some(want));
        }
        assert_eq!(found(&of_free).await, Some(of_free.clone()));
        assert!(!store.texts("SELECT coalesce(via, '') FROM gatepost.refusals").await.join(" ").contains("secret"));
    }

    async fn nobody_erases_what_the_audit_says_about_a_key_that_exists(store) {
        let key = named(&store, "kept", KeyHolder::default()).await;
        let (about, gone) = (target(&key), UserId::generate());
        let lie = |action: &str, target: &str, after: &str| format!(
            "INSERT INTO gatepost.audit_entries (at, actor, action, target, after) VALUES (1, 'x', '{action}', '{target}', '{after}')"
        );
        store.sql(&lie("key.create", &about, &format!("{{\"owner\":\"{gone}\"}}"))).await;
        if store.is_postgres() {
            store.sql(&format!("SELECT gatepost.erase_audit_texts('{gone}')")).await;
        } else {
            for erased in [about.clone(), format!("user:{gone}")] {
                store.sql(&lie("audit.erase", &erased, "")).await;
                let erase = format!(
                    "UPDATE audit_entries SET after = NULL, after_digest = zeroblob(32), \
                     erased_by = (SELECT max(id) FROM audit_entries) WHERE target = '{about}' AND action = 'key.create'"
                );
                let refused = store.try_sql(&erase).await.unwrap_err().to_string();
                assert!(refused.contains("the key is still there"), "{erased}: {refused}");
            }
        }
        let texts = async || store.texts("SELECT coalesce(after, '') FROM gatepost.audit_entries WHERE action = 'key.create'").await.join(" ");
        assert!(texts().await.contains("kept"), "{}", texts().await);
        store.sql(&format!("DELETE FROM gatepost.keys WHERE id = '{}'", key.record.id)).await;
        if store.is_postgres() {
            store.sql(&format!("SELECT gatepost.erase_audit_texts('{gone}')")).await;
            assert!(!texts().await.contains("kept"), "it is gone now: {}", texts().await);
        }
    }
}
