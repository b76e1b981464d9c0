//! Asking the provider again about somebody who is signed in (OpenID Connect Core section 12).
//!
//! Two steps, because a provider that rotates has forgotten the old refresh token by the end of the first: the new one
//! is the caller's to keep before keys, userinfo and Graph are asked in the second.

use super::error::{OidcError, RefreshError};
use super::id_token::{Demands, NonceRule, VerifiedIdToken};
use super::metadata::Metadata;
use super::provider::Provider;
use super::token_endpoint::{Grant, ReceivedIdToken, Tokens};
use super::token_error::TokenError;
use gatepost_config::ProviderKind;
use gatepost_core::identity::{AssertedIdentity, SubjectKey};
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Instant;

/// What a renewal starts from.
#[derive(Clone, Copy, Debug)]
pub struct Renewal<'a> {
    /// The newest refresh token of the session.
    pub refresh_token: &'a SecretString,
    /// Whose session it is.
    pub subject: &'a SubjectKey,
    /// The nonce of the sign-in: some providers repeat it.
    pub nonce: &'a str,
}

/// Renewed tokens that nothing has been learnt from yet.
#[derive(Debug)]
pub struct Renewed {
    tokens: Tokens,
    refresh_token: Option<SecretString>,
    metadata: Arc<Metadata>,
}

impl Renewed {
    /// Replaces the old one, where one came; else the old one stays good. To be kept before anything else is done.
    pub const fn refresh_token(&self) -> Option<&SecretString> {
        self.refresh_token.as_ref()
    }
}

/// What a renewal brought.
#[derive(Clone, Debug)]
pub struct Refreshed {
    /// What the provider asserts now. An address that is `None` in it is no news: userinfo may have been down. Without
    /// an ID token it is what userinfo says, and groups that it does not name are unknown.
    pub identity: AssertedIdentity,
    /// The newest ID token, only where the provider needs it as `id_token_hint`.
    pub id_token: Option<SecretString>,
}

impl Provider {
    /// Renews the tokens of a session. While a pause lasts that the provider asked for (`Retry-After`), it is not called.
    ///
    /// # Errors
    /// See [`RefreshError`]: only two of the three end the session.
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
            Err(error) => Err(error.into()),
        }
    }

    /// What the renewed tokens say: who it is, with groups read again.
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

/// Whose token it is, not whether it could be verified just now: a wrong clock must not end all sessions.
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
