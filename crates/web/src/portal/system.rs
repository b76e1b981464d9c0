//! How the installation is.

use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::fault::Fault;
use actix_web::web;
use gatepost_admin::Context;
use gatepost_admin::views::StoresView;
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::Chain;
use gatepost_pages::admin::{ProviderEntry, ReplicaEntry, StoreState, SystemState};
use gatepost_pages::{Activity, DayNumbers};
use gatepost_runtime::readiness::Readiness;
use gatepost_store::directory::{DayCount, Replica};
use std::time::Duration;

/// Shows the state of the stores and the providers, and how much happened. It answers while the directory does not.
///
/// # Errors
/// Never.
pub(crate) async fn show(
    administrator: Administrator,
    context: web::Data<Context>,
    readiness: web::Data<Readiness>,
) -> Result<PageAnswer, Fault> {
    let now = Timestamp::now();
    let (health, days, stores, replicas) = tokio::join!(
        context.health(),
        count(&context, &administrator, now),
        context.describe_stores(),
        context.list_replicas()
    );
    // What cannot be read now is left out: the page says itself that the directory does not answer.
    let stores = stores.ok();
    let replicas = replicas.unwrap_or_default();
    let replicas: Vec<_> = replicas.iter().map(entry).collect();
    let rows: Vec<_> = stores.iter().flat_map(|stores| stores.directory.rows.clone()).collect();
    let providers: Vec<_> = context
        .site
        .providers
        .iter()
        .map(|provider| ProviderEntry {
            id: provider.id().as_str(),
            label: provider.label(),
            is_known: provider.is_known(),
        })
        .collect();
    let obstacle = readiness.reason_not_ready();
    let page = SystemState {
        frame: administrator.frame(None),
        version: env!("CARGO_PKG_VERSION"),
        obstacle: obstacle.as_deref(),
        directory: match (health.directory, health.is_writable) {
            (false, _) => StoreState::Silent,
            (true, false) => StoreState::ReadOnly,
            (true, true) => StoreState::Answers,
        },
        sessions: if health.sessions { StoreState::Answers } else { StoreState::Silent },
        facts: &stores.as_ref().map(facts).unwrap_or_default(),
        rows: &rows,
        replicas: &replicas,
        providers: &providers,
        activity: days.as_deref().map(|days| Activity { days, now }),
    };
    Ok(PageAnswer(page.page()))
}

fn entry(replica: &Replica) -> ReplicaEntry<'_> {
    ReplicaEntry {
        id: &replica.id,
        version: &replica.version,
        started_at: replica.started_at,
        seen_at: replica.seen_at,
        is_leader: replica.is_leader,
    }
}

fn facts(StoresView { directory, sessions }: &StoresView) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Directory at", directory.address.clone()),
        ("Directory's version", format!("{} {}", directory.kind, directory.version)),
        ("Schema", directory.schema.clone()),
    ];
    facts.extend(directory.standbys.map(|count| ("Standbys", count.to_string())));
    facts.extend(directory.last_drill.clone().map(|at| ("Last restore drill", at)));
    facts.extend(directory.last_backup.clone().map(|at| ("Last backup that was restored in a drill", at)));
    facts.extend(sessions.server.clone().map(|server| ("Sessions at", server)));
    facts.extend(sessions.version.clone().map(|version| ("Sessions' version", format!("Redis {version}"))));
    facts
}

/// What happened on the last days. `None`: the directory does not answer.
async fn count(context: &Context, administrator: &Administrator, now: Timestamp) -> Option<Vec<DayNumbers>> {
    // All of today.
    let (since, until) = (Activity::begins_at(now), now.plus(Duration::from_hours(24)));
    let counted = context.stores.directory.count_days(&administrator.scope, since, until).await;
    let day = |DayCount { day, sign_ins, refusals }: DayCount| DayNumbers {
        day,
        sign_ins: sign_ins.unsigned_abs(),
        refusals: refusals.unsigned_abs(),
    };
    match counted {
        Ok(days) => Some(days.into_iter().map(day).collect()),
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "the days cannot be counted");
            None
        }
    }
}
