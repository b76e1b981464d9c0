//! The input and the result of a decision.

use super::forwarded::Forwarded;
use gatepost_core::access::Standing;
use gatepost_core::api_key::NamedKey;
use gatepost_core::decision::{Denial, SessionTimes, SignInReason};
use gatepost_core::email::EmailAddress;
use gatepost_core::host::Origin;
use gatepost_core::ids::UserId;
use gatepost_core::requirement::Requirement;
use gatepost_runtime::authn::LoadError;
use gatepost_runtime::identity_headers::IdentityHeaders;
use gatepost_runtime::quotas::Charge;
use gatepost_runtime::tools::ToolPassage;
use hyper::HeaderMap;
use std::sync::Arc;

/// One request to a protected host, with the requirement of its router.
#[derive(Debug)]
pub struct Case<'a> {
    /// The request.
    pub forwarded: &'a Forwarded<'a>,
    /// The protected host.
    pub origin: &'a Origin,
    /// What the router requires.
    pub requirement: &'a Requirement,
    /// The query of the middleware's address, from which the requirement was read.
    pub query: &'a str,
}

/// The person who sent the request, with the times of their session and their identity headers.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The person and their access.
    pub standing: &'a Standing,
    /// The session's times.
    pub times: SessionTimes,
    /// The identity headers that do not depend on the request.
    pub headers: &'a IdentityHeaders,
}

/// The result of a decision.
#[derive(Debug)]
pub enum Verdict {
    /// The request passes: 200 with these headers, once it is counted.
    Allow {
        /// The headers of the answer.
        headers: HeaderMap,
        /// For whom it counts. `None`: for nobody, or it is counted.
        charge: Option<Charge>,
    },
    /// The person may enter, and what the message asks a tool server for decides the rest.
    AskTools(Box<ToolPassage>),
    /// The request does not pass.
    Deny {
        /// The reason.
        denial: Denial,
        /// The person, if one is signed in, or the id of the machine that the key or token is of, if it is known.
        user: Option<UserId>,
        /// Their address, or that of whom a key named.
        email: Option<EmailAddress>,
        /// They may ask for access that they lack.
        may_request: bool,
        /// The API key that was sent, by itself or for the person.
        via: Option<NamedKey>,
    },
    /// A store did not answer, so there is no decision: 503.
    CannotKnow(Arc<LoadError>),
}

impl Verdict {
    /// A denial because nobody is signed in.
    pub(super) const fn sign_in(reason: SignInReason) -> Self {
        Self::nobody(Denial::SignIn(reason))
    }

    /// The same if it passes and counts for somebody.
    #[must_use]
    pub(super) fn charged(self, charge: Option<Charge>) -> Self {
        match self {
            Self::Allow { headers, .. } => Self::Allow { headers, charge },
            Self::AskTools(mut passage) => {
                passage.charge = charge;
                Self::AskTools(passage)
            }
            verdict => verdict,
        }
    }

    /// A denial that concerns this key and no person.
    pub const fn of_key(denial: Denial, key: NamedKey) -> Self {
        Self::Deny { denial, user: Some(key.id.machine()), email: None, may_request: false, via: Some(key) }
    }

    /// A denial that concerns nobody who is known.
    pub(super) const fn nobody(denial: Denial) -> Self {
        Self::Deny { denial, user: None, email: None, may_request: false, via: None }
    }
}
