//! Authenticates a caller: loads the session of a cookie and the person's standing, from both stores concurrently.

mod acting;

pub use acting::{Absent, NotActing, find_holder, load_absent};

use crate::site::Site;
use crate::stores::Stores;
use gatepost_core::access::{Access, Standing};
use gatepost_core::clock::Timestamp;
use gatepost_core::identity::{AssertedGroup, AssertedIdentity, SubjectKey};
use gatepost_core::ids::{ProviderId, UserId};
use gatepost_core::secret::Hash;
use gatepost_oidc::OidcError;
use gatepost_store::directory::{DirectoryError, FoundKey};
use gatepost_store::session::Session;
use gatepost_store::session::record::SessionRecord;
use gatepost_store::session::store::StoreError;
use gatepost_store::session::tokens::{PublicValue, SessionId};
use gatepost_telemetry::{Store, StoreOperation};
use std::time::Duration;
use tokio::time::timeout;

/// `/verify` waits this long for the stores. After that it answers 503.
pub const DEADLINE: Duration = Duration::from_millis(250);

/// A session whose record and person were found. [`gatepost_core::decision`] decides whether it is valid.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The session's id and record.
    pub session: Session,
    /// The person and their access, as the directory states it now.
    pub standing: Standing,
}

/// A query failed. This differs from a query that found nothing: callers must not treat it as signed out.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The session store failed.
    #[error("the session store did not answer")]
    Sessions(#[from] StoreError),
    /// The directory failed.
    #[error("the directory did not answer")]
    Directory(#[from] DirectoryError),
    /// The keys of a speaker could not be fetched.
    #[error("the speaker's keys cannot be fetched")]
    Speaker(#[source] OidcError),
    /// The keys of the provider that issued an access token are not known.
    #[error("the provider's keys are not known")]
    Keys(#[source] OidcError),
    /// [`DEADLINE`] has passed.
    #[error("the stores did not answer within {DEADLINE:?}")]
    Deadline,
}

/// For callers that query the directory alone, and are not asked for the deadline.
impl From<LoadError> for DirectoryError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Directory(error) => error,
            error => Self::unreadable(error),
        }
    }
}

/// Loads the principal of a session within [`DEADLINE`]. `None`: one of the stores has no entry for it.
///
/// # Errors
/// [`LoadError`]. An unavailable store is never reported as `None`, so an outage signs nobody out.
pub async fn load(stores: &Stores, id: &SessionId, user: UserId) -> Result<Option<Principal>, LoadError> {
    let (session, standing) = load_both(stores, id, user).await;
    let principal = session?.zip(standing?).map(|(session, standing)| Principal { session, standing });
    Ok(principal.filter(|principal| principal.session.record.user == user))
}

/// Queries both stores concurrently, each within [`DEADLINE`], and returns both results: one can fail without the
/// other.
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

/// Loads the principal of the public host's cookie. `None` also if the cookie does not have the session's current
/// secret.
///
/// # Errors
/// [`LoadError`].
pub async fn load_public(stores: &Stores, cookie: &PublicValue) -> Result<Option<Principal>, LoadError> {
    let principal = load(stores, &cookie.session, cookie.user).await?;
    let is_current = |found: &Principal| found.session.record.accepts(&cookie.secret, Timestamp::now());
    Ok(principal.filter(is_current))
}

/// Loads a person's standing from the directory within [`DEADLINE`], regardless of any session.
///
/// # Errors
/// [`LoadError`].
pub async fn load_person(stores: &Stores, user: UserId) -> Result<Option<Standing>, LoadError> {
    let no_session = Hash::of(&[]);
    in_time(find_standing(stores, user, &no_session)).await
}

/// The valid sessions of a person, in no particular order. Takes three queries at most, however many sessions
/// there are.
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
    let mut session_standing = standing.clone();
    sessions.retain(|(hash, record)| {
        session_standing.is_session_ended = ended.contains(hash);
        site.is_valid(&session_standing, record)
    });
    Ok(sessions)
}

/// Loads an API key by the hash of its text. `None`: it is unknown. One that has ended says so in its limits.
///
/// # Errors
/// [`LoadError`]: the directory did not answer in time.
pub async fn find_key(stores: &Stores, digest: &Hash) -> Result<Option<FoundKey>, LoadError> {
    let query = stores.directory.find_key(digest);
    in_time(stores.query(Store::Directory, StoreOperation::FindKey, query)).await
}

/// The person of an access token's identity. `None`: nobody has signed in as it.
///
/// # Errors
/// [`LoadError`]: the directory did not answer in time.
pub async fn find_token_user(stores: &Stores, subject: &SubjectKey) -> Result<Option<UserId>, LoadError> {
    let query = stores.directory.find_user_of_subject(subject);
    in_time(stores.query(Store::Directory, StoreOperation::FindTokenHolder, query)).await
}

/// The standing of an access token's person, with the groups that the token lists. `None`: the identity is nobody's.
///
/// # Errors
/// [`LoadError`]: the directory did not answer in time.
pub async fn find_token_standing(
    stores: &Stores,
    user: UserId,
    identity: &AssertedIdentity,
) -> Result<Option<Standing>, LoadError> {
    let query = stores.directory.find_token_standing(user, identity);
    in_time(stores.query(Store::Directory, StoreOperation::FindTokenHolder, query)).await
}

/// What the app roles of an application open.
///
/// # Errors
/// [`LoadError`]: the directory did not answer in time.
pub async fn find_role_access(
    stores: &Stores,
    provider: &ProviderId,
    roles: &[AssertedGroup],
) -> Result<Access, LoadError> {
    let query = stores.directory.find_role_access(provider, roles);
    in_time(stores.query(Store::Directory, StoreOperation::FindTokenHolder, query)).await
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
