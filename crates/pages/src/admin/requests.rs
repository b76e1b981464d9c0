//! The list of requests for access.

use super::parts::{ApiCall, Empty, FilterLink, Filters};
use super::proposals::waiting;
use super::request::{AccessRequestEntry, when};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words::{self, Moment};
use askama::Template;
use gatepost_core::access_request::RequestState;
use gatepost_core::clock::Timestamp;

/// 200: requests of one state.
#[derive(Clone, Copy, Debug)]
pub struct AccessRequests<'a> {
    pub frame: Frame<'a>,
    pub state: RequestState,
    pub requests: &'a [AccessRequestEntry<'a>],
    /// How many tenants are proposed that nobody has decided about, and whether there are more. `None`: the reader does not
    /// decide that, or nobody proposes tenants here.
    pub proposals: Option<(usize, bool)>,
    /// Where the next page begins.
    pub next: Option<&'a str>,
    /// The present time, from which "3 hours ago" is computed.
    pub now: Timestamp,
}

#[derive(Template)]
#[template(path = "admin/requests.html")]
struct View<'a> {
    chrome: Chrome,
    filters: Filters,
    caption: &'static str,
    when: &'static str,
    is_open: bool,
    shows_refusals: bool,
    proposals: Option<String>,
    requests: Vec<RequestView<'a>>,
    empty: Empty<'static>,
    next: Option<String>,
    api: Vec<ApiCall>,
}

struct RequestView<'a> {
    entry: &'a AccessRequestEntry<'a>,
    link: String,
    asked: (Moment, String),
    decided_at: Option<Moment>,
}

impl AccessRequests<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let is_open = self.state == RequestState::Open;
        let view = View {
            chrome: Chrome::portal("Access requests", &self.frame, Section::Requests, None),
            filters: Filters {
                label: "States",
                links: RequestState::ALL.map(|state| self.filter(state)).into(),
            },
            caption: caption(self.state),
            when: when(self.state),
            is_open,
            shows_refusals: self.frame.scope.is_system(),
            proposals: self.proposals.map(|(waiting_now, has_more)| waiting(waiting_now, has_more)),
            requests: self.requests.iter().map(|entry| request(entry, self.now)).collect(),
            empty: if is_open { NOBODY_WAITS } else { NONE },
            next: self.next.map(|next| list(self.state, Some(next))),
            api: vec![ApiCall::get("/requests", &[("state", Some(self.state.as_str()))])],
        };
        Page::public(200, render(&view), &[])
    }

    fn filter(&self, state: RequestState) -> FilterLink {
        let text = match state {
            RequestState::Open => "Waiting",
            RequestState::Granted => "Granted",
            RequestState::Declined => "Declined",
            RequestState::Withdrawn => "Withdrawn",
        };
        FilterLink { text: text.to_owned(), link: list(state, None), is_chosen: state == self.state }
    }
}

const NOBODY_WAITS: Empty<'static> = Empty {
    text: "Nobody waits for an answer.",
    remedy: "Whoever is in at least one group here finds \u{201c}Ask for access\u{201d} on the page that refuses them. With GATEPOST_REQUESTS__ANYBODY everybody finds it.",
};
const NONE: Empty<'static> = Empty { text: "There are none.", remedy: "Requests are kept for 90 days." };

const fn caption(state: RequestState) -> &'static str {
    match state {
        RequestState::Open => "Waiting for an answer, the oldest first",
        RequestState::Granted => "Granted, the newest first",
        RequestState::Declined => "Declined, the newest first",
        RequestState::Withdrawn => "Withdrawn by the person, the newest first",
    }
}

/// The list of the open ones needs no parameter.
fn list(state: RequestState, after: Option<&str>) -> String {
    let state = Some(state.as_str()).filter(|_| state != RequestState::Open);
    paths::query(paths::ADMIN_REQUESTS, &[("state", state), ("after", after)])
}

fn request<'a>(entry: &'a AccessRequestEntry<'a>, now: Timestamp) -> RequestView<'a> {
    RequestView {
        entry,
        link: paths::admin_request(entry.id),
        asked: (Moment(entry.created_at), words::ago(now.since(entry.created_at))),
        decided_at: entry.decided_at.map(Moment),
    }
}
