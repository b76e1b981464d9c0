//! Changes of tool servers and of their rules. They belong to the tenant of the server.

use super::Change;
use crate::directory::tool_servers::ToolServerSettings;
use gatepost_core::administration::Matter;
use gatepost_core::api_key::KeyId;
use gatepost_core::ids::{ProviderId, ServiceName, TenantId, ToolRuleId, ToolServerId};
use gatepost_core::mcp::Mode;
use gatepost_core::mcp::endpoint::Endpoint;
use gatepost_core::mcp::pattern::{Kind, Subject};
use gatepost_core::tool_pattern::ToolPattern;

/// Creates a tool server.
///
/// Errors: `UnknownTenant`, `ToolServerExists`, `AddressTaken`, `NotTried`, `Denied`.
#[derive(Clone, Debug)]
pub struct CreateToolServer {
    pub id: ToolServerId,
    pub tenant: TenantId,
    pub settings: ToolServerSettings,
}

/// Changes what administrators say about a tool server. `None` stays as it is.
///
/// Errors: `UnknownToolServer`, `AddressTaken`.
#[derive(Clone, Debug, Default)]
pub struct ToolServerPatch {
    pub url: Option<Endpoint>,
    pub name: Option<Option<String>>,
    pub provider: Option<Option<ProviderId>>,
    pub audience: Option<Option<String>>,
    pub scopes: Option<Vec<String>>,
    pub mode: Option<Mode>,
    pub documentation: Option<Option<String>>,
    pub is_default: Option<bool>,
    pub service: Option<Option<ServiceName>>,
}

impl ToolServerPatch {
    /// The settings with these changes.
    #[must_use]
    pub fn of(&self, before: &ToolServerSettings) -> ToolServerSettings {
        let Self { url, name, provider, audience, scopes, mode, documentation, is_default, service } =
            self.clone();
        ToolServerSettings {
            url: url.unwrap_or_else(|| before.url.clone()),
            name: name.unwrap_or_else(|| before.name.clone()),
            provider: provider.unwrap_or_else(|| before.provider.clone()),
            audience: audience.unwrap_or_else(|| before.audience.clone()),
            scopes: scopes.unwrap_or_else(|| before.scopes.clone()),
            mode: mode.unwrap_or(before.mode),
            documentation: documentation.unwrap_or_else(|| before.documentation.clone()),
            is_default: is_default.unwrap_or(before.is_default),
            service: service.unwrap_or_else(|| before.service.clone()),
        }
    }
}

/// Changes a tool server. The mode `headers` only stays; [`JudgeByHeaders`] sets it.
///
/// Errors: `UnknownToolServer`, `AddressTaken`, `NotTried`, `Denied`.
#[derive(Clone, Debug)]
pub struct UpdateToolServer {
    pub id: ToolServerId,
    pub tenant: TenantId,
    pub patch: ToolServerPatch,
}

/// Has the messages of a tool server judged by their headers alone. Only who has tried that the server refuses messages whose
/// headers and body differ makes this change: the key of the trial is the proof that it was one of this server, a moment ago.
///
/// Errors: `UnknownToolServer`, `NotTried` (the key is of no trial of this server, or has ended).
#[derive(Clone, Debug)]
pub struct JudgeByHeaders {
    pub id: ToolServerId,
    pub tenant: TenantId,
    /// The key of the trial.
    pub key: KeyId,
}

/// Deletes a tool server with its rules. The gate then refuses its address.
///
/// Errors: `UnknownToolServer`.
#[derive(Clone, Debug)]
pub struct DeleteToolServer {
    pub id: ToolServerId,
    pub tenant: TenantId,
}

/// Allows somebody something. The outcome is the rule. Unchanged: it is there already.
///
/// Errors: `UnknownToolServer`, `UnknownGroup`, `TooManyRules`.
#[derive(Clone, Debug)]
pub struct AddToolRule {
    pub server: ToolServerId,
    pub tenant: TenantId,
    pub subject: Subject,
    pub kind: Kind,
    pub pattern: ToolPattern,
}

/// Takes a rule back. The outcome is how many rules about its kind are left: without any the kind is open.
///
/// Errors: `UnknownToolServer`, `UnknownToolRule`.
#[derive(Clone, Debug)]
pub struct RemoveToolRule {
    pub server: ToolServerId,
    pub tenant: TenantId,
    pub rule: ToolRuleId,
}

macro_rules! tenant_change {
    ($($name:ident => $outcome:ty),+ $(,)?) => {$(
        impl Change for $name {
            type Outcome = $outcome;
            const NAME: &'static str = stringify!($name);

            fn matter(&self) -> Matter {
                Matter::Tenant(self.tenant.clone())
            }
        }
    )+};
}
tenant_change!(
    CreateToolServer => (),
    UpdateToolServer => (),
    JudgeByHeaders => (),
    DeleteToolServer => (),
    AddToolRule => ToolRuleId,
    RemoveToolRule => i64,
);
