//! Tenants and their own members. An administrator of a tenant sees no other tenant.

use super::caller::Caller;
use super::input::{Body, Ids, Json, Post, PostEmpty, Write};
use super::invitations::REPLAYED;
use super::list::{Filter, Filtered, List, Page, PageParameters, Parameters, SearchText};
use super::members::Members;
use super::problems::{ReadProblems, WriteProblems};
use super::refused::Refused;
use super::reply::Reply;
use super::tenant_bodies::{Created, NewTenant, Patched, Put, TenantPatch, WholeTenant};
use crate::extract::Path;
use actix_web::web::Data;
use gatepost_admin::Context;
use gatepost_admin::views::{
    NewInvitation, Tenant, TenantChange, TenantMember, TenantMemberChange, TenantWritten,
};
use gatepost_core::access::Role;
use gatepost_core::administration::Matter;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::TenantId;
use gatepost_core::tenant::{SuspensionReason, TenantState};
use gatepost_store::directory::changes::{
    AddTenantMember, DeleteTenant, RemoveTenantMember, RestoreTenant, ResumeTenant, SuspendTenant, WriteMode,
    WriteTenant, WrittenTenant,
};
use gatepost_store::directory::{Conditions, DirectoryError, Done, TenantFilter, TenantRecord, UserKey};
use utoipa::{IntoParams, ToSchema};

/// Which tenants.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document is made of it; the filter reads them")]
pub(super) struct TenantParameters {
    /// A part of the id or of the name.
    q: Option<String>,
    /// `active`, `suspended` or `deleted`. Without it: every one that is not deleted.
    state: Option<String>,
}

impl Filter for TenantFilter {
    fn read(parameters: &mut Parameters<'_>) -> Self {
        let q = parameters.one::<SearchText>("q").map(|SearchText(text)| text);
        Self { q, state: parameters.one::<TenantState>("state") }
    }
}

/// Lists the tenants that the caller administers, by id.
#[utoipa::path(get, path = "/api/v1/tenants", tag = "tenants", params(TenantParameters, PageParameters),
    responses((status = 200, body = List<Tenant>), ReadProblems))]
pub(super) async fn list(
    caller: Caller,
    admin: Data<Context>,
    page: Page<TenantFilter>,
) -> Result<Reply, Refused> {
    let (after, directory) = (page.place(), &admin.stores.directory);
    let found = directory.search_tenants(&caller.scope, &page.filter, after.as_ref(), page.limit).await?;
    Ok(page.found::<_, Tenant>(&found))
}

/// A tenant.
#[utoipa::path(get, path = "/api/v1/tenants/{id}", tag = "tenants", params(("id" = String, Path)),
    responses((status = 200, body = Tenant), ReadProblems))]
pub(super) async fn show(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let tenant = find(&caller, &admin, id).await?;
    Ok(Reply::ok(Tenant::from(&tenant)).version(tenant.version))
}

/// The tenant of this id, which the caller administers.
pub(super) async fn find(caller: &Caller, admin: &Context, id: TenantId) -> Result<TenantRecord, Refused> {
    caller.scope.allows(&Matter::Tenant(id.clone()))?;
    let found = admin.stores.directory.find_tenant(&caller.scope, &id).await?;
    Ok(found.ok_or(DirectoryError::UnknownTenant(id))?)
}

/// Creates a tenant. If `admin_email` names somebody, the answer has the link of their invitation, which no other answer has.
#[utoipa::path(post, path = "/api/v1/tenants", tag = "tenants", request_body = NewTenant,
    responses((status = 201, body = TenantWritten), (status = 200, body = TenantWritten, description = "A dry run."), WriteProblems))]
pub(super) async fn create(
    caller: Caller,
    admin: Data<Context>,
    Post(terms, body): Post<Created>,
) -> Result<Reply, Refused> {
    let (id, edit) = body.edit(&admin.site.config)?;
    let change = WriteTenant { id, mode: WriteMode::Create, edit };
    let reply = |done: &Done<WrittenTenant>, conditions, body| {
        let path = format!("/tenants/{}", done.outcome.tenant.id);
        Reply::changed(done, conditions, body, Some(path))
    };
    let first = |done: &Done<WrittenTenant>, conditions| {
        reply(done, conditions, admin.tenant_written(&done.outcome, done.changed, conditions))
    };
    let kept = |done: &Done<WrittenTenant>, conditions| {
        let invitation = done.outcome.invitation.as_ref();
        let invitation = invitation.map(|made| NewInvitation::hidden(&made.record, REPLAYED));
        let body = TenantWritten { invitation, ..TenantWritten::new(&done.outcome, done.changed) };
        reply(done, conditions, body)
    };
    terms.carry_out_keeping((&admin, &caller), &change, first, kept).await
}

/// Creates a tenant, or replaces what is said about it.
#[utoipa::path(put, path = "/api/v1/tenants/{id}", tag = "tenants", params(("id" = String, Path)), request_body = WholeTenant,
    responses((status = 201, body = TenantWritten), (status = 200, body = TenantWritten), WriteProblems))]
pub(super) async fn put(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    Write(conditions): Write,
    Json(body): Json<Put>,
) -> Result<Reply, Refused> {
    let (edit, path) = (body.edit(&id, &admin.site.config)?, format!("/tenants/{id}"));
    let change = WriteTenant { id, mode: WriteMode::Put, edit };
    let done = admin.carry_out(&change, conditions, &caller.actor()).await?;
    let body = admin.tenant_written(&done.outcome, done.changed, conditions);
    Ok(Reply::changed(&done, conditions, body, Some(path)))
}

/// Changes a tenant.
#[utoipa::path(patch, path = "/api/v1/tenants/{id}", tag = "tenants", params(("id" = String, Path)), request_body = TenantPatch,
    responses((status = 200, body = TenantWritten), WriteProblems))]
pub(super) async fn patch(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    Write(conditions): Write,
    Json(body): Json<Patched>,
) -> Result<Reply, Refused> {
    let edit = body.edit(&id, &admin.site.config)?;
    let change = WriteTenant { id, mode: WriteMode::Patch, edit };
    let done = admin.carry_out(&change, conditions, &caller.actor()).await?;
    let body = admin.tenant_written(&done.outcome, done.changed, conditions);
    Ok(Reply::changed(&done, conditions, body, None))
}

/// Why a tenant is suspended.
#[derive(ToSchema)]
pub(super) struct Suspension {
    /// For administrators. Members are not told.
    #[schema(value_type = String, min_length = 1, max_length = 280, example = "unpaid since October")]
    reason: SuspensionReason,
}

impl Body for Suspension {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        Some(Self { reason: members.required("reason")? })
    }
}

/// Has nobody enter a tenant until it is resumed. Its data stays.
#[utoipa::path(post, path = "/api/v1/tenants/{id}/suspend", tag = "tenants", params(("id" = String, Path)), request_body = Suspension,
    responses((status = 200, body = TenantChange), WriteProblems))]
pub(super) async fn suspend(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    Post(terms, Suspension { reason }): Post<Suspension>,
) -> Result<Reply, Refused> {
    let change = SuspendTenant { id: id.clone(), reason };
    terms.carry_out((&admin, &caller), &change, changed(&id)).await
}

/// Ends the suspension of a tenant.
#[utoipa::path(post, path = "/api/v1/tenants/{id}/resume", tag = "tenants", params(("id" = String, Path)),
    responses((status = 200, body = TenantChange), WriteProblems))]
pub(super) async fn resume(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    PostEmpty(terms): PostEmpty,
) -> Result<Reply, Refused> {
    terms.carry_out((&admin, &caller), &ResumeTenant { id: id.clone() }, changed(&id)).await
}

/// Brings a deleted tenant back, with its members, hosts and keys.
#[utoipa::path(post, path = "/api/v1/tenants/{id}/restore", tag = "tenants", params(("id" = String, Path)),
    responses((status = 200, body = TenantChange), WriteProblems))]
pub(super) async fn restore(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    PostEmpty(terms): PostEmpty,
) -> Result<Reply, Refused> {
    terms.carry_out((&admin, &caller), &RestoreTenant { id: id.clone() }, changed(&id)).await
}

fn changed(id: &TenantId) -> impl Fn(&Done<()>, Conditions) -> Reply + Send + Sync {
    let id = id.to_string();
    move |done, conditions| {
        let change = TenantChange { id: id.clone(), changed: done.changed };
        Reply::changed(done, conditions, change, None)
    }
}

/// Deletes a tenant: from now on it is as if it were not there. It can be restored for 30 days.
#[utoipa::path(delete, path = "/api/v1/tenants/{id}", tag = "tenants", params(("id" = String, Path)),
    responses((status = 204, description = "It is gone."), (status = 200, body = TenantChange, description = "A dry run."), WriteProblems))]
pub(super) async fn delete(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    Write(conditions): Write,
) -> Result<Reply, Refused> {
    let done = admin.carry_out(&DeleteTenant { id: id.clone() }, conditions, &caller.actor()).await?;
    Ok(Reply::removed(conditions, TenantChange { id: id.to_string(), changed: done.changed }))
}

/// Lists the members that a tenant has by itself, by id.
#[utoipa::path(get, path = "/api/v1/tenants/{id}/members", tag = "tenants", params(("id" = String, Path), PageParameters),
    responses((status = 200, body = List<TenantMember>), ReadProblems))]
pub(super) async fn members(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    page: Page<()>,
) -> Result<Reply, Refused> {
    let (after, directory) = (page.place(), &admin.stores.directory);
    let found = directory.list_tenant_members(&caller.scope, &id, after.as_ref(), page.limit).await?;
    Ok(page.found::<_, TenantMember>(&found))
}

/// A person's own role in a tenant.
#[derive(ToSchema)]
pub(super) struct TenantRole {
    /// `admin`, `member` or `viewer`.
    #[schema(value_type = String, example = "member")]
    role: Role,
    /// Until this second. `null` or absent: for good.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

impl Body for TenantRole {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let (role, until) = (members.required("role"), members.until());
        Some(Self { role: role?, until: until?.value() })
    }
}

/// Gives a person a role in a tenant, beside what groups give.
#[utoipa::path(put, path = "/api/v1/tenants/{id}/members/{user}", tag = "tenants",
    params(("id" = String, Path), ("user" = String, Path, description = "An id, or an address, which may be nobody's yet")), request_body = TenantRole,
    responses((status = 201, body = TenantMemberChange), (status = 200, body = TenantMemberChange), WriteProblems))]
pub(super) async fn add_member(
    caller: Caller,
    admin: Data<Context>,
    Ids(id, user): Ids<TenantId, UserKey>,
    Write(conditions): Write,
    Json(TenantRole { role, until }): Json<TenantRole>,
) -> Result<Reply, Refused> {
    let change = AddTenantMember { tenant: id.clone(), user: user.clone(), role, until };
    let done = admin.carry_out(&change, conditions, &caller.actor()).await?;
    let path = format!("/tenants/{id}/members/{}", done.outcome);
    let (tenant, user) = (id.to_string(), user.to_string());
    let change = TenantMemberChange { tenant, user, role: Some(role.to_string()), changed: done.changed };
    Ok(Reply::changed(&done, conditions, change, Some(path)))
}

/// Takes a person the role that they have in a tenant by themselves.
#[utoipa::path(delete, path = "/api/v1/tenants/{id}/members/{user}", tag = "tenants",
    params(("id" = String, Path), ("user" = String, Path)),
    responses((status = 204, description = "It is gone."), (status = 200, body = TenantMemberChange, description = "A dry run."), WriteProblems))]
pub(super) async fn remove_member(
    caller: Caller,
    admin: Data<Context>,
    Ids(id, user): Ids<TenantId, UserKey>,
    Write(conditions): Write,
) -> Result<Reply, Refused> {
    let change = RemoveTenantMember { tenant: id.clone(), user: user.clone() };
    let done = admin.carry_out(&change, conditions, &caller.actor()).await?;
    let (tenant, user) = (id.to_string(), user.to_string());
    let role = Some(done.outcome.to_string());
    Ok(Reply::removed(conditions, TenantMemberChange { tenant, user, role, changed: true }))
}
