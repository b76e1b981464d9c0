//! Reads the whole audit, hour by hour, and recomputes each head. At most a few thousand rows are in memory, however
//! many there are.

use super::judge::{Fault, FaultKind, Hour};
use super::{Heads, PAGE};
use gatepost_store::directory::{AuditHead, Directory, DirectoryError, HourHash, HourHashing};
use std::collections::{BTreeMap, VecDeque};

/// Whether the audit is whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The first hour that does not fit. `None`: everything fits.
    pub fault: Option<Fault>,
    /// The number of heads that fit.
    pub heads: u64,
    /// The number of entries that fit.
    pub entries: u64,
    /// The number of heads whose entries were deleted by their age.
    pub cut: u64,
    /// The number of entries that no head covers yet.
    pub uncovered: i64,
}

/// Recomputes all heads. `kept` are heads that were kept elsewhere, by their hours.
///
/// # Errors
/// `Unavailable`.
pub async fn verify(
    directory: &Directory,
    kept: &BTreeMap<i64, AuditHead>,
) -> Result<Verdict, DirectoryError> {
    let mut verdict = Verdict::default();
    let mut heads = Upcoming::new(directory);
    let mut before: Option<AuditHead> = None;
    while let Some(head) = heads.next().await? {
        let after = before.as_ref().map_or(i64::MIN, |before| before.hour);
        verdict.fault = match first_without_head(directory, after, head.hour, kept).await? {
            Some(fault) => Some(fault),
            None => examine(&mut heads, before.as_ref(), &head, kept, &mut verdict).await?,
        };
        if verdict.fault.is_some() {
            return Ok(verdict);
        }
        before = Some(head);
    }
    let last = before.map_or(i64::MIN, |last| last.hour);
    let first_lost = kept.range(last.saturating_add(1)..).next();
    verdict.fault = first_lost.map(|(hour, _)| missing(*hour));
    verdict.uncovered = directory.count_entries_after(last).await?;
    Ok(verdict)
}

const fn missing(hour: i64) -> Fault {
    Fault { hour, kind: FaultKind::HeadMissing, entry: None }
}

/// An hour between two heads that has entries, or of which a head was kept elsewhere.
async fn first_without_head(
    directory: &Directory,
    after: i64,
    before: i64,
    kept: &BTreeMap<i64, AuditHead>,
) -> Result<Option<Fault>, DirectoryError> {
    let with_entries = directory.first_audit_hour(after).await?.filter(|hour| *hour < before);
    let was_kept = kept.range(after.saturating_add(1)..before).next().map(|(hour, _)| *hour);
    Ok(with_entries.into_iter().chain(was_kept).min().map(missing))
}

async fn examine(
    heads: &mut Upcoming<'_>,
    before: Option<&AuditHead>,
    head: &AuditHead,
    kept: &BTreeMap<i64, AuditHead>,
    verdict: &mut Verdict,
) -> Result<Option<Fault>, DirectoryError> {
    let is_kept = |kept: &AuditHead| AuditHead { cut_by: None, ..kept.clone() };
    if kept.get(&head.hour).is_some_and(|known| is_kept(known) != is_kept(head)) {
        return Ok(Some(Fault { hour: head.hour, kind: FaultKind::HeadChanged, entry: None }));
    }
    let after = heads.peek().await?;
    let directory = heads.directory;
    let (found, unsound) = hash_hour(directory, head.hour).await?;
    // The entries may have been deleted by their age since the heads were read.
    let head = &current(directory, head).await?;
    let before = match before {
        Some(before) => Some(current(directory, before).await?),
        None => None,
    };
    let mut fault = Hour { before: before.as_ref(), head, after: after.as_ref(), found, unsound }.judge();
    if fault.is_none()
        && let Some(record) = head.cut_by
    {
        verdict.cut += 1;
        let is_last = after.as_ref().is_none_or(|after| after.cut_by.is_none());
        if is_last && !is_recorded(directory, record, head.hour).await? {
            fault = Some(Fault { hour: head.hour, kind: FaultKind::EntryMissing, entry: None });
        }
    }
    if fault.is_none() {
        verdict.heads += 1;
        verdict.entries += found.map_or(0, |found| found.count.unsigned_abs());
    }
    Ok(fault)
}

/// The head of the same hour, as it is now.
async fn current(directory: &Directory, head: &AuditHead) -> Result<AuditHead, DirectoryError> {
    let now = directory.list_audit_heads(head.hour - 1, 1).await?.into_iter().next();
    Ok(now.filter(|now| now.hour == head.hour).unwrap_or_else(|| head.clone()))
}

/// Whether an entry says that the entries of this hour were deleted by their age. It is younger than what was deleted last.
async fn is_recorded(directory: &Directory, record: i64, hour: i64) -> Result<bool, DirectoryError> {
    Ok(directory.find_cut_record(record).await?.is_some_and(|record| record.before_hour > hour))
}

/// What the entries of an hour come to, and the first whose text does not fit its digest.
async fn hash_hour(
    directory: &Directory,
    hour: i64,
) -> Result<(Option<HourHash>, Option<i64>), DirectoryError> {
    let (mut hashing, mut unsound, mut after) = (HourHashing::default(), None, i64::MIN);
    loop {
        let page = directory.list_chained_entries(hour, after, PAGE).await?;
        for entry in &page {
            hashing.add(entry);
            if unsound.is_none() && !entry.is_sound() {
                unsound = Some(entry.id);
            }
        }
        match page.last() {
            Some(last) => after = last.id,
            None => return Ok((Some(hashing.finish()).filter(|found| found.count > 0), unsound)),
        }
    }
}

/// Heads one by one, with a look at the next.
struct Upcoming<'a> {
    directory: &'a Directory,
    heads: Heads,
    read: VecDeque<AuditHead>,
    are_all_read: bool,
}

impl<'a> Upcoming<'a> {
    fn new(directory: &'a Directory) -> Self {
        let heads = Heads::after(directory, i64::MIN);
        Self { directory, heads, read: VecDeque::new(), are_all_read: false }
    }

    async fn peek(&mut self) -> Result<Option<AuditHead>, DirectoryError> {
        if self.read.is_empty() && !self.are_all_read {
            let page = self.heads.next().await?;
            self.are_all_read = page.is_empty();
            self.read.extend(page);
        }
        Ok(self.read.front().cloned())
    }

    async fn next(&mut self) -> Result<Option<AuditHead>, DirectoryError> {
        self.peek().await?;
        Ok(self.read.pop_front())
    }
}
