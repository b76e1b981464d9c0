//! Which server is the primary, as this process has seen it.
//!
//! A primary that stood still while a standby was promoted goes on as a primary until somebody demotes it. It does not
//! know the changes of the new one, and its own changes are thrown away later. Guarantee: once another primary was seen,
//! nothing is asked on connections to the former one. Two things see to that:
//! - The generation grows whenever the primary changes. Whoever keeps a connection compares it with the generation under
//!   which the connection was made.
//! - A promotion increments the timeline of the server (Postgres, chapter "Timelines"). A server with a lower timeline
//!   than the highest one that was seen is a former primary, so new connections to it are refused too.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The primary. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Primary {
    last: Arc<Mutex<Last>>,
    generation: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Last {
    /// Its place among the servers.
    at: usize,
    /// Zero before a primary was seen. The timelines of Postgres begin with one.
    timeline: u32,
}

impl Primary {
    /// The place of the server that was the primary last.
    pub(super) fn at(&self) -> usize {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).at
    }

    /// Grows whenever the primary changes.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Notes that the server at this place says that it is a primary. Returns the generation from now on.
    ///
    /// # Errors
    /// It is a former primary.
    pub(super) fn note(&self, at: usize, timeline: u32) -> Result<u64, sqlx::Error> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if timeline < last.timeline {
            return Err(sqlx::Error::Protocol(format!(
                "server {} of DATABASE_URL is a former primary: its timeline is {timeline}, and a server of timeline {} \
                 was promoted since. Stop it, or restart Gatepost if that server was made anew",
                at + 1,
                last.timeline
            )));
        }
        if at != last.at {
            tracing::info!(server = at + 1, timeline, "another server of DATABASE_URL is the primary");
        }
        let is_other = last.timeline != 0 && (at, timeline) != (last.at, last.timeline);
        *last = Last { at, timeline };
        if is_other {
            self.generation.fetch_add(1, Ordering::AcqRel);
        }
        Ok(self.generation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_other_primary_is_a_new_generation_and_a_former_one_is_refused() {
        let primary = Primary::default();
        assert_eq!(primary.note(1, 3).ok(), Some(0), "the first");
        assert_eq!(primary.note(1, 3).ok(), Some(0), "the same");
        assert_eq!(primary.note(0, 4).ok(), Some(1), "another server");
        assert_eq!(primary.note(0, 5).ok(), Some(2), "another server behind the same name");
        assert!(primary.note(1, 4).is_err(), "a former primary");
        assert_eq!((primary.at(), primary.generation()), (0, 2));
    }
}
