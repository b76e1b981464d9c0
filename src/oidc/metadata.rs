//! The discovery document (OpenID Connect Discovery section 3), read into what is used of it.
//!
//! Every address in it is `https`; `http` counts only on loopback, and only where the configured issuer itself is there.

use super::issuer::IssuerRule;
use serde_json::{Map, Value};
use url::{Host, Url};

/// What a provider says about itself.
#[derive(Debug)]
pub(super) struct Metadata {
    pub authorization_endpoint: Url,
    pub token_endpoint: Url,
    pub jwks_uri: Url,
    pub userinfo_endpoint: Option<Url>,
    pub end_session_endpoint: Option<Url>,
    /// RFC 7009.
    pub revocation_endpoint: Option<Url>,
    /// Entra: the origin of this cloud's Microsoft Graph.
    pub graph: Option<Url>,
    pub scopes_supported: Vec<String>,
    pub token_endpoint_auth_methods_supported: Vec<String>,
    pub token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// RFC 9207: every authorization response has `iss`.
    pub authorization_response_iss_parameter_supported: bool,
}

/// A rule of discovery that a document breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// The document is about another issuer.
    #[error("the document is of issuer {found:?}, not {expected:?}")]
    WrongIssuer {
        /// As configured.
        expected: String,
        /// As found.
        found: String,
    },
    /// A required member is absent or has the wrong type.
    #[error("{0} is missing or malformed")]
    Missing(&'static str),
    /// An address is not `https`, carries a password or a fragment.
    #[error("{0} is no https address")]
    Insecure(&'static str),
    /// `response_types_supported` has no `code`.
    #[error("the provider has no authorization code flow")]
    NoCodeFlow,
    /// `id_token_signing_alg_values_supported` has none of RS256, PS256, ES256, `EdDSA`.
    #[error("the provider signs with no accepted algorithm")]
    NoAcceptedAlgorithm,
}

impl MetadataError {
    /// The `reason` label: one of a closed set.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::WrongIssuer { .. } => "metadata_wrong_issuer",
            Self::Missing(_) => "metadata_malformed",
            Self::Insecure(_) => "metadata_insecure",
            Self::NoCodeFlow | Self::NoAcceptedAlgorithm => "metadata_unsupported",
        }
    }
}

impl Metadata {
    pub fn parse(
        document: &Map<String, Value>,
        rule: &IssuerRule,
        source: &Url,
    ) -> Result<Self, MetadataError> {
        let reader = Reader { document, allows_http: is_http_on_loopback(source) };
        let issuer =
            document.get("issuer").and_then(Value::as_str).ok_or(MetadataError::Missing("issuer"))?;
        rule.check_metadata(issuer)?;
        if !reader.list("response_types_supported")?.iter().any(|kind| kind == "code") {
            return Err(MetadataError::NoCodeFlow);
        }
        let algorithms = reader.list("id_token_signing_alg_values_supported")?;
        if !algorithms.iter().any(|name| ["RS256", "PS256", "ES256", "EdDSA"].contains(&name.as_str())) {
            return Err(MetadataError::NoAcceptedAlgorithm);
        }
        Ok(Self {
            authorization_endpoint: reader.required_url("authorization_endpoint")?,
            token_endpoint: reader.required_url("token_endpoint")?,
            jwks_uri: reader.required_url("jwks_uri")?,
            userinfo_endpoint: reader.url("userinfo_endpoint")?,
            end_session_endpoint: reader.url("end_session_endpoint")?,
            // Nothing that lets people in depends on it.
            revocation_endpoint: reader.url("revocation_endpoint").unwrap_or_default(),
            graph: reader.graph()?,
            scopes_supported: reader.optional_list("scopes_supported")?,
            token_endpoint_auth_methods_supported: reader
                .optional_list("token_endpoint_auth_methods_supported")?,
            token_endpoint_auth_signing_alg_values_supported: reader
                .optional_list("token_endpoint_auth_signing_alg_values_supported")?,
            authorization_response_iss_parameter_supported: document
                .get("authorization_response_iss_parameter_supported")
                .is_some_and(|value| *value == Value::Bool(true)),
        })
    }
}

struct Reader<'a> {
    document: &'a Map<String, Value>,
    allows_http: bool,
}

impl Reader<'_> {
    fn find(&self, name: &str) -> Option<&Value> {
        self.document.get(name).filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    fn url(&self, name: &'static str) -> Result<Option<Url>, MetadataError> {
        let Some(value) = self.find(name) else { return Ok(None) };
        let url =
            value.as_str().and_then(|text| Url::parse(text).ok()).ok_or(MetadataError::Missing(name))?;
        let is_secure = url.scheme() == "https" || (self.allows_http && is_http_on_loopback(&url));
        let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if is_secure && is_plain { Ok(Some(url)) } else { Err(MetadataError::Insecure(name)) }
    }

    fn required_url(&self, name: &'static str) -> Result<Url, MetadataError> {
        self.url(name)?.ok_or(MetadataError::Missing(name))
    }

    /// `msgraph_host` is a host, perhaps with a port; anything more is not followed.
    fn graph(&self) -> Result<Option<Url>, MetadataError> {
        const NAME: &str = "msgraph_host";
        let Some(value) = self.find(NAME) else { return Ok(None) };
        let host = value.as_str().ok_or(MetadataError::Missing(NAME))?;
        if host.bytes().any(|b| b"/\\@?#".contains(&b)) {
            return Err(MetadataError::Insecure(NAME));
        }
        let parse = |scheme: &str| {
            Url::parse(&format!("{scheme}://{host}/")).map_err(|_| MetadataError::Missing(NAME))
        };
        let plain = parse("http")?;
        if self.allows_http && is_http_on_loopback(&plain) {
            Ok(Some(plain))
        } else {
            parse("https").map(Some)
        }
    }

    fn optional_list(&self, name: &'static str) -> Result<Vec<String>, MetadataError> {
        if self.find(name).is_some() { self.list(name) } else { Ok(Vec::new()) }
    }

    fn list(&self, name: &'static str) -> Result<Vec<String>, MetadataError> {
        let texts = |list: &Vec<Value>| list.iter().map(|item| item.as_str().map(str::to_owned)).collect();
        self.find(name).and_then(Value::as_array).and_then(texts).ok_or(MetadataError::Missing(name))
    }
}

/// Plain HTTP that does not leave the machine: loopback addresses, `localhost` and `*.localhost` (RFC 6761 section 6.3).
pub(super) fn is_http_on_loopback(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && is_loopback
}

#[cfg(test)]
mod tests {
    use super::super::testing::object;
    use super::*;
    use serde_json::json;

    fn parse(issuer: &str, change: (&str, Value)) -> Result<Metadata, MetadataError> {
        let mut document = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "response_types_supported": ["code", "code id_token"],
            "id_token_signing_alg_values_supported": ["ES256K", "RS256"],
        });
        document[change.0] = change.1;
        let rule = IssuerRule::Exactly(issuer.to_owned());
        let source = rule.discovery_url().expect("an address");
        Metadata::parse(&object(&document), &rule, &source)
    }

    #[test]
    fn what_is_required_must_be_there() {
        let public = |name: &str, value: Value| parse("https://op.example", (name, value)).map(|_| ());
        assert_eq!(public("x", json!(1)), Ok(()));
        for name in [
            "authorization_endpoint",
            "token_endpoint",
            "jwks_uri",
            "response_types_supported",
            "id_token_signing_alg_values_supported",
        ] {
            assert!(
                matches!(public(name, Value::Null), Err(MetadataError::Missing(missing)) if missing == name),
                "{name}"
            );
            assert!(public(name, json!(7)).is_err(), "{name}");
        }
        assert_eq!(public("response_types_supported", json!(["id_token"])), Err(MetadataError::NoCodeFlow));
        assert_eq!(
            public("id_token_signing_alg_values_supported", json!(["none", "HS256"])),
            Err(MetadataError::NoAcceptedAlgorithm)
        );
        assert!(matches!(
            public("issuer", json!("https://op.example/")),
            Err(MetadataError::WrongIssuer { .. })
        ));
    }

    #[test]
    fn addresses_are_https_or_stay_on_loopback() {
        let public =
            |address: &str| parse("https://op.example", ("token_endpoint", json!(address))).map(|_| ());
        assert_eq!(public("https://elsewhere.example/token"), Ok(()));
        for bad in [
            "http://op.example/token",
            "http://127.0.0.1/token",
            "https://u:p@op.example/",
            "https://op.example/#x",
            "javascript:alert(1)",
            "file:///etc/passwd",
        ] {
            assert_eq!(public(bad), Err(MetadataError::Insecure("token_endpoint")), "{bad}");
        }
        let local =
            |address: &str| parse("http://127.0.0.1:9", ("token_endpoint", json!(address))).map(|_| ());
        for good in ["http://localhost:8/", "http://id.localhost/", "http://[::1]/", "https://op.example/"] {
            assert_eq!(local(good), Ok(()), "{good}");
        }
        assert!(local("http://localhost.example/").is_err());
    }

    #[test]
    fn graph_is_a_host_and_nothing_more() {
        let graph = |issuer: &str, host: &str| {
            parse(issuer, ("msgraph_host", json!(host))).map(|m| m.graph.map(String::from))
        };
        assert_eq!(
            graph("https://op.example", "graph.microsoft.us"),
            Ok(Some("https://graph.microsoft.us/".into()))
        );
        assert_eq!(graph("https://op.example", "127.0.0.1:9"), Ok(Some("https://127.0.0.1:9/".into())));
        assert_eq!(graph("http://127.0.0.1:8", "127.0.0.1:9"), Ok(Some("http://127.0.0.1:9/".into())));
        for bad in ["graph.microsoft.com/evil", "a@evil.example", "evil.example?", "evil.example#"] {
            assert_eq!(
                graph("https://op.example", bad),
                Err(MetadataError::Insecure("msgraph_host")),
                "{bad}"
            );
        }
    }
}
