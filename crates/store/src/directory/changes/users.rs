//! Changes of people.

use super::{Change, platform_change};
use crate::directory::error::DirectoryError;
use crate::directory::records::{AddressNews, UserKey, UserSummary};
use gatepost_config::{AddressChanges, Config};
use gatepost_core::administration::Matter;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{ProviderId, UserId};
use gatepost_core::secret::Hash;
use std::sync::Arc;

/// Creates a placeholder for an address that nobody holds. The first person who signs in with it takes it over.
/// Unchanged: somebody holds the address.
#[derive(Clone, Debug)]
pub struct CreateUser {
    pub email: EmailAddress,
}
platform_change!(CreateUser => UserSummary);

/// Refuses further sign-ins of a person and ends all sessions. An address that nobody holds yet is disabled for its
/// future holder.
#[derive(Clone, Debug)]
pub struct DisableUser {
    pub user: UserKey,
}
platform_change!(DisableUser => UserSummary, may_unmake_admins);

/// Allows a disabled person to sign in again. Ended sessions stay ended.
#[derive(Clone, Debug)]
pub struct EnableUser {
    pub user: UserKey,
}
platform_change!(EnableUser => UserSummary);

/// Changes the address that applications get for a person, whatever the provider asserts.
///
/// Errors: `AddressHeld`, `DomainNotAllowed`.
#[derive(Clone, Debug)]
pub struct ChangeAddress {
    pub(in crate::directory) user: UserKey,
    pub(in crate::directory) to: EmailAddress,
    pub(in crate::directory) config: Arc<Config>,
}

impl ChangeAddress {
    /// # Errors
    /// `AddressesFollow`, `AddressOfMachines`: the gate would not keep the address.
    pub fn new(user: UserKey, to: EmailAddress, config: &Arc<Config>) -> Result<Self, DirectoryError> {
        if config.address_changes == AddressChanges::Follow {
            return Err(DirectoryError::AddressesFollow);
        }
        if to.is_machine_address(config.public_url.host()) {
            return Err(DirectoryError::AddressOfMachines(to));
        }
        Ok(Self { user, to, config: Arc::clone(config) })
    }
}
platform_change!(ChangeAddress => AddressNews);

/// Releases a person's address, so that another person can have it. The outcome is the address.
#[derive(Clone, Debug)]
pub struct ReleaseAddress {
    pub user: UserKey,
}
platform_change!(ReleaseAddress => Option<EmailAddress>);

/// Deletes a person with everything that is held about them; the audit keeps their id alone. Whoever signs in with the
/// address afterwards is a new person.
///
/// Errors: `NotConfirmed`, `Erased`.
#[derive(Clone, Debug)]
pub struct EraseUser {
    pub user: UserId,
    /// The address of the person, or the id of a person who has none.
    pub confirm: String,
}
platform_change!(EraseUser => UserId, may_unmake_admins);

/// Ends all sessions of a person that started before a second of the database's clock.
#[derive(Clone, Debug)]
pub struct EndSessions {
    pub user: UserKey,
    pub started_before: Timestamp,
}
platform_change!(EndSessions => UserId);

/// Ends one session of a person, whatever the session store contains. Administrators of a tenant end those of its members
/// at its own provider. Unchanged: it had already ended.
///
/// Errors: `UnknownUser` (also for a person who is not in the tenant).
#[derive(Clone, Debug)]
pub struct EndSession {
    pub session: Hash,
    pub user: UserId,
    /// Where the session began. This decides who may end it.
    pub provider: ProviderId,
    /// Until then one of its cookies could be used.
    pub expires_at: Timestamp,
    /// The cause, as the audit names it.
    pub reason: &'static str,
}

impl Change for EndSession {
    type Outcome = UserId;
    const NAME: &'static str = "EndSession";

    fn matter(&self) -> Matter {
        self.provider.tenant().map_or(Matter::Platform, Matter::Tenant)
    }
}
