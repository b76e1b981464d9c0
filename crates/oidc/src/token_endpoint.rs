//! The token endpoint (RFC 6749 section 3.2): exchanges a grant for tokens.
//!
//! `openidconnect` writes the request and reads the answer. The call is ours, because of its limits and because the crate
//! drops the status and `Retry-After` of a refusal.

use super::calls::Endpoint;
use super::credential::Authentication;
use super::error::OidcError;
use super::metadata::Metadata;
use super::provider::Provider;
use super::refusal::explain_token_error;
use super::token_error::TokenError;
use super::tokens::{RefusalBody, Tokens};
use super::transport::{CallError, Head, Transport};
use openidconnect::core::CoreTokenType;
use openidconnect::http::{Response, StatusCode};
use openidconnect::{
    AsyncHttpClient, AuthorizationCode, HttpRequest, HttpResponse, OAuth2TokenResponse, PkceCodeVerifier,
    RedirectUrl, RefreshToken, RequestTokenError, Scope,
};
use secrecy::{ExposeSecret, SecretString};
use std::borrow::Cow;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use url::Url;

/// The grant that a token request presents.
pub(super) enum Grant<'a> {
    /// The code of a sign-in.
    Code { code: &'a str, redirect_uri: &'a Url, code_verifier: &'a SecretString },
    /// A refresh token. Without scopes, the provider uses those of the sign-in.
    Refresh { token: &'a SecretString, scopes: Vec<&'a str> },
    /// The client credentials grant: a token for the application itself. `resource`: of RFC 8707.
    Application { scope: &'a str, resource: Option<&'a str> },
}

/// An answer that can be used: tokens, or an error response.
enum Answer {
    Tokens(Tokens),
    Refusal(Head, RefusalBody),
}

/// Makes the crate's calls through our transport, and keeps status and `Retry-After` of an error response.
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
            // The crate accepts only status 200 and one content type. Here any status of success counts, and the content
            // type does not matter.
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
    /// Combines the crate's result with the status.
    fn read(
        &self,
        outcome: Result<Tokens, RequestTokenError<CallError, RefusalBody>>,
    ) -> Result<Answer, CallError> {
        match (outcome, self.refused.get()) {
            (Ok(tokens), _) => Ok(Answer::Tokens(tokens)),
            (Err(RequestTokenError::Request(error)), _) => Err(error),
            (Err(RequestTokenError::ServerResponse(body)), Some(head))
                if body.claims().get("error").is_some() =>
            {
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
    /// Sends one token request.
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
        match self.transport.observe(Endpoint::Token, answer, head).await? {
            Answer::Tokens(tokens) => check_token_type(tokens),
            Answer::Refusal(head, body) => Err(refuse(head, &body)),
        }
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
        // The crate does not implement private_key_jwt. Without a secret it sends the client's id in the body.
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
        Grant::Application { scope, resource } => {
            let mut request = client.exchange_client_credentials().add_scope(Scope::new(scope.to_owned()));
            if let Some(resource) = resource {
                request = request.add_extra_param("resource", resource.to_owned());
            }
            for (name, value) in assertion {
                request = request.add_extra_param(name, value);
            }
            request.request_async(endpoint).await
        }
    }
}

fn refuse(head: Head, body: &RefusalBody) -> OidcError {
    let refusal = explain_token_error(body.claims());
    if refusal.is_temporary() {
        // Code and refresh token stay valid: the provider only cannot answer now.
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
    use super::super::tokens::ReceivedIdToken;
    use super::*;
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use gatepost_config::ProviderKind;
    use openidconnect::TokenResponse;
    use openidconnect::core::CoreClientAuthMethod;
    use serde_json::{Value, json};
    use std::time::Duration;

    /// Presents a code to a server that answers with `reply`. Gives the request too.
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
    async fn a_temporary_refusal_has_its_duration() {
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
            let (_, request) = present(json_reply(400, &json!({"error": "invalid_grant"})), methods).await;
            assert!(
                request.contains("grant_type=authorization_code&code=the+code&code_verifier=vvv"),
                "{request}"
            );
            assert_eq!(request.contains(posted), is_posted, "{request}");
            assert_eq!(request.contains(&format!("Basic {encoded}")), !is_posted, "{request}");
            assert_eq!(request.contains("client_id=us"), is_posted, "{request}");
        }
    }
}
