//! What a tool server itself lists, with the rules about each entry.

use super::super::parts::ApiCall;
use super::facts::ToolServerFacts;
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use askama::Template;
use gatepost_core::mcp::pattern::Kind;

/// Of a longer name the rest is left out.
const SHOWN: usize = 256;
/// Of more rules about one name only the number is shown.
const SUBJECTS: usize = 3;

/// What a tool server lists. 200, also if it does not answer.
#[derive(Clone, Copy, Debug)]
pub struct ToolsListed<'a> {
    pub frame: Frame<'a>,
    pub server: ToolServerFacts<'a>,
    /// `None`: the server was not asked yet.
    pub outcome: Option<ToolsAnswer<'a>>,
}

/// What a server answered.
#[derive(Clone, Copy, Debug)]
pub struct ToolsAnswer<'a> {
    /// What it was asked for.
    pub kind: Kind,
    /// In the server's order.
    pub entries: &'a [ListedEntry<'a>],
    /// It has more.
    pub has_more: bool,
    /// No rule is about this kind.
    pub is_open: bool,
    /// Why it is not known what the server has. Follows "The server".
    pub trouble: Option<&'a str>,
}

/// A tool, a prompt or a resource.
#[derive(Clone, Debug)]
pub struct ListedEntry<'a> {
    pub name: &'a str,
    /// For whom rules are that are about it.
    pub subjects: Vec<&'a str>,
    /// A rule can name it.
    pub may_be_ruled: bool,
}

#[derive(Template)]
#[template(path = "tools/listed.html")]
struct View<'a> {
    chrome: Chrome,
    action: String,
    kinds: [Choice; Kind::ALL.len()],
    answer: Option<Shown<'a>>,
    api: Vec<ApiCall>,
}

/// A button of the form.
struct Choice {
    kind: Kind,
    caption: &'static str,
    is_chosen: bool,
}

struct Shown<'a> {
    said: ToolsAnswer<'a>,
    caption: &'static str,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    name: String,
    whom: Vec<&'a str>,
    /// How many more there are.
    more: usize,
    allow: Option<String>,
}

impl ToolsListed<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let (server, here) = (&self.server, paths::admin_tool_server(self.server.id));
        let above = [(server.title(), here.clone())];
        let is_chosen = |kind| self.outcome.is_some_and(|outcome| outcome.kind == kind);
        let choice = |kind| Choice { kind, caption: caption(kind), is_chosen: is_chosen(kind) };
        let api = format!("/tool-servers/{}/rules", server.id);
        let view = View {
            chrome: Chrome::portal("What it lists", &self.frame, Section::Tools, Some(&above)),
            action: format!("{here}/listed"),
            kinds: Kind::ALL.map(choice),
            answer: self.outcome.map(|said| said.shown(&here)),
            api: vec![ApiCall::get(&api, &[]), ApiCall::of("POST", &api)],
        };
        Page::public(200, render(&view), &[])
    }
}

impl<'a> ToolsAnswer<'a> {
    fn shown(self, here: &str) -> Shown<'a> {
        let rows = self.entries.iter().map(|entry| self.row(entry, here)).collect();
        Shown { said: self, caption: caption(self.kind), rows }
    }

    fn row(&self, entry: &'a ListedEntry<'a>, here: &str) -> Row<'a> {
        let mut name: String = entry.name.chars().take(SHOWN).collect();
        if name.len() < entry.name.len() {
            name.push('…');
        }
        let begun = [("kind", Some(self.kind.as_str())), ("pattern", Some(entry.name))];
        let whom: Vec<_> = entry.subjects.iter().take(SUBJECTS).copied().collect();
        let more = entry.subjects.len() - whom.len();
        Row { name, whom, more, allow: entry.may_be_ruled.then(|| paths::query(here, &begun)) }
    }
}

const fn caption(kind: Kind) -> &'static str {
    match kind {
        Kind::Tool => "Tools",
        Kind::Prompt => "Prompts",
        Kind::Resource => "Resources",
    }
}
