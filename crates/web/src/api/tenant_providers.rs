//! The providers that tenants bring. The tenant's administrators say which it is, and prove domains; system administrators
//! approve and refuse domains.

use super::caller::Caller;
use super::input::{Ids, Json, PostEmpty, Write};
use super::list::Filtered;
use super::problems::{ReadProblems, WriteProblems};
use super::provider_bodies::{ProviderPatch, TenantProviderBody, TenantProviderPatch};
use super::refused::Refused;
use super::reply::Reply;
use crate::extract::Path;
use actix_web::web::Data;
use gatepost_admin::Context;
use gatepost_admin::views::TenantProvider;
use gatepost_core::ids::TenantId;
use gatepost_core::tenant_provider::EmailDomain;
use gatepost_store::directory::changes::{
    DecideTenantDomain, DomainVerdict, RemoveTenantProvider, TenantDomainName,
};
use gatepost_store::directory::{Conditions, Done, TenantProviderRecord};

/// The provider that a tenant brings.
#[utoipa::path(get, path = "/api/v1/tenants/{id}/provider", tag = "tenants", params(("id" = String, Path)),
    responses((status = 200, body = TenantProvider), ReadProblems))]
pub(super) async fn show(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let found = admin.stores.directory.find_tenant_provider(&caller.scope, &id).await?;
    Ok(Reply::ok(admin.provider_view(&found)).version(found.provider.version))
}

/// Says which provider a tenant brings. It is tried first: its documents are fetched, and it has to accept the client and the
/// secret. 422 says what is wrong.
#[utoipa::path(put, path = "/api/v1/tenants/{id}/provider", tag = "tenants", params(("id" = String, Path)), request_body = TenantProviderBody,
    responses((status = 201, body = TenantProvider), (status = 200, body = TenantProvider), WriteProblems))]
pub(super) async fn put(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    Write(conditions): Write,
    Json(body): Json<TenantProviderBody>,
) -> Result<Reply, Refused> {
    let path = format!("/tenants/{id}/provider");
    let settings = body.settings(&admin, &id)?;
    let by = (&caller.scope, &caller.actor());
    let done = admin.put_provider(by, id, conditions, settings).await?;
    Ok(Reply::changed(&done, conditions, admin.provider_view(&done.outcome), Some(path)))
}

/// Changes parts of the provider that a tenant brings. It is tried with them first, and 422 says what is wrong. A new secret may
/// come alone.
#[utoipa::path(patch, path = "/api/v1/tenants/{id}/provider", tag = "tenants", params(("id" = String, Path)), request_body = TenantProviderPatch,
    responses((status = 200, body = TenantProvider), WriteProblems))]
pub(super) async fn patch(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    Write(conditions): Write,
    Json(patch): Json<ProviderPatch>,
) -> Result<Reply, Refused> {
    let done = patch.carry_out(&admin, (&caller.scope, &caller.actor()), &id, conditions).await?;
    Ok(Reply::changed(&done, conditions, admin.provider_view(&done.outcome), None))
}

/// Takes the provider from a tenant. Sessions of its people end.
#[utoipa::path(delete, path = "/api/v1/tenants/{id}/provider", tag = "tenants", params(("id" = String, Path)),
    responses((status = 204, description = "It is gone."), (status = 200, body = TenantProvider, description = "A dry run."), WriteProblems))]
pub(super) async fn remove(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    Write(conditions): Write,
) -> Result<Reply, Refused> {
    let found = admin.stores.directory.find_tenant_provider(&caller.scope, &id).await?;
    admin.carry_out(&RemoveTenantProvider { tenant: id }, conditions, &caller.actor()).await?;
    Ok(Reply::removed(conditions, admin.provider_view(&found)))
}

async fn decide(
    caller: &Caller,
    admin: &Context,
    terms: super::repeats::Terms,
    change: &DecideTenantDomain,
) -> Result<Reply, Refused> {
    let answer = |done: &Done<TenantProviderRecord>, conditions: Conditions| {
        Reply::changed(done, conditions, admin.provider_view(&done.outcome), None)
    };
    terms.carry_out((admin, caller), change, answer).await
}

/// Has a domain count, because its zone has the record that the tenant was given. The DNS is asked now.
#[utoipa::path(post, path = "/api/v1/tenants/{id}/provider/domains/{domain}/confirm", tag = "tenants",
    params(("id" = String, Path), ("domain" = String, Path)),
    responses((status = 200, body = TenantProvider), WriteProblems))]
pub(super) async fn confirm(
    caller: Caller,
    admin: Data<Context>,
    Ids(tenant, domain): Ids<TenantId, EmailDomain>,
    PostEmpty(terms): PostEmpty,
) -> Result<Reply, Refused> {
    let domain = TenantDomainName::new(domain, &admin.site.config)?;
    let change = admin.find_domain_proof(&caller.scope, tenant, domain).await?;
    decide(&caller, &admin, terms, &change).await
}

/// Has a domain count, because a system administrator says that it is the tenant's.
#[utoipa::path(post, path = "/api/v1/tenants/{id}/provider/domains/{domain}/approve", tag = "tenants",
    params(("id" = String, Path), ("domain" = String, Path)),
    responses((status = 200, body = TenantProvider), WriteProblems))]
pub(super) async fn approve(
    caller: Caller,
    admin: Data<Context>,
    Ids(tenant, domain): Ids<TenantId, EmailDomain>,
    PostEmpty(terms): PostEmpty,
) -> Result<Reply, Refused> {
    let domain = TenantDomainName::new(domain, &admin.site.config)?;
    let change = DecideTenantDomain { tenant, domain, verdict: DomainVerdict::Approved };
    decide(&caller, &admin, terms, &change).await
}

/// Says no to a domain. The provider's addresses of it sign nobody in.
#[utoipa::path(post, path = "/api/v1/tenants/{id}/provider/domains/{domain}/refuse", tag = "tenants",
    params(("id" = String, Path), ("domain" = String, Path)),
    responses((status = 200, body = TenantProvider), WriteProblems))]
pub(super) async fn refuse(
    caller: Caller,
    admin: Data<Context>,
    Ids(tenant, domain): Ids<TenantId, EmailDomain>,
    PostEmpty(terms): PostEmpty,
) -> Result<Reply, Refused> {
    let domain = TenantDomainName::new(domain, &admin.site.config)?;
    let change = DecideTenantDomain { tenant, domain, verdict: DomainVerdict::Refused };
    decide(&caller, &admin, terms, &change).await
}
