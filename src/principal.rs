//! Who it is: the session's record and the person's standing, read side by side.

use crate::state::State;
use gatepost_core::access::Standing;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::UserId;
use gatepost_core::secret::Hash;
use gatepost_store::directory::DirectoryError;
use gatepost_store::session::Session;
use gatepost_store::session::store::StoreError;
use gatepost_store::session::values::{PublicValue, SessionId};
use gatepost_telemetry::{Store, StoreOperation};
use std::time::Duration;
use tokio::time::timeout;

/// `/verify` answers within this, or says that it cannot know (DESIGN.md section 2).
pub const DEADLINE: Duration = Duration::from_millis(250);

/// A session that both stores know. Whether it counts is `domain::decision`'s to say.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Who signed in.
    pub session: Session,
    /// What the directory says of them now.
    pub standing: Standing,
}

/// A look-up failed; not: found nothing.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The session store.
    #[error("the session store cannot say")]
    Sessions(#[from] StoreError),
    /// The directory.
    #[error("the directory cannot say")]
    Directory(#[from] DirectoryError),
    /// Both may be well, but not in time.
    #[error("the stores did not answer within {DEADLINE:?}")]
    Deadline,
}

/// Loads the principal of a session within the deadline. `None`: a store knows nothing of it.
///
/// # Errors
/// [`LoadError`]: unavailable is never unauthenticated.
pub async fn load(state: &State, id: &SessionId, user: UserId) -> Result<Option<Principal>, LoadError> {
    let (session, standing) = load_both(state, id, user).await;
    let principal = session?.zip(standing?).map(|(session, standing)| Principal { session, standing });
    Ok(principal.filter(|principal| principal.session.record.user == user))
}

/// What each store says, within the deadline: one may know what the other cannot say.
pub async fn load_both(
    state: &State,
    id: &SessionId,
    user: UserId,
) -> (Result<Option<Session>, LoadError>, Result<Option<Standing>, LoadError>) {
    let hash = id.hash();
    tokio::join!(in_time(find_session(state, id)), in_time(find_standing(state, user, &hash)))
}

async fn in_time<T, E: Into<LoadError>>(
    question: impl Future<Output = Result<T, E>>,
) -> Result<T, LoadError> {
    timeout(DEADLINE, question).await.map_err(|_| LoadError::Deadline)?.map_err(Into::into)
}

/// Loads the principal of the public host's cookie; only with the session's current public secret.
///
/// # Errors
/// [`LoadError`].
pub async fn load_public(state: &State, cookie: &PublicValue) -> Result<Option<Principal>, LoadError> {
    let principal = load(state, &cookie.session, cookie.user).await?;
    let is_current = |found: &Principal| found.session.record.accepts(&cookie.secret, Timestamp::now());
    Ok(principal.filter(is_current))
}

/// What the directory says of a person, within the deadline, whatever session they have.
///
/// # Errors
/// [`LoadError`].
pub async fn load_person(state: &State, user: UserId) -> Result<Option<Standing>, LoadError> {
    let no_session = Hash::of(&[]);
    in_time(find_standing(state, user, &no_session)).await
}

async fn find_session(state: &State, id: &SessionId) -> Result<Option<Session>, StoreError> {
    state.ask(Store::Session, StoreOperation::FindSession, state.sessions.find(id)).await
}

async fn find_standing(
    state: &State,
    user: UserId,
    session: &Hash,
) -> Result<Option<Standing>, DirectoryError> {
    state
        .ask(Store::Directory, StoreOperation::FindStanding, state.directory.find_standing(user, session))
        .await
}
