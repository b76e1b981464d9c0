//! API keys, as administrators and their owners see them.

use super::super::key_rows::{key_columns, shown};
use super::{Db, Result, Store, containing, limit_of, push_tenants, typed};
use crate::directory::keys::{EndingKey, KeyFilter, KeyRecord, KeyStanding};
use crate::directory::lists::{Page, Place};
use gatepost_core::administration::Scope;
use gatepost_core::api_key::KeyId;
use gatepost_core::clock::Timestamp;
use gatepost_core::secret::Hash;
use sqlx::QueryBuilder;
use std::time::Duration;

macro_rules! select_keys {
    () => {
        concat!("SELECT ", key_columns!(), " FROM keys k WHERE ")
    };
}

/// The condition that a key counts until its end.
macro_rules! ending {
    () => {
        concat!("k.revoked_at IS NULL AND NOT ", key_is_stopped!())
    };
}

const KEYS: &str = concat!(select_keys!(), "true");

impl Store {
    pub(in crate::directory) async fn search_keys(
        &self,
        scope: &Scope,
        filter: &KeyFilter,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<KeyRecord>> {
        let KeyFilter { tenant, owner, q, standing } = filter;
        let mut query = QueryBuilder::<Db>::new(KEYS);
        if let Some(place) = after {
            query.push(" AND k.id > ").push_bind(place.0.clone());
        }
        if let Some(tenant) = tenant {
            query.push(" AND k.tenant_id = ").push_bind(tenant.to_string());
        }
        if let Some(owner) = owner {
            query.push(" AND k.owner_id = ").push_bind(owner.to_string());
        }
        if let Some(text) = typed(q.as_deref()) {
            let part = containing(&text);
            query.push(" AND (k.hint = ").push_bind(text);
            query.push(" OR lower(k.name) LIKE ").push_bind(part.clone()).push(" ESCAPE '\\'");
            query.push(" OR k.machine_name LIKE ").push_bind(part).push(" ESCAPE '\\')");
        }
        if let Some(standing) = standing {
            push_standing(&mut query, *standing);
        }
        limit_keys(&mut query, scope);
        query.push(" ORDER BY k.id LIMIT ").push_bind(i64::from(limit) + 1);
        let found: Vec<KeyRecord> =
            reading!(self, |connection| Ok(query.build_query_as().fetch_all(connection).await?))?;
        let page = Page::of(found, limit, |key: &KeyRecord| Place(key.id.to_string()));
        Ok(page.map(|key| shown(key, scope.is_system())))
    }

    pub(in crate::directory) async fn list_ending_keys(
        &self,
        scope: &Scope,
        (from, until): (Timestamp, Timestamp),
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<KeyRecord>> {
        let after = match after.map(|place| read_place(&place.0)) {
            Some(None) => return Ok(Page::empty()),
            after => after.flatten(),
        };
        let mut query = QueryBuilder::<Db>::new(concat!(select_keys!(), ending!()));
        query.push(" AND k.expires_at > ").push_bind(from.unix());
        query.push(" AND k.expires_at <= ").push_bind(until.unix());
        if let Some((end, id)) = after {
            query.push(" AND (k.expires_at, k.id) > (").push_bind(end);
            query.push(", ").push_bind(id.to_owned()).push(")");
        }
        limit_keys(&mut query, scope);
        query.push(" ORDER BY k.expires_at, k.id LIMIT ").push_bind(i64::from(limit) + 1);
        let found: Vec<KeyRecord> =
            reading!(self, |connection| Ok(query.build_query_as().fetch_all(connection).await?))?;
        let page = Page::of(found, limit, |key: &KeyRecord| {
            Place(format!("{} {}", key.limits.expires_at.map_or(i64::MAX, Timestamp::unix), key.id))
        });
        Ok(page.map(|key| shown(key, scope.is_system())))
    }

    pub(in crate::directory) async fn find_ending_keys(
        &self,
        (from, until): (Timestamp, Timestamp),
        longer_than: Duration,
        limit: u32,
    ) -> Result<Vec<EndingKey>> {
        let sql = concat!(
            "SELECT k.id, k.tenant_id, k.expires_at FROM keys k WHERE k.expires_at > $1 AND k.expires_at <= $2 \
             AND k.expires_at - k.created_at > $3 AND ",
            ending!(),
            " ORDER BY k.expires_at, k.id LIMIT $4"
        );
        let seconds = i64::try_from(longer_than.as_secs()).unwrap_or(i64::MAX);
        reading!(self, |connection| {
            let query = sqlx::query_as(sql).bind(from.unix()).bind(until.unix()).bind(seconds);
            Ok(query.bind(i64::from(limit)).fetch_all(connection).await?)
        })
    }

    pub(in crate::directory) async fn find_key_record(
        &self,
        scope: &Scope,
        id: KeyId,
    ) -> Result<Option<KeyRecord>> {
        let mut query = QueryBuilder::<Db>::new(KEYS);
        query.push(" AND k.id = ").push_bind(id.to_string());
        self.fetch_key(query, scope).await
    }

    pub(in crate::directory) async fn look_up_key(
        &self,
        scope: &Scope,
        digest: &Hash,
    ) -> Result<Option<KeyRecord>> {
        let mut query = QueryBuilder::<Db>::new(KEYS);
        query.push(" AND (k.hash = ").push_bind(digest.as_bytes().to_vec());
        query.push(" OR k.previous_hash = ").push_bind(digest.as_bytes().to_vec()).push(")");
        self.fetch_key(query, scope).await
    }

    async fn fetch_key(&self, mut query: QueryBuilder<Db>, scope: &Scope) -> Result<Option<KeyRecord>> {
        limit_keys(&mut query, scope);
        let found: Option<KeyRecord> =
            reading!(self, |connection| Ok(query.build_query_as().fetch_optional(connection).await?))?;
        Ok(found.map(|key| shown(key, scope.is_system())))
    }
}

/// The end and the id of a key.
fn read_place(place: &str) -> Option<(i64, &str)> {
    let (end, id) = place.split_once(' ')?;
    Some((end.parse().ok()?, id))
}

/// Adds the condition that a key has this standing.
fn push_standing(query: &mut QueryBuilder<Db>, standing: KeyStanding) {
    let is_revoked = standing == KeyStanding::Revoked;
    query.push(if is_revoked { " AND k.revoked_at IS NOT NULL" } else { " AND k.revoked_at IS NULL" });
    match standing {
        KeyStanding::Revoked => {}
        KeyStanding::Stopped => {
            query.push(concat!(" AND ", key_is_stopped!()));
        }
        KeyStanding::Valid(now) => {
            query.push(concat!(" AND NOT ", key_is_stopped!()));
            query.push(" AND (k.expires_at IS NULL OR k.expires_at > ").push_bind(now.unix()).push(")");
        }
        KeyStanding::EndsBetween(from, to) => {
            query.push(concat!(" AND NOT ", key_is_stopped!()));
            query.push(" AND k.expires_at > ").push_bind(from.unix());
            query.push(" AND k.expires_at <= ").push_bind(to.unix());
        }
        KeyStanding::Ended(now) => {
            query.push(" AND k.expires_at <= ").push_bind(now.unix());
        }
        KeyStanding::UnusedSince(time) => {
            query.push(" AND k.created_at <= ").push_bind(time.unix());
            query.push(" AND (k.last_used_at IS NULL OR k.last_used_at <= ").push_bind(time.unix()).push(")");
        }
    }
}

/// Adds the condition that the key exists for the reader.
fn limit_keys(query: &mut QueryBuilder<Db>, scope: &Scope) {
    if let Some(tenants) = limit_of(scope) {
        push_tenants(query.push(" AND "), "k.tenant_id", tenants);
    }
}
