//! The session that a browser has at the public host, and whether its provider must confirm it first.

use super::{Browser, Context, Problem};
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::RefreshDue;
use gatepost_core::error_chain::Chain;
use gatepost_runtime::authn::Principal;
use gatepost_runtime::refresh;
use gatepost_telemetry::RefreshOutcome;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a sign-in waits for a check that another request started.
const CHECK_WAIT: Duration = Duration::from_secs(6);
const CHECK_POLL: Duration = Duration::from_millis(50);

/// The browser's session, after its provider has confirmed it if that is due.
///
/// # Errors
/// [`Problem::Unavailable`].
pub async fn checked(context: &Context, browser: &Browser) -> Result<Option<Principal>, Problem> {
    match find(context, browser).await? {
        FoundSession::Checked(principal) => Ok(Some(principal)),
        // The account page may be shown until the session must be confirmed before any use.
        FoundSession::Unchecked(principal)
            if refresh_due(context, &principal) == RefreshDue::AtNavigation =>
        {
            Ok(Some(principal))
        }
        FoundSession::Unchecked(_) | FoundSession::Nobody => Ok(None),
    }
}

/// The session of a browser.
pub(super) enum FoundSession {
    Nobody,
    /// It is valid now.
    Checked(Principal),
    /// It would be valid, but its provider has to confirm it, which only the browser can request.
    Unchecked(Principal),
}

fn refresh_due(context: &Context, principal: &Principal) -> RefreshDue {
    let record = &principal.session.record;
    context.site.times_of(record, record.auth_time).refresh_due(Timestamp::now(), &context.site.lifetimes)
}

pub(super) async fn find(context: &Context, browser: &Browser) -> Result<FoundSession, Problem> {
    let give_up_at = Instant::now() + CHECK_WAIT;
    loop {
        let Some(principal) = browser.live(context).await? else { return Ok(FoundSession::Nobody) };
        match refresh_due(context, &principal) {
            RefreshDue::NotDue | RefreshDue::InBackground => return Ok(FoundSession::Checked(principal)),
            RefreshDue::AtNavigation => return Ok(FoundSession::Unchecked(principal)),
            RefreshDue::First if principal.session.record.refresh_token.is_none() => {
                return Ok(FoundSession::Unchecked(principal));
            }
            RefreshDue::First => {}
        }
        match refresh::refresh(&context.refresh, &principal.session).await {
            // The standing may have changed with the groups.
            RefreshOutcome::Refreshed => {
                return Ok(browser.live(context).await?.map_or(FoundSession::Nobody, FoundSession::Checked));
            }
            // Another request of this browser already refreshes the session.
            RefreshOutcome::Busy if Instant::now() < give_up_at => sleep(CHECK_POLL).await,
            RefreshOutcome::Ended => return Ok(FoundSession::Nobody),
            // The provider has to confirm a session that was unused for so long. A background refresh failed, so the
            // browser goes there.
            RefreshOutcome::Unreachable | RefreshOutcome::Busy => {
                return Ok(FoundSession::Unchecked(principal));
            }
        }
    }
}

/// What to do with a session that its provider has to confirm.
pub(super) enum OutageDecision {
    /// The provider does not answer, so the session stays valid for an hour.
    KeepSession(Principal),
    /// The browser goes to the provider.
    GoToProvider(Principal),
}

/// Checks whether the provider answers, because a browser that is sent to an unreachable provider does not come back. A
/// session with a refresh token skips the check: its refresh has just tried.
pub(super) async fn keep_during_outage(
    context: &Context,
    principal: Principal,
) -> Result<OutageDecision, Problem> {
    if principal.session.record.refresh_token.is_some() {
        return Ok(OutageDecision::GoToProvider(principal));
    }
    let Some(provider) = context.providers.find(&principal.session.record.provider).await? else {
        return Ok(OutageDecision::GoToProvider(principal));
    };
    let Err(error) = provider.reach().await else { return Ok(OutageDecision::GoToProvider(principal)) };
    tracing::warn!(error = %Chain(&error), provider.id = %provider.id(), "the provider could not be asked");
    let standing = principal.standing.clone();
    let Some(session) = refresh::note_outage(&context.refresh, principal.session.clone()).await? else {
        return Ok(OutageDecision::GoToProvider(principal));
    };
    let noted = Principal { session, standing };
    let rides_out = refresh_due(context, &noted) == RefreshDue::NotDue;
    Ok(if rides_out { OutageDecision::KeepSession(noted) } else { OutageDecision::GoToProvider(noted) })
}
