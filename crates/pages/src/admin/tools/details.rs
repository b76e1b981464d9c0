//! One tool server with its rules.

use super::super::form_errors::FormErrors;
use super::super::parts::{ApiCall, Button, Field};
use super::facts::ToolServerFacts;
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words::Moment;
use askama::Template;
use gatepost_core::ids::ToolRuleId;
use gatepost_core::mcp::pattern::Kind;

/// One tool server. 200, or 422 if the form of a rule is wrong.
#[derive(Clone, Copy, Debug)]
pub struct ToolServerDetails<'a> {
    pub frame: Frame<'a>,
    pub server: ToolServerFacts<'a>,
    /// All rules, the oldest first.
    pub rules: &'a [ToolRuleEntry<'a>],
    /// Keys of the tenant, which a rule can be for: the id of each, and its name.
    pub keys: &'a [(String, String)],
    /// Names of groups that the form proposes. `None`: the reader may not know of groups.
    pub groups: Option<&'a [&'a str]>,
    pub entered: &'a RuleEntered,
    pub errors: &'a FormErrors,
}

/// A rule.
#[derive(Clone, Copy, Debug)]
pub struct ToolRuleEntry<'a> {
    pub id: ToolRuleId,
    /// For whom, in words.
    pub subject: &'a str,
    /// The page of the group or the key.
    pub link: Option<&'a str>,
    /// It is for nobody, because its group or its key is gone.
    pub is_for_nobody: bool,
    pub kind: Kind,
    pub pattern: &'a str,
}

/// What was entered into the form of a rule.
#[derive(Clone, Debug, Default)]
pub struct RuleEntered {
    /// `everyone`, `role:ROLE`, `key:ID`, or `group`, whose name is in the next field.
    pub subject: String,
    pub group: String,
    pub kind: String,
    pub pattern: String,
}

#[derive(Template)]
#[template(path = "tools/details.html")]
struct View<'a> {
    chrome: Chrome,
    page: &'a ToolServerDetails<'a>,
    here: String,
    tenant: String,
    created_at: Moment,
    kinds: Vec<KindView<'a>>,
    subjects: Vec<Choice>,
    group: Field<'a>,
    choices: Vec<Choice>,
    pattern: Field<'a>,
    api: Vec<ApiCall>,
}

/// The rules of a kind.
struct KindView<'a> {
    caption: &'static str,
    /// What holds without a rule and with one.
    says: &'static str,
    /// Each with the page that says who may call it, if it is about one tool, and with its removal.
    rules: Vec<(&'a ToolRuleEntry<'a>, Option<String>, Remove)>,
}

/// How a rule is removed: by a button, or after a question, because that opens the kind to everybody.
enum Remove {
    Button(Button),
    Ask(String),
}

struct Choice {
    value: String,
    text: String,
    is_chosen: bool,
}

impl ToolServerDetails<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let (server, here) = (&self.server, paths::admin_tool_server(self.server.id));
        let api = format!("/tool-servers/{}", server.id);
        let rule = serde_json::json!({ "subject": "everyone", "kind": "tool", "pattern": "get_*" });
        let view = View {
            chrome: Chrome::portal(server.title(), &self.frame, Section::Tools, Some(&[])),
            page: self,
            tenant: paths::admin_tenant(server.tenant),
            created_at: Moment(server.created_at),
            kinds: Kind::ALL.into_iter().map(|kind| self.kind(kind, &here)).collect(),
            subjects: self.subjects(),
            group: self.group(),
            choices: Kind::ALL.into_iter().map(|kind| self.choice(kind)).collect(),
            pattern: Field {
                id: "pattern",
                name: "pattern",
                kind: "text",
                label: "Which",
                hint: "A name, or its beginning with one * at the end, as in get_*. Only * is all of them.",
                value: &self.entered.pattern,
                list: &[],
                error: self.errors.of("pattern"),
            },
            api: vec![
                ApiCall::get(&api, &[]),
                ApiCall::get(&format!("{api}/rules"), &[]),
                ApiCall::of("POST", &format!("{api}/rules")).with_body(&rule),
                ApiCall::of("PATCH", &api).if_match(server.version),
                ApiCall::of("DELETE", &api).if_match(server.version),
            ],
            here,
        };
        Page::public(if self.errors.is_empty() { 200 } else { 422 }, render(&view), &[])
    }

    fn kind(&self, kind: Kind, here: &str) -> KindView<'_> {
        let rules: Vec<_> = self.rules.iter().filter(|rule| rule.kind == kind).collect();
        let is_last = rules.len() == 1;
        let (caption, open) = match kind {
            Kind::Tool => ("Tools", "No rule: whoever may enter may call every tool."),
            Kind::Prompt => ("Prompts", "No rule: whoever may enter may use every prompt."),
            Kind::Resource => ("Resources", "No rule: whoever may enter may read every resource."),
        };
        let remove = |rule: &ToolRuleEntry<'_>| {
            if is_last {
                return Remove::Ask(paths::query(
                    &format!("{here}/rules/remove"),
                    &[("rule", Some(&rule.id.to_string()))],
                ));
            }
            Remove::Button(Button {
                action: format!("{here}/rules/remove"),
                fields: vec![("rule", rule.id.to_string())],
                text: "Remove",
                label: format!("Remove {} for {}", rule.pattern, rule.subject),
            })
        };
        let who = |rule: &ToolRuleEntry<'_>| {
            let tool = format!("{}:{}", self.server.id, rule.pattern);
            let is_one = kind == Kind::Tool && !rule.pattern.ends_with('*');
            is_one.then(|| paths::admin_access_to(&tool))
        };
        KindView {
            caption,
            says: if rules.is_empty() {
                open
            } else {
                "Only what a rule allows is allowed. Administrators of the system may use everything."
            },
            rules: rules.into_iter().map(|rule| (rule, who(rule), remove(rule))).collect(),
        }
    }

    fn subjects(&self) -> Vec<Choice> {
        let fixed = [
            ("everyone", "Everyone who may enter"),
            ("role:viewer", "Viewers of the tenant, and above"),
            ("role:member", "Members of the tenant, and above"),
            ("role:admin", "Administrators of the tenant"),
            ("group", "A group, named below"),
        ];
        let fixed = fixed.iter().map(|(value, text)| ((*value).to_owned(), (*text).to_owned()));
        let keys = self.keys.iter().map(|(id, name)| (format!("key:{id}"), format!("The key {name}")));
        let choice = |(value, text): (String, String)| {
            let is_chosen = value == self.entered.subject;
            Choice { value, text, is_chosen }
        };
        fixed.chain(keys).map(choice).collect()
    }

    fn group(&self) -> Field<'_> {
        let (label, hint) = if self.groups.is_some() {
            ("Group", "Only for a group: its name here.")
        } else {
            ("Number of the group", "Only for a group: an administrator of the system tells you its number.")
        };
        Field {
            id: "group",
            name: "group",
            kind: "text",
            label,
            hint,
            value: &self.entered.group,
            list: self.groups.unwrap_or_default(),
            error: self.errors.of("group"),
        }
    }

    fn choice(&self, kind: Kind) -> Choice {
        let text = match kind {
            Kind::Tool => "Call a tool",
            Kind::Prompt => "Use a prompt",
            Kind::Resource => "Read a resource",
        };
        let is_chosen = kind.as_str() == self.entered.kind;
        Choice { value: kind.as_str().to_owned(), text: text.to_owned(), is_chosen }
    }

    fn is_open(&self) -> bool {
        !self.errors.is_empty() || self.rules.is_empty() || !self.entered.pattern.is_empty()
    }
}
