//! The people who may enter a tenant, each with the ways by which they may.

use super::people::People;
use super::rows;
use super::set::{Set, searched};
use super::{Connection, Db, Result, Store, json_texts, limit_of, tenant_rows, typed};
use crate::directory::error::DirectoryError;
use crate::directory::lists::{By, Page, Place, TenantPerson, TenantWay};
use crate::directory::records::UserSummary;
use gatepost_core::access::Role;
use gatepost_core::administration::{Matter, Scope, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupName, TenantId, UserId};
use sqlx::QueryBuilder;
use std::collections::{BTreeMap, HashMap};

impl Store {
    pub(in crate::directory) async fn list_tenant_people(
        &self,
        scope: &Scope,
        tenant: &TenantId,
        q: Option<&str>,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<TenantPerson>> {
        if scope.allows(&Matter::Tenant(tenant.clone())).is_err() {
            return Err(DirectoryError::UnknownTenant(tenant.clone()));
        }
        let found: Vec<TenantPerson> = reading!(self, |connection| {
            tenant_rows::demand(&mut *connection, tenant).await?;
            let mut sets = typed(q).map(|text| searched(&text)).unwrap_or_default();
            sets.push(Set::Tenants { tenants: vec![tenant], groups: Vec::new(), role: None });
            let select = concat!("SELECT ", rows::user_columns!(), " FROM users u");
            let people: Vec<UserSummary> =
                People { select, sets }.fetch(&mut *connection, after, limit).await?;
            let mut ways = Ways::read(connection, scope, tenant, &people).await?;
            Ok(people.into_iter().filter_map(|user| ways.of(user)).collect())
        })?;
        Ok(Page::of(found, limit, |person| Place(person.user.id.to_string())))
    }
}

row! {
    /// A group that opens the tenant.
    struct GroupRow {
        id: i64,
        name: GroupName,
        role: Role,
    }
}

row! {
    /// The groups among these that somebody is in. Each is written `ID UNTIL`, without an end `ID `.
    struct GroupsRow {
        user_id: UserId,
        by_hand: Vec<String>,
        by_providers: Vec<String>,
    }
}

row! {
    struct DirectRow {
        user_id: UserId,
        role: Role,
        until: Option<Timestamp>,
        version: Version,
    }
}

/// The ways of some people into a tenant.
struct Ways<'a> {
    tenant: &'a TenantId,
    /// The reader may know the names of groups.
    shows_groups: bool,
    groups: BTreeMap<i64, GroupRow>,
    by_groups: HashMap<UserId, Vec<String>>,
    direct: HashMap<UserId, DirectRow>,
}

/// Which of the groups `$2` these people are in. Each person is asked by the index, as for the members of a group.
const GROUPS_OF: &str = concat!(
    "SELECT people.value AS user_id, (SELECT ",
    json_list!("m.group_id || ' ' || coalesce(CAST(m.until AS text), '')"),
    " FROM manual_memberships m WHERE m.user_id = people.value AND coalesce(m.until > ",
    present!(),
    ", true) AND m.group_id IN (SELECT CAST(value AS bigint) FROM ",
    each!("$2"),
    ")) AS by_hand, (SELECT ",
    json_list!("p.group_id || ' '"),
    " FROM provider_memberships m CROSS JOIN provider_groups p WHERE m.user_id = people.value \
     AND p.id = m.provider_group_id AND p.group_id IN (SELECT CAST(value AS bigint) FROM ",
    each!("$2"),
    ")) AS by_providers FROM (SELECT value FROM ",
    each!("$1"),
    ") AS people"
);

impl<'a> Ways<'a> {
    async fn read(
        connection: &mut Connection,
        scope: &Scope,
        tenant: &'a TenantId,
        people: &[UserSummary],
    ) -> Result<Self> {
        let sql = "SELECT g.id, g.name, t.role FROM group_tenants t JOIN groups g ON g.id = t.group_id WHERE t.tenant_id = $1";
        let groups: Vec<GroupRow> =
            sqlx::query_as(sql).bind(tenant.as_str()).fetch_all(&mut *connection).await?;
        let ids = json_texts(people.iter().map(|person| person.id));
        let numbers = json_texts(groups.iter().map(|group| group.id));
        let query = sqlx::query_as(GROUPS_OF).bind(ids).bind(numbers);
        let by_groups: Vec<GroupsRow> = query.fetch_all(&mut *connection).await?;
        let mut query = QueryBuilder::<Db>::new(
            "SELECT user_id, role, until, version FROM current_tenant_members WHERE tenant_id = ",
        );
        query.push_bind(tenant.as_str().to_owned()).push(" AND user_id IN (");
        push_people(&mut query, people);
        let direct: Vec<DirectRow> = query.build_query_as().fetch_all(connection).await?;
        Ok(Self {
            tenant,
            shows_groups: limit_of(scope).is_none(),
            groups: groups.into_iter().map(|group| (group.id, group)).collect(),
            by_groups: by_groups
                .into_iter()
                .map(|row| (row.user_id, [row.by_hand, row.by_providers].concat()))
                .collect(),
            direct: direct.into_iter().map(|row| (row.user_id, row)).collect(),
        })
    }

    /// A person with their ways. `None`: they lost the last one since they were found.
    fn of(&mut self, user: UserSummary) -> Option<TenantPerson> {
        let way = |role, by, until| TenantWay { tenant: self.tenant.clone(), role, by, until };
        let direct = self.direct.remove(&user.id);
        let mut ways: Vec<TenantWay> =
            direct.into_iter().map(|row| way(row.role, By::Direct(row.version), row.until)).collect();
        for (id, until) in ends(&self.by_groups.remove(&user.id).unwrap_or_default()) {
            let Some(group) = self.groups.get(&id) else { continue };
            let name = self.shows_groups.then(|| group.name.clone());
            ways.push(way(group.role, By::Group(name), until));
        }
        (!ways.is_empty()).then_some(TenantPerson { user, ways })
    }
}

/// When the membership of each group ends: with the last of its sources.
fn ends(memberships: &[String]) -> BTreeMap<i64, Option<Timestamp>> {
    let mut ends: BTreeMap<i64, Option<Timestamp>> = BTreeMap::new();
    for membership in memberships {
        let Some((id, until)) = membership.split_once(' ') else { continue };
        let Ok(id) = id.parse() else { continue };
        let until = until.parse().ok().map(Timestamp::from_unix);
        let end = ends.entry(id).or_insert(until);
        *end = end.zip(until).map(|(one, other)| one.max(other));
    }
    ends
}

/// Adds the ids of people and the closing parenthesis.
fn push_people(query: &mut QueryBuilder<Db>, people: &[UserSummary]) {
    let mut list = query.separated(", ");
    list.push("''");
    for person in people {
        list.push_bind(person.id.to_string());
    }
    query.push(")");
}
