//! Who calls: the session of a cookie and the person's standing, read from both stores side by side.

use crate::site::Site;
use crate::stores::Stores;
use gatepost_core::access::Standing;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::UserId;
use gatepost_core::secret::Hash;
use gatepost_store::directory::DirectoryError;
use gatepost_store::session::Session;
use gatepost_store::session::record::SessionRecord;
use gatepost_store::session::store::StoreError;
use gatepost_store::session::values::{PublicValue, SessionId};
use gatepost_telemetry::{Store, StoreOperation};
use std::time::Duration;
use tokio::time::timeout;

/// `/verify` answers within this time, or says that it cannot know (DESIGN.md section 2).
pub const DEADLINE: Duration = Duration::from_millis(250);

/// A session that both stores know. Whether it counts is decided in [`gatepost_core::decision`].
#[derive(Clone, Debug)]
pub struct Principal {
    /// The session's id and record.
    pub session: Session,
    /// What the directory says now of the person.
    pub standing: Standing,
}

/// A query failed. This is not the same as: it found nothing.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The session store failed.
    #[error("the session store cannot say")]
    Sessions(#[from] StoreError),
    /// The directory failed.
    #[error("the directory cannot say")]
    Directory(#[from] DirectoryError),
    /// Neither store may have failed, but the time is over.
    #[error("the stores did not answer within {DEADLINE:?}")]
    Deadline,
}

/// Loads the principal of a session within [`DEADLINE`]. `None`: one of the stores knows nothing of it.
///
/// # Errors
/// [`LoadError`]: a store that is unavailable never makes somebody unauthenticated.
pub async fn load(stores: &Stores, id: &SessionId, user: UserId) -> Result<Option<Principal>, LoadError> {
    let (session, standing) = load_both(stores, id, user).await;
    let principal = session?.zip(standing?).map(|(session, standing)| Principal { session, standing });
    Ok(principal.filter(|principal| principal.session.record.user == user))
}

/// What each store says, within [`DEADLINE`]: one may know what the other cannot say.
pub async fn load_both(
    stores: &Stores,
    id: &SessionId,
    user: UserId,
) -> (Result<Option<Session>, LoadError>, Result<Option<Standing>, LoadError>) {
    let hash = id.hash();
    tokio::join!(in_time(find_session(stores, id)), in_time(find_standing(stores, user, &hash)))
}

async fn in_time<T, E: Into<LoadError>>(query: impl Future<Output = Result<T, E>>) -> Result<T, LoadError> {
    timeout(DEADLINE, query).await.map_err(|_| LoadError::Deadline)?.map_err(Into::into)
}

/// Loads the principal of the public host's cookie; only with the session's current public secret.
///
/// # Errors
/// [`LoadError`].
pub async fn load_public(stores: &Stores, cookie: &PublicValue) -> Result<Option<Principal>, LoadError> {
    let principal = load(stores, &cookie.session, cookie.user).await?;
    let is_current = |found: &Principal| found.session.record.accepts(&cookie.secret, Timestamp::now());
    Ok(principal.filter(is_current))
}

/// What the directory says of a person, within [`DEADLINE`], whatever session they have.
///
/// # Errors
/// [`LoadError`].
pub async fn load_person(stores: &Stores, user: UserId) -> Result<Option<Standing>, LoadError> {
    let no_session = Hash::of(&[]);
    in_time(find_standing(stores, user, &no_session)).await
}

/// The sessions of a person that count now, in no order; three queries, however many sessions there are.
///
/// # Errors
/// [`LoadError`].
pub async fn list_live(
    site: &Site,
    stores: &Stores,
    standing: &Standing,
) -> Result<Vec<(Hash, SessionRecord)>, LoadError> {
    let mut sessions = stores.sessions.list_of_user(standing.person.id).await?;
    let hashes: Vec<Hash> = sessions.iter().map(|(hash, _)| *hash).collect();
    let ended = stores.directory.list_ended(&hashes).await?;
    let mut of_one = standing.clone();
    sessions.retain(|(hash, record)| {
        of_one.is_session_ended = ended.contains(hash);
        site.counts(&of_one, record)
    });
    Ok(sessions)
}

async fn find_session(stores: &Stores, id: &SessionId) -> Result<Option<Session>, StoreError> {
    stores.query(Store::Session, StoreOperation::FindSession, stores.sessions.find(id)).await
}

async fn find_standing(
    stores: &Stores,
    user: UserId,
    session: &Hash,
) -> Result<Option<Standing>, DirectoryError> {
    let query = stores.directory.find_standing(user, session);
    stores.query(Store::Directory, StoreOperation::FindStanding, query).await
}
