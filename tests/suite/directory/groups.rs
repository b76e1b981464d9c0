//! What a provider's group is called here, and what links do.

use super::administration::Administers;
use super::door::pass;
use super::{actor, admitted, at_provider, config, person};
use gatepost_config::GroupNames::{Link, Trust};
use gatepost_core::access::Role;
use gatepost_core::administration::{Scope, Version};
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::GroupName;
use gatepost_store::directory::changes::LinkGroup;
use gatepost_store::directory::{
    Conditions, DirectoryError, GroupFilter, GroupState, LinkSource, TenantFilter,
};

fn external(text: &str) -> ExternalGroup {
    text.parse().unwrap()
}

fn name(text: &str) -> GroupName {
    text.parse().unwrap()
}

both_stores! {
    async fn the_name_of_an_unlinked_group_has_its_provider_and_kind(store) {
        let user = store.admitted(&person("a", "a@example.com", &["g-1=Finance", "role:Finance"])).await;
        assert_eq!(store.groups(user).await, ["entra:g-1", "entra:role:Finance"]);
    }

    async fn a_taken_name_is_never_joined_by_an_unlinked_group(store) {
        store.sql("INSERT INTO user_group_membership VALUES ('b@example.com', 'Finance')").await;
        let user = store.admitted(&person("a", "a@example.com", &["Finance"])).await;
        assert_eq!(store.groups(user).await, ["entra:Finance"]);
        let other = admitted(&store.sign_in(&at_provider("corp", person("c", "c@example.com", &["Finance"])), Link).await);
        assert_eq!(store.groups(other).await, ["corp:Finance"]);
    }

    async fn a_group_never_stands_for_a_role(store) {
        let user = store.admitted(&person("a", "a@example.com", &["x"])).await;
        let mut posing = person("a", "a@example.com", &[]);
        posing.groups = gatepost_core::identity::AssertedGroups::Known(vec![gatepost_core::identity::AssertedGroup {
            kind: gatepost_core::identity::GroupKind::Group,
            external_id: "role:Admin".to_owned(),
            display_name: Some("role:Admin".to_owned()),
        }]);
        store.admitted(&posing).await;
        let named = store.groups(user).await;
        assert!(named.len() == 1 && named[0].starts_with("entra:sha256-"), "{named:?}");
        store.sign_in(&posing, Trust).await;
        let named = store.groups(user).await;
        assert!(named.iter().all(|name| !name.contains("role:Admin")), "{named:?}");
    }

    async fn an_id_that_is_no_name_is_still_a_group(store) {
        let long = "x".repeat(300);
        let user = store.admitted(&person("a", "a@example.com", &[&long, " padded "])).await;
        let groups = store.groups(user).await;
        assert_eq!(groups.len(), 2, "{groups:?}");
        assert!(groups[1].starts_with("entra:sha256-"), "{groups:?}");
    }

    async fn a_link_moves_members_and_tenants_from_the_id_to_the_name(store) {
        let user = store.admitted(&person("a", "a@example.com", &["g-1"])).await;
        store.sql("INSERT INTO user_group_membership VALUES ('b@example.com', 'entra:g-1')").await;
        store.sql("INSERT INTO group_tenant_mapping VALUES ('entra:g-1', 'github')").await;
        assert!(store.directory.link_group(&name("MCP-GitHub"), &external("entra:g-1"), &actor()).await.unwrap());
        assert!(!store.directory.link_group(&name("MCP-GitHub"), &external("entra:g-1"), &actor()).await.unwrap());
        assert_eq!(store.groups(user).await, ["MCP-GitHub"]);
        assert_eq!(store.memberships().await, ["a@example.com MCP-GitHub", "b@example.com MCP-GitHub"]);
        assert_eq!(store.texts("SELECT group_name FROM group_tenant_mapping").await, ["MCP-GitHub"]);
        assert_eq!(store.standing(user).await.access.tenants.ids().count(), 1);
        assert_eq!(store.texts("SELECT name FROM gatepost.groups").await, ["MCP-GitHub"], "the id is no group any more");
        assert_eq!(store.audited("group.link").await.len(), 1);
        store.admitted(&person("a", "a@example.com", &["g-1"])).await;
        assert_eq!(store.groups(user).await, ["MCP-GitHub"], "a sign-in keeps the link");
    }

    async fn a_link_joins_an_existing_group_and_the_higher_role_stays(store) {
        let user = store.admitted(&person("a", "a@example.com", &["g-1"])).await;
        let (tenant, one, two) = ("t".parse().unwrap(), name("entra:g-1"), name("Known"));
        store.directory.create_tenant(&tenant, None, &actor()).await.unwrap();
        store.sql("INSERT INTO user_group_membership VALUES ('b@example.com', 'Known')").await;
        store.directory.map_group(&one, &tenant, Role::Admin, &actor()).await.unwrap();
        store.directory.map_group(&two, &tenant, Role::Viewer, &actor()).await.unwrap();
        store.directory.link_group(&two, &external("entra:g-1"), &actor()).await.unwrap();
        assert_eq!(store.standing(user).await.access.tenants.find(&tenant), Some(Role::Admin));
        assert_eq!(store.memberships().await, ["a@example.com Known", "b@example.com Known"]);
    }

    async fn a_link_can_be_made_before_anybody_comes(store) {
        store.directory.link_group(&name("Early"), &external("entra:role:Boss"), &actor()).await.unwrap();
        let user = store.admitted(&person("a", "a@example.com", &["role:Boss"])).await;
        assert_eq!(store.groups(user).await, ["Early"]);
    }

    async fn an_unlinked_group_is_called_by_its_id_again(store) {
        let user = store.admitted(&person("a", "a@example.com", &["g-1"])).await;
        store.directory.link_group(&name("Known"), &external("entra:g-1"), &actor()).await.unwrap();
        store.sql("INSERT INTO user_group_membership VALUES ('b@example.com', 'Known')").await;
        store.directory.unlink_group(&external("entra:g-1"), Link, &actor()).await.unwrap();
        assert_eq!(store.groups(user).await, ["entra:g-1"]);
        assert_eq!(store.memberships().await, ["a@example.com entra:g-1", "b@example.com Known"]);
        let again = store.directory.unlink_group(&external("entra:g-1"), Link, &actor()).await;
        assert!(matches!(again, Err(DirectoryError::NotLinked(_))));
        assert_eq!(store.audited("group.unlink").await.len(), 1);
    }

    async fn members_by_an_earlier_name_leave_a_group_when_it_is_linked(store) {
        let squatter = store.admitted(&person("a", "a@example.com", &["Finance"])).await;
        let trusted = admitted(&store.sign_in(&at_provider("corp", person("c", "c@example.com", &["f=Sales"])), Trust).await);
        assert_eq!((store.groups(squatter).await, store.groups(trusted).await), (vec!["entra:Finance".to_owned()], vec!["Sales".to_owned()]));
        store.sql("UPDATE gatepost.groups SET name = 'Finance' WHERE name = 'entra:Finance'").await;
        store.directory.link_group(&name("Finance"), &external("entra:g-9"), &actor()).await.unwrap();
        store.directory.link_group(&name("Sales"), &external("entra:g-8"), &actor()).await.unwrap();
        assert_eq!(store.groups(squatter).await, ["entra:Finance"]);
        assert_eq!(store.groups(trusted).await, ["corp:Sales"]);
    }

    async fn a_trusted_name_joins_a_local_group_but_no_other_providers(store) {
        store.sql("INSERT INTO group_tenant_mapping VALUES ('Staff', 'github')").await;
        store.directory.link_group(&name("Linked"), &external("entra:g-1"), &actor()).await.unwrap();
        let user = admitted(&store.sign_in(&at_provider("corp", person("a", "a@example.com", &["1=Staff", "2=Linked", "3"])), Trust).await);
        assert_eq!(store.groups(user).await, ["3", "Staff", "corp:Linked"]);
        assert_eq!(store.standing(user).await.access.tenants.ids().count(), 1);
    }

    async fn a_null_name_never_overwrites_and_a_new_one_renames(store) {
        let signed = |groups: &'static [&'static str]| at_provider("corp", person("a", "a@example.com", groups));
        let user = admitted(&store.sign_in(&signed(&["1=Staff"]), Trust).await);
        store.sign_in(&signed(&["1"]), Trust).await;
        assert_eq!(store.groups(user).await, ["Staff"]);
        store.sign_in(&signed(&["1=Crew"]), Trust).await;
        assert_eq!(store.groups(user).await, ["Crew"]);
        assert_eq!(store.texts("SELECT name FROM gatepost.groups").await, ["Crew"]);
    }

    async fn two_trusted_groups_of_one_name_stay_two(store) {
        let user = admitted(&store.sign_in(&at_provider("corp", person("a", "a@example.com", &["1=Staff", "2=Staff", "3=Staff"])), Trust).await);
        assert_eq!(store.groups(user).await, ["Staff", "corp:3", "corp:Staff"]);
    }

    async fn groups_are_listed_with_links_members_and_tenants(store) {
        store.admitted(&person("a", "a@example.com", &["g-1=Display"])).await;
        store.directory.link_group(&name("Known"), &external("entra:g-1"), &actor()).await.unwrap();
        store.sql("INSERT INTO user_group_membership VALUES ('a@example.com', 'Known')").await;
        store.sql("INSERT INTO group_tenant_mapping VALUES ('Known', 'github')").await;
        let groups = store.directory.search_groups(&Scope::System, &GroupFilter::default(), None, 10).await.unwrap().items;
        assert_eq!(groups.len(), 1);
        assert_eq!((groups[0].name.as_str(), groups[0].members.number, groups[0].tenants.len()), ("Known", 1, 1));
        let link = &groups[0].links[0];
        assert_eq!((link.external.to_string().as_str(), link.display_name.as_deref(), link.source), ("entra:g-1", Some("Display"), LinkSource::Manual));
        assert!(store.directory.group_exists(&name("Known")).await.unwrap());
        assert!(!store.directory.group_exists(&name("entra:g-1")).await.unwrap());
    }

    async fn a_link_from_a_group_finds_what_has_been_linked_elsewhere_since(store) {
        store.admitted(&person("a", "a@example.com", &["g-1"])).await;
        let all = GroupFilter::default();
        let shown = store.directory.search_groups(&Scope::System, &all, None, 10).await.unwrap().items.remove(0);
        let link = |to: &str| LinkGroup::new(name(to).into(), external("entra:g-1"), &config(&[])).unwrap().from_group(shown.id);
        let if_version = |version| Conditions { if_version: Some(version), ..Conditions::default() };
        let late = pass(&store, link("Late"), if_version(Version::from_number(99)), &actor()).await;
        assert!(matches!(late, Err(DirectoryError::Overtaken(Some(version))) if version == shown.version), "{late:?}");
        let done = pass(&store, link("First"), if_version(shown.version), &actor()).await;
        assert_eq!(done.unwrap().outcome, name("First"));
        let late = store.directory.make(link("Late"), &actor()).await;
        assert!(matches!(late, Err(DirectoryError::NotLinked(_))), "{late:?}");
        assert!(!store.directory.group_exists(&name("Late")).await.unwrap());
    }

    async fn groups_with_a_name_of_their_own_are_listed_apart(store) {
        store.admitted(&person("a", "a@example.com", &["g-1", "g-2"])).await;
        store.directory.link_group(&name("Linked"), &external("entra:g-1"), &actor()).await.unwrap();
        store.sql("INSERT INTO user_group_membership VALUES ('a@example.com', 'Made')").await;
        for (state, names) in [(None, ["Linked", "Made", "entra:g-2"].as_slice()), (Some(GroupState::Named), &["Linked", "Made"])] {
            let filter = GroupFilter { state, ..GroupFilter::default() };
            let found = store.directory.search_groups(&Scope::System, &filter, None, 10).await.unwrap().items;
            assert_eq!(found.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), names, "{state:?}");
        }
    }

    async fn tenants_are_created_mapped_and_unmapped(store) {
        let (tenant, group) = ("github".parse().unwrap(), name("Known"));
        assert!(!store.directory.tenant_exists(&tenant).await.unwrap());
        assert!(matches!(store.directory.map_group(&group, &tenant, Role::Member, &actor()).await, Err(DirectoryError::UnknownGroup(_))));
        store.sql("INSERT INTO user_group_membership VALUES ('a@example.com', 'Known')").await;
        assert!(matches!(store.directory.map_group(&group, &tenant, Role::Member, &actor()).await, Err(DirectoryError::UnknownTenant(_))));
        assert!(store.directory.create_tenant(&tenant, Some("GitHub"), &actor()).await.unwrap());
        assert!(!store.directory.create_tenant(&tenant, None, &actor()).await.unwrap());
        store.directory.map_group(&group, &tenant, Role::Member, &actor()).await.unwrap();
        store.directory.map_group(&group, &tenant, Role::Viewer, &actor()).await.unwrap();
        let tenants = store.directory.search_tenants(&Scope::System, &TenantFilter::default(), None, 10).await.unwrap().items;
        assert_eq!((tenants[0].name.as_deref(), tenants[0].groups.get(&group)), (Some("GitHub"), Some(&Role::Viewer)));
        store.directory.unmap_group(&group, &tenant, &actor()).await.unwrap();
        assert!(matches!(store.directory.unmap_group(&group, &tenant, &actor()).await, Err(DirectoryError::NotMapped(..))));
        assert!(store.directory.tenant_exists(&tenant).await.unwrap());
        assert_eq!(store.audited("tenant.map").await.len(), 2);
    }

    async fn the_highest_role_of_several_groups_counts(store) {
        let user = store.admitted(&person("a", "a@example.com", &["g-1", "g-2", "g-3"])).await;
        let tenant = "t".parse().unwrap();
        store.directory.create_tenant(&tenant, None, &actor()).await.unwrap();
        for (group, role) in [("entra:g-1", Role::Viewer), ("entra:g-2", Role::Admin), ("entra:g-3", Role::Member)] {
            store.directory.map_group(&name(group), &tenant, role, &actor()).await.unwrap();
        }
        assert_eq!(store.standing(user).await.access.tenants.find(&tenant), Some(Role::Admin));
    }
}
