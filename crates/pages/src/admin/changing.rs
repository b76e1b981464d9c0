//! The pages around a change: the question before it, and why it was not made.

use super::entries::AuditEntry;
use super::parts::ApiCall;
use crate::frame::{Frame, Section};
use crate::message::{Action, ActionKind, Chrome, Fact, Message, Tone, render};
use crate::page::Page;
use crate::style::Sheet;
use crate::words::Moment;
use askama::Template;
use gatepost_core::administration::Version;

/// A change that was not made.
#[derive(Clone, Copy, Debug)]
pub struct RefusedChange<'a> {
    pub frame: Frame<'a>,
    pub section: Section,
    pub status: u16,
    /// Why, as a sentence.
    pub text: &'a str,
    /// What to do, as a sentence.
    pub remedy: &'a str,
    /// The path of the page with the form.
    pub back: &'a str,
}

impl RefusedChange<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let chrome = Chrome::portal("Nothing was changed", &self.frame, self.section, Some(&[]));
        let message = Message {
            chrome: chrome.with_tone(Tone::Stop),
            paragraphs: vec![self.remedy.to_owned()],
            facts: vec![Fact::new("Reason", self.text)],
            actions: vec![Action::new(ActionKind::Link, "Go back", self.back.to_owned())],
        };
        Page::public(self.status, render(&message), &[])
    }
}

/// 412: somebody else changed the thing after the form was shown. It shows both, and the reader chooses.
#[derive(Clone, Copy, Debug)]
pub struct Overtaken<'a> {
    pub frame: Frame<'a>,
    pub section: Section,
    /// What was changed: the address of a person, the name of a group.
    pub subject: &'a str,
    /// What the form showed. Empty: it said nothing.
    pub shown: &'a str,
    /// What there is now, in the same words.
    pub now: &'a str,
    /// The newest change of it, if the reader may know.
    pub last_change: Option<AuditEntry<'a>>,
    /// The form again, with the version that there is now.
    pub again: Again<'a>,
    /// The path of the page with the form.
    pub back: &'a str,
}

/// A form that is sent again as it was.
#[derive(Clone, Copy, Debug)]
pub struct Again<'a> {
    pub action: &'a str,
    /// The names and values of its fields.
    pub fields: &'a [(&'a str, &'a str)],
    /// What it does, for its button.
    pub text: &'a str,
}

#[derive(Template)]
#[template(path = "admin/overtaken.html")]
struct OvertakenView<'a> {
    chrome: Chrome,
    page: &'a Overtaken<'a>,
    changed_at: Option<Moment>,
}

impl Overtaken<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let heading = "Somebody else changed this first";
        let view = OvertakenView {
            chrome: Chrome::portal(heading, &self.frame, self.section, Some(&[])).with_tone(Tone::Wait),
            page: self,
            changed_at: self.last_change.map(|change| Moment(change.at)),
        };
        Page::public(412, render(&view), &[])
    }
}

/// 200: the question before a change that takes something away.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub frame: Frame<'a>,
    pub section: Section,
    /// The pages between the first one of the section and this one.
    pub above: &'a [(&'a str, String)],
    /// As a question.
    pub heading: &'a str,
    /// What happens, as sentences: the first one is the most important.
    pub effects: &'a [String],
    pub form: Again<'a>,
    /// The method and the path of the API below its root.
    pub api: (&'static str, &'a str),
    /// The version of the thing.
    pub version: Version,
    /// The path of the page that asked.
    pub back: &'a str,
}

#[derive(Template)]
#[template(path = "admin/question.html")]
struct QuestionView<'a> {
    chrome: Chrome,
    page: &'a Question<'a>,
    api: Vec<ApiCall>,
}

impl Question<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let chrome = Chrome::portal(self.heading, &self.frame, self.section, Some(self.above));
        let view = QuestionView {
            chrome: chrome.with_tone(Tone::Stop),
            page: self,
            api: vec![ApiCall::of(self.api.0, self.api.1).if_match(self.version)],
        };
        Page::public(200, render(&view), &[])
    }
}
