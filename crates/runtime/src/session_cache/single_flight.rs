//! Single flight: concurrent requests for one cookie share one look-up.
//!
//! A request that joins a look-up may get an answer that was read before the request arrived. This is allowed only
//! while the answer is younger than [`LEASE`]. If it is older, for example after the process was suspended, it is
//! looked up again. So is an answer in which something has ended meanwhile.

use super::cached_caller::{CacheKey, CachedCaller};
use crate::authn::LoadError;
use crate::invalidation::lease::LEASE;
use gatepost_core::clock::BootTime;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::OnceCell;

/// The result of a look-up. `Ok(None)`: the credential is nobody's.
pub(super) type Found<P> = Result<Option<Arc<CachedCaller<P>>>, Arc<LoadError>>;

/// One running look-up.
#[derive(Debug)]
struct Flight<P> {
    started: BootTime,
    found: OnceCell<Found<P>>,
}

/// The running look-ups by cache key. A look-up is dropped with the last request that waits for it.
#[derive(Debug)]
pub(super) struct SingleFlight<P>(Mutex<HashMap<CacheKey, Weak<Flight<P>>>>);

impl<P> Default for SingleFlight<P> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<P> SingleFlight<P> {
    /// Joins the running look-up, or starts one. Does not join one that began before `since`.
    pub(super) async fn join<F: Future<Output = Found<P>>>(
        &self,
        key: CacheKey,
        since: BootTime,
        look_up: impl Fn() -> F,
    ) -> Found<P> {
        loop {
            let flight = self.enter(key, since);
            let found = flight.found.get_or_init(&look_up).await.clone();
            self.leave(key, &flight);
            let counts_until = match &found {
                Ok(Some(caller)) => flight.started.plus(LEASE).min(caller.standing.counts_until),
                _ => flight.started.plus(LEASE),
            };
            if BootTime::now() < counts_until {
                return found;
            }
        }
    }

    fn enter(&self, key: CacheKey, since: BootTime) -> Arc<Flight<P>> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let running = flights.get(&key).and_then(Weak::upgrade);
        if let Some(flight) = running.filter(|flight| flight.started >= since) {
            return flight;
        }
        let flight = Arc::new(Flight { started: BootTime::now(), found: OnceCell::new() });
        flights.insert(key, Arc::downgrade(&flight));
        flight
    }

    /// Removes a finished look-up, so that the next request starts a new one.
    fn leave(&self, key: CacheKey, flight: &Arc<Flight<P>>) {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ours = |other: &Weak<Flight<P>>| std::ptr::eq(other.as_ptr(), Arc::as_ptr(flight));
        if flights.get(&key).is_some_and(is_ours) {
            flights.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::session_proof::SessionProof;
    use super::*;
    use std::pin::{Pin, pin};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::watch;

    /// Polls the future once; it must not complete.
    async fn begin(future: &mut Pin<&mut impl Future<Output = Found<SessionProof>>>) {
        tokio::select! {
            biased;
            found = future.as_mut() => panic!("it has ended: {found:?}"),
            () = async {} => {}
        }
    }

    #[tokio::test]
    async fn a_running_look_up_is_joined_unless_it_began_too_early() {
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
