//! What administrators say about a tool server, as a form.

use super::super::form_errors::FormErrors;
use super::super::parts::{ApiCall, Area, Check, Field};
use super::facts::ToolServerFacts;
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use askama::Template;

/// What was entered, as texts.
#[derive(Clone, Debug, Default)]
pub struct ToolServerEntered {
    pub id: String,
    pub tenant: String,
    pub url: String,
    pub name: String,
    pub provider: String,
    pub audience: String,
    pub scopes: String,
    pub documentation: String,
    pub service: String,
    pub is_by_headers: bool,
    pub is_default: bool,
}

/// The fields of the forms.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    pub(super) fault: Option<&'a str>,
    pub(super) id: Field<'a>,
    pub(super) tenant: Field<'a>,
    pub(super) url: Field<'a>,
    pub(super) name: Field<'a>,
    pub(super) provider: Field<'a>,
    pub(super) audience: Field<'a>,
    pub(super) scopes: Area<'a>,
    pub(super) documentation: Field<'a>,
    /// For system administrators.
    pub(super) service: Option<Field<'a>>,
    pub(super) checks: Vec<Check>,
    /// Something beyond the first fields is set or wrong.
    pub(super) has_more: bool,
}

impl ToolServerEntered {
    pub(super) fn fields<'a>(
        &'a self,
        errors: &'a FormErrors,
        tenants: &'a [&'a str],
        providers: &'a [&'a str],
        services: Option<&'a [&'a str]>,
    ) -> Fields<'a> {
        let field = |name: &'static str, label: &'static str, value: &'a str, hint: &'static str| Field {
            id: name,
            name,
            kind: "text",
            label,
            hint,
            value,
            list: &[],
            error: errors.of(name),
        };
        let check = |name, text, hint, is_chosen| Check { name, text, hint, is_chosen };
        let rest = ["provider", "audience", "scopes", "documentation", "service"];
        Fields {
            fault: errors.of(""),
            id: field("id", "Id", &self.id, "A short word, unique among all tenants. It stays."),
            tenant: Field {
                list: tenants,
                ..field("tenant", "Tenant", &self.tenant, "Whose it is. Its administrators decide the rules.")
            },
            url: field(
                "url",
                "Web address (URL)",
                &self.url,
                "Where clients reach it, as in https://mcp.example.com/servers/github/mcp: https, a protected host, a path.",
            ),
            name: field("name", "Name", &self.name, "What people see. Empty: the id."),
            provider: Field {
                list: providers,
                ..field(
                    "provider",
                    "Provider",
                    &self.provider,
                    "The id of the provider whose access tokens it takes. Empty: none.",
                )
            },
            audience: field(
                "audience",
                "Audience",
                &self.audience,
                "What tokens for it name. Empty: its address.",
            ),
            scopes: Area {
                id: "scopes",
                name: "scopes",
                label: "Scopes",
                hint: "One a line: what a client asks the provider for.".to_owned(),
                value: &self.scopes,
                error: errors.of("scopes"),
            },
            documentation: field(
                "documentation",
                "Documentation",
                &self.documentation,
                "A page for people, with https://. Empty: none.",
            ),
            service: services.map(|list| Field {
                list,
                ..field(
                    "service",
                    "Service",
                    &self.service,
                    "The upstream of GATEPOST_SERVICES at which its lists are filtered. Empty: lists are not filtered.",
                )
            }),
            // Only a trial shows whether a server may be judged so, and here is none. It can be taken away.
            checks: self
                .is_by_headers
                .then(|| {
                    check(
                        "headers",
                        "Judge by headers",
                        "it was seen to refuse messages whose headers and body differ",
                        true,
                    )
                })
                .into_iter()
                .chain([check(
                    "default",
                    "First of its host",
                    "what the host has at the bare well-known path",
                    self.is_default,
                )])
                .collect(),
            has_more: self.is_by_headers
                || self.is_default
                || [&self.provider, &self.audience, &self.scopes, &self.documentation, &self.service]
                    .iter()
                    .any(|text| !text.is_empty())
                || rest.iter().any(|name| errors.of(name).is_some()),
        }
    }
}

/// The form that changes what is said about a tool server. 200; 422 if something is wrong; 412 if somebody was faster.
#[derive(Clone, Copy, Debug)]
pub struct ToolServerEdit<'a> {
    pub frame: Frame<'a>,
    pub server: ToolServerFacts<'a>,
    pub entered: &'a ToolServerEntered,
    pub errors: &'a FormErrors,
    pub providers: &'a [&'a str],
    /// The upstreams that the configuration has. `None`: the reader may name none.
    pub services: Option<&'a [&'a str]>,
    pub is_overtaken: bool,
}

#[derive(Template)]
#[template(path = "tools/edit.html")]
struct View<'a> {
    chrome: Chrome,
    page: &'a ToolServerEdit<'a>,
    here: String,
    fields: Fields<'a>,
    api: Vec<ApiCall>,
}

impl ToolServerEdit<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let (server, here) = (&self.server, paths::admin_tool_server(self.server.id));
        let above = [(server.title(), here.clone())];
        let heading = format!("Change {}", server.title());
        let body = serde_json::json!({ "name": "GitHub" });
        let view = View {
            chrome: Chrome::portal(&heading, &self.frame, Section::Tools, Some(&above)),
            page: self,
            here,
            fields: self.entered.fields(self.errors, &[], self.providers, self.services),
            api: vec![
                ApiCall::of("PATCH", &format!("/tool-servers/{}", server.id))
                    .if_match(server.version)
                    .with_body(&body),
            ],
        };
        let status = match (self.is_overtaken, self.errors.is_empty()) {
            (true, _) => 412,
            (false, true) => 200,
            (false, false) => 422,
        };
        Page::public(status, render(&view), &[])
    }
}
