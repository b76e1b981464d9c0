//! Invitations to a tenant: its administrators make and withdraw them, and the person who was invited accepts.

use super::Change;
use crate::directory::records::InvitationRecord;
use gatepost_core::access::Role;
use gatepost_core::administration::Matter;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{InvitationId, TenantId, UserId};
use gatepost_core::invitation::InvitationSecret;
use gatepost_core::secret::Hash;

/// Invites whoever signs in with an address to a tenant. An invitation of the same address that is there already is replaced,
/// and its link counts no more.
///
/// Errors: `UnknownTenant`, `TenantDeleted`, `LimitReached`, `TooManyInvitations`.
#[derive(Clone, Debug)]
pub struct InviteMember {
    pub tenant: TenantId,
    pub email: EmailAddress,
    pub role: Role,
}

/// A new invitation with the secret of its link, which nothing shows again.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    pub record: InvitationRecord,
    pub secret: InvitationSecret,
}

impl Change for InviteMember {
    type Outcome = NewInvitation;
    const NAME: &'static str = "InviteMember";

    fn matter(&self) -> Matter {
        Matter::Tenant(self.tenant.clone())
    }
}

/// Withdraws an invitation: its link counts no more. The outcome is what it was.
///
/// Errors: `UnknownTenant`, `TenantDeleted`, `UnknownInvitation`.
#[derive(Clone, Debug)]
pub struct WithdrawInvitation {
    pub tenant: TenantId,
    pub id: InvitationId,
}

impl Change for WithdrawInvitation {
    type Outcome = InvitationRecord;
    const NAME: &'static str = "WithdrawInvitation";

    fn matter(&self) -> Matter {
        Matter::Tenant(self.tenant.clone())
    }
}

/// Makes a person a member of the tenant to which they were invited. Who is a member of it by itself already keeps a role that
/// is as high. The outcome is the invitation, which is used up.
///
/// Errors: `InvitationOver`, `NotInvited`, `TenantSuspended`, `LimitReached`.
#[derive(Clone, Debug)]
pub struct AcceptInvitation {
    pub user: UserId,
    /// Of the secret in the link.
    pub hash: Hash,
}

impl Change for AcceptInvitation {
    type Outcome = InvitationRecord;
    const NAME: &'static str = "AcceptInvitation";

    fn matter(&self) -> Matter {
        Matter::Person(self.user)
    }

    fn may_be_made_by_key(&self) -> bool {
        false
    }
}
