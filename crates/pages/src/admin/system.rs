//! How the installation is, as far as the replica that answers knows.

use super::parts::ApiCall;
use crate::chart::{Activity, Charts};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::style::Sheet;
use crate::words::Moment;
use askama::Template;
use gatepost_core::clock::Timestamp;

/// The installation. 200.
#[derive(Clone, Copy, Debug)]
pub struct SystemState<'a> {
    pub frame: Frame<'a>,
    pub version: &'a str,
    /// Why this replica takes no requests. `None`: it takes them.
    pub obstacle: Option<&'a str>,
    /// Whether the directory answers, and takes changes.
    pub directory: StoreState,
    /// Whether the session store answers.
    pub sessions: StoreState,
    /// What is known about the stores, as name and value. Empty: the directory does not answer.
    pub facts: &'a [(&'a str, String)],
    /// The rows of each table of the directory, counted up to 1,000.
    pub rows: &'a [(String, u64)],
    /// The replicas that serve. Empty: the directory does not answer.
    pub replicas: &'a [ReplicaEntry<'a>],
    pub providers: &'a [ProviderEntry<'a>],
    /// `None`: the directory does not answer.
    pub activity: Option<Activity<'a>>,
}

/// Up to so many rows of a table are counted.
const COUNTED: u64 = 1_000;

/// What administrators call the main tables, in the order of the page.
const HELD: [(&str, &str); 11] = [
    ("users", "People"),
    ("groups", "Groups"),
    ("provider_memberships", "Memberships of groups, stated by providers"),
    ("manual_memberships", "Memberships of groups, given here"),
    ("tenants", "Tenants"),
    ("tenant_members", "Members of tenants themselves"),
    ("keys", "API keys"),
    ("tool_servers", "Tool servers"),
    ("access_requests", "Access requests"),
    ("refusals", "Refusals"),
    ("audit_entries", "Entries of the audit"),
];

/// Whether a store answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreState {
    Answers,
    /// It answers, and takes no changes.
    ReadOnly,
    Silent,
}

/// A replica.
#[derive(Clone, Copy, Debug)]
pub struct ReplicaEntry<'a> {
    pub id: &'a str,
    pub version: &'a str,
    pub started_at: Timestamp,
    pub seen_at: Timestamp,
    /// Whether it does the work that one alone does.
    pub is_leader: bool,
}

impl ReplicaEntry<'_> {
    const fn started(self) -> Moment {
        Moment(self.started_at)
    }

    const fn seen(self) -> Moment {
        Moment(self.seen_at)
    }
}

/// A provider.
#[derive(Clone, Copy, Debug)]
pub struct ProviderEntry<'a> {
    pub id: &'a str,
    pub label: &'a str,
    /// Whether the replica knows its endpoints and keys.
    pub is_known: bool,
}

#[derive(Template)]
#[template(path = "admin/system.html")]
struct View<'a> {
    chrome: Chrome,
    state: &'a SystemState<'a>,
    charts: Option<Charts>,
    /// The main tables in words, with the number of their rows.
    held: Vec<(&'static str, String)>,
    api: Vec<ApiCall>,
}

impl SystemState<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let view = View {
            chrome: Chrome::portal("System", &self.frame, Section::System, None),
            state: self,
            charts: self.activity.map(|activity| activity.charts()),
            held: self.held(),
            api: vec![ApiCall::get("/system", &[])],
        };
        Page::public(200, render(&view), &[])
    }

    fn held(&self) -> Vec<(&'static str, String)> {
        let rows = |table: &str| self.rows.iter().find(|(name, _)| name == table).map(|(_, count)| *count);
        let number =
            |count: u64| if count < COUNTED { count.to_string() } else { "1,000 or more".to_owned() };
        HELD.iter().filter_map(|(table, what)| Some((*what, number(rows(table)?)))).collect()
    }
}

impl StoreState {
    const fn word(self) -> &'static str {
        match self {
            Self::Answers => "answers",
            Self::ReadOnly => "takes no changes",
            Self::Silent => "does not answer",
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Answers => "",
            Self::ReadOnly | Self::Silent => "wrong",
        }
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::Answers => "",
            Self::ReadOnly => {
                "It is a standby, or set read-only. People stay signed in, and nothing can be changed."
            }
            Self::Silent => {
                "Look at its log, and at the network between it and Gatepost. gatepost check names the fault."
            }
        }
    }
}
