//! Seeded mistakes at the provider: each credential's, each document's.

use super::checked_site::CheckedSite;
use gatepost_core::clock::Timestamp;
use gatepost_kit::entra::{CLIENT_KEY_PEM, Endpoint, Entra, RefreshTokens};
use gatepost_kit::lies::Lie;
use gatepost_kit::process::client_certificate;
use std::time::Duration;

const SECRET: &str = "GATEPOST_PROVIDERS__ENTRA__CLIENT_SECRET";
const CERTIFICATE: &str = "GATEPOST_PROVIDERS__ENTRA__CLIENT_CERTIFICATE";
const EXPIRES_AT: &str = "GATEPOST_PROVIDERS__ENTRA__CLIENT_SECRET_EXPIRES_AT";
const DAY: i64 = 86_400;

#[tokio::test]
async fn a_secret_that_is_wrong_expired_or_anothers_is_named_apart() {
    let checked = CheckedSite::embedded().await.env(SECRET, "not the secret");
    checked.examine(&[]).await.has("error provider-credential-refused", SECRET);
    let checked = CheckedSite::embedded().await;
    checked.entra.configure(|app| app.secrets[0].is_expired = true);
    let report = checked.examine(&[]).await;
    report.has("error provider-secret-expired", SECRET);
    report.has_only(&["error provider-secret-expired"]);
    let checked = CheckedSite::embedded()
        .await
        .env("GATEPOST_PROVIDERS__ENTRA__CLIENT_ID", "33333333-3333-4333-8333-333333333333");
    checked.examine(&[]).await.has("error provider-client-unknown", SECRET);
}

#[tokio::test]
async fn no_secret_is_ever_shown() {
    let checked = CheckedSite::embedded().await.env(SECRET, "hunter2-hunter2");
    for arguments in [&[][..], &["--json"]] {
        let (_, text) = checked.text(arguments).await;
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn a_certificate_is_tried_and_its_last_day_looked_at() {
    let now = Timestamp::now().unix();
    for (until, finding) in [
        (now + 400 * DAY, None),
        (now + 10 * DAY, Some("warning provider-certificate-expires")),
        (now - DAY, Some("error provider-certificate-expired")),
    ] {
        let pem = client_certificate(CLIENT_KEY_PEM, now - 2 * DAY, until);
        let checked = CheckedSite::embedded()
            .await
            .without(SECRET)
            .env(CERTIFICATE, format!("{pem}\n{CLIENT_KEY_PEM}"));
        checked.entra.configure(|app| app.register_certificate(&pem, CLIENT_KEY_PEM));
        let report = checked.examine(&[]).await;
        report.has_only(&finding.into_iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn the_end_of_a_secret_is_told_before_it_comes() {
    let now = Timestamp::now().unix();
    for (until, finding) in [
        (now + 400 * DAY, None),
        (now + 10 * DAY, Some("warning provider-secret-expires")),
        (now - DAY, Some("warning provider-secret-expires")),
    ] {
        let until = gatepost_core::calendar::rfc3339(Timestamp::from_unix(until));
        let checked = CheckedSite::embedded().await.env(EXPIRES_AT, until);
        let report = checked.examine(&[]).await;
        report.has_only(&finding.into_iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_registered_or_has_no_key_is_named() {
    let now = Timestamp::now().unix();
    let pem = client_certificate(CLIENT_KEY_PEM, now - DAY, now + 400 * DAY);
    let checked =
        CheckedSite::embedded().await.without(SECRET).env(CERTIFICATE, format!("{pem}\n{CLIENT_KEY_PEM}"));
    checked.examine(&[]).await.has("error provider-credential-refused", CERTIFICATE);
    let broken = format!("{pem}\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let checked = CheckedSite::embedded().await.without(SECRET).env(CERTIFICATE, broken);
    checked.examine(&[]).await.has("error provider-unusable", CERTIFICATE);
}

#[tokio::test]
async fn a_provider_that_is_elsewhere_down_or_another_is_named() {
    let tenant = "GATEPOST_PROVIDERS__ENTRA__TENANT_ID";
    let checked = CheckedSite::embedded().await.env(tenant, "44444444-4444-4444-8444-444444444444");
    checked.examine(&[]).await.has("error provider-not-found", tenant);
    let checked = CheckedSite::embedded().await;
    checked.entra.stop().await;
    checked.examine(&[]).await.has_only(&["error provider-unreachable"]);
}

#[tokio::test]
async fn a_provider_that_takes_its_time_is_named() {
    let checked = CheckedSite::embedded().await;
    checked.entra.delay(Endpoint::Discovery, Duration::from_millis(2_100));
    checked.examine(&[]).await.has_only(&["warning provider-slow"]);
}

/// A site with a plain provider.
async fn oidc() -> CheckedSite {
    let entra = Entra::start_oidc().await;
    let issuer = entra.issuer();
    CheckedSite::with(entra)
        .env("GATEPOST_PROVIDERS__ENTRA__KIND", "oidc")
        .env("GATEPOST_PROVIDERS__ENTRA__ISSUER", issuer)
        .without("GATEPOST_PROVIDERS__ENTRA__AUTHORITY")
        .without("GATEPOST_PROVIDERS__ENTRA__TENANT_ID")
}

const SCOPES: &str = "GATEPOST_PROVIDERS__ENTRA__SCOPES";

#[tokio::test]
async fn whether_sessions_can_be_refreshed_is_tried_and_not_read_from_scopes() {
    let checked = oidc().await.env(SCOPES, "openid,email");
    let report = checked.examine(&[]).await;
    report.has_only(&[]);
    let (_, text) = checked.text(&[]).await;
    assert!(text.contains("gatepost_sign_ins_without_refresh_token_total"), "{text}");
    let checked = oidc().await;
    checked.entra.configure(|app| app.refresh_tokens = RefreshTokens::GrantRefused);
    let report = checked.examine(&[]).await;
    report.has("warning provider-no-renewal", SCOPES);
    report.has_only(&["warning provider-no-renewal"]);
    let checked = CheckedSite::embedded().await.env(SCOPES, "openid,email");
    checked.examine(&[]).await.has("warning provider-no-renewal", SCOPES);
}

#[tokio::test]
async fn the_request_of_a_sign_in_is_tried_without_a_person() {
    for checked in [oidc().await, CheckedSite::embedded().await] {
        checked.entra.register_redirect_uri("https://auth.example.com/callback/entra");
        checked.examine(&[]).await.has_only(&[]);
        let calls = checked.entra.calls();
        let call = calls.iter().find(|call| call.endpoint == Endpoint::Authorize).unwrap();
        assert_eq!(call.query_field("prompt"), Some("none"));
        checked.entra.next_authorize_error("invalid_scope", "Invalid scopes: openid offline_access");
        checked.examine(&[]).await.has("error provider-request-refused", SCOPES);
    }
}

#[tokio::test]
async fn another_provider_is_tried_with_a_code_that_nobody_issued() {
    let checked = oidc().await;
    checked.examine(&[]).await.has_only(&[]);
    assert_eq!(checked.entra.count(Endpoint::Token), 2, "a code and a refresh token that nobody issued");
    let checked = oidc().await.env(SECRET, "not the secret");
    checked.examine(&[]).await.has_only(&["error provider-credential-refused"]);
    let checked = oidc().await;
    let with_slash = format!("{}/", checked.entra.issuer());
    let checked = checked.env("GATEPOST_PROVIDERS__ENTRA__ISSUER", with_slash);
    checked.examine(&[]).await.has("error provider-issuer", "GATEPOST_PROVIDERS__ENTRA__ISSUER");
    let checked = oidc().await;
    checked.entra.fail_token(400, r#"{"error": "invalid_request"}"#, 1);
    checked.examine(&[]).await.has("hint provider-credential-unclear", SECRET);
    let checked = oidc().await;
    checked.entra.lie_once(Lie::DiscoveryHtml);
    checked.examine(&[]).await.has("error provider-discovery", "GATEPOST_PROVIDERS__ENTRA__ISSUER");
}
