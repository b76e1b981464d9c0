//! What the configuration says, brought into the database at start.

use super::administration::Administers;
use super::{actor, admitted, at_provider, config, person};
use gatepost_config::GroupNames::{Link, Trust};
use gatepost_store::directory::{DirectoryError, Who};

const LINKED: &[(&str, &str)] = &[("GATEPOST_GROUPS", "Known=entra:g-1, Boss=entra:role:Boss")];

both_stores! {
    async fn links_of_the_configuration_come_and_go_with_it(store) {
        let user = store.admitted(&person("a", "a@example.com", &["g-1", "role:Boss"])).await;
        store.configure(LINKED).await;
        assert_eq!(store.groups(user).await, ["Boss", "Known"]);
        store.configure(&[("GATEPOST_GROUPS", "Other=entra:g-1")]).await;
        assert_eq!(store.groups(user).await, ["Other", "entra:role:Boss"]);
        store.configure(&[]).await;
        assert_eq!(store.groups(user).await, ["entra:g-1", "entra:role:Boss"]);
        assert!(store.audited("group.link").await.iter().all(|entry| entry.actor == Who::Configuration));
    }

    async fn the_same_configuration_again_changes_nothing(store) {
        store.configure(LINKED).await;
        let before = store.audit().await.len();
        store.configure(LINKED).await;
        assert_eq!(store.audit().await.len(), before);
        assert!(before > 0);
    }

    async fn replicas_may_start_together(store) {
        let tasks: Vec<_> = (0..6).map(|_| {
            let directory = store.directory.clone();
            tokio::spawn(async move { directory.sync_configuration(&config(LINKED)).await })
        }).collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(store.audited("group.link").await.len(), 2);
    }

    async fn nobody_else_changes_a_link_of_the_configuration(store) {
        store.configure(LINKED).await;
        let external = "entra:g-1".parse().unwrap();
        let linked = store.directory.link_group(&"Mine".parse().unwrap(), &external, &actor()).await.unwrap_err();
        assert!(matches!(linked, DirectoryError::LinkedByConfiguration(_)));
        assert!(linked.to_string().contains("GATEPOST_GROUPS"), "{linked}");
        let unlinked = store.directory.unlink_group(&external, Link, &actor()).await;
        assert!(matches!(unlinked, Err(DirectoryError::LinkedByConfiguration(_))));
    }

    async fn the_configuration_takes_over_a_manual_link(store) {
        let user = store.admitted(&person("a", "a@example.com", &["g-1"])).await;
        store.directory.link_group(&"Mine".parse().unwrap(), &"entra:g-1".parse().unwrap(), &actor()).await.unwrap();
        store.configure(LINKED).await;
        assert_eq!(store.groups(user).await, ["Known"]);
    }

    async fn a_name_can_move_from_one_group_to_another(store) {
        let one = store.admitted(&person("a", "a@example.com", &["g-1"])).await;
        let two = store.admitted(&person("b", "b@example.com", &["g-2"])).await;
        store.configure(&[("GATEPOST_GROUPS", "Known=entra:g-1")]).await;
        store.configure(&[("GATEPOST_GROUPS", "Known=entra:g-2")]).await;
        assert_eq!((store.groups(one).await, store.groups(two).await), (vec!["entra:g-1".to_owned()], vec!["Known".to_owned()]));
    }

    async fn a_changed_mode_renames_at_once(store) {
        let user = admitted(&store.sign_in(&at_provider("corp", person("a", "a@example.com", &["1=Staff"])), Trust).await);
        store.configure(&[("GATEPOST_PROVIDERS__CORP__GROUP_NAMES", "link")]).await;
        assert_eq!(store.groups(user).await, ["corp:1"]);
        store.configure(&[("GATEPOST_PROVIDERS__CORP__GROUP_NAMES", "trust")]).await;
        assert_eq!(store.groups(user).await, ["Staff"]);
        store.sign_in(&at_provider("corp", person("a", "a@example.com", &["1=Staff"])), Link).await;
        assert_eq!(store.groups(user).await, ["corp:1"], "or at the next sign-in");
    }
}
