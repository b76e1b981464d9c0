//! Tool servers and their rules.

use super::api::Api;
use super::changes::{Remote, done, silent};
use super::error::ApiError;
use gatepost_admin::views::{Tenant, ToolRuleChange, ToolServer};
use gatepost_core::ids::{ToolRuleId, ToolServerId};
use gatepost_store::directory::changes::{
    AddToolRule, CreateToolServer, DeleteToolServer, RemoveToolRule, UpdateToolServer,
};
use gatepost_store::directory::{Conditions, Done};
use reqwest::Method;
use serde_json::{Map, Value, json};

silent! {
    CreateToolServer = |change, api, conditions| {
        let settings = &change.settings;
        let body = json!({
            "id": change.id,
            "url": settings.url.to_string(),
            "name": settings.name,
            "provider": settings.provider,
            "audience": settings.audience,
            "scopes": settings.scopes,
            "mode": settings.mode.to_string(),
            "documentation": settings.documentation,
            "default": settings.is_default,
            "service": settings.service,
        });
        let path = ["tenants", change.tenant.as_str(), "tool-servers"];
        api.change(&Method::POST, &path, Some(&body), conditions).await?
    };
    UpdateToolServer = |change, api, conditions| {
        let body = Value::Object(patch(change));
        api.change(&Method::PATCH, &["tool-servers", change.id.as_str()], Some(&body), conditions).await?
    };
    DeleteToolServer = |change, api, conditions| {
        api.remove(&["tool-servers", change.id.as_str()], &[], conditions).await?
    };
}

/// What is given, as a merge patch (RFC 7396).
fn patch(UpdateToolServer { patch, .. }: &UpdateToolServer) -> Map<String, Value> {
    let members = [
        ("url", patch.url.as_ref().map(|url| json!(url.to_string()))),
        ("name", patch.name.as_ref().map(|name| json!(name))),
        ("provider", patch.provider.as_ref().map(|provider| json!(provider))),
        ("audience", patch.audience.as_ref().map(|audience| json!(audience))),
        ("scopes", patch.scopes.as_ref().map(|scopes| json!(scopes))),
        ("mode", patch.mode.map(|mode| json!(mode.to_string()))),
        ("documentation", patch.documentation.as_ref().map(|page| json!(page))),
        ("default", patch.is_default.map(|is_default| json!(is_default))),
        ("service", patch.service.as_ref().map(|service| json!(service))),
    ];
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

impl Remote for AddToolRule {
    /// The rule's id.
    type Told = String;

    fn told(outcome: ToolRuleId) -> String {
        outcome.to_string()
    }

    async fn send(&self, api: &Api, conditions: Conditions) -> Result<Done<String>, ApiError> {
        let body = json!({
            "subject": self.subject.to_string(),
            "kind": self.kind.to_string(),
            "pattern": self.pattern.to_string(),
        });
        let path = ["tool-servers", self.server.as_str(), "rules"];
        let answer = api.change(&Method::POST, &path, Some(&body), conditions).await?;
        let change: ToolRuleChange = api.read(answer.body.clone())?;
        Ok(done(&answer, change.id))
    }
}

impl Remote for RemoveToolRule {
    /// How many rules about the same kind are left.
    type Told = i64;

    fn told(outcome: i64) -> i64 {
        outcome
    }

    async fn send(&self, api: &Api, conditions: Conditions) -> Result<Done<i64>, ApiError> {
        let path = ["tool-servers", self.server.as_str(), "rules", &self.rule.to_string()];
        let answer = api.remove(&path, &[], conditions).await?;
        let change: ToolRuleChange = api.read(answer.body.clone())?;
        Ok(done(&answer, change.left.unwrap_or_default()))
    }
}

impl Api {
    /// A tool server.
    pub(crate) async fn find_tool_server(&self, id: &ToolServerId) -> Result<Option<ToolServer>, ApiError> {
        self.find(&["tool-servers", id.as_str()]).await
    }

    /// The tool servers of all tenants.
    pub(crate) async fn list_tool_servers(&self) -> Result<Vec<ToolServer>, ApiError> {
        let mut all = Vec::new();
        for tenant in self.list::<Tenant>(&["tenants"], &[]).await? {
            all.extend(self.list::<ToolServer>(&["tenants", &tenant.id, "tool-servers"], &[]).await?);
        }
        Ok(all)
    }
}
