//! How people propose tenants, and how system administrators decide.

use super::users::{self, FIRST, UserRow};
use super::{Apply, Connection, LockKey, Result, present, standing};
use crate::directory::actor::{Actor, Who};
use crate::directory::changes::{
    AddTenantMember, ApproveProposal, Done, ProposeTenant, RefuseProposal, TenantEdit, WriteMode, WriteTenant,
};
use crate::directory::error::DirectoryError;
use crate::directory::records::UserKey;
use crate::directory::{MAX_OPEN_PROPOSALS, PROPOSALS_TTL};
use gatepost_core::access::Role;
use gatepost_core::access_request::Remark;
use gatepost_core::administration::{Denied, Granted, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{ProposalId, TenantId, TierId, UserId};
use gatepost_core::tenant_proposal::{PROPOSED_TIER, ProposalState, ProposedName};
use serde_json::{Value, json};

row! {
    /// What deciding a proposal needs of its row.
    #[derive(Clone, Debug)]
    pub struct ProposalRow {
        tenant_id: TenantId,
        name: String,
        state: ProposalState,
    }
}

impl Apply for ProposeTenant {
    type Locked = UserRow;

    /// Of two who propose at once each counts the other's, and sees which id it names.
    fn locks(&self) -> Vec<LockKey> {
        vec![LockKey::of(&["tenant proposals"])]
    }

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        Ok((users::find_known(connection, &UserKey::Id(self.user)).await?, None))
    }

    async fn write(
        granted: Granted<&Self>,
        user: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<ProposalId>> {
        let change = granted.change();
        // Nobody proposes for somebody else, whatever they administer.
        if actor.who != Who::Person(user.id) {
            return Err(Denied::Hidden.into());
        }
        let now = present(connection).await?;
        delete_old(connection, now, i64::MAX).await?;
        demand_unconfined(connection, user.id).await?;
        demand_room(connection, user.id).await?;
        let id = ProposalId::generate();
        if change.is_tried {
            return Ok(Done::changed(Some(FIRST), id));
        }
        demand_free(connection, &change.tenant).await?;
        insert(connection, id, change, now).await?;
        let said = said(id, &change.tenant);
        users::note(connection, actor, "proposal.create", user.id, None, Some(said)).await?;
        Ok(Done::changed(Some(FIRST), id))
    }
}

/// What a tenant's own provider says about a person counts in that tenant alone, so they could not enter another one.
async fn demand_unconfined(connection: &mut Connection, user: UserId) -> Result<()> {
    let standing = standing::find(connection, user).await?;
    let is_confined = standing.is_some_and(|standing| standing.access.confined_to.is_some());
    if is_confined { Err(DirectoryError::ProposerConfined) } else { Ok(()) }
}

/// Refuses a second open proposal of a person, and one that would be more than there may be in all.
async fn demand_room(connection: &mut Connection, user: UserId) -> Result<()> {
    let sql = "SELECT count(*) FROM tenant_proposals WHERE state = 'open' AND user_id = $1";
    let own: i64 = sqlx::query_scalar(sql).bind(user.to_string()).fetch_one(&mut *connection).await?;
    if own > 0 {
        return Err(DirectoryError::ProposalOpen);
    }
    let sql = "SELECT count(*) FROM tenant_proposals WHERE state = 'open'";
    let open: i64 = sqlx::query_scalar(sql).fetch_one(connection).await?;
    if open >= MAX_OPEN_PROPOSALS {
        Err(DirectoryError::TooManyProposals(MAX_OPEN_PROPOSALS))
    } else {
        Ok(())
    }
}

/// Refuses the id of a tenant, also of a deleted one, and one that somebody else proposes. The answer does not say which: a
/// stranger must not learn it.
async fn demand_free(connection: &mut Connection, id: &TenantId) -> Result<()> {
    let sql = "SELECT EXISTS (SELECT 1 FROM tenants WHERE id = $1) \
               OR EXISTS (SELECT 1 FROM tenant_proposals WHERE tenant_id = $1 AND state = 'open')";
    let is_taken: bool = sqlx::query_scalar(sql).bind(id.as_str()).fetch_one(connection).await?;
    if is_taken { Err(DirectoryError::TenantIdTaken(id.clone())) } else { Ok(()) }
}

async fn insert(
    connection: &mut Connection,
    id: ProposalId,
    change: &ProposeTenant,
    now: Timestamp,
) -> Result<()> {
    let ProposeTenant { user, tenant, name, reason, .. } = change;
    sqlx::query(
        "INSERT INTO tenant_proposals (id, user_id, tenant_id, name, reason, state, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, 'open', $6, $7)",
    )
    .bind(id.to_string())
    .bind(user.to_string())
    .bind(tenant.as_str())
    .bind(name.as_str())
    .bind(reason.as_ref().map(Remark::as_str))
    .bind(now.unix())
    .bind(now.plus(PROPOSALS_TTL).unix())
    .execute(connection)
    .await?;
    Ok(())
}

impl Apply for ApproveProposal {
    type Locked = (UserRow, ProposalRow);

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        lock_proposal(connection, self.id).await
    }

    async fn write(
        granted: Granted<&Self>,
        (user, row): Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<UserId>> {
        let id = granted.change().id;
        decide(connection, actor, (id, &row), (ProposalState::Approved, None)).await?;
        if user.disabled_at.is_some() {
            return Err(DirectoryError::ProposerDisabled(id));
        }
        demand_unconfined(connection, user.id).await?;
        let tenant = row.tenant_id;
        let name: ProposedName = row.name.parse().map_err(DirectoryError::unreadable)?;
        let tier: TierId = PROPOSED_TIER.parse().map_err(DirectoryError::unreadable)?;
        let edit = TenantEdit {
            name: Some(Some(name.as_str().to_owned())),
            tier: Some(Some(tier)),
            ..TenantEdit::default()
        };
        let change = WriteTenant { id: tenant.clone(), mode: WriteMode::Create, edit };
        make(&granted, &change, connection, actor).await?;
        let key = UserKey::Id(user.id);
        let change = AddTenantMember { tenant: tenant.clone(), user: key, role: Role::Admin, until: None };
        make(&granted, &change, connection, actor).await?;
        let said = said(id, &tenant);
        users::note(connection, actor, "proposal.approve", user.id, Some(said.clone()), Some(said)).await?;
        Ok(Done::changed(Some(ProposalState::Approved.version()), user.id))
    }
}

/// Makes a change that belongs to an approval, with its audit rows.
async fn make<C: Apply>(
    granted: &Granted<&ApproveProposal>,
    change: &C,
    connection: &mut Connection,
    actor: &Actor,
) -> Result<()> {
    let (locked, _) = change.lock(&mut *connection).await?;
    C::write(granted.part(change), locked, connection, actor).await.map(drop)
}

impl Apply for RefuseProposal {
    type Locked = (UserRow, ProposalRow);

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        lock_proposal(connection, self.id).await
    }

    async fn write(
        granted: Granted<&Self>,
        (user, row): Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<UserId>> {
        let Self { id, answer } = granted.change();
        decide(connection, actor, (*id, &row), (ProposalState::Refused, answer.as_ref())).await?;
        let said = said(*id, &row.tenant_id);
        users::note(connection, actor, "proposal.refuse", user.id, Some(said), None).await?;
        Ok(Done::changed(Some(ProposalState::Refused.version()), user.id))
    }
}

/// Locks the person of a proposal, then the proposal: every change of a person locks them first. What has expired is unknown.
async fn lock_proposal(
    connection: &mut Connection,
    id: ProposalId,
) -> Result<((UserRow, ProposalRow), Option<Version>)> {
    let unknown = || DirectoryError::UnknownProposal(id);
    let sql = "SELECT user_id FROM tenant_proposals WHERE id = $1";
    let user: Option<String> =
        sqlx::query_scalar(sql).bind(id.to_string()).fetch_optional(&mut *connection).await?;
    let user: UserId = user.ok_or_else(unknown)?.parse().map_err(DirectoryError::unreadable)?;
    let user = users::find_for_change(connection, &UserKey::Id(user)).await?.ok_or_else(unknown)?;
    let sql = for_update!(concat!(
        "SELECT tenant_id, name, state FROM tenant_proposals WHERE id = $1 AND expires_at > ",
        present!()
    ));
    let row: Option<ProposalRow> =
        sqlx::query_as(sql).bind(id.to_string()).fetch_optional(connection).await?;
    let row = row.ok_or_else(unknown)?;
    let version = row.state.version();
    Ok(((user, row), Some(version)))
}

async fn decide(
    connection: &mut Connection,
    actor: &Actor,
    (id, row): (ProposalId, &ProposalRow),
    (state, answer): (ProposalState, Option<&Remark>),
) -> Result<()> {
    if row.state != ProposalState::Open {
        return Err(DirectoryError::ProposalDecided(id, row.state));
    }
    let now = present(connection).await?;
    sqlx::query(
        "UPDATE tenant_proposals SET state = $2, decided_at = $3, decided_by = $4, answer = $5 WHERE id = $1",
    )
    .bind(id.to_string())
    .bind(state.as_str())
    .bind(now.unix())
    .bind(actor.who.to_string())
    .bind(answer.map(Remark::as_str))
    .execute(connection)
    .await?;
    Ok(())
}

/// A proposal for the audit. What people wrote stays out of it: the audit is kept longer than proposals are.
fn said(id: ProposalId, tenant: &TenantId) -> Value {
    json!({ "proposal": id, "tenant": tenant })
}

/// Deletes proposals that have expired, whatever their state, at most `most`, and returns their number.
pub(super) async fn delete_old(connection: &mut Connection, now: Timestamp, most: i64) -> Result<u64> {
    let sql = delete_some!("tenant_proposals" ["id"] where "expires_at <= $1");
    let query = sqlx::query(sql).bind(now.unix()).bind(most);
    Ok(query.execute(connection).await?.rows_affected())
}
