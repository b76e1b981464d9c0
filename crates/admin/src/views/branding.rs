//! How the pages of a tenant look.

use super::text;
use gatepost_core::branding::Branding as Looks;
use gatepost_pages::paths;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How the pages of a tenant look. `null`: as everywhere.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Branding {
    /// The name on its pages.
    pub name: Option<String>,
    /// The colour of the band on which the name stands.
    #[schema(example = "#2b5c4e")]
    pub accent: Option<String>,
    /// Where its people get help.
    #[schema(example = "mailto:help@acme.com")]
    pub support: Option<String>,
    /// What its pages on the public host say.
    pub notice: Option<String>,
    /// The path of its picture on the public host.
    #[schema(example = "/logos/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.png")]
    pub logo: Option<String>,
}

impl From<&Looks> for Branding {
    fn from(branding: &Looks) -> Self {
        Self {
            name: text(branding.name.as_ref()),
            accent: text(branding.accent.as_ref()),
            support: text(branding.support.as_ref()),
            notice: text(branding.notice.as_ref()),
            logo: branding.logo.map(paths::logo),
        }
    }
}

/// How the pages of a tenant look after a change.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BrandingChange {
    #[serde(flatten)]
    pub branding: Branding,
    pub changed: bool,
}

impl BrandingChange {
    pub fn new(branding: &Looks, changed: bool) -> Self {
        Self { branding: branding.into(), changed }
    }
}
