//! The last refusals, newest first. Each filter is a link.

use super::entries::RefusalEntry;
use super::parts::{ApiCall, Empty, FilterLink, Filters};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words::{Moment, ago};
use askama::Template;
use gatepost_core::clock::Timestamp;
use gatepost_core::refusal::Refused;

/// The last refusals. 200, or 422 if the number that was entered is none.
#[derive(Clone, Copy, Debug)]
pub struct Refusals<'a> {
    pub frame: Frame<'a>,
    pub filter: RefusalFilterWords<'a>,
    pub entries: &'a [RefusalEntry<'a>],
    /// Where the next page begins.
    pub next: Option<&'a str>,
    /// A number of a refusal that was entered and is none.
    pub wrong_number: Option<&'a str>,
    pub now: Timestamp,
}

/// By what refusals are filtered, in the words of queries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefusalFilterWords<'a> {
    /// The id of the person or machine who was refused.
    pub user: Option<&'a str>,
    /// The id of the key that was sent.
    pub key: Option<&'a str>,
    pub host: Option<&'a str>,
    pub reason: Option<&'a str>,
    /// Of the last so many hours.
    pub hours: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "admin/refusals.html")]
struct View<'a> {
    chrome: Chrome,
    wrong_number: Option<&'a str>,
    times: Filters,
    /// The other filters that are set, each with the list without it.
    chosen: Vec<(String, String)>,
    entries: Vec<EntryView<'a>>,
    empty: Empty<'static>,
    next: Option<String>,
    api: Vec<ApiCall>,
}

struct EntryView<'a> {
    entry: &'a RefusalEntry<'a>,
    at: Moment,
    ago: String,
    title: String,
    /// The page of who was refused. `None`: an application.
    link: Option<String>,
    /// The name of the key that sent it for a person, and the refusals of that key.
    by_key: Option<&'a str>,
    by_key_link: Option<String>,
    by_user: String,
    by_host: String,
    by_reason: String,
    why: String,
}

const TIMES: [(Option<&str>, &str); 3] =
    [(None, "The last 7 days"), (Some("24"), "24 hours"), (Some("1"), "1 hour")];

impl Refusals<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let time = |(hours, text): (Option<&str>, &str)| FilterLink {
            text: text.to_owned(),
            link: link(&RefusalFilterWords { hours, ..self.filter }, None),
            is_chosen: hours == self.filter.hours,
        };
        let view = View {
            chrome: Chrome::portal("Refusals", &self.frame, Section::Access, Some(&[])),
            wrong_number: self.wrong_number,
            times: Filters { label: "Times", links: TIMES.map(time).into() },
            chosen: self.chosen(),
            entries: self.entries.iter().map(|entry| self.entry(entry)).collect(),
            empty: Empty {
                text: "Nobody was refused.",
                remedy: "A request of somebody who is signed in and lacks something appears here for 7 days, and one of a \
                         program whose key or token is known.",
            },
            next: self.next.map(|next| link(&self.filter, Some(next))),
            api: vec![ApiCall::of("POST", "/explain").with_body(&serde_json::json!({ "request": "NUMBER" }))],
        };
        Page::public(if self.wrong_number.is_some() { 422 } else { 200 }, render(&view), &[])
    }

    fn chosen(&self) -> Vec<(String, String)> {
        let filter = self.filter;
        let person = |id: &str| {
            let entry = self.entries.iter().find(|entry| entry.user.to_string() == id);
            entry.map_or_else(|| id.to_owned(), RefusalEntry::title)
        };
        let key = |id: &str| {
            let is_meant = |entry: &&RefusalEntry<'_>| entry.key.is_some_and(|key| key.to_string() == id);
            let name = self.entries.iter().find(is_meant).and_then(|entry| entry.via);
            format!("with the key {}", name.unwrap_or(id))
        };
        let chosen = [
            (
                filter.user.map(|user| format!("of {}", person(user))),
                RefusalFilterWords { user: None, ..filter },
            ),
            (filter.key.map(key), RefusalFilterWords { key: None, ..filter }),
            (filter.host.map(|host| format!("at {host}")), RefusalFilterWords { host: None, ..filter }),
            (filter.reason.map(words), RefusalFilterWords { reason: None, ..filter }),
        ];
        chosen.into_iter().filter_map(|(text, without)| Some((text?, link(&without, None)))).collect()
    }

    fn entry<'a>(&self, entry: &'a RefusalEntry<'a>) -> EntryView<'a> {
        let (filter, id) = (self.filter, entry.user.to_string());
        let of_key = entry.key.map(|key| key.to_string());
        let link_of_key = |key: &str| link(&RefusalFilterWords { key: Some(key), ..filter }, None);
        let (is_person, link_to) = match Refused::of(entry.user, entry.key) {
            Refused::Person(user) => (true, Some(paths::admin_user(user))),
            Refused::Key(key) => (false, Some(paths::admin_key(key))),
            Refused::Application => (false, None),
        };
        EntryView {
            entry,
            at: Moment(entry.at),
            ago: ago(self.now.since(entry.at)),
            link: link_to,
            by_key: entry.via.filter(|_| is_person),
            by_key_link: of_key.as_deref().map(link_of_key).filter(|_| is_person),
            by_user: link(&RefusalFilterWords { user: Some(&id), ..filter }, None),
            by_host: link(&RefusalFilterWords { host: Some(entry.host), ..filter }, None),
            by_reason: link(&RefusalFilterWords { reason: Some(entry.reason_key), ..filter }, None),
            why: paths::admin_refusal(entry.request_id),
            title: entry.title(),
        }
    }
}

fn link(filter: &RefusalFilterWords<'_>, after: Option<&str>) -> String {
    let RefusalFilterWords { user, key, host, reason, hours } = *filter;
    let parameters = [
        ("user", user),
        ("key", key),
        ("host", host),
        ("reason", reason),
        ("hours", hours),
        ("after", after),
    ];
    paths::query(paths::ADMIN_REFUSALS, &parameters)
}

/// A reason for people.
fn words(reason: &str) -> String {
    reason.replace('_', " ")
}
