//! How `gatepost key` shows keys.

use super::console::Console;
use super::error::CommandError;
use super::report::{Report, lines, minute_of, minute_or_dash, table, text_or_dash};
use gatepost_admin::views::Key;
use gatepost_core::administration::Scope;
use gatepost_store::directory::{Directory, KeyFilter, Place};

pub(super) async fn list(console: &Console, filter: &KeyFilter) -> Result<Report, CommandError> {
    let page = async |directory: &Directory, after: Option<Place>, limit| {
        directory.search_keys(&Scope::System, filter, after.as_ref(), limit).await
    };
    let owner = filter.owner.map(|owner| owner.to_string());
    let mut filters = Vec::new();
    filters.extend(filter.tenant.as_ref().map(|tenant| ("tenant", tenant.as_str())));
    filters.extend(owner.as_deref().map(|owner| ("owner_id", owner)));
    let keys: Vec<Key> = console.list((&["keys"], &filters), page).await?;
    let rows = keys.iter().map(|key| {
        [
            key.id.clone(),
            key.name.clone(),
            whose(key),
            key.scopes.join(", "),
            ends(key),
            minute_or_dash(key.last_used_at.as_ref()),
        ]
    });
    let none = "There is no key. To make one: gatepost key create NAME --host HOST";
    let header = ["Id", "Name", "Whose", "Scopes", "Ends (UTC)", "Last used (UTC)"];
    Ok(Report::list(header, rows.collect(), none, &keys))
}

/// A key in lines.
pub(super) fn described(key: &Key) -> String {
    let rate = key.requests_per_minute.map(|rate| rate.to_string());
    let row = |name: &str, value: String| [name.to_owned(), value];
    let rows = vec![
        row("Id", key.id.clone()),
        row("Name", key.name.clone()),
        row("Begins with", format!("{}...", key.hint)),
        row("Machine", key.machine_name.clone()),
        row("Whose", whose(key)),
        row("Made by", key.created_by.clone()),
        row("Scopes", key.scopes.join(", ")),
        row("Hosts", lines(&key.hosts)),
        row("Networks", lines(&key.networks)),
        row("Tools", lines(&key.tools)),
        row("Groups", lines(&key.groups)),
        row("Per minute", text_or_dash(rate.as_ref())),
        row("Ends (UTC)", ends(key)),
        row("Last used (UTC)", minute_or_dash(key.last_used_at.as_ref())),
        row("Last used from", text_or_dash(key.last_used_from.as_ref())),
    ];
    table(None, rows)
}

fn whose(key: &Key) -> String {
    match (key.owner_email.as_ref().or(key.owner_id.as_ref()), &key.tenant) {
        (Some(owner), Some(tenant)) => format!("{owner}, tenant {tenant}"),
        (Some(owner), None) => owner.clone(),
        (None, Some(tenant)) => format!("tenant {tenant}"),
        (None, None) => "the platform".to_owned(),
    }
}

fn ends(key: &Key) -> String {
    match (&key.revoked_at, &key.expires_at) {
        (Some(at), _) => format!("revoked {}", minute_of(at)),
        (None, _) if key.stopped => "stopped: its owner is disabled".to_owned(),
        (None, Some(at)) => minute_of(at),
        (None, None) => format!("never: {}", key.endless_reason.as_deref().unwrap_or("-")),
    }
}
