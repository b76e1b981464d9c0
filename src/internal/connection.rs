//! One connection of the proxy: HTTP/1.1, or over TLS what both sides prefer. hyper reads and writes both.
//!
//! [`super::connection_timeouts`] decides how long a connection may wait.

#[cfg(test)]
mod tests;

use super::connection_timeouts::{Activity, Phase, WatchedStream};
use super::context::{Context, Surface};
use super::received::Received;
use super::service::answer;
use gatepost_runtime::respond;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{CONNECTION, EXPECT, HOST, HeaderValue};
use hyper::http::request::Parts;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::timeout;

/// Bytes of a head; more is 431.
const MAX_HEAD: u32 = 128 * 1024;
/// The number of bytes of a body that are read and discarded. A longer body, or one of unknown length, ends the connection.
const MAX_BODY: u64 = 64 * 1024;
/// The time for reading a body. A slower one ends the connection.
const BODY_TIME: Duration = Duration::from_secs(2);
/// Streams of one connection. Go's client opens another connection for more.
const MAX_STREAMS: u32 = 1_000;
/// A peer that is gone is noticed within twice this time.
const PING_INTERVAL: Duration = Duration::from_secs(20);

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// What all connections of a listener share.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) context: Arc<Context>,
    pub(super) surface: Surface,
    /// Becomes true when the process stops.
    pub(super) stop: watch::Receiver<bool>,
}

/// Serves HTTP/1.1 to a trusted peer on a stream that no listener accepted.
pub async fn serve_stream<S>(context: Arc<Context>, peer: IpAddr, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (_never, stop) = watch::channel(false);
    let shared = Shared { context, surface: Surface::Internal, stop };
    serve_http1(shared, Arc::default(), peer, stream).await;
}

/// Serves HTTP/1.1 until the peer is gone, or the connection is cut off because it waited for too long.
pub(super) async fn serve_http1<S>(shared: Shared, activity: Arc<Activity>, peer: IpAddr, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = WatchedStream::new(stream, Arc::clone(&activity));
    let (shared, activity) = (&shared, &*activity);
    let service = service_fn(move |request| answer_http1(shared, activity, peer, request));
    let connection = http1::Builder::new()
        .max_buf_size(MAX_HEAD as usize)
        .header_read_timeout(None)
        // Else each request would be followed by a look for the peer's end, with a new buffer to read into.
        .half_close(true)
        // Answers are small: one piece of memory is written faster than several.
        .writev(false)
        .serve_connection(TokioIo::new(stream), service);
    log_end(connection.await);
}

/// Serves HTTP/2 until the peer is gone or the process stops. Streams that are opened and reset, heads without an end
/// and floods of frames are bounded by h2 (CVE-2023-44487, CVE-2024-2758).
pub(super) async fn serve_http2<S>(shared: Shared, activity: Arc<Activity>, peer: IpAddr, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Pings detect a peer that is gone, and GOAWAY closes the connection.
    activity.enter(Phase::Busy);
    let mut stop = shared.stop.clone();
    let shared = Arc::new((shared, activity));
    let service = service_fn(move |request: Request<Incoming>| {
        let shared = Arc::clone(&shared);
        // On the heap: hyper moves it several times before it runs, with all the room that it may need.
        Box::pin(async move {
            let (shared, activity) = &*shared;
            let (head, mut body) = request.into_parts();
            let request = Received { head: &head, body: &mut body };
            Ok::<_, Infallible>(
                answer(&shared.context, shared.surface, activity, peer, request).await.map(Full::new),
            )
        })
    });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_INTERVAL);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let result = tokio::select! {
        result = connection.as_mut() => result,
        _ = stop.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    log_end(result);
}

async fn answer_http1(
    shared: &Shared,
    activity: &Activity,
    peer: IpAddr,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (mut answer, can_go_on) = if is_refused(&request) {
        (respond::empty(StatusCode::BAD_REQUEST), false)
    } else {
        let (head, mut body) = request.into_parts();
        let received = Received { head: &head, body: &mut body };
        let answer = answer(&shared.context, shared.surface, activity, peer, received).await;
        (answer, body.is_end_stream() || Box::pin(discard_body(activity, &head, body)).await)
    };
    if !can_go_on || activity.is_closing() {
        answer.headers_mut().insert(CONNECTION, CLOSE);
    }
    activity.enter(Phase::Answer);
    Ok(answer.map(Full::new))
}

/// Whether two readers could take different hosts from this request (RFC 9112 section 3.2), or it asks for a tunnel.
fn is_refused<B>(request: &Request<B>) -> bool {
    let is_current = request.version() == Version::HTTP_11;
    request.method() == Method::CONNECT || (is_current && request.headers().get_all(HOST).iter().count() != 1)
}

/// Reads a body of known length and throws it away. `false`: the connection has to end, because the body is long, slow
/// or in chunks. Two readers may disagree about where chunks end: hyper follows `Transfer-Encoding` where a
/// `Content-Length` stands beside it, and does not show the service that it did.
async fn discard_body(activity: &Activity, head: &Parts, mut body: Incoming) -> bool {
    // Whoever waits to be told to go on may send the body or not, now that there is an answer (RFC 9110 section 10.1.1).
    let is_promised = head.headers.contains_key(EXPECT);
    if is_promised || body.size_hint().exact().is_none_or(|length| length > MAX_BODY) {
        return false;
    }
    activity.enter(Phase::Busy);
    let rest = async {
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return false;
            }
        }
        true
    };
    timeout(BODY_TIME, rest).await.unwrap_or(false)
}

fn log_end(result: hyper::Result<()>) {
    if let Err(error) = result {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection of the proxy broke");
    }
}
