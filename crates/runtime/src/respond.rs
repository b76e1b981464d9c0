//! Makes the answers of both listeners: pages, redirects and short texts, with `no-store`. The public listener converts
//! them for its framework.

use gatepost_pages::Page;
use hyper::body::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, Response, StatusCode};

/// An answer, complete.
pub type Answer = Response<Bytes>;

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// An empty answer.
pub fn empty(status: StatusCode) -> Answer {
    with_headers(status, HeaderMap::with_capacity(4))
}

/// An empty answer with these headers.
pub fn with_headers(status: StatusCode, mut headers: HeaderMap) -> Answer {
    headers.insert(CACHE_CONTROL, NO_STORE);
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}

/// A page, without its body if the request is HEAD (Traefik would log an error).
pub fn page(page: Page, is_head: bool) -> Answer {
    let mut answer = empty(StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    for (name, value) in &page.headers {
        insert(answer.headers_mut(), name, value);
    }
    if !is_head {
        *answer.body_mut() = page.body.into();
    }
    answer
}

/// A redirect to an absolute address; `Referrer-Policy` keeps tickets and codes out of the next request.
pub fn redirect<'a>(status: StatusCode, to: &str, cookies: impl IntoIterator<Item = &'a str>) -> Answer {
    let mut answer = empty(status);
    let headers = answer.headers_mut();
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Ok(to) = HeaderValue::from_str(to) {
        headers.insert(LOCATION, to);
    }
    for cookie in cookies.into_iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok()) {
        headers.append(SET_COOKIE, cookie);
    }
    answer
}

/// Text that is not a page, such as health and metrics.
pub fn text(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = empty(status);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    *answer.body_mut() = body.into();
    answer
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}
