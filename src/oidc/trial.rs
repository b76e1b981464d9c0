//! The client credential tried at the token endpoint, without anybody who signs in (for `check`).
//!
//! Entra looks at a code before it looks at the client (AADSTS9002313 answers any that is malformed, whatever the
//! secret), so it is asked for a token of the application itself, which is dropped. Elsewhere a code that nobody issued
//! is presented: `invalid_client` means the credential, `invalid_grant` that it was accepted (RFC 6749 section 5.2).

use super::error::OidcError;
use super::provider::Provider;
use super::refusal::ProviderRefusal;
use super::token_endpoint;
use crate::config::{EntraTenant, ProviderKind};
use crate::domain::secret::Secret;

/// Graph of the global cloud, where a discovery document does not say.
const GRAPH: &str = "https://graph.microsoft.com/";

/// Refusals in which a provider has accepted the client.
const ACCEPTING: [&str; 3] = ["invalid_grant", "invalid_scope", "unsupported_grant_type"];
const MALFORMED: &str = "AADSTS9002313";

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trial {
    /// The provider knows the client and its credential.
    Accepted,
    /// It does not.
    Refused(Box<ProviderRefusal>),
    /// It said something else.
    Unclear(Box<ProviderRefusal>),
}

impl Provider {
    /// Fetches discovery document and keys.
    ///
    /// # Errors
    /// [`OidcError::Unavailable`], [`OidcError::Metadata`], [`OidcError::Token`].
    pub async fn fetch_documents(&self) -> Result<(), OidcError> {
        self.discovery.refresh().await
    }

    /// Whether sessions can be renewed: a refresh token is asked for.
    ///
    /// # Errors
    /// As [`Provider::fetch_documents`].
    pub async fn asks_for_refresh_token(&self) -> Result<bool, OidcError> {
        let metadata = self.discovery.metadata().await?;
        let is_google = matches!(self.config.kind, ProviderKind::Google);
        Ok(is_google || self.scopes(&metadata).contains(&"offline_access"))
    }

    /// Tries the client credential; `redirect_uri` is this provider's own.
    ///
    /// # Errors
    /// [`OidcError::Unavailable`], [`OidcError::Metadata`], [`OidcError::Credential`].
    pub async fn try_credential(&self, redirect_uri: &str) -> Result<Trial, OidcError> {
        let metadata = self.discovery.metadata().await?;
        let nonsense = Secret::generate().digest().to_string();
        let graph = metadata.graph.as_ref().map_or(GRAPH, |graph| graph.as_str());
        let scope = format!("{graph}.default");
        let is_pinned =
            matches!(self.config.kind, ProviderKind::Entra { tenant: EntraTenant::Pinned(_), .. });
        let grant = if is_pinned {
            vec![("grant_type", "client_credentials"), ("scope", scope.as_str())]
        } else {
            vec![
                ("grant_type", "authorization_code"),
                ("code", nonsense.as_str()),
                ("redirect_uri", redirect_uri),
                ("code_verifier", nonsense.as_str()),
            ]
        };
        match token_endpoint::request(&self.transport, &metadata, &self.client, &grant).await {
            Ok(_) | Err(OidcError::Token(_)) => Ok(Trial::Accepted),
            Err(OidcError::Refused(refusal)) => Ok(judge(refusal)),
            Err(error) => Err(error),
        }
    }
}

fn judge(refusal: Box<ProviderRefusal>) -> Trial {
    if refusal.code.as_deref() == Some(MALFORMED) {
        return Trial::Unclear(refusal);
    }
    match refusal.error.as_str() {
        // RFC 6749: an authenticated client that may not use this grant; Entra: a client that it does not know.
        "unauthorized_client" if refusal.code.is_none() => Trial::Accepted,
        "invalid_client" | "unauthorized_client" => Trial::Refused(refusal),
        error if ACCEPTING.contains(&error) => Trial::Accepted,
        _ => Trial::Unclear(refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::super::refusal::ErrorResponse;
    use super::*;

    #[test]
    fn only_what_a_provider_says_after_it_knew_the_client_is_an_acceptance() {
        let judged = |error, description: &str| {
            let response = ErrorResponse { error, description: Some(description), issuer: None };
            judge(Box::new(ProviderRefusal::from_response(&response)))
        };
        for (error, description) in
            [("invalid_grant", ""), ("invalid_grant", "AADSTS70000: x"), ("unauthorized_client", "")]
        {
            assert_eq!(judged(error, description), Trial::Accepted, "{error} {description}");
        }
        for (error, description) in [
            ("invalid_client", ""),
            ("invalid_client", "AADSTS7000222: x"),
            ("unauthorized_client", "AADSTS700016: x"),
        ] {
            assert!(matches!(judged(error, description), Trial::Refused(_)), "{error} {description}");
        }
        for (error, description) in [("invalid_grant", "AADSTS9002313: x"), ("invalid_request", ""), ("", "")]
        {
            assert!(matches!(judged(error, description), Trial::Unclear(_)), "{error} {description}");
        }
    }
}
