//! The chain of the audit: the canonical form of an entry, and the head of an hour. `docs/audit.md` states the form; its
//! number is in each head.
//!
//! Guarantee: two different lists of entries, and two different heads, never have the same canonical form.

use super::salted_digest::SaltedDigest;
use gatepost_core::clock::Timestamp;
use gatepost_core::secret::{Hash, Hashing};

/// The canonical form that this release writes. A release that changes it still reads this one.
pub(super) const FORM: i64 = 1;
/// Seconds in an hour.
const HOUR: i64 = 3600;
/// What `previous` of the first head says.
const NONE: Hash = Hash::from_bytes([0; 32]);

row! {
    /// An entry as its hash sees it.
    #[derive(Clone, Debug)]
    pub struct ChainedEntry {
        pub id: i64,
        /// The hour since 1970 in whose head the entry stands.
        pub hour: i64,
        at: i64,
        actor: String,
        action: String,
        target: String,
        before: Option<String>,
        after: Option<String>,
        address: Option<String>,
        request_id: Option<String>,
        via: Option<String>,
        tenant_id: Option<String>,
        key_id: Option<String>,
        before_digest: Option<SaltedDigest>,
        after_digest: Option<SaltedDigest>,
        address_digest: Option<SaltedDigest>,
        /// What the entry says that records the erasure: its target. `None`: no entry records one.
        erased_target: Option<String>,
    }
}

impl ChainedEntry {
    /// Whether each text fits its digest, or was erased for a reason that the audit records.
    pub fn is_sound(&self) -> bool {
        let is_recorded = self.erased_target.as_ref().is_some_and(|target| {
            *target == self.target || target.strip_prefix("user:").is_some_and(|id| id == self.actor)
        });
        let columns = [
            (&self.before, &self.before_digest),
            (&self.after, &self.after_digest),
            (&self.address, &self.address_digest),
        ];
        columns.into_iter().all(|(text, digest)| match (text, digest) {
            (Some(text), Some(digest)) => digest.fits(text),
            (None, Some(digest)) => digest.is_erased() && is_recorded,
            (None, None) => true,
            (Some(_), None) => false,
        })
    }
}

/// Hashes the entries of an hour, one after the other by their ids.
#[derive(Clone, Debug)]
pub struct HourHashing {
    hashing: Hashing,
    first_id: i64,
    last_id: i64,
    count: i64,
}

/// What the entries of an hour come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourHash {
    pub first_id: i64,
    pub last_id: i64,
    pub count: i64,
    pub sha256: Hash,
}

impl Default for HourHashing {
    fn default() -> Self {
        let mut hashing = Hashing::default();
        hashing.add(b"gatepost audit entries 1\n");
        Self { hashing, first_id: 0, last_id: 0, count: 0 }
    }
}

impl HourHashing {
    /// Adds an entry.
    pub fn add(&mut self, entry: &ChainedEntry) {
        if self.count == 0 {
            self.first_id = entry.id;
        }
        self.last_id = entry.id;
        self.count += 1;
        number(&mut self.hashing, entry.id);
        number(&mut self.hashing, entry.at);
        for text in [&entry.actor, &entry.action, &entry.target] {
            optional(&mut self.hashing, Some(text.as_bytes()));
        }
        for digest in [&entry.before_digest, &entry.after_digest, &entry.address_digest] {
            optional(&mut self.hashing, digest.as_ref().map(SaltedDigest::hashed));
        }
        for text in [&entry.request_id, &entry.via, &entry.tenant_id, &entry.key_id] {
            optional(&mut self.hashing, text.as_deref().map(str::as_bytes));
        }
    }

    /// The hash of the entries that were added.
    pub fn finish(self) -> HourHash {
        let Self { hashing, first_id, last_id, count } = self;
        HourHash { first_id, last_id, count, sha256: hashing.finish() }
    }
}

fn number(hashing: &mut Hashing, value: i64) {
    hashing.add(&value.to_be_bytes());
}

/// One byte says whether there is a value; its length comes before it.
fn optional(hashing: &mut Hashing, value: Option<&[u8]>) {
    match value {
        None => hashing.add(&[0]),
        Some(bytes) => {
            hashing.add(&[1]);
            hashing.add(&(bytes.len() as u64).to_be_bytes());
            hashing.add(bytes);
        }
    }
}

row! {
    /// The head of an hour.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct AuditHead {
        /// The hour since 1970.
        pub hour: i64,
        /// The canonical form by which it was made.
        pub form: i64,
        pub first_id: i64,
        pub last_id: i64,
        pub count: i64,
        /// The hash over the entries.
        pub sha256: Hash,
        /// The digest of the head before this one.
        pub previous: Hash,
        /// The entry that records that the entries were deleted by their age.
        pub cut_by: Option<i64>,
    }
}

impl AuditHead {
    /// The head of an hour, after this one.
    pub fn new(hour: i64, entries: HourHash, preceding: Option<&Self>) -> Self {
        let HourHash { first_id, last_id, count, sha256 } = entries;
        let previous = Self::digest_of(preceding);
        Self { hour, form: FORM, first_id, last_id, count, sha256, previous, cut_by: None }
    }

    /// The hour that begins at this time or before it.
    pub const fn hour_of(at: Timestamp) -> i64 {
        at.unix().div_euclid(HOUR)
    }

    /// When the hour begins.
    pub const fn begins_at(&self) -> Timestamp {
        Timestamp::from_unix(self.hour.saturating_mul(HOUR))
    }

    /// Whether this release knows how it was made.
    pub const fn is_known_form(&self) -> bool {
        self.form == FORM
    }

    /// What it says about the entries.
    pub const fn entries(&self) -> HourHash {
        let Self { first_id, last_id, count, sha256, .. } = *self;
        HourHash { first_id, last_id, count, sha256 }
    }

    /// What the next head says about this one. `cut_by` is not part of it, because it is set later.
    pub fn digest(&self) -> Hash {
        let mut hashing = Hashing::default();
        hashing.add(b"gatepost audit head 1\n");
        for value in [self.form, self.hour, self.first_id, self.last_id, self.count] {
            number(&mut hashing, value);
        }
        hashing.add(self.sha256.as_bytes());
        hashing.add(self.previous.as_bytes());
        hashing.finish()
    }

    /// What the head after this one, or the first head, has as `previous`.
    pub fn digest_of(head: Option<&Self>) -> Hash {
        head.map_or(NONE, Self::digest)
    }
}

/// What an entry says about entries that were deleted by their age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutRecord {
    /// Entries of hours before this one were deleted.
    pub before_hour: i64,
}
