//! What administrators read.

use super::Context;
use gatepost_core::administration::{Denied, Matter, Scope};
use gatepost_core::ids::GroupId;
use gatepost_store::directory::{DirectoryError, GroupRecord, TenantRecord};

impl Context {
    /// The group of this number.
    ///
    /// # Errors
    /// `UnknownGroup`.
    pub async fn find_group(&self, id: GroupId) -> Result<GroupRecord, DirectoryError> {
        let groups = self.stores.directory.list_groups().await?;
        groups.into_iter().find(|group| group.id == id).ok_or_else(|| DirectoryError::UnknownGroup(id.into()))
    }

    /// The tenants that this scope holds, by id.
    ///
    /// # Errors
    /// The directory does not answer.
    pub async fn list_tenants(&self, scope: &Scope) -> Result<Vec<TenantRecord>, DirectoryError> {
        let mut tenants = self.stores.directory.list_tenants().await?;
        tenants.retain(|tenant| scope.allows(&Matter::Tenant(tenant.id.clone())) == Ok::<(), Denied>(()));
        Ok(tenants)
    }
}
