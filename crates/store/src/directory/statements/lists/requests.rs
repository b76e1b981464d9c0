//! Requests for access, as people and administrators see them, and who may decide them.

use super::people::People;
use super::set::Set;
use super::{Db, Result, Store, limit_of, push_tenants};
use crate::directory::access_requests::{AccessRequest, Decider, Deciders, RequestFilter};
use crate::directory::lists::{Page, Place};
use gatepost_core::access::Role;
use gatepost_core::access_request::Wanted;
use gatepost_core::administration::Scope;
use gatepost_core::ids::{AccessRequestId, UserId};
use sqlx::QueryBuilder;

const REQUESTS: &str = "SELECT r.id, r.user_id, u.email, u.name, r.group_id, g.name AS group_name, r.tenant_id, r.note, \
    r.state, r.created_at, r.decided_at, r.decided_by, (SELECT d.email FROM users d WHERE d.id = r.decided_by) \
    AS decided_by_email, r.answer, r.until FROM access_requests r JOIN users u ON u.id = r.user_id \
    LEFT JOIN groups g ON g.id = r.group_id WHERE true";

const DECIDERS: &str = "SELECT u.id, u.email, u.name FROM users u";

impl Store {
    /// Ids are in the order of time.
    pub(in crate::directory) async fn search_requests(
        &self,
        scope: &Scope,
        filter: &RequestFilter,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<AccessRequest>> {
        let RequestFilter { state, user, group, tenant, is_newest_first } = filter;
        let mut query = QueryBuilder::<Db>::new(REQUESTS);
        if let Some(place) = after {
            query.push(" AND r.id ").push(if *is_newest_first { "< " } else { "> " });
            query.push_bind(place.0.clone());
        }
        if let Some(state) = state {
            query.push(" AND r.state = ").push_bind(state.as_str());
        }
        if let Some(user) = user {
            query.push(" AND r.user_id = ").push_bind(user.to_string());
        }
        if let Some(group) = group {
            query.push(" AND r.group_id = ").push_bind(group.number());
        }
        if let Some(tenant) = tenant {
            query.push(" AND r.tenant_id = ").push_bind(tenant.to_string());
        }
        limit_requests(&mut query, scope);
        query.push(" ORDER BY r.id").push(if *is_newest_first { " DESC" } else { "" });
        query.push(" LIMIT ").push_bind(i64::from(limit) + 1);
        let found = reading!(self, |connection| Ok(query.build_query_as().fetch_all(connection).await?))?;
        Ok(Page::of(found, limit, |request: &AccessRequest| Place(request.id.to_string())))
    }

    pub(in crate::directory) async fn find_request(
        &self,
        scope: &Scope,
        id: AccessRequestId,
    ) -> Result<Option<AccessRequest>> {
        let mut query = QueryBuilder::<Db>::new(REQUESTS);
        query.push(" AND r.id = ").push_bind(id.to_string());
        limit_requests(&mut query, scope);
        reading!(self, |connection| Ok(query.build_query_as().fetch_optional(connection).await?))
    }

    pub(in crate::directory) async fn list_requests_of(
        &self,
        user: UserId,
        limit: u32,
    ) -> Result<Vec<AccessRequest>> {
        let filter = RequestFilter { user: Some(user), is_newest_first: true, ..RequestFilter::default() };
        Ok(self.search_requests(&Scope::System, &filter, None, limit).await?.items)
    }

    pub(in crate::directory) async fn list_deciders(
        &self,
        scope: &Scope,
        wanted: &Wanted,
        limit: u32,
    ) -> Result<Deciders> {
        if scope.allows(&wanted.matter()).is_err() {
            return Ok(Deciders::default());
        }
        reading!(self, |connection| {
            let of_tenant = match wanted {
                Wanted::Group(_) => None,
                Wanted::Tenant(tenant) => {
                    let role = Some(Role::Admin);
                    let set = Set::Tenants { tenants: vec![tenant], groups: Vec::new(), role };
                    let people = People { select: DECIDERS, sets: vec![set, Set::Active] };
                    Some(people.fetch(&mut *connection, None, limit).await?)
                }
            };
            let of_system = if limit_of(scope).is_none() {
                let set = Set::Admins { groups: Vec::new(), or_denied: false };
                let people = People { select: DECIDERS, sets: vec![set, Set::Active] };
                Some(people.fetch(connection, None, limit).await?)
            } else {
                // They do not learn who administers the system.
                None
            };
            let page = |people| Page::of(people, limit, |person: &Decider| Place(person.id.to_string()));
            Ok(Deciders { of_tenant: of_tenant.map(page), of_system: of_system.map(page) })
        })
    }
}

/// Adds the condition that the reader may decide a request. Groups belong to the platform.
fn limit_requests(query: &mut QueryBuilder<Db>, scope: &Scope) {
    if let Some(tenants) = limit_of(scope) {
        push_tenants(query.push(" AND "), "r.tenant_id", tenants);
    }
}
