//! A provider's error in words: what happened, what to do, who can mend it.
//!
//! The provider's own text is never shown: whoever makes a link to the callback writes it. Only what has a known form
//! is taken from it: Entra's AADSTS number, ids and timestamp, which its support asks for.

use super::words;

/// What the provider answered (RFC 6749 sections 4.1.2.1 and 5.2), as it came.
#[derive(Clone, Copy, Debug)]
pub struct ProviderRefusal<'a> {
    /// The provider's label.
    pub provider: &'a str,
    /// `error`.
    pub error: &'a str,
    /// `error_description`.
    pub description: Option<&'a str>,
}

/// Who can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mender {
    You,
    ProviderAdmin,
    Operator,
    Time,
}

impl Mender {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::You => "you",
            Self::ProviderAdmin => "who administers accounts in your organisation",
            Self::Operator => "who runs this site",
            Self::Time => "nobody needs to: it passes",
        }
    }
}

/// One cause, explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Explanation {
    pub(super) status: u16,
    pub(super) heading: &'static str,
    pub(super) what: &'static str,
    pub(super) remedy: &'static str,
    pub(super) mender: Mender,
}

/// The parts of a refusal that are safe to repeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Evidence {
    pub(super) code: String,
    pub(super) correlation_id: Option<String>,
    pub(super) trace_id: Option<String>,
    pub(super) timestamp: Option<String>,
}

impl ProviderRefusal<'_> {
    /// Entra's number decides where there is one, else OAuth's word.
    pub(super) fn explain(&self) -> Explanation {
        let by_number = self.aadsts().and_then(by_aadsts);
        by_number.unwrap_or_else(|| by_oauth_error(self.error))
    }

    pub(super) fn evidence(&self) -> Evidence {
        let error: String =
            self.error.chars().filter(|c| c.is_ascii_alphanumeric() || "_-.".contains(*c)).collect();
        let error = words::shorten(&error, 40);
        let guid = |label| self.labelled(label).filter(|value| uuid::Uuid::try_parse(value).is_ok());
        Evidence {
            code: self.aadsts().map_or_else(|| error.clone(), |number| format!("AADSTS{number} ({error})")),
            correlation_id: guid("Correlation ID:"),
            trace_id: guid("Trace ID:"),
            timestamp: self.timestamp(),
        }
    }

    /// The number after `AADSTS`, at most seven digits.
    fn aadsts(&self) -> Option<u32> {
        let (_, rest) = self.description?.split_once("AADSTS")?;
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok().filter(|_| digits.len() <= 7)
    }

    /// The word after a label.
    fn labelled(&self, label: &str) -> Option<String> {
        let (_, rest) = self.description?.split_once(label)?;
        rest.split_whitespace().next().map(str::to_owned)
    }

    /// `2026-11-23 23:35:00Z` and nothing else.
    fn timestamp(&self) -> Option<String> {
        let (_, rest) = self.description?.split_once("Timestamp:")?;
        let text = rest.trim_start().get(..20)?;
        let fits = text.bytes().zip(b"0000-00-00 00:00:00Z").all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            _ => byte == *form,
        });
        fits.then(|| text.to_owned())
    }
}

const fn explanation(
    heading: &'static str,
    what: &'static str,
    remedy: &'static str,
    mender: Mender,
) -> Explanation {
    Explanation { status: 403, heading, what, remedy, mender }
}

const START_AGAIN: Explanation = Explanation {
    status: 400,
    ..explanation(
        "The sign-in took too long",
        "What the provider gave us is no longer valid, or was used before.",
        "Start again.",
        Mender::You,
    )
};
const TRANSIENT: Explanation = Explanation {
    status: 503,
    ..explanation(
        "The provider cannot answer now",
        "The provider said that it is out of order or busy.",
        "Wait a minute, then try again.",
        Mender::Time,
    )
};
const DECLINED: Explanation = explanation(
    "The sign-in was declined",
    "The provider let nobody in: the sign-in was cancelled, or somebody declined to let this site know who you are.",
    "Try again and accept. If you did not decline, ask whoever administers accounts in your organisation.",
    Mender::You,
);
const INTERACTION: Explanation = explanation(
    "The provider wants to see you",
    "The provider needs something from you first: a second factor, a new password, or a choice of account.",
    "Try again and follow the provider's steps to the end.",
    Mender::You,
);
const UNKNOWN: Explanation = explanation(
    "The provider refused the sign-in",
    "The provider gave a reason that we have no words for.",
    "Try again. If it happens again, pass on the details below.",
    Mender::Operator,
);
const SETUP: Explanation = explanation(
    "This site is not set up rightly at the provider",
    "The provider refused this site, not you: the registration, its credential or its permissions are wrong.",
    "Tell whoever runs this site, with the details below. Trying again does not help until then.",
    Mender::Operator,
);

/// The numbers of Microsoft's list that can reach a relying party.
fn by_aadsts(number: u32) -> Option<Explanation> {
    by_account(number)
        .or_else(|| by_policy(number))
        .or_else(|| by_setup(number))
        .or_else(|| by_moment(number))
}

/// What lies with the person's account.
fn by_account(number: u32) -> Option<Explanation> {
    use Mender::{ProviderAdmin, You};
    Some(match number {
        50105 => explanation(
            "You are not assigned to this application",
            "Your organisation lets only assigned people use it, and you are not among them.",
            "Ask to be assigned, or to be put into an assigned group.",
            ProviderAdmin,
        ),
        65001 | 90094 => explanation(
            "An administrator must consent first",
            "Your organisation has not yet agreed that this application may read your profile and groups.",
            "Ask an administrator to grant consent for this application.",
            ProviderAdmin,
        ),
        90095 => explanation(
            "Your request was sent to an administrator",
            "Your organisation must agree first. Your request is on its way.",
            "Try again when you were told that it was approved.",
            ProviderAdmin,
        ),
        65004 => DECLINED,
        50020 | 50034 | 51004 | 16000 | 90072 | 50014 => explanation(
            "This account belongs somewhere else",
            "The account is not known in the organisation that this site lets in.",
            "Use your account of that organisation, or ask to be invited there as a guest.",
            You,
        ),
        50058 | 50072 | 50074 | 50076 | 50078 | 50079 => INTERACTION,
        _ => return None,
    })
}

/// What the organisation forbids, or demands of the account first.
fn by_policy(number: u32) -> Option<Explanation> {
    use Mender::{ProviderAdmin, You};
    Some(match number {
        500_212 | 500_213 => explanation(
            "Your organisations do not let each other in",
            "A policy between your organisation and this one forbids the sign-in.",
            "Ask your administrator to allow it, with the details below.",
            ProviderAdmin,
        ),
        53000 | 53001 | 53003 | 53011 | 50131 | 530_032 => explanation(
            "Blocked by your organisation's policy",
            "A rule about devices, places or risk forbids this sign-in.",
            "Use a managed device or network, or give your administrator the details below.",
            ProviderAdmin,
        ),
        50057 => explanation(
            "This account is disabled",
            "Your organisation has disabled the account.",
            "Ask your administrator.",
            ProviderAdmin,
        ),
        50053 => explanation(
            "This account is locked",
            "Too many failed attempts, or an address that is known for attacks.",
            "Wait a while, or ask your administrator to unlock it.",
            ProviderAdmin,
        ),
        50055 | 50144 => explanation(
            "The password has expired",
            "The provider asks for a new password first.",
            "Change it at the provider, then try again.",
            You,
        ),
        50126 => explanation(
            "The password was wrong",
            "The provider did not accept user name or password.",
            "Try again.",
            You,
        ),
        _ => return None,
    })
}

/// What the operator must change.
fn by_setup(number: u32) -> Option<Explanation> {
    let what = match number {
        7_000_222 => "The client secret of this site has expired at the provider.",
        7_000_215 => {
            "The client secret of this site is wrong. Often the secret's ID was entered instead of its value."
        }
        7_000_218 => {
            "The provider expects a client secret or assertion and got none: the registration is not of the type Web, or nothing is configured."
        }
        700_027 | 70_021 | 700_211..=700_213 | 700_222 | 700_229 => {
            "The certificate or federated credential of this site does not match the registration."
        }
        700_016 | 90_002 | 900_023 | 9_001_023 | 90_124 | 90_130 => {
            "The provider does not know this site's client ID in that tenant: one of the two is wrong."
        }
        50_011 | 900_971 => "The redirect URI of this site is not registered, or differs in a letter.",
        50_194 | 700_005 => "The registration is for one tenant, and this site asks another one, or all.",
        70_011 | 500_011 | 650_052 | 650_056 | 650_057 => {
            "A scope or permission that this site asks for is not granted, or does not exist."
        }
        7_000_112 => "This application was disabled in the organisation.",
        700_084 => "The registration is of the type single-page application. It must be of the type Web.",
        700_054 => "The registration does not allow the response type that was asked for.",
        50_196 => "The provider noticed the same request again and again, and stopped it.",
        _ => return None,
    };
    Some(Explanation { what, ..SETUP })
}

/// What another attempt mends.
const fn by_moment(number: u32) -> Option<Explanation> {
    match number {
        54005 | 70000 | 70008 | 70043 | 50089 | 50173 | 700_082 | 501_481 | 900_561 => Some(START_AGAIN),
        90006 | 90012 | 90024 | 90033 | 90055 => Some(TRANSIENT),
        _ => None,
    }
}

/// RFC 6749 sections 4.1.2.1 and 5.2, OIDC Core section 3.1.2.6.
fn by_oauth_error(error: &str) -> Explanation {
    match error {
        "access_denied" | "consent_required" => DECLINED,
        "login_required"
        | "interaction_required"
        | "account_selection_required"
        | "unmet_authentication_requirements" => INTERACTION,
        "invalid_grant" => START_AGAIN,
        "server_error" | "temporarily_unavailable" => TRANSIENT,
        "invalid_client"
        | "unauthorized_client"
        | "invalid_scope"
        | "invalid_request"
        | "unsupported_response_type"
        | "unsupported_grant_type" => SETUP,
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIPTION: &str = "AADSTS7000222: The provided client secret keys for app 'x' are expired. <b>Visit</b> \
        Trace ID: 0f0b7c3e-7a51-4f5e-9d1b-1d7d6f3f2a00 Correlation ID: 1c2d3e4f-0000-4000-8000-00000000abcd Timestamp: 2026-11-23 23:35:00Z";

    fn refusal<'a>(error: &'a str, description: Option<&'a str>) -> ProviderRefusal<'a> {
        ProviderRefusal { provider: "Contoso", error, description }
    }

    #[test]
    fn entras_number_says_more_than_oauths_word() {
        let expired = refusal("invalid_client", Some(DESCRIPTION)).explain();
        assert_eq!(
            (expired.mender, expired.what),
            (Mender::Operator, "The client secret of this site has expired at the provider.")
        );
        assert_eq!(
            refusal("access_denied", Some("AADSTS50105: ...")).explain().mender,
            Mender::ProviderAdmin
        );
        assert_eq!(refusal("access_denied", Some("AADSTS999999: new")).explain(), DECLINED);
        assert_eq!(refusal("temporarily_unavailable", None).explain().status, 503);
    }

    #[test]
    fn what_entras_support_asks_for_is_shown_and_nothing_else_of_its_text() {
        assert_eq!(
            refusal("invalid_client", Some(DESCRIPTION)).evidence(),
            Evidence {
                code: "AADSTS7000222 (invalid_client)".to_owned(),
                correlation_id: Some("1c2d3e4f-0000-4000-8000-00000000abcd".to_owned()),
                trace_id: Some("0f0b7c3e-7a51-4f5e-9d1b-1d7d6f3f2a00".to_owned()),
                timestamp: Some("2026-11-23 23:35:00Z".to_owned()),
            }
        );
        let planted = "Correlation ID: call-0900-123 Trace ID: \u{202e} Timestamp: 2026-11-23 call 0900-1 AADSTS12345678";
        let evidence = refusal("call 0900 <b>", Some(planted)).evidence();
        assert_eq!(evidence, Evidence { code: "call0900b".to_owned(), ..Evidence::default() });
    }
}
