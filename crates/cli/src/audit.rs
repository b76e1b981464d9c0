//! `gatepost audit`: who changed what, newest first, page by page or as a stream.

use super::audit_chain::{self, Verify};
use super::console::Console;
use super::error::CommandError;
use super::moment::Moment;
use super::report::{Report, lines, print_line, text_or_dash};
use clap::{Args, Subcommand};
use gatepost_admin::audit::Export;
use gatepost_admin::views::AuditEntry;
use gatepost_core::administration::Scope;
use gatepost_core::api_key::KeyId;
use gatepost_core::ids::{RequestId, TenantId};
use gatepost_store::directory::{AuditCursor, AuditFilter, UserKey, Via, Who};
use serde_json::{Map, Value, json};
use std::process::ExitCode;

/// The greatest number of entries on a page, which are held in memory.
const MOST: i64 = 10_000;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows who changed what, newest first
    #[command(after_help = "Examples:\n  \
        gatepost audit list --user alice@example.com --since 7d\n  \
        gatepost audit list --actor bob@example.com --action admin.grant --action admin.revoke\n  \
        gatepost audit list --since 2026-11-01 --until 2026-12-01 --json | jq '.entries[].action'\n  \
        gatepost audit list --request 0192f0c1a2b37c4d8e9f001122334455")]
    List(Box<Which>),
    /// Prints the entries of a time, newest first, one JSON object a line
    #[command(
        after_help = "Example:\n  gatepost audit export --since 2026-11-01 --until 2026-12-01 > november.jsonl"
    )]
    Export {
        /// From this time on, written like --since of `gatepost audit list`
        #[arg(long, value_name = "TIME")]
        since: Option<Moment>,
        /// Before this time
        #[arg(long, value_name = "TIME")]
        until: Option<Moment>,
    },
    /// Prints the heads of the hours, one JSON object a line, to be kept elsewhere
    #[command(after_help = "Example:\n  gatepost audit heads --since 1d >> heads.jsonl")]
    Heads {
        /// From this hour on, written like --since of `gatepost audit list`
        #[arg(long, value_name = "TIME")]
        since: Option<Moment>,
    },
    /// Recomputes all heads, and names the first hour that does not fit
    #[command(
        after_help = "Exit codes: 0 the audit is whole, 1 it is not.\n\nExamples:\n  gatepost audit verify\n  \
        gatepost audit verify --against heads.jsonl --json"
    )]
    Verify(Verify),
}

#[derive(Debug, Args)]
pub(super) struct Which {
    /// Changes to this person, by address or id
    #[arg(long, value_name = "USER")]
    user: Option<UserKey>,
    /// Changes to this target, as in the column Target: group:NAME, tenant:ID, `provider_group:PROVIDER:ID`, ...
    #[arg(long, conflicts_with = "user")]
    target: Option<String>,
    /// Changes by this actor: a person's address or id, or key:ID, cli:NAME, db:ROLE, sign-in, refresh, provider, configuration
    #[arg(long, value_name = "WHO")]
    actor: Option<Who>,
    /// Changes by the key of this id
    #[arg(long, value_name = "ID")]
    key: Option<KeyId>,
    /// What was done, as the column Action shows it; may be given more than once
    #[arg(long)]
    action: Vec<String>,
    /// Changes by one request, by the id that pages and log lines show
    #[arg(long, value_name = "ID")]
    request: Option<RequestId>,
    /// Changes that came by this way: cli, api, portal, view, scim, sync, gate
    #[arg(long, value_name = "WAY")]
    via: Option<Via>,
    /// Changes that the administrators of this tenant may read
    #[arg(long, value_name = "ID")]
    tenant: Option<TenantId>,
    /// Changes from this time on: 2026-11-24T23:35:00Z, 2026-11-24 (midnight, UTC), or 15m, 12h, 7d (ago)
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Changes before this time, written like --since
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// Number of entries
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=MOST))]
    limit: u32,
    /// The next page: the value at the end of the previous page
    #[arg(long, value_name = "CURSOR")]
    before: Option<AuditCursor>,
}

pub(super) async fn run(console: &Console, command: Command, json: bool) -> Result<ExitCode, CommandError> {
    match command {
        Command::List(which) => list(console, *which).await?.print(json).map_err(CommandError::Output)?,
        Command::Export { since, until } => export(console, since, until).await?,
        Command::Heads { since } => audit_chain::print_heads(console, since).await?,
        Command::Verify(how) => return audit_chain::verify(console, how, json).await,
    }
    Ok(ExitCode::SUCCESS)
}

async fn export(console: &Console, since: Option<Moment>, until: Option<Moment>) -> Result<(), CommandError> {
    let filter = AuditFilter {
        since: since.map(|since| since.0),
        until: until.map(|until| until.0),
        ..AuditFilter::default()
    };
    if let Some(api) = console.api() {
        return Box::pin(api.export_audit(&filter, print_line)).await;
    }
    let mut export = Export::new(&console.here()?.admin, filter);
    loop {
        let page = export.next(&Scope::System).await?;
        if page.is_empty() {
            return Ok(());
        }
        for entry in &page {
            print_line(AuditEntry::from(entry))?;
        }
    }
}

async fn list(console: &Console, which: Which) -> Result<Report, CommandError> {
    let limit = which.limit as usize;
    let filter = filter(console, which).await?;
    // One more entry shows whether there is a next page.
    let mut entries = read(console, &filter, limit + 1).await?;
    let is_last = entries.len() <= limit;
    entries.truncate(limit);
    let next = entries.last().filter(|_| !is_last).and_then(AuditEntry::cursor);
    let json = json!({ "entries": &entries, "next": next.map(|next| next.to_string()) });
    let header = ["At", "Actor", "Action", "Target", "What", "From", "Request"];
    let report =
        Report::list(header, entries.iter().map(row).collect(), "There are no matching entries.", json);
    Ok(match next {
        Some(next) => report.followed_by(&format!("Older entries: the same command with --before {next}")),
        None => report,
    })
}

/// The newest entries that match.
async fn read(console: &Console, filter: &AuditFilter, most: usize) -> Result<Vec<AuditEntry>, CommandError> {
    if let Some(api) = console.api() {
        return Ok(Box::pin(api.list_audit(filter, most)).await?);
    }
    let most = u32::try_from(most).unwrap_or(u32::MAX);
    let found = console.here()?.stores.directory.list_audit(&Scope::System, filter, most).await?;
    Ok(found.iter().map(AuditEntry::from).collect())
}

async fn filter(console: &Console, which: Which) -> Result<AuditFilter, CommandError> {
    let Which { user, target, actor, key, action, request, via, tenant, since, until, limit: _, before } =
        which;
    let target = match user {
        // An id is not looked up, so that entries of a person who was merged into another one are found too.
        Some(UserKey::Id(id)) => Some(format!("user:{id}")),
        Some(key) => Some(format!("user:{}", console.find_user(&key).await?.id)),
        None => target,
    };
    let actor = match actor {
        Some(Who::Other(text)) => match text.parse() {
            Ok(key @ UserKey::Email(_)) => Some(Who::Person(console.find_user(&key).await?.id)),
            _ => Some(Who::Other(text)),
        },
        actor => actor,
    };
    Ok(AuditFilter {
        targets: target.into_iter().collect(),
        user: None,
        actor,
        key,
        actions: action,
        except: Vec::new(),
        tenant,
        request_id: request,
        via,
        since: since.map(|since| since.0),
        until: until.map(|until| until.0),
        before,
    })
}

fn row(entry: &AuditEntry) -> [String; 7] {
    let object = |state: &Option<Map<String, Value>>| state.clone().unwrap_or_default();
    [
        entry.at.clone(),
        actor(entry),
        entry.action.clone(),
        entry.target_email.as_ref().unwrap_or(&entry.target).clone(),
        lines(&changes(&object(&entry.before), &object(&entry.after))),
        text_or_dash(entry.address.as_ref()),
        text_or_dash(entry.request_id.as_ref()),
    ]
}

/// Who acted, and by which key.
fn actor(entry: &AuditEntry) -> String {
    let who = entry.actor_email.as_ref().unwrap_or(&entry.actor);
    match &entry.key_id {
        Some(key) if !entry.actor.starts_with("key:") => format!("{who} by key {key}"),
        _ => who.clone(),
    }
}

/// `key: value` if it is only on one side, `key: old -> new` if it is on both.
fn changes(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    let gone = before.iter().filter(|(key, _)| !after.contains_key(*key));
    let gone = gone.map(|(key, old)| format!("{key}: {}", text(old)));
    let here = after.iter().map(|(key, new)| match before.get(key) {
        Some(old) if old != new => format!("{key}: {} -> {}", text(old), text(new)),
        _ => format!("{key}: {}", text(new)),
    });
    gone.chain(here).collect()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_reads_as_what_was_and_what_is() {
        let object = |text: &str| serde_json::from_str::<Map<_, _>>(text).unwrap_or_default();
        let changed = |before: &str, after: &str| changes(&object(before), &object(after));
        assert_eq!(changed("", r#"{"group":"Team","source":"manual"}"#), ["group: Team", "source: manual"]);
        assert_eq!(changed(r#"{"is_admin":null}"#, r#"{"is_admin":true}"#), ["is_admin: null -> true"]);
        assert_eq!(
            changed(r#"{"role":"viewer","tenant":"t"}"#, r#"{"role":"admin","tenant":"t"}"#),
            ["role: viewer -> admin", "tenant: t"]
        );
        assert_eq!(changed(r#"{"groups":["a","b"]}"#, ""), [r#"groups: ["a","b"]"#]);
        assert!(changed("", "").is_empty());
    }
}
