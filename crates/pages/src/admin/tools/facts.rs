//! What pages show of a tool server.

use gatepost_core::administration::Version;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{TenantId, ToolServerId};

/// A tool server.
#[derive(Clone, Copy, Debug)]
pub struct ToolServerFacts<'a> {
    pub id: &'a ToolServerId,
    pub tenant: &'a TenantId,
    /// Where clients reach it.
    pub url: &'a str,
    /// The name that people see.
    pub name: Option<&'a str>,
    /// The label of the provider whose tokens it takes.
    pub provider: Option<&'a str>,
    pub audience: Option<&'a str>,
    /// The scopes that a client asks for.
    pub scopes: &'a [String],
    /// It reads what is called from headers alone.
    pub is_by_headers: bool,
    /// The upstream at which its lists are filtered.
    pub service: Option<&'a str>,
    /// A page for people about it.
    pub documentation: Option<&'a str>,
    pub is_default: bool,
    pub created_at: Timestamp,
    /// The version of what is said about it.
    pub version: Version,
}

impl ToolServerFacts<'_> {
    /// How pages name it: the name, else the id.
    pub(super) fn title(&self) -> &str {
        self.name.unwrap_or(self.id.as_str())
    }
}
