//! Sessions whose provider is being asked, and the requests that wait for its answer.
//!
//! A replica asks about one session once at a time, however many want to know; over all replicas `login::refresh` sees
//! to that. A request that waits holds neither a thread nor a connection to a store. Guarantees: a request waits no
//! longer than [`WAIT`], and the check goes on without it; so many wait for one person, so many in all, and whoever finds
//! no place is answered at once.

use crate::login::refresh;
use crate::places::Places;
use crate::state::State;
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::decision::Check;
use gatepost_core::error_chain::Chain;
use gatepost_core::ids::UserId;
use gatepost_store::session::store::StoreError;
use gatepost_store::session::values::SessionId;
use gatepost_telemetry::RefreshOutcome;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// A request waits at most so long (DESIGN.md section 2).
const WAIT: Duration = Duration::from_secs(3);
/// While another replica asks, the record is read again after a pause, which doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(400);
/// Requests of one person that wait on this replica. By person, not by session: somebody may have many sessions.
const MOST_OF_ONE: usize = 64;
/// Requests of all people together: half of what one HTTP/2 connection of the proxy carries.
const MOST: usize = 512;

/// When a check was over; `None`: it goes on.
pub type Over = watch::Receiver<Option<BootTime>>;

/// A session, by its hash.
type Key = [u8; 32];

/// All checks of the process.
#[derive(Debug)]
pub struct Checks {
    under_way: Mutex<HashMap<Key, Over>>,
    waiting: Arc<Places<UserId>>,
}

impl Default for Checks {
    fn default() -> Self {
        Self { under_way: Mutex::default(), waiting: Arc::new(Places::new(MOST_OF_ONE, MOST)) }
    }
}

impl Checks {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Over>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has the provider asked about a session, if that is due, and tells when that was over; `None`: the session store
/// cannot say.
pub async fn run(state: &Arc<State>, session: &SessionId) -> Option<BootTime> {
    end_of(begin(state, session)).await
}

/// The same for a request of this person, which waits for a while; `None` also if it took too long, or too many wait.
/// The check is under way all the same.
pub async fn wait(state: &Arc<State>, session: &SessionId, user: UserId) -> Option<BootTime> {
    let over = begin(state, session);
    let Some(_place) = state.checks.waiting.take(user) else {
        tracing::debug!(user.id = %user, session.hash = %session.hash(), "a request found no place to wait for its session's check");
        return None;
    };
    let started = Instant::now();
    let end = timeout(WAIT, end_of(over)).await.ok().flatten();
    tracing::debug!(
        user.id = %user,
        session.hash = %session.hash(),
        waited_ms = started.elapsed().as_millis(),
        is_over = end.is_some(),
        "a request waited for its session's check"
    );
    end
}

async fn end_of(mut over: Over) -> Option<BootTime> {
    *over.wait_for(Option::is_some).await.ok()?
}

/// Joins the check of a session that is under way, or begins one.
pub fn begin(state: &Arc<State>, session: &SessionId) -> Over {
    let key = *session.hash().as_bytes();
    let mut under_way = state.checks.lock();
    if let Some(over) = under_way.get(&key) {
        return over.clone();
    }
    let (ends, over) = watch::channel(None);
    under_way.insert(key, over.clone());
    drop(under_way);
    let (checking, session) = (UnderWay { state: Arc::clone(state), key }, session.clone());
    state.spawn(async move {
        match ask(&checking.state, &session).await {
            Ok(()) => {
                ends.send_replace(Some(BootTime::now()));
            }
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "a due refresh waits for the session store");
            }
        }
    });
    over
}

/// A check under way. Whoever comes when it is over begins the next.
struct UnderWay {
    state: Arc<State>,
    key: Key,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.state.checks.lock().remove(&self.key);
    }
}

/// Asks the provider about a session, if that is due; while another replica does, waits for what comes of it.
async fn ask(state: &State, session: &SessionId) -> Result<(), StoreError> {
    let give_up_at = Instant::now() + WAIT;
    let mut pause = FIRST_PAUSE;
    loop {
        // Another replica, or a visit to the public host, may have been faster.
        let Some(found) = state.sessions.find(session).await? else { return Ok(()) };
        let times = state.times_of(&found.record, found.record.auth_time);
        if times.check(Timestamp::now(), &state.lifetimes) == Check::NotDue {
            return Ok(());
        }
        let outcome = refresh::run(state, &found).await;
        if outcome != RefreshOutcome::Busy || Instant::now() >= give_up_at {
            return Ok(());
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
