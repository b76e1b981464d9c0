//! One request for access, and the forms that decide it.

use super::ends::{EndChoice, Ends, EnteredEnd};
use super::parts::{ApiCall, Field};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, Tone, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words::Moment;
use askama::Template;
use gatepost_core::access_request::{Remark, RequestState, Wanted};
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{AccessRequestId, GroupId, UserId};

/// A request for access.
#[derive(Clone, Copy, Debug)]
pub struct AccessRequestEntry<'a> {
    pub id: AccessRequestId,
    /// Who asks.
    pub user_id: UserId,
    pub email: Option<&'a EmailAddress>,
    pub name: Option<&'a str>,
    pub wanted: &'a Wanted,
    /// The number of the group that is wanted.
    pub group: Option<GroupId>,
    /// What the person wrote.
    pub note: Option<&'a str>,
    pub state: RequestState,
    pub created_at: Timestamp,
    pub decided_at: Option<Timestamp>,
    /// The address of who decided, else how the audit names them.
    pub decided_by: Option<&'a str>,
    /// What the person reads who was declined.
    pub answer: Option<&'a str>,
    /// The end of what was granted.
    pub until: Option<Timestamp>,
}

impl AccessRequestEntry<'_> {
    /// How pages name the person: the address, else the id.
    pub(super) fn person(&self) -> String {
        self.email.map_or_else(|| self.user_id.to_string(), ToString::to_string)
    }

    pub(super) const fn word(&self) -> &'static str {
        match self.state {
            RequestState::Open => "waiting",
            state => state.as_str(),
        }
    }

    /// The class of its tag.
    pub(super) const fn class(&self) -> &'static str {
        match self.state {
            RequestState::Open | RequestState::Granted => "",
            RequestState::Declined => "wrong",
            RequestState::Withdrawn => "aside",
        }
    }
}

/// What the time of the decision is called.
pub(super) const fn when(state: RequestState) -> &'static str {
    if matches!(state, RequestState::Withdrawn) { "Withdrawn" } else { "Decided" }
}

/// One request. Who may see it may decide it.
#[derive(Clone, Copy, Debug)]
pub struct AccessRequestDetails<'a> {
    pub frame: Frame<'a>,
    pub request: AccessRequestEntry<'a>,
    /// Whether the reader may look at the page of the person: a tenant's administrator sees no people who are not in it.
    pub is_person_shown: bool,
    pub others: OtherDeciders<'a>,
    pub deciding: &'a RequestDecision,
    /// It was decided before the form came.
    pub is_overtaken: bool,
    /// The present time, from which the ends are computed.
    pub now: Timestamp,
}

/// Who may decide a request besides the reader.
#[derive(Clone, Copy, Debug)]
pub struct OtherDeciders<'a> {
    /// The administrators of the tenant. `None`: it is for a group.
    pub of_tenant: Option<Names<'a>>,
    /// The administrators of the system. `None`: the reader may not know who they are.
    pub of_system: Option<Names<'a>>,
}

/// Some people.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    pub names: &'a [String],
    /// There are more people than these.
    pub has_more: bool,
}

/// The two forms that decide a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestDecision {
    pub end: EnteredEnd,
    pub end_error: Option<&'static str>,
    pub answer: String,
    pub answer_error: Option<&'static str>,
}

impl Default for RequestDecision {
    fn default() -> Self {
        let end = EnteredEnd { choice: EndChoice::ThirtyDays, ..EnteredEnd::default() };
        Self { end, end_error: None, answer: String::new(), answer_error: None }
    }
}

/// What a form did to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestNotice {
    Granted,
    Declined,
}

impl RequestNotice {
    /// The value of `done`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Declined => "declined",
        }
    }

    /// The notice of an address, if it has one.
    pub fn find(done: Option<&str>) -> Option<Self> {
        [Self::Granted, Self::Declined].into_iter().find(|notice| Some(notice.as_str()) == done)
    }

    /// What happened, as sentences.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Granted => "The access is granted. It counts from the next request on.",
            Self::Declined => "The request is declined. The person reads your answer on their account page.",
        }
    }
}

#[derive(Template)]
#[template(path = "admin/request.html")]
struct View<'a> {
    chrome: Chrome,
    page: &'a AccessRequestDetails<'a>,
    link: String,
    person: String,
    person_link: Option<String>,
    wanted_link: Option<String>,
    created_at: Moment,
    decided_at: Option<Moment>,
    until: Option<Moment>,
    ends: Ends<'a>,
    answer: Field<'a>,
    others: Vec<(&'static str, Names<'a>)>,
    is_alone: bool,
    api: Vec<ApiCall>,
}

impl AccessRequestDetails<'_> {
    /// Renders the page: 200, 422 if a form is wrong, or 412 if it was decided before.
    pub fn page(&self) -> Page {
        let (request, deciding) = (&self.request, self.deciding);
        let heading = format!("{} asks for {}", request.person(), request.wanted);
        let chrome = Chrome::portal(&heading, &self.frame, Section::Requests, Some(&[]));
        let others = [
            ("Administrators of the tenant", self.others.of_tenant),
            ("Administrators of the system", self.others.of_system),
        ];
        let others = others.into_iter().filter_map(|(text, names)| Some((text, names?)));
        let others: Vec<_> = others.filter(|(_, names)| !names.names.is_empty()).collect();
        let view = View {
            chrome: chrome.with_tone(if self.is_overtaken { Tone::Wait } else { Tone::Calm }),
            page: self,
            link: paths::admin_request(request.id),
            person: request.person(),
            person_link: self.is_person_shown.then(|| paths::admin_user(request.user_id)),
            wanted_link: match request.wanted {
                Wanted::Group(_) => request.group.map(paths::admin_group),
                Wanted::Tenant(id) => Some(paths::admin_tenant(id)),
            },
            created_at: Moment(request.created_at),
            decided_at: request.decided_at.map(Moment),
            until: request.until.map(Moment),
            ends: Ends::new("grant", "How long?", &deciding.end, deciding.end_error, self.now).of_time(),
            answer: Field {
                id: "answer",
                name: "answer",
                kind: "text",
                label: "Answer",
                hint: "The person reads it on their account page. At most 280 characters.",
                value: &deciding.answer,
                list: &[],
                error: deciding.answer_error,
            },
            is_alone: others.is_empty() && self.others.of_system.is_some(),
            others,
            api: self.calls(),
        };
        let is_right = deciding.end_error.is_none() && deciding.answer_error.is_none();
        let status = match (self.is_overtaken, is_right) {
            (true, _) => 412,
            (false, false) => 422,
            (false, true) => 200,
        };
        Page::public(status, render(&view), &[])
    }

    /// What the time of the decision is called.
    const fn when(&self) -> &'static str {
        when(self.request.state)
    }

    const fn is_open(&self) -> bool {
        matches!(self.request.state, RequestState::Open)
    }

    fn calls(&self) -> Vec<ApiCall> {
        let (path, version) = (format!("/requests/{}", self.request.id), self.request.state.version());
        let mut calls = vec![ApiCall::get(&path, &[])];
        if self.is_open() {
            let verb = |verb, body| {
                ApiCall::of("POST", &format!("{path}/{verb}")).if_match(version).with_body(&body)
            };
            calls.push(verb("grant", serde_json::json!({ "until": "2027-01-31T17:00:00Z" })));
            calls.push(verb("decline", serde_json::json!({ "answer": "Ask again in May." })));
        }
        calls
    }
}
