//! How many sessions are in use now, for people who look at the portal.
//!
//! Redis can count records only by reading the names of all. So it keeps counters: the idle lifetime is divided into
//! [`PARTS`], and each part counts the sessions whose last use is in it. A use moves its session to the counter of now, and
//! counters of parts that are over are not read. The number is not exact: a use that two replicas write at once, and a write
//! that is lost, make it wrong by one until their parts are over. Sessions that were copied from a file count once they are
//! used. The embedded file counts its records.

use super::record::SPARE;
use super::sessions::{RECORDS, Sessions};
use super::store::{Store, StoreError};
use gatepost_core::clock::Timestamp;
use gatepost_core::secret::Hash;
use std::collections::BTreeMap;
use std::time::Duration;

/// Into how many parts the idle lifetime is divided.
const PARTS: u32 = 8;
/// What the names of the counters begin with: all of them lie in one slot of a Cluster.
pub(super) const COUNTERS: &[u8] = b"{in use}:";

/// When a session was used last, before and after a change. `None`: it was not there.
pub(super) type Use = (Option<Timestamp>, Option<Timestamp>);

impl Sessions {
    /// Counts changes of last uses. A failure makes the number wrong, and nothing else.
    pub(super) async fn note_uses(&self, uses: impl IntoIterator<Item = Use>) {
        let Store::Redis(redis) = &self.store else { return };
        let mut changes = BTreeMap::<i64, i64>::new();
        for (before, after) in uses {
            for (at, change) in before.map(|at| (at, -1)).into_iter().chain(after.map(|at| (at, 1))) {
                *changes.entry(self.part(at)).or_default() += change;
            }
        }
        changes.retain(|_, change| *change != 0);
        let changes: Vec<_> = changes.into_iter().map(|(part, change)| (name(part), change)).collect();
        if let Err(error) = redis.add(&changes, self.lifetimes().idle * 2).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "uses of sessions are not counted");
        }
    }

    /// When a session was used last, if its end has to be counted. A failure makes the number wrong, and nothing else.
    pub(super) async fn last_use(&self, hash: &Hash) -> Option<Timestamp> {
        match &self.store {
            Store::Redis(_) => self.find_by_hash(hash).await.ok()?.map(|record| record.last_seen_at),
            Store::Sqlite(_) => None,
        }
    }

    /// About how many sessions can still be used.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn count_in_use(&self) -> Result<u64, StoreError> {
        let redis = match &self.store {
            Store::Sqlite(file) => return file.count_values(RECORDS, SPARE).await,
            Store::Redis(redis) => redis,
        };
        let current = self.part(Timestamp::now());
        let names: Vec<_> = (0..=i64::from(PARTS)).map(|ago| name(current - ago)).collect();
        let counters = redis.find_many(&names).await?;
        let numbers =
            counters.iter().flatten().filter_map(|text| std::str::from_utf8(text).ok()?.parse::<i64>().ok());
        Ok(numbers.sum::<i64>().try_into().unwrap_or(0))
    }

    /// The number of the part of time that a moment is in.
    fn part(&self, at: Timestamp) -> i64 {
        let length = (self.lifetimes().idle / PARTS).max(Duration::from_secs(1)).as_secs();
        at.unix().div_euclid(i64::try_from(length).unwrap_or(i64::MAX))
    }
}

fn name(part: i64) -> Vec<u8> {
    [COUNTERS, part.to_string().as_bytes()].concat()
}
