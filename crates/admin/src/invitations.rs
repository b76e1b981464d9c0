//! Invitations to tenants: the answers that show a link.

use super::{Context, views};
use gatepost_pages::paths;
use gatepost_store::directory::Conditions;
use gatepost_store::directory::changes::{NewInvitation, WrittenTenant};

const DRY: &str = "A dry run invites nobody.";

impl Context {
    /// A new invitation with its link, which nothing shows again. A dry run has none.
    pub fn invitation_view(&self, made: &NewInvitation, conditions: Conditions) -> views::NewInvitation {
        let NewInvitation { record, secret } = made;
        if conditions.is_dry_run {
            return views::NewInvitation::hidden(record, DRY);
        }
        views::NewInvitation::shown(record, self.site.public_address(&paths::invitation(secret), &[]).into())
    }

    /// A tenant after a change, with the link of who was invited by it, which nothing shows again.
    pub fn tenant_written(
        &self,
        written: &WrittenTenant,
        changed: bool,
        conditions: Conditions,
    ) -> views::TenantWritten {
        let invitation = written.invitation.as_ref().map(|made| self.invitation_view(made, conditions));
        views::TenantWritten { invitation, ..views::TenantWritten::new(written, changed) }
    }
}
