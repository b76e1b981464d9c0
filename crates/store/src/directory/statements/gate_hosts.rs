//! The hosts of tenants and how their pages look, as the gate reads them.

use super::standing::IS_STANDBY;
use super::{Result, Store};
use crate::directory::error::DirectoryError;
use gatepost_core::branding::Branding;
use gatepost_core::host::HostName;
use gatepost_core::ids::{ServiceName, TenantId};

/// A deleted tenant has no hosts. A suspended one keeps its hosts, so that its people get to know that it is suspended.
const ACTIVE: &str = "SELECT h.host, h.tenant_id FROM tenant_hosts h JOIN tenants t ON t.id = h.tenant_id \
    WHERE h.state = 'active' AND t.state <> 'deleted'";

/// Those that lead to an upstream.
const ROUTED: &str = "SELECT h.host, t.service FROM tenant_hosts h JOIN tenants t ON t.id = h.tenant_id \
    WHERE h.state = 'active' AND t.state <> 'deleted' AND t.service IS NOT NULL";

/// Nothing is said about the pages of most tenants.
const BRANDED: &str =
    "SELECT t.id AS tenant_id, t.branding FROM tenants t WHERE t.branding <> '{}' AND t.state <> 'deleted'";

row! {
    struct BrandedRow {
        tenant_id: TenantId,
        branding: Branding,
    }
}

row! {
    struct RouteRow {
        host: HostName,
        service: ServiceName,
    }
}

row! {
    struct HostRow {
        host: HostName,
        tenant_id: TenantId,
    }
}

impl Store {
    pub(in crate::directory) async fn read_active_hosts(&self) -> Result<Vec<(HostName, TenantId)>> {
        let rows: Vec<HostRow> = hot_read!(self, |connection| {
            // A standby may not have the newest host yet. That does not mean that the host is unknown.
            if sqlx::query_scalar(IS_STANDBY).fetch_one(&mut *connection).await? {
                return Err(DirectoryError::standby());
            }
            Ok(sqlx::query_as(ACTIVE).fetch_all(connection).await?)
        })?;
        Ok(rows.into_iter().map(|row| (row.host, row.tenant_id)).collect())
    }

    pub(in crate::directory) async fn read_brandings(&self) -> Result<Vec<(TenantId, Branding)>> {
        let rows: Vec<BrandedRow> = hot_read!(self, |connection| {
            if sqlx::query_scalar(IS_STANDBY).fetch_one(&mut *connection).await? {
                return Err(DirectoryError::standby());
            }
            Ok(sqlx::query_as(BRANDED).fetch_all(connection).await?)
        })?;
        Ok(rows.into_iter().map(|row| (row.tenant_id, row.branding)).collect())
    }

    pub(in crate::directory) async fn read_tenant_routes(&self) -> Result<Vec<(HostName, ServiceName)>> {
        let rows: Vec<RouteRow> = hot_read!(self, |connection| {
            if sqlx::query_scalar(IS_STANDBY).fetch_one(&mut *connection).await? {
                return Err(DirectoryError::standby());
            }
            Ok(sqlx::query_as(ROUTED).fetch_all(connection).await?)
        })?;
        Ok(rows.into_iter().map(|row| (row.host, row.service)).collect())
    }
}
