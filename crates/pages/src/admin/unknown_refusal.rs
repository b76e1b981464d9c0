//! The page for the number of a request under which no refusal is stored.

use crate::frame::{Frame, Section};
use crate::message::{Action, ActionKind, Chrome, Fact, Message, Tone, render};
use crate::page::Page;
use crate::paths;
use gatepost_core::ids::RequestId;

/// No refusal has this number. 404, or 200 if the audit has the request.
#[derive(Clone, Copy, Debug)]
pub struct UnknownRefusal<'a> {
    pub frame: Frame<'a>,
    pub number: RequestId,
    /// The audit has the request: it was a sign-in, or it changed something.
    pub is_audited: bool,
}

impl UnknownRefusal<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let above = [("Refusals", paths::ADMIN_REFUSALS.to_owned())];
        let heading =
            if self.is_audited { "The audit has this number" } else { "No refusal has this number" };
        let chrome = Chrome::portal(heading, &self.frame, Section::Access, Some(&above));
        let in_audit = paths::query(paths::ADMIN_AUDIT, &[("request", Some(&*self.number.to_string()))]);
        let refusals = Action::new(ActionKind::Link, "The last refusals", paths::ADMIN_REFUSALS.to_owned());
        let actions = if self.is_audited {
            vec![Action::new(ActionKind::Link, "What the audit says", in_audit), refusals.quiet()]
        } else {
            vec![refusals]
        };
        let paragraphs: &[&str] = if self.is_audited {
            &[
                "It is no request to an application, but a sign-in, or a request that changed something. The audit says which, and why a sign-in was refused.",
            ]
        } else {
            &[
                "A refusal from more than 7 days ago is deleted.",
                "One from the last few seconds may not be stored yet: reload this page. It takes longer while the replica that refused cannot reach the directory.",
                "A request of somebody who was not signed in is not stored: they were asked to sign in. Of one person at most 30 refusals a minute are stored.",
                "A number from another page is no refusal: that request failed for another reason, which the log names under this number.",
            ]
        };
        let message = Message {
            chrome: chrome.with_tone(Tone::Wait),
            paragraphs: paragraphs.iter().map(|&text| text.to_owned()).collect(),
            facts: vec![Fact::new("Number", self.number.to_string())],
            actions,
        };
        Page::public(if self.is_audited { 200 } else { 404 }, render(&message), &[])
    }
}
