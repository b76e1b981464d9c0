//! How the pages of a tenant look, written.

use super::tenant_changes::{TenantRow, find_for_update, lock_known, note};
use super::{Apply, Connection, Result, Store, tenants};
use crate::directory::actor::Actor;
use crate::directory::changes::{BrandTenant, Done};
use crate::directory::error::DirectoryError;
use gatepost_core::administration::{Granted, Version};
use gatepost_core::branding::{Branding, Logo, LogoName};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::TenantId;
use serde_json::Value;

row! {
    struct BrandingRow {
        branding: Branding,
    }
}

async fn find(connection: &mut Connection, id: &TenantId) -> Result<Branding> {
    let query = sqlx::query_as("SELECT branding FROM tenants WHERE id = $1").bind(id.as_str());
    let BrandingRow { branding } = query.fetch_one(connection).await?;
    Ok(branding)
}

impl Apply for BrandTenant {
    type Locked = (TenantRow, Branding);

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        let (tenant, version) = lock_known(connection, &self.tenant).await?;
        let branding = find(connection, &self.tenant).await?;
        Ok(((tenant, branding), version))
    }

    async fn write(
        granted: Granted<&Self>,
        (tenant, before): Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<Branding>> {
        let Self { tenant: id, edit } = granted.change();
        tenants::demand_kept(id, tenant.state)?;
        let after = edit.of(&before);
        if after == before {
            return Ok(Done::unchanged(Some(tenant.version), after));
        }
        sqlx::query("UPDATE tenants SET branding = $2, updated_at = $3 WHERE id = $1")
            .bind(id.as_str())
            .bind(after.to_string())
            .bind(Timestamp::now().unix())
            .execute(&mut *connection)
            .await?;
        if let Some(logo) = &edit.logo {
            keep(connection, id, logo.as_ref()).await?;
        }
        note(connection, actor, "tenant.brand", id, (Some(object(&before)?), Some(object(&after)?))).await?;
        let version = find_for_update(connection, id).await?.map(|found| found.version);
        Ok(Done::changed(version, after))
    }
}

/// Keeps the picture, in place of the former one.
async fn keep(connection: &mut Connection, id: &TenantId, logo: Option<&Logo>) -> Result<()> {
    let query = match logo {
        None => sqlx::query("DELETE FROM tenant_logos WHERE tenant_id = $1").bind(id.as_str()),
        Some(logo) => sqlx::query(
            "INSERT INTO tenant_logos (tenant_id, hash, content, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant_id) DO UPDATE SET hash = excluded.hash, content = excluded.content, created_at = excluded.created_at",
        )
        .bind(id.as_str())
        .bind(logo.name().hash.as_bytes().to_vec())
        .bind(logo.bytes().to_vec())
        .bind(Timestamp::now().unix()),
    };
    query.execute(connection).await?;
    Ok(())
}

impl Store {
    pub(in crate::directory) async fn find_logo(&self, name: LogoName) -> Result<Option<Vec<u8>>> {
        reading!(self, |connection| {
            let sql = "SELECT l.content FROM tenant_logos l JOIN tenants t ON t.id = l.tenant_id \
                       WHERE l.hash = $1 AND t.state <> 'deleted' LIMIT 1";
            let query = sqlx::query_scalar(sql).bind(name.hash.as_bytes().to_vec());
            Ok(query.fetch_optional(connection).await?)
        })
    }
}

fn object(branding: &Branding) -> Result<Value> {
    serde_json::from_str(&branding.to_string()).map_err(DirectoryError::unreadable)
}
