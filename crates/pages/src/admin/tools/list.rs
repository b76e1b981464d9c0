//! The list of tool servers, with the form that makes one.

use super::super::form_errors::FormErrors;
use super::super::parts::{ApiCall, Empty};
use super::edit::{Fields, ToolServerEntered};
use super::facts::ToolServerFacts;
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use askama::Template;
use gatepost_core::ids::TenantId;

/// Tool servers, by id. 200, or 422 if the form is wrong.
#[derive(Clone, Copy, Debug)]
pub struct ToolServers<'a> {
    pub frame: Frame<'a>,
    /// Whose they are. `None`: those of all tenants that the reader administers.
    pub tenant: Option<&'a TenantId>,
    pub servers: &'a [ToolServerFacts<'a>],
    /// Where the next page begins.
    pub next: Option<&'a str>,
    pub entered: &'a ToolServerEntered,
    pub errors: &'a FormErrors,
    /// Tenants and providers that are proposed.
    pub tenants: &'a [&'a str],
    pub providers: &'a [&'a str],
}

#[derive(Template)]
#[template(path = "tools/list.html")]
struct View<'a> {
    chrome: Chrome,
    page: &'a ToolServers<'a>,
    of: Option<(String, &'a str)>,
    empty: Empty<'static>,
    next: Option<String>,
    fields: Fields<'a>,
    api: Vec<ApiCall>,
}

impl ToolServers<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let tenant = self.tenant.map(TenantId::as_str);
        let link = |next| paths::query(paths::ADMIN_TOOLS, &[("tenant", tenant), ("after", Some(next))]);
        let tenant_of_api = tenant.unwrap_or("TENANT");
        let path = format!("/tenants/{tenant_of_api}/tool-servers");
        let body = serde_json::json!({ "id": "github", "url": "https://mcp.example.com/servers/github/mcp" });
        let view = View {
            chrome: Chrome::portal("Tool servers", &self.frame, Section::Tools, None),
            page: self,
            of: self.tenant.map(|id| (paths::admin_tenant(id), id.as_str())),
            empty: Empty {
                text: "There is no tool server yet.",
                remedy: "Register one below. Rules then say who may call which of its tools.",
            },
            next: self.next.map(link),
            fields: self.entered.fields(self.errors, self.tenants, self.providers, None),
            api: vec![ApiCall::get(&path, &[]), ApiCall::of("POST", &path).with_body(&body)],
        };
        Page::public(if self.errors.is_empty() { 200 } else { 422 }, render(&view), &[])
    }
}
