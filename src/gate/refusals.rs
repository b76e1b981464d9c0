//! Collects refusals of signed-in people, and of programs that are known by their credential, which are written to the
//! directory in batches.
//!
//! Requests whose sender is not known are never noted, so a made-up key, cookie or token costs no row. A key that was revoked, or
//! whose owner is disabled, is known: whoever looks for what a program was refused finds it. One person is noted as
//! often as [`PEOPLE`] allows and one program as [`PROGRAMS`] does: a program that fails repeats itself by day and by night. A
//! refusal that exceeds a limit is only counted in the metrics. No answer waits for a write.

use super::case::Case;
use super::reply::{Reply, reason_of};
use gatepost_core::api_key::NamedKey;
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::decision::{Denial, TokenDenial, WordDenial};
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{RequestId, UserId};
use gatepost_core::refusal::{Refusal, Refused};
use gatepost_core::request_mode::Initiator;
use gatepost_runtime::rate::{Quota, Rate};
use gatepost_telemetry::{NotKept, labels::Label};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How many refusals of one person this replica notes.
const PEOPLE: Quota = Quota::per_minute(30);
/// How many refusals this replica notes of one key, of one application, and of one person for whom keys send requests: 30 at
/// once, and about 700 a day.
const PROGRAMS: Quota = Quota::new(Duration::from_mins(2), 30);
/// How many refusals wait for the next batch at most. They take less than 5 MiB.
const MAX_WAITING: usize = 1_000;
/// How many bytes of a path are kept.
const MAX_PATH: usize = 512;
/// The longest requirement that is kept, in bytes. A longer one was written by a client and not by the operator, which
/// is possible with Caddy if the middleware's address has no `?`.
const MAX_REQUIREMENT: usize = 4_000;

/// The refusals that wait for the next batch.
#[derive(Debug, Default)]
pub struct Refusals {
    waiting: Mutex<Vec<Refusal>>,
    people: Rate<UserId>,
    programs: Rate<UserId>,
}

/// A denied request of a signed-in person, or of a program that is known.
#[derive(Debug)]
pub struct Denied<'a> {
    /// The request.
    pub case: &'a Case<'a>,
    /// The id of the request.
    pub request_id: RequestId,
    /// The person, or the machine.
    pub user: UserId,
    /// Their address, or that of somebody who is not known and for whom a key sent the request.
    pub email: Option<&'a EmailAddress>,
    /// The reason.
    pub denial: &'a Denial,
    /// The answer's status.
    pub status: u16,
    /// The page that made the browser send the request.
    pub initiator: Initiator,
    /// The API key that was sent, by itself or for the person.
    pub via: Option<&'a NamedKey>,
}

/// Whether a refusal with this answer is stored, if it is known who was refused. One that ends with a sign-in, a new token or
/// after a pause is not.
pub const fn is_kept(reply: Reply<'_>) -> bool {
    match reply {
        Reply::StepUp(_)
        | Reply::CrossOrigin
        | Reply::Forbidden(_)
        | Reply::InvalidKey(_)
        | Reply::KeyRefused(_)
        | Reply::InvalidWord(_)
        | Reply::WordRefused(_)
        | Reply::NobodyToActFor(_)
        | Reply::ScopeMissing(_)
        | Reply::TokenStepUp(_) => true,
        Reply::InvalidToken(denial) => matches!(denial, TokenDenial::Invalid(_)),
        Reply::RedirectToLogin(_)
        | Reply::SignInRequired(_)
        | Reply::RefreshPending
        | Reply::RecheckBySignIn
        | Reply::TooMany(_)
        | Reply::QuotaExceeded(_) => false,
    }
}

impl Refusals {
    /// Adds a refusal to the next batch.
    ///
    /// # Errors
    /// [`NotKept`]: a limit is reached.
    pub fn note(&self, denied: Denied<'_>, (now, since_boot): (Timestamp, BootTime)) -> Result<(), NotKept> {
        if denied.case.query.len() > MAX_REQUIREMENT {
            return Err(NotKept::TooLong);
        }
        let (rate, quota, exceeded) = if denied.is_of_program() {
            (&self.programs, PROGRAMS, NotKept::OneProgram)
        } else {
            (&self.people, PEOPLE, NotKept::OnePerson)
        };
        if rate.count(denied.user, quota, since_boot).wait.is_some() {
            return Err(exceeded);
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MAX_WAITING {
            return Err(NotKept::QueueFull);
        }
        waiting.push(denied.refusal(now));
        Ok(())
    }

    /// Adds refusals again that could not be written. Returns how many of them were dropped because the queue is full.
    pub fn put_back(&self, mut refusals: Vec<Refusal>) -> usize {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = MAX_WAITING.saturating_sub(waiting.len()).min(refusals.len());
        let lost = refusals.len() - fitting;
        refusals.truncate(fitting);
        waiting.append(&mut refusals);
        lost
    }

    /// Takes all waiting refusals.
    pub fn take(&self) -> Vec<Refusal> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Denied<'_> {
    /// Whether a key sent it, or an application.
    fn is_of_program(&self) -> bool {
        self.via.is_some() || Refused::of(self.user, None) == Refused::Application
    }

    /// What a program was told. Of the others `missing` and the reason say everything.
    fn detail(&self) -> Option<String> {
        match self.denial {
            Denial::Key(denial) => Some(denial.to_string()),
            Denial::Word(denial) => Some(denial.to_string()),
            Denial::Token(denial) => Some(denial.to_string()),
            _ => None,
        }
    }

    fn refusal(self, now: Timestamp) -> Refusal {
        let Case { forwarded, origin, query, .. } = self.case;
        let (path, detail, key) = (forwarded.path(), self.detail(), self.via.map(|key| key.id));
        let names_nobody = matches!(Refused::of(self.user, key), Refused::Key(_))
            && !matches!(self.denial, Denial::Word(WordDenial::Nobody));
        Refusal {
            request_id: self.request_id,
            at: now,
            user: self.user,
            // The address of a key's machine says no more than its name.
            email: self.email.filter(|_| !names_nobody).cloned(),
            host: origin.host().to_string(),
            method: forwarded.method().chars().take(64).collect(),
            path: String::from_utf8_lossy(&path[..path.len().min(MAX_PATH)]).into_owned(),
            kind: forwarded.request_mode(),
            initiator: self.initiator,
            requirement: (*query).to_owned(),
            status: self.status,
            reason: reason_of(self.denial).as_str().to_owned(),
            missing: match self.denial {
                Denial::Forbidden(missing) => Some(missing.clone()),
                _ => None,
            },
            detail,
            address: forwarded.client_address(),
            key,
            via: self.via.map(|key| key.name.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::forwarded::Forwarded;
    use gatepost_core::api_key::{KeyDenial, KeyId};
    use gatepost_core::requirement::Requirement;
    use gatepost_runtime::headers::Headers;
    use hyper::HeaderMap;
    use hyper::header::HeaderValue;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
    const BOOT: BootTime = BootTime::from_nanos(1_000_000_000_000);
    const BURST: usize = PEOPLE.burst as usize;

    /// Notes a refusal of this request.
    fn note_of(
        refusals: &Refusals,
        (user, via): (UserId, Option<&NamedKey>),
        (uri, query): (&str, &str),
        denial: &Denial,
        at: BootTime,
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
            denial,
            status: 403,
            initiator: Initiator::Unnamed,
            via,
        };
        refusals.note(denied, (NOW, at))
    }

    fn note(refusals: &Refusals, user: UserId, uri: &str, query: &str) -> Result<(), NotKept> {
        note_of(refusals, (user, None), (uri, query), &Denial::CrossOrigin, BOOT)
    }

    fn key() -> NamedKey {
        NamedKey { id: KeyId::generate(), name: "ci".into() }
    }

    #[test]
    fn one_person_gets_so_many_a_minute_and_takes_nothing_from_others() {
        let refusals = Refusals::default();
        let (one, other) = (UserId::generate(), UserId::generate());
        for _ in 0..BURST {
            assert_eq!(note(&refusals, one, "/", ""), Ok(()));
        }
        assert_eq!(note(&refusals, one, "/", ""), Err(NotKept::OnePerson));
        assert_eq!(note(&refusals, other, "/", ""), Ok(()));
        let minute_later = BOOT.plus(Duration::from_mins(1));
        assert_eq!(note_of(&refusals, (one, None), ("/", ""), &Denial::CrossOrigin, minute_later), Ok(()));
        assert_eq!(refusals.take().len(), BURST + 2);
    }

    #[test]
    fn a_program_that_fails_all_day_takes_few_rows_and_none_of_its_person() {
        let (refusals, key, person) = (Refusals::default(), key(), UserId::generate());
        let application = UserId::of_application("entra", "client");
        let denial = Denial::Key(KeyDenial::Host);
        for second in 0..24 * 60 * 60 {
            let at = BOOT.plus(Duration::from_secs(second));
            for (user, via) in [(key.id.machine(), Some(&key)), (person, Some(&key)), (application, None)] {
                let noted = note_of(&refusals, (user, via), ("/", ""), &denial, at);
                assert!(second < 30 || second % 120 == 0 || noted == Err(NotKept::OneProgram), "{second}");
            }
            let waiting = refusals.take();
            assert!(waiting.len() <= 3);
        }
        let at = BOOT.plus(Duration::from_hours(24));
        assert_eq!(note_of(&refusals, (person, None), ("/", ""), &Denial::CrossOrigin, at), Ok(()));
    }

    #[test]
    fn what_a_program_was_told_is_kept_with_its_key() {
        let (refusals, key) = (Refusals::default(), key());
        let denial = Denial::Key(KeyDenial::Network);
        assert_eq!(note_of(&refusals, (key.id.machine(), Some(&key)), ("/", ""), &denial, BOOT), Ok(()));
        let kept = &refusals.take()[0];
        assert_eq!(Refused::of(kept.user, kept.key), Refused::Key(key.id));
        assert_eq!(kept.via.as_deref(), Some("ci"));
        assert_eq!(kept.detail.as_deref(), Some("the key does not count from this network"));
    }

    #[test]
    fn what_does_not_fit_is_counted_and_gone() {
        let refusals = Refusals::default();
        for _ in 0..MAX_WAITING {
            assert_eq!(note(&refusals, UserId::generate(), "/", ""), Ok(()));
        }
        assert_eq!(note(&refusals, UserId::generate(), "/", ""), Err(NotKept::QueueFull));
        let waiting = refusals.take();
        assert_eq!(note(&refusals, UserId::generate(), "/", ""), Ok(()));
        assert_eq!(refusals.put_back(waiting), 1, "the newer one has its place");
        assert_eq!(refusals.take().len(), MAX_WAITING);
    }

    #[test]
    fn neither_queries_nor_cookies_are_kept_and_long_ones_are_cut() {
        let refusals = Refusals::default();
        let long = format!("/{}?token=secret", "a".repeat(3 * MAX_PATH));
        assert_eq!(note(&refusals, UserId::generate(), &long, "group=A"), Ok(()));
        assert_eq!(note(&refusals, UserId::generate(), "/x?token=secret", ""), Ok(()));
        let too_long = "x".repeat(MAX_REQUIREMENT + 1);
        assert_eq!(note(&refusals, UserId::generate(), "/", &too_long), Err(NotKept::TooLong));
        let kept = refusals.take();
        assert_eq!(kept.len(), 2);
        assert_eq!((kept[0].path.len(), kept[0].requirement.as_str()), (MAX_PATH, "group=A"));
        assert_eq!(kept[1].path, "/x");
        assert!(!format!("{kept:?}").contains("secret"), "{kept:?}");
    }
}
