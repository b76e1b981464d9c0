//! The extractors of handlers: a segment of the path, the parameters of the query, the fields of a form. Bodies are read
//! only here, each with a limit.

use super::body;
use super::fault::Fault;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use gatepost_runtime::parameters;
use serde::de::DeserializeOwned;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::str::FromStr;

/// The one parameter of the path. It must not be percent-encoded, because no id needs it. Parsed by [`FromStr`], which
/// validates; `Deserialize` of ids does not.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: FromStr> FromRequest for Path<T> {
    type Error = Fault;
    type Future = Ready<Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let is_written_so = !request.path().contains('%');
        let segment = request.match_info().iter().next().filter(|_| is_written_so);
        let value = segment.and_then(|(_, segment)| segment.parse().ok());
        ready(value.map(Self).ok_or(Fault::NotFound))
    }
}

/// The parameters of the query.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Fault;
    type Future = Ready<Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parameters::parse(request.query_string().as_bytes()).map(Self).map_err(Fault::from))
    }
}

/// Fields of a form.
pub(super) trait Fields: DeserializeOwned {
    /// The most bytes that the form may have.
    const LIMIT: usize = 1024;
}

/// A form.
pub(super) struct Form<T>(pub(super) T);

impl<T: Fields> FromRequest for Form<T> {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Ok(Self(parameters::parse(&body::read(&request, T::LIMIT).await?)?)) })
    }
}
