//! The rows of open invitations: found, named in the audit, withdrawn.

use super::{Connection, Result, tenant_changes};
use crate::directory::actor::Actor;
use crate::directory::records::InvitationRecord;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{InvitationId, TenantId, UserId};
use serde_json::{Value, json};

/// Invitations that can be accepted.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant_id, email, role, created_at, expires_at FROM tenant_invitations WHERE expires_at > ",
            present!(),
            " AND ",
            $rest
        )
    };
}

pub(super) use select;

/// Invitations to an address that the person `$1` has, or had and nobody else has now.
macro_rules! of_person {
    () => {
        "email IN (SELECT u.email FROM users u WHERE u.id = $1 UNION ALL \
         SELECT f.email FROM former_addresses f WHERE f.user_id = $1 \
         AND NOT EXISTS (SELECT 1 FROM users now WHERE now.email = f.email AND now.id <> $1))"
    };
}
pub(super) use of_person;

/// The invitations of a person, also those that have expired and are not deleted yet.
pub(super) async fn list_of_person(connection: &mut Connection, id: UserId) -> Result<Vec<InvitationRecord>> {
    let sql = concat!(
        "SELECT id, tenant_id, email, role, created_at, expires_at FROM tenant_invitations WHERE ",
        of_person!(),
        " ORDER BY id"
    );
    Ok(sqlx::query_as(sql).bind(id.to_string()).fetch_all(connection).await?)
}

/// The invitation of an address to a tenant that can be accepted.
pub(super) async fn find_of_address(
    connection: &mut Connection,
    tenant: &TenantId,
    email: &EmailAddress,
) -> Result<Option<InvitationRecord>> {
    let query = sqlx::query_as(select!("tenant_id = $1 AND email = $2"));
    Ok(query.bind(tenant.as_str()).bind(email.as_str()).fetch_optional(connection).await?)
}

pub(super) async fn delete(connection: &mut Connection, id: InvitationId) -> Result<()> {
    let query = sqlx::query("DELETE FROM tenant_invitations WHERE id = $1").bind(id.to_string());
    query.execute(connection).await?;
    Ok(())
}

/// Deletes an invitation, with its row of the audit.
pub(super) async fn withdraw(
    connection: &mut Connection,
    actor: &Actor,
    tenant: &TenantId,
    record: &InvitationRecord,
) -> Result<()> {
    delete(connection, record.id).await?;
    let states = (Some(said(record)), None);
    tenant_changes::note(connection, actor, "tenant.withdraw_invitation", tenant, states).await
}

/// Withdraws the invitation of somebody about whose place in the tenant an administrator decides now: a link that is older
/// than the decision must not undo it. Returns whether there was one.
pub(super) async fn withdraw_of(
    connection: &mut Connection,
    actor: &Actor,
    tenant: &TenantId,
    user: UserId,
) -> Result<bool> {
    let sql = select!("tenant_id = $1 AND email = (SELECT u.email FROM users u WHERE u.id = $2)");
    let query = sqlx::query_as(sql).bind(tenant.as_str()).bind(user.to_string());
    let found: Option<InvitationRecord> = query.fetch_optional(&mut *connection).await?;
    if let Some(record) = &found {
        withdraw(connection, actor, tenant, record).await?;
    }
    Ok(found.is_some())
}

/// An invitation for the audit, without the address.
pub(super) fn said(record: &InvitationRecord) -> Value {
    json!({
        "invitation": record.id, "tenant": record.tenant_id, "role": record.role, "expires_at": record.expires_at,
    })
}
