//! The session that a browser has at the public host, and whether its provider must confirm it first.

use super::{Browser, Context, Problem};
use crate::authn::Principal;
use crate::refresh;
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::Check;
use gatepost_core::error_chain::Chain;
use gatepost_telemetry::RefreshOutcome;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a sign-in waits for a check that somebody else has begun.
const CHECK_WAIT: Duration = Duration::from_secs(6);
const CHECK_POLL: Duration = Duration::from_millis(50);

/// The live session, after the provider was asked about it where that must come first.
///
/// # Errors
/// [`Problem::Unavailable`].
pub async fn checked(context: &Context, browser: &Browser) -> Result<Option<Principal>, Problem> {
    match find(context, browser).await? {
        FoundSession::Checked(principal) => Ok(Some(principal)),
        // A visit of the account page may as well wait until the session has to be checked first.
        FoundSession::Unchecked(principal) if check(context, &principal) == Check::AtNavigation => {
            Ok(Some(principal))
        }
        FoundSession::Unchecked(_) | FoundSession::Nobody => Ok(None),
    }
}

/// Whose session a browser has.
pub(super) enum FoundSession {
    Nobody,
    /// Their session counts now.
    Checked(Principal),
    /// Their session would count, but its provider must say so again, and cannot be asked from here.
    Unchecked(Principal),
}

fn check(context: &Context, principal: &Principal) -> Check {
    let record = &principal.session.record;
    context.site.times_of(record, record.auth_time).check(Timestamp::now(), &context.site.lifetimes)
}

pub(super) async fn find(context: &Context, browser: &Browser) -> Result<FoundSession, Problem> {
    let give_up_at = Instant::now() + CHECK_WAIT;
    loop {
        let Some(principal) = browser.live(context).await? else { return Ok(FoundSession::Nobody) };
        match check(context, &principal) {
            Check::NotDue | Check::InBackground => return Ok(FoundSession::Checked(principal)),
            Check::AtNavigation => return Ok(FoundSession::Unchecked(principal)),
            Check::First if principal.session.record.refresh_token.is_none() => {
                return Ok(FoundSession::Unchecked(principal));
            }
            Check::First => {}
        }
        match refresh::refresh(&context.refresh, &principal.session).await {
            // The standing may have changed with the groups.
            RefreshOutcome::Refreshed => {
                return Ok(browser.live(context).await?.map_or(FoundSession::Nobody, FoundSession::Checked));
            }
            // Another tab asks already, or the request that `/verify` has just sent here.
            RefreshOutcome::Busy if Instant::now() < give_up_at => sleep(CHECK_POLL).await,
            RefreshOutcome::Ended => return Ok(FoundSession::Nobody),
            // The provider decides about a session that was not used for so long; it cannot be asked in the
            // background, so the person goes there.
            RefreshOutcome::Unreachable | RefreshOutcome::Busy => {
                return Ok(FoundSession::Unchecked(principal));
            }
        }
    }
}

/// What becomes of a session that its provider must confirm.
pub(super) enum OutageDecision {
    /// The provider does not answer: an outage ends nothing for an hour.
    KeepSession(Principal),
    /// The browser goes to the provider.
    GoToProvider(Principal),
}

/// A browser that is sent to a provider which is down does not come back, so the provider is asked first whether it is
/// there. (What was refreshed in vain has been asked already.)
pub(super) async fn keep_during_outage(
    context: &Context,
    principal: Principal,
) -> Result<OutageDecision, Problem> {
    if principal.session.record.refresh_token.is_some() {
        return Ok(OutageDecision::GoToProvider(principal));
    }
    let Some(provider) = context.site.providers.find(&principal.session.record.provider) else {
        return Ok(OutageDecision::GoToProvider(principal));
    };
    let Err(error) = provider.reach().await else { return Ok(OutageDecision::GoToProvider(principal)) };
    tracing::warn!(error = %Chain(&error), provider.id = %provider.id(), "the provider could not be asked");
    let standing = principal.standing.clone();
    let Some(session) = refresh::note_outage(&context.refresh, principal.session.clone()).await? else {
        return Ok(OutageDecision::GoToProvider(principal));
    };
    let noted = Principal { session, standing };
    let rides_out = check(context, &noted) == Check::NotDue;
    Ok(if rides_out { OutageDecision::KeepSession(noted) } else { OutageDecision::GoToProvider(noted) })
}
