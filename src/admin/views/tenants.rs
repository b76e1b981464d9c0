//! Tenants.

use gatepost_store::directory::TenantRecord;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A tenant.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Tenant {
    pub id: String,
    /// The name that people see.
    pub name: Option<String>,
    /// The groups whose members may enter it, each with the role.
    pub groups: BTreeMap<String, String>,
    /// Counts the changes of its own data.
    #[schema(example = "v7")]
    pub version: String,
}

impl From<&TenantRecord> for Tenant {
    fn from(tenant: &TenantRecord) -> Self {
        let groups = tenant.groups.iter().map(|(name, role)| (name.to_string(), role.to_string()));
        Self {
            id: tenant.id.to_string(),
            name: tenant.name.clone(),
            groups: groups.collect(),
            version: tenant.version.to_string(),
        }
    }
}
