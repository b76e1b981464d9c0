//! One person: what is known about them, and the forms that change it.

use super::access::WayEntry;
use super::ends::{Ends, EnteredEnd};
use super::entries::{
    AdminEntry, AdminSession, AuditEntry, ClaimedBy, IdentityEntry, MembershipEntry, PersonSummary,
    RefusalEntry, RefusedSignIn, TenantEntry, member_words,
};
use super::groups::nameless;
use super::parts::{ApiCall, Button, Field};
use super::state::PersonState;
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words::{self, Moment};
use askama::Template;
use gatepost_core::clock::Timestamp;
use std::borrow::Cow;
use std::net::IpAddr;

/// One person.
#[derive(Clone, Copy, Debug)]
pub struct PersonDetails<'a> {
    pub frame: Frame<'a>,
    pub person: PersonSummary<'a>,
    pub identities: &'a [IdentityEntry<'a>],
    pub tenants: &'a [TenantEntry<'a>],
    /// What the person can open, by host.
    pub open: &'a [OpenEntry<'a>],
    /// How many more there are.
    pub more_open: usize,
    /// Why they can open nothing at all, as a sentence.
    pub obstacle: Option<&'a str>,
    /// How many keys of the person count.
    pub keys: &'a str,
    /// Those that the reader may end. `None`: the session store does not answer.
    pub sessions: Option<&'a [AdminSession<'a>]>,
    /// How many more there are, which were used longer ago.
    pub more_sessions: usize,
    /// The newest changes first.
    pub audit: &'a [AuditEntry<'a>],
    /// `None`: the reader administers tenants alone.
    pub system: Option<SystemDetails<'a>>,
    /// The present time, from which "3 hours ago" is computed.
    pub now: Timestamp,
}

/// A requirement of a host that the person meets.
#[derive(Clone, Debug)]
pub struct OpenEntry<'a> {
    /// Scheme, host and port.
    pub origin: &'a str,
    /// The query of the middleware's address. Empty: a session is enough.
    pub query: &'a str,
    pub ways: Vec<WayEntry>,
}

/// What administrators of the system see and change.
#[derive(Clone, Copy, Debug)]
pub struct SystemDetails<'a> {
    pub groups: &'a [MembershipEntry<'a>],
    /// How many more there are.
    pub more_groups: usize,
    pub admin: AdminEntry<'a>,
    /// The newest first.
    pub refusals: &'a [RefusalEntry<'a>],
    /// The newest first.
    pub refused_sign_ins: &'a [RefusedSignIn<'a>],
    /// Names of groups that the form proposes.
    pub group_names: &'a [&'a str],
    /// What the form that adds to a group shows.
    pub joining: &'a JoiningForm,
    /// What the form that decides about the administrator shows.
    pub deciding: &'a DecidingForm,
}

/// The form that adds a person to a group, or changes the end of a membership.
#[derive(Clone, Debug, Default)]
pub struct JoiningForm {
    pub group: String,
    pub group_error: Option<String>,
    pub end: EnteredEnd,
    pub end_error: Option<&'static str>,
    /// The version of the membership whose end is changed. Empty: the person is to be a new member.
    pub version: String,
}

/// The form that decides whether a person is an administrator of the system.
#[derive(Clone, Debug, Default)]
pub struct DecidingForm {
    /// `yes`, `no` or `groups`.
    pub decision: String,
    pub end: EnteredEnd,
    pub end_error: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "admin/person.html")]
struct View<'a> {
    chrome: Chrome,
    page: &'a PersonDetails<'a>,
    disabled_at: Option<Moment>,
    created_at: Moment,
    last_sign_in_at: Option<Moment>,
    system: Option<SystemView<'a>>,
    tenants: Vec<TenantView<'a>>,
    open: Vec<OpenView<'a>>,
    sessions: Vec<SessionView>,
    audit: Vec<(Moment, &'a AuditEntry<'a>)>,
    all_changes: String,
    api: Vec<ApiCall>,
}

struct SystemView<'a> {
    page: &'a SystemDetails<'a>,
    link: String,
    /// The address of what is held about the person, as JSON.
    export: String,
    enable: Option<Button>,
    end_sessions: Button,
    groups: Vec<GroupView<'a>>,
    group: Field<'a>,
    joining_end: Ends<'a>,
    refusals: Vec<RefusalView<'a>>,
    refused_sign_ins: Vec<(Moment, &'a RefusedSignIn<'a>)>,
    /// All refused sign-ins in the audit.
    all_refused_sign_ins: String,
    /// Nobody has signed in with the address yet.
    is_awaited: bool,
    /// Makes the person an administrator for good, or takes that away.
    decide: Button,
    decisions: [(&'static str, &'static str); 3],
    deciding_end: Ends<'a>,
    admin_until: Option<Moment>,
}

struct GroupView<'a> {
    link: String,
    name: &'a str,
    /// The provider's name, of a group that has none of its own.
    provider_name: Option<Cow<'a, str>>,
    by: String,
    until: Option<Moment>,
    /// The form with this membership, and the button that ends it. `None`: it cannot be changed here.
    change: Option<(String, Button)>,
}

struct TenantView<'a> {
    link: String,
    /// The page of the group that opens it.
    group_link: Option<String>,
    entry: &'a TenantEntry<'a>,
    until: Option<Moment>,
}

struct OpenView<'a> {
    entry: &'a OpenEntry<'a>,
    ways: Vec<(&'a str, Option<Moment>)>,
}

struct SessionView {
    device: String,
    address: Option<IpAddr>,
    began_at: Moment,
    last_used_at: Moment,
    last_used: String,
    end: Button,
}

struct RefusalView<'a> {
    at: Moment,
    entry: &'a RefusalEntry<'a>,
    why: String,
}

impl PersonDetails<'_> {
    /// Renders the page: 200, or 422 if a form is wrong.
    pub fn page(&self) -> Page {
        let forms_are_right = self.system.as_ref().is_none_or(SystemDetails::is_right);
        let person = &self.person;
        let view = View {
            chrome: Chrome::portal(&person.title(), &self.frame, Section::People, Some(&[])),
            page: self,
            disabled_at: match person.state {
                PersonState::Disabled(at) => Some(Moment(at)),
                PersonState::Active | PersonState::Awaited => None,
            },
            created_at: Moment(person.created_at),
            last_sign_in_at: person.last_sign_in_at.map(Moment),
            system: self.system.as_ref().map(|system| system.view(person, self.now)),
            tenants: self
                .tenants
                .iter()
                .map(|entry| TenantView {
                    link: paths::admin_tenant(entry.id),
                    group_link: self.group_link(entry),
                    entry,
                    until: entry.until.map(Moment),
                })
                .collect(),
            open: self.open.iter().map(opened).collect(),
            sessions: self.sessions.unwrap_or_default().iter().map(|one| self.session(one)).collect(),
            audit: self.audit.iter().map(|entry| (Moment(entry.at), entry)).collect(),
            all_changes: paths::query(paths::ADMIN_AUDIT, &[("user", Some(&person.id.to_string()))]),
            api: self.calls(),
        };
        Page::public(if forms_are_right { 200 } else { 422 }, render(&view), &[])
    }
}

impl PersonDetails<'_> {
    fn group_link(&self, way: &TenantEntry<'_>) -> Option<String> {
        let groups = self.system.map(|system| system.groups).unwrap_or_default();
        let held = groups.iter().find(|held| Some(held.name) == way.group)?;
        Some(paths::admin_group(held.id))
    }

    fn session(&self, entry: &AdminSession<'_>) -> SessionView {
        let device = words::device(entry.user_agent.unwrap_or_default());
        let last_used = words::ago(self.now.since(entry.last_used_at));
        let label = format!("End the session: {device}, last used {last_used}");
        let (link, fields) = (paths::admin_user(self.person.id), vec![("session", entry.handle.to_string())]);
        SessionView {
            address: entry.address,
            began_at: Moment(entry.began_at),
            last_used_at: Moment(entry.last_used_at),
            end: Button { action: format!("{link}/end-session"), fields, text: "End", label },
            device,
            last_used,
        }
    }

    fn calls(&self) -> Vec<ApiCall> {
        let (id, version) = (self.person.id, self.person.version);
        let mut calls = vec![
            ApiCall::get(&format!("/users/{id}"), &[]),
            ApiCall::get(&format!("/users/{id}/access"), &[]),
            ApiCall::get(&format!("/users/{id}/sessions"), &[]),
        ];
        calls.extend(
            self.sessions
                .unwrap_or_default()
                .first()
                .map(|session| ApiCall::of("DELETE", &format!("/sessions/{}", session.handle))),
        );
        if self.system.is_some() {
            let verb = |verb| ApiCall::of("POST", &format!("/users/{id}/{verb}")).if_match(version);
            let until = serde_json::json!({ "until": "2027-01-31T17:00:00Z" });
            calls.push(ApiCall::of("PUT", &format!("/groups/42/members/{id}")).with_body(&until));
            calls.extend(["disable", "enable", "end-sessions", "release-address", "erase"].map(verb));
        }
        calls
    }
}

fn opened<'a>(entry: &'a OpenEntry<'a>) -> OpenView<'a> {
    OpenView {
        entry,
        ways: entry.ways.iter().map(|way| (way.text.as_str(), way.until.map(Moment))).collect(),
    }
}

impl SystemDetails<'_> {
    const fn is_right(&self) -> bool {
        self.joining.group_error.is_none()
            && self.joining.end_error.is_none()
            && self.deciding.end_error.is_none()
    }

    fn view<'a>(&'a self, person: &PersonSummary<'_>, now: Timestamp) -> SystemView<'a> {
        let link = paths::admin_user(person.id);
        let versioned = vec![("version", person.version.to_string()), ("shown", person.shown())];
        let button = |path: &str, text: &'static str| Button {
            action: format!("{link}/{path}"),
            fields: versioned.clone(),
            text,
            label: String::new(),
        };
        let is_disabled = matches!(person.state, PersonState::Disabled(_));
        let (joining, deciding) = (self.joining, self.deciding);
        SystemView {
            page: self,
            export: format!("/api/v1/users/{}/export", person.id),
            enable: is_disabled.then(|| button("enable", "Enable")),
            end_sessions: button("end-sessions", "End all sessions"),
            groups: self.groups.iter().map(|entry| group(&link, entry)).collect(),
            group: self.group_field(),
            joining_end: Ends::new("joining", "How long?", &joining.end, joining.end_error, now),
            refusals: self.refusals.iter().map(refusal).collect(),
            refused_sign_ins: self.refused_sign_ins.iter().map(|one| (Moment(one.at), one)).collect(),
            all_refused_sign_ins: paths::query(paths::ADMIN_AUDIT, &[("action", Some("user.refuse"))]),
            is_awaited: matches!(person.state, PersonState::Awaited),
            decide: self.decide(&link),
            decisions: [
                ("groups", "Groups and roles decide"),
                ("yes", "An administrator"),
                ("no", "No administrator, whatever groups and roles say"),
            ],
            deciding_end: Ends::new(
                "deciding",
                "How long does the decision count?",
                &deciding.end,
                deciding.end_error,
                now,
            ),
            admin_until: self.admin.until.map(Moment),
            link,
        }
    }

    fn decide(&self, link: &str) -> Button {
        // Where no group and no role says so, a decision against it would be one that nobody sees: it is taken back instead.
        let (decision, text) = match (self.admin.is_admin, self.admin.reasons.is_empty()) {
            (true, true) => ("groups", "Remove administrator"),
            (true, false) => ("no", "Remove administrator"),
            (false, _) => ("yes", "Make administrator"),
        };
        let version = self.admin.version.map(|version| version.to_string()).unwrap_or_default();
        let fields = vec![
            ("version", version),
            ("shown", self.admin.shown()),
            ("decision", decision.to_owned()),
            ("end", "never".to_owned()),
            ("at", String::new()),
        ];
        Button { action: format!("{link}/decide"), fields, text, label: String::new() }
    }

    fn group_field(&self) -> Field<'_> {
        Field {
            id: "group",
            name: "group",
            kind: "text",
            label: "Group",
            hint: "Choose one that there is. Before a new one is made, a page asks.",
            value: &self.joining.group,
            list: self.group_names,
            error: self.joining.group_error.as_deref(),
        }
    }
}

fn group<'a>(link: &str, entry: &'a MembershipEntry<'a>) -> GroupView<'a> {
    let until = entry.until.map(Moment);
    let change = entry.version.map(|version| {
        let shown = member_words(entry.until);
        let fields =
            vec![("group", entry.id.to_string()), ("version", version.to_string()), ("shown", shown)];
        let label = format!("Remove from {}", entry.name);
        let remove = Button { action: format!("{link}/leave"), fields, text: "Remove", label };
        (format!("{link}?group={}#join", entry.id), remove)
    });
    GroupView {
        link: paths::admin_group(entry.id),
        name: entry.name.as_str(),
        provider_name: match entry.by {
            ClaimedBy::Provider(provider, name) if entry.is_unlinked => Some(nameless(name, Some(provider))),
            _ => None,
        },
        by: entry.by.words(),
        until,
        change,
    }
}

fn refusal<'a>(entry: &'a RefusalEntry<'a>) -> RefusalView<'a> {
    RefusalView { at: Moment(entry.at), entry, why: paths::admin_refusal(entry.request_id) }
}
