//! Hosts of tenants. The tenant's administrators propose and remove them; system administrators approve and refuse.

use super::caller::Caller;
use super::input::{Body, Ids, Post, PostEmpty, Write};
use super::list::Filtered;
use super::members::Members;
use super::problems::{ReadProblems, WriteProblems};
use super::refused::Refused;
use super::reply::Reply;
use crate::extract::Path;
use actix_web::web::Data;
use gatepost_admin::Context;
use gatepost_admin::views::{TenantHost, TenantHostChange};
use gatepost_core::host::HostName;
use gatepost_core::ids::TenantId;
use gatepost_store::directory::changes::{
    AddTenantHost, ApproveTenantHost, RefuseTenantHost, RemoveTenantHost, TenantHostName,
};
use gatepost_store::directory::{Conditions, Done, TenantHostRecord};
use serde::Serialize;
use utoipa::ToSchema;

/// The hosts of a tenant.
#[derive(Serialize, ToSchema)]
pub(super) struct TenantHosts {
    items: Vec<TenantHost>,
}

/// Lists the hosts of a tenant, by name.
#[utoipa::path(get, path = "/api/v1/tenants/{id}/hosts", tag = "tenants", params(("id" = String, Path)),
    responses((status = 200, body = TenantHosts), ReadProblems))]
pub(super) async fn list(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let tenant = super::tenants::find(&caller, &admin, id).await?;
    Ok(Reply::ok(TenantHosts { items: tenant.hosts.iter().map(TenantHost::from).collect() }))
}

/// A host of a tenant.
#[utoipa::path(get, path = "/api/v1/tenants/{id}/hosts/{host}", tag = "tenants",
    params(("id" = String, Path), ("host" = String, Path)),
    responses((status = 200, body = TenantHost), ReadProblems))]
pub(super) async fn show(
    caller: Caller,
    admin: Data<Context>,
    Ids(id, host): Ids<TenantId, HostName>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let found = admin.stores.directory.find_tenant_host(&caller.scope, &id, &host).await?;
    Ok(Reply::ok(TenantHost::from(&found)).version(found.version))
}

/// A host that a tenant is to have.
#[derive(ToSchema)]
pub(super) struct NewTenantHost {
    /// A name in the DNS, without a port. No host of the configuration, and no other tenant's.
    #[schema(value_type = String, example = "blog.acme.com", max_length = 253)]
    host: HostName,
}

impl Body for NewTenantHost {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        Some(Self { host: members.required("host")? })
    }
}

/// Proposes a host of a tenant. The answer has the record that proves that the tenant runs the host's zone.
#[utoipa::path(post, path = "/api/v1/tenants/{id}/hosts", tag = "tenants", params(("id" = String, Path)), request_body = NewTenantHost,
    responses((status = 201, body = TenantHostChange), (status = 200, body = TenantHostChange), WriteProblems))]
pub(super) async fn add(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    Post(terms, NewTenantHost { host }): Post<NewTenantHost>,
) -> Result<Reply, Refused> {
    let host = TenantHostName::new(host, &admin.site.config)?;
    let path = format!("/tenants/{id}/hosts/{}", host.host);
    let change = AddTenantHost { tenant: id, host };
    let answer = |done: &Done<TenantHostRecord>, conditions| {
        let body = TenantHostChange::new(&done.outcome, done.changed);
        Reply::changed(done, conditions, body, Some(path.clone()))
    };
    terms.carry_out((&admin, &caller), &change, answer).await
}

fn changed(done: &Done<TenantHostRecord>, conditions: Conditions) -> Reply {
    Reply::changed(done, conditions, TenantHostChange::new(&done.outcome, done.changed), None)
}

/// Has a host count, because its zone has the record that the tenant was given. The DNS is asked now.
#[utoipa::path(post, path = "/api/v1/tenants/{id}/hosts/{host}/confirm", tag = "tenants",
    params(("id" = String, Path), ("host" = String, Path)),
    responses((status = 200, body = TenantHostChange), WriteProblems))]
pub(super) async fn confirm(
    caller: Caller,
    admin: Data<Context>,
    Ids(tenant, host): Ids<TenantId, HostName>,
    PostEmpty(terms): PostEmpty,
) -> Result<Reply, Refused> {
    let change = admin.find_proof(&caller.scope, tenant, host).await?;
    terms.carry_out((&admin, &caller), &change, changed).await
}

/// Has a host count, because a system administrator says that it is the tenant's.
#[utoipa::path(post, path = "/api/v1/tenants/{id}/hosts/{host}/approve", tag = "tenants",
    params(("id" = String, Path), ("host" = String, Path)),
    responses((status = 200, body = TenantHostChange), WriteProblems))]
pub(super) async fn approve(
    caller: Caller,
    admin: Data<Context>,
    Ids(tenant, host): Ids<TenantId, HostName>,
    PostEmpty(terms): PostEmpty,
) -> Result<Reply, Refused> {
    terms.carry_out((&admin, &caller), &ApproveTenantHost { tenant, host }, changed).await
}

/// Says no to a host of a tenant. Another tenant may propose it then.
#[utoipa::path(post, path = "/api/v1/tenants/{id}/hosts/{host}/refuse", tag = "tenants",
    params(("id" = String, Path), ("host" = String, Path)),
    responses((status = 200, body = TenantHostChange), WriteProblems))]
pub(super) async fn refuse(
    caller: Caller,
    admin: Data<Context>,
    Ids(tenant, host): Ids<TenantId, HostName>,
    PostEmpty(terms): PostEmpty,
) -> Result<Reply, Refused> {
    terms.carry_out((&admin, &caller), &RefuseTenantHost { tenant, host }, changed).await
}

/// Takes a host from a tenant.
#[utoipa::path(delete, path = "/api/v1/tenants/{id}/hosts/{host}", tag = "tenants",
    params(("id" = String, Path), ("host" = String, Path)),
    responses((status = 204, description = "It is gone."), (status = 200, body = TenantHostChange, description = "A dry run."), WriteProblems))]
pub(super) async fn remove(
    caller: Caller,
    admin: Data<Context>,
    Ids(tenant, host): Ids<TenantId, HostName>,
    Write(conditions): Write,
) -> Result<Reply, Refused> {
    let found = admin.stores.directory.find_tenant_host(&caller.scope, &tenant, &host).await?;
    admin.carry_out(&RemoveTenantHost { tenant, host }, conditions, &caller.actor()).await?;
    Ok(Reply::removed(conditions, TenantHostChange::new(&found, true)))
}
