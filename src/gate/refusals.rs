//! Collects refusals of signed-in people, which are written to the directory in batches.
//!
//! Requests without a session are never noted. One person is noted at most [`MAX_OF_PERSON`] times a minute. A refusal
//! that exceeds a limit is only counted in the metrics. No answer waits for a write.

use super::case::Case;
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::Denial;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{RequestId, UserId};
use gatepost_core::refusal::Refusal;
use gatepost_core::request_mode::Initiator;
use gatepost_telemetry::{NotKept, labels::Label};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How many refusals of one person this replica notes in one minute.
const MAX_OF_PERSON: u32 = 30;
/// How many refusals wait for the next batch at most. They take less than 5 MiB.
const MAX_WAITING: usize = 1_000;
/// How many bytes of a path are kept.
const MAX_PATH: usize = 512;
/// The longest requirement that is kept, in bytes. A longer one was written by a client and not by the operator, which
/// is possible with Caddy if the middleware's address has no `?`.
const MAX_REQUIREMENT: usize = 4_000;

/// The refusals that wait for the next batch.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    refusals: Vec<Refusal>,
    /// The minute that `of_person` counts, in minutes since the epoch.
    minute: i64,
    of_person: HashMap<UserId, u32>,
}

/// A denied request of a signed-in person.
#[derive(Debug)]
pub struct Denied<'a> {
    /// The request.
    pub case: &'a Case<'a>,
    /// The id of the request.
    pub request_id: RequestId,
    /// The person.
    pub user: UserId,
    /// Their address.
    pub email: Option<&'a EmailAddress>,
    /// The reason.
    pub denial: &'a Denial,
    /// The answer's status.
    pub status: u16,
    /// The page that made the browser send the request.
    pub initiator: Initiator,
    /// The name of the API key by which a program sent the request for the person.
    pub via: Option<&'a str>,
}

impl Refusals {
    /// Adds a refusal to the next batch.
    ///
    /// # Errors
    /// [`NotKept`]: a limit is reached.
    pub fn note(&self, denied: Denied<'_>, now: Timestamp) -> Result<(), NotKept> {
        if denied.case.query.len() > MAX_REQUIREMENT {
            return Err(NotKept::TooLong);
        }
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.count(denied.user, now)?;
        if waiting.refusals.len() >= MAX_WAITING {
            return Err(NotKept::QueueFull);
        }
        waiting.refusals.push(denied.refusal(now));
        Ok(())
    }

    /// Adds refusals again that could not be written. Returns how many of them were dropped because the queue is full.
    pub fn put_back(&self, mut refusals: Vec<Refusal>) -> usize {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = MAX_WAITING.saturating_sub(waiting.refusals.len()).min(refusals.len());
        let lost = refusals.len() - fitting;
        refusals.truncate(fitting);
        waiting.refusals.append(&mut refusals);
        lost
    }

    /// Takes all waiting refusals.
    pub fn take(&self) -> Vec<Refusal> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).refusals)
    }
}

impl Waiting {
    /// Counts one more refusal of this person in this minute.
    fn count(&mut self, user: UserId, now: Timestamp) -> Result<(), NotKept> {
        let minute = now.unix().div_euclid(60);
        if self.minute != minute {
            self.minute = minute;
            self.of_person.clear();
        }
        let count = self.of_person.entry(user).or_default();
        if *count >= MAX_OF_PERSON {
            return Err(NotKept::OnePerson);
        }
        *count += 1;
        Ok(())
    }
}

impl Denied<'_> {
    fn refusal(self, now: Timestamp) -> Refusal {
        let Case { forwarded, origin, query, .. } = self.case;
        let path = forwarded.path();
        Refusal {
            request_id: self.request_id,
            at: now,
            user: self.user,
            email: self.email.cloned(),
            host: origin.host().to_string(),
            method: forwarded.method().chars().take(64).collect(),
            path: String::from_utf8_lossy(&path[..path.len().min(MAX_PATH)]).into_owned(),
            kind: forwarded.request_mode(),
            initiator: self.initiator,
            requirement: (*query).to_owned(),
            status: self.status,
            reason: super::reply::reason_of(self.denial).as_str().to_owned(),
            missing: match self.denial {
                Denial::Forbidden(missing) => Some(missing.clone()),
                _ => None,
            },
            address: forwarded.client_address(),
            via: self.via.map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::forwarded::Forwarded;
    use crate::gate::headers::Headers;
    use gatepost_core::requirement::Requirement;
    use hyper::HeaderMap;
    use hyper::header::HeaderValue;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    /// Notes a refusal of this person's request.
    fn note(
        refusals: &Refusals,
        user: UserId,
        uri: &str,
        query: &str,
        now: Timestamp,
    ) -> Result<(), NotKept> {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-forwarded-method", "GET"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "app.example.com"),
            ("x-forwarded-uri", uri),
            ("cookie", "__Host-gatepost=secret"),
        ] {
            headers.insert(name, HeaderValue::from_str(value).expect("a value"));
        }
        let forwarded = Forwarded::parse(Headers::new(&headers), false).expect("a request");
        let origin = "https://app.example.com".parse().expect("an origin");
        let case =
            Case { forwarded: &forwarded, origin: &origin, requirement: &Requirement::default(), query };
        let denied = Denied {
            case: &case,
            request_id: RequestId::generate(),
            user,
            email: None,
            denial: &Denial::CrossOrigin,
            status: 403,
            initiator: Initiator::Unnamed,
            via: None,
        };
        refusals.note(denied, now)
    }

    #[test]
    fn one_person_gets_so_many_a_minute_and_takes_nothing_from_others() {
        let refusals = Refusals::default();
        let (one, other) = (UserId::generate(), UserId::generate());
        let last = NOW.plus(Duration::from_secs(59));
        for _ in 0..MAX_OF_PERSON {
            assert_eq!(note(&refusals, one, "/", "", NOW), Ok(()));
        }
        assert_eq!(note(&refusals, one, "/", "", last), Err(NotKept::OnePerson));
        assert_eq!(note(&refusals, other, "/", "", last), Ok(()));
        assert_eq!(note(&refusals, one, "/", "", NOW.plus(Duration::from_mins(1))), Ok(()));
        assert_eq!(refusals.take().len(), MAX_OF_PERSON as usize + 2);
    }

    #[test]
    fn what_does_not_fit_is_counted_and_gone() {
        let refusals = Refusals::default();
        for _ in 0..MAX_WAITING {
            assert_eq!(note(&refusals, UserId::generate(), "/", "", NOW), Ok(()));
        }
        assert_eq!(note(&refusals, UserId::generate(), "/", "", NOW), Err(NotKept::QueueFull));
        let waiting = refusals.take();
        assert_eq!(note(&refusals, UserId::generate(), "/", "", NOW), Ok(()));
        assert_eq!(refusals.put_back(waiting), 1, "the newer one has its place");
        assert_eq!(refusals.take().len(), MAX_WAITING);
    }

    #[test]
    fn neither_queries_nor_cookies_are_kept_and_long_ones_are_cut() {
        let refusals = Refusals::default();
        let long = format!("/{}?token=secret", "a".repeat(3 * MAX_PATH));
        assert_eq!(note(&refusals, UserId::generate(), &long, "group=A", NOW), Ok(()));
        assert_eq!(note(&refusals, UserId::generate(), "/x?token=secret", "", NOW), Ok(()));
        let too_long = "x".repeat(MAX_REQUIREMENT + 1);
        assert_eq!(note(&refusals, UserId::generate(), "/", &too_long, NOW), Err(NotKept::TooLong));
        let kept = refusals.take();
        assert_eq!(kept.len(), 2);
        assert_eq!((kept[0].path.len(), kept[0].requirement.as_str()), (MAX_PATH, "group=A"));
        assert_eq!(kept[1].path, "/x");
        assert!(!format!("{kept:?}").contains("secret"), "{kept:?}");
    }
}
