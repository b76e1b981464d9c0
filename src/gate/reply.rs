//! Maps a denial to its answer and to its reason in metrics. The listener and `gatepost explain`
//! both use this mapping.

use super::forwarded::{Malformed, RequestKind};
use gatepost_core::api_key::KeyDenial;
use gatepost_core::decision::{Denial, Missing, SignInReason, TokenDenial, WordDenial};
use gatepost_core::quota::QuotaExceeded;
use gatepost_core::requirement::Requirement;
use gatepost_telemetry::Reason;
use std::time::Duration;

/// The answer to a denied request, from which the listener renders a redirect, a page or JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// 302 to the sign-in. Holds the router's `max_age`, so that the provider does not reuse an older sign-in without
    /// asking the person.
    RedirectToLogin(Option<Duration>),
    /// 401: the person has to sign in. Holds the router's `max_age`.
    SignInRequired(Option<Duration>),
    /// 401: the person has to sign in again, because the last sign-in is older than this.
    StepUp(Duration),
    /// 503: the session must be refreshed at its provider first.
    RefreshPending,
    /// 503: a navigation must go through the provider first, because the session has no refresh token.
    RecheckBySignIn,
    /// 403: a page of another origin sent the request.
    CrossOrigin,
    /// 403: the person does not meet the requirement.
    Forbidden(&'a Missing),
    /// 401: what came with the key about a person does not count.
    InvalidWord(&'a WordDenial),
    /// 403: no request may be sent for a person here.
    WordRefused(&'a WordDenial),
    /// 403: the person is unknown, disabled or not signed in.
    NobodyToActFor(&'a WordDenial),
    /// 401: the API key is worth nothing here.
    InvalidKey(KeyDenial),
    /// 403: the API key is not for this.
    KeyRefused(KeyDenial),
    /// 401: the access token is worth nothing here.
    InvalidToken(&'a TokenDenial),
    /// 403: the access token lacks one of these scopes.
    ScopeMissing(&'a [String]),
    /// 401: the access token's person must authenticate again, because that is longer ago than this.
    TokenStepUp(Duration),
    /// 429: too many requests. Holds the time to wait.
    TooMany(Duration),
    /// 429: a quota of the tenant is used up.
    QuotaExceeded(&'a QuotaExceeded),
}

impl<'a> Reply<'a> {
    /// The answer to a request of this kind.
    pub const fn to(denial: &'a Denial, kind: RequestKind, requirement: &Requirement) -> Self {
        let may_redirect = may_redirect(kind, requirement);
        match denial {
            Denial::SignIn(_) if may_redirect => Self::RedirectToLogin(requirement.max_age),
            // There is a session. Its `max_age` is checked after the provider has confirmed it, so none is required
            // here.
            Denial::CheckFirst | Denial::CheckBySignIn if may_redirect => Self::RedirectToLogin(None),
            Denial::StepUp(max_age) if may_redirect => Self::RedirectToLogin(Some(*max_age)),
            Denial::SignIn(_) => Self::SignInRequired(requirement.max_age),
            Denial::StepUp(max_age) => Self::StepUp(*max_age),
            Denial::CheckFirst => Self::RefreshPending,
            Denial::CheckBySignIn => Self::RecheckBySignIn,
            Denial::CrossOrigin => Self::CrossOrigin,
            Denial::Forbidden(missing) => Self::Forbidden(missing),
            Denial::Word(denial @ WordDenial::Nobody) => Self::NobodyToActFor(denial),
            Denial::Word(denial) if denial.is_invalid() => Self::InvalidWord(denial),
            Denial::Word(denial) => Self::WordRefused(denial),
            Denial::Key(KeyDenial::TooMany(wait)) | Denial::Token(TokenDenial::TooMany(wait)) => {
                Self::TooMany(*wait)
            }
            Denial::Quota(exceeded) => Self::QuotaExceeded(exceeded),
            Denial::Token(TokenDenial::MissingScope(scopes)) => Self::ScopeMissing(scopes.as_slice()),
            Denial::Token(TokenDenial::StepUp(max_age)) => Self::TokenStepUp(*max_age),
            Denial::Token(denial) => Self::InvalidToken(denial),
            Denial::Key(denial) if denial.is_invalid() => Self::InvalidKey(*denial),
            Denial::Key(denial) => Self::KeyRefused(*denial),
        }
    }

    /// The status of the answer.
    pub const fn status(self) -> u16 {
        match self {
            Self::RedirectToLogin(_) => 302,
            Self::SignInRequired(_)
            | Self::StepUp(_)
            | Self::InvalidKey(_)
            | Self::InvalidWord(_)
            | Self::InvalidToken(_)
            | Self::TokenStepUp(_) => 401,
            Self::CrossOrigin
            | Self::Forbidden(_)
            | Self::KeyRefused(_)
            | Self::WordRefused(_)
            | Self::NobodyToActFor(_)
            | Self::ScopeMissing(_) => 403,
            Self::TooMany(_) | Self::QuotaExceeded(_) => 429,
            Self::RefreshPending | Self::RecheckBySignIn => 503,
        }
    }
}

/// Whether the answer to a request of this kind may send the browser elsewhere.
pub const fn may_redirect(kind: RequestKind, requirement: &Requirement) -> bool {
    matches!(kind, RequestKind::Navigation) && !requirement.api
}

/// The reason of a denial in metrics and explanations.
pub const fn reason_of(denial: &Denial) -> Reason {
    match denial {
        Denial::SignIn(reason) => reason_of_sign_in(*reason),
        Denial::CheckFirst | Denial::CheckBySignIn => Reason::RefreshPending,
        Denial::CrossOrigin => Reason::CrossOrigin,
        Denial::StepUp(_) => Reason::MaxAge,
        Denial::Forbidden(missing) if missing.tool.is_some() => Reason::ToolForbidden,
        Denial::Forbidden(missing) if missing.suspended.is_some() => Reason::TenantSuspended,
        Denial::Forbidden(missing) if !missing.groups.is_empty() => Reason::GroupMissing,
        Denial::Forbidden(missing) if !missing.tenants.is_empty() || missing.confined_to.is_some() => {
            Reason::TenantMissing
        }
        Denial::Forbidden(_) => Reason::NotAdmin,
        Denial::Key(denial) => reason_of_key(*denial),
        Denial::Word(WordDenial::Nobody) => Reason::NobodyToActFor,
        Denial::Word(denial) if denial.is_invalid() => Reason::InvalidWord,
        Denial::Word(_) => Reason::WordRefused,
        Denial::Token(denial) => reason_of_token(denial),
        Denial::Quota(_) => Reason::QuotaExceeded,
    }
}

const fn reason_of_token(denial: &TokenDenial) -> Reason {
    match denial {
        TokenDenial::Invalid(_) => Reason::InvalidCredential,
        TokenDenial::Expired => Reason::Expired,
        TokenDenial::Ended => Reason::SessionEnded,
        TokenDenial::Disabled => Reason::UserDisabled,
        TokenDenial::NoAddress => Reason::NoAddress,
        TokenDenial::MissingScope(_) => Reason::TokenScope,
        TokenDenial::StepUp(_) => Reason::MaxAge,
        TokenDenial::TooMany(_) => Reason::TooMany,
    }
}

const fn reason_of_key(denial: KeyDenial) -> Reason {
    match denial {
        KeyDenial::NotAKey(_) | KeyDenial::Unknown | KeyDenial::Ended | KeyDenial::Network => {
            Reason::InvalidCredential
        }
        KeyDenial::Expired => Reason::Expired,
        KeyDenial::Scope => Reason::KeyScope,
        KeyDenial::Host => Reason::KeyHost,
        KeyDenial::TenantSuspended => Reason::TenantSuspended,
        KeyDenial::NoSignIn => Reason::MaxAge,
        KeyDenial::TooMany(_) => Reason::TooMany,
    }
}

/// Does the same for a request without a valid session.
pub const fn reason_of_sign_in(reason: SignInReason) -> Reason {
    match reason {
        SignInReason::NoSession => Reason::NoCredential,
        SignInReason::Ended => Reason::SessionEnded,
        SignInReason::Expired => Reason::Expired,
        SignInReason::Disabled => Reason::UserDisabled,
        SignInReason::NoAddress => Reason::NoAddress,
    }
}

/// Does the same for a malformed request.
pub fn reason_of_malformed(error: &Malformed) -> Reason {
    match error {
        Malformed::Repeated("Authorization") | Malformed::TwoKeys => Reason::RepeatedAuthorization,
        Malformed::Alias(_) | Malformed::AliasOfWord => Reason::HeaderAlias,
        Malformed::PlainHttp => Reason::PlainHttp,
        Malformed::Missing(_) | Malformed::Repeated(_) | Malformed::Unreadable(_) => Reason::ForwardedHeaders,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_navigations_are_redirected_to_sign_in() {
        let age = Duration::from_mins(15);
        let page = Requirement::default();
        let api = Requirement { api: true, ..Requirement::default() };
        let missing = Missing::default();
        for (denial, looking, asking) in [
            (
                Denial::SignIn(SignInReason::Expired),
                Reply::RedirectToLogin(None),
                Reply::SignInRequired(None),
            ),
            (Denial::StepUp(age), Reply::RedirectToLogin(Some(age)), Reply::StepUp(age)),
            (Denial::CheckFirst, Reply::RedirectToLogin(None), Reply::RefreshPending),
            (Denial::CheckBySignIn, Reply::RedirectToLogin(None), Reply::RecheckBySignIn),
            (Denial::CrossOrigin, Reply::CrossOrigin, Reply::CrossOrigin),
            (Denial::Forbidden(missing.clone()), Reply::Forbidden(&missing), Reply::Forbidden(&missing)),
        ] {
            assert_eq!(Reply::to(&denial, RequestKind::Navigation, &page), looking, "{denial:?}");
            assert_eq!(Reply::to(&denial, RequestKind::Navigation, &api), asking, "{denial:?}");
            assert_eq!(Reply::to(&denial, RequestKind::Other, &page), asking, "{denial:?}");
        }
    }

    #[test]
    fn the_first_sign_in_has_the_max_age_of_the_router() {
        let age = Duration::from_mins(15);
        let router = Requirement { max_age: Some(age), ..Requirement::default() };
        for reason in [SignInReason::NoSession, SignInReason::Ended, SignInReason::Expired] {
            let denial = Denial::SignIn(reason);
            assert_eq!(
                Reply::to(&denial, RequestKind::Navigation, &router),
                Reply::RedirectToLogin(Some(age))
            );
            assert_eq!(Reply::to(&denial, RequestKind::Other, &router), Reply::SignInRequired(Some(age)));
        }
        assert_eq!(
            Reply::to(&Denial::CheckFirst, RequestKind::Navigation, &router),
            Reply::RedirectToLogin(None)
        );
    }
}
