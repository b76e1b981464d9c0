//! Where a request comes from: the host that it names, the page that made the browser send it, the address behind the
//! proxy.

use super::fault::Fault;
use super::presented_key;
use super::request::{data, text};
use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;
use gatepost_core::host::Origin;
use gatepost_core::request_mode;
use gatepost_sign_in::Context;

/// From where a route may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestOrigin {
    /// From anywhere, also as a prefetch.
    Part,
    /// From anywhere, but not as a prefetch: hovering over a link must neither sign in nor out.
    Anywhere,
    /// As `Anywhere`, but only as a navigation of the whole window, if the browser sends the request's purpose. The route
    /// changes something, and a sibling application's images, frames and fetches send the cookies too.
    Navigation,
    /// Changes state with the browser's cookie: only our own pages, by `Sec-Fetch-Site` or `Origin` (a sibling
    /// application is same-site, so `SameSite` does not help).
    OwnPages,
    /// As `OwnPages`, unless the request carries an API key, which then decides alone: no browser sends one by itself. Also for
    /// a read that has Gatepost call other servers.
    OwnPagesOrKey,
}

impl RequestOrigin {
    /// Checks where the request comes from.
    ///
    /// # Errors
    /// [`Fault::CrossOrigin`], [`Fault::PrefetchedOrEmbedded`].
    pub(super) fn check(self, request: &HttpRequest) -> Result<(), Fault> {
        let headers = request.headers();
        let is_refused = match self {
            Self::OwnPages => !is_own_page(request),
            Self::OwnPagesOrKey => !presented_key::is_there(request) && !is_own_page(request),
            _ => false,
        };
        if is_refused {
            return Err(Fault::CrossOrigin);
        }
        let is_prefetch = || request_mode::is_prefetch(|name| headers.get(name).map(HeaderValue::as_bytes));
        let is_embedded = || {
            let (mode, destination) = (text(headers, "sec-fetch-mode"), text(headers, "sec-fetch-dest"));
            request_mode::is_navigation(mode, destination) == Some(false)
        };
        let is_allowed = match self {
            Self::Part => true,
            Self::Anywhere | Self::OwnPages | Self::OwnPagesOrKey => !is_prefetch(),
            Self::Navigation => !is_prefetch() && !is_embedded(),
        };
        if is_allowed { Ok(()) } else { Err(Fault::PrefetchedOrEmbedded) }
    }
}

/// Whether the browser reports that one of our own pages made this request.
pub(super) fn is_own_page(request: &HttpRequest) -> bool {
    let headers = request.headers();
    if let Some(site) = text(headers, "sec-fetch-site") {
        return site == "same-origin";
    }
    let origin = text(headers, "origin").and_then(|text| text.parse::<Origin>().ok());
    origin.as_ref() == Some(&data::<Context>(request).site.config.public_url)
}
