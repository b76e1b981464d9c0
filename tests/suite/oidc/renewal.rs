//! Asking again about somebody who is signed in.

use super::{NONCE, Party, config, entra_kind, list};
use gatepost_config::GroupsSource;
use gatepost_core::email::EmailAddress;
use gatepost_core::identity::{AssertedGroups, GroupKind};
use gatepost_kit::entra::{Endpoint, Entra, Group, Person, stable_guid};
use gatepost_kit::lies::Lie;
use gatepost_oidc::{OidcError, RefreshError, Renewal, TokenError};
use std::time::Duration;

#[tokio::test]
async fn a_renewal_reads_groups_again_and_distinguishes_an_end_from_an_outage() {
    let party = Party::entra().await;
    let sign_in = party.sign_in().await.unwrap();
    party.entra.update("alice", |person| person.groups.clear());
    let refreshed = party.refresh(&sign_in).await.unwrap();
    assert_eq!(list(&refreshed.identity.groups), [(GroupKind::Role, "Admin".into(), None)]);

    party.entra.fail_token_as(503, "temporarily_unavailable", "AADSTS90033: busy", 1);
    assert!(matches!(party.refresh(&sign_in).await, Err(RefreshError::Unavailable(_))));
    party.entra.fail_token_as(401, "invalid_client", "AADSTS7000222: expired", 1);
    assert!(matches!(party.refresh(&sign_in).await, Err(RefreshError::Unavailable(_))));
    party.entra.disable("alice");
    let Err(RefreshError::Ended(refusal)) = party.refresh(&sign_in).await else { panic!("not ended") };
    assert_eq!(refusal.code.as_deref(), Some("AADSTS50057"));
    party.entra.update("alice", |person| person.is_disabled = false);
    party.entra.reset_password("alice");
    let Err(RefreshError::Ended(refusal)) = party.refresh(&sign_in).await else { panic!("not ended") };
    assert_eq!(refusal.code.as_deref(), Some("AADSTS50173"));
    party.entra.stop().await;
    assert!(matches!(party.refresh(&sign_in).await, Err(RefreshError::Unavailable(_))));
}

#[tokio::test]
async fn a_provider_that_throttles_gets_no_refreshes_for_at_most_a_minute() {
    let party = Party::entra().await;
    let sign_in = party.sign_in().await.unwrap();
    let refused = async || match party.refresh(&sign_in).await {
        Err(RefreshError::Unavailable(error)) => error.retry_after().unwrap(),
        other => panic!("{other:?}"),
    };
    party.entra.throttle_token("86400");
    assert_eq!(refused().await, Duration::from_mins(1));
    let calls = party.outcomes.lock().unwrap().len();
    assert!(refused().await < Duration::from_mins(1));
    assert_eq!(party.outcomes.lock().unwrap().len(), calls, "the provider was not called");
    // A person who waits in front of a browser may try.
    party.sign_in().await.unwrap();

    let other = Party::entra().await;
    let sign_in = other.sign_in().await.unwrap();
    other.entra.throttle_token("0");
    other.refresh(&sign_in).await.unwrap_err();
    other.refresh(&sign_in).await.unwrap();
}

#[tokio::test]
async fn a_throttled_sign_in_delays_no_refresh() {
    let party = Party::entra().await;
    let sign_in = party.sign_in().await.unwrap();
    party.entra.throttle_token("60");
    assert!(matches!(party.sign_in().await, Err(OidcError::Unavailable(_))));
    party.refresh(&sign_in).await.unwrap();
}

#[tokio::test]
async fn a_failed_renewal_keeps_the_rotated_refresh_token() {
    let party = Party::entra().await;
    let sign_in = party.sign_in().await.unwrap();
    party.entra.lie(Some(Lie::ExpPast));
    let refresh_token = sign_in.refresh_token.as_ref().unwrap();
    let renewal = Renewal { refresh_token, subject: &sign_in.identity.subject, nonce: NONCE };
    let renewed = party.provider.renew(&renewal).await.unwrap();
    assert!(renewed.refresh_token().is_some());
    let error = party.provider.identify_renewed(&renewed, &renewal).await.unwrap_err();
    assert!(matches!(error, RefreshError::Unavailable(_)) && error.reason() == "expired", "{error:?}");
}

#[tokio::test]
async fn another_person_behind_a_refresh_token_is_an_alarm() {
    let party = Party::entra().await;
    let mut sign_in = party.sign_in().await.unwrap();
    sign_in.identity.subject.subject = stable_guid("somebody else");
    assert!(matches!(party.refresh(&sign_in).await, Err(RefreshError::Identity(TokenError::WrongSubject))));
}

/// A plain provider that renews without an ID token (OpenID Connect Core section 12.2), and a sign-in there.
async fn silent() -> (Party, gatepost_oidc::SignIn) {
    let party = Party::oidc().await;
    party.entra.configure(|app| app.refreshes_without_id_token = true);
    let sign_in = party.sign_in().await.unwrap();
    (party, sign_in)
}

#[tokio::test]
async fn a_renewal_without_an_id_token_reads_groups_and_address_from_userinfo() {
    let (party, sign_in) = silent().await;
    party.entra.configure(|app| app.groups_in_userinfo = true);
    party.entra.update("alice", |alice| {
        alice.groups = vec![Group::new("night", "night")];
        alice.email = Some("alice@example.org".into());
    });
    let identity = party.refresh(&sign_in).await.unwrap().identity;
    assert_eq!(list(&identity.groups), [(GroupKind::Group, "night".into(), None)]);
    assert_eq!(identity.email.as_ref().map(EmailAddress::as_str), Some("alice@example.org"));
    assert_eq!(identity.subject, sign_in.identity.subject);
    party.entra.update("alice", |alice| alice.groups.clear());
    let identity = party.refresh(&sign_in).await.unwrap().identity;
    assert_eq!(identity.groups, AssertedGroups::Known(Vec::new()), "an empty list is a fact");
}

#[tokio::test]
async fn groups_that_neither_token_nor_userinfo_names_are_unknown() {
    let (party, sign_in) = silent().await;
    let identity = party.refresh(&sign_in).await.unwrap().identity;
    assert_eq!(identity.groups, AssertedGroups::Unknown);
    assert_eq!(party.entra.count(Endpoint::Userinfo), 1);
    party.entra.lie(Some(Lie::UserinfoArray));
    let identity = party.refresh(&sign_in).await.unwrap().identity;
    assert_eq!(
        (identity.groups, identity.email),
        (AssertedGroups::Unknown, None),
        "a failed call is no fact"
    );
}

#[tokio::test]
async fn a_renewal_whose_userinfo_is_about_somebody_else_is_an_alarm() {
    let (party, mut sign_in) = silent().await;
    sign_in.identity.subject.subject = "somebody-else".into();
    let refused = party.refresh(&sign_in).await;
    assert!(matches!(refused, Err(RefreshError::Identity(TokenError::UserinfoOfAnother))), "{refused:?}");
}

#[tokio::test]
async fn without_an_id_token_entra_asserts_no_roles_so_groups_are_unknown() {
    let entra = Entra::start().await;
    entra.add(Person::named("alice").group(&stable_guid("ops"), "Ops").role("Admin"));
    let mut own = config(&entra, entra_kind(&entra));
    own.groups = GroupsSource::Graph;
    let party = Party::new(entra, own);
    let sign_in = party.sign_in().await.unwrap();
    party.entra.configure(|app| app.refreshes_without_id_token = true);
    let identity = party.refresh(&sign_in).await.unwrap().identity;
    assert_eq!((identity.groups, identity.email), (AssertedGroups::Unknown, None));
}
