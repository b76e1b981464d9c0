//! The relying party against the fake providers, without a browser or a listener: every lie by name, then the honest
//! ways of Entra and of a plain provider.

mod access_tokens;
mod assertions;
mod identity;
mod keys;
mod lies;
mod misconfigured;
mod renewal;
mod requests;

use gatepost_config::{ClientCredential, EntraTenant, ProviderConfig, ProviderKind};
use gatepost_core::identity::{AssertedGroups, GroupKind};
use gatepost_kit::entra::{Entra, LogoutLie, LogoutToken, Person, stable_guid};
use gatepost_oidc::{
    AuthorizationRequest, Call, Callback, Calls, Expected, OidcError, Outcome, Prompt, Provider, Providers,
    RefreshError, Refreshed, Renewal, Settings, SignIn,
};
use secrecy::SecretString;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use url::Url;

const REDIRECT: &str = "https://auth.example.com/callback/id";
const NONCE: &str = "the-nonce-of-this-sign-in";
const VERIFIER: &str = "a-code-verifier-of-at-least-forty-three-characters";

/// A fake provider and a Gatepost that is configured for it.
struct Party {
    entra: Entra,
    provider: Arc<Provider>,
    outcomes: Arc<Mutex<Vec<Outcome>>>,
}

fn entra_kind(entra: &Entra) -> ProviderKind {
    let authority = Url::parse(&entra.authority()).unwrap();
    ProviderKind::Entra { authority, tenant: EntraTenant::Pinned(entra.tid()) }
}

fn config(entra: &Entra, kind: ProviderKind) -> ProviderConfig {
    let credential = ClientCredential::Secret(entra.client_secret().into());
    ProviderConfig::new("id".parse().unwrap(), kind, entra.client_id(), credential)
}

impl Party {
    fn new(entra: Entra, provider: ProviderConfig) -> Self {
        gatepost_kit::client::install_crypto();
        entra.register_redirect_uri(REDIRECT);
        entra.at_the_browser(Some("alice"));
        let outcomes = Arc::<Mutex<Vec<Outcome>>>::default();
        let heard = Arc::clone(&outcomes);
        let calls = Calls::new(move |call: &Call<'_>| heard.lock().unwrap().push(call.outcome));
        let public_host = "auth.example.com".parse().unwrap();
        let settings =
            Settings { ca_file: None, public_host, providers: vec![provider], speakers: Vec::new() };
        let providers = Providers::new(&settings, &calls).unwrap();
        let provider = Arc::clone(providers.iter().next().unwrap());
        Self { entra, provider, outcomes }
    }

    /// Entra with Alice, who is in one group.
    async fn entra() -> Self {
        let entra = Entra::start().await;
        entra.add(Person::named("alice").group(&stable_guid("ops"), "Ops").role("Admin"));
        let config = config(&entra, entra_kind(&entra));
        Self::new(entra, config)
    }

    async fn oidc() -> Self {
        let entra = Entra::start_oidc().await;
        entra.add(Person::named("alice").group("ops", "ops"));
        let config = config(&entra, ProviderKind::Oidc { issuer: entra.issuer() });
        Self::new(entra, config)
    }

    async fn sign_in(&self) -> Result<SignIn, OidcError> {
        self.sign_in_with(None).await
    }

    async fn sign_in_with(&self, max_age: Option<Duration>) -> Result<SignIn, OidcError> {
        let url = self.provider.authorization_url(&request(max_age, None)).await?;
        let answer = browse(&url).await;
        self.redeem(&answer).await
    }

    async fn redeem(&self, answer: &Url) -> Result<SignIn, OidcError> {
        let find = |name: &str| {
            answer.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let (code, issuer, session_state) = (find("code").unwrap(), find("iss"), find("session_state"));
        let callback =
            Callback { code: &code, issuer: issuer.as_deref(), session_state: session_state.as_deref() };
        let redirect_uri = Url::parse(REDIRECT).unwrap();
        let code_verifier = SecretString::from(VERIFIER);
        let expected = Expected { redirect_uri: &redirect_uri, code_verifier: &code_verifier, nonce: NONCE };
        self.provider.redeem(&callback, &expected).await
    }

    async fn refresh(&self, sign_in: &SignIn) -> Result<Refreshed, RefreshError> {
        let refresh_token = sign_in.refresh_token.as_ref().unwrap();
        let renewal = Renewal { refresh_token, subject: &sign_in.identity.subject, nonce: NONCE };
        let renewed = self.provider.renew(&renewal).await?;
        self.provider.identify_renewed(&renewed, &renewal).await
    }
}

fn request(max_age: Option<Duration>, prompt: Option<Prompt>) -> AuthorizationRequest<'static> {
    static REDIRECT_URI: std::sync::LazyLock<Url> =
        std::sync::LazyLock::new(|| Url::parse(REDIRECT).unwrap());
    static CODE_VERIFIER: std::sync::LazyLock<SecretString> =
        std::sync::LazyLock::new(|| SecretString::from(VERIFIER));
    AuthorizationRequest {
        redirect_uri: &REDIRECT_URI,
        state: "sealed",
        nonce: NONCE,
        code_verifier: &CODE_VERIFIER,
        max_age,
        prompt,
        login_hint: Some("alice@example.com"),
    }
}

/// What a browser is sent back with.
#[expect(clippy::disallowed_methods, reason = "it stands for a browser, not for Gatepost")]
async fn browse(url: &Url) -> Url {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let answer = client.get(url.clone()).send().await.unwrap();
    let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
    match location {
        Some(location) => Url::parse(&location).unwrap(),
        None => panic!("no redirect but {} {}", answer.status(), answer.text().await.unwrap()),
    }
}

fn groups(sign_in: &SignIn) -> Vec<(GroupKind, String, Option<String>)> {
    list(&sign_in.identity.groups)
}

fn list(groups: &AssertedGroups) -> Vec<(GroupKind, String, Option<String>)> {
    let AssertedGroups::Known(list) = groups else { panic!("{groups:?}") };
    list.iter().map(|group| (group.kind, group.external_id.clone(), group.display_name.clone())).collect()
}

fn logout_token(sid: &str, lie: LogoutLie) -> LogoutToken {
    LogoutToken { lie, ..LogoutToken::for_session(sid) }
}
