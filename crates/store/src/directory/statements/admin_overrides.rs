//! The explicit decision about one person, and what follows from groups and roles.

use super::{Connection, Result};
use crate::directory::records::AdminStanding;
use gatepost_core::ids::UserId;

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
