//! One request for `/verify`, parsed once. The decision from the cache and the decision from the stores use the same
//! value.

use super::case::Case;
use super::credential::{Credential, HashedCookie};
use super::forwarded::{Forwarded, Malformed};
use super::headers::Headers;
use super::session_cache::CacheKey;
use crate::site::Site;
use gatepost_core::host::Origin;
use gatepost_core::requirement::{Requirement, RequirementError};
use std::borrow::Cow;

/// One request for `/verify`, parsed.
#[derive(Debug)]
pub struct VerifyRequest<'a> {
    /// The client's request as the proxy describes it.
    pub forwarded: Forwarded<'a>,
    /// The protected host.
    pub origin: Cow<'a, Origin>,
    /// What the client requests.
    pub target: Target<'a>,
    /// The query of the middleware's address.
    query: &'a str,
    /// The credential that decides.
    pub credential: Credential<'a>,
}

/// What the client requests on the protected host.
#[derive(Debug)]
pub enum Target<'a> {
    /// An endpoint of Gatepost below `/.gatepost/`. Holds its path and query.
    Endpoint(&'a str, &'a str),
    /// The application. Holds the requirement of its router.
    Application(Requirement),
    /// The application, but the query of the middleware's address is not a valid requirement.
    Misconfigured(RequirementError),
}

/// Why there can be no decision about a request.
#[derive(Debug)]
pub enum Unusable<'a> {
    /// A correctly configured proxy does not send these headers.
    Malformed(Malformed),
    /// It names a host that is not protected.
    UnknownHost(Forwarded<'a>),
}

impl<'a> VerifyRequest<'a> {
    /// Parses the headers that the proxy sent, and the query of the middleware's address.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn parse(site: &'a Site, headers: Headers<'a>, query: &'a str) -> Result<Self, Unusable<'a>> {
        let forwarded =
            Forwarded::parse(headers, site.config.is_development()).map_err(Unusable::Malformed)?;
        let Some(origin) = site.hosts.find(&forwarded.host) else {
            return Err(Unusable::UnknownHost(forwarded));
        };
        let target = match forwarded.gate_endpoint() {
            Some((path, own)) => Target::Endpoint(path, own),
            None => Requirement::parse(query).map_or_else(Target::Misconfigured, Target::Application),
        };
        let credential = Credential::find(site, &forwarded, origin.host()).map_err(Unusable::Malformed)?;
        Ok(Self { forwarded, origin, target, query, credential })
    }

    /// The input of the decision.
    pub fn case<'b>(&'b self, requirement: &'b Requirement) -> Case<'b> {
        Case { forwarded: &self.forwarded, origin: &self.origin, requirement, query: self.query }
    }

    /// The key of a cookie's value in the session cache. Uses the hash from parsing where it can.
    pub fn key_of(&self, text: &str) -> CacheKey {
        match &self.credential {
            Credential::Cookie(HashedCookie { text: own, key }) if *own == text => *key,
            _ => CacheKey::of(self.origin.host().as_str(), text),
        }
    }
}
