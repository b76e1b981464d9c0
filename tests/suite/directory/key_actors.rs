//! Changes by keys: the door asks anew what the key, its maker and its owner may, in the transaction of the change.

use super::administration::Administers;
use super::{Opened, actor, email, person};
use gatepost_core::access::Role;
use gatepost_core::administration::{Caller, Denied, Scope};
use gatepost_core::api_key::{KeyExpiry, KeyId, KeyLimits};
use gatepost_core::ids::{TenantId, UserId};
use gatepost_core::secret::Secret;
use gatepost_store::directory::changes::{
    AddTenantMember, CreateGroup, CreateKey, CreateTenant, KeyUpdate, Once, Repeat, RevokeKey, RotateKey,
    UpdateKey,
};
use gatepost_store::directory::{
    Actor, Applicable, Conditions, DirectoryError, KeyHolder, UserKey, Via, Who,
};

fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

fn plan(holder: &KeyHolder) -> CreateKey {
    let limits = KeyLimits { scopes: vec!["api.write".parse().unwrap()], ..KeyLimits::default() };
    let (groups, expiry, faults) = (Vec::new(), KeyExpiry::Usual, Vec::new());
    CreateKey { name: "Script".parse().unwrap(), holder: holder.clone(), limits, groups, expiry, faults }
}

fn of_tenant(id: &str) -> KeyHolder {
    KeyHolder { tenant: Some(tenant(id)), owner: None }
}

fn of_person(owner: UserId) -> KeyHolder {
    KeyHolder { tenant: None, owner: Some(owner) }
}

fn person_by(user: UserId) -> Actor {
    Actor { who: Who::Person(user), key: None, address: None, request_id: None, via: Via::Api }
}

/// Whoever the row names, the key decides what they may.
fn by_key(key: KeyId, who: Who) -> Actor {
    Actor { who, key: Some(key), address: None, request_id: None, via: Via::Api }
}

async fn made(store: &Opened, holder: &KeyHolder, maker: &Actor) -> KeyId {
    store.directory.make(plan(holder), maker).await.unwrap().outcome.record.id
}

async fn denied<C: Applicable>(store: &Opened, change: C, by: &Actor) -> Option<Denied> {
    match store.directory.make(change, by).await {
        Ok(_) => None,
        Err(DirectoryError::Denied(denied)) => Some(denied),
        Err(other) => panic!("{other:?}"),
    }
}

fn group(name: &str) -> CreateGroup {
    CreateGroup { name: name.parse().unwrap() }
}

fn member(tenant_id: &str, address: &str) -> AddTenantMember {
    AddTenantMember { tenant: tenant(tenant_id), user: email(address), role: Role::Viewer, until: None }
}

/// A system administrator, and the administrator of `a`. There is `b` too.
async fn two_admins(store: &Opened) -> [UserId; 2] {
    let admin = store.admitted(&person("admin", "admin@example.com", &[])).await;
    store.directory.grant_admin(&UserKey::Id(admin), &actor()).await.unwrap();
    let owner = store.admitted(&person("owner", "owner@example.com", &[])).await;
    for id in ["a", "b"] {
        store.directory.make(CreateTenant { id: tenant(id), name: None }, &actor()).await.unwrap();
    }
    let role = Role::Admin;
    let change = AddTenantMember { tenant: tenant("a"), user: UserKey::Id(owner), role, until: None };
    store.directory.make(change, &actor()).await.unwrap();
    [admin, owner]
}

both_stores! {
    async fn a_key_changes_what_it_belongs_to_and_nothing_else(store) {
        let [admin, owner] = two_admins(&store).await;
        let platform = made(&store, &KeyHolder::default(), &person_by(admin)).await;
        let of_a = made(&store, &of_tenant("a"), &person_by(owner)).await;
        let of_admin = made(&store, &of_person(admin), &person_by(admin)).await;
        let machine = |key| by_key(key, Who::Key(key));
        assert_eq!(denied(&store, group("By the platform"), &machine(platform)).await, None);
        assert_eq!(denied(&store, member("a", "eve@example.com"), &machine(of_a)).await, None);
        assert_eq!(denied(&store, member("b", "eve@example.com"), &machine(of_a)).await, Some(Denied::Hidden));
        // Whatever the row says about who acts, the key decides.
        for (key, who) in [(of_a, Who::Person(admin)), (of_admin, Who::Person(admin)), (of_a, Who::CommandLine("ops".to_owned()))] {
            assert_eq!(denied(&store, group("Denied"), &by_key(key, who.clone())).await, Some(Denied::SystemOnly), "{who}");
        }
        let unknown = KeyId::generate();
        for by in [machine(unknown), by_key(unknown, Who::Person(admin)), Actor { key: None, ..machine(platform) }] {
            assert_eq!(denied(&store, group("Denied"), &by).await, Some(Denied::SystemOnly), "{by:?}");
        }
        let row = store.audited("group.create").await.remove(0);
        assert_eq!((row.actor, row.key_id), (Who::Key(platform), Some(platform.to_string())));
        let find = async |id| store.directory.find_key_caller(id).await.unwrap();
        assert_eq!(find(platform).await, Some(Caller::SYSTEM));
        assert_eq!(find(of_a).await, Some(Caller { person: None, scope: Scope::Tenants([tenant("a")].into()) }));
        assert_eq!(find(of_admin).await, Some(Caller { person: Some(admin), scope: Scope::NONE }));
        assert_eq!(find(unknown).await, None);
    }

    async fn a_key_that_ended_or_whose_maker_is_nothing_any_more_changes_nothing(store) {
        let [admin, owner] = two_admins(&store).await;
        let guest = store.admitted(&person("guest", "guest@example.com", &[])).await;
        let machine = |key| by_key(key, Who::Key(key));
        let find = async |id| store.directory.find_key_caller(id).await.unwrap();
        let revoked = made(&store, &KeyHolder::default(), &actor()).await;
        store.directory.make(RevokeKey { id: revoked, holder: KeyHolder::default() }, &actor()).await.unwrap();
        let expired = made(&store, &KeyHolder::default(), &actor()).await;
        store.sql(&format!("UPDATE gatepost.keys SET created_at = 1, expires_at = 2 WHERE id = '{expired}'")).await;
        for key in [revoked, expired] {
            assert_eq!((denied(&store, group("Denied"), &machine(key)).await, find(key).await), (Some(Denied::SystemOnly), None));
        }

        let platform = made(&store, &KeyHolder::default(), &person_by(admin)).await;
        let of_a = made(&store, &of_tenant("a"), &person_by(owner)).await;
        let of_guest = made(&store, &of_person(guest), &person_by(admin)).await;
        assert_eq!(find(of_guest).await, Some(Caller { person: Some(guest), scope: Scope::NONE }));
        store.directory.revoke_admin(&UserKey::Id(admin), &actor()).await.unwrap();
        store.directory.disable_user(&UserKey::Id(owner), &actor()).await.unwrap();
        for key in [platform, of_a, of_guest] {
            assert_eq!(find(key).await, Some(Caller::NOBODY));
        }
        assert_eq!(denied(&store, group("Denied"), &machine(platform)).await, Some(Denied::SystemOnly));
        assert_eq!(denied(&store, member("a", "eve@example.com"), &machine(of_a)).await, Some(Denied::SystemOnly));
        let of_disabled = made(&store, &of_person(owner), &actor()).await;
        assert_eq!(find(of_disabled).await, None, "the owner is disabled");
    }

    #[expect(clippy::disallowed_methods, reason = "this is about what the door asks of a repeated request")]
    async fn a_key_makes_changes_and_rotates_no_key_and_may_revoke_one(store) {
        let [admin, _] = two_admins(&store).await;
        let platform = made(&store, &KeyHolder::default(), &actor()).await;
        let own = made(&store, &of_person(admin), &actor()).await;
        for (by, holder, id) in [
            (by_key(platform, Who::Key(platform)), KeyHolder::default(), platform),
            (by_key(own, Who::Person(admin)), of_person(admin), own),
        ] {
            let not_by_key = Some(Denied::NotByKey);
            assert_eq!(denied(&store, plan(&holder), &by).await, not_by_key);
            let update = UpdateKey { id, holder: holder.clone(), new: KeyUpdate::default() };
            assert_eq!(denied(&store, update, &by).await, not_by_key);
            let rotate = RotateKey { id, holder: holder.clone(), overlap: std::time::Duration::ZERO };
            assert_eq!(denied(&store, rotate, &by).await, not_by_key);
            let repeat = Repeat { key: Secret::generate().digest(), request: Secret::generate().digest() };
            let (change, answer) = (plan(&holder), |_: &_| String::new());
            let once = Once { change: &change, repeat, answer };
            let refused = store.directory.carry_out(&once, Conditions::default(), &by).await.map(|done| done.changed);
            assert!(matches!(refused, Err(DirectoryError::Denied(Denied::NotByKey))), "{refused:?}");
            assert_eq!(denied(&store, RevokeKey { id, holder }, &by).await, None);
        }
    }

    async fn a_key_does_not_unmake_the_last_administrator(store) {
        let [admin, _] = two_admins(&store).await;
        let key = made(&store, &KeyHolder::default(), &actor()).await;
        let last = store.directory.revoke_admin(&UserKey::Id(admin), &by_key(key, Who::Key(key))).await;
        assert!(matches!(last, Err(DirectoryError::LastAdmin)), "{last:?}");
    }
}
