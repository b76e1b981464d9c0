//! A name that an operator writes never stands for a group that somebody made at a provider: whoever came first, whatever
//! the group is called there, and whatever an older Gatepost left behind.

use super::administration::Administers;
use super::{Opened, actor, admitted, at_provider, email, person};
use gatepost_config::GroupNames::{LinkQualified, Trust};
use gatepost_core::access::Role;
use gatepost_core::identity::AssertedIdentity;
use gatepost_core::ids::{GroupName, UserId};
use gatepost_core::secret::Hash;

const GUID: &str = "5d2f0c1e-8d3a-4a56-9f0e-0a1b2c3d4e5f";

fn name(text: &str) -> GroupName {
    text.parse().unwrap()
}

/// Somebody of the provider `b`, whose people make their own groups.
fn of_b(groups: &[&str]) -> AssertedIdentity {
    at_provider("b", person("mallory", "mallory@example.org", groups))
}

/// Somebody of the provider `corp`, where only administrators name groups.
fn of_corp(groups: &[&str]) -> AssertedIdentity {
    at_provider("corp", person("carol", "carol@example.com", groups))
}

async fn signed_in(
    store: &Opened,
    identity: &AssertedIdentity,
    names: gatepost_config::GroupNames,
) -> UserId {
    admitted(&store.sign_in(identity, names).await)
}

/// What an older Gatepost left: the unlinked group bears its bare id.
async fn call_as_before(store: &Opened, from: &str, to: &str) {
    store.sql(&format!("UPDATE gatepost.groups SET name = '{to}' WHERE name = '{from}'")).await;
}

both_stores! {
    async fn a_free_name_does_not_go_to_an_unlinked_group(store) {
        let squatter = signed_in(&store, &of_b(&["Finance"]), LinkQualified).await;
        let employee = store.admitted(&person("eve", "eve@example.com", &["Finance"])).await;
        let real = signed_in(&store, &of_corp(&["Finance"]), Trust).await;
        assert_eq!(store.groups(squatter).await, ["b:Finance"]);
        assert_eq!(store.groups(employee).await, ["entra:Finance"]);
        assert_eq!(store.groups(real).await, ["Finance"], "it lost no name to them");
    }

    async fn an_id_that_its_author_could_choose_is_not_a_name_though_it_looks_like_a_guid(store) {
        let squatter = signed_in(&store, &of_b(&[GUID]), LinkQualified).await;
        let real = store.admitted(&person("a", "a@example.com", &[GUID])).await;
        assert_eq!(store.groups(squatter).await, [format!("b:{GUID}")]);
        assert_eq!(store.groups(real).await, [GUID]);
    }

    async fn a_row_takes_its_name_from_an_unlinked_group(store) {
        let (second, third) = (GUID.replace("5d", "6d"), GUID.replace("5d", "7d"));
        let user = store.admitted(&person("a", "a@example.com", &[GUID, &second, &third])).await;
        store.sql(&format!("INSERT INTO user_group_membership VALUES ('b@example.com', '{GUID}')")).await;
        store.sql(&format!("INSERT INTO group_tenant_mapping VALUES ('{second}', 'github')")).await;
        store.directory.add_member(&name(&third), &email("b@example.com"), &actor()).await.unwrap();
        let qualified = [GUID, &second, &third].map(|id| format!("entra:{id}"));
        for _ in 0..2 {
            assert_eq!(store.groups(user).await, qualified);
            assert_eq!(store.standing(user).await.access.tenants.ids().count(), 0, "the row was about another group");
            store.admitted(&person("a", "a@example.com", &[GUID, &second, &third])).await;
        }
        let renamed = store.audited("group.rename").await;
        assert_eq!(renamed.len(), 3);
        assert!(renamed.iter().any(|entry| entry.target == format!("provider_group:entra:{GUID}")), "{renamed:?}");
        let link = format!("entra:{GUID}").parse().unwrap();
        store.directory.link_group(&name(GUID), &link, &actor()).await.unwrap();
        assert_eq!(store.groups(user).await[0], GUID, "a link brings both together");
    }

    async fn settings_of_a_group_by_its_own_name_stay_with_it(store) {
        let tenant = "github".parse().unwrap();
        store.sql("INSERT INTO group_tenant_mapping VALUES ('entra:g-1', 'early')").await;
        let user = store.admitted(&person("a", "a@example.com", &[GUID, "g-1"])).await;
        assert_eq!(store.groups(user).await, [GUID, "entra:g-1"]);
        store.directory.create_tenant(&tenant, None, &actor()).await.unwrap();
        store.directory.map_group(&name(GUID), &tenant, Role::Member, &actor()).await.unwrap();
        store.sql(&format!("INSERT INTO user_group_membership VALUES ('b@example.com', '{GUID}')")).await;
        assert_eq!(store.groups(user).await, [GUID, "entra:g-1"]);
        assert_eq!(store.standing(user).await.access.tenants.ids().count(), 2);
    }

    async fn what_an_older_gatepost_named_is_put_right_at_the_next_sign_in(store) {
        let squatter = signed_in(&store, &of_b(&["Finance"]), LinkQualified).await;
        let real = signed_in(&store, &of_corp(&["Finance"]), Trust).await;
        call_as_before(&store, "Finance", "corp:Finance").await;
        call_as_before(&store, "b:Finance", "Finance").await;
        store.sql("INSERT INTO gatepost.manual_memberships (user_id, group_id, source) SELECT u.id, g.id, 'manual' FROM gatepost.users u, gatepost.groups g \
                   WHERE u.email = 'carol@example.com' AND g.name = 'Finance'").await;
        assert_eq!(store.groups(squatter).await, ["Finance"]);
        signed_in(&store, &of_b(&["Finance"]), LinkQualified).await;
        assert_eq!(store.groups(squatter).await, ["b:Finance"]);
        assert_eq!(store.groups(real).await, ["Finance", "corp:Finance"], "the row stays with the name that it was written for");
        signed_in(&store, &of_corp(&["Finance"]), Trust).await;
        assert_eq!(store.groups(real).await, ["Finance"]);
    }

    async fn what_an_older_gatepost_named_is_put_right_at_start(store) {
        let squatter = signed_in(&store, &of_b(&["Finance", "role:Admin"]), LinkQualified).await;
        let real = signed_in(&store, &of_corp(&["Finance"]), Trust).await;
        let entra = store.admitted(&person("a", "a@example.com", &[GUID])).await;
        call_as_before(&store, "Finance", "corp:Finance").await;
        call_as_before(&store, "b:Finance", "Finance").await;
        call_as_before(&store, "b:role:Admin", "role:Admin").await;
        store.configure(&[]).await;
        assert_eq!(store.groups(squatter).await, ["b:Finance", "b:role:Admin"]);
        assert_eq!(store.groups(real).await, ["Finance"]);
        assert_eq!(store.groups(entra).await, [GUID]);
        let before = store.audit().await.len();
        store.configure(&[]).await;
        assert_eq!(store.audit().await.len(), before, "once");
    }

    async fn more_than_one_batch_is_put_right_at_start(store) {
        let ids: Vec<String> = (0..250).map(|n| format!("g-{n:03}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let squatter = signed_in(&store, &of_b(&ids), LinkQualified).await;
        store.sql("UPDATE gatepost.groups SET name = substr(name, 3)").await;
        store.configure(&[]).await;
        let groups = store.groups(squatter).await;
        assert!(groups.len() == 250 && groups.iter().all(|name| name.starts_with("b:g-")), "{groups:?}");
    }

    async fn a_configured_link_takes_back_a_name_that_an_older_version_gave_away(store) {
        let squatter = signed_in(&store, &of_b(&["Finance", "Sales", "Ops", "Staff"]), LinkQualified).await;
        for taken in ["Finance", "Sales", "Ops", "Staff"] {
            call_as_before(&store, &format!("b:{taken}"), taken).await;
        }
        store.sql("INSERT INTO user_group_membership VALUES ('b@example.com', 'Finance')").await;
        store.sql("INSERT INTO group_tenant_mapping VALUES ('Sales', 'sales')").await;
        store.directory.add_member(&name("Ops"), &email("b@example.com"), &actor()).await.unwrap();
        store.directory.link_group(&name("Crew"), &"b:Staff".parse().unwrap(), &actor()).await.unwrap();
        assert_eq!(store.groups(squatter).await, ["Crew", "b:Finance", "b:Ops", "b:Sales"]);
        assert_eq!(store.standing(squatter).await.access.tenants.ids().count(), 0);
    }

    async fn what_stands_under_a_name_that_a_group_should_not_have_had_does_not_go_with_its_link(store) {
        let squatter = signed_in(&store, &of_b(&["Finance"]), LinkQualified).await;
        call_as_before(&store, "b:Finance", "Finance").await;
        store.sql("INSERT INTO gatepost.tenants (id, created_at) VALUES ('books', 0)").await;
        store.sql("INSERT INTO gatepost.group_tenants (group_id, tenant_id) SELECT id, 'books' FROM gatepost.groups WHERE name = 'Finance'").await;
        store.directory.link_group(&name("Partners"), &"b:Finance".parse().unwrap(), &actor()).await.unwrap();
        assert_eq!(store.groups(squatter).await, ["Partners"]);
        assert_eq!(store.standing(squatter).await.access.tenants.ids().count(), 0);
        assert_eq!(store.texts("SELECT group_name FROM group_tenant_mapping").await, ["Finance"]);
    }

    async fn no_id_takes_the_name_of_a_role_of_a_digest_or_of_an_admin_group(store) {
        let long = "x".repeat(300);
        let digest = format!("sha256-{}", Hash::of(&[b"group", long.as_bytes()]));
        let poser = signed_in(&store, &of_b(&[&digest]), LinkQualified).await;
        let real = signed_in(&store, &at_provider("b", person("r", "r@example.org", &[&long, "role:Admin"])), LinkQualified).await;
        assert_eq!(store.groups(real).await, ["b:role:Admin".to_owned(), format!("b:{digest}")]);
        assert!(!store.groups(poser).await.contains(&format!("b:{digest}")));
        store.configure(&[("GATEPOST_ADMIN_GROUPS", "b:Bosses")]).await;
        let boss = signed_in(&store, &at_provider("b", person("s", "s@example.org", &["Bosses"])), LinkQualified).await;
        assert!(!store.groups(boss).await.contains(&"b:Bosses".to_owned()));
        assert!(!store.standing(boss).await.access.is_admin);
    }
}
