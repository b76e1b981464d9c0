//! Changes of API keys: what each does, and that nobody makes a key that is wider than they are.

use super::administration::Administers;
use super::{Opened, SOON, actor, email, now, person};
use gatepost_core::access::Role;
use gatepost_core::administration::{Denied, Scope};
use gatepost_core::api_key::{KeyExpiry, KeyFault, KeyLimits};
use gatepost_core::ids::{TenantId, UserId};
use gatepost_kit::process::until;
use gatepost_store::directory::changes::{
    AddTenantMember, CreateKey, CreateTenant, KeyUpdate, RevokeKey, RotateKey, ShownKey, UpdateKey,
};
use gatepost_store::directory::{
    Actor, AuditFilter, DirectoryError, KeyFilter, KeyHolder, UserKey, Via, Who,
};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

fn by(user: UserId) -> Actor {
    Actor { who: Who::Person(user), key: None, address: None, request_id: None, via: Via::Api }
}

fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

pub(super) fn of_tenant(id: &str) -> KeyHolder {
    KeyHolder { tenant: Some(tenant(id)), owner: None }
}

pub(super) fn of_person(owner: UserId, tenant: Option<TenantId>) -> KeyHolder {
    KeyHolder { tenant, owner: Some(owner) }
}

pub(super) fn key(holder: KeyHolder) -> CreateKey {
    let limits = KeyLimits {
        scopes: vec!["gate".parse().unwrap()],
        hosts: vec!["mcp.example.test".parse().unwrap()],
        ..KeyLimits::default()
    };
    let (groups, expiry, faults) = (Vec::new(), KeyExpiry::Usual, Vec::new());
    CreateKey { name: "CI runner".parse().unwrap(), holder, limits, groups, expiry, faults }
}

pub(super) async fn made(store: &Opened, change: CreateKey, who: &Actor) -> ShownKey {
    store.directory.make(change, who).await.unwrap().outcome
}

/// A member of the tenants `a`, whose administrator they are, and `b`.
async fn tenant_admin(store: &Opened) -> UserId {
    let user = store.admitted(&person("owner", "owner@example.com", &[])).await;
    for (id, role) in [("a", Role::Admin), ("b", Role::Member), ("c", Role::Viewer)] {
        store.directory.make(CreateTenant { id: tenant(id), name: None }, &actor()).await.unwrap();
        if id != "c" {
            let change = AddTenantMember { tenant: tenant(id), user: UserKey::Id(user), role, until: None };
            store.directory.make(change, &actor()).await.unwrap();
        }
    }
    user
}

pub(super) fn faults<T: std::fmt::Debug>(result: Result<T, DirectoryError>) -> Vec<KeyFault> {
    match result {
        Err(DirectoryError::KeyRefused(faults)) => faults.all().to_vec(),
        other => panic!("expected faults, and not {other:?}"),
    }
}

both_stores! {
    async fn a_new_key_is_found_and_only_its_hash_is_kept(store) {
        let new = made(&store, key(KeyHolder::default()), &actor()).await;
        let digits = new.record.id.to_string().rsplit('-').next().unwrap().to_owned();
        assert_eq!(new.record.machine_name, format!("ci-runner-{digits}"));
        let end = new.record.limits.expires_at.unwrap();
        assert!(end >= now().plus(DAY * 89) && end <= now().plus(DAY * 91), "90 days unless said");
        let found = store.directory.look_up_key(&Scope::System, &new.secret.digest()).await.unwrap().unwrap();
        assert_eq!(found, new.record);
        assert_eq!(store.directory.find_key_record(&Scope::System, new.record.id).await.unwrap(), Some(found));
        let twin = made(&store, key(KeyHolder::default()), &actor()).await;
        assert_ne!(twin.record.machine_name, new.record.machine_name, "no two keys have one machine name");
        let revoke = RevokeKey { id: twin.record.id, holder: KeyHolder::default() };
        assert!(store.directory.make(revoke.clone(), &actor()).await.unwrap().changed);
        assert!(!store.directory.make(revoke, &actor()).await.unwrap().changed);
        let third = made(&store, key(KeyHolder::default()), &actor()).await;
        assert_ne!(third.record.machine_name, twin.record.machine_name, "not even the one of a revoked key");
        let rows = store.directory.list_audit(&Scope::System, &AuditFilter::default(), 100).await.unwrap();
        let text = format!("{rows:?}");
        assert!(text.contains("key.create") && text.contains("key.revoke"), "{text}");
        for new in [&new, &twin, &third] {
            assert!(!text.contains(new.secret.expose()) && !text.contains(&new.secret.digest().to_string()));
        }
    }

    async fn a_rotated_key_has_two_secrets_until_the_overlap_ends_and_a_revoked_one_has_none(store) {
        let new = made(&store, key(KeyHolder::default()), &actor()).await;
        let rotate = |overlap| RotateKey { id: new.record.id, holder: KeyHolder::default(), overlap };
        assert_eq!(faults(store.directory.make(rotate(DAY * 31), &actor()).await), [KeyFault::OverlapTooLong]);
        let second = store.directory.make(rotate(DAY), &actor()).await.unwrap().outcome;
        for secret in [&new.secret, &second.secret] {
            let found = store.directory.look_up_key(&Scope::System, &secret.digest()).await.unwrap().unwrap();
            assert_eq!(found.id, new.record.id);
        }
        let third = store.directory.make(rotate(Duration::ZERO), &actor()).await.unwrap().outcome;
        let of = async |secret: &gatepost_core::api_key::ApiKey<'_>| {
            store.directory.look_up_key(&Scope::System, &secret.digest()).await.unwrap().map(|key| key.id)
        };
        assert_eq!((of(&new.secret).await, of(&second.secret).await), (None, Some(new.record.id)), "the last two are known");
        assert_eq!(of(&third.secret).await, Some(new.record.id));
        let revoke = RevokeKey { id: new.record.id, holder: KeyHolder::default() };
        store.directory.make(revoke, &actor()).await.unwrap();
        let found = until("the hot read to answer", SOON, async || {
            store.directory.find_key(&third.secret.digest()).await.ok()
        }).await;
        assert!(found.is_some_and(|key| key.limits.is_ended));
        let again = store.directory.make(rotate(DAY), &actor()).await;
        assert!(matches!(again, Err(DirectoryError::KeyRevoked(_))), "{again:?}");
    }

    async fn what_cannot_be_is_told_all_at_once(store) {
        let wrong = CreateKey {
            limits: KeyLimits { requests_per_minute: Some(0), ..KeyLimits::default() },
            expiry: KeyExpiry::At(now().minus(DAY)),
            ..key(KeyHolder::default())
        };
        let want = [KeyFault::ExpiresInThePast, KeyFault::NoScope, KeyFault::NoRequests];
        assert_eq!(faults(store.directory.make(wrong, &actor()).await), want);
        let late = CreateKey { expiry: KeyExpiry::At(now().plus(DAY * 367)), ..key(KeyHolder::default()) };
        assert_eq!(faults(store.directory.make(late, &actor()).await), [KeyFault::ExpiresTooLate]);
        let idle = CreateKey { expiry: KeyExpiry::Never(" ".to_owned()), ..key(KeyHolder::default()) };
        assert_eq!(faults(store.directory.make(idle, &actor()).await), [KeyFault::NoReason]);
        let grouped = CreateKey { groups: vec!["Nobody".parse().unwrap()], ..key(KeyHolder::default()) };
        let unknown = store.directory.make(grouped, &actor()).await;
        assert!(matches!(unknown, Err(DirectoryError::UnknownGroup(_))), "{unknown:?}");
        let elsewhere = store.directory.make(key(of_tenant("nowhere")), &actor()).await;
        assert!(matches!(elsewhere, Err(DirectoryError::UnknownTenant(_))), "{elsewhere:?}");
        let all = store.directory.search_keys(&Scope::System, &KeyFilter::default(), None, 10).await.unwrap();
        assert!(all.items.is_empty());
    }

    async fn no_key_is_wider_than_its_maker(store) {
        let user = tenant_admin(&store).await;
        let me = by(user);
        store.directory.add_member(&"Readers".parse().unwrap(), &email("other@example.com"), &actor()).await.unwrap();
        for holder in [of_tenant("a"), of_person(user, None)] {
            for scope in ["scim", "act-as", "act-as:chat"] {
                let mut wider = key(holder.clone());
                wider.limits.scopes.push(scope.parse().unwrap());
                assert_eq!(faults(store.directory.make(wider, &me).await), [KeyFault::Scope(scope.parse().unwrap())]);
            }
            let grouped = CreateKey { groups: vec!["Readers".parse().unwrap()], ..key(holder.clone()) };
            assert_eq!(faults(store.directory.make(grouped.clone(), &me).await), [KeyFault::Groups]);
            let endless = CreateKey { expiry: KeyExpiry::Never("because".to_owned()), ..key(holder.clone()) };
            assert_eq!(faults(store.directory.make(endless.clone(), &me).await), [KeyFault::Endless]);
            let own = made(&store, key(holder.clone()), &me).await.record;
            let never = KeyUpdate { expiry: Some(KeyExpiry::Never("because".to_owned())), ..KeyUpdate::default() };
            let update = UpdateKey { id: own.id, holder: holder.clone(), new: never };
            assert_eq!(faults(store.directory.make(update, &me).await), [KeyFault::Endless]);
            // Rotating or widening what a system administrator made would give it to them.
            for (given, fault) in [(grouped, KeyFault::Groups), (endless, KeyFault::Endless)] {
                let id = made(&store, given, &actor()).await.record.id;
                let rotate = RotateKey { id, holder: holder.clone(), overlap: DAY };
                assert_eq!(faults(store.directory.make(rotate, &me).await), std::slice::from_ref(&fault));
                let hosts = Some(vec!["other.example.test".parse().unwrap()]);
                let new = KeyUpdate { hosts, ..KeyUpdate::default() };
                let update = UpdateKey { id, holder: holder.clone(), new };
                assert_eq!(faults(store.directory.make(update, &me).await), [fault]);
            }
        }
        let denied = |result: Result<_, DirectoryError>| match result {
            Err(DirectoryError::Denied(denied)) => denied,
            Err(other) => panic!("{other:?}"),
            Ok(ShownKey { .. }) => panic!("it was made"),
        };
        let refused = async |holder| denied(store.directory.make(key(holder), &me).await.map(|done| done.outcome));
        assert_eq!(refused(KeyHolder::default()).await, Denied::SystemOnly);
        for id in ["b", "c"] {
            assert_eq!(refused(of_tenant(id)).await, Denied::Hidden);
        }
        let stranger = store.admitted(&person("x", "x@example.com", &[])).await;
        assert_eq!(refused(of_person(stranger, None)).await, Denied::Hidden);
    }

    async fn a_persons_key_opens_a_tenant_only_if_they_may_enter_it(store) {
        let user = tenant_admin(&store).await;
        for who in [by(user), actor()] {
            assert!(store.directory.make(key(of_person(user, Some(tenant("b")))), &who).await.is_ok());
            let closed = store.directory.make(key(of_person(user, Some(tenant("c")))), &who).await;
            assert_eq!(faults(closed), [KeyFault::TenantClosed(tenant("c"))]);
        }
    }

    async fn a_key_of_another_holder_is_unknown(store) {
        let user = tenant_admin(&store).await;
        let stranger = store.admitted(&person("x", "x@example.com", &[])).await;
        let of_b = made(&store, key(of_tenant("b")), &actor()).await.record;
        let of_stranger = made(&store, key(of_person(stranger, None)), &actor()).await.record;
        for id in [of_b.id, of_stranger.id] {
            for holder in [of_tenant("a"), of_person(user, None)] {
                let changes = (
                    store.directory.make(RotateKey { id, holder: holder.clone(), overlap: DAY }, &by(user)).await.map(drop),
                    store.directory.make(RevokeKey { id, holder: holder.clone() }, &by(user)).await.map(drop),
                    store.directory.make(UpdateKey { id, holder, new: KeyUpdate::default() }, &by(user)).await.map(drop),
                );
                for refused in [changes.0, changes.1, changes.2] {
                    assert!(matches!(refused, Err(DirectoryError::UnknownKey(_))), "{refused:?}");
                }
            }
        }
        // The administrators of a tenant end a person's key for it, and do not get its secret.
        let own = made(&store, key(of_person(stranger, None)), &actor()).await.record;
        store.sql(&format!("UPDATE gatepost.keys SET tenant_id = 'a' WHERE id = '{}'", own.id)).await;
        let rotate = RotateKey { id: own.id, holder: of_tenant("a"), overlap: DAY };
        let refused = store.directory.make(rotate, &by(user)).await;
        assert!(matches!(refused, Err(DirectoryError::UnknownKey(_))), "{refused:?}");
        assert!(store.directory.make(RevokeKey { id: own.id, holder: of_tenant("a") }, &by(user)).await.unwrap().changed);
    }

    async fn keys_are_listed_for_who_administers_them(store) {
        let user = tenant_admin(&store).await;
        store.directory.add_member(&"Readers".parse().unwrap(), &email("other@example.com"), &actor()).await.unwrap();
        let grouped = CreateKey { groups: vec!["Readers".parse().unwrap()], ..key(of_tenant("a")) };
        let of_a = made(&store, grouped, &actor()).await;
        let of_b = made(&store, key(of_tenant("b")), &actor()).await;
        let own = made(&store, key(of_person(user, None)), &actor()).await;
        let listed = async |scope: &Scope, filter: KeyFilter| {
            let page = store.directory.search_keys(scope, &filter, None, 10).await.unwrap();
            page.items.iter().map(|key| (key.id, key.groups.len())).collect::<Vec<_>>()
        };
        let all = KeyFilter::default;
        let want = [(of_a.record.id, 1), (of_b.record.id, 0), (own.record.id, 0)];
        assert_eq!(listed(&Scope::System, all()).await, want);
        let scope = Scope::Tenants([tenant("a")].into());
        assert_eq!(listed(&scope, all()).await, [(of_a.record.id, 0)], "groups are the platform's");
        assert_eq!(listed(&scope, KeyFilter { owner: Some(user), ..all() }).await, []);
        assert_eq!(listed(&scope, KeyFilter { tenant: Some(tenant("b")), ..all() }).await, []);
        assert_eq!(listed(&Scope::System, KeyFilter { owner: Some(user), ..all() }).await, [(own.record.id, 0)]);
        for secret in [&of_b.secret, &own.secret] {
            assert_eq!(store.directory.look_up_key(&scope, &secret.digest()).await.unwrap(), None);
        }
        assert!(store.directory.look_up_key(&scope, &of_a.secret.digest()).await.unwrap().is_some());
    }

    async fn a_person_has_at_most_20_keys_and_a_tenant_100(store) {
        let user = tenant_admin(&store).await;
        let mut last = None;
        for _ in 0..20 {
            last = Some(made(&store, key(of_person(user, None)), &by(user)).await.record.id);
        }
        let more = store.directory.make(key(of_person(user, None)), &actor()).await;
        assert_eq!(faults(more), [KeyFault::TooMany("a person", 20)]);
        let revoke = RevokeKey { id: last.unwrap(), holder: of_person(user, None) };
        store.directory.make(revoke, &by(user)).await.unwrap();
        made(&store, key(of_person(user, None)), &by(user)).await;
        for _ in 0..100 {
            made(&store, key(of_tenant("a")), &actor()).await;
        }
        let more = store.directory.make(key(of_tenant("a")), &by(user)).await;
        assert_eq!(faults(more), [KeyFault::TooMany("a tenant", 100)]);
    }
}
