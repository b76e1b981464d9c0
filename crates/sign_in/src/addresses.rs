//! Addresses to which a sign-in redirects.

use super::Problem;
use super::return_cookie::MAX_INLINE_LENGTH;
use gatepost_core::host::HostName;
use gatepost_core::return_uri::is_return_uri;
use gatepost_runtime::hosts::{Hosts, Protected};
use gatepost_runtime::site::Site;
use gatepost_store::session::sealed::Purpose;
use gatepost_store::session::tokens::{LoginRequest, Target};

/// The address of `/login` with a sealed request.
pub fn login_address(site: &Site, request: &LoginRequest) -> String {
    let to = site.ring.seal(Purpose::LoginRequest, "", request);
    site.public_address("/login", &[("to", &to)]).into()
}

/// The address of `/login` for a page of the public host: the sign-in ends there. What is too long to be sealed ends at
/// the page without its query, or at the account page.
pub fn login_address_for_page(site: &Site, page: &str) -> String {
    let is_short = |page: &&str| page.len() <= MAX_INLINE_LENGTH && *page != "/";
    let path = page.split('?').next();
    match [Some(page), path].into_iter().flatten().find(is_short) {
        Some(page) if is_return_uri(page) => {
            let target = Target::Page(page.to_owned());
            login_address(site, &LoginRequest { target, max_age: None, restarts: 0 })
        }
        _ => site.public_address("/login", &[]).into(),
    }
}

/// The sealed value of a sign-in that ends at a page of the public host.
pub fn sealed_page(site: &Site, page: &str) -> String {
    let target = Target::Page(page.to_owned());
    site.ring.seal(Purpose::LoginRequest, "", &LoginRequest { target, max_age: None, restarts: 0 })
}

/// The address of a page of the public host.
pub(super) fn page_address(site: &Site, page: &str) -> String {
    // Checked when it was sealed; checked again because another release may have sealed it.
    let page = if is_return_uri(page) { page } else { "/" };
    format!("{}{page}", site.config.public_url)
}

/// As [`login_address`], but the provider lets the person choose another account.
pub fn other_account_address(site: &Site, request: &LoginRequest) -> String {
    let to = site.ring.seal(Purpose::LoginRequest, "", request);
    site.public_address("/login", &[("to", &to), ("prompt", "select_account")]).into()
}

/// The host where a sealed sign-in ends. `None`: it ends on the public host, or nobody sealed it.
pub fn host_of(site: &Site, to: &str) -> Option<HostName> {
    let opened = site.ring.open_any_age::<LoginRequest>(Purpose::LoginRequest, "", to).ok()?;
    match &opened.value.target {
        Target::Host { host, .. } => host.parse().ok(),
        Target::Account | Target::Page(_) => None,
    }
}

/// The protected host of this name.
pub(super) async fn find_host<'a>(hosts: &'a Hosts, name: &str) -> Result<Protected<'a>, Problem> {
    let name: HostName = name.parse().map_err(|_| Problem::UnknownHost)?;
    hosts.find(&name).await?.ok_or(Problem::UnknownHost)
}
