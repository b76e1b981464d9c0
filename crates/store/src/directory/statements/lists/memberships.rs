//! The memberships of one person, each with who says so.

use super::naming::{ProviderGroup, provider_group_columns};
use super::{Connection, Result, Store, limit_of};
use crate::directory::records::{Membership, MembershipSource};
use gatepost_core::administration::{Scope, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupId, GroupName, UserId};

impl Store {
    pub(in crate::directory) async fn list_memberships(
        &self,
        scope: &Scope,
        user: UserId,
    ) -> Result<Vec<Membership>> {
        if limit_of(scope).is_some() {
            return Ok(Vec::new());
        }
        reading!(self, |connection| {
            let mut memberships = list_manual(connection, user).await?;
            memberships.extend(list_of_providers(connection, user).await?);
            Ok(memberships)
        })
    }
}

row! {
    /// A row of `manual_memberships`.
    struct ManualMembershipRow {
        id: GroupId,
        name: GroupName,
        source: String,
        until: Option<Timestamp>,
        version: Version,
    }
}

async fn list_manual(connection: &mut Connection, user: UserId) -> Result<Vec<Membership>> {
    let rows: Vec<ManualMembershipRow> = sqlx::query_as(concat!(
        "SELECT g.id, g.name, m.source, m.until, m.version FROM manual_memberships m \
         JOIN groups g ON g.id = m.group_id WHERE m.user_id = $1 AND coalesce(m.until > ",
        present!(),
        ", true) ORDER BY g.name, m.source"
    ))
    .bind(user.to_string())
    .fetch_all(connection)
    .await?;
    let membership = |ManualMembershipRow { id, name: group, source, until, version }| {
        let source = if source == "scim" { MembershipSource::Scim } else { MembershipSource::Manual };
        Membership { group_id: id, group, source, until, version: Some(version) }
    };
    Ok(rows.into_iter().map(membership).collect())
}

async fn list_of_providers(connection: &mut Connection, user: UserId) -> Result<Vec<Membership>> {
    let rows: Vec<ProviderGroup> = sqlx::query_as(concat!(
        "SELECT ",
        provider_group_columns!(),
        " FROM provider_memberships m JOIN provider_groups p ON p.id = m.provider_group_id \
         JOIN groups g ON g.id = p.group_id WHERE m.user_id = $1 ORDER BY g.name, p.provider, p.kind, p.external_id"
    ))
    .bind(user.to_string())
    .fetch_all(connection)
    .await?;
    let membership = |row: ProviderGroup| Membership {
        group_id: GroupId::from_number(row.group_id),
        group: row.group_name.clone(),
        source: MembershipSource::Provider(row.into_link()),
        until: None,
        version: None,
    };
    Ok(rows.into_iter().map(membership).collect())
}
