//! One group: who is in it, which providers' groups it stands for, and which tenants it opens.

use super::ends::{Ends, EnteredEnd};
use super::entries::ClaimedBy;
use super::forms::{Adding, EnteredText, Select};
use super::groups::nameless;
use super::parts::{ApiCall, Empty, Field, Search};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words::Moment;
use askama::Template;
use gatepost_core::access::Role;
use gatepost_core::administration::Version;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupId, GroupName, TenantId, UserId};

/// One group. 200, or 422 if what was entered is wrong.
#[derive(Clone, Copy, Debug)]
pub struct GroupDetails<'a> {
    pub frame: Frame<'a>,
    pub id: GroupId,
    pub name: &'a GroupName,
    /// The version of the name.
    pub version: Version,
    /// How many people are in it, as "12" or "1000+".
    pub count: &'a str,
    /// The words by which the members are searched; empty for all.
    pub q: &'a str,
    pub members: &'a [MemberEntry<'a>],
    /// Where the next page of members begins.
    pub next: Option<&'a str>,
    pub links: &'a [LinkEntry<'a>],
    pub tenants: &'a [MappedTenant<'a>],
    /// The ids of tenants that can be chosen, as proposals.
    pub known_tenants: &'a [&'a str],
    pub entered: GroupEntered<'a>,
    pub now: Timestamp,
}

/// A member of a group.
#[derive(Clone, Debug)]
pub struct MemberEntry<'a> {
    pub id: UserId,
    pub email: Option<&'a EmailAddress>,
    pub name: Option<&'a str>,
    pub by: Vec<ClaimedBy<'a>>,
    /// When it ends. `None`: never.
    pub until: Option<Timestamp>,
    /// When what an administrator gave ends, also if a provider says that it never ends.
    pub given_until: Option<Timestamp>,
    /// The version of the membership that an administrator gave. `None`: there is none.
    pub version: Option<Version>,
}

/// A provider's group for which the group stands.
#[derive(Clone, Debug)]
pub struct LinkEntry<'a> {
    /// `PROVIDER:ID`, as forms send it.
    pub external: String,
    /// The provider's label.
    pub provider: &'a str,
    /// The group's id there.
    pub external_id: &'a str,
    /// The name of an application role rather than the id of a group.
    pub is_role: bool,
    /// The provider's name for it.
    pub name: Option<&'a str>,
    /// How many people here have it.
    pub people: String,
    pub standing: LinkStanding,
}

/// Why a provider's group belongs to a group here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkStanding {
    /// Nobody linked it: this group stands for it alone.
    Unlinked,
    /// It has the provider's name.
    Trusted,
    /// `GATEPOST_GROUPS` links it.
    Configured,
    /// An administrator linked it, and can undo it.
    Linked,
}

/// A tenant that the group opens.
#[derive(Clone, Copy, Debug)]
pub struct MappedTenant<'a> {
    pub id: &'a TenantId,
    pub name: Option<&'a str>,
    pub role: Role,
    pub version: Version,
}

/// What was entered into the forms.
#[derive(Clone, Copy, Debug)]
pub struct GroupEntered<'a> {
    /// Who is to be a member.
    pub user: EnteredText<'a>,
    pub end: &'a EnteredEnd,
    pub end_error: Option<&'a str>,
    /// Another name.
    pub name: EnteredText<'a>,
    /// The tenant to open.
    pub tenant: EnteredText<'a>,
    pub role: Role,
    /// The name for a group that is not linked.
    pub link: EnteredText<'a>,
}

impl<'a> GroupEntered<'a> {
    /// Nothing was entered: the forms of a group that has this name.
    pub const fn none(name: &'a str, end: &'a EnteredEnd) -> Self {
        Self {
            user: EnteredText::of(""),
            end,
            end_error: None,
            name: EnteredText::of(name),
            tenant: EnteredText::of(""),
            role: Role::Member,
            link: EnteredText::of(""),
        }
    }

    const fn is_wrong(&self) -> bool {
        self.user.error.is_some()
            || self.end_error.is_some()
            || self.name.error.is_some()
            || self.tenant.error.is_some()
            || self.link.error.is_some()
    }
}

#[derive(Template)]
#[template(path = "admin/group.html")]
struct View<'a> {
    chrome: Chrome,
    group: &'a GroupDetails<'a>,
    here: String,
    /// The provider's group for which the group stands alone.
    unlinked: Option<&'a LinkEntry<'a>>,
    adding: Adding<'a>,
    empty: Empty<'a>,
    next: Option<String>,
    name: Field<'a>,
    link: Field<'a>,
    tenant: Field<'a>,
    role: Select,
    api: Vec<ApiCall>,
}

impl GroupDetails<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let (here, entered) = (paths::admin_group(self.id), &self.entered);
        let q = Some(self.q).filter(|q| !q.is_empty());
        let unlinked = self.links.iter().find(|link| link.standing == LinkStanding::Unlinked);
        let heading = match unlinked {
            Some(link) => nameless(link.name, Some(link.provider)),
            None => self.name.as_str().into(),
        };
        let view = View {
            chrome: Chrome::portal(&heading, &self.frame, Section::Groups, Some(&[])),
            group: self,
            unlinked,
            adding: self.adding(&here),
            empty: self.empty(),
            next: self.next.map(|next| paths::query(&here, &[("q", q), ("after", Some(next))])),
            name: entered.name.field(
                ("name", "name"),
                "Name",
                "Routers that ask for the old name then refuse.",
            ),
            link: entered.link.field(
                ("link-name", "name"),
                "Name here",
                "A new name, or the name of a group that exists: it then stands for this one too.",
            ),
            tenant: Field {
                list: self.known_tenants,
                ..entered.tenant.field(("tenant", "tenant"), "Tenant", "Its id.")
            },
            role: Select::of_roles("role", entered.role),
            api: vec![ApiCall::get(&format!("/groups/{}", self.id), &[])],
            here: here.clone(),
        };
        let status = if entered.is_wrong() { 422 } else { 200 };
        Page::public(status, render(&view), &[])
    }

    fn adding<'a>(&'a self, here: &'a str) -> Adding<'a> {
        let GroupEntered { user, end, end_error, .. } = self.entered;
        let is_empty = self.members.is_empty() && self.q.is_empty();
        let call = ApiCall::of("PUT", &format!("/groups/{}/members/alice@example.com", self.id));
        Adding {
            action: format!("{here}/members"),
            is_open: user.error.is_some() || end_error.is_some() || is_empty,
            user: user.field(
                ("user", "user"),
                "E-mail address or id",
                "An address that nobody has signed in with yet waits for its first sign-in.",
            ),
            role: None,
            ends: Ends::new("end", "How long", end, end_error, self.now),
            button: "Add to the group",
            api: vec![call.with_body(&serde_json::json!({ "until": null }))],
            search: Search {
                action: here,
                label: "Search in this group",
                hint: "The beginning of a name or of an address.",
                q: self.q,
                keeps: Vec::new(),
            },
        }
    }

    fn empty(&self) -> Empty<'_> {
        if self.q.is_empty() {
            let remedy =
                "Add somebody here, or link a provider's group: its people come with their next sign-in.";
            Empty { text: "Nobody is in this group.", remedy }
        } else {
            Empty { text: "Nobody in this group matches.", remedy: "Search for less of the name." }
        }
    }
}

impl MemberEntry<'_> {
    fn title(&self) -> String {
        self.email.map_or_else(|| self.id.to_string(), ToString::to_string)
    }

    fn said_by(&self) -> String {
        let words: Vec<String> = self.by.iter().map(ClaimedBy::words).collect();
        words.join(", ")
    }

    /// Somebody else than an administrator says so too, and will say it again.
    fn comes_back(&self) -> bool {
        self.by.iter().any(|by| matches!(by, ClaimedBy::Provider(..)))
    }

    fn until(&self) -> Option<Moment> {
        self.until.map(Moment)
    }

    /// The end of what an administrator gave, where somebody else says that the person stays.
    fn given_until(&self) -> Option<Moment> {
        self.given_until.filter(|_| self.until.is_none()).map(Moment)
    }
}

impl LinkEntry<'_> {
    const fn said(&self) -> &'static str {
        match self.standing {
            LinkStanding::Unlinked => "not linked",
            LinkStanding::Trusted => "by the provider's name",
            LinkStanding::Configured => "GATEPOST_GROUPS",
            LinkStanding::Linked => "linked here",
        }
    }
}
