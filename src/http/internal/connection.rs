//! One connection of the proxy: HTTP/1.1, or over TLS what both sides prefer.
//!
//! Limits: DESIGN.md section 4; how long a connection may wait is [`super::pace`]'s to say.

#[cfg(test)]
pub(super) mod tests;

use super::http1::Conversation;
use super::pace::{Pace, Phase};
use super::{Asked, Surface, answer_at_once, handle};
use crate::state::State;
use crate::verify::headers::{self, Headers};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

/// Bytes of a head.
const MAX_HEAD: u32 = 128 * 1024;
/// Go's client opens another connection above.
const MAX_STREAMS: u32 = 1_000;
/// A peer that is gone is noticed within twice this time.
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// What all connections of a listener share.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) state: Arc<State>,
    pub(super) surface: Surface,
    /// Becomes true when the process stops.
    pub(super) stop: watch::Receiver<bool>,
}

/// Serves HTTP/1.1 until the peer is gone, or the connection is cut off for its pace.
pub(super) async fn serve_http1<S>(shared: Shared, pace: Arc<Pace>, peer: IpAddr, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    log_end(Conversation::new(&shared, &pace, peer, stream).run().await);
}

/// Serves HTTP/2 until the peer is gone or the process stops. Streams that are opened and reset, heads without an end
/// and floods of frames are bounded by h2 (CVE-2023-44487, CVE-2024-2758).
pub(super) async fn serve_http2<S>(shared: Shared, pace: Arc<Pace>, peer: IpAddr, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Pings tell when the peer is gone, and GOAWAY ends it.
    pace.enter(Phase::Busy);
    let mut stop = shared.stop.clone();
    let shared = Arc::new(shared);
    let service = service_fn(move |request: Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(answer(&shared, peer, &request).await) }
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

async fn answer(shared: &Shared, peer: IpAddr, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let (uri, lines) = (request.uri(), headers::lines_of(request.headers()));
    let asked =
        Asked { path: uri.path(), query: uri.query().unwrap_or_default(), headers: Headers::new(&lines) };
    let answer = match answer_at_once(shared, peer, &asked) {
        Some(answer) => answer,
        None => handle(shared, peer, &asked).await,
    };
    answer.map(Full::new)
}

fn log_end<E: std::error::Error + 'static>(result: Result<(), E>) {
    if let Err(error) = result {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection of the proxy broke");
    }
}
