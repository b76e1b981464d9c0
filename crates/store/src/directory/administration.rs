//! What administrators list and change: people, groups, tenants, the audit.

use super::actor::Actor;
use super::audit::{AuditFilter, AuditRecord};
use super::changes::{Change, Conditions, Done};
use super::files::Held;
use super::records::{
    AdminStanding, GroupKey, GroupRecord, MemberRecord, Membership, TenantRecord, UserKey, UserRecord,
    UserSummary,
};
use super::{Directory, Result, postgres, sqlite};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupName, RequestId, TenantId, UserId};
use gatepost_core::refusal::Refusal;

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
}

// People and admins.
impl Directory {
    /// Finds a person with identities, groups, tenants and admin status.
    pub async fn find_user(&self, key: &UserKey) -> Result<Option<UserRecord>> {
        on_store!(self, find_user(key))
    }

    /// Lists people by id, from the one after `after`.
    pub async fn list_users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<UserSummary>> {
        on_store!(self, list_users(after, limit))
    }

    /// Lists admins and people to whom admin rights were denied.
    pub async fn list_admins(&self) -> Result<Vec<(UserKey, AdminStanding)>> {
        on_store!(self, list_admins())
    }
}

// Groups, tenants, audit.
impl Directory {
    /// Lists the members of a group by id, from the one after `after`.
    ///
    /// # Errors
    /// `UnknownGroup`.
    pub async fn list_members(
        &self,
        group: &GroupKey,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<MemberRecord>> {
        on_store!(self, list_members(group, after, limit))
    }

    /// Lists all groups by name.
    pub async fn list_groups(&self) -> Result<Vec<GroupRecord>> {
        on_store!(self, list_groups())
    }

    pub async fn find_group(&self, name: &GroupName) -> Result<Option<GroupRecord>> {
        on_store!(self, find_group(name))
    }

    /// Lists the groups of a person by name, each with its source.
    pub async fn list_memberships(&self, user: UserId) -> Result<Vec<Membership>> {
        on_store!(self, list_memberships(user))
    }

    /// Lists all tenants by id.
    pub async fn list_tenants(&self) -> Result<Vec<TenantRecord>> {
        on_store!(self, list_tenants())
    }

    pub async fn find_tenant(&self, id: &TenantId) -> Result<Option<TenantRecord>> {
        on_store!(self, find_tenant(id))
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

    /// Reads what files can declare, with the members of groups or with those alone that files manage.
    pub async fn find_held(&self, with_members: bool) -> Result<Held> {
        on_store!(self, find_held(with_members))
    }

    /// Lists audit rows that match the filter, newest first.
    pub async fn list_audit(&self, filter: &AuditFilter, limit: u32) -> Result<Vec<AuditRecord>> {
        on_store!(self, list_audit(filter, limit))
    }
}
