//! The account page: who I am, what I may, where I am signed in.

use super::message::{Chrome, Tone, render};
use super::page::Page;
use super::paths;
use super::style::Sheet;
use super::words::{self, Moment};
use askama::Template;
use gatepost_core::access::{Access, Person};
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupName, RequestId};
use gatepost_core::secret::Hash;
use std::net::IpAddr;
use uuid::Uuid;

/// 200: everything that the account page shows.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// Who.
    pub person: &'a Person,
    /// Tenants and admin; its groups are shown by [`Account::groups`].
    pub access: &'a Access,
    /// Each group once, with all its sources.
    pub groups: &'a [GroupEntry<'a>],
    /// The person's live sessions, in the order to show.
    pub sessions: &'a [SessionEntry<'a>],
    /// So many are not shown.
    pub more_sessions: usize,
    /// What the last form did.
    pub notice: Option<AccountNotice>,
    /// The present: "3 hours ago" counts from here.
    pub now: Timestamp,
    /// Origins of the providers' `end_session_endpoint`s: sign-out redirects there.
    pub form_targets: &'a [&'a str],
    /// Finds the log line.
    pub request_id: RequestId,
}

/// A membership and where it comes from.
#[derive(Clone, Debug)]
pub struct GroupEntry<'a> {
    /// The group's name here.
    pub name: &'a GroupName,
    /// At least one.
    pub sources: Vec<MembershipSource<'a>>,
}

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipSource<'a> {
    /// A provider, by its label: a sign-in or refresh may change it.
    Provider(&'a str),
    /// Somebody here.
    Manual,
}

/// A live session.
#[derive(Clone, Copy, Debug)]
pub struct SessionEntry<'a> {
    /// The public handle that ends it; never the session's id.
    pub handle: Hash,
    /// What the browser claimed to be at sign-in.
    pub user_agent: Option<&'a str>,
    /// From where the sign-in came.
    pub address: Option<IpAddr>,
    /// Sign-in.
    pub began_at: Timestamp,
    /// Last request.
    pub last_used_at: Timestamp,
    /// The one that this page was asked with.
    pub is_current: bool,
}

/// What the last form did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountNotice {
    /// One session was ended.
    SessionEnded,
    /// All but this one were ended.
    OtherSessionsEnded,
}

/// With more groups than this the list is folded.
const SHOWN_AT_ONCE: usize = 24;

#[derive(Template)]
#[template(path = "account.html")]
struct View<'a> {
    chrome: Chrome,
    notice: Option<&'static str>,
    name: Option<&'a str>,
    email: Option<&'a str>,
    id: String,
    is_admin: bool,
    groups: Vec<GroupView<'a>>,
    has_unnamed_group: bool,
    tenants: Vec<(&'a str, &'static str)>,
    sessions: Vec<SessionView>,
    more_sessions: usize,
}

struct GroupView<'a> {
    name: &'a str,
    sources: String,
    /// An id of the provider, because nobody linked the group yet.
    is_unnamed: bool,
}

struct SessionView {
    handle: Hash,
    device: String,
    address: Option<IpAddr>,
    began_at: Moment,
    last_used_at: Moment,
    last_used: String,
    is_current: bool,
}

impl Account<'_> {
    /// The page.
    pub fn page(&self) -> Page {
        let groups: Vec<_> = self.groups.iter().map(group).collect();
        let view = View {
            chrome: Chrome::public("Your account", Tone::Calm, self.request_id),
            notice: self.notice.map(|notice| match notice {
                AccountNotice::SessionEnded => "The session has ended.",
                AccountNotice::OtherSessionsEnded => "All other sessions have ended.",
            }),
            name: self.person.name.as_deref(),
            email: self.person.email.as_ref().map(EmailAddress::as_str),
            id: self.person.id.to_string(),
            is_admin: self.access.is_admin,
            has_unnamed_group: groups.iter().any(|group| group.is_unnamed),
            groups,
            tenants: self
                .access
                .tenants
                .iter()
                .map(|(tenant, role)| (tenant.as_str(), role.as_str()))
                .collect(),
            sessions: self.sessions.iter().map(|entry| session(entry, self.now)).collect(),
            more_sessions: self.more_sessions,
        };
        Page::public(200, render(&view), self.form_targets)
    }
}

fn group<'a>(entry: &'a GroupEntry<'a>) -> GroupView<'a> {
    let source = |source: &MembershipSource<'a>| match source {
        MembershipSource::Provider(label) => format!("from {label}"),
        MembershipSource::Manual => "added here".to_owned(),
    };
    let sources: Vec<_> = entry.sources.iter().map(source).collect();
    let name = entry.name.as_str();
    GroupView { name, sources: sources.join(", "), is_unnamed: Uuid::try_parse(name).is_ok() }
}

fn session(entry: &SessionEntry<'_>, now: Timestamp) -> SessionView {
    SessionView {
        handle: entry.handle,
        device: words::device(entry.user_agent.unwrap_or_default()),
        address: entry.address,
        began_at: Moment(entry.began_at),
        last_used_at: Moment(entry.last_used_at),
        last_used: words::ago(now.since(entry.last_used_at)),
        is_current: entry.is_current,
    }
}
