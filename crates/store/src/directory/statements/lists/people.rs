//! One page of people who are in several sets, by id.

use super::set::{Set, find_few, resolve};
use super::{Connection, Db, Result, json_texts, limit_of};
use crate::directory::lists::Place;
use gatepost_core::administration::Scope;
use gatepost_core::ids::UserId;
use sqlx::{FromRow, QueryBuilder};

/// How many people of a small set are looked up at once.
const CHUNK: usize = 500;

/// A query of people: what it selects of the person `u`, and who.
pub(super) struct People<'a> {
    /// `SELECT ... FROM users u ...`, without a condition.
    pub(super) select: &'static str,
    pub(super) sets: Vec<Set<'a>>,
}

/// The set of the people who exist for a reader. `None`: everybody.
pub(super) fn visible(scope: &Scope) -> Option<Set<'_>> {
    limit_of(scope).map(|tenants| Set::Tenants {
        tenants: tenants.iter().collect(),
        groups: Vec::new(),
        role: None,
    })
}

impl People<'_> {
    /// The first `limit` of them, and one more if there is one.
    pub(super) async fn fetch<T>(
        mut self,
        connection: &mut Connection,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Vec<T>>
    where
        T: for<'r> FromRow<'r, <Db as sqlx::Database>::Row> + Send + Unpin,
    {
        self.sets.sort_by_key(Set::rank);
        resolve(&mut *connection, &mut self.sets).await?;
        let wanted = limit as usize + 1;
        let after = after.map(|place| place.0.as_str()).unwrap_or_default();
        let Some(ids) = find_few(connection, &self.sets).await? else {
            return self.read(connection, after, None, wanted).await;
        };
        let ids = &ids[ids.partition_point(|id| id.as_str() <= after)..];
        let mut found = Vec::new();
        for chunk in ids.chunks(CHUNK.max(wanted)) {
            found.append(&mut self.read(connection, after, Some(chunk), wanted - found.len()).await?);
            if found.len() >= wanted {
                break;
            }
        }
        Ok(found)
    }

    /// Of everybody, or of these alone.
    async fn read<T>(
        &self,
        connection: &mut Connection,
        after: &str,
        among: Option<&[String]>,
        wanted: usize,
    ) -> Result<Vec<T>>
    where
        T: for<'r> FromRow<'r, <Db as sqlx::Database>::Row> + Send + Unpin,
    {
        let mut query = QueryBuilder::<Db>::new(self.select);
        query.push(" WHERE u.id > ").push_bind(after.to_owned());
        if let Some(ids) = among {
            query.push(" AND u.id IN (SELECT value FROM ");
            push_each(&mut query, ids);
            query.push(")");
        }
        for set in &self.sets {
            set.push_condition(&mut query);
        }
        query.push(" ORDER BY u.id LIMIT ");
        query.push_bind(i64::try_from(wanted).unwrap_or(i64::MAX));
        Ok(query.build_query_as().fetch_all(connection).await?)
    }
}

/// Adds the texts as rows with the column `value`.
pub(super) fn push_each<T: ToString>(query: &mut QueryBuilder<Db>, texts: impl IntoIterator<Item = T>) {
    let (before, after) = each_around!();
    query.push(before).push_bind(json_texts(texts)).push(after);
}

/// Whether a person exists for the reader.
pub(super) async fn is_visible(connection: &mut Connection, scope: &Scope, id: UserId) -> Result<bool> {
    let Some(mut visible) = visible(scope) else { return Ok(true) };
    resolve(&mut *connection, std::slice::from_mut(&mut visible)).await?;
    let mut query = QueryBuilder::<Db>::new("SELECT EXISTS (SELECT 1 FROM users u WHERE u.id = ");
    query.push_bind(id.to_string());
    visible.push_condition(&mut query);
    query.push(")");
    Ok(query.build_query_scalar().fetch_one(connection).await?)
}
