//! Decides about a request that carries an access token. The steps are those of [`super::decide`]: from the cache alone
//! where that suffices; else the token is verified, and its holder looked up in the directory.

use super::case::{Case, Verdict};
use super::context::Context;
use super::credential::HashedToken;
use super::pass::{Passing, note_person, pass};
use gatepost_config::BearerPeople;
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::{self, Denial, TokenDenial};
use gatepost_core::identity::AssertedIdentity;
use gatepost_core::secret::Secret;
use gatepost_oidc::{AccessToken, AccessTokenError, TokenHolder};
use gatepost_runtime::authn::{self, LoadError};
use gatepost_runtime::identity_headers;
use gatepost_runtime::session_cache::CachedToken;
use gatepost_runtime::tools::ToolPassage;
use gatepost_store::directory::{Actor, SignInContext, SignInOutcome, Via, Who};
use gatepost_telemetry::{Store, StoreOperation};
use hyper::HeaderMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long a request waits for keys that the provider has published since.
const KEYS_DEADLINE: Duration = Duration::from_secs(3);

/// Why there is no holder.
enum Unheld {
    Denied(TokenDenial),
    CannotKnow(Arc<LoadError>),
}

/// Decides from the cache alone. `None`: the token is not cached.
pub(super) fn from_cache(
    context: &Context,
    case: &Case<'_>,
    presented: HashedToken<'_>,
    now: Timestamp,
) -> Option<Verdict> {
    let token = context.cache.fresh(&presented.key)?;
    Some(judge(context, case, &token, presented, now))
}

/// Verifies the token and decides by the directory. The attempt is counted for the client's address before it begins, and
/// given back unless the token fails.
pub(super) async fn from_directory(
    context: &Arc<Context>,
    case: &Case<'_>,
    presented: HashedToken<'_>,
) -> Verdict {
    if let Some(verdict) = from_cache(context, case, presented, Timestamp::now()) {
        return verdict;
    }
    let address = case.forwarded.client_address();
    let attempt = match context.wrong_tokens.begin(address) {
        Ok(attempt) => attempt,
        Err(wait) => return Verdict::nobody(Denial::Token(TokenDenial::TooMany(wait))),
    };
    let found = find(context, presented, address).await;
    if !matches!(found, Err(Unheld::Denied(_))) {
        attempt.give_back();
    }
    match found {
        Ok(token) => judge(context, case, &token, presented, Timestamp::now()),
        Err(Unheld::Denied(denial)) => Verdict::nobody(Denial::Token(denial)),
        Err(Unheld::CannotKnow(error)) => Verdict::CannotKnow(error),
    }
}

async fn find(
    context: &Arc<Context>,
    presented: HashedToken<'_>,
    address: Option<IpAddr>,
) -> Result<Arc<CachedToken>, Unheld> {
    let token = match context.cache.verified_token(&presented.key) {
        Some(token) => token,
        None => Arc::new(verify(context, presented.text).await?),
    };
    if let Some(found) = look_up(context, presented, &token).await? {
        return Ok(found);
    }
    match &token.holder {
        TokenHolder::Person(identity) if admits(context, &token) => {
            admit(context, identity, token.issued_at, address).await?;
            look_up(context, presented, &token).await?.ok_or_else(unknown)
        }
        _ => Err(unknown()),
    }
}

fn unknown() -> Unheld {
    let why = "the person of the token is unknown here: sign in once with a browser";
    Unheld::Denied(TokenDenial::Invalid(why.into()))
}

/// On the main threads, because keys may have to be fetched.
async fn verify(context: &Arc<Context>, text: &str) -> Result<AccessToken, Unheld> {
    let (site, text) = (Arc::clone(&context.site), text.to_owned());
    let verifying = context.tasks.run(async move { site.providers.verify_access_token(&text).await });
    match timeout(KEYS_DEADLINE, verifying).await {
        Ok(Ok(token)) => Ok(token),
        Ok(Err(error)) => Err(refused(error)),
        Err(_) => Err(Unheld::CannotKnow(Arc::new(LoadError::Deadline))),
    }
}

fn refused(error: AccessTokenError) -> Unheld {
    tracing::info!(reason = error.reason(), "an access token was refused");
    match error {
        AccessTokenError::Unavailable(error) => Unheld::CannotKnow(Arc::new(LoadError::Keys(error))),
        AccessTokenError::MissingScope(scopes) => Unheld::Denied(TokenDenial::MissingScope(scopes)),
        error => Unheld::Denied(TokenDenial::Invalid(error.description())),
    }
}

async fn look_up(
    context: &Arc<Context>,
    presented: HashedToken<'_>,
    token: &Arc<AccessToken>,
) -> Result<Option<Arc<CachedToken>>, Unheld> {
    match timeout(authn::DEADLINE, context.cache.find_token(presented.key, token)).await {
        Ok(found) => found.map_err(Unheld::CannotKnow),
        Err(_) => Err(Unheld::CannotKnow(Arc::new(LoadError::Deadline))),
    }
}

fn admits(context: &Context, token: &AccessToken) -> bool {
    let provider = context.site.providers.find(&token.provider);
    let bearer = provider.and_then(|provider| provider.config().bearer.as_ref());
    bearer.is_some_and(|bearer| bearer.people == BearerPeople::Admit)
}

/// Admits a person whom nobody has seen here yet, as a sign-in does, with its audit rows. No session starts.
async fn admit(
    context: &Arc<Context>,
    identity: &AssertedIdentity,
    issued_at: Timestamp,
    address: Option<IpAddr>,
) -> Result<(), Unheld> {
    let Some(provider) = context.site.providers.find(&identity.provider) else { return Err(unknown()) };
    let policy = context.site.config.identity_policy_for(provider.config(), &identity.subject);
    let sign_in = SignInContext {
        // No session has this hash.
        new_session: Secret::generate().digest(),
        current_session: None,
        sid_hash: None,
        issued_at,
        now: Timestamp::now(),
    };
    let actor = Actor { who: Who::SignIn, key: None, address, request_id: None, via: Via::Gate };
    let (task, identity) = (Arc::clone(context), identity.clone());
    let admitting = context.tasks.run(async move {
        let query = task.stores.directory.sign_in(&identity, &policy, &sign_in, &actor);
        task.stores.query(Store::Directory, StoreOperation::SignIn, query).await
    });
    let outcome = admitting.await.map_err(|error| Unheld::CannotKnow(Arc::new(error.into())))?;
    let why = match outcome {
        SignInOutcome::Admitted { user_id, .. } => {
            tracing::info!(user.id = %user_id, "a person was admitted by an access token");
            return Ok(());
        }
        SignInOutcome::Disabled => return Err(Unheld::Denied(TokenDenial::Disabled)),
        SignInOutcome::SessionEndedAtProvider => return Err(Unheld::Denied(TokenDenial::Ended)),
        SignInOutcome::ProviderChanged => "the token's provider was changed",
        SignInOutcome::NoAddress => "the token has no address that counts here",
        SignInOutcome::GroupsUnknown => "the token has no complete list of groups",
        SignInOutcome::AddressHeld(_) | SignInOutcome::KeptAddressRefused(_) => {
            "the address of the token belongs to somebody else here: ask an administrator"
        }
    };
    Err(Unheld::Denied(TokenDenial::Invalid(why.into())))
}

fn judge(
    context: &Context,
    case: &Case<'_>,
    token: &CachedToken,
    presented: HashedToken<'_>,
    now: Timestamp,
) -> Verdict {
    let permit = match decision::decide_token(case.requirement, &token.standing, &token.proof.times(), now) {
        Ok(permit) => permit,
        Err(denial) => {
            let holder = &token.standing.person;
            let (user, email) = (Some(holder.id), holder.email.clone());
            return Verdict::Deny { denial, user, email, via: None, may_request: false };
        }
    };
    let mut headers = HeaderMap::with_capacity(12);
    identity_headers::write(
        &mut headers,
        &permit,
        &token.headers,
        case.forwarded.headers(),
        context.site.cookies,
    );
    let is_person = token.proof.is_of_person();
    if is_person {
        note_person(context, &token.seen, &permit, now);
    }
    let passing = Passing { permit: &permit, access: &token.standing.access, headers, now, key: None };
    let narrow = |passage: ToolPassage| if is_person { passage } else { passage.of_program() };
    pass(context, case, (token, presented.key), passing, |passage| {
        narrow(passage).by_token(Arc::clone(&token.proof.token))
    })
}
