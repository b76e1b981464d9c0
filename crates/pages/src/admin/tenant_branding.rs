//! How the pages of a tenant look, for its administrators.

use super::forms::EnteredText;
use super::parts::{ApiCall, Field};
use crate::brand::{Brand, BrandView};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use askama::Template;
use gatepost_core::administration::Version;
use gatepost_core::branding::Branding;
use gatepost_core::host::HostName;
use gatepost_core::ids::TenantId;

/// The form that says how the pages of a tenant look. 200, or 422 if something is wrong with it.
#[derive(Clone, Copy, Debug)]
pub struct TenantLooks<'a> {
    pub frame: Frame<'a>,
    pub id: &'a TenantId,
    pub name: Option<&'a str>,
    pub version: Version,
    /// As the pages look now.
    pub branding: &'a Branding,
    pub public_host: &'a HostName,
    pub entered: LooksEntered<'a>,
    /// What is wrong with the file of a picture that was sent, as a sentence.
    pub logo_error: Option<&'a str>,
}

/// What was entered into the form. Empty: as everywhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct LooksEntered<'a> {
    pub name: EnteredText<'a>,
    pub accent: EnteredText<'a>,
    pub support: EnteredText<'a>,
    pub notice: EnteredText<'a>,
}

impl LooksEntered<'_> {
    fn is_wrong(&self) -> bool {
        [self.name, self.accent, self.support, self.notice].iter().any(|text| text.error.is_some())
    }
}

#[derive(Template)]
#[template(path = "admin/branding.html")]
struct View<'a> {
    chrome: Chrome,
    action: String,
    back: String,
    version: Version,
    now: BrandView,
    fields: [Field<'a>; 4],
    logo_error: Option<&'a str>,
    api: Vec<ApiCall>,
}

impl TenantLooks<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let Self { entered, .. } = self;
        let back = paths::admin_tenant(self.id);
        let name = self.name.unwrap_or(self.id.as_str());
        let call = ApiCall::of("PATCH", &format!("/tenants/{}/branding", self.id)).if_match(self.version);
        let view = View {
            chrome: Chrome::portal(
                "Look of its pages",
                &self.frame,
                Section::Tenants,
                Some(&[(name, back.clone())]),
            ),
            action: paths::admin_tenant_branding(self.id),
            version: self.version,
            now: Brand { branding: self.branding, host: self.public_host }.view(),
            fields: [
                entered.name.field(("name", "name"), "Name", "Up to 64 characters, on the band."),
                entered.accent.field(
                    ("accent", "accent"),
                    "Colour",
                    "Of the band, as #2b5c4e. The name stands on it in white, so it must be dark enough.",
                ),
                entered.support.field(
                    ("support", "support"),
                    "Help",
                    "Where your people get help: mailto:help@acme.com, or a page at https.",
                ),
                entered.notice.field(
                    ("notice", "notice"),
                    "Notice",
                    "Up to 280 characters. Shown where people sign in, not at your applications.",
                ),
            ],
            api: vec![call.with_body(&serde_json::json!({ "name": "ACME", "accent": "#2b5c4e" }))],
            logo_error: self.logo_error,
            back,
        };
        Page::public(
            if entered.is_wrong() || self.logo_error.is_some() { 422 } else { 200 },
            render(&view),
            &[],
        )
    }
}
