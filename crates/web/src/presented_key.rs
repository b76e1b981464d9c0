//! The API key that a request of the API carries. One that is there decides alone, whatever cookie stands beside it, and
//! also if it is none.

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use gatepost_core::api_key::{ApiKey, NotAKey, PREFIX};
use gatepost_runtime::headers::bearer_token;

const OWN_HEADER: &str = "x-gatepost-key";

/// What a request says where a key stands.
#[derive(Debug)]
pub(crate) enum Presented<'a> {
    /// It may be unknown.
    Key(ApiKey<'a>),
    NotAKey(NotAKey),
    /// Several: which one counts would be a guess.
    Several,
}

/// The key of a request. `None`: it carries none.
pub(crate) fn of(request: &HttpRequest) -> Option<Presented<'_>> {
    let mut all = texts(request);
    let text = all.next()?;
    if all.next().is_some() {
        return Some(Presented::Several);
    }
    let text = std::str::from_utf8(text).map_err(|_| NotAKey::Form);
    Some(text.and_then(ApiKey::parse).map_or_else(Presented::NotAKey, Presented::Key))
}

/// Whether a request carries a key, or what claims to be one.
pub(super) fn is_there(request: &HttpRequest) -> bool {
    texts(request).next().is_some()
}

/// Each header line of keys, and each bearer token that claims to be one.
fn texts(request: &HttpRequest) -> impl Iterator<Item = &[u8]> {
    let headers = request.headers();
    let tokens = headers.get_all(AUTHORIZATION).filter_map(|value| bearer_token(value.as_bytes()));
    headers
        .get_all(OWN_HEADER)
        .map(HeaderValue::as_bytes)
        .chain(tokens.filter(|token| token.starts_with(PREFIX.as_bytes())))
}
