//! The pages before a tool server is deleted, and before the last rule about a kind is taken back.

use super::super::forms::{EnteredText, Removal};
use super::super::parts::ApiCall;
use super::details::ToolRuleEntry;
use super::facts::ToolServerFacts;
use crate::frame::{Frame, Section};
use crate::message::{Chrome, Tone, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use askama::Template;
use gatepost_core::mcp::pattern::Kind;

#[derive(Template)]
#[template(path = "admin/removal.html")]
struct View<'a> {
    chrome: Chrome,
    removal: Removal<'a>,
    api: Vec<ApiCall>,
}

/// Before a tool server is deleted. 200, or 422 if another id was typed.
#[derive(Clone, Copy, Debug)]
pub struct ToolServerDeletion<'a> {
    pub frame: Frame<'a>,
    pub server: ToolServerFacts<'a>,
    /// How many rules it has.
    pub rules: usize,
    /// The id, as it was typed.
    pub typed: EnteredText<'a>,
}

impl ToolServerDeletion<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let (server, here) = (&self.server, paths::admin_tool_server(self.server.id));
        let rules = match self.rules {
            0 => "It has no rules.".to_owned(),
            1 => "Its rule goes with it.".to_owned(),
            number => format!("Its {number} rules go with it."),
        };
        let above = [(server.title(), here.clone())];
        let heading = format!("Delete {}?", server.title());
        let view = View {
            chrome: Chrome::portal(&heading, &self.frame, Section::Tools, Some(&above)),
            removal: Removal {
                action: format!("{here}/delete"),
                effects: vec![
                    "Every call at its address is refused then, of people and of keys.".to_owned(),
                    rules,
                ],
                stays: vec!["The server itself, its router, and the audit of what was done.".to_owned()],
                keeps: vec![("version", server.version.to_string())],
                typed: Some(self.typed.field(("typed", "id"), "Id of the tool server", "")),
                name: server.id.as_str(),
                is_for_good: true,
                first: None,
                button: "Delete the tool server",
                back: here,
            },
            api: vec![
                ApiCall::of("DELETE", &format!("/tool-servers/{}", server.id)).if_match(server.version),
            ],
        };
        Page::public(if self.typed.error.is_some() { 422 } else { 200 }, render(&view), &[])
    }
}

/// Before the last rule about a kind is taken back, which opens the kind. 200.
#[derive(Clone, Copy, Debug)]
pub struct RuleQuestion<'a> {
    pub frame: Frame<'a>,
    pub server: ToolServerFacts<'a>,
    pub rule: ToolRuleEntry<'a>,
}

impl RuleQuestion<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let (server, here) = (&self.server, paths::admin_tool_server(self.server.id));
        let opens = match self.rule.kind {
            Kind::Tool => "It is the last rule about tools: whoever may enter may call every tool then.",
            Kind::Prompt => "It is the last rule about prompts: whoever may enter may use every prompt then.",
            Kind::Resource => {
                "It is the last rule about resources: whoever may enter may read every resource then."
            }
        };
        let above = [(server.title(), here.clone())];
        let chrome = Chrome::portal("Remove the last rule?", &self.frame, Section::Tools, Some(&above));
        let view = View {
            chrome: chrome.with_tone(Tone::Stop),
            removal: Removal {
                action: format!("{here}/rules/remove"),
                effects: vec![
                    opens.to_owned(),
                    format!("The rule allows {} for {}.", self.rule.pattern, self.rule.subject),
                ],
                stays: vec!["To close it for everybody, allow something else first.".to_owned()],
                keeps: vec![("rule", self.rule.id.to_string()), ("opens", "yes".to_owned())],
                typed: None,
                name: "",
                is_for_good: true,
                first: None,
                button: "Remove it, and open all of them",
                back: here,
            },
            api: vec![ApiCall::of("DELETE", &format!("/tool-servers/{}/rules/{}", server.id, self.rule.id))],
        };
        Page::public(200, render(&view), &[])
    }
}
