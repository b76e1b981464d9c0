//! The question who may call a tool: they must be able to enter the tenant of its server, and a rule must give it to them, as
//! the gate decides it.

use super::{AccessError, Asked};
use crate::Context;
use gatepost_core::access::Access;
use gatepost_core::administration::Scope;
use gatepost_core::api_key::KeyLimits;
use gatepost_core::host::HostName;
use gatepost_core::ids::{GroupName, TenantId, ToolServerId};
use gatepost_core::mcp::pattern::Kind;
use gatepost_core::mcp::rules::{GivenBy, Lack, RuleSet, User, Way};
use gatepost_core::requirement::Requirement;
use gatepost_store::directory::{DirectoryError, FoundKey, Place, ToolRule};
use std::fmt;
use std::str::FromStr;

/// The longest name of a tool, in bytes, as in a pattern of a rule.
const MAX_NAME: usize = 512;
/// Rules that are read at once.
const RANGE: u32 = 500;

/// A tool of a tool server, written `SERVER:NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServersTool {
    pub server: ToolServerId,
    /// The whole name: it matches patterns, and is none.
    pub name: String,
}

/// The text names no tool.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no tool of a tool server: expected SERVER:NAME with the whole name, as in github:get_file")]
pub struct ServersToolError(String);

impl FromStr for ServersTool {
    type Err = ServersToolError;

    fn from_str(text: &str) -> Result<Self, ServersToolError> {
        let is_name = |name: &str| {
            (1..=MAX_NAME).contains(&name.len()) && !name.contains('*') && !name.contains(char::is_control)
        };
        let found = text.split_once(':').and_then(|(server, name)| {
            Some(Self {
                server: server.parse().ok()?,
                name: Some(name.to_owned()).filter(|name| is_name(name))?,
            })
        });
        found.ok_or_else(|| ServersToolError(text.to_owned()))
    }
}

impl fmt::Display for ServersTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.server, self.name)
    }
}

/// A tool with the rules of its server.
#[derive(Clone, Debug)]
pub(super) struct AskedTool {
    name: String,
    host: HostName,
    tenant: TenantId,
    rules: RuleSet,
    groups: Vec<GroupName>,
}

impl AskedTool {
    /// The groups to whose members a rule gives it.
    pub(super) fn groups(&self) -> &[GroupName] {
        &self.groups
    }

    /// Where clients reach its server.
    pub(super) const fn host(&self) -> &HostName {
        &self.host
    }

    /// Whether a key that may enter may call it by itself.
    pub(super) fn is_for_key(&self, key: &FoundKey) -> bool {
        self.judge_key(key).is_ok()
    }

    /// Whether a rule names the key, and nothing else gives it the tool.
    pub(super) fn has_rule_for(&self, key: &FoundKey) -> bool {
        matches!(self.judge_key(key), Ok(Way::Rule(GivenBy::Key(_))))
    }

    fn judge_key(&self, key: &FoundKey) -> Result<Way<'_>, Lack> {
        let (id, access, limits) = (key.id.to_string(), &*key.access, &key.limits);
        let (role, needs_rule) = (access.role_in(&self.tenant), limits.acts_for_people());
        let user = User { access, role, key: Some(&id), tools: &limits.tools, needs_rule };
        self.rules.judge(Kind::Tool, &self.name, &user)
    }

    /// Whether it is one of the tools to which a key is limited.
    pub(super) fn is_within(&self, limits: &KeyLimits) -> bool {
        limits.tools.is_empty() || limits.tools.iter().any(|tool| tool.matches(&self.name))
    }

    /// Whether somebody who may enter may call it.
    pub(super) fn is_for(&self, access: &Access) -> bool {
        let role = access.role_in(&self.tenant);
        let user = User { access, role, key: None, tools: &[], needs_rule: false };
        self.rules.allows(Kind::Tool, &self.name, &user)
    }
}

impl Context {
    /// The requirement of a router in front of a tool server, and the tool with all rules. Which groups rules name decides
    /// who may call it, whether the reader may know of them or not.
    ///
    /// # Errors
    /// `UnknownToolServer`, also where the reader does not administer its tenant.
    pub(super) async fn find_tool(
        &self,
        scope: &Scope,
        asked: &ServersTool,
    ) -> Result<(Asked, AskedTool), AccessError> {
        let directory = &self.stores.directory;
        let found = directory.find_tool_server(scope, &asked.server).await?;
        let server = found.ok_or_else(|| DirectoryError::UnknownToolServer(asked.server.clone()))?;
        let (mut rules, mut after) = (Vec::new(), None::<Place>);
        loop {
            let page =
                directory.list_tool_rules(&Scope::System, &asked.server, after.as_ref(), RANGE).await?;
            rules.extend(page.items.iter().map(ToolRule::decisive));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let (rules, tenant) = (RuleSet::new(rules), server.tenant_id);
        let host = server.settings.url.host().clone();
        let requirement = Requirement { tenants: vec![tenant.clone()], ..Requirement::default() };
        let query = format!("mcp=true&tenant={tenant}");
        let groups = rules.groups_for(Kind::Tool, &asked.name);
        let tool = AskedTool { name: asked.name.clone(), host, tenant, rules, groups };
        Ok((Asked { query, requirement, seen_at: None }, tool))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_a_server_and_a_whole_name() {
        for (text, name) in [("github:get_file", "get_file"), ("github:a:b", "a:b"), ("github:x y", "x y")] {
            let tool: ServersTool = text.parse().expect("a tool");
            assert_eq!(
                (tool.server.as_str(), tool.name.as_str(), tool.to_string()),
                ("github", name, text.to_owned())
            );
        }
        let long = format!("github:{}", "x".repeat(513));
        for text in ["", "github", "github:", ":get_file", "git hub:x", "github:get_*", "github:a\nb", &long]
        {
            assert!(text.parse::<ServersTool>().is_err(), "{text:?}");
        }
    }
}
