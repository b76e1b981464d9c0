//! `/login`: a live session goes straight on; everybody else goes to a provider.

use super::addresses::{find_host, page_address};
use super::checked_session::{FoundSession, OutageDecision, find, keep_during_outage};
use super::issue_ticket::issue_ticket;
use super::offered::Offered;
use super::{Browser, Context, Destination, Problem, browser_binding, return_cookie};
use gatepost_core::clock::Timestamp;
use gatepost_core::secret::Secret;
use gatepost_oidc::{AuthorizationRequest, Prompt, Provider};
use gatepost_runtime::authn::Principal;
use gatepost_store::session::sealed::Purpose;
use gatepost_store::session::tokens::{LoginRequest, LoginState, OneTimeId, Target};

/// The parameters of `/login`.
#[derive(Clone, Copy, Debug, Default)]
pub struct BeginQuery<'a> {
    /// A sealed [`LoginRequest`]. Without it the sign-in ends at the account page.
    pub to: Option<&'a str>,
    /// The id of the provider that the person chose.
    pub provider: Option<&'a str>,
    /// Whether the person wants to choose another account at the provider.
    pub other_account: bool,
}

/// Redirects to a provider, or straight on if the browser has a session that satisfies the request.
///
/// # Errors
/// [`Problem`].
pub async fn begin(
    context: &Context,
    browser: &Browser,
    query: &BeginQuery<'_>,
) -> Result<Destination, Problem> {
    let request = match query.to {
        Some(to) => {
            let opened = context
                .site
                .ring
                .open_any_age(Purpose::LoginRequest, "", to)
                .map_err(|_| Problem::Unreadable)?;
            if opened.is_expired {
                return restart_expired(context, &opened.value).await;
            }
            opened.value
        }
        None => LoginRequest { target: Target::Account, max_age: None, restarts: 0 },
    };
    if query.other_account {
        let offered = Offered::find(context, &request).await?;
        return match offered.choose(query.provider, None)? {
            Some(provider) => authorize(context, browser, request, &provider, Intent::OtherAccount).await,
            None => Ok(provider_choice(context, &request, &offered, true)),
        };
    }
    continue_sign_in(context, browser, request, query.provider).await
}

/// Sends the browser back to its host, which makes a new request: a sealed request is valid for one hour.
async fn restart_expired(context: &Context, request: &LoginRequest) -> Result<Destination, Problem> {
    let (host, uri) = match &request.target {
        Target::Account => return Ok(Destination::redirect(context.site.public_address("/login", &[]))),
        Target::Page(page) => return Ok(Destination::redirect(page_address(&context.site, page))),
        Target::Host { host, uri, .. } => (host, uri),
    };
    let found = find_host(&context.hosts, host).await?;
    Ok(Destination::redirect(return_cookie::return_address(found.origin(), uri)))
}

fn provider_choice(
    context: &Context,
    request: &LoginRequest,
    offered: &Offered,
    other_account: bool,
) -> Destination {
    let host = match &request.target {
        Target::Host { host, .. } => host.parse().ok(),
        Target::Account | Target::Page(_) => None,
    };
    Destination::ProviderChoice {
        providers: offered.offers(),
        to: Some(context.site.ring.seal(Purpose::LoginRequest, "", request)),
        host,
        other_account,
    }
}

/// Redirects to the host if the browser has a session that satisfies the request, else to a provider.
pub(super) async fn continue_sign_in(
    context: &Context,
    browser: &Browser,
    request: LoginRequest,
    provider: Option<&str>,
) -> Result<Destination, Problem> {
    let (live, rechecked) = match find(context, browser).await? {
        FoundSession::Nobody => (None, None),
        FoundSession::Checked(principal) => (Some(principal), None),
        FoundSession::Unchecked(principal) => match keep_during_outage(context, principal).await? {
            OutageDecision::KeepSession(principal) => (Some(principal), None),
            OutageDecision::GoToProvider(principal) => (None, Some(principal)),
        },
    };
    if let Some(principal) = &live
        && is_recent_enough(principal, &request)
    {
        return issue_ticket(context, &principal.session, request).await.map(Destination::redirect);
    }
    let previous = live.as_ref().or(rechecked.as_ref());
    let previous = previous.map(|principal| &principal.session.record.provider);
    let offered = Offered::find(context, &request).await?;
    let offered_before = match previous {
        Some(id) => offered.before(context, id).await?,
        None => None,
    };
    let Some(provider) = offered.choose(provider, offered_before)? else {
        return Ok(provider_choice(context, &request, &offered, false));
    };
    let intent = match (&live, &rechecked) {
        (Some(principal), _) => Intent::StepUp(principal),
        (None, Some(principal)) => Intent::Recheck(principal),
        (None, None) => Intent::SignIn,
    };
    authorize(context, browser, request, &provider, intent).await
}

/// Why the browser goes to the provider.
#[derive(Clone, Copy)]
enum Intent<'a> {
    SignIn,
    /// The sign-in of this session is older than the request allows.
    StepUp(&'a Principal),
    /// The provider has to confirm this session, without showing a page if it can.
    Recheck(&'a Principal),
    OtherAccount,
}

fn is_recent_enough(principal: &Principal, request: &LoginRequest) -> bool {
    let auth_time = principal.session.record.auth_time;
    request.max_age().is_none_or(|max_age| auth_time.is_within(max_age, Timestamp::now()))
}

async fn authorize(
    context: &Context,
    browser: &Browser,
    request: LoginRequest,
    provider: &Provider,
    intent: Intent<'_>,
) -> Result<Destination, Problem> {
    let (bind, new_cookie) = browser_binding(context.site.cookies, browser.held.as_ref());
    let previous = match intent {
        Intent::StepUp(principal) | Intent::Recheck(principal) => Some(&principal.session.record),
        Intent::SignIn | Intent::OtherAccount => None,
    };
    // What one provider calls a person, and when they signed in there, is nothing for another one.
    let previous = previous.filter(|record| record.provider == *provider.id());
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
            redirect_uri: &context.site.callback_address(provider.id()),
            state: &context.site.ring.seal(Purpose::State, "", &login),
            nonce: &login.nonce(),
            code_verifier: &login.code_verifier(),
            max_age: login.request.max_age(),
            prompt,
            login_hint: previous.and_then(|record| record.logout_hint.as_deref()),
        })
        .await
        .map_err(|source| Problem::Provider { provider: provider.id().clone(), source })?;
    Ok(Destination::Redirect { to: address.into(), cookie: new_cookie })
}
