//! Proposals of tenants: who makes them, who decides them, and what becomes of them.

use super::administration::Administers;
use super::{Opened, actor, now, person};
use gatepost_core::access::Role;
use gatepost_core::administration::{Denied, Scope, Version};
use gatepost_core::api_key::KeyId;
use gatepost_core::ids::{ProposalId, TenantId, UserId};
use gatepost_core::tenant_proposal::ProposalState;
use gatepost_store::directory::changes::{
    AddTenantMember, ApproveProposal, CreateTenant, DeleteTenant, EraseUser, ProposeTenant, RefuseProposal,
};
use gatepost_store::directory::{
    Actor, Applicable, Conditions, DirectoryError, Done, MAX_OPEN_PROPOSALS, PROPOSALS_TTL, ProposalFilter,
    TenantProposal, UserKey, Via, Who,
};
use std::time::Duration;

fn by(user: UserId) -> Actor {
    Actor { who: Who::Person(user), key: None, address: None, request_id: None, via: Via::Portal }
}

fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "these tests are about the door itself")]
async fn make<C: Applicable>(
    store: &Opened,
    change: C,
    actor: &Actor,
) -> Result<Done<C::Outcome>, DirectoryError> {
    store.directory.carry_out(&change, Conditions::default(), actor).await
}

fn plan(user: UserId, id: &str) -> ProposeTenant {
    let reason = Some("for the audit".parse().unwrap());
    ProposeTenant {
        user,
        tenant: tenant(id),
        name: "ACME Corporation".parse().unwrap(),
        reason,
        is_tried: false,
    }
}

async fn propose(store: &Opened, user: UserId, id: &str) -> Result<ProposalId, DirectoryError> {
    make(store, plan(user, id), &by(user)).await.map(|done| done.outcome)
}

/// Somebody who has signed in.
async fn somebody(store: &Opened, name: &str) -> UserId {
    store.admitted(&person(name, &format!("{name}@example.com"), &[])).await
}

/// An administrator of the system.
async fn root(store: &Opened) -> UserId {
    let root = somebody(store, "root").await;
    store.directory.grant_admin(&UserKey::Id(root), &actor()).await.unwrap();
    root
}

async fn create(store: &Opened, id: &str) {
    make(store, CreateTenant { id: tenant(id), name: None }, &actor()).await.unwrap();
}

async fn own(store: &Opened, user: UserId) -> Vec<TenantProposal> {
    store.directory.list_proposals_of(user, 100).await.unwrap()
}

async fn tenants(store: &Opened) -> Vec<String> {
    store.texts("SELECT id FROM gatepost.tenants ORDER BY id").await
}

/// As many open proposals as this, each of somebody else.
async fn crowd(store: &Opened, count: i64) {
    let expires_at = now().plus(Duration::from_hours(1)).unix();
    for number in 0..count {
        store.sql(&format!("INSERT INTO gatepost.users (id, created_at) VALUES ('00000000-0000-7000-8000-{number:012}', 1)")).await;
        store
            .sql(&format!(
                "INSERT INTO gatepost.tenant_proposals (id, user_id, tenant_id, name, created_at, expires_at) VALUES \
                 ('00000000-0000-7000-9000-{number:012}', '00000000-0000-7000-8000-{number:012}', 'crowd-{number}', 'x', 1, {expires_at})"
            ))
            .await;
    }
}

both_stores! {
    async fn a_person_proposes_one_tenant_of_an_id_that_nobody_has(store) {
        let (alice, bob) = (somebody(&store, "alice").await, somebody(&store, "bob").await);
        for id in ["there", "deleted"] {
            create(&store, id).await;
        }
        make(&store, DeleteTenant { id: tenant("deleted") }, &actor()).await.unwrap();
        let id = propose(&store, alice, "acme").await.unwrap();
        let again = propose(&store, alice, "other").await;
        assert!(matches!(again, Err(DirectoryError::ProposalOpen)), "{again:?}");
        let mut said = Vec::new();
        for taken in ["there", "deleted", "acme"] {
            let error = propose(&store, bob, taken).await.unwrap_err();
            assert!(matches!(error, DirectoryError::TenantIdTaken(_)), "{error:?}");
            said.push(error.to_string().replace(taken, "ID"));
        }
        said.dedup();
        assert_eq!(said.len(), 1, "nobody learns why: {said:?}");
        assert!(own(&store, bob).await.is_empty(), "what is refused leaves nothing");
        // The indexes hold where the code does not.
        for (user, tenant) in [(alice, "second"), (bob, "acme")] {
            let sql = format!("INSERT INTO gatepost.tenant_proposals (id, user_id, tenant_id, name, created_at, expires_at) VALUES ('x', '{user}', '{tenant}', 'x', 1, 2)");
            store.try_sql(&sql).await.unwrap_err();
        }
        let proposal = &own(&store, alice).await[0];
        assert_eq!((proposal.id, proposal.tenant_id.as_str(), proposal.name.as_str()), (id, "acme", "ACME Corporation"));
        assert_eq!((proposal.state, proposal.reason.as_deref()), (ProposalState::Open, Some("for the audit")));
        assert_eq!(proposal.expires_at, proposal.created_at.plus(PROPOSALS_TTL));
        let audited = store.audited("proposal.create").await;
        assert_eq!((audited.len(), audited[0].target.as_str()), (1, format!("user:{alice}").as_str()));
        let after = audited[0].after.as_deref().unwrap();
        assert!(after.contains("acme") && !after.contains("audit") && !after.contains("ACME"), "{after}");
        assert_eq!(tenants(&store).await, ["deleted", "there"], "a proposal makes no tenant");
    }

    async fn nobody_proposes_for_somebody_else_by_a_key_disabled_or_from_another_tenant(store) {
        let (alice, root) = (somebody(&store, "alice").await, root(&store).await);
        let carol = somebody(&store, "carol").await;
        for other in [by(root), by(carol), actor()] {
            let forged = make(&store, plan(alice, "acme"), &other).await;
            assert!(matches!(forged, Err(DirectoryError::Denied(Denied::Hidden))), "{forged:?}");
        }
        let unknown_key = Actor { key: Some(KeyId::generate()), ..by(carol) };
        let by_key = make(&store, plan(carol, "zeta"), &unknown_key).await;
        assert!(matches!(by_key, Err(DirectoryError::Denied(_))), "{by_key:?}");
        // A provider of a tenant identifies her.
        store.sql(&format!("UPDATE gatepost.identities SET provider = 't-acme' WHERE user_id = '{carol}'")).await;
        let confined = propose(&store, carol, "zeta").await;
        assert!(matches!(confined, Err(DirectoryError::ProposerConfined)), "{confined:?}");
        let dave = somebody(&store, "dave").await;
        store.directory.disable_user(&UserKey::Id(dave), &actor()).await.unwrap();
        let disabled = propose(&store, dave, "zeta").await;
        assert!(matches!(disabled, Err(DirectoryError::Denied(_))), "{disabled:?}");
        assert!(store.audited("proposal.create").await.is_empty());
    }

    async fn of_more_than_a_hundred_at_once_a_hundred_are_kept(store) {
        crowd(&store, MAX_OPEN_PROPOSALS - 2).await;
        let mut people = Vec::new();
        for number in 0..6 {
            people.push(somebody(&store, &format!("p{number}")).await);
        }
        let all = people.iter().enumerate().map(|(number, user)| {
            let store = &store;
            async move { propose(store, *user, &format!("t{number}")).await }
        });
        let results = futures_util::future::join_all(all).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 2, "{results:?}");
        let is_full = |result: &Result<_, DirectoryError>| matches!(result, Ok(_) | Err(DirectoryError::TooManyProposals(100)));
        assert!(results.iter().all(is_full), "{results:?}");
        assert_eq!(store.texts("SELECT CAST(count(*) AS text) FROM gatepost.tenant_proposals WHERE state = 'open'").await, ["100"]);
        // A decision makes room for one.
        let one = "00000000-0000-7000-9000-000000000000".parse().unwrap();
        make(&store, RefuseProposal { id: one, answer: None }, &actor()).await.unwrap();
        let late = people[results.iter().position(Result::is_err).unwrap()];
        propose(&store, late, "late").await.unwrap();
    }

    async fn of_two_who_propose_one_id_at_once_one_does(store) {
        let (alice, bob) = (somebody(&store, "alice").await, somebody(&store, "bob").await);
        let (one, other) = tokio::join!(propose(&store, alice, "acme"), propose(&store, bob, "acme"));
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        let refused = one.err().or(other.err()).unwrap();
        assert!(matches!(refused, DirectoryError::TenantIdTaken(_)), "{refused:?}");
    }

    async fn administrators_of_the_system_alone_see_and_decide_proposals(store) {
        let (alice, root) = (somebody(&store, "alice").await, root(&store).await);
        create(&store, "a").await;
        let mut others = vec![alice];
        for (name, role) in [("admin", Role::Admin), ("member", Role::Member), ("viewer", Role::Viewer)] {
            let user = somebody(&store, name).await;
            let change = AddTenantMember { tenant: tenant("a"), user: UserKey::Id(user), role, until: None };
            make(&store, change, &actor()).await.unwrap();
            others.push(user);
        }
        let id = propose(&store, alice, "acme").await.unwrap();
        for other in others {
            let approved = make(&store, ApproveProposal { id }, &by(other)).await;
            assert!(matches!(approved, Err(DirectoryError::Denied(Denied::SystemOnly))), "{approved:?}");
            let refused = make(&store, RefuseProposal { id, answer: None }, &by(other)).await;
            assert!(matches!(refused, Err(DirectoryError::Denied(Denied::SystemOnly))), "{refused:?}");
        }
        let (of_a, filter) = (Scope::Tenants([tenant("a"), tenant("acme")].into()), ProposalFilter::default());
        for scope in [of_a, Scope::NONE] {
            assert!(store.directory.search_proposals(&scope, &filter, None, 100).await.unwrap().items.is_empty());
            assert!(store.directory.find_proposal(&scope, id).await.unwrap().is_none());
        }
        assert_eq!(store.directory.find_proposal(&Scope::System, id).await.unwrap().unwrap().state, ProposalState::Open);
        assert_eq!(tenants(&store).await, ["a"]);
        make(&store, ApproveProposal { id }, &by(root)).await.unwrap();
        assert_eq!(tenants(&store).await, ["a", "acme"]);
    }

    async fn what_is_approved_is_a_tenant_of_the_tier_free_that_the_person_administers(store) {
        let (alice, root) = (somebody(&store, "alice").await, root(&store).await);
        let id = propose(&store, alice, "acme").await.unwrap();
        let done = make(&store, ApproveProposal { id }, &by(root)).await.unwrap();
        assert_eq!((done.changed, done.outcome, done.version), (true, alice, Some(Version::from_number(2))));
        let made = store.directory.find_tenant(&Scope::System, &tenant("acme")).await.unwrap().unwrap();
        assert_eq!((made.name.as_deref(), made.tier), (Some("ACME Corporation"), Some("free".parse().unwrap())));
        assert_eq!(store.standing(alice).await.access.role_in(&tenant("acme")), Some(Role::Admin));
        let proposal = &own(&store, alice).await[0];
        assert_eq!((proposal.state, &proposal.decided_by), (ProposalState::Approved, &Some(Who::Person(root))));
        for action in ["tenant.create", "tenant.add_member", "proposal.approve"] {
            let rows = store.audited(action).await;
            assert_eq!((rows.len(), &rows[0].actor), (1, &Who::Person(root)), "{action}");
        }
        for _ in 0..2 {
            let again = make(&store, ApproveProposal { id }, &by(root)).await;
            assert!(matches!(again, Err(DirectoryError::ProposalDecided(_, ProposalState::Approved))), "{again:?}");
            let late = make(&store, RefuseProposal { id, answer: None }, &by(root)).await;
            assert!(matches!(late, Err(DirectoryError::ProposalDecided(_, ProposalState::Approved))), "{late:?}");
        }
        // Who was answered may propose another one.
        let second = propose(&store, alice, "zeta").await.unwrap();
        let answer = Some("not now".parse().unwrap());
        make(&store, RefuseProposal { id: second, answer }, &by(root)).await.unwrap();
        let refused = &own(&store, alice).await[0];
        assert_eq!((refused.id, refused.state, refused.answer.as_deref()), (second, ProposalState::Refused, Some("not now")));
        let late = make(&store, ApproveProposal { id: second }, &by(root)).await;
        assert!(matches!(late, Err(DirectoryError::ProposalDecided(_, ProposalState::Refused))), "{late:?}");
        assert_eq!(tenants(&store).await, ["acme"]);
        let rows = store.audited("proposal.refuse").await;
        assert!(rows.len() == 1 && !rows[0].before.as_deref().unwrap().contains("not now"), "{rows:?}");
        // What was refused may be proposed again.
        propose(&store, alice, "zeta").await.unwrap();
    }

    async fn what_cannot_be_approved_any_more_stays_as_it_is(store) {
        let names = ["taken", "deleted", "disabled", "confined"];
        let mut people = Vec::new();
        for name in names {
            let user = somebody(&store, name).await;
            people.push((user, propose(&store, user, name).await.unwrap()));
        }
        create(&store, "taken").await;
        create(&store, "deleted").await;
        make(&store, DeleteTenant { id: tenant("deleted") }, &actor()).await.unwrap();
        store.directory.disable_user(&UserKey::Id(people[2].0), &actor()).await.unwrap();
        store.sql(&format!("UPDATE gatepost.identities SET provider = 't-taken' WHERE user_id = '{}'", people[3].0)).await;
        let mut errors = Vec::new();
        for (user, id) in &people {
            errors.push(make(&store, ApproveProposal { id: *id }, &actor()).await.unwrap_err());
            assert_eq!(own(&store, *user).await[0].state, ProposalState::Open);
            assert!(store.texts(&format!("SELECT tenant_id FROM gatepost.tenant_members WHERE user_id = '{user}'")).await.is_empty());
        }
        let [taken, deleted, disabled, confined] = &errors[..] else { panic!("{errors:?}") };
        assert!(matches!((taken, deleted), (DirectoryError::TenantExists(_), DirectoryError::TenantDeleted(_))), "{errors:?}");
        assert!(matches!((disabled, confined), (DirectoryError::ProposerDisabled(_), DirectoryError::ProposerConfined)), "{errors:?}");
        assert_eq!(tenants(&store).await, ["deleted", "taken"]);
        // It can still be refused.
        for (_, id) in &people {
            make(&store, RefuseProposal { id: *id, answer: None }, &actor()).await.unwrap();
        }
        let nothing = make(&store, ApproveProposal { id: ProposalId::generate() }, &actor()).await;
        assert!(matches!(nothing, Err(DirectoryError::UnknownProposal(_))), "{nothing:?}");
        assert!(store.audited("proposal.approve").await.is_empty());
    }

    async fn who_is_erased_leaves_no_proposal(store) {
        let (alice, _) = (somebody(&store, "alice").await, root(&store).await);
        let id = propose(&store, alice, "acme").await.unwrap();
        make(&store, EraseUser { user: alice, confirm: "alice@example.com".to_owned() }, &actor()).await.unwrap();
        assert!(store.texts("SELECT id FROM gatepost.tenant_proposals").await.is_empty());
        let gone = make(&store, ApproveProposal { id }, &actor()).await;
        assert!(matches!(gone, Err(DirectoryError::UnknownProposal(_))), "{gone:?}");
        assert!(store.audited("proposal.create").await.iter().all(|row| row.after.is_none()), "its texts are gone");
    }

    async fn a_proposal_counts_for_thirty_days(store) {
        let (alice, bob) = (somebody(&store, "alice").await, somebody(&store, "bob").await);
        let id = propose(&store, alice, "acme").await.unwrap();
        let made = own(&store, alice).await[0].created_at;
        let second = Duration::from_secs(1);
        store.leading().await.delete_expired(made.plus(PROPOSALS_TTL).minus(second)).await.unwrap();
        assert_eq!(own(&store, alice).await.len(), 1);
        // From the second of its end it is as if it were gone, deleted or not.
        store.sql("UPDATE gatepost.tenant_proposals SET expires_at = 2").await;
        assert!(own(&store, alice).await.is_empty());
        for change in [make(&store, ApproveProposal { id }, &actor()).await, make(&store, RefuseProposal { id, answer: None }, &actor()).await] {
            assert!(matches!(change, Err(DirectoryError::UnknownProposal(_))), "{change:?}");
        }
        propose(&store, bob, "acme").await.unwrap();
        propose(&store, alice, "zeta").await.unwrap();
        store.leading().await.delete_expired(now().plus(PROPOSALS_TTL + second)).await.unwrap();
        assert!(store.texts("SELECT id FROM gatepost.tenant_proposals").await.is_empty());
    }

    async fn a_decision_by_an_outdated_version_is_refused(store) {
        let alice = somebody(&store, "alice").await;
        let id = propose(&store, alice, "acme").await.unwrap();
        let with = async |version| {
            let shown = Conditions { if_version: Some(Version::from_number(version)), ..Conditions::default() };
            #[expect(clippy::disallowed_methods, reason = "these tests are about the door itself")]
            let result = store.directory.carry_out(&ApproveProposal { id }, shown, &actor()).await;
            result
        };
        let refused = with(2).await;
        assert!(matches!(refused, Err(DirectoryError::Overtaken(Some(_)))), "{refused:?}");
        with(1).await.unwrap();
        let refused = with(1).await;
        assert!(matches!(refused, Err(DirectoryError::Overtaken(Some(_)))), "{refused:?}");
    }

    async fn of_two_who_decide_at_once_one_does(store) {
        let alice = somebody(&store, "alice").await;
        let id = propose(&store, alice, "acme").await.unwrap();
        let (command_line, no) = (actor(), RefuseProposal { id, answer: None });
        let (approved, refused) =
            tokio::join!(make(&store, ApproveProposal { id }, &command_line), make(&store, no, &command_line));
        assert!(approved.is_ok() != refused.is_ok(), "{approved:?} {refused:?}");
        assert_eq!(tenants(&store).await.len(), usize::from(approved.is_ok()));
    }
}
