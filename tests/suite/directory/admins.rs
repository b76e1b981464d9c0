//! Who is an admin, and why.

use super::administration::Administers;
use super::{actor, admitted, at_provider, email, person};
use gatepost_config::GroupNames::{Link, Trust};
use gatepost_core::administration::Scope;

both_stores! {
    async fn a_self_made_group_of_the_admin_groups_name_makes_no_admin(store) {
        let early = store.admitted(&person("early", "early@example.com", &["Bosses"])).await;
        store.configure(&[("GATEPOST_ADMIN_GROUPS", "Bosses")]).await;
        let late = store.admitted(&person("late", "late@example.com", &["Bosses"])).await;
        for user in [early, late] {
            assert!(!store.standing(user).await.access.is_admin);
            assert_eq!(store.groups(user).await, ["entra:Bosses"], "nor does an application read the name");
        }
    }

    async fn a_linked_group_makes_admins_until_it_is_unlinked(store) {
        store.configure(&[]).await;
        let user = store.admitted(&person("a", "a@example.com", &["g-1"])).await;
        assert!(!store.standing(user).await.access.is_admin);
        let link = ("MCP-Admin".parse().unwrap(), "entra:g-1".parse().unwrap());
        store.directory.link_group(&link.0, &link.1, &actor()).await.unwrap();
        assert!(store.standing(user).await.access.is_admin);
        assert_eq!(store.texts("SELECT user_email FROM user_admin_status WHERE is_admin").await, ["a@example.com"]);
        store.directory.unlink_group(&link.1, Link, &actor()).await.unwrap();
        assert!(!store.standing(user).await.access.is_admin);
    }

    async fn a_manual_or_trusted_membership_makes_an_admin(store) {
        store.configure(&[]).await;
        let trusted = admitted(&store.sign_in(&at_provider("corp", person("a", "a@example.com", &["MCP-Admin"])), Trust).await);
        let manual = store.admitted(&person("b", "b@example.com", &[])).await;
        store.sql("INSERT INTO user_group_membership VALUES ('b@example.com', 'MCP-Admin')").await;
        assert!(store.standing(trusted).await.access.is_admin);
        assert!(store.standing(manual).await.access.is_admin);
    }

    async fn a_configured_role_makes_an_admin_and_a_group_of_that_id_does_not(store) {
        store.configure(&[("GATEPOST_ADMIN_ROLES", "entra:Gatepost.Admin")]).await;
        let role = store.admitted(&person("a", "a@example.com", &["role:Gatepost.Admin"])).await;
        let group = store.admitted(&person("b", "b@example.com", &["Gatepost.Admin"])).await;
        let other = at_provider("corp", person("c", "c@example.com", &["role:Gatepost.Admin"]));
        let other = admitted(&store.sign_in(&other, Link).await);
        assert!(store.standing(role).await.access.is_admin);
        assert!(!store.standing(group).await.access.is_admin);
        assert!(!store.standing(other).await.access.is_admin);
        store.configure(&[]).await;
        assert!(!store.standing(role).await.access.is_admin, "the configuration took it back");
    }

    async fn a_grant_makes_an_admin_and_a_veto_beats_every_group(store) {
        store.configure(&[]).await;
        let key = email("a@example.com");
        assert!(store.directory.grant_admin(&key, &actor()).await.unwrap());
        assert!(!store.directory.grant_admin(&key, &actor()).await.unwrap());
        let user = store.admitted(&person("a", "a@example.com", &[])).await;
        store.sql("INSERT INTO user_group_membership VALUES ('a@example.com', 'MCP-Admin')").await;
        assert!(store.standing(user).await.access.is_admin);
        store.directory.revoke_admin(&key, &actor()).await.unwrap();
        assert!(!store.standing(user).await.access.is_admin);
        let admins = store.directory.list_admins(&Scope::System, None, 10).await.unwrap().items;
        assert_eq!(admins.len(), 1);
        assert_eq!((admins[0].id, admins[0].standing.is_admin, admins[0].standing.explicit), (user, false, Some(false)));
        assert_eq!(admins[0].standing.reasons, ["group MCP-Admin"]);
        assert!(store.directory.reset_admin(&key, &actor()).await.unwrap());
        assert!(store.standing(user).await.access.is_admin);
        for (action, count) in [("admin.grant", 1), ("admin.revoke", 1), ("admin.reset", 1)] {
            assert_eq!(store.audited(action).await.len(), count, "{action}");
        }
    }
}
