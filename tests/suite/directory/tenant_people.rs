//! What the pages of groups and tenants list: who may enter a tenant and by what, which groups are linked, empty or
//! neither, and by which way a change came.

use super::administration::Administers;
use super::lists::{join, name, number, scope, tenant, two_tenants};
use super::{Opened, actor, email, person};
use gatepost_core::access::Role;
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_store::directory::changes::AddTenantMember;
use gatepost_store::directory::{
    AuditFilter, By, DirectoryError, GroupFilter, GroupState, TenantPerson, TenantWay, Via,
};
use std::time::Duration;

/// Everybody who may enter tenant `a`, as far as the reader may know.
async fn people(store: &Opened, reader: &Scope, q: Option<&str>) -> Vec<TenantPerson> {
    let tenant = tenant("a");
    store.directory.list_tenant_people(reader, (&tenant, q), None, 10).await.unwrap().items
}

fn ways<'a>(people: &'a [TenantPerson], address: &str) -> &'a [TenantWay] {
    let is_theirs =
        |person: &&TenantPerson| person.user.email.as_ref().is_some_and(|own| own.as_str() == address);
    people.iter().find(is_theirs).map_or(&[], |person| &person.ways)
}

both_stores! {
    async fn everybody_who_may_enter_a_tenant_is_listed_with_each_way(store) {
        let [ann, ..] = two_tenants(&store).await;
        let until = Timestamp::now().plus(Duration::from_hours(1));
        let change = AddTenantMember { tenant: tenant("a"), user: email("ann@example.com"), role: Role::Viewer, until: Some(until) };
        store.directory.make(change, &actor()).await.unwrap();
        let all = people(&store, &Scope::System, None).await;
        assert_eq!(all.len(), 2, "{all:?}");
        let [direct, group] = ways(&all, "ann@example.com") else { panic!("{all:?}") };
        assert_eq!((direct.role, direct.until), (Role::Viewer, Some(until)));
        assert!(matches!(direct.by, By::Direct(_)));
        assert_eq!((group.role, group.until, &group.by), (Role::Member, None, &By::Group(Some(name("entra:g-1")))));
        assert_eq!(ways(&all, "bob@example.com").len(), 1);
        let alone = people(&store, &Scope::System, Some("ann")).await;
        assert_eq!(alone.iter().map(|person| person.user.id).collect::<Vec<_>>(), [ann]);

        let theirs = people(&store, &scope(&["a"]), None).await;
        assert_eq!(theirs.len(), 2);
        assert_eq!(ways(&theirs, "ann@example.com")[1].by, By::Group(None), "no names of groups");
        let (a, none) = (tenant("a"), tenant("none"));
        for (reader, tenant) in [(scope(&["b"]), &a), (Scope::NONE, &a), (Scope::System, &none)] {
            let found = store.directory.list_tenant_people(&reader, (tenant, None), None, 10).await;
            assert!(matches!(found, Err(DirectoryError::UnknownTenant(_))), "{reader:?}");
        }
        store.sql("UPDATE gatepost.tenant_members SET until = 1").await;
        let left = people(&store, &Scope::System, None).await;
        assert_eq!(left.len(), 1, "what has ended counts no more: {left:?}");
        assert_eq!(ways(&left, "ann@example.com").len(), 1);
    }

    async fn pages_of_a_tenants_people_leave_out_nobody(store) {
        two_tenants(&store).await;
        for n in 0..5 {
            join(&store, "a", &format!("p{n}@example.com"), Role::Member).await;
        }
        let (a, mut place, mut seen) = (tenant("a"), None, Vec::new());
        loop {
            let page = store.directory.list_tenant_people(&Scope::System, (&a, None), place.as_ref(), 3).await.unwrap();
            seen.extend(page.items.iter().map(|person| person.user.id));
            let Some(next) = page.next else { break };
            place = Some(next);
        }
        assert_eq!(seen.len(), 7);
        assert!(seen.is_sorted());
    }

    async fn a_membership_of_several_sources_ends_with_the_last(store) {
        two_tenants(&store).await;
        let group = number(&store, "entra:g-1").await;
        store.directory.add_member(&name("entra:g-1"), &email("ann@example.com"), &actor()).await.unwrap();
        store.directory.add_member(&name("entra:g-1"), &email("eve@example.com"), &actor()).await.unwrap();
        store.sql("UPDATE gatepost.manual_memberships SET until = 4000000000").await;
        let all = people(&store, &Scope::System, None).await;
        assert_eq!(ways(&all, "ann@example.com")[0].until, None, "the provider's does not end");
        assert_eq!(ways(&all, "eve@example.com")[0].until, Some(Timestamp::from_unix(4_000_000_000)));
        let key = group.into();
        let members = store.directory.list_members(&Scope::System, (&key, None), None, 10).await.unwrap().items;
        assert!(members.iter().all(|member| member.version.is_some()), "{members:?}");
        store.sql("UPDATE gatepost.manual_memberships SET until = 1").await;
        let members = store.directory.list_members(&Scope::System, (&key, None), None, 10).await.unwrap().items;
        assert_eq!(members.len(), 1);
        assert_eq!(members[0].version, None, "only the provider says so");
    }

    async fn groups_are_listed_by_state_and_their_links_and_tenants_with_numbers(store) {
        two_tenants(&store).await;
        store.admitted(&person("ann", "ann@example.com", &["g-1", "g-3=Shown"])).await;
        store.directory.add_member(&name("Local"), &email("ann@example.com"), &actor()).await.unwrap();
        store.directory.add_member(&name("Empty"), &email("ann@example.com"), &actor()).await.unwrap();
        store.sql("DELETE FROM gatepost.manual_memberships WHERE group_id IN (SELECT id FROM gatepost.groups WHERE name = 'Empty')").await;
        store.sql("UPDATE gatepost.provider_groups SET source = 'manual' WHERE external_id = 'g-1'").await;
        let find = async |state, q: Option<&str>| {
            let filter = GroupFilter { state, q: q.map(str::to_owned), ..GroupFilter::default() };
            let page = store.directory.search_groups(&Scope::System, &filter, None, 10).await.unwrap();
            page.items.iter().map(|group| group.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(find(Some(GroupState::Linked), None).await, ["entra:g-1"]);
        assert_eq!(find(Some(GroupState::Unlinked), None).await, ["entra:g-2", "entra:g-3"]);
        assert_eq!(find(Some(GroupState::Empty), None).await, ["Empty"]);
        assert_eq!(find(Some(GroupState::Unlinked), Some("show")).await, ["entra:g-3"], "by the provider's name");
        assert!(find(None, Some("show")).await.is_empty());

        let id = number(&store, "entra:g-1").await;
        for (reader, sees) in [(Scope::System, true), (scope(&["a"]), false)] {
            let directory = &store.directory;
            assert_eq!(directory.list_links(&reader, id).await.unwrap().len(), usize::from(sees));
            assert_eq!(directory.list_group_tenants(&reader, id).await.unwrap().len(), usize::from(sees));
            assert_eq!(directory.list_tenant_groups(&reader, &tenant("a")).await.unwrap().len(), usize::from(sees));
        }
        let links = store.directory.list_links(&Scope::System, id).await.unwrap();
        assert_eq!((links[0].link.external.external_id.as_str(), links[0].people.number), ("g-1", 1));
        let tenants = store.directory.list_group_tenants(&Scope::System, id).await.unwrap();
        assert_eq!((tenants[0].tenant_id.as_str(), tenants[0].name.as_deref(), tenants[0].role), ("a", Some("Client"), Role::Member));
        let groups = store.directory.list_tenant_groups(&Scope::System, &tenant("a")).await.unwrap();
        assert_eq!((groups[0].id, groups[0].members.number), (id, 1));
    }

    async fn the_audit_says_by_which_way_a_change_came(store) {
        two_tenants(&store).await;
        store.sql("INSERT INTO user_group_membership VALUES ('waits@example.com', 'Team')").await;
        let rows = async |via| {
            let filter = AuditFilter { via, ..AuditFilter::default() };
            store.directory.list_audit(&Scope::System, &filter, 100).await.unwrap()
        };
        let all = rows(None).await;
        let mut counted = 0;
        for via in Via::ALL {
            let some = rows(Some(via)).await;
            assert!(some.iter().all(|row| row.via == via.as_str()), "{via:?}");
            counted += some.len();
        }
        assert_eq!(counted, all.len());
        assert!(!rows(Some(Via::View)).await.is_empty());
        assert!(all.iter().any(|row| row.tenant_id.as_deref() == Some("a")));
    }
}
