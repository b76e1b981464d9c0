//! What handlers answer with. Each answer is `no-store`, unless it says otherwise.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{Either, HttpRequest, HttpResponse, Responder};
use gatepost_pages::Page;

/// The answer of a step of a sign-in.
pub(super) type RedirectOrPage = Either<Redirect, PageAnswer>;

/// A redirect to an absolute address, which a GET follows.
pub(super) struct Redirect {
    pub(super) to: String,
    pub(super) cookie: Option<String>,
}

/// An empty answer.
pub(super) fn empty(status: StatusCode) -> HttpResponse {
    HttpResponse::build(status).insert_header((CACHE_CONTROL, "no-store")).finish()
}

/// Text that is not a page.
pub(super) fn text(
    media_type: &'static str,
    body: impl Into<String>,
    cache_control: &'static str,
) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, cache_control))
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(body.into())
}

/// A page as an answer, without its body if the request is HEAD (Traefik would log an error).
pub(super) struct PageAnswer(pub(super) Page);

impl Responder for PageAnswer {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let Self(page) = self;
        let status = StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = empty(status);
        for (name, value) in &page.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(*name), HeaderValue::from_str(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        if request.method() == "HEAD" { response } else { response.set_body(BoxBody::new(page.body)) }
    }
}

/// `Referrer-Policy` keeps tickets and codes out of the next request.
impl Responder for Redirect {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut response = empty(StatusCode::SEE_OTHER);
        let headers = response.headers_mut();
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if let Ok(to) = HeaderValue::from_str(&self.to) {
            headers.insert(LOCATION, to);
        }
        if let Some(cookie) = self.cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
            headers.append(SET_COOKIE, cookie);
        }
        response
    }
}
