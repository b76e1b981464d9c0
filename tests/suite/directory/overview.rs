//! The numbers of the first page of the portal, what ends soon, and the last refusals of a person.

use super::administration::Administers;
use super::{actor, email, now, person};
use gatepost_core::access::Role;
use gatepost_core::administration::Scope;
use gatepost_core::ids::{RequestId, UserId};
use gatepost_core::refusal::Refusal;
use gatepost_core::request_mode::{Initiator, RequestMode};
use gatepost_store::directory::changes::{AddMember, AddTenantMember, SetAdmin};
use gatepost_store::directory::{EndingThing, UserKey};
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
        let list = async |scope: &Scope, limit| store.directory.list_ending(scope, at, at.plus(HOUR * 24), limit).await.unwrap();
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
            address: None,
        };
        let kept = [refusal(ann, "/1"), refusal(bob, "/2"), refusal(ann, "/3"), refusal(ann, "/4")];
        store.directory.keep_refusals(&kept).await.unwrap();
        let last = store.directory.list_refusals_of(ann, 2).await.unwrap();
        assert_eq!(last, [kept[3].clone(), kept[2].clone()]);
        assert_eq!(store.directory.list_refusals_of(UserId::generate(), 2).await.unwrap(), []);
    }
}
