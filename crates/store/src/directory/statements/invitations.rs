//! Invitations to tenants. A row is one that nobody has accepted yet: whoever accepts, withdraws or replaces it deletes it. The
//! audit names an invitation by its id, because only the rows of a person can be erased for them.

use super::open_invitations::{delete, find_of_address, said, select, withdraw};
use super::tenant_limits::{self, Counted};
use super::users::{self, FIRST, UserRow};
use super::{Apply, Connection, Result, Store, audit, present, tenant_changes, tenant_members, tenants};
use crate::directory::actor::Actor;
use crate::directory::changes::{AcceptInvitation, Done, InviteMember, NewInvitation, WithdrawInvitation};
use crate::directory::error::DirectoryError;
use crate::directory::records::{InvitationRecord, UserKey};
use gatepost_core::access::Role;
use gatepost_core::administration::{Granted, Matter, Scope, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{InvitationId, ProviderId, TenantId, UserId};
use gatepost_core::invitation::{INVITATION_TTL, InvitationSecret, masked};
use gatepost_core::secret::Hash;
use gatepost_core::tier::{Allowances, MEMBERS};

/// Open invitations of a tenant whose members nothing limits.
const MOST_OPEN: i64 = 500;

impl Apply for InviteMember {
    /// What the tenant may have.
    type Locked = Allowances;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        tenants::demand(connection, &self.tenant).await?;
        // Two who invite at once count each other.
        Ok((tenant_limits::lock(connection, &self.tenant).await?, None))
    }

    async fn write(
        granted: Granted<&Self>,
        allowances: Allowances,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<NewInvitation>> {
        let Self { tenant, email, role } = granted.change();
        let made = invite(connection, actor, (tenant, &allowances), (email, *role)).await?;
        Ok(Done::changed(Some(FIRST), made))
    }
}

/// Invites whoever signs in with an address. The tenant's row is locked.
async fn invite(
    connection: &mut Connection,
    actor: &Actor,
    (tenant, allowances): (&TenantId, &Allowances),
    (email, role): (&EmailAddress, Role),
) -> Result<NewInvitation> {
    let replaced = find_of_address(connection, tenant, email).await?;
    // Also one that has expired, of which nothing is said.
    sqlx::query("DELETE FROM tenant_invitations WHERE tenant_id = $1 AND email = $2")
        .bind(tenant.as_str())
        .bind(email.as_str())
        .execute(&mut *connection)
        .await?;
    demand_room(connection, tenant, allowances).await?;
    let (secret, created_at) = (InvitationSecret::generate(), present(connection).await?);
    let record = InvitationRecord {
        id: InvitationId::generate(),
        tenant_id: tenant.clone(),
        email: email.clone(),
        role,
        created_at,
        expires_at: created_at.plus(INVITATION_TTL),
    };
    insert(connection, &record, &secret.digest()).await?;
    let states = (replaced.as_ref().map(said), Some(said(&record)));
    tenant_changes::note(connection, actor, "tenant.invite", tenant, states).await?;
    Ok(NewInvitation { record, secret })
}

/// Invites an administrator of a tenant. `None`: they administer it themselves, or are invited to.
pub(super) async fn invite_admin(
    connection: &mut Connection,
    actor: &Actor,
    tenant: &TenantId,
    email: &EmailAddress,
) -> Result<Option<NewInvitation>> {
    let allowances = tenant_limits::lock(connection, tenant).await?;
    if let Some(user) = users::find_row(connection, &UserKey::Email(email.clone())).await?
        && tenant_members::has_for_good(connection, (tenant, user.id), Role::Admin).await?
    {
        return Ok(None);
    }
    let open = find_of_address(connection, tenant, email).await?;
    if open.is_some_and(|open| open.role == Role::Admin) {
        return Ok(None);
    }
    invite(connection, actor, (tenant, &allowances), (email, Role::Admin)).await.map(Some)
}

/// Demands that one more person may become a member, if everybody accepts. The tenant's row is locked.
async fn demand_room(connection: &mut Connection, tenant: &TenantId, allowances: &Allowances) -> Result<()> {
    let sql =
        concat!("SELECT count(*) FROM tenant_invitations WHERE tenant_id = $1 AND expires_at > ", present!());
    let open: i64 = sqlx::query_scalar(sql).bind(tenant.as_str()).fetch_one(&mut *connection).await?;
    if open >= MOST_OPEN {
        return Err(DirectoryError::TooManyInvitations(tenant.clone(), MOST_OPEN));
    }
    let members = Counted::Members.count(connection, tenant).await?;
    match allowances.limits.limit(MEMBERS) {
        Some(most) if members + open.unsigned_abs() >= most => {
            Err(DirectoryError::LimitReached(tenant.clone(), MEMBERS, most))
        }
        _ => Ok(()),
    }
}

async fn insert(connection: &mut Connection, record: &InvitationRecord, hash: &Hash) -> Result<()> {
    sqlx::query(
        "INSERT INTO tenant_invitations (id, tenant_id, email, role, hash, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(record.id.to_string())
    .bind(record.tenant_id.as_str())
    .bind(record.email.as_str())
    .bind(record.role.as_str())
    .bind(hash.as_bytes().to_vec())
    .bind(record.created_at.unix())
    .bind(record.expires_at.unix())
    .execute(connection)
    .await?;
    Ok(())
}

impl Apply for WithdrawInvitation {
    type Locked = InvitationRecord;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        tenants::demand(connection, &self.tenant).await?;
        let query = sqlx::query_as(for_update!(select!("tenant_id = $1 AND id = $2")));
        let query = query.bind(self.tenant.as_str()).bind(self.id.to_string());
        let found: Option<InvitationRecord> = query.fetch_optional(connection).await?;
        let unknown = || DirectoryError::UnknownInvitation(self.tenant.clone(), self.id);
        Ok((found.ok_or_else(unknown)?, None))
    }

    async fn write(
        granted: Granted<&Self>,
        record: InvitationRecord,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<InvitationRecord>> {
        withdraw(connection, actor, &granted.change().tenant, &record).await?;
        Ok(Done::changed(None, record))
    }
}

impl Apply for AcceptInvitation {
    type Locked = (UserRow, InvitationRecord);

    /// Of two who open one link at once only one finds the row.
    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        let user = users::find_known(connection, &UserKey::Id(self.user)).await?;
        let query = sqlx::query_as(for_update!(select!("hash = $1"))).bind(self.hash.as_bytes().to_vec());
        let found: Option<InvitationRecord> = query.fetch_optional(&mut *connection).await?;
        let record = found.ok_or(DirectoryError::InvitationOver)?;
        if user.email.as_ref() != Some(&record.email)
            || is_of_another(connection, self.user, &record.tenant_id).await?
        {
            return Err(DirectoryError::NotInvited(masked(&record.email)));
        }
        Ok(((user, record), None))
    }

    async fn write(
        _: Granted<&Self>,
        (user, record): Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<InvitationRecord>> {
        let tenant = &record.tenant_id;
        // The link of a deleted tenant leads nowhere.
        tenants::demand(connection, tenant).await.map_err(|error| match error {
            DirectoryError::TenantDeleted(_) => DirectoryError::InvitationOver,
            error => error,
        })?;
        tenants::demand_active(connection, tenant).await?;
        delete(connection, record.id).await?;
        tenant_members::join(connection, actor, (tenant, user.id), record.role).await?;
        let entry = audit::Entry {
            action: "tenant.accept_invitation",
            target: format!("user:{}", user.id),
            before: Some(said(&record)),
            after: None,
        };
        audit::write_for_tenant(connection, actor, tenant, entry).await?;
        Ok(Done::changed(None, record))
    }
}

impl Store {
    /// The invitations of a tenant that can be accepted, the oldest first.
    pub(in crate::directory) async fn list_invitations(
        &self,
        scope: &Scope,
        tenant: &TenantId,
    ) -> Result<Vec<InvitationRecord>> {
        if scope.allows(&Matter::Tenant(tenant.clone())).is_err() {
            return Err(DirectoryError::UnknownTenant(tenant.clone()));
        }
        reading!(self, |connection| {
            tenants::demand_known(&mut *connection, tenant).await?;
            let query = sqlx::query_as(select!("tenant_id = $1 ORDER BY id")).bind(tenant.as_str());
            Ok(query.fetch_all(connection).await?)
        })
    }

    /// The invitation with this secret that can be accepted, of a tenant that is not deleted.
    pub(in crate::directory) async fn find_invitation(
        &self,
        hash: &Hash,
    ) -> Result<Option<InvitationRecord>> {
        reading!(self, |connection| {
            let query = sqlx::query_as(select!(
                "hash = $1 AND EXISTS (SELECT 1 FROM tenants t WHERE t.id = tenant_id AND t.state <> 'deleted')"
            ));
            Ok(query.bind(hash.as_bytes().to_vec()).fetch_optional(connection).await?)
        })
    }
}

/// Whether the provider of another tenant identifies the person: their address is what that tenant says, and counts there alone.
async fn is_of_another(connection: &mut Connection, id: UserId, tenant: &TenantId) -> Result<bool> {
    let query = sqlx::query_scalar(concat!("SELECT ", tenants_provider!("$1"))).bind(id.to_string());
    let provider: Option<String> = query.fetch_one(connection).await?;
    Ok(provider.is_some_and(|provider| provider != ProviderId::of_tenant(tenant).as_str()))
}

/// Deletes invitations that have expired, at most `most`, and returns their number.
pub(super) async fn delete_old(connection: &mut Connection, now: Timestamp, most: i64) -> Result<u64> {
    let sql = delete_some!("tenant_invitations" ["id"] where "expires_at <= $1");
    let query = sqlx::query(sql).bind(now.unix()).bind(most);
    Ok(query.execute(connection).await?.rows_affected())
}
