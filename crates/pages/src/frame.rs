//! The frame of the portal: what its pages show around their content. The navigation, the way back, who is signed in,
//! and what the last form did.

use super::paths;
use gatepost_core::administration::Scope;
use gatepost_core::ids::RequestId;

/// What a page of the portal needs to know about its reader and the request.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The address of the person who is signed in, or the id of one without.
    pub reader: &'a str,
    /// What they may administer: pages for more than that are not in the navigation.
    pub scope: &'a Scope,
    /// What the last form did, as a sentence.
    pub notice: Option<&'a str>,
    pub request_id: RequestId,
}

/// A part of the portal, with an entry in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Overview,
    People,
    Groups,
    Tenants,
    Requests,
    Access,
    Keys,
    Tools,
    Audit,
    System,
    /// One's own account, which is not in the portal.
    Account,
    /// One's own keys, likewise.
    OwnKeys,
}

impl Section {
    /// The parts for administrators, in the order of the navigation.
    const PORTAL: [Self; 10] = [
        Self::Overview,
        Self::People,
        Self::Groups,
        Self::Tenants,
        Self::Requests,
        Self::Access,
        Self::Keys,
        Self::Tools,
        Self::Audit,
        Self::System,
    ];
    /// The parts of one's own account, likewise.
    const OWN: [Self; 2] = [Self::Account, Self::OwnKeys];

    const fn is_own(self) -> bool {
        matches!(self, Self::Account | Self::OwnKeys)
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::People => "People",
            Self::Access => "Access",
            Self::Groups => "Groups",
            Self::Tenants => "Tenants",
            Self::Audit => "Audit",
            Self::System => "System",
            Self::Requests => "Access requests",
            Self::Keys | Self::OwnKeys => "API keys",
            Self::Tools => "Tool servers",
            Self::Account => "Account",
        }
    }

    /// The path of its first page.
    const fn path(self) -> &'static str {
        match self {
            Self::Overview => paths::ADMIN,
            Self::People => paths::ADMIN_USERS,
            Self::Access => paths::ADMIN_ACCESS,
            Self::Groups => paths::ADMIN_GROUPS,
            Self::Tenants => paths::ADMIN_TENANTS,
            Self::Audit => paths::ADMIN_AUDIT,
            Self::System => paths::ADMIN_SYSTEM,
            Self::Requests => paths::ADMIN_REQUESTS,
            Self::Keys => paths::ADMIN_KEYS,
            Self::Tools => paths::ADMIN_TOOLS,
            Self::Account => paths::ACCOUNT,
            Self::OwnKeys => paths::OWN_KEYS,
        }
    }

    /// Whether it has anything for somebody who administers this.
    const fn is_for(self, scope: &Scope) -> bool {
        match self {
            Self::Groups | Self::System => matches!(scope, Scope::System),
            _ => true,
        }
    }
}

/// The frame of one page.
#[derive(Clone, Debug)]
pub(super) struct Portal {
    pub(super) reader: String,
    /// The name of the navigation.
    pub(super) label: &'static str,
    /// Its first page.
    pub(super) home: &'static str,
    pub(super) entries: Vec<Entry>,
    /// The pages above this one.
    pub(super) crumbs: Vec<Crumb>,
    pub(super) notice: Option<String>,
}

/// An entry of the navigation.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) text: &'static str,
    pub(super) path: &'static str,
    /// `page`: this page. `true`: this page is below it.
    pub(super) current: Option<&'static str>,
}

/// A page above the present one.
#[derive(Clone, Debug)]
pub(super) struct Crumb {
    pub(super) text: String,
    pub(super) path: String,
}

impl Portal {
    /// A page of a section. `above` are the pages between its first page and this one, each with its text and path.
    /// `None`: this is its first page.
    pub(super) fn new(frame: &Frame<'_>, section: Section, above: Option<&[(&str, String)]>) -> Self {
        let entry = |one: Section| {
            let mark = if above.is_none() { "page" } else { "true" };
            Entry { text: one.text(), path: one.path(), current: Some(mark).filter(|_| one == section) }
        };
        let (label, home, parts) = if section.is_own() {
            ("Your account", paths::ACCOUNT, Section::OWN.as_slice())
        } else {
            ("Administration", paths::ADMIN, Section::PORTAL.as_slice())
        };
        // Own pages lead back to what the reader administers.
        let back = Some(Entry { text: "Administration", path: paths::ADMIN, current: None })
            .filter(|_| section.is_own() && !frame.scope.is_empty());
        let entries = parts.iter().copied().filter(|one| one.is_for(frame.scope)).map(entry);
        let crumb = |text: &str, path: &str| Crumb { text: text.to_owned(), path: path.to_owned() };
        let crumbs = above.map(|above| {
            let own = crumb(section.text(), section.path());
            std::iter::once(own).chain(above.iter().map(|(text, path)| crumb(text, path))).collect()
        });
        Self {
            reader: frame.reader.to_owned(),
            label,
            home,
            entries: entries.chain(back).collect(),
            crumbs: crumbs.unwrap_or_default(),
            notice: frame.notice.map(str::to_owned),
        }
    }
}
