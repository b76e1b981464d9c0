//! What a provider asserted about a person, before the directory knows who that is.

use super::email::EmailAddress;
use super::ids::ProviderId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One provider's word about one person, taken from a verified ID token (and userinfo, Graph).
#[derive(Clone, Debug)]
pub struct AssertedIdentity {
    /// The configured provider that asserted it.
    pub provider: ProviderId,
    /// The key of the person: `iss` + `sub`, for Entra `iss` (which holds the `tid`) + `oid`.
    pub subject: SubjectKey,
    /// An address that this provider may assert (its domain is allowed, verification is as configured).
    pub email: Option<EmailAddress>,
    /// Why there is none, where `email` is empty.
    pub refused: Option<RefusedAddress>,
    /// Display name, any Unicode.
    pub name: Option<String>,
    /// The person's groups there.
    pub groups: AssertedGroups,
}

/// An address that does not count, or that none was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedAddress {
    /// The address, where it is one that this provider may not assert: then it is nobody's by this provider's word, also
    /// not the person's who holds it by an earlier one.
    pub address: Option<EmailAddress>,
    /// What it does not meet.
    pub rule: AddressRule,
}

/// What an address must be to count (DESIGN.md section 7); each says for the operator how it is not met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressRule {
    /// There must be one.
    #[error("it gave none (neither the ID token nor userinfo has a claim that counts)")]
    Present,
    /// ASCII as in name@example.com.
    #[error("what it gave is no address in ASCII as in name@example.com")]
    WellFormed,
    /// `email_verified`.
    #[error(
        "its email_verified is not true (if the provider's operator vouches for addresses: EMAIL_VERIFIED=assumed)"
    )]
    Verified,
    /// `..__ALLOWED_DOMAINS`.
    #[error("its domain is not in ALLOWED_DOMAINS")]
    AllowedDomain,
    /// One of several tenants of Entra owns the domain.
    #[error(
        "Entra does not say that the tenant owns the domain (xms_edov), and ALLOWED_DOMAINS does not list it as TENANT-ID/DOMAIN"
    )]
    OwnedByTenant,
    /// Google's `hd`.
    #[error("Google does not say that the account belongs to the organisation of the domain (hd)")]
    HostedDomain,
    /// `machine.<public host>`.
    #[error("its domain is that of machines here")]
    NotMachine,
}

/// Who it is in the provider's terms; never an e-mail address (OpenID Connect Core section 5.7).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SubjectKey {
    /// The `iss` of the token, exactly.
    pub issuer: String,
    /// `sub`; Entra: `oid`, because its `sub` differs per application.
    pub subject: String,
}

/// A person's groups at the provider: a fact, or not known just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssertedGroups {
    /// The complete list; empty means in no group.
    Known(Vec<AssertedGroup>),
    /// The provider could not say (Graph failed): the last list stays, for 24 h.
    Unknown,
    /// `GROUPS=off`: this provider's groups are never read or changed.
    NotRead,
}

/// A group or an app role at its provider.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssertedGroup {
    /// Group and role ids are different name spaces: a group must never pose as a role.
    pub kind: GroupKind,
    /// The provider's id: Entra's object id, elsewhere the name.
    pub external_id: String,
    /// The provider's name for it, where it told.
    pub display_name: Option<String>,
}

/// The claim that a group came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum GroupKind {
    /// `groups`, `wids`, Graph, or the configured claim.
    Group,
    /// `roles`: app roles.
    Role,
}

impl GroupKind {
    /// The text of the `kind` column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Role => "role",
        }
    }
}

/// A GUID in the hyphenated form alone, as Entra writes it.
pub fn is_guid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

/// `PROVIDER:ID` or `PROVIDER:role:ID`: how links and admin roles are written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExternalGroup {
    /// The configured provider.
    pub provider: ProviderId,
    /// Group or app role.
    pub kind: GroupKind,
    /// The provider's id of it.
    pub external_id: String,
}

impl std::str::FromStr for ExternalGroup {
    type Err = ExternalGroupError;

    fn from_str(text: &str) -> Result<Self, ExternalGroupError> {
        let error = || ExternalGroupError(text.to_owned());
        let (provider, rest) = text.split_once(':').ok_or_else(error)?;
        let (kind, id) = match rest.strip_prefix("role:") {
            Some(id) => (GroupKind::Role, id),
            None => (GroupKind::Group, rest),
        };
        if id.is_empty() || id.chars().any(char::is_control) {
            return Err(error());
        }
        let provider = provider.parse().map_err(|_| error())?;
        Ok(Self { provider, kind, external_id: id.to_owned() })
    }
}

impl fmt::Display for ExternalGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = if self.kind == GroupKind::Role { "role:" } else { "" };
        write!(f, "{}:{role}{}", self.provider, self.external_id)
    }
}

/// The text names no group of a provider.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} names no provider's group: expected PROVIDER:ID, or PROVIDER:role:NAME for an app role")]
pub struct ExternalGroupError(String);
