//! Long lists as CSV: read and sent part by part, so that memory does not depend on their length.

use crate::answer;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::{CONTENT_DISPOSITION, HeaderValue};
use actix_web::{HttpResponse, rt};
use gatepost_core::error_chain::Chain;
use hyper::body::Bytes;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc::{Receiver, channel};

/// Parts that wait to be sent.
const WAITING: usize = 2;

/// Reads a part from a place: its lines, and where the next part begins.
pub(super) fn answer<P, E>(
    name: &'static str,
    header: &'static str,
    read: impl AsyncFn(Option<P>) -> Result<(String, Option<P>), E> + 'static,
) -> HttpResponse
where
    P: 'static,
    E: Error + 'static,
{
    let (sender, receiver) = channel(WAITING);
    rt::spawn(async move {
        let (mut lines, mut after) = (header.to_owned(), None);
        loop {
            match read(after).await {
                Ok((part, next)) => {
                    lines.push_str(&part);
                    after = next;
                }
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "a list was not sent to its end");
                    // The client sees that the answer is not complete. If it has gone, nobody needs to.
                    let _ = sender.send(Err(Broken)).await;
                    return;
                }
            }
            // An empty part would end the body.
            let part = std::mem::take(&mut lines);
            let is_gone =
                sender.is_closed() || (!part.is_empty() && sender.send(Ok(part.into())).await.is_err());
            if is_gone || after.is_none() {
                return;
            }
        }
    });
    let mut response = answer::text("text/csv; charset=utf-8", Bytes::new(), "no-store");
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    response.set_body(BoxBody::new(Parts(receiver)))
}

/// The list ends before its end.
#[derive(Debug, thiserror::Error)]
#[error("the list could not be read to its end")]
struct Broken;

/// The parts, as they are read.
struct Parts(Receiver<Result<Bytes, Broken>>);

impl MessageBody for Parts {
    type Error = Broken;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        self.0.poll_recv(context)
    }
}
