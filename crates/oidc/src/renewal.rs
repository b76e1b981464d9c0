//! Refreshes the tokens of a signed-in person (OpenID Connect Core section 12).
//!
//! There are two steps. A provider that rotates refresh tokens no longer accepts the old one after the first step, so the
//! caller stores the new one before the second step calls keys, userinfo and Graph.

use super::error::{OidcError, RefreshError};
use super::id_token::{Demands, NonceRule, VerifiedIdToken};
use super::metadata::Metadata;
use super::provider::Provider;
use super::token_endpoint::Grant;
use super::token_error::TokenError;
use super::tokens::{ReceivedIdToken, Tokens};
use gatepost_config::ProviderKind;
use gatepost_core::identity::{AssertedIdentity, SubjectKey};
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Instant;

/// The input of a renewal.
#[derive(Clone, Copy, Debug)]
pub struct Renewal<'a> {
    /// The newest refresh token of the session.
    pub refresh_token: &'a SecretString,
    /// The person whose session it is.
    pub subject: &'a SubjectKey,
    /// The nonce of the sign-in, which some providers repeat.
    pub nonce: &'a str,
}

/// The tokens that a renewal brought, not verified yet.
#[derive(Debug)]
pub struct Renewed {
    tokens: Tokens,
    refresh_token: Option<SecretString>,
    metadata: Arc<Metadata>,
}

impl Renewed {
    /// The new refresh token, to be stored at once. `None`: the old one stays valid.
    pub const fn refresh_token(&self) -> Option<&SecretString> {
        self.refresh_token.as_ref()
    }
}

/// The result of a renewal.
#[derive(Clone, Debug)]
pub struct Refreshed {
    /// What the provider states now. An address of `None` means that the address is not known now, because userinfo may
    /// have failed. Without an ID token the identity comes from userinfo, and groups that userinfo omits are unknown.
    pub identity: AssertedIdentity,
    /// The newest ID token. Set only if the provider needs it as `id_token_hint`.
    pub id_token: Option<SecretString>,
}

impl Provider {
    /// Renews the tokens of a session. While a pause lasts that the provider asked for (`Retry-After`), it is not called.
    ///
    /// # Errors
    /// See [`RefreshError`]. [`RefreshError::Unavailable`] does not end the session.
    pub async fn renew(&self, renewal: &Renewal<'_>) -> Result<Renewed, RefreshError> {
        self.refresh_pause.check(Instant::now()).map_err(OidcError::from)?;
        let metadata = self.discovery.metadata().await?;
        // Entra answers with an ID token only if asked for `openid` again.
        let is_entra = matches!(self.config.kind, ProviderKind::Entra { .. });
        let scopes = if is_entra { self.scopes() } else { Vec::new() };
        let grant = Grant::Refresh { token: renewal.refresh_token, scopes };
        match self.request_tokens(&metadata, grant).await {
            Ok(tokens) => Ok(Renewed { refresh_token: tokens.secret_refresh_token(), tokens, metadata }),
            Err(OidcError::Refused(refusal)) if refusal.ends_grant() => Err(RefreshError::Ended(refusal)),
            Err(error) => {
                if let OidcError::Unavailable(error) = &error {
                    self.refresh_pause.note(error, Instant::now());
                }
                Err(error.into())
            }
        }
    }

    /// Verifies the renewed tokens and gathers address, name and groups again.
    ///
    /// # Errors
    /// See [`RefreshError`].
    pub async fn identify_renewed(
        &self,
        renewed: &Renewed,
        renewal: &Renewal<'_>,
    ) -> Result<Refreshed, RefreshError> {
        let Renewed { tokens, metadata, .. } = renewed;
        let id_token = tokens.received_id_token();
        let access_token = tokens.usable_access_token();
        let identity = match id_token {
            Some(token) => self.identify_by_id_token(token, tokens, metadata, renewal).await,
            None => self.identify_by_userinfo(renewal.subject, access_token, metadata).await,
        };
        match identity {
            Ok(identity) => Ok(Refreshed {
                identity,
                id_token: id_token.filter(|_| self.needs_id_token_hint()).map(|token| token.text().into()),
            }),
            Err(OidcError::Token(error)) if is_about_identity(&error) => Err(RefreshError::Identity(error)),
            Err(error) => Err(error.into()),
        }
    }

    async fn identify_by_id_token(
        &self,
        token: &ReceivedIdToken,
        tokens: &Tokens,
        metadata: &Metadata,
        renewal: &Renewal<'_>,
    ) -> Result<AssertedIdentity, OidcError> {
        let token = self.verify_renewed(token, tokens, renewal).await?;
        Ok(self.identify(&token, tokens.usable_access_token(), metadata).await?.identity)
    }

    async fn verify_renewed(
        &self,
        token: &ReceivedIdToken,
        tokens: &Tokens,
        renewal: &Renewal<'_>,
    ) -> Result<VerifiedIdToken, OidcError> {
        let demands =
            Demands { nonce: NonceRule::AbsentOr(renewal.nonce), access_token: tokens.usable_access_token() };
        let token = self.verify_id_token(token, &demands).await?;
        if token.subject == *renewal.subject { Ok(token) } else { Err(TokenError::WrongSubject.into()) }
    }
}

/// Whether the error concerns whose token it is. Other errors do not end the session: a wrong clock must not end all
/// sessions.
const fn is_about_identity(error: &TokenError) -> bool {
    matches!(
        error,
        TokenError::WrongIssuer(_)
            | TokenError::WrongTenant(_)
            | TokenError::WrongSubject
            | TokenError::WrongNonce
            | TokenError::WrongAudience
            | TokenError::WrongAuthorizedParty
            | TokenError::WrongAccessTokenHash
            | TokenError::UserinfoOfAnother
            | TokenError::KeyOfAnotherIssuer
            | TokenError::BadSignature
    )
}
