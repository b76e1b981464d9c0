//! How this installation is, as far as the replica that answers knows.

use super::caller::Caller;
use super::list::Filtered;
use super::problems::ReadProblems;
use super::refused::Refused;
use super::reply::Reply;
use crate::admin::{Context, Health};
use crate::readiness::Readiness;
use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

/// The installation.
#[derive(Serialize, ToSchema)]
pub(super) struct System {
    version: &'static str,
    /// Whether this replica takes requests.
    is_ready: bool,
    /// Why it does not.
    obstacle: Option<String>,
    stores: StoresHealth,
    providers: Vec<ProviderHealth>,
}

/// Whether the stores answer now.
#[derive(Serialize, ToSchema)]
pub(super) struct StoresHealth {
    directory: bool,
    /// Whether the directory takes changes.
    is_writable: bool,
    sessions: bool,
}

/// A provider.
#[derive(Serialize, ToSchema)]
pub(super) struct ProviderHealth {
    id: String,
    label: String,
    /// Whether this replica knows its endpoints and keys: the provider answered once at least.
    is_known: bool,
}

/// The version, the stores and the providers.
#[utoipa::path(get, path = "/api/v1/system", tag = "system", responses((status = 200, body = System), ReadProblems))]
pub(super) async fn show(
    _: Caller,
    context: Data<Context>,
    readiness: Data<Readiness>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let obstacle = readiness.reason_not_ready();
    let Health { directory, is_writable, sessions } = context.health().await;
    let providers = context.site.providers.iter().map(|provider| ProviderHealth {
        id: provider.id().to_string(),
        label: provider.label().to_owned(),
        is_known: provider.is_known(),
    });
    Ok(Reply::ok(System {
        version: env!("CARGO_PKG_VERSION"),
        is_ready: obstacle.is_none(),
        obstacle,
        stores: StoresHealth { directory, is_writable, sessions },
        providers: providers.collect(),
    }))
}
