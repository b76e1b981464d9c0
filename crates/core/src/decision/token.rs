//! Decides about a request with an access token of a provider.

use super::{Denial, Permit, missing, permit};
use crate::access::Standing;
use crate::auth_time::AuthTime;
use crate::clock::Timestamp;
use crate::requirement::Requirement;
use std::borrow::Cow;
use std::time::Duration;

/// The times of an access token, by the provider's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenTimes {
    /// `iat`.
    pub issued_at: Timestamp,
    /// When the person authenticated.
    pub auth_time: AuthTime,
    /// From then on the token is worth nothing.
    pub expires_at: Timestamp,
}

/// Why an access token does not count for a request. The text helps who holds the token, and has no text from outside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenDenial {
    /// It fails a check, or its holder is nobody here.
    #[error("{0}")]
    Invalid(Cow<'static, str>),
    /// It has expired.
    #[error("the token has expired")]
    Expired,
    /// The person's sessions were ended after it was issued.
    #[error("the token was issued before the sessions of its person were ended: request another one")]
    Ended,
    /// An administrator disabled the person.
    #[error("the person of the token is disabled")]
    Disabled,
    /// The person has no address.
    #[error("the person of the token has no address here")]
    NoAddress,
    /// It lacks scopes. Holds all that are required.
    #[error("the token lacks a scope that is required here")]
    MissingScope(Vec<String>),
    /// The person authenticated more than this ago, or the token does not say when.
    #[error("a more recent authentication is required")]
    StepUp(Duration),
    /// Too many tokens from this address fail. Holds the time to wait.
    #[error("too many requests")]
    TooMany(Duration),
}

/// Decides about a request with an access token. The rule about other origins is not applied: no browser sends a token by
/// itself.
///
/// # Errors
/// The first reason for which the request may not pass.
pub fn decide_token<'a>(
    requirement: &'a Requirement,
    standing: &'a Standing,
    times: &TokenTimes,
    now: Timestamp,
) -> Result<Permit<'a>, Denial> {
    let is_over = standing.sessions_not_before.is_some_and(|not_before| times.issued_at < not_before);
    let denial = if now >= times.expires_at {
        Some(TokenDenial::Expired)
    } else if is_over {
        Some(TokenDenial::Ended)
    } else if standing.is_disabled {
        Some(TokenDenial::Disabled)
    } else {
        None
    };
    if let Some(denial) = denial {
        return Err(Denial::Token(denial));
    }
    let email = standing.person.email.as_ref().ok_or(Denial::Token(TokenDenial::NoAddress))?;
    if let Some(missing) = missing(requirement, &standing.access) {
        return Err(Denial::Forbidden(missing));
    }
    match requirement.max_age {
        Some(max_age) if !times.auth_time.is_within(max_age, now) => {
            Err(Denial::Token(TokenDenial::StepUp(max_age)))
        }
        _ => Ok(permit(email, standing, requirement)),
    }
}
