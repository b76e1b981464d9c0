//! What is wrong with an hour of the audit. Pure: it compares a head with its entries, the head before and the head after.

use gatepost_core::clock::Timestamp;
use gatepost_store::directory::{AuditHead, HourHash};

/// The first hour that does not fit, and what does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The hour since 1970.
    pub hour: i64,
    pub kind: FaultKind,
    /// The entry that was changed, where one can be named.
    pub entry: Option<i64>,
}

impl Fault {
    /// When the hour begins.
    pub const fn begins_at(&self) -> Timestamp {
        Timestamp::from_unix(self.hour.saturating_mul(3600))
    }
}

/// What does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    EntryChanged,
    EntryMissing,
    EntryAdded,
    HeadChanged,
    HeadMissing,
    /// The head has a canonical form that this release does not know.
    UnknownForm,
}

impl FaultKind {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EntryChanged => "entry_changed",
            Self::EntryMissing => "entry_missing",
            Self::EntryAdded => "entry_added",
            Self::HeadChanged => "head_changed",
            Self::HeadMissing => "head_missing",
            Self::UnknownForm => "unknown_form",
        }
    }
}

/// A head with what stands around it.
#[derive(Debug)]
pub(super) struct Hour<'a> {
    pub(super) before: Option<&'a AuditHead>,
    pub(super) head: &'a AuditHead,
    pub(super) after: Option<&'a AuditHead>,
    /// What its entries come to now. `None`: there are none.
    pub(super) found: Option<HourHash>,
    /// The first entry whose text does not fit its digest.
    pub(super) unsound: Option<i64>,
}

impl Hour<'_> {
    /// What does not fit. `None`: everything does.
    pub(super) fn judge(&self) -> Option<Fault> {
        let fault = |kind| Some(Fault { hour: self.head.hour, kind, entry: None });
        if !self.head.is_known_form() {
            return fault(FaultKind::UnknownForm);
        }
        if let Some(fault) = self.judge_place() {
            return Some(fault);
        }
        if self.head.cut_by.is_some() {
            return if self.is_rest_of_cut() { None } else { fault(FaultKind::EntryAdded) };
        }
        let Some(found) = self.found else { return fault(FaultKind::EntryMissing) };
        let said = self.head.entries();
        if found != said {
            let kind = if self.is_confirmed(&AuditHead::new(self.head.hour, found, self.before)) {
                FaultKind::HeadChanged
            } else if found.count > said.count {
                FaultKind::EntryAdded
            } else if found.count < said.count
                || (found.first_id, found.last_id) != (said.first_id, said.last_id)
            {
                FaultKind::EntryMissing
            } else {
                FaultKind::EntryChanged
            };
            return fault(kind);
        }
        self.unsound.map(|id| Fault { hour: self.head.hour, kind: FaultKind::EntryChanged, entry: Some(id) })
    }

    /// Compares it with the head before.
    fn judge_place(&self) -> Option<Fault> {
        if self.head.previous == AuditHead::digest_of(self.before) {
            let was_cut = |head: &AuditHead| head.cut_by.is_some();
            let is_out_of_order = self.before.is_some_and(|before| was_cut(self.head) && !was_cut(before));
            return is_out_of_order.then_some(Fault {
                hour: self.head.hour,
                kind: FaultKind::HeadChanged,
                entry: None,
            });
        }
        let corrected = AuditHead { previous: AuditHead::digest_of(self.before), ..self.head.clone() };
        if self.is_confirmed(&corrected) {
            return Some(Fault { hour: self.head.hour, kind: FaultKind::HeadChanged, entry: None });
        }
        // The entries of the head before confirm it, unless they were deleted by their age.
        match self.before {
            Some(before) if before.cut_by.is_some() => {
                Some(Fault { hour: before.hour, kind: FaultKind::HeadChanged, entry: None })
            }
            _ => Some(Fault { hour: self.head.hour, kind: FaultKind::HeadMissing, entry: None }),
        }
    }

    /// Whether the next head was made when this one read so.
    fn is_confirmed(&self, head: &AuditHead) -> bool {
        self.after.is_some_and(|after| after.previous == head.digest())
    }

    /// Whether the entries that are there are some of those that were to be deleted.
    fn is_rest_of_cut(&self) -> bool {
        let said = self.head.entries();
        self.found.is_none_or(|found| {
            found.count <= said.count && found.first_id >= said.first_id && found.last_id <= said.last_id
        })
    }
}
