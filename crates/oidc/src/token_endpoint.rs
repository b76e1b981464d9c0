//! The token endpoint (RFC 6749 section 3.2): a grant goes in, tokens or a refusal come out.
//!
//! `openidconnect` writes the request and reads the answer. Ours are the call itself, with our limits, and the types of the
//! answers: providers leave out what they must give, and an ID token that cannot be read must not cost the refresh token
//! beside it.

use super::calls::Endpoint;
use super::claims::Claims;
use super::credential::Authentication;
use super::error::OidcError;
use super::metadata::Metadata;
use super::protocol::{IdToken, NoEncryption};
use super::provider::Provider;
use super::refusal::ProviderRefusal;
use super::signature::Algorithm;
use super::token_error::TokenError;
use super::transport::{CallError, Head, Transport};
use openidconnect::core::{CoreGenderClaim, CoreTokenType};
use openidconnect::http::{Response, StatusCode};
use openidconnect::{
    AccessToken, AsyncHttpClient, AuthorizationCode, EmptyAdditionalClaims, ErrorResponse, HttpRequest,
    HttpResponse, OAuth2TokenResponse, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, Scope,
    TokenResponse,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use url::Url;

/// What is presented.
pub(super) enum Grant<'a> {
    /// The code of a sign-in.
    Code { code: &'a str, redirect_uri: &'a Url, code_verifier: &'a SecretString },
    /// A refresh token; without scopes, those of the sign-in.
    Refresh { token: &'a SecretString, scopes: Vec<&'a str> },
    /// The client itself.
    Application { scope: &'a str },
}

/// What the token endpoint gave. How long the access token lives does not matter: it is used at once and dropped.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(from = "Claims")]
pub(super) struct Tokens {
    /// Empty where none came.
    access_token: AccessToken,
    token_type: CoreTokenType,
    refresh_token: Option<RefreshToken>,
    #[serde(skip_serializing)]
    id_token: Option<ReceivedIdToken>,
}

/// An ID token as it came, and as the crate reads it, where it can.
#[derive(Clone)]
pub(super) struct ReceivedIdToken {
    text: SecretString,
    parsed: Option<Box<IdToken>>,
}

/// An error answer (RFC 6749 section 5.2), with Entra's additions.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct RefusalBody(Claims);

impl From<Claims> for Tokens {
    /// An empty text, and anything that is no text, is absent.
    fn from(answer: Claims) -> Self {
        let text = |name| answer.find_text(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let token_type = text("token_type").unwrap_or_default();
        let is_bearer = token_type.eq_ignore_ascii_case("bearer");
        Self {
            access_token: AccessToken::new(text("access_token").unwrap_or_default()),
            token_type: if is_bearer { CoreTokenType::Bearer } else { CoreTokenType::Extension(token_type) },
            refresh_token: text("refresh_token").map(RefreshToken::new),
            id_token: text("id_token").map(ReceivedIdToken::new),
        }
    }
}

impl OAuth2TokenResponse for Tokens {
    type TokenType = CoreTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &CoreTokenType {
        &self.token_type
    }

    fn expires_in(&self) -> Option<Duration> {
        None
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}

impl TokenResponse<EmptyAdditionalClaims, CoreGenderClaim, NoEncryption, Algorithm> for Tokens {
    fn id_token(&self) -> Option<&IdToken> {
        self.id_token.as_ref()?.parsed()
    }
}

impl Tokens {
    pub fn usable_access_token(&self) -> Option<&AccessToken> {
        Some(&self.access_token).filter(|token| !token.secret().is_empty())
    }

    pub fn received_id_token(&self) -> Option<&ReceivedIdToken> {
        self.id_token.as_ref()
    }

    pub fn secret_refresh_token(&self) -> Option<SecretString> {
        self.refresh_token.as_ref().map(|token| token.secret().as_str().into())
    }
}

impl ReceivedIdToken {
    pub fn new(text: String) -> Self {
        Self { parsed: text.parse().ok().map(Box::new), text: text.into() }
    }

    pub fn text(&self) -> &str {
        self.text.expose_secret()
    }

    pub fn parsed(&self) -> Option<&IdToken> {
        self.parsed.as_deref()
    }
}

impl fmt::Debug for ReceivedIdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReceivedIdToken(..)")
    }
}

impl ErrorResponse for RefusalBody {}

impl fmt::Display for RefusalBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.find_text("error").unwrap_or_default())
    }
}

/// An answer that says something: tokens, or why there are none.
enum Answer {
    Tokens(Tokens),
    Refusal(Head, RefusalBody),
}

/// Makes the crate's calls through our transport, and keeps the status of a refusal, which the crate drops.
struct TokenEndpoint<'t> {
    transport: &'t Transport,
    refused: OnceLock<Head>,
}

impl<'c> AsyncHttpClient<'c> for TokenEndpoint<'_> {
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, CallError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let (head, body) = self.transport.exchange(request).await?;
            // The crate wants status 200 and one type of content; here any success and what the body holds count.
            let mut response = Response::new(body);
            if !head.status.is_success() {
                if !matches!(head.status.as_u16(), 400 | 401 | 403) {
                    return Err(head.error());
                }
                *response.status_mut() = self.refused.get_or_init(|| head).status;
            }
            Ok(response)
        })
    }
}

impl TokenEndpoint<'_> {
    /// What the crate made of the answer.
    fn read(
        &self,
        outcome: Result<Tokens, RequestTokenError<CallError, RefusalBody>>,
    ) -> Result<Answer, CallError> {
        match (outcome, self.refused.get()) {
            (Ok(tokens), _) => Ok(Answer::Tokens(tokens)),
            (Err(RequestTokenError::Request(error)), _) => Err(error),
            (Err(RequestTokenError::ServerResponse(body)), Some(head)) if body.0.get("error").is_some() => {
                Ok(Answer::Refusal(*head, body))
            }
            (Err(_), Some(head)) => Err(head.error()),
            (Err(RequestTokenError::Parse(error, _)), None) => {
                Err(CallError::NotJson(Arc::new(error.into_inner())))
            }
            (Err(_), None) => Err(CallError::Unexpected("an answer without a body")),
        }
    }
}

impl Provider {
    /// Presents a grant, once.
    pub(super) async fn request_tokens(
        &self,
        metadata: &Metadata,
        grant: Grant<'_>,
    ) -> Result<Tokens, OidcError> {
        let authentication = self.client.authenticate(metadata).await?;
        let endpoint = TokenEndpoint { transport: &self.transport, refused: OnceLock::new() };
        let answer = async { endpoint.read(send(metadata, authentication, grant, &endpoint).await) };
        let head = |answer: &Answer| match answer {
            Answer::Tokens(_) => Head { status: StatusCode::OK, retry_after: None },
            Answer::Refusal(head, _) => *head,
        };
        let outcome = match self.transport.observe(Endpoint::Token, answer, head).await {
            Ok(Answer::Tokens(tokens)) => check_token_type(tokens),
            Ok(Answer::Refusal(head, body)) => Err(refuse(head, &body)),
            Err(error) => Err(error.into()),
        };
        if let Err(OidcError::Unavailable(error)) = &outcome {
            self.refresh_pause.note(error, Instant::now());
        }
        outcome
    }
}

async fn send(
    metadata: &Metadata,
    authentication: Authentication,
    grant: Grant<'_>,
    endpoint: &TokenEndpoint<'_>,
) -> Result<Tokens, RequestTokenError<CallError, RefusalBody>> {
    let mut client = metadata.client.clone();
    let mut assertion = Vec::new();
    match authentication {
        Authentication::Secret(secret, auth_type) => {
            client = client.set_client_secret(secret).set_auth_type(auth_type);
        }
        // The crate knows no private_key_jwt. Without a secret it sends the client's id in the body.
        Authentication::Assertion(parameters) => assertion.extend(parameters),
    }
    match grant {
        Grant::Code { code, redirect_uri, code_verifier } => {
            let mut request = client
                .exchange_code(AuthorizationCode::new(code.to_owned()))
                .set_pkce_verifier(PkceCodeVerifier::new(code_verifier.expose_secret().to_owned()))
                .set_redirect_uri(Cow::Owned(RedirectUrl::from_url(redirect_uri.clone())));
            for (name, value) in assertion {
                request = request.add_extra_param(name, value);
            }
            request.request_async(endpoint).await
        }
        Grant::Refresh { token, scopes } => {
            let token = RefreshToken::new(token.expose_secret().to_owned());
            let scopes = scopes.into_iter().map(|scope| Scope::new(scope.to_owned()));
            let mut request = client.exchange_refresh_token(&token).add_scopes(scopes);
            for (name, value) in assertion {
                request = request.add_extra_param(name, value);
            }
            request.request_async(endpoint).await
        }
        Grant::Application { scope } => {
            let mut request = client.exchange_client_credentials().add_scope(Scope::new(scope.to_owned()));
            for (name, value) in assertion {
                request = request.add_extra_param(name, value);
            }
            request.request_async(endpoint).await
        }
    }
}

fn refuse(head: Head, body: &RefusalBody) -> OidcError {
    let refusal = ProviderRefusal::from_token_endpoint(&body.0);
    if refusal.is_passing() {
        // Sign-in codes and refresh tokens are still good: this is an outage by another name.
        OidcError::Unavailable(head.error())
    } else {
        OidcError::Refused(Box::new(refusal))
    }
}

fn check_token_type(tokens: Tokens) -> Result<Tokens, OidcError> {
    if tokens.usable_access_token().is_some() && *tokens.token_type() != CoreTokenType::Bearer {
        return Err(TokenError::WrongTokenType.into());
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Reply, Scripted, json_reply, metadata_of, provider};
    use super::*;
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use gatepost_config::ProviderKind;
    use openidconnect::core::CoreClientAuthMethod;
    use serde_json::{Value, json};

    /// Presents a code to a server that answers with `reply`; gives what it was asked too.
    async fn present(
        reply: Reply,
        methods: Vec<CoreClientAuthMethod>,
    ) -> (Result<Tokens, OidcError>, String) {
        let server = Scripted::start().await;
        server.reply(reply);
        let origin = server.url("/").origin().ascii_serialization();
        let mut metadata = metadata_of(&origin);
        metadata.document =
            metadata.document.clone().set_token_endpoint_auth_methods_supported(Some(methods));
        let provider = provider(ProviderKind::Oidc { issuer: origin }, |config| {
            config.credential = gatepost_config::ClientCredential::Secret("s e+c:r%t".into());
        });
        let redirect_uri = Url::parse("https://auth.example.com/callback/op").expect("an address");
        let code_verifier = SecretString::from("v".repeat(43));
        let grant =
            Grant::Code { code: "the code", redirect_uri: &redirect_uri, code_verifier: &code_verifier };
        let tokens = provider.request_tokens(&metadata, grant).await;
        (tokens, server.requests().concat())
    }

    async fn read_as(status: u16, body: &Value) -> Result<Tokens, OidcError> {
        present(json_reply(status, body), Vec::new()).await.0
    }

    #[tokio::test]
    async fn a_refusal_is_not_an_outage() {
        for (status, body, reason) in [
            (400, json!({"error": "invalid_grant"}), "refused"),
            (401, json!({"error": "invalid_client"}), "refused"),
            (400, json!({"error": "temporarily_unavailable"}), "provider_status"),
            (400, json!({"error": "invalid_grant", "error_codes": [90033]}), "provider_status"),
            (400, json!({}), "provider_status"),
            (400, json!([]), "provider_status"),
            (429, json!({"error": "invalid_grant"}), "provider_status"),
            (500, json!({"error": "invalid_grant"}), "provider_status"),
            (307, json!({}), "provider_status"),
            (200, json!([]), "provider_malformed"),
            (200, json!({"access_token": "a", "token_type": "DPoP"}), "wrong_token_type"),
            (200, json!({"access_token": "a"}), "wrong_token_type"),
        ] {
            let outcome = read_as(status, &body).await;
            assert_eq!(outcome.err().map(|error| error.reason()), Some(reason), "{status} {body}");
        }
        for (status, text, reason) in [
            (400, "", "provider_status"),
            (400, "<html>", "provider_status"),
            (200, "", "provider_malformed"),
            (200, "<html>", "provider_malformed"),
            (200, r#"{"id_token":"a","id_token":"b"}"#, "provider_malformed"),
        ] {
            let (outcome, _) = present(Reply::text(status, text), Vec::new()).await;
            assert_eq!(outcome.err().map(|error| error.reason()), Some(reason), "{status} {text}");
        }
    }

    #[tokio::test]
    async fn a_refusal_for_now_says_how_long() {
        for (status, body) in [
            (429, json!({"error": "slow_down"})),
            (503, json!({})),
            (400, json!({"error": "temporarily_unavailable"})),
            (403, json!({})),
        ] {
            let reply = json_reply(status, &body).header("Retry-After", "7");
            let (outcome, _) = present(reply, Vec::new()).await;
            let wait = outcome.err().and_then(|error| error.retry_after());
            assert_eq!(wait, Some(Duration::from_secs(7)), "{status} {body}");
        }
    }

    #[tokio::test]
    async fn an_odd_lifetime_or_an_absent_token_is_no_matter() {
        let body =
            json!({"access_token": "a", "token_type": "bearer", "expires_in": "3600", "refresh_token": ""});
        let tokens = read_as(201, &body).await.expect("tokens");
        assert!(tokens.usable_access_token().is_some() && tokens.secret_refresh_token().is_none());
        assert!(tokens.received_id_token().is_none());
    }

    #[tokio::test]
    async fn an_id_token_that_cannot_be_read_costs_no_refresh_token() {
        let body = json!({"id_token": "garbage", "refresh_token": "r"});
        let tokens = read_as(200, &body).await.expect("tokens");
        assert!(tokens.secret_refresh_token().is_some() && tokens.id_token().is_none());
        assert_eq!(tokens.received_id_token().map(ReceivedIdToken::text), Some("garbage"));
    }

    #[tokio::test]
    async fn a_secret_is_sent_in_the_way_that_the_provider_supports() {
        use CoreClientAuthMethod::{ClientSecretBasic as Basic, ClientSecretPost as Post};
        let encoded = BASE64_STANDARD.encode("us:s+e%2Bc%3Ar%25t");
        let posted = "&client_id=us&client_secret=s+e%2Bc%3Ar%25t";
        for (methods, is_posted) in
            [(vec![], false), (vec![Post], true), (vec![Post, Basic], false), (vec![Basic], false)]
        {
            let (_, asked) = present(json_reply(400, &json!({"error": "invalid_grant"})), methods).await;
            assert!(
                asked.contains("grant_type=authorization_code&code=the+code&code_verifier=vvv"),
                "{asked}"
            );
            assert_eq!(asked.contains(posted), is_posted, "{asked}");
            assert_eq!(asked.contains(&format!("Basic {encoded}")), !is_posted, "{asked}");
            assert_eq!(asked.contains("client_id=us"), is_posted, "{asked}");
        }
    }
}
