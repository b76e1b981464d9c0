//! What handlers answer with. Each answer is `no-store`, unless it says otherwise.

use actix_web::body::BoxBody;
use actix_web::http::{
    self,
    header::{CACHE_CONTROL, HeaderName, HeaderValue},
};
use actix_web::{Either, HttpRequest, HttpResponse, Responder};
use gatepost_pages::Page;
use gatepost_runtime::respond::{self, Answer};
use hyper::StatusCode;
use hyper::body::Bytes;

/// The answer of a step of a sign-in.
pub(super) type RedirectOrPage = Either<Redirect, PageAnswer>;

/// A redirect to an absolute address, which a GET follows.
pub(super) struct Redirect {
    pub(super) to: String,
    pub(super) cookie: Option<String>,
}

/// An empty answer.
pub(super) fn empty(status: StatusCode) -> HttpResponse {
    converted(respond::empty(status))
}

/// Text that is not a page.
pub(crate) fn text(
    media_type: &'static str,
    body: impl Into<Bytes>,
    cache_control: &'static str,
) -> HttpResponse {
    let mut response = converted(respond::text(StatusCode::OK, media_type, body));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache_control));
    response
}

/// A page as an answer, without its body if the request is HEAD.
pub(crate) struct PageAnswer(pub(crate) Page);

impl Responder for PageAnswer {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        converted(respond::page(self.0, request.method() == "HEAD"))
    }
}

impl Responder for Redirect {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        converted(respond::redirect(StatusCode::SEE_OTHER, &self.to, self.cookie.as_deref()))
    }
}

/// The same answer in the types of actix-web, which are those of an earlier version of `http`.
fn converted(answer: Answer) -> HttpResponse {
    let (parts, body) = answer.into_parts();
    let status = http::StatusCode::from_u16(parts.status.as_u16());
    let status = status.unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::with_body(status, BoxBody::new(body));
    for (name, value) in &parts.headers {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_str().as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
        {
            response.headers_mut().append(name, value);
        }
    }
    response
}
