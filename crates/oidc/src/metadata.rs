//! The discovery document (OpenID Connect Discovery section 3).
//!
//! The crate parses the document but does not fetch it. Its `discover` requires the configured issuer, where Entra's document
//! has a template, and fails if any member cannot be parsed. So only the members that are used are passed to the crate, each
//! after a check.
//!
//! Every URL in the document must be `https`. `http` is accepted only on loopback, and only if the issuer is on loopback too.

use super::issuer::IssuerRule;
use super::metadata_error::MetadataError;
use super::protocol::{Document, RelyingParty};
use openidconnect::core::CoreResponseType;
use openidconnect::{AuthUrl, Client, ClientId, EndSessionUrl, RevocationUrl, UserInfoUrl};
use serde_json::{Map, Value, json};
use url::{Host, Url};

/// The discovery document of a provider, and what is made of it.
#[derive(Debug)]
pub(super) struct Metadata {
    pub document: Document,
    /// Makes the requests to the provider.
    pub client: RelyingParty,
    /// The origin of Microsoft Graph in this cloud, if the provider is Entra.
    pub graph: Option<Url>,
}

/// The parameters that an authorization request has. Parameters with these names are removed from the endpoint's own URL, so that
/// none is repeated.
const PARAMETERS: [&str; 13] = [
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "max_age",
    "prompt",
    "login_hint",
    "access_type",
];

/// The members that are read, each with whether it is required: URLs, and lists of strings (`.._supported`). Other members
/// may have any form.
const MEMBERS: [(&str, bool); 11] = [
    ("authorization_endpoint", true),
    ("token_endpoint", true),
    ("jwks_uri", true),
    ("response_types_supported", true),
    ("id_token_signing_alg_values_supported", true),
    ("userinfo_endpoint", false),
    ("end_session_endpoint", false),
    (REVOCATION, false),
    ("scopes_supported", false),
    ("token_endpoint_auth_methods_supported", false),
    ("token_endpoint_auth_signing_alg_values_supported", false),
];
const REVOCATION: &str = "revocation_endpoint";

impl Metadata {
    pub fn parse(
        document: &Map<String, Value>,
        rule: &IssuerRule,
        source: &Url,
        client_id: &ClientId,
    ) -> Result<Self, MetadataError> {
        let reader = Reader { document, allows_http: is_http_on_loopback(source) };
        let issuer =
            document.get("issuer").and_then(Value::as_str).ok_or(MetadataError::Missing("issuer"))?;
        rule.check_metadata(issuer)?;
        let parsed: Document =
            serde_json::from_value(reader.members(issuer)?).map_err(|_| MetadataError::Missing("issuer"))?;
        if !parsed.response_types_supported().iter().any(|types| **types == [CoreResponseType::Code]) {
            return Err(MetadataError::NoCodeFlow);
        }
        // The crate passes over the algorithms that ours do not include.
        if parsed.id_token_signing_alg_values_supported().is_empty() {
            return Err(MetadataError::NoAcceptedAlgorithm);
        }
        let token_endpoint =
            parsed.token_endpoint().cloned().ok_or(MetadataError::Missing("token_endpoint"))?;
        let authorization_endpoint = without(parsed.authorization_endpoint().url(), &PARAMETERS);
        let client = Client::from_provider_metadata(parsed.clone(), client_id.clone(), None)
            .set_auth_uri(AuthUrl::from_url(authorization_endpoint))
            .set_token_uri(token_endpoint)
            .disable_openid_scope();
        Ok(Self { client, graph: reader.graph()?, document: parsed })
    }

    pub fn token_endpoint(&self) -> &str {
        self.document.token_endpoint().map_or("", |endpoint| endpoint.url().as_str())
    }

    pub fn jwks_uri(&self) -> &Url {
        self.document.jwks_uri().url()
    }

    pub fn userinfo_endpoint(&self) -> Option<&Url> {
        self.document.userinfo_endpoint().map(UserInfoUrl::url)
    }

    pub fn end_session_endpoint(&self) -> Option<&Url> {
        self.document.additional_metadata().end_session_endpoint.as_ref().map(EndSessionUrl::url)
    }

    pub fn revocation_endpoint(&self) -> Option<&Url> {
        self.document.additional_metadata().revocation_endpoint.as_ref().map(RevocationUrl::url)
    }

    pub fn lists_scope(&self, scope: &str) -> bool {
        let listed = self.document.scopes_supported();
        listed.is_some_and(|listed| listed.iter().any(|one| one.as_str() == scope))
    }

    /// Whether every authorization response has the parameter `iss` (RFC 9207).
    pub fn announces_issuer(&self) -> bool {
        self.document.additional_metadata().authorization_response_iss_parameter_supported
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

    /// The members for the crate, each with the right type.
    fn members(&self, issuer: &str) -> Result<Value, MetadataError> {
        // The standard requires `subject_types_supported`. Some providers omit it, and nothing here depends on it.
        let mut members = json!({ "issuer": issuer, "subject_types_supported": [] });
        for (name, is_required) in MEMBERS {
            let Some(value) = self.find(name) else {
                if is_required {
                    return Err(MetadataError::Missing(name));
                }
                continue;
            };
            let is_list = value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
            let outcome = if !name.ends_with("_supported") {
                self.check_address(name, value)
            } else if is_list {
                Ok(())
            } else {
                Err(MetadataError::Missing(name))
            };
            // No sign-in depends on revocation, so a malformed endpoint counts as absent.
            if name != REVOCATION {
                outcome.clone()?;
            }
            if outcome.is_ok() {
                members[name] = value.clone();
            }
        }
        let name = "authorization_response_iss_parameter_supported";
        members[name] = (self.find(name) == Some(&Value::Bool(true))).into();
        Ok(members)
    }

    fn check_address(&self, name: &'static str, value: &Value) -> Result<(), MetadataError> {
        let url =
            value.as_str().and_then(|text| Url::parse(text).ok()).ok_or(MetadataError::Missing(name))?;
        let is_secure = url.scheme() == "https" || (self.allows_http && is_http_on_loopback(&url));
        let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if is_secure && is_plain { Ok(()) } else { Err(MetadataError::Insecure(name)) }
    }

    /// `msgraph_host` is a host, optionally with a port. Anything more is an error.
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
}

/// The URL of an endpoint without the parameters called `names`.
pub(super) fn without(endpoint: &Url, names: &[&str]) -> Url {
    let mut url = endpoint.clone();
    let own = endpoint.query_pairs().filter(|(name, _)| !names.contains(&&**name));
    url.query_pairs_mut().clear().extend_pairs(own);
    url
}

/// Whether the URL is plain HTTP on loopback: a loopback address, `localhost` or `*.localhost` (RFC 6761 section 6.3).
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
    use super::super::testing::{exactly, object};
    use super::*;

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
        let rule = exactly(issuer);
        let source = rule.discovery_url().expect("an address");
        Metadata::parse(&object(&document), &rule, &source, &ClientId::new("us".into()))
    }

    #[test]
    fn what_is_required_must_be_there() {
        let public = |name: &str, value: Value| parse("https://op.example", (name, value)).map(|_| ());
        assert_eq!(public("x", json!(1)), Ok(()));
        for (name, value) in [
            ("service_documentation", json!("")),
            ("op_tos_uri", json!(7)),
            ("userinfo_endpoint", json!("")),
            ("scopes_supported", Value::Null),
            ("revocation_endpoint", json!("http://op.example/revoke")),
            ("claims_parameter_supported", json!("true")),
        ] {
            assert_eq!(public(name, value), Ok(()), "{name}");
        }
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
