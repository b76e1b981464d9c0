//! Whether a group exists, for `/verify`.

use super::{Result, Store};
use gatepost_core::ids::GroupName;

impl Store {
    pub(in crate::directory) async fn group_exists(&self, name: &GroupName) -> Result<bool> {
        hot_read!(self, |connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM groups WHERE name = $1)";
            Ok(sqlx::query_scalar(sql).bind(name.as_str()).fetch_one(connection).await?)
        })
    }
}
