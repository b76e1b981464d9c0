//! `/login`: a live session goes straight on; everybody else goes to a provider.

use super::addresses::{callback_address, find_origin};
use super::checked_session::{Found, StandIn, find, ride_out_outage};
use super::issue_ticket::issue_ticket;
use super::{Context, Problem, Step, Visitor, bound, return_cookie};
use crate::authn::Principal;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::ProviderId;
use gatepost_core::secret::Secret;
use gatepost_oidc::{AuthorizationRequest, Prompt, Provider};
use gatepost_store::session::sealed::Purpose;
use gatepost_store::session::values::{LoginRequest, LoginState, OneTimeId, Target};
use std::sync::Arc;

/// What `/login` was asked with.
#[derive(Clone, Copy, Debug, Default)]
pub struct BeginQuery<'a> {
    /// A sealed [`LoginRequest`]; without one the sign-in ends at the account page.
    pub to: Option<&'a str>,
    /// The chosen provider.
    pub provider: Option<&'a str>,
    /// The person wants to be somebody else: the provider asks which account.
    pub other_account: bool,
}

/// Begins, or goes straight on.
///
/// # Errors
/// [`Problem`].
pub async fn begin(context: &Context, visitor: &Visitor, query: &BeginQuery<'_>) -> Result<Step, Problem> {
    let request = match query.to {
        Some(to) => {
            let opened = context
                .site
                .ring
                .open_any_age(Purpose::LoginRequest, "", to)
                .map_err(|_| Problem::Unreadable)?;
            if opened.is_expired {
                return begin_anew(context, &opened.value);
            }
            opened.value
        }
        None => LoginRequest { target: Target::Account, max_age: None, restarts: 0 },
    };
    if query.other_account {
        return match choose(context, query.provider, None)? {
            Some(provider) => authorize(context, visitor, request, provider, Intent::OtherAccount).await,
            None => Ok(choice(context, &request, true)),
        };
    }
    go_on(context, visitor, request, query.provider).await
}

/// A request lives an hour (SIGN-IN.md, "Values"); where it came from can make a new one.
fn begin_anew(context: &Context, request: &LoginRequest) -> Result<Step, Problem> {
    let Target::Host { host, uri, .. } = &request.target else {
        return Ok(Step::redirect(context.site.public_address("/login", &[])));
    };
    let origin = find_origin(context, host).ok_or(Problem::UnknownHost)?;
    Ok(Step::redirect(return_cookie::return_address(&origin, uri)))
}

fn choice(context: &Context, request: &LoginRequest, other_account: bool) -> Step {
    let host = match &request.target {
        Target::Host { host, .. } => host.parse().ok(),
        Target::Account => None,
    };
    Step::Choose { to: Some(context.site.ring.seal(Purpose::LoginRequest, "", request)), host, other_account }
}

/// With a session that satisfies the request, on to the host; else to a provider.
pub(super) async fn go_on(
    context: &Context,
    visitor: &Visitor,
    request: LoginRequest,
    provider: Option<&str>,
) -> Result<Step, Problem> {
    let (live, rechecked) = match find(context, visitor).await? {
        Found::Nobody => (None, None),
        Found::Checked(principal) => (Some(principal), None),
        Found::Unchecked(principal) => match ride_out_outage(context, principal).await? {
            StandIn::Stays(principal) => (Some(principal), None),
            StandIn::Goes(principal) => (None, Some(principal)),
        },
    };
    if let Some(principal) = &live
        && is_recent_enough(principal, &request)
    {
        return issue_ticket(context, &principal.session, request).await.map(Step::redirect);
    }
    let previous = live.as_ref().or(rechecked.as_ref());
    let previous = previous.map(|principal| &principal.session.record.provider);
    let Some(provider) = choose(context, provider, previous)? else {
        return Ok(choice(context, &request, false));
    };
    let intent = match (&live, &rechecked) {
        (Some(principal), _) => Intent::StepUp(principal),
        (None, Some(principal)) => Intent::Recheck(principal),
        (None, None) => Intent::SignIn,
    };
    authorize(context, visitor, request, provider, intent).await
}

/// Why the browser goes to the provider.
#[derive(Clone, Copy)]
enum Intent<'a> {
    SignIn,
    /// This session is too old for what was asked.
    StepUp(&'a Principal),
    /// The provider shall confirm this session, unseen where it can.
    Recheck(&'a Principal),
    OtherAccount,
}

fn is_recent_enough(principal: &Principal, request: &LoginRequest) -> bool {
    let auth_time = principal.session.record.auth_time;
    request.max_age().is_none_or(|max_age| auth_time.is_within(max_age, Timestamp::now()))
}

/// The named provider, the only one, or the one that signed this person in last time; `None`: the person chooses.
fn choose<'a>(
    context: &'a Context,
    named: Option<&str>,
    previous: Option<&ProviderId>,
) -> Result<Option<&'a Arc<Provider>>, Problem> {
    if let Some(named) = named {
        let provider = named.parse().ok().and_then(|id| context.site.providers.find(&id));
        return provider.map(Some).ok_or(Problem::UnknownProvider);
    }
    let mut all = context.site.providers.iter();
    match (all.next(), all.next()) {
        (only, None) => Ok(only),
        _ => Ok(previous.and_then(|id| context.site.providers.find(id))),
    }
}

async fn authorize(
    context: &Context,
    visitor: &Visitor,
    request: LoginRequest,
    provider: &Provider,
    intent: Intent<'_>,
) -> Result<Step, Problem> {
    let (bind, new_cookie) = bound(context.site.cookies, visitor.held.as_ref());
    let previous = match intent {
        Intent::StepUp(principal) | Intent::Recheck(principal) => Some(&principal.session.record),
        Intent::SignIn | Intent::OtherAccount => None,
    };
    let needs_newer = matches!(intent, Intent::StepUp(_));
    let prompt = match intent {
        Intent::OtherAccount => Some(Prompt::SelectAccount),
        Intent::StepUp(_) | Intent::Recheck(_) | Intent::SignIn
            if request.max_age.is_some() && request.restarts > 0 =>
        {
            Some(Prompt::Login)
        }
        Intent::StepUp(_) | Intent::Recheck(_) | Intent::SignIn => None,
    };
    let login = LoginState {
        id: OneTimeId::generate(),
        provider: provider.id().clone(),
        nonce: Secret::generate(),
        code_verifier: Secret::generate(),
        bind,
        auth_after: previous.filter(|_| needs_newer).and_then(|record| record.auth_time.known()),
        request,
    };
    let address = provider
        .authorization_url(&AuthorizationRequest {
            redirect_uri: &callback_address(context, provider.id()),
            state: &context.site.ring.seal(Purpose::State, "", &login),
            nonce: &login.nonce(),
            code_verifier: &login.code_verifier(),
            max_age: login.request.max_age(),
            prompt,
            login_hint: previous.and_then(|record| record.logout_hint.as_deref()),
        })
        .await
        .map_err(|source| Problem::Provider { provider: provider.id().clone(), source })?;
    Ok(Step::Redirect { to: address.into(), cookie: new_cookie })
}
