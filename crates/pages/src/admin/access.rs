//! Who can open something, and why.

use super::parts::{ApiCall, Empty};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words::{self, Moment};
use askama::Template;
use gatepost_core::api_key::KeyId;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{TenantId, UserId};

/// 200: the form, and who can open what it asks about. 400 or 404: what was asked cannot be read, or does not exist.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    pub frame: Frame<'a>,
    pub form: AccessForm<'a>,
    /// `None`: nothing was asked yet, or what was asked is wrong.
    pub answer: Option<AccessAnswer<'a>>,
    /// What can be asked about, before anything was asked.
    pub applications: Option<ApplicationList<'a>>,
    pub now: Timestamp,
}

/// The form as it was sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccessForm<'a> {
    /// What `of` is: `url`, `requirement`, `tenant` or `tool`.
    pub by: &'a str,
    pub of: &'a str,
    /// What is wrong, as a sentence, with the status of the page.
    pub error: Option<(u16, &'a str)>,
}

/// The protected hosts.
#[derive(Clone, Copy, Debug)]
pub struct ApplicationList<'a> {
    pub entries: &'a [ApplicationEntry<'a>],
    /// How many more there are.
    pub more: usize,
    /// Hosts that the configuration names, and of which nothing else is known.
    pub unseen: &'a [String],
}

/// A protected host.
#[derive(Clone, Debug)]
pub struct ApplicationEntry<'a> {
    /// Scheme, host and port.
    pub origin: &'a str,
    /// The tenant whose host it is.
    pub tenant: Option<&'a TenantId>,
    /// What its routers require. Empty: that is not known.
    pub requirements: Vec<&'a str>,
    /// When a request showed one of them last.
    pub seen_at: Option<Timestamp>,
}

/// Who can open it.
#[derive(Clone, Copy, Debug)]
pub struct AccessAnswer<'a> {
    /// The requirements of which one is enough.
    pub requirements: &'a [RequirementEntry<'a>],
    /// What else there is to know, as sentences.
    pub notes: &'a [String],
    pub people: &'a [OpenerEntry<'a>],
    /// API keys, which are listed apart.
    pub keys: &'a [OpeningKeyEntry<'a>],
    /// Where the page of people begins, and where the next one does.
    pub after: Option<&'a str>,
    pub next: Option<&'a str>,
    /// The same of keys.
    pub keys_after: Option<&'a str>,
    pub keys_next: Option<&'a str>,
}

/// An API key that can open it.
#[derive(Clone, Debug)]
pub struct OpeningKeyEntry<'a> {
    pub id: KeyId,
    pub name: &'a str,
    /// The first characters of its random part.
    pub hint: &'a str,
    pub tenant: Option<&'a TenantId>,
    pub owner: Option<(UserId, Option<&'a EmailAddress>)>,
    /// The networks from which it counts. Empty: from everywhere.
    pub networks: Vec<String>,
    pub last_used_at: Option<Timestamp>,
    /// `None`: never.
    pub ends_at: Option<Timestamp>,
    pub ways: Vec<String>,
    /// The requirements that it meets, if there are several.
    pub meets: Vec<&'a str>,
}

/// A requirement of a router.
#[derive(Clone, Copy, Debug)]
pub struct RequirementEntry<'a> {
    pub query: &'a str,
    /// When a request showed it last. `None`: it was asked about.
    pub seen_at: Option<Timestamp>,
}

/// Somebody who can open it.
#[derive(Clone, Debug)]
pub struct OpenerEntry<'a> {
    pub id: UserId,
    pub email: Option<&'a EmailAddress>,
    pub name: Option<&'a str>,
    pub last_sign_in_at: Option<Timestamp>,
    pub ways: Vec<WayEntry>,
    /// The requirements that the person meets, if there are several.
    pub meets: Vec<&'a str>,
}

/// What lets somebody in.
#[derive(Clone, Debug)]
pub struct WayEntry {
    pub text: String,
    pub until: Option<Timestamp>,
}

/// A way of asking.
struct Choice {
    value: &'static str,
    text: &'static str,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "admin/access.html")]
struct View<'a> {
    chrome: Chrome,
    choices: Vec<Choice>,
    form: AccessForm<'a>,
    answer: Option<AnswerView<'a>>,
    applications: Option<ApplicationList<'a>>,
    no_applications: Empty<'static>,
    /// Refusals are for administrators of the system.
    shows_refusals: bool,
    api: Vec<ApiCall>,
}

struct AnswerView<'a> {
    caption: &'static str,
    requirements: Vec<(&'a str, Option<Moment>)>,
    notes: &'a [String],
    people: Vec<PersonView<'a>>,
    empty: Empty<'static>,
    csv: String,
    next: Option<String>,
    keys: Vec<KeyView<'a>>,
    next_keys: Option<String>,
}

struct KeyView<'a> {
    link: String,
    name: &'a str,
    beginning: String,
    /// Whose it is: the words before the link, its address and its text.
    holder: Option<(&'static str, String, String)>,
    networks: &'a [String],
    last_used: Option<(Moment, String)>,
    ends: Option<Moment>,
    ways: &'a [String],
    meets: &'a [&'a str],
}

struct PersonView<'a> {
    link: String,
    title: String,
    name: Option<&'a str>,
    last_sign_in: Option<(Moment, String)>,
    ways: Vec<(&'a str, Option<Moment>)>,
    meets: &'a [&'a str],
}

impl Access<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let by = if self.form.by.is_empty() { "url" } else { self.form.by };
        let choice = |(value, text)| Choice { value, text, is_chosen: value == by };
        let choices = [
            ("url", "A web address (URL)"),
            ("requirement", "A requirement"),
            ("tenant", "A tenant"),
            ("tool", "A tool"),
        ];
        let parameter = if by == "url" { "host" } else { by };
        let asked = Some(self.form.of).filter(|_| self.answer.is_some());
        let view = View {
            chrome: Chrome::portal("Access: who can open what", &self.frame, Section::Access, None),
            choices: choices.map(choice).into(),
            form: self.form,
            answer: self.answer.map(|answer| self.answer(answer)),
            applications: self.applications,
            no_applications: Empty {
                text: "No application is known yet.",
                remedy: "An application appears here when somebody who is signed in opens it.",
            },
            shows_refusals: self.frame.scope.is_system(),
            api: self.api_calls(&[(parameter, asked.or(Some("\u{2026}")))]),
        };
        Page::public(self.form.error.map_or(200, |(status, _)| status), render(&view), &[])
    }

    fn api_calls(&self, asked: &[(&str, Option<&str>)]) -> Vec<ApiCall> {
        let who = [ApiCall::get("/access", asked), ApiCall::get("/access/keys", asked)];
        let list = self.applications.is_some().then(|| ApiCall::get("/applications", &[]));
        list.into_iter().chain(who).collect()
    }

    fn answer<'a>(&'a self, answer: AccessAnswer<'a>) -> AnswerView<'a> {
        let asked = |after, keys| {
            let (by, of) = ((paths::ADMIN_ACCESS_BY, Some(self.form.by)), ("of", Some(self.form.of)));
            vec![by, of, ("after", after), ("keys", keys)]
        };
        let empty = if answer.requirements.is_empty() {
            Empty {
                text: "It is not known what the routers of this host require.",
                remedy: "Open it once while you are signed in, or ask about a requirement.",
            }
        } else if self.form.by == "tool" {
            Empty {
                text: "Nobody may call it.",
                remedy: "Allow it on the page of the tool server, or add people to its tenant.",
            }
        } else {
            Empty {
                text: "Nobody can open it.",
                remedy: "Add people to one of the groups or tenants that are required.",
            }
        };
        let is_tool = self.form.by == "tool";
        AnswerView {
            caption: if is_tool { "Who may call it, and why" } else { "Who can open it, and why" },
            requirements: answer
                .requirements
                .iter()
                .map(|one| (one.query, one.seen_at.map(Moment)))
                .collect(),
            notes: answer.notes,
            people: answer.people.iter().map(|entry| person(entry, self.now)).collect(),
            empty,
            csv: paths::query(paths::ADMIN_ACCESS_CSV, &asked(None, None)),
            next: answer
                .next
                .map(|next| paths::query(paths::ADMIN_ACCESS, &asked(Some(next), answer.keys_after))),
            keys: answer.keys.iter().map(|entry| key(entry, self.now)).collect(),
            next_keys: answer
                .keys_next
                .map(|next| paths::query(paths::ADMIN_ACCESS, &asked(answer.after, Some(next)))),
        }
    }
}

impl OpeningKeyEntry<'_> {
    /// As the key's own page shows it.
    fn beginning(&self) -> String {
        let tenant = self.tenant.map(|tenant| format!("{tenant}_")).unwrap_or_default();
        format!("gp_{tenant}{}\u{2026}", self.hint)
    }
}

impl ApplicationEntry<'_> {
    fn link(&self) -> String {
        paths::admin_access_of(&format!("{}/", self.origin))
    }

    fn seen(&self) -> Option<Moment> {
        self.seen_at.map(Moment)
    }
}

fn key<'a>(entry: &'a OpeningKeyEntry<'a>, now: Timestamp) -> KeyView<'a> {
    let of_tenant = |id: &TenantId| ("of the tenant", paths::admin_tenant(id), id.to_string());
    let of_person = |(id, email): (UserId, Option<&EmailAddress>)| {
        ("of", paths::admin_user(id), email.map_or_else(|| id.to_string(), ToString::to_string))
    };
    KeyView {
        link: paths::admin_key(entry.id),
        name: entry.name,
        beginning: entry.beginning(),
        holder: entry.owner.map(of_person).or_else(|| entry.tenant.map(of_tenant)),
        networks: &entry.networks,
        last_used: entry.last_used_at.map(|at| (Moment(at), words::ago(now.since(at)))),
        ends: entry.ends_at.map(Moment),
        ways: &entry.ways,
        meets: &entry.meets,
    }
}

fn person<'a>(entry: &'a OpenerEntry<'a>, now: Timestamp) -> PersonView<'a> {
    PersonView {
        link: paths::admin_user(entry.id),
        title: entry.email.map_or_else(|| entry.id.to_string(), ToString::to_string),
        name: entry.name,
        last_sign_in: entry.last_sign_in_at.map(|at| (Moment(at), words::ago(now.since(at)))),
        ways: entry.ways.iter().map(|way| (way.text.as_str(), way.until.map(Moment))).collect(),
        meets: &entry.meets,
    }
}
