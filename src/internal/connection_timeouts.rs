//! How long a connection may wait for its peer. The connection notes in passing what it waits for, and its thread looks
//! at all its connections every few seconds: no request pays for a timer. (hyper's own `header_read_timeout` makes one
//! for each request, and its time also runs between two requests, where it would have to be longer.)

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{self, AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::AbortHandle;
use tokio::time::{Sleep, sleep};

/// How often connections are checked.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// Two minutes: longer than the 90 s for which Traefik keeps an idle connection, so that the server never closes first.
const MAX_IDLE_CHECKS: u32 = 24;
/// A minute from a head's first byte to its last.
const MAX_HEAD_CHECKS: u32 = 12;
/// Ended connections are removed from the list when it has doubled, from this length on.
const MIN_SWEEP_SIZE: usize = 64;
/// A connection that we close is read on until its peer closes too, but no longer: bytes that arrive at a closed socket
/// reset the connection, and the peer could lose the answer.
const LINGER_TIME: Duration = Duration::from_secs(2);
/// Bytes that are read and thrown away meanwhile.
const LINGER_BYTES: usize = 64 * 1024;

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The next request.
    Idle,
    /// The rest of a head.
    Head,
    /// Gatepost.
    Busy,
    /// The peer, to take its answer.
    Answer,
}

/// One connection's phase, and how often it has changed.
#[derive(Debug)]
pub(super) struct Activity {
    changes_and_phase: AtomicU64,
    closing: AtomicBool,
}

/// Of a connection from which nothing has come: its first head is due.
const NEW: u64 = Phase::Head as u64;

impl Default for Activity {
    fn default() -> Self {
        Self { changes_and_phase: AtomicU64::new(NEW), closing: AtomicBool::new(false) }
    }
}

impl Activity {
    pub(super) fn enter(&self, phase: Phase) {
        let changes = self.changes_and_phase.load(Ordering::Relaxed) >> 2;
        self.changes_and_phase.store((changes + 1) << 2 | phase as u64, Ordering::Relaxed);
    }

    /// Bytes have come. The first of them starts the head's time; more, or empty lines before a request, do not start it
    /// again.
    fn note_read(&self) {
        if self.phase() == Phase::Idle || self.changes_and_phase.load(Ordering::Relaxed) == NEW {
            self.enter(Phase::Head);
        }
    }

    /// Everything that was to be written has been taken.
    fn note_flushed(&self) {
        if self.phase() == Phase::Answer {
            self.enter(Phase::Idle);
        }
    }

    fn phase(&self) -> Phase {
        match self.changes_and_phase.load(Ordering::Relaxed) & 3 {
            0 => Phase::Idle,
            1 => Phase::Head,
            2 => Phase::Busy,
            _ => Phase::Answer,
        }
    }

    /// Whether the next answer is the connection's last.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }
}

/// A connection's bytes, with a note of its activity. It lingers when it is shut down.
#[derive(Debug)]
pub(super) struct WatchedStream<S> {
    stream: S,
    activity: Arc<Activity>,
    linger: Option<Linger>,
}

#[derive(Debug)]
struct Linger {
    rest: usize,
    end: Pin<Box<Sleep>>,
}

impl<S> WatchedStream<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self { stream, activity, linger: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WatchedStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = room.filled().len();
        let result = ready!(Pin::new(&mut this.stream).poll_read(context, room));
        if room.filled().len() > before {
            this.activity.note_read();
        }
        Poll::Ready(result)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WatchedStream<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    /// hyper flushes when it has written everything.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = ready!(Pin::new(&mut this.stream).poll_flush(context));
        this.activity.note_flushed();
        Poll::Ready(result)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, activity, linger } = self.get_mut();
        if linger.is_none() {
            ready!(Pin::new(&mut *stream).poll_shutdown(context))?;
            activity.enter(Phase::Answer);
        }
        let linger =
            linger.get_or_insert_with(|| Linger { rest: LINGER_BYTES, end: Box::pin(sleep(LINGER_TIME)) });
        linger.poll(stream, context).map(Ok)
    }
}

impl Linger {
    /// Whatever comes, nobody reads it.
    fn poll<S: AsyncRead + Unpin>(&mut self, stream: &mut S, context: &mut Context<'_>) -> Poll<()> {
        let mut room = [0; 4096];
        while self.rest > 0 {
            let mut room = ReadBuf::new(&mut room);
            match Pin::new(&mut *stream).poll_read(context, &mut room) {
                Poll::Ready(Ok(())) if !room.filled().is_empty() => {
                    self.rest = self.rest.saturating_sub(room.filled().len());
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.end.as_mut().poll(context),
            }
        }
        Poll::Ready(())
    }
}

/// The connections of one thread. Looked at by that thread alone, so that none of them runs meanwhile.
#[derive(Debug, Default)]
pub(super) struct Watched {
    connections: Vec<Connection>,
    kept_at_last_sweep: usize,
}

#[derive(Debug)]
struct Connection {
    task: AbortHandle,
    activity: Arc<Activity>,
    seen: u64,
    checks: u32,
}

impl Watched {
    pub(super) fn add(&mut self, task: AbortHandle, activity: Arc<Activity>) {
        // What is over keeps its memory for as long as it is in the list.
        if self.connections.len() >= MIN_SWEEP_SIZE.max(2 * self.kept_at_last_sweep) {
            self.connections.retain(|connection| !connection.task.is_finished());
            self.kept_at_last_sweep = self.connections.len();
        }
        self.connections.push(Connection { task, activity, seen: u64::MAX, checks: 0 });
    }

    /// Cuts off what has waited for too long; to be called every [`CHECK_INTERVAL`].
    pub(super) fn close_overdue(&mut self) {
        self.connections.retain_mut(|connection| {
            if connection.is_overdue() {
                connection.task.abort();
            }
            !connection.task.is_finished()
        });
        self.kept_at_last_sweep = self.connections.len();
    }

    /// Closes what waits for a request; what is busy closes with its answer. hyper's `graceful_shutdown` would also
    /// throw away a head of which a part has come.
    pub(super) fn close(&mut self) {
        for connection in mem::take(&mut self.connections) {
            connection.activity.closing.store(true, Ordering::Relaxed);
            let now = connection.activity.changes_and_phase.load(Ordering::Relaxed);
            if now == NEW || connection.activity.phase() == Phase::Idle {
                connection.task.abort();
            }
        }
    }
}

impl Connection {
    fn is_overdue(&mut self) -> bool {
        let now = self.activity.changes_and_phase.load(Ordering::Relaxed);
        self.checks = if now == self.seen { self.checks + 1 } else { 0 };
        self.seen = now;
        match self.activity.phase() {
            Phase::Idle | Phase::Answer => self.checks >= MAX_IDLE_CHECKS,
            Phase::Head => self.checks >= MAX_HEAD_CHECKS,
            Phase::Busy => false,
        }
    }
}

#[cfg(test)]
mod tests;
