//! Look-ups under way, so that a burst of requests for one cookie makes one.
//!
//! Whoever joins a look-up gets an answer that was read before it came. That is right only while it is younger than the
//! bound within which a change must bind: after a pause of the process it is looked up anew.

use super::lease::LEASE;
use super::pass::{Pass, PassKey};
use crate::domain::clock::BootTime;
use crate::principal::LoadError;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::OnceCell;

/// What a look-up found; `Ok(None)`: nobody.
pub(super) type Found = Result<Option<Arc<Pass>>, Arc<LoadError>>;

#[derive(Debug)]
struct Flight {
    started: BootTime,
    found: OnceCell<Found>,
}

/// By the key of the pass; a flight ends with the last request that waits for it.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<PassKey, Weak<Flight>>>);

impl Flights {
    /// Joins the look-up that is under way, or starts one.
    pub(super) async fn join<F: Future<Output = Found>>(
        &self,
        key: PassKey,
        look_up: impl Fn() -> F,
    ) -> Found {
        loop {
            let flight = self.enter(key);
            let found = flight.found.get_or_init(&look_up).await.clone();
            self.leave(key, &flight);
            if BootTime::now() < flight.started.plus(LEASE) {
                return found;
            }
        }
    }

    fn enter(&self, key: PassKey) -> Arc<Flight> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&key).and_then(Weak::upgrade) {
            return flight;
        }
        let flight = Arc::new(Flight { started: BootTime::now(), found: OnceCell::new() });
        flights.insert(key, Arc::downgrade(&flight));
        flight
    }

    /// Who comes now looks up anew.
    fn leave(&self, key: PassKey, flight: &Arc<Flight>) {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ours = |other: &Weak<Flight>| std::ptr::eq(other.as_ptr(), Arc::as_ptr(flight));
        if flights.get(&key).is_some_and(is_ours) {
            flights.remove(&key);
        }
    }
}
