//! The directory: users, groups, tenants, admins, ended sessions and their audit, on Postgres or in one `SQLite` file.
//!
//! The only SQL of Gatepost. It alone says who may and who may no longer. Every change is one transaction with its
//! audit rows, and on Postgres with its notification (`migrations/postgres/*_create_notifications.sql`).
//! "Cannot know" is [`DirectoryError::Unavailable`]; "there is none" is `None`; a refused sign-in is a
//! [`SignInOutcome`]. Every call ends within seconds, [`Directory::find_standing`] within 150 ms.

#[macro_use]
mod pool;

mod error;
mod inspection;
mod lock_key;
mod pooler;
mod postgres;
mod records;
mod schema;
mod sqlite;
mod watch;

pub use error::DirectoryError;
pub use inspection::ServerReport;
pub use records::{
    Actor, AddressChange, AddressNews, AdminStanding, AuditCursor, AuditCursorError, AuditFilter,
    AuditRecord, FormerHolder, GroupLink, GroupRecord, IdentityRecord, Joining, LinkSource, MemberRecord,
    Membership, MembershipSource, SignInContext, SignInOutcome, TenantRecord, UserKey, UserKeyError,
    UserRecord, UserSummary,
};
pub use schema::SchemaState;
pub use sqlite::Connector as EmbeddedFile;
pub use watch::{Change, Watch};

use gatepost_config::{Config, GroupNames, StoresConfig, Terms};
use gatepost_core::access::{Role, Standing};
use gatepost_core::asking::Refusal;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::identity::{AssertedIdentity, ExternalGroup, SubjectKey};
use gatepost_core::ids::{GroupName, ProviderId, RequestId, TenantId, UserId};
use gatepost_core::secret::Hash;
use secrecy::ExposeSecret;
use std::path::Path;
use std::time::Duration;

/// Refusals are kept so long at most.
pub const REFUSALS_TTL: Duration = Duration::from_hours(7 * 24);
/// So many are kept at most.
pub const MAX_REFUSALS: i64 = 100_000;

type Result<T> = std::result::Result<T, DirectoryError>;

/// A handle; clones share their connections.
#[derive(Clone, Debug)]
pub struct Directory {
    store: Store,
}

#[derive(Clone, Debug)]
enum Store {
    Postgres(postgres::Store),
    Sqlite(sqlite::Store),
}

// On the heap: the futures of writes are large, and every caller would carry them.
macro_rules! ask {
    ($directory:expr, $method:ident($($argument:expr),*)) => {
        match &$directory.store {
            Store::Postgres(store) => Box::pin(store.$method($($argument),*)).await,
            Store::Sqlite(store) => Box::pin(store.$method($($argument),*)).await,
        }
    };
}

/// Opening, schema, health.
impl Directory {
    /// Does not ask the database yet: Gatepost starts without it. Must be called within a runtime.
    ///
    /// # Errors
    /// An address that is not understood, a file that cannot be made.
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

    /// Brings the schema up to date; one runner at a time, the others wait.
    ///
    /// # Errors
    /// [`DirectoryError::NewerSchema`], [`DirectoryError::Migration`].
    pub async fn migrate(&self) -> Result<()> {
        match self.schema_state().await? {
            SchemaState::Current => Ok(()),
            SchemaState::Behind => ask!(self, migrate()),
            SchemaState::Newer => Err(DirectoryError::NewerSchema),
        }
    }

    /// How far the schema is.
    pub async fn schema_state(&self) -> Result<SchemaState> {
        ask!(self, schema_state())
    }

    /// Writes what the configuration says about links, admins and names; idempotent, audited when something changed.
    pub async fn sync_configuration(&self, config: &Config) -> Result<()> {
        ask!(self, sync_configuration(config))
    }

    /// The database answers within the 150 ms of [`Directory::find_standing`], on a connection of its pool.
    pub async fn ping(&self) -> Result<()> {
        ask!(self, ping())
    }

    /// The database's present.
    pub async fn clock(&self) -> Result<Timestamp> {
        ask!(self, clock())
    }

    /// What the server says about itself and our rights there, for `check`; `None` for the embedded file.
    pub async fn inspect(&self) -> Result<Option<ServerReport>> {
        match &self.store {
            Store::Postgres(store) => store.inspect().await.map(Some),
            Store::Sqlite(_) => Ok(None),
        }
    }

    /// Not a standby, not set read-only.
    pub async fn is_writable(&self) -> Result<bool> {
        ask!(self, is_writable())
    }
}

/// Signing in, and what `/verify` asks.
impl Directory {
    /// Takes a provider's word about a person.
    pub async fn sign_in(
        &self,
        identity: &AssertedIdentity,
        terms: &Terms,
        context: &SignInContext,
        actor: &Actor,
    ) -> Result<SignInOutcome> {
        ask!(self, sign_in(identity, terms, context, actor))
    }

    /// The same between sign-ins; `None`: this identity is not this user's.
    pub async fn refresh(
        &self,
        user: UserId,
        identity: &AssertedIdentity,
        terms: &Terms,
        now: Timestamp,
        actor: &Actor,
    ) -> Result<Option<SignInOutcome>> {
        ask!(self, refresh(user, identity, terms, now, actor))
    }

    /// The hot read: person, access, and whether this session ended. One round trip, at most 150 ms.
    pub async fn find_standing(&self, user: UserId, session: &Hash) -> Result<Option<Standing>> {
        ask!(self, find_standing(user, session))
    }

    /// Whether a requirement's group is one.
    pub async fn group_exists(&self, name: &GroupName) -> Result<bool> {
        ask!(self, group_exists(name))
    }

    /// Whether a requirement's tenant is one.
    pub async fn tenant_exists(&self, id: &TenantId) -> Result<bool> {
        ask!(self, tenant_exists(id))
    }
}

/// Ending sessions.
impl Directory {
    /// Ends one session, for ever; `false` if it had ended before. The row is kept until `expires_at`.
    pub async fn end_session(
        &self,
        session: &Hash,
        user: UserId,
        expires_at: Timestamp,
        reason: &str,
        actor: &Actor,
    ) -> Result<bool> {
        ask!(self, end_session(session, user, expires_at, reason, actor))
    }

    /// Which of these sessions were ended, all in one question.
    pub async fn list_ended(&self, sessions: &[Hash]) -> Result<Vec<Hash>> {
        ask!(self, list_ended(sessions))
    }

    /// Ends every session of a person that began before this second of [`Self::clock`].
    pub async fn end_all_sessions(&self, user: UserId, not_before: Timestamp, actor: &Actor) -> Result<()> {
        ask!(self, end_all_sessions(user, not_before, actor))
    }

    /// Back-channel logout by `sub`: no ID token of theirs issued before this second of the provider's clock signs
    /// anybody in. Returns whose sessions are to be ended; `None`: nobody we know.
    pub async fn end_id_tokens_of_subject(
        &self,
        subject: &SubjectKey,
        not_before: Timestamp,
        actor: &Actor,
    ) -> Result<Option<UserId>> {
        ask!(self, end_id_tokens_of_subject(subject, not_before, actor))
    }

    /// Who signs in as this subject; `None`: nobody we know.
    pub async fn find_user_of_subject(&self, subject: &SubjectKey) -> Result<Option<UserId>> {
        ask!(self, find_user_of_subject(subject))
    }

    /// Whether the provider has ended meanwhile what this sign-in came from.
    pub async fn is_ended_at_provider(&self, subject: &SubjectKey, context: &SignInContext) -> Result<bool> {
        ask!(self, is_ended_at_provider(subject, context))
    }

    /// Logout by `sid`: no ID token of that provider's session issued up to `at` signs anybody in.
    pub async fn end_provider_session(
        &self,
        provider: &ProviderId,
        sid: &Hash,
        at: Timestamp,
        expires_at: Timestamp,
        actor: &Actor,
    ) -> Result<()> {
        ask!(self, end_provider_session(provider, sid, at, expires_at, actor))
    }

    /// Deletes what has expired; how many rows.
    pub async fn delete_expired(&self, now: Timestamp) -> Result<u64> {
        if let Store::Sqlite(store) = &self.store {
            store.delete_old_changes().await?;
        }
        ask!(self, delete_expired(now))
    }
}

/// People, for account page and administrators.
impl Directory {
    /// One person with everything.
    pub async fn find_user(&self, key: &UserKey) -> Result<Option<UserRecord>> {
        ask!(self, find_user(key))
    }

    /// People by id, after `after`.
    pub async fn list_users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<UserSummary>> {
        ask!(self, list_users(after, limit))
    }

    /// Nobody signs in as this person, and the sessions of now never come back; an address nobody holds yet is
    /// disabled for whoever comes with it. `false`: was so.
    pub async fn disable_user(&self, key: &UserKey, actor: &Actor) -> Result<bool> {
        ask!(self, disable_user(key, actor))
    }

    /// The person may sign in again; `false`: was so.
    pub async fn enable_user(&self, key: &UserKey, actor: &Actor) -> Result<bool> {
        ask!(self, enable_user(key, actor))
    }

    /// Applications get this address for the person from now on, whatever the provider asserts.
    ///
    /// # Errors
    /// [`DirectoryError::AddressHeld`], [`DirectoryError::UnknownUser`].
    pub async fn change_address(
        &self,
        key: &UserKey,
        to: &EmailAddress,
        actor: &Actor,
    ) -> Result<AddressNews> {
        ask!(self, change_address(key, to, actor))
    }

    /// Frees the person's address for another; returns it.
    pub async fn release_address(&self, key: &UserKey, actor: &Actor) -> Result<Option<EmailAddress>> {
        ask!(self, release_address(key, actor))
    }

    /// Makes an admin, whatever groups say; `false`: was so.
    pub async fn grant_admin(&self, key: &UserKey, actor: &Actor) -> Result<bool> {
        ask!(self, override_admin(key, Some(true), actor))
    }

    /// A veto, whatever groups say; `false`: was so.
    pub async fn revoke_admin(&self, key: &UserKey, actor: &Actor) -> Result<bool> {
        ask!(self, override_admin(key, Some(false), actor))
    }

    /// Groups and roles decide again; `false`: they did.
    pub async fn reset_admin(&self, key: &UserKey, actor: &Actor) -> Result<bool> {
        ask!(self, override_admin(key, None, actor))
    }

    /// Admins, and who was denied it.
    pub async fn list_admins(&self) -> Result<Vec<(UserKey, AdminStanding)>> {
        ask!(self, list_admins())
    }
}

/// Groups, tenants, audit.
impl Directory {
    /// `name` stands for a provider's group from now on; created if need be; `false`: did so.
    ///
    /// # Errors
    /// [`DirectoryError::LinkedByConfiguration`].
    pub async fn link_group(
        &self,
        name: &GroupName,
        external: &ExternalGroup,
        actor: &Actor,
    ) -> Result<bool> {
        ask!(self, link_group(name, external, actor))
    }

    /// The provider's group bears its own name again, by the provider's mode.
    ///
    /// # Errors
    /// [`DirectoryError::LinkedByConfiguration`], [`DirectoryError::NotLinked`].
    pub async fn unlink_group(
        &self,
        external: &ExternalGroup,
        names: GroupNames,
        actor: &Actor,
    ) -> Result<()> {
        ask!(self, unlink_group(external, names, actor))
    }

    /// A person is in a group by an administrator's word, as by a row of the view `user_group_membership`: what is
    /// missing is made, and an address that nobody holds waits for its first holder.
    pub async fn add_member(&self, group: &GroupName, key: &UserKey, actor: &Actor) -> Result<Joining> {
        ask!(self, add_member(group, key, actor))
    }

    /// A person is in a group no more, whoever said so; returns who did. A provider says it again at the next sign-in.
    ///
    /// # Errors
    /// [`DirectoryError::UnknownGroup`], [`DirectoryError::UnknownUser`], [`DirectoryError::NotMember`].
    pub async fn remove_member(
        &self,
        group: &GroupName,
        key: &UserKey,
        actor: &Actor,
    ) -> Result<Vec<String>> {
        ask!(self, remove_member(group, key, actor))
    }

    /// Who is in a group, by id, after `after`.
    ///
    /// # Errors
    /// [`DirectoryError::UnknownGroup`].
    pub async fn list_members(
        &self,
        group: &GroupName,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<MemberRecord>> {
        ask!(self, list_members(group, after, limit))
    }

    /// All groups by name.
    pub async fn list_groups(&self) -> Result<Vec<GroupRecord>> {
        ask!(self, list_groups())
    }

    /// One group.
    pub async fn find_group(&self, name: &GroupName) -> Result<Option<GroupRecord>> {
        ask!(self, find_group(name))
    }

    /// A person's groups, each with who says so, by name.
    pub async fn list_memberships(&self, user: UserId) -> Result<Vec<Membership>> {
        ask!(self, list_memberships(user))
    }

    /// `false`: was there.
    pub async fn create_tenant(&self, id: &TenantId, name: Option<&str>, actor: &Actor) -> Result<bool> {
        ask!(self, create_tenant(id, name, actor))
    }

    /// The group opens the tenant with this role.
    ///
    /// # Errors
    /// [`DirectoryError::UnknownGroup`], [`DirectoryError::UnknownTenant`].
    pub async fn map_group(
        &self,
        group: &GroupName,
        tenant: &TenantId,
        role: Role,
        actor: &Actor,
    ) -> Result<()> {
        ask!(self, map_group(group, tenant, role, actor))
    }

    /// The group opens the tenant no more.
    ///
    /// # Errors
    /// [`DirectoryError::UnknownGroup`], [`DirectoryError::NotMapped`].
    pub async fn unmap_group(&self, group: &GroupName, tenant: &TenantId, actor: &Actor) -> Result<()> {
        ask!(self, unmap_group(group, tenant, actor))
    }

    /// All tenants by id.
    pub async fn list_tenants(&self) -> Result<Vec<TenantRecord>> {
        ask!(self, list_tenants())
    }

    /// One tenant.
    pub async fn find_tenant(&self, id: &TenantId) -> Result<Option<TenantRecord>> {
        ask!(self, find_tenant(id))
    }

    /// When the audit begins; `None`: nothing was ever changed.
    pub async fn audit_begins_at(&self) -> Result<Option<Timestamp>> {
        ask!(self, audit_begins_at())
    }

    /// Keeps refusals for `gatepost explain --request`, in one transaction; the oldest beyond [`MAX_REFUSALS`] go.
    pub async fn keep_refusals(&self, refusals: &[Refusal]) -> Result<()> {
        ask!(self, keep_refusals(refusals))
    }

    /// A refusal that is still kept.
    pub async fn find_refusal(&self, id: RequestId) -> Result<Option<Refusal>> {
        ask!(self, find_refusal(id))
    }

    /// The newest audit rows that the filter lets through, newest first.
    pub async fn list_audit(&self, filter: &AuditFilter, limit: u32) -> Result<Vec<AuditRecord>> {
        ask!(self, list_audit(filter, limit))
    }
}

/// The path of a `sqlite://PATH` address.
fn sqlite_file(url: &str) -> Option<&str> {
    let path = url.strip_prefix("sqlite:")?;
    Some(path.strip_prefix("//").unwrap_or(path).split('?').next().unwrap_or_default())
}
