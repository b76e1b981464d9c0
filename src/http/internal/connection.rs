//! One connection of the proxy: HTTP/1.1, or over TLS what both sides prefer.
//!
//! Limits: DESIGN.md section 4 for heads, kept by [`super::pace`]: hyper's own limit of a head runs between requests too,
//! where it would close connections that Traefik still uses, and costs a timer for each.

#[cfg(test)]
mod tests;

use super::pace::{Pace, Paced, Phase};
use super::{Surface, handle};
use crate::state::State;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::{http1, http2};
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
const MAX_HEAD: usize = 128 * 1024;
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
    let io = TokioIo::new(Paced { stream, pace: Arc::clone(&pace) });
    let (state, pace) = (&shared.state, &pace);
    let service = service_fn(|request: Request<Incoming>| async move {
        pace.enter(Phase::Busy);
        let mut answer = answer(state, shared.surface, peer, &request).await;
        pace.enter(Phase::Idle);
        if pace.is_closing() {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok::<_, Infallible>(answer)
    });
    log_end(http1().serve_connection(io, service).await);
}

fn http1() -> http1::Builder {
    let mut builder = http1::Builder::new();
    // An answer is one small piece, for which a vectored write is a detour through the kernel.
    builder.max_buf_size(MAX_HEAD).header_read_timeout(None).writev(false);
    builder
}

/// Serves HTTP/2 until the peer is gone or the process stops. Streams that are opened and reset, heads without an end
/// and floods of frames are bounded by h2 (CVE-2023-44487, CVE-2024-2758).
pub(super) async fn serve_http2<S>(shared: Shared, pace: Arc<Pace>, peer: IpAddr, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Pings tell when the peer is gone, and GOAWAY ends it.
    pace.enter(Phase::Busy);
    let Shared { state, surface, mut stop } = shared;
    let service = service_fn(move |request: Request<Incoming>| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(answer(&state, surface, peer, &request).await) }
    });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
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

async fn answer(
    state: &Arc<State>,
    surface: Surface,
    peer: IpAddr,
    request: &Request<Incoming>,
) -> Response<Full<Bytes>> {
    handle(state, surface, peer, request).await.map(Full::new)
}

fn log_end(result: hyper::Result<()>) {
    if let Err(error) = result {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection of the proxy broke");
    }
}
