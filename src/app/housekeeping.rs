//! Background tasks of the process: the schema at start, the providers' documents, readiness, batched writes, and deleting
//! expired data.

use super::{State, leading, warm_up};
use actix_web::rt::{spawn, task::JoinHandle};
use gatepost_certs::tls;
use gatepost_cli::start::StartError;
use gatepost_config::{RELOAD_INTERVAL, StoresConfig};
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::Chain;
use gatepost_core::ids::TenantId;
use gatepost_core::usage::API_REQUESTS;
use gatepost_runtime::invalidation;
use gatepost_runtime::readiness::Obstacle;
use gatepost_runtime::revocation;
use gatepost_store::directory::{Directory, DirectoryError};
use gatepost_store::retry::retry;
use gatepost_telemetry::NotKept;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// How often readiness is checked.
const READINESS_INTERVAL: Duration = Duration::from_secs(2);
/// How long an announced key counts as in use.
const KEY_TTL: Duration = Duration::from_secs(30);
/// The greatest difference between the clocks of this replica and the database, in seconds.
const MAX_CLOCK_SKEW: i64 = 30;
/// How often expired sessions are deleted, and limits that are no longer used.
const DELETE_INTERVAL: Duration = Duration::from_mins(10);
/// How often the metrics of what the directory says are made anew: keys that end soon, and the last drill of a restore.
const DIRECTORY_METRICS_INTERVAL: Duration = Duration::from_mins(1);
/// The metric shows keys that end within this time, unless they were made to live no longer.
const ENDING_SOON: Duration = Duration::from_hours(14 * 24);
/// The number of keys that the metric shows.
const MOST_ENDING_KEYS: u32 = 100;
/// How often last uses of sessions and keys, refusals, requirements, and pending revocations are written.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);
/// How often the usage of tenants is written: a replica that is killed loses what it has not written.
const USAGE_INTERVAL: Duration = Duration::from_secs(10);
/// The number of entries in one write.
const BATCH_SIZE: usize = 100;
/// The pause between two attempts to prepare the directory or to reach the session store.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Brings the schema up to date. The embedded file must be usable now; a database may come later, but one that a newer
/// Gatepost has migrated is refused at once.
///
/// # Errors
/// [`StartError::Directory`].
pub async fn prepare(state: &Arc<State>) -> Result<(), StartError> {
    match prepare_once(state).await {
        Ok(()) => Ok(()),
        Err(error)
            if is_unavailable(&error) && matches!(state.site.config.stores, StoresConfig::Shared { .. }) =>
        {
            tracing::error!(
                error = %Chain(&error),
                mend = tls::explain(&error).map(|fault| fault.to_string()),
                "the directory cannot be prepared yet; trying again"
            );
            state.readiness.set(Some(Obstacle::Unprepared));
            spawn(prepare_later(Arc::clone(state)));
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether it may come without a restart: the database, or whoever may migrate it.
const fn is_unavailable(error: &DirectoryError) -> bool {
    matches!(error, DirectoryError::Unavailable(_) | DirectoryError::MayNotMigrate)
}

async fn prepare_once(state: &State) -> Result<(), DirectoryError> {
    state.stores.directory.migrate().await?;
    state.stores.directory.refuse_half_of_a_copy().await?;
    state.stores.directory.sync_configuration(&state.site.config).await?;
    // The first request must not pay for the first connection; a database that is slow now says 503 by itself.
    if let Err(error) = state.stores.directory.ping().await {
        tracing::debug!(error = %Chain(&error), "the directory is slow");
    }
    state.readiness.set(find_obstacle(state).await);
    Ok(())
}

async fn prepare_later(state: Arc<State>) {
    loop {
        sleep(RETRY_INTERVAL).await;
        match prepare_once(&state).await {
            Ok(()) => return,
            Err(error) if is_unavailable(&error) => {
                tracing::debug!(error = %Chain(&error), "the directory cannot be prepared yet");
            }
            Err(error) => tracing::error!(error = %Chain(&error), "the directory cannot be prepared"),
        }
    }
}

/// Logs once if Redis cannot be used at start, and once when it can. Without this check, the first request would show it.
async fn wait_for_session_store(state: Arc<State>) {
    let ping = async || state.stores.sessions.ping().await;
    let Err(error) = retry(ping).await else { return };
    tracing::error!(
        error = %Chain(&error),
        mend = tls::explain(&error).map(|fault| fault.to_string()),
        "the session store does not answer, or takes no writes: nobody can sign in; trying again"
    );
    while ping().await.is_err() {
        sleep(RETRY_INTERVAL).await;
    }
    tracing::info!("the session store answers");
}

/// The tasks that run as long as the process.
#[derive(Debug)]
pub struct Housekeeping(Vec<JoinHandle<()>>);

impl Housekeeping {
    /// Starts them.
    pub fn start(state: &Arc<State>) -> Self {
        let mut tasks = vec![
            spawn(wait_for_session_store(Arc::clone(state))),
            spawn(watch_readiness(Arc::clone(state))),
            spawn(warm_up::admit_requests(Arc::clone(state))),
            spawn(delete_expired(Arc::clone(state))),
            spawn(leading::take_part(Arc::clone(state))),
            spawn(show_directory_metrics(Arc::clone(state))),
            spawn(show_tenant_metrics(Arc::clone(state))),
            spawn(watch_secret_files(Arc::clone(state))),
            spawn(invalidation::keep_lease(Arc::clone(&state.stores), Arc::clone(&state.lease))),
            spawn(watch_quotas(Arc::clone(state))),
            spawn(write_usage(Arc::clone(state))),
            spawn(write_periodically(Arc::clone(state), write_uses)),
            spawn(write_periodically(Arc::clone(state), write_key_uses)),
            spawn(write_periodically(Arc::clone(state), write_refusals)),
            spawn(write_periodically(Arc::clone(state), write_requirements)),
            spawn(write_periodically(Arc::clone(state), write_revocations)),
        ];
        for provider in state.site.providers.iter() {
            let provider = provider.clone();
            tasks.push(spawn(async move { match provider.keep_fresh().await {} }));
        }
        for speaker in state.site.speakers.iter() {
            let speaker = Arc::clone(speaker);
            tasks.push(spawn(async move { speaker.keep_fresh().await }));
        }
        Self(tasks)
    }

    /// Ends them while the runtime still runs, so that their connections are closed properly.
    pub async fn stop(self) {
        for task in self.0 {
            task.abort();
            // An aborted task returns an error, as expected.
            let _ = task.await;
        }
    }
}

async fn watch_quotas(state: Arc<State>) {
    state.gate.quotas.watch().await;
}

/// Writes what tenants have used.
async fn write_usage(state: Arc<State>) {
    let mut ticks = interval(USAGE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        state.gate.usage.write().await;
    }
}

async fn watch_readiness(state: Arc<State>) {
    let mut ticks = interval(READINESS_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if state.readiness.is_prepared() {
            state.readiness.set(find_obstacle(&state).await);
            if let Some(replicas) = state.leadership.announce(&state.stores).await {
                state.gate.quotas.share_among(replicas);
            }
        }
    }
}

/// Why this replica should get no requests. A store that does not answer is no reason: it fails for all replicas.
async fn find_obstacle(state: &State) -> Option<Obstacle> {
    match find_unknown_key(state).await {
        Some(obstacle) => Some(obstacle),
        None => find_clock_skew(&state.stores.directory).await,
    }
}

async fn find_unknown_key(state: &State) -> Option<Obstacle> {
    state.stores.sessions.announce_key(KEY_TTL).await.ok().flatten().map(Obstacle::UnknownKey)
}

async fn find_clock_skew(directory: &Directory) -> Option<Obstacle> {
    let theirs = directory.clock().await.ok()?;
    let skew = Timestamp::now().unix() - theirs.unix();
    (skew.abs() > MAX_CLOCK_SKEW).then_some(Obstacle::Clock(skew))
}

async fn write_periodically(state: Arc<State>, write: impl AsyncFn(&State)) {
    let mut ticks = interval(WRITE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        write(&state).await;
    }
}

/// Writes the last uses of sessions.
pub async fn write_uses(state: &State) {
    let uses = state.gate.last_used.take();
    for batch in uses.chunks(BATCH_SIZE) {
        if let Err(error) = state.stores.sessions.touch(batch).await {
            tracing::debug!(error = %Chain(&error), "last uses wait for the session store");
            state.gate.last_used.put_back(batch.to_vec());
        }
    }
}

/// Writes the last uses of API keys, up to the first batch that fails: where the directory is away, each more would take its
/// whole timeout, also while the process stops. What is left waits, and the log says so once.
pub async fn write_key_uses(state: &State) {
    let key_uses = &state.gate.key_uses;
    let uses = key_uses.take();
    for (at, batch) in uses.chunks(BATCH_SIZE).enumerate() {
        let written = state.stores.directory.write_key_uses(batch).await;
        let is_new = key_uses.note_outcome(written.is_ok());
        if let Err(error) = written {
            if is_new {
                tracing::warn!(error = %Chain(&error), "last uses of API keys wait for the directory");
            }
            return key_uses.put_back(&uses[at * BATCH_SIZE..]);
        }
        if is_new {
            tracing::info!("last uses of API keys are written again");
        }
    }
}

/// Writes the revocations that wait for the directory.
async fn write_revocations(state: &State) {
    revocation::write_pending(&state.revocation).await;
}

/// Writes the refusals.
pub async fn write_refusals(state: &State) {
    let refusals = state.gate.refusals.take();
    for batch in refusals.chunks(BATCH_SIZE) {
        if let Err(error) = state.stores.directory.keep_refusals(batch).await {
            tracing::debug!(error = %Chain(&error), "refusals wait for the directory");
            let lost = state.gate.refusals.put_back(batch.to_vec());
            state.stores.metrics.refusals_not_kept(NotKept::QueueFull, lost as u64);
        }
    }
}

/// Writes what routers require.
async fn write_requirements(state: &State) {
    let seen = state.gate.seen_requirements.take();
    if seen.is_empty() {
        return;
    }
    if let Err(error) = state.stores.directory.keep_requirements(&seen).await {
        tracing::debug!(error = %Chain(&error), "requirements of routers wait for the directory");
        state.gate.seen_requirements.put_back(seen);
    }
}

async fn watch_secret_files(state: Arc<State>) {
    loop {
        sleep(RELOAD_INTERVAL).await;
        let config = Arc::clone(&state.site.config);
        // Reading may block for long: the files may be on a network.
        if let Err(error) = spawn_blocking(move || config.reload_secrets()).await {
            tracing::error!(%error, "the files of secrets could not be checked");
        }
    }
}

/// Each replica does so for itself. What all replicas share is deleted by the leader.
async fn delete_expired(state: Arc<State>) {
    let mut ticks = interval(DELETE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        state.sign_in.limits.shrink();
        if let Err(error) = state.stores.sessions.delete_expired().await {
            tracing::warn!(error = %Chain(&error), "expired sessions were not deleted");
        }
    }
}

/// Shows in the metrics which keys end soon, and when a dump was last restored in a drill, as the directory says.
async fn show_directory_metrics(state: Arc<State>) {
    let mut ticks = interval(DIRECTORY_METRICS_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = find_ending_keys(&state).await {
            tracing::debug!(error = %Chain(&error), "the metric of keys that end soon is as before");
        }
        match state.stores.directory.find_last_drill().await {
            Ok(drill) => {
                let at = drill.map_or(Timestamp::from_unix(0), |drill| drill.drilled_at);
                state.stores.metrics.backup_drilled(at);
            }
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "the metric of the last drill is as before");
            }
        }
    }
}

/// Shows what tenants use today, as the directory and the session store say.
async fn show_tenant_metrics(state: Arc<State>) {
    let mut ticks = interval(DIRECTORY_METRICS_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let metrics = &state.stores.metrics;
        match state.stores.directory.read_usage_of_day(Timestamp::now().day()).await {
            Ok(used) => {
                let used: Vec<_> = used
                    .into_iter()
                    .map(|(tenant, meter, value)| (tenant.to_string(), meter, value))
                    .collect();
                metrics.tenants_used(&used, API_REQUESTS);
            }
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "the metric of tenants' usage is as before");
            }
        }
        match state.gate.quotas.list_days(&Scope::System).await {
            Ok(days) => metrics.quotas_used(days.iter().map(|day| (day.tenant.to_string(), day.percent()))),
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "the metric of tenants' quotas is as before");
            }
        }
    }
}

async fn find_ending_keys(state: &State) -> Result<(), DirectoryError> {
    let directory = &state.stores.directory;
    let now = directory.clock().await?;
    let span = (now, now.plus(ENDING_SOON));
    let keys = directory.find_ending_keys(span, ENDING_SOON, MOST_ENDING_KEYS).await?;
    let keys = keys
        .iter()
        .map(|key| (key.id.to_string(), key.tenant_id.as_ref().map(TenantId::as_str), key.expires_at));
    state.stores.metrics.keys_end(keys);
    Ok(())
}
