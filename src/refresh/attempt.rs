//! What a sign-in learnt, learnt again: is the person still somebody at the provider, and in which groups?
//!
//! One refresh per session at a time, over all replicas; the record is replaced by compare-and-set, so that a rotated
//! refresh token is never lost to a slower writer. An outage ends nothing; a refusal of the newest token does.

use super::{Context, address_news};
use crate::authn::LoadError;
use crate::revocation;
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::Chain;
use gatepost_core::identity::{AssertedGroups, AssertedIdentity};
use gatepost_core::ids::UserId;
use gatepost_oidc::{RefreshError, Refreshed, Renewal};
use gatepost_store::directory::{Actor, SignInOutcome, Who};
use gatepost_store::session::Session;
use gatepost_store::session::record::{SessionRecord, Token};
use gatepost_store::session::store::StoreError;
use gatepost_telemetry::{ProviderMetrics, RefreshOutcome, Store, StoreOperation};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// After a failed try the next one waits so long: an outage must not become a stampede. Less where sessions are due
/// more often, for one that rides out an outage counts as tried for an interval only.
const RETRY_PAUSE: Duration = Duration::from_secs(30);

/// How long the store is asked to keep what the provider gave, and how often.
const PERSIST_FOR: Duration = Duration::from_secs(15);
const PERSIST_PAUSE: Duration = Duration::from_millis(200);

/// Refreshes a session.
pub async fn refresh(context: &Context, session: &Session) -> RefreshOutcome {
    let outcome = attempt(context, session).await.unwrap_or_else(|error| {
        tracing::warn!(error = %Chain(&error), user.id = %session.record.user, "a refresh failed");
        RefreshOutcome::Unreachable
    });
    context.stores.count(&session.record.provider, |metrics| metrics.refreshed(outcome));
    outcome
}

async fn attempt(context: &Context, session: &Session) -> Result<RefreshOutcome, LoadError> {
    let now = Timestamp::now();
    let pause = RETRY_PAUSE.min(context.site.lifetimes.refresh_interval / 2);
    if session.record.unreachable_at.is_some_and(|at| now.since(at) < pause) {
        return Ok(RefreshOutcome::Unreachable);
    }
    let Some(turn) = context.stores.sessions.lock_refresh(&session.id).await? else {
        return Ok(RefreshOutcome::Busy);
    };
    let outcome = refresh_locked(context, session).await;
    if let Err(error) = context.stores.sessions.unlock_refresh(&turn).await {
        tracing::debug!(error = %Chain(&error), "a refresh keeps its turn until that expires");
    }
    outcome
}

async fn refresh_locked(context: &Context, session: &Session) -> Result<RefreshOutcome, LoadError> {
    // Read again under the lock: another replica may have been here since.
    let Some(current) = context.stores.sessions.find(&session.id).await? else {
        return Ok(RefreshOutcome::Ended);
    };
    // Not by which is later: the other replica has another clock.
    if current.record.checked_at != session.record.checked_at {
        return Ok(RefreshOutcome::Refreshed);
    }
    let Some(provider) = context.site.providers.find(&current.record.provider) else {
        return Ok(RefreshOutcome::Unreachable);
    };
    let Some(token) = current.record.refresh_token.clone() else { return Ok(RefreshOutcome::Unreachable) };
    let renewal = Renewal {
        refresh_token: token.secret(),
        subject: &current.record.subject.clone(),
        nonce: &current.record.nonce.clone(),
    };
    let renewed = match Box::pin(provider.renew(&renewal)).await {
        Ok(renewed) => renewed,
        Err(error) => return fail(context, current, &token, error).await,
    };
    let newest = renewed.refresh_token().cloned().map_or_else(|| token.clone(), Token::new);
    // Before anything else is asked: a provider that rotates has forgotten the old token already.
    let kept = keep(context, current, &token, &newest).await?;
    let Some(session) = kept else { return Ok(RefreshOutcome::Ended) };
    match Box::pin(provider.identify_renewed(&renewed, &renewal)).await {
        Ok(refreshed) => learn(context, session, refreshed).await,
        Err(error) => fail(context, session, &newest, error).await,
    }
}

/// `None`: the session is gone.
async fn keep(
    context: &Context,
    current: Session,
    used: &Token,
    newest: &Token,
) -> Result<Option<Session>, StoreError> {
    if used == newest {
        return Ok(Some(current));
    }
    update(context, current, |record| {
        // A sign-in meanwhile brought a grant of its own.
        if record.refresh_token.as_ref() == Some(used) {
            record.refresh_token = Some(newest.clone());
        }
    })
    .await
}

async fn learn(
    context: &Context,
    session: Session,
    refreshed: Refreshed,
) -> Result<RefreshOutcome, LoadError> {
    match take_over(context, session.record.user, &refreshed.identity).await {
        Ok(Taken::GoesOn) => {}
        Ok(Taken::IsOver) => return end_refused(context, &session, Who::Refresh).await,
        Ok(Taken::CannotKnow) => {
            tracing::warn!(user.id = %session.record.user, provider.id = %session.record.provider, "a person's groups have not been known for a day");
            note_outage(context, session).await?;
            return Ok(RefreshOutcome::Unreachable);
        }
        Err(error) => {
            // The provider is well: to ask it again at every request would not help the directory.
            note_outage(context, session).await?;
            return Err(error);
        }
    }
    let new_id_token = refreshed.id_token.map(Token::new);
    let (user, provider) = (session.record.user, session.record.provider.clone());
    let hash = session.id.hash();
    update(context, session, |record| {
        record.id_token = new_id_token.clone().or_else(|| record.id_token.take());
        record.checked_at = Timestamp::now();
        record.unreachable_at = None;
    })
    .await?;
    tracing::debug!(user.id = %user, provider.id = %provider, session.hash = %hash, "a session was refreshed");
    Ok(RefreshOutcome::Refreshed)
}

/// The provider could not be asked: the session rides that out. `None`: the session is gone.
///
/// # Errors
/// [`StoreError`].
pub async fn note_outage(context: &Context, session: Session) -> Result<Option<Session>, StoreError> {
    update(context, session, |record| record.unreachable_at = Some(Timestamp::now())).await
}

/// The provider refused, lied, or could not be asked; `newest` is the newest token that it gave as far as is known here.
async fn fail(
    context: &Context,
    current: Session,
    newest: &Token,
    error: RefreshError,
) -> Result<RefreshOutcome, LoadError> {
    let (user, provider) = (current.record.user, &current.record.provider);
    match error {
        RefreshError::Ended(refusal) => {
            tracing::info!(user.id = %user, provider.id = %provider, error = %Chain(&refusal), "the provider ended a session");
            end_if_newest(context, &current, newest).await
        }
        RefreshError::Identity(error) => {
            tracing::error!(user.id = %user, provider.id = %provider, error = %Chain(&error), "a renewed token is about somebody else");
            end_if_newest(context, &current, newest).await
        }
        RefreshError::Unavailable(error) => {
            tracing::warn!(error = %Chain(&error), provider.id = %provider, "the provider could not be asked");
            note_outage(context, current).await?;
            Ok(RefreshOutcome::Unreachable)
        }
    }
}

/// What the directory says to what the provider asserts now.
enum Taken {
    GoesOn,
    /// The person is nobody any more.
    IsOver,
    /// The groups have been unknown for so long that the last list counts no more: an outage.
    CannotKnow,
}

/// What the provider asserts now goes into the directory; tells whether the session may go on.
async fn take_over(context: &Context, user: UserId, identity: &AssertedIdentity) -> Result<Taken, LoadError> {
    let provider = &identity.provider;
    let Some(configured) = context.site.providers.find(provider) else { return Ok(Taken::IsOver) };
    let terms = context.site.config.terms_of(configured.config(), &identity.subject);
    if identity.groups == AssertedGroups::Unknown {
        context.stores.count(provider, ProviderMetrics::groups_unknown);
    }
    let actor = Actor::internal(Who::Refresh);
    let refreshing = context.stores.directory.refresh(user, identity, &terms, Timestamp::now(), &actor);
    match context.stores.query(Store::Directory, StoreOperation::Refresh, refreshing).await? {
        Some(SignInOutcome::Admitted { address, lost_all_groups, .. }) => {
            address_news::log(user, provider, &address);
            if lost_all_groups {
                context.stores.count(provider, ProviderMetrics::groups_lost);
                tracing::warn!(user.id = %user, "a person of some groups has none any more");
            }
            Ok(Taken::GoesOn)
        }
        // An address that somebody else holds now changes nothing for who is in: theirs is still their own.
        Some(SignInOutcome::AddressHeld(_)) => Ok(Taken::GoesOn),
        Some(SignInOutcome::GroupsUnknown) => Ok(Taken::CannotKnow),
        // None is theirs any more, as at a sign-in.
        Some(SignInOutcome::NoAddress) => {
            let rule = identity.refused.as_ref().map(|refused| tracing::field::display(refused.rule));
            tracing::warn!(user.id = %user, provider.id = %provider, rule, "a session ends: the person has no address that counts any more");
            Ok(Taken::IsOver)
        }
        Some(SignInOutcome::KeptAddressRefused(email)) => {
            tracing::warn!(user.id = %user, user.email = %email, provider.id = %provider, "a session ends: the provider may not assert the domain of the address that the person keeps");
            Ok(Taken::IsOver)
        }
        Some(SignInOutcome::Disabled | SignInOutcome::SessionEndedAtProvider) | None => Ok(Taken::IsOver),
    }
}

/// `invalid_grant` for an older token says nothing: a faster replica has used it up.
async fn end_if_newest(
    context: &Context,
    used: &Session,
    token: &Token,
) -> Result<RefreshOutcome, LoadError> {
    match context.stores.sessions.find(&used.id).await? {
        Some(now) if now.record.refresh_token.as_ref() == Some(token) => {
            end_refused(context, &now, Who::Provider).await
        }
        Some(_) => Ok(RefreshOutcome::Busy),
        None => Ok(RefreshOutcome::Ended),
    }
}

async fn end_refused(context: &Context, session: &Session, who: Who) -> Result<RefreshOutcome, LoadError> {
    let actor = Actor::internal(who);
    revocation::end_refused(&context.revocation, &session.id.hash(), &session.record, actor).await?;
    Ok(RefreshOutcome::Ended)
}

/// Changes the record whatever else changes it meanwhile. `None`: the session is gone.
///
/// A store that misses a deadline is asked again for as long as the lock lasts: a provider that rotates has forgotten
/// the old token already.
async fn update(
    context: &Context,
    session: Session,
    change: impl Fn(&mut SessionRecord),
) -> Result<Option<Session>, StoreError> {
    let give_up_at = Instant::now() + PERSIST_FOR;
    let mut current = session;
    loop {
        match update_once(context, &current, &change).await {
            Ok(Replaced::With(session)) => return Ok(Some(*session)),
            Ok(Replaced::Outdated(Some(newer))) => current = *newer,
            Ok(Replaced::Outdated(None)) => return Ok(None),
            Err(error) if Instant::now() > give_up_at => return Err(error),
            Err(_) => sleep(PERSIST_PAUSE).await,
        }
    }
}

enum Replaced {
    With(Box<Session>),
    /// Somebody else was faster; the record as it is now, if there is one.
    Outdated(Option<Box<Session>>),
}

async fn update_once(
    context: &Context,
    current: &Session,
    change: &impl Fn(&mut SessionRecord),
) -> Result<Replaced, StoreError> {
    let mut record = current.record.clone();
    change(&mut record);
    match context.stores.sessions.replace(current, record).await? {
        Some(replaced) => Ok(Replaced::With(Box::new(replaced))),
        None => Ok(Replaced::Outdated(context.stores.sessions.find(&current.id).await?.map(Box::new))),
    }
}
