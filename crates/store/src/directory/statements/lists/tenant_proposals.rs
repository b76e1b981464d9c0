//! Proposals of tenants, as people see their own and system administrators see all. What has expired is left out.

use super::{Db, Result, Store};
use crate::directory::lists::{Page, Place};
use crate::directory::tenant_proposals::{ProposalFilter, TenantProposal};
use gatepost_core::administration::{Matter, Scope};
use gatepost_core::ids::{ProposalId, UserId};
use sqlx::QueryBuilder;

const PROPOSALS: &str = concat!(
    "SELECT p.id, p.user_id, u.email, u.name AS user_name, p.tenant_id, p.name, p.reason, p.state, p.created_at, \
     p.expires_at, p.decided_at, p.decided_by, (SELECT d.email FROM users d WHERE d.id = p.decided_by) AS decided_by_email, \
     p.answer FROM tenant_proposals p JOIN users u ON u.id = p.user_id WHERE p.expires_at > ",
    present!()
);

impl Store {
    /// Ids are in the order of time.
    pub(in crate::directory) async fn search_proposals(
        &self,
        scope: &Scope,
        filter: &ProposalFilter,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<TenantProposal>> {
        if scope.allows(&Matter::Platform).is_err() {
            return Ok(Page::empty());
        }
        let ProposalFilter { state, user, is_newest_first } = filter;
        let mut query = QueryBuilder::<Db>::new(PROPOSALS);
        if let Some(place) = after {
            query.push(" AND p.id ").push(if *is_newest_first { "< " } else { "> " });
            query.push_bind(place.0.clone());
        }
        if let Some(state) = state {
            query.push(" AND p.state = ").push_bind(state.as_str());
        }
        if let Some(user) = user {
            query.push(" AND p.user_id = ").push_bind(user.to_string());
        }
        query.push(" ORDER BY p.id").push(if *is_newest_first { " DESC" } else { "" });
        query.push(" LIMIT ").push_bind(i64::from(limit) + 1);
        let found = reading!(self, |connection| Ok(query.build_query_as().fetch_all(connection).await?))?;
        Ok(Page::of(found, limit, |proposal: &TenantProposal| Place(proposal.id.to_string())))
    }

    pub(in crate::directory) async fn find_proposal(
        &self,
        scope: &Scope,
        id: ProposalId,
    ) -> Result<Option<TenantProposal>> {
        if scope.allows(&Matter::Platform).is_err() {
            return Ok(None);
        }
        let mut query = QueryBuilder::<Db>::new(PROPOSALS);
        query.push(" AND p.id = ").push_bind(id.to_string());
        reading!(self, |connection| Ok(query.build_query_as().fetch_optional(connection).await?))
    }

    pub(in crate::directory) async fn list_proposals_of(
        &self,
        user: UserId,
        limit: u32,
    ) -> Result<Vec<TenantProposal>> {
        let filter = ProposalFilter { user: Some(user), is_newest_first: true, ..ProposalFilter::default() };
        Ok(self.search_proposals(&Scope::System, &filter, None, limit).await?.items)
    }
}
