//! Memberships by an administrator's word mean what rows of the view `user_group_membership` mean.

use super::administration::Administers;
use super::{Opened, actor, email, person};
use gatepost_core::administration::Scope;
use gatepost_core::ids::{GroupName, UserId};
use gatepost_store::directory::{AuditRecord, DirectoryError, MemberRecord, UserKey};
use serde_json::Value;

fn name(text: &str) -> GroupName {
    text.parse().unwrap()
}

async fn members(store: &Opened, group: &str) -> Vec<String> {
    let members = store
        .directory
        .list_members(&Scope::System, (&name(group).into(), None), None, 100)
        .await
        .unwrap()
        .items;
    let text = |member: MemberRecord| {
        let sources: Vec<String> = member.sources.into_iter().collect();
        format!("{} {}", member.email.unwrap(), sources.join("+"))
    };
    members.into_iter().map(text).collect()
}

/// What the audit says, without who and when.
fn said(entries: Vec<AuditRecord>) -> Vec<(String, Option<Value>, Option<Value>)> {
    let json = |text: Option<String>| text.map(|text| serde_json::from_str(&text).unwrap());
    entries.into_iter().map(|entry| (entry.action, json(entry.before), json(entry.after))).collect()
}

both_stores! {
    async fn a_membership_by_command_and_one_by_row_have_the_same_result(store) {
        let other = if store.is_postgres() { Opened::postgres().await } else { Opened::sqlite().await };
        let key = email("a@example.com");
        assert!(store.directory.add_member(&name("Known"), &key, &actor()).await.unwrap());
        assert_eq!(store.directory.remove_member(&name("Known"), &key, &actor()).await.unwrap(), ["manual"]);
        other.sql("INSERT INTO user_group_membership VALUES ('a@example.com', 'Known')").await;
        other.sql("DELETE FROM user_group_membership WHERE user_email = 'a@example.com'").await;
        assert_eq!(said(store.audit().await), said(other.audit().await));
        assert_eq!(store.audited("membership.create").await[0].actor, actor().who);
        for table in ["users", "groups"] {
            let count = format!("SELECT CAST(count(*) AS text) FROM gatepost.{table}");
            assert_eq!((store.texts(&count).await, other.texts(&count).await), (vec!["1".to_owned()], vec!["1".to_owned()]));
        }
    }

    async fn a_membership_outlives_sign_ins_and_is_stored_once(store) {
        let user = store.admitted(&person("a", "a@example.com", &["g-1"])).await;
        let key = UserKey::Id(user);
        assert!(store.directory.add_member(&name("entra:g-1"), &key, &actor()).await.unwrap());
        assert!(!store.directory.add_member(&name("entra:g-1"), &email("A@example.com"), &actor()).await.unwrap());
        assert_eq!(store.audited("membership.create").await.len(), 1);
        assert_eq!(members(&store, "entra:g-1").await, ["a@example.com entra+manual"]);
        store.admitted(&person("a", "a@example.com", &[])).await;
        assert_eq!(store.groups(user).await, ["entra:g-1"], "the provider takes back its own word alone");
    }

    async fn an_address_that_nobody_has_waits_for_its_first_holder(store) {
        store.directory.add_member(&name("Early"), &email("a@example.com"), &actor()).await.unwrap();
        let user = store.admitted(&person("a", "a@example.com", &[])).await;
        assert_eq!(store.groups(user).await, ["Early"]);
        store.admitted(&person("a", "new@example.com", &[])).await;
        assert_eq!(members(&store, "Early").await, ["new@example.com manual"], "it follows the person");
    }

    async fn a_removed_member_is_out_whatever_asserted_it(store) {
        let user = store.admitted(&person("a", "a@example.com", &["g-1", "g-2"])).await;
        store.directory.add_member(&name("entra:g-1"), &UserKey::Id(user), &actor()).await.unwrap();
        store.sql("INSERT INTO gatepost.manual_memberships (user_id, group_id, source) SELECT u.id, g.id, 'scim' FROM gatepost.users u, gatepost.groups g WHERE g.name = 'entra:g-1'").await;
        let sources = store.directory.remove_member(&name("entra:g-1"), &UserKey::Id(user), &actor()).await.unwrap();
        assert_eq!(sources, ["entra", "manual", "scim"]);
        assert_eq!(store.groups(user).await, ["entra:g-2"]);
        assert_eq!(store.audited("membership.delete").await.len(), 3);
        store.admitted(&person("a", "a@example.com", &["g-1", "g-2"])).await;
        assert_eq!(store.groups(user).await, ["entra:g-1", "entra:g-2"], "the provider says it again");
        assert_eq!(members(&store, "entra:g-1").await, ["a@example.com entra"]);
    }

    async fn what_is_not_there_is_named_and_nothing_is_made(store) {
        let user = store.admitted(&person("a", "a@example.com", &["g-1"])).await;
        store.admitted(&person("b", "b@example.com", &["g-2"])).await;
        let audit = store.audit().await.len();
        let remove = async |group: &str, key: UserKey| store.directory.remove_member(&name(group), &key, &actor()).await;
        assert!(matches!(remove("entra:g-2", UserKey::Id(user)).await, Err(DirectoryError::NotMember(..))));
        assert!(matches!(remove("entra:g-3", UserKey::Id(user)).await, Err(DirectoryError::UnknownGroup(_))));
        assert!(matches!(remove("entra:g-1", email("c@example.com")).await, Err(DirectoryError::UnknownUser(_))));
        let nobody = UserKey::Id(UserId::generate());
        let added = store.directory.add_member(&name("New"), &nobody, &actor()).await;
        assert!(matches!(added, Err(DirectoryError::UnknownUser(_))));
        assert!(matches!(store.directory.list_members(&Scope::System, (&name("New").into(), None), None, 10).await, Err(DirectoryError::UnknownGroup(_))));
        assert_eq!(store.audit().await.len(), audit);
    }

    async fn members_are_listed_in_pages(store) {
        for n in 0..5 {
            store.admitted(&person(&format!("p-{n}"), &format!("p{n}@example.com"), &["g-1"])).await;
        }
        let first = store.directory.list_members(&Scope::System, (&name("entra:g-1").into(), None), None, 3).await.unwrap();
        let rest = store.directory.list_members(&Scope::System, (&name("entra:g-1").into(), None), first.next.as_ref(), 3).await.unwrap().items;
        let first = first.items;
        assert_eq!((first.len(), rest.len()), (3, 2));
        assert!(first.iter().all(|one| rest.iter().all(|other| one.id != other.id)));
    }

    async fn two_who_put_the_same_person_in_at_once_do_not_hinder_each_other(store) {
        let key = email("a@example.com");
        let (one, other, who) = (name("One"), name("Other"), actor());
        let added = futures_util::future::join_all([&one, &one, &other, &other].map(|group| store.directory.add_member(group, &key, &who))).await;
        assert!(added.iter().all(Result::is_ok), "{added:?}");
        assert_eq!(store.memberships().await, ["a@example.com One", "a@example.com Other"]);
        assert_eq!(store.audited("user.create").await.len(), 1);
    }
}
