//! The form with which a person asks for access, and the page for a refusal that cannot be looked up yet.

use super::message::{Action, ActionKind, Chrome, Message, Tone, render};
use super::page::Page;
use super::paths;
use super::style::Sheet;
use askama::Template;
use gatepost_core::access_request::Remark;
use gatepost_core::decision::Missing;
use gatepost_core::ids::{GroupName, RequestId, TenantId};

/// The form: what a person asks for, and what they write.
#[derive(Clone, Copy, Debug)]
pub struct RequestForm<'a> {
    /// The refusal, which says what may be asked for.
    pub refusal: RequestId,
    /// The host that refused.
    pub host: &'a str,
    /// What was missing there.
    pub missing: &'a Missing,
    /// What the person wrote before, when the form was refused.
    pub note: &'a str,
    /// Why the form was refused.
    pub fault: Option<RequestFault>,
    /// The id of the request in the log.
    pub request_id: RequestId,
}

/// Why a request for access was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestFault {
    /// The text is longer than a [`Remark`].
    TooLong,
    /// The person has access by now.
    Held,
    /// What was asked for does not exist.
    Unknown,
    /// There were too many requests in the last 24 hours.
    TooMany,
}

impl RequestFault {
    const fn status(self) -> u16 {
        match self {
            Self::TooLong => 422,
            Self::Held | Self::Unknown => 409,
            Self::TooMany => 429,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::TooLong => "Your text is too long. Shorten it to 280 characters.",
            Self::Held => "You have access to this by now. Open the application again.",
            Self::Unknown => {
                "Nobody can give you this: it does not exist here. Tell whoever runs the application the number below."
            }
            Self::TooMany => "You have asked for access five times in the last 24 hours. Ask again tomorrow.",
        }
    }
}

#[derive(Template)]
#[template(path = "request.html")]
struct View<'a> {
    chrome: Chrome,
    refusal: RequestId,
    host: &'a str,
    groups: &'a [GroupName],
    tenants: &'a [TenantId],
    note: &'a str,
    fault: Option<&'static str>,
}

impl RequestForm<'_> {
    /// Renders the form.
    pub fn page(&self) -> Page {
        let view = View {
            chrome: Chrome::public("Ask for access", Tone::Calm, self.request_id),
            refusal: self.refusal,
            host: self.host,
            groups: &self.missing.groups,
            tenants: &self.missing.tenants,
            note: self.note,
            fault: self.fault.map(RequestFault::words),
        };
        Page::public(self.fault.map_or(200, RequestFault::status), render(&view), &[])
    }
}

/// 503: the refusal may not be stored yet.
pub fn refusal_not_stored_yet(request_id: RequestId) -> Page {
    let what = "You were refused a moment ago, and the reason is not stored yet. That takes a second or two.";
    let message = Message {
        chrome: Chrome::public("One moment, please", Tone::Wait, request_id),
        paragraphs: vec![what.to_owned()],
        facts: Vec::new(),
        actions: vec![Action::new(ActionKind::Link, "Load the page again", String::new())],
    };
    Page::public(503, render(&message), &[]).with("Retry-After", "2".to_owned())
}
