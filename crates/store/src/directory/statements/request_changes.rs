//! How people ask for access, and how administrators decide.

use super::access_requests::{RequestRow, lock_request};
use super::users::{self, FIRST, UserRow, demand_future};
use super::{
    Apply, Connection, Result, audit, group_changes, members, present, standing, tenant_members, tenants,
};
use crate::directory::MAX_REQUESTS_A_DAY;
use crate::directory::actor::Actor;
use crate::directory::changes::{DeclineRequest, Done, GrantRequest, RequestAccess, WithdrawRequest};
use crate::directory::error::DirectoryError;
use crate::directory::records::{GroupKey, UserKey};
use gatepost_core::access::Access;
use gatepost_core::access_request::{Remark, RequestState, Wanted};
use gatepost_core::administration::{Granted, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{AccessRequestId, GroupId, UserId};
use serde_json::{Value, json};

impl Apply for RequestAccess {
    type Locked = UserRow;

    /// The person's row is locked, so that two requests at once count each other.
    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        Ok((users::find_known(connection, &UserKey::Id(self.user)).await?, None))
    }

    async fn write(
        granted: Granted<&Self>,
        user: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<Vec<AccessRequestId>>> {
        let Self { wanted, note, .. } = granted.change();
        let standing = standing::find(connection, user.id).await?;
        let access = standing.map(|standing| standing.access).unwrap_or_default();
        let mut new = Vec::new();
        for wanted in wanted {
            if holds(&access, wanted) {
                return Err(DirectoryError::AccessHeld(wanted.clone()));
            }
            let group = resolve(connection, wanted).await?;
            if !is_open(connection, user.id, group, wanted).await?
                && new.iter().all(|(_, other)| *other != wanted)
            {
                new.push((group, wanted));
            }
        }
        let now = present(connection).await?;
        demand_room(connection, user.id, now, new.len()).await?;
        let mut ids = Vec::new();
        for (group, wanted) in new {
            let id = AccessRequestId::generate();
            insert(connection, (id, user.id), (group, wanted), note.as_ref(), now).await?;
            let said = said(id, wanted, None);
            record(connection, actor, "request.create", (user.id, wanted), (None, Some(said))).await?;
            ids.push(id);
        }
        Ok(if ids.is_empty() { Done::unchanged(Some(FIRST), ids) } else { Done::changed(Some(FIRST), ids) })
    }
}

fn holds(access: &Access, wanted: &Wanted) -> bool {
    match wanted {
        Wanted::Group(name) => access.groups.binary_search(name).is_ok(),
        Wanted::Tenant(id) => access.role_in(id).is_some(),
    }
}

/// The number of the group, if a group is wanted. What does not exist cannot be asked for.
async fn resolve(connection: &mut Connection, wanted: &Wanted) -> Result<Option<GroupId>> {
    match wanted {
        Wanted::Group(name) => {
            let key = GroupKey::Name(name.clone());
            Ok(Some(group_changes::find_known(connection, &key).await?.id))
        }
        Wanted::Tenant(id) => tenants::demand(connection, id).await.map(|()| None),
    }
}

async fn is_open(
    connection: &mut Connection,
    user: UserId,
    group: Option<GroupId>,
    wanted: &Wanted,
) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM access_requests WHERE user_id = $1 AND state = 'open' \
               AND (group_id = $2 OR tenant_id = $3))";
    let (group, tenant) = columns(group, wanted);
    let query = sqlx::query_scalar(sql).bind(user.to_string()).bind(group).bind(tenant);
    Ok(query.fetch_one(connection).await?)
}

/// The columns `group_id` and `tenant_id`.
fn columns(group: Option<GroupId>, wanted: &Wanted) -> (Option<i64>, Option<&str>) {
    let tenant = match wanted {
        Wanted::Tenant(id) => Some(id.as_str()),
        Wanted::Group(_) => None,
    };
    (group.map(GroupId::number), tenant)
}

/// Refuses what would be more than the limit of a day, withdrawn and decided requests included.
async fn demand_room(connection: &mut Connection, user: UserId, now: Timestamp, new: usize) -> Result<()> {
    let sql = "SELECT count(*) FROM access_requests WHERE user_id = $1 AND created_at > $2";
    let since = now.unix() - 24 * 60 * 60;
    let made: i64 = sqlx::query_scalar(sql).bind(user.to_string()).bind(since).fetch_one(connection).await?;
    let all = usize::try_from(made).unwrap_or(usize::MAX).saturating_add(new);
    if all > MAX_REQUESTS_A_DAY { Err(DirectoryError::TooManyRequests(MAX_REQUESTS_A_DAY)) } else { Ok(()) }
}

async fn insert(
    connection: &mut Connection,
    (id, user): (AccessRequestId, UserId),
    (group, wanted): (Option<GroupId>, &Wanted),
    note: Option<&Remark>,
    now: Timestamp,
) -> Result<()> {
    let (group, tenant) = columns(group, wanted);
    sqlx::query(
        "INSERT INTO access_requests (id, user_id, group_id, tenant_id, note, state, created_at) \
         VALUES ($1, $2, $3, $4, $5, 'open', $6)",
    )
    .bind(id.to_string())
    .bind(user.to_string())
    .bind(group)
    .bind(tenant)
    .bind(note.map(Remark::as_str))
    .bind(now.unix())
    .execute(connection)
    .await?;
    Ok(())
}

impl Apply for WithdrawRequest {
    type Locked = (UserRow, RequestRow);

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        // To one person the request of another does not exist.
        let locked = lock_request(connection, self.id, |row| row.user_id == self.user).await?;
        let version = locked.1.state.version();
        Ok((locked, Some(version)))
    }

    async fn write(
        granted: Granted<&Self>,
        (user, row): Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<()>> {
        let id = granted.change().id;
        let decision = Decision { state: RequestState::Withdrawn, answer: None, until: None };
        decide(connection, actor, (id, &row), decision).await?;
        let states = (Some(said(id, &row.wanted, None)), None);
        record(connection, actor, "request.withdraw", (user.id, &row.wanted), states).await?;
        Ok(Done::changed(Some(RequestState::Withdrawn.version()), ()))
    }
}

impl Apply for GrantRequest {
    type Locked = (UserRow, RequestRow);

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        let locked = lock_request(connection, self.id, |row| row.wanted == self.wanted).await?;
        let version = locked.1.state.version();
        Ok((locked, Some(version)))
    }

    async fn write(
        granted: Granted<&Self>,
        (user, row): Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<UserId>> {
        let Self { id, until, .. } = granted.change();
        demand_future(connection, Some(*until)).await?;
        let decision = Decision { state: RequestState::Granted, answer: None, until: Some(*until) };
        decide(connection, actor, (*id, &row), decision).await?;
        match (&row.wanted, row.group_id) {
            (Wanted::Tenant(tenant), _) => {
                tenant_members::extend(connection, actor, (tenant, user.id), *until).await?;
            }
            (Wanted::Group(_), Some(group)) => {
                members::extend(connection, actor, (group, user.id), *until).await?;
            }
            (Wanted::Group(_), None) => return Err(DirectoryError::UnknownRequest(*id)),
        }
        let states = (Some(said(*id, &row.wanted, None)), Some(said(*id, &row.wanted, Some(*until))));
        record(connection, actor, "request.grant", (user.id, &row.wanted), states).await?;
        Ok(Done::changed(Some(RequestState::Granted.version()), user.id))
    }
}

impl Apply for DeclineRequest {
    type Locked = (UserRow, RequestRow);

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        let locked = lock_request(connection, self.id, |row| row.wanted == self.wanted).await?;
        let version = locked.1.state.version();
        Ok((locked, Some(version)))
    }

    async fn write(
        granted: Granted<&Self>,
        (user, row): Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<UserId>> {
        let Self { id, answer, .. } = granted.change();
        let decision = Decision { state: RequestState::Declined, answer: Some(answer), until: None };
        decide(connection, actor, (*id, &row), decision).await?;
        let states = (Some(said(*id, &row.wanted, None)), None);
        record(connection, actor, "request.decline", (user.id, &row.wanted), states).await?;
        Ok(Done::changed(Some(RequestState::Declined.version()), user.id))
    }
}

/// What becomes of a request.
struct Decision<'a> {
    state: RequestState,
    answer: Option<&'a Remark>,
    until: Option<Timestamp>,
}

async fn decide(
    connection: &mut Connection,
    actor: &Actor,
    (id, row): (AccessRequestId, &RequestRow),
    Decision { state, answer, until }: Decision<'_>,
) -> Result<()> {
    if row.state != RequestState::Open {
        return Err(DirectoryError::RequestDecided(id, row.state));
    }
    let now = present(connection).await?;
    sqlx::query(
        "UPDATE access_requests SET state = $2, decided_at = $3, decided_by = $4, answer = $5, until = $6 \
         WHERE id = $1",
    )
    .bind(id.to_string())
    .bind(state.as_str())
    .bind(now.unix())
    .bind(actor.who.to_string())
    .bind(answer.map(Remark::as_str))
    .bind(until.map(Timestamp::unix))
    .execute(connection)
    .await?;
    Ok(())
}

/// A request for the audit. What people wrote stays out of it: the audit is kept longer than requests are.
fn said(id: AccessRequestId, wanted: &Wanted, until: Option<Timestamp>) -> Value {
    let mut said = json!({ "request": id });
    said[wanted.kind()] = json!(wanted.name());
    if let Some(until) = until {
        said["until"] = json!(until);
    }
    said
}

async fn record(
    connection: &mut Connection,
    actor: &Actor,
    action: &str,
    (user, wanted): (UserId, &Wanted),
    (before, after): (Option<Value>, Option<Value>),
) -> Result<()> {
    let entry = audit::Entry { action, target: format!("user:{user}"), before, after };
    match wanted {
        Wanted::Group(_) => audit::write(connection, actor, entry).await,
        Wanted::Tenant(tenant) => audit::write_for_tenant(connection, actor, tenant, entry).await,
    }
}
