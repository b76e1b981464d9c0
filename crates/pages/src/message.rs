//! The layout that most pages share: a heading, what happened, some facts, and actions.

use super::brand::{Brand, BrandView};
use super::frame::{Frame, Portal, Section};
use super::style::Sheet;
use askama::Template;
use gatepost_core::ids::RequestId;

/// The parts around the content of every page.
#[derive(Clone, Debug)]
pub(super) struct Chrome {
    pub(super) sheet: Sheet,
    /// The name of the protected host; `None` on the public host.
    pub(super) place: Option<String>,
    /// The frame of the portal, on its pages.
    pub(super) portal: Option<Portal>,
    /// Of the tenant to which the page leads.
    pub(super) brand: Option<BrandView>,
    pub(super) tone: Tone,
    /// The heading, also the title.
    pub(super) heading: String,
    pub(super) request_id: RequestId,
}

impl Chrome {
    /// A page of the public host.
    pub(super) fn public(heading: &str, tone: Tone, request_id: RequestId) -> Self {
        let heading = heading.to_owned();
        Self { sheet: Sheet::linked(), place: None, portal: None, brand: None, tone, heading, request_id }
    }

    /// A page of the portal, `above` as in [`Portal::new`].
    pub(super) fn portal(
        heading: &str,
        frame: &Frame<'_>,
        section: Section,
        above: Option<&[(&str, String)]>,
    ) -> Self {
        let portal = Some(Portal::new(frame, section, above));
        let page = Self::public(heading, Tone::Calm, frame.request_id);
        Self { sheet: Sheet::of_portal(), portal, ..page }
    }

    /// With the look of a tenant.
    pub(super) fn branded(self, brand: Option<Brand<'_>>) -> Self {
        let Some(brand) = brand else { return self };
        let brand = if self.place.is_some() { brand.on_its_host() } else { brand.view() };
        Self { brand: Some(brand), sheet: self.sheet.branded(), ..self }
    }

    /// A page of a protected host without the look of a tenant.
    pub(super) fn unbranded(self) -> Self {
        Self { brand: None, sheet: Sheet::inline(), ..self }
    }

    pub(super) fn with_tone(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}

/// The colour of the mark beside the text; never the only sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Calm,
    /// The problem is temporary, or the reader can solve it.
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
    /// A path of the same origin, always made by [`super::paths`]; empty for this page itself. The page of a refusal also
    /// leads to the public host.
    pub(super) target: String,
    /// The action is not the main one.
    pub(super) is_quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ActionKind {
    Link,
    LinkInNewTab,
    Post,
    /// An invisible image that the page loads.
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

/// The wrong field that takes the focus: of several, the first.
const FOCUS: &str = " autofocus=\"\"";

/// # Panics
/// Never: writing to a string does not fail, and the templates call nothing else that could.
pub(super) fn render(template: &impl Template) -> String {
    let html = template.render().expect("writing to a string does not fail");
    match html.find(FOCUS).map(|first| html.split_at(first + FOCUS.len())) {
        Some((before, after)) if after.contains(FOCUS) => format!("{before}{}", after.replace(FOCUS, "")),
        _ => html,
    }
}
