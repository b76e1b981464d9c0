//! Tiers of tenants, for system administrators.

use super::caller::Caller;
use super::input::{Json, Write};
use super::list::Filtered;
use super::problems::{ReadProblems, WriteProblems};
use super::refused::{Refused, not_found};
use super::reply::Reply;
use super::tenant_bodies::TierBody;
use crate::extract::Path;
use actix_web::web::Data;
use gatepost_admin::Context;
use gatepost_admin::views::Tier;
use gatepost_core::error_chain::sentence;
use gatepost_core::ids::TierId;
use gatepost_store::directory::changes::{DeleteTier, SetTier};
use gatepost_store::directory::{DirectoryError, TierRecord};
use serde::Serialize;
use utoipa::ToSchema;

/// All tiers.
#[derive(Serialize, ToSchema)]
pub(super) struct Tiers {
    items: Vec<Tier>,
}

/// Lists the tiers: those that come with Gatepost, and your own.
#[utoipa::path(get, path = "/api/v1/tiers", tag = "tenants", responses((status = 200, body = Tiers), ReadProblems))]
pub(super) async fn list(_: Caller, admin: Data<Context>, _: Filtered<()>) -> Result<Reply, Refused> {
    let found = admin.stores.directory.list_tiers().await?;
    Ok(Reply::ok(Tiers { items: found.iter().map(Tier::from).collect() }))
}

/// A tier.
#[utoipa::path(get, path = "/api/v1/tiers/{id}", tag = "tenants", params(("id" = String, Path)),
    responses((status = 200, body = Tier), ReadProblems))]
pub(super) async fn show(
    _: Caller,
    admin: Data<Context>,
    Path(id): Path<TierId>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let found = find(&admin, &id).await?;
    Ok(Reply::ok(Tier::from(&found)).version(found.version))
}

/// In a path a tier that is not there is no such thing; a tenant that names one is not possible.
async fn find(admin: &Context, id: &TierId) -> Result<TierRecord, Refused> {
    admin.stores.directory.find_tier(id).await.map_err(unknown)
}

fn unknown(error: DirectoryError) -> Refused {
    match error {
        DirectoryError::UnknownTier(_) => not_found(sentence(&error.to_string())),
        error => error.into(),
    }
}

/// Says what a tier allows. Tenants that are in it keep what they have; of what is over, nothing may be added.
#[utoipa::path(put, path = "/api/v1/tiers/{id}", tag = "tenants", params(("id" = String, Path)), request_body = TierBody,
    responses((status = 201, body = Tier), (status = 200, body = Tier), WriteProblems))]
pub(super) async fn put(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TierId>,
    Write(conditions): Write,
    Json(body): Json<TierBody>,
) -> Result<Reply, Refused> {
    let path = format!("/tiers/{id}");
    let change = SetTier { id, terms: body.into() };
    let done = admin.carry_out(&change, conditions, &caller.actor()).await?;
    Ok(Reply::changed(&done, conditions, Tier::from(&done.outcome), Some(path)))
}

/// Deletes a tier of your own that no tenant is in. One that comes with Gatepost is then as it comes.
#[utoipa::path(delete, path = "/api/v1/tiers/{id}", tag = "tenants", params(("id" = String, Path)),
    responses((status = 204, description = "It is gone."), (status = 200, body = Tier, description = "A dry run."), WriteProblems))]
pub(super) async fn delete(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TierId>,
    Write(conditions): Write,
) -> Result<Reply, Refused> {
    let found = find(&admin, &id).await?;
    let change = DeleteTier { id };
    admin.carry_out(&change, conditions, &caller.actor()).await.map_err(unknown)?;
    Ok(Reply::removed(conditions, Tier::from(&found)))
}
