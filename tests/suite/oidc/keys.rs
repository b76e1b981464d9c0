//! Documents and keys: rotation, floods, outages, cold starts.

use super::{Party, logout_token, request};
use gatepost_kit::entra::{Endpoint, LogoutLie, SigningAlg};
use gatepost_kit::lies::Lie;
use gatepost_oidc::OidcError;
use std::sync::Arc;

#[tokio::test]
async fn new_keys_are_fetched_within_the_same_sign_in() {
    let party = Party::entra().await;
    party.sign_in().await.unwrap();
    party.entra.rotate_keys();
    party.sign_in().await.unwrap();
    party.entra.replace_keys();
    party.sign_in().await.unwrap();
    assert_eq!(party.entra.count(Endpoint::Keys), 3);
    assert_eq!(party.entra.count(Endpoint::Discovery), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_sign_ins_that_meet_a_new_key_fetch_it_once() {
    let party = Arc::new(Party::entra().await);
    party.sign_in().await.unwrap();
    party.entra.replace_keys();
    party.entra.hold(Endpoint::Keys);
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let party = Arc::clone(&party);
        running.spawn(async move { party.sign_in().await.map(|_| ()).map_err(|error| error.reason()) });
    }
    // Twenty codes and the first are spent: everybody waits for the keys.
    party.entra.until_count(Endpoint::Token, 21).await;
    while party.entra.codes_redeemed() < 21 {
        tokio::task::yield_now().await;
    }
    party.entra.release(Endpoint::Keys);
    let outcomes = running.join_all().await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert!(party.entra.count(Endpoint::Keys) <= 3, "{}", party.entra.count(Endpoint::Keys));
}

#[tokio::test]
async fn a_flood_of_unknown_kids_fetches_three_times_and_starves_no_sign_in() {
    let party = Party::oidc().await;
    let sign_in = party.sign_in().await.unwrap();
    let sid = sign_in.sid.unwrap();
    let before = party.entra.count(Endpoint::Keys);
    for _ in 0..50 {
        let token = party.entra.build_logout_token(&logout_token(&sid, LogoutLie::UnknownKid));
        let error = party.provider.verify_logout_token(&token).await.unwrap_err();
        assert_eq!(error.reason(), "unknown_key");
    }
    assert_eq!(party.entra.count(Endpoint::Keys), before + 3);
    party.entra.replace_keys();
    party.sign_in().await.unwrap();
}

#[tokio::test]
async fn bad_keys_never_replace_good_ones() {
    let party = Party::entra().await;
    party.sign_in().await.unwrap();
    party.entra.flap_keys(true);
    for _ in 0..5 {
        party.sign_in().await.unwrap();
    }
    party.entra.lie(Some(Lie::KeysEmpty));
    party.sign_in().await.unwrap();
}

#[tokio::test]
async fn a_withdrawn_key_counts_until_the_next_refresh_of_the_documents() {
    let party = Party::oidc().await;
    let sid = party.sign_in().await.unwrap().sid.unwrap();
    let of_before = party.entra.build_logout_token(&logout_token(&sid, LogoutLie::Honest));
    party.entra.replace_keys();
    party.sign_in().await.unwrap();
    assert!(
        party.provider.verify_logout_token(&of_before).await.is_ok(),
        "what one token fetched takes none away"
    );
    party.provider.fetch_documents().await.unwrap();
    let refused = party.provider.verify_logout_token(&of_before).await.unwrap_err();
    assert_eq!(refused.reason(), "unknown_key");
    party.sign_in().await.unwrap();
}

#[tokio::test]
async fn while_the_provider_is_down_its_last_keys_count() {
    let party = Party::oidc().await;
    let sid = party.sign_in().await.unwrap().sid.unwrap();
    let token = party.entra.build_logout_token(&logout_token(&sid, LogoutLie::Honest));
    party.entra.lie(Some(Lie::KeysEmpty));
    assert!(party.provider.fetch_documents().await.is_err());
    party.entra.stop().await;
    assert!(party.provider.fetch_documents().await.is_err());
    assert!(party.provider.verify_logout_token(&token).await.is_ok());
}

#[tokio::test]
async fn a_provider_that_was_down_at_the_start_is_found_later() {
    let party = Party::entra().await;
    party.entra.stop().await;
    let provider = Arc::clone(&party.provider);
    let background = tokio::spawn(async move { provider.keep_fresh().await });
    let error = party.provider.authorization_url(&request(None, None)).await.unwrap_err();
    assert!(matches!(error, OidcError::Unavailable(_)) && !party.provider.is_known());
    party.entra.resume().await.unwrap();
    party.entra.until_count(Endpoint::Keys, 1).await;
    party.sign_in().await.unwrap();
    party.entra.stop().await;
    assert!(
        party.provider.authorization_url(&request(None, None)).await.is_ok(),
        "the last good document counts"
    );
    background.abort();
}

#[tokio::test]
async fn visitors_of_a_cold_start_fetch_the_document_once() {
    let party = Party::entra().await;
    let asked = request(None, None);
    let urls = futures(20, || party.provider.authorization_url(&asked)).await;
    assert!(urls.iter().all(Result::is_ok));
    assert_eq!(party.entra.count(Endpoint::Discovery), 1);
}

/// Runs `count` futures side by side in one task.
async fn futures<F: Future>(count: usize, make: impl Fn() -> F) -> Vec<F::Output> {
    let mut pending: Vec<_> = (0..count).map(|_| Box::pin(make())).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        pending.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => {
                done.push(output);
                false
            }
            std::task::Poll::Pending => true,
        });
        if pending.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}

#[tokio::test]
async fn every_accepted_algorithm_is_verified() {
    for algorithm in [SigningAlg::Rs256, SigningAlg::Ps256, SigningAlg::Es256] {
        let party = Party::oidc().await;
        party.entra.configure(|app| app.signing_alg = algorithm);
        party.sign_in().await.unwrap_or_else(|error| panic!("{algorithm:?} {error:?}"));
    }
}
