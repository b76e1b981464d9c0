//! Bodies of the public listener's requests: read where the route takes one, after the caller was judged, with a limit
//! of bytes, of time, and of how many wait at once in this process. Anybody can begin a body and never end it.
//!
//! Before a request reaches its route its body is taken out of it and kept beside it ([`keep`]): only [`read`] finds it,
//! so that no extractor reads one without these limits.

use super::request::data;
use actix_web::body::{BodySize, BodyStream, BoxBody, MessageBody, to_bytes_limited};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use actix_web::{HttpMessage, HttpRequest, web};
use hyper::StatusCode;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The time for reading a body.
const DEADLINE: Duration = Duration::from_secs(5);
/// The number of bodies that are read at once. One more ends the one that has waited longest: it is one that stalls, because
/// a complete body is read in a moment.
const MOST_WAITING: usize = 64;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The body is longer than the route's limit, in bytes.
    #[error("the body is longer than {0} bytes")]
    TooLarge(usize),
    /// The body stalls.
    #[error("the body did not come within {DEADLINE:?}")]
    TooSlow,
    /// Too many bodies are read at once, and this one has waited longest.
    #[error("{MOST_WAITING} newer bodies are waited for")]
    TooMany,
    /// The connection was closed, or the framing is invalid.
    #[error("the body broke off")]
    Broken,
}

impl BodyError {
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow | Self::TooMany => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }
}

/// The bodies that are being read, oldest first.
#[derive(Debug, Default)]
pub(super) struct Bodies(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    pending: VecDeque<(u64, oneshot::Sender<()>)>,
}

/// One body that is being read. Dropping it removes it from [`Bodies`].
struct PendingBody<'a> {
    bodies: &'a Bodies,
    number: u64,
}

impl Bodies {
    async fn read(
        &self,
        limit: usize,
        headers: &HeaderMap,
        payload: &mut Payload,
    ) -> Result<web::Bytes, BodyError> {
        let declared =
            headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        match declared {
            Some(length) if length > limit as u64 => return Err(BodyError::TooLarge(limit)),
            Some(1..) => {}
            _ if headers.contains_key(TRANSFER_ENCODING) => {}
            _ => return Ok(web::Bytes::new()),
        }
        let (_pending, newer) = self.wait();
        let reading = timeout(DEADLINE, to_bytes_limited(BodyStream::new(payload), limit));
        tokio::select! {
            read = reading => match read {
                Ok(Ok(Ok(body))) => Ok(body),
                Ok(Ok(Err(_))) => Err(BodyError::Broken),
                Ok(Err(_)) => Err(BodyError::TooLarge(limit)),
                Err(_) => Err(BodyError::TooSlow),
            },
            _ = newer => Err(BodyError::TooMany),
        }
    }

    /// Registers a body. The receiver ends when reading has to stop.
    fn wait(&self) -> (PendingBody<'_>, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.lock();
        if waiting.pending.len() >= MOST_WAITING {
            waiting.pending.pop_front();
        }
        let number = waiting.next;
        waiting.next += 1;
        waiting.pending.push_back((number, sender));
        (PendingBody { bodies: self, number }, receiver)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PendingBody<'_> {
    fn drop(&mut self) {
        self.bodies.lock().pending.retain(|(number, _)| *number != self.number);
    }
}

/// The unread part of a request's body.
struct Unread(Payload);

/// Takes the body out of a request, for [`read`].
pub(super) fn keep(request: &mut ServiceRequest) {
    let body = Unread(request.take_payload());
    request.extensions_mut().insert(body);
}

/// Reads the body of a request, at most so many bytes.
///
/// # Errors
/// [`BodyError`].
pub(crate) async fn read(request: &HttpRequest, limit: usize) -> Result<web::Bytes, BodyError> {
    let kept = request.extensions_mut().remove::<Unread>();
    let mut body = kept.map_or(Payload::None, |Unread(body)| body);
    let read = data::<Bodies>(request).read(limit, request.headers(), &mut body).await;
    request.extensions_mut().insert(Unread(body));
    read
}

/// The response, which holds what was not read of the request until it is sent: the framework then closes the connection
/// behind it. If it saw the rest dropped it would wait for the end of a chunked body, without a deadline.
pub(super) fn answered(response: ServiceResponse) -> ServiceResponse<WithRest> {
    let rest = response.request().extensions_mut().remove::<Unread>();
    response.map_body(|_, body| WithRest { body, _rest: rest })
}

/// A response's body beside the rest of its request's.
pub(super) struct WithRest {
    body: BoxBody,
    _rest: Option<Unread>,
}

impl MessageBody for WithRest {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<web::Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_that_waits_longest_gives_up_for_a_new_one() {
        let bodies = Bodies::default();
        let mut waiting: Vec<_> = (0..MOST_WAITING).map(|_| bodies.wait()).collect();
        assert!(
            waiting.iter_mut().all(|(_, newer)| newer.try_recv() == Err(oneshot::error::TryRecvError::Empty))
        );
        let _newest = bodies.wait();
        let gave_up: Vec<_> = waiting
            .iter_mut()
            .filter_map(|(body, newer)| {
                newer
                    .try_recv()
                    .is_err_and(|error| error == oneshot::error::TryRecvError::Closed)
                    .then_some(body.number)
            })
            .collect();
        assert_eq!(gave_up, [0]);
        drop(waiting);
        assert_eq!(bodies.lock().pending.len(), 1, "who is done takes no room");
    }
}
