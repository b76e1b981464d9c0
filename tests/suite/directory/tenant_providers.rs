//! What the provider of a tenant may say, when it counts no more, and what is left of its people.

use super::administration::Administers;
use super::key_changes::{key, made, of_person};
use super::{Opened, SOON, actor, admitted, config, follow, now, person};
use gatepost_config::{GroupNames, IdentityPolicy};
use gatepost_core::access::Role;
use gatepost_core::api_key::ApiKey;
use gatepost_core::clock::Timestamp;
use gatepost_core::host::HostName;
use gatepost_core::identity::{AssertedIdentity, SubjectKey};
use gatepost_core::ids::{GroupName, ProviderId, TenantId, UserId};
use gatepost_core::tenant_host::HostState;
use gatepost_core::tenant_provider::TenantProviderKind;
use gatepost_kit::process::until;
use gatepost_store::directory::changes::{
    AddTenantHost, ApproveTenantHost, CreateTenant, DecideTenantDomain, DeleteTenant, DisableUser,
    DomainVerdict, MapGroup, ProveTenantHost, RefuseTenantHost, RemoveTenantHost, RemoveTenantProvider,
    RestoreTenant, SetTenantProvider, TenantDomainName, TenantHostName, TenantProviderSettings,
};
use gatepost_store::directory::{
    Applicable, DirectoryError, SignInOutcome, TenantHostRecord, TenantProviderRecord, UserKey,
};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
const DOMAIN: &str = "acme.example";
const DANA: &str = "dana@acme.example";
const FIRST: &str = "https://first.example";
const SECOND: &str = "https://second.example";

fn acme() -> TenantId {
    "acme".parse().unwrap()
}

fn name() -> TenantDomainName {
    TenantDomainName::new(DOMAIN.parse().unwrap(), &config(&[])).unwrap()
}

/// A provider, with a secret that no other one has.
fn set(tenant: &TenantId, issuer: &str, domains: Vec<TenantDomainName>) -> SetTenantProvider {
    let settings = TenantProviderSettings {
        kind: TenantProviderKind::Oidc,
        place: issuer.to_owned(),
        client_id: "gatepost".to_owned(),
        secret: Some(format!("sealed {}", UserId::generate())),
        label: "Acme".to_owned(),
        groups_claim: Some("groups".to_owned()),
        trusts_addresses: true,
        is_only: true,
        domains,
    };
    SetTenantProvider { tenant: tenant.clone(), settings }
}

async fn make<C: Applicable>(store: &Opened, change: C) -> C::Outcome {
    store.directory.make(change, &actor()).await.unwrap().outcome
}

fn decide(tenant: &TenantId, verdict: DomainVerdict) -> DecideTenantDomain {
    DecideTenantDomain { tenant: tenant.clone(), domain: name(), verdict }
}

/// The tenant with a provider at this issuer, and its domain approved.
async fn ready(store: &Opened, issuer: &str) -> TenantProviderRecord {
    make(store, CreateTenant { id: acme(), name: None }).await;
    make(store, set(&acme(), issuer, vec![name()])).await;
    make(store, decide(&acme(), DomainVerdict::Approved)).await
}

/// What the provider of the tenant says.
fn says(issuer: &str, subject: &str, email: &str, groups: &[&str]) -> AssertedIdentity {
    let provider = ProviderId::of_tenant(&acme());
    let subject_key = SubjectKey { issuer: format!("{provider} {issuer}"), subject: subject.to_owned() };
    AssertedIdentity { provider, subject: subject_key, ..person(subject, email, groups) }
}

/// How a provider is asked that is as this record says.
fn by(record: &TenantProviderRecord) -> IdentityPolicy {
    IdentityPolicy { revision: Some(record.revision()), ..follow(GroupNames::LinkQualified) }
}

async fn signs_in(
    store: &Opened,
    identity: &AssertedIdentity,
    record: &TenantProviderRecord,
) -> SignInOutcome {
    store.sign_in_by(identity, &by(record)).await
}

async fn passes(store: &Opened, secret: &ApiKey<'_>) -> bool {
    let digest = secret.digest();
    let find = async || store.directory.find_key(&digest).await.ok();
    until("the hot read to answer", SOON, find).await.is_some_and(|key| !key.limits.is_ended)
}

async fn address(store: &Opened, user: UserId) -> Option<String> {
    store.standing(user).await.person.email.map(|email| email.to_string())
}

fn host_name() -> TenantHostName {
    TenantHostName::new("blog.acme.example".parse().unwrap(), &config(&[])).unwrap()
}

fn host() -> HostName {
    "blog.acme.example".parse().unwrap()
}

both_stores! {
    async fn what_a_provider_said_before_it_was_changed_is_worth_nothing(store) {
        let asked = ready(&store, FIRST).await;
        let dana = says(FIRST, "dana", DANA, &[]);
        let user = admitted(&signs_in(&store, &dana, &asked).await);
        let refresh = async |record: &TenantProviderRecord| {
            store.directory.refresh(user, &dana, &by(record), now(), &actor()).await.unwrap()
        };
        assert!(matches!(refresh(&asked).await, Some(SignInOutcome::Admitted { .. })));
        let changed = async |what: &str| {
            assert_eq!(signs_in(&store, &dana, &asked).await, SignInOutcome::ProviderChanged, "{what}");
            assert_eq!(refresh(&asked).await, Some(SignInOutcome::ProviderChanged), "{what}");
        };
        make(&store, decide(&acme(), DomainVerdict::Refused)).await;
        changed("its domain was refused").await;
        make(&store, decide(&acme(), DomainVerdict::Approved)).await;
        admitted(&signs_in(&store, &dana, &asked).await);
        make(&store, DeleteTenant { id: acme() }).await;
        changed("the tenant was deleted").await;
        make(&store, RestoreTenant { id: acme() }).await;
        admitted(&signs_in(&store, &dana, &asked).await);
        make(&store, RemoveTenantProvider { tenant: acme() }).await;
        changed("it was removed").await;
        make(&store, set(&acme(), FIRST, vec![name()])).await;
        make(&store, decide(&acme(), DomainVerdict::Approved)).await;
        changed("another secret was entered for the same issuer").await;
        let unasked = follow(GroupNames::LinkQualified);
        assert_eq!(store.sign_in_by(&dana, &unasked).await, SignInOutcome::ProviderChanged, "of no record at all");
    }

    async fn sessions_of_a_tenants_people_end_by_the_clock_by_which_they_start(store) {
        let asked = ready(&store, FIRST).await;
        let SignInOutcome::Admitted { user_id, at, .. } = signs_in(&store, &says(FIRST, "dana", DANA, &[]), &asked).await
            else { panic!("not admitted") };
        make(&store, RemoveTenantProvider { tenant: acme() }).await;
        let ended = store.standing(user_id).await.sessions_not_before.unwrap();
        let now = store.directory.clock().await.unwrap();
        assert!(ended > at && ended.since(now) <= Duration::from_secs(1), "{ended:?} {at:?} {now:?}");
    }

    async fn a_secret_goes_to_no_other_client_and_sessions_end_with_the_client_that_began_them(store) {
        let asked = ready(&store, FIRST).await;
        let user = admitted(&signs_in(&store, &says(FIRST, "dana", DANA, &[]), &asked).await);
        let without_secret = |issuer: &str, client: &str, label: &str| {
            let mut change = set(&acme(), issuer, vec![name()]);
            change.settings.secret = None;
            client.clone_into(&mut change.settings.client_id);
            label.clone_into(&mut change.settings.label);
            change
        };
        for (issuer, client) in [(SECOND, "gatepost"), (FIRST, "other")] {
            let refused = store.directory.make(without_secret(issuer, client, "Acme"), &actor()).await;
            assert!(matches!(refused, Err(DirectoryError::SecretMissing(_))), "{issuer} {client}");
        }
        let renamed = make(&store, without_secret(FIRST, "gatepost", "Another name")).await;
        assert_eq!((&*renamed.provider.label, renamed.provider.secret), ("Another name", asked.provider.secret));
        assert_eq!(store.standing(user).await.sessions_not_before, None);
        let mut other = set(&acme(), FIRST, vec![name()]);
        "other".clone_into(&mut other.settings.client_id);
        make(&store, other).await;
        assert!(store.standing(user).await.sessions_not_before.is_some(), "another client of the same provider");
    }

    async fn sessions_end_when_a_provider_may_no_longer_speak_for_a_domain(store) {
        let asked = ready(&store, FIRST).await;
        let user = admitted(&signs_in(&store, &says(FIRST, "dana", DANA, &[]), &asked).await);
        make(&store, set(&acme(), FIRST, vec![name()])).await;
        assert_eq!(store.standing(user).await.sessions_not_before, None, "another secret of the same client");
        make(&store, set(&acme(), FIRST, vec![])).await;
        assert!(store.standing(user).await.sessions_not_before.is_some());
    }

    async fn keys_and_groups_of_a_tenants_people_end_with_the_provider_that_vouched_for_them(store) {
        let asked = ready(&store, FIRST).await;
        let dana = says(FIRST, "dana", DANA, &["staff"]);
        let user = admitted(&signs_in(&store, &dana, &asked).await);
        let other = store.admitted(&person("bob", "bob@example.com", &["staff"])).await;
        let kept = made(&store, key(of_person(other, None)), &actor()).await;
        let first = made(&store, key(of_person(user, None)), &actor()).await;
        make(&store, set(&acme(), FIRST, vec![name()])).await;
        assert!(passes(&store, &first.secret).await, "another secret of the same provider");
        assert_eq!(store.groups(user).await, ["t-acme:staff"]);
        make(&store, set(&acme(), SECOND, vec![name()])).await;
        assert!(!passes(&store, &first.secret).await, "another provider vouches for people now");
        assert!(store.groups(user).await.is_empty());
        make(&store, set(&acme(), FIRST, vec![name()])).await;
        let second = made(&store, key(of_person(user, None)), &actor()).await;
        make(&store, RemoveTenantProvider { tenant: acme() }).await;
        assert!(!passes(&store, &second.secret).await, "nobody vouches for them");
        assert!(passes(&store, &kept.secret).await, "somebody else's");
        let ends = store.audited("key.revoke").await;
        assert_eq!(ends.len(), 2, "{ends:?}");
        assert!(ends.iter().all(|one| one.after.as_deref() == Some(r#"{"reason":"provider_removed"}"#)), "{ends:?}");
    }

    async fn nothing_of_a_tenants_people_outlasts_the_tenant(store) {
        let asked = ready(&store, FIRST).await;
        let user = admitted(&signs_in(&store, &says(FIRST, "dana", DANA, &["staff"]), &asked).await);
        let denied = admitted(&signs_in(&store, &says(FIRST, "eve", "eve@acme.example", &["staff"]), &asked).await);
        let unmade = admitted(&signs_in(&store, &says(FIRST, "fay", "fay@acme.example", &[]), &asked).await);
        store.directory.revoke_admin(&UserKey::Id(unmade), &actor()).await.unwrap();
        let personal = made(&store, key(of_person(user, None)), &actor()).await;
        let of_denied = made(&store, key(of_person(denied, None)), &actor()).await;
        let bob = store.admitted(&person("bob", "bob@example.com", &[])).await;
        let kept = made(&store, key(of_person(bob, None)), &actor()).await;
        let staff: GroupName = "t-acme:staff".parse().unwrap();
        make(&store, MapGroup { group: staff.into(), tenant: acme(), role: Role::Member }).await;
        make(&store, DisableUser { user: UserKey::Id(denied) }).await;
        make(&store, DeleteTenant { id: acme() }).await;
        let later = Timestamp::now().plus(31 * DAY);
        assert_eq!(store.leading().await.erase_deleted_tenants(later, 10).await.unwrap(), 1);

        assert!(!passes(&store, &personal.secret).await, "nothing says any more that it is confined to the tenant");
        assert!(!passes(&store, &of_denied.secret).await);
        assert!(passes(&store, &kept.secret).await);
        let left = store.people().await;
        let mut left: Vec<_> = left.iter().map(|one| one.email.as_ref().unwrap().to_string()).collect();
        left.sort_unstable();
        assert_eq!(left, ["bob@example.com", "eve@acme.example", "fay@acme.example"], "decisions about them stay");
        assert!(store.standing(unmade).await.sessions_not_before.is_some(), "their sessions are confined no more");
        store.sql("UPDATE gatepost.users SET disabled_at = NULL").await;
        assert!(!passes(&store, &of_denied.secret).await, "also when they are let in again");
        for (table, column) in [("identities", "subject"), ("provider_groups", "external_id"), ("groups", "name")] {
            let sql = format!("SELECT {column} FROM gatepost.{table} ORDER BY 1");
            let want: &[&str] = if table == "identities" { &["bob"] } else { &[] };
            assert_eq!(store.texts(&sql).await, want, "{table}");
        }
        let ends = store.audited("key.revoke").await;
        assert_eq!(ends.len(), 2, "{ends:?}");
        assert!(ends.iter().all(|one| one.after.as_deref() == Some(r#"{"reason":"tenant_deleted"}"#)), "{ends:?}");
    }

    async fn people_stay_the_same_when_their_tenant_moves_to_another_issuer(store) {
        let asked = ready(&store, FIRST).await;
        let user = admitted(&signs_in(&store, &says(FIRST, "dana", DANA, &[]), &asked).await);
        let again = signs_in(&store, &says(FIRST, "another dana", DANA, &[]), &asked).await;
        assert_eq!(again, SignInOutcome::AddressHeld(DANA.parse().unwrap()), "the same issuer means somebody else");
        let moved = make(&store, set(&acme(), SECOND, vec![name()])).await;
        assert_eq!(admitted(&signs_in(&store, &says(SECOND, "4711", DANA, &[]), &moved).await), user);
        let identities = store.texts("SELECT issuer || ' ' || subject FROM gatepost.identities").await;
        assert_eq!(identities, [format!("t-acme {SECOND} 4711")]);
        let again = signs_in(&store, &says(SECOND, "4712", DANA, &[]), &moved).await;
        assert_eq!(again, SignInOutcome::AddressHeld(DANA.parse().unwrap()));
        let back = make(&store, set(&acme(), FIRST, vec![name()])).await;
        assert_eq!(admitted(&signs_in(&store, &says(FIRST, "dana", DANA, &[]), &back).await), user);
        // Somebody of a configured provider is nobody's to take over, whatever issuer the tenant names.
        store.admitted(&person("guest", "guest@acme.example", &[])).await;
        let taken = signs_in(&store, &says(FIRST, "guest", "guest@acme.example", &[]), &back).await;
        assert_eq!(taken, SignInOutcome::AddressHeld("guest@acme.example".parse().unwrap()));
    }

    async fn addresses_of_a_domain_that_was_lost_are_free(store) {
        let asked = ready(&store, FIRST).await;
        let user = admitted(&signs_in(&store, &says(FIRST, "dana", DANA, &[]), &asked).await);
        let configured = person("dana", DANA, &[]);
        let held = store.sign_in(&configured, GroupNames::Link).await;
        assert_eq!(held, SignInOutcome::AddressHeld(DANA.parse().unwrap()));
        make(&store, decide(&acme(), DomainVerdict::Refused)).await;
        assert_eq!(address(&store, user).await, None);
        let [released] = store.audited("tenant.release_addresses").await.try_into().unwrap();
        assert_eq!(released.before.as_deref(), Some(r#"{"domain":"acme.example","people":1}"#));
        let holder = store.admitted(&configured).await;
        assert_ne!(holder, user);
        assert_eq!(address(&store, holder).await.as_deref(), Some(DANA));
        assert_eq!(store.audited("user.take_address").await.len(), 1, "an application has the account of the former holder");

        let again = make(&store, decide(&acme(), DomainVerdict::Approved)).await;
        let eve = says(FIRST, "eve", "eve@acme.example", &[]);
        let user = admitted(&signs_in(&store, &eve, &again).await);
        make(&store, set(&acme(), FIRST, vec![])).await;
        assert_eq!(address(&store, user).await, None, "the tenant gave the domain up");
        let again = make(&store, set(&acme(), FIRST, vec![name()])).await;
        assert_eq!(again.domains[0].state, HostState::Proposed);
        let again = make(&store, decide(&acme(), DomainVerdict::Approved)).await;
        assert_eq!(admitted(&signs_in(&store, &eve, &again).await), user);
        assert_eq!(address(&store, user).await.as_deref(), Some("eve@acme.example"));
        make(&store, RemoveTenantProvider { tenant: acme() }).await;
        assert_eq!(address(&store, user).await, None, "the provider is gone");
        assert_eq!(address(&store, holder).await.as_deref(), Some(DANA), "somebody else's stays");
    }

    async fn a_domain_that_was_refused_stays_refused_until_an_administrator_approves_it(store) {
        let record = ready(&store, FIRST).await;
        let zeta: TenantId = "zeta".parse().unwrap();
        make(&store, decide(&acme(), DomainVerdict::Refused)).await;
        make(&store, CreateTenant { id: zeta.clone(), name: None }).await;
        let proved = async |tenant: &TenantId, record: &TenantProviderRecord| {
            let texts = record.domains.iter().map(|one| one.proof.record_text()).collect();
            store.directory.make(decide(tenant, DomainVerdict::Found(texts)), &actor()).await
        };
        let refused = async |tenant: &TenantId, record: &TenantProviderRecord, what: &str| {
            let told = proved(tenant, record).await;
            assert!(matches!(told, Err(DirectoryError::DomainRefused(_))), "{what}: {told:?}");
        };
        refused(&acme(), &record, "at once").await;
        make(&store, set(&acme(), FIRST, vec![])).await;
        let again = make(&store, set(&acme(), FIRST, vec![name()])).await;
        assert_eq!(again.domains[0].state, HostState::Refused);
        refused(&acme(), &again, "given up and proposed again").await;
        make(&store, RemoveTenantProvider { tenant: acme() }).await;
        let again = make(&store, set(&acme(), SECOND, vec![name()])).await;
        refused(&acme(), &again, "of another provider").await;
        let other = make(&store, set(&zeta, SECOND, vec![name()])).await;
        refused(&zeta, &other, "of another tenant").await;
        make(&store, decide(&zeta, DomainVerdict::Approved)).await;
        let free = make(&store, set(&zeta, SECOND, vec![])).await;
        assert!(free.domains.is_empty());
        let again = make(&store, set(&zeta, SECOND, vec![name()])).await;
        assert!(proved(&zeta, &again).await.unwrap().changed, "the word of an administrator counts");
        // To refuse one tenant what another one has is no word about that other tenant.
        make(&store, decide(&acme(), DomainVerdict::Refused)).await;
        make(&store, set(&zeta, SECOND, vec![])).await;
        let again = make(&store, set(&zeta, SECOND, vec![name()])).await;
        assert!(proved(&zeta, &again).await.unwrap().changed);
    }

    async fn a_host_that_was_refused_stays_refused_until_an_administrator_approves_it(store) {
        let zeta: TenantId = "zeta".parse().unwrap();
        for id in [acme(), zeta.clone()] {
            make(&store, CreateTenant { id, name: None }).await;
        }
        let proved = async |tenant: &TenantId, record: &TenantHostRecord| {
            let found = vec![record.proof.record_text()];
            store.directory.make(ProveTenantHost { tenant: tenant.clone(), host: host(), found }, &actor()).await
        };
        make(&store, AddTenantHost { tenant: acme(), host: host_name() }).await;
        make(&store, RefuseTenantHost { tenant: acme(), host: host() }).await;
        make(&store, RemoveTenantHost { tenant: acme(), host: host() }).await;
        for tenant in [&acme(), &zeta] {
            let again = make(&store, AddTenantHost { tenant: tenant.clone(), host: host_name() }).await;
            assert_eq!(again.state, HostState::Refused);
            let told = proved(tenant, &again).await;
            assert!(matches!(told, Err(DirectoryError::HostRefused(_))), "{told:?}");
        }
        make(&store, ApproveTenantHost { tenant: zeta.clone(), host: host() }).await;
        make(&store, RemoveTenantHost { tenant: zeta.clone(), host: host() }).await;
        let again = make(&store, AddTenantHost { tenant: zeta.clone(), host: host_name() }).await;
        assert_eq!(again.state, HostState::Proposed);
        assert!(proved(&zeta, &again).await.unwrap().changed);
    }

    async fn a_tenants_provider_fills_the_directory_with_a_thousand_groups_at_most(store) {
        let asked = ready(&store, FIRST).await;
        let names: Vec<String> = (0..1_005).map(|at| format!("group-{at:04}")).collect();
        let mut users = Vec::new();
        for (at, chunk) in names.chunks(200).enumerate() {
            let groups: Vec<&str> = chunk.iter().map(String::as_str).collect();
            let email = format!("p{at}@acme.example");
            let identity = says(FIRST, &format!("p{at}"), &email, &groups);
            users.push(admitted(&signs_in(&store, &identity, &asked).await));
        }
        let count = store.texts("SELECT CAST(count(*) AS text) FROM gatepost.provider_groups").await;
        assert_eq!(count, ["1000"]);
        assert_eq!(store.groups(users[4]).await.len(), 200);
        assert!(store.groups(users[5]).await.is_empty(), "they may sign in, without what is too much");
        let known = says(FIRST, "p5", "p5@acme.example", &["group-0000", "group-1004"]);
        admitted(&signs_in(&store, &known, &asked).await);
        assert_eq!(store.groups(users[5]).await, ["t-acme:group-0000"], "what is known counts");
        let audited = store.audited("user.groups").await;
        let last = audited.iter().find(|one| one.target == format!("user:{}", users[5])).unwrap();
        assert!(!last.after.as_deref().unwrap().contains("group-1004"), "{last:?}");
    }
}
