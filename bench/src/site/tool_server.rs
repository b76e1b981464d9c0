//! A tool server, for a gate in this process.

use super::{GROUP, Site};
use gatepost_core::administration::Scope;
use gatepost_core::mcp::Mode;
use gatepost_core::mcp::pattern::{Kind, Subject};
use gatepost_store::directory::changes::{AddToolRule, Conditions, CreateTenant, CreateToolServer};
use gatepost_store::directory::{Actor, GroupKey, ToolServerSettings, Who};
use std::io;

impl Site {
    /// Creates a tenant with a tool server at `path`, whose rules give [`GROUP`] these tools. Everybody in this site is in
    /// that group.
    ///
    /// # Errors
    /// The directory failed.
    pub async fn tool_server(&self, mode: Mode, path: &str, tools: &[String]) -> io::Result<()> {
        let actor = Actor::internal(Who::CommandLine("benchmark".to_owned()));
        let (admin, conditions) = (&self.state.admin, Conditions::default());
        let tenant = "github".parse().map_err(io::Error::other)?;
        let change = CreateTenant { id: tenant, name: None };
        admin.carry_out(&change, conditions, &actor).await.map_err(io::Error::other)?;
        let settings = ToolServerSettings {
            url: format!("https://{}{path}", self.addresses.host).parse().map_err(io::Error::other)?,
            name: None,
            provider: None,
            audience: None,
            scopes: Vec::new(),
            mode,
            documentation: None,
            is_default: false,
            service: None,
        };
        let server = "github".parse().map_err(io::Error::other)?;
        let server = CreateToolServer { id: server, tenant: change.id, settings };
        admin.carry_out(&server, conditions, &actor).await.map_err(io::Error::other)?;
        let group = GroupKey::Name(GROUP.parse().map_err(io::Error::other)?);
        let found = self.state.stores.directory.find_group(&Scope::System, &group).await;
        let group = found.map_err(io::Error::other)?.ok_or_else(|| io::Error::other("no group"))?.id;
        for tool in tools {
            let rule = AddToolRule {
                server: server.id.clone(),
                tenant: server.tenant.clone(),
                subject: Subject::Group(group),
                kind: Kind::Tool,
                pattern: tool.parse().map_err(io::Error::other)?,
            };
            admin.carry_out(&rule, conditions, &actor).await.map_err(io::Error::other)?;
        }
        Ok(())
    }
}
