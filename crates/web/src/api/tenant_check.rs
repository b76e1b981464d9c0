//! What is not as it should be about one tenant.

use super::caller::Caller;
use super::list::Filtered;
use super::problems::ReadProblems;
use super::refused::Refused;
use super::reply::Reply;
use crate::extract::Path;
use crate::problem_document::{Problem, ProblemCode};
use crate::tenant_checks::{CheckError, TenantChecks};
use actix_web::web::Data;
use gatepost_admin::{Context, TenantCheck};
use gatepost_core::error_chain::sentence;
use gatepost_core::ids::TenantId;

/// Says what is not as it should be about a tenant, and what to do. The DNS and the tenant's provider are asked now. One check runs
/// at a time; while it does, others get 503.
#[utoipa::path(get, path = "/api/v1/tenants/{id}/check", tag = "tenants", params(("id" = String, Path)),
    responses((status = 200, body = TenantCheck), ReadProblems))]
pub(super) async fn check(
    caller: Caller,
    admin: Data<Context>,
    checks: Data<TenantChecks>,
    Path(id): Path<TenantId>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let tenant = super::tenants::find(&caller, &admin, id).await?;
    Ok(Reply::ok(checks.run(&admin, &tenant).await?))
}

impl From<CheckError> for Refused {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Directory(error) => error.into(),
            error @ (CheckError::Busy | CheckError::TooSlow) => {
                let detail = format!("{} {}", sentence(&error.to_string()), error.remedy());
                let retry_after = CheckError::RETRY_AFTER.as_secs().to_string();
                Problem::new(ProblemCode::Unavailable, detail).with("retry-after", retry_after).into()
            }
        }
    }
}
