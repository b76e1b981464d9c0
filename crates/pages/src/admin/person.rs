//! One person, and what is known about them.

use super::parts::ApiCall;
use super::state::PersonState;
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::style::Sheet;
use crate::words::Moment;
use askama::Template;
use gatepost_core::administration::Version;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupId, GroupName, TenantId, UserId};

/// 200: one person.
#[derive(Clone, Copy, Debug)]
pub struct PersonDetails<'a> {
    pub frame: Frame<'a>,
    pub id: UserId,
    pub email: Option<&'a EmailAddress>,
    pub name: Option<&'a str>,
    pub state: PersonState,
    pub created_at: Timestamp,
    pub last_sign_in_at: Option<Timestamp>,
    /// The version of the person's own data, which the forms send back.
    pub version: Version,
    pub identities: &'a [IdentityEntry<'a>],
    /// `None`: the reader may not know of groups.
    pub groups: Option<&'a [MembershipEntry<'a>]>,
    pub tenants: &'a [TenantEntry<'a>],
    /// `None`: the reader may not know who is an administrator.
    pub admin: Option<AdminEntry<'a>>,
    /// The newest changes first.
    pub audit: &'a [AuditEntry<'a>],
}

/// An identity at a provider.
#[derive(Clone, Copy, Debug)]
pub struct IdentityEntry<'a> {
    /// The provider's label.
    pub provider: &'a str,
    /// The address that the provider asserted last.
    pub email: Option<&'a EmailAddress>,
}

/// A membership of a group, by one source.
#[derive(Clone, Copy, Debug)]
pub struct MembershipEntry<'a> {
    pub id: GroupId,
    pub name: &'a GroupName,
    pub by: ClaimedBy<'a>,
    /// When it ends. `None`: never.
    pub until: Option<Timestamp>,
    /// `None`: it cannot be changed here.
    pub version: Option<Version>,
}

/// Who says that a person is in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimedBy<'a> {
    Administrator,
    Scim,
    /// A provider, by its label, and the name of its own group if it gives one.
    Provider(&'a str, Option<&'a str>),
}

/// A way into a tenant.
#[derive(Clone, Copy, Debug)]
pub struct TenantEntry<'a> {
    pub id: &'a TenantId,
    pub role: &'a str,
    /// The group that opens it, if one does and the reader may know of groups.
    pub group: Option<&'a GroupName>,
    /// The person is a member of the tenant itself.
    pub is_direct: bool,
    pub until: Option<Timestamp>,
}

/// Whether the person is a system administrator, and why.
#[derive(Clone, Copy, Debug)]
pub struct AdminEntry<'a> {
    pub is_admin: bool,
    /// What an administrator decided.
    pub explicit: Option<bool>,
    pub until: Option<Timestamp>,
    /// The groups and roles that make the person one.
    pub reasons: &'a [String],
}

/// A change that concerns the person.
#[derive(Clone, Copy, Debug)]
pub struct AuditEntry<'a> {
    pub at: Timestamp,
    /// The address of the person who made the change, or the part of Gatepost.
    pub actor: &'a str,
    pub action: &'a str,
}

#[derive(Template)]
#[template(path = "admin/person.html")]
struct View<'a> {
    chrome: Chrome,
    person: &'a PersonDetails<'a>,
    disabled_at: Option<Moment>,
    created_at: Moment,
    last_sign_in_at: Option<Moment>,
    api: ApiCall,
}

impl PersonDetails<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let email = self.email.map(ToString::to_string);
        let heading = email.unwrap_or_else(|| self.id.to_string());
        let view = View {
            chrome: Chrome::portal(&heading, &self.frame, Section::People, Some(&[])),
            person: self,
            disabled_at: match self.state {
                PersonState::Disabled(at) => Some(Moment(at)),
                PersonState::Active | PersonState::Awaited => None,
            },
            created_at: Moment(self.created_at),
            last_sign_in_at: self.last_sign_in_at.map(Moment),
            api: ApiCall::get(&format!("/users/{}", self.id), &[]),
        };
        Page::public(200, render(&view), &[])
    }
}

/// For the template, which has references.
const fn moment(at: &Timestamp) -> Moment {
    Moment(*at)
}

impl ClaimedBy<'_> {
    pub(super) fn words(&self) -> String {
        match self {
            Self::Administrator => "added here".to_owned(),
            Self::Scim => "pushed by SCIM".to_owned(),
            Self::Provider(label, None) => format!("from {label}"),
            Self::Provider(label, Some(name)) => format!("from {label}: {name}"),
        }
    }
}

impl TenantEntry<'_> {
    pub(super) fn way(&self) -> String {
        match self.group {
            _ if self.is_direct => "directly".to_owned(),
            Some(group) => format!("through {group}"),
            None => "through a group".to_owned(),
        }
    }
}
