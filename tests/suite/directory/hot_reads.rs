//! No read of a request or of a list reads a whole table of Postgres: counted by its own statistics. The same of SQLite is
//! beside its store (`crates/store`).

use super::{Opened, SOON, person};
use gatepost_core::administration::Scope;
use gatepost_core::email::EmailAddress;
use gatepost_core::identity::AssertedGroups;
use gatepost_core::ids::{GroupId, TenantId, UserId};
use gatepost_core::secret::Hash;
use gatepost_kit::process::until;
use gatepost_store::directory::{
    AuditFilter, DirectoryError, GroupFilter, TenantFilter, UserFilter, UserKey,
};
use std::collections::BTreeMap;

const ROWS: u32 = 5_000;
/// So many groups and tenants that a page of them is not found faster by reading them all.
const GROUPS: u32 = 20_000;
/// More than a page of 50 with what belongs to each row, and less than a table.
const MOST_READ: i64 = 1_500;

/// A person for each number, with an identity, a group, a tenant, a key and an entry of the audit.
const TABLES: [&str; 14] = [
    "users (id, email, name, created_at, last_sign_in_at) SELECT PERSON, 'u' || n || '@example.com', 'U ' || n, 1, 1",
    "identities (issuer, subject, provider, user_id, created_at) SELECT 'https://i', 's' || n, 'entra', PERSON, 1",
    "groups (id, name) OVERRIDING SYSTEM VALUE SELECT n, 'G' || n",
    "provider_groups (provider, kind, external_id, group_id, source) SELECT 'entra', 'group', 'e' || n, n, 'manual'",
    "provider_memberships (user_id, provider_group_id) SELECT PERSON, id",
    "manual_memberships (user_id, group_id, source) SELECT PERSON, n, 'manual'",
    "tenants (id, created_at) SELECT 't' || n, 1",
    "group_tenants (group_id, tenant_id) SELECT n, 't' || n",
    "audit_entries (at, actor, action, target, request_id) SELECT n, 'cli:' || n, 'a.' || n, 'user:' || PERSON, md5(n::text)",
    "keys (id, hash, hint, name, machine_name, tenant_id, owner_id, created_by, scopes, endless_reason, created_at) \
     SELECT PERSON, sha256(n::text::bytea), 'abcd', 'k', 'k' || n, 't' || n, PERSON, 'cli:test', '[]', 'a test', 1",
    "key_groups (key_id, group_id) SELECT PERSON, n",
    "ended_sessions (session_hash, user_id, ended_at, expires_at) \
     SELECT sha256(n::text::bytea), '00000000-0000-7000-8000-000000000007', 1, 1",
    // The gate holds these in memory: a few among many tenants.
    "tenant_hosts (host, tenant_id, state, proof, created_at) \
     SELECT 'h' || n || '.example.com', 't' || n, 'active', md5(n::text), 1",
    "tool_servers (id, tenant_id, url, created_at) SELECT PERSON, 't' || n, 'https://h' || n || '.example.com/mcp', 1",
];
/// So many hosts and tool servers of tenants.
const HELD: u32 = 10;
const PERSON: &str = "'00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0')";

async fn fill(store: &Opened) {
    for rows in TABLES {
        let from = if rows.starts_with("provider_memberships") {
            // The numbers of providers' groups are Postgres' own.
            let person = PERSON.replace("(n)", "(group_id)");
            let few = format!("gatepost.provider_groups WHERE group_id <= {ROWS}");
            format!("{} FROM {few}", rows.replace("PERSON", &person))
        } else {
            let most = match rows.split(' ').next() {
                Some("groups" | "provider_groups" | "tenants" | "group_tenants") => GROUPS,
                Some("tenant_hosts" | "tool_servers") => HELD,
                // The planner expects a list of 100 sessions, for which it reads a small table whole.
                Some("ended_sessions") => 20 * ROWS,
                _ => ROWS,
            };
            format!("{} FROM generate_series(1, {most}) n", rows.replace("PERSON", PERSON))
        };
        store.sql(&format!("INSERT INTO gatepost.{from}")).await;
    }
    store.sql("ANALYZE").await;
    // A page that an index leads to costs hardly more than the next one, as on any disk without moving parts.
    let cost = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET random_page_cost = 1.1', current_database()); END $$";
    store.sql(cost).await;
}

/// How many rows of each table were read by each kind of scan since the statistics were reset.
async fn rows_read(store: &Opened) -> BTreeMap<String, i64> {
    let sql = "SELECT relname || ' ' || seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables \
               WHERE seq_tup_read + coalesce(idx_tup_fetch, 0) + coalesce(idx_scan, 0) + seq_scan > 0";
    let texts = store.texts(sql).await;
    let pairs = texts.iter().map(|text| text.split_once(' ').unwrap());
    pairs.map(|(table, rows)| (table.to_owned(), rows.parse().unwrap())).collect()
}

/// The tables of which this read took more than a page.
async fn whole_tables(store: &Opened, read: impl AsyncFn() -> Result<(), DirectoryError>) -> Vec<String> {
    // A server process counts for others when it ends, at the latest.
    let end = "SELECT count(pg_terminate_backend(pid, 5000))::text FROM pg_stat_activity \
               WHERE application_name = 'gatepost' AND datname = current_database()";
    store.texts(end).await;
    store.sql("SELECT pg_stat_reset()").await;
    // The reads of requests give up soon; on a busy machine that says nothing.
    until("the read to succeed", SOON, async || read().await.ok()).await;
    store.texts(end).await;
    let read = until("the read to be counted", SOON, async || {
        let read = rows_read(store).await;
        (!read.is_empty()).then_some(read)
    })
    .await;
    read.into_iter()
        .filter(|(_, rows)| *rows > MOST_READ)
        .map(|(table, rows)| format!("{table} {rows}"))
        .collect()
}

/// The reads that read more than a page of a table.
async fn expensive(store: &Opened) -> Vec<(&'static str, Vec<String>)> {
    let directory = &store.directory;
    let user: UserId = "00000000-0000-7000-8000-000000000007".parse().unwrap();
    let (tenant, group): (TenantId, GroupId) = ("t7".parse().unwrap(), "7".parse().unwrap());
    let (all, page) = (&Scope::System, 50);
    let email: EmailAddress = "u7@example.com".parse().unwrap();
    let (digest, key) = (Hash::of(&[b"a key"]), user.to_string().parse().unwrap());
    store.sql(&format!("UPDATE gatepost.keys SET hash = '\\x{digest}' WHERE id = '{user}'")).await;
    let mut identity = person("s7", "", &["e7"]);
    "https://i".clone_into(&mut identity.subject.issuer);
    let AssertedGroups::Known(groups) = &identity.groups else { panic!("{identity:?}") };
    let people =
        |filter: UserFilter| async move { directory.search_users(all, &filter, None, page).await.map(drop) };
    let audit = |filter: AuditFilter| async move { directory.list_audit(all, &filter, page).await.map(drop) };
    let mut expensive = Vec::new();
    macro_rules! look_at {
        ($($name:literal: $read:expr;)*) => {$(
            let tables = whole_tables(store, async || $read.await.map(drop)).await;
            if !tables.is_empty() {
                expensive.push(($name, tables));
            }
        )*};
    }
    look_at! {
        "a session's person": directory.find_standing(user, &Hash::of(&[]));
        "the holder of an address": directory.find_holder(&email);
        "a key": directory.find_key(&digest);
        "a key by its id": directory.find_key_of_id(key);
        "what a key may administer": directory.find_key_caller(key);
        "the person of an access token": directory.find_token_standing(user, &identity);
        "the roles of an application": directory.find_role_access(&identity.provider, groups);
        "a revoked session": directory.list_ended(std::slice::from_ref(&digest));
        "the hosts of tenants": directory.read_active_hosts();
        "how pages of tenants look": directory.read_brandings();
        "the tool servers": directory.read_tool_servers();
        "people": people(UserFilter::default());
        "people by address": people(UserFilter { email: Some(email.clone()), ..UserFilter::default() });
        "people of a group": people(UserFilter { group: Some(group), ..UserFilter::default() });
        "people of a tenant": people(UserFilter { tenant: Some(tenant.clone()), ..UserFilter::default() });
        "a person": directory.find_user(all, &UserKey::Id(user));
        "a person's groups": directory.list_memberships(all, user);
        "groups": directory.search_groups(all, &GroupFilter::default(), None, page);
        "members of a group": directory.list_members(all, (&group.into(), None), None, page);
        "links of a group": directory.list_links(all, group);
        "tenants": directory.search_tenants(all, &TenantFilter::default(), None, page);
        "people of a tenant with their ways": directory.list_tenant_people(all, (&tenant, None), None, page);
        "the audit": audit(AuditFilter::default());
        "the audit of a person": audit(AuditFilter { user: Some(user), ..AuditFilter::default() });
        "the audit of a thing": audit(AuditFilter { targets: vec!["user:7".to_owned()], ..AuditFilter::default() });
        "the audit of an action": audit(AuditFilter { actions: vec!["a.7".to_owned()], ..AuditFilter::default() });
    }
    expensive
}

#[tokio::test(flavor = "multi_thread")]
async fn no_read_of_a_request_or_of_a_list_reads_a_whole_table() {
    let store = Opened::postgres().await;
    fill(&store).await;
    assert_eq!(expensive(&store).await, []);

    // Without these indexes there is no way but through the whole table.
    store.sql("DROP INDEX gatepost.audit_entries_target_idx").await;
    store.sql("DROP INDEX gatepost.provider_groups_group_id_idx").await;
    let names: Vec<_> = expensive(&store).await.into_iter().map(|read| read.0).collect();
    for name in ["the audit of a thing", "links of a group", "members of a group"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_connection_for_hot_reads_is_made_and_prepared_ahead() {
    let store = Opened::postgres().await;
    let prepared = "SELECT count(*)::text FROM pg_stat_activity WHERE application_name = 'gatepost' \
        AND datname = current_database() AND query = 'SELECT pg_is_in_recovery()'";
    assert_eq!(store.texts(prepared).await, ["0"]);
    for _ in 0..2 {
        until("the connections to be prepared", SOON, async || store.directory.warm_up(SOON).await.ok())
            .await;
        assert_eq!(store.texts(prepared).await, ["6"]);
    }
}
