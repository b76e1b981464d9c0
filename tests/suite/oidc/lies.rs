//! A provider that lies, each lie by name: no session, and a named reason.

use super::{Party, logout_token, request};
use gatepost_core::clock::Timestamp;
use gatepost_core::identity::AssertedGroups;
use gatepost_kit::entra::{Endpoint, LogoutLie, SigningAlg};
use gatepost_kit::lies::{Expect, Lie, Needs, Stage};
use gatepost_oidc::{OidcError, RefreshError};
use std::time::Duration;

/// What is for the callback's handler to refuse: parameters that stand twice or are not there.
const OF_THE_HANDLER: &[Lie] = &[
    Lie::ResponseIssTwice,
    Lie::ResponseCodeTwice,
    Lie::ResponseCodeMissing,
    Lie::ResponseStateTwice,
    Lie::ResponseStateMissing,
    Lie::ResponseStateChanged,
    Lie::ResponseErrorAndCode,
];

async fn meet(lie: Lie) -> Result<(), String> {
    let party = if lie.needs() == Needs::Oidc { Party::oidc().await } else { Party::entra().await };
    if lie.stage() == Stage::Graph || lie == Lie::ClaimSourcesElsewhere {
        party.entra.update("alice", |person| *person = person.clone().many_groups(250));
    }
    let max_age = (lie.needs() == Needs::MaxAge).then(|| Duration::from_hours(1));
    let outcome = if lie.stage() == Stage::Refresh {
        let sign_in = party.sign_in().await.map_err(|error| format!("{lie}: {error:?}"))?;
        party.entra.lie(Some(lie));
        match party.refresh(&sign_in).await {
            Ok(_) => Ok(()),
            Err(RefreshError::Identity(error)) => Err(error.reason()),
            Err(error) => return Err(format!("{lie}: {error:?}")),
        }
    } else {
        party.entra.lie(Some(lie));
        match party.sign_in_with(max_age).await {
            // The directory refuses who has no address, and keeps the last groups where they are not known.
            Ok(sign_in) if sign_in.identity.email.is_none() => Err("no_address"),
            Ok(sign_in) if sign_in.identity.groups == AssertedGroups::Unknown => Err("unknown_groups"),
            // The callback's handler compares the provider's word with what the router demands.
            Ok(sign_in) if max_age.is_some_and(|age| !sign_in.auth_time.is_within(age, Timestamp::now())) => {
                Err("not_recent")
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error.reason()),
        }
    };
    println!("{lie}: {outcome:?}");
    if party.entra.lies_told() == 0 {
        return Err(format!("{lie} was never told"));
    }
    if party.entra.count(Endpoint::Attacker) > 0 {
        return Err(format!("{lie} led to the attacker"));
    }
    match (lie.expected(), outcome) {
        (Expect::Reject, Ok(())) => Err(format!("{lie} was believed")),
        (Expect::Accept, Err(reason)) => Err(format!("{lie} was refused: {reason}")),
        _ => Ok(()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_lie_of_a_provider_is_met() {
    let mut wrong = Vec::new();
    let lies: Vec<Lie> = Lie::ALL.iter().copied().filter(|lie| !OF_THE_HANDLER.contains(lie)).collect();
    for some in lies.chunks(12) {
        let mut running = tokio::task::JoinSet::new();
        for lie in some {
            running.spawn(meet(*lie));
        }
        wrong.extend(running.join_all().await.into_iter().filter_map(Result::err));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_logout_token_is_signed_as_the_newest_id_token_was() {
    let party = Party::oidc().await;
    let verify = async |algorithm: SigningAlg| {
        party.entra.configure(|app| app.signing_alg = algorithm);
        let token = party.entra.build_logout_token(&logout_token("sid", LogoutLie::Honest));
        party.provider.verify_logout_token(&token).await.map(|_| ()).map_err(|error| error.reason())
    };
    party.provider.authorization_url(&request(None, None)).await.unwrap();
    assert_eq!(
        verify(SigningAlg::Ps256).await,
        Ok(()),
        "nothing is known yet: nobody stays signed in for that"
    );
    for algorithm in [SigningAlg::Rs256, SigningAlg::Es256] {
        party.entra.configure(|app| app.signing_alg = algorithm);
        let sign_in = party.sign_in().await.unwrap();
        for other in [SigningAlg::Rs256, SigningAlg::Ps256, SigningAlg::Es256] {
            let wanted = if other == algorithm { Ok(()) } else { Err("forbidden_algorithm") };
            assert_eq!(verify(other).await, wanted, "{algorithm:?} {other:?}");
        }
        party.entra.configure(|app| app.signing_alg = SigningAlg::Rs256);
        party.refresh(&sign_in).await.unwrap();
        assert_eq!(verify(SigningAlg::Rs256).await, Ok(()), "a renewed ID token tells it too");
    }
}

#[tokio::test]
async fn every_lie_about_a_logout_token_is_met() {
    for lie in LogoutLie::ALL.iter().copied().filter(|lie| *lie != LogoutLie::OldJti) {
        let party = Party::oidc().await;
        let sid = party.sign_in().await.unwrap().sid.unwrap();
        let token = party.entra.build_logout_token(&logout_token(&sid, lie));
        let outcome = party.provider.verify_logout_token(&token).await;
        match (lie.expected(), outcome) {
            (Expect::Accept, outcome) => {
                let token = outcome.unwrap();
                assert_eq!((token.sid, token.issuer), (Some(sid), party.entra.issuer()), "{lie}");
                assert!(token.expires_at > Timestamp::now());
            }
            (_, outcome) => assert!(matches!(outcome, Err(OidcError::Token(_))), "{lie} {outcome:?}"),
        }
    }
}
