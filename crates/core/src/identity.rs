//! What a provider asserted about a person, before it is matched to a user of the directory.

use super::email::EmailAddress;
use super::ids::ProviderId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What one provider asserted about one person, read from a verified ID token and, where needed, userinfo and Graph.
#[derive(Clone, Debug)]
pub struct AssertedIdentity {
    /// The configured provider.
    pub provider: ProviderId,
    /// The person's key at the provider.
    pub subject: SubjectKey,
    /// The person's address, if the provider gave one that meets every [`AddressRule`].
    pub email: Option<EmailAddress>,
    /// Why `email` is `None`.
    pub refused: Option<RefusedAddress>,
    /// The display name, which may hold any Unicode.
    pub name: Option<String>,
    /// The person's groups at the provider.
    pub groups: AssertedGroups,
}

/// Why a provider's assertion gives a person no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedAddress {
    /// The well-formed address that this provider may not assert, if it gave one. The provider's earlier assertions of
    /// the same address do not count any more either.
    pub address: Option<EmailAddress>,
    /// The rule that is not met.
    pub rule: AddressRule,
}

/// The rules for an address. Each message tells the operator how the rule is not met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressRule {
    /// The provider must give an address.
    #[error("it gave none (neither the ID token nor userinfo has a claim that counts)")]
    Present,
    /// The address must be one that [`EmailAddress`] accepts.
    #[error("what it gave is not an address in ASCII as in name@example.com")]
    WellFormed,
    /// `email_verified` must be true, unless `EMAIL_VERIFIED=assumed`.
    #[error(
        "its email_verified is not true (if the provider's operator vouches for addresses: EMAIL_VERIFIED=assumed)"
    )]
    Verified,
    /// The domain must be in `..__ALLOWED_DOMAINS`.
    #[error("its domain is not in ALLOWED_DOMAINS")]
    AllowedDomain,
    /// With several Entra tenants, the person's tenant must own the domain.
    #[error(
        "Entra does not say that the tenant owns the domain (xms_edov), and ALLOWED_DOMAINS does not list it as TENANT-ID/DOMAIN"
    )]
    OwnedByTenant,
    /// Google must assert the domain with `hd`.
    #[error("Google does not say that the account belongs to the organisation of the domain (hd)")]
    HostedDomain,
    /// The domain must not be `machine.<public host>`, which is for machines.
    #[error("its domain is reserved for machines")]
    NotMachine,
}

/// The key that identifies a person at a provider. It is never an e-mail address (OpenID Connect Core section 5.7).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SubjectKey {
    /// The `iss` of the token, byte for byte. Entra's holds the tenant's `tid`. Of the provider that a tenant of the platform
    /// brings: the id of that provider, a space, and `iss`, so that no other provider has such a key.
    pub issuer: String,
    /// The claim `sub`; for Entra `oid`, because Entra's `sub` differs between applications.
    pub subject: String,
}

/// A person's groups at the provider, as far as they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssertedGroups {
    /// The complete list; empty if the person is in no group.
    Known(Vec<AssertedGroup>),
    /// The provider could not tell, for example because Graph failed. The last known list stays valid for 24 h.
    Unknown,
    /// `GROUPS=off`: this provider's groups are neither read nor changed.
    NotRead,
}

/// A group or an app role of a provider.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssertedGroup {
    /// Group or role. Their ids are separate name spaces, so that a group cannot pass for a role of the same id.
    pub kind: GroupKind,
    /// The id at the provider: Entra's object id, the name at other providers.
    pub external_id: String,
    /// The name at the provider, if it told one.
    pub display_name: Option<String>,
}

/// Whether a provider's entry is a group or an app role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum GroupKind {
    /// A group, from `groups`, `wids`, Graph or the configured claim.
    Group,
    /// An app role, from the claim `roles`.
    Role,
}

impl GroupKind {
    /// The kind as the `kind` column stores it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Role => "role",
        }
    }
}

/// Whether the text is a GUID in the hyphenated form, as Entra writes it.
pub fn is_guid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

/// A reference to a provider's group or app role, written `PROVIDER:ID` or `PROVIDER:role:ID` in links and admin roles.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExternalGroup {
    /// The configured provider.
    pub provider: ProviderId,
    /// Group or app role.
    pub kind: GroupKind,
    /// The id at the provider.
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

/// A text that is not a reference to a provider's group.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a provider's group: expected PROVIDER:ID, or PROVIDER:role:NAME for an app role")]
pub struct ExternalGroupError(String);
