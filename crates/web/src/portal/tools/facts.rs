//! A tool server as pages show it.

use crate::callers::Administrator;
use crate::fault::Fault;
use crate::portal::rows::label;
use gatepost_admin::Context;
use gatepost_core::ids::ToolServerId;
use gatepost_core::mcp::Mode;
use gatepost_pages::admin::ToolServerFacts;
use gatepost_store::directory::ToolServer;

/// The server of this id, as far as it exists for the reader.
///
/// # Errors
/// `NotFound`.
pub(super) async fn find(
    administrator: &Administrator,
    context: &Context,
    id: &ToolServerId,
) -> Result<ToolServer, Fault> {
    let found = context.stores.directory.find_tool_server(&administrator.scope, id).await?;
    found.ok_or(Fault::NotFound)
}

/// A tool server as pages show it.
pub(super) fn facts<'a>(context: &'a Context, server: &'a ToolServer) -> ToolServerFacts<'a> {
    let settings = &server.settings;
    ToolServerFacts {
        id: &server.id,
        tenant: &server.tenant_id,
        url: settings.url.as_str(),
        name: settings.name.as_deref(),
        provider: settings.provider.as_ref().map(|id| label(&context.site, id)),
        audience: settings.audience.as_deref(),
        scopes: &settings.scopes,
        is_by_headers: settings.mode == Mode::Headers,
        service: settings.service.as_ref().map(gatepost_core::ids::ServiceName::as_str),
        documentation: settings.documentation.as_deref(),
        is_default: settings.is_default,
        created_at: server.created_at,
        version: server.version,
    }
}

/// The ids of the providers that are configured.
pub(super) fn providers(context: &Context) -> Vec<&str> {
    context.site.providers.iter().map(|provider| provider.id().as_str()).collect()
}

/// The names of the upstreams that the configuration has, for somebody who may name one.
pub(super) fn services<'a>(administrator: &Administrator, context: &'a Context) -> Option<Vec<&'a str>> {
    let names = || context.site.config.services.keys().map(gatepost_core::ids::ServiceName::as_str).collect();
    administrator.scope.is_system().then(names)
}
