//! Groups, the providers' groups that they stand for, and the tenants that they open.

use super::caller::Caller;
use super::input::{Body, Ids, Json, Post, Write, WriteLink};
use super::list::{Filter, Filtered, List, Page, PageParameters, Parameters, SearchText};
use super::members::Members;
use super::problems::{ReadProblems, WriteProblems};
use super::refused::{Refused, not_found};
use super::reply::Reply;
use crate::extract::Path;
use actix_web::web::Data;
use gatepost_admin::Context;
use gatepost_admin::views::{Group, GroupChange, Link, LinkChange, MappingChange};
use gatepost_core::access::Role;
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::{GroupId, GroupName, TenantId};
use gatepost_store::directory::changes::{
    CreateGroup, DeleteGroup, LinkGroup, MapGroup, RenameGroup, UnlinkGroup, UnmapGroup,
};
use gatepost_store::directory::{Conditions, DirectoryError, Done, GroupFilter, GroupRecord, GroupState};
use utoipa::{IntoParams, ToSchema};

/// Lists groups by name.
#[utoipa::path(get, path = "/api/v1/groups", tag = "groups", params(GroupParameters, PageParameters),
    responses((status = 200, body = List<Group>), ReadProblems))]
pub(super) async fn list(
    caller: Caller,
    admin: Data<Context>,
    page: Page<GroupFilter>,
) -> Result<Reply, Refused> {
    let (after, directory) = (page.place(), &admin.stores.directory);
    let found = directory.search_groups(&caller.scope, &page.filter, after.as_ref(), page.limit).await?;
    Ok(page.found::<_, Group>(&found))
}

/// Which groups.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document is made of it; the filter reads them")]
pub(super) struct GroupParameters {
    /// A part of the name; or the whole number, or the whole id of a provider's group.
    q: Option<String>,
    /// `named`: has a name of its own. `linked`: stands for a provider's group. `unlinked`: for one that nobody linked yet. `empty`: nobody is in it.
    state: Option<String>,
}

impl Filter for GroupFilter {
    fn read(parameters: &mut Parameters<'_>) -> Self {
        let q = parameters.one::<SearchText>("q").map(|SearchText(text)| text);
        Self { q, state: parameters.one::<GroupState>("state"), ..Self::default() }
    }
}

/// The group of this number, as far as it exists for the caller.
pub(super) async fn find(admin: &Context, caller: &Caller, id: GroupId) -> Result<GroupRecord, Refused> {
    let found = admin.stores.directory.find_group(&caller.scope, &id.into()).await?;
    found.ok_or_else(|| DirectoryError::UnknownGroup(id.into()).into())
}

/// The name of a group.
#[derive(ToSchema)]
pub(super) struct GroupNaming {
    #[schema(value_type = String, min_length = 1, max_length = 256, example = "MCP-GitHub")]
    name: GroupName,
}

impl Body for GroupNaming {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        Some(Self { name: members.required("name")? })
    }
}

/// Creates a group without members.
#[utoipa::path(post, path = "/api/v1/groups", tag = "groups", request_body = GroupNaming,
    responses((status = 201, body = GroupChange), (status = 200, body = GroupChange, description = "There is one of this name."), WriteProblems))]
pub(super) async fn create(
    caller: Caller,
    admin: Data<Context>,
    Post(terms, GroupNaming { name }): Post<GroupNaming>,
) -> Result<Reply, Refused> {
    let change = CreateGroup { name: name.clone() };
    let answer = |done: &Done<GroupId>, conditions: Conditions| {
        let group_id = done.outcome.to_string();
        let path = format!("/groups/{group_id}");
        let change = GroupChange { group_id, name: name.to_string(), changed: done.changed };
        Reply::changed(done, conditions, change, Some(path))
    };
    terms.carry_out((&admin, &caller), &change, answer).await
}

/// A group with its links and the tenants that it opens.
#[utoipa::path(get, path = "/api/v1/groups/{id}", tag = "groups", params(("id" = String, Path)),
    responses((status = 200, body = Group), ReadProblems))]
pub(super) async fn show(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<GroupId>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let group = find(&admin, &caller, id).await?;
    Ok(Reply::ok(Group::from(&group)).version(group.version))
}

/// Gives a group another name. Members, links and tenants stay.
#[utoipa::path(patch, path = "/api/v1/groups/{id}", tag = "groups", params(("id" = String, Path)), request_body = GroupNaming,
    responses((status = 200, body = GroupChange), WriteProblems))]
pub(super) async fn rename(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<GroupId>,
    Write(conditions): Write,
    Json(GroupNaming { name }): Json<GroupNaming>,
) -> Result<Reply, Refused> {
    let done = admin.carry_out(&RenameGroup { group: id.into(), name }, conditions, &caller.actor()).await?;
    let change =
        GroupChange { group_id: id.to_string(), name: done.outcome.to_string(), changed: done.changed };
    Ok(Reply::changed(&done, conditions, change, None))
}

/// Deletes a group that stands for no group of a provider.
#[utoipa::path(delete, path = "/api/v1/groups/{id}", tag = "groups", params(("id" = String, Path)),
    responses((status = 204, description = "It is gone."), (status = 200, body = GroupChange, description = "A dry run."), WriteProblems))]
pub(super) async fn delete(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<GroupId>,
    Write(conditions): Write,
) -> Result<Reply, Refused> {
    let done = admin.carry_out(&DeleteGroup { group: id.into() }, conditions, &caller.actor()).await?;
    let change =
        GroupChange { group_id: id.to_string(), name: done.outcome.to_string(), changed: done.changed };
    Ok(Reply::removed(conditions, change))
}

/// The providers' groups that a group stands for.
#[utoipa::path(get, path = "/api/v1/groups/{id}/links", tag = "groups", params(("id" = String, Path), PageParameters),
    responses((status = 200, body = List<Link>), ReadProblems))]
pub(super) async fn links(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<GroupId>,
    page: Page<()>,
) -> Result<Reply, Refused> {
    let GroupRecord { mut links, .. } = find(&admin, &caller, id).await?;
    let after: Option<ExternalGroup> = page.place();
    links.retain(|link| after.as_ref().is_none_or(|after| link.external > *after));
    links.sort_by(|one, other| one.external.cmp(&other.external));
    links.truncate(page.wanted() as usize);
    Ok(page.reply(links, |link| link.external.to_string(), |item| Link::from(item)))
}

/// A provider's group that a group here is to stand for.
#[derive(ToSchema)]
pub(super) struct NewLink {
    #[schema(value_type = String, example = "entra:5d2f0c1e-8d3a-4a56-9f0e-0a1b2c3d4e5f")]
    link: ExternalGroup,
}

impl Body for NewLink {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        Some(Self { link: members.required("link")? })
    }
}

/// Links a group to a provider's group.
#[utoipa::path(post, path = "/api/v1/groups/{id}/links", tag = "groups", params(("id" = String, Path)), request_body = NewLink,
    responses((status = 200, body = LinkChange), WriteProblems))]
pub(super) async fn link(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<GroupId>,
    Post(terms, NewLink { link }): Post<NewLink>,
) -> Result<Reply, Refused> {
    let change = LinkGroup::new(id.into(), link.clone(), &admin.site.config)?;
    let answer = |done: &Done<GroupName>, conditions: Conditions| {
        let name = Some(done.outcome.to_string());
        let change = LinkChange { name, link: link.to_string(), changed: done.changed };
        Reply::changed(done, conditions, change, None)
    };
    terms.carry_out((&admin, &caller), &change, answer).await
}

/// Removes a link.
#[utoipa::path(delete, path = "/api/v1/groups/{id}/links", tag = "groups",
    params(("id" = String, Path), ("link" = String, Query, description = "`PROVIDER:ID`, for a role `PROVIDER:role:NAME`")),
    responses((status = 204, description = "It is gone."), (status = 200, body = LinkChange, description = "A dry run."), WriteProblems))]
pub(super) async fn unlink(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<GroupId>,
    WriteLink(conditions, external): WriteLink,
) -> Result<Reply, Refused> {
    let group = find(&admin, &caller, id).await?;
    if !group.links.iter().any(|link| link.external == external) {
        return Err(not_found(format!("Group {} is not linked to {external}.", group.name)));
    }
    let change = UnlinkGroup::new(external.clone(), &admin.site.config).from_group(id);
    admin.carry_out(&change, conditions, &caller.actor()).await?;
    let change = LinkChange { name: Some(group.name.to_string()), link: external.to_string(), changed: true };
    Ok(Reply::removed(conditions, change))
}

/// The role that a group's members get in a tenant.
#[derive(ToSchema)]
pub(super) struct Mapping {
    /// `admin`, `member` or `viewer`.
    #[schema(value_type = String, example = "member")]
    role: Role,
}

impl Body for Mapping {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        Some(Self { role: members.required("role")? })
    }
}

/// Gives the members of a group a role in a tenant.
#[utoipa::path(put, path = "/api/v1/groups/{id}/tenants/{tenant}", tag = "groups",
    params(("id" = String, Path), ("tenant" = String, Path)), request_body = Mapping,
    responses((status = 201, body = MappingChange), (status = 200, body = MappingChange), WriteProblems))]
pub(super) async fn map(
    caller: Caller,
    admin: Data<Context>,
    Ids(id, tenant): Ids<GroupId, TenantId>,
    Write(conditions): Write,
    Json(Mapping { role }): Json<Mapping>,
) -> Result<Reply, Refused> {
    let group = find(&admin, &caller, id).await?.name.to_string();
    let change = MapGroup { group: id.into(), tenant: tenant.clone(), role };
    let done = admin.carry_out(&change, conditions, &caller.actor()).await?;
    let path = format!("/groups/{id}/tenants/{tenant}");
    let (tenant, role) = (tenant.to_string(), Some(role.to_string()));
    let change = MappingChange { group, tenant, role, changed: done.changed };
    Ok(Reply::changed(&done, conditions, change, Some(path)))
}

/// Takes the members of a group their role in a tenant.
#[utoipa::path(delete, path = "/api/v1/groups/{id}/tenants/{tenant}", tag = "groups",
    params(("id" = String, Path), ("tenant" = String, Path)),
    responses((status = 204, description = "It is gone."), (status = 200, body = MappingChange, description = "A dry run."), WriteProblems))]
pub(super) async fn unmap(
    caller: Caller,
    admin: Data<Context>,
    Ids(id, tenant): Ids<GroupId, TenantId>,
    Write(conditions): Write,
) -> Result<Reply, Refused> {
    let group = find(&admin, &caller, id).await?.name.to_string();
    let change = UnmapGroup { group: id.into(), tenant: tenant.clone() };
    let done = admin.carry_out(&change, conditions, &caller.actor()).await?;
    let role = Some(done.outcome.to_string());
    Ok(Reply::removed(conditions, MappingChange { group, tenant: tenant.to_string(), role, changed: true }))
}
