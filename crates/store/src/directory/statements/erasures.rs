//! The ids of people who were erased.

use super::{Connection, Result, Store, present};
use gatepost_core::ids::UserId;

impl Store {
    pub(in crate::directory) async fn is_erased(&self, id: UserId) -> Result<bool> {
        reading!(self, |connection| is_erased(connection, id).await)
    }
}

pub(super) async fn is_erased(connection: &mut Connection, id: UserId) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM erasures WHERE user_id = $1)";
    Ok(sqlx::query_scalar(sql).bind(id.to_string()).fetch_one(connection).await?)
}

pub(super) async fn note(connection: &mut Connection, id: UserId) -> Result<()> {
    let now = present(connection).await?;
    let query = sqlx::query("INSERT INTO erasures (user_id, at) VALUES ($1, $2)").bind(id.to_string());
    Ok(query.bind(now.unix()).execute(connection).await.map(drop)?)
}
