//! What a read costs does not grow with the tables: counted in operations of SQLite's machine.

#![expect(clippy::unwrap_used, reason = "in a test an error is a failure")]

use super::Store;
use crate::directory::pool::finish;
use crate::directory::{AuditFilter, Directory, DirectoryError, TenantFilter, UserFilter, UserKey};
use gatepost_core::administration::Scope;
use gatepost_core::identity::{AssertedGroup, AssertedGroups, AssertedIdentity, GroupKind, SubjectKey};
use gatepost_core::ids::{GroupId, TenantId, UserId};
use gatepost_core::secret::Hash;
use sqlx::{AssertSqlSafe, SqliteConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

const FEW: u32 = 500;
const MANY: u32 = 8 * FEW;
const PERSON: &str = "printf('00000000-0000-7000-8000-%012x', n)";

/// Rows of each table for the numbers after `from`: a person each, with an identity, a group, a tenant, a key and an entry of
/// the audit.
const ROWS: [&str; 12] = [
    "users (id, email, name, created_at, last_sign_in_at) SELECT PERSON, 'u' || n || '@example.com', 'U ' || n, 1, 1",
    "identities (issuer, subject, provider, user_id, created_at) SELECT 'https://i', 's' || n, 'entra', PERSON, 1",
    "groups (id, name) SELECT n, 'G' || n",
    "provider_groups (id, provider, kind, external_id, group_id, source) SELECT n, 'entra', 'group', 'e' || n, n, 'manual'",
    "provider_memberships (user_id, provider_group_id) SELECT PERSON, n",
    "manual_memberships (user_id, group_id, source) SELECT PERSON, n, 'manual'",
    "tenants (id, created_at) SELECT 't' || n, 1",
    "group_tenants (group_id, tenant_id) SELECT n, 't' || n",
    "audit_entries (at, actor, action, target, request_id) SELECT n, 'cli:' || n, 'a.' || n, 'user:' || PERSON, hex(n)",
    "keys (id, hash, hint, name, machine_name, tenant_id, owner_id, created_by, scopes, endless_reason, created_at) \
     SELECT PERSON, CAST('hash-' || n AS BLOB), 'abcd', 'k', 'k' || n, 't' || n, PERSON, 'cli:test', '[]', 'a test', 1",
    "key_groups (key_id, group_id) SELECT PERSON, n",
    "ended_sessions (session_hash, user_id, ended_at, expires_at) SELECT CAST('hash-' || n AS BLOB), PERSON, 1, 1",
];

/// Rows that the gate holds in memory: as many among few tenants as among many.
const HELD: [&str; 2] = [
    "tenant_hosts (host, tenant_id, state, proof, created_at) \
     SELECT 'h' || n || '.example.com', 't' || n, 'active', printf('%032x', n), 1",
    "tool_servers (id, tenant_id, url, created_at) SELECT PERSON, 't' || n, 'https://h' || n || '.example.com/mcp', 1",
];

async fn run(store: &Store, sql: String) {
    let mut pooled = store.writer().acquire().await.unwrap();
    let result = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *pooled).await.map_err(DirectoryError::from);
    finish(pooled, result).unwrap();
}

async fn fill(store: &Store, from: u32, to: u32) {
    let numbers = format!(
        "(WITH RECURSIVE s(n) AS (SELECT {from} + 1 UNION ALL SELECT n + 1 FROM s WHERE n < {to}) SELECT n FROM s)"
    );
    let held: &[&str] = if from == 0 { &HELD } else { &[] };
    for (rows, limit) in ROWS.iter().map(|rows| (rows, "")).chain(held.iter().map(|rows| (rows, " LIMIT 10")))
    {
        run(store, format!("INSERT INTO {} FROM {numbers}{limit}", rows.replace("PERSON", PERSON))).await;
    }
}

/// Counts what the connection that reads does from now on.
async fn count(store: &Store) -> Arc<AtomicU64> {
    let operations = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&operations);
    let mut pooled = store.reader().acquire().await.unwrap();
    let connection: &mut SqliteConnection = &mut pooled;
    connection.lock_handle().await.unwrap().set_progress_handler(10, move || {
        counted.fetch_add(10, Ordering::Relaxed);
        true
    });
    finish(pooled, Ok(())).unwrap();
    operations
}

/// Each read with its cost.
async fn costs(store: &Store, operations: &AtomicU64) -> Vec<(&'static str, u64)> {
    let directory = Directory { store: super::super::Store::Sqlite(store.clone()) };
    let user: UserId = "00000000-0000-7000-8000-000000000007".parse().unwrap();
    let (tenant, group): (TenantId, GroupId) = ("t7".parse().unwrap(), "7".parse().unwrap());
    let (all, page, key) = (&Scope::System, 50, UserKey::Id(user));
    let email = "u7@example.com".parse().unwrap();
    let people =
        |filter| async move { directory_of(store).search_users(all, &filter, None, page).await.map(drop) };
    let audit = |filter| async move { directory_of(store).list_audit(all, &filter, page).await.map(drop) };
    let digest = Hash::of(&[b"a key"]);
    run(store, format!("UPDATE keys SET hash = x'{digest}' WHERE id = '{user}'")).await;
    let groups =
        vec![AssertedGroup { kind: GroupKind::Group, external_id: "e7".to_owned(), display_name: None }];
    let identity = AssertedIdentity {
        provider: "entra".parse().unwrap(),
        subject: SubjectKey { issuer: "https://i".to_owned(), subject: "s7".to_owned() },
        email: None,
        refused: None,
        name: None,
        groups: AssertedGroups::Known(groups.clone()),
    };
    // After a change of the schema a connection reads it again.
    directory.find_standing(user, &Hash::of(&[])).await.unwrap();
    let mut costs = Vec::new();
    macro_rules! cost {
        ($($name:literal: $read:expr;)*) => {$(
            let before = operations.load(Ordering::Relaxed);
            $read.await.unwrap();
            costs.push(($name, operations.load(Ordering::Relaxed) - before));
        )*};
    }
    cost! {
        "a session's person": directory.find_standing(user, &Hash::of(&[]));
        "the holder of an address": directory.find_holder(&email);
        "a key": directory.find_key(&digest);
        "a key by its id": directory.find_key_of_id(user.to_string().parse().unwrap());
        "what a key may administer": directory.find_key_caller(user.to_string().parse().unwrap());
        "the person of an access token": directory.find_token_standing(user, &identity);
        "the roles of an application": directory.find_role_access(&identity.provider, &groups);
        "a revoked session": directory.list_ended(std::slice::from_ref(&digest));
        "the hosts of tenants": directory.read_active_hosts();
        "how pages of tenants look": directory.read_brandings();
        "the tool servers": directory.read_tool_servers();
        "people": people(UserFilter::default());
        "people by a word": people(UserFilter { q: Some("u499".to_owned()), ..UserFilter::default() });
        "people by address": people(UserFilter { email: Some(email.clone()), ..UserFilter::default() });
        "people of a group": people(UserFilter { group: Some(group), ..UserFilter::default() });
        "people of a tenant": people(UserFilter { tenant: Some(tenant.clone()), ..UserFilter::default() });
        "a person": directory.find_user(all, &key);
        "a person's groups": directory.list_memberships(all, user);
        "groups": directory.search_groups(all, &crate::directory::GroupFilter::default(), None, page);
        "members of a group": directory.list_members(all, (&group.into(), None), None, page);
        "links of a group": directory.list_links(all, group);
        "tenants": directory.search_tenants(all, &TenantFilter::default(), None, page);
        "people of a tenant with their ways": directory.list_tenant_people(all, (&tenant, None), None, page);
        "the audit": audit(AuditFilter::default());
        "the audit of a person": audit(AuditFilter { user: Some(user), ..AuditFilter::default() });
        "the audit of a thing": audit(AuditFilter { targets: vec!["user:7".to_owned()], ..AuditFilter::default() });
        "the audit of an action": audit(AuditFilter { actions: vec!["a.7".to_owned()], ..AuditFilter::default() });
    }
    costs
}

fn directory_of(store: &Store) -> Directory {
    Directory { store: super::super::Store::Sqlite(store.clone()) }
}

/// The reads that cost more among many rows, with both costs.
fn growing(few: &[(&'static str, u64)], many: &[(&'static str, u64)]) -> Vec<(&'static str, u64, u64)> {
    let pairs = few.iter().zip(many).map(|((name, few), (_, many))| (*name, *few, *many));
    pairs.filter(|(_, few, many)| *many > 2 * few + 500).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_read_of_a_request_or_of_a_list_reads_a_whole_table() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&folder.path().join("gatepost.db")).unwrap();
    store.migrate().await.unwrap();
    let operations = count(&store).await;
    fill(&store, 0, FEW).await;
    let few = costs(&store, &operations).await;
    assert!(few.iter().all(|(_, cost)| *cost > 0), "nothing was counted: {few:?}");
    fill(&store, FEW, MANY).await;
    let many = costs(&store, &operations).await;
    assert_eq!(growing(&few, &many), [], "{few:?} {many:?}");
    // Gatepost never analyzes the file. Somebody else may, and SQLite chooses other ways then.
    run(&store, "ANALYZE".to_owned()).await;
    let analyzed = costs(&store, &operations).await;
    assert_eq!(growing(&few, &analyzed), [], "{few:?} {analyzed:?}");

    // Without these indexes there is no way but through the whole table.
    run(&store, "DROP INDEX audit_entries_target_idx; DROP INDEX provider_groups_group_id_idx".to_owned())
        .await;
    let names: Vec<_> = growing(&few, &costs(&store, &operations).await).iter().map(|read| read.0).collect();
    for name in ["the audit of a thing", "links of a group", "members of a group"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_people_do_not_read_a_whole_group_for_the_ways_of_each() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&folder.path().join("gatepost.db")).unwrap();
    store.migrate().await.unwrap();
    fill(&store, 0, MANY).await;
    for rows in [
        "groups (id, name) VALUES (100000, 'Everybody')",
        "provider_groups (id, provider, kind, external_id, group_id, source) VALUES (100000, 'entra', 'group', 'all', 100000, 'manual')",
        "provider_memberships (user_id, provider_group_id) SELECT id, 100000 FROM users",
        "manual_memberships (user_id, group_id, source) SELECT id, 100000, 'manual' FROM users WHERE name LIKE '%7'",
        "tenants (id, created_at) VALUES ('all', 1)",
        "group_tenants (group_id, tenant_id) VALUES (100000, 'all')",
    ] {
        run(&store, format!("INSERT INTO {rows}")).await;
    }
    let operations = count(&store).await;
    let everybody = GroupId::from_number(100_000).into();
    let all: TenantId = "all".parse().unwrap();
    for is_analyzed in [false, true] {
        let (mut costs, mut of_tenant) = (Vec::new(), Vec::new());
        // The first after a change of the schema reads it again. A group of this size is read once, to know its people.
        for limit in [1, 1, 100] {
            let before = operations.load(Ordering::Relaxed);
            let page =
                directory_of(&store).list_members(&Scope::System, (&everybody, None), None, limit).await;
            let items = page.unwrap().items;
            costs.push(operations.load(Ordering::Relaxed) - before);
            let both = items.iter().filter(|member| member.sources.len() == 2).count();
            assert_eq!((items.len(), both), (limit as usize, limit as usize / 10));
            let before = operations.load(Ordering::Relaxed);
            let page =
                directory_of(&store).list_tenant_people(&Scope::System, (&all, None), None, limit).await;
            let items = page.unwrap().items;
            of_tenant.push(operations.load(Ordering::Relaxed) - before);
            let by_group = items.iter().filter(|person| person.ways.len() == 1).count();
            assert_eq!((items.len(), by_group), (limit as usize, limit as usize));
        }
        assert!(costs[2] - costs[1] < u64::from(MANY) * 5, "{costs:?}, {is_analyzed}");
        assert!(of_tenant[2] - of_tenant[1] < u64::from(MANY) * 5, "{of_tenant:?}, {is_analyzed}");
        run(&store, "ANALYZE".to_owned()).await;
    }
}
