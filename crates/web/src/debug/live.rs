//! The header debugger on a protected host: its router sends `/debug/headers` through the middleware to the public
//! listener, which then knows by the assertion for that very host that `/verify` let an admin through.

use super::header_diagnosis::ReceivedRequest;
use crate::answer::PageAnswer;
use crate::asserted::Asserted;
use crate::request::{accept, one};
use actix_web::{HttpRequest, web};
use gatepost_pages::{Format, LiveHeaders};
use gatepost_runtime::identity_headers::IdentityHeaders;
use gatepost_sign_in::Context;

/// The request's own headers, as an application on this host gets them.
pub(crate) async fn live_headers(
    asserted: Asserted,
    context: web::Data<Context>,
    request: HttpRequest,
) -> PageAnswer {
    let headers: Vec<(String, Vec<u8>)> =
        request.headers().iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    let received = ReceivedRequest {
        headers: &headers,
        origin: &asserted.origin,
        rendered: &IdentityHeaders::new(&asserted.standing, &context.site.config.verify),
        access: &asserted.standing.access,
        own_cookies: context.site.cookies.names(),
    };
    let page = LiveHeaders {
        origin: &asserted.origin,
        person: &asserted.standing.person,
        report: &received.diagnose(),
        request_id: asserted.browser.request_id,
    };
    PageAnswer(page.page(format(&request)))
}

/// HTML or JSON.
fn format(request: &HttpRequest) -> Format {
    Format::choose(&accept(request), one(request.headers(), "sec-fetch-mode") == Some("navigate"))
}
