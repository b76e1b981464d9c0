//! What is not as it should be about one tenant.

use super::caller::Caller;
use super::list::Filtered;
use super::problems::ReadProblems;
use super::refused::Refused;
use super::reply::Reply;
use crate::extract::Path;
use crate::problem_document::{Problem, ProblemCode};
use actix_web::web::Data;
use gatepost_admin::{Context, TenantCheck};
use gatepost_core::ids::TenantId;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// A check asks the DNS and a provider of the tenant, which may both be slow.
const LONGEST: Duration = Duration::from_secs(20);
/// `Retry-After` where another check runs.
const RETRY_AFTER: &str = "5";

/// Checks at once. A check holds one of the few permits of people's pages, so there is one.
#[derive(Debug)]
pub(crate) struct Checks(Semaphore);

impl Default for Checks {
    fn default() -> Self {
        Self(Semaphore::new(1))
    }
}

/// Says what is not as it should be about a tenant, and what to do. The DNS and the tenant's provider are asked now. One check runs
/// at a time; while it does, others get 503.
#[utoipa::path(get, path = "/api/v1/tenants/{id}/check", tag = "tenants", params(("id" = String, Path)),
    responses((status = 200, body = TenantCheck), ReadProblems))]
pub(super) async fn check(
    caller: Caller,
    admin: Data<Context>,
    checks: Data<Checks>,
    Path(id): Path<TenantId>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let tenant = super::tenants::find(&caller, &admin, id).await?;
    let Ok(_permit) = checks.0.try_acquire() else {
        return Err(later("Another check of a tenant runs. Try again in a moment.").into());
    };
    match timeout(LONGEST, admin.check_tenant(&tenant)).await {
        Ok(check) => Ok(Reply::ok(check?)),
        Err(_) => {
            Err(later("The DNS or the provider is too slow to check the tenant. Try again later.").into())
        }
    }
}

fn later(detail: &str) -> Problem {
    Problem::new(ProblemCode::Unavailable, detail).with("retry-after", RETRY_AFTER)
}
