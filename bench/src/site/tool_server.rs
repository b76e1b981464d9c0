//! A tool server, for a gate in this process.

use super::{GROUP, Site};
use gatepost_core::administration::Scope;
use gatepost_core::api_key::{KeyExpiry, KeyLimits, KeyScope};
use gatepost_core::ids::{TenantId, ToolServerId};
use gatepost_core::mcp::Mode;
use gatepost_core::mcp::pattern::{Kind, Subject};
use gatepost_store::directory::changes::{
    AddToolRule, Conditions, CreateKey, CreateTenant, CreateToolServer, JudgeByHeaders, RevokeKey,
};
use gatepost_store::directory::{Actor, GroupKey, KeyHolder, ToolServerSettings, Who};
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
            mode: Mode::Body,
            documentation: None,
            is_default: false,
            service: None,
        };
        let server = "github".parse().map_err(io::Error::other)?;
        let server = CreateToolServer { id: server, tenant: change.id, settings };
        admin.carry_out(&server, conditions, &actor).await.map_err(io::Error::other)?;
        if mode == Mode::Headers {
            self.judge_by_headers(server.id.clone(), server.tenant.clone()).await?;
        }
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

    /// Has a tool server's messages judged by their headers, as after a trial. What is measured has no server behind it.
    ///
    /// # Errors
    /// The directory failed.
    pub async fn judge_by_headers(&self, id: ToolServerId, tenant: TenantId) -> io::Result<()> {
        let actor = Actor::internal(Who::CommandLine("benchmark".to_owned()));
        let (admin, conditions) = (&self.state.admin, Conditions::default());
        let limits = KeyLimits {
            scopes: vec![KeyScope::Gate],
            hosts: vec![self.addresses.host.parse().map_err(io::Error::other)?],
            trial: Some(id.clone()),
            ..KeyLimits::default()
        };
        let key = CreateKey {
            name: "trial".parse().map_err(io::Error::other)?,
            holder: KeyHolder { tenant: Some(tenant.clone()), owner: None },
            limits,
            groups: Vec::new(),
            expiry: KeyExpiry::Usual,
            faults: Vec::new(),
        };
        let made = admin.carry_out(&key, conditions, &actor).await.map_err(io::Error::other)?;
        let (key, holder) = (made.outcome.record.id, key.holder);
        let judged = JudgeByHeaders { id, tenant, key };
        admin.carry_out(&judged, conditions, &actor).await.map_err(io::Error::other)?;
        let revoked = RevokeKey { id: key, holder };
        admin.carry_out(&revoked, conditions, &actor).await.map_err(io::Error::other).map(drop)
    }
}
