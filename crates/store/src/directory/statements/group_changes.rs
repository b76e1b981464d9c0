//! What administrators change about groups: their names, and which there are.

use super::naming::{create_group_if_free, lock_names, take_name};
use super::users::FIRST;
use super::{Apply, Connection, Result, audit, ended};
use crate::directory::actor::Actor;
use crate::directory::changes::{CreateGroup, DeleteGroup, Done, RenameGroup};
use crate::directory::error::DirectoryError;
use crate::directory::records::GroupKey;
use gatepost_core::administration::{Granted, Version};
use gatepost_core::ids::{GroupId, GroupName};
use serde_json::{Value, json};

row! {
    /// A row of `groups`.
    #[derive(Clone, Debug)]
    pub struct GroupRow {
        pub(super) id: GroupId,
        pub(super) name: GroupName,
        pub(super) version: Version,
    }
}

impl Apply for CreateGroup {
    type Locked = Option<GroupRow>;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        lock_names(connection).await?;
        let found = find_for_update(connection, &GroupKey::Name(self.name.clone())).await?;
        let version = found.as_ref().map(|found| found.version);
        Ok((found, version))
    }

    async fn write(
        granted: Granted<&Self>,
        found: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<GroupId>> {
        let name = &granted.change().name;
        match create(connection, name, actor).await? {
            Some(created) => Ok(Done::changed(Some(created.version), created.id)),
            None => match found {
                Some(found) => Ok(Done::unchanged(Some(found.version), found.id)),
                None => Err(DirectoryError::UnknownGroup(name.clone().into())),
            },
        }
    }
}

impl Apply for RenameGroup {
    type Locked = GroupRow;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        lock_names(connection).await?;
        lock_known(connection, &self.group).await
    }

    async fn write(
        granted: Granted<&Self>,
        group: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<GroupName>> {
        let name = &granted.change().name;
        if group.name == *name {
            return Ok(Done::unchanged(Some(group.version), group.name));
        }
        demand_free(connection, &group).await?;
        // A provider's group that nobody linked leaves the name, as it does for a new group.
        take_name(connection, name, actor).await?;
        if find_for_update(connection, &GroupKey::Name(name.clone())).await?.is_some() {
            return Err(DirectoryError::NameTaken(name.clone()));
        }
        sqlx::query("UPDATE groups SET name = $2, managed_by = NULL WHERE id = $1")
            .bind(group.id.number())
            .bind(name.as_str())
            .execute(&mut *connection)
            .await?;
        let states = (Some(json!({ "group": group.name })), Some(json!({ "group": name })));
        note(connection, actor, "group.rename", name, states).await?;
        let version = find_for_update(connection, &group.id.into()).await?.map(|found| found.version);
        Ok(Done::changed(version, name.clone()))
    }
}

impl Apply for DeleteGroup {
    type Locked = GroupRow;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        lock_names(connection).await?;
        lock_known(connection, &self.group).await
    }

    async fn write(
        _: Granted<&Self>,
        group: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<GroupName>> {
        demand_free(connection, &group).await?;
        let id = group.id.number();
        let sql = "SELECT EXISTS (SELECT 1 FROM provider_groups WHERE group_id = $1)";
        if sqlx::query_scalar(sql).bind(id).fetch_one(&mut *connection).await? {
            return Err(DirectoryError::GroupLinked(group.name));
        }
        ended::delete_of_group(connection, id).await?;
        let sql = "SELECT count(*) FROM manual_memberships WHERE group_id = $1";
        let members: i64 = sqlx::query_scalar(sql).bind(id).fetch_one(&mut *connection).await?;
        let tenants: Vec<String> =
            sqlx::query_scalar("SELECT tenant_id FROM group_tenants WHERE group_id = $1 ORDER BY tenant_id")
                .bind(id)
                .fetch_all(&mut *connection)
                .await?;
        sqlx::query("DELETE FROM groups WHERE id = $1").bind(id).execute(&mut *connection).await?;
        let before = json!({ "members": members, "tenants": tenants });
        note(connection, actor, "group.delete", &group.name, (Some(before), None)).await?;
        Ok(Done::changed(None, group.name))
    }
}

/// Refuses to rename or delete a group that the configuration names: at the next start it would be there again, under
/// that name and without its members.
async fn demand_free(connection: &mut Connection, group: &GroupRow) -> Result<()> {
    let sql = "SELECT EXISTS (SELECT 1 FROM admin_groups WHERE name = $1) \
        OR EXISTS (SELECT 1 FROM provider_groups WHERE group_id = $2 AND source = 'config')";
    let is_named: bool = sqlx::query_scalar(sql)
        .bind(group.name.as_str())
        .bind(group.id.number())
        .fetch_one(connection)
        .await?;
    if is_named { Err(DirectoryError::ReservedGroup(group.name.clone())) } else { Ok(()) }
}

/// Creates a group with its audit row. `None`: there is one of this name. Call under [`lock_names`].
pub(super) async fn create(
    connection: &mut Connection,
    name: &GroupName,
    actor: &Actor,
) -> Result<Option<GroupRow>> {
    take_name(connection, name, actor).await?;
    let Some(id) = create_group_if_free(connection, name).await? else { return Ok(None) };
    note(connection, actor, "group.create", name, (None, None)).await?;
    Ok(Some(GroupRow { id: GroupId::from_number(id), name: name.clone(), version: FIRST }))
}

async fn find_for_update(connection: &mut Connection, key: &GroupKey) -> Result<Option<GroupRow>> {
    let query = match key {
        GroupKey::Id(id) => sqlx::query_as(for_update!("SELECT id, name, version FROM groups WHERE id = $1"))
            .bind(id.number()),
        GroupKey::Name(name) => {
            sqlx::query_as(for_update!("SELECT id, name, version FROM groups WHERE name = $1"))
                .bind(name.as_str().to_owned())
        }
    };
    Ok(query.fetch_optional(connection).await?)
}

/// Finds a group that stays as it is: only what belongs to it changes. It is not locked, so that a long write of members
/// through the views delays nobody; a group that is deleted meanwhile fails the foreign key, and the transaction is
/// retried.
pub(super) async fn find(connection: &mut Connection, key: &GroupKey) -> Result<Option<GroupRow>> {
    let query = match key {
        GroupKey::Id(id) => {
            sqlx::query_as("SELECT id, name, version FROM groups WHERE id = $1").bind(id.number())
        }
        GroupKey::Name(name) => sqlx::query_as("SELECT id, name, version FROM groups WHERE name = $1")
            .bind(name.as_str().to_owned()),
    };
    Ok(query.fetch_optional(connection).await?)
}

/// As [`find`].
///
/// # Errors
/// `UnknownGroup`.
pub(super) async fn find_known(connection: &mut Connection, key: &GroupKey) -> Result<GroupRow> {
    find(connection, key).await?.ok_or_else(|| DirectoryError::UnknownGroup(key.clone()))
}

async fn lock_known(connection: &mut Connection, key: &GroupKey) -> Result<(GroupRow, Option<Version>)> {
    let group = find_for_update(connection, key).await?;
    let group = group.ok_or_else(|| DirectoryError::UnknownGroup(key.clone()))?;
    let version = group.version;
    Ok((group, Some(version)))
}

async fn note(
    connection: &mut Connection,
    actor: &Actor,
    action: &str,
    name: &GroupName,
    (before, after): (Option<Value>, Option<Value>),
) -> Result<()> {
    audit::write(connection, actor, audit::Entry { action, target: format!("group:{name}"), before, after })
        .await
}
