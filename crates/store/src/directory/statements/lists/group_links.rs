//! The providers' groups for which one group stands, each with the number of people who have it.

use super::naming::{ProviderGroup, provider_group_columns};
use super::{Result, Store, counted, limit_of, row_limit};
use crate::directory::count::Count;
use crate::directory::lists::LinkedGroup;
use gatepost_core::administration::Scope;
use gatepost_core::ids::GroupId;

row! {
    struct LinkedRow {
        group: ProviderGroup,
        people: i64,
    }
}

const LINKED: &str = concat!(
    "SELECT ",
    provider_group_columns!(),
    ", ",
    counted!("SELECT m.user_id FROM provider_memberships m WHERE m.provider_group_id = p.id", "$2"),
    " AS people FROM provider_groups p WHERE p.group_id = $1 ORDER BY p.provider, p.kind, p.external_id",
);

impl Store {
    pub(in crate::directory) async fn list_links(
        &self,
        scope: &Scope,
        group: GroupId,
    ) -> Result<Vec<LinkedGroup>> {
        if limit_of(scope).is_some() {
            return Ok(Vec::new());
        }
        let rows: Vec<LinkedRow> = reading!(self, |connection| {
            let query = sqlx::query_as(LINKED).bind(group.number()).bind(row_limit(Count::OF_ONE));
            Ok(query.fetch_all(connection).await?)
        })?;
        let linked =
            |row: LinkedRow| LinkedGroup { link: row.group.into_link(), people: Count::of(row.people) };
        Ok(rows.into_iter().map(linked).collect())
    }
}
