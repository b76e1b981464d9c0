//! The form that makes a key, or changes one.

use super::super::ends::Ends;
use super::super::form_errors::FormErrors;
use super::super::parts::{ApiCall, Area, Check, Field};
use super::ends::EnteredKeyEnd;
use super::facts::{KeyFacts, KeyPages};
use crate::frame::Frame;
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::style::Sheet;
use askama::Template;
use gatepost_core::clock::Timestamp;

/// The form of a new key, or of one that is there. 200; 422 if something is wrong; 412 if somebody else was faster.
#[derive(Clone, Copy, Debug)]
pub struct KeyForm<'a> {
    pub frame: Frame<'a>,
    pub pages: KeyPages,
    pub of: KeyFormOf<'a>,
    pub entered: &'a KeyEntered,
    pub errors: &'a FormErrors,
    pub choices: KeyChoices<'a>,
    pub now: Timestamp,
}

/// What a form is about.
#[expect(clippy::large_enum_variant, reason = "it lives as long as one page is made")]
#[derive(Clone, Copy, Debug)]
pub enum KeyFormOf<'a> {
    /// A new key. The form makes one, however often it is sent: it holds a text that no other form has.
    New { once: &'a str },
    /// A key that is there.
    Known {
        key: KeyFacts<'a>,
        /// Somebody else changed it after the form was shown.
        is_overtaken: bool,
    },
}

/// What the reader may choose from.
#[derive(Clone, Copy, Debug)]
pub struct KeyChoices<'a> {
    /// The protected hosts.
    pub hosts: &'a [&'a str],
    /// Tenants that are proposed.
    pub tenants: &'a [&'a str],
    /// What only administrators of the system give is offered.
    pub is_system: bool,
}

/// What was entered, as texts.
#[derive(Clone, Debug, Default)]
pub struct KeyEntered {
    pub name: String,
    pub tenant: String,
    pub owner: String,
    /// Those that are chosen, by their names.
    pub scopes: Vec<String>,
    /// Whose signed words it may send. Empty: those of every speaker.
    pub speakers: String,
    pub hosts: String,
    pub networks: String,
    pub tools: String,
    pub groups: String,
    pub per_minute: String,
    pub end: EnteredKeyEnd,
    pub reason: String,
}

/// The scopes that everybody may give: the name of each in forms and in texts, and what it gives.
const SCOPES: [(&str, &str, &str); 4] = [
    ("gate", "gate", "opening protected hosts"),
    ("api_read", "api.read", "reading through the API"),
    ("api_write", "api.write", "changing through the API"),
    ("usage_write", "usage.write", "reporting what a tenant used"),
];
/// Those of administrators of the system.
const SYSTEM_SCOPES: [(&str, &str, &str); 2] = [
    ("scim", "scim", "for a provider that sends people and groups"),
    ("act_as", "act-as", "sending requests for people who use the program"),
];

#[derive(Template)]
#[template(path = "keys/form.html")]
struct View<'a> {
    chrome: Chrome,
    form: &'a KeyForm<'a>,
    action: String,
    back: String,
    hidden: (&'static str, String),
    fault: Option<&'a str>,
    name: Field<'a>,
    tenant: Option<Field<'a>>,
    owner: Option<Field<'a>>,
    scopes: Option<Vec<Check>>,
    speakers: Option<Field<'a>>,
    hosts: Area<'a>,
    networks: Area<'a>,
    tools: Area<'a>,
    groups: Option<Area<'a>>,
    per_minute: Field<'a>,
    ends: Ends<'a>,
    reason: Option<Field<'a>>,
    button: &'static str,
    /// A plain person is told before what a key may.
    is_own: bool,
    api: Vec<ApiCall>,
}

impl KeyForm<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let is_system = self.choices.is_system;
        let is_new = matches!(self.of, KeyFormOf::New { .. });
        let (action, back, heading) = match self.of {
            KeyFormOf::New { .. } => {
                let root = self.pages.root();
                (root.to_owned(), root.to_owned(), "Make a key".to_owned())
            }
            KeyFormOf::Known { key, .. } => {
                let here = self.pages.key(key.id);
                (format!("{here}/edit"), here, format!("Change {}", key.name))
            }
        };
        let above = match self.of {
            KeyFormOf::New { .. } => Vec::new(),
            KeyFormOf::Known { key, .. } => vec![(key.name, back.clone())],
        };
        let is_portal = self.pages == KeyPages::Portal;
        let has_reason = is_system || self.errors.of("endless_reason").is_some();
        let view = View {
            chrome: Chrome::portal(&heading, &self.frame, self.pages.section(), Some(&above)),
            form: self,
            action,
            back,
            hidden: self.hidden(),
            fault: self.errors.of(""),
            name: self.text("name", "Name", &self.entered.name, "What the key is for, as in nightly backup."),
            tenant: is_new.then(|| self.tenant()),
            owner: (is_new && is_portal && is_system).then(|| self.owner()),
            scopes: is_new.then(|| self.scopes()),
            speakers: (is_new && is_system).then(|| self.speakers()),
            hosts: self.hosts(),
            networks: self.area(
                "networks",
                "Only from these networks",
                &self.entered.networks,
                "One a line, as in 192.0.2.0/24. Empty: from everywhere.".to_owned(),
            ),
            tools: self.area(
                "tools",
                "Only these tools",
                &self.entered.tools,
                "One a line, as in get_*. Empty: all that the rules of the tool servers give it.".to_owned(),
            ),
            groups: (is_new && is_system).then(|| {
                let hint = "One a line, by its name. The key passes where its members pass.".to_owned();
                self.area("groups", "In these groups", &self.entered.groups, hint)
            }),
            per_minute: self.text(
                "requests_per_minute",
                "Requests a minute",
                &self.entered.per_minute,
                "Empty: as many as it sends.",
            ),
            ends: self.ends(is_system),
            reason: has_reason.then(|| {
                self.text(
                    "endless_reason",
                    "Why it never ends",
                    &self.entered.reason,
                    "Whoever finds the key later reads it.",
                )
            }),
            is_own: is_new && !is_portal,
            button: if is_new { "Make the key" } else { "Change it" },
            api: self.calls(),
        };
        let is_overtaken = matches!(self.of, KeyFormOf::Known { is_overtaken: true, .. });
        let status = match (self.errors.is_empty(), is_overtaken) {
            (_, true) => 412,
            (true, false) => 200,
            (false, false) => 422,
        };
        Page::public(status, render(&view), &[])
    }

    fn hidden(&self) -> (&'static str, String) {
        match self.of {
            KeyFormOf::New { once } => ("once", once.to_owned()),
            KeyFormOf::Known { key, .. } => ("version", key.version.to_string()),
        }
    }

    fn text<'a>(
        &'a self,
        name: &'static str,
        label: &'static str,
        value: &'a str,
        hint: &'static str,
    ) -> Field<'a> {
        Field { id: name, name, kind: "text", label, hint, value, list: &[], error: self.errors.of(name) }
    }

    fn area<'a>(&'a self, name: &'static str, label: &'static str, value: &'a str, hint: String) -> Area<'a> {
        Area { id: name, name, label, hint, value, error: self.errors.of(name) }
    }

    fn tenant(&self) -> Field<'_> {
        let hint = match (self.pages, self.choices.is_system) {
            (KeyPages::Account, _) => "It opens this tenant as long as you may enter it. Empty: none.",
            (KeyPages::Portal, true) => "It opens this tenant, and is deleted with it. Empty: none.",
            (KeyPages::Portal, false) => "It opens this tenant, and is deleted with it.",
        };
        let list = self.choices.tenants;
        Field { list, ..self.text("tenant", "Tenant", &self.entered.tenant, hint) }
    }

    fn owner(&self) -> Field<'_> {
        let hint = "The e-mail address of a person, with whom the key ends. Empty: nobody.";
        self.text("owner_id", "Owner", &self.entered.owner, hint)
    }

    fn speakers(&self) -> Field<'_> {
        let hint = "Only with act-as: the ids of the programs that may say for whom a request is (GATEPOST_SPEAKERS), with commas between them. Empty: all of them.";
        self.text("speakers", "For which programs", &self.entered.speakers, hint)
    }

    fn hosts(&self) -> Area<'_> {
        const NAMED: usize = 12;
        let named: Vec<&str> = self.choices.hosts.iter().copied().take(NAMED).collect();
        let more = self.choices.hosts.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let hint = format!("One host a line, each in full. Protected here: {}{more}.", named.join(", "));
        self.area("hosts", "At these hosts", &self.entered.hosts, hint)
    }

    fn scopes(&self) -> Vec<Check> {
        let system = SYSTEM_SCOPES.iter().filter(|_| self.choices.is_system);
        let check = |(name, text, hint): &(&'static str, &'static str, &'static str)| Check {
            name,
            text,
            hint,
            is_chosen: self.entered.scopes.iter().any(|chosen| chosen == text),
        };
        SCOPES.iter().chain(system).map(check).collect()
    }

    fn ends(&self, is_system: bool) -> Ends<'_> {
        let keep = match self.of {
            KeyFormOf::New { .. } => None,
            KeyFormOf::Known { key, .. } => Some(key.limits.expires_at),
        };
        self.entered.end.fields(keep, is_system, self.errors.of("expires_at"), self.now)
    }

    fn calls(&self) -> Vec<ApiCall> {
        let body = serde_json::json!({ "name": "nightly backup", "scopes": ["gate"], "hosts": ["wiki.example.com"] });
        vec![match self.of {
            KeyFormOf::New { .. } => ApiCall::of("POST", self.pages.api()).with_body(&body),
            KeyFormOf::Known { key, .. } => {
                let hosts = serde_json::json!({ "hosts": ["wiki.example.com"] });
                let path = format!("{}/{}", self.pages.api(), key.id);
                ApiCall::of("PATCH", &path).if_match(key.version).with_body(&hosts)
            }
        }]
    }

    /// Whether the folded part has something in it, or something wrong.
    fn has_limits(&self) -> bool {
        let KeyEntered { networks, tools, groups, per_minute, .. } = self.entered;
        let is_wrong = |field: &&str| self.errors.of(field).is_some();
        [networks, tools, groups, per_minute].iter().any(|text| !text.is_empty())
            || ["networks", "tools", "groups", "requests_per_minute"].iter().any(is_wrong)
    }

    /// What there is now, where somebody else was faster.
    fn now_it_is(&self) -> Option<KeyFacts<'_>> {
        match self.of {
            KeyFormOf::Known { key, is_overtaken: true } => Some(key),
            _ => None,
        }
    }
}
