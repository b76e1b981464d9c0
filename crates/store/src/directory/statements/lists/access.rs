//! What the gate's decision depends on, for a range of people at a time. Of memberships only those of the groups that
//! matter are read, by their indexes.

use super::naming::{ProviderGroup, provider_group_columns};
use super::people::{People, visible};
use super::rows::{self, UserRow};
use super::set::Set;
use super::{Connection, Db, Result, Store, json_texts, push_tenants};
use crate::directory::access::{Candidate, Named, Relevant, RelevantGroup, RelevantLink, Way};
use crate::directory::lists::{Page, Place};
use crate::directory::records::{LinkSource, MembershipSource};
use gatepost_core::access::{Access, Person, Role, Standing};
use gatepost_core::administration::Scope;
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::ids::{GroupName, ProviderId, TenantId, UserId};
use sqlx::QueryBuilder;
use std::collections::{BTreeMap, HashMap};

impl Store {
    pub(in crate::directory) async fn find_relevant(&self, named: &Named) -> Result<Relevant> {
        reading!(self, |connection| {
            let mut relevant = Relevant { with_admins: named.admins, ..Relevant::default() };
            add_groups(connection, named, &mut relevant).await?;
            if named.admins {
                add_admin_groups(connection, &mut relevant).await?;
            }
            add_links(connection, &mut relevant).await?;
            let sql = concat!(
                "SELECT id FROM tenants WHERE state = 'active' AND id IN (SELECT value FROM ",
                each!("$1"),
                ")"
            );
            let rows: Vec<TenantRow> =
                sqlx::query_as(sql).bind(json_texts(&named.tenants)).fetch_all(connection).await?;
            relevant.tenants = rows.into_iter().map(|row| row.id).collect();
            relevant.tenants.sort_unstable();
            Ok(relevant)
        })
    }

    pub(in crate::directory) async fn list_candidates(
        &self,
        scope: &Scope,
        relevant: &Relevant,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<Candidate>> {
        if scope.is_empty() {
            return Ok(Page::empty());
        }
        reading!(self, |connection| {
            let people = People { select: PEOPLE, sets: visible(scope).into_iter().collect() };
            read(connection, relevant, people, after, limit).await
        })
    }

    pub(in crate::directory) async fn find_candidate(
        &self,
        scope: &Scope,
        relevant: &Relevant,
        user: UserId,
    ) -> Result<Option<Candidate>> {
        let page = reading!(self, |connection| {
            let sets = visible(scope).into_iter().chain([Set::Id(user)]).collect();
            read(connection, relevant, People { select: PEOPLE, sets }, None, 1).await
        })?;
        Ok(page.items.into_iter().next())
    }
}

const PEOPLE: &str = concat!("SELECT ", rows::user_columns!(), " FROM users u");

async fn read(
    connection: &mut Connection,
    relevant: &Relevant,
    people: People<'_>,
    after: Option<&Place>,
    limit: u32,
) -> Result<Page<Candidate>> {
    let found: Vec<UserRow> = people.fetch(&mut *connection, after, limit).await?;
    let page = Page::of(found, limit, |row: &UserRow| Place(row.id.to_string()));
    let facts = match (page.items.first(), page.items.last()) {
        (Some(first), Some(last)) => {
            let range = Range { first: first.id.to_string(), last: last.id.to_string() };
            Facts::read(connection, relevant, &range).await?
        }
        _ => Facts::default(),
    };
    Ok(facts.about(relevant, page))
}

row! {
    struct TenantRow {
        id: TenantId,
    }
}

row! {
    struct NameRow {
        name: GroupName,
    }
}

row! {
    struct GroupRow {
        id: i64,
        name: GroupName,
        tenant_id: Option<TenantId>,
        role: Option<Role>,
    }
}

fn add(relevant: &mut Relevant, rows: Vec<GroupRow>) {
    for GroupRow { id, name, tenant_id, role } in rows {
        let empty = RelevantGroup { name, opens: Vec::new() };
        let group = relevant.groups.entry(id).or_insert(empty);
        group.opens.extend(tenant_id.zip(role));
    }
}

/// The groups that are named, and those that open a tenant that is named.
async fn add_groups(connection: &mut Connection, named: &Named, relevant: &mut Relevant) -> Result<()> {
    let sql = concat!(
        "SELECT g.id, g.name, NULL AS tenant_id, NULL AS role FROM groups g \
         WHERE g.name IN (SELECT value FROM ",
        each!("$1"),
        ")"
    );
    let groups = sqlx::query_as(sql).bind(json_texts(&named.groups)).fetch_all(&mut *connection).await?;
    add(relevant, groups);
    let sql = concat!(
        "SELECT g.id, g.name, t.tenant_id, t.role FROM group_tenants t \
         JOIN groups g ON g.id = t.group_id JOIN tenants n ON n.id = t.tenant_id AND n.state = 'active' \
         WHERE t.tenant_id IN (SELECT value FROM ",
        each!("$1"),
        ")"
    );
    add(relevant, sqlx::query_as(sql).bind(json_texts(&named.tenants)).fetch_all(connection).await?);
    Ok(())
}

async fn add_admin_groups(connection: &mut Connection, relevant: &mut Relevant) -> Result<()> {
    let sql = "SELECT g.id, g.name, NULL AS tenant_id, NULL AS role FROM admin_groups a JOIN groups g ON g.name = a.name";
    add(relevant, sqlx::query_as(sql).fetch_all(&mut *connection).await?);
    let names: Vec<NameRow> =
        sqlx::query_as("SELECT name FROM admin_groups").fetch_all(&mut *connection).await?;
    relevant.admin_groups = names.into_iter().map(|row| row.name).collect();
    let sql = concat!(
        "SELECT ",
        provider_group_columns!(),
        " FROM admin_roles r JOIN provider_groups p ON p.provider = r.provider AND p.kind = 'role' \
         AND p.external_id = r.role"
    );
    let roles: Vec<ProviderGroup> = sqlx::query_as(sql).fetch_all(connection).await?;
    for role in roles {
        let (id, group) = (role.id, role.group_id);
        relevant.links.insert(id, RelevantLink { group, link: role.into_link(), makes_admins: true });
    }
    Ok(())
}

/// The providers' groups behind the groups.
async fn add_links(connection: &mut Connection, relevant: &mut Relevant) -> Result<()> {
    let mut query = QueryBuilder::<Db>::new(concat!(
        "SELECT ",
        provider_group_columns!(),
        " FROM provider_groups p WHERE p.group_id IN ("
    ));
    push_numbers(&mut query, relevant.groups.keys());
    let rows: Vec<ProviderGroup> = query.build_query_as().fetch_all(connection).await?;
    for row in rows {
        let (id, group) = (row.id, row.group_id);
        let link = || RelevantLink { group, link: row.into_link(), makes_admins: false };
        relevant.links.entry(id).or_insert_with(link);
    }
    Ok(())
}

/// Adds the numbers and `)`. No row has the number 0.
fn push_numbers<'a>(query: &mut QueryBuilder<Db>, numbers: impl IntoIterator<Item = &'a i64>) {
    query.push("0");
    for number in numbers {
        query.push(", ").push(number);
    }
    query.push(")");
}

/// People from one id to another, both included.
struct Range {
    first: String,
    last: String,
}

impl Range {
    fn push(&self, query: &mut QueryBuilder<Db>) {
        query.push(" AND m.user_id >= ").push_bind(self.first.clone());
        query.push(" AND m.user_id <= ").push_bind(self.last.clone());
    }
}

row! {
    struct ManualRow {
        user_id: UserId,
        group_id: i64,
        source: String,
        until: Option<Timestamp>,
    }
}

row! {
    struct ProvidedRow {
        user_id: UserId,
        provider_group_id: i64,
    }
}

row! {
    struct TenantMemberRow {
        user_id: UserId,
        tenant_id: TenantId,
        role: Role,
        source: String,
        until: Option<Timestamp>,
    }
}

row! {
    struct ConfinedRow {
        user_id: UserId,
        provider: ProviderId,
    }
}

row! {
    struct DecisionRow {
        user_id: UserId,
        is_admin: bool,
        until: Option<Timestamp>,
    }
}

/// What is known about the people of a range.
#[derive(Default)]
struct Facts {
    manual: HashMap<UserId, Vec<ManualRow>>,
    provided: HashMap<UserId, Vec<i64>>,
    tenants: HashMap<UserId, Vec<TenantMemberRow>>,
    decisions: HashMap<UserId, DecisionRow>,
    confined: HashMap<UserId, TenantId>,
}

impl Facts {
    async fn read(connection: &mut Connection, relevant: &Relevant, range: &Range) -> Result<Self> {
        let mut facts = Self::default();
        for row in read_manual(connection, relevant, range).await? {
            facts.manual.entry(row.user_id).or_default().push(row);
        }
        for row in read_provided(connection, relevant, range).await? {
            facts.provided.entry(row.user_id).or_default().push(row.provider_group_id);
        }
        if !relevant.tenants.is_empty() {
            for row in read_tenant_members(connection, relevant, range).await? {
                facts.tenants.entry(row.user_id).or_default().push(row);
            }
        }
        if relevant.with_admins {
            let decisions = read_decisions(connection, range).await?;
            facts.decisions = decisions.into_iter().map(|row| (row.user_id, row)).collect();
        }
        for ConfinedRow { user_id, provider } in read_confined(connection, range).await? {
            facts.confined.extend(provider.tenant().map(|tenant| (user_id, tenant)));
        }
        Ok(facts)
    }

    fn about(mut self, relevant: &Relevant, page: Page<UserRow>) -> Page<Candidate> {
        page.map(|row| self.candidate(relevant, row))
    }

    fn candidate(&mut self, relevant: &Relevant, row: UserRow) -> Candidate {
        let id = row.id;
        let mut found = Found::default();
        for ManualRow { group_id, source, until, .. } in self.manual.remove(&id).unwrap_or_default() {
            let is_scim = source == "scim";
            let source = if is_scim { MembershipSource::Scim } else { MembershipSource::Manual };
            found.add_group(relevant, group_id, source, until);
        }
        for number in self.provided.remove(&id).unwrap_or_default() {
            let Some(RelevantLink { group, link, makes_admins }) = relevant.links.get(&number) else {
                continue;
            };
            if *makes_admins {
                let (provider, role) = (&link.external.provider, &link.external.external_id);
                found.reasons.push(format!("role {provider}:{role}"));
            }
            found.add_group(relevant, *group, MembershipSource::Provider(link.clone()), None);
        }
        for TenantMemberRow { tenant_id: tenant, role, source, until, .. } in
            self.tenants.remove(&id).unwrap_or_default()
        {
            found.add_tenant(&tenant, role);
            found.ways.push(Way::Tenant { tenant, role, source, until });
        }
        found.confined_to = self.confined.remove(&id);
        found.into_candidate(relevant, row, self.decisions.remove(&id))
    }
}

/// What was found about one person.
#[derive(Default)]
struct Found {
    groups: Vec<GroupName>,
    tenants: BTreeMap<TenantId, Role>,
    reasons: Vec<String>,
    ways: Vec<Way>,
    confined_to: Option<TenantId>,
}

impl Found {
    fn add_group(
        &mut self,
        relevant: &Relevant,
        number: i64,
        source: MembershipSource,
        until: Option<Timestamp>,
    ) {
        let Some(group) = relevant.groups.get(&number) else { return };
        // An unlinked group makes nobody an administrator: anybody may have made it at the provider.
        let is_vouched =
            !matches!(&source, MembershipSource::Provider(link) if link.source == LinkSource::Auto);
        if relevant.makes_admins(&group.name) && is_vouched {
            self.reasons.push(format!("group {}", group.name));
        }
        for (tenant, role) in &group.opens {
            self.add_tenant(tenant, *role);
        }
        self.groups.push(group.name.clone());
        self.ways.push(Way::Group { group: group.name.clone(), source, until });
    }

    fn add_tenant(&mut self, tenant: &TenantId, role: Role) {
        let highest = self.tenants.entry(tenant.clone()).or_insert(role);
        *highest = role.max(*highest);
    }

    fn into_candidate(
        mut self,
        relevant: &Relevant,
        row: UserRow,
        decision: Option<DecisionRow>,
    ) -> Candidate {
        let explicit = decision.as_ref().map(|decision| decision.is_admin);
        let is_admin = explicit.unwrap_or(!self.reasons.is_empty());
        self.reasons.sort_unstable();
        self.reasons.dedup();
        if is_admin {
            self.ways.extend(decision.map(|decision| Way::Decision { until: decision.until }));
            self.ways.extend(self.reasons.into_iter().map(Way::Reason));
        }
        self.groups.sort_unstable();
        self.groups.dedup();
        let access = Access {
            groups: self.groups,
            tenants: self.tenants.into(),
            is_admin,
            every_tenant: if is_admin { relevant.tenants.clone() } else { Vec::new() },
            ..Access::default()
        };
        let access = match self.confined_to {
            Some(tenant) => access.confined_to(tenant),
            None => access,
        };
        let standing = Standing {
            person: Person { id: row.id, email: row.email.clone(), name: row.name.clone().map(Into::into) },
            is_disabled: row.disabled_at.is_some(),
            sessions_not_before: row.sessions_not_before,
            is_session_ended: false,
            access: access.into(),
            counts_until: BootTime::MAX,
        };
        Candidate { user: row.summary(), standing, ways: self.ways, decision: explicit }
    }
}

async fn read_manual(
    connection: &mut Connection,
    relevant: &Relevant,
    range: &Range,
) -> Result<Vec<ManualRow>> {
    if relevant.groups.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::<Db>::new(concat!(
        "SELECT m.user_id, m.group_id, m.source, m.until FROM manual_memberships m WHERE coalesce(m.until > ",
        present!(),
        ", true) AND m.group_id IN ("
    ));
    push_numbers(&mut query, relevant.groups.keys());
    range.push(&mut query);
    query.push(" ORDER BY m.user_id, m.group_id, m.source");
    Ok(query.build_query_as().fetch_all(connection).await?)
}

async fn read_provided(
    connection: &mut Connection,
    relevant: &Relevant,
    range: &Range,
) -> Result<Vec<ProvidedRow>> {
    if relevant.links.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::<Db>::new(
        "SELECT m.user_id, m.provider_group_id FROM provider_memberships m WHERE m.provider_group_id IN (",
    );
    push_numbers(&mut query, relevant.links.keys());
    range.push(&mut query);
    query.push(" ORDER BY m.user_id, m.provider_group_id");
    Ok(query.build_query_as().fetch_all(connection).await?)
}

async fn read_tenant_members(
    connection: &mut Connection,
    relevant: &Relevant,
    range: &Range,
) -> Result<Vec<TenantMemberRow>> {
    let mut query = QueryBuilder::<Db>::new(
        "SELECT m.user_id, m.tenant_id, m.role, m.source, m.until FROM current_tenant_members m WHERE ",
    );
    push_tenants(&mut query, "m.tenant_id", &relevant.tenants);
    range.push(&mut query);
    query.push(" ORDER BY m.user_id, m.tenant_id");
    Ok(query.build_query_as().fetch_all(connection).await?)
}

async fn read_decisions(connection: &mut Connection, range: &Range) -> Result<Vec<DecisionRow>> {
    let mut query = QueryBuilder::<Db>::new(
        "SELECT m.user_id, m.is_admin, m.until FROM current_admin_overrides m WHERE true",
    );
    range.push(&mut query);
    Ok(query.build_query_as().fetch_all(connection).await?)
}

async fn read_confined(connection: &mut Connection, range: &Range) -> Result<Vec<ConfinedRow>> {
    let mut query =
        QueryBuilder::<Db>::new("SELECT m.user_id, m.provider FROM identities m WHERE m.provider LIKE 't-%'");
    range.push(&mut query);
    Ok(query.build_query_as().fetch_all(connection).await?)
}
