//! The explicit decision about one person, and what follows from groups and roles.

use super::{Connection, Result};
use crate::directory::records::AdminStanding;
use gatepost_core::administration::Version;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::UserId;

row! {
    /// A row of `current_admin_overrides`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Override {
        pub(super) is_admin: bool,
        pub(super) until: Option<Timestamp>,
        pub(super) version: Version,
    }
}

/// The decision that counts now.
pub(super) async fn find_override(connection: &mut Connection, id: UserId) -> Result<Option<Override>> {
    let sql = "SELECT is_admin, until, version FROM current_admin_overrides WHERE user_id = $1";
    Ok(sqlx::query_as(sql).bind(id.to_string()).fetch_optional(connection).await?)
}

pub(super) async fn set_override(
    connection: &mut Connection,
    id: UserId,
    is_admin: Option<bool>,
    until: Option<Timestamp>,
) -> Result<()> {
    let query = match is_admin {
        Some(is_admin) => sqlx::query(
            "INSERT INTO admin_overrides (user_id, is_admin, until) VALUES ($1, $2, $3) ON CONFLICT (user_id) \
             DO UPDATE SET is_admin = excluded.is_admin, until = excluded.until, managed_by = NULL",
        )
        .bind(id.to_string())
        .bind(is_admin)
        .bind(until.map(Timestamp::unix)),
        None => sqlx::query("DELETE FROM admin_overrides WHERE user_id = $1").bind(id.to_string()),
    };
    query.execute(connection).await?;
    Ok(())
}

/// Of the decisions about two rows that are one person the stricter one; of two equal ones the one that lasts longer.
pub(super) fn stricter(one: Option<Override>, other: Option<Override>) -> Option<Override> {
    match (one, other) {
        (Some(one), Some(other)) if one.is_admin == other.is_admin => {
            let until = one.until.zip(other.until).map(|(one, other)| one.max(other));
            Some(Override { until, ..one })
        }
        (Some(one), Some(other)) => Some(if one.is_admin { other } else { one }),
        (one, other) => one.or(other),
    }
}

pub(super) async fn find_standing(connection: &mut Connection, id: UserId) -> Result<AdminStanding> {
    let found = find_override(connection, id).await?;
    let reasons: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT reason FROM admin_reasons WHERE user_id = $1 ORDER BY reason")
            .bind(id.to_string())
            .fetch_all(connection)
            .await?;
    let explicit = found.map(|found| found.is_admin);
    let is_admin = explicit.unwrap_or(!reasons.is_empty());
    let (until, version) = (found.and_then(|found| found.until), found.map(|found| found.version));
    Ok(AdminStanding { is_admin, explicit, until, reasons, version })
}
