//! How this installation is, as far as the replica that answers knows.

use super::caller::Caller;
use super::list::Filtered;
use super::problems::ReadProblems;
use super::refused::Refused;
use super::reply::Reply;
use actix_web::web::Data;
use gatepost_admin::{Context, Health};
use gatepost_core::calendar::rfc3339;
use gatepost_runtime::readiness::Readiness;
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
    /// The replica that answers.
    replica: String,
    /// The replica that does the work that one alone does. `null`: none, or the directory does not answer.
    leader: Option<String>,
    /// The replicas that serve, the oldest first. Empty: the directory does not answer.
    replicas: Vec<ReplicaHealth>,
    stores: StoresHealth,
    providers: Vec<ProviderHealth>,
}

/// A replica.
#[derive(Serialize, ToSchema)]
pub(super) struct ReplicaHealth {
    id: String,
    version: String,
    started_at: String,
    /// When it noted in the directory that it serves; it does so every 2 s.
    seen_at: String,
    is_leader: bool,
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

/// The version, the replicas, the stores and the providers.
#[utoipa::path(get, path = "/api/v1/system", tag = "system", responses((status = 200, body = System), ReadProblems))]
pub(super) async fn show(
    _: Caller,
    context: Data<Context>,
    readiness: Data<Readiness>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let obstacle = readiness.reason_not_ready();
    let (health, replicas) = tokio::join!(context.health(), context.list_replicas());
    let Health { directory, is_writable, sessions } = health;
    let replicas = replicas.unwrap_or_default().into_iter().map(|replica| ReplicaHealth {
        id: replica.id,
        version: replica.version,
        started_at: rfc3339(replica.started_at),
        seen_at: rfc3339(replica.seen_at),
        is_leader: replica.is_leader,
    });
    let providers = context.site.providers.iter().map(|provider| ProviderHealth {
        id: provider.id().to_string(),
        label: provider.label().to_owned(),
        is_known: provider.is_known(),
    });
    Ok(Reply::ok(System {
        version: env!("CARGO_PKG_VERSION"),
        is_ready: obstacle.is_none(),
        obstacle,
        replica: context.leadership.replica().to_string(),
        leader: context.leadership.seen().leader,
        replicas: replicas.collect(),
        stores: StoresHealth { directory, is_writable, sessions },
        providers: providers.collect(),
    }))
}
