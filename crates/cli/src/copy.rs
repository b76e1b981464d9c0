//! `gatepost copy`: from one file to Postgres and Redis, or back, with nobody signed out. How it works stands in
//! `gatepost_store::directory::copy`.

use super::copy_stores::{Argument, ArgumentError, CopyStores};
use super::environment::Environment;
use super::erasures::{erase_again, named};
use super::error::CommandError;
use super::report::Report;
use clap::Args;
use gatepost_config::{Config, StoresConfig};
use gatepost_store::directory::copy::{self, Copier, RowCounts, Undo};
use gatepost_store::directory::{Actor, Directory};
use gatepost_store::session::carry::{Carried, Judge, carry};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;

pub(super) const HELP: &str = "Stop `gatepost serve` first, and run this with the settings for the new stores: \
    GATEPOST_SECRET_KEYS must have the keys of the source. The target must be empty. Afterwards the source is marked, \
    and `serve` refuses it.\n\n\
    Examples:\n  gatepost copy --from sqlite:gatepost.db --to postgres://gatepost@db/gatepost --sessions redis://redis:6379/0\n  \
    gatepost copy --from sqlite:gatepost.db --to postgres://gatepost@db/gatepost --dry-run\n  \
    gatepost copy --from postgres://gatepost@db/gatepost --to sqlite:gatepost.db --sessions redis://redis:6379/0";

/// About how many rows are copied and compared in a second.
const ROWS_A_SECOND: u64 = 10_000;

#[derive(Debug, Args)]
pub(super) struct Copy {
    /// The store that has everything: sqlite:FILE or postgres://...
    #[arg(long, value_name = "STORE")]
    from: Argument,
    /// The store that gets everything; it must be empty
    #[arg(long, value_name = "STORE")]
    to: Argument,
    /// The Redis beside Postgres; without it everybody has to sign in again
    #[arg(long, value_name = "REDIS")]
    sessions: Option<Argument>,
    #[command(flatten)]
    how: How,
    /// Take the mark from the source, so that it can be served again; whoever was erased in the target since is erased there too
    #[arg(long, conflicts_with_all = ["resume", "dry_run", "verify_only", "sessions"])]
    undo: bool,
    /// Print JSON for programs
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
struct How {
    /// Go on with a copy that stopped; if the source has changed, begin again
    #[arg(long)]
    resume: bool,
    /// Check everything, show what would be copied, and change nothing
    #[arg(long, conflicts_with = "resume")]
    dry_run: bool,
    /// Only compare both stores
    #[arg(long, conflicts_with_all = ["resume", "dry_run"])]
    verify_only: bool,
}

pub(super) async fn run(
    (config, environment): (Config, &Environment),
    args: Copy,
) -> Result<Report, CommandError> {
    let stores = CopyStores::name(&config, &args.from, &args.to)?;
    // The lock lies beside the file, whose folder a new target may not have yet.
    let has_file = stores.has_file();
    let mut lock = if has_file { Some(locked(&stores).await?) } else { None };
    if args.undo {
        return undo(&stores, config.ca_file.as_deref(), &environment.actor()).await;
    }
    let ring = stores.keys(&config)?;
    if !has_file && (args.how.dry_run || args.how.verify_only) {
        return rehearse_to_new_file(&stores, &args).await;
    }
    if lock.is_none() {
        drop(Directory::open(&StoresConfig::Embedded { file: stores.file().to_owned() }, None)?);
        lock = Some(locked(&stores).await?);
    }
    let mut copier = Copier::open(&stores.from, &stores.to).await?;
    if args.how.dry_run {
        let counts = copier.rehearse().await?;
        return Ok(rehearsed(&copier.names(), &counts));
    }
    if args.how.verify_only {
        let counts = copier.verify().await?;
        return Ok(compared(&copier.names(), &counts));
    }
    copier.copy(args.how.resume).await?;
    let counts = copier.verify().await?;
    let carried = match &args.sessions {
        Some(url) => {
            let (source, target) = stores.sessions(&config, url)?;
            let directory = Directory::open(&stores.source(), config.ca_file.as_deref())?;
            Some(carry(&source, &target, Judge { ring: &ring, directory: &directory }).await?)
        }
        None => None,
    };
    copier.finish().await?;
    let report = copied(&stores, &copier.names(), &counts, carried);
    copier.close().await;
    drop(lock);
    Ok(report)
}

async fn locked(stores: &CopyStores) -> Result<File, CommandError> {
    match stores.lock()? {
        Some(lock) => Ok(lock),
        None => Err(in_use(stores).await?.into()),
    }
}

async fn in_use(stores: &CopyStores) -> Result<ArgumentError, CommandError> {
    let location = if stores.is_from_file() { &stores.from } else { &stores.to };
    let rows = copy::count(location).await?.iter().map(|(_, rows)| rows).sum();
    Ok(ArgumentError::InUse { file: stores.file().to_owned(), rows, seconds: seconds(rows) })
}

const fn seconds(rows: u64) -> u64 {
    1 + rows / ROWS_A_SECOND
}

async fn rehearse_to_new_file(stores: &CopyStores, args: &Copy) -> Result<Report, CommandError> {
    if args.how.verify_only {
        return Err(ArgumentError::NoFile(stores.file().to_owned()).into());
    }
    let counts = copy::count(&stores.from).await?;
    Ok(rehearsed(&("the source", &stores.file().display().to_string()), &counts))
}

async fn undo(stores: &CopyStores, ca_file: Option<&Path>, actor: &Actor) -> Result<Report, CommandError> {
    let undo = Undo::open(&stores.from, &stores.to).await?;
    let since = undo.audit_entries_since();
    let since_text = match since {
        Some(0) => "Nothing was changed in the other store since.".to_owned(),
        Some(entries) => format!(
            "The audit of the other store has {entries} entries since, and what they changed is not brought back: \
             `gatepost audit list` there shows them."
        ),
        None => {
            "The other store does not answer: what was changed there since is not brought back.".to_owned()
        }
    };
    let erasures = match since {
        Some(_) => Some(Directory::open(&stores.target(), ca_file)?.list_erasures().await?),
        None => None,
    };
    let source = stores.source();
    let directory = Directory::open(&source, ca_file)?;
    // Before the source can be served: nobody who was erased comes back.
    let again = match &erasures {
        Some(erasures) => Some(erase_again((&directory, &source), erasures, false, actor).await?),
        None => None,
    };
    undo.finish().await?;
    let mut text = format!("The source can be served again. {since_text}");
    match again.as_deref() {
        None => text.push_str(
            "\nWhoever was erased there since is here again: erase them here, before anybody uses the source.",
        ),
        Some([]) => {}
        Some(again) => {
            let _ = write!(text, "\nErased here too, as they were erased there since: {}", named(again).join(", "));
            if !stores.is_from_file() {
                text.push_str("\nEmpty the Redis of the source: it may hold their sessions.");
            }
        }
    }
    if !directory.has_administrator().await? {
        text.push_str("\nNobody is an administrator: `gatepost admin grant ADDRESS` makes one.");
    }
    text.push_str("\nDo not serve both.");
    let again = again.as_deref().map(named);
    Ok(Report::new(text, json!({ "changed": true, "audit_entries_since": since, "erased_again": again })))
}

fn listed(counts: &RowCounts) -> String {
    counts.iter().filter(|(_, rows)| *rows > 0).fold(String::new(), |mut text, (table, rows)| {
        let _ = write!(text, "\n  {table}: {rows}");
        text
    })
}

fn total(counts: &RowCounts) -> u64 {
    counts.iter().map(|(_, rows)| rows).sum()
}

fn tables(counts: &RowCounts) -> Value {
    counts
        .iter()
        .map(|(table, rows)| ((*table).to_owned(), Value::from(*rows)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn rehearsed((from, to): &(&str, &str), counts: &RowCounts) -> Report {
    let rows = total(counts);
    let text = format!(
        "{rows} rows of {from} would be copied to {to}, in about {} s:{}\nThis was a dry run: nothing has been changed.",
        seconds(rows),
        listed(counts)
    );
    Report::new(text, json!({ "rows": rows, "tables": tables(counts), "changed": true, "dry_run": true }))
}

fn compared((from, to): &(&str, &str), counts: &RowCounts) -> Report {
    let rows = total(counts);
    let text = format!("{from} and {to} hold the same {rows} rows:{}", listed(counts));
    Report::new(text, json!({ "rows": rows, "tables": tables(counts), "equal": true }))
}

fn copied(
    stores: &CopyStores,
    (from, to): &(&str, &str),
    counts: &RowCounts,
    carried: Option<Carried>,
) -> Report {
    let rows = total(counts);
    let sessions = match carried {
        None => "Sessions were not copied: everybody has to sign in again.".to_owned(),
        Some(Carried { sessions, ended, unreadable }) => {
            let unreadable = match unreadable {
                0 => String::new(),
                many => format!(" {many} sessions cannot be opened with these keys, and were left behind."),
            };
            format!("{sessions} sessions were copied; {ended} have ended, and were left behind.{unreadable}")
        }
    };
    let next = if stores.is_from_file() {
        "Start `gatepost serve` with DATABASE_URL, REDIS_URL and GATEPOST_SECRET_KEYS for the new stores."
    } else {
        "Start `gatepost serve` with DATABASE_URL for the file, and with the same GATEPOST_SECRET_KEYS."
    };
    let text = format!(
        "{rows} rows of {from} were copied to {to}, and compared:{}\n{sessions}\n\
         The source is marked as moved, and `gatepost serve` refuses it. {next}",
        listed(counts)
    );
    let carried = carried.map(|carried| {
        json!({ "copied": carried.sessions, "ended": carried.ended, "unreadable": carried.unreadable })
    });
    Report::new(text, json!({ "rows": rows, "tables": tables(counts), "sessions": carried, "changed": true }))
}
