//! `/login` and `/callback/<provider>`.

use super::Visit;
use crate::domain::ids::ProviderId;
use crate::http::pages::{self, ProviderChoice, paths};
use crate::http::respond::{self, Answer};
use crate::login::begin::{self, BeginQuery};
use crate::login::finish::{self, CallbackQuery};
use crate::login::{Problem, Step};
use crate::oidc::{OidcError, TokenError};
use crate::telemetry::SignInOutcome;
use hyper::StatusCode;

impl Visit<'_> {
    pub(super) async fn login(&self) -> Answer {
        let query = self.parameters();
        let get = |name: &str| query.get(name).map(String::as_str);
        let (name, value) = paths::SELECT_ACCOUNT;
        let begin = BeginQuery {
            to: get(paths::TO),
            provider: get(paths::PROVIDER),
            other_account: get(name) == Some(value),
        };
        let result = begin::begin(self.state, &self.visitor, &begin).await;
        self.step(result, begin.to)
    }

    pub(super) async fn callback(&self, provider: &str) -> Answer {
        let Ok(provider) = provider.parse::<ProviderId>() else { return self.page(pages::Problem::NotFound) };
        let mut query = self.parameters();
        let query = CallbackQuery {
            code: query.remove("code"),
            state: query.remove("state"),
            iss: query.remove("iss"),
            error: query.remove("error"),
            error_description: query.remove("error_description"),
            session_state: query.remove("session_state"),
        };
        let state = query.state.clone();
        let result = finish::finish(self.state, &self.visitor, &provider, query).await;
        let outcome = result.as_ref().err().map_or(SignInOutcome::Done, outcome);
        self.state.metrics_of(&provider).for_each(|metrics| metrics.signed_in(outcome));
        if result.as_ref().is_err_and(is_their_failure) {
            self.state.limits.fail(self.visitor.address);
        }
        let to = result.as_ref().err().and_then(|_| finish::sealed_request(self.state, state.as_deref()));
        self.step(result, to.as_deref())
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
        Problem::NoAddress { .. } => SignInOutcome::NoAddress,
        Problem::AddressHeld(_) => SignInOutcome::AddressHeld,
        Problem::GroupsUnknown => SignInOutcome::GroupsUnknown,
        Problem::Unavailable(_) => SignInOutcome::StoreUnavailable,
    }
}

/// Failures that whoever sits at this address brought about, or may go on bringing about.
fn is_their_failure(problem: &Problem) -> bool {
    // What came without a state bound to this browser cost nothing, and another site can make a browser send it.
    !matches!(
        problem,
        Problem::Unavailable(_)
            | Problem::Limited(_)
            | Problem::GroupsUnknown
            | Problem::Unreadable
            | Problem::UnknownProvider
            | Problem::MixedUp { .. }
            | Problem::RestartedTooOften
            | Problem::UnknownHost
            | Problem::TooManyHandovers(_)
    ) && !matches!(problem, Problem::Provider { source: OidcError::Unavailable(_), .. })
}
