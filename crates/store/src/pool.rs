//! Pools of database connections.
//!
//! Guarantees:
//! - A connection whose use was interrupted (time limit, dropped caller, network error) is closed and not tested. A test
//!   would wait for a dead server and occupy the pool's place meanwhile.
//! - No connection is tested when it is acquired or released. That would cost a round trip each time; the first statement
//!   is the test.
//! - Connections belong to the runtime on which the pool was made, whichever task acquires them.
//! - No more connections are being made at a time than the pool has places. A connection whose caller no longer waits is
//!   kept for the next caller.
//! - A connection is not acquired once the generation has grown since its making began.

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
/// Proxies drop connections that are idle for long, without closing them.
const MAX_IDLE: Duration = Duration::from_mins(5);
/// The server's memory for a connection only grows.
const MAX_AGE: Duration = Duration::from_mins(30);

/// Makes connections of one kind.
pub trait Connect: Clone + Send + Sync + 'static {
    type Connection: Send + 'static;

    /// Makes a connection that is ready for use.
    fn connect(self) -> impl Future<Output = Result<Self::Connection, Error>> + Send;

    /// Grows when connections that were made before must not be used any more, because they lead to another server.
    fn generation(&self) -> u64 {
        0
    }
}

/// A handle to a pool. Clones share the connections.
pub struct Pool<C: Connect>(managed::Pool<Maker<C>>);

impl<C: Connect> Pool<C> {
    /// A pool of at most `size` connections, which are made when they are first needed.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn new(connect: C, size: usize) -> Self {
        let maker = Maker {
            connect,
            runtime: Handle::current(),
            places: Arc::new(Semaphore::new(size)),
            abandoned: Arc::default(),
        };
        let builder = managed::Pool::builder(maker).max_size(size).queue_mode(QueueMode::Lifo);
        Self(builder.build().expect("only time limits need a runtime of the pool's own"))
    }

    /// How many connections there are at most.
    pub fn max_size(&self) -> usize {
        self.0.status().max_size
    }

    /// Acquires a connection, and waits for a free one without a time limit of its own.
    ///
    /// # Errors
    /// The connection cannot be made.
    pub async fn acquire(&self) -> Result<PooledConnection<C>, Error> {
        let acquired = self.0.get().await.map_err(|error| match error {
            managed::PoolError::Backend(error) => error,
            _ => Error::PoolClosed,
        })?;
        Ok(PooledConnection { acquired: Some(acquired), is_sound: false })
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

/// A connection from a pool. It is closed when it is dropped, unless it was [released](Self::release).
pub struct PooledConnection<C: Connect> {
    acquired: Option<managed::Object<Maker<C>>>,
    is_sound: bool,
}

impl<C: Connect> PooledConnection<C> {
    /// Returns the connection to the pool.
    pub fn release(mut self) {
        self.is_sound = true;
    }
}

impl<C: Connect> fmt::Debug for PooledConnection<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PooledConnection")
    }
}

impl<C: Connect> Deref for PooledConnection<C> {
    type Target = C::Connection;

    fn deref(&self) -> &C::Connection {
        &self.acquired.as_ref().expect("there until it is dropped").connection
    }
}

impl<C: Connect> DerefMut for PooledConnection<C> {
    fn deref_mut(&mut self) -> &mut C::Connection {
        &mut self.acquired.as_mut().expect("there until it is dropped").connection
    }
}

impl<C: Connect> Drop for PooledConnection<C> {
    fn drop(&mut self) {
        if let Some(acquired) = self.acquired.take().filter(|_| !self.is_sound) {
            drop(managed::Object::take(acquired));
        }
    }
}

struct Maker<C: Connect> {
    connect: C,
    runtime: Handle,
    places: Arc<Semaphore>,
    abandoned: Arc<Abandoned<C::Connection>>,
}

/// A connection, and the generation in which its making began.
struct Made<T> {
    connection: T,
    generation: u64,
}

/// Connections whose callers no longer waited, and when each was made.
type Abandoned<T> = Mutex<Vec<(Instant, Made<T>)>>;

fn take_abandoned<T>(abandoned: &Abandoned<T>) -> Option<Made<T>> {
    let mut abandoned = abandoned.lock().unwrap_or_else(PoisonError::into_inner);
    abandoned.retain(|(since, _)| since.elapsed() <= MAX_IDLE);
    abandoned.pop().map(|(_, made)| made)
}

impl<C: Connect> Maker<C> {
    async fn make(&self) -> Result<Made<C::Connection>, Error> {
        // Held until the connection is made, also when the caller stops waiting.
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| Error::PoolClosed)?;
        if let Some(made) = take_abandoned(&self.abandoned) {
            return Ok(made);
        }
        let (made, waiting) = oneshot::channel();
        let (connect, abandoned) = (self.connect.clone(), Arc::clone(&self.abandoned));
        self.runtime.spawn(async move {
            let generation = connect.generation();
            let timed_out = |_| Err(Error::Io(io::ErrorKind::TimedOut.into()));
            let connected = timeout(CONNECT_TIMEOUT, connect.connect()).await.unwrap_or_else(timed_out);
            if let Err(Ok(made)) = made.send(connected.map(|connection| Made { connection, generation })) {
                let mut abandoned = abandoned.lock().unwrap_or_else(PoisonError::into_inner);
                abandoned.push((Instant::now(), made));
            }
            drop(place);
        });
        waiting.await.unwrap_or(Err(Error::PoolClosed))
    }
}

impl<C: Connect> managed::Manager for Maker<C> {
    type Type = Made<C::Connection>;
    type Error = Error;

    async fn create(&self) -> Result<Made<C::Connection>, Error> {
        loop {
            let made = self.make().await?;
            if made.generation == self.connect.generation() {
                return Ok(made);
            }
        }
    }

    async fn recycle(&self, made: &mut Made<C::Connection>, metrics: &Metrics) -> RecycleResult<Error> {
        if metrics.age() > MAX_AGE || metrics.last_used() > MAX_IDLE {
            return Err(RecycleError::message("too old"));
        }
        if made.generation != self.connect.generation() {
            return Err(RecycleError::message("leads to another server"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    /// Makes numbers; each takes a permit.
    #[derive(Clone)]
    struct Numbers {
        made: Arc<AtomicUsize>,
        allowed: Arc<Semaphore>,
        generation: Arc<AtomicU64>,
    }

    impl Numbers {
        fn allowing(count: usize) -> Self {
            let allowed = Arc::new(Semaphore::new(count));
            Self { made: Arc::default(), allowed, generation: Arc::default() }
        }
    }

    impl Connect for Numbers {
        type Connection = usize;

        async fn connect(self) -> Result<usize, Error> {
            self.allowed.acquire().await.expect("open").forget();
            Ok(self.made.fetch_add(1, Ordering::SeqCst))
        }

        fn generation(&self) -> u64 {
            self.generation.load(Ordering::SeqCst)
        }
    }

    async fn give_up<C: Connect>(pool: &Pool<C>) {
        let tried = timeout(Duration::from_millis(1), pool.acquire()).await;
        assert!(tried.is_err(), "nothing can be made yet");
    }

    #[tokio::test(start_paused = true)]
    async fn a_released_connection_is_reused_and_a_dropped_one_is_closed() {
        let pool = Pool::new(Numbers::allowing(9), 2);
        let first = pool.acquire().await.expect("a connection");
        assert_eq!(*first, 0);
        first.release();
        let again = pool.acquire().await.expect("a connection");
        assert_eq!(*again, 0);
        drop(again);
        assert_eq!(*pool.acquire().await.expect("a connection"), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_connections_are_in_use_than_the_pool_has_places() {
        let pool = Pool::new(Numbers::allowing(9), 2);
        let (first, _second) = (pool.acquire().await.expect("one"), pool.acquire().await.expect("another"));
        give_up(&pool).await;
        first.release();
        assert_eq!(*pool.acquire().await.expect("the first"), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn callers_that_stop_waiting_leave_at_most_as_many_connections_as_places_for_the_next() {
        let numbers = Numbers::allowing(0);
        let pool = Pool::new(numbers.clone(), 2);
        for _ in 0..50 {
            give_up(&pool).await;
        }
        numbers.allowed.add_permits(50);
        let (first, second) = (pool.acquire().await.expect("one"), pool.acquire().await.expect("another"));
        assert!(*first < 2 && *second < 2);
        assert_eq!(numbers.made.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_abandoned_connection_that_is_too_old_is_not_reused() {
        let numbers = Numbers::allowing(0);
        let pool = Pool::new(numbers.clone(), 1);
        give_up(&pool).await;
        numbers.allowed.add_permits(2);
        tokio::time::sleep(MAX_IDLE + Duration::from_secs(1)).await;
        assert_eq!(*pool.acquire().await.expect("a new one"), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn connections_of_an_earlier_generation_are_not_acquired() {
        let numbers = Numbers::allowing(1);
        let pool = Pool::new(numbers.clone(), 2);
        let first = pool.acquire().await.expect("a connection");
        give_up(&pool).await;
        numbers.allowed.add_permits(1);
        while numbers.made.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        first.release();
        numbers.generation.fetch_add(1, Ordering::SeqCst);
        numbers.allowed.add_permits(2);
        let (third, fourth) =
            (pool.acquire().await.expect("a new one"), pool.acquire().await.expect("another"));
        assert!(*third >= 2 && *fourth >= 2, "neither the idle nor the abandoned one");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_is_an_error_within_the_limit_and_its_place_is_free_again() {
        let numbers = Numbers::allowing(0);
        let pool = Pool::new(numbers.clone(), 1);
        assert!(
            matches!(pool.acquire().await.err(), Some(Error::Io(error)) if error.kind() == io::ErrorKind::TimedOut)
        );
        numbers.allowed.add_permits(1);
        assert!(pool.acquire().await.is_ok());
    }
}
