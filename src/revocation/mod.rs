//! How a session ends: first in the directory, whose row outlives every copy of the session's record, then in the
//! session store.

mod pending;

pub use pending::write_pending;

use crate::authn::{self, LoadError};
use crate::invalidation::lease::Lease;
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

/// A callback takes at most this long to write its session.
const CALLBACK_TIME: Duration = Duration::from_mins(5);

/// What ending a session needs.
#[derive(Debug)]
pub struct Context {
    site: Arc<Site>,
    stores: Arc<Stores>,
    lease: Arc<Lease>,
    tasks: Arc<Tasks>,
    pending: PendingRevocations,
}

impl Context {
    /// With no revocation pending.
    pub fn new(site: Arc<Site>, stores: Arc<Stores>, lease: Arc<Lease>, tasks: Arc<Tasks>) -> Self {
        Self { site, stores, lease, tasks, pending: PendingRevocations::default() }
    }
}

/// Which session ends.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    hash: Hash,
    user: UserId,
    /// Until then its cookies could come back.
    expires_at: Timestamp,
}

impl Ending {
    /// The end of a person's session. A callback under way may write the record anew, begun now, so the end is remembered
    /// for a whole lifetime from here.
    pub fn new(context: &Context, hash: Hash, user: UserId) -> Self {
        let lifetime = context.site.lifetimes.absolute;
        Self { hash, user, expires_at: Timestamp::now().plus(lifetime).plus(CALLBACK_TIME) }
    }

    /// The session's hash.
    pub const fn hash(&self) -> Hash {
        self.hash
    }
}

/// Ends one session: in the directory, then in the session store.
///
/// # Errors
/// [`LoadError`]: it is not ended.
pub async fn end_session(
    context: &Context,
    ending: &Ending,
    cause: EndCause,
    actor: &Actor,
) -> Result<(), LoadError> {
    let Context { stores, .. } = context;
    let Ending { hash, user, expires_at } = ending;
    let query = stores.directory.end_session(hash, *user, *expires_at, cause.as_str(), actor);
    if stores.query(Store::Directory, StoreOperation::EndSession, query).await? {
        stores.metrics.sessions_ended(cause, 1);
        let request_id = actor.request_id.map(tracing::field::display);
        tracing::info!(request.id = request_id, user.id = %user, session.hash = %hash, cause = cause.as_str(), "a session ended");
    }
    // Here at once; the other replicas hear of it.
    context.lease.forget_user(*user);
    if let Err(error) = stores.sessions.forget(hash, *user).await {
        // The directory's row is what counts; the record only takes room until it expires.
        tracing::warn!(error = %Chain(&error), session.hash = %hash, "an ended session's record stays");
    }
    Ok(())
}

/// Ends a session whose provider refused it. Where the directory takes no changes now, its row is written later.
///
/// # Errors
/// [`StoreError`]: the session store failed too.
pub async fn end_refused(
    context: &Context,
    hash: &Hash,
    record: &SessionRecord,
    actor: Actor,
) -> Result<(), StoreError> {
    let ending = Ending::new(context, *hash, record.user);
    if let Err(error) = end_session(context, &ending, EndCause::RefreshRefused, &actor).await {
        tracing::warn!(error = %Chain(&error), user.id = %record.user, "a refused session is over; the directory takes it down later");
        context.pending.add(ending, EndCause::RefreshRefused, actor);
        Box::pin(forget(context, hash, record.user)).await?;
    }
    Ok(())
}

/// The record goes first: a look-up that begins after the memory of the session is gone, on any replica, must not find
/// it.
async fn forget(context: &Context, hash: &Hash, user: UserId) -> Result<(), StoreError> {
    context.stores.sessions.forget(hash, user).await?;
    context.lease.forget_user(user);
    if let Err(error) = context.stores.directory.tell(user).await {
        // Where the directory cannot be reached at all, the other replicas do not use their memory for long either.
        tracing::warn!(error = %Chain(&error), user.id = %user, "other replicas were not told that a session is over");
    }
    Ok(())
}

/// Ends what a person has beyond `MAX_PER_PERSON`: the sessions that were unused for longest.
///
/// Each sign-in does so after its session is indexed for good, so of several at once the last one sees all. All of them
/// keep the same ones, whichever they see: none is spared for being one's own.
///
/// # Errors
/// [`LoadError`]: some may be left; the next sign-in ends them.
pub async fn end_excess(context: &Context, user: UserId, actor: &Actor) -> Result<(), LoadError> {
    let Context { site, stores, .. } = context;
    let Some(standing) = authn::load_person(stores, user).await? else { return Ok(()) };
    let mut sessions = authn::list_live(site, stores, &standing).await?;
    sessions.sort_by_key(|(hash, record)| Reverse((record.last_seen_at, record.begun_at, *hash.as_bytes())));
    for (hash, record) in sessions.iter().skip(site.config.session.max_per_person) {
        let ending = Ending::new(context, *hash, record.user);
        end_session(context, &ending, EndCause::TooMany, actor).await?;
    }
    Ok(())
}

/// Revokes the refresh token of a session that is over (RFC 7009), beside the answer: nobody waits for that, and it may
/// fail.
pub fn revoke_refresh_token(context: &Context, record: &SessionRecord) {
    let (Some(token), Some(provider)) =
        (record.refresh_token.clone(), context.site.providers.find(&record.provider))
    else {
        return;
    };
    let provider = Arc::clone(provider);
    context.tasks.spawn(async move {
        if let Err(error) = provider.revoke(token.secret()).await {
            tracing::debug!(error = %Chain(&error), provider.id = %provider.id(), "a refresh token was not revoked");
        }
    });
}
