//! Error pages of the public host: what happened, what to do, who can fix it, and the details to pass on.

mod explanations;

use super::brand::Brand;
use super::message::{Action, ActionKind, Chrome, Fact, Message, Tone, render};
use super::page::Page;
use super::{paths, words};
use explanations::{
    ACCOUNT_NOT_ALLOWED, ADDRESS_HELD, ADDRESS_HELD_ELSEWHERE, ADDRESS_OUTDATED, ADMINS_ONLY, CROSS_ORIGIN,
    DISABLED, Explanation, GROUPS_UNKNOWN, INTERNAL, MALFORMED, METHOD_NOT_ALLOWED, NO_ADDRESS, NOT_FOUND,
    PROVIDER_INVALID, PROVIDER_MISCONFIGURED, PROVIDER_UNAVAILABLE, RATE_LIMITED, ResponsibleParty,
    SIGN_IN_BROKEN, STEP_UP_IMPOSSIBLE, STEP_UP_UNMET, TOO_MANY_HAND_OVERS, UNAVAILABLE, explain_refusal,
};
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::RequestId;
use gatepost_core::provider_refusal::{NextStep, ProviderRefusal};
use std::time::Duration;

/// The reason for an error page.
#[derive(Clone, Copy, Debug)]
pub enum Problem<'a> {
    /// The provider refused the sign-in; 4xx, or 503 if the refusal is temporary.
    ProviderRefused {
        /// The provider's label.
        provider: &'a str,
        /// The provider's error.
        refusal: &'a ProviderRefusal,
    },
    /// 502: the provider's answer is invalid, so it may be a forgery. The reason is only in the log.
    ProviderInvalid {
        /// The provider's label.
        provider: &'a str,
    },
    /// 503: the provider did not answer, or not with a usable answer.
    ProviderUnavailable {
        /// The provider's label.
        provider: &'a str,
        /// How long the provider asks to wait.
        retry_after: Option<Duration>,
    },
    /// 502: the configured address leads to no provider, or to another one. The reason is only in the log.
    ProviderMisconfigured {
        /// The provider's label.
        provider: &'a str,
    },
    /// 403: the account's tenant or domain is not allowed.
    AccountNotAllowed {
        /// The provider's label.
        provider: &'a str,
    },
    /// 403: the account has no address that this provider may assert.
    NoAddress {
        /// The provider's label.
        provider: &'a str,
    },
    /// 403: another person has the address.
    AddressHeld {
        /// The address.
        email: &'a EmailAddress,
    },
    /// 403: the provider of a tenant asserts the address of somebody who is known outside of the tenant.
    AddressHeldElsewhere {
        /// The address.
        email: &'a EmailAddress,
    },
    /// 403: the domain of the address that the person keeps for applications is no longer allowed.
    AddressOutdated {
        /// The kept address.
        email: &'a EmailAddress,
    },
    /// 403: an administrator of this site disabled the person.
    Disabled,
    /// 503: the groups could not be read, and the last list is too old.
    GroupsUnknown,
    /// 400: state or browser binding did not match, after two automatic attempts, or the link was old.
    SignInBroken,
    /// 429: the browser is redirected in a loop.
    TooManyHandOvers,
    /// 403: the provider did not confirm a sign-in as recent as the application requires.
    StepUpUnmet {
        /// The provider's label.
        provider: &'a str,
        /// The provider sent the time of the sign-in.
        is_time_known: bool,
        /// The greatest age that the application requires.
        max_age: Duration,
    },
    /// 429: too many sign-ins are failing, so this one has to wait. It can still be completed.
    RateLimited {
        /// `Retry-After`.
        retry_after: Duration,
    },
    /// 503: a store cannot be reached; nothing was changed.
    Unavailable {
        /// `Retry-After`.
        retry_after: Duration,
        /// The request had a form, which a link would not send again.
        resend: bool,
    },
    /// 403: another site requested a change.
    CrossOrigin,
    /// 403: the signed-in person is not an admin.
    AdminsOnly,
    /// 405: the path does not accept the method.
    MethodNotAllowed {
        /// `Allow`, for example `GET, HEAD`.
        allow: &'a str,
    },
    /// 404.
    NotFound,
    /// 400: what is wrong in the request, without a full stop.
    Malformed(&'a str),
    /// 500.
    Internal,
}

/// The sign-in that failed: how it can be started again, and for whom it was.
#[derive(Clone, Copy, Debug, Default)]
pub struct Retry<'a> {
    /// Of the tenant to whose host it was to lead.
    pub brand: Option<Brand<'a>>,
    /// The sealed value of the failed sign-in, so that the next one has the same return address.
    pub to: Option<&'a str>,
}

const SHOWN_DETAIL: usize = 160;

impl Problem<'_> {
    /// Renders the page.
    pub fn page(&self, retry: Retry<'_>, request_id: RequestId) -> Page {
        let explanation = self.explain();
        let tone = if explanation.responsible == ResponsibleParty::Time { Tone::Wait } else { Tone::Stop };
        let mut facts = self.facts();
        if !matches!(self, Self::NotFound | Self::MethodNotAllowed { .. }) {
            facts.insert(0, Fact::new("Who can fix it", explanation.responsible.words()));
        }
        let message = Message {
            chrome: Chrome::public(explanation.heading, tone, request_id).branded(retry.brand),
            paragraphs: vec![explanation.what.to_owned(), explanation.remedy.to_owned()],
            facts,
            actions: self.actions(retry),
        };
        let page = Page::public(explanation.status, render(&message), &[]);
        self.header(explanation.status).into_iter().fold(page, |page, (name, value)| page.with(name, value))
    }

    fn header(&self, status: u16) -> Option<(&'static str, String)> {
        match self {
            Self::RateLimited { retry_after } | Self::Unavailable { retry_after, .. } => {
                Some(("Retry-After", retry_after.as_secs().to_string()))
            }
            Self::ProviderUnavailable { retry_after: Some(wait), .. } => {
                Some(("Retry-After", format!("{:.0}", wait.as_secs_f64().ceil().max(1.0))))
            }
            Self::MethodNotAllowed { allow } => Some(("Allow", (*allow).to_owned())),
            _ if status == 503 => Some(("Retry-After", "30".to_owned())),
            _ => None,
        }
    }

    fn actions(&self, retry: Retry<'_>) -> Vec<Action> {
        let again = || Action::new(ActionKind::Link, "Try again", paths::login(&[(paths::TO, retry.to)]));
        let (prompt, select) = paths::SELECT_ACCOUNT;
        let other = || {
            let link = paths::login(&[(paths::TO, retry.to), (prompt, Some(select))]);
            Action::new(ActionKind::Link, "Use another account", link).quiet()
        };
        match self {
            Self::ProviderRefused { refusal, .. } => match refusal.next {
                NextStep::Retry => vec![again(), other()],
                NextStep::SwitchAccount => vec![other()],
                NextStep::Wait => vec![again().quiet(), other()],
            },
            Self::AddressHeld { .. }
            | Self::AddressHeldElsewhere { .. }
            | Self::AddressOutdated { .. }
            | Self::NoAddress { .. }
            | Self::Disabled => vec![again(), other()],
            Self::AccountNotAllowed { .. } => vec![other()],
            Self::ProviderInvalid { .. }
            | Self::ProviderUnavailable { .. }
            | Self::ProviderMisconfigured { .. }
            | Self::GroupsUnknown
            | Self::SignInBroken
            | Self::TooManyHandOvers
            | Self::StepUpUnmet { .. } => vec![again()],
            Self::NotFound
            | Self::CrossOrigin
            | Self::AdminsOnly
            | Self::MethodNotAllowed { .. }
            | Self::Malformed(_) => {
                vec![Action::new(ActionKind::Link, "Your account", paths::ACCOUNT.to_owned()).quiet()]
            }
            Self::Unavailable { resend: false, .. } => {
                vec![Action::new(ActionKind::Link, "Load the page again", String::new())]
            }
            Self::RateLimited { .. } | Self::Unavailable { .. } | Self::Internal => Vec::new(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::ProviderRefused { provider, refusal } => {
                let code = refusal.code.as_deref().unwrap_or(&refusal.error);
                let mut facts = vec![Fact::new("Provider", *provider), Fact::new("Code", code)];
                facts.extend(refusal.correlation_id.as_deref().map(|id| Fact::new("Correlation ID", id)));
                facts.extend(refusal.timestamp.as_deref().map(|at| Fact::new("Timestamp", at)));
                facts
            }
            Self::ProviderInvalid { provider }
            | Self::ProviderUnavailable { provider, .. }
            | Self::ProviderMisconfigured { provider }
            | Self::AccountNotAllowed { provider }
            | Self::NoAddress { provider } => vec![Fact::new("Provider", *provider)],
            Self::AddressHeld { email }
            | Self::AddressHeldElsewhere { email }
            | Self::AddressOutdated { email } => {
                vec![Fact::new("Address", email.as_str())]
            }
            Self::StepUpUnmet { provider, max_age, .. } => {
                let age = format!("{} ago", words::duration(*max_age));
                vec![Fact::new("Provider", *provider), Fact::new("Required sign-in, at most", age)]
            }
            Self::Malformed(what) => vec![Fact::new("What is wrong", words::shorten(what, SHOWN_DETAIL))],
            _ => Vec::new(),
        }
    }

    fn explain(&self) -> Explanation {
        match self {
            Self::ProviderRefused { refusal, .. } => explain_refusal(refusal),
            Self::ProviderInvalid { .. } => PROVIDER_INVALID,
            Self::ProviderUnavailable { .. } => PROVIDER_UNAVAILABLE,
            Self::ProviderMisconfigured { .. } => PROVIDER_MISCONFIGURED,
            Self::AccountNotAllowed { .. } => ACCOUNT_NOT_ALLOWED,
            Self::NoAddress { .. } => NO_ADDRESS,
            Self::AddressHeld { .. } => ADDRESS_HELD,
            Self::AddressHeldElsewhere { .. } => ADDRESS_HELD_ELSEWHERE,
            Self::AddressOutdated { .. } => ADDRESS_OUTDATED,
            Self::Disabled => DISABLED,
            Self::GroupsUnknown => GROUPS_UNKNOWN,
            Self::SignInBroken => SIGN_IN_BROKEN,
            Self::TooManyHandOvers => TOO_MANY_HAND_OVERS,
            Self::StepUpUnmet { is_time_known: true, .. } => STEP_UP_UNMET,
            Self::StepUpUnmet { is_time_known: false, .. } => STEP_UP_IMPOSSIBLE,
            Self::RateLimited { .. } => RATE_LIMITED,
            Self::Unavailable { .. } => UNAVAILABLE,
            Self::CrossOrigin => CROSS_ORIGIN,
            Self::AdminsOnly => ADMINS_ONLY,
            Self::MethodNotAllowed { .. } => METHOD_NOT_ALLOWED,
            Self::NotFound => NOT_FOUND,
            Self::Malformed(_) => MALFORMED,
            Self::Internal => INTERNAL,
        }
    }
}
