//! Where a request comes from: the host that it names, the page that made the browser send it, the address behind the
//! proxy.

use super::callers::data;
use super::fault::Fault;
use crate::http::internal::trusts;
use crate::state::State;
use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, HeaderValue};
use gatepost_core::asking;
use gatepost_core::host::{HostName, Origin};
use std::net::IpAddr;

/// From where a route may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestOrigin {
    /// From anywhere, also while the browser loads a page in advance.
    Part,
    /// From anywhere, but not in advance: hovering over a link must neither sign in nor out.
    Anywhere,
    /// So it is here, but it changes something, and cookies go with images, frames and fetches of every sibling
    /// application: where the browser says what the request is for, only a navigation of the whole window.
    Navigation,
    /// Changes state with the browser's cookie: only our own pages, by `Sec-Fetch-Site` or `Origin` (a sibling
    /// application is same-site, so `SameSite` does not help).
    OwnPages,
}

impl RequestOrigin {
    /// Does the request come from where it may?
    ///
    /// # Errors
    /// [`Fault::CrossOrigin`], [`Fault::NotLookedAt`].
    pub(super) fn check(self, request: &HttpRequest) -> Result<(), Fault> {
        let headers = request.headers();
        if self == Self::OwnPages && !is_own_page(request) {
            return Err(Fault::CrossOrigin);
        }
        let is_in_advance = || asking::is_in_advance(|name| headers.get(name).map(HeaderValue::as_bytes));
        let is_embedded = || {
            let (mode, destination) = (text(headers, "sec-fetch-mode"), text(headers, "sec-fetch-dest"));
            asking::is_navigation(mode, destination) == Some(false)
        };
        let is_looked_at = match self {
            Self::Part => true,
            Self::Anywhere | Self::OwnPages => !is_in_advance(),
            Self::Navigation => !is_in_advance() && !is_embedded(),
        };
        if is_looked_at { Ok(()) } else { Err(Fault::NotLookedAt) }
    }
}

/// Does the browser say that our own page made this request?
pub(super) fn is_own_page(request: &HttpRequest) -> bool {
    let headers = request.headers();
    if let Some(site) = text(headers, "sec-fetch-site") {
        return site == "same-origin";
    }
    let origin = text(headers, "origin").and_then(|text| text.parse::<Origin>().ok());
    origin.as_ref() == Some(&data::<State>(request).config.public_url)
}

/// The client's address as the proxy saw it.
pub(super) fn client_address(state: &State, request: &HttpRequest) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip().to_canonical();
    let forwarded = request.headers().get_all("x-forwarded-for").last().and_then(|value| value.to_str().ok());
    let last =
        forwarded.and_then(|list| list.rsplit(',').next()).and_then(|address| address.trim().parse().ok());
    if trusts(state, peer) { last.or(Some(peer)) } else { Some(peer) }
}

/// The host that a request names, if it names one.
pub(in crate::http) fn host(headers: &HeaderMap) -> Option<HostName> {
    one(headers, "host")?.parse().ok()
}

/// A header that was sent exactly once: of two, readers would take different ones.
pub(in crate::http) fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name);
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// A header's first value.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
