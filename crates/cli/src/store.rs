//! `gatepost store`: what the stores are and hold.

use super::console::Console;
use super::error::CommandError;
use super::report::{Report, table};
use clap::Subcommand;
use gatepost_admin::views::StoresView;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows where directory and sessions are, their versions, and how much the directory holds
    #[command(after_help = "Example:\n  gatepost store show --json")]
    Show,
}

pub(super) async fn run(console: &Console, command: Command) -> Result<Report, CommandError> {
    let Command::Show = command;
    let stores = console.here()?.admin.describe_stores().await?;
    Ok(Report::new(text(&stores), &stores))
}

fn text(StoresView { directory, sessions }: &StoresView) -> String {
    let or_dash = |text: Option<&String>| text.cloned().unwrap_or_else(|| "-".to_owned());
    let standbys = directory.standbys.map(|count| count.to_string());
    let mut facts = vec![
        ["Directory".to_owned(), directory.address.clone()],
        ["  Version".to_owned(), format!("{} {}", directory.kind, directory.version)],
        ["  Schema".to_owned(), directory.schema.clone()],
        ["  Pooler".to_owned(), directory.pooler.clone()],
        ["  Standbys".to_owned(), or_dash(standbys.as_ref())],
        ["  Last drill".to_owned(), or_dash(directory.last_drill.as_ref())],
        ["  Last backup".to_owned(), or_dash(directory.last_backup.as_ref())],
        ["Sessions".to_owned(), format!("{} {}", sessions.kind, sessions.hosts.join(", "))],
        ["  Server".to_owned(), or_dash(sessions.server.as_ref())],
        ["  Version".to_owned(), or_dash(sessions.version.as_ref())],
        ["Rows".to_owned(), String::new()],
    ];
    facts.extend(directory.rows.iter().map(|(table, rows)| [format!("  {table}"), rows.to_string()]));
    table(None, facts)
}
