//! Why a provider refused a sign-in or a refresh, in words for the person at the browser.

use std::fmt;

/// Why a provider refused, with texts for the person at the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRefusal {
    /// The heading of the page.
    pub title: &'static str,
    /// What happened.
    pub happened: &'static str,
    /// What the person can do.
    pub remedy: &'static str,
    /// Who can fix it.
    pub responsible: ResponsibleParty,
    /// What the page offers to do next.
    pub next: NextStep,
    /// The OAuth `error`: letters, digits, `_`, `-` and `.`, at most 64.
    pub error: String,
    /// Entra's error code: `AADSTS` and digits.
    pub code: Option<String>,
    /// Entra's correlation id: a GUID.
    pub correlation_id: Option<String>,
    /// The time of the error as Entra writes it: digits, `-`, `:`, space, `.`, `T` and `Z`.
    pub timestamp: Option<String>,
    /// The provider's description, for logs only: at most 500 characters, no control characters.
    pub description: String,
    /// How long the refusal lasts.
    pub persistence: Persistence,
}

impl ProviderRefusal {
    /// Whether the provider cannot answer only now, so that the same request may succeed later.
    pub const fn is_temporary(&self) -> bool {
        matches!(self.persistence, Persistence::Temporary)
    }

    /// Whether the refresh token will never work again. A wrong client secret, for example, does not end it.
    pub const fn ends_grant(&self) -> bool {
        matches!(self.persistence, Persistence::EndsGrant)
    }
}

impl fmt::Display for ProviderRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.error, self.code.as_deref().unwrap_or_default(), self.description)
    }
}

impl std::error::Error for ProviderRefusal {}

/// Who can fix the cause of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponsibleParty {
    /// The person who signs in.
    Person,
    /// An administrator of the directory at the provider.
    Admin,
    /// The operator of Gatepost.
    Operator,
}

/// What the page about a refusal offers to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Sign in again.
    Retry,
    /// Sign in with another account (`prompt=select_account`).
    SwitchAccount,
    /// Nothing, because another person has to act first.
    Wait,
}

/// How long a refusal lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// The code or refresh token will never work again.
    EndsGrant,
    /// The refusal lasts until the settings or the account are corrected.
    UntilFixed,
    /// The provider cannot answer now.
    Temporary,
}
