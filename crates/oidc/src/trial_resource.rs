//! Asks Entra for a token of an API as a client of a tool server does, for `gatepost check --mcp`: with the address of the
//! server as `resource` (RFC 8707) and the API of the scope. Entra compares the two. The token is for Gatepost's own
//! application; it is read for what the API's tokens look like, and dropped.

use super::error::OidcError;
use super::provider::Provider;
use super::token_endpoint::Grant;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_core::provider_refusal::ProviderRefusal;
use serde_json::Value;

/// The issuer of Entra's tokens of version 1 begins so.
const V1_ISSUER: &str = "https://sts.windows.net/";

/// What Entra answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceTrial {
    /// A token that says this about itself. Nobody has verified it. `None`: it cannot be read.
    Issued(Option<ApiToken>),
    /// A refusal.
    Refused(Box<ProviderRefusal>),
}

/// What a token of an API says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// `iss`.
    pub issuer: String,
    /// `aud`: the client id of the API, in version 1 its Application ID URI.
    pub audience: String,
    /// Whether it is of version 1, which Gatepost refuses.
    pub is_v1: bool,
}

impl Provider {
    /// Asks for a token of an API, by its Application ID URI.
    ///
    /// # Errors
    /// [`OidcError::Unavailable`], [`OidcError::Metadata`], [`OidcError::Credential`].
    pub async fn try_resource(&self, api: &str, resource: Option<&str>) -> Result<ResourceTrial, OidcError> {
        let metadata = self.discovery.metadata().await?;
        let scope = format!("{api}/.default");
        match self.request_tokens(&metadata, Grant::Application { scope: &scope, resource }).await {
            Ok(tokens) => {
                Ok(ResourceTrial::Issued(tokens.usable_access_token().and_then(|token| read(token.secret()))))
            }
            Err(OidcError::Refused(refusal)) => Ok(ResourceTrial::Refused(refusal)),
            Err(error) => Err(error),
        }
    }
}

/// The claims of a JWT, without any check.
fn read(token: &str) -> Option<ApiToken> {
    let payload = token.split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let text = |name: &str| claims[name].as_str().map(str::to_owned);
    let issuer = text("iss")?;
    let is_v1 = issuer.starts_with(V1_ISSUER) || claims["ver"] == "1.0";
    Some(ApiToken { issuer, audience: text("aud")?, is_v1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_token_says_its_version_by_its_issuer_or_by_ver() {
        let of = |claims: &Value| read(&format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims.to_string())));
        let v1 = |iss: &str, ver: &str| {
            of(&json!({ "iss": iss, "aud": "a", "ver": ver })).map(|token| token.is_v1)
        };
        assert_eq!(v1("https://login.microsoftonline.com/t/v2.0", "2.0"), Some(false));
        assert_eq!(v1("https://sts.windows.net/t/", ""), Some(true));
        assert_eq!(v1("https://sts.chinacloudapi.cn/t/", "1.0"), Some(true));
        assert_eq!(of(&json!({ "iss": "x" })), None);
        assert_eq!(read("opaque"), None);
    }
}
