//! A request of the internal listener, before it is known what it is for.

use hyper::body::Incoming;
use hyper::http::request::Parts;

/// A request, of which the body has not been read.
pub(super) struct Received<'a> {
    pub(super) head: &'a Parts,
    pub(super) body: &'a mut Incoming,
}
