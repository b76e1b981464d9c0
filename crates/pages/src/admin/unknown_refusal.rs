//! The page for the number of a request under which no refusal is stored.

use crate::frame::{Frame, Section};
use crate::message::{Action, ActionKind, Chrome, Fact, Message, Tone, render};
use crate::page::Page;
use crate::paths;
use gatepost_core::ids::RequestId;

/// No refusal has this number. 404.
#[derive(Clone, Copy, Debug)]
pub struct UnknownRefusal<'a> {
    pub frame: Frame<'a>,
    pub number: RequestId,
}

impl UnknownRefusal<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let above = [("Refusals", paths::ADMIN_REFUSALS.to_owned())];
        let heading = "No refusal has this number";
        let chrome = Chrome::portal(heading, &self.frame, Section::Access, Some(&above));
        let paragraphs = [
            "A refusal from more than 7 days ago is deleted.",
            "One from the last few seconds may not be stored yet: reload this page. It takes longer while the replica that refused cannot reach the directory.",
            "A request of somebody who was not signed in is not stored: they were asked to sign in. Of one person at most 30 refusals a minute are stored.",
            "A number from another page is no refusal: that request failed for another reason, which the log names under this number.",
        ];
        let message = Message {
            chrome: chrome.with_tone(Tone::Wait),
            paragraphs: paragraphs.map(str::to_owned).into(),
            facts: vec![Fact::new("Number", self.number.to_string())],
            actions: vec![Action::new(
                ActionKind::Link,
                "The last refusals",
                paths::ADMIN_REFUSALS.to_owned(),
            )],
        };
        Page::public(404, render(&message), &[])
    }
}
