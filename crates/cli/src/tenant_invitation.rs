//! `gatepost tenant invite`, `invitations` and `withdraw-invitation`: who may become a member by a link.

use super::console::Console;
use super::error::CommandError;
use super::report::{Report, minute_of};
use gatepost_admin::views::{Invitation, InvitationChange, NewInvitation};
use gatepost_core::access::Role;
use gatepost_core::administration::Scope;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{InvitationId, TenantId};
use gatepost_store::directory::changes::{InviteMember, WithdrawInvitation};

pub(super) async fn invite(
    console: &Console,
    tenant: TenantId,
    email: EmailAddress,
    role: Role,
) -> Result<Report, CommandError> {
    let change = InviteMember { tenant, email, role };
    let made = if let Some(api) = console.api() {
        console.sent(api.invite(&change, console.conditions).await)?
    } else {
        let made = console.carry_out_here(&change).await?.outcome;
        console.here()?.admin.invitation_view(&made, console.conditions)
    };
    Ok(Report::new(told(&change.tenant, &made), made))
}

/// Who is invited to a tenant, with the link.
pub(super) fn told(tenant: &TenantId, NewInvitation { link, invitation, .. }: &NewInvitation) -> String {
    let Invitation { email, role, expires_at, .. } = invitation;
    match link {
        Some(link) => format!(
            "Send this link to {email}. It is not shown again. Until {} UTC whoever signs in with this address becomes {role} of \
             tenant {tenant} by it:\n{link}",
            minute_of(expires_at)
        ),
        None => format!("{email} would be invited as {role} of tenant {tenant}."),
    }
}

pub(super) async fn list(console: &Console, tenant: &TenantId) -> Result<Report, CommandError> {
    let invitations: Vec<Invitation> = if let Some(api) = console.api() {
        api.list_invitations(tenant).await?
    } else {
        let found = console.here()?.stores.directory.list_invitations(&Scope::System, tenant).await?;
        found.iter().map(Invitation::from).collect()
    };
    let rows = invitations.iter().map(|invitation| {
        let Invitation { id, email, role, expires_at, .. } = invitation;
        [id.clone(), email.clone(), role.clone(), minute_of(expires_at)]
    });
    let none = "Nobody is invited. To invite somebody: gatepost tenant invite TENANT ADDRESS";
    Ok(Report::list(["Id", "Address", "Role", "Until (UTC)"], rows.collect(), none, &invitations))
}

pub(super) async fn withdraw(
    console: &Console,
    tenant: TenantId,
    id: InvitationId,
) -> Result<Report, CommandError> {
    let done = console.carry_out(&WithdrawInvitation { tenant, id }).await?;
    let invitation = done.outcome;
    let text = format!(
        "The invitation of {} {} no more.",
        invitation.email,
        console.either("counts", "would count")
    );
    Ok(Report::new(text, InvitationChange { invitation, changed: true }))
}
