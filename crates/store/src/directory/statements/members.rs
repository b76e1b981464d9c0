//! Manual memberships: the same changes as through the view `user_group_membership`.

use super::group_changes::{self, GroupRow};
use super::naming::lock_names;
use super::users::{self, UserRow, demand_future, note};
use super::{Apply, Connection, Result, ended};
use crate::directory::actor::Actor;
use crate::directory::changes::{AddMember, Done, Joined, RemoveMember};
use crate::directory::error::DirectoryError;
use crate::directory::records::GroupKey;
use gatepost_core::administration::{Granted, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupId, GroupName, UserId};
use serde_json::{Value, json};

/// The source of a manual membership.
pub(super) const MANUAL: &str = "manual";

row! {
    /// A manual membership that counts now, or that has ended and was not deleted yet.
    #[derive(Clone, Copy, Debug)]
    pub struct MembershipRow {
        until: Option<Timestamp>,
        version: Version,
        has_ended: bool,
    }
}

impl Apply for AddMember {
    type Locked = (Option<GroupRow>, Option<UserRow>, Option<MembershipRow>);

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        let user = users::find_for_change(connection, &self.user).await?;
        let group = match &self.group {
            GroupKey::Id(_) => Some(group_changes::find_known(connection, &self.group).await?),
            GroupKey::Name(_) => {
                lock_names(connection).await?;
                group_changes::find(connection, &self.group).await?
            }
        };
        let held = match (&group, &user) {
            (Some(group), Some(user)) => find(connection, group.id, user.id).await?,
            _ => None,
        };
        let version = held.filter(|held| !held.has_ended).map(|held| held.version);
        Ok(((group, user, held), version))
    }

    async fn write(
        granted: Granted<&Self>,
        (group, user, held): Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<Joined>> {
        let Self { group: key, user: user_key, until } = granted.change();
        demand_future(connection, *until).await?;
        let user = match user {
            Some(user) => user.id,
            None => users::create_for(connection, user_key, actor).await?.id,
        };
        let (group, is_new_group) = match key {
            GroupKey::Id(_) => (group, false),
            GroupKey::Name(name) => named(connection, name, group, actor).await?,
        };
        let group = group.ok_or_else(|| DirectoryError::UnknownGroup(key.clone()))?;
        let joined = Joined { user, group: group.id, is_new_group };
        // The name may have belonged to a provider's group until now, which left it: nobody is in the new one.
        let held = held.filter(|_| !is_new_group);
        if let Some(held) = held
            && !held.has_ended
            && held.until == *until
        {
            return Ok(Done::unchanged(Some(held.version), joined));
        }
        put(connection, actor, (&group, user), held, *until).await?;
        let version = find(connection, group.id, user).await?.map(|held| held.version);
        Ok(Done::changed(version, joined))
    }
}

/// Writes a manual membership with its end, and the audit row. `held` is the row that is there now.
async fn put(
    connection: &mut Connection,
    actor: &Actor,
    (group, user): (&GroupRow, UserId),
    held: Option<MembershipRow>,
    until: Option<Timestamp>,
) -> Result<()> {
    let (ended, before) = (held.is_some_and(|held| held.has_ended), held.filter(|held| !held.has_ended));
    if ended {
        ended::delete_of_person(connection, user).await?;
    }
    sqlx::query(
        "INSERT INTO manual_memberships (user_id, group_id, source, until) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (user_id, group_id, source) DO UPDATE SET until = excluded.until, managed_by = NULL",
    )
    .bind(user.to_string())
    .bind(group.id.number())
    .bind(MANUAL)
    .bind(until.map(Timestamp::unix))
    .execute(&mut *connection)
    .await?;
    let was = before.map(|before| said(&group.name, before.until));
    let is = said(&group.name, until);
    let action = if was.is_some() { "membership.update" } else { "membership.create" };
    note(connection, actor, action, user, was, Some(is)).await
}

/// Makes a person a member until `until`, unless an administrator has made them one for longer.
pub(super) async fn extend(
    connection: &mut Connection,
    actor: &Actor,
    (group, user): (GroupId, UserId),
    until: Timestamp,
) -> Result<()> {
    let group = group_changes::find_known(connection, &GroupKey::Id(group)).await?;
    match find(connection, group.id, user).await? {
        Some(held) if held.until.is_none_or(|end| end >= until) => Ok(()),
        held => put(connection, actor, (&group, user), held, Some(until)).await,
    }
}

/// The group of this name, which an unlinked group of a provider leaves, and whether it is new.
async fn named(
    connection: &mut Connection,
    name: &GroupName,
    found: Option<GroupRow>,
    actor: &Actor,
) -> Result<(Option<GroupRow>, bool)> {
    match group_changes::create(connection, name, actor).await? {
        Some(created) => Ok((Some(created), true)),
        None => Ok((found, false)),
    }
}

/// A membership for the audit.
fn said(group: &GroupName, until: Option<Timestamp>) -> Value {
    let mut said = json!({ "group": group, "source": MANUAL });
    if let Some(until) = until {
        said["until"] = json!(until);
    }
    said
}

async fn find(connection: &mut Connection, group: GroupId, user: UserId) -> Result<Option<MembershipRow>> {
    let sql = concat!(
        "SELECT until, version, coalesce(until <= ",
        present!(),
        ", false) AS has_ended FROM manual_memberships WHERE user_id = $1 AND group_id = $2 AND source = $3"
    );
    let query = sqlx::query_as(sql).bind(user.to_string()).bind(group.number()).bind(MANUAL);
    Ok(query.fetch_optional(connection).await?)
}

/// Deletes the memberships of all sources. A provider's membership comes back when the provider asserts it again.
impl Apply for RemoveMember {
    type Locked = (GroupRow, UserRow);

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        let group = group_changes::find_known(connection, &self.group).await?;
        let user = users::find_known(connection, &self.user).await?;
        let held = find(connection, group.id, user.id).await?;
        let version = held.filter(|held| !held.has_ended).map(|held| held.version);
        Ok(((group, user), version))
    }

    async fn write(
        granted: Granted<&Self>,
        (group, user): Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<Vec<String>>> {
        let sources = delete(connection, group.id, user.id).await?;
        if sources.is_empty() {
            return Err(DirectoryError::NotMember(granted.change().user.clone(), group.name));
        }
        note_deleted(connection, actor, &group.name, user.id, &sources).await?;
        Ok(Done::changed(None, sources))
    }
}

/// Writes the audit rows of memberships that were deleted.
pub(super) async fn note_deleted(
    connection: &mut Connection,
    actor: &Actor,
    group: &GroupName,
    user: UserId,
    sources: &[String],
) -> Result<()> {
    for source in sources {
        let before = Some(json!({ "group": group, "source": source }));
        note(connection, actor, "membership.delete", user, before, None).await?;
    }
    Ok(())
}

/// Deletes what an administrator or a directory set. Returns the sources of what counted, all or those of `only`.
pub(super) async fn delete_manual(
    connection: &mut Connection,
    group: GroupId,
    user: UserId,
    only: Option<&str>,
) -> Result<Vec<String>> {
    ended::delete_of_person(connection, user).await?;
    let sources = sqlx::query_scalar(
        "DELETE FROM manual_memberships WHERE user_id = $1 AND group_id = $2 AND ($3 IS NULL OR source = $3) \
         RETURNING source",
    )
    .bind(user.to_string())
    .bind(group.number())
    .bind(only)
    .fetch_all(connection)
    .await?;
    Ok(sources)
}

/// Deletes the memberships and returns the sources of those that counted.
async fn delete(connection: &mut Connection, group: GroupId, user: UserId) -> Result<Vec<String>> {
    let mut sources = delete_manual(connection, group, user, None).await?;
    let providers: Vec<String> = sqlx::query_scalar(
        "DELETE FROM provider_memberships WHERE user_id = $1 \
         AND provider_group_id IN (SELECT id FROM provider_groups WHERE group_id = $2) \
         RETURNING (SELECT p.provider FROM provider_groups p WHERE p.id = provider_group_id)",
    )
    .bind(user.to_string())
    .bind(group.number())
    .fetch_all(connection)
    .await?;
    sources.extend(providers);
    sources.sort_unstable();
    sources.dedup();
    Ok(sources)
}
