//! Limits the exchanges of codes, so that invalid codes delay only the client that sends them.
//!
//! Anybody can get a `state` that is bound to their own cookie, so only the provider can tell whether a code is
//! valid. Each exchange is therefore counted before it begins, and given back when it succeeds, in up to three
//! limits:
//!
//! - of its browser, by the binding to its cookie;
//! - of its address (IPv6: its /64), in one of three lanes: browsers whose cookie is or was a session's, codes that look like
//!   codes which this provider has given ([`KnownCodes`]), and all others. A stranger has no such cookie and has never seen a
//!   code of this provider, so their invalid codes wait in the last lane, and people behind the same address use the others;
//! - of this process, by the number of exchanges in flight, apart for the providers of tenants.
//!
//! An exchange above a limit waits for up to five seconds. Those whose codes resemble failed codes least go first. The
//! code stays unused meanwhile. No limit depends on a person's name, so nobody can lock another person out.

mod code_features;
mod places;
mod queue;

use self::code_features::{CodeFeatures, KnownCodes, Shape};
use self::places::{Most, Place, Places};
use self::queue::{Attempt, Queue};
use gatepost_core::ids::ProviderId;
use gatepost_runtime::permits;
use gatepost_store::session::tokens::BrowserBinding;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout_at};

/// How long an exchange waits before its browser has to try again.
const MAX_WAIT: Duration = Duration::from_secs(5);
/// Exchanges in flight in this process.
const FAMILIAR_IN_FLIGHT: Most = Most { configured: 64, of_tenants: 16, of_each: 4 };
/// Exchanges in flight of codes in the last lane. They do not count against [`FAMILIAR_IN_FLIGHT`].
const UNFAMILIAR_IN_FLIGHT: Most = Most { configured: 8, of_tenants: 8, of_each: 2 };
/// The number of requests that wait, of all addresses together: half of the public listener's connections, so that
/// waiting requests do not block others.
const MAX_WAITING: usize = 256;
/// Idle queues are removed when their number has doubled, from this number on.
const MIN_SHRINK_SIZE: usize = 64;
/// The number of queues in memory, which take less than 10 MiB.
const MAX_QUEUES: usize = 30_000;

/// The limits of this process.
#[derive(Clone)]
pub struct Limits(Arc<Shared>);

struct Shared {
    queues: Mutex<Queues>,
    familiar: Places,
    unfamiliar: Places,
}

#[derive(Default)]
struct Queues {
    by_key: HashMap<QueueKey, Queue>,
    /// The features of codes that became sessions. Only people with an account can add to them.
    known_codes: HashMap<ProviderId, KnownCodes>,
    waiting: usize,
    joined: u64,
    shrink_at: usize,
}

/// What a queue counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum QueueKey {
    Browser([u8; 32]),
    /// Browsers of this address that had a session.
    Known(IpAddr),
    /// Codes from this address that resemble this provider's codes.
    Familiar(IpAddr),
    /// Other codes from this address.
    Unfamiliar(IpAddr),
}

/// A class of similar codes whose failures are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct FailureClass {
    provider: ProviderId,
    shape: Shape,
    /// `None`: any prefix.
    prefix: Option<[u8; 4]>,
}

impl FailureClass {
    /// The two classes of a code: all codes of its shape, and those among them with the same prefix.
    fn both(provider: &ProviderId, features: &CodeFeatures) -> [Self; 2] {
        [None, Some(features.prefix())].map(|prefix| Self {
            provider: provider.clone(),
            shape: features.shape,
            prefix,
        })
    }
}

/// A request to exchange a code.
#[expect(missing_debug_implementations, reason = "a code is a secret until it is spent")]
pub struct ExchangeRequest<'a> {
    /// The binding to the browser's cookie, which the `state` contains too.
    pub browser: BrowserBinding,
    /// Whether the cookie belongs to a session, perhaps an ended one. A stranger has no such cookie.
    pub is_known: bool,
    /// The browser's IP address, as the proxy reported it.
    pub address: Option<IpAddr>,
    /// The provider whose callback received the code.
    pub provider: &'a ProviderId,
    /// The code.
    pub code: &'a str,
}

/// The permit of one exchange. If it is dropped the exchange counts as failed.
#[derive(Debug)]
pub struct ExchangePermit {
    limits: Limits,
    provider: ProviderId,
    features: CodeFeatures,
    classes: [FailureClass; 2],
    taken: Vec<QueueKey>,
    in_flight: Option<Place>,
    /// True as soon as the exchange may begin.
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
            familiar: Places::new(FAMILIAR_IN_FLIGHT),
            unfamiliar: Places::new(UNFAMILIAR_IN_FLIGHT),
        }))
    }
}

impl Limits {
    /// Waits until this exchange may begin.
    ///
    /// # Errors
    /// The limits stay reached. Holds the time after which to try again.
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
        let places =
            if matches!(lane, QueueKey::Unfamiliar(_)) { &self.0.unfamiliar } else { &self.0.familiar };
        let place = timeout_at(deadline, places.take(request.provider)).await;
        permit.in_flight = Some(place.map_err(|_| MAX_WAIT)?);
        permit.is_counted = true;
        Ok(permit)
    }

    /// Removes idle queues. Called at intervals.
    pub fn shrink(&self) {
        self.queues().shrink();
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.0.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ExchangePermit {
    /// Records that the code became a session: similar codes are familiar from now on.
    pub fn succeed(mut self) {
        self.is_counted = false;
        self.limits.queues().learn(&self.provider, &self.features);
    }

    /// Does not count the exchange: the provider was not queried, or the failure was not the code's.
    pub fn refund(mut self) {
        self.is_counted = false;
    }

    /// Waits in a lane of this address. Returns the lane, which may change meanwhile as codes become familiar.
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

    /// Waits in one queue. `false`: the code now belongs into another queue.
    async fn wait_in(&mut self, key: QueueKey, deadline: Instant) -> Result<bool, Duration> {
        let waiter = self.limits.queues().join(key, &self.classes).ok_or(MAX_WAIT)?;
        let waiter = Waiter { limits: self.limits.clone(), key, number: waiter.0, changed: waiter.1 };
        loop {
            let changed = waiter.changed.notified();
            let attempt = self.limits.queues().try_begin(&waiter, self, deadline);
            match attempt {
                Attempt::Taken => {
                    self.taken.push(key);
                    return Ok(true);
                }
                Attempt::WrongQueue => return Ok(false),
                Attempt::Refused(wait) => return Err(wait),
                Attempt::Wait(until) => tokio::select! {
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

/// A request in a queue, which leaves it when dropped.
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

    fn try_begin(&mut self, waiter: &Waiter, permit: &ExchangePermit, deadline: Instant) -> Attempt {
        if matches!(waiter.key, QueueKey::Unfamiliar(_)) && self.is_familiar(permit) {
            return Attempt::WrongQueue;
        }
        match self.by_key.get_mut(&waiter.key) {
            Some(queue) => queue.try_begin(waiter.number, Instant::now(), deadline),
            None => Attempt::Refused(MAX_WAIT),
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
        // Waiting requests with such codes move to another lane.
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
            // A flood from many addresses: the number in flight stays limited, but the counts of idle queues are lost.
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

/// Whose queue an address belongs to. All requests without an address share one.
fn network(address: Option<IpAddr>) -> IpAddr {
    address.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), permits::holder_of)
}

#[cfg(test)]
mod tests;
