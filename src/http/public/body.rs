//! Bodies of the public listener's requests: read where the route takes one, after the caller was judged, with a limit
//! of bytes, of time, and of how many wait at once in this process. Anybody can begin a body and never end it.

use crate::http::respond;
use crate::http::routes::Body;
use actix_web::body::{BodySize, BodyStream, BoxBody, MessageBody, to_bytes_limited};
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use actix_web::{HttpResponse, web};
use hyper::StatusCode;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// From the first byte of a body to its last.
const DEADLINE: Duration = Duration::from_secs(5);
/// So many bodies are waited for at once. One more makes the one that has waited longest give up: a complete body waits
/// for a moment, so that is one that stalls.
const MOST_WAITING: usize = 64;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the body is longer than {0} bytes")]
    TooLarge(usize),
    #[error("the body did not come within {DEADLINE:?}")]
    TooSlow,
    #[error("{MOST_WAITING} newer bodies are waited for")]
    TooMany,
    #[error("the body broke off")]
    Broken,
}

impl BodyError {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow | Self::TooMany => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }
}

/// The bodies that are waited for now, oldest first.
#[derive(Debug, Default)]
pub struct Bodies(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    turns: VecDeque<(u64, oneshot::Sender<()>)>,
}

/// One body's place among [`Bodies`].
struct Turn<'a> {
    bodies: &'a Bodies,
    number: u64,
}

impl Bodies {
    /// Reads a body as its route takes it.
    pub(super) async fn read(
        &self,
        takes: Body,
        headers: &HeaderMap,
        payload: &mut web::Payload,
    ) -> Result<web::Bytes, BodyError> {
        let limit = takes.limit();
        let declared =
            headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        match declared {
            Some(length) if length > limit as u64 => return Err(BodyError::TooLarge(limit)),
            Some(1..) => {}
            _ if headers.contains_key(TRANSFER_ENCODING) => {}
            _ => return Ok(web::Bytes::new()),
        }
        let (_turn, newer) = self.wait();
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

    /// The receiver ends when the body has to give up.
    fn wait(&self) -> (Turn<'_>, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.lock();
        if waiting.turns.len() >= MOST_WAITING {
            waiting.turns.pop_front();
        }
        let number = waiting.next;
        waiting.next += 1;
        waiting.turns.push_back((number, sender));
        (Turn { bodies: self, number }, receiver)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.bodies.lock().turns.retain(|(number, _)| *number != self.number);
    }
}

/// The response, which holds what was not read of the request until it is sent: the framework then closes the connection
/// behind it. If it saw the rest dropped it would wait for the end of a chunked body, without a deadline.
pub(super) fn answered(answer: respond::Answer, rest: web::Payload) -> HttpResponse<WithRest> {
    respond::to_actix(answer).map_body(|_, body| WithRest { body, _rest: rest })
}

/// A response's body beside the rest of its request's.
pub struct WithRest {
    body: BoxBody,
    _rest: web::Payload,
}

impl fmt::Debug for WithRest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithRest").field("body", &self.body).finish_non_exhaustive()
    }
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
            .filter_map(|(turn, newer)| {
                newer
                    .try_recv()
                    .is_err_and(|error| error == oneshot::error::TryRecvError::Closed)
                    .then_some(turn.number)
            })
            .collect();
        assert_eq!(gave_up, [0]);
        drop(waiting);
        assert_eq!(bodies.lock().turns.len(), 1, "who is done takes no room");
    }
}
