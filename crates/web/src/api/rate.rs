//! How many requests each caller of the API has, and how answers say it. The caller is whom the sealed cookie
//! names, or a key that exists, so strangers cannot fill the memory, and what they send with a cookie costs no look-up.

use crate::fault::Fault;
use crate::problem_document::{Problem, ProblemCode};
use crate::request::{add_header, data};
use actix_web::HttpRequest;
use actix_web::http::header::{HeaderName, HeaderValue};
use gatepost_core::clock::BootTime;
use gatepost_core::ids::UserId;
use gatepost_runtime::rate::{Left, Quota, Rate};
use std::time::Duration;

/// 20 requests a second, and 60 at once after a pause.
const QUOTA: Quota = Quota::new(Duration::from_millis(50), 60);

/// Counts the request of a person or of a key, whose ids are of one kind, and says in the answer what is left.
///
/// # Errors
/// There were too many.
pub(super) fn count(request: &HttpRequest, caller: UserId) -> Result<(), Fault> {
    let left = data::<Rate<UserId>>(request).count(caller, QUOTA, BootTime::now());
    add(request, "ratelimit-policy", &policy());
    add(request, "ratelimit", &limit(left));
    left.wait.map_or(Ok(()), |wait| Err(too_many(wait)))
}

/// There were too many requests. The next one may come after this time.
pub(super) fn too_many(wait: Duration) -> Fault {
    let problem = Problem::new(ProblemCode::TooManyRequests, "You have sent too many requests.");
    problem.with("retry-after", retry_after(wait)).into()
}

fn add(request: &HttpRequest, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        add_header(request, HeaderName::from_static(name), value);
    }
}

/// `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11 section 3).
fn policy() -> String {
    format!("\"api\";q={};w={}", QUOTA.burst, QUOTA.window().as_secs())
}

/// `RateLimit` (section 4).
fn limit(left: Left) -> String {
    format!("\"api\";r={};t={}", left.requests, seconds(left.full_in))
}

/// `Retry-After`.
fn retry_after(wait: Duration) -> String {
    seconds(wait).max(1).to_string()
}

/// Whole seconds, rounded up.
const fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + if duration.subsec_nanos() > 0 { 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_said_in_whole_seconds() {
        let left = Left { requests: 0, full_in: Duration::from_millis(2_950), wait: Some(QUOTA.interval) };
        assert_eq!((policy().as_str(), limit(left).as_str()), ("\"api\";q=60;w=3", "\"api\";r=0;t=3"));
        let waits = [QUOTA.interval, Duration::from_millis(1_001)].map(retry_after);
        assert_eq!(waits, ["1", "2"]);
    }
}
