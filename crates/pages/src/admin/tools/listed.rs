//! What a tool server itself lists, with the rules about each entry.

use super::super::parts::{ApiCall, FilterLink, Filters};
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
    page: &'a ToolsListed<'a>,
    kinds: Filters,
    caption: &'static str,
    rows: Vec<Row<'a>>,
    api: Vec<ApiCall>,
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
        let link = |kind: Kind| FilterLink {
            text: caption(kind).to_owned(),
            link: paths::query(&format!("{here}/listed"), &[("kind", Some(kind.as_str()))]),
            is_chosen: kind == self.kind,
        };
        let api = format!("/tool-servers/{}/rules", server.id);
        let view = View {
            chrome: Chrome::portal("What it lists", &self.frame, Section::Tools, Some(&above)),
            page: self,
            kinds: Filters { label: "What it has", links: Kind::ALL.map(link).into() },
            caption: caption(self.kind),
            rows: self.entries.iter().map(|entry| self.row(entry, &here)).collect(),
            api: vec![ApiCall::get(&api, &[]), ApiCall::of("POST", &api)],
        };
        Page::public(200, render(&view), &[])
    }

    fn row<'a>(&self, entry: &'a ListedEntry<'a>, here: &str) -> Row<'a> {
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
