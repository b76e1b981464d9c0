//! A question becomes the request that the gate would get.

use crate::gate::forwarded::{Forwarded, RequestKind};
use gatepost_admin::explain::{Asker, Initiator, Question};
use gatepost_core::host::Origin;
use gatepost_runtime::headers::Headers;
use gatepost_store::directory::UserKey;
use hyper::Method;

fn question(url: &str, method: Method) -> Question {
    let user = UserKey::Email("a@example.com".parse().expect("an address"));
    Question::own(Asker::Person(user), url.parse().expect("an address"), method, String::new())
}

#[test]
fn a_question_is_the_request_that_the_proxy_would_send() {
    let headers = question("https://App.Example.com:8443/a%20b/../c?d=e#f", Method::GET).headers();
    let forwarded = Forwarded::parse(Headers::new(&headers), false).expect("a request");
    assert_eq!(forwarded.host.as_str(), "app.example.com");
    assert_eq!((forwarded.return_uri(), forwarded.kind()), ("/c?d=e", RequestKind::Navigation));
    let headers = question("wss://app.example.com", Method::POST).headers();
    let forwarded = Forwarded::parse(Headers::new(&headers), false).expect("a request");
    assert_eq!((forwarded.return_uri(), forwarded.kind()), ("/", RequestKind::Other));
}

#[test]
fn another_page_s_request_comes_from_another_origin_and_the_host_s_own_does_not() {
    let own: Origin = "https://app.example.com".parse().expect("an origin");
    let other: Origin = "https://portal.example.com".parse().expect("an origin");
    let is_cross = |initiator: Initiator, allowed: &[Origin]| {
        let question = Question { initiator, ..question("https://app.example.com/", Method::POST) };
        let headers = question.headers();
        Forwarded::parse(Headers::new(&headers), false).expect("a request").is_cross_origin(&own, allowed)
    };
    assert!(!is_cross(Initiator::Own, &[]));
    assert!(!is_cross(Initiator::Page(own.clone()), &[]));
    assert!(is_cross(Initiator::Page(other.clone()), &[]));
    assert!(!is_cross(Initiator::Page(other.clone()), &[other]));
    assert!(is_cross(Initiator::Unnamed, &[]));
}
