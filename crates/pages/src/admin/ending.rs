//! What ends soon: memberships, decisions about administrators, and keys.

use super::keys::{KeyFacts, KeyPages, KeyView};
use super::parts::{ApiCall, Empty, FilterLink, Filters};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words::Moment;
use askama::Template;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupId, GroupName, TenantId, UserId};

/// What ends within some days, the soonest first. 200.
#[derive(Clone, Copy, Debug)]
pub struct EndingSoon<'a> {
    pub frame: Frame<'a>,
    /// One of [`EndingSoon::DAYS`].
    pub days: u32,
    pub entries: &'a [EndingEntry<'a>],
    /// Where the next page begins.
    pub next: Option<&'a str>,
    /// Keys that end in this time, the soonest first.
    pub keys: &'a [KeyFacts<'a>],
    /// There are more of them.
    pub has_more_keys: bool,
    pub now: Timestamp,
}

/// Something of a person that ends.
#[derive(Clone, Copy, Debug)]
pub struct EndingEntry<'a> {
    pub user: UserId,
    pub email: Option<&'a EmailAddress>,
    pub thing: EndingThing<'a>,
    pub until: Timestamp,
}

/// What ends.
#[derive(Clone, Copy, Debug)]
pub enum EndingThing<'a> {
    Group(GroupId, &'a GroupName),
    Tenant(&'a TenantId),
    /// The decision that the person is an administrator of the system, or is none.
    Decision(bool),
}

#[derive(Template)]
#[template(path = "admin/ending.html")]
struct View<'a> {
    chrome: Chrome,
    filters: Filters,
    entries: Vec<EntryView<'a>>,
    empty: Empty<'static>,
    next: Option<String>,
    keys: Vec<KeyView<'a>>,
    has_more_keys: bool,
    api: Vec<ApiCall>,
}

struct EntryView<'a> {
    person: String,
    title: String,
    kind: &'static str,
    name: Option<(String, &'a str)>,
    until: Moment,
    /// The page with the form that changes the end.
    change: String,
}

impl EndingSoon<'_> {
    /// The stretches of time that can be chosen.
    pub const DAYS: [u32; 6] = [1, 3, 7, 14, 30, 90];
    /// The one that is chosen first.
    pub const FIRST: u32 = 7;

    /// Renders the page.
    pub fn page(&self) -> Page {
        let link = |days: u32| FilterLink {
            text: if days == 1 { "1 day".to_owned() } else { format!("{days} days") },
            link: link_to(days, None),
            is_chosen: days == self.days,
        };
        let view = View {
            chrome: Chrome::portal("What ends soon", &self.frame, Section::People, Some(&[])),
            filters: Filters { label: "Ends within", links: Self::DAYS.map(link).into() },
            entries: self.entries.iter().map(entry).collect(),
            empty: Empty {
                text: "No membership and no decision ends in this time.",
                remedy: "Memberships and decisions that have an end appear here before they end.",
            },
            next: self.next.map(|next| link_to(self.days, Some(next))),
            keys: self.keys.iter().map(|key| key.in_list(KeyPages::Portal, self.now)).collect(),
            has_more_keys: self.has_more_keys,
            api: vec![
                ApiCall::of("PUT", "/groups/42/members/alice@example.com")
                    .with_body(&serde_json::json!({ "until": "2027-01-31T17:00:00Z" })),
            ],
        };
        Page::public(200, render(&view), &[])
    }
}

fn link_to(days: u32, after: Option<&str>) -> String {
    let days = (days != EndingSoon::FIRST).then(|| days.to_string());
    paths::query(paths::ADMIN_ENDS, &[("days", days.as_deref()), ("after", after)])
}

impl EndingEntry<'_> {
    /// How pages name the person: the address, else the id.
    pub(super) fn title(&self) -> String {
        self.email.map_or_else(|| self.user.to_string(), ToString::to_string)
    }

    /// What ends, as the end of a sentence.
    pub(super) fn words(&self) -> String {
        match self.thing {
            EndingThing::Group(_, name) => format!("the group {name}"),
            EndingThing::Tenant(id) => format!("the tenant {id}"),
            EndingThing::Decision(_) => "a decision about administrators".to_owned(),
        }
    }
}

fn entry<'a>(entry: &EndingEntry<'a>) -> EntryView<'a> {
    let person = paths::admin_user(entry.user);
    let (kind, name, change) = match entry.thing {
        EndingThing::Group(id, name) => {
            let change = format!("{person}?group={id}#join");
            ("Member of", Some((paths::admin_group(id), name.as_str())), change)
        }
        EndingThing::Tenant(id) => {
            let link = paths::admin_tenant(id);
            let change = match entry.email {
                Some(email) => paths::query(&link, &[("q", Some(email.as_str()))]),
                None => link.clone(),
            };
            ("Member of the tenant", Some((link, id.as_str())), change)
        }
        EndingThing::Decision(true) => {
            ("Administrator of the system", None, format!("{person}#administrator"))
        }
        EndingThing::Decision(false) => {
            ("No administrator, whatever groups and roles say", None, format!("{person}#administrator"))
        }
    };
    EntryView { person, title: entry.title(), kind, name, until: Moment(entry.until), change }
}
