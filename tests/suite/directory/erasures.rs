//! Erasing again what a restored dump has brought back: who goes, who stays, and what is said about it.

use super::administration::Administers;
use super::key_changes::{key, made, of_person, of_tenant};
use super::{Opened, actor, email, person};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{TenantId, UserId};
use gatepost_store::directory::changes::{CreateTenant, CreateUser, DeleteTenant, EraseUser};
use gatepost_store::directory::{DirectoryError, ErasedAgain, Erasure, UserKey};
use serde_json::json;
use std::time::Duration;

const LONG_AGO: Timestamp = Timestamp::from_unix(1_790_000_000);
const DAY: Duration = Duration::from_hours(24);

fn acme() -> TenantId {
    "acme".parse().unwrap()
}

async fn again(store: &Opened, erasure: &Erasure) -> ErasedAgain {
    store.directory.erase_again(erasure, false, &actor()).await.unwrap()
}

/// The second at which a tenant was created.
async fn created_at(store: &Opened, id: &str) -> Timestamp {
    let sql = format!("SELECT CAST(created_at AS text) FROM gatepost.tenants WHERE id = '{id}'");
    Timestamp::from_unix(store.texts(&sql).await[0].parse().unwrap())
}

async fn people(store: &Opened) -> Vec<UserId> {
    store.people().await.into_iter().map(|user| user.id).collect()
}

both_stores! {
    async fn a_person_is_erased_again_with_everything_once(store) {
        let bob = store.admitted(&person("bob", "bob@example.com", &["g-1"])).await;
        let carol = store.admitted(&person("carol", "carol@example.com", &["g-1"])).await;
        made(&store, key(of_person(bob, None)), &actor()).await;
        let erasure = Erasure::User { id: bob, at: LONG_AGO };

        let tried = store.directory.erase_again(&erasure, true, &actor()).await.unwrap();
        assert_eq!((tried, people(&store).await.len()), (ErasedAgain::Erased, 2), "a dry run keeps nothing");
        assert_eq!(store.directory.list_erasures().await.unwrap(), []);

        assert_eq!(again(&store, &erasure).await, ErasedAgain::Erased);
        assert_eq!(people(&store).await, [carol]);
        assert_eq!(store.directory.list_erasures().await.unwrap(), std::slice::from_ref(&erasure), "with the time of the first erasure");
        let texts = store.texts("SELECT coalesce(before, '') || coalesce(after, '') || coalesce(address, '') \
            FROM gatepost.audit_entries WHERE target LIKE 'user:%'").await;
        assert!(!texts.iter().any(|text| text.contains("bob@")), "{texts:?}");
        let [erased] = store.audited("user.erase").await.try_into().unwrap();
        assert_eq!((erased.target, erased.after), (format!("user:{bob}"), Some(json!({ "first_erased_at": LONG_AGO }).to_string())));
        assert_eq!(store.audited("key.revoke").await.len(), 1);

        let entries = store.audit().await.len();
        assert_eq!(again(&store, &erasure).await, ErasedAgain::Absent, "twice in a row");
        assert_eq!(store.audit().await.len(), entries);
        let gone = store.directory.disable_user(&UserKey::Id(bob), &actor()).await;
        assert!(matches!(gone, Err(DirectoryError::Erased(id)) if id == bob), "{gone:?}");
    }

    async fn who_signs_in_after_the_erasure_is_new_and_stays(store) {
        let old = store.admitted(&person("bob", "bob@example.com", &[])).await;
        let other = store.admitted(&person("carol", "carol@example.com", &[])).await;
        store.directory.make(EraseUser { user: old, confirm: "bob@example.com".to_owned() }, &actor()).await.unwrap();
        let new = store.admitted(&person("bob", "bob@example.com", &[])).await;
        for erasure in store.directory.list_erasures().await.unwrap() {
            assert_eq!(again(&store, &erasure).await, ErasedAgain::Absent);
        }
        assert_eq!(people(&store).await, [other, new]);
        assert_eq!(store.audited("user.erase").await.len(), 1);
    }

    async fn an_id_that_nobody_has_is_noted(store) {
        let unknown = UserId::generate();
        let erasures = [
            Erasure::User { id: unknown, at: LONG_AGO },
            Erasure::Tenant { id: acme(), created_at: LONG_AGO, at: LONG_AGO.plus(DAY) },
        ];
        for erasure in &erasures {
            assert_eq!(again(&store, erasure).await, ErasedAgain::Absent);
        }
        assert_eq!(store.directory.list_erasures().await.unwrap(), erasures, "the next dump knows it");
        assert!(store.audit().await.is_empty(), "nothing was changed");
    }

    /// A dump from before the merge has both, the placeholder with the address.
    async fn the_placeholder_that_became_part_of_a_person_is_erased_with_them(store) {
        let user = store.admitted(&person("alice", "alice@example.com", &[])).await;
        store.directory.make(CreateUser { email: "alice@new.example".parse().unwrap() }, &actor()).await.unwrap();
        let placeholder = *people(&store).await.iter().find(|id| **id != user).unwrap();
        store.admitted(&person("alice", "alice@new.example", &[])).await;
        assert_eq!(people(&store).await, [user]);
        store.directory.make(EraseUser { user, confirm: "alice@new.example".to_owned() }, &actor()).await.unwrap();
        let mut erased: Vec<UserId> = store.directory.list_erasures().await.unwrap().into_iter().map(|erasure| match erasure {
            Erasure::User { id, .. } => id,
            Erasure::Tenant { .. } => panic!("no tenant was erased"),
        }).collect();
        erased.sort_unstable();
        let mut wanted = [user, placeholder];
        wanted.sort_unstable();
        assert_eq!(erased, wanted);
    }

    /// The other administrator came after the dump.
    async fn the_last_administrator_is_erased_again_too(store) {
        let alice = store.admitted(&person("alice", "alice@example.com", &[])).await;
        store.directory.grant_admin(&email("alice@example.com"), &actor()).await.unwrap();
        assert!(store.directory.has_administrator().await.unwrap());
        let refused = store.directory.make(EraseUser { user: alice, confirm: "alice@example.com".to_owned() }, &actor()).await;
        assert!(matches!(refused, Err(DirectoryError::LastAdmin)), "{refused:?}");
        assert_eq!(again(&store, &Erasure::User { id: alice, at: LONG_AGO }).await, ErasedAgain::Erased);
        assert!(!store.directory.has_administrator().await.unwrap());
    }

    async fn a_tenant_is_erased_again_whatever_its_state_and_a_newer_one_of_the_same_id_stays(store) {
        let create = || CreateTenant { id: acme(), name: None };
        store.directory.make(create(), &actor()).await.unwrap();
        made(&store, key(of_tenant("acme")), &actor()).await;
        let first = created_at(&store, "acme").await;
        store.directory.make(DeleteTenant { id: acme() }, &actor()).await.unwrap();
        let later = Timestamp::now().plus(31 * DAY);
        assert_eq!(store.leading().await.erase_deleted_tenants(later, 10).await.unwrap(), 1);
        let [erasure] = store.directory.list_erasures().await.unwrap().try_into().unwrap();
        assert!(matches!(&erasure, Erasure::Tenant { id, created_at, .. } if *id == acme() && *created_at == first), "{erasure}");

        // As in a dump from before the deletion.
        store.directory.make(create(), &actor()).await.unwrap();
        let sql = |at: Timestamp| format!("UPDATE gatepost.tenants SET created_at = {} WHERE id = 'acme'", at.unix());
        store.sql(&sql(first.plus(DAY))).await;
        assert_eq!(again(&store, &erasure).await, ErasedAgain::Absent, "a newer tenant");
        assert_eq!(store.texts("SELECT id FROM gatepost.tenants").await, ["acme"]);
        store.sql(&sql(first)).await;
        made(&store, key(of_tenant("acme")), &actor()).await;
        assert_eq!(again(&store, &erasure).await, ErasedAgain::Erased);
        for table in ["tenants", "keys"] {
            assert!(store.texts(&format!("SELECT id FROM gatepost.{table}")).await.is_empty(), "{table}");
        }
        assert_eq!(again(&store, &erasure).await, ErasedAgain::Absent, "twice in a row");
        let erased = store.audited("tenant.erase").await;
        let Erasure::Tenant { at, .. } = &erasure else { panic!("{erasure}") };
        assert_eq!((erased.len(), &erased[0].after), (2, &Some(json!({ "first_erased_at": at }).to_string())));
    }
}
