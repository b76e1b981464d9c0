//! Access tokens that a client sends to a protected host: signed JWTs (RFC 9068, and what Entra and Keycloak issue).
//!
//! Anybody can send one, so nothing is fetched for a token but the keys, within a limit of their own. All checks are made after
//! the signature was verified; before that, `iss` and `aud` only choose the provider. An ID token never passes: it is made for
//! a client, lies in browsers, and says nothing about what its holder may do (RFC 8725 section 3.12).

mod client;
mod error;
mod identity;
#[cfg(test)]
mod tests;

pub use error::AccessTokenError;

use super::claims::{Claims, required};
use super::discovery::Source;
use super::error::OidcError;
use super::id_token::{LEEWAY, check_end};
use super::jws::Jws;
use super::keys::Key;
use super::provider::{Provider, Providers};
use super::token_error::TokenError;
use gatepost_config::{BearerConfig, ProviderKind};
use gatepost_core::auth_time::AuthTime;
use gatepost_core::clock::Timestamp;
use gatepost_core::identity::{AssertedGroup, AssertedIdentity};
use gatepost_core::ids::ProviderId;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The longest token in bytes.
const TOKEN_LIMIT: usize = 8 * 1024;
/// The issuers of Entra's v1.0 tokens begin with this.
const ENTRA_V1: &str = "https://sts.windows.net/";

/// An access token that has passed all checks.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The provider that issued it.
    pub provider: ProviderId,
    /// For whom it was issued.
    pub holder: TokenHolder,
    /// `iat`, by the provider's clock.
    pub issued_at: Timestamp,
    /// When the person authenticated.
    pub auth_time: AuthTime,
    /// `exp`, and the accepted difference of clocks. From then on the token is worth nothing.
    pub expires_at: Timestamp,
    /// For which resource it was issued, and with which scopes.
    pub grant: Grant,
}

/// What an access token is for.
#[derive(Clone, Debug)]
pub struct Grant {
    audience: Vec<String>,
    /// Of an application its app roles, too.
    scopes: BTreeSet<String>,
    /// Entra's tokens name the client id of an API and the last part of a scope, whatever the client requested.
    is_of_entra: bool,
}

impl Grant {
    /// Whether the token was issued for a tool server with this address. `audience` is what an administrator says that tokens for
    /// it name; else it is the address, which no token of Entra names.
    pub fn is_for(&self, audience: Option<&str>, address: &str) -> bool {
        match audience {
            None if self.is_of_entra => true,
            audience => self.audience.iter().any(|own| own == audience.unwrap_or(address)),
        }
    }

    /// Whether the token has a scope, spelled as clients request it.
    pub fn has_scope(&self, scope: &str) -> bool {
        let short = scope.rsplit_once('/').filter(|_| self.is_of_entra).map(|(_, short)| short);
        self.scopes.contains(scope) || short.is_some_and(|short| self.scopes.contains(short))
    }

    /// The size of its texts, in bytes.
    pub fn size(&self) -> usize {
        self.audience.iter().chain(&self.scopes).map(|text| size_of::<String>() + text.len()).sum()
    }
}

/// For whom an access token was issued.
#[derive(Clone, Debug)]
pub enum TokenHolder {
    /// A client acts for a person.
    Person(Box<AssertedIdentity>),
    /// A client acts for itself. It is listed in `..__BEARER_CLIENTS`.
    Application {
        /// `azp`, `client_id` or `appid`.
        client: String,
        /// The app roles of the client.
        roles: Vec<AssertedGroup>,
    },
}

impl Providers {
    /// Whether a provider is configured whose access tokens are accepted.
    pub fn accept_access_tokens(&self) -> bool {
        self.iter().any(|provider| provider.config().bearer.is_some())
    }

    /// Verifies an access token at the provider that it names.
    ///
    /// # Errors
    /// [`AccessTokenError`].
    pub async fn verify_access_token(&self, token: &str) -> Result<AccessToken, AccessTokenError> {
        if token.len() > TOKEN_LIMIT {
            return Err(TokenError::Malformed("too long").into());
        }
        let jws = Jws::parse(token)?;
        let (provider, bearer) = self.provider_of(&jws.payload_claims()?)?;
        if !jws.has_type(&["at+jwt", "jwt"]) {
            return Err(AccessTokenError::WrongType);
        }
        let now = Timestamp::now();
        let check = |key: &Key| {
            let claims = jws.verify(key)?;
            // The claims that fail now failed before the keys are fetched again: only a wrong key may cause that.
            Ok(provider.check_access_token(bearer, &claims, key, now))
        };
        provider.discovery.verify(&jws, Source::AccessToken, check).await?
    }

    /// The provider whose token this claims to be. Several providers may have one issuer, each with its audience.
    fn provider_of(&self, claims: &Claims) -> Result<(&Arc<Provider>, &BearerConfig), AccessTokenError> {
        let issuer = required(claims.text("iss")?, "iss")?;
        let accepting =
            self.iter().filter_map(|provider| Some((provider, provider.config().bearer.as_ref()?)));
        let of_issuer: Vec<_> = accepting.filter(|(provider, _)| provider.issuer.accepts(issuer)).collect();
        if of_issuer.is_empty() {
            let is_v1 = issuer.starts_with(ENTRA_V1);
            return Err(if is_v1 { AccessTokenError::EntraV1 } else { AccessTokenError::UnknownIssuer });
        }
        let audience = audience(claims)?;
        let ours = of_issuer.into_iter().find(|(_, bearer)| is_for_us(bearer, &audience));
        ours.ok_or(TokenError::WrongAudience.into())
    }
}

impl Provider {
    /// Checks the claims of a token whose signature `key` has verified.
    fn check_access_token(
        &self,
        bearer: &BearerConfig,
        claims: &Claims,
        key: &Key,
        now: Timestamp,
    ) -> Result<AccessToken, AccessTokenError> {
        let issuer = self.issuer.check_token(claims, key.issuer())?;
        let audience = audience(claims)?;
        if !is_for_us(bearer, &audience) {
            return Err(TokenError::WrongAudience.into());
        }
        let expires_at = check_end(claims, now)?.plus(LEEWAY);
        let issued_at = check_start(claims, now)?;
        let auth_time = claims.moment("auth_time")?;
        if auth_time.is_some_and(|at| at > now.plus(LEEWAY)) {
            return Err(TokenError::WrongAuthTime.into());
        }
        require_access_token(claims)?;
        let subject = self.issuer.subject(claims, issuer)?;
        let holder = client::Holder::read(self, claims, &audience)?;
        holder.require_listed(bearer)?;
        holder.require_scopes(bearer)?;
        let grant = Grant {
            scopes: holder.granted(),
            audience: audience.into_iter().map(str::to_owned).collect(),
            is_of_entra: matches!(self.config.kind, ProviderKind::Entra { .. }),
        };
        Ok(AccessToken {
            grant,
            provider: self.id().clone(),
            holder: self.token_holder(holder, claims, subject)?,
            issued_at,
            auth_time: auth_time.into(),
            expires_at,
        })
    }
}

/// `aud`: a string, or an array of strings.
fn audience(claims: &Claims) -> Result<Vec<&str>, TokenError> {
    match required(claims.get("aud"), "aud")? {
        Value::String(one) => Ok(vec![one]),
        Value::Array(list) => {
            let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
            texts.ok_or(TokenError::MalformedClaim("aud"))
        }
        _ => Err(TokenError::MalformedClaim("aud")),
    }
}

fn is_for_us(bearer: &BearerConfig, audience: &[&str]) -> bool {
    bearer.audience.iter().any(|ours| audience.contains(&ours.as_str()))
}

/// Checks `iat` and `nbf`. Gives `iat`. An access token may be old: only `exp` ends it.
fn check_start(claims: &Claims, now: Timestamp) -> Result<Timestamp, TokenError> {
    let issued_at = required(claims.moment("iat")?, "iat")?;
    let not_before = claims.moment("nbf")?.unwrap_or(issued_at);
    if issued_at.max(not_before) > now.plus(LEEWAY) { Err(TokenError::NotYetValid) } else { Ok(issued_at) }
}

/// Refuses ID tokens, logout tokens, Keycloak's other tokens, and tokens that are bound to a key.
fn require_access_token(claims: &Claims) -> Result<(), AccessTokenError> {
    let has = |name: &&str| claims.members().any(|(member, _)| member == *name);
    if ["nonce", "at_hash", "c_hash", "events"].iter().any(has) {
        return Err(AccessTokenError::NotAnAccessToken);
    }
    // Keycloak says in the claim `typ` which of its tokens this is: `Bearer`, `ID`, `Refresh`, `Logout`.
    if claims.text("typ")?.is_some_and(|typ| !typ.eq_ignore_ascii_case("bearer")) {
        return Err(AccessTokenError::NotAnAccessToken);
    }
    if has(&"cnf") {
        return Err(AccessTokenError::BoundToKey);
    }
    Ok(())
}

/// The words of a claim that is a string of words or an array of strings. `None`: there are none.
fn words(claims: &Claims, name: &'static str) -> Result<Option<BTreeSet<String>>, TokenError> {
    let list: BTreeSet<String> = match claims.get(name) {
        None => return Ok(None),
        Some(Value::String(text)) => text.split_ascii_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(list)) => {
            let texts: Option<_> = list.iter().map(|value| value.as_str().map(str::to_owned)).collect();
            texts.ok_or(TokenError::MalformedClaim(name))?
        }
        Some(_) => return Err(TokenError::MalformedClaim(name)),
    };
    Ok(Some(list).filter(|list| !list.is_empty()))
}

impl From<OidcError> for AccessTokenError {
    fn from(error: OidcError) -> Self {
        match error {
            OidcError::Token(error) => Self::Token(error),
            other => Self::Unavailable(other),
        }
    }
}
