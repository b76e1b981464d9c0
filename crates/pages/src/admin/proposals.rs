//! Proposals of tenants, for administrators of the system: the list, and one with the forms that decide it.

use super::parts::{ApiCall, Area, Empty, FilterLink, Filters};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, Tone, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words::{self, Moment};
use askama::Template;
use gatepost_core::access_request::Remark;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::host::HostName;
use gatepost_core::ids::{ProposalId, TenantId, UserId};
use gatepost_core::tenant_proposal::{PROPOSED_TIER, ProposalState};

/// What the pages are called.
const TITLE: &str = "Proposed tenants";

/// How many proposals wait, as a sentence.
pub(super) fn waiting(count: usize, has_more: bool) -> String {
    match (count, has_more) {
        (0, _) => "No proposed tenant waits for an answer.".to_owned(),
        (1, false) => "1 proposed tenant waits for an answer.".to_owned(),
        (_, false) => format!("{count} proposed tenants wait for an answer."),
        (_, true) => format!("More than {count} proposed tenants wait for an answer."),
    }
}

/// A proposal of a tenant.
#[derive(Clone, Copy, Debug)]
pub struct TenantProposalEntry<'a> {
    pub id: ProposalId,
    /// Who proposes it.
    pub user_id: UserId,
    pub email: Option<&'a EmailAddress>,
    pub user_name: Option<&'a str>,
    pub tenant: &'a TenantId,
    /// The name that people are to see.
    pub name: &'a str,
    /// What the person wrote.
    pub reason: Option<&'a str>,
    pub state: ProposalState,
    pub created_at: Timestamp,
    /// When it is deleted.
    pub expires_at: Timestamp,
    pub decided_at: Option<Timestamp>,
    /// The address of who decided, else how the audit names them.
    pub decided_by: Option<&'a str>,
    /// What the person reads who was refused.
    pub answer: Option<&'a str>,
}

impl TenantProposalEntry<'_> {
    fn person(&self) -> String {
        self.email.map_or_else(|| self.user_id.to_string(), ToString::to_string)
    }

    const fn word(&self) -> &'static str {
        match self.state {
            ProposalState::Open => "waiting",
            state => state.as_str(),
        }
    }

    const fn class(&self) -> &'static str {
        match self.state {
            ProposalState::Open | ProposalState::Approved => "",
            ProposalState::Refused => "wrong",
        }
    }
}

/// The list.
#[derive(Clone, Copy, Debug)]
pub struct TenantProposals<'a> {
    pub frame: Frame<'a>,
    pub state: ProposalState,
    pub proposals: &'a [TenantProposalEntry<'a>],
    /// Where the next page begins.
    pub next: Option<&'a str>,
    /// The present time, from which "3 hours ago" is computed.
    pub now: Timestamp,
}

#[derive(Template)]
#[template(path = "admin/proposals.html")]
struct ListView<'a> {
    chrome: Chrome,
    filters: Filters,
    caption: &'static str,
    is_open: bool,
    proposals: Vec<RowView<'a>>,
    empty: Empty<'static>,
    next: Option<String>,
    api: Vec<ApiCall>,
}

struct RowView<'a> {
    entry: &'a TenantProposalEntry<'a>,
    link: String,
    created_at: Moment,
    created: String,
    decided_at: Option<Moment>,
}

impl TenantProposals<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let rows = self.proposals.iter().map(|entry| RowView {
            entry,
            link: paths::admin_proposal(entry.id),
            created_at: Moment(entry.created_at),
            created: words::ago(self.now.since(entry.created_at)),
            decided_at: entry.decided_at.map(Moment),
        });
        let view = ListView {
            chrome: Chrome::portal(TITLE, &self.frame, Section::Requests, Some(&[])),
            filters: Filters {
                label: "States",
                links: ProposalState::ALL.map(|state| self.filter(state)).into(),
            },
            caption: match self.state {
                ProposalState::Open => "Waiting for an answer, the oldest first",
                ProposalState::Approved => "Approved, the newest first",
                ProposalState::Refused => "Refused, the newest first",
            },
            is_open: self.state == ProposalState::Open,
            proposals: rows.collect(),
            empty: match self.state {
                ProposalState::Open => Empty {
                    text: "Nobody waits for an answer.",
                    remedy: "Whoever is signed in proposes a tenant on their account page.",
                },
                _ => Empty { text: "There are none.", remedy: "Proposals are kept for 30 days." },
            },
            next: self.next.map(|next| list(self.state, Some(next))),
            api: vec![ApiCall::get("/proposals", &[("state", Some(self.state.as_str()))])],
        };
        Page::public(200, render(&view), &[])
    }

    fn filter(&self, state: ProposalState) -> FilterLink {
        let text = match state {
            ProposalState::Open => "Waiting",
            ProposalState::Approved => "Approved",
            ProposalState::Refused => "Refused",
        };
        FilterLink { text: text.to_owned(), link: list(state, None), is_chosen: state == self.state }
    }
}

/// The list of the open ones needs no parameter.
fn list(state: ProposalState, after: Option<&str>) -> String {
    let state = Some(state.as_str()).filter(|_| state != ProposalState::Open);
    paths::query(paths::ADMIN_PROPOSALS, &[("state", state), ("after", after)])
}

/// One proposal: 200, 422 if the answer is wrong, or 412 if it was decided before.
#[derive(Clone, Copy, Debug)]
pub struct TenantProposalDetails<'a> {
    pub frame: Frame<'a>,
    pub proposal: TenantProposalEntry<'a>,
    /// Hosts whose routers require the tenant already.
    pub required_at: &'a [HostName],
    /// The answer, as it was entered, and what is wrong with it.
    pub answer: (&'a str, Option<&'a str>),
    /// It was decided before the form came.
    pub is_overtaken: bool,
}

/// What a form did to a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProposalNotice {
    Approved,
    Refused,
}

impl ProposalNotice {
    /// The value of `done`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Refused => "refused",
        }
    }

    /// The notice of an address, if it has one.
    pub fn find(done: Option<&str>) -> Option<Self> {
        [Self::Approved, Self::Refused].into_iter().find(|notice| Some(notice.as_str()) == done)
    }

    /// What happened, as sentences.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Approved => "The tenant is created. The person administers it from the next request on.",
            Self::Refused => "The proposal is refused. The person reads it on their account page.",
        }
    }
}

#[derive(Template)]
#[template(path = "admin/proposal.html")]
struct View<'a> {
    chrome: Chrome,
    page: &'a TenantProposalDetails<'a>,
    link: String,
    person: String,
    person_link: String,
    tenant_link: Option<String>,
    is_open: bool,
    created_at: Moment,
    expires_at: Moment,
    decided_at: Option<Moment>,
    answer: Area<'a>,
    api: Vec<ApiCall>,
}

impl TenantProposalDetails<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let proposal = &self.proposal;
        let heading = format!("{} proposes the tenant {}", proposal.person(), proposal.tenant);
        let above = [(TITLE, paths::ADMIN_PROPOSALS.to_owned())];
        let chrome = Chrome::portal(&heading, &self.frame, Section::Requests, Some(&above));
        let (value, error) = self.answer;
        let view = View {
            chrome: chrome.with_tone(if self.is_overtaken { Tone::Wait } else { Tone::Calm }),
            page: self,
            link: paths::admin_proposal(proposal.id),
            person: proposal.person(),
            person_link: paths::admin_user(proposal.user_id),
            tenant_link: (proposal.state == ProposalState::Approved)
                .then(|| paths::admin_tenant(proposal.tenant)),
            is_open: proposal.state == ProposalState::Open,
            created_at: Moment(proposal.created_at),
            expires_at: Moment(proposal.expires_at),
            decided_at: proposal.decided_at.map(Moment),
            answer: Area {
                id: "answer",
                name: "answer",
                label: "Answer",
                hint: format!(
                    "The person reads it on their account page. At most {} characters; you may leave it empty.",
                    Remark::MAX
                ),
                value,
                error,
            },
            api: self.calls(),
        };
        let status = match (self.is_overtaken, error) {
            (true, _) => 412,
            (false, Some(_)) => 422,
            (false, None) => 200,
        };
        Page::public(status, render(&view), &[])
    }

    fn calls(&self) -> Vec<ApiCall> {
        let (path, version) = (format!("/proposals/{}", self.proposal.id), self.proposal.state.version());
        let mut calls = vec![ApiCall::get(&path, &[])];
        if self.proposal.state == ProposalState::Open {
            calls.push(ApiCall::of("POST", &format!("{path}/approve")).if_match(version));
            let body = serde_json::json!({ "answer": "Use the tenant of your department." });
            calls.push(ApiCall::of("POST", &format!("{path}/refuse")).if_match(version).with_body(&body));
        }
        calls
    }
}
