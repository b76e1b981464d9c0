//! Judges what Entra answers to somebody who asks for a token of a tool server's API (docs/mcp.md): whether the address of the
//! server is the Application ID URI in its scopes, and which version the API's tokens have.

use super::finding::{Finding, codes, describe};
use super::mcp::Server;
use gatepost_core::provider_refusal::ProviderRefusal;
use gatepost_oidc::{ApiToken, OidcError, ResourceTrial};

codes! {
    RESOURCE = Error "mcp-entra-resource":
        "Entra answers AADSTS9010010 to clients that send the resource, because it is not the Application ID URI in the scope. It compares letter by letter.",
        "Make the address of the tool server an Application ID URI of the API (Expose an API), and let each scope be that address, a slash and the name of the scope.";
    UNKNOWN = Error "mcp-entra-api-unknown":
        "Clients get no token: Entra has no API of this name in the tenant.",
        "Make the address of the tool server an Application ID URI of the API (Expose an API), and let the API have an enterprise application in the tenant that GATEPOST_PROVIDERS__<ID>__TENANT_ID names.";
    VERSION_1 = Error "mcp-entra-token-version":
        "Gatepost refuses every access token of the API: tokens of version 1 have another issuer, and an audience that can be changed.",
        "Set requestedAccessTokenVersion to 2 in the manifest of the API's registration (api.requestedAccessTokenVersion in Graph), and sign in again.";
    UNSEEN = Hint "mcp-entra-unseen":
        "Whether Entra takes the resource with the scope, or which version the API's tokens have, could not be seen.",
        "Look yourself: the Application ID URI is the address of the tool server, and requestedAccessTokenVersion in the manifest is 2. A code that begins with AADSTS is explained at https://login.microsoftonline.com/error.";
    AUDIENCE = Hint "mcp-entra-audience":
        "Any access token for an audience of the provider counts for this tool server, also one that was issued for another.",
        "Set the API's client id: gatepost tool-server update ID --audience CLIENT-ID.";
}

/// `invalid_target`: the resource is not that of the scope.
const MISMATCH: &str = "AADSTS9010010";
/// No application of the tenant has this Application ID URI.
const NO_API: &str = "AADSTS500011";

/// What Entra answers.
pub type Answer = Result<ResourceTrial, OidcError>;

/// An API that a client asks for, and what Entra answers.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The scope that the client sends. `None`: the server has none, and the resource names the API.
    pub scope: Option<&'a str>,
    /// Its Application ID URI.
    pub api: &'a str,
    /// The answer to the scope and the address of the server as `resource`.
    pub with_resource: Answer,
    /// The answer to the scope alone. `None`: not asked, because the first answer says enough.
    pub alone: Option<Answer>,
}

/// The Application ID URI in a scope, without which it is one of Graph.
pub fn api_of(scope: &str) -> Option<&str> {
    scope.rsplit_once('/').map(|(api, _)| api).filter(|api| api.contains(':'))
}

/// Whether the answer to scope and resource leaves open which version the tokens have.
pub fn leaves_open(answer: &Answer) -> bool {
    matches!(answer, Ok(ResourceTrial::Refused(refusal)) if refusal.code.as_deref() != Some(NO_API))
}

/// What is found about a scope that names no API, so that there is nothing to ask for.
pub fn without_api(server: &Server<'_>, scope: &str) -> Finding {
    let found = format!("The resource is {:?}, and the scope {scope:?} names no API.", server.url.as_str());
    RESOURCE.at(server.place(), found)
}

/// What is found where Entra was asked.
pub fn judge(server: &Server<'_>, asked: &Asked<'_>) -> Vec<Finding> {
    let url = server.url.as_str();
    let scope = asked.scope.unwrap_or(asked.api);
    let mut findings = Vec::new();
    match &asked.with_resource {
        Ok(ResourceTrial::Refused(refusal)) if is(refusal, MISMATCH) => {
            let found = format!("Entra answers {MISMATCH} to the resource {url:?} with the scope {scope:?}.");
            findings.push(RESOURCE.at(server.place(), found));
        }
        Ok(ResourceTrial::Refused(refusal)) if is(refusal, NO_API) => {
            let found =
                format!("Entra answers {NO_API} to the scope {scope:?}: it knows no API {:?}.", asked.api);
            findings.push(UNKNOWN.at(server.place(), found));
            return findings;
        }
        // Nothing is known from Entra, so the strings are compared.
        answer if !matches!(answer, Ok(ResourceTrial::Issued(_))) && asked.api != url => {
            let found = format!("The resource is {url:?}, and the scope {scope:?} is of {:?}.", asked.api);
            findings.push(RESOURCE.at(server.place(), found));
        }
        _ => {}
    }
    let last = asked.alone.as_ref().unwrap_or(&asked.with_resource);
    findings.extend(version(server, asked.api, last));
    findings
}

/// What is found about the version of the API's tokens.
fn version(server: &Server<'_>, api: &str, answer: &Answer) -> Option<Finding> {
    let unseen = |why: String| Some(UNSEEN.at(server.place(), why));
    match answer {
        Ok(ResourceTrial::Issued(Some(ApiToken { is_v1: false, .. }))) => None,
        Ok(ResourceTrial::Issued(Some(ApiToken { issuer, .. }))) => {
            let found = format!("The tokens of {api:?} are of version 1: their issuer is {issuer:?}.");
            Some(VERSION_1.at(server.place(), found))
        }
        Ok(ResourceTrial::Issued(None)) => {
            unseen(format!("The token that Entra issues for {api:?} is no JWT."))
        }
        Ok(ResourceTrial::Refused(refusal)) => {
            let code = refusal.code.as_deref().unwrap_or("no number");
            unseen(format!(
                "Entra gives Gatepost no token of {api:?}: it answers {} ({code}).",
                refusal.error
            ))
        }
        Err(error) => unseen(format!("Entra was not asked for a token of {api:?}: {}", describe(error))),
    }
}

fn is(refusal: &ProviderRefusal, code: &str) -> bool {
    refusal.code.as_deref() == Some(code)
}

/// What is found where no audience is set. Names the one that Entra's tokens have, if one was seen.
pub fn no_audience(server: &Server<'_>, asked: &[Asked<'_>]) -> Finding {
    let issued = asked.iter().flat_map(|asked| [Some(&asked.with_resource), asked.alone.as_ref()]).flatten();
    let mut seen = issued.filter_map(|answer| match answer {
        Ok(ResourceTrial::Issued(Some(token))) if !token.is_v1 => Some(token.audience.as_str()),
        _ => None,
    });
    let found = match seen.next() {
        Some(audience) => format!("No audience is set. The tokens of the API have {audience:?}."),
        None => "No audience is set.".to_owned(),
    };
    AUDIENCE.at(server.place(), found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_core::mcp::Mode;
    use gatepost_core::mcp::endpoint::Endpoint;
    use gatepost_oidc::ErrorResponse;

    const URL: &str = "https://mcp.example.com/servers/github/mcp";

    #[expect(clippy::unnecessary_wraps, reason = "an answer is a result")]
    fn issued(is_v1: bool) -> Answer {
        let issuer = if is_v1 { "https://sts.windows.net/t/" } else { "https://login.example.com/t/v2.0" };
        let token = ApiToken { issuer: issuer.to_owned(), audience: "client-id".to_owned(), is_v1 };
        Ok(ResourceTrial::Issued(Some(token)))
    }

    #[expect(clippy::unnecessary_wraps, reason = "an answer is a result")]
    fn refused(error: &str, description: &str) -> Answer {
        let response = ErrorResponse { error, description: Some(description), issuer: None };
        Ok(ResourceTrial::Refused(Box::new(response.explain())))
    }

    fn found(scope: &str, with_resource: Answer, alone: Option<Answer>) -> Vec<Finding> {
        let url: Endpoint = URL.parse().expect("an address");
        let server = Server { id: "github", url: &url, mode: Mode::Body };
        let api = api_of(scope).expect("an API");
        judge(&server, &Asked { scope: Some(scope), api, with_resource, alone })
    }

    fn codes(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(Finding::code).collect()
    }

    #[test]
    fn what_entra_answers_decides() {
        let own = format!("{URL}/tools");
        let mismatch = || refused("invalid_target", "AADSTS9010010: The resource parameter ...");
        let other = || refused("unauthorized_client", "AADSTS501051: Application is not assigned to a role.");
        for (scope, with_resource, alone, expected) in [
            (own.as_str(), issued(false), None, &[][..]),
            ("api://1234/tools", issued(false), None, &[]),
            (&own, issued(true), None, &["mcp-entra-token-version"]),
            (&own, mismatch(), Some(issued(false)), &["mcp-entra-resource"]),
            (&own, mismatch(), Some(issued(true)), &["mcp-entra-resource", "mcp-entra-token-version"]),
            (&own, mismatch(), Some(other()), &["mcp-entra-resource", "mcp-entra-unseen"]),
            (&own, refused("invalid_resource", "AADSTS500011: x"), None, &["mcp-entra-api-unknown"]),
            (&own, other(), Some(other()), &["mcp-entra-unseen"]),
            (&own, Ok(ResourceTrial::Issued(None)), None, &["mcp-entra-unseen"]),
            // Nothing is known from Entra, so the strings are compared.
            ("api://1234/tools", other(), Some(other()), &["mcp-entra-resource", "mcp-entra-unseen"]),
        ] {
            let findings = found(scope, with_resource, alone);
            assert_eq!(codes(&findings), expected, "{scope}");
        }
    }

    #[test]
    fn both_strings_are_named() {
        let scope = "https://mcp.example.com/servers/GitHub/mcp/tools";
        let answer = refused("invalid_target", "AADSTS9010010: x");
        let findings = found(scope, answer, Some(issued(false)));
        let text = &findings[0].found;
        assert!(text.contains(URL) && text.contains(scope) && text.contains("AADSTS9010010"), "{text}");
    }

    #[test]
    fn a_scope_without_an_api_is_one_of_graph() {
        assert_eq!(api_of("api://1234/tools"), Some("api://1234"));
        assert_eq!(api_of(&format!("{URL}/tools")), Some(URL));
        for scope in ["tools", "User.Read", "a/b"] {
            assert_eq!(api_of(scope), None, "{scope}");
        }
    }
}
