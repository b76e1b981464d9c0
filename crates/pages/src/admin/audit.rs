//! Who changed what, newest first. Each filter is a link.

use super::audit_words::Deed;
use super::parts::{ApiCall, Empty, FilterLink, Filters, Search};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words::{Moment, ago};
use askama::Template;
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{TenantId, ToolServerId, UserId};
use serde_json::{Map, Value};

/// The audit. 200.
#[derive(Clone, Copy, Debug)]
pub struct Audit<'a> {
    pub frame: Frame<'a>,
    /// The tenant of which it is, on a page of the tenant.
    pub of_tenant: Option<(&'a TenantId, &'a str)>,
    pub filter: AuditFilterWords<'a>,
    /// The person who was searched for, as they were entered. Empty: nobody.
    pub q: &'a str,
    /// Nobody is called so.
    pub is_unknown: bool,
    pub entries: &'a [AuditRow<'a>],
    /// Where the next page begins.
    pub next: Option<&'a str>,
    pub now: Timestamp,
}

/// By what the audit is filtered, in the words of queries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditFilterWords<'a> {
    /// About this person: they did it, or it was done to them.
    pub user: Option<&'a str>,
    pub actor: Option<&'a str>,
    pub action: Option<&'a str>,
    pub tenant: Option<&'a str>,
    pub via: Option<&'a str>,
    /// The number of a request.
    pub request: Option<&'a str>,
    /// Of the last so many days.
    pub days: Option<&'a str>,
}

impl<'a> AuditFilterWords<'a> {
    /// As parameters of the page.
    const fn parameters(self) -> [(&'static str, Option<&'a str>); 7] {
        let Self { user, actor, action, tenant, via, request, days } = self;
        [
            ("user", user),
            ("actor", actor),
            ("action", action),
            ("tenant", tenant),
            ("via", via),
            ("request", request),
            ("days", days),
        ]
    }
}

/// A change.
#[derive(Clone, Debug)]
pub struct AuditRow<'a> {
    pub at: Timestamp,
    /// As queries name the actor.
    pub actor: String,
    /// The actor's address, or what acted.
    pub actor_shown: &'a str,
    /// The actor, if it is a person.
    pub actor_id: Option<UserId>,
    pub action: &'a str,
    /// `user:ID`, `group:NAME`, ...
    pub target: &'a str,
    /// The target's address, if it is a person with one.
    pub target_email: Option<&'a str>,
    pub before: Option<&'a str>,
    pub after: Option<&'a str>,
    pub address: Option<&'a str>,
    pub request_id: Option<&'a str>,
    pub via: &'a str,
    /// The key by which the actor came.
    pub key: Option<&'a str>,
    pub tenant: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct View<'a> {
    chrome: Chrome,
    search: Search<'a>,
    ways: Filters,
    days: Filters,
    /// The other filters that are set, each with the list without it.
    chosen: Vec<(String, String)>,
    entries: Vec<EntryView<'a>>,
    empty: Empty<'a>,
    next: Option<String>,
    api: Vec<ApiCall>,
}

struct EntryView<'a> {
    row: &'a AuditRow<'a>,
    at: Moment,
    ago: String,
    by_actor: String,
    by_action: String,
    by_tenant: Option<String>,
    /// The sentence around the target.
    deed: Deed,
    target: String,
    target_link: Option<String>,
    changes: Vec<Difference>,
}

/// A member of the states before and after.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    name: String,
    before: Option<String>,
    after: Option<String>,
}

const WAYS: [(&str, &str); 5] = [
    ("portal", "These pages"),
    ("api", "API"),
    ("cli", "Command line"),
    ("view", "Views"),
    ("gate", "Sign-ins"),
];
const DAYS: [(&str, &str); 4] = [("1", "1 day"), ("7", "7 days"), ("30", "30 days"), ("90", "90 days")];

impl<'a> Audit<'a> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let above = self.of_tenant.map(|(id, name)| [(name, paths::admin_tenant(id))]);
        let (section, heading) = match self.of_tenant {
            Some((_, name)) => (Section::Tenants, format!("Changes of {name}")),
            None => (Section::Audit, "Audit".to_owned()),
        };
        let ways = std::iter::once((None, "Every way")).chain(WAYS.map(|(word, text)| (Some(word), text)));
        let days = std::iter::once((None, "Any time")).chain(DAYS.map(|(word, text)| (Some(word), text)));
        let link = |filter: AuditFilterWords<'_>, text: &str, is_chosen| FilterLink {
            text: text.to_owned(),
            link: self.link(&filter, None),
            is_chosen,
        };
        let way = |(via, text)| link(AuditFilterWords { via, ..self.filter }, text, via == self.filter.via);
        let day =
            |(days, text)| link(AuditFilterWords { days, ..self.filter }, text, days == self.filter.days);
        let path = self.path();
        let view = View {
            search: self.search(&path),
            chrome: Chrome::portal(&heading, &self.frame, section, above.as_ref().map(|above| &above[..])),
            ways: Filters { label: "Ways of changes", links: ways.map(way).collect() },
            days: Filters { label: "Times", links: days.map(day).collect() },
            chosen: self.chosen(),
            entries: self.entries.iter().map(|row| self.entry(row)).collect(),
            empty: if self.is_unknown {
                Empty {
                    text: "There is nobody of this address here.",
                    remedy: "Enter the whole address, or the id. Of somebody who was erased only the id is left.",
                }
            } else {
                Empty {
                    text: "Nothing was changed.",
                    remedy: "Every change is written here with who made it. Remove a filter to see more.",
                }
            },
            next: self.next.map(|next| self.link(&self.filter, Some(next))),
            api: vec![ApiCall::get("/audit", &self.api_parameters())],
        };
        Page::public(200, render(&view), &[])
    }

    fn search<'s>(&'s self, action: &'s str) -> Search<'s> {
        // The search is for another person.
        let filters = AuditFilterWords { user: None, ..self.filter }.parameters();
        let keeps = filters.into_iter().filter_map(|(name, value)| Some((name, value?.to_owned())));
        Search {
            action,
            label: "Search for a person",
            hint: "The whole address, or the id: what they did, and what was done to them.",
            q: self.q,
            keeps: keeps.collect(),
        }
    }

    fn path(&self) -> String {
        self.of_tenant.map_or_else(
            || paths::ADMIN_AUDIT.to_owned(),
            |(id, _)| format!("{}/audit", paths::admin_tenant(id)),
        )
    }

    fn link(&self, filter: &AuditFilterWords<'_>, after: Option<&str>) -> String {
        let tenant = filter.tenant.filter(|_| self.of_tenant.is_none());
        let parameters = AuditFilterWords { tenant, ..*filter }.parameters();
        paths::query(&self.path(), &[&parameters[..], &[("after", after)]].concat())
    }

    /// The API has no filter of days.
    fn api_parameters(&self) -> [(&'static str, Option<&'a str>); 7] {
        let tenant = self.of_tenant.map(|(id, _)| id.as_str()).or(self.filter.tenant);
        AuditFilterWords { tenant, days: None, ..self.filter }.parameters()
    }

    fn chosen(&self) -> Vec<(String, String)> {
        let filter = self.filter;
        let person = |id: &str| {
            let target = format!("user:{id}");
            let named = |row: &AuditRow<'a>| match row.target_email {
                _ if row.actor == id => Some(row.actor_shown),
                Some(email) if row.target == target => Some(email),
                _ => None,
            };
            self.entries.iter().find_map(named).unwrap_or(id).to_owned()
        };
        let chosen = [
            (
                filter.user.map(|user| format!("about {}", person(user))),
                AuditFilterWords { user: None, ..filter },
            ),
            (
                filter.actor.map(|actor| format!("by {}", person(actor))),
                AuditFilterWords { actor: None, ..filter },
            ),
            (filter.action.map(str::to_owned), AuditFilterWords { action: None, ..filter }),
            (
                filter
                    .tenant
                    .filter(|_| self.of_tenant.is_none())
                    .map(|tenant| format!("of tenant {tenant}")),
                AuditFilterWords { tenant: None, ..filter },
            ),
            (
                filter.request.map(|request| format!("by request {request}")),
                AuditFilterWords { request: None, ..filter },
            ),
        ];
        chosen.into_iter().filter_map(|(text, without)| Some((text?, self.link(&without, None)))).collect()
    }

    fn entry<'r>(&self, row: &'r AuditRow<'r>) -> EntryView<'r> {
        let filter = AuditFilterWords::default();
        let states = [row.after, row.before].map(state);
        let (target, target_link) = self.target(row, &states);
        let [after, before] = &states;
        EntryView {
            deed: Deed::of(row.action, [after, before]).unwrap_or_default(),
            row,
            at: Moment(row.at),
            ago: ago(self.now.since(row.at)),
            by_actor: self.link(&AuditFilterWords { actor: Some(&row.actor), ..filter }, None),
            by_action: self.link(&AuditFilterWords { action: Some(row.action), ..self.filter }, None),
            by_tenant: row
                .tenant
                .filter(|_| self.of_tenant.is_none())
                .map(|tenant| self.link(&AuditFilterWords { tenant: Some(tenant), ..filter }, None)),
            target,
            target_link,
            changes: differences(before, after),
        }
    }

    /// What was changed, and the page of it.
    fn target(&self, row: &AuditRow<'_>, states: &[Map<String, Value>; 2]) -> (String, Option<String>) {
        let (kind, name) = row.target.split_once(':').unwrap_or(("", row.target));
        match kind {
            "user" => {
                let id: Option<UserId> = name.parse().ok();
                (row.target_email.unwrap_or(name).to_owned(), id.map(paths::admin_user))
            }
            "tenant" => {
                let id: Option<TenantId> = name.parse().ok();
                (format!("tenant {name}"), id.map(|id| paths::admin_tenant(&id)))
            }
            "group" => {
                let link = paths::query(paths::ADMIN_GROUPS, &[("q", Some(name))]);
                (format!("group {name}"), Some(link).filter(|_| *self.frame.scope == Scope::System))
            }
            "key" => {
                let known = states.iter().find_map(|state| state.get("name")?.as_str()).unwrap_or(name);
                (format!("key {known}"), name.parse().ok().map(paths::admin_key))
            }
            "tool_server" => {
                let id: Option<ToolServerId> = name.parse().ok();
                (format!("tool server {name}"), id.map(|id| paths::admin_tool_server(&id)))
            }
            "address" => (name.to_owned(), None),
            "provider_group" => (format!("provider's group {name}"), None),
            "tier" => (format!("tier {name}"), None),
            _ => (row.target.to_owned(), None),
        }
    }
}

/// A state, which is a JSON object.
fn state(text: Option<&str>) -> Map<String, Value> {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// What is different between two states.
fn differences(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<Difference> {
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let difference = |name: &String| Difference {
        name: name.clone(),
        before: before.get(name).map(|value| shown(name, value)),
        after: after.get(name).map(|value| shown(name, value)),
    };
    names.into_iter().map(difference).collect()
}

/// A value for people. Times are stored as seconds.
fn shown(name: &str, value: &Value) -> String {
    let is_time = name == "until" || name.ends_with("_at");
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => match number.as_i64().filter(|_| is_time) {
            Some(seconds) => Moment(Timestamp::from_unix(seconds)).to_string(),
            None => number.to_string(),
        },
        Value::Array(values) => {
            let shown: Vec<String> = values.iter().map(|value| self::shown("", value)).collect();
            shown.join(", ")
        }
        Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_compared_member_by_member() {
        let (before, after) =
            (r#"{"role":"member","tenant":"a"}"#, r#"{"role":"admin","tenant":"a","until":1795563300}"#);
        let found = differences(&state(Some(before)), &state(Some(after)));
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            found,
            [
                Difference { name: "role".to_owned(), before: text("member"), after: text("admin") },
                Difference { name: "tenant".to_owned(), before: text("a"), after: text("a") },
                Difference {
                    name: "until".to_owned(),
                    before: None,
                    after: text("24 November 2026, 23:35 UTC")
                },
            ]
        );
        assert_eq!(differences(&state(None), &state(None)), []);
        assert_eq!(state(Some("no JSON")), Map::new(), "what nobody can read is left out");
        assert_eq!(state(Some("[1]")), Map::new());
    }
}
