//! `/verify/nginx`: the answers of `/verify` in the words of nginx's `auth_request`, which knows 200, 401 and 403. It turns
//! every other status into its own 500, and never shows a body.
//!
//! So a redirect to a sign-in becomes 401 with the address of `/.gatepost/start` in `X-Gatepost-Location`, what else the
//! client did wrong becomes 403, and what Gatepost cannot know stays 503. `X-Gatepost-Status` has the status that other proxies
//! get. `auth_request_set` reads both.

use gatepost_runtime::respond::Answer;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, SET_COOKIE};

/// The path of the internal listener.
pub(super) const PATH: &str = "/verify/nginx";

const STATUS: HeaderName = HeaderName::from_static("x-gatepost-status");
const SIGN_IN_AT: HeaderName = HeaderName::from_static("x-gatepost-location");

/// The answer of `/verify` as `auth_request` understands it. 200 stays as it is.
pub(super) fn for_auth_request(mut answer: Answer) -> Answer {
    let status = answer.status();
    if status == StatusCode::OK {
        return answer;
    }
    *answer.status_mut() = match status {
        StatusCode::FOUND | StatusCode::UNAUTHORIZED => StatusCode::UNAUTHORIZED,
        _ if status.is_server_error() => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    };
    *answer.body_mut() = Bytes::new();
    let headers = answer.headers_mut();
    headers.insert(STATUS, HeaderValue::from(status.as_u16()));
    if let Some(location) = headers.remove(LOCATION) {
        headers.insert(SIGN_IN_AT, location);
    }
    for name in [CONTENT_LENGTH, CONTENT_TYPE, SET_COOKIE] {
        headers.remove(name);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_runtime::respond;

    #[test]
    fn nginx_gets_nothing_but_the_four_statuses_that_are_meant_for_it() {
        for status in (200..600).filter_map(|status| StatusCode::from_u16(status).ok()) {
            let answer = for_auth_request(respond::text(status, "text/plain", "no"));
            let told = answer.headers().get(STATUS).map(|value| value.as_bytes().to_vec());
            let wanted = match status.as_u16() {
                200 => 200,
                302 | 401 => 401,
                500.. => 503,
                _ => 403,
            };
            assert_eq!(answer.status().as_u16(), wanted, "{status}");
            if wanted == 200 {
                assert_eq!((told, answer.body().len()), (None, 2));
            } else {
                assert_eq!(told, Some(status.as_u16().to_string().into_bytes()));
                assert!(answer.body().is_empty() && !answer.headers().contains_key(CONTENT_TYPE), "{status}");
            }
        }
    }

    #[test]
    fn a_redirect_tells_where_to_sign_in_and_sets_no_cookie() {
        let redirect =
            respond::redirect(StatusCode::FOUND, "https://app.example.com/.gatepost/start?uri=/", ["a=b"]);
        let answer = for_auth_request(redirect);
        let header = |name: HeaderName| answer.headers().get(name).map(|value| value.to_str().expect("text"));
        assert_eq!(header(SIGN_IN_AT), Some("https://app.example.com/.gatepost/start?uri=/"));
        assert_eq!((header(LOCATION), header(SET_COOKIE)), (None, None));
        assert_eq!(header(HeaderName::from_static("cache-control")), Some("no-store"));
    }
}
