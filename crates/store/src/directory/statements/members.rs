//! Manual memberships: the same changes as through the view `user_group_membership`.

use super::naming::{create_group_if_free, find_group, find_or_create_group, lock_names, take_name};
use super::users::{find_known, find_or_create, note};
use super::{Connection, Result, Store, audit};
use crate::directory::actor::Actor;
use crate::directory::error::DirectoryError;
use crate::directory::records::{Joining, MemberRecord, UserKey};
use gatepost_core::ids::{GroupName, UserId};
use serde_json::json;

/// The source of a manual membership.
const MANUAL: &str = "manual";

impl Store {
    /// An address that nobody holds gets a placeholder for its first holder.
    pub(in crate::directory) async fn add_member(
        &self,
        group: &GroupName,
        key: &UserKey,
        actor: &Actor,
    ) -> Result<Joining> {
        transaction!(self, |connection| {
            let user = find_or_create(connection, key, actor).await?.id;
            lock_names(connection).await?;
            take_name(connection, group, actor).await?;
            let created = create_group_if_free(connection, group).await?;
            if created.is_some() {
                let target = format!("group:{group}");
                let entry = audit::Entry { action: "group.create", target, before: None, after: None };
                audit::write(connection, actor, entry).await?;
            }
            let id = match created {
                Some(id) => id,
                None => find_or_create_group(connection, group).await?,
            };
            let inserted = sqlx::query(
                "INSERT INTO manual_memberships (user_id, group_id, source) VALUES ($1, $2, $3) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(user.to_string())
            .bind(id)
            .bind(MANUAL)
            .execute(&mut *connection)
            .await?;
            if inserted.rows_affected() == 0 {
                return Ok(Joining::Was);
            }
            let after = Some(json!({ "group": group, "source": MANUAL }));
            note(connection, actor, "membership.create", user, None, after).await?;
            Ok(if created.is_some() { Joining::NewGroup } else { Joining::New })
        })
    }

    /// Deletes the memberships of all sources and returns the sources. A provider's membership comes back when the
    /// provider asserts it again.
    pub(in crate::directory) async fn remove_member(
        &self,
        group: &GroupName,
        key: &UserKey,
        actor: &Actor,
    ) -> Result<Vec<String>> {
        transaction!(self, |connection| {
            let id = find_group(connection, group).await?;
            let id = id.ok_or_else(|| DirectoryError::UnknownGroup(group.clone()))?;
            let user = find_known(connection, key).await?.id;
            let sources = delete(connection, id, user).await?;
            if sources.is_empty() {
                return Err(DirectoryError::NotMember(key.clone(), group.clone()));
            }
            for source in &sources {
                let before = Some(json!({ "group": group, "source": source }));
                note(connection, actor, "membership.delete", user, before, None).await?;
            }
            Ok(sources)
        })
    }

    /// By id, from the one after `after`.
    pub(in crate::directory) async fn list_members(
        &self,
        group: &GroupName,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<MemberRecord>> {
        reading!(self, |connection| {
            let id = find_group(connection, group).await?;
            let id = id.ok_or_else(|| DirectoryError::UnknownGroup(group.clone()))?;
            Ok(sqlx::query_as(concat!(
                "SELECT u.id, u.email, u.name, ",
                json_list!("m.source"),
                " AS sources FROM resolved_memberships m JOIN users u ON u.id = m.user_id \
                 WHERE m.group_id = $1 AND u.id > $2 GROUP BY u.id, u.email, u.name ORDER BY u.id LIMIT $3"
            ))
            .bind(id)
            .bind(after.map(|id| id.to_string()).unwrap_or_default())
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?)
        })
    }
}

/// Deletes the memberships and returns their sources.
async fn delete(connection: &mut Connection, group: i64, user: UserId) -> Result<Vec<String>> {
    let mut sources: Vec<String> = sqlx::query_scalar(
        "DELETE FROM manual_memberships WHERE user_id = $1 AND group_id = $2 RETURNING source",
    )
    .bind(user.to_string())
    .bind(group)
    .fetch_all(&mut *connection)
    .await?;
    let providers: Vec<String> = sqlx::query_scalar(
        "DELETE FROM provider_memberships WHERE user_id = $1 \
         AND provider_group_id IN (SELECT id FROM provider_groups WHERE group_id = $2) \
         RETURNING (SELECT p.provider FROM provider_groups p WHERE p.id = provider_group_id)",
    )
    .bind(user.to_string())
    .bind(group)
    .fetch_all(connection)
    .await?;
    sources.extend(providers);
    sources.sort_unstable();
    sources.dedup();
    Ok(sources)
}
