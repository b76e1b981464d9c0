//! How `gatepost key` shows keys.

use super::console::{Console, listed_in_pages};
use super::error::CommandError;
use super::report::{Report, lines, minute, minute_or_dash, table};
use crate::admin::views::Key;
use gatepost_core::administration::Scope;
use gatepost_store::directory::{KeyFilter, KeyRecord};

pub(super) async fn list(console: &Console, filter: &KeyFilter) -> Result<Report, CommandError> {
    let directory = &console.state.stores.directory;
    let keys = listed_in_pages(async |after, limit| {
        directory.search_keys(&Scope::System, filter, after.as_ref(), limit).await
    })
    .await?;
    let rows = keys.iter().map(|key| {
        [
            key.id.to_string(),
            key.name.clone(),
            whose(key),
            scopes(key),
            ends(key),
            minute_or_dash(key.last_used_at),
        ]
    });
    let json: Vec<Key> = keys.iter().map(Key::from).collect();
    let none = "There is no key. To make one: gatepost key create NAME --host HOST";
    Ok(Report::list(
        ["Id", "Name", "Whose", "Scopes", "Ends (UTC)", "Last used (UTC)"],
        rows.collect(),
        none,
        json,
    ))
}

/// A key in lines.
pub(super) fn described(key: &KeyRecord) -> String {
    let limits = &key.limits;
    let texts = |values: Vec<String>| lines(&values);
    let rows = vec![
        ["Id".to_owned(), key.id.to_string()],
        ["Name".to_owned(), key.name.clone()],
        ["Begins with".to_owned(), format!("{}...", key.hint)],
        ["Machine".to_owned(), key.machine_name.clone()],
        ["Whose".to_owned(), whose(key)],
        ["Made by".to_owned(), key.created_by.clone()],
        ["Scopes".to_owned(), scopes(key)],
        ["Hosts".to_owned(), texts(limits.hosts.iter().map(ToString::to_string).collect())],
        ["Networks".to_owned(), texts(limits.networks.iter().map(ToString::to_string).collect())],
        ["Tools".to_owned(), texts(limits.tools.iter().map(ToString::to_string).collect())],
        ["Groups".to_owned(), texts(key.groups.iter().map(ToString::to_string).collect())],
        [
            "Per minute".to_owned(),
            limits.requests_per_minute.map_or_else(|| "-".to_owned(), |rate| rate.to_string()),
        ],
        ["Ends (UTC)".to_owned(), ends(key)],
        ["Last used (UTC)".to_owned(), minute_or_dash(key.last_used_at)],
        ["Last used from".to_owned(), key.last_used_from.clone().unwrap_or_else(|| "-".to_owned())],
    ];
    table(None, rows)
}

fn whose(key: &KeyRecord) -> String {
    let owner =
        key.owner_email.as_ref().map(ToString::to_string).or_else(|| key.owner_id.map(|id| id.to_string()));
    match (owner, &key.tenant_id) {
        (Some(owner), Some(tenant)) => format!("{owner}, tenant {tenant}"),
        (Some(owner), None) => owner,
        (None, Some(tenant)) => format!("tenant {tenant}"),
        (None, None) => "the platform".to_owned(),
    }
}

fn scopes(key: &KeyRecord) -> String {
    key.limits.scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn ends(key: &KeyRecord) -> String {
    match (key.revoked_at, key.limits.expires_at) {
        (Some(at), _) => format!("revoked {}", minute(at)),
        (None, _) if key.is_stopped => "stopped: its owner is disabled".to_owned(),
        (None, Some(at)) => minute(at),
        (None, None) => format!("never: {}", key.endless_reason.as_deref().unwrap_or("-")),
    }
}
