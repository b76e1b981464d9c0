//! `/login` and `/callback/<provider>`.

use super::answer::{PageAnswer, Redirect, RedirectOrPage};
use super::extract::{Path, Query};
use super::fault::Fault;
use actix_web::{Either, web};
use gatepost_core::ids::ProviderId;
use gatepost_oidc::{ErrorResponse, OidcError, TokenError};
use gatepost_pages::{self as pages, Brand, Page, ProviderChoice, Retry, paths};
use gatepost_runtime::hosts::Protected;
use gatepost_sign_in::begin::{self, BeginQuery};
use gatepost_sign_in::callback::{self, CallbackQuery};
use gatepost_sign_in::{Browser, Context, Destination, Problem};
use gatepost_telemetry::SignInOutcome;
use serde::Deserialize;
use std::rc::Rc;

/// Parameters of [`paths::login`].
#[derive(Deserialize)]
pub(super) struct Login {
    to: Option<String>,
    provider: Option<String>,
    prompt: Option<String>,
}

pub(super) async fn login(
    browser: Rc<Browser>,
    context: web::Data<Context>,
    Query(login): Query<Login>,
) -> Result<RedirectOrPage, Fault> {
    let begin = BeginQuery {
        to: login.to.as_deref(),
        provider: login.provider.as_deref(),
        other_account: login.prompt.as_deref() == Some(paths::SELECT_ACCOUNT.1),
    };
    match begin::begin(&context, &browser, &begin).await {
        Ok(step) => Ok(next(&context, &browser, step)),
        Err(problem) => Err(Fault::Stopped { problem, to: login.to }),
    }
}

/// Entra sends an administrator back here who was asked to consent for the whole organisation (Microsoft's page
/// "Admin consent on the Microsoft identity platform"): no sign-in is under way, and none begins.
#[derive(Deserialize)]
pub(super) struct Consent {
    admin_consent: Option<String>,
}

pub(super) async fn callback(
    browser: Rc<Browser>,
    context: web::Data<Context>,
    Path(provider): Path<ProviderId>,
    Query(query): Query<CallbackQuery>,
    Query(consent): Query<Consent>,
) -> Result<RedirectOrPage, Fault> {
    if let Some(page) = consent.admin_consent.and_then(|_| consented(&context, &browser, &provider, &query)) {
        return Ok(Either::Right(PageAnswer(page)));
    }
    let sealed = query.state.clone();
    let result = callback::complete_sign_in(&context, &browser, &provider, query).await;
    let outcome = result.as_ref().err().map_or(SignInOutcome::Done, outcome);
    context.stores.count(&provider, |metrics| metrics.signed_in(outcome));
    result.map(|step| next(&context, &browser, step)).map_err(|problem| {
        let to = callback::sealed_request(&context.site, sealed.as_deref());
        Fault::Stopped { problem, to }
    })
}

fn consented(
    context: &Context,
    browser: &Browser,
    provider: &ProviderId,
    query: &CallbackQuery,
) -> Option<Page> {
    if query.code.is_some() {
        return None;
    }
    let provider = context.site.providers.find(provider)?.label();
    let Some(error) = query.error.as_deref() else {
        return Some(pages::consented(provider, browser.request_id));
    };
    let description = query.error_description.as_deref();
    let refusal = ErrorResponse { error, description, issuer: None }.explain();
    let problem = pages::Problem::ProviderRefused { provider, refusal: &refusal };
    Some(problem.page(Retry::default(), browser.request_id))
}

/// The answer for a destination.
pub(super) fn next(context: &Context, browser: &Browser, step: Destination) -> RedirectOrPage {
    match step {
        Destination::Redirect { to, cookie } => Either::Left(Redirect { to, cookie }),
        Destination::ProviderChoice { providers, to, host, other_account } => {
            let found = host.as_ref().and_then(|host| context.hosts.find_now(host).ok().flatten());
            let brand = found.as_ref().and_then(Protected::branding);
            let public = context.site.config.public_url.host();
            let choice = ProviderChoice {
                brand: brand.map(|branding| Brand { branding, host: public }),
                providers: &providers,
                to: to.as_deref(),
                host: host.as_ref(),
                other_account,
                request_id: browser.request_id,
            };
            Either::Right(PageAnswer(choice.page()))
        }
    }
}

/// The metric's label for a failed callback.
const fn outcome(problem: &Problem) -> SignInOutcome {
    match problem {
        Problem::Unreadable | Problem::UnknownProvider | Problem::MixedUp { .. } | Problem::UnknownHost => {
            SignInOutcome::Unreadable
        }
        Problem::RestartedTooOften
        | Problem::TooManyTickets(_)
        | Problem::SignedInElsewhere(_)
        | Problem::ProviderChanged(_) => SignInOutcome::GaveUp,
        Problem::Limited(_) => SignInOutcome::Limited,
        Problem::Refused { .. } => SignInOutcome::RefusedByProvider,
        Problem::Provider { source: OidcError::Unavailable(_), .. } => SignInOutcome::ProviderUnavailable,
        Problem::Provider { source: OidcError::Token(TokenError::WrongTenant(_)), .. } => {
            SignInOutcome::ForeignTenant
        }
        Problem::Provider { .. } => SignInOutcome::InvalidToken,
        Problem::NotRecent { .. } => SignInOutcome::NotRecent,
        Problem::EndedAtProvider => SignInOutcome::EndedAtProvider,
        Problem::Disabled => SignInOutcome::UserDisabled,
        Problem::NoAddress { .. } | Problem::KeptAddressRefused { .. } => SignInOutcome::NoAddress,
        Problem::AddressHeld(_) | Problem::AddressHeldElsewhere { .. } => SignInOutcome::AddressHeld,
        Problem::GroupsUnknown => SignInOutcome::GroupsUnknown,
        Problem::Unavailable(_) => SignInOutcome::StoreUnavailable,
    }
}
