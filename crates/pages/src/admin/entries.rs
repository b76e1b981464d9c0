//! What is known about a person: the rows of their page.

use super::state::PersonState;
use crate::words::Moment;
use gatepost_core::administration::Version;
use gatepost_core::api_key::KeyId;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupId, GroupName, RequestId, TenantId, UserId};
use gatepost_core::refusal::Refused;
use gatepost_core::secret::Hash;
use std::net::IpAddr;

/// The person's own data.
#[derive(Clone, Copy, Debug)]
pub struct PersonSummary<'a> {
    pub id: UserId,
    pub email: Option<&'a EmailAddress>,
    pub name: Option<&'a str>,
    pub state: PersonState,
    pub created_at: Timestamp,
    pub last_sign_in_at: Option<Timestamp>,
    /// The version of these data, which the forms send back.
    pub version: Version,
}

impl PersonSummary<'_> {
    /// How pages name the person: the address, else the id.
    pub(super) fn title(&self) -> String {
        self.email.map_or_else(|| self.id.to_string(), ToString::to_string)
    }

    /// What a form about the person showed, for somebody who was overtaken.
    pub fn shown(&self) -> String {
        format!("{}, {}", self.email.map_or("no address", EmailAddress::as_str), self.state.word())
    }
}

/// A sign-in that was refused although the provider vouched for it.
#[derive(Clone, Copy, Debug)]
pub struct RefusedSignIn<'a> {
    pub at: Timestamp,
    /// The provider's label.
    pub provider: &'a str,
    /// The word of the audit: `disabled`, `address_held` or `kept_address_refused`.
    pub reason: &'a str,
}

impl RefusedSignIn<'_> {
    /// Why it was refused, as a sentence.
    pub(super) fn words(&self) -> &str {
        match self.reason {
            "disabled" => "The person is disabled.",
            "address_held" => "Somebody else here has the address.",
            "kept_address_refused" => "The provider may not assert the address that the person has here.",
            other => other,
        }
    }
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
    /// It stands for a provider's group that nobody linked: the provider's name says more than its own.
    pub is_unlinked: bool,
    /// When it ends. `None`: never.
    pub until: Option<Timestamp>,
    /// `None`: it cannot be changed here.
    pub version: Option<Version>,
}

/// What a form has made of a membership, as sentences.
pub fn joined_words(person: &str, group: &str, until: Option<Timestamp>) -> String {
    let until =
        until.map_or_else(|| "for good".to_owned(), |at| format!("until {}", Moment(at).with_weekday()));
    format!("{person} is in {group} {until}. It counts from the next request on.")
}

/// What a decision about an administrator has made of a person, as a sentence.
pub fn decided_words(person: &str, is_admin: bool, until: Option<Timestamp>) -> String {
    let until = until.map(|at| format!(" until {}", Moment(at).with_weekday())).unwrap_or_default();
    let what = if is_admin { "an administrator of the system" } else { "no administrator of the system" };
    format!("{person} is {what}{until}.")
}

/// What a form about a membership showed, for somebody who was overtaken.
pub fn member_words(until: Option<Timestamp>) -> String {
    until.map_or_else(|| "a member for good".to_owned(), |at| format!("a member until {}", Moment(at)))
}

/// Who says that a person is in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimedBy<'a> {
    Administrator,
    Scim,
    /// A provider, by its label, and the name of its own group if it gives one.
    Provider(&'a str, Option<&'a str>),
}

impl ClaimedBy<'_> {
    pub(super) fn words(&self) -> String {
        match self {
            Self::Administrator => "An administrator".to_owned(),
            Self::Scim => "A directory that pushes its groups (SCIM)".to_owned(),
            Self::Provider(label, None) => (*label).to_owned(),
            Self::Provider(label, Some(name)) => format!("{label}, by its group {name}"),
        }
    }
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

impl TenantEntry<'_> {
    pub(super) fn way(&self) -> String {
        match self.group {
            _ if self.is_direct => "Directly".to_owned(),
            Some(group) => format!("The group {group}"),
            None => "A group".to_owned(),
        }
    }
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
    /// The version of the explicit decision. `None`: there is none.
    pub version: Option<Version>,
}

impl AdminEntry<'_> {
    /// What the form showed, for somebody who was overtaken.
    pub fn shown(&self) -> String {
        let decision = match self.explicit {
            None => "groups and roles decide",
            Some(true) => "an administrator by a decision",
            Some(false) => "no administrator by a decision",
        };
        let until = self.until.map(|at| format!(" until {}", Moment(at)));
        format!("{decision}{}", until.unwrap_or_default())
    }
}

/// A valid session.
#[derive(Clone, Copy, Debug)]
pub struct AdminSession<'a> {
    /// The public handle with which the session can be ended; never the session's id.
    pub handle: Hash,
    /// The `User-Agent` at sign-in.
    pub user_agent: Option<&'a str>,
    /// The client's address at sign-in.
    pub address: Option<IpAddr>,
    pub began_at: Timestamp,
    pub last_used_at: Timestamp,
}

/// A request that was refused.
#[derive(Clone, Copy, Debug)]
pub struct RefusalEntry<'a> {
    pub request_id: RequestId,
    pub at: Timestamp,
    /// Who sent it, a person or a machine, and their address at that time.
    pub user: UserId,
    pub email: Option<&'a EmailAddress>,
    pub host: &'a str,
    pub path: &'a str,
    /// Why, in words.
    pub reason: &'a str,
    /// Why, as filters name it.
    pub reason_key: &'a str,
    /// The API key that was sent, by itself or for them.
    pub key: Option<KeyId>,
    /// The name that it had.
    pub via: Option<&'a str>,
}

impl RefusalEntry<'_> {
    /// How pages name who was refused.
    pub(super) fn title(&self) -> String {
        match Refused::of(self.user, self.key) {
            Refused::Key(key) => format!("Key {}", self.via.map_or_else(|| key.to_string(), str::to_owned)),
            Refused::Person(_) | Refused::Application => {
                self.email.map_or_else(|| self.user.to_string(), ToString::to_string)
            }
        }
    }
}

/// A change that concerns the person.
#[derive(Clone, Copy, Debug)]
pub struct AuditEntry<'a> {
    pub at: Timestamp,
    /// The address of the person who made the change, or the part of Gatepost.
    pub actor: &'a str,
    pub action: &'a str,
}
