//! API keys: how they are found for a change, and what the configuration says about them.

use super::{Context, SessionError};
use gatepost_core::administration::Scope;
use gatepost_core::api_key::{KeyFault, KeyId};
use gatepost_core::host::HostName;
use gatepost_core::ids::UserId;
use gatepost_store::directory::changes::RevokeKey;
use gatepost_store::directory::{Actor, DirectoryError, KeyHolder, KeyRecord, Who};

impl Context {
    /// What the configuration has against the hosts of a key.
    pub fn faults_of_hosts(&self, hosts: &[HostName]) -> Vec<KeyFault> {
        let unprotected = hosts.iter().filter(|host| self.site.hosts.find(host).is_none());
        unprotected.map(|host| KeyFault::UnprotectedHost(host.to_string())).collect()
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
