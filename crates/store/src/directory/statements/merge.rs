//! How a placeholder, which waits for the first person with its address, becomes part of that person.

use super::users::{UserRow, note};
use super::{Connection, Result, admin_overrides, ended};
use crate::directory::actor::Actor;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::UserId;
use serde_json::json;

/// Moves memberships, keys and decisions from a placeholder to its person, and deletes the placeholder. If both have a
/// decision, the stricter one stays: disabled, and no admin. Both rows are locked.
pub(super) async fn merge(
    connection: &mut Connection,
    from: &UserRow,
    into: UserRow,
    actor: &Actor,
) -> Result<UserRow> {
    ended::delete_of_person(connection, from.id).await?;
    ended::delete_of_person(connection, into.id).await?;
    sqlx::query(concat!(
        "INSERT INTO manual_memberships (user_id, group_id, source, until, managed_by) \
         SELECT $2, group_id, source, until, managed_by FROM manual_memberships WHERE user_id = $1 \
         ON CONFLICT (user_id, group_id, source) DO UPDATE SET until = ",
        later_end!("manual_memberships")
    ))
    .bind(from.id.to_string())
    .bind(into.id.to_string())
    .execute(&mut *connection)
    .await?;
    move_tenant_memberships(connection, from.id, into.id).await?;
    let theirs = admin_overrides::find_override(connection, from.id).await?;
    let own = admin_overrides::find_override(connection, into.id).await?;
    if theirs.is_some()
        && let Some(found) = admin_overrides::stricter(theirs, own)
    {
        admin_overrides::set_override(connection, into.id, Some(found.is_admin), found.until).await?;
        if own.is_none() {
            keep_manager(connection, from.id, into.id).await?;
        }
    }
    let theirs = theirs.map(|theirs| theirs.is_admin);
    sqlx::query("UPDATE keys SET owner_id = $2 WHERE owner_id = $1")
        .bind(from.id.to_string())
        .bind(into.id.to_string())
        .execute(&mut *connection)
        .await?;
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

/// A decision that moves as it is belongs to the same manager.
async fn keep_manager(connection: &mut Connection, from: UserId, into: UserId) -> Result<()> {
    sqlx::query(
        "UPDATE admin_overrides SET managed_by = (SELECT o.managed_by FROM admin_overrides o WHERE o.user_id = $1) \
         WHERE user_id = $2",
    )
    .bind(from.to_string())
    .bind(into.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// Of two memberships in one tenant the higher role stays, with its own end.
async fn move_tenant_memberships(connection: &mut Connection, from: UserId, into: UserId) -> Result<()> {
    sqlx::query(concat!(
        "INSERT INTO tenant_members (tenant_id, user_id, role, source, until, created_at) \
         SELECT tenant_id, $2, role, source, until, created_at FROM tenant_members WHERE user_id = $1 \
         ON CONFLICT (tenant_id, user_id) DO UPDATE SET \
         role = CASE WHEN excluded.role = 'admin' OR tenant_members.role = 'admin' THEN 'admin' \
         WHEN excluded.role = 'member' OR tenant_members.role = 'member' THEN 'member' ELSE 'viewer' END, \
         until = CASE WHEN tenant_members.role = excluded.role THEN ",
        later_end!("tenant_members"),
        " WHEN tenant_members.role = 'admin' OR excluded.role = 'viewer' THEN tenant_members.until ELSE excluded.until END",
    ))
    .bind(from.to_string())
    .bind(into.to_string())
    .execute(connection)
    .await?;
    Ok(())
}
