//! Connections to the databases, lent out one at a time.
//!
//! Guarantees: a connection whose use was cut off (time limit, caller gone, network error) is closed, not tested: the
//! test would wait for a dead server and keep the pool's place meanwhile. None is tested when it is lent or given back
//! either, which would cost a round trip each; its first statement is the test. Connections belong to the runtime on
//! which the pool was made, whoever asks, and whoever gave up waiting: at most as many as the pool has places are being
//! made at a time, and one that nobody waits for any more is there for the next.

use deadpool::managed::{self, Metrics, QueueMode, RecycleError, RecycleResult};
use sqlx::Error;
use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Proxies in between forget what is silent for long, and tell nobody.
const MAX_IDLE: Duration = Duration::from_mins(5);
/// A server's memory for a connection only grows.
const MAX_AGE: Duration = Duration::from_mins(30);

/// Makes connections of one kind.
pub trait Connect: Clone + Send + Sync + 'static {
    /// What it makes.
    type Connection: Send + 'static;

    /// Makes one, ready for use.
    fn connect(self) -> impl Future<Output = Result<Self::Connection, Error>> + Send;
}

/// A handle; clones share the connections.
pub struct Pool<C: Connect>(managed::Pool<Maker<C>>);

impl<C: Connect> Pool<C> {
    /// At most `size` connections, made when they are first needed.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn new(connect: C, size: usize) -> Self {
        let maker = Maker {
            connect,
            runtime: Handle::current(),
            places: Arc::new(Semaphore::new(size)),
            unclaimed: Arc::default(),
        };
        let builder = managed::Pool::builder(maker).max_size(size).queue_mode(QueueMode::Lifo);
        Self(builder.build().expect("only time limits need a runtime of the pool's own"))
    }

    /// Borrows a connection; waits for one as long as the caller does.
    ///
    /// # Errors
    /// None can be made.
    pub async fn borrow(&self) -> Result<Borrowed<C>, Error> {
        let lent = self.0.get().await.map_err(|error| match error {
            managed::PoolError::Backend(error) => error,
            _ => Error::PoolClosed,
        })?;
        Ok(Borrowed { lent: Some(lent), is_sound: false })
    }
}

impl<C: Connect> Clone for Pool<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C: Connect> fmt::Debug for Pool<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({:?})", self.0.status())
    }
}

/// A connection, until it is dropped: then it is closed, unless it was [`give_back`](Self::give_back) sound.
pub struct Borrowed<C: Connect> {
    lent: Option<managed::Object<Maker<C>>>,
    is_sound: bool,
}

impl<C: Connect> Borrowed<C> {
    /// Its use is over, and the next may have it.
    pub fn give_back(mut self) {
        self.is_sound = true;
    }
}

impl<C: Connect> fmt::Debug for Borrowed<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Borrowed")
    }
}

impl<C: Connect> Deref for Borrowed<C> {
    type Target = C::Connection;

    fn deref(&self) -> &C::Connection {
        self.lent.as_ref().expect("there until it is dropped")
    }
}

impl<C: Connect> DerefMut for Borrowed<C> {
    fn deref_mut(&mut self) -> &mut C::Connection {
        self.lent.as_mut().expect("there until it is dropped")
    }
}

impl<C: Connect> Drop for Borrowed<C> {
    fn drop(&mut self) {
        if let Some(lent) = self.lent.take().filter(|_| !self.is_sound) {
            drop(managed::Object::take(lent));
        }
    }
}

struct Maker<C: Connect> {
    connect: C,
    runtime: Handle,
    places: Arc<Semaphore>,
    unclaimed: Arc<Unclaimed<C::Connection>>,
}

/// Made for somebody who had given up, and since when.
type Unclaimed<T> = Mutex<Vec<(Instant, T)>>;

fn claim<T>(unclaimed: &Unclaimed<T>) -> Option<T> {
    let mut unclaimed = unclaimed.lock().unwrap_or_else(PoisonError::into_inner);
    unclaimed.retain(|(since, _)| since.elapsed() <= MAX_IDLE);
    unclaimed.pop().map(|(_, connection)| connection)
}

impl<C: Connect> managed::Manager for Maker<C> {
    type Type = C::Connection;
    type Error = Error;

    async fn create(&self) -> Result<C::Connection, Error> {
        // Released when the connection is made, not when somebody gives up.
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| Error::PoolClosed)?;
        if let Some(connection) = claim(&self.unclaimed) {
            return Ok(connection);
        }
        let (made, waiting) = oneshot::channel();
        let (connect, unclaimed) = (self.connect.clone(), Arc::clone(&self.unclaimed));
        self.runtime.spawn(async move {
            let timed_out = |_| Err(Error::Io(io::ErrorKind::TimedOut.into()));
            let connected = timeout(CONNECT_TIMEOUT, connect.connect()).await.unwrap_or_else(timed_out);
            if let Err(Ok(connection)) = made.send(connected) {
                let mut unclaimed = unclaimed.lock().unwrap_or_else(PoisonError::into_inner);
                unclaimed.push((Instant::now(), connection));
            }
            drop(place);
        });
        waiting.await.unwrap_or(Err(Error::PoolClosed))
    }

    async fn recycle(&self, _connection: &mut C::Connection, metrics: &Metrics) -> RecycleResult<Error> {
        if metrics.age() > MAX_AGE || metrics.last_used() > MAX_IDLE {
            return Err(RecycleError::message("too old"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Numbers; each is made when a permit says so.
    #[derive(Clone)]
    struct Numbers {
        made: Arc<AtomicUsize>,
        allowed: Arc<Semaphore>,
    }

    impl Numbers {
        fn allowing(count: usize) -> Self {
            Self { made: Arc::default(), allowed: Arc::new(Semaphore::new(count)) }
        }
    }

    impl Connect for Numbers {
        type Connection = usize;

        async fn connect(self) -> Result<usize, Error> {
            self.allowed.acquire().await.expect("open").forget();
            Ok(self.made.fetch_add(1, Ordering::SeqCst))
        }
    }

    async fn give_up<C: Connect>(pool: &Pool<C>) {
        let tried = timeout(Duration::from_millis(1), pool.borrow()).await;
        assert!(tried.is_err(), "nothing can be made yet");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_given_back_is_lent_again_and_what_was_dropped_is_not() {
        let pool = Pool::new(Numbers::allowing(9), 2);
        let first = pool.borrow().await.expect("a connection");
        assert_eq!(*first, 0);
        first.give_back();
        let again = pool.borrow().await.expect("a connection");
        assert_eq!(*again, 0);
        drop(again);
        assert_eq!(*pool.borrow().await.expect("a connection"), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_lent_than_there_are_places() {
        let pool = Pool::new(Numbers::allowing(9), 2);
        let (first, _second) = (pool.borrow().await.expect("one"), pool.borrow().await.expect("another"));
        give_up(&pool).await;
        first.give_back();
        assert_eq!(*pool.borrow().await.expect("the first"), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_give_up_make_no_more_than_there_are_places_and_the_next_finds_theirs() {
        let numbers = Numbers::allowing(0);
        let pool = Pool::new(numbers.clone(), 2);
        for _ in 0..50 {
            give_up(&pool).await;
        }
        numbers.allowed.add_permits(50);
        let (first, second) = (pool.borrow().await.expect("one"), pool.borrow().await.expect("another"));
        assert!(*first < 2 && *second < 2);
        assert_eq!(numbers.made.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_claimed_for_long_is_not_lent() {
        let numbers = Numbers::allowing(0);
        let pool = Pool::new(numbers.clone(), 1);
        give_up(&pool).await;
        numbers.allowed.add_permits(2);
        tokio::time::sleep(MAX_IDLE + Duration::from_secs(1)).await;
        assert_eq!(*pool.borrow().await.expect("a new one"), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_is_an_error_in_time_and_its_place_is_free_again() {
        let numbers = Numbers::allowing(0);
        let pool = Pool::new(numbers.clone(), 1);
        assert!(
            matches!(pool.borrow().await.err(), Some(Error::Io(error)) if error.kind() == io::ErrorKind::TimedOut)
        );
        numbers.allowed.add_permits(1);
        assert!(pool.borrow().await.is_ok());
    }
}
