//! What goes into and comes out of the directory, beyond the words of [`gatepost_core`].

use gatepost_core::access::Role;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::{EmailAddress, EmailError};
use gatepost_core::identity::{ExternalGroup, SubjectKey};
use gatepost_core::ids::{GroupName, IdError, ProviderId, RequestId, TenantId, UserId};
use gatepost_core::secret::Hash;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Who makes a change, for its audit row.
#[derive(Clone, Debug)]
pub struct Actor {
    /// A person's id, `cli:<name>`, `configuration`, ...
    pub who: String,
    /// Where from.
    pub address: Option<IpAddr>,
    /// The id that finds the log line.
    pub request_id: Option<RequestId>,
}

/// The sign-in around an asserted identity.
#[derive(Clone, Debug)]
pub struct SignInContext {
    /// The session that begins if it is admitted.
    pub new_session: Hash,
    /// The session that this browser has, and whose: if it is the same person's, that one goes on instead.
    pub current_session: Option<(UserId, Hash)>,
    /// The provider's own session (`sid`), hashed.
    pub sid_hash: Option<(ProviderId, Hash)>,
    /// `iat` of the ID token: the provider's clock.
    pub issued_at: Timestamp,
    /// The second of the sign-in: our clock.
    pub now: Timestamp,
}

/// What became of a sign-in or a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInOutcome {
    /// Committed, with its audit rows.
    Admitted {
        /// Who it is here.
        user_id: UserId,
        /// When, by the database's clock, which is also that of [`Standing::sessions_not_before`].
        ///
        /// [`Standing::sessions_not_before`]: gatepost_core::access::Standing::sessions_not_before
        at: Timestamp,
        /// What became of the person's address.
        address: AddressNews,
        /// The provider says "in no group" of somebody who was in some.
        lost_all_groups: bool,
        /// The provider could not say; the last list still counts.
        groups_are_stale: bool,
    },
    /// An administrator disabled this person.
    Disabled,
    /// Neither the provider nor the directory has an address.
    NoAddress,
    /// Another user holds the address, until an administrator releases it.
    AddressHeld(EmailAddress),
    /// The person keeps an address (`GATEPOST_ADDRESS_CHANGES=keep`) of a domain that their provider may not assert.
    KeptAddressRefused(EmailAddress),
    /// The provider could not name the groups, and no list younger than 24 h is there.
    GroupsUnknown,
    /// The provider ended this session before it began here: the ID token is of the time before.
    SessionEndedAtProvider,
}

/// What became of a person's address, for the log: applications that know people by address see none of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressNews {
    /// `None`: it is as it was.
    pub change: Option<AddressChange>,
    /// Who had the address before, if that was somebody else.
    pub former_holder: Option<FormerHolder>,
}

/// A change of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressChange {
    /// Applications get another address from now on.
    Changed {
        /// The one that they got before.
        from: Option<EmailAddress>,
        /// The one that they get now.
        to: EmailAddress,
    },
    /// The provider asserts another address, which it did not before; applications get the one that they know.
    Kept {
        /// What applications get.
        email: EmailAddress,
        /// What the provider asserts.
        asserted: EmailAddress,
    },
}

/// Who gave an address up that somebody else has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerHolder {
    /// The address.
    pub email: EmailAddress,
    /// Whose it was.
    pub user: UserId,
    /// Until when.
    pub until: Timestamp,
}

/// How a person is named: by id, or by the address held now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserKey {
    /// Stable id.
    Id(UserId),
    /// Address.
    Email(EmailAddress),
}

impl fmt::Display for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Email(email) => email.fmt(f),
        }
    }
}

/// The text is neither id nor address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UserKeyError {
    /// It has an `@`.
    #[error(transparent)]
    Email(#[from] EmailError),
    /// It has none.
    #[error(transparent)]
    Id(#[from] IdError),
}

impl FromStr for UserKey {
    type Err = UserKeyError;
    fn from_str(text: &str) -> Result<Self, UserKeyError> {
        if text.contains('@') { Ok(Self::Email(text.parse()?)) } else { Ok(Self::Id(text.parse()?)) }
    }
}

/// How a provider's group got its name here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkSource {
    /// Unlinked: its id, or `provider:id`, is its name, and vouches for nothing.
    Auto,
    /// It bears the provider's name, because the operator trusts it (`GROUP_NAMES=trust`).
    Trusted,
    /// `GATEPOST_GROUPS`.
    Config,
    /// Portal or command line.
    Manual,
}

impl LinkSource {
    /// The text of the `source` column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Trusted => "trusted",
            Self::Config => "config",
            Self::Manual => "manual",
        }
    }

    pub(super) fn from_column(text: &str) -> Self {
        match text {
            "trusted" => Self::Trusted,
            "config" => Self::Config,
            "manual" => Self::Manual,
            _ => Self::Auto,
        }
    }
}

/// A person with all that is known.
#[derive(Clone, Debug)]
pub struct UserRecord {
    /// The row itself.
    pub summary: UserSummary,
    /// Sessions begun before this second are over.
    pub sessions_not_before: Option<Timestamp>,
    /// Who it is at the providers; none: a placeholder that waits for its first signer.
    pub identities: Vec<IdentityRecord>,
    /// Groups, each with its sources (`manual`, `scim`, or a provider's id).
    pub groups: BTreeMap<GroupName, Vec<String>>,
    /// Tenants that the groups open, each with the highest role.
    pub tenants: BTreeMap<TenantId, Role>,
    /// Admin, and why.
    pub admin: AdminStanding,
}

/// Who a person is at a provider.
#[derive(Clone, Debug)]
pub struct IdentityRecord {
    /// The provider's id here.
    pub provider: ProviderId,
    /// Who it is there.
    pub key: SubjectKey,
    /// The address that it asserted last, if that is known.
    pub email: Option<EmailAddress>,
}

/// A person in a list.
#[derive(Clone, Debug)]
pub struct UserSummary {
    /// Stable id.
    pub id: UserId,
    /// Address, if one is held.
    pub email: Option<EmailAddress>,
    /// Display name.
    pub name: Option<String>,
    /// Since when the person may not sign in.
    pub disabled_at: Option<Timestamp>,
    /// When the row was made.
    pub created_at: Timestamp,
    /// Last sign-in with a provider.
    pub last_sign_in_at: Option<Timestamp>,
}

/// Whether a person is an admin, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminStanding {
    /// The result.
    pub is_admin: bool,
    /// What an administrator said; false is a veto.
    pub explicit: Option<bool>,
    /// What groups and roles say: `group NAME`, `role PROVIDER:ROLE`.
    pub reasons: Vec<String>,
}

/// A group.
#[derive(Clone, Debug)]
pub struct GroupRecord {
    /// Its name here.
    pub name: GroupName,
    /// Providers' groups that it stands for.
    pub links: Vec<GroupLink>,
    /// How many people are in it, however they came.
    pub members: u64,
    /// Tenants that it opens.
    pub tenants: BTreeMap<TenantId, Role>,
}

/// A provider's group behind a group.
#[derive(Clone, Debug)]
pub struct GroupLink {
    /// Which.
    pub external: ExternalGroup,
    /// The provider's name for it, where it told.
    pub display_name: Option<String>,
    /// How it got here.
    pub source: LinkSource,
}

/// A membership of one person.
#[derive(Clone, Debug)]
pub struct Membership {
    /// The group's name here.
    pub group: GroupName,
    /// Who says so.
    pub source: MembershipSource,
}

/// Who says that somebody is in a group.
#[derive(Clone, Debug)]
pub enum MembershipSource {
    /// An administrator.
    Manual,
    /// A directory that pushes its groups (SCIM).
    Scim,
    /// A provider, by its own group.
    Provider(GroupLink),
}

/// Somebody who is in a group.
#[derive(Clone, Debug)]
pub struct MemberRecord {
    /// Stable id.
    pub id: UserId,
    /// Address, if one is held.
    pub email: Option<EmailAddress>,
    /// Display name.
    pub name: Option<String>,
    /// Who says so: `manual`, `scim`, or a provider's id.
    pub sources: BTreeSet<String>,
}

/// What became of a person's joining a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joining {
    /// Was in it by an administrator's word already.
    Was,
    /// Is in it from now on.
    New,
    /// The same, and the group was made for it.
    NewGroup,
}

/// A tenant.
#[derive(Clone, Debug)]
pub struct TenantRecord {
    /// Its id.
    pub id: TenantId,
    /// Display name.
    pub name: Option<String>,
    /// Groups that open it.
    pub groups: BTreeMap<GroupName, Role>,
}

/// One line of the audit.
#[derive(Clone, Debug)]
pub struct AuditRecord {
    /// Ascending.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who: a person's id, `cli:<name>`, `sign-in`, `configuration`, ...; `db:<role>` through the views.
    pub actor: String,
    /// The address that this person has now.
    pub actor_email: Option<String>,
    /// What: `user.disable`, `group.link`, ...
    pub action: String,
    /// Of whom or what: `user:<id>`, `group:<name>`, ...
    pub target: String,
    /// The address that this person has now.
    pub target_email: Option<String>,
    /// JSON object of what was.
    pub before: Option<String>,
    /// JSON object of what is.
    pub after: Option<String>,
    /// Where from.
    pub address: Option<String>,
    /// The id that finds the log line.
    pub request_id: Option<String>,
}

impl AuditRecord {
    /// The place of this line among all.
    pub const fn cursor(&self) -> AuditCursor {
        AuditCursor { at: self.at, id: self.id }
    }
}

/// Which lines of the audit; all by default.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of one of these people or things: `user:<id>`, `group:<name>`, ...; none: of any.
    pub targets: Vec<String>,
    /// By this actor, as the audit writes it.
    pub actor: Option<String>,
    /// One of these; none: any.
    pub actions: Vec<String>,
    /// None of these.
    pub except: Vec<String>,
    /// Of this request.
    pub request_id: Option<RequestId>,
    /// From this second on.
    pub since: Option<Timestamp>,
    /// Before this second.
    pub until: Option<Timestamp>,
    /// Older than this line.
    pub before: Option<AuditCursor>,
}

/// A place in the audit, newest first. Lines written later have their places before it, so that the page that begins
/// here stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditCursor {
    pub(super) at: Timestamp,
    pub(super) id: i64,
}

/// The text is no place in the audit.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no place in the audit: expected what the page before ended with")]
pub struct AuditCursorError(String);

impl fmt::Display for AuditCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.at.unix(), self.id)
    }
}

impl FromStr for AuditCursor {
    type Err = AuditCursorError;
    fn from_str(text: &str) -> Result<Self, AuditCursorError> {
        let place = text.split_once('-').and_then(|(at, id)| {
            Some(Self { at: Timestamp::from_unix(at.parse().ok()?), id: id.parse().ok()? })
        });
        place.ok_or_else(|| AuditCursorError(text.to_owned()))
    }
}
