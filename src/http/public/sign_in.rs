//! `/login` and `/callback/<provider>`.

use super::Visit;
use crate::domain::ids::ProviderId;
use crate::http::pages::{self, ProviderChoice, paths};
use crate::http::parameters::Repeated;
use crate::http::respond::{self, Answer};
use crate::login::begin::{self, BeginQuery};
use crate::login::finish::{self, CallbackQuery};
use crate::login::{Problem, Step};
use crate::oidc::{ErrorResponse, OidcError, ProviderRefusal, TokenError};
use crate::telemetry::SignInOutcome;
use hyper::StatusCode;

impl Visit<'_> {
    pub(super) async fn login(&self) -> Result<Answer, Repeated> {
        let (name, value) = paths::SELECT_ACCOUNT;
        let [to, provider, prompt] = self.parameters([paths::TO, paths::PROVIDER, name])?;
        let begin = BeginQuery {
            to: to.as_deref(),
            provider: provider.as_deref(),
            other_account: prompt.as_deref() == Some(value),
        };
        let result = begin::begin(self.state, &self.visitor, &begin).await;
        Ok(self.step(result, begin.to))
    }

    pub(super) async fn callback(&self, provider: &str) -> Result<Answer, Repeated> {
        let Ok(provider) = provider.parse::<ProviderId>() else {
            return Ok(self.page(pages::Problem::NotFound));
        };
        let names = ["code", "state", "iss", "error", "error_description", "session_state"];
        let [code, state, iss, error, error_description, session_state] = self.parameters(names)?;
        let query = CallbackQuery { code, state, iss, error, error_description, session_state };
        let [consent] = self.parameters(["admin_consent"])?;
        if let Some(page) = consent.and_then(|_| self.admin_consent(&provider, &query)) {
            return Ok(page);
        }
        let state = query.state.clone();
        let result = finish::finish(self.state, &self.visitor, &provider, query).await;
        let outcome = result.as_ref().err().map_or(SignInOutcome::Done, outcome);
        self.state.metrics_of(&provider).for_each(|metrics| metrics.signed_in(outcome));
        let to = result.as_ref().err().and_then(|_| finish::sealed_request(self.state, state.as_deref()));
        Ok(self.step(result, to.as_deref()))
    }

    /// Entra sends an administrator back here who was asked to consent for the whole organisation (Microsoft's page
    /// "Admin consent on the Microsoft identity platform"): no sign-in is under way, and none begins.
    fn admin_consent(&self, provider: &ProviderId, query: &CallbackQuery) -> Option<Answer> {
        if query.code.is_some() {
            return None;
        }
        let provider = self.state.providers.find(provider)?;
        let Some(error) = query.error.as_deref() else {
            let page = pages::consented(provider.label(), self.visitor.request_id);
            return Some(respond::page(page, self.is_head()));
        };
        let description = query.error_description.as_deref();
        let refusal = ProviderRefusal::from_response(&ErrorResponse { error, description, issuer: None });
        Some(self.page(pages::Problem::ProviderRefused { provider: provider.label(), refusal: &refusal }))
    }

    pub(super) fn step(&self, result: Result<Step, Problem>, to: Option<&str>) -> Answer {
        match result {
            Ok(Step::Redirect { to, cookie }) => {
                respond::redirect(StatusCode::SEE_OTHER, &to, cookie.as_deref())
            }
            Ok(Step::Choose { to, host, other_account }) => {
                let choice = ProviderChoice {
                    providers: &self.state.config.providers,
                    to: to.as_deref(),
                    host: host.as_ref(),
                    other_account,
                    request_id: self.visitor.request_id,
                };
                respond::page(choice.page(), self.is_head())
            }
            Err(problem) => self.problem(&problem, to),
        }
    }
}

/// How a failed callback is counted.
const fn outcome(problem: &Problem) -> SignInOutcome {
    match problem {
        Problem::Unreadable | Problem::UnknownProvider | Problem::MixedUp { .. } | Problem::UnknownHost => {
            SignInOutcome::Unreadable
        }
        Problem::RestartedTooOften | Problem::TooManyHandovers(_) => SignInOutcome::GaveUp,
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
        Problem::AddressHeld(_) => SignInOutcome::AddressHeld,
        Problem::GroupsUnknown => SignInOutcome::GroupsUnknown,
        Problem::Unavailable(_) => SignInOutcome::StoreUnavailable,
    }
}
