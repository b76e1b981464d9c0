//! One request for `/verify`, parsed once. The session cache judges it first; where the stores have to, they judge the
//! same value.

use super::case::Case;
use super::forwarded::{Forwarded, Malformed};
use super::headers::Headers;
use super::session_cache::CacheKey;
use crate::site::Site;
use gatepost_core::host::Origin;
use gatepost_core::requirement::{Requirement, RequirementError};
use gatepost_store::session::cookie;
use std::borrow::Cow;

/// One request for `/verify`.
#[derive(Debug)]
pub struct VerifyRequest<'a> {
    /// The client's request.
    pub forwarded: Forwarded<'a>,
    /// The protected host.
    pub origin: Cow<'a, Origin>,
    /// What the client asks for.
    pub target: Target<'a>,
    pub(super) cookie: Option<HashedCookie<'a>>,
}

/// What the client asks for on the protected host.
#[derive(Debug)]
pub enum Target<'a> {
    /// Path and query of Gatepost's own endpoint below `/.gatepost/`.
    Endpoint(&'a str, &'a str),
    /// The application, of whose visitors the router demands this.
    Application(Requirement),
    /// The application, but the middleware's address says nothing that can be demanded.
    Misconfigured(RequirementError),
}

/// The request cannot be judged.
#[derive(Debug)]
pub enum Unusable<'a> {
    /// Its headers are not those of a proxy that is set up rightly.
    Malformed(Malformed),
    /// It names a host that is not protected.
    UnknownHost(Forwarded<'a>),
}

/// The only cookie of ours in the request, and its key in the session cache.
#[derive(Debug)]
pub(super) struct HashedCookie<'a> {
    pub(super) text: &'a str,
    pub(super) key: CacheKey,
}

impl<'a> VerifyRequest<'a> {
    /// Parses the headers that the proxy sent, and the query of the middleware's address.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn parse(site: &'a Site, headers: Headers<'a>, query: &str) -> Result<Self, Unusable<'a>> {
        let forwarded =
            Forwarded::parse(headers, site.config.is_development()).map_err(Unusable::Malformed)?;
        let Some(origin) = site.hosts.find(&forwarded.host) else {
            return Err(Unusable::UnknownHost(forwarded));
        };
        let target = match forwarded.reserved() {
            Some((path, query)) => Target::Endpoint(path, query),
            None => Requirement::parse(query).map_or_else(Target::Misconfigured, Target::Application),
        };
        let cookie = HashedCookie::of(site, &forwarded, &origin);
        Ok(Self { forwarded, origin, target, cookie })
    }

    /// What is judged.
    pub fn case<'b>(&'b self, requirement: &'b Requirement) -> Case<'b> {
        Case { forwarded: &self.forwarded, origin: &self.origin, requirement }
    }

    /// The key of a cookie's value in the session cache.
    pub fn key_of(&self, text: &str) -> CacheKey {
        match &self.cookie {
            Some(cookie) if cookie.text == text => cookie.key,
            _ => CacheKey::of(self.origin.host().as_str(), text),
        }
    }
}

impl<'a> HashedCookie<'a> {
    /// Of several the first that opens counts, which the cache cannot tell.
    fn of(site: &Site, forwarded: &Forwarded<'a>, origin: &Origin) -> Option<Self> {
        let mut texts = cookie::values(forwarded.cookies(), site.cookies.name());
        let (Some(text), None) = (texts.next(), texts.next()) else { return None };
        Some(Self { text, key: CacheKey::of(origin.host().as_str(), text) })
    }
}
