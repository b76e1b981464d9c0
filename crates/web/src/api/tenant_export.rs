//! Everything that is held about a tenant, for its administrators.

use super::caller::Caller;
use super::exports::Told;
use super::list::Filtered;
use super::problems::ReadProblems;
use super::refused::Refused;
use crate::extract::Path;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use gatepost_admin::Context;
use gatepost_admin::views::{AuditEntry, TenantData};
use gatepost_core::administration::Matter;
use gatepost_core::ids::TenantId;
use gatepost_store::directory::AuditFilter;

/// Everything that is held about a tenant: what is said about it, its members, invitations, keys, tool servers and requests for
/// access, and the audit that its administrators may read. No secret is in it.
#[utoipa::path(get, path = "/api/v1/tenants/{id}/export", tag = "tenants", params(("id" = String, Path)),
    responses((status = 200, body = TenantData), ReadProblems))]
pub(super) async fn export(
    caller: Caller,
    admin: Data<Context>,
    context: Data<gatepost_sign_in::Context>,
    Path(id): Path<TenantId>,
    _: Filtered<()>,
    request: HttpRequest,
) -> Result<HttpResponse, Refused> {
    let tenant = super::tenants::find(&caller, &admin, id.clone()).await?;
    let data = admin.read_tenant_data(&caller.scope, &tenant).await?;
    let told = Told {
        by: Some((caller, Matter::Tenant(id.clone()))),
        filter: AuditFilter { tenant: Some(id), ..AuditFilter::default() },
        entry: AuditEntry::for_tenant,
        file: "tenant-data.json",
    };
    told.answer(&admin, context, &data, &request).await
}
