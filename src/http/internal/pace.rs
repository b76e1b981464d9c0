//! What a connection waits for, and since when: told by the connection in passing, looked at by its thread now and then,
//! so that no request costs a clock or a timer.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::AbortHandle;

/// How often connections are looked at.
pub(super) const LOOK: Duration = Duration::from_secs(5);
/// Two minutes: longer than the 90 s for which Traefik keeps an idle connection, so that the server never closes first.
const IDLE_LOOKS: u32 = 24;
/// A minute from a head's first byte to its last (DESIGN.md section 4).
const HEAD_LOOKS: u32 = 12;
/// The list of connections is tidied when it has doubled, from here on.
const TIDY_FROM: usize = 64;

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The next request.
    Idle,
    /// The rest of a head.
    Head,
    /// Us.
    Busy,
    /// The peer, to take its answer.
    Answer,
}

/// One connection's phase, and how often it has changed.
#[derive(Debug)]
pub(super) struct Pace {
    changes_and_phase: AtomicU64,
    closing: AtomicBool,
}

/// Of a connection from which nothing has come: its first head is due.
const NEW: u64 = Phase::Head as u64;

impl Default for Pace {
    fn default() -> Self {
        Self { changes_and_phase: AtomicU64::new(NEW), closing: AtomicBool::new(false) }
    }
}

impl Pace {
    pub(super) fn enter(&self, phase: Phase) {
        let changes = self.changes_and_phase.load(Ordering::Relaxed) >> 2;
        self.changes_and_phase.store((changes + 1) << 2 | phase as u64, Ordering::Relaxed);
    }

    /// The peer has sent something before a head's end, be it an empty line. Only the first of it counts: whoever sends
    /// one empty line after another waits no longer than whoever sends a head byte by byte.
    pub(super) fn hear(&self) {
        if self.phase() != Phase::Head || self.changes_and_phase.load(Ordering::Relaxed) == NEW {
            self.enter(Phase::Head);
        }
    }

    pub(super) fn phase(&self) -> Phase {
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

/// The connections of one thread. Looked at by that thread alone, so that none of them runs meanwhile.
#[derive(Debug, Default)]
pub(super) struct Watched {
    connections: Vec<Connection>,
    tidied: usize,
}

#[derive(Debug)]
struct Connection {
    task: AbortHandle,
    pace: Arc<Pace>,
    seen: u64,
    looks: u32,
}

impl Watched {
    pub(super) fn add(&mut self, task: AbortHandle, pace: Arc<Pace>) {
        // What is over keeps its memory for as long as it is in the list.
        if self.connections.len() >= TIDY_FROM.max(2 * self.tidied) {
            self.connections.retain(|connection| !connection.task.is_finished());
            self.tidied = self.connections.len();
        }
        self.connections.push(Connection { task, pace, seen: u64::MAX, looks: 0 });
    }

    /// Cuts off what has waited for too long; to be called every [`LOOK`].
    pub(super) fn look(&mut self) {
        self.connections.retain_mut(|connection| {
            if connection.is_overdue() {
                connection.task.abort();
            }
            !connection.task.is_finished()
        });
        self.tidied = self.connections.len();
    }

    /// Closes what waits for a request; what is busy closes with its answer.
    pub(super) fn close(&mut self) {
        for connection in mem::take(&mut self.connections) {
            connection.pace.closing.store(true, Ordering::Relaxed);
            let now = connection.pace.changes_and_phase.load(Ordering::Relaxed);
            if now == NEW || connection.pace.phase() == Phase::Idle {
                connection.task.abort();
            }
        }
    }
}

impl Connection {
    fn is_overdue(&mut self) -> bool {
        let now = self.pace.changes_and_phase.load(Ordering::Relaxed);
        self.looks = if now == self.seen { self.looks + 1 } else { 0 };
        self.seen = now;
        match self.pace.phase() {
            Phase::Idle | Phase::Answer => self.looks >= IDLE_LOOKS,
            Phase::Head => self.looks >= HEAD_LOOKS,
            Phase::Busy => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    async fn watched(phases: &[Phase]) -> (Watched, Vec<(tokio::task::JoinHandle<()>, Arc<Pace>)>) {
        let mut watched = Watched::default();
        let mut connections = Vec::new();
        for phase in phases {
            let pace = Arc::new(Pace::default());
            pace.enter(*phase);
            let task = tokio::spawn(pending());
            watched.add(task.abort_handle(), Arc::clone(&pace));
            connections.push((task, pace));
        }
        tokio::task::yield_now().await;
        (watched, connections)
    }

    async fn are_open(connections: &[(tokio::task::JoinHandle<()>, Arc<Pace>)]) -> Vec<bool> {
        tokio::task::yield_now().await;
        connections.iter().map(|(task, _)| !task.is_finished()).collect()
    }

    #[tokio::test]
    async fn a_head_without_an_end_is_cut_off_after_a_minute_and_idleness_after_two() {
        let (mut watched, connections) = watched(&[Phase::Head, Phase::Idle, Phase::Busy]).await;
        for (seconds, open) in [(0, [true; 3]), (55, [true; 3]), (60, [false, true, true])] {
            while u64::from(watched.connections[0].looks) * LOOK.as_secs() < seconds {
                watched.look();
                if watched.connections.len() < 3 {
                    break;
                }
            }
            assert_eq!(are_open(&connections).await, open, "{seconds} s");
        }
        for _ in 0..IDLE_LOOKS {
            watched.look();
        }
        assert_eq!(are_open(&connections).await, [false, false, true]);
    }

    #[tokio::test]
    async fn who_goes_on_is_never_cut_off() {
        let (mut watched, connections) = watched(&[Phase::Idle]).await;
        for _ in 0..10 * IDLE_LOOKS {
            connections[0].1.enter(Phase::Head);
            connections[0].1.enter(Phase::Busy);
            connections[0].1.enter(Phase::Idle);
            watched.look();
        }
        assert_eq!(are_open(&connections).await, [true]);
    }

    #[tokio::test]
    async fn at_the_end_only_what_waits_for_a_request_is_closed_at_once() {
        let (mut watched, connections) =
            watched(&[Phase::Head, Phase::Idle, Phase::Busy, Phase::Answer]).await;
        watched.close();
        assert_eq!(are_open(&connections).await, [true, false, true, true]);
        assert!(connections.iter().all(|(_, pace)| pace.is_closing()));
    }

    #[tokio::test]
    async fn what_is_over_takes_no_room() {
        let mut watched = Watched::default();
        for _ in 0..10 * TIDY_FROM {
            let task = tokio::spawn(async {});
            watched.add(task.abort_handle(), Arc::default());
            task.await.expect("it ends");
        }
        assert!(watched.connections.len() <= TIDY_FROM, "{}", watched.connections.len());
    }
}
