//! The answers of `/verify` except 200, on the protected host's own origin: never a 2xx, never a
//! cookie, small enough for Traefik's `maxResponseBodySize` (above it Traefik answers an empty 401).

mod clearing;
mod keys;
mod quota;
mod recheck;
mod refusal;
mod speakers;
mod tokens;

pub use refusal::{Gate, Refusal, Unfinished};

use super::message::{Action, ActionKind, Chrome, Fact, Message, Tone, render};
use super::page::{Format, Page};
use super::paths::{self, Wish};
use super::policy;
use super::style::Sheet;
use super::words;
use gatepost_core::decision::Missing;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupName, TenantId};
use serde_json::json;
use std::time::Duration;

/// The number of names shown of a list, and the length of a name: the page must stay below 8 KiB.
const SHOWN_NAMES: usize = 5;
const SHOWN_CHARACTERS: usize = 64;
const SHOWN_DETAIL: usize = 160;
/// A page has fewer bytes (docs/traefik.md).
const MOST_BYTES: usize = 8192;

struct Content<'a> {
    status: u16,
    /// `error` of the JSON variant.
    code: &'static str,
    tone: Tone,
    heading: &'static str,
    paragraphs: Vec<String>,
    facts: Vec<Fact>,
    actions: Vec<Action>,
    headers: Vec<(&'static str, String)>,
    form_targets: &'a [&'a str],
}

impl Refusal<'_> {
    /// Renders the answer.
    pub fn page(&self, gate: &Gate<'_>) -> Page {
        if let Self::NobodyToActFor { sign_in_at } = self {
            return speakers::nobody_page(gate, &self.message(&speakers::nobody(sign_in_at)), sign_in_at);
        }
        let content = self.content(gate);
        let headers = content.headers.clone();
        let page = match gate.format {
            Format::Html => html(gate, content),
            Format::Json => self.json(gate, &content),
        };
        headers.into_iter().fold(page, |page, (name, value)| page.with(name, value))
    }

    /// Status, text and the headers of the answer, for a program that wants another form.
    pub fn words(&self, gate: &Gate<'_>) -> (u16, String, Vec<(&'static str, String)>) {
        let content = self.content(gate);
        (content.status, self.message(&content), content.headers)
    }

    /// The JSON for programs. `detail` repeats `message`, because many clients show this member of an error (`FastAPI`
    /// uses it). `sign_in` leads back to this address, `login_url` to the application's first page, because a person who
    /// follows the link from a page that fetched data needs a page.
    fn json(&self, gate: &Gate<'_>, content: &Content<'_>) -> Page {
        let message = self.message(content);
        let mut body = json!({
            "error": content.code,
            "message": message,
            "detail": message,
            "request_id": gate.request_id.to_string(),
        });
        if let (Some((uri, wish)), Some(origin)) = (self.wish(), gate.origin) {
            body["sign_in"] = format!("{origin}{}", paths::start(uri, wish)).into();
            body["login_url"] = format!("{origin}{}", paths::start("/", wish)).into();
        }
        if let Self::QuotaExceeded(exceeded) = self {
            body["type"] = quota::PROBLEM_TYPE.into();
            body["violated-policies"] = json!([exceeded.name.as_str()]);
        }
        Page::json(content.status, &body)
    }

    fn message(&self, content: &Content<'_>) -> String {
        match self {
            Self::SignIn { .. } => {
                "Not signed in: send a session cookie. People can sign in at login_url.".to_owned()
            }
            Self::StepUp { max_age, .. } => {
                let age = words::duration(*max_age);
                format!("The sign-in must be at most {age} old. People can sign in again at login_url.")
            }
            Self::Unavailable { retry_after, .. } => {
                let pause = words::duration(*retry_after);
                format!("We cannot check at the moment who sent this request. Send it again in {pause}.")
            }
            _ => {
                let facts = content.facts.iter();
                let facts = facts.map(|fact| format!("{}: {}.", fact.name, fact.values.join(", ")));
                let heading = std::iter::once(content.heading.to_owned() + ".");
                heading.chain(content.paragraphs.iter().cloned()).chain(facts).collect::<Vec<_>>().join(" ")
            }
        }
    }

    /// The return address and the kind of the sign-in.
    fn wish(&self) -> Option<(&str, Wish)> {
        match *self {
            Self::SignIn { uri, max_age, .. } => Some((uri, Wish::of(max_age))),
            Self::Unfinished { uri, .. } | Self::Recheck { uri, .. } => Some((uri, Wish::SignIn)),
            Self::StepUp { uri, max_age, .. } => Some((uri, Wish::StepUp(max_age))),
            _ => None,
        }
    }

    fn content(&self, gate: &Gate<'_>) -> Content<'_> {
        match *self {
            Self::SignIn { uri, resend, max_age } => {
                sign_in(gate, paths::start(uri, Wish::of(max_age)), resend)
            }
            Self::StepUp { uri, resend, max_age } => step_up(uri, resend, max_age),
            Self::Forbidden { uri, email, missing, request } => {
                forbidden(gate, (uri, request), email, missing)
            }
            Self::SignOut { form_targets } => sign_out(form_targets),
            Self::Unfinished { uri, cause } => unfinished(uri, cause),
            Self::Unavailable { resend, retry_after } => unavailable(resend, retry_after),
            Self::Recheck { uri, resend, retry_after } => recheck::recheck(uri, resend, retry_after),
            Self::ClearingStorage { here } => clearing::clearing(here),
            Self::TooManyHandOvers { retry_after } => too_many_hand_overs(retry_after),
            Self::CrossOrigin => cross_origin(),
            Self::InvalidWord(why) => speakers::invalid(why),
            Self::WordRefused(why) => speakers::refused(why),
            Self::NobodyToActFor { sign_in_at } => speakers::nobody(sign_in_at),
            Self::InvalidKey(why) => keys::invalid(why),
            Self::KeyRefused(why) => keys::refused(why),
            Self::KeySuspended => keys::suspended(gate),
            Self::InvalidToken(why) => tokens::invalid(why),
            Self::ScopeMissing(scopes) => tokens::scope_missing(scopes),
            Self::TokenStepUp(max_age) => tokens::step_up(max_age),
            Self::TooMany { retry_after } => keys::too_many(retry_after),
            Self::QuotaExceeded(exceeded) => quota::exceeded(gate, exceeded),
            Self::UnknownHost => unknown_host(),
            Self::UntrustedPeer => untrusted_peer(),
            Self::Malformed(what) => malformed(what),
            Self::Misconfigured => misconfigured(),
        }
    }
}

fn html(gate: &Gate<'_>, content: Content<'_>) -> Page {
    let chrome = Chrome {
        sheet: Sheet::inline(),
        portal: None,
        brand: None,
        place: Some(place(gate)),
        tone: content.tone,
        heading: content.heading.to_owned(),
        request_id: gate.request_id,
    }
    .branded(gate.brand);
    let Content { paragraphs, facts, actions, .. } = content;
    let has_image = actions.iter().any(|action| action.kind == ActionKind::Image);
    let mut message = Message { chrome, paragraphs, facts, actions };
    let mut body = render(&message);
    if body.len() >= MOST_BYTES {
        // The address to return to may be long. The way back is worth more than the look.
        message.chrome = message.chrome.unbranded();
        body = render(&message);
    }
    let style = message.chrome.sheet.csp_hash();
    let page = Page::gate(content.status, body, (style, content.form_targets));
    if has_image {
        page.with("Content-Security-Policy", policy::gate_content_security_policy_with_image(style))
    } else {
        page
    }
}

/// The name of the configured host, never text from the request.
fn place(gate: &Gate<'_>) -> String {
    gate.origin.map_or_else(|| "the gate".to_owned(), |origin| origin.host().to_string())
}

fn content<'a>(
    status: u16,
    code: &'static str,
    tone: Tone,
    heading: &'static str,
    paragraphs: &[&str],
) -> Content<'a> {
    Content {
        status,
        code,
        tone,
        heading,
        paragraphs: paragraphs.iter().map(|text| (*text).to_owned()).collect(),
        facts: Vec::new(),
        actions: Vec::new(),
        headers: Vec::new(),
        form_targets: &[],
    }
}

/// A program's credential that is worth nothing here. The challenge says why (RFC 6750 section 3).
fn invalid_credential<'a>(heading: &'static str, first: &str, why: &str) -> Content<'a> {
    let mut content = content(401, "invalid_token", Tone::Stop, heading, &[first]);
    content.facts.push(Fact::new("Reason", why));
    let challenge = format!("Bearer error=\"invalid_token\", error_description=\"{why}\"");
    content.headers.push(("WWW-Authenticate", challenge));
    content
}

/// An API key that counts, but not for this.
fn refused_key<'a>(heading: &'static str, first: &str, why: &str) -> Content<'a> {
    let mut content = content(403, "key_refused", Tone::Stop, heading, &[first]);
    content.facts.push(Fact::new("Reason", why));
    content
}

const RESEND: &str = "Use a new tab, then come back to this one and reload it: your browser sends your form again. \
    Nothing that you entered is lost while this tab stays open.";

fn start_link(start: String, resend: bool, text: &'static str) -> Action {
    let kind = if resend { ActionKind::LinkInNewTab } else { ActionKind::Link };
    Action::new(kind, text, start)
}

fn sign_in<'a>(gate: &Gate<'_>, start: String, resend: bool) -> Content<'a> {
    let asks = format!(
        "You must be signed in to open {}. You are not signed in, or your session has ended.",
        place(gate)
    );
    let mut content = content(401, "sign_in_required", Tone::Wait, "Sign in to continue", &[&asks]);
    content.paragraphs.extend(resend.then(|| RESEND.to_owned()));
    content.actions =
        vec![start_link(start, resend, if resend { "Sign in, in a new tab" } else { "Sign in" })];
    content.headers.push(("WWW-Authenticate", "Bearer realm=\"gatepost\"".to_owned()));
    content
}

fn step_up<'a>(uri: &str, resend: bool, max_age: Duration) -> Content<'a> {
    let age = words::duration(max_age);
    let asks = format!(
        "To be sure that it is still you, this page requires a sign-in that is at most {age} old. Yours is older, or \
         your provider did not say when it was."
    );
    let mut content = content(401, "step_up_required", Tone::Wait, "Sign in again to continue", &[&asks]);
    content.paragraphs.extend(resend.then(|| RESEND.to_owned()));
    let start = paths::start(uri, Wish::StepUp(max_age));
    content.actions =
        vec![start_link(start, resend, if resend { "Sign in again, in a new tab" } else { "Sign in again" })];
    let challenge = "Bearer error=\"insufficient_user_authentication\", error_description=\"A more recent sign-in is required\"";
    content.headers.push(("WWW-Authenticate", format!("{challenge}, max_age=\"{}\"", max_age.as_secs())));
    content
}

fn forbidden<'a>(
    gate: &Gate<'_>,
    (uri, request): (&str, Option<&str>),
    email: Option<&EmailAddress>,
    missing: &Missing,
) -> Content<'a> {
    if let Some(tenant) = &missing.suspended {
        return suspended(gate, uri, email, tenant);
    }
    let ask = format!(
        "If you need access, ask whoever runs {}, and give them the request number below.",
        place(gate)
    );
    let first = match &missing.confined_to {
        None => "You are signed in, but you do not have access to this page.".to_owned(),
        Some(tenant) => format!(
            "You signed in with the account of tenant {}, which opens the pages of that tenant alone.",
            words::shorten(tenant.as_str(), SHOWN_CHARACTERS)
        ),
    };
    let mut content = content(403, "forbidden", Tone::Stop, "You may not open this page", &[&first, &ask]);
    content
        .facts
        .push(Fact::new("Signed in as", email.map_or("a person without an address", EmailAddress::as_str)));
    if !missing.groups.is_empty() {
        let names = shown(missing.groups.iter().map(GroupName::as_str));
        content.facts.push(Fact {
            name: any_of(missing.groups.len(), "Open to the group", "Open to any of the groups"),
            values: names,
        });
    }
    if !missing.tenants.is_empty() {
        let names = shown(missing.tenants.iter().map(TenantId::as_str));
        content.facts.push(Fact {
            name: any_of(missing.tenants.len(), "Open to the tenant", "Open to any of the tenants"),
            values: names,
        });
    }
    if missing.admin {
        content.facts.push(Fact::new("Open to", "administrators"));
    }
    let request = request.map(|link| Action::new(ActionKind::Link, "Ask for access", link.to_owned()));
    content.actions.extend(request);
    let other = start_link(paths::start(uri, Wish::OtherAccount), false, "Use another account");
    content.actions.push(other.quiet());
    content
}

/// The tenant is suspended: no membership and no other account opens it.
fn suspended<'a>(gate: &Gate<'_>, uri: &str, email: Option<&EmailAddress>, tenant: &TenantId) -> Content<'a> {
    let first = "This tenant is suspended: nobody may open its pages until it is resumed. Its data is kept.";
    let ask = format!("Ask whoever runs {}, and give them the request number below.", place(gate));
    let mut content =
        content(403, "tenant_suspended", Tone::Stop, "This tenant is suspended", &[first, &ask]);
    let person = email.map_or("a person without an address", EmailAddress::as_str);
    content.facts.push(Fact::new("Signed in as", person));
    content.facts.push(Fact::new("Tenant", words::shorten(tenant.as_str(), SHOWN_CHARACTERS)));
    let other = start_link(paths::start(uri, Wish::OtherAccount), false, "Use another account");
    content.actions.push(other.quiet());
    content
}

const fn any_of(count: usize, one: &'static str, several: &'static str) -> &'static str {
    if count == 1 { one } else { several }
}

fn shown<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> Vec<String> {
    let rest = names.len().saturating_sub(SHOWN_NAMES);
    let mut shown: Vec<_> =
        names.take(SHOWN_NAMES).map(|name| words::shorten(name, SHOWN_CHARACTERS)).collect();
    shown.extend((rest > 0).then(|| format!("and {rest} more")));
    shown
}

fn sign_out<'a>(form_targets: &'a [&'a str]) -> Content<'a> {
    let first = "You will be signed out here, from all other applications that use this sign-in, and at your provider.";
    let why = "We ask because another site may have sent you here.";
    let mut content = content(403, "sign_out_not_confirmed", Tone::Calm, "Sign out?", &[first, why]);
    content.actions = vec![
        Action::new(ActionKind::Post, "Sign out", paths::GATE_LOGOUT.to_owned()),
        Action::new(ActionKind::Link, "Stay signed in", "/".to_owned()).quiet(),
    ];
    content.form_targets = form_targets;
    content
}

fn unfinished<'a>(uri: &str, cause: Unfinished) -> Content<'a> {
    let (first, second) = match cause {
        Unfinished::CookieMissing => (
            "You signed in, but your browser did not send back the cookie from the start of the sign-in.",
            "Allow cookies for this site, or leave the private window, then try again.",
        ),
        Unfinished::Expired => (
            "You signed in, but the redirect back here took longer than a minute, or a clock is wrong.",
            "Try again. If it happens each time, ask whoever runs this site to check the servers' clocks.",
        ),
        Unfinished::Used => (
            "You signed in, but the link back here had already been used, perhaps by a program that opens links first.",
            "Try again. Type the address of this page instead of opening it from a mail that is scanned.",
        ),
    };
    let mut content =
        content(403, "sign_in_not_finished", Tone::Stop, "The sign-in did not work", &[first, second]);
    content.actions = vec![start_link(paths::start(uri, Wish::SignIn), false, "Try again")];
    content
}

fn unavailable<'a>(resend: bool, retry_after: Duration) -> Content<'a> {
    let first =
        "We cannot check at the moment who you are, so nobody has access. This does not sign you out.";
    let second = if resend {
        "Wait a few seconds, then reload this page: your browser sends your form again. Nothing that you entered is lost \
         while this tab stays open."
    } else {
        "Wait a few seconds, then load the page again."
    };
    let mut content = content(503, "unavailable", Tone::Wait, "One moment, please", &[first, second]);
    // A link would load the page without the form.
    let again = || Action::new(ActionKind::Link, "Load the page again", String::new());
    content.actions.extend((!resend).then(again));
    content.headers.push(("Retry-After", retry_after.as_secs().to_string()));
    content
}

fn too_many_hand_overs<'a>(retry_after: Duration) -> Content<'a> {
    let first = "Your browser came back from the sign-in more often than a person would. It is redirected in a loop, often \
        because cookies are blocked, or because the application refuses the sign-in.";
    let second = "Close the other tabs of this site and wait a minute, then load the page again.";
    let mut content =
        content(429, "too_many_sign_ins", Tone::Stop, "Too many sign-ins in a minute", &[first, second]);
    content.headers.push(("Retry-After", retry_after.as_secs().to_string()));
    content
}

fn cross_origin<'a>() -> Content<'a> {
    let first = "Another site tried to change something here in your name. We do not allow that.";
    let second = "If you wanted this change, open this site itself and make it there. If you run this site and want to allow \
        the other one, add its origin to GATEPOST_ALLOWED_ORIGINS.";
    content(403, "cross_origin", Tone::Stop, "This request came from another site", &[first, second])
}

fn unknown_host<'a>() -> Content<'a> {
    let first = "This address leads to Gatepost, but Gatepost protects no application at it.";
    let second = "Check the address. If you run this site, add its host to GATEPOST_HOSTS.";
    content(403, "unknown_host", Tone::Stop, "No application here", &[first, second])
}

fn untrusted_peer<'a>() -> Content<'a> {
    let first = "This request did not come through a trusted proxy.";
    let second = "If you run this site, add the proxy's network to GATEPOST_TRUSTED_PROXIES.";
    content(403, "untrusted_peer", Tone::Stop, "Not through the proxy", &[first, second])
}

fn malformed<'a>(what: &str) -> Content<'a> {
    let first = "Your request was not passed on, because a part of it is ambiguous or invalid.";
    let mut content =
        content(400, "malformed_request", Tone::Stop, "We do not understand this request", &[first]);
    content.facts.push(Fact::new("What is wrong", words::shorten(what, SHOWN_DETAIL)));
    content
}

fn misconfigured<'a>() -> Content<'a> {
    let first = "The rule for access to this page is invalid, so nobody has access.";
    let second = "Tell whoever runs this site. The log has the details under the request number below.";
    content(500, "misconfigured", Tone::Stop, "Gatepost is misconfigured for this page", &[first, second])
}
