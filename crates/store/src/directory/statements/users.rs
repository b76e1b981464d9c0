//! The rows of people.

use super::{Connection, Result, audit, erasures, present};
use crate::directory::actor::Actor;
use crate::directory::error::DirectoryError;
use crate::directory::records::{IdentityRecord, UserKey, UserSummary};
use gatepost_core::administration::Version;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::UserId;
use serde_json::json;

/// The version of a new row.
pub(super) const FIRST: Version = Version::from_number(1);

row! {
    /// A row of `users`.
    #[derive(Clone, Debug)]
    pub struct UserRow {
        pub(super) id: UserId,
        pub(super) email: Option<EmailAddress>,
        pub(super) name: Option<String>,
        pub(super) disabled_at: Option<Timestamp>,
        pub(super) sessions_not_before: Option<Timestamp>,
        pub(super) created_at: Timestamp,
        pub(super) last_sign_in_at: Option<Timestamp>,
        pub(super) version: Version,
    }
}

/// The columns of a [`UserRow`].
macro_rules! user_columns {
    () => {
        "u.id, u.email, u.name, u.disabled_at, u.sessions_not_before, u.created_at, u.last_sign_in_at, \
         u.version"
    };
}
pub(super) use user_columns;

macro_rules! select_user {
    ($rest:literal) => {
        concat!("SELECT ", user_columns!(), " FROM users u ", $rest)
    };
}

impl UserRow {
    pub(super) fn summary(self) -> UserSummary {
        let Self { id, email, name, disabled_at, created_at, last_sign_in_at, version, .. } = self;
        UserSummary { id, email, name, disabled_at, created_at, last_sign_in_at, version }
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
/// asserts. An administrator who names either address means this person. With OR in place of the union Postgres would read
/// everybody.
pub(super) async fn find_row(connection: &mut Connection, key: &UserKey) -> Result<Option<UserRow>> {
    let query = match key {
        UserKey::Id(id) => sqlx::query_as(select_user!("WHERE id = $1")).bind(id.to_string()),
        UserKey::Email(email) => sqlx::query_as(select_user!(
            "WHERE u.id IN (SELECT id FROM users WHERE email = $1 UNION SELECT user_id FROM identities WHERE email = $1) \
             ORDER BY CASE WHEN u.email = $1 THEN 0 ELSE 1 END, u.id LIMIT 1"
        ))
        .bind(email.to_string()),
    };
    Ok(query.fetch_optional(connection).await?)
}

/// Finds a person and locks the row for a change, if there is one.
pub(super) async fn find_for_change(connection: &mut Connection, key: &UserKey) -> Result<Option<UserRow>> {
    match find_row(connection, key).await? {
        Some(row) => find_row_for_update(connection, row.id).await.map(Some),
        None => Ok(None),
    }
}

/// Finds a person and locks the row for a change.
pub(super) async fn find_known(connection: &mut Connection, key: &UserKey) -> Result<UserRow> {
    match find_for_change(connection, key).await? {
        Some(user) => Ok(user),
        None => Err(unknown(connection, key).await?),
    }
}

/// As [`find_known`], with the version that a change compares.
pub(super) async fn lock_known(
    connection: &mut Connection,
    key: &UserKey,
) -> Result<(UserRow, Option<Version>)> {
    let user = find_known(connection, key).await?;
    let version = user.version;
    Ok((user, Some(version)))
}

/// Creates a placeholder for an address that nobody holds. An id that nobody has names nobody.
pub(super) async fn create_for(connection: &mut Connection, key: &UserKey, actor: &Actor) -> Result<UserRow> {
    match key {
        UserKey::Email(email) => create(connection, Some(email), Timestamp::now(), actor).await,
        UserKey::Id(_) => Err(unknown(connection, key).await?),
    }
}

/// Why there is nobody: they were erased, or there never was anybody.
async fn unknown(connection: &mut Connection, key: &UserKey) -> Result<DirectoryError> {
    match key {
        UserKey::Id(id) if erasures::is_erased(connection, *id).await? => Ok(DirectoryError::Erased(*id)),
        _ => Ok(DirectoryError::UnknownUser(key.clone())),
    }
}

/// The version of a person's row after a change.
pub(super) async fn version_of(connection: &mut Connection, id: UserId) -> Result<Option<Version>> {
    let sql = "SELECT version FROM users WHERE id = $1";
    let found: Option<i64> = sqlx::query_scalar(sql).bind(id.to_string()).fetch_optional(connection).await?;
    Ok(found.map(Version::from_number))
}

/// Refuses an end that is over already, by the database's clock.
pub(super) async fn demand_future(connection: &mut Connection, until: Option<Timestamp>) -> Result<()> {
    match until {
        Some(until) if until <= present(connection).await? => Err(DirectoryError::EndsInThePast),
        _ => Ok(()),
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
        version: FIRST,
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

pub(super) async fn list_identities(connection: &mut Connection, id: UserId) -> Result<Vec<IdentityRecord>> {
    let sql =
        "SELECT provider, issuer, subject, email FROM identities WHERE user_id = $1 ORDER BY issuer, subject";
    Ok(sqlx::query_as(sql).bind(id.to_string()).fetch_all(connection).await?)
}
