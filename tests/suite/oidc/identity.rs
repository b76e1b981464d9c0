//! Who signs in: addresses, groups, tenants.

use super::{Party, browse, config, groups, request};
use gatepost_config::{EntraTenant, ProviderKind};
use gatepost_core::auth_time::AuthTime;
use gatepost_core::email::EmailAddress;
use gatepost_core::identity::{AssertedGroups, GroupKind};
use gatepost_kit::entra::{Endpoint, Entra, Overage, Person, stable_guid};
use gatepost_oidc::{OidcError, Outcome, SignIn};
use std::time::Duration;
use url::Url;

#[tokio::test]
async fn a_person_of_entra_has_the_identity_that_entra_asserts() {
    let party = Party::entra().await;
    party.entra.configure(|app| assert!(app.optional_claims.remove("auth_time")));
    let sign_in = party.sign_in().await.unwrap();
    let alice = party.entra.find("alice").unwrap();
    assert_eq!(sign_in.identity.subject.issuer, party.entra.issuer());
    assert_eq!(sign_in.identity.subject.subject, alice.oid);
    assert_eq!(sign_in.identity.email.as_ref().map(EmailAddress::as_str), Some("alice@example.com"));
    assert_eq!(sign_in.identity.name.as_deref(), Some("Alice"));
    let expected = [(GroupKind::Group, stable_guid("ops"), None), (GroupKind::Role, "Admin".into(), None)];
    assert_eq!(groups(&sign_in), expected);
    assert_eq!(sign_in.sid, party.entra.list_sids("alice").first().cloned());
    assert_eq!(sign_in.logout_hint, Some(alice.login_hint));
    assert!(sign_in.refresh_token.is_some() && sign_in.id_token.is_none());
    assert_eq!(sign_in.auth_time, AuthTime::UNKNOWN, "iat is no auth_time");
    assert_eq!(party.entra.count(Endpoint::Userinfo) + party.entra.count(Endpoint::Graph), 0);
    assert_eq!(*party.outcomes.lock().unwrap(), [Outcome::Success; 3]);
}

#[tokio::test]
async fn a_person_of_a_plain_provider_is_known_by_sub() {
    let party = Party::oidc().await;
    let sign_in = party.sign_in_with(Some(Duration::from_mins(1))).await.unwrap();
    assert_eq!(sign_in.identity.subject.issuer, party.entra.issuer());
    assert_eq!(groups(&sign_in), [(GroupKind::Group, "ops".into(), None)]);
    assert!(sign_in.auth_time.known().is_some() && sign_in.id_token.is_some());
    party.entra.update("alice", |person| person.email_verified = Some(false));
    assert_eq!(party.sign_in().await.unwrap().identity.email, None);
}

#[tokio::test]
async fn too_many_groups_are_read_from_graph_page_by_page() {
    for overage in [Overage::ClaimNames, Overage::HasGroups] {
        let party = Party::entra().await;
        party.entra.configure(|app| app.overage = overage);
        party.entra.update("alice", |person| *person = person.clone().many_groups(1200));
        party.entra.graph_throttle(1, "0.05");
        let sign_in = party.sign_in().await.unwrap();
        let groups = groups(&sign_in);
        assert_eq!(groups.len(), 1202);
        assert!(groups.contains(&(GroupKind::Group, stable_guid("ops"), Some("Ops".into()))));
        assert!(groups.contains(&(GroupKind::Role, "Admin".into(), None)));
        assert_eq!(party.entra.count(Endpoint::Graph), 3);
    }
}

#[tokio::test]
async fn a_graph_that_fails_never_means_no_groups() {
    let party = Party::entra().await;
    party.entra.update("alice", |person| *person = person.clone().many_groups(250));
    party.entra.graph_fail(403, 1);
    assert_eq!(party.sign_in().await.unwrap().identity.groups, AssertedGroups::Unknown);
    party.entra.graph_throttle(1, "30");
    assert_eq!(party.sign_in().await.unwrap().identity.groups, AssertedGroups::Unknown);
    party.entra.configure(|app| {
        app.permissions.remove("GroupMember.Read.All");
    });
    let sign_in = party.sign_in().await.unwrap();
    assert!(
        groups(&sign_in).iter().all(|(_, _, name)| name.is_none()),
        "names nobody may read are not known"
    );
}

/// Alice's tenant and Bob's sign in, Mallory's does not.
async fn of_two_tenants() -> Party {
    let entra = Entra::start().await;
    entra.configure(|app| app.is_multi_tenant = true);
    entra.add(Person::named("alice").role("Admin"));
    entra.add(Person::named("bob").tid(&stable_guid("partner")).role("Admin"));
    entra.add(Person::named("mallory").tid(&stable_guid("stranger")));
    let allowed = vec![entra.tid(), stable_guid("partner")];
    let tenant = EntraTenant::Several { segment: "organizations".into(), allowed };
    let authority = Url::parse(&entra.authority()).unwrap();
    let mut config = config(&entra, ProviderKind::Entra { authority, tenant });
    let listed =
        [entra.tid(), stable_guid("partner")].map(|tid| format!("{tid}/example.com").parse().unwrap());
    config.allowed_domains = Some(listed.to_vec());
    Party::new(entra, config)
}

async fn sign_in_as(party: &Party, who: &str) -> Result<SignIn, OidcError> {
    party.entra.at_the_browser(Some(who));
    let mut request = request(None, None);
    request.login_hint = None;
    let answer = browse(&party.provider.authorization_url(&request).await.unwrap()).await;
    party.redeem(&answer).await
}

#[tokio::test]
async fn only_allowed_tenants_of_several_sign_in() {
    let party = of_two_tenants().await;
    for (who, signs_in) in [("alice", true), ("bob", true), ("mallory", false)] {
        match sign_in_as(&party, who).await {
            Ok(sign_in) => assert!(signs_in && sign_in.identity.email.is_some(), "{who}"),
            Err(error) => assert!(!signs_in && error.reason() == "wrong_tenant", "{who} {error:?}"),
        }
    }
}

#[tokio::test]
async fn an_app_role_of_one_of_several_tenants_is_that_tenants_alone() {
    let party = of_two_tenants().await;
    for (who, tid) in [("alice", party.entra.tid()), ("bob", stable_guid("partner"))] {
        let sign_in = sign_in_as(&party, who).await.unwrap();
        assert_eq!(groups(&sign_in), [(GroupKind::Role, format!("{tid}/Admin"), None)], "{who}");
    }
}
