//! The shape that nearly all pages share: a heading, what happened, a few facts, what can be done.

use super::style::Sheet;
use askama::Template;
use gatepost_core::ids::RequestId;

/// What every page has around its content.
#[derive(Clone, Debug)]
pub(super) struct Chrome {
    pub(super) sheet: Sheet,
    /// On a protected host: its name. `None`: the public host.
    pub(super) place: Option<String>,
    pub(super) tone: Tone,
    /// Also the title.
    pub(super) heading: String,
    pub(super) request_id: RequestId,
}

impl Chrome {
    /// A page of the public host.
    pub(super) fn public(heading: &str, tone: Tone, request_id: RequestId) -> Self {
        Self { sheet: Sheet::linked(), place: None, tone, heading: heading.to_owned(), request_id }
    }
}

/// The colour of the post beside the text; never the only sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Calm,
    /// Passes by itself, or after a step of the reader's.
    Wait,
    /// Somebody must change something.
    Stop,
}

impl Tone {
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Calm => "",
            Self::Wait => "wait",
            Self::Stop => "stop",
        }
    }
}

#[derive(Template)]
#[template(path = "message.html")]
pub(super) struct Message {
    pub(super) chrome: Chrome,
    pub(super) paragraphs: Vec<String>,
    pub(super) facts: Vec<Fact>,
    pub(super) actions: Vec<Action>,
}

/// A name and its values.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) values: Vec<String>,
}

impl Fact {
    pub(super) fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, values: vec![value.into()] }
    }
}

/// A link or a button.
#[derive(Clone, Debug)]
pub(super) struct Action {
    pub(super) kind: ActionKind,
    pub(super) text: &'static str,
    /// A path of the same origin, always made by [`super::paths`]; empty: this very page again.
    pub(super) target: String,
    /// Not the main one.
    pub(super) is_quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ActionKind {
    Link,
    LinkInNewTab,
    Post,
    /// Nothing to see: the page asks for it while it loads.
    Image,
}

impl Action {
    pub(super) const fn new(kind: ActionKind, text: &'static str, target: String) -> Self {
        Self { kind, text, target, is_quiet: false }
    }

    pub(super) fn quiet(self) -> Self {
        Self { is_quiet: true, ..self }
    }
}

/// # Panics
/// Never: writing to a string does not fail, and the templates call nothing else that could.
pub(super) fn render(template: &impl Template) -> String {
    template.render().expect("writing to a string does not fail")
}
