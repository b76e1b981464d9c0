//! People, as administrators see them.

use super::administration::Administers;
use super::{actor, email, person};
use gatepost_core::administration::Scope;
use gatepost_core::ids::UserId;
use gatepost_store::directory::{DirectoryError, UserFilter, UserKey};

both_stores! {
    async fn a_user_is_found_by_address_and_by_id_with_everything(store) {
        store.configure(&[("GATEPOST_ADMIN_ROLES", "entra:Boss")]).await;
        let id = store.admitted(&person("a", "a@example.com", &["g-1", "role:Boss"])).await;
        store.sql("INSERT INTO user_group_membership VALUES ('a@example.com', 'entra:g-1'), ('a@example.com', 'Manual')").await;
        store.sql("INSERT INTO group_tenant_mapping VALUES ('entra:g-1', 'github')").await;
        for key in [email("A@example.com"), UserKey::Id(id), id.to_string().parse().unwrap()] {
            let user = store.directory.find_user(&Scope::System, &key).await.unwrap().unwrap();
            assert_eq!(user.summary.id, id);
            assert_eq!(user.summary.email.as_ref().map(gatepost_core::email::EmailAddress::as_str), Some("a@example.com"));
            assert!(user.summary.last_sign_in_at.is_some() && user.summary.disabled_at.is_none());
            assert_eq!(user.identities[0].key.subject, "a");
            let groups: Vec<String> = user.groups.iter().map(|(name, sources)| format!("{name}: {}", sources.join(" "))).collect();
            assert_eq!(groups, ["Manual: manual", "entra:g-1: entra manual", "entra:role:Boss: entra"]);
            assert_eq!(user.tenants.len(), 1);
            assert!(user.admin.as_ref().is_some_and(|admin| admin.is_admin && admin.explicit.is_none()));
            assert_eq!(user.admin.unwrap().reasons, ["role entra:Boss"]);
        }
        assert!(store.directory.find_user(&Scope::System, &email("b@example.com")).await.unwrap().is_none());
    }

    async fn users_are_listed_in_pages(store) {
        for n in 0..5 {
            store.admitted(&person(&format!("p-{n}"), &format!("p{n}@example.com"), &[])).await;
        }
        let everybody = UserFilter::default();
        let first = store.directory.search_users(&Scope::System, &everybody, None, 3).await.unwrap();
        let rest = store.directory.search_users(&Scope::System, &everybody, first.next.as_ref(), 3).await.unwrap().items;
        let first = first.items;
        assert_eq!((first.len(), rest.len()), (3, 2));
        assert!(first.iter().all(|one| rest.iter().all(|other| one.id != other.id)));
    }

    async fn an_unknown_id_is_an_error_and_an_unknown_address_only_where_nothing_is_made(store) {
        let nobody = UserKey::Id(UserId::generate());
        assert!(matches!(store.directory.disable_user(&nobody, &actor()).await, Err(DirectoryError::UnknownUser(_))));
        assert!(matches!(store.directory.grant_admin(&nobody, &actor()).await, Err(DirectoryError::UnknownUser(_))));
        let address = email("nobody@example.com");
        assert!(matches!(store.directory.enable_user(&address, &actor()).await, Err(DirectoryError::UnknownUser(_))));
        assert!(matches!(store.directory.release_address(&address, &actor()).await, Err(DirectoryError::UnknownUser(_))));
        assert!(store.people().await.is_empty(), "a refusal leaves nothing behind");
    }
}
