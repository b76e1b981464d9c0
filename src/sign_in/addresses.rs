//! Addresses to which a sign-in redirects.

use crate::site::Site;
use gatepost_core::host::{HostName, Origin};
use gatepost_core::ids::ProviderId;
use gatepost_store::session::sealed::Purpose;
use gatepost_store::session::tokens::LoginRequest;
use std::borrow::Cow;
use url::Url;

/// The address of `/login` with a sealed request.
pub fn login_address(site: &Site, request: &LoginRequest) -> String {
    let to = site.ring.seal(Purpose::LoginRequest, "", request);
    site.public_address("/login", &[("to", &to)]).into()
}

/// As [`login_address`], but the provider lets the person choose another account.
pub fn other_account_address(site: &Site, request: &LoginRequest) -> String {
    let to = site.ring.seal(Purpose::LoginRequest, "", request);
    site.public_address("/login", &[("to", &to), ("prompt", "select_account")]).into()
}

/// The redirect URI of a provider: one each, so that no provider can answer for another (RFC 9700 section 4.4.2).
pub fn callback_address(site: &Site, provider: &ProviderId) -> Url {
    site.public_address(&format!("/callback/{provider}"), &[])
}

/// The protected host of this name.
pub(super) fn find_origin(site: &Site, host: &str) -> Option<Origin> {
    site.hosts.find(&host.parse::<HostName>().ok()?).map(Cow::into_owned)
}
