//! The pages for problems of a sign-in or sign-out.

use super::answer::PageAnswer;
use super::request::{browser, data};
use actix_web::{HttpRequest, HttpResponse, Responder};
use gatepost_core::error_chain::Chain;
use gatepost_core::ids::ProviderId;
use gatepost_oidc::{OidcError, TokenError};
use gatepost_pages::{self as pages, Brand, Retry};
use gatepost_runtime::hosts::Protected;
use gatepost_sign_in::{Context, Problem, addresses};
use std::time::Duration;

/// `Retry-After` of an outage.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Logs a problem and renders its page.
pub(super) fn answer(request: &HttpRequest, problem: &Problem, to: Option<&str>) -> HttpResponse {
    let (context, browser) = (data::<Context>(request), browser(request));
    tracing::warn!(
        request.id = %browser.request_id,
        client.address = browser.address.map(tracing::field::display),
        error = %Chain(problem),
        "a sign-in or sign-out did not go on"
    );
    let label =
        |id: &ProviderId| context.site.providers.find(id).map_or("the provider", |provider| provider.label());
    let shown = match problem {
        Problem::Unreadable
        | Problem::MixedUp { .. }
        | Problem::RestartedTooOften
        | Problem::EndedAtProvider
        | Problem::ProviderChanged(_) => pages::Problem::SignInBroken,
        Problem::UnknownProvider => pages::Problem::NotFound,
        Problem::UnknownHost => {
            pages::Problem::Malformed("the sign-in was for a host that is not protected here any more")
        }
        Problem::SignedInElsewhere(_) => pages::Problem::Malformed(
            "somebody else is signed in in this browser: sign out first, then open the page again",
        ),
        Problem::TooManyTickets(_) => pages::Problem::TooManyHandOvers,
        Problem::Limited(wait) => pages::Problem::RateLimited { retry_after: *wait + Duration::from_secs(1) },
        Problem::Refused { provider, refusal } => {
            pages::Problem::ProviderRefused { provider: label(provider), refusal }
        }
        Problem::Provider { provider, source } => match source {
            OidcError::Unavailable(error) if !error.is_temporary() => {
                pages::Problem::ProviderMisconfigured { provider: label(provider) }
            }
            OidcError::Unavailable(error) => pages::Problem::ProviderUnavailable {
                provider: label(provider),
                retry_after: error.retry_after(),
            },
            OidcError::Token(TokenError::WrongTenant(_)) => {
                pages::Problem::AccountNotAllowed { provider: label(provider) }
            }
            _ => pages::Problem::ProviderInvalid { provider: label(provider) },
        },
        Problem::NotRecent { provider, max_age, auth_time } => pages::Problem::StepUpUnmet {
            provider: label(provider),
            is_time_known: auth_time.known().is_some(),
            max_age: *max_age,
        },
        Problem::Disabled => pages::Problem::Disabled,
        Problem::NoAddress { provider, .. } => pages::Problem::NoAddress { provider: label(provider) },
        Problem::AddressHeld(email) => pages::Problem::AddressHeld { email },
        Problem::AddressHeldElsewhere { email, .. } => pages::Problem::AddressHeldElsewhere { email },
        Problem::KeptAddressRefused { email, .. } => pages::Problem::AddressOutdated { email },
        Problem::GroupsUnknown => pages::Problem::GroupsUnknown,
        Problem::Unavailable(_) => unavailable(request),
    };
    let host = to.and_then(|to| addresses::host_of(&context.site, to));
    let found = host.and_then(|host| context.hosts.find_now(&host).ok().flatten());
    let brand = found.as_ref().and_then(Protected::branding);
    let brand = brand.map(|branding| Brand { branding, host: context.site.config.public_url.host() });
    PageAnswer(shown.page(Retry { to, brand }, browser.request_id)).respond_to(request)
}

/// The page for a store or a provider's keys that are unavailable.
pub(super) fn unavailable(request: &HttpRequest) -> pages::Problem<'static> {
    pages::Problem::Unavailable { retry_after: RETRY_AFTER, resend: request.method() == "POST" }
}
