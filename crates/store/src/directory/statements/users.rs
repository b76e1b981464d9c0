//! People: their rows, how a placeholder is merged into a person, and changes by administrators.

use super::{Connection, Result, Store, admin_overrides, audit, present};
use crate::directory::actor::Actor;
use crate::directory::error::DirectoryError;
use crate::directory::records::{IdentityRecord, UserKey, UserRecord, UserSummary};
use gatepost_core::access::Role;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupName, TenantId, UserId};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

row! {
    /// A row of `users`.
    #[derive(Clone, Debug)]
    pub(super) struct UserRow {
        pub(super) id: UserId,
        pub(super) email: Option<EmailAddress>,
        pub(super) name: Option<String>,
        pub(super) disabled_at: Option<Timestamp>,
        pub(super) sessions_not_before: Option<Timestamp>,
        created_at: Timestamp,
        last_sign_in_at: Option<Timestamp>,
    }
}

/// The columns of a [`UserRow`].
macro_rules! user_columns {
    () => {
        "u.id, u.email, u.name, u.disabled_at, u.sessions_not_before, u.created_at, u.last_sign_in_at"
    };
}
pub(super) use user_columns;

macro_rules! select_user {
    ($rest:literal) => {
        concat!("SELECT ", user_columns!(), " FROM users u ", $rest)
    };
}

impl UserRow {
    fn summary(self) -> UserSummary {
        let Self { id, email, name, disabled_at, created_at, last_sign_in_at, .. } = self;
        UserSummary { id, email, name, disabled_at, created_at, last_sign_in_at }
    }
}

pub(super) async fn find_row_for_update(connection: &mut Connection, id: UserId) -> Result<UserRow> {
    let query = sqlx::query_as(for_update!(select_user!("WHERE id = $1"))).bind(id.to_string());
    Ok(query.fetch_one(connection).await?)
}

pub(super) async fn find_row_by_email_for_update(
    connection: &mut Connection,
    email: &EmailAddress,
) -> Result<Option<UserRow>> {
    let query = sqlx::query_as(for_update!(select_user!("WHERE email = $1"))).bind(email.as_str());
    Ok(query.fetch_optional(connection).await?)
}

/// Finds a person by id, by the address that applications know, or else by the address that the person's provider
/// asserts. An administrator who names either address means this person.
async fn find_row(connection: &mut Connection, key: &UserKey) -> Result<Option<UserRow>> {
    let query = match key {
        UserKey::Id(id) => sqlx::query_as(select_user!("WHERE id = $1")).bind(id.to_string()),
        UserKey::Email(email) => sqlx::query_as(select_user!(
            "WHERE u.email = $1 OR u.id IN (SELECT user_id FROM identities WHERE email = $1) \
             ORDER BY CASE WHEN u.email = $1 THEN 0 ELSE 1 END, u.id LIMIT 1"
        ))
        .bind(email.to_string()),
    };
    Ok(query.fetch_optional(connection).await?)
}

/// Finds a person and locks the row for a change.
pub(super) async fn find_known(connection: &mut Connection, key: &UserKey) -> Result<UserRow> {
    match find_row(connection, key).await? {
        Some(row) => find_row_for_update(connection, row.id).await,
        None => Err(DirectoryError::UnknownUser(key.clone())),
    }
}

/// Like [`find_known`], but an address that nobody holds gets a placeholder.
pub(super) async fn find_or_create(
    connection: &mut Connection,
    key: &UserKey,
    actor: &Actor,
) -> Result<UserRow> {
    match (find_row(connection, key).await?, key) {
        (Some(row), _) => find_row_for_update(connection, row.id).await,
        (None, UserKey::Email(email)) => create(connection, Some(email), Timestamp::now(), actor).await,
        (None, UserKey::Id(_)) => Err(DirectoryError::UnknownUser(key.clone())),
    }
}

pub(super) async fn create(
    connection: &mut Connection,
    email: Option<&EmailAddress>,
    now: Timestamp,
    actor: &Actor,
) -> Result<UserRow> {
    let id = UserId::generate();
    sqlx::query("INSERT INTO users (id, email, created_at) VALUES ($1, $2, $3)")
        .bind(id.to_string())
        .bind(email.map(EmailAddress::as_str))
        .bind(now.unix())
        .execute(&mut *connection)
        .await?;
    note(connection, actor, "user.create", id, None, Some(json!({ "email": email }))).await?;
    Ok(UserRow {
        id,
        email: email.cloned(),
        name: None,
        disabled_at: None,
        sessions_not_before: None,
        created_at: now,
        last_sign_in_at: None,
    })
}

pub(super) async fn note(
    connection: &mut Connection,
    actor: &Actor,
    action: &str,
    id: UserId,
    before: Option<serde_json::Value>,
    after: Option<serde_json::Value>,
) -> Result<()> {
    audit::write(connection, actor, audit::Entry { action, target: format!("user:{id}"), before, after })
        .await
}

pub(super) async fn has_identity(connection: &mut Connection, id: UserId) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM identities WHERE user_id = $1)";
    Ok(sqlx::query_scalar(sql).bind(id.to_string()).fetch_one(connection).await?)
}

pub(super) async fn set_email(
    connection: &mut Connection,
    id: UserId,
    email: Option<&EmailAddress>,
) -> Result<()> {
    note_given_up(connection, id).await?;
    sqlx::query("UPDATE users SET email = $2 WHERE id = $1")
        .bind(id.to_string())
        .bind(email.map(EmailAddress::as_str))
        .execute(connection)
        .await?;
    Ok(())
}

/// Records who gives up an address. Applications know nothing of a placeholder, so only people with an identity count.
pub(super) async fn note_given_up(connection: &mut Connection, id: UserId) -> Result<()> {
    sqlx::query(
        "INSERT INTO former_addresses (email, user_id, until) \
         SELECT email, id, $2 FROM users WHERE id = $1 AND email IS NOT NULL \
         AND EXISTS (SELECT 1 FROM identities WHERE user_id = $1) \
         ON CONFLICT (email) DO UPDATE SET user_id = excluded.user_id, until = excluded.until",
    )
    .bind(id.to_string())
    .bind(Timestamp::now().unix())
    .execute(connection)
    .await?;
    Ok(())
}

/// Moves memberships and decisions from a placeholder to its person, and deletes the placeholder. If both have a
/// decision, the stricter one stays: disabled, and no admin. Both rows are locked.
pub(super) async fn merge(
    connection: &mut Connection,
    from: &UserRow,
    into: UserRow,
    actor: &Actor,
) -> Result<UserRow> {
    sqlx::query(
        "INSERT INTO manual_memberships (user_id, group_id, source) \
         SELECT $2, group_id, source FROM manual_memberships WHERE user_id = $1 ON CONFLICT DO NOTHING",
    )
    .bind(from.id.to_string())
    .bind(into.id.to_string())
    .execute(&mut *connection)
    .await?;
    let theirs = admin_overrides::find_override(connection, from.id).await?;
    let own = admin_overrides::find_override(connection, into.id).await?;
    if let Some(theirs) = theirs {
        admin_overrides::set_override(connection, into.id, Some(theirs && own.unwrap_or(true))).await?;
    }
    sqlx::query("DELETE FROM users WHERE id = $1")
        .bind(from.id.to_string())
        .execute(&mut *connection)
        .await?;
    let disabled_at = into.disabled_at.or(from.disabled_at);
    let not_before = into.sessions_not_before.max(from.sessions_not_before);
    sqlx::query("UPDATE users SET disabled_at = $2, sessions_not_before = $3 WHERE id = $1")
        .bind(into.id.to_string())
        .bind(disabled_at.map(Timestamp::unix))
        .bind(not_before.map(Timestamp::unix))
        .execute(&mut *connection)
        .await?;
    let before =
        json!({ "user": from.id, "email": from.email, "disabled_at": from.disabled_at, "is_admin": theirs });
    note(connection, actor, "user.merge", into.id, Some(before), None).await?;
    Ok(UserRow { disabled_at, sessions_not_before: not_before, ..into })
}

impl Store {
    pub(in crate::directory) async fn find_user(&self, key: &UserKey) -> Result<Option<UserRecord>> {
        reading!(self, |connection| match find_row(connection, key).await? {
            Some(row) => complete(connection, row).await.map(Some),
            None => Ok(None),
        })
    }

    pub(in crate::directory) async fn list_users(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<UserSummary>> {
        reading!(self, |connection| {
            Ok(sqlx::query_as(select_user!("WHERE id > $1 ORDER BY id LIMIT $2"))
                .bind(after.map(|id| id.to_string()).unwrap_or_default())
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await?)
        })
    }

    /// Sessions that started up to this second stay ended, also after [`Self::enable_user`].
    pub(in crate::directory) async fn disable_user(&self, key: &UserKey, actor: &Actor) -> Result<bool> {
        transaction!(self, |connection| {
            let user = find_or_create(connection, key, actor).await?;
            if user.disabled_at.is_some() {
                return Ok(false);
            }
            let now = present(connection).await?;
            let not_before = user.sessions_not_before.max(Some(now.plus(Duration::from_secs(1))));
            sqlx::query("UPDATE users SET disabled_at = $2, sessions_not_before = $3 WHERE id = $1")
                .bind(user.id.to_string())
                .bind(now.unix())
                .bind(not_before.map(Timestamp::unix))
                .execute(&mut *connection)
                .await?;
            let (before, after) = (json!({ "disabled_at": null }), json!({ "disabled_at": now }));
            note(connection, actor, "user.disable", user.id, Some(before), Some(after)).await?;
            Ok(true)
        })
    }

    pub(in crate::directory) async fn enable_user(&self, key: &UserKey, actor: &Actor) -> Result<bool> {
        transaction!(self, |connection| {
            let user = find_known(connection, key).await?;
            let Some(disabled_at) = user.disabled_at else { return Ok(false) };
            let sql = "UPDATE users SET disabled_at = NULL WHERE id = $1";
            sqlx::query(sql).bind(user.id.to_string()).execute(&mut *connection).await?;
            let (before, after) = (json!({ "disabled_at": disabled_at }), json!({ "disabled_at": null }));
            note(connection, actor, "user.enable", user.id, Some(before), Some(after)).await?;
            Ok(true)
        })
    }
}

row! {
    struct OpenedTenants {
        tenants: BTreeMap<TenantId, Role>,
    }
}

async fn complete(connection: &mut Connection, row: UserRow) -> Result<UserRecord> {
    let identities = list_identities(connection, row.id).await?;
    let groups = list_groups(connection, row.id).await?;
    let opened: OpenedTenants = sqlx::query_as(concat!(
        "SELECT ",
        json_list!("t.tenant_id || ' ' || t.role"),
        " AS tenants FROM group_tenants t JOIN resolved_memberships m ON m.group_id = t.group_id WHERE m.user_id = $1"
    ))
    .bind(row.id.to_string())
    .fetch_one(&mut *connection)
    .await?;
    Ok(UserRecord {
        sessions_not_before: row.sessions_not_before,
        identities,
        groups,
        tenants: opened.tenants,
        admin: admin_overrides::find_standing(connection, row.id).await?,
        summary: row.summary(),
    })
}

async fn list_identities(connection: &mut Connection, id: UserId) -> Result<Vec<IdentityRecord>> {
    let sql =
        "SELECT provider, issuer, subject, email FROM identities WHERE user_id = $1 ORDER BY issuer, subject";
    Ok(sqlx::query_as(sql).bind(id.to_string()).fetch_all(connection).await?)
}

row! {
    /// A group of a person, and one of the sources of that membership.
    struct GroupSourceRow {
        name: GroupName,
        source: String,
    }
}

async fn list_groups(connection: &mut Connection, id: UserId) -> Result<BTreeMap<GroupName, Vec<String>>> {
    let rows: Vec<GroupSourceRow> = sqlx::query_as(
        "SELECT DISTINCT g.name, m.source FROM resolved_memberships m JOIN groups g ON g.id = m.group_id \
         WHERE m.user_id = $1 ORDER BY g.name, m.source",
    )
    .bind(id.to_string())
    .fetch_all(connection)
    .await?;
    let mut groups: BTreeMap<GroupName, Vec<String>> = BTreeMap::new();
    for GroupSourceRow { name, source } in rows {
        groups.entry(name).or_default().push(source);
    }
    Ok(groups)
}
