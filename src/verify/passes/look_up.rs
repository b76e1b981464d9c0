//! Asks the stores who holds a cookie, once for everybody who wants to know.

use super::flights::Found;
use super::pass::{Pass, PassKey};
use super::{Passes, bits_of};
use crate::domain::clock::{BootTime, Timestamp};
use crate::domain::decision;
use crate::principal::{self, LoadError};
use crate::session::Session;
use crate::session::values::HostValue;
use crate::state::State;
use crate::verify::identity::Rendered;
use std::sync::Arc;

/// Who holds a cookie that opened: asks both stores, or what memory knows while they cannot say.
///
/// # Errors
/// [`LoadError`]: unavailable is never unauthenticated.
pub async fn find(
    state: &State,
    key: PassKey,
    cookie: &HostValue,
) -> Result<Option<Arc<Pass>>, Arc<LoadError>> {
    let passes = &state.passes;
    if passes.is_failing(BootTime::now())
        && let Some(pass) = passes.known(&key).filter(|pass| passes.stand_in(pass))
    {
        return Ok(Some(pass));
    }
    passes.flights.join(key, || look_up(state, key, cookie)).await
}

/// Asks the session store again about a pass in memory, which serves on meanwhile.
pub async fn revalidate(state: Arc<State>, key: PassKey, cookie: HostValue) {
    // An outage is no news: the pass stands until its lifetimes end.
    let _ = state.passes.flights.join(key, || look_up(&state, key, &cookie)).await;
}

async fn look_up(state: &State, key: PassKey, cookie: &HostValue) -> Found {
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
            .map(|session: Session| session.record.times(cookie.auth_time)),
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
    let (standing, names) = passes.names.share(standing);
    let headers = Rendered::new(&standing, &state.config.verify);
    let pass = Arc::new(Pass::new(times, standing, headers, names, stamp));
    if let Some(known) = &known {
        pass.remember(known);
    }
    passes.keep_if_live(state, key, &pass);
    Ok(Some(pass))
}

impl Passes {
    /// Who does not count takes no place.
    fn keep_if_live(&self, state: &State, key: PassKey, pass: &Arc<Pass>) {
        let live = decision::live(&pass.standing, &pass.times(), &state.lifetimes, Timestamp::now());
        if live.is_ok() {
            self.insert(key, Arc::clone(pass));
        } else {
            self.remove(&key);
        }
    }
}
