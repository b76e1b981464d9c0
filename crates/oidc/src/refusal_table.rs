//! Explanations of the error codes of providers: Entra's `AADSTS` numbers, and the errors of OAuth and OpenID Connect.
//!
//! Sources: Microsoft's reference of error codes; RFC 6749 sections 4.1.2.1 and 5.2; OpenID Connect Core section
//! 3.1.2.6. A number takes precedence over `error`.

use Persistence::{EndsGrant, Temporary, UntilFixed};
use gatepost_core::provider_refusal::{NextStep, Persistence, ResponsibleParty};

/// One row of the table: the codes, and their explanation.
#[derive(Debug)]
pub(super) struct Explanation {
    /// Entra's numbers, without `AADSTS`.
    numbers: &'static [u32],
    /// Values of `error`. They count if no row has the number.
    errors: &'static [&'static str],
    pub title: &'static str,
    pub happened: &'static str,
    pub remedy: &'static str,
    pub responsible: ResponsibleParty,
    pub next: NextStep,
    pub persistence: Persistence,
}

/// The row of an error response: by its number, otherwise by its `error`, otherwise [`OTHER`].
pub(super) fn find(error: &str, number: Option<u32>) -> &'static Explanation {
    let by_number = TABLE.iter().find(|row| number.is_some_and(|number| row.numbers.contains(&number)));
    by_number.or_else(|| TABLE.iter().find(|row| row.errors.contains(&error))).unwrap_or(&OTHER)
}

static OTHER: Explanation = Explanation {
    numbers: &[],
    errors: &[],
    title: "The sign-in was refused",
    happened: "The identity provider refused the sign-in and gave a reason that is not known here.",
    remedy: "Try once more. If it happens again, give the details below to your administrator.",
    responsible: ResponsibleParty::Admin,
    next: NextStep::Retry,
    persistence: UntilFixed,
};

static TABLE: &[Explanation] = &[
    Explanation {
        numbers: &[50105],
        errors: &[],
        title: "You are not assigned to this application",
        happened: "Your account exists, but it is not assigned to this application.",
        remedy: "Ask your administrator to assign you, or a group you belong to, to the application.",
        responsible: ResponsibleParty::Admin,
        next: NextStep::SwitchAccount,
        persistence: EndsGrant,
    },
    Explanation {
        numbers: &[65001, 90094, 90095],
        errors: &["consent_required"],
        title: "The application is not approved yet",
        happened: "Your organization has not granted this application the permissions it asks for.",
        remedy: "Ask your administrator to grant admin consent to the application.",
        responsible: ResponsibleParty::Admin,
        next: NextStep::Wait,
        persistence: EndsGrant,
    },
    Explanation {
        numbers: &[65004],
        errors: &["access_denied"],
        title: "The sign-in was cancelled",
        happened: "Access was declined at the identity provider, by you or by a rule there.",
        remedy: "Sign in again and accept. If you did not decline anything, ask your administrator.",
        responsible: ResponsibleParty::Person,
        next: NextStep::Retry,
        persistence: UntilFixed,
    },
    Explanation {
        numbers: &[50020, 50034, 51004, 16000, 90072, 50014],
        errors: &["account_selection_required"],
        title: "This account is not known here",
        happened: "The account you chose does not belong to the organization that this application is for.",
        remedy: "Sign in with your account of that organization, or ask its administrator to invite you.",
        responsible: ResponsibleParty::Person,
        next: NextStep::SwitchAccount,
        persistence: EndsGrant,
    },
    Explanation {
        numbers: &[50194, 700_016, 700_005, 90002, 9_001_023, 90124, 90130],
        errors: &["unauthorized_client"],
        title: "The application is set up for another directory",
        happened: "The provider does not know this application in the directory that Gatepost asked.",
        remedy: "The operator must check client id, tenant id and authority against the app registration.",
        responsible: ResponsibleParty::Operator,
        next: NextStep::Wait,
        persistence: UntilFixed,
    },
    Explanation {
        numbers: &[],
        errors: &["not_allowed"],
        title: "A scope is not allowed",
        happened: "The provider does not let this application, or you, have what it asks for, mostly offline access.",
        remedy: "The operator must take offline_access out of the scopes, or allow it at the provider.",
        responsible: ResponsibleParty::Operator,
        next: NextStep::Wait,
        persistence: UntilFixed,
    },
    Explanation {
        numbers: &[50011, 900_971],
        errors: &[],
        title: "The return address is not registered",
        happened: "The provider does not know the address that it should send you back to.",
        remedy: "The operator must register the redirect URI of this provider exactly as Gatepost sends it.",
        responsible: ResponsibleParty::Operator,
        next: NextStep::Wait,
        persistence: UntilFixed,
    },
    Explanation {
        numbers: &[7_000_222],
        errors: &[],
        title: "The application's secret has expired",
        happened: "The client secret with which Gatepost proves who it is has expired.",
        remedy: "The operator must make a new client secret in the app registration and configure its value.",
        responsible: ResponsibleParty::Operator,
        next: NextStep::Wait,
        persistence: UntilFixed,
    },
    Explanation {
        numbers: &[7_000_215, 7_000_218, 700_027, 70021, 700_211, 700_212, 700_213, 700_222, 700_229],
        errors: &["invalid_client"],
        title: "The application cannot prove who it is",
        happened: "The provider did not accept the credential of this application.",
        remedy: "The operator must check the client secret (its value, not its id), the certificate or the federated credential.",
        responsible: ResponsibleParty::Operator,
        next: NextStep::Wait,
        persistence: UntilFixed,
    },
    Explanation {
        numbers: &[700_084],
        errors: &[],
        title: "The sign-in has expired",
        happened: "The application is registered as a single-page application, whose sign-ins end after a day.",
        remedy: "Sign in again. The operator should register the redirect URI under the platform Web.",
        responsible: ResponsibleParty::Operator,
        next: NextStep::Retry,
        persistence: EndsGrant,
    },
    Explanation {
        numbers: &[54005, 70000, 70008, 70043, 50089, 50173, 501_481, 700_082, 900_561],
        errors: &["invalid_grant"],
        title: "The sign-in is no longer valid",
        happened: "The sign-in took too long, was used twice, or was withdrawn, as after a changed password.",
        remedy: "Sign in again.",
        responsible: ResponsibleParty::Person,
        next: NextStep::Retry,
        persistence: EndsGrant,
    },
    Explanation {
        numbers: &[50072, 50074, 50076, 50078, 50079, 50058],
        errors: &["interaction_required", "login_required"],
        title: "One more step is needed",
        happened: "The provider wants you to sign in again, perhaps with a second factor.",
        remedy: "Sign in again and follow the provider's steps.",
        responsible: ResponsibleParty::Person,
        next: NextStep::Retry,
        persistence: EndsGrant,
    },
    Explanation {
        numbers: &[53000, 53001, 53003, 53011, 50131, 530_032],
        errors: &[],
        title: "Blocked by your organization's policy",
        happened: "Your organization's rules do not allow this sign-in from this device, place or network.",
        remedy: "Use a device and network that your organization trusts, or give the details below to your administrator.",
        responsible: ResponsibleParty::Admin,
        next: NextStep::Retry,
        persistence: EndsGrant,
    },
    Explanation {
        numbers: &[50057],
        errors: &[],
        title: "Your account is disabled",
        happened: "Your account at the identity provider has been disabled.",
        remedy: "Ask your administrator.",
        responsible: ResponsibleParty::Admin,
        next: NextStep::SwitchAccount,
        persistence: EndsGrant,
    },
    Explanation {
        numbers: &[50053],
        errors: &[],
        title: "Your account is locked",
        happened: "There were too many attempts with a wrong password, or from a suspicious address.",
        remedy: "Wait some minutes and try again, or ask your administrator.",
        responsible: ResponsibleParty::Person,
        next: NextStep::Retry,
        persistence: EndsGrant,
    },
    Explanation {
        numbers: &[50055, 50144, 50126],
        errors: &[],
        title: "The password was not accepted",
        happened: "Your password at the identity provider is wrong or has expired.",
        remedy: "Sign in again, and change the password at the provider if it asks for it.",
        responsible: ResponsibleParty::Person,
        next: NextStep::Retry,
        persistence: EndsGrant,
    },
    Explanation {
        numbers: &[7_000_112],
        errors: &[],
        title: "The application is disabled",
        happened: "This application has been disabled in your organization's directory.",
        remedy: "An administrator must enable it under Enterprise applications.",
        responsible: ResponsibleParty::Admin,
        next: NextStep::Wait,
        persistence: UntilFixed,
    },
    Explanation {
        numbers: &[500_011, 650_052, 650_056, 650_057, 70011, 700_054],
        errors: &[
            "invalid_scope",
            "invalid_request",
            "unsupported_response_type",
            "unsupported_grant_type",
            "invalid_request_object",
            "request_not_supported",
        ],
        title: "The application is not set up correctly",
        happened: "The provider did not accept what this application asked for.",
        remedy: "The operator must check the app registration: its permissions, scopes and platform.",
        responsible: ResponsibleParty::Operator,
        next: NextStep::Wait,
        persistence: UntilFixed,
    },
    Explanation {
        numbers: &[500_212, 500_213],
        errors: &[],
        title: "Your organizations do not allow this",
        happened: "The cross-tenant access policy of one of the organizations does not allow this sign-in.",
        remedy: "Give the details below to your administrator.",
        responsible: ResponsibleParty::Admin,
        next: NextStep::SwitchAccount,
        persistence: EndsGrant,
    },
    Explanation {
        numbers: &[50196],
        errors: &[],
        title: "Too many sign-ins in a row",
        happened: "The provider stopped a loop of sign-ins.",
        remedy: "Close other tabs of this application, wait a minute and try again.",
        responsible: ResponsibleParty::Person,
        next: NextStep::Retry,
        persistence: Temporary,
    },
    Explanation {
        numbers: &[90006, 90012, 90024, 90033, 90055],
        errors: &["temporarily_unavailable", "server_error"],
        title: "The provider is busy",
        happened: "The identity provider could not answer just now.",
        remedy: "Wait a moment and try again.",
        responsible: ResponsibleParty::Person,
        next: NextStep::Retry,
        persistence: Temporary,
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_code_is_explained_twice() {
        let (mut numbers, mut errors) = (HashSet::new(), HashSet::new());
        for row in TABLE {
            assert!(!row.numbers.is_empty() || !row.errors.is_empty(), "{}", row.title);
            for number in row.numbers {
                assert!(numbers.insert(number), "{number}");
            }
            for error in row.errors {
                assert!(errors.insert(error), "{error}");
            }
        }
        assert!(numbers.len() > 60 && errors.len() > 12);
    }

    #[test]
    fn a_known_number_takes_precedence_over_the_error_and_an_unknown_one_does_not() {
        assert_eq!(find("access_denied", Some(50105)).title, "You are not assigned to this application");
        assert_eq!(find("access_denied", Some(1)).title, "The sign-in was cancelled");
        assert_eq!(find("no_such_error", None).title, OTHER.title);
    }
}
