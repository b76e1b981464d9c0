//! What can come of talking to a provider besides success.

use super::credential::CredentialError;
use super::metadata::MetadataError;
use super::refusal::ProviderRefusal;
use super::token_error::TokenError;
use super::transport::CallError;
use std::time::Duration;

/// Why a sign-in could not begin or finish. Only [`OidcError::Unavailable`] is worth trying again by itself.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OidcError {
    /// The provider cannot be reached or understood just now: "cannot know", never "not signed in".
    #[error("the provider is not available")]
    Unavailable(#[source] CallError),
    /// The provider said no, and why.
    #[error("the provider refused")]
    Refused(#[source] Box<ProviderRefusal>),
    /// The provider said something that is not so.
    #[error("the provider's token does not hold")]
    Token(#[from] TokenError),
    /// The discovery document breaks a rule: nothing is sent there.
    #[error("the provider's discovery document does not hold")]
    Metadata(#[from] MetadataError),
    /// `iss` of the authorization response is another issuer, or absent though announced: a mix-up (RFC 9207 section 2.4).
    #[error("the authorization response is not from this provider")]
    WrongResponseIssuer,
    /// Gatepost cannot prove who it is: the operator must mend it.
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

/// Why a session's tokens could not be renewed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RefreshError {
    /// The provider ended it: `invalid_grant`, a disabled person, a changed password, interaction required.
    #[error("the provider ended the session")]
    Ended(#[source] Box<ProviderRefusal>),
    /// The new token is about somebody else, or from another issuer: end the session, raise the alarm.
    #[error("the renewed token does not belong to the session")]
    Identity(#[source] TokenError),
    /// Nothing was learnt: the session lives on for its grace time.
    #[error("the session could not be renewed just now")]
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
