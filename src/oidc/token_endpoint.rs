//! The token endpoint (RFC 6749 section 3.2): a code or a refresh token goes in, tokens or a refusal come out.

use super::calls::Endpoint;
use super::credential::Client;
use super::error::OidcError;
use super::metadata::Metadata;
use super::refusal::ProviderRefusal;
use super::token_error::TokenError;
use super::transport::{Answer, CallError, Transport};
use secrecy::SecretString;
use serde_json::Value;

/// What the token endpoint gave. How long the access token lives does not matter: it is used at once and dropped.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "the names of RFC 6749 and OpenID Connect")]
pub(super) struct Tokens {
    pub id_token: Option<SecretString>,
    pub access_token: Option<SecretString>,
    pub refresh_token: Option<SecretString>,
}

/// Sends one grant, once.
pub(super) async fn request(
    transport: &Transport,
    metadata: &Metadata,
    client: &Client,
    grant: &[(&'static str, &str)],
) -> Result<Tokens, OidcError> {
    let authentication = client.authenticate(metadata).await?;
    let mut form: Vec<(&str, String)> =
        grant.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    form.extend(authentication.form);
    let basic = authentication.basic.as_deref();
    read(&transport.post(Endpoint::Token, &metadata.token_endpoint, &form, basic).await?)
}

fn read(answer: &Answer) -> Result<Tokens, OidcError> {
    let is_refusal = matches!(answer.status.as_u16(), 400 | 401 | 403) && answer.body.contains_key("error");
    if is_refusal {
        let refusal = ProviderRefusal::from_token_endpoint(&answer.body);
        let is_passing = refusal.is_passing();
        // Sign-in codes and refresh tokens are still good: this is an outage by another name.
        let passing = || OidcError::Unavailable(CallError::Status(answer.status.as_u16()));
        return Err(if is_passing { passing() } else { OidcError::Refused(Box::new(refusal)) });
    }
    if !answer.status.is_success() {
        return Err(CallError::Status(answer.status.as_u16()).into());
    }
    let text = |name: &str| answer.body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if text("access_token").is_some()
        && !text("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"))
    {
        return Err(TokenError::WrongTokenType.into());
    }
    let secret = |name| text(name).map(SecretString::from);
    Ok(Tokens {
        id_token: secret("id_token"),
        access_token: secret("access_token"),
        refresh_token: secret("refresh_token"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::object;
    use super::*;
    use reqwest::StatusCode;
    use serde_json::json;

    fn read_as(status: u16, body: &Value) -> Result<Tokens, OidcError> {
        let status = StatusCode::from_u16(status).expect("a status");
        read(&Answer { status, body: object(body), retry_after: None })
    }

    #[test]
    fn a_refusal_is_not_an_outage() {
        for (status, body, reason) in [
            (400, json!({"error": "invalid_grant"}), "refused"),
            (401, json!({"error": "invalid_client"}), "refused"),
            (400, json!({"error": "temporarily_unavailable"}), "provider_status"),
            (400, json!({"error": "invalid_grant", "error_codes": [90033]}), "provider_status"),
            (400, json!({}), "provider_status"),
            (429, json!({"error": "invalid_grant"}), "provider_status"),
            (500, json!({"error": "invalid_grant"}), "provider_status"),
            (307, json!({}), "provider_status"),
            (200, json!({"access_token": "a", "token_type": "DPoP"}), "wrong_token_type"),
            (200, json!({"access_token": "a"}), "wrong_token_type"),
        ] {
            assert_eq!(
                read_as(status, &body).map(|_| ()).map_err(|error| error.reason()),
                Err(reason),
                "{status} {body}"
            );
        }
    }

    #[test]
    fn an_odd_lifetime_or_an_absent_token_is_no_matter() {
        let tokens = read_as(
            200,
            &json!({"access_token": "a", "token_type": "bearer", "expires_in": "3600", "refresh_token": ""}),
        );
        let tokens = tokens.expect("tokens");
        assert!(tokens.access_token.is_some() && tokens.refresh_token.is_none() && tokens.id_token.is_none());
    }
}
