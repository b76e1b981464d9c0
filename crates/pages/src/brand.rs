//! The look of a tenant around a page: a band in its colour with its name, and on the public host its picture, its notice and where
//! it helps. Guarantee: nothing of it is markup or style, a page loads nothing for it but a picture of the public host, and the footer names the public host.

use super::paths;
use gatepost_core::branding::{Accent, Branding};
use gatepost_core::host::HostName;

/// The look of a tenant.
#[derive(Clone, Copy, Debug)]
pub struct Brand<'a> {
    pub branding: &'a Branding,
    /// The public host, whose page it stays.
    pub host: &'a HostName,
}

/// What a page shows of it.
#[derive(Clone, Debug)]
pub(super) struct BrandView {
    pub(super) name: Option<String>,
    /// An attribute of a picture: no style of a page holds anything of a tenant.
    pub(super) accent: Option<Accent>,
    /// An address and what people read of it.
    pub(super) support: Option<(String, String)>,
    pub(super) notice: Option<String>,
    /// The path of its picture on the public host.
    pub(super) logo: Option<String>,
    pub(super) host: String,
}

impl Brand<'_> {
    /// For pages of the public host.
    pub(super) fn view(self) -> BrandView {
        let Self { branding, host } = self;
        BrandView {
            name: branding.name.as_ref().map(ToString::to_string),
            accent: branding.accent,
            support: branding.support.as_ref().map(|support| (support.link(), support.text().to_owned())),
            notice: branding.notice.as_ref().map(ToString::to_string),
            logo: branding.logo.map(paths::logo),
            host: host.to_string(),
        }
    }

    /// For pages on an application's host, where nothing else is ours: name and colour.
    pub(super) fn on_its_host(self) -> BrandView {
        BrandView { support: None, notice: None, logo: None, ..self.view() }
    }
}

impl BrandView {
    /// Who says what the notice says.
    pub(super) fn who(&self) -> &str {
        self.name.as_deref().unwrap_or("This tenant")
    }
}
