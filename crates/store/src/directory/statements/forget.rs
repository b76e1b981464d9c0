//! Forgetting people who have not signed in for long: one transaction for each person, with its audit row.

use super::run::Run;
use super::users::{UserRow, note, user_columns};
use super::{Connection, Result, Store, admin_overrides, admins, audit_log, ended_keys, open_invitations};
use crate::directory::actor::{Actor, Who};
use crate::directory::error::DirectoryError;
use crate::directory::keys::KeyRecord;
use crate::directory::lease::Term;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::UserId;
use serde_json::{Value, json};

/// A placeholder counts from its creation. Whoever was disabled or denied admin rights must not come back as a new person
/// without it.
macro_rules! forgettable {
    () => {
        "coalesce(u.last_sign_in_at, u.created_at) < $1 AND u.disabled_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM admin_overrides o WHERE o.user_id = u.id AND NOT o.is_admin)"
    };
}

impl Store {
    pub(in crate::directory) async fn forget_people(
        &self,
        term: Term,
        since: Timestamp,
        most: u32,
    ) -> Result<u64> {
        let candidates: Vec<String> = reading!(self, |connection| {
            let sql = concat!("SELECT u.id FROM users u WHERE ", forgettable!(), " ORDER BY u.id LIMIT $2");
            let query = sqlx::query_scalar(sql).bind(since.unix()).bind(i64::from(most));
            Ok(query.fetch_all(connection).await?)
        })?;
        let mut run = Run::default();
        for id in candidates {
            let locks = [admins::lock_of_admins()];
            let result = leading!(self, term, &locks, |connection| forget(connection, &id, since).await);
            let result = match result {
                Err(DirectoryError::LastAdmin) => Ok(false),
                result => result,
            };
            run.note(format_args!("person {id}"), result)?;
        }
        run.end()
    }
}

/// `false`: the person has signed in meanwhile, or is gone.
async fn forget(connection: &mut Connection, id: &str, since: Timestamp) -> Result<bool> {
    let sql = for_update!(concat!(
        "SELECT ",
        user_columns!(),
        " FROM users u WHERE ",
        forgettable!(),
        " AND u.id = $2"
    ));
    let found: Option<UserRow> =
        sqlx::query_as(sql).bind(since.unix()).bind(id).fetch_optional(&mut *connection).await?;
    let Some(user) = found else { return Ok(false) };
    let before = json!({ "created_at": user.created_at, "last_sign_in_at": user.last_sign_in_at });
    let keys = erase(connection, user.id).await?.keys;
    let actor = Actor::internal(Who::Retention);
    ended_keys::note(connection, &actor, &keys, "owner_forgotten").await?;
    note(connection, &actor, "user.forget", user.id, Some(before), None).await?;
    Ok(true)
}

const DELETE_INVITATIONS: &str =
    concat!("DELETE FROM tenant_invitations WHERE ", open_invitations::of_person!());
/// The refusals of the person and of their keys, and those of other keys that name an address of theirs.
const DELETE_REFUSALS: &str = "DELETE FROM refusals WHERE user_id = $1 \
    OR user_id IN (SELECT k.id FROM keys k WHERE k.owner_id = $1) OR (key_id IS NOT NULL AND email IN \
    (SELECT u.email FROM users u WHERE u.id = $1 UNION ALL SELECT f.email FROM former_addresses f WHERE f.user_id = $1))";
/// The names that the person gave to keys, in refusals of others for whom such a key sent requests. Releases before this one
/// noted the name alone.
const ERASE_NAMES_OF_KEYS: &str = "UPDATE refusals SET via = NULL \
    WHERE key_id IN (SELECT k.id FROM keys k WHERE k.owner_id = $1) \
    OR (key_id IS NULL AND via IN (SELECT k.name FROM keys k WHERE k.owner_id = $1))";

/// What went with a person.
pub(super) struct Gone {
    /// The keys that were not revoked. Their audit rows are to be written.
    pub(super) keys: Vec<KeyRecord>,
    /// The placeholders that had become part of the person. An older dump has them with the person's address.
    pub(super) merged: Vec<UserId>,
}

/// As [`delete`], but refuses the last administrator.
///
/// # Errors
/// [`DirectoryError::LastAdmin`].
pub(super) async fn erase(connection: &mut Connection, id: UserId) -> Result<Gone> {
    let was_admin = admin_overrides::find_standing(connection, id).await?.is_admin;
    let gone = delete(connection, id).await?;
    if was_admin {
        admins::demand_one(connection).await?;
    }
    Ok(gone)
}

/// Deletes a person, and erases what the audit says about them. Identities, memberships and decisions go with the row.
/// Sessions of a person who does not exist are not valid. Whoever calls it holds [`admins::lock_of_admins`] and writes the
/// audit rows of the change, and of the keys that are returned, afterwards: what is written before is erased too.
pub(super) async fn delete(connection: &mut Connection, id: UserId) -> Result<Gone> {
    let keys = ended_keys::of_owner(connection, id).await?;
    for sql in [
        DELETE_INVITATIONS,
        DELETE_REFUSALS,
        ERASE_NAMES_OF_KEYS,
        "DELETE FROM former_addresses WHERE user_id = $1",
        "DELETE FROM users WHERE id = $1",
    ] {
        sqlx::query(sql).bind(id.to_string()).execute(&mut *connection).await?;
    }
    let merged = erase_from_audit(connection, id).await?;
    Ok(Gone { keys, merged })
}

/// With the placeholders that became part of the person, which it returns: they had the same address.
async fn erase_from_audit(connection: &mut Connection, id: UserId) -> Result<Vec<UserId>> {
    let (mut wanted, mut merged) = (vec![id], Vec::new());
    while let Some(id) = wanted.pop() {
        let sql = "SELECT before FROM audit_entries WHERE target = $1 AND action = 'user.merge' AND before IS NOT NULL";
        let query = sqlx::query_scalar(sql).bind(format!("user:{id}"));
        let notes: Vec<String> = query.fetch_all(&mut *connection).await?;
        let found: Vec<UserId> = notes.iter().filter_map(|note| merged_user(note)).collect();
        wanted.extend(&found);
        merged.extend(found);
        audit_log::erase(connection, id).await?;
    }
    Ok(merged)
}

fn merged_user(before: &str) -> Option<UserId> {
    serde_json::from_str::<Value>(before).ok()?["user"].as_str()?.parse().ok()
}
