//! One refresh of a session: asks the provider whether the person still has an account there, and for their groups.
//!
//! A lock allows one refresh per session at a time across all replicas. The record is replaced by compare-and-set, so
//! that a slower writer never overwrites a rotated refresh token. An outage of the provider does not end the session.
//! If the provider refuses the newest refresh token, the session ends.

use super::{Context, address_change};
use crate::authn::LoadError;
use crate::revocation;
use crate::stores::Stores;
use gatepost_config::ProviderConfig;
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

/// The pause after a failed attempt, so that an outage does not cause a burst of attempts. At most half a refresh
/// interval, because after an outage a session counts as checked for one interval only.
const RETRY_PAUSE: Duration = Duration::from_secs(30);

/// How long writes of the provider's answer to the session store are retried, and the pause between two attempts.
const PERSIST_FOR: Duration = Duration::from_secs(15);
const PERSIST_PAUSE: Duration = Duration::from_millis(200);

/// Refreshes a session, and counts the outcome in the metrics of its provider.
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
    let Some(lock) = context.stores.sessions.lock_refresh(&session.id).await? else {
        return Ok(RefreshOutcome::Busy);
    };
    let outcome = refresh_locked(context, session).await;
    if let Err(error) = context.stores.sessions.unlock_refresh(&lock).await {
        tracing::debug!(error = %Chain(&error), "the lock of a refresh was not released and stays until it expires");
    }
    outcome
}

async fn refresh_locked(context: &Context, session: &Session) -> Result<RefreshOutcome, LoadError> {
    // Read again under the lock: another replica may have refreshed the session meanwhile.
    let Some(current) = context.stores.sessions.find(&session.id).await? else {
        return Ok(RefreshOutcome::Ended);
    };
    // Compared for equality, because the clocks of replicas differ.
    if current.record.checked_at != session.record.checked_at {
        return Ok(RefreshOutcome::Refreshed);
    }
    let Some(provider) = context.revocation.providers().find(&current.record.provider).await? else {
        // A provider that the configuration lacks may be there at the next start. One of a tenant was removed.
        return match current.record.provider.tenant() {
            Some(_) => end_refused(context, &current, Who::Refresh).await,
            None => Ok(RefreshOutcome::Unreachable),
        };
    };
    let Some(token) = current.record.refresh_token.clone() else { return Ok(RefreshOutcome::Unreachable) };
    let renewal = Renewal {
        refresh_token: token.secret(),
        subject: &current.record.subject.clone(),
        nonce: &current.record.nonce.clone(),
    };
    let renewed = match Box::pin(provider.renew(&renewal)).await {
        Ok(renewed) => renewed,
        Err(error) => return handle_error(context, current, &token, error).await,
    };
    let newest = renewed.refresh_token().cloned().map_or_else(|| token.clone(), Token::new);
    // Before any further call: a provider that rotates refresh tokens no longer accepts the old one.
    let stored = store_rotated_token(&context.stores, current, &token, &newest).await?;
    let Some(session) = stored else { return Ok(RefreshOutcome::Ended) };
    match Box::pin(provider.identify_renewed(&renewed, &renewal)).await {
        Ok(refreshed) => apply_identity(context, session, provider.config(), refreshed).await,
        Err(error) => handle_error(context, session, &newest, error).await,
    }
}

/// Writes a rotated refresh token to the session's record. `None`: the record no longer exists.
async fn store_rotated_token(
    stores: &Stores,
    current: Session,
    used: &Token,
    newest: &Token,
) -> Result<Option<Session>, StoreError> {
    if used == newest {
        return Ok(Some(current));
    }
    update(stores, current, |record| {
        // A sign-in may have replaced the token meanwhile; then the newer grant stays.
        if record.refresh_token.as_ref() == Some(used) {
            record.refresh_token = Some(newest.clone());
        }
    })
    .await
}

/// Applies the answer of the provider to the directory and to the session's record.
async fn apply_identity(
    context: &Context,
    session: Session,
    asked: &ProviderConfig,
    refreshed: Refreshed,
) -> Result<RefreshOutcome, LoadError> {
    match update_directory(context, session.record.user, asked, &refreshed.identity).await {
        Ok(DirectoryUpdate::Accepted) => {}
        Ok(DirectoryUpdate::SessionEnds) => return end_refused(context, &session, Who::Refresh).await,
        Ok(DirectoryUpdate::TryLater(why)) => {
            tracing::warn!(user.id = %session.record.user, provider.id = %session.record.provider, "{why}");
            note_outage(context, session).await?;
            return Ok(RefreshOutcome::Unreachable);
        }
        Err(error) => {
            // The directory failed, not the provider. Without this note every request would refresh the session again.
            note_outage(context, session).await?;
            return Err(error);
        }
    }
    let new_id_token = refreshed.id_token.map(Token::new);
    let (user, provider) = (session.record.user, session.record.provider.clone());
    let hash = session.id.hash();
    update(&context.stores, session, |record| {
        record.id_token = new_id_token.clone().or_else(|| record.id_token.take());
        record.checked_at = Timestamp::now();
        record.unreachable_at = None;
    })
    .await?;
    tracing::debug!(user.id = %user, provider.id = %provider, session.hash = %hash, "a session was refreshed");
    Ok(RefreshOutcome::Refreshed)
}

/// Notes in the session's record that the provider is unavailable. `None`: the record no longer exists.
///
/// # Errors
/// [`StoreError`].
pub async fn note_outage(context: &Context, session: Session) -> Result<Option<Session>, StoreError> {
    update(&context.stores, session, |record| record.unreachable_at = Some(Timestamp::now())).await
}

/// Handles a refused, invalid or failed answer of the provider. `newest` is the newest refresh token known to this
/// replica.
async fn handle_error(
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
            tracing::error!(user.id = %user, provider.id = %provider, error = %Chain(&error), "the provider's answer is not about this session's person");
            end_if_newest(context, &current, newest).await
        }
        RefreshError::Unavailable(error) => {
            tracing::warn!(error = %Chain(&error), provider.id = %provider, "the provider is unavailable");
            note_outage(context, current).await?;
            Ok(RefreshOutcome::Unreachable)
        }
    }
}

/// The result of writing the provider's assertion to the directory.
enum DirectoryUpdate {
    /// The session continues.
    Accepted,
    /// The person no longer has access here, so the session ends.
    SessionEnds,
    /// Treated like an outage, for this reason.
    TryLater(&'static str),
}

/// Writes what the provider asserts to the directory, and decides whether the session continues.
async fn update_directory(
    context: &Context,
    user: UserId,
    asked: &ProviderConfig,
    identity: &AssertedIdentity,
) -> Result<DirectoryUpdate, LoadError> {
    let provider = &identity.provider;
    let policy = context.site.config.identity_policy_for(asked, &identity.subject);
    if identity.groups == AssertedGroups::Unknown {
        context.stores.count(provider, ProviderMetrics::groups_unknown);
    }
    let actor = Actor::internal(Who::Refresh);
    let refreshing = context.stores.directory.refresh(user, identity, &policy, Timestamp::now(), &actor);
    match context.stores.query(Store::Directory, StoreOperation::Refresh, refreshing).await? {
        Some(SignInOutcome::Admitted { address, lost_all_groups, .. }) => {
            address_change::log(user, provider, &address);
            if lost_all_groups {
                context.stores.count(provider, ProviderMetrics::groups_lost);
                tracing::warn!(user.id = %user, "a person has lost all groups");
            }
            Ok(DirectoryUpdate::Accepted)
        }
        // Another person has this address. The person keeps the one that they have.
        Some(SignInOutcome::AddressHeld(_)) => Ok(DirectoryUpdate::Accepted),
        // The last list of groups is too old to be used.
        Some(SignInOutcome::GroupsUnknown) => {
            Ok(DirectoryUpdate::TryLater("a person's groups have been unknown for a day"))
        }
        // The next attempt asks the provider as it is now.
        Some(SignInOutcome::ProviderChanged) => {
            Ok(DirectoryUpdate::TryLater("the provider of a tenant was changed during a refresh"))
        }
        // The person has no valid address left. A sign-in would be refused for the same reason.
        Some(SignInOutcome::NoAddress) => {
            let rule = identity.refused.as_ref().map(|refused| tracing::field::display(refused.rule));
            tracing::warn!(user.id = %user, provider.id = %provider, rule, "a session ends: the person no longer has a valid address");
            Ok(DirectoryUpdate::SessionEnds)
        }
        Some(SignInOutcome::KeptAddressRefused(email)) => {
            tracing::warn!(user.id = %user, user.email = %email, provider.id = %provider, "a session ends: the provider is not allowed to assert the domain of the person's address");
            Ok(DirectoryUpdate::SessionEnds)
        }
        Some(SignInOutcome::Disabled | SignInOutcome::SessionEndedAtProvider) | None => {
            Ok(DirectoryUpdate::SessionEnds)
        }
    }
}

/// Ends the session if `token` is still its refresh token. If it is not, another replica has used it already, and
/// `invalid_grant` says nothing about the session.
async fn end_if_newest(
    context: &Context,
    used: &Session,
    token: &Token,
) -> Result<RefreshOutcome, LoadError> {
    match context.stores.sessions.find(&used.id).await? {
        Some(current) if current.record.refresh_token.as_ref() == Some(token) => {
            end_refused(context, &current, Who::Provider).await
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

/// Changes the session's record, also if others change it at the same time. `None`: the record no longer exists.
///
/// Failed writes are retried for [`PERSIST_FOR`], half of the time that the lock lasts, because a provider that
/// rotates refresh tokens no longer
/// accepts the old one.
async fn update(
    stores: &Stores,
    session: Session,
    change: impl Fn(&mut SessionRecord),
) -> Result<Option<Session>, StoreError> {
    let give_up_at = Instant::now() + PERSIST_FOR;
    let mut current = session;
    loop {
        match update_once(stores, &current, &change).await {
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
    /// Another writer was faster. Holds the current record, if there is one.
    Outdated(Option<Box<Session>>),
}

async fn update_once(
    stores: &Stores,
    current: &Session,
    change: &impl Fn(&mut SessionRecord),
) -> Result<Replaced, StoreError> {
    let mut record = current.record.clone();
    change(&mut record);
    match stores.sessions.replace(current, record).await? {
        Some(replaced) => Ok(Replaced::With(Box::new(replaced))),
        None => Ok(Replaced::Outdated(stores.sessions.find(&current.id).await?.map(Box::new))),
    }
}
