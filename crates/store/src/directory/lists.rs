//! What administrators list: filters, pages, and the rows that are only in lists.
//!
//! Every read takes the [`Scope`] of its reader. For the administrators of tenants nothing exists but their tenants, the
//! people in them, and the audit rows of these tenants.
//!
//! [`Scope`]: gatepost_core::administration::Scope

use super::count::Count;
use super::records::{AdminStanding, GroupLink, UserSummary};
use gatepost_core::access::Role;
use gatepost_core::administration::Version;
use gatepost_core::api_key::KeyId;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupId, GroupName, TenantId, UserId};
use gatepost_core::tenant::TenantState;
use std::fmt;
use std::str::FromStr;

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page begins. `None`: this is the last page.
    pub next: Option<Place>,
}

impl<T> Page<T> {
    /// A page of nothing.
    pub const fn empty() -> Self {
        Self { items: Vec::new(), next: None }
    }

    /// A page of `limit` rows, of which one more was read if there is one.
    pub(super) fn of(mut items: Vec<T>, limit: u32, place: impl Fn(&T) -> Place) -> Self {
        let is_last = items.len() <= limit as usize;
        items.truncate(limit as usize);
        let next = items.last().filter(|_| !is_last).map(place);
        Self { items, next }
    }

    pub(super) fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

/// A place in a list, after its row. Rows that come later neither move it nor are shown twice. It belongs to the list and
/// the filter that it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(pub(super) String);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not a place in a list.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a place in a list: expected what the previous page ended with")]
pub struct PlaceError(String);

impl FromStr for Place {
    type Err = PlaceError;
    fn from_str(text: &str) -> Result<Self, PlaceError> {
        // Postgres takes no NUL in a text.
        let is_text = !text.is_empty() && !text.contains('\0');
        if is_text { Ok(Self(text.to_owned())) } else { Err(PlaceError(text.to_owned())) }
    }
}

/// Which people to list; all by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// An id; or words, each of which begins a word of the name, a part of the address, or the address.
    pub q: Option<String>,
    /// The address, as applications know it or as the provider asserts it.
    pub email: Option<EmailAddress>,
    /// Members of this group.
    pub group: Option<GroupId>,
    /// Who may enter this tenant, through a group or directly.
    pub tenant: Option<TenantId>,
    pub state: Option<UserState>,
}

/// A state of people by which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserState {
    /// Has signed in, and is not disabled.
    Active,
    /// Is disabled.
    Disabled,
    /// Nobody has signed in with the address yet.
    Awaited,
    /// Is an administrator of the system.
    Admin,
}

impl UserState {
    /// All states, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Active, Self::Disabled, Self::Awaited, Self::Admin];

    /// The word for it in queries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Awaited => "awaited",
            Self::Admin => "admin",
        }
    }
}

/// The text is not a state.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a state: expected active, disabled, awaited or admin")]
pub struct UserStateError(String);

impl FromStr for UserState {
    type Err = UserStateError;
    fn from_str(text: &str) -> Result<Self, UserStateError> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| UserStateError(text.to_owned()))
    }
}

/// Which groups to list; all by default.
#[derive(Clone, Debug)]
pub struct GroupFilter {
    /// A part of the name, or of the provider's name for a group that is not linked; or the whole number, or the whole id
    /// of a provider's group.
    pub q: Option<String>,
    pub state: Option<GroupState>,
    /// How many memberships of each are counted at most.
    pub counted: u32,
}

impl Default for GroupFilter {
    fn default() -> Self {
        Self { q: None, state: None, counted: Count::IN_LISTS }
    }
}

/// A state of groups by which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupState {
    /// Has a name of its own: stands for no provider's group that nobody linked.
    Named,
    /// Stands for a provider's group that was linked to it.
    Linked,
    /// Stands for a provider's group that nobody linked yet.
    Unlinked,
    /// Nobody is in it.
    Empty,
}

impl GroupState {
    /// All states, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Named, Self::Linked, Self::Unlinked, Self::Empty];

    /// The word for it in queries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::Linked => "linked",
            Self::Unlinked => "unlinked",
            Self::Empty => "empty",
        }
    }
}

/// The text is not a state of groups.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a state of groups: expected linked, unlinked or empty")]
pub struct GroupStateError(String);

impl FromStr for GroupState {
    type Err = GroupStateError;
    fn from_str(text: &str) -> Result<Self, GroupStateError> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| GroupStateError(text.to_owned()))
    }
}

/// Which tenants are listed.
#[derive(Clone, Debug, Default)]
pub struct TenantFilter {
    /// A part of the id or of the name.
    pub q: Option<String>,
    /// `None`: every one that is not deleted.
    pub state: Option<TenantState>,
}

/// A provider's group that is not linked to a group here.
#[derive(Clone, Debug)]
pub struct UnlinkedGroup {
    /// The group here that it stands for alone.
    pub group: GroupId,
    pub link: GroupLink,
    /// How many people here have it.
    pub people: Count,
}

/// A provider's group for which a group here stands.
#[derive(Clone, Debug)]
pub struct LinkedGroup {
    pub link: GroupLink,
    /// How many people here have it.
    pub people: Count,
}

row! {
    /// A tenant that a group opens.
    #[derive(Clone, Debug)]
    pub struct GroupTenant {
        pub tenant_id: TenantId,
        /// The name that people see.
        pub name: Option<String>,
        pub role: Role,
        /// Counts the changes of the role.
        pub version: Version,
    }
}

/// A group that opens a tenant.
#[derive(Clone, Debug)]
pub struct TenantGroup {
    pub id: GroupId,
    pub name: GroupName,
    pub role: Role,
    /// Counts the changes of the role.
    pub version: Version,
    pub members: Count,
}

/// Somebody who may enter a tenant.
#[derive(Clone, Debug)]
pub struct TenantPerson {
    pub user: UserSummary,
    /// By what. Not empty.
    pub ways: Vec<TenantWay>,
}

/// The way by which a person may enter a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantWay {
    pub tenant: TenantId,
    pub role: Role,
    pub by: By,
    /// When it ends. `None`: never.
    pub until: Option<Timestamp>,
}

/// What gives a person access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// A group. Its name is `None` for readers who may not know of groups.
    Group(Option<GroupName>),
    /// A membership in the tenant itself, with its version.
    Direct(Version),
}

row! {
    /// A member that a tenant has by itself.
    #[derive(Clone, Debug)]
    pub struct TenantMember {
        pub id: UserId,
        pub email: Option<EmailAddress>,
        pub name: Option<String>,
        pub role: Role,
        /// `manual`, `invitation` or `scim`.
        pub source: String,
        /// When it ends. `None`: never.
        pub until: Option<Timestamp>,
        pub created_at: Timestamp,
        /// Counts the changes of the membership.
        pub version: Version,
    }
}

/// A person who is an administrator, or about whom it was decided explicitly.
#[derive(Clone, Debug)]
pub struct AdminRecord {
    pub id: UserId,
    pub email: Option<EmailAddress>,
    pub name: Option<String>,
    pub disabled_at: Option<Timestamp>,
    pub standing: AdminStanding,
}

row! {
    /// What happened on one day (UTC).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct DayCount {
        /// The first second of the day.
        pub day: Timestamp,
        pub sign_ins: i64,
        /// Refused sign-ins, and refused requests of signed-in people. Requests count for the last 7 days only.
        pub refusals: i64,
    }
}

row! {
    /// How many people there are.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct PeopleCount {
        pub people: i64,
        /// Those whose last sign-in was since a given time.
        pub signed_in: i64,
        pub disabled: i64,
    }
}

/// Which refusals to list; all by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefusalFilter {
    /// Of this person and their keys, or of this machine.
    pub user: Option<UserId>,
    /// With this API key, by itself or for a person.
    pub key: Option<KeyId>,
    /// At this host.
    pub host: Option<String>,
    /// For this reason, as the label of the metric names it.
    pub reason: Option<String>,
    /// Since this second.
    pub since: Option<Timestamp>,
}

/// Something of a person that ends soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    pub user: UserId,
    pub email: Option<EmailAddress>,
    pub thing: EndingThing,
    pub until: Timestamp,
}

/// What ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndingThing {
    /// A membership of a group that an administrator made.
    Group(GroupId, GroupName),
    /// A membership in a tenant itself.
    Tenant(TenantId),
    /// The decision that the person is an administrator, or is none.
    Decision(bool),
}
