//! Asking again about somebody who is signed in.

use super::{NONCE, Party, list};
use gatepost::domain::identity::GroupKind;
use gatepost::oidc::{RefreshError, Renewal, TokenError};
use gatepost_kit::entra::stable_guid;
use gatepost_kit::lies::Lie;

#[tokio::test]
async fn a_renewal_reads_groups_again_and_tells_an_end_from_an_outage() {
    let party = Party::entra().await;
    let sign_in = party.sign_in().await.unwrap();
    party.entra.update("alice", |person| person.groups.clear());
    let refreshed = party.refresh(&sign_in).await.unwrap();
    let identity = refreshed.identity.unwrap();
    assert_eq!(list(&identity.groups), [(GroupKind::Role, "Admin".into(), None)]);

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
