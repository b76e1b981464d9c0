//! What the public listener reads from each request, and the data that its application shares.

use actix_web::dev::ServiceResponse;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest, web};
use gatepost_core::host::HostName;
use gatepost_core::ids::RequestId;
use gatepost_sign_in::{Browser, Context};
use gatepost_store::session::cookie;
use std::net::IpAddr;
use std::rc::Rc;

/// Longest `User-Agent` that a session remembers, in characters.
const MAX_USER_AGENT: usize = 256;

/// Marks a request whose caller was checked.
pub(super) struct CallerChecked;

/// Headers that the answer gets, whatever it is.
struct AnswerHeaders(Vec<(HeaderName, HeaderValue)>);

/// Adds a header to the answer of a request, whatever it will be.
pub(crate) fn add_header(request: &HttpRequest, name: HeaderName, value: HeaderValue) {
    let mut extensions = request.extensions_mut();
    if let Some(AnswerHeaders(headers)) = extensions.get_mut() {
        headers.push((name, value));
    } else {
        extensions.insert(AnswerHeaders(vec![(name, value)]));
    }
}

/// Moves these headers into the answer.
pub(super) fn add_headers(response: &mut ServiceResponse) {
    let headers = response.request().extensions_mut().remove::<AnswerHeaders>();
    for (name, value) in headers.into_iter().flat_map(|AnswerHeaders(headers)| headers) {
        response.headers_mut().insert(name, value);
    }
}

/// Every `Accept` line, joined by commas (RFC 9110 section 12.5.1).
pub(crate) fn accept(request: &HttpRequest) -> String {
    let lines = request.headers().get_all("accept").filter_map(|value| value.to_str().ok());
    lines.collect::<Vec<_>>().join(",")
}

/// The browser that sent the request. Made once per request.
pub(crate) fn browser(request: &HttpRequest) -> Rc<Browser> {
    if let Some(known) = request.extensions().get::<Rc<Browser>>() {
        return Rc::clone(known);
    }
    let context = data::<Context>(request);
    let cookies = request.headers().get_all("cookie").map(HeaderValue::as_bytes);
    let held = cookie::read_public(cookie::values(cookies, context.site.cookies.name()), &context.site.ring);
    let user_agent = text(request.headers(), "user-agent");
    let browser = Rc::new(Browser {
        held,
        address: client_address(context, request),
        user_agent: user_agent.map(|text| text.chars().take(MAX_USER_AGENT).collect()),
        request_id: RequestId::generate(),
    });
    request.extensions_mut().insert(Rc::clone(&browser));
    browser
}

/// Data that the application shares.
///
/// # Panics
/// Never: [`super::server`] gives it to the application.
pub(crate) fn data<T: 'static>(request: &HttpRequest) -> &web::Data<T> {
    request.app_data().expect("the application has it")
}

/// The client's IP address, as the proxy reported it.
pub(super) fn client_address(context: &Context, request: &HttpRequest) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip().to_canonical();
    let forwarded = request.headers().get_all("x-forwarded-for").last().and_then(|value| value.to_str().ok());
    let last =
        forwarded.and_then(|list| list.rsplit(',').next()).and_then(|address| address.trim().parse().ok());
    if context.site.trusts(peer) { last.or(Some(peer)) } else { Some(peer) }
}

/// The host that a request names, if it names one.
pub(super) fn host(headers: &HeaderMap) -> Option<HostName> {
    one(headers, "host")?.parse().ok()
}

/// The value of a header that was sent exactly once: readers may take different ones of two.
pub(crate) fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name);
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// A header's first value.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
