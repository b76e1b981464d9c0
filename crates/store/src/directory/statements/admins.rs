//! Admins: explicit decisions of administrators, and what follows from groups and roles.

use super::users::{self, find_known, find_or_create};
use super::{Connection, Result, Store};
use crate::directory::actor::Actor;
use crate::directory::records::{AdminStanding, UserKey};
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::UserId;
use serde_json::json;

row! {
    /// A person who may be an admin.
    struct CandidateRow {
        id: UserId,
        email: Option<EmailAddress>,
    }
}

pub(super) async fn find_override(connection: &mut Connection, id: UserId) -> Result<Option<bool>> {
    let sql = "SELECT is_admin FROM admin_overrides WHERE user_id = $1";
    Ok(sqlx::query_scalar(sql).bind(id.to_string()).fetch_optional(connection).await?)
}

pub(super) async fn set_override(
    connection: &mut Connection,
    id: UserId,
    is_admin: Option<bool>,
) -> Result<()> {
    let query = match is_admin {
        Some(is_admin) => sqlx::query(
            "INSERT INTO admin_overrides (user_id, is_admin) VALUES ($1, $2) \
             ON CONFLICT (user_id) DO UPDATE SET is_admin = excluded.is_admin",
        )
        .bind(id.to_string())
        .bind(is_admin),
        None => sqlx::query("DELETE FROM admin_overrides WHERE user_id = $1").bind(id.to_string()),
    };
    query.execute(connection).await?;
    Ok(())
}

pub(super) async fn find_standing(connection: &mut Connection, id: UserId) -> Result<AdminStanding> {
    let explicit = find_override(connection, id).await?;
    let reasons: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT reason FROM admin_reasons WHERE user_id = $1 ORDER BY reason")
            .bind(id.to_string())
            .fetch_all(connection)
            .await?;
    Ok(AdminStanding { is_admin: explicit.unwrap_or(!reasons.is_empty()), explicit, reasons })
}

impl Store {
    /// Sets or, with `None`, deletes the explicit decision. Returns whether anything changed.
    pub(in crate::directory) async fn override_admin(
        &self,
        key: &UserKey,
        is_admin: Option<bool>,
        actor: &Actor,
    ) -> Result<bool> {
        transaction!(self, |connection| {
            let user = match is_admin {
                Some(_) => find_or_create(connection, key, actor).await?,
                None => find_known(connection, key).await?,
            };
            let before = find_override(connection, user.id).await?;
            if before == is_admin {
                return Ok(false);
            }
            set_override(connection, user.id, is_admin).await?;
            let action = match is_admin {
                Some(true) => "admin.grant",
                Some(false) => "admin.revoke",
                None => "admin.reset",
            };
            let (before, after) = (json!({ "is_admin": before }), json!({ "is_admin": is_admin }));
            users::note(connection, actor, action, user.id, Some(before), Some(after)).await?;
            Ok(true)
        })
    }

    /// Lists everybody who is an admin or has an explicit decision.
    pub(in crate::directory) async fn list_admins(&self) -> Result<Vec<(UserKey, AdminStanding)>> {
        reading!(self, |connection| {
            let rows: Vec<CandidateRow> = sqlx::query_as(
                "SELECT id, email FROM users WHERE id IN (SELECT user_id FROM admin_overrides) \
                 OR id IN (SELECT user_id FROM admin_reasons) ORDER BY email, id",
            )
            .fetch_all(&mut *connection)
            .await?;
            let mut admins = Vec::with_capacity(rows.len());
            for CandidateRow { id, email } in rows {
                let standing = find_standing(connection, id).await?;
                admins.push((email.map_or(UserKey::Id(id), UserKey::Email), standing));
            }
            Ok(admins)
        })
    }
}
