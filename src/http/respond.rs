//! Answers: pages and redirects become responses, in one place, always `no-store`.

use super::pages::Page;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS,
};

/// An empty answer.
pub fn empty(status: StatusCode) -> HttpResponse {
    let mut response = HttpResponse::new(status);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A page; without its body where nobody would get it (Traefik logs an error for a body to HEAD).
pub fn page(page: Page, is_head: bool) -> HttpResponse {
    let mut response = empty(StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    for (name, value) in &page.headers {
        insert(response.headers_mut(), name, value);
    }
    if is_head { response } else { response.set_body(page.body).map_into_boxed_body() }
}

/// A redirect to an absolute address; `Referrer-Policy` keeps tickets and codes out of the next request.
pub fn redirect(status: StatusCode, to: &str, cookie: Option<&str>) -> HttpResponse {
    let mut response = empty(status);
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer"));
    if let Ok(to) = HeaderValue::from_str(to) {
        headers.insert(LOCATION, to);
    }
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::from_str(cookie).ok()) {
        headers.append(SET_COOKIE, cookie);
    }
    response
}

/// Text that is no page: health, metrics, style sheet.
pub fn text(status: StatusCode, media_type: &'static str, body: String) -> HttpResponse {
    let mut response = empty(status);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response.set_body(body).map_into_boxed_body()
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}
