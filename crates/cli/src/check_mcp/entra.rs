//! Asks Entra for tokens of a tool server's API with Gatepost's own credential, as a client would ask for a person.

use gatepost_check::Finding;
use gatepost_check::mcp::Server;
use gatepost_check::mcp_entra::{Asked, api_of, judge, leaves_open, no_audience, without_api};
use gatepost_config::ProviderKind;
use gatepost_oidc::{Provider, Providers};
use gatepost_store::directory::ToolServerSettings;
use std::sync::Arc;

/// What is found where clients sign in at Entra alone for this server.
pub(super) async fn check(
    configured: &Providers,
    server: &Server<'_>,
    settings: &ToolServerSettings,
) -> Vec<Finding> {
    let is_meant =
        |provider: &&Arc<Provider>| settings.provider.as_ref().is_none_or(|id| id == provider.id());
    let providers: Vec<&Arc<Provider>> = configured.iter().filter(is_meant).collect();
    let is_entra = |provider: &&Arc<Provider>| matches!(provider.config().kind, ProviderKind::Entra { .. });
    if providers.is_empty() || !providers.iter().all(is_entra) {
        return Vec::new();
    }
    let (mut findings, mut asked) = (Vec::new(), Vec::new());
    for (scope, api) in apis(server, &settings.scopes) {
        let Some(api) = api else {
            findings.push(without_api(server, scope.unwrap_or_default()));
            continue;
        };
        for provider in &providers {
            let one = ask(provider, server, (scope, api)).await;
            findings.extend(judge(server, &one));
            asked.push(one);
        }
    }
    if settings.audience.is_none() {
        findings.push(no_audience(server, &asked));
    }
    findings
}

/// One scope of each API. Without any scope a client sends the resource alone, which then names the API.
fn apis<'a>(server: &Server<'a>, scopes: &'a [String]) -> Vec<(Option<&'a str>, Option<&'a str>)> {
    if scopes.is_empty() {
        return vec![(None, Some(server.url.as_str()))];
    }
    let mut apis: Vec<(Option<&str>, Option<&str>)> = Vec::new();
    for scope in scopes {
        let api = api_of(scope);
        if api.is_none() || apis.iter().all(|(_, known)| *known != api) {
            apis.push((Some(scope), api));
        }
    }
    apis
}

async fn ask<'a>(
    provider: &Provider,
    server: &Server<'_>,
    (scope, api): (Option<&'a str>, &'a str),
) -> Asked<'a> {
    let with_resource = provider.try_resource(api, Some(server.url.as_str())).await;
    let alone = if leaves_open(&with_resource) { Some(provider.try_resource(api, None).await) } else { None };
    Asked { scope, api, with_resource, alone }
}
