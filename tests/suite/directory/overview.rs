//! The numbers of the first page of the portal, what ends soon, and the last refusals of a person.

use super::administration::Administers;
use super::{actor, email, now, person};
use gatepost_core::access::Role;
use gatepost_core::administration::Scope;
use gatepost_core::api_key::KeyId;
use gatepost_core::ids::{RequestId, UserId};
use gatepost_core::refusal::Refusal;
use gatepost_core::request_mode::{Initiator, RequestMode};
use gatepost_store::directory::changes::{AddMember, AddTenantMember, SetAdmin};
use gatepost_store::directory::{EndingThing, Place, RefusalFilter, UserKey};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

both_stores! {
    async fn what_ends_soon_is_listed_by_its_end_and_nothing_else(store) {
        let at = now();
        let ann = email("ann@example.com");
        store.directory.create_tenant(&"t".parse().unwrap(), None, &actor()).await.unwrap();
        let hours = |hours: u32| Some(at.plus(HOUR * hours));
        for (group, until) in [("Third", hours(3)), ("Never", None), ("Later", hours(30))] {
            let change = AddMember { group: group.parse::<gatepost_core::ids::GroupName>().unwrap().into(), user: ann.clone(), until };
            store.directory.make(change, &actor()).await.unwrap();
        }
        let member = AddTenantMember { tenant: "t".parse().unwrap(), user: ann.clone(), role: Role::Member, until: hours(1) };
        store.directory.make(member, &actor()).await.unwrap();
        let decision = SetAdmin { user: ann.clone(), is_admin: Some(false), until: hours(2) };
        store.directory.make(decision, &actor()).await.unwrap();
        let page = async |scope: &Scope, after: Option<&Place>, limit| store.directory.list_ending(scope, (at, at.plus(HOUR * 24)), after, limit).await.unwrap();
        let list = async |scope: &Scope, limit| page(scope, None, limit).await.items;
        let ends = list(&Scope::System, 10).await;
        let told: Vec<String> = ends.iter().map(|end| match &end.thing {
            EndingThing::Group(_, name) => name.to_string(),
            EndingThing::Tenant(id) => id.to_string(),
            EndingThing::Decision(is_admin) => is_admin.to_string(),
        }).collect();
        assert_eq!(told, ["t", "false", "Third"]);
        assert!(ends.iter().all(|end| end.email.as_ref().is_some_and(|email| email.as_str() == "ann@example.com")));
        assert_eq!(list(&Scope::System, 2).await.len(), 2);
        let tenant = Scope::Tenants(["t".parse().unwrap()].into());
        assert_eq!(list(&tenant, 10).await, []);
    }

    async fn what_ends_in_one_second_is_paged_without_a_gap(store) {
        let at = now();
        let until = Some(at.plus(HOUR));
        store.directory.create_tenant(&"t".parse().unwrap(), None, &actor()).await.unwrap();
        for who in ["ann", "bob", "cid"] {
            let user = email(&format!("{who}@example.com"));
            for group in ["A", "B"] {
                let group = group.parse::<gatepost_core::ids::GroupName>().unwrap().into();
                store.directory.make(AddMember { group, user: user.clone(), until }, &actor()).await.unwrap();
            }
            let member = AddTenantMember { tenant: "t".parse().unwrap(), user: user.clone(), role: Role::Member, until };
            store.directory.make(member, &actor()).await.unwrap();
            store.directory.make(SetAdmin { user, is_admin: Some(false), until }, &actor()).await.unwrap();
        }
        let page = async |after: Option<&Place>, limit| {
            store.directory.list_ending(&Scope::System, (at, at.plus(HOUR)), after, limit).await.unwrap()
        };
        let all = page(None, 50).await;
        assert_eq!((all.items.len(), all.next), (12, None));
        for limit in [1, 5] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let part = page(after.as_ref(), limit).await;
                found.extend(part.items);
                after = part.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found, all.items, "{limit} at a time");
        }
        // Exactly the second from which is asked is past.
        let from = store.directory.list_ending(&Scope::System, (at.plus(HOUR), at.plus(HOUR * 2)), None, 50).await.unwrap();
        assert_eq!(from.items, []);
        for place in ["x", "1", "1 x", "x y z"] {
            assert_eq!(page(Some(&place.parse().unwrap()), 50).await.items.len(), 0, "{place}");
        }
    }

    async fn people_are_counted_for_administrators_of_the_system_alone(store) {
        let ann = store.admitted(&person("ann", "ann@example.com", &[])).await;
        store.admitted(&person("bob", "bob@example.com", &[])).await;
        store.directory.disable_user(&UserKey::Id(ann), &actor()).await.unwrap();
        store.directory.disable_user(&email("awaited@example.com"), &actor()).await.unwrap();
        let count = store.directory.count_people(&Scope::System, now().minus(HOUR)).await.unwrap().unwrap();
        assert_eq!((count.people, count.signed_in, count.disabled), (3, 2, 2));
        let count = store.directory.count_people(&Scope::System, now().plus(HOUR)).await.unwrap().unwrap();
        assert_eq!((count.people, count.signed_in), (3, 0));
        assert_eq!(store.directory.count_people(&Scope::Tenants(["t".parse().unwrap()].into()), now()).await.unwrap(), None);
    }

    async fn the_last_refusals_of_a_person_are_theirs_alone_and_the_newest_first(store) {
        let (ann, bob) = (UserId::generate(), UserId::generate());
        let refusal = |user, path: &str| Refusal {
            request_id: RequestId::generate(),
            at: now(),
            user,
            email: None,
            host: "app.example.com".to_owned(),
            method: "GET".to_owned(),
            path: path.to_owned(),
            kind: RequestMode::Navigation,
            initiator: Initiator::Own,
            requirement: String::new(),
            status: 403,
            reason: "group_missing".to_owned(),
            missing: None,
            detail: None,
            address: None,
            key: None,
            via: None,
        };
        let key = KeyId::generate();
        let by_key = Refusal { key: Some(key), ..refusal(bob, "/2") };
        let kept = [refusal(ann, "/1"), by_key, refusal(ann, "/3"), refusal(ann, "/4")];
        store.directory.keep_refusals(&kept).await.unwrap();
        let list = async |scope: &Scope, filter: RefusalFilter, after: Option<&Place>, limit| store.directory.search_refusals(scope, &filter, after, limit).await.unwrap();
        let of = |user| RefusalFilter { user: Some(user), ..RefusalFilter::default() };
        let newest = list(&Scope::System, of(ann), None, 2).await;
        assert_eq!(newest.items, [kept[3].clone(), kept[2].clone()]);
        let rest = list(&Scope::System, of(ann), newest.next.as_ref(), 2).await;
        assert_eq!((rest.items, rest.next), (vec![kept[0].clone()], None));
        assert_eq!(list(&Scope::System, of(UserId::generate()), None, 2).await.items, []);
        let count = async |filter| list(&Scope::System, filter, None, 50).await.items.len();
        let all = RefusalFilter::default();
        for (filter, found) in [
            (all.clone(), 4),
            (RefusalFilter { key: Some(key), ..all.clone() }, 1),
            (RefusalFilter { key: Some(KeyId::generate()), ..all.clone() }, 0),
            (RefusalFilter { host: Some("app.example.com".to_owned()), ..all.clone() }, 4),
            (RefusalFilter { host: Some("app".to_owned()), ..all.clone() }, 0),
            (RefusalFilter { reason: Some("group_missing".to_owned()), ..all.clone() }, 4),
            (RefusalFilter { reason: Some("admin_missing".to_owned()), ..all.clone() }, 0),
            (RefusalFilter { since: Some(now().minus(HOUR)), ..all.clone() }, 4),
            (RefusalFilter { since: Some(now().plus(HOUR)), ..all.clone() }, 0),
        ] {
            assert_eq!(count(filter.clone()).await, found, "{filter:?}");
        }
        let tenant = Scope::Tenants(["t".parse().unwrap()].into());
        assert_eq!(list(&tenant, all.clone(), None, 50).await.items, [], "refusals are for administrators of the system");
        assert_eq!(list(&Scope::System, all, Some(&"x".parse().unwrap()), 50).await.items, []);
    }
}
