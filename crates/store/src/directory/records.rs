//! The arguments and results of the directory, in addition to the types of [`gatepost_core`].

use super::count::Count;
use gatepost_core::access::Role;
use gatepost_core::administration::Version;
use gatepost_core::branding::Branding;
use gatepost_core::clock::{Day, Timestamp};
use gatepost_core::email::{EmailAddress, EmailError};
use gatepost_core::host::HostName;
use gatepost_core::identity::{ExternalGroup, SubjectKey};
use gatepost_core::ids::{
    GroupId, GroupName, IdError, InvitationId, ProviderId, ServiceName, TenantId, TierId, UserId,
};
use gatepost_core::refusal::Refusal;
use gatepost_core::secret::Hash;
use gatepost_core::tenant::TenantState;
use gatepost_core::tenant_host::{HostProof, HostState};
use gatepost_core::tenant_provider::{EmailDomain, TenantProviderKind};
use gatepost_core::tier::{Allowances, JsonObject, TierTerms};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// The sign-in around an asserted identity.
#[derive(Clone, Debug)]
pub struct SignInContext {
    /// The session that starts if the person is admitted.
    pub new_session: Hash,
    /// The session that this browser has, and its person. If the same person signs in, that session is kept.
    pub current_session: Option<(UserId, Hash)>,
    /// The provider and the hash of its own session (`sid`).
    pub sid_hash: Option<(ProviderId, Hash)>,
    /// `iat` of the ID token, by the provider's clock.
    pub issued_at: Timestamp,
    /// The time of the sign-in, by Gatepost's clock.
    pub now: Timestamp,
}

/// The result of a sign-in or a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInOutcome {
    /// The person is admitted. Committed, with the audit rows.
    Admitted {
        /// The person.
        user_id: UserId,
        /// The time by the database's clock, which [`Standing::sessions_not_before`] uses too.
        ///
        /// [`Standing::sessions_not_before`]: gatepost_core::access::Standing::sessions_not_before
        at: Timestamp,
        /// What changed about the person's address.
        address: AddressNews,
        /// The person was in groups, and the provider now asserts none.
        lost_all_groups: bool,
        /// The provider could not name the groups, and the last list still counts.
        groups_are_stale: bool,
    },
    /// An administrator has disabled this person.
    Disabled,
    /// Neither the provider nor the directory has an address.
    NoAddress,
    /// Another user holds the address, until an administrator releases it.
    AddressHeld(EmailAddress),
    /// The person keeps an address (`GATEPOST_ADDRESS_CHANGES=keep`) of a domain that their provider may not assert.
    KeptAddressRefused(EmailAddress),
    /// The provider could not name the groups, and no list younger than 24 h is there.
    GroupsUnknown,
    /// The provider ended its session after it had issued this ID token.
    SessionEndedAtProvider,
    /// The provider of a tenant was changed or removed since it was asked.
    ProviderChanged,
}

/// What changed about a person's address, for the log. Applications that know people by address do not notice it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressNews {
    /// `None`: the address is unchanged.
    pub change: Option<AddressChange>,
    /// The person who had the address before, if that was somebody else.
    pub former_holder: Option<FormerHolder>,
}

/// A change of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressChange {
    /// Applications get another address than before.
    Changed {
        /// The address that applications got before.
        from: Option<EmailAddress>,
        /// The address that applications get now.
        to: EmailAddress,
    },
    /// The provider asserts a new address, but applications still get the one that they know.
    Kept {
        /// The address that applications get.
        email: EmailAddress,
        /// The address that the provider asserts.
        asserted: EmailAddress,
    },
}

/// The person who gave up an address that somebody else has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerHolder {
    /// The address.
    pub email: EmailAddress,
    /// The person who had it.
    pub user: UserId,
    /// When the person gave it up.
    pub until: Timestamp,
}

/// What a person has that ends by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Groups that the person is in until then, with all sources.
    pub groups: BTreeMap<String, Timestamp>,
    /// Tenants that the person is a member of, by itself, until then.
    pub tenants: BTreeMap<String, Timestamp>,
}

/// How a command or a page names a person: by id or by current address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserKey {
    Id(UserId),
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

/// How a command or a page names a group: by its number or by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupKey {
    Id(GroupId),
    Name(GroupName),
}

impl fmt::Display for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl From<GroupName> for GroupKey {
    fn from(name: GroupName) -> Self {
        Self::Name(name)
    }
}

impl From<GroupId> for GroupKey {
    fn from(id: GroupId) -> Self {
        Self::Id(id)
    }
}

/// The text is neither an id nor an address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UserKeyError {
    /// It has an `@`, but is not an address.
    #[error(transparent)]
    Email(#[from] EmailError),
    /// It has no `@` and is not an id.
    #[error(transparent)]
    Id(#[from] IdError),
}

impl FromStr for UserKey {
    type Err = UserKeyError;
    fn from_str(text: &str) -> Result<Self, UserKeyError> {
        if text.contains('@') { Ok(Self::Email(text.parse()?)) } else { Ok(Self::Id(text.parse()?)) }
    }
}

/// Why a provider's group has its name here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkSource {
    /// It is not linked. Its name is its id or `provider:id`, and grants nothing by itself.
    Auto,
    /// It has the provider's name for it, because the operator trusts the provider (`GROUP_NAMES=trust`).
    Trusted,
    /// `GATEPOST_GROUPS` links it.
    Config,
    /// An administrator linked it.
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
}

/// The text of the `source` column.
impl FromStr for LinkSource {
    type Err = Infallible;
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "trusted" => Self::Trusted,
            "config" => Self::Config,
            "manual" => Self::Manual,
            _ => Self::Auto,
        })
    }
}

/// A person with identities, groups, tenants and admin status.
#[derive(Clone, Debug)]
pub struct UserRecord {
    /// The person's own data.
    pub summary: UserSummary,
    /// Sessions that started before this second are over.
    pub sessions_not_before: Option<Timestamp>,
    /// The person's identities at providers. Empty: a placeholder until somebody signs in with its address.
    pub identities: Vec<IdentityRecord>,
    /// Groups, each with its sources: `manual`, `scim`, or the id of a provider. Empty for readers who may not know of
    /// groups.
    pub groups: BTreeMap<GroupName, Vec<String>>,
    /// Tenants that the person may enter, each with the highest role; of these, those that the reader may know of.
    pub tenants: BTreeMap<TenantId, Role>,
    /// Whether the person is an admin, and why. `None` for readers who may not know of it.
    pub admin: Option<AdminStanding>,
}

row! {
    /// A person's identity at a provider.
    #[derive(Clone, Debug)]
    pub struct IdentityRecord {
        /// The provider.
        pub provider: ProviderId,
        /// The person in the provider's policy.
        pub key: SubjectKey,
        /// The address that the provider asserted last, if it is known.
        pub email: Option<EmailAddress>,
    }
}

row! {
    /// A person in a list.
    #[derive(Clone, Debug)]
    pub struct UserSummary {
        /// Stable id.
        pub id: UserId,
        /// Address, if one is held.
        pub email: Option<EmailAddress>,
        /// Display name.
        pub name: Option<String>,
        /// When the person was disabled. `None`: they may sign in.
        pub disabled_at: Option<Timestamp>,
        /// When the person was created here.
        pub created_at: Timestamp,
        /// The last sign-in with a provider.
        pub last_sign_in_at: Option<Timestamp>,
        /// Counts the changes of this person's own data; a sign-in alone is none.
        pub version: Version,
    }
}

/// Whether a person is an admin, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdminStanding {
    /// Whether the person is an admin.
    pub is_admin: bool,
    /// What an administrator decided explicitly; `false` overrides groups and roles.
    pub explicit: Option<bool>,
    /// When that decision ends. `None`: never.
    pub until: Option<Timestamp>,
    /// The groups and roles that make the person an admin: `group NAME`, `role PROVIDER:ROLE`.
    pub reasons: Vec<String>,
    /// Counts the changes of that decision. `None`: there is none.
    pub version: Option<Version>,
}

/// A group.
#[derive(Clone, Debug)]
pub struct GroupRecord {
    pub id: GroupId,
    /// Counts the changes of its name.
    pub version: Version,
    /// Its name here.
    pub name: GroupName,
    /// The providers' groups that it stands for.
    pub links: Vec<GroupLink>,
    /// The number of people in it, from all sources.
    pub members: Count,
    /// The tenants that its members may enter, each with their role.
    pub tenants: BTreeMap<TenantId, Role>,
}

/// A provider's group that a group here stands for.
#[derive(Clone, Debug)]
pub struct GroupLink {
    /// The provider's group.
    pub external: ExternalGroup,
    /// The provider's name for it, if the provider gives one.
    pub display_name: Option<String>,
    /// Why it belongs to the group here.
    pub source: LinkSource,
}

/// A person's membership of a group, from one source.
#[derive(Clone, Debug)]
pub struct Membership {
    pub group_id: GroupId,
    /// The group's name here.
    pub group: GroupName,
    /// Where the membership comes from.
    pub source: MembershipSource,
    /// When it ends. `None`: never.
    pub until: Option<Timestamp>,
    /// Counts the changes of the membership. `None`: a provider asserts it, and nobody else changes it.
    pub version: Option<Version>,
}

row! {
    /// An address that a person had before.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct FormerAddress {
        pub email: String,
        /// When the person gave it up.
        pub until: Timestamp,
    }
}

/// Somebody who was let in on a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActivePerson {
    pub tenant: TenantId,
    pub day: Day,
    pub user: UserId,
}

/// What is held about a person beside the rows that make up who they are and what they may.
#[derive(Clone, Debug)]
pub struct Traces {
    pub former_addresses: Vec<FormerAddress>,
    /// Invitations to an address of the person.
    pub invitations: Vec<InvitationRecord>,
    /// Refused requests of the last days.
    pub refusals: Vec<Refusal>,
    /// On which days which tenants let the person in, for about two months.
    pub active_days: Vec<ActivePerson>,
}

/// Where a membership comes from.
#[derive(Clone, Debug)]
pub enum MembershipSource {
    /// An administrator.
    Manual,
    /// A directory that pushes its groups (SCIM).
    Scim,
    /// A provider, through one of its own groups.
    Provider(GroupLink),
}

row! {
    /// A member of a group.
    #[derive(Clone, Debug)]
    pub struct MemberRecord {
        /// Stable id.
        pub id: UserId,
        /// Address, if one is held.
        pub email: Option<EmailAddress>,
        /// Display name.
        pub name: Option<String>,
        /// Where the membership comes from: `manual`, `scim`, or the id of a provider.
        pub sources: BTreeSet<String>,
        /// When it ends. `None`: never, by one source at least.
        pub until: Option<Timestamp>,
        /// When what was given here ends, also if a provider says that it never ends.
        pub given_until: Option<Timestamp>,
        /// Counts the changes of the membership that an administrator gave. `None`: there is none.
        pub version: Option<Version>,
    }
}

/// A tenant.
#[derive(Clone, Debug)]
pub struct TenantRecord {
    pub id: TenantId,
    /// Display name.
    pub name: Option<String>,
    /// Counts the changes of its own data.
    pub version: Version,
    pub created_at: Timestamp,
    pub state: TenantState,
    /// Kept while it is deleted: then it is suspended again when it is restored.
    pub suspended_at: Option<Timestamp>,
    /// Why it is suspended, for administrators.
    pub suspended_reason: Option<String>,
    /// It is erased 30 days later.
    pub deleted_at: Option<Timestamp>,
    /// When its own data was changed last.
    pub updated_at: Timestamp,
    /// `None`: no tier limits it.
    pub tier: Option<TierId>,
    /// What it has by itself, which overrides the tier's.
    pub own: Allowances,
    /// What counts: its own, else the tier's.
    pub allowances: Allowances,
    /// Kept for other programs.
    pub settings: JsonObject,
    /// How its pages look.
    pub branding: Branding,
    /// The upstream in `GATEPOST_SERVICES` to which its hosts lead. `None`: no routers are made for them.
    pub service: Option<ServiceName>,
    /// The kind and the name of the provider that it brings.
    pub provider: Option<(TenantProviderKind, String)>,
    /// Its hosts, by name.
    pub hosts: Vec<TenantHostRecord>,
    /// The groups whose members may enter it, each with their role. Empty for readers who may not know of groups.
    pub groups: BTreeMap<GroupName, Role>,
    /// The number of people who may enter it through a group or directly. Admins of the system are not counted.
    pub members: Count,
}

row! {
    /// An invitation to a tenant that nobody has accepted yet. Its secret is not known.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct InvitationRecord {
        pub id: InvitationId,
        pub tenant_id: TenantId,
        /// Whoever signs in with it may accept.
        pub email: EmailAddress,
        pub role: Role,
        pub created_at: Timestamp,
        /// From this second on it counts no more.
        pub expires_at: Timestamp,
    }
}

/// The provider that a tenant brings, with its domains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantProviderRecord {
    pub provider: TenantProvider,
    /// By name.
    pub domains: Vec<TenantDomain>,
}

impl TenantProviderRecord {
    /// The same as long as nothing has changed that decides about sign-ins. A secret is sealed anew whenever somebody enters
    /// it, so a provider that was removed and entered again has another revision.
    pub fn revision(&self) -> Hash {
        let Self { provider, domains } = self;
        let claim = provider.groups_claim.as_deref();
        let mut parts: Vec<&[u8]> = vec![
            provider.tenant_id.as_str().as_bytes(),
            provider.kind.as_str().as_bytes(),
            provider.place.as_bytes(),
            provider.client_id.as_bytes(),
            provider.secret.as_bytes(),
            if claim.is_some() { b"claim" } else { b"" },
            claim.unwrap_or_default().as_bytes(),
            if provider.trusts_addresses { b"trusts" } else { b"" },
        ];
        for one in domains {
            parts.extend([one.domain.as_str().as_bytes(), one.state.as_str().as_bytes()]);
        }
        Hash::of(&parts)
    }
}

row! {
    /// The provider that a tenant brings.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct TenantProvider {
        pub tenant_id: TenantId,
        pub kind: TenantProviderKind,
        /// The issuer; for Entra the id of the tenant there.
        pub place: String,
        pub client_id: String,
        /// The client secret, sealed by the key ring for the tenant.
        pub secret: String,
        pub label: String,
        pub groups_claim: Option<String>,
        pub trusts_addresses: bool,
        pub is_only: bool,
        pub created_at: Timestamp,
        pub updated_at: Option<Timestamp>,
        /// Counts the changes, also those of the domains.
        pub version: Version,
    }
}

row! {
    /// A domain whose addresses the provider of a tenant may assert while it is active.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct TenantDomain {
        pub tenant_id: TenantId,
        pub domain: EmailDomain,
        pub state: HostState,
        /// What proves that the tenant runs the domain's zone.
        pub proof: HostProof,
        pub proved_at: Option<Timestamp>,
    }
}

row! {
    /// A host of a tenant.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct TenantHostRecord {
        pub host: HostName,
        pub tenant_id: TenantId,
        pub state: HostState,
        /// What proves that the tenant runs the host's zone.
        pub proof: HostProof,
        pub proved_at: Option<Timestamp>,
        pub created_at: Timestamp,
        /// Counts the changes.
        pub version: Version,
    }
}

/// A tier of tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierRecord {
    pub id: TierId,
    pub terms: TierTerms,
    /// It comes with Gatepost.
    pub is_built_in: bool,
    /// Counts the changes. `None`: nobody has changed it since it came with Gatepost.
    pub version: Option<Version>,
}

/// Of something a tenant has more than it may have by now. Nothing is deleted, and nothing may be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// The name of the limit.
    pub limit: &'static str,
    pub most: u64,
    pub present: u64,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, most, present } = self;
        write!(
            f,
            "The tenant has {present} {limit}, and may have {most}: nothing is deleted, and no more may be added."
        )
    }
}
