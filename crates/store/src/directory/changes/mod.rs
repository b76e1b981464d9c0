//! The changes that administrators make, one type each, and the conditions under which they are made. What each does
//! stands in `statements`, in one transaction with its audit rows ([`Directory::carry_out`]).
//!
//! [`Directory::carry_out`]: super::Directory::carry_out

mod admins;
mod groups;
mod invitations;
mod keys;
mod once;
mod plan;
mod requests;
mod tenant_branding;
mod tenant_hosts;
mod tenant_proposals;
mod tenant_providers;
mod tenant_settings;
mod tenants;
mod tool_servers;
mod users;

pub use admins::SetAdmin;
pub use groups::{
    AddMember, ChangeMembers, ChangedMembers, CreateGroup, DeleteGroup, Joined, LinkGroup, RemoveMember,
    RenameGroup, UnlinkGroup,
};
pub use invitations::{AcceptInvitation, InviteMember, NewInvitation, WithdrawInvitation};
pub use keys::{CreateKey, KeyUpdate, RevokeKey, RotateKey, ShownKey, UpdateKey};
pub use once::{Once, Repeat, StoredAnswer};
pub use plan::ApplyPlan;
pub use requests::{DeclineRequest, GrantRequest, RequestAccess, WithdrawRequest};
pub use tenant_branding::{BrandTenant, BrandingEdit, TenantBrandName};
pub use tenant_hosts::{
    AddTenantHost, ApproveTenantHost, ProveTenantHost, RefuseTenantHost, RemoveTenantHost,
};
pub use tenant_proposals::{ApproveProposal, ProposeTenant, RefuseProposal};
pub use tenant_providers::{
    DecideTenantDomain, DomainVerdict, RemoveTenantProvider, SetTenantProvider, TenantDomainName,
    TenantProviderSettings,
};
pub use tenant_settings::{
    DeleteTier, ObjectEdit, SetTier, TenantEdit, TenantHostName, WriteMode, WriteTenant, WrittenTenant,
};
pub use tenants::{
    AddTenantMember, CreateTenant, DeleteTenant, KEPT_DELETED, MapGroup, RemoveTenantMember, RenameTenant,
    RestoreTenant, ResumeTenant, SuspendTenant, UnmapGroup,
};
pub use tool_servers::{
    AddToolRule, CreateToolServer, DeleteToolServer, JudgeByHeaders, RemoveToolRule, ToolServerPatch,
    UpdateToolServer,
};
pub use users::{
    ChangeAddress, CreateUser, DisableUser, EnableUser, EndSession, EndSessions, EraseUser, ReleaseAddress,
};

use super::error::DirectoryError;
use gatepost_core::administration::{Matter, Version};
use gatepost_core::ids::AccessRequestId;

/// A change of the directory.
pub trait Change: Send + Sync {
    /// What it did, beyond whether it changed anything.
    type Outcome: Send;
    /// Its name in logs.
    const NAME: &'static str;

    /// What it concerns, which decides who may make it.
    fn matter(&self) -> Matter;

    /// Whether somebody may be an administrator before it and not after it.
    fn may_unmake_admins(&self) -> bool {
        false
    }

    /// Whether a key may make it, if it may change what the change concerns.
    fn may_be_made_by_key(&self) -> bool {
        true
    }

    /// What it did to requests for access, of which the webhook is told.
    fn request_event(&self, _outcome: &Self::Outcome) -> Option<RequestEvent> {
        None
    }
}

/// What a change did to requests for access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestEvent {
    /// Somebody made them.
    Made(Vec<AccessRequestId>),
    /// An administrator granted or declined it.
    Decided(AccessRequestId),
}

/// Under which conditions a change is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conditions {
    /// Only if the thing still has this version. `None`: whatever it is.
    pub if_version: Option<Version>,
    /// Only if the thing does not exist yet.
    pub must_be_new: bool,
    /// Nothing is kept: the transaction is rolled back at its end.
    pub is_dry_run: bool,
}

/// A change that was made, or that would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done<T> {
    /// Whether anything is different now.
    pub changed: bool,
    /// The version of the thing now. `None`: it is gone, or has none.
    pub version: Option<Version>,
    /// What the change did.
    pub outcome: T,
}

impl Conditions {
    /// Compares with the version of a thing. `None`: it has none.
    ///
    /// # Errors
    /// `Overtaken`.
    pub fn demand(&self, version: Option<Version>) -> Result<(), DirectoryError> {
        let is_other = self.if_version.is_some_and(|wanted| version != Some(wanted));
        if is_other || (self.must_be_new && version.is_some()) {
            return Err(DirectoryError::Overtaken(version));
        }
        Ok(())
    }
}

impl<T> Done<T> {
    /// Nothing is different.
    pub const fn unchanged(version: Option<Version>, outcome: T) -> Self {
        Self { changed: false, version, outcome }
    }

    /// Something is different.
    pub const fn changed(version: Option<Version>, outcome: T) -> Self {
        Self { changed: true, version, outcome }
    }
}

/// Implements [`Change`] for types that concern the platform.
macro_rules! platform_change {
    ($name:ident => $outcome:ty $(, $may_unmake_admins:ident)?) => {
        impl $crate::directory::changes::Change for $name {
            type Outcome = $outcome;
            const NAME: &'static str = stringify!($name);

            fn matter(&self) -> ::gatepost_core::administration::Matter {
                ::gatepost_core::administration::Matter::Platform
            }

            $(fn $may_unmake_admins(&self) -> bool {
                true
            })?
        }
    };
}
use platform_change;
