//! The style sheet and the icon: the public host links to them under paths that contain a hash, other hosts inline them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepost_core::secret::Hash;
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::LazyLock;

/// The minified style sheet.
pub(super) static STYLE: LazyLock<Style> =
    LazyLock::new(|| Style::new("style", minified(include_str!("../templates/style.css"))));

/// What only the band of a tenant needs.
static BAND: LazyLock<String> = LazyLock::new(|| minified(include_str!("../templates/brand.css")));

/// The style sheet of pages with the look of a tenant. Others stay as small as they are.
static BRANDED: LazyLock<Style> = LazyLock::new(|| Style::new("branded", STYLE.css.clone() + &BAND));

/// The style sheet of the portal: the common one, and what only its pages need. Other pages are on protected hosts too,
/// where the common one is in the page and must stay small.
static PORTAL: LazyLock<(String, String)> = LazyLock::new(|| {
    let css = STYLE.css.clone() + &BAND + &minified(include_str!("../templates/portal.css"));
    (hashed_path("portal", "css", &css), css)
});

/// Without what is there for readers of the source: ends of lines, indentation, comments of a line.
fn minified(css: &str) -> String {
    css.lines().map(str::trim).filter(|line| !line.starts_with("/*")).collect()
}

static ICON: LazyLock<String> = LazyLock::new(|| hashed_path("icon", "svg", ICON_SVG));
const ICON_SVG: &str = include_str!("../templates/icon.svg");

pub(super) struct Style {
    /// Its path on the public host.
    path: String,
    pub(super) css: String,
    /// The hash of exactly the bytes between the tags (CSP level 2 section 4.2.4).
    pub(super) csp_hash: String,
}

impl Style {
    fn new(name: &str, css: String) -> Self {
        let csp_hash = format!("sha256-{}", STANDARD.encode(Sha256::digest(&css)));
        Self { path: hashed_path(name, "css", &css), css, csp_hash }
    }
}

impl fmt::Debug for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

/// A file of the public host. Its path changes with its content, so browsers may cache it for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// The path.
    pub path: &'static str,
    /// `Content-Type`.
    pub media_type: &'static str,
    /// The content, in UTF-8.
    pub body: &'static str,
}

impl Asset {
    /// `Cache-Control` of every asset (RFC 8246).
    pub const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";
}

/// All files that the public host's pages link to.
pub fn assets() -> [Asset; 4] {
    [
        Asset { path: &STYLE.path, media_type: "text/css; charset=utf-8", body: &STYLE.css },
        Asset { path: &BRANDED.path, media_type: "text/css; charset=utf-8", body: &BRANDED.css },
        Asset { path: &PORTAL.0, media_type: "text/css; charset=utf-8", body: &PORTAL.1 },
        Asset { path: &ICON, media_type: "image/svg+xml", body: ICON_SVG },
    ]
}

/// How a page gets its style.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sheet {
    /// On a protected host: inside the page.
    Inline(&'static Style),
    /// On the public host: the paths of style sheet and icon.
    Linked { style: &'static str, icon: &'static str },
}

impl Sheet {
    pub(super) fn inline() -> Self {
        Self::Inline(&STYLE)
    }

    pub(super) fn linked() -> Self {
        Self::Linked { style: &STYLE.path, icon: &ICON }
    }

    /// The hash by which a policy allows it in the page. Empty: it is none of the page.
    pub(super) fn csp_hash(self) -> &'static str {
        match self {
            Self::Inline(style) => &style.csp_hash,
            Self::Linked { .. } => "",
        }
    }

    /// The same with what the band of a tenant needs.
    pub(super) fn branded(self) -> Self {
        match self {
            Self::Inline(_) => Self::Inline(&BRANDED),
            Self::Linked { icon, .. } => Self::Linked { style: &BRANDED.path, icon },
        }
    }

    pub(super) fn of_portal() -> Self {
        Self::Linked { style: &PORTAL.0, icon: &ICON }
    }
}

fn hashed_path(name: &str, extension: &str, content: &str) -> String {
    let hash = Hash::of(&[content.as_bytes()]).to_string();
    format!("/assets/{name}.{}.{extension}", &hash[..16])
}
