//! Tests of the client credential and the authorization request without a person who signs in, for `gatepost check`.
//!
//! Entra checks a code before it checks the client: it answers any malformed code with AADSTS9002313. So Entra is asked for a
//! token of the application itself, which is dropped. Other providers get a random code: `invalid_client` means that they
//! refuse the credential, `invalid_grant` that they accepted it (RFC 6749 section 5.2).

use super::authorization::{AuthorizationRequest, Prompt};
use super::calls::Endpoint;
use super::error::OidcError;
use super::provider::Provider;
use super::refusal::ErrorResponse;
use super::token_endpoint::Grant;
use gatepost_config::{EntraTenant, ProviderKind};
use gatepost_core::provider_refusal::ProviderRefusal;
use gatepost_core::secret::Secret;
use secrecy::SecretString;
use url::Url;

/// Graph of the global cloud, for a discovery document without `msgraph_host`.
const GRAPH: &str = "https://graph.microsoft.com/";

/// Errors of a token endpoint that has accepted the client.
const ACCEPTING: [&str; 3] = ["invalid_grant", "invalid_scope", "unsupported_grant_type"];
const MALFORMED: &str = "AADSTS9002313";

/// The result for the client credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trial {
    /// The provider accepts the client and its credential.
    Accepted,
    /// The provider refuses them.
    Refused(Box<ProviderRefusal>),
    /// The answer does not show whether the provider accepts them.
    Unclear(Box<ProviderRefusal>),
}

/// Errors of a provider that accepts the request but has no session of a person (OpenID Connect Core section 3.1.2.6).
const NEEDS_A_PERSON: [&str; 4] =
    ["login_required", "interaction_required", "consent_required", "account_selection_required"];

/// The result for the authorization request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorizationTrial {
    /// The provider accepts the request.
    Accepted,
    /// The provider refuses the request, so nobody can sign in.
    Refused(Box<ProviderRefusal>),
    /// The provider answered with a page, which does not show whether it accepts the request.
    Unclear,
}

/// Whether sessions can be refreshed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewability {
    /// The sign-in asks for a refresh token in the way that this provider needs.
    Asked,
    /// The sign-in does not ask for a refresh token, so the provider gives none.
    NotAsked,
    /// The provider does not let this client use refresh tokens.
    Refused(Box<ProviderRefusal>),
    /// Only a sign-in shows whether the provider gives a refresh token.
    Unclear {
        /// The provider supports the scope `offline_access`, which the sign-in does not ask for.
        lists_scope: bool,
    },
}

impl Provider {
    /// Fetches the discovery document and the keys.
    ///
    /// # Errors
    /// [`OidcError::Unavailable`], [`OidcError::Metadata`], [`OidcError::Token`].
    pub async fn fetch_documents(&self) -> Result<(), OidcError> {
        self.discovery.refresh().await
    }

    /// Whether sessions can be refreshed, as far as this shows without a sign-in.
    ///
    /// # Errors
    /// As [`Provider::try_credential`].
    pub async fn try_renewal(&self) -> Result<Renewability, OidcError> {
        let metadata = self.discovery.metadata().await?;
        let asks = self.scopes().contains(&"offline_access");
        match self.config.kind {
            ProviderKind::Entra { .. } if !asks => return Ok(Renewability::NotAsked),
            ProviderKind::Entra { .. } | ProviderKind::Google => return Ok(Renewability::Asked),
            ProviderKind::Oidc { .. } => {}
        }
        let grant = Grant::Refresh { token: &random_value().into(), scopes: Vec::new() };
        match self.request_tokens(&metadata, grant).await {
            Err(OidcError::Refused(refusal))
                if ["unauthorized_client", "unsupported_grant_type"].contains(&refusal.error.as_str()) =>
            {
                Ok(Renewability::Refused(refusal))
            }
            Err(error @ (OidcError::Unavailable(_) | OidcError::Credential(_))) => Err(error),
            _ if asks => Ok(Renewability::Asked),
            _ => Ok(Renewability::Unclear { lists_scope: metadata.lists_scope("offline_access") }),
        }
    }

    /// Sends the authorization request of a sign-in, with `prompt=none` and without cookies. The provider redirects back with
    /// `login_required`, or with an error about the request.
    ///
    /// # Errors
    /// [`OidcError::Unavailable`], [`OidcError::Metadata`].
    pub async fn try_authorization(&self, redirect_uri: &Url) -> Result<AuthorizationTrial, OidcError> {
        let (state, nonce, code_verifier) =
            (random_value(), random_value(), SecretString::from(random_value()));
        let request = AuthorizationRequest {
            redirect_uri,
            state: &state,
            nonce: &nonce,
            code_verifier: &code_verifier,
            max_age: None,
            prompt: Some(Prompt::None),
            login_hint: None,
        };
        let url = self.authorization_url(&request).await?;
        let Some(answer) = self.transport.find_redirect(Endpoint::Authorization, &url).await? else {
            return Ok(AuthorizationTrial::Unclear);
        };
        let find = |name: &str| answer.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value);
        let is_back = answer.origin() == redirect_uri.origin() && answer.path() == redirect_uri.path();
        let Some(error) = find("error").filter(|_| is_back) else { return Ok(AuthorizationTrial::Unclear) };
        if NEEDS_A_PERSON.contains(&&*error) {
            return Ok(AuthorizationTrial::Accepted);
        }
        let description = find("error_description");
        let response = ErrorResponse { error: &error, description: description.as_deref(), issuer: None };
        Ok(AuthorizationTrial::Refused(Box::new(response.explain())))
    }

    /// Tries the client credential. `redirect_uri` is the one of this provider.
    ///
    /// # Errors
    /// [`OidcError::Unavailable`], [`OidcError::Metadata`], [`OidcError::Credential`].
    pub async fn try_credential(&self, redirect_uri: &Url) -> Result<Trial, OidcError> {
        let metadata = self.discovery.metadata().await?;
        let (code, code_verifier) = (random_value(), SecretString::from(random_value()));
        let graph = metadata.graph.as_ref().map_or(GRAPH, |graph| graph.as_str());
        let scope = format!("{graph}.default");
        let is_pinned =
            matches!(self.config.kind, ProviderKind::Entra { tenant: EntraTenant::Pinned(_), .. });
        let grant = if is_pinned {
            Grant::Application { scope: &scope, resource: None }
        } else {
            Grant::Code { code: &code, redirect_uri, code_verifier: &code_verifier }
        };
        match self.request_tokens(&metadata, grant).await {
            Ok(_) | Err(OidcError::Token(_)) => Ok(Trial::Accepted),
            Err(OidcError::Refused(refusal)) => Ok(judge(refusal)),
            Err(error) => Err(error),
        }
    }
}

/// A value that no provider has issued.
fn random_value() -> String {
    Secret::generate().digest().to_string()
}

fn judge(refusal: Box<ProviderRefusal>) -> Trial {
    if refusal.code.as_deref() == Some(MALFORMED) {
        return Trial::Unclear(refusal);
    }
    match refusal.error.as_str() {
        // By RFC 6749 the client was authenticated but may not use this grant. Entra means an unknown client.
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
    fn only_an_error_that_comes_after_client_authentication_is_an_acceptance() {
        let judged = |error, description: &str| {
            let response = ErrorResponse { error, description: Some(description), issuer: None };
            judge(Box::new(response.explain()))
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
