//! What becomes of a person's address when their provider changes it: `GATEPOST_ADDRESS_CHANGES`, and an administrator's word.

use super::access::program_with;
use super::administration::Administers;
use super::{Opened, SOON, actor, admitted, at_provider, email, follow, now, person};
use gatepost_config::GroupNames::Link;
use gatepost_config::{AddressChanges, AssertableDomains, IdentityPolicy};
use gatepost_core::administration::Scope;
use gatepost_core::email::EmailAddress;
use gatepost_core::identity::{AddressRule, AssertedIdentity, RefusedAddress};
use gatepost_core::ids::UserId;
use gatepost_kit::process::until;
use gatepost_runtime::authn::{NotActing, load_absent};
use gatepost_store::directory::{
    AddressChange, AddressNews, DirectoryError, FormerHolder, SignInOutcome, UserKey,
};

const OLD: &str = "alice@example.com";
const NEW: &str = "alice@married.example";

fn address(text: &str) -> EmailAddress {
    text.parse().unwrap()
}

/// Addresses are kept, whatever their domain.
fn keep() -> IdentityPolicy {
    IdentityPolicy { address_changes: AddressChanges::Keep, ..follow(Link) }
}

fn keep_within(domains: &[&str]) -> IdentityPolicy {
    let domains = AssertableDomains::Only(domains.iter().map(ToString::to_string).collect());
    IdentityPolicy { domains, ..keep() }
}

fn news(outcome: &SignInOutcome) -> AddressNews {
    match outcome {
        SignInOutcome::Admitted { address, .. } => address.clone(),
        refusal => panic!("{refusal:?}"),
    }
}

fn changed(from: &str, to: &str) -> AddressChange {
    AddressChange::Changed { from: Some(address(from)), to: address(to) }
}

fn kept(kept: &str, asserted: &str) -> AddressChange {
    AddressChange::Kept { email: address(kept), asserted: address(asserted) }
}

fn foreign(address: &str) -> AssertedIdentity {
    let refused = RefusedAddress { address: address.parse().ok(), rule: AddressRule::AllowedDomain };
    AssertedIdentity { refused: Some(refused), ..person("alice", "", &[]) }
}

impl Opened {
    /// What applications get.
    async fn address_of(&self, user: UserId) -> Option<String> {
        self.standing(user).await.person.email.map(|email| email.to_string())
    }

    async fn refreshed(
        &self,
        user: UserId,
        identity: &AssertedIdentity,
        policy: &IdentityPolicy,
    ) -> SignInOutcome {
        self.directory.refresh(user, identity, policy, now(), &actor()).await.unwrap().unwrap()
    }

    /// Whom an address means, asked again while the hot read misses its deadline.
    async fn holder(&self, email: &str) -> Option<UserId> {
        until("the holder", SOON, async || self.directory.find_holder(&address(email)).await.ok()).await
    }

    /// What the provider asserted last, as `user show` has it.
    async fn asserted(&self, user: UserId) -> Vec<Option<String>> {
        let record = self.directory.find_user(&Scope::System, &UserKey::Id(user)).await.unwrap().unwrap();
        record.identities.iter().map(|one| one.email.as_ref().map(ToString::to_string)).collect()
    }
}

both_stores! {
    async fn a_changed_address_is_followed_and_reported_at_a_sign_in_and_at_a_refresh(store) {
        let user = store.admitted(&person("alice", OLD, &[])).await;
        let outcome = store.sign_in_by(&person("alice", NEW, &[]), &follow(Link)).await;
        assert_eq!(news(&outcome), AddressNews { change: Some(changed(OLD, NEW)), former_holder: None });
        let again = store.sign_in_by(&person("alice", NEW, &[]), &follow(Link)).await;
        assert_eq!(news(&again), AddressNews::default(), "once");
        let outcome = store.refreshed(user, &person("alice", "alice@third.example", &[]), &follow(Link)).await;
        assert_eq!(news(&outcome).change, Some(changed(NEW, "alice@third.example")));
        assert_eq!(store.address_of(user).await.as_deref(), Some("alice@third.example"));
        let audited = store.audited("user.change_address").await;
        assert_eq!(audited.len(), 2);
        assert_eq!(audited[1].before.as_deref(), Some(r#"{"email":"alice@example.com"}"#));
    }

    async fn a_kept_address_stays_at_a_sign_in_and_at_a_refresh_and_is_reported_once(store) {
        let user = store.admitted(&person("alice", OLD, &[])).await;
        let outcome = store.sign_in_by(&person("alice", NEW, &["g-1"]), &keep()).await;
        assert_eq!((admitted(&outcome), news(&outcome).change), (user, Some(kept(OLD, NEW))));
        assert_eq!(news(&store.refreshed(user, &person("alice", NEW, &["g-2"]), &keep()).await), AddressNews::default());
        assert_eq!(store.address_of(user).await.as_deref(), Some(OLD));
        assert_eq!(store.groups(user).await, ["entra:g-2"], "the rest of the provider's word counts");
        assert_eq!(store.asserted(user).await, [Some(NEW.to_owned())]);
        let outcome = store.refreshed(user, &person("alice", "alice@third.example", &[]), &keep()).await;
        assert_eq!(news(&outcome).change, Some(kept(OLD, "alice@third.example")));
        assert_eq!(store.audited("user.keep_address").await.len(), 2);
        assert!(store.audited("user.change_address").await.is_empty());
        let outcome = store.refreshed(user, &person("alice", "alice@third.example", &[]), &follow(Link)).await;
        assert_eq!(news(&outcome).change, Some(changed(OLD, "alice@third.example")), "the setting counts at once");
    }

    async fn the_holder_of_an_address_has_signed_in_and_is_known_to_applications_by_it(store) {
        let user = store.admitted(&person("alice", OLD, &[])).await;
        store.sign_in_by(&person("alice", NEW, &[]), &keep()).await;
        assert_eq!(store.holder(OLD).await, Some(user));
        assert_eq!(store.holder(NEW).await, None, "only the provider asserts this one");
        store.directory.disable_user(&email("new@example.com"), &actor()).await.unwrap();
        assert_eq!(store.holder("new@example.com").await, None, "nobody has signed in to this account");
        store.directory.disable_user(&email(OLD), &actor()).await.unwrap();
        assert_eq!(store.holder(OLD).await, Some(user), "also a disabled person holds an address");
        store.sign_in_by(&person("bob", "bob@example.com", &[]), &follow(Link)).await;
        store.sign_in_by(&person("bob", "bob@married.example", &[]), &follow(Link)).await;
        assert_eq!(store.holder("bob@example.com").await, None, "bob has another one now");
    }

    async fn nobody_is_acted_for_by_an_address_that_they_held_when_the_look_up_began(store) {
        let program = program_with(&store, &[]).await;
        let user = store.admitted(&person("alice", OLD, &[])).await;
        let load = async |email| {
            until("the person", SOON, async || {
                load_absent(&program.site, &program.stores, user, &address(email), false).await.ok()
            })
            .await
            .map(|found| found.standing.person.email)
        };
        assert_eq!(load(OLD).await, Ok(Some(address(OLD))));
        store.sign_in_by(&person("alice", NEW, &[]), &follow(Link)).await;
        assert_eq!(load(OLD).await, Err(NotActing::Unknown));
        assert_eq!(load(NEW).await, Ok(Some(address(NEW))));
    }

    async fn who_comes_with_an_address_that_somebody_keeps_or_got_is_refused(store) {
        let alice = store.admitted(&person("alice", OLD, &[])).await;
        store.sign_in_by(&person("alice", NEW, &[]), &keep()).await;
        let bob = store.admitted(&person("bob", "bob@example.com", &[])).await;
        for (text, policy) in [(OLD, keep()), (NEW, keep()), ("ALICE@Example.COM", keep()), ("Alice@MARRIED.example", follow(Link))] {
            let newcomer = person("newcomer", text, &[]);
            assert_eq!(store.sign_in_by(&newcomer, &policy).await, SignInOutcome::AddressHeld(address(text)), "{text}");
            let other = store.sign_in_by(&person("bob", text, &[]), &follow(Link)).await;
            assert_eq!(other, SignInOutcome::AddressHeld(address(text)), "{text}");
        }
        // Who keeps an own address does not need the other one: only it may not be theirs.
        admitted(&store.refreshed(bob, &person("bob", OLD, &[]), &keep()).await);
        assert_eq!(store.address_of(bob).await.as_deref(), Some("bob@example.com"));
        assert_eq!(store.address_of(alice).await.as_deref(), Some(OLD));
        assert_eq!(store.audited("user.refuse").await.len(), 8);
    }

    async fn a_person_who_gets_another_persons_former_address_is_reported_and_audited(store) {
        let alice = store.admitted(&person("alice", OLD, &[])).await;
        store.admitted(&person("alice", NEW, &[])).await;
        let outcome = store.sign_in_by(&person("newcomer", "Alice@example.com", &[]), &follow(Link)).await;
        let newcomer = admitted(&outcome);
        let Some(FormerHolder { email: taken, user, until }) = news(&outcome).former_holder else { panic!("{outcome:?}") };
        assert_eq!((taken, user), (address(OLD), alice));
        assert!(until.unix().abs_diff(now().unix()) < 60);
        let audited = store.audited("user.take_address").await;
        assert_eq!((audited.len(), audited[0].target.clone()), (1, format!("user:{newcomer}")));
        assert!(audited[0].before.as_deref().unwrap().contains(&alice.to_string()), "{audited:?}");
        assert_eq!(news(&store.sign_in_by(&person("newcomer", OLD, &[]), &follow(Link)).await), AddressNews::default(), "once");

        // Also by a change of the address, after a release, and back to whoever had it first; never one's own former one.
        store.admitted(&person("newcomer", "n@example.com", &[])).await;
        let outcome = store.sign_in_by(&person("alice", OLD, &[]), &follow(Link)).await;
        assert_eq!(news(&outcome).former_holder.map(|former| former.user), Some(newcomer));
        store.directory.release_address(&email(OLD), &actor()).await.unwrap();
        assert_eq!(news(&store.sign_in_by(&person("alice", OLD, &[]), &follow(Link)).await).former_holder, None, "their own");
        store.directory.release_address(&email(OLD), &actor()).await.unwrap();
        let outcome = store.sign_in_by(&person("third", OLD, &[]), &follow(Link)).await;
        assert_eq!(news(&outcome).former_holder.map(|former| former.user), Some(alice));
        assert_eq!(store.audited("user.take_address").await.len(), 3);
    }

    async fn a_placeholder_is_no_former_holder_of_its_address(store) {
        store.sql("INSERT INTO user_group_membership VALUES ('alice@example.com', 'Early')").await;
        store.directory.release_address(&email(OLD), &actor()).await.unwrap();
        let outcome = store.sign_in_by(&person("alice", OLD, &[]), &follow(Link)).await;
        assert_eq!(news(&outcome), AddressNews::default());
    }

    async fn a_kept_address_counts_only_while_its_domain_does_and_the_asserted_one_must_count_too(store) {
        let user = store.admitted(&person("alice", OLD, &[])).await;
        let both = keep_within(&["example.com", "married.example"]);
        admitted(&store.sign_in_by(&person("alice", NEW, &[]), &both).await);
        let only_new = keep_within(&["married.example"]);
        let refused = SignInOutcome::KeptAddressRefused(address(OLD));
        assert_eq!(store.sign_in_by(&person("alice", NEW, &["g-1"]), &only_new).await, refused);
        assert_eq!(store.refreshed(user, &person("alice", NEW, &["g-1"]), &only_new).await, refused);
        let silent = person("alice", "", &["g-1"]);
        assert_eq!(store.sign_in_by(&silent, &only_new).await, refused, "a provider that gives none vouches for none");
        assert!(store.groups(user).await.is_empty(), "nothing was taken over");
        assert_eq!(store.address_of(user).await.as_deref(), Some(OLD), "nobody else gets it by that");
        assert_eq!(store.audited("user.refuse").await.len(), 3);

        for policy in [&keep(), &both] {
            let outcome = store.sign_in_by(&foreign("alice@elsewhere.example"), policy).await;
            assert_eq!(outcome, SignInOutcome::NoAddress, "the kept address does not stand for the one that does not count");
            assert_eq!(store.refreshed(user, &foreign("alice@elsewhere.example"), policy).await, SignInOutcome::NoAddress);
        }
        admitted(&store.sign_in_by(&silent, &both).await);
    }

    async fn two_identities_of_a_person_with_two_addresses_have_the_kept_one(store) {
        let user = store.admitted(&person("alice", OLD, &[])).await;
        let second = at_provider("corp", person("a-2", NEW, &[]));
        let issuer = &second.subject.issuer;
        store.sql(&format!("INSERT INTO gatepost.identities (issuer, subject, provider, user_id, created_at) VALUES ('{issuer}', 'a-2', 'corp', '{user}', 1)")).await;
        for _ in 0..2 {
            for identity in [&second, &person("alice", OLD, &[])] {
                assert_eq!(admitted(&store.sign_in_by(identity, &keep()).await), user);
                assert_eq!(store.address_of(user).await.as_deref(), Some(OLD));
            }
        }
        assert_eq!(store.audited("user.keep_address").await.len(), 1, "told once, not at each sign-in of either");
        let refused = store.sign_in_by(&person("newcomer", NEW, &[]), &keep()).await;
        assert_eq!(refused, SignInOutcome::AddressHeld(address(NEW)), "both are one person's");
    }

    async fn settings_of_either_address_apply_to_the_person(store) {
        let user = store.admitted(&person("alice", OLD, &[])).await;
        store.sql("INSERT INTO user_group_membership VALUES ('alice@married.example', 'Early')").await;
        store.sign_in_by(&person("alice", NEW, &[]), &keep()).await;
        assert_eq!(store.groups(user).await, ["Early"]);
        assert_eq!(store.memberships().await, ["alice@example.com Early"], "the views know people by what applications get");
        assert_eq!(store.people().await.len(), 1);
        for key in [email(NEW), email("ALICE@example.com")] {
            assert_eq!(store.directory.find_user(&Scope::System, &key).await.unwrap().map(|user| user.summary.id), Some(user));
        }
        assert!(store.directory.disable_user(&email(NEW), &actor()).await.unwrap());
        assert!(store.standing(user).await.is_disabled);
    }

    async fn a_disabled_placeholder_disables_the_person_with_its_asserted_address(store) {
        let user = store.admitted(&person("alice", OLD, &[])).await;
        store.directory.disable_user(&email(NEW), &actor()).await.unwrap();
        assert_eq!(store.sign_in_by(&person("alice", NEW, &[]), &keep()).await, SignInOutcome::Disabled);
        assert!(store.standing(user).await.is_disabled);
    }

    async fn an_administrator_changes_a_kept_address_and_never_to_somebody_elses(store) {
        let alice = store.admitted(&person("alice", OLD, &["g-1"])).await;
        store.admitted(&person("bob", "bob@example.com", &[])).await;
        store.sign_in_by(&person("bob", "bob@new.example", &[]), &keep()).await;
        store.sign_in_by(&person("alice", NEW, &["g-1"]), &keep()).await;
        for held in ["bob@example.com", "BOB@example.com", "bob@new.example"] {
            let refused = store.directory.change_address(&email(OLD), &address(held), &actor()).await;
            assert!(matches!(&refused, Err(DirectoryError::AddressHeld(email)) if *email == address(held)), "{held}: {refused:?}");
        }
        assert_eq!(store.address_of(alice).await.as_deref(), Some(OLD));
        assert!(store.audited("user.change_address").await.is_empty(), "what is refused leaves nothing");

        let done = store.directory.change_address(&email(OLD), &address("Alice@MARRIED.example"), &actor()).await.unwrap();
        assert_eq!(done, AddressNews { change: Some(changed(OLD, NEW)), former_holder: None });
        assert_eq!(store.address_of(alice).await.as_deref(), Some(NEW));
        assert_eq!(store.groups(alice).await, ["entra:g-1"]);
        let audited = store.audited("user.change_address").await;
        assert_eq!((&audited[0].actor, audited[0].after.as_deref()), (&actor().who, Some(r#"{"email":"alice@married.example"}"#)));
        assert_eq!(store.directory.change_address(&email(NEW), &address(NEW), &actor()).await.unwrap(), AddressNews::default());
        let newcomer = store.sign_in_by(&person("newcomer", OLD, &[]), &keep()).await;
        assert_eq!(news(&newcomer).former_holder.map(|former| former.user), Some(alice));
        let nobody = store.directory.change_address(&email("nobody@example.com"), &address("x@example.com"), &actor()).await;
        assert!(matches!(nobody, Err(DirectoryError::UnknownUser(_))));
    }

    async fn a_placeholder_joins_the_person_who_gets_its_address_from_an_administrator(store) {
        let user = store.admitted(&person("alice", OLD, &[])).await;
        store.sql("INSERT INTO user_group_membership VALUES ('alice@married.example', 'Early')").await;
        store.directory.change_address(&UserKey::Id(user), &address(NEW), &actor()).await.unwrap();
        assert_eq!(store.groups(user).await, ["Early"]);
        assert_eq!(store.people().await.len(), 1);
    }

    async fn a_release_frees_what_the_provider_asserts_too(store) {
        let alice = store.admitted(&person("alice", OLD, &[])).await;
        store.sign_in_by(&person("alice", NEW, &[]), &keep()).await;
        let released = store.directory.release_address(&email(NEW), &actor()).await.unwrap();
        assert_eq!(released, Some(address(NEW)));
        assert_eq!(store.address_of(alice).await.as_deref(), Some(OLD), "the other one stays");
        let outcome = store.sign_in_by(&person("newcomer", NEW, &[]), &keep()).await;
        assert_eq!(news(&outcome).former_holder, None, "applications never knew alice by it");
        // Of two who are asserted one address, only who has it gets it.
        admitted(&store.sign_in_by(&person("alice", NEW, &[]), &keep()).await);
        assert_eq!(store.address_of(alice).await.as_deref(), Some(OLD));
    }

    async fn many_newcomers_at_once_get_no_address_that_an_administrator_gives(store) {
        let alice = store.admitted(&person("alice", OLD, &[])).await;
        let mut tasks = Vec::new();
        for n in 0..6 {
            let (directory, newcomer) = (store.directory.clone(), person(&format!("n-{n}"), NEW, &[]));
            tasks.push(tokio::spawn(async move {
                directory.sign_in(&newcomer, &keep(), &super::context(now()), &actor()).await.is_ok_and(|outcome| matches!(outcome, SignInOutcome::Admitted { .. }))
            }));
        }
        let given = store.directory.change_address(&UserKey::Id(alice), &address(NEW), &actor()).await.is_ok();
        let mut holders = usize::from(given);
        for task in tasks {
            holders += usize::from(task.await.unwrap());
        }
        assert_eq!(holders, 1);
    }

    async fn who_had_an_address_before_the_upgrade_is_known_from_the_audit(store) {
        let alice = store.admitted(&person("alice", OLD, &[])).await;
        store.admitted(&person("alice", NEW, &[])).await;
        store.sql("DROP TABLE gatepost.former_addresses").await;
        store.sql("DROP INDEX gatepost.identities_email_idx").await;
        store.sql("ALTER TABLE gatepost.identities DROP COLUMN email").await;
        let table = if store.is_postgres() { "gatepost.migrations" } else { "migrations" };
        store.sql(&format!("DELETE FROM {table} WHERE version = 20261128083000")).await;
        store.directory.migrate().await.unwrap();
        assert_eq!(store.asserted(alice).await, [None]);
        let outcome = store.sign_in_by(&person("newcomer", OLD, &[]), &follow(Link)).await;
        assert_eq!(news(&outcome).former_holder.map(|former| former.user), Some(alice));
        assert_eq!(news(&store.refreshed(alice, &person("alice", NEW, &[]), &keep()).await), AddressNews::default());
        assert_eq!(store.asserted(alice).await, [Some(NEW.to_owned())]);
    }
}
