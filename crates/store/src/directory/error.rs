//! Errors of the directory. "Unavailable" is a variant of its own, so that no caller mistakes it for "there is none".
//! Refusals that a person can fix have variants of their own.

use super::records::{GroupKey, UserKey};
use gatepost_certs::tls::TlsRefused;
use gatepost_config::RoleWithoutTenant;
use gatepost_core::access_request::{RequestState, Wanted};
use gatepost_core::administration::{Denied, Version};
use gatepost_core::api_key::{KeyFaults, KeyId};
use gatepost_core::branding::BrandName;
use gatepost_core::email::EmailAddress;
use gatepost_core::host::HostName;
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::{
    AccessRequestId, GroupName, InvitationId, ProposalId, ProviderId, ServiceName, TenantId, TierId,
    ToolRuleId, ToolServerId, UserId,
};
use gatepost_core::tenant_proposal::ProposalState;
use gatepost_core::tenant_provider::EmailDomain;
use sqlx::error::BoxDynError;
use std::borrow::Cow;
use std::error::Error;
use std::path::PathBuf;

/// Why the directory did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The store is down, slow, or returned something invalid. Nothing was changed, or it is unknown whether it was.
    #[error("the directory does not answer")]
    Unavailable(#[source] sqlx::Error),
    /// The database is a standby, or set read-only.
    #[error("the directory takes no changes at the moment")]
    ReadOnly,
    /// `DATABASE_URL` leads to a pooler that spreads a connection's statements. Nothing was changed there.
    #[error(
        "DATABASE_URL leads to a pooler in transaction or statement mode, and Gatepost needs connections of its own"
    )]
    Pooler,
    /// `DATABASE_URL` cannot be parsed.
    #[error("DATABASE_URL is not understood: expected postgres://... or sqlite://...")]
    Address(#[source] sqlx::Error),
    /// The embedded file or its folder cannot be created.
    #[error("{} cannot be opened", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Others may read or change the embedded file, or a file that SQLite keeps beside it.
    #[error("{} may be read or changed by others (mode {mode:04o})", path.display())]
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A newer Gatepost has changed the schema, and this one might damage it.
    #[error("the directory's schema is newer than this Gatepost: start the newer one, or restore a backup")]
    NewerSchema,
    /// `gatepost copy` has not finished with this store.
    #[error("this store is half of a copy from {0}")]
    HalfCopied(String),
    /// `gatepost copy` took everything elsewhere.
    #[error("this store was moved to {0}")]
    Moved(String),
    /// Another replica leads, so this one no longer does the work of the leader.
    #[error("another replica leads")]
    NotLeader,
    /// Migrations are missing, and the user of `DATABASE_URL` does not own the tables.
    #[error(
        "the directory's schema is older than this Gatepost, and the user of DATABASE_URL may not change it"
    )]
    MayNotMigrate,
    /// Postgres has no such role.
    #[error("Postgres has no role {0}")]
    UnknownRole(String),
    /// A migration failed, and its transaction was rolled back.
    #[error("the directory's schema cannot be brought up to date")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// Only the configuration may change this link.
    #[error("{0} is linked by GATEPOST_GROUPS: change it there")]
    LinkedByConfiguration(ExternalGroup),
    /// The provider's group is not linked.
    #[error("{0} is not linked to a name")]
    NotLinked(ExternalGroup),
    /// No person has this id or this address.
    #[error("there is no user {0}")]
    UnknownUser(UserKey),
    /// There was a person of this id, who was erased.
    #[error("user {0} was erased")]
    Erased(UserId),
    /// A change that cannot be undone names somebody else.
    #[error("what confirms it is not the address of this person")]
    NotConfirmed,
    /// Another person has this address here, or their provider asserts it.
    #[error("{0} is the address of another person")]
    AddressHeld(EmailAddress),
    /// A group is linked to a provider that is not configured. With those that are.
    #[error("{0} is not a configured provider: expected one of {1}")]
    UnknownProvider(ProviderId, String),
    #[error(transparent)]
    RoleWithoutTenant(#[from] RoleWithoutTenant),
    /// `GATEPOST_ADDRESS_CHANGES` is `follow`.
    #[error("addresses follow the provider here: another address would be replaced at the next refresh")]
    AddressesFollow,
    #[error("{0} is in the domain for machines, so no person can have it")]
    AddressOfMachines(EmailAddress),
    #[error(
        "the domain of {0} is not in ALLOWED_DOMAINS of {1}: the person could not sign in with this address"
    )]
    DomainNotAllowed(EmailAddress, ProviderId),
    /// The caller may not make this change.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Somebody else changed the thing first. With its version now; `None`: it is gone.
    #[error("it was changed in the meantime: it has version {} now", current(*.0))]
    Overtaken(Option<Version>),
    /// Somebody else changed the directory after the plan was made. With the first step that differs.
    #[error("the directory was changed in the meantime, and this has to be read again: {0}")]
    PlanOvertaken(String),
    /// A plan has more steps than one transaction makes.
    #[error("these are {0} changes, and one transaction makes at most {1}")]
    PlanTooLong(usize, usize),
    /// The request was noted before: it is made only once.
    #[error("the request was sent before, and has no answer yet")]
    Repeated,
    /// Nobody would be a system administrator any more.
    #[error("this would leave nobody who is a system administrator")]
    LastAdmin,
    /// The end of a membership lies in the past.
    #[error("the end must be in the future")]
    EndsInThePast,
    /// Another group has this name.
    #[error("there is already a group {0}")]
    NameTaken(GroupName),
    /// The configuration names this group: its members are administrators, or it is linked there.
    #[error("the configuration names group {0}: change it there first")]
    ReservedGroup(GroupName),
    /// Groups of providers are linked to this group.
    #[error("group {0} stands for groups of a provider")]
    GroupLinked(GroupName),
    /// There is no group with this name or number.
    #[error("there is no group {0}")]
    UnknownGroup(GroupKey),
    /// Neither a provider nor an administrator has put this person into this group.
    #[error("{0} is not in group {1}")]
    NotMember(UserKey, GroupName),
    /// There is no tenant with this id.
    #[error("there is no tenant {0}")]
    UnknownTenant(TenantId),
    /// The name has a host of the platform in it.
    #[error(
        "{0} looks like a page of the platform: a name cannot have the public host or a host of GATEPOST_HOSTS in it"
    )]
    BrandNameReserved(BrandName),
    /// Another tenant has this id.
    #[error("there is already a tenant {0}")]
    TenantExists(TenantId),
    #[error("there is no tier {0}")]
    UnknownTier(TierId),
    /// Tenants are in it, and nothing would say what they may have.
    #[error("tenants are in tier {0}")]
    TierInUse(TierId),
    /// The tenant has as many as it may have.
    #[error("tenant {0} may have at most {2} {1}")]
    LimitReached(TenantId, &'static str, u64),
    /// Others report under ever more names.
    #[error("tenant {0} has 100 meters of its own in this month already: report under one of these")]
    TooManyMeters(TenantId),
    /// What a tenant reports would fill the disk.
    #[error(
        "tenant {0} has reported 100,000 new events today: report more in the value of one event, or go on after midnight (UTC)"
    )]
    TooManyEvents(TenantId),
    /// The name is none that a tenant may have for a host.
    #[error("{0} cannot be the host of a tenant: expected a name in the DNS, as in blog.example.com")]
    HostUnfit(HostName),
    /// The configuration has this host.
    #[error(
        "{0} belongs to the configuration (GATEPOST_HOSTS or GATEPOST_PUBLIC_URL), so no tenant can have it"
    )]
    HostReserved(HostName),
    /// Browsers would not send it the cookies of a sign-in.
    #[error(
        "{0} would be reached with http, as {1} is (GATEPOST_PUBLIC_URL), and people sign in over http below localhost only"
    )]
    HostUnreachable(HostName, String),
    /// Another tenant has this host, or proposed it first.
    #[error("{0} belongs to another tenant, or another tenant proposed it first")]
    HostTaken(HostName),
    /// The tenant may not have hosts of its own domains.
    #[error("{0} is not below GATEPOST_TENANTS__DOMAIN, and the tenant lacks the feature custom_domains")]
    HostNotInTier(HostName),
    /// The tenant has no such host.
    #[error("tenant {0} has no host {1}")]
    UnknownHost(TenantId, HostName),
    /// A system administrator said no.
    #[error("a system administrator refused {0}")]
    HostRefused(HostName),
    /// The record is not there, or says something else.
    #[error("no record TXT {0} says \"{1}\"")]
    HostUnproved(String, String),
    /// The tenant may not have a provider of its own.
    #[error("tenant {0} lacks the feature sso_enabled, so it has no provider of its own")]
    ProviderNotInTier(TenantId),
    /// The tenant has no provider of its own.
    #[error("tenant {0} has no provider of its own")]
    NoTenantProvider(TenantId),
    /// The provider is new, or another one than before.
    #[error(
        "client_secret is missing: it must be sent whenever the kind, the issuer or the client of the provider of tenant {0} changes"
    )]
    SecretMissing(TenantId),
    /// A configured provider has the domain.
    #[error("{0} belongs to a configured provider (ALLOWED_DOMAINS), so no tenant's provider can have it")]
    DomainConfigured(EmailDomain),
    /// The provider of another tenant has the domain.
    #[error("{0} belongs to the provider of another tenant")]
    DomainTaken(EmailDomain),
    /// The provider of the tenant has no such domain.
    #[error("the provider of tenant {0} has no domain {1}")]
    UnknownDomain(TenantId, EmailDomain),
    /// A system administrator said no.
    #[error("a system administrator refused {0}")]
    DomainRefused(EmailDomain),
    /// The tenant was deleted, and is not erased yet.
    #[error("tenant {0} is deleted: restore it first, or use another id")]
    TenantDeleted(TenantId),
    /// The tenant is suspended, and its administrators may only read.
    #[error("tenant {0} is suspended: its administrators may change nothing until it is resumed")]
    TenantSuspended(TenantId),
    /// The person is no member of this tenant by itself.
    #[error("{0} is not a member of tenant {1} by itself")]
    NotTenantMember(UserKey, TenantId),
    /// The tenant has no such invitation, or it was accepted or has expired.
    #[error("tenant {0} has no invitation {1}")]
    UnknownInvitation(TenantId, InvitationId),
    /// It was accepted, withdrawn or replaced, or it has expired. Or there never was one.
    #[error("the invitation was used or withdrawn, or it is too old")]
    InvitationOver,
    /// Somebody else was invited. With what a stranger may read of their address.
    #[error("the invitation is for {0}")]
    NotInvited(String),
    #[error("tenant {0} has {1} invitations that nobody has accepted yet, which is the most")]
    TooManyInvitations(TenantId, i64),
    /// The group does not open this tenant.
    #[error("group {0} does not open tenant {1}")]
    NotMapped(GroupName, TenantId),
    /// There is no key with this id, or the caller may not know of it.
    #[error("there is no key {0}")]
    UnknownKey(KeyId),
    /// The key was revoked, which is for good.
    #[error("key {0} is revoked")]
    KeyRevoked(KeyId),
    /// What was asked for a key, with all that is wrong with it.
    #[error(transparent)]
    KeyRefused(#[from] KeyFaults),
    /// There is no request with this id, or the caller may not know of it.
    #[error("there is no request {0}")]
    UnknownRequest(AccessRequestId),
    /// Somebody has decided the request already, or the person has withdrawn it.
    #[error("request {0} is {1} already")]
    RequestDecided(AccessRequestId, RequestState),
    /// There is no proposal with this id, or it is too old.
    #[error("there is no proposal {0}")]
    UnknownProposal(ProposalId),
    /// Somebody has decided the proposal already.
    #[error("proposal {0} is {1} already")]
    ProposalDecided(ProposalId, ProposalState),
    /// The person of a proposal was disabled meanwhile.
    #[error("the person who made proposal {0} is disabled, and could not administer the tenant")]
    ProposerDisabled(ProposalId),
    /// The provider of a tenant identifies the person, and opens nothing else to them.
    #[error(
        "a tenant's own provider identifies the person, so they could not enter another tenant: sign in at a provider of the \
         platform to propose one"
    )]
    ProposerConfined,
    /// The person has an open proposal.
    #[error("one person may have one open proposal: wait until it is decided")]
    ProposalOpen,
    /// So many proposals wait for an answer.
    #[error("{0} proposals wait for an answer, which is the most: propose it again when some are decided")]
    TooManyProposals(i64),
    /// There is or was a tenant of this id, or somebody else proposes it. Which of these is not said.
    #[error("the id {0} is not available: choose another one")]
    TenantIdTaken(TenantId),
    /// The person has what they ask for.
    #[error("the person already has access to {0}")]
    AccessHeld(Wanted),
    /// There is no tool server with this id, or the caller may not know of it.
    #[error("there is no tool server {0}")]
    UnknownToolServer(ToolServerId),
    /// Another tool server has this id.
    #[error("there is already a tool server {0}")]
    ToolServerExists(ToolServerId),
    /// Another tool server is reached there; or one of another tenant above or below it.
    #[error("the address belongs to another tool server")]
    AddressTaken,
    /// The mode `headers`, for a tool server that nobody saw refuse a message whose headers and body differ.
    #[error(
        "it is unknown whether tool server {0} refuses messages whose headers and body differ: give it the mode body, let its \
         router have mcp=headers, then run `gatepost tool-server update {0} --mode headers` where Gatepost runs"
    )]
    NotTried(ToolServerId),
    /// The tool server has no such rule.
    #[error("tool server {0} has no rule {1}")]
    UnknownToolRule(ToolServerId, ToolRuleId),
    /// A tool server has as many rules as one may have.
    #[error("one tool server has at most {0} rules")]
    TooManyRules(i64),
    /// The configuration has no such upstream.
    #[error("GATEPOST_SERVICES has no {0}")]
    UnknownService(ServiceName),
    /// The host of the address is neither one of the configuration nor an active one of the tenant.
    #[error(
        "{0} is neither in GATEPOST_HOSTS nor an active host of the tenant, so the gate protects no tool server of the tenant there"
    )]
    HostNotProtected(HostName),
    /// The person has asked too often in the last 24 hours.
    #[error("one person may ask for access at most {0} times a day")]
    TooManyRequests(usize),
}

fn current(version: Option<Version>) -> String {
    version.map_or_else(|| "none".to_owned(), |version| version.to_string())
}

/// A pooler spreads the statements of one connection over several server processes.
#[derive(Debug, thiserror::Error)]
#[error("a pooler in transaction or statement mode is in between")]
pub(super) struct SpreadsStatements;

impl From<sqlx::Error> for DirectoryError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Configuration(why) if why.is::<SpreadsStatements>() => Self::Pooler,
            sqlx::Error::Tls(why) if is_tls_refused(&*why) => {
                Self::Unavailable(sqlx::Error::Tls(Box::new(TlsRefused)))
            }
            error => Self::Unavailable(error),
        }
    }
}

/// sqlx has no type for a server that refuses TLS, so its text is compared here, and nowhere else.
fn is_tls_refused(error: &(dyn Error + 'static)) -> bool {
    error.to_string() == TlsRefused.to_string()
}

impl DirectoryError {
    /// Whether the store could not write: `disk_full` of Postgres; `SQLITE_FULL`, and `SQLITE_IOERR_WRITE`, which SQLite says where a
    /// quota or a limit of file sizes is reached (sqlite.org/rescode.html).
    pub fn is_about_room(&self) -> bool {
        self.sqlstate().is_some_and(|code| matches!(&*code, "53100" | "13" | "778"))
    }

    /// The five characters with which Postgres names the kind of its error (appendix A of its manual).
    pub fn sqlstate(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Unavailable(sqlx::Error::Database(error)) => error.code(),
            _ => None,
        }
    }

    /// A standby may lag behind: a session that has ended may still look live there.
    pub(super) fn standby() -> Self {
        Self::Unavailable(sqlx::Error::Protocol("this Postgres is a standby".to_owned()))
    }

    /// A stored value that its type does not accept, because somebody wrote past the constraints.
    pub fn unreadable(error: impl Into<BoxDynError>) -> Self {
        Self::Unavailable(sqlx::Error::Decode(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_certs::tls;

    #[test]
    fn a_server_that_refuses_tls_is_explained_and_another_failure_of_tls_is_not_taken_for_it() {
        let explain = |text: &str| tls::explain(&DirectoryError::from(sqlx::Error::Tls(text.into())));
        let fault = explain("server does not support TLS").expect("an explanation");
        assert_eq!(fault.found, "The server does not speak TLS.");
        assert_eq!(explain("TLS upgrade required by connect options but SQLx was built without TLS"), None);
    }
}
