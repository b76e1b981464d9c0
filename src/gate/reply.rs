//! How a denial is answered (DESIGN.md section 4), and the word for why: what the listener does and what
//! `gatepost explain` says are one and the same.

use super::forwarded::{Malformed, RequestKind};
use gatepost_core::decision::{Denial, Missing, SignInReason};
use gatepost_core::requirement::Requirement;
use gatepost_telemetry::Reason;
use std::time::Duration;

/// The answer to a denied request; a page or a redirect follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// 302: the browser goes to sign in, with the age that the router demands: nobody is let in by a sign-in that the
    /// provider grants unseen, hours after the person left.
    Login(Option<Duration>),
    /// 401: somebody has to sign in, as recently as the router demands.
    SignIn(Option<Duration>),
    /// 401: they have to prove once more who they are.
    StepUp(Duration),
    /// 503: the provider is asked first.
    Later,
    /// 503: the provider is asked first, by a visit of the browser.
    LaterBySignIn,
    /// 403: another origin's doing.
    CrossOrigin,
    /// 403: not allowed.
    Forbidden(&'a Missing),
}

impl<'a> Reply<'a> {
    /// The answer to a request of this kind.
    pub const fn to(denial: &'a Denial, kind: RequestKind, requirement: &Requirement) -> Self {
        let may_redirect = may_redirect(kind, requirement);
        match denial {
            Denial::SignIn(_) if may_redirect => Self::Login(requirement.max_age),
            // There is a session: what it may is judged before its age, once the provider was asked.
            Denial::CheckFirst | Denial::CheckBySignIn if may_redirect => Self::Login(None),
            Denial::StepUp(max_age) if may_redirect => Self::Login(Some(*max_age)),
            Denial::SignIn(_) => Self::SignIn(requirement.max_age),
            Denial::StepUp(max_age) => Self::StepUp(*max_age),
            Denial::CheckFirst => Self::Later,
            Denial::CheckBySignIn => Self::LaterBySignIn,
            Denial::CrossOrigin => Self::CrossOrigin,
            Denial::Forbidden(missing) => Self::Forbidden(missing),
        }
    }

    /// The status of the answer.
    pub const fn status(self) -> u16 {
        match self {
            Self::Login(_) => 302,
            Self::SignIn(_) | Self::StepUp(_) => 401,
            Self::CrossOrigin | Self::Forbidden(_) => 403,
            Self::Later | Self::LaterBySignIn => 503,
        }
    }
}

/// Whether the answer to a request of this kind may send the browser elsewhere.
pub const fn may_redirect(kind: RequestKind, requirement: &Requirement) -> bool {
    matches!(kind, RequestKind::Navigation) && !requirement.api
}

/// The word for a denial in metrics and explanations.
pub const fn reason_of(denial: &Denial) -> Reason {
    match denial {
        Denial::SignIn(reason) => reason_of_sign_in(*reason),
        Denial::CheckFirst | Denial::CheckBySignIn => Reason::RefreshPending,
        Denial::CrossOrigin => Reason::CrossOrigin,
        Denial::StepUp(_) => Reason::MaxAge,
        Denial::Forbidden(missing) if !missing.groups.is_empty() => Reason::GroupMissing,
        Denial::Forbidden(missing) if !missing.tenants.is_empty() => Reason::TenantMissing,
        Denial::Forbidden(_) => Reason::NotAdmin,
    }
}

/// The same for why nobody is signed in.
pub const fn reason_of_sign_in(reason: SignInReason) -> Reason {
    match reason {
        SignInReason::NoSession => Reason::NoCredential,
        SignInReason::Ended => Reason::SessionEnded,
        SignInReason::Expired => Reason::Expired,
        SignInReason::Disabled => Reason::UserDisabled,
        SignInReason::NoAddress => Reason::NoAddress,
    }
}

/// The same for a request that a proxy set up rightly does not send.
pub fn reason_of_malformed(error: &Malformed) -> Reason {
    match error {
        Malformed::Repeated("Authorization") => Reason::RepeatedAuthorization,
        Malformed::Alias(_) => Reason::HeaderAlias,
        Malformed::PlainHttp => Reason::PlainHttp,
        Malformed::Missing(_) | Malformed::Repeated(_) | Malformed::Unreadable(_) | Malformed::Host(_) => {
            Reason::ForwardedHeaders
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_looks_at_a_page_is_sent_away_to_sign_in() {
        let age = Duration::from_mins(15);
        let page = Requirement::default();
        let api = Requirement { api: true, ..Requirement::default() };
        let missing = Missing::default();
        for (denial, looking, asking) in [
            (Denial::SignIn(SignInReason::Expired), Reply::Login(None), Reply::SignIn(None)),
            (Denial::StepUp(age), Reply::Login(Some(age)), Reply::StepUp(age)),
            (Denial::CheckFirst, Reply::Login(None), Reply::Later),
            (Denial::CheckBySignIn, Reply::Login(None), Reply::LaterBySignIn),
            (Denial::CrossOrigin, Reply::CrossOrigin, Reply::CrossOrigin),
            (Denial::Forbidden(missing.clone()), Reply::Forbidden(&missing), Reply::Forbidden(&missing)),
        ] {
            assert_eq!(Reply::to(&denial, RequestKind::Navigation, &page), looking, "{denial:?}");
            assert_eq!(Reply::to(&denial, RequestKind::Navigation, &api), asking, "{denial:?}");
            assert_eq!(Reply::to(&denial, RequestKind::Other, &page), asking, "{denial:?}");
        }
    }

    #[test]
    fn the_first_sign_in_is_asked_for_with_the_age_that_the_router_demands() {
        let age = Duration::from_mins(15);
        let router = Requirement { max_age: Some(age), ..Requirement::default() };
        for reason in [SignInReason::NoSession, SignInReason::Ended, SignInReason::Expired] {
            let denial = Denial::SignIn(reason);
            assert_eq!(Reply::to(&denial, RequestKind::Navigation, &router), Reply::Login(Some(age)));
            assert_eq!(Reply::to(&denial, RequestKind::Other, &router), Reply::SignIn(Some(age)));
        }
        assert_eq!(Reply::to(&Denial::CheckFirst, RequestKind::Navigation, &router), Reply::Login(None));
    }
}
