//! What is kept how long: the table of `docs/privacy.md`, and the code that deletes.

use super::administration::Administers;
use super::{Opened, actor, config, email, person};
use gatepost_core::access::Role;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{TenantId, UserId};
use gatepost_store::directory::UserKey;
use gatepost_store::directory::changes::{AddTenantMember, CreateTenant, CreateUser, DeleteTenant};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

const DOCUMENT: &str = include_str!("../../../docs/privacy.md");
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Rows of the table: their tables in the database, and what is said about how long.
fn rows() -> Vec<(Vec<String>, String)> {
    let cells = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let cells = cells.map(|line| line.split(" | ").collect::<Vec<_>>()).filter(|cells| cells.len() == 3);
    let named = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    cells.skip(1).map(|cells| (named(cells[1]), cells[2].to_owned())).collect()
}

/// How long this table is kept, in the document's words.
fn kept(table: &str) -> String {
    let found: Vec<_> =
        rows().into_iter().filter(|(tables, _)| tables.iter().any(|name| name == table)).collect();
    assert_eq!(found.len(), 1, "{table}: {found:?}");
    found.into_iter().next().unwrap().1
}

/// `7 days`, `24 hours`, at the start, behind the name of a setting, or as the most.
fn time(words: &str) -> Duration {
    let words = words.rsplit_once('(').map_or(words, |(_, words)| words);
    let words = words.split_once("at most ").map_or(words, |(_, words)| words);
    let mut words = words.split([' ', ',', ')', ';']);
    let number: u32 = words.next().unwrap().parse().unwrap_or_else(|_| panic!("{words:?}"));
    match words.next().unwrap() {
        "hours" => number * HOUR,
        "days" => number * DAY,
        other => panic!("{other}"),
    }
}

#[test]
fn the_document_has_every_table_once_and_the_defaults_of_the_settings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/store/migrations");
    let mut made = BTreeSet::new();
    for file in ["postgres", "sqlite"].iter().flat_map(|store| std::fs::read_dir(folder.join(store)).unwrap())
    {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let tables = text.lines().filter_map(|line| line.strip_prefix("CREATE TABLE "));
        made.extend(tables.map(|rest| rest.split_whitespace().next().unwrap().to_owned()));
    }
    let named: Vec<String> = rows().into_iter().flat_map(|(tables, _)| tables).collect();
    assert_eq!(named.iter().cloned().collect::<BTreeSet<_>>(), made);
    assert_eq!(named.len(), made.len(), "each once");

    let config = config(&[]);
    let [sessions, audit, people] = ["session_values", "audit_entries", "users"].map(kept);
    assert!(sessions.contains("`GATEPOST_SESSION__ABSOLUTE_TIMEOUT`"));
    assert_eq!(time(&sessions), config.session.absolute_timeout);
    assert!(audit.contains("`GATEPOST_AUDIT__KEEP`"));
    assert_eq!(time(&audit), config.retention.audit_keep);
    assert!(people.ends_with("`GATEPOST_PEOPLE__FORGET_AFTER` (off)"));
    assert_eq!(config.retention.forget_after, None);
}

/// Puts a row into a table that is `at` this second; its key is `name`.
fn row(table: &str, name: &str, at: Timestamp, user: UserId, is_postgres: bool) -> String {
    let at = at.unix();
    let bytes = if is_postgres {
        format!("sha256('{name}')")
    } else {
        format!("CAST(substr('{name}' || hex(zeroblob(16)), 1, 32) AS BLOB)")
    };
    let (columns, values) = match table {
        "refusals" => (
            "request_id, at, user_id, host, method, path, kind, requirement, status, reason",
            format!("'{name}', {at}, '{user}', 'h', 'GET', '/', 'fetch', '', 403, 'x'"),
        ),
        "access_requests" => (
            "id, user_id, tenant_id, state, created_at, decided_at",
            format!("'{name}', '{user}', 'github', 'declined', {at}, {at}"),
        ),
        "tenant_proposals" => (
            "id, user_id, tenant_id, name, state, created_at, expires_at, decided_at",
            format!("'{name}', '{user}', 'acme', 'ACME', 'refused', {at}, {at} + 30 * 86400, {at}"),
        ),
        "tenant_invitations" => (
            "id, tenant_id, email, role, hash, created_at, expires_at",
            format!("'{name}', 'github', '{name}@example.com', 'member', {bytes}, {at}, {at} + 7 * 86400"),
        ),
        "requirements" => ("host, query, seen_at", format!("'{name}', '', {at}")),
        "idempotent_requests" => ("key, request, at", format!("'{name}', 'x', {at}")),
        "ended_sessions" => {
            ("session_hash, user_id, ended_at, expires_at", format!("{bytes}, '{user}', 0, {at}"))
        }
        "ended_provider_sessions" => {
            ("provider, sid_hash, ended_at, expires_at", format!("'entra', {bytes}, 0, {at}"))
        }
        other => panic!("{other}"),
    };
    format!("INSERT INTO gatepost.{table} ({columns}) VALUES ({values})")
}

async fn count(store: &Opened, table: &str, condition: &str) -> i64 {
    let sql = format!("SELECT CAST(count(*) AS text) FROM gatepost.{table} WHERE {condition}");
    store.texts(&sql).await[0].parse().unwrap()
}

/// A person of whom there is a row in each table of people, and in those that have a time of their own.
async fn known_everywhere(store: &Opened) -> UserId {
    let user = store.admitted(&person("p", "old@example.com", &["g-1"])).await;
    assert_eq!(store.admitted(&person("p", "p@example.com", &["g-1"])).await, user, "the address changed");
    let key = UserKey::Id(user);
    store.directory.add_member(&"Team".parse().unwrap(), &key, &actor()).await.unwrap();
    store.directory.create_tenant(&"github".parse().unwrap(), None, &actor()).await.unwrap();
    let member = AddTenantMember {
        tenant: "github".parse().unwrap(),
        user: key.clone(),
        role: Role::Member,
        until: None,
    };
    store.directory.make(member, &actor()).await.unwrap();
    store.directory.set_admin(&key, Some(true), &actor()).await.unwrap();
    let now = store.directory.clock().await.unwrap();
    for table in ["refusals", "access_requests", "tenant_proposals"] {
        store.sql(&row(table, "theirs", now, user, store.is_postgres())).await;
    }
    user
}

const OF_PEOPLE: [&str; 11] = [
    "users",
    "user_words",
    "identities",
    "provider_memberships",
    "manual_memberships",
    "tenant_members",
    "admin_overrides",
    "former_addresses",
    "refusals",
    "access_requests",
    "tenant_proposals",
];

async fn rows_of(store: &Opened, user: UserId) -> Vec<i64> {
    let mut found = Vec::new();
    for table in OF_PEOPLE {
        let column = if table == "users" { "id" } else { "user_id" };
        found.push(count(store, table, &format!("{column} = '{user}'")).await);
    }
    found
}

both_stores! {
    async fn what_is_kept_for_a_time_is_deleted_at_its_end_as_the_document_says(store) {
        let user = store.admitted(&person("p", "p@example.com", &[])).await;
        store.directory.create_tenant(&"github".parse().unwrap(), None, &actor()).await.unwrap();
        let now = store.directory.clock().await.unwrap();
        let end = "to the end that the session would have had";
        let tables = [
            "refusals", "access_requests", "tenant_proposals", "tenant_invitations", "requirements", "idempotent_requests",
            "ended_sessions", "ended_provider_sessions",
        ];
        for table in tables {
            let said = kept(table);
            let age = if said == end { Duration::ZERO } else { time(&said) };
            for (name, at) in [("old", now.minus(age + Duration::from_secs(1))), ("young", now.minus(age).plus(Duration::from_mins(1)))] {
                store.sql(&row(table, name, at, user, store.is_postgres())).await;
            }
        }
        assert_eq!(store.leading().await.delete_expired(now).await.unwrap(), tables.len() as u64);
        for table in tables {
            assert_eq!(count(&store, table, "true").await, 1, "{table}");
        }
    }

    async fn the_audit_is_deleted_by_days_and_the_heads_stay(store) {
        let keep = time(&kept("audit_entries"));
        let now = store.directory.clock().await.unwrap();
        for age in [keep + 2 * DAY, keep.saturating_sub(DAY)] {
            let at = now.minus(age).unix();
            store.sql(&format!("INSERT INTO gatepost.audit_entries (at, actor, action, target) VALUES ({at}, 'cli:x', 'x', '{at}')")).await;
            super::audit_chain::force(&store, &format!("UPDATE gatepost.audit_entries SET hour = {} WHERE target = '{at}'", at / 3600)).await;
        }
        assert_eq!(store.leading().await.make_audit_heads(10).await.unwrap(), 2);
        assert_eq!(store.leading().await.delete_old_audit(keep, now, 10).await.unwrap(), 1);
        assert_eq!(count(&store, "audit_entries", "actor = 'cli:x'").await, 1);
        assert_eq!(kept("audit_heads"), "as long as the directory");
        assert_eq!(count(&store, "audit_heads", "true").await, 2);
    }

    async fn who_is_forgotten_leaves_no_row_but_an_entry_with_the_id(store) {
        let user = known_everywhere(&store).await;
        store.directory.grant_admin(&email("other@example.com"), &actor()).await.unwrap();
        let of_people: Vec<String> = rows().into_iter().find(|(tables, _)| tables.contains(&"users".to_owned())).unwrap().0;
        assert!(of_people.iter().all(|table| OF_PEOPLE.contains(&table.as_str())), "{of_people:?}");
        assert!(!rows_of(&store, user).await.contains(&0), "{:?}", rows_of(&store, user).await);
        let since = store.directory.clock().await.unwrap().plus(HOUR);
        store.sql(&format!("UPDATE gatepost.users SET created_at = {} WHERE id <> '{user}'", since.unix())).await;
        assert_eq!(store.leading().await.forget_people(since, 10).await.unwrap(), 1);
        assert_eq!(rows_of(&store, user).await, [0; 11]);
        let said = store.audited("user.forget").await;
        assert_eq!((said.len(), said[0].target.clone(), said[0].actor.to_string()), (1, format!("user:{user}"), "retention".to_owned()));
        assert!(store.find_standing(user, &gatepost_core::secret::Secret::generate().digest()).await.is_none());
        assert_ne!(store.admitted(&person("p", "p@example.com", &["g-1"])).await, user, "a new person");
    }

    async fn who_came_lately_is_disabled_denied_or_the_last_administrator_is_not_forgotten(store) {
        let now = store.directory.clock().await.unwrap();
        let mut ids = Vec::new();
        for name in ["lately", "disabled", "denied", "last", "gone"] {
            ids.push(store.admitted(&person(name, &format!("{name}@example.com"), &[])).await);
        }
        store.directory.disable_user(&email("disabled@example.com"), &actor()).await.unwrap();
        store.directory.grant_admin(&email("last@example.com"), &actor()).await.unwrap();
        store.directory.revoke_admin(&email("denied@example.com"), &actor()).await.unwrap();
        for name in ["expected@example.com", "expected-lately@example.com"] {
            store.directory.make(CreateUser { email: name.parse().unwrap() }, &actor()).await.unwrap();
        }
        let old = now.minus(100 * DAY).unix();
        store.sql(&format!("UPDATE gatepost.users SET created_at = {old} WHERE email <> 'expected-lately@example.com'")).await;
        store.sql(&format!("UPDATE gatepost.users SET last_sign_in_at = {old} WHERE last_sign_in_at IS NOT NULL AND id <> '{}'", ids[0])).await;
        assert_eq!(store.leading().await.forget_people(now.minus(99 * DAY), 10).await.unwrap(), 2);
        let mut left: Vec<String> = store.people().await.into_iter().map(|user| user.email.unwrap().to_string()).collect();
        left.sort();
        let want = ["denied", "disabled", "expected-lately", "last", "lately"];
        assert_eq!(left, want.map(|name| format!("{name}@example.com")));
        assert_eq!(store.leading().await.forget_people(now.minus(99 * DAY), 10).await.unwrap(), 0);
        assert_eq!(store.leading().await.forget_people(now.minus(101 * DAY), 10).await.unwrap(), 0);
    }

    async fn what_cannot_be_deleted_keeps_nothing_else_from_being_deleted(store) {
        let mut ids = vec![];
        for name in ["a", "b", "c"] {
            ids.push(store.admitted(&person(name, &format!("{name}@example.com"), &[])).await.to_string());
        }
        for id in ["acme", "zeta"] {
            let id: TenantId = id.parse().unwrap();
            store.directory.make(CreateTenant { id: id.clone(), name: None }, &actor()).await.unwrap();
            store.directory.make(DeleteTenant { id }, &actor()).await.unwrap();
        }
        ids.sort_unstable();
        refuse_to_delete(&store, "users", &ids[0]).await;
        refuse_to_delete(&store, "tenants", "acme").await;
        store.sql("UPDATE gatepost.users SET last_sign_in_at = 5").await;
        assert!(store.leading().await.forget_people(Timestamp::from_unix(6), 10).await.is_err(), "it is told");
        assert_eq!(store.texts("SELECT id FROM gatepost.users").await, ids[..1]);
        let later = Timestamp::now().plus(31 * DAY);
        assert!(store.leading().await.erase_deleted_tenants(later, 10).await.is_err());
        assert_eq!(store.texts("SELECT id FROM gatepost.tenants").await, ["acme"]);
    }

    async fn any_number_of_expired_rows_is_deleted_a_thousand_at_a_time(store) {
        for at in 0..1_001 {
            store.sql(&format!(
                "INSERT INTO gatepost.ended_provider_sessions VALUES ('entra', {}, 1, 2)",
                if store.is_postgres() { format!("'\\x{at:08x}'") } else { format!("x'{at:08x}'") }
            )).await;
        }
        let now = Timestamp::from_unix(3);
        assert_eq!(store.leading().await.delete_expired(now).await.unwrap(), 1_000);
        assert_eq!(store.leading().await.delete_expired(now).await.unwrap(), 1);
        assert_eq!(store.leading().await.delete_expired(now).await.unwrap(), 0);
    }
}

/// As if a statement about this row took too long.
async fn refuse_to_delete(store: &Opened, table: &str, id: &str) {
    if store.is_postgres() {
        let refuse = format!(
            "CREATE FUNCTION refuse_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF OLD.id = '{id}' THEN RAISE 'it takes too long'; END IF; RETURN OLD; END $$"
        );
        store.sql(&refuse).await;
        let trigger = "BEFORE DELETE ON gatepost";
        store
            .sql(&format!(
                "CREATE TRIGGER refuse {trigger}.{table} FOR EACH ROW EXECUTE FUNCTION refuse_{table}()"
            ))
            .await;
    } else {
        store
            .sql(&format!(
                "CREATE TRIGGER refuse_{table} BEFORE DELETE ON {table} WHEN OLD.id = '{id}' BEGIN \
             SELECT RAISE(ABORT, 'it takes too long'); END"
            ))
            .await;
    }
}
