//! A provider's word about a person.

use super::administration::Administers;
use super::{actor, admitted, at_provider, context, email, follow, known, now, person};
use gatepost_config::GroupNames;
use gatepost_config::GroupNames::Link;
use gatepost_core::administration::Scope;
use gatepost_core::identity::{AddressRule, AssertedGroups, RefusedAddress};
use gatepost_core::ids::UserId;
use gatepost_core::secret::Secret;
use gatepost_store::directory::{SignInContext, SignInOutcome};
use std::time::Duration;

both_stores! {
    async fn the_audit_of_a_sign_in_names_the_session_that_goes_on_and_never_somebody_elses(store) {
        let alice = person("a", "a@example.com", &[]);
        let user = store.admitted(&alice).await;
        let (own, foreign) = (Secret::generate().digest(), Secret::generate().digest());
        for (current_session, expected) in [(Some((user, own)), Some(own)), (Some((UserId::generate(), foreign)), None)] {
            let context = SignInContext { current_session, ..context(now()) };
            admitted(&store.directory.sign_in(&alice, &follow(Link), &context, &actor()).await.unwrap());
            let audited = store.audited("user.sign_in").await;
            let after = audited.first().and_then(|entry| entry.after.clone()).unwrap();
            assert!(after.contains(&expected.unwrap_or(context.new_session).to_string()), "{after}");
        }
    }

    async fn a_first_sign_in_makes_a_user_with_the_providers_groups(store) {
        let user = store.admitted(&person("alice", "alice@example.com", &["g-1", "g-2"])).await;
        let standing = store.standing(user).await;
        assert_eq!(standing.person.email.map(|email| email.to_string()), Some("alice@example.com".to_owned()));
        assert_eq!(standing.person.name.as_deref(), Some("alice"));
        assert_eq!(store.groups(user).await, ["entra:g-1", "entra:g-2"]);
        assert!(!standing.is_disabled && !standing.is_session_ended && !standing.access.is_admin);
        assert_eq!(store.audited("user.create").await.len(), 1);
        let signed_in = store.audited("user.sign_in").await;
        assert_eq!((&signed_in[0].actor, signed_in[0].address.as_deref()), (&actor().who, Some("192.0.2.7")));
    }

    async fn a_second_sign_in_replaces_the_providers_groups_and_no_others(store) {
        let first = store.admitted(&person("alice", "alice@example.com", &["g-1", "g-2"])).await;
        store.sql("INSERT INTO user_group_membership VALUES ('alice@example.com', 'Manual')").await;
        let second = store.admitted(&person("alice", "alice@example.com", &["g-2", "g-3"])).await;
        assert_eq!(first, second);
        assert_eq!(store.groups(first).await, ["Manual", "entra:g-2", "entra:g-3"]);
    }

    async fn a_thousand_groups_are_taken(store) {
        let ids: Vec<String> = (0..1000).map(|n| format!("g-{n:04}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let user = store.admitted(&person("alice", "alice@example.com", &ids)).await;
        let named: Vec<String> = ids.iter().map(|id| format!("entra:{id}")).collect();
        assert_eq!(store.groups(user).await, named);
    }

    async fn a_placeholder_waits_for_the_first_signer_with_its_address(store) {
        store.sql("INSERT INTO user_group_membership VALUES ('Alice@Example.com', 'Early')").await;
        store.sql("INSERT INTO user_admin_status VALUES ('alice@example.com', true)").await;
        let waiting = store.directory.find_user(&Scope::System, &email("alice@example.com")).await.unwrap().unwrap();
        assert!(waiting.identities.is_empty());
        let user = store.admitted(&person("alice", "alice@example.com", &[])).await;
        assert_eq!(user, waiting.summary.id);
        assert_eq!(store.groups(user).await, ["Early"]);
        assert!(store.standing(user).await.access.is_admin);
        let other = store.sign_in(&person("mallory", "alice@example.com", &[]), GroupNames::Link).await;
        assert_eq!(other, SignInOutcome::AddressHeld("alice@example.com".parse().unwrap()));
    }

    async fn a_placeholder_joins_the_user_whose_address_becomes_its(store) {
        let user = store.admitted(&person("alice", "alice@example.com", &["g-1"])).await;
        store.sql("INSERT INTO user_group_membership VALUES ('alice@new.example', 'Early')").await;
        store.directory.grant_admin(&email("alice@new.example"), &actor()).await.unwrap();
        assert_eq!(store.admitted(&person("alice", "alice@new.example", &["g-1"])).await, user);
        assert_eq!(store.groups(user).await, ["Early", "entra:g-1"]);
        assert!(store.standing(user).await.access.is_admin);
        assert_eq!(store.people().await.len(), 1);
        assert_eq!(store.audited("user.merge").await.len(), 1);
    }

    async fn of_two_settings_for_one_person_the_stricter_stays(store) {
        let user = store.admitted(&person("alice", "alice@example.com", &[])).await;
        store.directory.grant_admin(&email("alice@example.com"), &actor()).await.unwrap();
        store.directory.revoke_admin(&email("alice@new.example"), &actor()).await.unwrap();
        store.admitted(&person("alice", "alice@new.example", &[])).await;
        assert!(!store.standing(user).await.access.is_admin);
    }

    async fn who_was_disabled_before_the_first_sign_in_stays_disabled(store) {
        store.directory.disable_user(&email("bob@example.com"), &actor()).await.unwrap();
        let refused = store.sign_in(&person("bob", "bob@example.com", &[]), GroupNames::Link).await;
        assert_eq!(refused, SignInOutcome::Disabled);
        let renamed = store.sign_in(&person("bob", "bob2@example.com", &[]), GroupNames::Link).await;
        assert_eq!(renamed, SignInOutcome::Disabled, "another address helps nobody");
        assert_eq!(store.audited("user.refuse").await.len(), 2);
        store.directory.enable_user(&email("bob@example.com"), &actor()).await.unwrap();
        store.admitted(&person("bob", "bob@example.com", &[])).await;
    }

    async fn a_disabled_placeholder_disables_the_person_that_it_joins(store) {
        let user = store.admitted(&person("bob", "bob@example.com", &[])).await;
        let before = now();
        store.directory.disable_user(&email("bob@new.example"), &actor()).await.unwrap();
        let refused = store.sign_in(&person("bob", "bob@new.example", &[]), GroupNames::Link).await;
        assert_eq!(refused, SignInOutcome::Disabled);
        let standing = store.standing(user).await;
        assert!(standing.is_disabled && standing.sessions_not_before > Some(before));
    }

    async fn an_address_is_one_persons_until_it_is_released(store) {
        let alice = store.admitted(&person("alice", "alice@example.com", &[])).await;
        let bob = store.admitted(&person("bob", "bob@example.com", &[])).await;
        let held = SignInOutcome::AddressHeld("alice@example.com".parse().unwrap());
        assert_eq!(store.sign_in(&person("carol", "alice@example.com", &[]), GroupNames::Link).await, held);
        assert_eq!(store.sign_in(&person("bob", "alice@example.com", &[]), GroupNames::Link).await, held);
        assert_eq!(store.standing(bob).await.person.email.map(|email| email.to_string()), Some("bob@example.com".to_owned()));
        let refused = store.audited("user.refuse").await;
        assert_eq!(refused.len(), 2);
        assert_eq!(refused[0].target, "address:alice@example.com");
        let released = store.directory.release_address(&email("alice@example.com"), &actor()).await.unwrap();
        assert_eq!(released.map(|email| email.to_string()), Some("alice@example.com".to_owned()));
        let carol = store.admitted(&person("carol", "alice@example.com", &[])).await;
        assert_ne!(carol, alice);
        assert_eq!(store.standing(alice).await.person.email, None);
        assert_eq!(store.sign_in(&person("alice", "", &[]), GroupNames::Link).await, SignInOutcome::NoAddress);
    }

    async fn an_address_that_the_provider_may_not_assert_is_not_kept(store) {
        let refused = |address: &str, rule| {
            let mut person = person("alice", "", &["g-1"]);
            person.refused = Some(RefusedAddress { address: address.parse().ok(), rule });
            person
        };
        let user = store.admitted(&person("alice", "alice@example.com", &[])).await;
        let foreign = refused("alice@example.com", AddressRule::HostedDomain);
        assert_eq!(store.sign_in(&foreign, GroupNames::Link).await, SignInOutcome::NoAddress);
        let outcome = store.directory.refresh(user, &foreign, &follow(GroupNames::Link), now(), &actor()).await.unwrap();
        assert_eq!(outcome, Some(SignInOutcome::NoAddress));
        assert!(store.groups(user).await.is_empty(), "nothing was taken over");
        store.admitted(&refused("other@example.com", AddressRule::AllowedDomain)).await;
        store.admitted(&refused("", AddressRule::Verified)).await;
    }

    async fn who_has_no_address_is_refused_and_who_had_one_keeps_it(store) {
        assert_eq!(store.sign_in(&person("alice", "", &[]), GroupNames::Link).await, SignInOutcome::NoAddress);
        assert!(store.audited("user.create").await.is_empty());
        let user = store.admitted(&person("alice", "alice@example.com", &[])).await;
        assert_eq!(store.admitted(&person("alice", "", &[])).await, user);
        assert_eq!(store.memberships().await, Vec::<String>::new());
        assert_eq!(store.standing(user).await.person.email.map(|email| email.to_string()), Some("alice@example.com".to_owned()));
    }

    async fn the_address_follows_the_provider(store) {
        let user = store.admitted(&person("alice", "alice@example.com", &[])).await;
        assert_eq!(store.admitted(&person("alice", "alice@married.example", &[])).await, user);
        assert_eq!(store.standing(user).await.person.email.map(|email| email.to_string()), Some("alice@married.example".to_owned()));
        let other = store.admitted(&person("other", "alice@example.com", &[])).await;
        assert_ne!(other, user, "the former address is free");
    }

    async fn unknown_groups_keep_the_last_list_for_a_day(store) {
        let mut alice = person("alice", "alice@example.com", &["g-1"]);
        alice.groups = AssertedGroups::Unknown;
        assert_eq!(store.sign_in(&alice, GroupNames::Link).await, SignInOutcome::GroupsUnknown);
        assert!(store.people().await.is_empty(), "nothing was made");
        let user = store.admitted(&person("alice", "alice@example.com", &["g-1"])).await;
        let at = |hours| context(now().plus(Duration::from_hours(hours)));
        let outcome = store.directory.sign_in(&alice, &follow(GroupNames::Link), &at(23), &actor()).await.unwrap();
        assert!(matches!(outcome, SignInOutcome::Admitted { groups_are_stale: true, lost_all_groups: false, .. }));
        assert_eq!(store.groups(user).await, ["entra:g-1"]);
        let outcome = store.directory.sign_in(&alice, &follow(GroupNames::Link), &at(25), &actor()).await.unwrap();
        assert_eq!(outcome, SignInOutcome::GroupsUnknown);
        let later = now().plus(Duration::from_hours(25));
        let outcome = store.directory.refresh(user, &alice, &follow(GroupNames::Link), later, &actor()).await.unwrap();
        assert_eq!(outcome, Some(SignInOutcome::GroupsUnknown));
    }

    async fn groups_that_are_not_read_change_nothing(store) {
        let mut alice = person("alice", "alice@example.com", &["g-1"]);
        let user = store.admitted(&alice).await;
        alice.groups = AssertedGroups::NotRead;
        assert_eq!(store.admitted(&alice).await, user);
        assert_eq!(store.groups(user).await, ["entra:g-1"]);
        alice = person("bob", "bob@example.com", &[]);
        alice.groups = AssertedGroups::NotRead;
        store.admitted(&alice).await;
    }

    async fn the_loss_of_all_groups_is_reported_and_audited(store) {
        let lost = |outcome: &SignInOutcome| matches!(outcome, SignInOutcome::Admitted { lost_all_groups: true, .. });
        let none = person("alice", "alice@example.com", &[]);
        assert!(!lost(&store.sign_in(&none, GroupNames::Link).await), "there were none");
        store.admitted(&person("alice", "alice@example.com", &["g-1", "g-2"])).await;
        assert!(!lost(&store.sign_in(&person("alice", "alice@example.com", &["g-2"]), GroupNames::Link).await));
        assert!(lost(&store.sign_in(&none, GroupNames::Link).await));
        assert!(!lost(&store.sign_in(&none, GroupNames::Link).await), "once");
        assert_eq!(store.audited("user.lose_all_groups").await.len(), 1);
    }

    async fn a_refresh_reads_groups_again_and_only_for_its_own_person(store) {
        let alice = person("alice", "alice@example.com", &["g-1"]);
        let user = store.admitted(&alice).await;
        let changed = person("alice", "alice@example.com", &["g-2"]);
        let outcome = store.directory.refresh(user, &changed, &follow(GroupNames::Link), now(), &actor()).await.unwrap();
        assert_eq!(outcome.as_ref().map(admitted), Some(user));
        assert_eq!(store.groups(user).await, ["entra:g-2"]);
        assert_eq!(store.audited("user.sign_in").await.len(), 1, "a refresh is no sign-in");
        let bob = store.admitted(&person("bob", "bob@example.com", &[])).await;
        let swapped = store.directory.refresh(bob, &changed, &follow(GroupNames::Link), now(), &actor()).await.unwrap();
        assert_eq!(swapped, None);
        store.directory.disable_user(&email("alice@example.com"), &actor()).await.unwrap();
        let outcome = store.directory.refresh(user, &changed, &follow(GroupNames::Link), now(), &actor()).await.unwrap();
        assert_eq!(outcome, Some(SignInOutcome::Disabled));
    }

    async fn an_identity_that_moves_to_another_provider_id_keeps_nothing_of_the_former(store) {
        let mut alice = person("alice", "alice@example.com", &["g-1"]);
        let user = store.admitted(&alice).await;
        alice.provider = "renamed".parse().unwrap();
        alice.groups = known(&["g-9"]);
        assert_eq!(store.admitted(&alice).await, user);
        assert_eq!(store.groups(user).await, ["renamed:g-9"]);
    }

    async fn the_same_subject_of_another_issuer_is_somebody_else(store) {
        let alice = store.admitted(&person("42", "alice@example.com", &[])).await;
        let other = store.admitted(&at_provider("corp", person("42", "other@example.com", &[]))).await;
        assert_ne!(alice, other);
    }

    async fn many_first_sign_ins_at_once_make_one_user(store) {
        let alice = person("alice", "alice@example.com", &["g-1", "g-2", "g-3"]);
        let tasks: Vec<_> = (0..8).map(|_| {
            let (directory, alice) = (store.directory.clone(), alice.clone());
            tokio::spawn(async move { directory.sign_in(&alice, &follow(GroupNames::Link), &context(now()), &actor()).await })
        }).collect();
        let mut users = std::collections::BTreeSet::new();
        for task in tasks {
            users.insert(admitted(&task.await.unwrap().unwrap()));
        }
        assert_eq!(users.len(), 1);
        assert_eq!(store.texts("SELECT name FROM gatepost.groups ORDER BY 1").await, ["entra:g-1", "entra:g-2", "entra:g-3"]);
    }

    async fn many_strangers_at_once_with_one_address_are_one_user_and_refusals(store) {
        let tasks: Vec<_> = (0..8).map(|n| {
            let (directory, identity) = (store.directory.clone(), person(&format!("s-{n}"), "one@example.com", &["g-1"]));
            tokio::spawn(async move { directory.sign_in(&identity, &follow(GroupNames::Link), &context(now()), &actor()).await })
        }).collect();
        let mut admitted = 0;
        for task in tasks {
            match task.await.unwrap().unwrap() {
                SignInOutcome::Admitted { .. } => admitted += 1,
                outcome => assert!(matches!(outcome, SignInOutcome::AddressHeld(_))),
            }
        }
        assert_eq!(admitted, 1);
    }

    async fn what_no_store_could_keep_is_left_out(store) {
        let mut alice = person("alice", "alice@example.com", &["g-1", "bad\u{0}id", ""]);
        alice.name = Some("Al\u{0}ice\n".to_owned());
        let user = store.admitted(&alice).await;
        assert_eq!(store.groups(user).await, ["entra:g-1"]);
        assert_eq!(store.standing(user).await.person.name.as_deref(), Some("Alice"));
    }
}
