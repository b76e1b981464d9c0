//! `gatepost audit heads` and `gatepost audit verify`: what shows that nobody changed the audit.

use super::console::Console;
use super::error::CommandError;
use super::moment::Moment;
use super::only_here::OnlyHere;
use super::report::{Report, print_line, rfc3339};
use clap::Args;
use gatepost_admin::audit::{self, Fault, FaultKind, Heads, Verdict};
use gatepost_admin::views;
use gatepost_core::clock::Timestamp;
use gatepost_store::directory::AuditHead;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Compare with the heads in this file too, as `gatepost audit heads` printed them
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
}

pub(super) async fn print_heads(console: &Console, since: Option<Moment>) -> Result<(), CommandError> {
    if let Some(api) = console.api() {
        return Box::pin(api.list_audit_heads(since.map(|since| since.0)))
            .await?
            .iter()
            .try_for_each(print_line);
    }
    let since = since.map_or(i64::MIN, |since| AuditHead::hour_of(since.0) - 1);
    let mut heads = Heads::after(&console.here()?.stores.directory, since);
    loop {
        let page = heads.next().await?;
        if page.is_empty() {
            return Ok(());
        }
        for head in &page {
            print_line(views::AuditHead::from(head))?;
        }
    }
}

pub(super) async fn verify(console: &Console, how: Verify, json: bool) -> Result<ExitCode, CommandError> {
    let directory = &console.only_here(OnlyHere::Verification)?.stores.directory;
    let kept = how.against.as_deref().map(read_heads).transpose()?.unwrap_or_default();
    let verdict = audit::verify(directory, &kept).await?;
    let report = Report::new(text(&verdict), verdict_to_json(&verdict));
    report.print(json).map_err(CommandError::Output)?;
    Ok(if verdict.fault.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Later lines of an hour replace earlier ones: `>>` writes the newest hours again.
fn read_heads(path: &Path) -> Result<BTreeMap<i64, AuditHead>, CommandError> {
    let failed = |error| CommandError::File(path.to_owned(), error);
    let lines = BufReader::new(File::open(path).map_err(failed)?).lines();
    let mut heads = BTreeMap::new();
    for (number, line) in lines.enumerate() {
        let line = line.map_err(failed)?;
        if line.trim().is_empty() {
            continue;
        }
        let head = from_json(&line)
            .ok_or_else(|| CommandError::NoHead { path: path.to_owned(), line: number + 1 })?;
        heads.insert(head.hour, head);
    }
    Ok(heads)
}

fn from_json(line: &str) -> Option<AuditHead> {
    let said: Value = serde_json::from_str(line).ok()?;
    let at: Timestamp = said["hour"].as_str()?.parse().ok()?;
    Some(AuditHead {
        hour: AuditHead::hour_of(at),
        form: said["form"].as_i64()?,
        first_id: said["first_id"].as_i64()?,
        last_id: said["last_id"].as_i64()?,
        count: said["count"].as_i64()?,
        sha256: said["sha256"].as_str()?.parse().ok()?,
        previous: said["previous"].as_str()?.parse().ok()?,
        cut_by: None,
    })
}

fn hour(fault: &Fault) -> String {
    rfc3339(fault.begins_at())
}

fn verdict_to_json(verdict: &Verdict) -> Value {
    json!({
        "whole": verdict.fault.is_none(),
        "fault": verdict.fault.as_ref().map(|fault| json!({
            "hour": hour(fault),
            "kind": fault.kind.as_str(),
            "entry": fault.entry,
        })),
        "heads": verdict.heads,
        "entries": verdict.entries,
        "cut_heads": verdict.cut,
        "entries_without_head": verdict.uncovered,
    })
}

pub(super) fn text(verdict: &Verdict) -> String {
    let Verdict { fault, heads, entries, cut, uncovered } = verdict;
    match fault {
        Some(fault) => format!("The audit was changed. Hour {}: {}.", hour(fault), explain(fault)),
        None => format!(
            "The audit is whole: {entries} entries fit {heads} heads.\n\
             The entries of {cut} heads were deleted by their age. {uncovered} entries have no head yet."
        ),
    }
}

fn explain(fault: &Fault) -> String {
    let text = match fault.kind {
        FaultKind::EntryChanged => match fault.entry {
            Some(id) => return format!("entry {id} was changed"),
            None => "an entry was changed",
        },
        FaultKind::EntryMissing => "an entry is missing",
        FaultKind::EntryAdded => "an entry was added",
        FaultKind::HeadChanged => "its head was changed",
        FaultKind::HeadMissing => "a head is missing, here or directly before",
        FaultKind::UnknownForm => "its head has a form that this release does not know, or was changed",
    };
    text.to_owned()
}
