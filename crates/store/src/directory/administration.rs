//! What administrators list and change: people, groups, tenants, the audit.

use super::access::{Candidate, Named, Relevant, SeenRequirement, Setter};
use super::access_requests::{AccessRequest, Deciders, RequestFilter};
use super::actor::Actor;
use super::audit::{AuditFilter, AuditRecord};
use super::changes::{Change, Conditions, Done, Repeat, StoredAnswer};
use super::files::Held;
use super::lists::{
    AdminRecord, DayCount, Ending, GroupFilter, GroupTenant, LinkedGroup, Page, PeopleCount, Place,
    RefusalFilter, TenantFilter, TenantGroup, TenantMember, TenantPerson, TenantWay, UnlinkedGroup,
    UserFilter,
};
use super::records::{
    Ends, GroupKey, GroupRecord, InvitationRecord, MemberRecord, Membership, TenantHostRecord,
    TenantProviderRecord, TenantRecord, TierRecord, Traces, UserKey, UserRecord, UserSummary,
};
use super::tenant_proposals::{ProposalFilter, TenantProposal};
use super::tool_servers::{ToolRule, ToolServer};
use super::{Directory, Result, postgres, sqlite};
use gatepost_core::access_request::Wanted;
use gatepost_core::administration::Scope;
use gatepost_core::branding::LogoName;
use gatepost_core::clock::Timestamp;
use gatepost_core::host::HostName;
use gatepost_core::ids::{
    AccessRequestId, GroupId, ProposalId, RequestId, TenantId, TierId, ToolServerId, UserId,
};
use gatepost_core::refusal::Refusal;
use gatepost_core::secret::Hash;

/// A change that both stores know how to make.
pub trait Applicable: Change + postgres::Apply + sqlite::Apply {}

impl<C: Change + postgres::Apply + sqlite::Apply> Applicable for C {}

// Changes.
impl Directory {
    /// Makes a change: checks that the actor may make it, locks what it changes, compares versions, decides, writes, and
    /// audits, in one transaction. A dry run does the same and keeps nothing.
    ///
    /// Only `admin` calls it, which also checks what the configuration says.
    ///
    /// # Errors
    /// `Denied`, `Overtaken`, `LastAdmin`, and those of the change.
    pub async fn carry_out<C: Applicable>(
        &self,
        change: &C,
        conditions: Conditions,
        actor: &Actor,
    ) -> Result<Done<C::Outcome>> {
        on_store!(self, carry_out(change, conditions, actor))
    }

    /// What is stored about a request that may have come before.
    pub async fn find_answer(&self, repeat: Repeat) -> Result<Option<StoredAnswer>> {
        on_store!(self, find_answer(repeat))
    }
}

// People and admins, as far as they exist for the reader.
impl Directory {
    /// Finds a person with identities, groups, tenants and admin status.
    pub async fn find_user(&self, scope: &Scope, key: &UserKey) -> Result<Option<UserRecord>> {
        on_store!(self, find_user(scope, key))
    }

    /// When the memberships of a person end; those without an end are left out.
    pub async fn list_ends(&self, user: UserId) -> Result<Ends> {
        on_store!(self, list_ends(user))
    }

    /// Lists people by id. A person who comes while somebody pages appears where their id belongs.
    pub async fn search_users(
        &self,
        scope: &Scope,
        filter: &UserFilter,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<UserSummary>> {
        on_store!(self, search_users(scope, filter, after, limit))
    }

    /// Lists the groups of a person by name, once for each source.
    pub async fn list_memberships(&self, scope: &Scope, user: UserId) -> Result<Vec<Membership>> {
        on_store!(self, list_memberships(scope, user))
    }

    /// Lists the ways by which a person may enter tenants, by tenant.
    pub async fn list_tenant_ways(&self, scope: &Scope, user: UserId) -> Result<Vec<TenantWay>> {
        on_store!(self, list_tenant_ways(scope, user))
    }

    /// Lists admins and people about whom it was decided explicitly, by id.
    pub async fn list_admins(
        &self,
        scope: &Scope,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<AdminRecord>> {
        on_store!(self, list_admins(scope, after, limit))
    }
}

// Tool servers.
impl Directory {
    /// Finds a tool server of a tenant that the reader administers.
    pub async fn find_tool_server(&self, scope: &Scope, id: &ToolServerId) -> Result<Option<ToolServer>> {
        on_store!(self, find_tool_server(scope, id))
    }

    /// Lists the tool servers of a tenant by id; without one those of all tenants, for readers of the system.
    ///
    /// # Errors
    /// `UnknownTenant`.
    pub async fn list_tool_servers(
        &self,
        scope: &Scope,
        tenant: Option<&TenantId>,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<ToolServer>> {
        on_store!(self, list_tool_servers(scope, tenant, after, limit))
    }

    /// Lists the rules of a tool server by id. Administrators of tenants do not see the names of groups.
    ///
    /// # Errors
    /// `UnknownToolServer`.
    pub async fn list_tool_rules(
        &self,
        scope: &Scope,
        server: &ToolServerId,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<ToolRule>> {
        on_store!(self, list_tool_rules(scope, server, after, limit))
    }

    /// All tool servers with their rules, for the gate.
    pub async fn read_tool_servers(&self) -> Result<Vec<(ToolServer, Vec<ToolRule>)>> {
        on_store!(self, read_tool_servers())
    }
}

// Requests for access.
impl Directory {
    /// Lists the requests that the reader may decide, or might have decided, by time.
    pub async fn search_requests(
        &self,
        scope: &Scope,
        filter: &RequestFilter,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<AccessRequest>> {
        on_store!(self, search_requests(scope, filter, after, limit))
    }

    /// Finds a request that the reader may decide, or might have decided.
    pub async fn find_request(&self, scope: &Scope, id: AccessRequestId) -> Result<Option<AccessRequest>> {
        on_store!(self, find_request(scope, id))
    }

    /// Lists a person's own requests, newest first.
    pub async fn list_requests_of(&self, user: UserId, limit: u32) -> Result<Vec<AccessRequest>> {
        on_store!(self, list_requests_of(user, limit))
    }

    /// Lists who may decide a request for this, at most so many of each kind.
    pub async fn list_deciders(&self, scope: &Scope, wanted: &Wanted, limit: u32) -> Result<Deciders> {
        on_store!(self, list_deciders(scope, wanted, limit))
    }
}

// Proposals of tenants.
impl Directory {
    /// Lists proposals by time, for readers of the system.
    pub async fn search_proposals(
        &self,
        scope: &Scope,
        filter: &ProposalFilter,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<TenantProposal>> {
        on_store!(self, search_proposals(scope, filter, after, limit))
    }

    /// Finds a proposal, for readers of the system.
    pub async fn find_proposal(&self, scope: &Scope, id: ProposalId) -> Result<Option<TenantProposal>> {
        on_store!(self, find_proposal(scope, id))
    }

    /// Lists a person's own proposals, newest first.
    pub async fn list_proposals_of(&self, user: UserId, limit: u32) -> Result<Vec<TenantProposal>> {
        on_store!(self, list_proposals_of(user, limit))
    }
}

// Groups, tenants, audit, as far as they exist for the reader.
impl Directory {
    /// Lists groups by name.
    pub async fn search_groups(
        &self,
        scope: &Scope,
        filter: &GroupFilter,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<GroupRecord>> {
        on_store!(self, search_groups(scope, filter, after, limit))
    }

    pub async fn find_group(&self, scope: &Scope, key: &GroupKey) -> Result<Option<GroupRecord>> {
        on_store!(self, find_group(scope, key))
    }

    /// Lists the members of a group by id. `q` is that of [`UserFilter`].
    ///
    /// # Errors
    /// `UnknownGroup`.
    pub async fn list_members(
        &self,
        scope: &Scope,
        (group, q): (&GroupKey, Option<&str>),
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<MemberRecord>> {
        on_store!(self, list_members(scope, group, q, after, limit))
    }

    /// The providers' groups that are not linked and that many people have, the most frequent first. Which ones these
    /// are is estimated from the people who came last; how many have one is counted.
    pub async fn list_unlinked_groups(&self, scope: &Scope, limit: u32) -> Result<Vec<UnlinkedGroup>> {
        on_store!(self, list_unlinked_groups(scope, limit))
    }

    /// Lists the providers' groups for which a group stands.
    pub async fn list_links(&self, scope: &Scope, group: GroupId) -> Result<Vec<LinkedGroup>> {
        on_store!(self, list_links(scope, group))
    }

    /// Lists the tenants that a group opens, by id.
    pub async fn list_group_tenants(&self, scope: &Scope, group: GroupId) -> Result<Vec<GroupTenant>> {
        on_store!(self, list_group_tenants(scope, group))
    }

    /// Lists the groups that open a tenant, by name.
    pub async fn list_tenant_groups(&self, scope: &Scope, tenant: &TenantId) -> Result<Vec<TenantGroup>> {
        on_store!(self, list_tenant_groups(scope, tenant))
    }

    /// Lists everybody who may enter a tenant, by id, with the ways by which they may. `q` is that of [`UserFilter`].
    ///
    /// # Errors
    /// `UnknownTenant`.
    pub async fn list_tenant_people(
        &self,
        scope: &Scope,
        (tenant, q): (&TenantId, Option<&str>),
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<TenantPerson>> {
        on_store!(self, list_tenant_people(scope, tenant, q, after, limit))
    }

    /// Lists tenants by id.
    pub async fn search_tenants(
        &self,
        scope: &Scope,
        filter: &TenantFilter,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<TenantRecord>> {
        on_store!(self, search_tenants(scope, filter, after, limit))
    }

    /// The invitations of a tenant that can be accepted, the oldest first, at most 500.
    ///
    /// # Errors
    /// `UnknownTenant`.
    pub async fn list_invitations(&self, scope: &Scope, tenant: &TenantId) -> Result<Vec<InvitationRecord>> {
        on_store!(self, list_invitations(scope, tenant))
    }

    /// The invitation with this hash of its secret that can be accepted.
    pub async fn find_invitation(&self, hash: &Hash) -> Result<Option<InvitationRecord>> {
        on_store!(self, find_invitation(hash))
    }

    /// The bytes of the picture of a tenant that is not deleted.
    pub async fn find_logo(&self, name: LogoName) -> Result<Option<Vec<u8>>> {
        on_store!(self, find_logo(name))
    }

    /// Finds the host of a tenant that the reader administers.
    ///
    /// # Errors
    /// `Denied`, `UnknownHost`.
    pub async fn find_tenant_host(
        &self,
        scope: &Scope,
        tenant: &TenantId,
        host: &HostName,
    ) -> Result<TenantHostRecord> {
        on_store!(self, find_tenant_host(scope, tenant, host))
    }

    /// Finds the provider of a tenant that the reader administers.
    ///
    /// # Errors
    /// `Denied`, `UnknownTenant`, `NoTenantProvider`.
    pub async fn find_tenant_provider(
        &self,
        scope: &Scope,
        tenant: &TenantId,
    ) -> Result<TenantProviderRecord> {
        on_store!(self, find_tenant_provider(scope, tenant))
    }

    /// Demands that a tenant that the reader administers may have a provider of its own.
    ///
    /// # Errors
    /// `Denied`, `UnknownTenant`, `TenantDeleted`, `ProviderNotInTier`.
    pub async fn demand_sso(&self, scope: &Scope, tenant: &TenantId) -> Result<()> {
        on_store!(self, demand_sso(scope, tenant))
    }

    /// Counts the members, keys and hosts that a tenant has, of one that the reader administers, each with the name of its limit.
    ///
    /// # Errors
    /// `Denied`.
    pub async fn count_limited(&self, scope: &Scope, tenant: &TenantId) -> Result<Vec<(&'static str, u64)>> {
        on_store!(self, count_limited(scope, tenant))
    }

    /// Lists all tiers by id.
    pub async fn list_tiers(&self) -> Result<Vec<TierRecord>> {
        on_store!(self, list_tiers())
    }

    /// # Errors
    /// `UnknownTier`.
    pub async fn find_tier(&self, id: &TierId) -> Result<TierRecord> {
        on_store!(self, find_tier(id))
    }

    pub async fn find_tenant(&self, scope: &Scope, id: &TenantId) -> Result<Option<TenantRecord>> {
        on_store!(self, find_tenant(scope, id))
    }

    /// Lists the members that a tenant has by itself, by id. [`Self::search_users`] lists those of groups too.
    ///
    /// # Errors
    /// `UnknownTenant`.
    pub async fn list_tenant_members(
        &self,
        scope: &Scope,
        tenant: &TenantId,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<TenantMember>> {
        on_store!(self, list_tenant_members(scope, tenant, after, limit))
    }

    /// Counts sign-ins and refusals of each day (UTC) of a stretch of time, for system administrators. A day without
    /// any is left out.
    pub async fn count_days(
        &self,
        scope: &Scope,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<DayCount>> {
        on_store!(self, count_days(scope, since, until))
    }

    /// Counts people, for system administrators, and those whose last sign-in was since this second.
    pub async fn count_people(&self, scope: &Scope, since: Timestamp) -> Result<Option<PeopleCount>> {
        on_store!(self, count_people(scope, since))
    }

    /// Lists what ends after one second and until another, the soonest first, for system administrators.
    pub async fn list_ending(
        &self,
        scope: &Scope,
        (from, until): (Timestamp, Timestamp),
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<Ending>> {
        on_store!(self, list_ending(scope, (from, until), after, limit))
    }

    /// The time of the oldest audit row. `None`: nothing was ever changed.
    pub async fn audit_begins_at(&self) -> Result<Option<Timestamp>> {
        on_store!(self, audit_begins_at())
    }

    /// Stores refusals for `gatepost explain --request` in one transaction, and deletes the oldest beyond
    /// `MAX_REFUSALS`.
    pub async fn keep_refusals(&self, refusals: &[Refusal]) -> Result<()> {
        on_store!(self, keep_refusals(refusals))
    }

    /// Finds a refusal by its request.
    pub async fn find_refusal(&self, id: RequestId) -> Result<Option<Refusal>> {
        on_store!(self, find_refusal(id))
    }

    /// Lists refusals for system administrators, newest first.
    pub async fn search_refusals(
        &self,
        scope: &Scope,
        filter: &RefusalFilter,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<Refusal>> {
        on_store!(self, search_refusals(scope, filter, after, limit))
    }

    /// Reads what files can declare, with the members of groups or with those alone that files manage.
    pub async fn find_held(&self, with_members: bool) -> Result<Held> {
        on_store!(self, find_held(with_members))
    }

    /// Whether there was a person of this id who was erased.
    pub async fn is_erased(&self, id: UserId) -> Result<bool> {
        on_store!(self, is_erased(id))
    }

    /// Reads what is held about a person beside what the other reads show.
    pub async fn find_traces(&self, user: UserId) -> Result<Traces> {
        on_store!(self, find_traces(user))
    }

    /// Lists audit rows that match the filter, newest first.
    pub async fn list_audit(
        &self,
        scope: &Scope,
        filter: &AuditFilter,
        limit: u32,
    ) -> Result<Vec<AuditRecord>> {
        on_store!(self, list_audit(scope, filter, limit))
    }
}

// Who may open something.
impl Directory {
    /// Finds the groups, links and tenants on which the answers of [`Self::list_candidates`] depend.
    pub async fn find_relevant(&self, named: &Named) -> Result<Relevant> {
        on_store!(self, find_relevant(named))
    }

    /// Lists people by id, each with what the gate's decision depends on.
    pub async fn list_candidates(
        &self,
        scope: &Scope,
        relevant: &Relevant,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<Candidate>> {
        on_store!(self, list_candidates(scope, relevant, after, limit))
    }

    /// Finds one person as [`Self::list_candidates`] does.
    pub async fn find_candidate(
        &self,
        scope: &Scope,
        relevant: &Relevant,
        user: UserId,
    ) -> Result<Option<Candidate>> {
        on_store!(self, find_candidate(scope, relevant, user))
    }

    /// Who decided, by the audit, what these people are in and whether they are administrators; oldest first.
    pub async fn list_setters(&self, scope: &Scope, users: &[UserId]) -> Result<Vec<Setter>> {
        on_store!(self, list_setters(scope, users))
    }

    /// Keeps the requirements that requests showed, as far as there is room.
    pub async fn keep_requirements(&self, seen: &[(HostName, String)]) -> Result<()> {
        on_store!(self, keep_requirements(seen))
    }

    /// Lists the requirements that were seen in the last 30 days, by host.
    pub async fn list_requirements(&self, host: Option<&HostName>) -> Result<Vec<SeenRequirement>> {
        on_store!(self, list_requirements(host))
    }
}
