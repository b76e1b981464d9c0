//! The account page: name, groups, tenants and sessions of the signed-in person.

use super::brand::Brand;
use super::message::{Chrome, Tone, render};
use super::page::Page;
use super::paths;
use super::proposals::OwnProposals;
use super::style::Sheet;
use super::words::{self, Moment};
use askama::Template;
use gatepost_core::access::{Access, Person, Role};
use gatepost_core::access_request::{RequestState, Wanted};
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{AccessRequestId, GroupName, RequestId};
use gatepost_core::secret::Hash;
use std::net::IpAddr;
use uuid::Uuid;

/// 200: the content of the account page.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// The signed-in person.
    pub person: &'a Person,
    /// Tenants and the admin right; groups are in [`Account::groups`].
    pub access: &'a Access,
    /// Each group once, with all its sources.
    pub groups: &'a [GroupEntry<'a>],
    /// The origins of the hosts that the person can open, as far as it is known what their routers require.
    pub open: &'a [&'a str],
    /// How many more there are.
    pub more_open: usize,
    /// The person's valid sessions, in the order of the page.
    pub sessions: &'a [SessionEntry<'a>],
    /// The number of further sessions that are not shown.
    pub more_sessions: usize,
    /// The person's requests for access, newest first.
    pub requests: &'a [RequestEntry<'a>],
    /// The tenants that the person proposed. `None`: nobody proposes tenants here.
    pub proposals: Option<OwnProposals<'a>>,
    /// The result of the last form.
    pub notice: Option<AccountNotice>,
    /// The present time, from which "3 hours ago" is computed.
    pub now: Timestamp,
    /// Origins of the providers' `end_session_endpoint`s, to which a sign-out redirects.
    pub form_targets: &'a [&'a str],
    /// Of the tenant whose provider signed the person in.
    pub brand: Option<Brand<'a>>,
    /// The id of the request in the log.
    pub request_id: RequestId,
}

/// A group of the person, with the sources of the membership.
#[derive(Clone, Debug)]
pub struct GroupEntry<'a> {
    /// The group's name in Gatepost.
    pub name: &'a GroupName,
    /// The sources; never empty.
    pub sources: Vec<MembershipSource<'a>>,
}

/// The source of a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipSource<'a> {
    /// A provider, by its label; a sign-in or refresh may change the membership.
    Provider(&'a str),
    /// An administrator of this site.
    Manual,
}

/// A valid session.
#[derive(Clone, Copy, Debug)]
pub struct SessionEntry<'a> {
    /// The public handle with which the session can be ended; never the session's id.
    pub handle: Hash,
    /// The `User-Agent` at sign-in.
    pub user_agent: Option<&'a str>,
    /// The client's address at sign-in.
    pub address: Option<IpAddr>,
    /// The time of the sign-in.
    pub began_at: Timestamp,
    /// The time of the last request.
    pub last_used_at: Timestamp,
    /// This session requested the page.
    pub is_current: bool,
}

/// A request for access.
#[derive(Clone, Copy, Debug)]
pub struct RequestEntry<'a> {
    pub id: AccessRequestId,
    pub wanted: &'a Wanted,
    pub state: RequestState,
    pub created_at: Timestamp,
    /// What the administrator wrote who declined it.
    pub answer: Option<&'a str>,
    /// The end of what was granted.
    pub until: Option<Timestamp>,
}

/// The result of the last form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountNotice {
    /// One session was ended.
    SessionEnded,
    /// All sessions except the current one were ended.
    OtherSessionsEnded,
    /// Access was asked for.
    AccessRequested,
    /// A request for access was withdrawn.
    RequestWithdrawn,
    /// A tenant was proposed.
    TenantProposed,
    /// An invitation was accepted.
    Joined,
}

/// A list with more groups is collapsed.
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
    /// They administer something: the system, or a tenant.
    administers: bool,
    groups: Vec<GroupView<'a>>,
    has_unnamed_group: bool,
    tenants: Vec<(&'a str, &'static str)>,
    open: &'a [&'a str],
    more_open: usize,
    sessions: Vec<SessionView>,
    more_sessions: usize,
    requests: Vec<RequestView<'a>>,
    proposals: Option<OwnProposals<'a>>,
}

struct RequestView<'a> {
    id: AccessRequestId,
    wanted: &'a Wanted,
    created_at: Moment,
    state: &'static str,
    is_open: bool,
    answer: Option<&'a str>,
    until: Option<Moment>,
}

struct GroupView<'a> {
    name: &'a str,
    sources: String,
    /// The name is the provider's id, because the group is not linked.
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
    /// Renders the page.
    pub fn page(&self) -> Page {
        let groups: Vec<_> = self.groups.iter().map(group).collect();
        let view = View {
            chrome: Chrome::public("Your account", Tone::Calm, self.request_id).branded(self.brand),
            notice: self.notice.map(|notice| match notice {
                AccountNotice::SessionEnded => "The session has ended.",
                AccountNotice::OtherSessionsEnded => "All other sessions have ended.",
                AccountNotice::AccessRequested => {
                    "You have asked for access. This page shows what is decided."
                }
                AccountNotice::TenantProposed => {
                    "You have proposed a tenant. This page shows what is decided."
                }
                AccountNotice::RequestWithdrawn => "The request was withdrawn.",
                AccountNotice::Joined => "You have accepted the invitation. It counts within a second.",
            }),
            name: self.person.name.as_deref(),
            email: self.person.email.as_ref().map(EmailAddress::as_str),
            id: self.person.id.to_string(),
            is_admin: self.access.is_admin,
            administers: self.access.is_admin
                || self.access.tenants.iter().any(|(_, role)| role == Role::Admin),
            has_unnamed_group: groups.iter().any(|group| group.is_unnamed),
            groups,
            tenants: self
                .access
                .tenants
                .iter()
                .map(|(tenant, role)| (tenant.as_str(), role.as_str()))
                .collect(),
            open: self.open,
            more_open: self.more_open,
            sessions: self.sessions.iter().map(|entry| session(entry, self.now)).collect(),
            more_sessions: self.more_sessions,
            requests: self.requests.iter().map(request).collect(),
            proposals: self.proposals,
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

fn request<'a>(entry: &RequestEntry<'a>) -> RequestView<'a> {
    RequestView {
        id: entry.id,
        wanted: entry.wanted,
        created_at: Moment(entry.created_at),
        state: match entry.state {
            RequestState::Open => "waiting",
            RequestState::Granted => "granted",
            RequestState::Declined => "declined",
            RequestState::Withdrawn => "withdrawn",
        },
        is_open: entry.state == RequestState::Open,
        answer: entry.answer,
        until: entry.until.map(Moment),
    }
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
