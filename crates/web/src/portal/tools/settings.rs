//! What is said about a tool server: as it is sent, entered and read.

use crate::extract::Fields;
use crate::portal::forms::entered as parsed;
use gatepost_admin::Context;
use gatepost_core::ids::{ProviderId, ServiceName, TenantId};
use gatepost_core::mcp::Mode;
use gatepost_core::mcp::endpoint::Endpoint;
use gatepost_core::mcp::words::{Audience, PageAddress, ScopeName, ServerName};
use gatepost_pages::admin::{FormErrors, ToolServerEntered};
use gatepost_store::directory::{DirectoryError, ToolServer, ToolServerSettings};
use serde::Deserialize;
use std::str::FromStr;

/// The fields of the forms.
#[derive(Deserialize)]
pub(crate) struct Sent {
    pub(super) version: Option<String>,
    id: Option<String>,
    tenant: Option<String>,
    url: Option<String>,
    name: Option<String>,
    provider: Option<String>,
    audience: Option<String>,
    scopes: Option<String>,
    documentation: Option<String>,
    service: Option<String>,
    headers: Option<String>,
    default: Option<String>,
}

impl Fields for Sent {
    const LIMIT: usize = 64 * 1024;
}

impl Sent {
    /// What was entered.
    pub(super) fn entered(&self) -> ToolServerEntered {
        let text = |field: &Option<String>| field.as_deref().unwrap_or_default().trim().to_owned();
        ToolServerEntered {
            id: text(&self.id),
            tenant: text(&self.tenant),
            url: text(&self.url),
            name: text(&self.name),
            provider: text(&self.provider),
            audience: text(&self.audience),
            scopes: text(&self.scopes),
            documentation: text(&self.documentation),
            service: text(&self.service),
            is_by_headers: self.headers.is_some(),
            is_default: self.default.is_some(),
        }
    }
}

/// What the form of a server shows.
pub(super) fn known(server: &ToolServer) -> ToolServerEntered {
    let settings = server.settings.clone();
    ToolServerEntered {
        id: server.id.to_string(),
        tenant: server.tenant_id.to_string(),
        url: settings.url.to_string(),
        name: settings.name.unwrap_or_default(),
        provider: settings.provider.map(|id| id.to_string()).unwrap_or_default(),
        audience: settings.audience.unwrap_or_default(),
        scopes: settings.scopes.join("\n"),
        documentation: settings.documentation.unwrap_or_default(),
        service: settings.service.map(|name| name.to_string()).unwrap_or_default(),
        is_by_headers: settings.mode == Mode::Headers,
        is_default: settings.is_default,
    }
}

/// Reads the settings. Everything that is wrong is noted beside its field; `None`: the address cannot be read.
pub(super) fn read(
    context: &Context,
    entered: &ToolServerEntered,
    errors: &mut FormErrors,
) -> Option<ToolServerSettings> {
    fn optional<T: FromStr<Err: ToString>>(
        field: &'static str,
        text: &str,
        errors: &mut FormErrors,
    ) -> Option<T> {
        if text.is_empty() {
            return None;
        }
        parsed(text).map_err(|error| errors.add(field, &error)).ok()
    }
    let url = parsed::<Endpoint>(&entered.url).map_err(|error| errors.add("url", &error)).ok();
    let provider: Option<ProviderId> = optional("provider", &entered.provider, errors);
    if let Some(id) = &provider
        && context.site.providers.find(id).is_none()
    {
        errors.add("provider", "There is no provider of this id.");
    }
    let service: Option<ServiceName> = optional("service", &entered.service, errors);
    if let Err(error) = context.demand_service(service.as_ref()) {
        errors.add("service", &gatepost_core::error_chain::sentence(&error.to_string()));
    }
    let mut scopes = Vec::new();
    for text in entered.scopes.split_whitespace() {
        match parsed::<ScopeName>(text) {
            Ok(scope) => scopes.push(scope.into_text()),
            Err(error) => errors.add("scopes", &error),
        }
    }
    let name = optional("name", &entered.name, errors).map(ServerName::into_text);
    let audience = optional("audience", &entered.audience, errors).map(Audience::into_text);
    let documentation = optional("documentation", &entered.documentation, errors).map(PageAddress::into_text);
    Some(ToolServerSettings {
        url: url?,
        name,
        provider,
        audience,
        scopes,
        mode: if entered.is_by_headers { Mode::Headers } else { Mode::Body },
        documentation,
        is_default: entered.is_default,
        service,
    })
}

/// Notes beside the field if requests for the address would not come to the gate, or its host is another tenant's.
pub(super) async fn check_address(
    context: &Context,
    tenant: Option<&TenantId>,
    settings: Option<&ToolServerSettings>,
    errors: &mut FormErrors,
) -> Result<(), DirectoryError> {
    let Some(settings) = settings else { return Ok(()) };
    match context.demand_protected(tenant, &settings.url).await {
        Err(error @ DirectoryError::HostNotProtected(_)) => {
            errors.add("url", &gatepost_core::error_chain::sentence(&error.to_string()));
            Ok(())
        }
        other => other,
    }
}
