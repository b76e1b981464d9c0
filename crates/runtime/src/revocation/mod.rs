//! Ends sessions: first in the directory, then in the session store. The directory's row outlives every copy of the
//! session's record.

mod pending;

pub use pending::write_pending;

use crate::authn::{self, LoadError};
use crate::invalidation::lease::Lease;
use crate::providers::Providers;
use crate::site::Site;
use crate::stores::Stores;
use crate::tasks::Tasks;
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::Chain;
use gatepost_core::ids::UserId;
use gatepost_core::secret::Hash;
use gatepost_store::directory::Actor;
use gatepost_store::session::record::SessionRecord;
use gatepost_store::session::store::StoreError;
use gatepost_telemetry::labels::Label;
use gatepost_telemetry::{EndCause, Store, StoreOperation};
use pending::PendingRevocations;
use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

/// The longest time that a sign-in's callback takes to write its session.
const CALLBACK_TIME: Duration = Duration::from_mins(5);

/// What ending a session needs.
#[derive(Debug)]
pub struct Context {
    site: Arc<Site>,
    providers: Arc<Providers>,
    stores: Arc<Stores>,
    lease: Arc<Lease>,
    tasks: Arc<Tasks>,
    pending: PendingRevocations,
}

impl Context {
    /// Creates a context without pending revocations.
    pub fn new(
        (site, providers): (Arc<Site>, Arc<Providers>),
        stores: Arc<Stores>,
        lease: Arc<Lease>,
        tasks: Arc<Tasks>,
    ) -> Self {
        Self { site, providers, stores, lease, tasks, pending: PendingRevocations::default() }
    }

    /// At which providers people sign in.
    pub fn providers(&self) -> &Providers {
        &self.providers
    }
}

/// The session to end.
#[derive(Clone, Copy, Debug)]
struct Ending {
    hash: Hash,
    user: UserId,
    /// The directory keeps the row until then, because until then one of its cookies could be used.
    expires_at: Timestamp,
}

impl Ending {
    /// The end of one session of a person.
    fn new(context: &Context, hash: Hash, user: UserId) -> Self {
        Self { hash, user, expires_at: kept_until(context) }
    }
}

/// Until when the directory keeps the end of a session: for a whole lifetime from now, because a callback that runs at the
/// same time may write the record again with a new start time.
pub fn kept_until(context: &Context) -> Timestamp {
    Timestamp::now().plus(context.site.lifetimes.absolute).plus(CALLBACK_TIME)
}

/// Ends one session of a person: in the directory, then in the session store.
///
/// # Errors
/// [`LoadError`]: it is not ended.
pub async fn end_session(
    context: &Context,
    hash: Hash,
    user: UserId,
    cause: EndCause,
    actor: &Actor,
) -> Result<(), LoadError> {
    write_end(context, &Ending::new(context, hash, user), cause, actor).await
}

async fn write_end(
    context: &Context,
    ending: &Ending,
    cause: EndCause,
    actor: &Actor,
) -> Result<(), LoadError> {
    let Context { stores, .. } = context;
    let Ending { hash, user, expires_at } = ending;
    let query = stores.directory.end_session(hash, *user, *expires_at, cause.as_str(), actor);
    let is_new = stores.query(Store::Directory, StoreOperation::EndSession, query).await?;
    forget_ended(context, (hash, *user), is_new.then_some(cause), actor).await;
    Ok(())
}

/// Forgets a session that the directory records as ended. `cause`: why it has ended just now, `None` if it had before.
pub async fn forget_ended(
    Context { stores, lease, .. }: &Context,
    (hash, user): (&Hash, UserId),
    cause: Option<EndCause>,
    actor: &Actor,
) {
    if let Some(cause) = cause {
        stores.metrics.sessions_ended(cause, 1);
        let request_id = actor.request_id.map(tracing::field::display);
        tracing::info!(request.id = request_id, user.id = %user, session.hash = %hash, cause = cause.as_str(), "a session ended");
    }
    // At once on this replica. The directory notifies the others.
    lease.invalidate_user(user);
    if let Err(error) = stores.sessions.forget(hash, user).await {
        // The directory's row ends the session. The record only takes up space until it expires.
        tracing::warn!(error = %Chain(&error), session.hash = %hash, "the record of an ended session was not deleted");
    }
}

/// Ends a session that its provider refused to refresh. If the directory cannot be written now, its row is written
/// later.
///
/// # Errors
/// [`StoreError`]: the session store failed as well, so the session is not ended.
pub async fn end_refused(
    context: &Context,
    hash: &Hash,
    record: &SessionRecord,
    actor: Actor,
) -> Result<(), StoreError> {
    let ending = Ending::new(context, *hash, record.user);
    if let Err(error) = write_end(context, &ending, EndCause::RefreshRefused, &actor).await {
        tracing::warn!(error = %Chain(&error), user.id = %record.user, "a refused session has ended, but the directory cannot be written; the end is written later");
        context.pending.add(ending, EndCause::RefreshRefused, actor);
        Box::pin(delete_record(context, hash, record.user)).await?;
    }
    Ok(())
}

/// Deletes the record, then invalidates the caches of all replicas. In this order, because a look-up that begins after
/// the invalidation must not find the record.
async fn delete_record(context: &Context, hash: &Hash, user: UserId) -> Result<(), StoreError> {
    context.stores.sessions.forget(hash, user).await?;
    context.lease.invalidate_user(user);
    if let Err(error) = context.stores.directory.notify_watches(user).await {
        // If the directory cannot be reached at all, the cached sessions of the other replicas soon become invalid.
        tracing::warn!(error = %Chain(&error), user.id = %user, "other replicas were not notified that a session has ended");
    }
    Ok(())
}

/// Ends the sessions of a person beyond `GATEPOST_SESSION__MAX_PER_PERSON`, the least recently used first.
///
/// Each sign-in calls this after its session is indexed, so of several concurrent sign-ins the last one sees all
/// sessions. All of them choose the same sessions to keep, because a sign-in does not exempt its own.
///
/// # Errors
/// [`LoadError`]: some may not be ended. The next sign-in ends them.
pub async fn end_excess(context: &Context, user: UserId, actor: &Actor) -> Result<(), LoadError> {
    let Context { site, stores, .. } = context;
    let Some(standing) = authn::load_person(stores, user).await? else { return Ok(()) };
    let mut sessions = authn::list_live(site, stores, &standing).await?;
    sessions
        .sort_by_key(|(hash, record)| Reverse((record.last_seen_at, record.started_at, *hash.as_bytes())));
    for (hash, record) in sessions.iter().skip(site.config.session.max_per_person) {
        end_session(context, *hash, record.user, EndCause::TooMany, actor).await?;
    }
    Ok(())
}

/// Revokes the refresh token of an ended session at its provider (RFC 7009), in the background. A failure is only
/// logged.
pub fn revoke_refresh_token(context: &Context, record: &SessionRecord) {
    let Some(token) = record.refresh_token.clone() else { return };
    let (providers, id) = (Arc::clone(&context.providers), record.provider.clone());
    context.tasks.spawn(async move {
        let Ok(Some(provider)) = providers.find(&id).await else { return };
        if let Err(error) = provider.revoke(token.secret()).await {
            tracing::debug!(error = %Chain(&error), provider.id = %provider.id(), "a refresh token was not revoked");
        }
    });
}
