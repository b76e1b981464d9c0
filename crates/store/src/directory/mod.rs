//! The directory: users, groups, tenants, admins, ended sessions and their audit, on Postgres or in one `SQLite` file.
//!
//! The directory alone decides who has access and whose access has ended. Every change is one transaction with its
//! audit rows, and on Postgres with its notification (`migrations/postgres/*_create_notifications.sql`).
//!
//! A store that does not answer is [`DirectoryError::Unavailable`], a missing row is `None`, and a refused sign-in is a
//! [`SignInOutcome`]. Every call ends within seconds, [`Directory::find_standing`] within 150 ms.

// On the heap: the futures of writes are large, and every caller would hold them.
macro_rules! on_store {
    ($directory:expr, $method:ident($($argument:expr),*)) => {
        match &$directory.store {
            $crate::directory::Store::Postgres(store) => Box::pin(store.$method($($argument),*)).await,
            $crate::directory::Store::Sqlite(store) => Box::pin(store.$method($($argument),*)).await,
        }
    };
}

#[macro_use]
mod columns;
#[macro_use]
mod pool;

pub mod access;
mod access_requests;
mod actor;
mod administration;
mod audit;
mod audit_chain;
mod audit_heads;
pub mod changes;
pub mod copy;
mod count;
mod description;
mod erasures;
mod error;
pub mod files;
mod inspection;
mod keys;
mod leader;
mod lease;
mod lists;
mod lock_key;
mod pooler;
mod postgres;
mod primary;
mod records;
mod salted_digest;
mod schema;
mod sqlite;
mod tenant_proposals;
mod tool_servers;
mod usage;
mod watch;

pub use access_requests::{AccessRequest, Decider, Deciders, RequestFilter};
pub use actor::{Actor, Via, ViaError, Who};
pub use administration::Applicable;
pub use audit::{AuditCursor, AuditCursorError, AuditFilter, AuditRecord};
pub use audit_chain::{AuditHead, ChainedEntry, CutRecord, HourHash, HourHashing};
pub use changes::{Conditions, Done};
pub use count::Count;
pub use description::{Description, Drill, ServerAddress};
pub use erasures::{ErasedAgain, Erasure, ErasureError};
pub use error::DirectoryError;
pub use inspection::ServerReport;
pub use keys::{EndingKey, FoundKey, KeyFilter, KeyHolder, KeyRecord, KeyStanding, KeyUsed};
pub use leader::Leading;
pub use lease::{LEASE as LEADER_LEASE, LeaderLease, Replica, Term};
pub use lists::{
    AdminRecord, By, DayCount, Ending, EndingThing, GroupFilter, GroupState, GroupStateError, GroupTenant,
    LinkedGroup, Page, PeopleCount, Place, PlaceError, RefusalFilter, TenantFilter, TenantGroup,
    TenantMember, TenantPerson, TenantWay, UnlinkedGroup, UserFilter, UserState, UserStateError,
};
pub use records::{
    ActivePerson, AddressChange, AddressNews, AdminStanding, Ends, Excess, FormerAddress, FormerHolder,
    GroupKey, GroupLink, GroupRecord, IdentityRecord, InvitationRecord, LinkSource, MemberRecord, Membership,
    MembershipSource, SignInContext, SignInOutcome, TenantDomain, TenantHostRecord, TenantProvider,
    TenantProviderRecord, TenantRecord, TierRecord, Traces, UserKey, UserKeyError, UserRecord, UserSummary,
};
pub use schema::SchemaState;
pub use sqlite::Connector as EmbeddedFile;
pub use tenant_proposals::{ProposalFilter, TenantProposal};
pub use tool_servers::{ToolRule, ToolServer, ToolServerSettings};
pub use usage::{CountedEvents, MOST_EVENTS, MOST_METERS, Usage, UsageBatch, UsageCount, UsageDay};
pub use watch::{Change, Watch};

use gatepost_config::{Config, IdentityPolicy, StoresConfig};
use gatepost_core::access::{Access, Standing};
use gatepost_core::administration::Caller;
use gatepost_core::api_key::KeyId;
use gatepost_core::branding::Branding;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::host::HostName;
use gatepost_core::identity::{AssertedGroup, AssertedIdentity, SubjectKey};
use gatepost_core::ids::{GroupName, ProviderId, ServiceName, TenantId, UserId};
use gatepost_core::quota::RequestLimits;
use gatepost_core::secret::Hash;
use secrecy::ExposeSecret;
use std::path::Path;
use std::time::Duration;

/// How long refusals are kept.
pub const REFUSALS_TTL: Duration = Duration::from_hours(7 * 24);
/// The maximum number of refusals that are kept.
pub const MAX_REFUSALS: i64 = 100_000;
/// How long a requirement of a router is kept after it was seen last.
pub const REQUIREMENTS_TTL: Duration = Duration::from_hours(30 * 24);
/// The maximum number of requirements of one host.
pub const MAX_REQUIREMENTS_OF_HOST: i64 = 50;
/// The maximum number of requirements that are kept.
pub const MAX_REQUIREMENTS: i64 = 5_000;
/// How long requests for access are kept.
pub const REQUESTS_TTL: Duration = Duration::from_hours(90 * 24);
/// How many requests for access one person may make in 24 hours.
pub const MAX_REQUESTS_A_DAY: usize = 5;
/// How long proposals of tenants are kept.
pub const PROPOSALS_TTL: Duration = Duration::from_hours(30 * 24);
/// How many proposals of tenants may wait for an answer.
pub const MAX_OPEN_PROPOSALS: i64 = 100;

type Result<T> = std::result::Result<T, DirectoryError>;

/// A handle to the directory. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Directory {
    store: Store,
}

#[derive(Clone, Debug)]
enum Store {
    Postgres(postgres::Store),
    Sqlite(sqlite::Store),
}

// Opening, schema, health.
impl Directory {
    /// Opens the directory without connecting, because Gatepost starts even if the database is down. Must be called
    /// within a runtime.
    ///
    /// # Errors
    /// The address cannot be parsed, or the file cannot be created.
    pub fn open(stores: &StoresConfig, ca_file: Option<&Path>) -> Result<Self> {
        let store = match stores {
            StoresConfig::Embedded { file } => Store::Sqlite(sqlite::Store::open(file)?),
            StoresConfig::Shared { database_url, .. } => {
                match sqlite_file(database_url.current().expose_secret()) {
                    Some(file) => Store::Sqlite(sqlite::Store::open(Path::new(file))?),
                    None => Store::Postgres(postgres::Store::open(database_url, ca_file)?),
                }
            }
        };
        Ok(Self { store })
    }

    /// Applies the missing migrations. Only one process does so at a time; the others wait.
    ///
    /// # Errors
    /// [`DirectoryError::NewerSchema`], [`DirectoryError::Migration`].
    pub async fn migrate(&self) -> Result<()> {
        match self.schema_state().await? {
            SchemaState::Current => Ok(()),
            SchemaState::Behind => on_store!(self, migrate()),
            SchemaState::Newer => Err(DirectoryError::NewerSchema),
        }
    }

    /// Gives a role that owns nothing what it needs to serve: to read everything, and to change everything but what is in the
    /// audit and which migrations were applied. Only the owner of the tables can do so. The embedded file has no roles.
    ///
    /// # Errors
    /// [`DirectoryError::UnknownRole`].
    pub async fn grant_serving(&self, role: &str) -> Result<()> {
        match &self.store {
            Store::Postgres(store) => Box::pin(store.grant_serving(role)).await,
            Store::Sqlite(_) => Ok(()),
        }
    }

    /// Whether another address leads to the same database of the same server.
    ///
    /// # Errors
    /// One of both does not answer.
    pub async fn is_same_database(&self, other: &Self) -> Result<bool> {
        match (&self.store, &other.store) {
            (Store::Postgres(one), Store::Postgres(other)) => {
                Ok(one.identity().await? == other.identity().await?)
            }
            _ => Ok(false),
        }
    }

    /// Compares the schema of the database with this program.
    pub async fn schema_state(&self) -> Result<SchemaState> {
        on_store!(self, schema_state())
    }

    /// Writes the links, admins and group names of the configuration. Idempotent; changes are audited.
    pub async fn sync_configuration(&self, config: &Config) -> Result<()> {
        on_store!(self, sync_configuration(config))
    }

    /// Checks that the database answers within 150 ms on a connection of the pool that [`Directory::find_standing`]
    /// uses.
    pub async fn ping(&self) -> Result<()> {
        on_store!(self, ping())
    }

    /// Makes all connections of the pool for the hot reads, and runs the hot reads of a person and of a key once on each, with
    /// an id and a hash that are nobody's. The limit is for all of them together; it may be longer than that of a hot read, which
    /// is too short for a new connection to a busy server.
    ///
    /// # Errors
    /// [`DirectoryError`]: some of the connections are not prepared.
    pub async fn warm_up(&self, limit: Duration) -> Result<()> {
        on_store!(self, warm_up(limit))
    }

    /// The current time by the database's clock.
    pub async fn clock(&self) -> Result<Timestamp> {
        on_store!(self, clock())
    }

    /// The state of the server and Gatepost's privileges there, for `check`. `None` for the embedded file.
    pub async fn inspect(&self) -> Result<Option<ServerReport>> {
        match &self.store {
            Store::Postgres(store) => store.inspect().await.map(Some),
            Store::Sqlite(_) => Ok(None),
        }
    }

    /// What the database is and holds. Counting may take seconds.
    pub async fn describe(&self) -> Result<Description> {
        on_store!(self, describe())
    }

    /// The last drill in which a dump of this directory was restored. `None`: there was none, or it is a file.
    pub async fn find_last_drill(&self) -> Result<Option<Drill>> {
        on_store!(self, find_last_drill())
    }

    /// The servers that the settings name. Empty for the embedded file.
    pub fn servers(&self) -> Vec<ServerAddress> {
        match &self.store {
            Store::Postgres(store) => store.servers(),
            Store::Sqlite(_) => Vec::new(),
        }
    }

    /// Whether the database is neither a standby nor set read-only.
    pub async fn is_writable(&self) -> Result<bool> {
        on_store!(self, is_writable())
    }
}

// Sign-in, and the queries of `/verify`.
impl Directory {
    /// Admits or refuses a person whose identity a provider asserts.
    pub async fn sign_in(
        &self,
        identity: &AssertedIdentity,
        policy: &IdentityPolicy,
        context: &SignInContext,
        actor: &Actor,
    ) -> Result<SignInOutcome> {
        on_store!(self, sign_in(identity, policy, context, actor))
    }

    /// Takes over what the provider asserts between sign-ins. `None`: the identity does not belong to this user.
    pub async fn refresh(
        &self,
        user: UserId,
        identity: &AssertedIdentity,
        policy: &IdentityPolicy,
        now: Timestamp,
        actor: &Actor,
    ) -> Result<Option<SignInOutcome>> {
        on_store!(self, refresh(user, identity, policy, now, actor))
    }

    /// The hot read: the person, their access, and whether this session has ended. One round trip, at most 150 ms.
    pub async fn find_standing(&self, user: UserId, session: &Hash) -> Result<Option<Standing>> {
        on_store!(self, find_standing(user, session))
    }

    /// The person who holds this address and has signed in before. At most 150 ms.
    pub async fn find_holder(&self, email: &EmailAddress) -> Result<Option<UserId>> {
        on_store!(self, find_holder(email))
    }

    /// As [`Self::find_standing`], for the holder of an access token: groups that the token lists stand in place of those
    /// that its provider asserted last. `None`: the identity is not this user's, or another provider asserted it last.
    pub async fn find_token_standing(
        &self,
        user: UserId,
        identity: &AssertedIdentity,
    ) -> Result<Option<Standing>> {
        on_store!(self, find_token_standing(user, identity))
    }

    /// The groups that an application's app roles are linked to, and the tenants that those open.
    pub async fn find_role_access(&self, provider: &ProviderId, roles: &[AssertedGroup]) -> Result<Access> {
        on_store!(self, find_role_access(provider, roles))
    }

    /// The active hosts of all tenants that are not deleted, for the gate.
    pub async fn read_active_hosts(&self) -> Result<Vec<(HostName, TenantId)>> {
        on_store!(self, read_active_hosts())
    }

    /// How the pages of tenants look that are not deleted and say something about it.
    pub async fn read_brandings(&self) -> Result<Vec<(TenantId, Branding)>> {
        on_store!(self, read_brandings())
    }

    /// The active hosts of tenants that lead to an upstream, each with its name in `GATEPOST_SERVICES`.
    pub async fn read_tenant_routes(&self) -> Result<Vec<(HostName, ServiceName)>> {
        on_store!(self, read_tenant_routes())
    }

    /// The providers of all tenants that are not deleted.
    pub async fn read_tenant_providers(&self) -> Result<Vec<TenantProviderRecord>> {
        on_store!(self, read_tenant_providers())
    }

    /// How many requests tenants may send that are not deleted and have a limit, for the gate.
    pub async fn read_request_limits(&self) -> Result<Vec<(TenantId, RequestLimits)>> {
        on_store!(self, read_request_limits())
    }

    /// The hot read for an API key, by the hash of its text. `None`: nobody has such a key, it was revoked, or its owner is
    /// disabled. The secret from before a rotation is found until its own end.
    pub async fn find_key(&self, digest: &Hash) -> Result<Option<FoundKey>> {
        on_store!(self, find_key(digest))
    }

    /// What the gate would know about a request with this key. `None` as in [`Self::find_key`].
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn find_key_of_id(&self, id: KeyId) -> Result<Option<FoundKey>> {
        on_store!(self, find_key_of_id(id))
    }

    /// Who acts by a key, and what they may administer now: never more than the key's maker may. `None`: the key does not
    /// count.
    pub async fn find_key_caller(&self, id: KeyId) -> Result<Option<Caller>> {
        on_store!(self, find_key_caller(id))
    }

    /// Whether the group of a requirement exists.
    pub async fn group_exists(&self, name: &GroupName) -> Result<bool> {
        on_store!(self, group_exists(name))
    }

    /// Whether the tenant of a requirement exists.
    pub async fn tenant_exists(&self, id: &TenantId) -> Result<bool> {
        on_store!(self, tenant_exists(id))
    }
}

// Ended sessions.
impl Directory {
    /// Ends one session for good. `false`: it had already ended. The row is kept until `expires_at`.
    pub async fn end_session(
        &self,
        session: &Hash,
        user: UserId,
        expires_at: Timestamp,
        reason: &str,
        actor: &Actor,
    ) -> Result<bool> {
        on_store!(self, end_session(session, user, expires_at, reason, actor))
    }

    /// Which of these sessions have ended, in one query.
    pub async fn list_ended(&self, sessions: &[Hash]) -> Result<Vec<Hash>> {
        on_store!(self, list_ended(sessions))
    }

    /// Ends all sessions of a person that started before this second of [`Self::clock`].
    pub async fn end_all_sessions(&self, user: UserId, not_before: Timestamp, actor: &Actor) -> Result<()> {
        on_store!(self, end_all_sessions(user, not_before, actor))
    }

    /// Back-channel logout by `sub`: ID tokens of this subject that were issued before this second of the provider's
    /// clock no longer sign anybody in. Returns the person whose sessions must be ended. `None`: the subject is unknown
    /// here.
    pub async fn end_id_tokens_of_subject(
        &self,
        subject: &SubjectKey,
        not_before: Timestamp,
        actor: &Actor,
    ) -> Result<Option<UserId>> {
        on_store!(self, end_id_tokens_of_subject(subject, not_before, actor))
    }

    /// The person who signs in as this subject. `None`: the subject is unknown here.
    pub async fn find_user_of_subject(&self, subject: &SubjectKey) -> Result<Option<UserId>> {
        on_store!(self, find_user_of_subject(subject))
    }

    /// Whether the provider has meanwhile ended the session that this sign-in belongs to.
    pub async fn is_ended_at_provider(&self, subject: &SubjectKey, context: &SignInContext) -> Result<bool> {
        on_store!(self, is_ended_at_provider(subject, context))
    }

    /// Back-channel logout by `sid`: ID tokens of that provider's session that were issued up to `at` no longer sign
    /// anybody in.
    pub async fn end_provider_session(
        &self,
        provider: &ProviderId,
        sid: &Hash,
        at: Timestamp,
        expires_at: Timestamp,
        actor: &Actor,
    ) -> Result<()> {
        on_store!(self, end_provider_session(provider, sid, at, expires_at, actor))
    }
}

/// The path of a `sqlite://PATH` address.
fn sqlite_file(url: &str) -> Option<&str> {
    let path = url.strip_prefix("sqlite:")?;
    Some(path.strip_prefix("//").unwrap_or(path).split('?').next().unwrap_or_default())
}
