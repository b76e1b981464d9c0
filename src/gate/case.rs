//! What is judged, and what comes of it.

use super::forwarded::Forwarded;
use super::identity_headers::Rendered;
use crate::authn::LoadError;
use gatepost_core::access::Standing;
use gatepost_core::decision::{Denial, SessionTimes, SignInReason};
use gatepost_core::email::EmailAddress;
use gatepost_core::host::Origin;
use gatepost_core::ids::UserId;
use gatepost_core::requirement::Requirement;
use hyper::HeaderMap;
use std::sync::Arc;

/// One request of a protected host, and what its router demands.
#[derive(Debug)]
pub struct Case<'a> {
    /// The request.
    pub forwarded: &'a Forwarded<'a>,
    /// The protected host.
    pub origin: &'a Origin,
    /// What its router demands.
    pub requirement: &'a Requirement,
}

/// Who asks: the person, one session's times, and what they are called in headers.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// Who, and what they may.
    pub standing: &'a Standing,
    /// The session's times.
    pub times: SessionTimes,
    /// The identity headers that do not depend on the request.
    pub headers: &'a Rendered,
}

/// What `/verify` found.
#[derive(Debug)]
pub enum Verdict {
    /// 200 with these headers.
    Allow(HeaderMap),
    /// Everything that is not: named, with the person where one is known.
    Deny {
        /// Why.
        denial: Denial,
        /// Who is signed in.
        user: Option<UserId>,
        /// Their address.
        email: Option<EmailAddress>,
    },
    /// 503: neither yes nor no.
    CannotKnow(Arc<LoadError>),
}

impl Verdict {
    /// Nobody is signed in.
    pub(super) fn sign_in(reason: SignInReason) -> Self {
        Self::Deny { denial: Denial::SignIn(reason), user: None, email: None }
    }
}
