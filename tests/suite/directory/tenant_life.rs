//! The life of a tenant: what each state opens, for people and keys, and what is left of it at its end.

use super::administration::Administers;
use super::key_changes::{key, made, of_tenant};
use super::{Opened, SOON, actor, person};
use gatepost_core::access::Role;
use gatepost_core::administration::Scope;
use gatepost_core::api_key::ApiKey;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupName, TenantId, UserId};
use gatepost_core::tenant::TenantState;
use gatepost_kit::process::until;
use gatepost_store::directory::changes::{
    AddTenantMember, CreateTenant, DeleteTenant, MapGroup, RemoveTenantMember, RestoreTenant, ResumeTenant,
    SuspendTenant,
};
use gatepost_store::directory::{
    Actor, Applicable, Change, DirectoryError, FoundKey, TenantFilter, UserKey, Via, Who,
};
use std::str::FromStr;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

fn acme() -> TenantId {
    "acme".parse().unwrap()
}

fn suspend(reason: &str) -> SuspendTenant {
    SuspendTenant { id: acme(), reason: reason.parse().unwrap() }
}

async fn make<C: Applicable>(store: &Opened, change: C) -> bool {
    store.directory.make(change, &actor()).await.unwrap().changed
}

/// A member with this role, by the tenant itself.
async fn member(store: &Opened, name: &str, role: Role) -> UserId {
    let user = store.admitted(&person(name, &format!("{name}@example.com"), &[])).await;
    make(store, AddTenantMember { tenant: acme(), user: UserKey::Id(user), role, until: None }).await;
    user
}

async fn tenant(store: &Opened) {
    make(store, CreateTenant { id: acme(), name: None }).await;
}

async fn found(store: &Opened, secret: &ApiKey<'_>) -> Option<FoundKey> {
    let digest = secret.digest();
    let find = async || store.directory.find_key(&digest).await.ok();
    until("the hot read to answer", SOON, find).await
}

/// The role with which a person may enter, and the one in the suspended tenant.
async fn roles(store: &Opened, user: UserId) -> (Option<Role>, Option<Role>) {
    let access = store.standing(user).await.access;
    (access.role_in(&acme()), access.suspended.find(&acme()))
}

async fn state(store: &Opened) -> TenantState {
    store.directory.find_tenant(&Scope::System, &acme()).await.unwrap().unwrap().state
}

/// A person as an actor.
fn by(user: UserId) -> Actor {
    Actor { who: Who::Person(user), via: Via::Api, ..actor() }
}

both_stores! {
    async fn nobody_enters_a_suspended_tenant_and_everybody_does_again_when_it_is_resumed(store) {
        tenant(&store).await;
        let direct = member(&store, "d", Role::Viewer).await;
        let by_group = store.admitted(&person("g", "g@example.com", &[])).await;
        store.sql("INSERT INTO user_group_membership VALUES ('g@example.com', 'Known')").await;
        store.sql("INSERT INTO group_tenant_mapping VALUES ('Known', 'acme')").await;
        let admin = store.admitted(&person("a", "a@example.com", &[])).await;
        store.directory.grant_admin(&UserKey::Id(admin), &actor()).await.unwrap();
        let everybody = [(direct, Role::Viewer), (by_group, Role::Member), (admin, Role::Admin)];
        let secret = made(&store, key(of_tenant("acme")), &actor()).await.secret;
        let mut watch = store.directory.watch().await.unwrap();

        assert!(make(&store, suspend("unpaid")).await);
        assert!(watch.renew().await.unwrap().contains(&Change::Everybody), "every replica is told");
        for (user, role) in everybody {
            assert_eq!(roles(&store, user).await, (None, Some(role)));
        }
        let access = found(&store, &secret).await.unwrap().access;
        assert!(access.role_in(&acme()).is_none() && access.suspended.find(&acme()).is_some());
        assert!(!make(&store, suspend("unpaid")).await, "it is already");
        assert!(make(&store, suspend("abuse")).await, "for another reason");

        assert!(make(&store, ResumeTenant { id: acme() }).await);
        assert!(watch.renew().await.unwrap().contains(&Change::Everybody));
        for (user, role) in everybody {
            assert_eq!(roles(&store, user).await, (Some(role), None));
        }
        let access = found(&store, &secret).await.unwrap().access;
        assert!(access.role_in(&acme()).is_some() && access.suspended.is_empty());
        assert!(!make(&store, ResumeTenant { id: acme() }).await);
        let [resumed] = store.audited("tenant.resume").await.try_into().unwrap();
        assert_eq!(resumed.before.as_deref(), Some(r#"{"state":"suspended","reason":"abuse"}"#));
        assert_eq!(resumed.tenant_id, Some("acme".to_owned()), "its administrators read it");
    }

    async fn a_deleted_tenant_is_as_if_it_were_not_there_and_comes_back_as_it_was(store) {
        tenant(&store).await;
        let user = member(&store, "d", Role::Admin).await;
        let admin = store.admitted(&person("a", "a@example.com", &[])).await;
        store.directory.grant_admin(&UserKey::Id(admin), &actor()).await.unwrap();
        let secret = made(&store, key(of_tenant("acme")), &actor()).await.secret;
        make(&store, suspend("unpaid")).await;
        assert!(make(&store, DeleteTenant { id: acme() }).await);
        assert!(!make(&store, DeleteTenant { id: acme() }).await);
        assert_eq!(roles(&store, user).await, (None, None));
        assert_eq!(roles(&store, admin).await, (None, None));
        assert!(found(&store, &secret).await.is_none());
        assert!(!store.directory.tenant_exists(&acme()).await.unwrap());
        let listed = store.directory.search_tenants(&Scope::System, &TenantFilter::default(), None, 10).await.unwrap();
        assert!(listed.items.is_empty(), "{listed:?}");
        let mapping = MapGroup { group: GroupName::from_str("Known").unwrap().into(), tenant: acme(), role: Role::Member };
        store.sql("INSERT INTO user_group_membership VALUES ('d@example.com', 'Known')").await;
        let refused = [
            store.directory.make(CreateTenant { id: acme(), name: None }, &actor()).await.map(drop),
            store.directory.make(mapping, &actor()).await.map(drop),
            store.directory.make(suspend("more"), &actor()).await.map(drop),
            store.directory.make(ResumeTenant { id: acme() }, &actor()).await.map(drop),
        ];
        for refused in refused {
            assert!(matches!(refused, Err(DirectoryError::TenantDeleted(_))), "{refused:?}");
        }
        assert!(make(&store, RestoreTenant { id: acme() }).await);
        assert_eq!(state(&store).await, TenantState::Suspended, "it was suspended");
        assert_eq!(roles(&store, user).await, (None, Some(Role::Admin)));
        make(&store, ResumeTenant { id: acme() }).await;
        assert_eq!(roles(&store, user).await, (Some(Role::Admin), None));
        assert!(found(&store, &secret).await.is_some());
        assert!(!make(&store, RestoreTenant { id: acme() }).await, "it is there");
    }

    async fn administrators_of_a_suspended_tenant_read_it_and_change_nothing(store) {
        tenant(&store).await;
        let own = member(&store, "o", Role::Admin).await;
        let other = member(&store, "m", Role::Member).await;
        let remove = || RemoveTenantMember { tenant: acme(), user: UserKey::Id(other) };
        make(&store, suspend("unpaid")).await;
        let refused = store.directory.make(remove(), &by(own)).await;
        assert!(matches!(refused, Err(DirectoryError::TenantSuspended(_))), "{refused:?}");
        let scope = Scope::of(&store.standing(own).await);
        let members = store.directory.list_tenant_members(&scope, &acme(), None, 10).await.unwrap();
        assert_eq!(members.items.len(), 2);
        make(&store, DeleteTenant { id: acme() }).await;
        let refused = store.directory.make(remove(), &by(own)).await;
        assert!(matches!(refused, Err(DirectoryError::Denied(_))), "{refused:?}");
        make(&store, RestoreTenant { id: acme() }).await;
        make(&store, ResumeTenant { id: acme() }).await;
        assert!(store.directory.make(remove(), &by(own)).await.unwrap().changed);
    }

    async fn thirty_days_after_its_deletion_nothing_of_a_tenant_is_left_but_the_audit(store) {
        tenant(&store).await;
        make(&store, CreateTenant { id: "other".parse().unwrap(), name: None }).await;
        member(&store, "d", Role::Admin).await;
        made(&store, key(of_tenant("acme")), &actor()).await;
        let proof = "0123456789abcdef0123456789abcdef";
        store.sql(&format!(
            "INSERT INTO gatepost.tenant_hosts (host, tenant_id, proof, created_at) VALUES ('acme.example', 'acme', '{proof}', 1)"
        )).await;
        make(&store, DeleteTenant { id: acme() }).await;
        let later = |days: u32| Timestamp::now().plus(days * DAY);
        assert_eq!(store.leading().await.erase_deleted_tenants(later(29), 10).await.unwrap(), 0);
        assert_eq!(store.leading().await.erase_deleted_tenants(later(31), 10).await.unwrap(), 1);
        assert_eq!(store.leading().await.erase_deleted_tenants(later(31), 10).await.unwrap(), 0);
        assert_eq!(store.texts("SELECT id FROM gatepost.tenants").await, ["other"]);
        for table in ["tenant_members", "tenant_hosts", "keys"] {
            let column = if table == "tenant_hosts" { "host" } else { "tenant_id" };
            assert!(store.texts(&format!("SELECT {column} FROM gatepost.{table}")).await.is_empty(), "{table}");
        }
        let [erased] = store.audited("tenant.erase").await.try_into().unwrap();
        assert_eq!((erased.actor.to_string().as_str(), erased.target.as_str()), ("retention", "tenant:acme"));
        assert!(make(&store, CreateTenant { id: acme(), name: None }).await, "the id is free");
    }
}
