//! What administrators list and change: people, groups, tenants, the audit.

use super::actor::Actor;
use super::audit::{AuditFilter, AuditRecord};
use super::records::{
    AddressNews, AdminStanding, GroupRecord, Joining, MemberRecord, Membership, TenantRecord, UserKey,
    UserRecord, UserSummary,
};
use super::{Directory, Result};
use gatepost_config::GroupNames;
use gatepost_core::access::Role;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::{GroupName, RequestId, TenantId, UserId};
use gatepost_core::refusal::Refusal;

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

    /// Disables a person: they cannot sign in, and their current sessions end for good. An address that nobody holds
    /// yet is disabled for its future holder. `false`: the person was already disabled.
    pub async fn disable_user(&self, key: &UserKey, actor: &Actor) -> Result<bool> {
        on_store!(self, disable_user(key, actor))
    }

    /// Allows the person to sign in again. `false`: the person was not disabled.
    pub async fn enable_user(&self, key: &UserKey, actor: &Actor) -> Result<bool> {
        on_store!(self, enable_user(key, actor))
    }

    /// Changes the address that applications get for the person, whatever the provider asserts.
    ///
    /// # Errors
    /// `AddressHeld`, `UnknownUser`.
    pub async fn change_address(
        &self,
        key: &UserKey,
        to: &EmailAddress,
        actor: &Actor,
    ) -> Result<AddressNews> {
        on_store!(self, change_address(key, to, actor))
    }

    /// Releases the person's address, so that another person can have it. Returns the address.
    pub async fn release_address(&self, key: &UserKey, actor: &Actor) -> Result<Option<EmailAddress>> {
        on_store!(self, release_address(key, actor))
    }

    /// Makes the person an admin regardless of groups and roles. `false`: nothing changed.
    pub async fn grant_admin(&self, key: &UserKey, actor: &Actor) -> Result<bool> {
        on_store!(self, override_admin(key, Some(true), actor))
    }

    /// Denies the person admin rights regardless of groups and roles. `false`: nothing changed.
    pub async fn revoke_admin(&self, key: &UserKey, actor: &Actor) -> Result<bool> {
        on_store!(self, override_admin(key, Some(false), actor))
    }

    /// Lets groups and roles decide again whether the person is an admin. `false`: nothing changed.
    pub async fn reset_admin(&self, key: &UserKey, actor: &Actor) -> Result<bool> {
        on_store!(self, override_admin(key, None, actor))
    }

    /// Lists admins and people to whom admin rights were denied.
    pub async fn list_admins(&self) -> Result<Vec<(UserKey, AdminStanding)>> {
        on_store!(self, list_admins())
    }
}

// Groups, tenants, audit.
impl Directory {
    /// Links the group `name` to a provider's group, and creates it if it does not exist. `false`: it was already
    /// linked.
    ///
    /// # Errors
    /// `LinkedByConfiguration`.
    pub async fn link_group(
        &self,
        name: &GroupName,
        external: &ExternalGroup,
        actor: &Actor,
    ) -> Result<bool> {
        on_store!(self, link_group(name, external, actor))
    }

    /// Removes a link. The provider's group gets the name that the provider's mode (`names`) gives it.
    ///
    /// # Errors
    /// `LinkedByConfiguration`, `NotLinked`.
    pub async fn unlink_group(
        &self,
        external: &ExternalGroup,
        names: GroupNames,
        actor: &Actor,
    ) -> Result<()> {
        on_store!(self, unlink_group(external, names, actor))
    }

    /// Adds a person to a group, as a row of the view `user_group_membership` does. A missing group is created, and an
    /// address that nobody holds gets a placeholder for its first holder.
    pub async fn add_member(&self, group: &GroupName, key: &UserKey, actor: &Actor) -> Result<Joining> {
        on_store!(self, add_member(group, key, actor))
    }

    /// Removes a person from a group and returns the sources of the membership. A provider that still asserts the group
    /// adds the person again at the next sign-in.
    ///
    /// # Errors
    /// `UnknownGroup`, `UnknownUser`, `NotMember`.
    pub async fn remove_member(
        &self,
        group: &GroupName,
        key: &UserKey,
        actor: &Actor,
    ) -> Result<Vec<String>> {
        on_store!(self, remove_member(group, key, actor))
    }

    /// Lists the members of a group by id, from the one after `after`.
    ///
    /// # Errors
    /// `UnknownGroup`.
    pub async fn list_members(
        &self,
        group: &GroupName,
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

    /// Creates a tenant. `false`: it already exists.
    pub async fn create_tenant(&self, id: &TenantId, name: Option<&str>, actor: &Actor) -> Result<bool> {
        on_store!(self, create_tenant(id, name, actor))
    }

    /// Gives the members of the group this role in the tenant.
    ///
    /// # Errors
    /// `UnknownGroup`, `UnknownTenant`.
    pub async fn map_group(
        &self,
        group: &GroupName,
        tenant: &TenantId,
        role: Role,
        actor: &Actor,
    ) -> Result<()> {
        on_store!(self, map_group(group, tenant, role, actor))
    }

    /// Takes the members of the group their role in the tenant.
    ///
    /// # Errors
    /// `UnknownGroup`, `NotMapped`.
    pub async fn unmap_group(&self, group: &GroupName, tenant: &TenantId, actor: &Actor) -> Result<()> {
        on_store!(self, unmap_group(group, tenant, actor))
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

    /// Lists audit rows that match the filter, newest first.
    pub async fn list_audit(&self, filter: &AuditFilter, limit: u32) -> Result<Vec<AuditRecord>> {
        on_store!(self, list_audit(filter, limit))
    }
}
