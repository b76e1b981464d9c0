//! Tool servers and their rules: changes, lists, and what the gate reads of them.

use super::users::FIRST;
use super::{Apply, Connection, LockKey, Result, Store, audit, group_changes, json_texts, tenants};
use crate::directory::actor::Actor;
use crate::directory::changes::{
    AddToolRule, CreateToolServer, DeleteToolServer, Done, JudgeByHeaders, RemoveToolRule, UpdateToolServer,
};
use crate::directory::error::DirectoryError;
use crate::directory::lists::{Page, Place};
use crate::directory::records::GroupKey;
use crate::directory::tool_servers::{GROUP, ToolRule, ToolServer, ToolServerSettings};
use gatepost_core::administration::{Denied, Granted, Matter, Scope, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupId, ServiceName, TenantId, ToolRuleId, ToolServerId};
use gatepost_core::mcp::Mode;
use gatepost_core::mcp::endpoint::{Endpoint, longest_prefix};
use gatepost_core::mcp::pattern::Subject;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;

/// How many rules one server may have.
const MAX_RULES: i64 = 2_000;
/// The columns of a [`ToolServer`].
const COLUMNS: &str = "SELECT id, tenant_id, url, name, provider, audience, scopes, mode, documentation, is_default, \
    service, created_at, version FROM tool_servers ";
/// The columns of a [`ToolRule`].
const RULE_COLUMNS: &str = "SELECT r.id, r.tool_server_id, r.subject, r.group_id, \
    (SELECT name FROM groups WHERE id = r.group_id) AS group_name, r.kind, r.pattern, r.created_at FROM tool_rules r ";

/// Whoever gives a server an address reads the others' first.
fn lock_of_addresses() -> LockKey {
    LockKey::of(&["tool servers"])
}

impl Apply for CreateToolServer {
    type Locked = ();

    fn locks(&self) -> Vec<LockKey> {
        vec![lock_of_addresses()]
    }

    async fn lock(&self, connection: &mut Connection) -> Result<((), Option<Version>)> {
        tenants::demand(connection, &self.tenant).await?;
        match find(connection, &self.id).await? {
            // Its tenant may be unknown to the caller, its id is taken all the same.
            Some(_) => Err(DirectoryError::ToolServerExists(self.id.clone())),
            None => Ok(((), None)),
        }
    }

    async fn write(
        granted: Granted<&Self>,
        (): (),
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<()>> {
        let Self { id, tenant, settings } = granted.change();
        demand_system(settings, None, granted.is_by_system())?;
        demand_tried(id, settings, None)?;
        demand_free(connection, (id, tenant), settings, granted.is_by_system()).await?;
        sqlx::query(
            "INSERT INTO tool_servers (id, tenant_id, url, name, provider, audience, scopes, mode, documentation, \
             is_default, service, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(id.as_str())
        .bind(tenant.as_str())
        .bind(settings.url.as_str())
        .bind(&settings.name)
        .bind(settings.provider.as_ref().map(ToString::to_string))
        .bind(&settings.audience)
        .bind(json_texts(&settings.scopes))
        .bind(settings.mode.as_str())
        .bind(&settings.documentation)
        .bind(settings.is_default)
        .bind(settings.service.as_ref().map(ServiceName::as_str))
        .bind(Timestamp::now().unix())
        .execute(&mut *connection)
        .await?;
        note(connection, actor, ("tool_server.create", id, tenant), (None, Some(said(settings)))).await?;
        Ok(Done::changed(Some(FIRST), ()))
    }
}

impl Apply for UpdateToolServer {
    type Locked = ToolServer;

    fn locks(&self) -> Vec<LockKey> {
        vec![lock_of_addresses()]
    }

    async fn lock(&self, connection: &mut Connection) -> Result<(ToolServer, Option<Version>)> {
        lock_known(connection, &self.id, &self.tenant).await
    }

    async fn write(
        granted: Granted<&Self>,
        before: ToolServer,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<()>> {
        let Self { id, tenant, patch } = granted.change();
        let settings = patch.of(&before.settings);
        if settings == before.settings {
            return Ok(Done::unchanged(Some(before.version), ()));
        }
        demand_system(&settings, Some(&before.settings), granted.is_by_system())?;
        demand_tried(id, &settings, Some(&before.settings))?;
        if settings.url != before.settings.url {
            demand_free(connection, (id, tenant), &settings, granted.is_by_system()).await?;
        }
        sqlx::query(
            "UPDATE tool_servers SET url = $2, name = $3, provider = $4, audience = $5, scopes = $6, mode = $7, \
             documentation = $8, is_default = $9, service = $10 WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(settings.url.as_str())
        .bind(&settings.name)
        .bind(settings.provider.as_ref().map(ToString::to_string))
        .bind(&settings.audience)
        .bind(json_texts(&settings.scopes))
        .bind(settings.mode.as_str())
        .bind(&settings.documentation)
        .bind(settings.is_default)
        .bind(settings.service.as_ref().map(ServiceName::as_str))
        .execute(&mut *connection)
        .await?;
        changed(connection, actor, (id, tenant), (&before.settings, &settings)).await
    }
}

impl Apply for JudgeByHeaders {
    type Locked = ToolServer;

    async fn lock(&self, connection: &mut Connection) -> Result<(ToolServer, Option<Version>)> {
        lock_known(connection, &self.id, &self.tenant).await
    }

    async fn write(
        granted: Granted<&Self>,
        before: ToolServer,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<()>> {
        let Self { id, tenant, key } = granted.change();
        let sql = concat!(
            "SELECT EXISTS (SELECT 1 FROM keys WHERE id = $1 AND trial_of = $2 AND tenant_id = $3 \
             AND revoked_at IS NULL AND expires_at > ",
            present!(),
            ")"
        );
        let query = sqlx::query_scalar(sql).bind(key.to_string()).bind(id.as_str()).bind(tenant.as_str());
        let has_tried: bool = query.fetch_one(&mut *connection).await?;
        if !has_tried {
            return Err(DirectoryError::NotTried(id.clone()));
        }
        if before.settings.mode == Mode::Headers {
            return Ok(Done::unchanged(Some(before.version), ()));
        }
        let settings = ToolServerSettings { mode: Mode::Headers, ..before.settings.clone() };
        sqlx::query("UPDATE tool_servers SET mode = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(settings.mode.as_str())
            .execute(&mut *connection)
            .await?;
        changed(connection, actor, (id, tenant), (&before.settings, &settings)).await
    }
}

impl Apply for DeleteToolServer {
    type Locked = ToolServer;

    async fn lock(&self, connection: &mut Connection) -> Result<(ToolServer, Option<Version>)> {
        lock_known(connection, &self.id, &self.tenant).await
    }

    async fn write(
        granted: Granted<&Self>,
        before: ToolServer,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<()>> {
        let Self { id, tenant } = granted.change();
        let sql = "DELETE FROM tool_servers WHERE id = $1";
        sqlx::query(sql).bind(id.as_str()).execute(&mut *connection).await?;
        let states = (Some(said(&before.settings)), None);
        note(connection, actor, ("tool_server.delete", id, tenant), states).await?;
        Ok(Done::changed(None, ()))
    }
}

impl Apply for AddToolRule {
    /// The rule, if it is there already.
    type Locked = Option<ToolRuleId>;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        lock_known(connection, &self.server, &self.tenant).await?;
        let (subject, group) = stored(&self.subject);
        let sql = "SELECT id FROM tool_rules WHERE tool_server_id = $1 AND kind = $2 AND pattern = $3 \
                   AND subject = $4 AND coalesce(group_id, 0) = coalesce($5, 0)";
        let query = sqlx::query_scalar(sql).bind(self.server.as_str()).bind(self.kind.as_str());
        let query = query.bind(self.pattern.to_string()).bind(subject).bind(group);
        let found: Option<String> = query.fetch_optional(connection).await?;
        let found = found.map(|id| id.parse()).transpose().map_err(DirectoryError::unreadable)?;
        Ok((found, None))
    }

    async fn write(
        granted: Granted<&Self>,
        found: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<ToolRuleId>> {
        let Self { server, tenant, subject, kind, pattern } = granted.change();
        if let Subject::Group(id) = subject {
            group_changes::find_known(connection, &GroupKey::Id(*id)).await?;
            if !granted.is_by_system() && !opens(connection, *id, tenant).await? {
                return Err(DirectoryError::UnknownGroup(GroupKey::Id(*id)));
            }
        }
        if let Some(found) = found {
            return Ok(Done::unchanged(None, found));
        }
        let sql = "SELECT count(*) FROM tool_rules WHERE tool_server_id = $1";
        let count: i64 = sqlx::query_scalar(sql).bind(server.as_str()).fetch_one(&mut *connection).await?;
        if count >= MAX_RULES {
            return Err(DirectoryError::TooManyRules(MAX_RULES));
        }
        let (id, (stored, group)) = (ToolRuleId::generate(), stored(subject));
        sqlx::query(
            "INSERT INTO tool_rules (id, tool_server_id, subject, group_id, kind, pattern, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(id.to_string())
        .bind(server.as_str())
        .bind(stored)
        .bind(group)
        .bind(kind.as_str())
        .bind(pattern.to_string())
        .bind(Timestamp::now().unix())
        .execute(&mut *connection)
        .await?;
        let said =
            json!({ "subject": subject.to_string(), "kind": kind.as_str(), "pattern": pattern.to_string() });
        note(connection, actor, ("tool_rule.create", server, tenant), (None, Some(said))).await?;
        Ok(Done::changed(None, id))
    }
}

impl Apply for RemoveToolRule {
    type Locked = ToolRule;

    async fn lock(&self, connection: &mut Connection) -> Result<(ToolRule, Option<Version>)> {
        lock_known(connection, &self.server, &self.tenant).await?;
        let sql = format!("{RULE_COLUMNS} WHERE r.tool_server_id = $1 AND r.id = $2");
        let query = sqlx::query_as(AssertSqlSafe(sql)).bind(self.server.as_str()).bind(self.rule.to_string());
        let found: Option<ToolRule> = query.fetch_optional(connection).await?;
        let unknown = || DirectoryError::UnknownToolRule(self.server.clone(), self.rule);
        Ok((found.ok_or_else(unknown)?, None))
    }

    async fn write(
        granted: Granted<&Self>,
        before: ToolRule,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<i64>> {
        let Self { server, tenant, rule } = granted.change();
        let sql = "DELETE FROM tool_rules WHERE id = $1";
        sqlx::query(sql).bind(rule.to_string()).execute(&mut *connection).await?;
        let said = json!({ "subject": before.subject.to_string(), "kind": before.kind.as_str(), "pattern": before.pattern.to_string() });
        note(connection, actor, ("tool_rule.delete", server, tenant), (Some(said), None)).await?;
        let sql = "SELECT count(*) FROM tool_rules WHERE tool_server_id = $1 AND kind = $2";
        let query = sqlx::query_scalar(sql).bind(server.as_str()).bind(before.kind.as_str());
        Ok(Done::changed(None, query.fetch_one(connection).await?))
    }
}

// Reads.
impl Store {
    pub(in crate::directory) async fn find_tool_server(
        &self,
        scope: &Scope,
        id: &ToolServerId,
    ) -> Result<Option<ToolServer>> {
        let found = reading!(self, |connection| find(connection, id).await)?;
        Ok(found.filter(|server| scope.allows(&Matter::Tenant(server.tenant_id.clone())).is_ok()))
    }

    pub(in crate::directory) async fn list_tool_servers(
        &self,
        scope: &Scope,
        tenant: Option<&TenantId>,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<ToolServer>> {
        let hidden = tenant.filter(|tenant| scope.allows(&Matter::Tenant((*tenant).clone())).is_err());
        if let Some(hidden) = hidden {
            return Err(DirectoryError::UnknownTenant(hidden.clone()));
        }
        if tenant.is_none() && !scope.is_system() {
            return Ok(Page::empty());
        }
        let found: Vec<ToolServer> = reading!(self, |connection| {
            if let Some(tenant) = tenant {
                tenants::demand_known(&mut *connection, tenant).await?;
            }
            let sql =
                format!("{COLUMNS} WHERE id > $1 AND ($2 IS NULL OR tenant_id = $2) ORDER BY id LIMIT $3");
            let query = sqlx::query_as(AssertSqlSafe(sql))
                .bind(after.map(|place| place.0.as_str()).unwrap_or_default())
                .bind(tenant.map(TenantId::as_str))
                .bind(i64::from(limit) + 1);
            Ok(query.fetch_all(connection).await?)
        })?;
        Ok(Page::of(found, limit, |server| Place(server.id.to_string())))
    }

    pub(in crate::directory) async fn list_tool_rules(
        &self,
        scope: &Scope,
        server: &ToolServerId,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<ToolRule>> {
        if self.find_tool_server(scope, server).await?.is_none() {
            return Err(DirectoryError::UnknownToolServer(server.clone()));
        }
        let mut found: Vec<ToolRule> = reading!(self, |connection| {
            let sql =
                format!("{RULE_COLUMNS} WHERE r.tool_server_id = $1 AND r.id > $2 ORDER BY r.id LIMIT $3");
            let query = sqlx::query_as(AssertSqlSafe(sql))
                .bind(server.as_str())
                .bind(after.map(|place| place.0.as_str()).unwrap_or_default())
                .bind(i64::from(limit) + 1);
            Ok(query.fetch_all(connection).await?)
        })?;
        if !scope.is_system() {
            // The names of groups are the platform's.
            for rule in &mut found {
                rule.group_name = None;
            }
        }
        Ok(Page::of(found, limit, |rule| Place(rule.id.to_string())))
    }

    /// All servers with all rules.
    pub(in crate::directory) async fn read_tool_servers(&self) -> Result<Vec<(ToolServer, Vec<ToolRule>)>> {
        let (servers, rules) = reading!(self, |connection| {
            // The servers come first: of each that is there all rules are read that it has by now.
            // Nobody uses a server of a tenant that nobody may enter.
            let sql = format!(
                "{COLUMNS} WHERE EXISTS (SELECT 1 FROM tenants t WHERE t.id = tool_servers.tenant_id AND t.state = 'active') \
                 ORDER BY id"
            );
            let servers: Vec<ToolServer> =
                sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut *connection).await?;
            let sql = format!("{RULE_COLUMNS} ORDER BY r.id");
            let rules: Vec<ToolRule> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(connection).await?;
            Ok((servers, rules))
        })?;
        let mut by_server: BTreeMap<ToolServerId, Vec<ToolRule>> = BTreeMap::new();
        for rule in rules {
            by_server.entry(rule.tool_server_id.clone()).or_default().push(rule);
        }
        let with_rules = |server: ToolServer| {
            let rules = by_server.remove(&server.id).unwrap_or_default();
            (server, rules)
        };
        Ok(servers.into_iter().map(with_rules).collect())
    }
}

/// A subject in its two columns.
fn stored(subject: &Subject) -> (String, Option<i64>) {
    match subject {
        Subject::Group(id) => (GROUP.to_owned(), Some(id.number())),
        other => (other.to_string(), None),
    }
}

async fn find(connection: &mut Connection, id: &ToolServerId) -> Result<Option<ToolServer>> {
    let sql = format!("{COLUMNS} WHERE id = $1");
    Ok(sqlx::query_as(AssertSqlSafe(sql)).bind(id.as_str()).fetch_optional(connection).await?)
}

/// The tenant of a server that is there.
pub(super) async fn tenant_of(connection: &mut Connection, id: &ToolServerId) -> Result<TenantId> {
    let found = find(connection, id).await?;
    found.map(|server| server.tenant_id).ok_or_else(|| DirectoryError::UnknownToolServer(id.clone()))
}

/// Locks a server of this tenant.
async fn lock_known(
    connection: &mut Connection,
    id: &ToolServerId,
    tenant: &TenantId,
) -> Result<(ToolServer, Option<Version>)> {
    let sql = for_update!("SELECT id FROM tool_servers WHERE id = $1");
    let _: Option<String> =
        sqlx::query_scalar(sql).bind(id.as_str()).fetch_optional(&mut *connection).await?;
    let found = find(connection, id).await?.filter(|server| server.tenant_id == *tenant);
    let server = found.ok_or_else(|| DirectoryError::UnknownToolServer(id.clone()))?;
    let version = server.version;
    Ok((server, Some(version)))
}

/// Demands that nobody else has the address, and that none of another tenant is above or below it: of two such servers
/// the rules of the longer one decide. Only a system administrator may put one tenant's server into another's.
async fn demand_free(
    connection: &mut Connection,
    (id, tenant): (&ToolServerId, &TenantId),
    settings: &ToolServerSettings,
    is_by_system: bool,
) -> Result<()> {
    let sql = format!("{COLUMNS} WHERE id <> $1");
    let others: Vec<ToolServer> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(id.as_str()).fetch_all(connection).await?;
    let is_in_the_way = |other: &ToolServer| {
        let (one, two) = (&settings.url, &other.settings.url);
        let is_within =
            |inner: &Endpoint, outer: &Endpoint| longest_prefix([(outer.path(), ())], inner.path()).is_some();
        let are_nested = one.host() == two.host() && (is_within(one, two) || is_within(two, one));
        one == two || (are_nested && !is_by_system && other.tenant_id != *tenant)
    };
    if others.iter().any(is_in_the_way) { Err(DirectoryError::AddressTaken) } else { Ok(()) }
}

/// Demands a system administrator for what decides where the list filter sends requests: the service, and the path of a
/// server that has one.
fn demand_system(
    settings: &ToolServerSettings,
    before: Option<&ToolServerSettings>,
    is_by_system: bool,
) -> Result<()> {
    let service = before.and_then(|before| before.service.as_ref());
    let moves = settings.service.is_some() && before.is_some_and(|before| before.url != settings.url);
    let is_free = settings.service.as_ref() == service && !moves;
    if is_free || is_by_system { Ok(()) } else { Err(Denied::SystemOnly.into()) }
}

/// Demands that a server which is judged by its messages' headers alone was seen to refuse those whose body differs. What is
/// at another address is another server.
fn demand_tried(
    id: &ToolServerId,
    settings: &ToolServerSettings,
    before: Option<&ToolServerSettings>,
) -> Result<()> {
    let was_tried = before.is_some_and(|before| before.mode == Mode::Headers && before.url == settings.url);
    if settings.mode == Mode::Body || was_tried { Ok(()) } else { Err(DirectoryError::NotTried(id.clone())) }
}

/// Whether a group opens a tenant.
async fn opens(connection: &mut Connection, group: GroupId, tenant: &TenantId) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM group_tenants WHERE group_id = $1 AND tenant_id = $2)";
    Ok(sqlx::query_scalar(sql).bind(group.number()).bind(tenant.as_str()).fetch_one(connection).await?)
}

/// Writes the audit row of other settings.
async fn changed(
    connection: &mut Connection,
    actor: &Actor,
    (id, tenant): (&ToolServerId, &TenantId),
    (before, after): (&ToolServerSettings, &ToolServerSettings),
) -> Result<Done<()>> {
    let states = (Some(said(before)), Some(said(after)));
    note(connection, actor, ("tool_server.update", id, tenant), states).await?;
    let version = find(connection, id).await?.map(|server| server.version);
    Ok(Done::changed(version, ()))
}

/// The settings for the audit.
fn said(settings: &ToolServerSettings) -> Value {
    json!({
        "url": settings.url.as_str(),
        "name": settings.name,
        "provider": settings.provider.as_ref().map(ToString::to_string),
        "audience": settings.audience,
        "scopes": settings.scopes,
        "mode": settings.mode.as_str(),
        "documentation": settings.documentation,
        "default": settings.is_default,
        "service": settings.service.as_ref().map(ServiceName::as_str),
    })
}

async fn note(
    connection: &mut Connection,
    actor: &Actor,
    (action, id, tenant): (&str, &ToolServerId, &TenantId),
    (before, after): (Option<Value>, Option<Value>),
) -> Result<()> {
    let entry = audit::Entry { action, target: format!("tool_server:{id}"), before, after };
    audit::write_for_tenant(connection, actor, tenant, entry).await
}
