//! Who may exchange a code now: junk codes cost the one who sends them, nobody else.
//!
//! Anybody can get a `state` that is bound to a cookie of their own, so a code is only known to be junk after the provider
//! was asked. Each exchange is therefore counted before it begins, and given back when it succeeds, in up to three places:
//!
//! - its browser, by the bind of its cookie;
//! - its address (IPv6: its /64), in one of three lanes: browsers whose cookie is or was a session's, codes that look like
//!   codes which this provider has given ([`KnownCodes`]), and all others. A stranger has no such cookie and has never seen a
//!   code of this provider, so junk waits in the last lane, and people behind the same address pass it in the others;
//! - this process, by the number of exchanges in flight.
//!
//! What finds no room waits a few seconds, those first whose codes look least like codes that failed. Nothing is used up
//! meanwhile. Nothing here names a person, so nobody can lock somebody else out.

mod code_features;
mod queue;

use self::code_features::{CodeFeatures, KnownCodes, Shape};
use self::queue::{Queue, Turn};
use gatepost_core::ids::ProviderId;
use gatepost_store::session::values::Bind;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout_at};

/// How long an exchange waits for its turn before its browser is told to come again.
const MAX_WAIT: Duration = Duration::from_secs(5);
/// Exchanges in flight in this process.
const IN_FLIGHT: usize = 64;
/// Of codes that look like none that the provider has given; beside [`IN_FLIGHT`], so that these take no place there.
const UNFAMILIAR_IN_FLIGHT: usize = 8;
/// So many requests wait behind others at most, of all addresses together: half of the connections that the public
/// listener has, so that those who wait keep nobody out.
const MAX_WAITING: usize = 256;
/// The queues are tidied when they have doubled, from here on.
const MIN_SHRINK_SIZE: usize = 64;
/// So many queues are remembered at most, below 10 MiB.
const MAX_QUEUES: usize = 30_000;

/// The limits of this process.
#[derive(Clone)]
pub struct Limits(Arc<Shared>);

struct Shared {
    queues: Mutex<Queues>,
    familiar: Arc<Semaphore>,
    unfamiliar: Arc<Semaphore>,
}

#[derive(Default)]
struct Queues {
    by_key: HashMap<QueueKey, Queue>,
    /// What codes look like that became sessions. Only whoever has an account here adds to it.
    known_codes: HashMap<ProviderId, KnownCodes>,
    waiting: usize,
    joined: u64,
    shrink_at: usize,
}

/// Whom a queue counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum QueueKey {
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
struct FailureClass {
    provider: ProviderId,
    shape: Shape,
    /// `None`: however they begin.
    prefix: Option<[u8; 4]>,
}

impl FailureClass {
    /// What a code belongs to: all of its shape, and of these those that begin alike.
    fn both(provider: &ProviderId, features: &CodeFeatures) -> [Self; 2] {
        [None, Some(features.prefix())].map(|prefix| Self {
            provider: provider.clone(),
            shape: features.shape,
            prefix,
        })
    }
}

/// Whose code is to be exchanged; the `state` is bound to this browser.
#[expect(missing_debug_implementations, reason = "a code is a secret until it is spent")]
pub struct ExchangeRequest<'a> {
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
pub struct ExchangePermit {
    limits: Limits,
    provider: ProviderId,
    features: CodeFeatures,
    classes: [FailureClass; 2],
    taken: Vec<QueueKey>,
    in_flight: Option<OwnedSemaphorePermit>,
    /// From the moment on which the provider may be asked.
    is_counted: bool,
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits").field("queues", &self.queues().by_key.len()).finish_non_exhaustive()
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self(Arc::new(Shared {
            queues: Mutex::default(),
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
    pub async fn admit(&self, request: &ExchangeRequest<'_>) -> Result<ExchangePermit, Duration> {
        let deadline = Instant::now() + MAX_WAIT;
        let features = CodeFeatures::of(request.code);
        let mut permit = ExchangePermit {
            limits: self.clone(),
            provider: request.provider.clone(),
            features,
            classes: FailureClass::both(request.provider, &features),
            taken: Vec::new(),
            in_flight: None,
            is_counted: false,
        };
        permit.wait_in(QueueKey::Browser(*request.browser.as_bytes()), deadline).await?;
        let lane = permit.wait_at(network(request.address), request.is_known, deadline).await?;
        let flight =
            if matches!(lane, QueueKey::Unfamiliar(_)) { &self.0.unfamiliar } else { &self.0.familiar };
        let in_flight = timeout_at(deadline, Arc::clone(flight).acquire_owned()).await;
        permit.in_flight = Some(in_flight.ok().and_then(Result::ok).ok_or(MAX_WAIT)?);
        permit.is_counted = true;
        Ok(permit)
    }

    /// Forgets whoever has not failed for a while; run now and then.
    pub fn shrink(&self) {
        self.queues().shrink();
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.0.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ExchangePermit {
    /// The code became a session: codes that look like it are not junk.
    pub fn succeed(mut self) {
        self.is_counted = false;
        self.limits.queues().learn(&self.provider, &self.features);
    }

    /// The provider was not asked, or the code was good and what failed was ours.
    pub fn refund(mut self) {
        self.is_counted = false;
    }

    /// Waits in a lane of this address; tells which, for what is familiar may change meanwhile.
    async fn wait_at(
        &mut self,
        address: IpAddr,
        is_known: bool,
        deadline: Instant,
    ) -> Result<QueueKey, Duration> {
        loop {
            let lane = if is_known {
                QueueKey::Known(address)
            } else if self.limits.queues().is_familiar(self) {
                QueueKey::Familiar(address)
            } else {
                QueueKey::Unfamiliar(address)
            };
            if self.wait_in(lane, deadline).await? {
                return Ok(lane);
            }
        }
    }

    /// Waits in one queue; `false`: this code belongs into another one by now.
    async fn wait_in(&mut self, key: QueueKey, deadline: Instant) -> Result<bool, Duration> {
        let waiter = self.limits.queues().join(key, &self.classes).ok_or(MAX_WAIT)?;
        let waiter = Waiter { limits: self.limits.clone(), key, number: waiter.0, changed: waiter.1 };
        loop {
            let changed = waiter.changed.notified();
            let turn = self.limits.queues().turn(&waiter, self, deadline);
            match turn {
                Turn::Taken => {
                    self.taken.push(key);
                    return Ok(true);
                }
                Turn::WrongQueue => return Ok(false),
                Turn::Refused(wait) => return Err(wait),
                Turn::Wait(until) => tokio::select! {
                    () = changed => {}
                    () = sleep_until(until.min(deadline)) => {}
                },
            }
        }
    }
}

impl Drop for ExchangePermit {
    fn drop(&mut self) {
        let mut queues = self.limits.queues();
        for key in &self.taken {
            queues.end(key, &self.classes, self.is_counted);
        }
    }
}

/// A request in a queue; leaves it when its browser does.
struct Waiter {
    limits: Limits,
    key: QueueKey,
    number: u64,
    changed: Arc<Notify>,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut queues = self.limits.queues();
        queues.waiting -= 1;
        if let Some(queue) = queues.by_key.get_mut(&self.key) {
            queue.leave(self.number, Instant::now());
        }
        queues.forget_if_idle(&self.key);
    }
}

impl Queues {
    fn join(&mut self, key: QueueKey, classes: &[FailureClass; 2]) -> Option<(u64, Arc<Notify>)> {
        if self.by_key.len() >= self.shrink_at.max(MIN_SHRINK_SIZE) {
            self.shrink();
        }
        let now = Instant::now();
        self.joined += 1;
        let queue = self.by_key.entry(key).or_insert_with(|| key.new_queue(now));
        if self.waiting >= MAX_WAITING && queue.has_waiting() {
            return None;
        }
        let changed = queue.join(self.joined, classes, now)?;
        self.waiting += 1;
        Some((self.joined, changed))
    }

    fn is_familiar(&self, permit: &ExchangePermit) -> bool {
        self.known_codes.get(&permit.provider).is_some_and(|known_codes| known_codes.knows(&permit.features))
    }

    fn turn(&mut self, waiter: &Waiter, permit: &ExchangePermit, deadline: Instant) -> Turn {
        if matches!(waiter.key, QueueKey::Unfamiliar(_)) && self.is_familiar(permit) {
            return Turn::WrongQueue;
        }
        match self.by_key.get_mut(&waiter.key) {
            Some(queue) => queue.turn(waiter.number, Instant::now(), deadline),
            None => Turn::Refused(MAX_WAIT),
        }
    }

    fn end(&mut self, key: &QueueKey, classes: &[FailureClass; 2], is_counted: bool) {
        if let Some(queue) = self.by_key.get_mut(key) {
            queue.end(classes, is_counted, Instant::now());
        }
        self.forget_if_idle(key);
    }

    fn learn(&mut self, provider: &ProviderId, features: &CodeFeatures) {
        match self.known_codes.get_mut(provider) {
            Some(known_codes) if known_codes.knows(features) => return,
            Some(known_codes) => known_codes.learn(features),
            None => drop(self.known_codes.insert(provider.clone(), KnownCodes::new(features))),
        }
        // Those who wait with such a code need not wait beside the junk any more.
        self.by_key.values().for_each(Queue::wake_all);
    }

    fn forget_if_idle(&mut self, key: &QueueKey) {
        let now = Instant::now();
        if self.by_key.get_mut(key).is_some_and(|queue| queue.is_idle(now)) {
            self.by_key.remove(key);
        }
    }

    fn shrink(&mut self) {
        let now = Instant::now();
        self.by_key.retain(|_, queue| !queue.is_idle(now));
        if self.by_key.len() >= MAX_QUEUES {
            // A flood from everywhere: the number in flight holds, what each address did is forgotten.
            self.by_key.retain(|_, queue| queue.is_in_use());
        }
        self.shrink_at = 2 * self.by_key.len();
    }
}

impl QueueKey {
    /// The two lanes that a stranger can use let five failing exchanges a second pass, after a first burst.
    fn new_queue(self, now: Instant) -> Queue {
        match self {
            // A browser of many tabs signs in in all of them at once.
            Self::Browser(_) => Queue::new(8, Duration::from_secs(10), 128, now),
            // An office that comes to work.
            Self::Known(_) | Self::Familiar(_) => Queue::new(32, Duration::from_millis(334), 128, now),
            Self::Unfamiliar(_) => Queue::new(2, Duration::from_millis(500), 128, now),
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
