//! Asks the stores who holds a cookie, once for everybody who wants to know.

use super::bits_of;
use super::flights::Found;
use super::lease::Stamp;
use super::pass::{Pass, PassKey};
use crate::principal::{self, LoadError};
use crate::state::State;
use gatepost_core::access::Standing;
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::decision::{self, SessionTimes};
use gatepost_store::session::Session;
use gatepost_store::session::values::HostValue;
use std::sync::Arc;

/// Who holds a cookie that opened: asks both stores, not before `since`, or what memory knows while they cannot say.
///
/// # Errors
/// [`LoadError`]: unavailable is never unauthenticated.
pub async fn find(
    state: &Arc<State>,
    key: PassKey,
    cookie: &HostValue,
    since: BootTime,
) -> Result<Option<Arc<Pass>>, Arc<LoadError>> {
    let passes = &state.passes;
    if passes.is_failing(BootTime::now())
        && let Some(pass) = passes.known(&key).filter(|pass| passes.stand_in(pass))
    {
        return Ok(Some(pass));
    }
    // Beside the stores' connections: each answer that had to come here from another thread would wake this one.
    let look_up = || state.tasks.run(look_up(Arc::clone(state), key, cookie.clone()));
    passes.flights.join(key, since, look_up).await
}

/// Asks the session store again about a pass in memory, which serves on meanwhile.
pub async fn revalidate(state: Arc<State>, key: PassKey, cookie: HostValue) {
    // An outage is no news: the pass stands until its lifetimes end.
    let look_up = || look_up(Arc::clone(&state), key, cookie.clone());
    let _ = state.passes.flights.join(key, BootTime::default(), look_up).await;
}

/// Who will hold a cookie that nobody has yet: asks both stores. Memory hears of it from [`hold`] alone.
///
/// # Errors
/// [`LoadError`].
pub async fn find_new(state: &State, cookie: &HostValue) -> Result<Option<Arc<Pass>>, LoadError> {
    let stamp = state.passes.lease.stamp(bits_of(cookie.user));
    let (session, standing) = principal::load_both(state, &cookie.session, cookie.user).await;
    let session = session?.filter(|session| session.record.user == cookie.user);
    let Some((session, standing)) = session.zip(standing?) else { return Ok(None) };
    Ok(Some(make(state, state.times_of(&session.record, cookie.auth_time), standing, stamp)))
}

/// Memory holds a pass from now on; who does not count takes no place.
pub fn hold(state: &State, key: PassKey, pass: &Arc<Pass>) {
    let live = decision::live(&pass.standing, &pass.times(), &state.lifetimes, Timestamp::now());
    if live.is_ok() {
        state.passes.insert(key, Arc::clone(pass));
    } else {
        state.passes.remove(&key);
    }
}

async fn look_up(state: Arc<State>, key: PassKey, cookie: HostValue) -> Found {
    let state = &*state;
    let passes = &state.passes;
    let started = BootTime::now();
    let stamp = passes.lease.stamp(bits_of(cookie.user));
    let known = passes.known(&key);
    let (session, standing) = principal::load_both(state, &cookie.session, cookie.user).await;
    let standing = match standing {
        Ok(standing) => standing,
        Err(error) => {
            passes.note_failure(started);
            let stand_in = known.filter(|pass| passes.stand_in(pass));
            return stand_in.map_or_else(|| Err(Arc::new(error)), |pass| Ok(Some(pass)));
        }
    };
    let times = match session {
        Ok(session) => session
            .filter(|session| session.record.user == cookie.user)
            .map(|session: Session| state.times_of(&session.record, cookie.auth_time)),
        // Redis only remembers who signed in, and so do we.
        Err(error) => match &known {
            Some(pass) => Some(pass.times()),
            None => return Err(Arc::new(error)),
        },
    };
    let Some((times, standing)) = times.zip(standing) else {
        passes.remove(&key);
        return Ok(None);
    };
    let pass = make(state, times, standing, stamp);
    if let Some(known) = &known {
        pass.remember(known);
    }
    hold(state, key, &pass);
    Ok(Some(pass))
}

fn make(state: &State, times: SessionTimes, standing: Standing, stamp: Stamp) -> Arc<Pass> {
    let (standing, headers, brought) = state.passes.shared.share(standing, &state.config.verify);
    Arc::new(Pass::new(times, standing, headers, brought, stamp))
}
