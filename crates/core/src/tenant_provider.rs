//! The provider that a tenant brings, and the domains whose addresses it may assert.

use super::email::EmailAddress;
use super::host::HostName;
use std::fmt;
use std::str::FromStr;

/// The kind of a tenant's provider. Google is none: all its customers share one issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantProviderKind {
    /// One tenant of Microsoft Entra ID.
    Entra,
    /// Any other OpenID provider.
    Oidc,
}

impl TenantProviderKind {
    /// The word that tables and JSON have.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Entra => "entra",
            Self::Oidc => "oidc",
        }
    }
}

/// A text that is not the kind of a tenant's provider.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not the kind of a tenant's provider: expected entra or oidc")]
pub struct TenantProviderKindError(String);

impl FromStr for TenantProviderKind {
    type Err = TenantProviderKindError;

    fn from_str(text: &str) -> Result<Self, TenantProviderKindError> {
        let found = [Self::Entra, Self::Oidc].into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| TenantProviderKindError(text.to_owned()))
    }
}

/// A domain of e-mail addresses, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailDomain(HostName);

impl EmailDomain {
    /// The domain.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name in the DNS.
    pub const fn name(&self) -> &HostName {
        &self.0
    }
}

impl fmt::Display for EmailDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is not a domain of e-mail addresses.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a domain of e-mail addresses: expected a name as in example.com")]
pub struct EmailDomainError(String);

impl FromStr for EmailDomain {
    type Err = EmailDomainError;

    fn from_str(text: &str) -> Result<Self, EmailDomainError> {
        let error = || EmailDomainError(text.to_owned());
        let address: EmailAddress = format!("a@{text}").parse().map_err(|_| error())?;
        let name: HostName = address.domain().parse().map_err(|_| error())?;
        if text.contains('@') || name.as_str() != address.domain() || !super::tenant_host::is_fit(&name) {
            return Err(error());
        }
        Ok(Self(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_a_name_in_the_dns_in_lower_case() {
        let domain: EmailDomain = "ACME.example".parse().expect("a domain");
        assert_eq!(domain.as_str(), "acme.example");
        for text in [
            "",
            "example",
            "a@acme.example",
            "acme.example:25",
            "127.0.0.1",
            "acme..example",
            "*.acme.example",
        ] {
            assert!(text.parse::<EmailDomain>().is_err(), "{text}");
        }
    }
}
