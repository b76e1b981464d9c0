//! Decides about a request that a program sends for a person: by an API key and a signed word about the person.

use super::{Denial, Lifetimes, Permit, RefreshDue, SessionTimes, missing, permit};
use crate::access::Standing;
use crate::api_key::KeyDenial;
use crate::clock::Timestamp;
use crate::requirement::Requirement;

/// Why what a program says about a person does not count. The text helps who holds the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordDenial {
    /// The word is forged, has expired, or lives too long. Holds why, in plain ASCII without quotation marks.
    #[error("the statement about the person does not count: {0}")]
    Invalid(Box<str>),
    /// Headers name a person and nothing is signed.
    #[error("unsigned: headers name a person, but no signed statement came with them")]
    Unsigned,
    /// There are several words, or one that is no text.
    #[error("the statement about the person must be one header line of plain text")]
    Repeated,
    /// The key may not send words of this speaker.
    #[error("the key lacks the scope act-as for this speaker")]
    Scope,
    /// The words of this speaker do not count at this host.
    #[error("statements of this speaker do not count at this host")]
    Host,
    /// The person is unknown, disabled, or has no valid session.
    #[error("the person has not signed in, or may not any more")]
    Nobody,
}

impl WordDenial {
    /// Whether the credential is worth nothing here (401). Otherwise it is known, and lacks something (403).
    pub const fn is_invalid(&self) -> bool {
        matches!(self, Self::Invalid(_) | Self::Unsigned | Self::Repeated)
    }
}

/// Decides about a person for whom a request is sent, after the key and the word were found to count. `standing` must be
/// without admin rights ([`crate::access::Access::for_speaker`]). The rule about other origins is not applied: no browser
/// sends a key by itself.
///
/// # Errors
/// The first reason for which the request may not pass. [`WordDenial::Nobody`] if `session` is none that is valid.
pub fn decide_for_person<'a>(
    requirement: &'a Requirement,
    standing: &'a Standing,
    session: Option<&SessionTimes>,
    lifetimes: &Lifetimes,
    now: Timestamp,
) -> Result<Permit<'a>, Denial> {
    let nobody = Denial::Word(WordDenial::Nobody);
    let is_over = |times: &SessionTimes| {
        now >= times.ends_at(lifetimes) || times.refresh_due(now, lifetimes) == RefreshDue::First
    };
    if standing.is_disabled || standing.access.is_admin || session.is_some_and(is_over) {
        return Err(nobody);
    }
    let email = standing.person.email.as_ref().ok_or(nobody)?;
    if let Some(missing) = missing(requirement, &standing.access) {
        return Err(Denial::Forbidden(missing));
    }
    if requirement.max_age.is_some() {
        return Err(Denial::Key(KeyDenial::NoSignIn));
    }
    Ok(permit(email, standing, requirement))
}
