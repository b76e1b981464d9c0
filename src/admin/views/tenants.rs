//! Tenants.

use super::{text, time};
use gatepost_core::calendar::rfc3339;
use gatepost_store::directory::{TenantMember as Record, TenantRecord};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A tenant.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
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

/// A member that a tenant has by itself.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TenantMember {
    #[schema(format = "uuid")]
    pub id: String,
    pub email: Option<String>,
    pub name: Option<String>,
    /// `admin`, `member` or `viewer`.
    pub role: String,
    /// `manual`, `invitation` or `scim`.
    pub source: String,
    /// When it ends. `null`: never.
    #[schema(format = DateTime)]
    pub until: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Counts the changes of the membership.
    #[schema(example = "v7")]
    pub version: String,
}

impl From<&Record> for TenantMember {
    fn from(member: &Record) -> Self {
        Self {
            id: member.id.to_string(),
            email: text(member.email.as_ref()),
            name: member.name.clone(),
            role: member.role.to_string(),
            source: member.source.clone(),
            until: time(member.until),
            created_at: rfc3339(member.created_at),
            version: member.version.to_string(),
        }
    }
}
