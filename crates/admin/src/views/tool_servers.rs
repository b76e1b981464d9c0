//! Tool servers and their rules.

use gatepost_core::calendar::rfc3339;
use gatepost_store::directory::{ToolRule as Rule, ToolServer as Server};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A tool server.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ToolServer {
    #[schema(example = "github")]
    pub id: String,
    pub tenant: String,
    /// Where clients reach it.
    #[schema(example = "https://mcp.example.com/servers/github/mcp")]
    pub url: String,
    /// The name that people see.
    pub name: Option<String>,
    /// The provider whose tokens it takes.
    pub provider: Option<String>,
    /// What tokens for it name as their audience. `null`: its address.
    pub audience: Option<String>,
    /// The scopes that a client asks for.
    pub scopes: Vec<String>,
    /// `body` or `headers`.
    pub mode: String,
    /// A page for people about it.
    pub documentation: Option<String>,
    /// It is what the host has at the bare well-known path.
    pub default: bool,
    /// The upstream of `GATEPOST_SERVICES` at which its lists are filtered.
    #[schema(example = "mcp")]
    pub service: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Counts the changes of what is said about it.
    #[schema(example = "v7")]
    pub version: String,
}

impl From<&Server> for ToolServer {
    fn from(server: &Server) -> Self {
        let settings = &server.settings;
        Self {
            id: server.id.to_string(),
            tenant: server.tenant_id.to_string(),
            url: settings.url.to_string(),
            name: settings.name.clone(),
            provider: super::text(settings.provider.as_ref()),
            audience: settings.audience.clone(),
            scopes: settings.scopes.clone(),
            mode: settings.mode.to_string(),
            documentation: settings.documentation.clone(),
            default: settings.is_default,
            service: super::text(settings.service.as_ref()),
            created_at: rfc3339(server.created_at),
            version: server.version.to_string(),
        }
    }
}

/// A rule of a tool server.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ToolRule {
    #[schema(format = "uuid")]
    pub id: String,
    /// `everyone`, `group:NUMBER`, `role:ROLE` or `key:ID`; `group:deleted`: nobody, because the group is gone.
    #[schema(example = "group:42")]
    pub subject: String,
    /// The group's name, for system administrators.
    pub group: Option<String>,
    /// `tool`, `prompt` or `resource`.
    pub kind: String,
    /// A name, or its beginning with `*`.
    #[schema(example = "get_*")]
    pub pattern: String,
    #[schema(format = DateTime)]
    pub created_at: String,
}

impl From<&Rule> for ToolRule {
    fn from(rule: &Rule) -> Self {
        Self {
            id: rule.id.to_string(),
            subject: rule.subject.to_string(),
            group: super::text(rule.group_name.as_ref()),
            kind: rule.kind.to_string(),
            pattern: rule.pattern.to_string(),
            created_at: rfc3339(rule.created_at),
        }
    }
}

/// A tool server was created, changed or deleted.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ToolServerChange {
    pub id: String,
    pub changed: bool,
}

/// A rule was made or taken back.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ToolRuleChange {
    #[schema(format = "uuid")]
    pub id: String,
    pub tool_server: String,
    /// How many rules about the same kind are left. With 0 everybody who may enter may use all of that kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<i64>,
    pub changed: bool,
}
