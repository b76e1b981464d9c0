//! Tests of the fake itself, over HTTP, as a relying party uses it.

mod groups;
mod lies;
mod provider;
mod sign_in;
mod token_endpoint;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Client, StatusCode, redirect};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::*;

const CALLBACK: &str = "http://127.0.0.1:9/callback/entra";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A relying party that verifies nothing.
struct Party {
    entra: Entra,
    http: Client,
}

impl Party {
    fn new(entra: Entra) -> Self {
        crate::client::install_crypto();
        entra.register_redirect_uri(CALLBACK);
        let http = Client::builder().redirect(redirect::Policy::none()).cookie_store(true).build();
        Self { entra, http: http.expect("a client") }
    }

    async fn metadata(&self) -> Value {
        let url = format!("{}/.well-known/openid-configuration", self.entra.issuer());
        self.http.get(url).send().await.expect("metadata").json().await.expect("JSON")
    }

    /// Requests a code, and returns the fields of the redirect.
    async fn authorize(&self, extra: &[(&str, &str)]) -> BTreeMap<String, String> {
        let url = self.authorize_url(extra).await;
        fields(&self.http.get(url).send().await.expect("an answer"))
    }

    async fn authorize_url(&self, extra: &[(&str, &str)]) -> Url {
        let metadata = self.metadata().await;
        let mut url =
            Url::parse(metadata["authorization_endpoint"].as_str().expect("an endpoint")).expect("a URL");
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        url.query_pairs_mut()
            .extend_pairs([("client_id", self.entra.client_id()), ("code_challenge", challenge)])
            .extend_pairs([
                ("redirect_uri", CALLBACK),
                ("response_type", "code"),
                ("state", "st"),
                ("nonce", "n-1"),
            ])
            .extend_pairs([
                ("scope", "openid profile email offline_access"),
                ("code_challenge_method", "S256"),
            ])
            .extend_pairs(extra);
        url
    }

    async fn post_token(&self, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let answer = self.try_token(form).await.expect("an answer");
        (answer.status(), answer.json().await.expect("JSON"))
    }

    async fn try_token(&self, form: &[(&str, &str)]) -> reqwest::Result<reqwest::Response> {
        let metadata = self.metadata().await;
        let url = metadata["token_endpoint"].as_str().expect("an endpoint").to_owned();
        let (id, secret) = (self.entra.client_id(), self.entra.client_secret());
        let mut fields = vec![("client_id", id.as_str())];
        if !form.iter().any(|(name, _)| name.starts_with("client_")) {
            fields.push(("client_secret", &secret));
        }
        fields.extend(form);
        self.http.post(url).form(&fields).send().await
    }

    async fn redeem(&self, code: &str) -> (StatusCode, Value) {
        self.post_token(&code_form(code)).await
    }

    async fn refresh(&self, token: &str) -> (StatusCode, Value) {
        self.post_token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    async fn sign_in(&self, who: &str) -> Value {
        self.entra.at_the_browser(Some(who));
        let answer = self.authorize(&[]).await;
        let (status, tokens) = self.redeem(&answer["code"]).await;
        assert_eq!(status, StatusCode::OK, "{tokens}");
        tokens
    }

    async fn graph(&self, path: &str, tokens: &Value) -> (StatusCode, Value) {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.entra.authority())
        };
        let token = tokens["access_token"].as_str().expect("an access token");
        let answer = self.http.get(url).bearer_auth(token).send().await.expect("an answer");
        (answer.status(), answer.json().await.expect("JSON"))
    }
}

fn code_form(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

fn fields(answer: &reqwest::Response) -> BTreeMap<String, String> {
    assert_eq!(answer.status(), StatusCode::FOUND);
    let location = answer.headers()["location"].to_str().expect("ASCII");
    Url::parse(location).expect("a URL").query_pairs().into_owned().collect()
}

fn claims(tokens: &Value) -> Value {
    jwt::find_parts(tokens["id_token"].as_str().expect("an ID token")).expect("a JWT").claims
}

async fn entra_with_alice() -> Party {
    let entra = Entra::start().await;
    entra.add(Person::named("alice").group(&stable_guid("g1"), "MCP-GitHub").role("Writer"));
    Party::new(entra)
}
