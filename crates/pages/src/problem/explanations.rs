//! What went wrong, what to do about it, and who can: one explanation for each problem.

use gatepost_core::provider_refusal::{self, ProviderRefusal};

pub(super) const SIGN_IN_BROKEN: Explanation = explain(
    400,
    "The sign-in could not be completed",
    "The answer did not belong to a sign-in that this browser started: the link was old, or cookies are blocked.",
    "Allow cookies for this site and open the application again, in one tab.",
    ResponsibleParty::You,
);
pub(super) const TOO_MANY_HAND_OVERS: Explanation = explain(
    429,
    "Too many redirects",
    "You were redirected to the same application more than thirty times in a minute, and it sent you back each time.",
    "Wait a minute, close other tabs of this application, then try again. If it happens again, allow cookies for it.",
    ResponsibleParty::You,
);
pub(super) const STEP_UP_UNMET: Explanation = explain(
    403,
    "The provider did not ask you again",
    "The application requires a recent sign-in. We asked the provider for one, but it answered with the old one.",
    "Try again, and enter your password when the provider asks for it.",
    ResponsibleParty::You,
);
pub(super) const STEP_UP_IMPOSSIBLE: Explanation = explain(
    403,
    "The provider does not say when you signed in",
    "The application requires a recent sign-in. You are signed in, but the provider did not say since when.",
    "You can use other applications. For this one the provider has to send auth_time, or its rule has to change.",
    ResponsibleParty::Operator,
);
pub(super) const RATE_LIMITED: Explanation = explain(
    429,
    "Too many failed sign-ins",
    "Many sign-ins from this browser or this network are failing, so yours has to wait.",
    "Wait a few seconds, then load this page again: you can still complete your sign-in. Nobody is signed out.",
    ResponsibleParty::Time,
);
pub(super) const UNAVAILABLE: Explanation = explain(
    503,
    "One moment, please",
    "We cannot reach our database at the moment. Nothing was changed, and nobody was signed out.",
    "Wait a few seconds, then load this page again.",
    ResponsibleParty::Time,
);
pub(super) const CROSS_ORIGIN: Explanation = explain(
    403,
    "This request came from another site",
    "Another site tried to change something here in your name. We do not allow that.",
    "If you wanted this change, open your account here and make it there.",
    ResponsibleParty::You,
);
pub(super) const ADMINS_ONLY: Explanation = explain(
    403,
    "For administrators",
    "You are signed in, but only administrators of this site may open this page.",
    "If you should be an administrator, ask whoever runs this site.",
    ResponsibleParty::Operator,
);
pub(super) const METHOD_NOT_ALLOWED: Explanation = explain(
    405,
    "Method not allowed",
    "This address does not accept this kind of request.",
    "Go to your account and start from there.",
    ResponsibleParty::You,
);
pub(super) const NOT_FOUND: Explanation = explain(
    404,
    "Page not found",
    "There is no page at this address.",
    "Check the address, or go to your account.",
    ResponsibleParty::You,
);
pub(super) const MALFORMED: Explanation = explain(
    400,
    "We do not understand this request",
    "A part of it is missing, invalid or ambiguous.",
    "Open the application again.",
    ResponsibleParty::You,
);
pub(super) const INTERNAL: Explanation = explain(
    500,
    "Something went wrong",
    "This is our fault, not yours. The log has the details under the request number below.",
    "Try again. If it happens again, tell whoever runs this site.",
    ResponsibleParty::Operator,
);
pub(super) const PROVIDER_INVALID: Explanation = explain(
    502,
    "The provider's answer cannot be trusted",
    "The answer is not valid, or somebody changed it on the way. Nobody was signed in.",
    "Try again. If it happens again, tell whoever runs this site: the log says what is wrong.",
    ResponsibleParty::Operator,
);
pub(super) const GROUPS_UNKNOWN: Explanation = explain(
    503,
    "Your groups cannot be read at the moment",
    "The provider knows you, but did not say which groups you are in, and our last list is too old.",
    "Wait a minute, then try again.",
    ResponsibleParty::Time,
);
pub(super) const ACCOUNT_NOT_ALLOWED: Explanation = explain(
    403,
    "This account may not sign in here",
    "The provider knows you, but this site only accepts accounts of other organisations or domains.",
    "Use another account.",
    ResponsibleParty::You,
);
pub(super) const NO_ADDRESS: Explanation = explain(
    403,
    "Your account has no usable address",
    "Applications here identify people by their address. Your provider sent none, an unverified one, or one that this site does not accept from it.",
    "Ask for a verified e-mail address in your account, then try again.",
    ResponsibleParty::ProviderAdmin,
);
pub(super) const ADDRESS_HELD: Explanation = explain(
    403,
    "Another account holds your address",
    "Somebody else signed in here with this address before, perhaps you with another account. An address belongs to one account only.",
    "Use that account, or ask an administrator of this site to release the address.",
    ResponsibleParty::Operator,
);
pub(super) const ADDRESS_HELD_ELSEWHERE: Explanation = explain(
    403,
    "Your organisation’s sign-in does not open this account",
    "Somebody with this address, perhaps you, is known here by another sign-in, or is expected by it. The sign-in of your organisation cannot take that account over.",
    "Use the other sign-in. If nobody uses it any more, ask whoever runs this site to free the address.",
    ResponsibleParty::Operator,
);
pub(super) const ADDRESS_OUTDATED: Explanation = explain(
    403,
    "Your address is no longer allowed here",
    "Applications here know you by an address whose domain is no longer allowed.",
    "Ask whoever runs this site to give you another address here.",
    ResponsibleParty::Operator,
);
pub(super) const PROVIDER_UNAVAILABLE: Explanation = explain(
    503,
    "The provider does not answer",
    "We cannot reach your sign-in provider. People who are already signed in stay signed in.",
    "Wait a minute, then try again.",
    ResponsibleParty::Time,
);
pub(super) const PROVIDER_MISCONFIGURED: Explanation = explain(
    502,
    "No sign-in provider at the configured address",
    "The configured address does not answer as a sign-in provider. People who are already signed in stay signed in.",
    "Tell whoever runs this site. The log has the answer, and the command “gatepost check” names the setting to correct.",
    ResponsibleParty::Operator,
);
pub(super) const DISABLED: Explanation = explain(
    403,
    "Your account is disabled here",
    "An administrator of this site has disabled your account here. Your account at the provider is not affected.",
    "Ask whoever runs this site.",
    ResponsibleParty::Operator,
);

const fn explain(
    status: u16,
    heading: &'static str,
    what: &'static str,
    remedy: &'static str,
    responsible: ResponsibleParty,
) -> Explanation {
    Explanation { status, heading, what, remedy, responsible }
}

pub(super) const fn explain_refusal(refusal: &ProviderRefusal) -> Explanation {
    let (status, responsible) = match refusal.responsible {
        _ if refusal.is_temporary() => (503, ResponsibleParty::Time),
        provider_refusal::ResponsibleParty::Person => (403, ResponsibleParty::You),
        provider_refusal::ResponsibleParty::Admin => (403, ResponsibleParty::ProviderAdmin),
        provider_refusal::ResponsibleParty::Operator => (403, ResponsibleParty::Operator),
    };
    Explanation {
        status,
        heading: refusal.title,
        what: refusal.happened,
        remedy: refusal.remedy,
        responsible,
    }
}

/// Who can fix the problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponsibleParty {
    You,
    ProviderAdmin,
    Operator,
    Time,
}

impl ResponsibleParty {
    pub(super) const fn words(self) -> &'static str {
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
pub(super) struct Explanation {
    pub status: u16,
    pub heading: &'static str,
    pub what: &'static str,
    pub remedy: &'static str,
    pub responsible: ResponsibleParty,
}
