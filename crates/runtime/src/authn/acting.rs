//! Loads the person for whom a speaker sends a request, with the session that makes their word count.

use super::{LoadError, find_standing, in_time};
use crate::site::Site;
use crate::stores::Stores;
use gatepost_core::access::Standing;
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::{RefreshDue, SessionTimes};
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::UserId;
use gatepost_core::secret::Hash;

/// A person for whom a speaker may send requests.
#[derive(Clone, Debug)]
pub struct Absent {
    /// The person and their access.
    pub standing: Standing,
    /// Of their valid sessions the one that lasts longest. `None`: no session is needed.
    pub session: Option<SessionTimes>,
}

/// Why a word about a person does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotActing {
    /// Nobody who has signed in holds the address.
    Unknown,
    /// An administrator disabled the person.
    Disabled,
    /// The person has no valid session. One that must be refreshed at its provider before anything else is none: only the
    /// person's own requests refresh it.
    NotSignedIn,
}

/// Finds who holds an address and has signed in before, within [`super::DEADLINE`].
///
/// # Errors
/// [`LoadError`].
pub async fn find_holder(stores: &Stores, email: &EmailAddress) -> Result<Option<UserId>, LoadError> {
    in_time(stores.directory.find_holder(email)).await
}

/// Loads the person with this address for a request by a speaker. The caller has found the id before, and takes the
/// stamp of a cached entry in between: so the address is compared once more with what the directory says now.
///
/// # Errors
/// [`LoadError`]. An unavailable store is never reported as [`NotActing`].
pub async fn load_absent(
    site: &Site,
    stores: &Stores,
    user: UserId,
    email: &EmailAddress,
    needs_session: bool,
) -> Result<Result<Absent, NotActing>, LoadError> {
    let no_session = Hash::of(&[]);
    let standing = in_time(find_standing(stores, user, &no_session)).await?;
    let Some(standing) = standing.filter(|found| found.person.email.as_ref() == Some(email)) else {
        return Ok(Err(NotActing::Unknown));
    };
    if standing.is_disabled {
        return Ok(Err(NotActing::Disabled));
    }
    if !needs_session {
        return Ok(Ok(Absent { standing, session: None }));
    }
    let now = Timestamp::now();
    let lifetimes = &site.lifetimes;
    let live = in_time(super::list_live(site, stores, &standing)).await?;
    let session = live
        .iter()
        .map(|(_, record)| site.times_of(record, record.auth_time))
        .filter(|times| times.refresh_due(now, lifetimes) != RefreshDue::First)
        .max_by_key(|times| times.ends_at(lifetimes));
    Ok(session.map(|times| Absent { standing, session: Some(times) }).ok_or(NotActing::NotSignedIn))
}
