//! Invitations to a tenant. Its administrators make and withdraw them. The link is in the answer that makes one, and in no
//! other.

use super::caller::Caller;
use super::input::{Body, Ids, Post, Write};
use super::list::Filtered;
use super::members::Members;
use super::problems::{ReadProblems, WriteProblems};
use super::refused::Refused;
use super::reply::Reply;
use crate::extract::Path;
use actix_web::web::Data;
use gatepost_admin::Context;
use gatepost_admin::views::{Invitation, InvitationChange, InvitationList, NewInvitation};
use gatepost_core::access::Role;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{InvitationId, TenantId};
use gatepost_store::directory::changes::{self, InviteMember, WithdrawInvitation};
use gatepost_store::directory::{Conditions, DirectoryError, Done};
use utoipa::ToSchema;

/// What an answer says that comes again.
pub(super) const REPLAYED: &str =
    "The link was in the first answer to this request. Invite again to get another one.";

/// Lists the invitations of a tenant that nobody has accepted yet, the oldest first, at most 500.
#[utoipa::path(get, path = "/api/v1/tenants/{id}/invitations", tag = "tenants", params(("id" = String, Path)),
    responses((status = 200, body = InvitationList), ReadProblems))]
pub(super) async fn list(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let found = admin.stores.directory.list_invitations(&caller.scope, &id).await?;
    Ok(Reply::ok(InvitationList { items: found.iter().map(Invitation::from).collect() }))
}

/// An invitation that nobody has accepted yet.
#[utoipa::path(get, path = "/api/v1/tenants/{id}/invitations/{invitation}", tag = "tenants",
    params(("id" = String, Path), ("invitation" = String, Path)),
    responses((status = 200, body = Invitation), ReadProblems))]
pub(super) async fn show(
    caller: Caller,
    admin: Data<Context>,
    Ids(tenant, id): Ids<TenantId, InvitationId>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let all = admin.stores.directory.list_invitations(&caller.scope, &tenant).await?;
    let found = all.iter().find(|invitation| invitation.id == id);
    Ok(Reply::ok(Invitation::from(found.ok_or(DirectoryError::UnknownInvitation(tenant, id))?)))
}

/// Whom to invite.
#[derive(ToSchema)]
pub(super) struct InvitationPlan {
    /// Whoever signs in with it may accept.
    #[schema(value_type = String, example = "alice@acme.com", max_length = 254)]
    email: EmailAddress,
    /// `admin`, `member` or `viewer`.
    #[schema(value_type = String, example = "member")]
    role: Role,
}

impl Body for InvitationPlan {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let (email, role) = (members.required("email"), members.required("role"));
        Some(Self { email: email?, role: role? })
    }
}

/// Invites whoever signs in with an address. The answer has the link, which is never shown again and counts seven days. Gatepost
/// sends no mail. Another invitation of the same address is replaced.
#[utoipa::path(post, path = "/api/v1/tenants/{id}/invitations", tag = "tenants", params(("id" = String, Path)), request_body = InvitationPlan,
    responses((status = 201, body = NewInvitation), (status = 200, body = NewInvitation, description = "A dry run."), WriteProblems))]
pub(super) async fn create(
    caller: Caller,
    admin: Data<Context>,
    Path(tenant): Path<TenantId>,
    Post(terms, InvitationPlan { email, role }): Post<InvitationPlan>,
) -> Result<Reply, Refused> {
    type Made = Done<changes::NewInvitation>;
    let change = InviteMember { tenant: tenant.clone(), email, role };
    let reply = |done: &Made, conditions: Conditions, body: NewInvitation| {
        let path = format!("/tenants/{tenant}/invitations/{}", done.outcome.record.id);
        Reply::changed(done, conditions, body, Some(path))
    };
    let first = |done: &Made, conditions: Conditions| {
        reply(done, conditions, admin.invitation_view(&done.outcome, conditions))
    };
    let kept = |done: &Made, conditions: Conditions| {
        reply(done, conditions, NewInvitation::hidden(&done.outcome.record, REPLAYED))
    };
    terms.carry_out_keeping((&admin, &caller), &change, first, kept).await
}

/// Withdraws an invitation: its link counts no more.
#[utoipa::path(delete, path = "/api/v1/tenants/{id}/invitations/{invitation}", tag = "tenants",
    params(("id" = String, Path), ("invitation" = String, Path)),
    responses((status = 204, description = "It is gone."), (status = 200, body = InvitationChange, description = "A dry run."), WriteProblems))]
pub(super) async fn withdraw(
    caller: Caller,
    admin: Data<Context>,
    Ids(tenant, id): Ids<TenantId, InvitationId>,
    Write(conditions): Write,
) -> Result<Reply, Refused> {
    let done = admin.carry_out(&WithdrawInvitation { tenant, id }, conditions, &caller.actor()).await?;
    let body = InvitationChange { invitation: (&done.outcome).into(), changed: true };
    Ok(Reply::removed(conditions, body))
}
