//! What Gatepost sends, and how it takes a refusal.

use super::{Party, browse, config, entra_kind, request};
use gatepost_config::{ClientCredential, ProviderKind};
use gatepost_kit::entra::{CLIENT_CERTIFICATE_PEM, CLIENT_KEY_PEM, Entra, Person};
use gatepost_oidc::{EndSession, ErrorResponse, OidcError, Outcome, Prompt};
use secrecy::SecretString;
use std::time::Duration;
use url::Url;

#[tokio::test]
async fn a_certificate_and_an_assertion_file_are_accepted_by_entra() {
    let entra = Entra::start().await;
    entra.add(Person::named("alice"));
    entra.configure(|app| {
        app.secrets.clear();
        app.register_certificate(CLIENT_CERTIFICATE_PEM, CLIENT_KEY_PEM);
        app.assertions.insert("a.workload.token".into());
    });
    let mut certificate = config(&entra, entra_kind(&entra));
    certificate.credential =
        ClientCredential::Certificate(format!("{CLIENT_CERTIFICATE_PEM}\n{CLIENT_KEY_PEM}").into());
    Party::new(entra.clone(), certificate).sign_in().await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assertion");
    std::fs::write(&path, "a.workload.token\n").unwrap();
    let mut workload = config(&entra, entra_kind(&entra));
    workload.credential = ClientCredential::AssertionFile(path.clone());
    let party = Party::new(entra, workload);
    party.sign_in().await.unwrap();
    std::fs::remove_file(path).unwrap();
    assert_eq!(party.sign_in().await.unwrap_err().reason(), "client_credential");
}

#[tokio::test]
async fn a_wrong_secret_is_reported_as_the_operators_to_fix() {
    let party = Party::entra().await;
    party.entra.configure(|app| app.secrets[0].is_expired = true);
    let Err(OidcError::Refused(refusal)) = party.sign_in().await else { panic!("not refused") };
    assert_eq!(refusal.code.as_deref(), Some("AADSTS7000222"));
    assert!(refusal.correlation_id.is_some() && refusal.timestamp.is_some());
}

#[tokio::test]
async fn a_token_request_is_counted_by_the_status_of_its_answer() {
    let party = Party::entra().await;
    for (status, outcome) in
        [(400, Outcome::Refused), (404, Outcome::Refused), (429, Outcome::Throttled), (500, Outcome::Failed)]
    {
        party.entra.fail_token_as(status, "invalid_grant", "no", 1);
        party.sign_in().await.unwrap_err();
        assert_eq!(party.outcomes.lock().unwrap().last(), Some(&outcome), "{status}");
    }
}

#[tokio::test]
async fn an_error_at_the_callback_is_explained() {
    let party = Party::entra().await;
    party.entra.next_authorize_error("access_denied", "AADSTS50105: not assigned");
    let answer = browse(&party.provider.authorization_url(&request(None, None)).await.unwrap()).await;
    let find =
        |name: &str| answer.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let (error, description) = (find("error").unwrap(), find("error_description"));
    let response = ErrorResponse { error: &error, description: description.as_deref(), issuer: None };
    let refusal = party.provider.provider_refusal(&response).unwrap();
    assert_eq!(refusal.code.as_deref(), Some("AADSTS50105"));
    assert!(refusal.correlation_id.is_some() && refusal.timestamp.is_some());
    let foreign = ErrorResponse { issuer: Some("https://evil.example"), ..response };
    assert_eq!(party.provider.provider_refusal(&foreign).unwrap_err().reason(), "wrong_response_issuer");
}

#[tokio::test]
async fn addresses_carry_what_the_provider_needs_and_no_more() {
    let entra = Party::entra().await;
    let asked = request(Some(Duration::from_mins(15)), Some(Prompt::SelectAccount));
    let url = entra.provider.authorization_url(&asked).await.unwrap();
    let mut names: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    names.sort_unstable();
    let expected = [
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "max_age",
        "nonce",
        "prompt",
        "redirect_uri",
        "response_mode",
        "response_type",
        "scope",
        "state",
    ];
    assert_eq!(names, expected);
    let scope = url.query_pairs().find(|(name, _)| name == "scope").map(|(_, value)| value.into_owned());
    assert_eq!(scope.as_deref(), Some("openid profile email offline_access User.Read"));

    let back = Url::parse("https://auth.example.com/logged-out").unwrap();
    let token = SecretString::from("the-id-token");
    let end = EndSession {
        post_logout_redirect_uri: &back,
        logout_hint: Some("hint"),
        id_token_hint: Some(&token),
        state: None,
    };
    let url = entra.provider.end_session_url(&end).unwrap();
    assert_eq!(
        url.query(),
        Some("post_logout_redirect_uri=https%3A%2F%2Fauth.example.com%2Flogged-out&logout_hint=hint")
    );
    let oidc = Party::oidc().await;
    assert_eq!(oidc.provider.end_session_url(&end), None, "no address is known before the document is");
    oidc.provider.authorization_url(&asked).await.unwrap();
    assert!(
        oidc.provider.end_session_url(&end).unwrap().query().unwrap().contains("id_token_hint=the-id-token")
    );
}

/// A provider that lists `offline_access` may give refresh tokens without it (Keycloak), and refuse who asks for it.
#[tokio::test]
async fn offline_access_is_requested_where_it_is_needed_or_configured() {
    let scope = async |party: &Party| {
        let url = party.provider.authorization_url(&request(None, None)).await.unwrap();
        url.query_pairs().find(|(name, _)| name == "scope").map(|(_, value)| value.into_owned()).unwrap()
    };
    let plain = Party::oidc().await;
    assert_eq!(scope(&plain).await, "openid profile email");
    assert!(plain.sign_in().await.unwrap().refresh_token.is_some());
    let mut own = config(&plain.entra, ProviderKind::Oidc { issuer: plain.entra.issuer() });
    own.scopes = ["openid", "offline_access"].map(str::to_owned).to_vec();
    assert_eq!(scope(&Party::new(plain.entra, own)).await, "openid offline_access");
}
