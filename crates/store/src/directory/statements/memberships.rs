//! The groups that a provider asserts for a person. They replace the memberships of that provider and of no other.

use super::naming::{self, ProviderGroup, provider_group_columns};
use super::{Connection, Result, audit, json_texts};
use crate::directory::actor::Actor;
use gatepost_config::GroupNames;
use gatepost_core::identity::{AssertedGroup, ExternalGroup, GroupKind};
use gatepost_core::ids::{ProviderId, UserId};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// How many groups of one tenant's provider the directory has.
const MOST_GROUPS_OF_TENANT: u64 = 1_000;

type Key = (GroupKind, String);

/// Replaces the memberships. Returns whether the person had groups (or roles) and has none now.
pub(super) async fn replace(
    connection: &mut Connection,
    user: UserId,
    provider: &ProviderId,
    asserted: &[AssertedGroup],
    names: GroupNames,
    actor: &Actor,
) -> Result<bool> {
    let wanted = wanted(provider, asserted);
    let (held, known) = list(connection, user, provider, &wanted).await?;
    let rows = resolve(connection, Whose { user, provider, actor }, &wanted, known, names).await?;
    let gone: Vec<i64> =
        held.iter().filter(|(key, _)| !wanted.contains_key(key)).map(|(_, id)| *id).collect();
    let new: Vec<i64> =
        rows.iter().filter(|(key, _)| !held.contains_key(key)).map(|(_, row)| row.id).collect();
    if gone.is_empty() && new.is_empty() {
        return Ok(false);
    }
    delete(connection, user, &gone).await?;
    insert(connection, user, &new).await?;
    let of = |keys: &mut dyn Iterator<Item = &Key>| {
        let list: BTreeSet<String> = keys
            .map(|(kind, id)| ExternalGroup {
                provider: provider.clone(),
                kind: *kind,
                external_id: id.clone(),
            })
            .map(|group| group.to_string())
            .collect();
        json!({ "groups": list })
    };
    let before = of(&mut held.keys().filter(|key| !wanted.contains_key(*key)));
    let after = of(&mut rows.keys().filter(|key| !held.contains_key(*key)));
    let target = format!("user:{user}");
    let entry = audit::Entry { action: "user.groups", target, before: Some(before), after: Some(after) };
    audit::write(connection, actor, entry).await?;
    let fell = |kind| held.keys().any(|key| key.0 == kind) && !wanted.keys().any(|key| key.0 == kind);
    Ok(fell(GroupKind::Group) || fell(GroupKind::Role))
}

/// The asserted groups without repetitions and without ids that no store accepts, in the same order for all
/// transactions.
fn wanted(provider: &ProviderId, asserted: &[AssertedGroup]) -> BTreeMap<Key, Option<String>> {
    let is_usable =
        |text: &str| !text.is_empty() && text.len() <= 1024 && !text.chars().any(char::is_control);
    let mut wanted = BTreeMap::new();
    for group in asserted {
        if !is_usable(&group.external_id) {
            tracing::warn!(provider.id = %provider, "skipped a group: its id is empty, too long or has control characters");
            continue;
        }
        let display_name = group.display_name.clone().filter(|name| is_usable(name));
        let entry: &mut Option<String> = wanted.entry((group.kind, group.external_id.clone())).or_default();
        *entry = display_name.or_else(|| entry.take());
    }
    wanted
}

row! {
    /// A provider's group, and whether the person is in it.
    struct ListedRow {
        is_held: bool,
        group: ProviderGroup,
    }
}

/// The person, the provider that asserts the groups, and the actor of the change.
struct Whose<'a> {
    user: UserId,
    provider: &'a ProviderId,
    actor: &'a Actor,
}

/// The ids of the rows that the person belongs to.
type Held = BTreeMap<Key, i64>;
/// The rows of wanted groups that already exist.
type KnownRows = BTreeMap<Key, ProviderGroup>;

async fn list(
    connection: &mut Connection,
    user: UserId,
    provider: &ProviderId,
    wanted: &BTreeMap<Key, Option<String>>,
) -> Result<(Held, KnownRows)> {
    let sql = concat!(
        "SELECT true AS is_held, ",
        provider_group_columns!(),
        " FROM provider_memberships m JOIN provider_groups p ON p.id = m.provider_group_id \
         WHERE m.user_id = $1 AND p.provider = $2 \
         UNION ALL SELECT false, ",
        provider_group_columns!(),
        " FROM provider_groups p WHERE p.provider = $2 AND p.external_id IN (SELECT value FROM ",
        each!("$3"),
        ")"
    );
    let rows: Vec<ListedRow> = sqlx::query_as(sql)
        .bind(user.to_string())
        .bind(provider.as_str())
        .bind(json_texts(wanted.keys().map(|key| &key.1)))
        .fetch_all(connection)
        .await?;
    let (mut held, mut known) = (Held::new(), KnownRows::new());
    for ListedRow { is_held, group: row } in rows {
        let key = (row.external.kind, row.external.external_id.clone());
        if is_held {
            held.insert(key, row.id);
        } else if wanted.contains_key(&key) {
            // A group and a role may have the same id; only the wanted one counts.
            known.insert(key, row);
        }
    }
    Ok((held, known))
}

/// The rows of the wanted groups. Missing ones are created; those whose name or mode changed are renamed.
async fn resolve(
    connection: &mut Connection,
    Whose { user, provider, actor }: Whose<'_>,
    wanted: &BTreeMap<Key, Option<String>>,
    mut rows: KnownRows,
    names: GroupNames,
) -> Result<KnownRows> {
    let is_news = |key: &Key, display_name: &Option<String>, rows: &KnownRows| match rows.get(key) {
        None => true,
        Some(row) => {
            (display_name.is_some() && row.display_name != *display_name) || !row.is_well_named(names)
        }
    };
    if wanted.iter().any(|(key, display_name)| is_news(key, display_name, &rows)) {
        naming::lock_names(connection).await?;
        // Another transaction may have created them while this one waited.
        (_, rows) = list(connection, user, provider, wanted).await?;
        let (mut room, mut left_out) = (room(connection, provider).await?, 0);
        for (key, display_name) in wanted {
            match rows.get(key).cloned() {
                None if room == 0 => left_out += 1,
                None => {
                    room -= 1;
                    let row = create(connection, provider, key, display_name.as_deref(), names).await?;
                    rows.insert(key.clone(), row);
                }
                Some(row) if is_news(key, display_name, &rows) => {
                    update(connection, row, display_name.as_deref(), names, actor).await?;
                }
                Some(_) => {}
            }
        }
        if left_out > 0 {
            tracing::warn!(provider.id = %provider, left_out, "groups of a tenant's provider do not count: the directory has as many of it as it may");
        }
    }
    Ok(rows)
}

/// How many groups of this provider may come to the directory. Whoever runs a tenant's provider could make up any number.
async fn room(connection: &mut Connection, provider: &ProviderId) -> Result<u64> {
    if provider.tenant().is_none() {
        return Ok(u64::MAX);
    }
    let sql = "SELECT count(*) FROM provider_groups WHERE provider = $1";
    let there: i64 = sqlx::query_scalar(sql).bind(provider.as_str()).fetch_one(connection).await?;
    Ok(MOST_GROUPS_OF_TENANT.saturating_sub(there.unsigned_abs()))
}

async fn create(
    connection: &mut Connection,
    provider: &ProviderId,
    (kind, external_id): &Key,
    display_name: Option<&str>,
    names: GroupNames,
) -> Result<ProviderGroup> {
    let external =
        ExternalGroup { provider: provider.clone(), kind: *kind, external_id: external_id.clone() };
    let (group_id, group_name) = naming::own_group(connection, &external, display_name, names, None).await?;
    let source = naming::unlinked(names);
    let id = naming::create_provider_group(connection, &external, display_name, group_id, source).await?;
    let display_name = display_name.map(str::to_owned);
    Ok(ProviderGroup { id, group_id, group_name, external, display_name, source })
}

async fn update(
    connection: &mut Connection,
    mut row: ProviderGroup,
    display_name: Option<&str>,
    names: GroupNames,
    actor: &Actor,
) -> Result<()> {
    if let Some(name) = display_name.filter(|name| row.display_name.as_deref() != Some(name)) {
        row.display_name = Some(name.to_owned());
        sqlx::query("UPDATE provider_groups SET display_name = $2 WHERE id = $1")
            .bind(row.id)
            .bind(name)
            .execute(&mut *connection)
            .await?;
    }
    if row.is_well_named(names) {
        Ok(())
    } else {
        naming::bear_own_name(connection, &row, names, actor).await
    }
}

async fn insert(connection: &mut Connection, user: UserId, rows: &[i64]) -> Result<()> {
    sqlx::query(concat!(
        "INSERT INTO provider_memberships (user_id, provider_group_id) SELECT $1, CAST(value AS bigint) FROM ",
        each!("$2"),
        " WHERE true ON CONFLICT DO NOTHING"
    ))
    .bind(user.to_string())
    .bind(json_texts(rows))
    .execute(connection)
    .await?;
    Ok(())
}

async fn delete(connection: &mut Connection, user: UserId, rows: &[i64]) -> Result<()> {
    sqlx::query(concat!(
        "DELETE FROM provider_memberships WHERE user_id = $1 \
         AND provider_group_id IN (SELECT CAST(value AS bigint) FROM ",
        each!("$2"),
        ")"
    ))
    .bind(user.to_string())
    .bind(json_texts(rows))
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes the memberships of the former provider of an identity that another configured provider asserts now.
pub(super) async fn delete_of_provider(
    connection: &mut Connection,
    user: UserId,
    provider: &str,
) -> Result<()> {
    sqlx::query(
        "DELETE FROM provider_memberships WHERE user_id = $1 \
         AND provider_group_id IN (SELECT id FROM provider_groups WHERE provider = $2)",
    )
    .bind(user.to_string())
    .bind(provider)
    .execute(connection)
    .await?;
    Ok(())
}
