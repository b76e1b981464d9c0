//! One request for `/verify`, parsed once. The decision from the cache and the decision from the stores use the same
//! value.

use super::case::Case;
use super::credential::{Credential, HashedCookie};
use super::forwarded::{AuthProtocol, Forwarded, Malformed};
use super::said;
use gatepost_core::branding::Branding;
use gatepost_core::host::Origin;
use gatepost_core::requirement::{Requirement, RequirementError};
use gatepost_runtime::headers::Headers;
use gatepost_runtime::hosts::Protected;
use gatepost_runtime::session_cache::CacheKey;
use gatepost_runtime::site::Site;

/// One request for `/verify`, parsed.
#[derive(Debug)]
pub struct VerifyRequest<'a> {
    /// The client's request as the proxy describes it.
    pub forwarded: Forwarded<'a>,
    /// The protected host.
    pub host: Protected<'a>,
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

/// Parses the headers that the proxy sent. What is asked for is decided once it is known whose host it is.
///
/// # Errors
/// [`Malformed`]: a correctly configured proxy does not send these headers.
pub fn read_headers<'a>(
    site: &Site,
    protocol: AuthProtocol,
    headers: Headers<'a>,
) -> Result<Forwarded<'a>, Malformed> {
    let forwarded = Forwarded::parse_as(protocol, headers, site.config.is_development())?;
    said::refuse_aliases(site, headers)?;
    Ok(forwarded)
}

impl<'a> VerifyRequest<'a> {
    /// A request to a protected host. Parses the query of the middleware's address.
    ///
    /// # Errors
    /// [`Malformed`]: which credential the client sends is ambiguous.
    pub fn new(
        site: &Site,
        forwarded: Forwarded<'a>,
        host: Protected<'a>,
        query: &'a str,
    ) -> Result<Self, Malformed> {
        let target = match forwarded.gate_endpoint() {
            Some((path, own)) => Target::Endpoint(path, own),
            None => Requirement::parse(query)
                .map(|requirement| requirement.at(host.tenant(), site.config.default_tenant.as_ref()))
                .map_or_else(Target::Misconfigured, Target::Application),
        };
        let credential = Credential::find(site, &forwarded, host.origin().host())?;
        Ok(Self { forwarded, host, target, query, credential })
    }

    /// The origin of the protected host.
    pub fn origin(&self) -> &Origin {
        self.host.origin()
    }

    /// How the pages of the tenant look whose host it is.
    pub fn branding(&self) -> Option<&Branding> {
        self.host.branding().map(|branding| &**branding)
    }

    /// The input of the decision.
    pub fn case<'b>(&'b self, requirement: &'b Requirement) -> Case<'b> {
        Case { forwarded: &self.forwarded, origin: self.origin(), requirement, query: self.query }
    }

    /// The key of a cookie's value in the session cache. Uses the hash from parsing where it can.
    pub fn key_of(&self, text: &str) -> CacheKey {
        match &self.credential {
            Credential::Cookie(HashedCookie { text: own, key }) if *own == text => *key,
            _ => CacheKey::of(self.origin().host().as_str(), text),
        }
    }
}
