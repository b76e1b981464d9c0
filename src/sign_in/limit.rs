//! Who may exchange a code now: junk codes cost the one who sends them, nobody else.
//!
//! Anybody can get a `state` that is bound to a cookie of their own, so a code is only known to be junk after the provider
//! was asked. Each exchange is therefore counted before it begins, and given back when it succeeds, in up to three places:
//!
//! - its browser, by the bind of its cookie;
//! - its address (IPv6: its /64), in one of three lanes: browsers whose cookie is or was a session's, codes that look like
//!   codes which this provider has given ([`Looks`]), and all others. A stranger has no such cookie and has never seen a
//!   code of this provider, so junk waits in the last lane, and people behind the same address pass it in the others;
//! - this process, by the number of exchanges in flight.
//!
//! What finds no room waits a few seconds, those first whose codes look least like codes that failed. Nothing is used up
//! meanwhile. Nothing here names a person, so nobody can lock somebody else out.

mod line;
mod look;

use self::line::{Line, Turn};
use self::look::{Look, Looks, Shape};
use gatepost_core::ids::ProviderId;
use gatepost_store::session::values::Bind;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout_at};

/// How long an exchange waits for its turn before its browser is told to come again.
const PATIENCE: Duration = Duration::from_secs(5);
/// Exchanges in flight in this process.
const IN_FLIGHT: usize = 64;
/// Of codes that look like none that the provider has given; beside [`IN_FLIGHT`], so that these take no place there.
const UNFAMILIAR_IN_FLIGHT: usize = 8;
/// So many requests wait behind others at most, of all addresses together: half of the connections that the public
/// listener has, so that those who wait keep nobody out.
const MAX_WAITING: usize = 256;
/// The lines are tidied when they have doubled, from here on.
const TIDY_FROM: usize = 64;
/// So many lines are remembered at most, below 10 MiB.
const MAX_LINES: usize = 30_000;

/// The limits of this process.
#[derive(Clone)]
pub struct Limits(Arc<Shared>);

struct Shared {
    lines: Mutex<Lines>,
    familiar: Arc<Semaphore>,
    unfamiliar: Arc<Semaphore>,
}

#[derive(Default)]
struct Lines {
    by_key: HashMap<Key, Line>,
    /// What codes look like that became sessions. Only whoever has an account here adds to it.
    looks: HashMap<ProviderId, Looks>,
    waiting: usize,
    joined: u64,
    tidy_at: usize,
}

/// Whom a line counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Browser([u8; 32]),
    /// Browsers of this address that had a session.
    Known(IpAddr),
    /// Codes of the usual look from this address.
    Familiar(IpAddr),
    /// Other codes from this address.
    Unfamiliar(IpAddr),
}

/// Codes that fail together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Class {
    provider: ProviderId,
    shape: Shape,
    /// `None`: however they begin.
    begins: Option<[u8; 4]>,
}

impl Class {
    /// What a code belongs to: all of its shape, and of these those that begin alike.
    fn both(provider: &ProviderId, look: &Look) -> [Self; 2] {
        [None, Some(look.begins())].map(|begins| Self {
            provider: provider.clone(),
            shape: look.shape,
            begins,
        })
    }
}

/// Whose code is to be exchanged; the `state` is bound to this browser.
#[expect(missing_debug_implementations, reason = "a code is a secret until it is spent")]
pub struct Asker<'a> {
    /// The bind of the browser's cookie.
    pub browser: Bind,
    /// The cookie is a session's, perhaps a former one: no stranger has that.
    pub is_known: bool,
    /// Where the browser sits, as the proxy saw it.
    pub address: Option<IpAddr>,
    /// Whose code it is said to be.
    pub provider: &'a ProviderId,
    /// The code.
    pub code: &'a str,
}

/// The turn of one exchange. Dropped, it stays counted: nobody said that the code was good.
#[derive(Debug)]
pub struct Place {
    limits: Limits,
    provider: ProviderId,
    look: Look,
    classes: [Class; 2],
    taken: Vec<Key>,
    in_flight: Option<OwnedSemaphorePermit>,
    /// From the moment on which the provider may be asked.
    is_counted: bool,
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits").field("lines", &self.lines().by_key.len()).finish_non_exhaustive()
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self(Arc::new(Shared {
            lines: Mutex::default(),
            familiar: Arc::new(Semaphore::new(IN_FLIGHT)),
            unfamiliar: Arc::new(Semaphore::new(UNFAMILIAR_IN_FLIGHT)),
        }))
    }
}

impl Limits {
    /// Waits for this exchange's turn.
    ///
    /// # Errors
    /// There is none soon; come again after so long.
    pub async fn admit(&self, asker: &Asker<'_>) -> Result<Place, Duration> {
        let deadline = Instant::now() + PATIENCE;
        let look = Look::of(asker.code);
        let mut place = Place {
            limits: self.clone(),
            provider: asker.provider.clone(),
            look,
            classes: Class::both(asker.provider, &look),
            taken: Vec::new(),
            in_flight: None,
            is_counted: false,
        };
        place.wait_in(Key::Browser(*asker.browser.as_bytes()), deadline).await?;
        let lane = place.wait_at(network(asker.address), asker.is_known, deadline).await?;
        let flight = if matches!(lane, Key::Unfamiliar(_)) { &self.0.unfamiliar } else { &self.0.familiar };
        let permit = timeout_at(deadline, Arc::clone(flight).acquire_owned()).await;
        place.in_flight = Some(permit.ok().and_then(Result::ok).ok_or(PATIENCE)?);
        place.is_counted = true;
        Ok(place)
    }

    /// Forgets whoever has not failed for a while; run now and then.
    pub fn shrink(&self) {
        self.lines().shrink();
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The code became a session: codes that look like it are not junk.
    pub fn succeed(mut self) {
        self.is_counted = false;
        self.limits.lines().learn(&self.provider, &self.look);
    }

    /// The provider was not asked, or the code was good and what failed was ours.
    pub fn give_back(mut self) {
        self.is_counted = false;
    }

    /// Waits in a lane of this address; tells which, for what is familiar may change meanwhile.
    async fn wait_at(&mut self, address: IpAddr, is_known: bool, deadline: Instant) -> Result<Key, Duration> {
        loop {
            let lane = if is_known {
                Key::Known(address)
            } else if self.limits.lines().is_familiar(self) {
                Key::Familiar(address)
            } else {
                Key::Unfamiliar(address)
            };
            if self.wait_in(lane, deadline).await? {
                return Ok(lane);
            }
        }
    }

    /// Waits in one line; `false`: this code belongs into another one by now.
    async fn wait_in(&mut self, key: Key, deadline: Instant) -> Result<bool, Duration> {
        let waiter = self.limits.lines().join(key, &self.classes).ok_or(PATIENCE)?;
        let waiter = Waiter { limits: self.limits.clone(), key, number: waiter.0, changed: waiter.1 };
        loop {
            let changed = waiter.changed.notified();
            let turn = self.limits.lines().turn(&waiter, self, deadline);
            match turn {
                Turn::Taken => {
                    self.taken.push(key);
                    return Ok(true);
                }
                Turn::Elsewhere => return Ok(false),
                Turn::TurnedAway(wait) => return Err(wait),
                Turn::Wait(until) => tokio::select! {
                    () = changed => {}
                    () = sleep_until(until.min(deadline)) => {}
                },
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lines = self.limits.lines();
        for key in &self.taken {
            lines.end(key, &self.classes, self.is_counted);
        }
    }
}

/// A request in a line; leaves it when its browser does.
struct Waiter {
    limits: Limits,
    key: Key,
    number: u64,
    changed: Arc<Notify>,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut lines = self.limits.lines();
        lines.waiting -= 1;
        if let Some(line) = lines.by_key.get_mut(&self.key) {
            line.leave(self.number, Instant::now());
        }
        lines.forget_if_idle(&self.key);
    }
}

impl Lines {
    fn join(&mut self, key: Key, classes: &[Class; 2]) -> Option<(u64, Arc<Notify>)> {
        if self.by_key.len() >= self.tidy_at.max(TIDY_FROM) {
            self.shrink();
        }
        let now = Instant::now();
        self.joined += 1;
        let line = self.by_key.entry(key).or_insert_with(|| key.line(now));
        if self.waiting >= MAX_WAITING && line.has_queue() {
            return None;
        }
        let changed = line.join(self.joined, classes, now)?;
        self.waiting += 1;
        Some((self.joined, changed))
    }

    fn is_familiar(&self, place: &Place) -> bool {
        self.looks.get(&place.provider).is_some_and(|looks| looks.knows(&place.look))
    }

    fn turn(&mut self, waiter: &Waiter, place: &Place, deadline: Instant) -> Turn {
        if matches!(waiter.key, Key::Unfamiliar(_)) && self.is_familiar(place) {
            return Turn::Elsewhere;
        }
        match self.by_key.get_mut(&waiter.key) {
            Some(line) => line.turn(waiter.number, Instant::now(), deadline),
            None => Turn::TurnedAway(PATIENCE),
        }
    }

    fn end(&mut self, key: &Key, classes: &[Class; 2], is_counted: bool) {
        if let Some(line) = self.by_key.get_mut(key) {
            line.end(classes, is_counted, Instant::now());
        }
        self.forget_if_idle(key);
    }

    fn learn(&mut self, provider: &ProviderId, look: &Look) {
        match self.looks.get_mut(provider) {
            Some(looks) if looks.knows(look) => return,
            Some(looks) => looks.learn(look),
            None => drop(self.looks.insert(provider.clone(), Looks::new(look))),
        }
        // Those who wait with such a code need not wait beside the junk any more.
        self.by_key.values().for_each(Line::wake_all);
    }

    fn forget_if_idle(&mut self, key: &Key) {
        let now = Instant::now();
        if self.by_key.get_mut(key).is_some_and(|line| line.is_idle(now)) {
            self.by_key.remove(key);
        }
    }

    fn shrink(&mut self) {
        let now = Instant::now();
        self.by_key.retain(|_, line| !line.is_idle(now));
        if self.by_key.len() >= MAX_LINES {
            // A flood from everywhere: the number in flight holds, what each address did is forgotten.
            self.by_key.retain(|_, line| line.is_in_use());
        }
        self.tidy_at = 2 * self.by_key.len();
    }
}

impl Key {
    /// The two lanes that a stranger can use let five failing exchanges a second pass, after a first burst.
    fn line(self, now: Instant) -> Line {
        match self {
            // A browser of many tabs signs in in all of them at once.
            Self::Browser(_) => Line::new(8, Duration::from_secs(10), 128, now),
            // An office that comes to work.
            Self::Known(_) | Self::Familiar(_) => Line::new(32, Duration::from_millis(334), 128, now),
            Self::Unfamiliar(_) => Line::new(2, Duration::from_millis(500), 128, now),
        }
    }
}

/// One subscriber's: an IPv6 subscriber holds a /64, and an IPv4 address may come in IPv6's clothes.
fn network(address: Option<IpAddr>) -> IpAddr {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V6(v6)) => {
            let mut segments = v6.segments();
            segments[4..].fill(0);
            IpAddr::V6(segments.into())
        }
        Some(v4) => v4,
        None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

#[cfg(test)]
mod tests;
