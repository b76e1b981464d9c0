//! One connection of the proxy: HTTP/1.1, or over TLS what both sides prefer.
//!
//! Limits: DESIGN.md section 4 for heads; between requests a connection outlives the 90 s for which Traefik keeps an
//! idle one, so that the server never closes first. hyper's own limit of a head (30 s) is off: it runs between requests
//! too, and costs a timer for each.

#[cfg(test)]
mod tests;

use super::{Surface, handle};
use crate::state::State;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Longer than the 90 s for which Traefik keeps an idle connection.
const IDLE_TIMEOUT: Duration = Duration::from_mins(2);
/// From a head's first byte to its last.
const HEAD_TIMEOUT: Duration = Duration::from_mins(1);
/// How often a connection's pace is looked at.
const LOOK: Duration = Duration::from_secs(15);
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

/// Serves HTTP/1.1 until the peer is gone, idle for too long, too slow with a head, or the process stops.
pub(super) async fn serve_http1<S>(shared: Shared, peer: IpAddr, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let pace = Arc::new(Pace::default());
    let Shared { state, surface, mut stop } = shared;
    let service = service_fn(|request: Request<Incoming>| {
        let (state, pace) = (Arc::clone(&state), Arc::clone(&pace));
        async move {
            pace.enter(Phase::Busy);
            let answer = answer(&state, surface, peer, &request).await;
            pace.enter(Phase::Idle);
            Ok::<_, Infallible>(answer)
        }
    });
    let io = TokioIo::new(Paced { stream, pace: Arc::clone(&pace) });
    let mut builder = http1::Builder::new();
    let connection = builder.max_buf_size(MAX_HEAD).header_read_timeout(None).serve_connection(io, service);
    let mut connection = pin!(connection);
    let mut is_stopping = false;
    loop {
        tokio::select! {
            result = connection.as_mut() => return log_end(result),
            () = sleep_until(pace.deadline()) => match pace.overdue() {
                None => {}
                Some(Phase::Idle) => connection.as_mut().graceful_shutdown(),
                Some(_) => return,
            },
            _ = stop.changed(), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Serves HTTP/2 until the peer is gone or the process stops. Streams that are opened and reset, heads without an end
/// and floods of frames are bounded by h2 (CVE-2023-44487, CVE-2024-2758).
pub(super) async fn serve_http2<S>(shared: Shared, peer: IpAddr, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
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

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The next request.
    Idle,
    /// The rest of a head.
    Head,
    /// Us.
    Busy,
}

/// Since when a connection waits for what.
#[derive(Debug)]
struct Pace(AtomicU64);

impl Default for Pace {
    fn default() -> Self {
        let pace = Self(AtomicU64::new(0));
        pace.enter(Phase::Head);
        pace
    }
}

impl Pace {
    fn enter(&self, phase: Phase) {
        self.0.store(millis() << 2 | phase as u64, Ordering::Relaxed);
    }

    fn read(&self) -> (Phase, Duration) {
        let packed = self.0.load(Ordering::Relaxed);
        let phase = match packed & 3 {
            0 => Phase::Idle,
            1 => Phase::Head,
            _ => Phase::Busy,
        };
        (phase, Duration::from_millis(millis().saturating_sub(packed >> 2)))
    }

    /// When to look again.
    fn deadline(&self) -> Instant {
        let (phase, waited) = self.read();
        let rest = if phase == Phase::Head { HEAD_TIMEOUT.saturating_sub(waited) } else { LOOK };
        Instant::now() + rest.min(LOOK)
    }

    /// The phase, if it lasts too long.
    fn overdue(&self) -> Option<Phase> {
        let (phase, waited) = self.read();
        let limit = match phase {
            Phase::Idle => IDLE_TIMEOUT,
            Phase::Head => HEAD_TIMEOUT,
            Phase::Busy => return None,
        };
        (waited >= limit).then_some(phase)
    }
}

/// Milliseconds since the first connection.
fn millis() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// A stream that tells its pace when a head begins.
struct Paced<S> {
    stream: S,
    pace: Arc<Pace>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before && self.pace.read().0 == Phase::Idle {
            self.pace.enter(Phase::Head);
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

fn log_end(result: hyper::Result<()>) {
    if let Err(error) = result {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection of the proxy broke");
    }
}
