//! The one style sheet and the mark: linked from the public host at paths that name their content, inlined elsewhere.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepost_core::secret::Hash;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// The sheet as it is sent.
pub(super) static STYLE: LazyLock<Style> = LazyLock::new(|| {
    let css: String = include_str!("../../../templates/style.css").lines().map(str::trim).collect();
    let csp_hash = format!("sha256-{}", STANDARD.encode(Sha256::digest(&css)));
    Style { path: hashed_path("style", "css", &css), css, csp_hash }
});

static ICON: LazyLock<String> = LazyLock::new(|| hashed_path("icon", "svg", ICON_SVG));
const ICON_SVG: &str = include_str!("../../../templates/icon.svg");

pub(super) struct Style {
    /// Where the public host serves it.
    path: String,
    css: String,
    /// CSP level 2 section 4.2.4: over exactly the bytes between the tags.
    pub(super) csp_hash: String,
}

/// A file of the public host. Its path changes with its content, so it may be kept for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Where.
    pub path: &'static str,
    /// `Content-Type`.
    pub media_type: &'static str,
    /// UTF-8.
    pub body: &'static str,
}

impl Asset {
    /// `Cache-Control` of every asset (RFC 8246).
    pub const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";
}

/// All files that the public host's pages link to.
pub fn assets() -> [Asset; 2] {
    [
        Asset { path: &STYLE.path, media_type: "text/css; charset=utf-8", body: &STYLE.css },
        Asset { path: &ICON, media_type: "image/svg+xml", body: ICON_SVG },
    ]
}

/// How a page comes by its style.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sheet {
    /// On a protected host: within the page.
    Inline(&'static str),
    /// On the public host: paths of sheet and mark.
    Linked { style: &'static str, icon: &'static str },
}

impl Sheet {
    pub(super) fn inline() -> Self {
        Self::Inline(&STYLE.css)
    }

    pub(super) fn linked() -> Self {
        Self::Linked { style: &STYLE.path, icon: &ICON }
    }
}

fn hashed_path(name: &str, extension: &str, content: &str) -> String {
    let hash = Hash::of(&[content.as_bytes()]).to_string();
    format!("/assets/{name}.{}.{extension}", &hash[..16])
}
