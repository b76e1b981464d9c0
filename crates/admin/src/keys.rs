//! API keys: how they are found for a change, and what the configuration says about them.

use super::{Context, SessionError};
use gatepost_core::administration::Scope;
use gatepost_core::api_key::{KeyFault, KeyId};
use gatepost_core::host::HostName;
use gatepost_core::ids::{TenantId, UserId};
use gatepost_store::directory::changes::RevokeKey;
use gatepost_store::directory::{Actor, DirectoryError, KeyHolder, KeyRecord, Who};

impl Context {
    /// What is wrong with the hosts of a key of this tenant, or of none: each must be protected, and no other tenant's.
    ///
    /// # Errors
    /// Only of the directory.
    pub async fn faults_of_hosts(
        &self,
        tenant: Option<&TenantId>,
        hosts: &[HostName],
    ) -> Result<Vec<KeyFault>, DirectoryError> {
        let mut faults = Vec::new();
        for host in hosts {
            if !self.is_open_to(host, tenant).await? {
                faults.push(KeyFault::UnprotectedHost(host.to_string()));
            }
        }
        Ok(faults)
    }

    /// Whether a host is protected, and what belongs to this tenant, or to none, may use it.
    pub(super) async fn is_open_to(
        &self,
        host: &HostName,
        tenant: Option<&TenantId>,
    ) -> Result<bool, DirectoryError> {
        let found = self.hosts.find(host).await?;
        Ok(found.is_some_and(|host| host.tenant().is_none_or(|owner| Some(owner) == tenant)))
    }

    /// The key, as far as it exists for the actor: their own, or one that they administer.
    ///
    /// # Errors
    /// `UnknownKey`.
    pub async fn find_key(&self, id: KeyId, actor: &Actor) -> Result<KeyRecord, SessionError> {
        let directory = &self.stores.directory;
        if let Some(person) = person(actor)
            && let Some(own) = directory.find_key_record(&Scope::System, id).await?
            && own.owner_id == Some(person)
        {
            return Ok(own);
        }
        let scope = self.scope_of(actor).await?;
        let found = directory.find_key_record(&scope, id).await?;
        Ok(found.ok_or(DirectoryError::UnknownKey(id))?)
    }

    /// The change that revokes a key: as the owner's or, for an administrator of its tenant, as the tenant's.
    ///
    /// # Errors
    /// `UnknownKey`.
    pub async fn revocation_of_key(&self, id: KeyId, actor: &Actor) -> Result<RevokeKey, SessionError> {
        let key = self.find_key(id, actor).await?;
        let is_own = key.owner_id.is_some() && key.owner_id == person(actor);
        let holder = if key.tenant_id.is_some() && !is_own {
            KeyHolder { tenant: key.tenant_id, owner: None }
        } else {
            key.holder()
        };
        Ok(RevokeKey { id, holder })
    }
}

const fn person(actor: &Actor) -> Option<UserId> {
    match actor.who {
        Who::Person(id) => Some(id),
        _ => None,
    }
}
