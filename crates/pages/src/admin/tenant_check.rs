//! The check of a tenant: the form that makes one, and what it found.

use super::parts::{ApiCall, Button};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, Tone, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words::{self, Moment};
use askama::Template;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::TenantId;
use std::time::Duration;

/// Of more findings only the number is shown: a tenant may have hundreds of hosts.
const SHOWN: usize = 30;
/// Of a longer text the rest is left out: a provider chooses its words.
const SHOWN_TEXT: usize = 600;

/// The check of a tenant. 200; 503 if it was not made.
#[derive(Clone, Copy, Debug)]
pub struct TenantChecked<'a> {
    pub frame: Frame<'a>,
    pub id: &'a TenantId,
    pub name: Option<&'a str>,
    pub outcome: CheckOutcome<'a>,
}

/// What came of a check.
#[derive(Clone, Copy, Debug)]
pub enum CheckOutcome<'a> {
    /// Nobody asked for one yet.
    NotAsked,
    NotMade {
        /// Why, as a sentence.
        text: &'a str,
        /// What to do, as a sentence.
        remedy: &'a str,
        retry_after: Duration,
    },
    Made {
        at: Timestamp,
        /// The worst first.
        findings: &'a [CheckFinding<'a>],
    },
}

/// Something that is not as it should be.
#[derive(Clone, Copy, Debug)]
pub struct CheckFinding<'a> {
    pub severity: CheckSeverity,
    pub code: &'a str,
    /// The host, the domain, or the tenant.
    pub about: &'a str,
    /// As a sentence.
    pub found: &'a str,
    /// What to do, as a sentence.
    pub fix: &'a str,
    /// The page where it is fixed. `None`: it is fixed elsewhere.
    pub fixed_at: Option<FixedAt>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckSeverity {
    Hint,
    Warning,
    Error,
}

/// A page where a finding is fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FixedAt {
    /// The page of the tenant, by those who administer it.
    Members,
    Invitations,
    Hosts,
    SignIn,
    /// The page of the tenant, by administrators of the system alone.
    Suspension,
    /// By administrators of the system alone.
    Settings,
}

#[derive(Template)]
#[template(path = "admin/check.html")]
struct View<'a> {
    chrome: Chrome,
    page: &'a TenantChecked<'a>,
    /// Why no check was made, and what to do.
    not_made: Option<(&'a str, &'a str)>,
    /// When the check was made. `None`: none was.
    at: Option<Moment>,
    tone: Tone,
    verdict: String,
    findings: Vec<FindingView<'a>>,
    /// How many findings are not shown.
    more: usize,
    form: Button,
    back: String,
    api: Vec<ApiCall>,
}

struct FindingView<'a> {
    severity: CheckSeverity,
    code: &'a str,
    about: &'a str,
    found: String,
    fix: &'a str,
    /// The text and the path of the page where the reader fixes it.
    link: Option<(&'static str, String)>,
    /// Somebody else has to fix it.
    is_for_system: bool,
}

impl TenantChecked<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let back = paths::admin_tenant(self.id);
        let (at, found) = match self.outcome {
            CheckOutcome::Made { at, findings } => (Some(Moment(at)), findings),
            CheckOutcome::NotAsked | CheckOutcome::NotMade { .. } => (None, &[][..]),
        };
        let not_made = match self.outcome {
            CheckOutcome::NotMade { text, remedy, .. } => Some((text, remedy)),
            CheckOutcome::NotAsked | CheckOutcome::Made { .. } => None,
        };
        let chrome = Chrome::portal(
            "Check",
            &self.frame,
            Section::Tenants,
            Some(&[(self.name.unwrap_or(self.id.as_str()), back.clone())]),
        );
        let text =
            if matches!(self.outcome, CheckOutcome::NotAsked) { "Check it now" } else { "Check again" };
        let action = paths::admin_tenant_check(self.id);
        let view = View {
            chrome,
            page: self,
            not_made,
            at,
            tone: tone(found),
            verdict: verdict(found),
            findings: found.iter().take(SHOWN).map(|finding| self.finding(finding)).collect(),
            more: found.len().saturating_sub(SHOWN),
            form: Button { action, fields: Vec::new(), text, label: String::new() },
            back,
            api: vec![ApiCall::get(&format!("/tenants/{}/check", self.id), &[])],
        };
        match self.outcome {
            CheckOutcome::NotMade { retry_after, .. } => {
                Page::public(503, render(&view), &[]).with("Retry-After", retry_after.as_secs().to_string())
            }
            CheckOutcome::NotAsked | CheckOutcome::Made { .. } => Page::public(200, render(&view), &[]),
        }
    }

    fn finding<'a>(&self, finding: &CheckFinding<'a>) -> FindingView<'a> {
        let CheckFinding { severity, code, about, found, fix, fixed_at } = *finding;
        let is_for_system = fixed_at.is_some_and(FixedAt::is_for_system) && !self.frame.scope.is_system();
        let link = fixed_at.filter(|_| !is_for_system).map(|place| (place.text(), place.path(self.id)));
        let found = words::shorten(found, SHOWN_TEXT);
        FindingView { severity, code, about, found, fix, link, is_for_system }
    }
}

/// The worst finding decides.
fn tone(findings: &[CheckFinding<'_>]) -> Tone {
    let has = |severity| findings.iter().any(|finding| finding.severity == severity);
    if has(CheckSeverity::Error) {
        Tone::Stop
    } else if has(CheckSeverity::Warning) {
        Tone::Wait
    } else {
        Tone::Calm
    }
}

/// "2 errors, 1 hint".
fn verdict(findings: &[CheckFinding<'_>]) -> String {
    let severities = [CheckSeverity::Error, CheckSeverity::Warning, CheckSeverity::Hint];
    let counted = severities.map(|severity| {
        let number = findings.iter().filter(|finding| finding.severity == severity).count();
        (number > 0).then(|| words::count(number as u64, severity.word()))
    });
    let counted: Vec<_> = counted.into_iter().flatten().collect();
    if counted.is_empty() { "Nothing is wrong or missing".to_owned() } else { counted.join(", ") }
}

impl CheckSeverity {
    const fn word(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// The class of its tag.
    const fn class(self) -> &'static str {
        match self {
            Self::Hint => "aside",
            Self::Warning => "soon",
            Self::Error => "wrong",
        }
    }
}

impl FixedAt {
    const fn is_for_system(self) -> bool {
        matches!(self, Self::Suspension | Self::Settings)
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Members => "Members of the tenant",
            Self::Invitations => "Invitations of the tenant",
            Self::Hosts => "Hosts of the tenant",
            Self::SignIn => "Sign-in of the tenant",
            Self::Suspension => "Page of the tenant",
            Self::Settings => "Settings of the tenant",
        }
    }

    fn path(self, id: &TenantId) -> String {
        match self {
            Self::Members | Self::Suspension => paths::admin_tenant(id),
            Self::Invitations => paths::admin_tenant_invitations(id),
            Self::Hosts => paths::admin_tenant_hosts(id),
            Self::SignIn => paths::admin_tenant_sign_in(id),
            Self::Settings => paths::admin_tenant_settings(id),
        }
    }
}
