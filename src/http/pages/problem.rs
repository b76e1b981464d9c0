//! Error pages of the public host: what happened, what to do, who can fix it, and the details to pass on.

use super::message::{Action, ActionKind, Chrome, Fact, Message, Tone, render};
use super::page::Page;
use super::{paths, words};
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::RequestId;
use gatepost_oidc::{self as oidc, NextStep, ProviderRefusal};
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

/// How the sign-in can be started again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Retry<'a> {
    /// The sealed value of the failed sign-in, so that the next one has the same return address.
    pub to: Option<&'a str>,
}

const SHOWN_DETAIL: usize = 160;

impl Problem<'_> {
    /// Renders the page.
    pub fn page(&self, retry: Retry<'_>, request_id: RequestId) -> Page {
        let explanation = self.explain();
        let tone = if explanation.mender == Mender::Time { Tone::Wait } else { Tone::Stop };
        let mut facts = self.facts();
        if !matches!(self, Self::NotFound | Self::MethodNotAllowed { .. }) {
            facts.insert(0, Fact::new("Who can fix it", explanation.mender.words()));
        }
        let message = Message {
            chrome: Chrome::public(explanation.heading, tone, request_id),
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
            Self::AddressHeld { email } | Self::AddressOutdated { email } => {
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

const SIGN_IN_BROKEN: Explanation = explain(
    400,
    "The sign-in could not be completed",
    "The answer did not belong to a sign-in that this browser started: the link was old, or cookies are blocked.",
    "Allow cookies for this site and open the application again, in one tab.",
    Mender::You,
);
const TOO_MANY_HAND_OVERS: Explanation = explain(
    429,
    "Too many redirects",
    "You were redirected to the same application more than thirty times in a minute, and it sent you back each time.",
    "Wait a minute, close other tabs of this application, then try again. If it happens again, allow cookies for it.",
    Mender::You,
);
const STEP_UP_UNMET: Explanation = explain(
    403,
    "The provider did not ask you again",
    "The application requires a recent sign-in. We asked the provider for one, but it answered with the old one.",
    "Try again, and enter your password when the provider asks for it.",
    Mender::You,
);
const STEP_UP_IMPOSSIBLE: Explanation = explain(
    403,
    "The provider does not say when you signed in",
    "The application requires a recent sign-in. You are signed in, but the provider did not say since when.",
    "You can use other applications. For this one the provider has to send auth_time, or its rule has to change.",
    Mender::Operator,
);
const RATE_LIMITED: Explanation = explain(
    429,
    "Too many failed sign-ins",
    "Many sign-ins from this browser or this network are failing, so yours has to wait.",
    "Wait a few seconds, then load this page again: you can still complete your sign-in. Nobody is signed out.",
    Mender::Time,
);
const UNAVAILABLE: Explanation = explain(
    503,
    "One moment, please",
    "We cannot reach our database at the moment. Nothing was changed, and nobody was signed out.",
    "Wait a few seconds, then load this page again.",
    Mender::Time,
);
const CROSS_ORIGIN: Explanation = explain(
    403,
    "This request came from another site",
    "Another site tried to change something here in your name. We do not allow that.",
    "If you wanted this change, open your account here and make it there.",
    Mender::You,
);
const ADMINS_ONLY: Explanation = explain(
    403,
    "For administrators",
    "You are signed in, but only administrators of this site may open this page.",
    "If you should be an administrator, ask whoever runs this site.",
    Mender::Operator,
);
const METHOD_NOT_ALLOWED: Explanation = explain(
    405,
    "Method not allowed",
    "This address does not accept this kind of request.",
    "Go to your account and start from there.",
    Mender::You,
);
const NOT_FOUND: Explanation = explain(
    404,
    "Page not found",
    "There is no page at this address.",
    "Check the address, or go to your account.",
    Mender::You,
);
const MALFORMED: Explanation = explain(
    400,
    "We do not understand this request",
    "A part of it is missing, invalid or ambiguous.",
    "Open the application again.",
    Mender::You,
);
const INTERNAL: Explanation = explain(
    500,
    "Something went wrong",
    "This is our fault, not yours. The log has the details under the request number below.",
    "Try again. If it happens again, tell whoever runs this site.",
    Mender::Operator,
);
const PROVIDER_INVALID: Explanation = explain(
    502,
    "The provider's answer cannot be trusted",
    "The answer is not valid, or somebody changed it on the way. Nobody was signed in.",
    "Try again. If it happens again, tell whoever runs this site: the log says what is wrong.",
    Mender::Operator,
);
const GROUPS_UNKNOWN: Explanation = explain(
    503,
    "Your groups cannot be read at the moment",
    "The provider knows you, but did not say which groups you are in, and our last list is too old.",
    "Wait a minute, then try again.",
    Mender::Time,
);
const ACCOUNT_NOT_ALLOWED: Explanation = explain(
    403,
    "This account may not sign in here",
    "The provider knows you, but this site only accepts accounts of other organisations or domains.",
    "Use another account.",
    Mender::You,
);
const NO_ADDRESS: Explanation = explain(
    403,
    "Your account has no usable address",
    "Applications here identify people by their address. Your provider sent none, an unverified one, or one that this site does not accept from it.",
    "Ask for a verified e-mail address in your account, then try again.",
    Mender::ProviderAdmin,
);
const ADDRESS_HELD: Explanation = explain(
    403,
    "Another account holds your address",
    "Somebody else signed in here with this address before, perhaps you with another account. An address belongs to one account only.",
    "Use that account, or ask an administrator of this site to release the address.",
    Mender::Operator,
);
const ADDRESS_OUTDATED: Explanation = explain(
    403,
    "Your address is no longer allowed here",
    "Applications here know you by an address whose domain is no longer allowed.",
    "Ask whoever runs this site to give you another address here.",
    Mender::Operator,
);
const PROVIDER_UNAVAILABLE: Explanation = explain(
    503,
    "The provider does not answer",
    "We cannot reach your sign-in provider. People who are already signed in stay signed in.",
    "Wait a minute, then try again.",
    Mender::Time,
);
const PROVIDER_MISCONFIGURED: Explanation = explain(
    502,
    "No sign-in provider at the configured address",
    "The configured address does not answer as a sign-in provider. People who are already signed in stay signed in.",
    "Tell whoever runs this site. The log has the answer, and the command “gatepost check” names the setting to correct.",
    Mender::Operator,
);
const DISABLED: Explanation = explain(
    403,
    "Your account is disabled here",
    "An administrator of this site has disabled your account here. Your account at the provider is not affected.",
    "Ask whoever runs this site.",
    Mender::Operator,
);

const fn explain(
    status: u16,
    heading: &'static str,
    what: &'static str,
    remedy: &'static str,
    mender: Mender,
) -> Explanation {
    Explanation { status, heading, what, remedy, mender }
}

const fn explain_refusal(refusal: &ProviderRefusal) -> Explanation {
    let (status, mender) = match refusal.responsible {
        _ if refusal.is_temporary() => (503, Mender::Time),
        oidc::ResponsibleParty::Person => (403, Mender::You),
        oidc::ResponsibleParty::Admin => (403, Mender::ProviderAdmin),
        oidc::ResponsibleParty::Operator => (403, Mender::Operator),
    };
    Explanation { status, heading: refusal.title, what: refusal.happened, remedy: refusal.remedy, mender }
}

/// Who can fix the problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mender {
    You,
    ProviderAdmin,
    Operator,
    Time,
}

impl Mender {
    const fn words(self) -> &'static str {
        match self {
            Self::You => "you",
            Self::ProviderAdmin => "the administrator of accounts in your organisation",
            Self::Operator => "the operator of this site",
            Self::Time => "nobody needs to, it is temporary",
        }
    }
}

/// The texts of one problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Explanation {
    status: u16,
    heading: &'static str,
    what: &'static str,
    remedy: &'static str,
    mender: Mender,
}
