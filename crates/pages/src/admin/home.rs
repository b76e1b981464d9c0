//! The first page of the portal: what needs attention, a search over everything, numbers.

use super::ending::EndingEntry;
use super::parts::{ApiCall, Empty, Search};
use super::people::{PersonEntry, PersonView, person};
use crate::chart::{Activity, Charts};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words::{Moment, grouped};
use askama::Template;
use gatepost_core::api_key::KeyId;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupId, GroupName, TenantId, ToolServerId};

/// The first page.
#[derive(Clone, Copy, Debug)]
pub struct Home<'a> {
    pub frame: Frame<'a>,
    /// What was searched for, and what was found. `None`: nothing was searched for.
    pub found: Option<Found<'a>>,
    /// `None`: the reader administers tenants alone.
    pub numbers: Option<HomeNumbers>,
    /// `None`: as before.
    pub activity: Option<Activity<'a>>,
    /// The most important first.
    pub attention: &'a [Attention<'a>],
    /// There are no groups here yet that somebody made: the page says what to do first.
    pub is_fresh: bool,
    pub now: Timestamp,
}

/// What a search found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    pub q: &'a str,
    pub people: &'a [PersonEntry<'a>],
    pub groups: &'a [(GroupId, &'a GroupName)],
    /// Each with the name that people see.
    pub tenants: &'a [(&'a TenantId, Option<&'a str>)],
    /// Each with its name and the first characters of its secret.
    pub keys: &'a [(KeyId, &'a str, &'a str)],
    /// Each with the name that people see.
    pub tool_servers: &'a [(&'a ToolServerId, Option<&'a str>)],
}

/// Numbers of this moment.
#[derive(Clone, Copy, Debug)]
pub struct HomeNumbers {
    pub people: u64,
    /// Those whose last sign-in was in the last 24 hours.
    pub signed_in: u64,
    pub disabled: u64,
    /// About so many sessions can be used now. `None`: the session store does not answer.
    pub sessions: Option<u64>,
    /// Sign-ins and refusals since midnight (UTC).
    pub sign_ins: u64,
    pub refusals: u64,
    /// Those that serve.
    pub replicas: u64,
}

/// Something that needs attention.
#[derive(Clone, Copy, Debug)]
pub enum Attention<'a> {
    /// So many requests for access wait for an answer, or more.
    Requests { waiting: usize, has_more: bool },
    /// So many proposed tenants wait for an answer, or more.
    Proposals { waiting: usize, has_more: bool },
    /// A provider's group that is not linked, and that people have.
    Unlinked {
        group: GroupId,
        /// The provider's name for it, else its id.
        name: &'a str,
        /// The provider's label.
        provider: &'a str,
        /// How many people have it, as far as they were counted.
        people: u64,
        has_more: bool,
    },
    /// So much ends within a week, or more, and what is next of it.
    Ends { count: usize, has_more: bool, next: EndingEntry<'a> },
    /// So many keys end within 14 days, or more, and the name and the end of the next.
    Keys { count: usize, has_more: bool, name: &'a str, until: Timestamp },
    /// So many tenants have used at least 80 % of their requests of today. The one that used the greatest part of them.
    Quotas { count: usize, tenant: &'a TenantId, used: u64, limit: u64 },
    /// What Gatepost shows to a provider ends soon, or has ended.
    Credential { provider: &'a str, what: Credential, until: Timestamp, has_ended: bool },
    /// Something is wrong with the replicas.
    Replicas(ReplicaTrouble),
}

/// What a client shows to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    Secret,
    Certificate,
}

/// What can be wrong with the replicas.
#[derive(Clone, Copy, Debug)]
pub enum ReplicaTrouble {
    /// So many serve, and none of them leads.
    NoLeader { replicas: usize },
    /// They are of so many versions.
    Versions { versions: usize },
}

#[derive(Template)]
#[template(path = "admin/home.html")]
struct View<'a> {
    chrome: Chrome,
    search: Search<'a>,
    found: Option<FoundView<'a>>,
    numbers: Vec<(&'static str, String, Option<String>)>,
    charts: Option<Charts>,
    attention: Vec<AttentionView>,
    is_fresh: bool,
    api: Vec<ApiCall>,
}

struct FoundView<'a> {
    q: &'a str,
    people: Vec<PersonView<'a>>,
    all_people: String,
    /// Everything but people, each kind with its heading.
    others: Vec<(&'static str, Vec<FoundLink<'a>>)>,
    empty: Option<Empty<'a>>,
}

/// A link to a page, its text, and what stands beside it.
type FoundLink<'a> = (String, &'a str, Option<&'a str>);

struct AttentionView {
    title: String,
    detail: String,
    at: Option<Moment>,
    link: String,
    link_text: &'static str,
}

impl Home<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let view = View {
            chrome: Chrome::portal("Overview", &self.frame, Section::Overview, None),
            search: Search {
                action: paths::ADMIN,
                label: "Search for people, groups, tenants, keys and tool servers",
                hint: "Also the number on the page of somebody who was refused, or the address of a page or host.",
                q: self.found.map_or("", |found| found.q),
                keeps: Vec::new(),
            },
            found: self.found.as_ref().map(|found| self.found(found)),
            numbers: self.numbers.map(numbers).unwrap_or_default(),
            charts: self.activity.map(|activity| activity.charts()),
            attention: self.attention.iter().map(attention).collect(),
            is_fresh: self.is_fresh,
            api: vec![ApiCall::get("/me", &[]), ApiCall::get("/system", &[])],
        };
        Page::public(200, render(&view), &[])
    }

    fn found<'a>(&self, found: &Found<'a>) -> FoundView<'a> {
        let groups = found.groups.iter().map(|(id, name)| (paths::admin_group(id), name.as_str(), None));
        let tenants = found.tenants.iter().map(|(id, name)| (paths::admin_tenant(id), id.as_str(), *name));
        let keys = found.keys.iter().map(|(id, name, hint)| (paths::admin_key(*id), *name, Some(*hint)));
        let servers = found.tool_servers.iter();
        let servers = servers.map(|(id, name)| (paths::admin_tool_server(id), id.as_str(), *name));
        let others: [(_, Vec<FoundLink<'_>>); 4] = [
            ("Groups", groups.collect()),
            ("Tenants", tenants.collect()),
            ("API keys", keys.collect()),
            ("Tool servers", servers.collect()),
        ];
        let others: Vec<_> = others.into_iter().filter(|(_, links)| !links.is_empty()).collect();
        let is_empty = found.people.is_empty() && others.is_empty();
        FoundView {
            q: found.q,
            people: found.people.iter().map(|entry| person(entry, self.now)).collect(),
            all_people: paths::query(paths::ADMIN_USERS, &[("q", Some(found.q))]),
            others,
            empty: is_empty.then_some(Empty {
                text: "Nothing matches.",
                remedy: "Search for the beginning of a name or of an address, for a part of the name of a group or a key, or for the id of a tool server.",
            }),
        }
    }
}

/// The numbers, each with its name and the list that it counts.
fn numbers(numbers: HomeNumbers) -> Vec<(&'static str, String, Option<String>)> {
    let list = |state| Some(paths::query(paths::ADMIN_USERS, &[("state", state)]));
    let all = [
        ("People", Some(numbers.people), list(None)),
        ("Signed in within 24 hours", Some(numbers.signed_in), None),
        ("Disabled", Some(numbers.disabled), list(Some("disabled"))),
        ("Sessions now, about", numbers.sessions, None),
        ("Sign-ins today", Some(numbers.sign_ins), None),
        (
            "Refusals today",
            Some(numbers.refusals),
            Some(paths::query(paths::ADMIN_REFUSALS, &[("hours", Some("24"))])),
        ),
        ("Replicas that serve", Some(numbers.replicas), Some(paths::ADMIN_SYSTEM.to_owned())),
    ];
    let known = all.into_iter().filter_map(|(name, number, link)| Some((name, grouped(number?), link)));
    known.collect()
}

/// What the page of the system shows more of.
fn replicas(trouble: ReplicaTrouble) -> AttentionView {
    let (title, detail) = match trouble {
        ReplicaTrouble::NoLeader { replicas: 1 } => ("The only replica does not lead".to_owned(), NO_LEADER),
        ReplicaTrouble::NoLeader { replicas } => (format!("None of {replicas} replicas leads"), NO_LEADER),
        ReplicaTrouble::Versions { versions } => (
            format!("The replicas are of {versions} versions"),
            "After an upgrade, restart those that are still of the former one.",
        ),
    };
    let link = paths::ADMIN_SYSTEM.to_owned();
    AttentionView { title, detail: detail.to_owned(), at: None, link, link_text: "Look at them" }
}

const NO_LEADER: &str = "Requests are answered as ever, but nothing old is deleted, and the audit has no new heads. The \
    log says why the database gives nobody the lease.";

fn attention(entry: &Attention<'_>) -> AttentionView {
    match *entry {
        Attention::Requests { waiting, has_more } => AttentionView {
            title: match (waiting, has_more) {
                (1, false) => "1 request for access".to_owned(),
                (_, false) => format!("{waiting} requests for access"),
                (_, true) => format!("More than {waiting} requests for access"),
            },
            detail: "People who were refused wait for an answer.".to_owned(),
            at: None,
            link: paths::ADMIN_REQUESTS.to_owned(),
            link_text: "Decide",
        },
        Attention::Proposals { waiting, has_more } => AttentionView {
            title: match (waiting, has_more) {
                (1, false) => "1 proposed tenant".to_owned(),
                (_, false) => format!("{waiting} proposed tenants"),
                (_, true) => format!("More than {waiting} proposed tenants"),
            },
            detail: "People who would administer them wait for an answer.".to_owned(),
            at: None,
            link: paths::ADMIN_PROPOSALS.to_owned(),
            link_text: "Decide",
        },
        Attention::Unlinked { group, name, provider, people, has_more } => AttentionView {
            title: format!("{name} has no name here"),
            detail: format!(
                "{people}{} people have this group of {provider}. It opens nothing until it is linked.",
                if has_more { "+" } else { "" }
            ),
            at: None,
            link: paths::admin_group(group),
            link_text: "Look at it",
        },
        Attention::Ends { count, has_more, next } => AttentionView {
            title: match (count, has_more) {
                (1, false) => "1 membership or decision ends within 7 days".to_owned(),
                (_, false) => format!("{count} memberships and decisions end within 7 days"),
                (_, true) => format!("More than {count} memberships and decisions end within 7 days"),
            },
            detail: format!("The next is of {}, {}:", next.title(), next.words()),
            at: Some(Moment(next.until)),
            link: paths::ADMIN_ENDS.to_owned(),
            link_text: "Look at them",
        },
        Attention::Keys { count, has_more, name, until } => AttentionView {
            title: match (count, has_more) {
                (1, false) => "1 API key ends within 14 days".to_owned(),
                (_, false) => format!("{count} API keys end within 14 days"),
                (_, true) => format!("More than {count} API keys end within 14 days"),
            },
            detail: format!("What uses them stops then. The next is {name}:"),
            at: Some(Moment(until)),
            link: paths::query(paths::ADMIN_KEYS, &[("state", Some("soon"))]),
            link_text: "Look at them",
        },
        Attention::Quotas { count, tenant, used, limit } => quotas(count, tenant, (used, limit)),
        Attention::Credential { provider, what, until, has_ended } => AttentionView {
            title: format!(
                "The client {} for {provider} {}",
                match what {
                    Credential::Secret => "secret",
                    Credential::Certificate => "certificate",
                },
                if has_ended { "has ended" } else { "ends within 30 days" }
            ),
            detail: "Nobody can sign in there without a valid one. Create a second one at the provider, and configure it. The \
                end of this one:"
                .to_owned(),
            at: Some(Moment(until)),
            link: paths::ADMIN_SYSTEM.to_owned(),
            link_text: "Look at the providers",
        },
        Attention::Replicas(trouble) => replicas(trouble),
    }
}

fn quotas(count: usize, tenant: &TenantId, (used, limit): (u64, u64)) -> AttentionView {
    let title = match count {
        1 => format!("{tenant} has used at least 80 % of its requests of today"),
        _ => format!("{count} tenants have used at least 80 % of their requests of today"),
    };
    let (used, limit) = (grouped(used), grouped(limit));
    let which = if count == 1 { "It has used" } else { "The first is" };
    let of = if count == 1 { String::new() } else { format!("{tenant} with ") };
    AttentionView {
        title,
        detail: format!(
            "{which} {of}{used} of {limit}. Beyond that requests are refused until midnight (UTC)."
        ),
        at: None,
        link: paths::admin_tenant(tenant),
        link_text: "Look at the tenant",
    }
}
