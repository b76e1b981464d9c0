//! The errors of a sign-in and of a refresh.

use super::credential_error::CredentialError;
use super::metadata_error::MetadataError;
use super::token_error::TokenError;
use super::transport::CallError;
use gatepost_core::provider_refusal::ProviderRefusal;
use std::time::Duration;

/// Why a sign-in could not begin or finish. Only after [`OidcError::Unavailable`] does it help to try the same again.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OidcError {
    /// The provider does not answer, or its answer cannot be used. This says nothing about the person: it never means "not
    /// signed in".
    #[error("the provider is not available")]
    Unavailable(#[source] CallError),
    /// The provider refused with an error response.
    #[error("the provider refused")]
    Refused(#[source] Box<ProviderRefusal>),
    /// A token, or what came with it, failed a check.
    #[error("the provider's token is not valid")]
    Token(#[from] TokenError),
    /// The discovery document failed a check. Nothing is sent to its endpoints.
    #[error("the provider's discovery document is not valid")]
    Metadata(#[from] MetadataError),
    /// `iss` of the authorization response names another issuer, or is absent although the provider announces it: a mix-up
    /// attack (RFC 9207 section 2.4).
    #[error("the authorization response is not from this provider")]
    WrongResponseIssuer,
    /// The client cannot authenticate. The operator has to correct the credential.
    #[error("the client credential cannot be used")]
    Credential(#[from] CredentialError),
}

impl OidcError {
    /// How long the provider asked to wait (`Retry-After`), at most a minute.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable(error) => error.retry_after(),
            _ => None,
        }
    }

    /// The `reason` label: one of a closed set.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unavailable(error) => error.reason(),
            Self::Refused(_) => "refused",
            Self::Token(error) => error.reason(),
            Self::Metadata(error) => error.reason(),
            Self::WrongResponseIssuer => "wrong_response_issuer",
            Self::Credential(_) => "client_credential",
        }
    }
}

impl From<CallError> for OidcError {
    fn from(error: CallError) -> Self {
        Self::Unavailable(error)
    }
}

/// Why the tokens of a session could not be refreshed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RefreshError {
    /// The provider ended the session: `invalid_grant`, a disabled person, a changed password, interaction required.
    #[error("the provider ended the session")]
    Ended(#[source] Box<ProviderRefusal>),
    /// The new token is about another person or from another issuer. The caller ends the session and logs an error.
    #[error("the renewed token does not belong to the session")]
    Identity(#[source] TokenError),
    /// The refresh failed for another reason. The session goes on for its grace time.
    #[error("the session could not be renewed now")]
    Unavailable(#[from] OidcError),
}

impl RefreshError {
    /// The `reason` label: one of a closed set.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Ended(_) => "ended",
            Self::Identity(error) => error.reason(),
            Self::Unavailable(error) => error.reason(),
        }
    }
}
