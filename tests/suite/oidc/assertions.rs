//! `private_key_jwt` at a plain provider: it looks the key up by `kid`, and takes the one registered algorithm.

use super::{Party, config};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gatepost_config::{AssertionAlgorithm, AssertionConfig, ClientCredential, ProviderKind};
use gatepost_kit::entra::{CLIENT_CERTIFICATE_PEM, CLIENT_KEY_PEM, Entra, Person};
use sha2::{Digest as _, Sha256};

/// The certificate's SHA-256, as `x5t#S256` has it.
fn thumbprint() -> String {
    let lines = CLIENT_CERTIFICATE_PEM.lines().filter(|line| !line.starts_with("-----"));
    let der = STANDARD.decode(lines.map(str::trim).collect::<String>()).unwrap();
    URL_SAFE_NO_PAD.encode(Sha256::digest(der))
}

/// A provider that has the key under this `kid` and for this algorithm alone, and a Gatepost configured so.
async fn party(kid: &str, algorithm: &str, assertion: AssertionConfig) -> Party {
    let entra = Entra::start_oidc().await;
    entra.add(Person::named("alice"));
    entra.configure(|app| {
        app.secrets.clear();
        app.register_certificate(CLIENT_CERTIFICATE_PEM, CLIENT_KEY_PEM);
        app.assertion_kid = Some(kid.to_owned());
        app.assertion_alg = Some(algorithm.to_owned());
    });
    let mut own = config(&entra, ProviderKind::Oidc { issuer: entra.issuer() });
    own.credential =
        ClientCredential::Certificate(format!("{CLIENT_CERTIFICATE_PEM}\n{CLIENT_KEY_PEM}").into());
    own.assertion = assertion;
    Party::new(entra, own)
}

#[tokio::test]
async fn a_plain_provider_finds_the_key_by_its_thumbprint_and_gets_rs256() {
    let usual = party(&thumbprint(), "RS256", AssertionConfig::default()).await;
    usual.sign_in().await.unwrap();
}

#[tokio::test]
async fn another_kid_and_another_algorithm_are_the_operators_to_choose() {
    let chosen =
        || AssertionConfig { kid: Some("gatepost-1".into()), algorithm: Some(AssertionAlgorithm::Ps256) };
    party("gatepost-1", "PS256", chosen()).await.sign_in().await.unwrap();
    for (kid, algorithm) in [("gatepost-2", "PS256"), ("gatepost-1", "RS256")] {
        let error = party(kid, algorithm, chosen()).await.sign_in().await.unwrap_err();
        assert_eq!(error.reason(), "refused", "{kid} {algorithm}");
    }
}
