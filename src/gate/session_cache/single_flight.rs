//! Look-ups under way, so that a burst of requests for one cookie makes one.
//!
//! Whoever joins a look-up gets an answer that was read before it came. That is right only while it is younger than the
//! bound within which a change must bind: after a pause of the process it is looked up anew.

use super::cached_session::{CacheKey, CachedSession};
use crate::authn::LoadError;
use crate::invalidation::lease::LEASE;
use gatepost_core::clock::BootTime;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::OnceCell;

/// What a look-up found; `Ok(None)`: nobody.
pub(super) type Found = Result<Option<Arc<CachedSession>>, Arc<LoadError>>;

#[derive(Debug)]
struct Flight {
    started: BootTime,
    found: OnceCell<Found>,
}

/// By the key in the cache; a look-up ends with the last request that waits for it.
#[derive(Debug, Default)]
pub(super) struct SingleFlight(Mutex<HashMap<CacheKey, Weak<Flight>>>);

impl SingleFlight {
    /// Joins the look-up that is under way, or starts one; never one that began before `since`, which has missed what
    /// happened then.
    pub(super) async fn join<F: Future<Output = Found>>(
        &self,
        key: CacheKey,
        since: BootTime,
        look_up: impl Fn() -> F,
    ) -> Found {
        loop {
            let flight = self.enter(key, since);
            let found = flight.found.get_or_init(&look_up).await.clone();
            self.leave(key, &flight);
            if BootTime::now() < flight.started.plus(LEASE) {
                return found;
            }
        }
    }

    fn enter(&self, key: CacheKey, since: BootTime) -> Arc<Flight> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let under_way = flights.get(&key).and_then(Weak::upgrade);
        if let Some(flight) = under_way.filter(|flight| flight.started >= since) {
            return flight;
        }
        let flight = Arc::new(Flight { started: BootTime::now(), found: OnceCell::new() });
        flights.insert(key, Arc::downgrade(&flight));
        flight
    }

    /// Who comes now looks up anew.
    fn leave(&self, key: CacheKey, flight: &Arc<Flight>) {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ours = |other: &Weak<Flight>| std::ptr::eq(other.as_ptr(), Arc::as_ptr(flight));
        if flights.get(&key).is_some_and(is_ours) {
            flights.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::{Pin, pin};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::watch;

    /// Goes on until there is something to wait for.
    async fn begin(future: &mut Pin<&mut impl Future<Output = Found>>) {
        tokio::select! {
            biased;
            found = future.as_mut() => panic!("it has ended: {found:?}"),
            () = async {} => {}
        }
    }

    #[tokio::test]
    async fn a_look_up_that_began_before_is_joined_unless_what_happened_since_must_be_in_it() {
        let (flights, key) = (SingleFlight::default(), CacheKey::of("app.example.com", "cookie"));
        let (made, gate) = (AtomicUsize::new(0), watch::Sender::new(false));
        let look_up = || {
            made.fetch_add(1, Ordering::Relaxed);
            let mut gate = gate.subscribe();
            async move {
                let _ = gate.wait_for(|is_open| *is_open).await;
                Ok(None)
            }
        };
        let mut first = pin!(flights.join(key, BootTime::default(), &look_up));
        begin(&mut first).await;
        let since = BootTime::now();
        let mut joining = pin!(flights.join(key, BootTime::default(), &look_up));
        begin(&mut joining).await;
        assert_eq!(made.load(Ordering::Relaxed), 1);
        let mut fresh = pin!(flights.join(key, since, &look_up));
        begin(&mut fresh).await;
        assert_eq!(made.load(Ordering::Relaxed), 2);
        let mut beside = pin!(flights.join(key, since, &look_up));
        begin(&mut beside).await;
        gate.send_replace(true);
        let ended = tokio::join!(first, joining, fresh, beside);
        assert!(matches!(ended, (Ok(None), Ok(None), Ok(None), Ok(None))), "{ended:?}");
        assert_eq!(made.load(Ordering::Relaxed), 2, "one for all who came since");
    }
}
