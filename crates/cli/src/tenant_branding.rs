//! `gatepost tenant branding`: how the pages of a tenant look.

use super::console::Console;
use super::error::CommandError;
use super::report::{Report, lines};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use gatepost_admin::views::{Branding, BrandingChange};
use gatepost_core::branding::{Accent, BrandName, Logo, Notice, Support};
use gatepost_core::ids::TenantId;
use gatepost_store::directory::changes::{BrandTenant, BrandingEdit, TenantBrandName};
use serde_json::{Map, Value};
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

/// What to change. Without any of it the command shows what there is.
#[derive(Debug, Args)]
pub(super) struct Looks {
    /// The name on its pages, up to 64 characters
    #[arg(long, value_name = "TEXT")]
    name: Option<Part<BrandName>>,
    /// The colour of the band on which the name stands in white, as #2b5c4e
    #[arg(long, value_name = "COLOUR")]
    accent: Option<Part<Accent>>,
    /// Where its people get help: mailto: and an address, or a page at https
    #[arg(long, value_name = "ADDRESS")]
    support: Option<Part<Support>>,
    /// What its pages on the public host say, up to 280 characters
    #[arg(long, value_name = "TEXT")]
    notice: Option<Part<Notice>>,
    /// Its picture: PNG or WebP, at most 64 KiB, 16 to 512 pixels wide and high
    #[arg(long, value_name = "FILE")]
    logo: Option<Part<PathBuf>>,
}

/// A value, or none where the text is empty.
#[derive(Clone, Debug)]
struct Part<T>(Option<T>);

impl<T: FromStr> FromStr for Part<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text.is_empty() { Ok(Self(None)) } else { text.parse().map(|value| Self(Some(value))) }
    }
}

impl Looks {
    const fn is_empty(&self) -> bool {
        let says_something = self.name.is_some() || self.accent.is_some() || self.support.is_some();
        !says_something && self.notice.is_none() && self.logo.is_none()
    }

    /// The picture in the file, as it is kept.
    fn read_logo(&self) -> Result<Option<Part<Logo>>, CommandError> {
        let Some(Part(path)) = &self.logo else { return Ok(None) };
        let Some(path) = path else { return Ok(Some(Part(None))) };
        let bytes = std::fs::read(path).map_err(|error| CommandError::File(path.clone(), error))?;
        let logo = Logo::read(&bytes).map_err(|error| CommandError::Logo(path.clone(), error))?;
        Ok(Some(Part(Some(logo))))
    }

    /// The body by which the API takes it.
    fn body(&self, logo: Option<&Part<Logo>>) -> Value {
        fn member<T: Display>(part: Option<&Part<T>>) -> Option<Value> {
            part.map(|Part(value)| value.as_ref().map(ToString::to_string).into())
        }
        let members = [
            ("name", member(self.name.as_ref())),
            ("accent", member(self.accent.as_ref())),
            ("support", member(self.support.as_ref())),
            ("notice", member(self.notice.as_ref())),
            ("logo", logo.map(|Part(logo)| logo.as_ref().map(|logo| STANDARD.encode(logo.bytes())).into())),
        ];
        let there = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(there.collect::<Map<_, _>>())
    }
}

pub(super) async fn run(console: &Console, id: TenantId, looks: Looks) -> Result<Report, CommandError> {
    if looks.is_empty() {
        let branding = console.find_tenant(&id).await?.branding;
        return Ok(Report::new(described(&id, &branding), branding));
    }
    let logo = looks.read_logo()?;
    let change = if let Some(api) = console.api() {
        console.sent(api.brand_tenant(&id, &looks.body(logo.as_ref()), console.conditions).await)?
    } else {
        let config = &console.here()?.site.config;
        let named =
            |Part(name): Part<BrandName>| name.map(|name| TenantBrandName::new(name, config)).transpose();
        let edit = BrandingEdit {
            name: looks.name.map(named).transpose()?,
            accent: looks.accent.map(|Part(accent)| accent),
            support: looks.support.map(|Part(support)| support),
            notice: looks.notice.map(|Part(notice)| notice),
            logo: logo.map(|Part(logo)| logo),
        };
        let done = console.carry_out_here(&BrandTenant { tenant: id.clone(), edit }).await?;
        BrandingChange::new(&done.outcome, done.changed)
    };
    let text = if change.changed {
        let are = console.either("look now", "would look");
        format!("The pages of tenant {id} {are} like this:\n{}", described(&id, &change.branding))
    } else {
        format!("The pages of tenant {id} already look like this.")
    };
    Ok(Report::new(text, change))
}

fn described(id: &TenantId, branding: &Branding) -> String {
    let Branding { name, accent, support, notice, logo } = branding;
    let parts = [("Name", name), ("Colour", accent), ("Help", support), ("Notice", notice), ("Logo", logo)];
    let said = parts.iter().map(|(what, value)| format!("  {what}: {}", value.as_deref().unwrap_or("-")));
    lines(&std::iter::once(format!("Pages of tenant {id}")).chain(said).collect::<Vec<_>>())
}
