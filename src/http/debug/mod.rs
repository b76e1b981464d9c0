//! The header debugger, `/debug/headers`, for admins: on the public host what `/verify` would answer to somebody's
//! request and why ([`explained`]), on a protected host what an application gets of one's own ([`live`]).

mod explained;
mod live;

pub(super) use explained::explained;
pub(super) use live::{asserted_admin, live_headers};

use crate::domain::host::HostName;
use actix_web::HttpRequest;

/// The host that a request names, if it names one.
pub(super) fn host(request: &HttpRequest) -> Option<HostName> {
    one(request, "host")?.parse().ok()
}

/// A header that was sent exactly once: of two, readers would take different ones.
fn one<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let mut values = request.headers().get_all(name);
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
