//! What a tenant may have and how much it has of it, and the form by which administrators of the system change that.

use super::form_errors::FormErrors;
use super::forms::EnteredText;
use super::parts::{ApiCall, Area, Field};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use askama::Template;
use gatepost_core::administration::Version;
use gatepost_core::ids::TenantId;

/// What a tenant may have. 200; 422 if something is wrong with the form; 412 if somebody was faster.
#[derive(Clone, Copy, Debug)]
pub struct TenantSettings<'a> {
    pub frame: Frame<'a>,
    pub id: &'a TenantId,
    pub name: Option<&'a str>,
    pub version: Version,
    /// `None`: no tier limits it.
    pub tier: Option<&'a str>,
    /// The upstream to which its hosts lead.
    pub service: Option<&'a str>,
    pub limits: &'a [AllowanceEntry<'a>],
    pub features: &'a [AllowanceEntry<'a>],
    /// What there is more of than the limits allow, as sentences.
    pub warnings: &'a [String],
    /// For those who may change it.
    pub form: Option<SettingsForm<'a>>,
    pub is_overtaken: bool,
}

/// A feature or a limit that counts.
#[derive(Clone, Debug)]
pub struct AllowanceEntry<'a> {
    pub name: &'a str,
    pub value: String,
    /// The tenant has it by itself, else its tier says so.
    pub is_own: bool,
    /// How many there are, of what is counted here.
    pub present: Option<u64>,
}

/// What was entered into the form, and what can be chosen.
#[derive(Clone, Copy, Debug)]
pub struct SettingsForm<'a> {
    pub entered: &'a SettingsEntered,
    pub errors: &'a FormErrors,
    pub tiers: &'a [&'a str],
    pub services: &'a [&'a str],
}

/// What was entered, as texts.
#[derive(Clone, Debug, Default)]
pub struct SettingsEntered {
    pub tier: String,
    pub service: String,
    /// One a line, `NAME=VALUE`.
    pub features: String,
    pub limits: String,
}

#[derive(Template)]
#[template(path = "admin/settings.html")]
struct View<'a> {
    chrome: Chrome,
    page: &'a TenantSettings<'a>,
    here: String,
    back: String,
    form: Option<FormView<'a>>,
    api: Vec<ApiCall>,
}

struct FormView<'a> {
    fault: Option<&'a str>,
    tier: Field<'a>,
    service: Field<'a>,
    features: Area<'a>,
    limits: Area<'a>,
}

impl TenantSettings<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let (here, back) = (paths::admin_tenant_settings(self.id), paths::admin_tenant(self.id));
        let above = [(self.name.unwrap_or(self.id.as_str()), back.clone())];
        let path = format!("/tenants/{}", self.id);
        let body = serde_json::json!({ "tier": "pro", "limits": { "keys": 100 }, "features": { "custom_domains": true } });
        let change = ApiCall::of("PATCH", &path).if_match(self.version).with_body(&body);
        let is_wrong = self.form.is_some_and(|form| !form.errors.is_empty());
        let view = View {
            chrome: Chrome::portal("Settings", &self.frame, Section::Tenants, Some(&above)),
            page: self,
            here,
            back,
            form: self.form.as_ref().map(SettingsForm::view),
            api: std::iter::once(ApiCall::get(&path, &[])).chain(self.form.map(|_| change)).collect(),
        };
        let status = match (self.is_overtaken, is_wrong) {
            (true, _) => 412,
            (false, true) => 422,
            (false, false) => 200,
        };
        Page::public(status, render(&view), &[])
    }
}

impl SettingsForm<'_> {
    fn view(&self) -> FormView<'_> {
        let Self { entered, errors, .. } = self;
        let field = |name: &'static str, label: &'static str, value, hint: &'static str| {
            EnteredText { value, error: errors.of(name) }.field((name, name), label, hint)
        };
        let area = |name: &'static str, label: &'static str, value, hint: &str| Area {
            id: name,
            name,
            label,
            hint: hint.to_owned(),
            value,
            error: errors.of(name),
        };
        FormView {
            fault: errors.of(""),
            tier: Field {
                list: self.tiers,
                ..field(
                    "tier",
                    "Tier",
                    &entered.tier,
                    "free, pro, enterprise or one of your own. Empty: no tier limits it.",
                )
            },
            service: Field {
                list: self.services,
                ..field(
                    "service",
                    "Service",
                    &entered.service,
                    "The upstream of GATEPOST_SERVICES to which its hosts lead. Empty: they get no routers.",
                )
            },
            limits: area(
                "limits",
                "Limits of its own",
                &entered.limits,
                "One a line, as keys=100. members=none takes a limit of the tier away.",
            ),
            features: area(
                "features",
                "Features of its own",
                &entered.features,
                "One a line, as custom_domains=true. What is not here the tier decides.",
            ),
        }
    }
}

impl AllowanceEntry<'_> {
    /// Who says so.
    const fn by(&self) -> &'static str {
        if self.is_own { "the tenant itself" } else { "its tier" }
    }
}
