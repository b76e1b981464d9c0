//! Whether anybody changed the audit shows afterwards: each complete hour has a head.

use super::administration::Administers;
use super::{Opened, actor, email, person};
use gatepost_admin::audit::{self, Fault, FaultKind, Verdict};
use gatepost_core::clock::Timestamp;
use gatepost_store::directory::{AuditHead, Directory, DirectoryError, UserKey};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::collections::BTreeMap;
use std::time::Duration;

const HOUR: i64 = 3600;

pub(super) async fn verify(store: &Opened) -> Verdict {
    verify_against(store, &[]).await
}

async fn verify_against(store: &Opened, kept: &[AuditHead]) -> Verdict {
    let kept: BTreeMap<_, _> = kept.iter().map(|head| (head.hour, head.clone())).collect();
    audit::verify(&store.directory, &kept).await.unwrap()
}

async fn heads(store: &Opened) -> Vec<AuditHead> {
    store.directory.list_audit_heads(i64::MIN, 10_000).await.unwrap()
}

async fn hour_now(store: &Opened) -> i64 {
    store.directory.clock().await.unwrap().unix() / HOUR
}

/// Runs statements without the triggers of SQLite that protect the audit, as whoever owns the file can.
pub(super) async fn force(store: &Opened, sql: &str) {
    if store.is_postgres() {
        return store.sql(sql).await;
    }
    let triggers = "FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'keep_audit%' ORDER BY name";
    let names = store.texts(&format!("SELECT name {triggers}")).await;
    let made = store.texts(&format!("SELECT sql {triggers}")).await;
    assert_eq!(names.len(), 5);
    let drop: Vec<String> = names.iter().map(|name| format!("DROP TRIGGER {name}")).collect();
    store.sql(&format!("BEGIN; {}; {sql}; {}; COMMIT", drop.join("; "), made.join("; "))).await;
}

/// Moves what has no head yet into an hour so long ago.
pub(super) async fn age(store: &Opened, hours: i64) {
    let then = hour_now(store).await - hours;
    let sql = format!(
        "UPDATE gatepost.audit_entries SET hour = {then} WHERE hour > coalesce((SELECT max(hour) FROM gatepost.audit_heads), 0)"
    );
    force(store, &sql).await;
}

/// Everything that the audit says about people.
async fn audit_texts(store: &Opened) -> String {
    let sql = "SELECT coalesce(before, '') || coalesce(after, '') || coalesce(address, '') FROM gatepost.audit_entries";
    store.texts(sql).await.join("\n")
}

/// Three changes in each of these hours, with heads.
async fn with_hours(store: &Opened, ago: &[i64]) -> Vec<AuditHead> {
    for (n, hours) in ago.iter().enumerate() {
        let key = email(&format!("p{n}@example.com"));
        store.directory.grant_admin(&key, &actor()).await.unwrap();
        store.directory.revoke_admin(&key, &actor()).await.unwrap();
        age(store, *hours).await;
        assert_eq!(store.leading().await.make_audit_heads(100).await.unwrap(), 1);
    }
    let heads = heads(store).await;
    assert_eq!(heads.len(), ago.len());
    let verdict = verify(store).await;
    assert_eq!((verdict.fault, verdict.entries), (None, 3 * ago.len() as u64));
    heads
}

const fn at(head: &AuditHead, kind: FaultKind) -> (i64, FaultKind) {
    (head.hour, kind)
}

async fn found(store: &Opened) -> Option<(i64, FaultKind)> {
    verify(store).await.fault.map(|Fault { hour, kind, .. }| (hour, kind))
}

both_stores! {
    async fn an_hour_gets_its_head_when_it_is_over_and_only_one(store) {
        store.directory.grant_admin(&email("a@example.com"), &actor()).await.unwrap();
        assert_eq!(store.leading().await.make_audit_heads(100).await.unwrap(), 0, "the hour is not over");
        age(&store, 2).await;
        store.sql("INSERT INTO user_group_membership VALUES ('b@example.com', 'Known')").await;
        let term = store.term().await;
        let makers = (0..8).map(|_| {
            let directory: Directory = store.directory.clone();
            tokio::spawn(async move { directory.leading(term).make_audit_heads(100).await.unwrap() })
        });
        let mut made = 0;
        for maker in makers.collect::<Vec<_>>() {
            made += maker.await.unwrap();
        }
        assert_eq!(made, 1);
        let verdict = verify(&store).await;
        assert_eq!((verdict.fault, verdict.heads, verdict.entries, verdict.uncovered), (None, 1, 2, 3));
        age(&store, 1).await;
        let made = store.leading().await.make_audit_heads(100).await.unwrap();
        assert_eq!(made, u32::from(Timestamp::now().unix() % HOUR >= 60), "a minute after its end");
    }

    async fn a_change_of_any_column_shows(store) {
        let heads = with_hours(&store, &[5, 4, 3]).await;
        let id = heads[1].first_id;
        let columns = [
            "at = at + 1", "actor = 'cli:other'", "action = 'x'", "target = 'user:other'", "before = '{}'", "after = NULL",
            "after = '{\"is_admin\":false}'", "address = '192.0.2.8'", "address = NULL", "request_id = 'x'", "via = 'api'",
            "tenant_id = 't'", "key_id = 'k'", "after_digest = NULL", "address_digest = NULL",
        ];
        for change in columns {
            let column = change.split(' ').next().unwrap();
            force(&store, &format!("CREATE TABLE gatepost.kept AS SELECT * FROM gatepost.audit_entries WHERE id = {id}; UPDATE gatepost.audit_entries SET {change} WHERE id = {id}")).await;
            assert_eq!(found(&store).await, Some(at(&heads[1], FaultKind::EntryChanged)), "{change}");
            force(&store, &format!("UPDATE gatepost.audit_entries SET {column} = (SELECT {column} FROM gatepost.kept) WHERE id = {id}; DROP TABLE gatepost.kept")).await;
            assert_eq!(found(&store).await, None, "{change} was undone");
        }
    }

    async fn an_entry_that_is_missing_added_or_moved_shows(store) {
        let heads = with_hours(&store, &[5, 4, 3]).await;
        let (first, second) = (heads[0].last_id, heads[1].first_id);
        force(&store, &format!("UPDATE gatepost.audit_entries SET hour = hour + 1 WHERE id = {first}")).await;
        assert_eq!(found(&store).await, Some(at(&heads[0], FaultKind::EntryMissing)));
        force(&store, &format!("UPDATE gatepost.audit_entries SET hour = hour - 1 WHERE id = {first}")).await;
        // Two entries change places.
        let swap = |from: i64, to: i64| format!("UPDATE gatepost.audit_entries SET action = (SELECT action FROM gatepost.audit_entries WHERE id = {from}) WHERE id = {to}");
        force(&store, &format!("{}; UPDATE gatepost.audit_entries SET action = 'user.create' WHERE id = {}", swap(second, second + 1), second + 2)).await;
        assert_eq!(found(&store).await, Some(at(&heads[1], FaultKind::EntryChanged)));
        force(&store, &format!("DELETE FROM gatepost.audit_entries WHERE id = {first}")).await;
        assert_eq!(found(&store).await, Some(at(&heads[0], FaultKind::EntryMissing)), "the first hour is named");
    }

    async fn an_entry_that_is_added_later_shows(store) {
        let heads = with_hours(&store, &[5, 4, 3]).await;
        store.sql("INSERT INTO gatepost.audit_entries (at, actor, action, target) VALUES (0, 'cli:x', 'x', 'x')").await;
        assert_eq!(found(&store).await, None, "it belongs to this hour");
        let id = store.texts("SELECT CAST(max(id) AS text) FROM gatepost.audit_entries").await.remove(0);
        force(&store, &format!("UPDATE gatepost.audit_entries SET hour = {} WHERE id = {id}", heads[2].hour)).await;
        assert_eq!(found(&store).await, Some(at(&heads[2], FaultKind::EntryAdded)));
        let between = heads[1].hour - 10;
        force(&store, &format!("UPDATE gatepost.audit_entries SET hour = {between} WHERE id = {id}")).await;
        assert_eq!(found(&store).await, Some((between, FaultKind::HeadMissing)));
    }

    async fn a_head_that_was_changed_or_deleted_shows(store) {
        let heads = with_hours(&store, &[6, 5, 4, 3]).await;
        let hour = heads[1].hour;
        let other = if store.is_postgres() { "sha256('x')" } else { "randomblob(32)" };
        for change in [format!("sha256 = {other}"), "count = count + 1".to_owned(), "first_id = first_id - 1".to_owned(),
            "last_id = last_id + 1".to_owned(), format!("previous = {other}")]
        {
            let column = change.split(' ').next().unwrap();
            force(&store, &format!("CREATE TABLE gatepost.kept AS SELECT * FROM gatepost.audit_heads; UPDATE gatepost.audit_heads SET {change} WHERE hour = {hour}")).await;
            assert_eq!(found(&store).await, Some(at(&heads[1], FaultKind::HeadChanged)), "{change}");
            force(&store, &format!("UPDATE gatepost.audit_heads SET {column} = (SELECT {column} FROM gatepost.kept WHERE hour = {hour}) WHERE hour = {hour}; DROP TABLE gatepost.kept")).await;
        }
        force(&store, &format!("UPDATE gatepost.audit_heads SET form = 2 WHERE hour = {hour}")).await;
        assert_eq!(found(&store).await, Some(at(&heads[1], FaultKind::UnknownForm)));
        force(&store, &format!("UPDATE gatepost.audit_heads SET form = 1 WHERE hour = {hour}")).await;
        force(&store, &format!("UPDATE gatepost.audit_heads SET cut_by = {} WHERE hour = {hour}", heads[3].last_id)).await;
        assert_eq!(found(&store).await, Some(at(&heads[1], FaultKind::HeadChanged)), "no older hour was cut");
        force(&store, &format!("UPDATE gatepost.audit_heads SET cut_by = {} WHERE hour <= {hour}", heads[3].last_id)).await;
        assert_eq!(found(&store).await, Some(at(&heads[1], FaultKind::EntryMissing)), "no entry records a cut");
        force(&store, "UPDATE gatepost.audit_heads SET cut_by = NULL").await;
        force(&store, &format!("DELETE FROM gatepost.audit_heads WHERE hour = {hour}")).await;
        assert_eq!(found(&store).await, Some(at(&heads[1], FaultKind::HeadMissing)), "its entries are there");
        force(&store, &format!("DELETE FROM gatepost.audit_entries WHERE hour = {hour}")).await;
        assert_eq!(found(&store).await, Some(at(&heads[2], FaultKind::HeadMissing)), "the next head knows it");
    }

    async fn heads_that_were_kept_elsewhere_show_what_was_made_anew(store) {
        let heads = with_hours(&store, &[5, 4, 3]).await;
        assert_eq!(verify_against(&store, &heads).await.fault, None);
        force(&store, &format!("UPDATE gatepost.audit_entries SET actor = 'cli:other' WHERE id = {}", heads[2].first_id)).await;
        force(&store, &format!("DELETE FROM gatepost.audit_heads WHERE hour = {}", heads[2].hour)).await;
        let lost = verify_against(&store, &heads).await.fault.unwrap();
        assert_eq!((lost.hour, lost.kind), (heads[2].hour, FaultKind::HeadMissing));
        assert_eq!(store.leading().await.make_audit_heads(100).await.unwrap(), 1);
        assert_eq!(verify(&store).await.fault, None, "whoever may write everything can make a new chain");
        let lost = verify_against(&store, &heads).await.fault.unwrap();
        assert_eq!((lost.hour, lost.kind), (heads[2].hour, FaultKind::HeadChanged));
    }

    async fn entries_of_older_releases_get_digests_with_their_head(store) {
        store.directory.grant_admin(&email("a@example.com"), &actor()).await.unwrap();
        let then = hour_now(&store).await - 30;
        let old = format!("UPDATE gatepost.audit_entries SET hour = NULL, at = {}, before_digest = NULL, after_digest = NULL, address_digest = NULL", then * HOUR + 5);
        force(&store, &old).await;
        assert_eq!(store.leading().await.make_audit_heads(100).await.unwrap(), 1);
        let verdict = verify(&store).await;
        assert_eq!((verdict.fault, verdict.entries, heads(&store).await[0].hour), (None, 2, then));
        force(&store, "UPDATE gatepost.audit_entries SET address = '192.0.2.8'").await;
        assert_eq!(found(&store).await, Some((then, FaultKind::EntryChanged)));
    }

    async fn erased_texts_leave_the_audit_whole(store) {
        let placeholder = UserKey::Email("secret@example.com".parse().unwrap());
        store.directory.disable_user(&placeholder, &actor()).await.unwrap();
        store.directory.enable_user(&placeholder, &actor()).await.unwrap();
        let user = store.admitted(&person("a", "secret@example.com", &["g-1"])).await;
        store.sql(&format!("UPDATE gatepost.users SET last_sign_in_at = 5 WHERE id = '{user}'")).await;
        assert!(audit_texts(&store).await.contains("secret"));
        age(&store, 3).await;
        store.leading().await.make_audit_heads(100).await.unwrap();
        let before = heads(&store).await;
        assert_eq!(store.leading().await.forget_people(Timestamp::from_unix(6), 10).await.unwrap(), 1);
        let left = audit_texts(&store).await;
        assert!(!left.contains("secret") && !left.contains("192.0.2.7"), "{left}");
        assert_eq!((found(&store).await, heads(&store).await), (None, before.clone()));
        age(&store, 2).await;
        store.leading().await.make_audit_heads(100).await.unwrap();
        assert_eq!(found(&store).await, None);
        // What is erased without an entry that says so is a change.
        force(&store, "UPDATE gatepost.audit_entries SET erased_by = NULL").await;
        assert_eq!(found(&store).await, Some(at(&before[0], FaultKind::EntryChanged)));
    }

    async fn what_is_too_old_is_deleted_and_the_rest_stays_whole(store) {
        let day = Duration::from_hours(24);
        let heads_before = with_hours(&store, &[24 * 50, 24 * 45, 24 * 35, 24 * 10]).await;
        let now = store.directory.clock().await.unwrap();
        assert_eq!(store.leading().await.delete_old_audit(40 * day, now, 10).await.unwrap(), 6);
        assert_eq!(store.leading().await.delete_old_audit(40 * day, now, 10).await.unwrap(), 0);
        let verdict = verify_against(&store, &heads_before).await;
        assert_eq!((verdict.fault, verdict.cut, verdict.heads, verdict.entries), (None, 2, 4, 6));
        let said = store.audited("audit.cut").await;
        assert_eq!((said.len(), said[0].actor.to_string()), (1, "retention".to_owned()));
        assert!(said[0].after.as_deref().unwrap().contains('6'), "{said:?}");
        age(&store, 3).await;
        store.leading().await.make_audit_heads(100).await.unwrap();
        assert_eq!(found(&store).await, None);
        let (own, moved) = (heads(&store).await.pop().unwrap().hour, said[0].id);
        let put = |hour: i64| format!("UPDATE gatepost.audit_entries SET hour = {hour} WHERE id = {moved}");
        force(&store, &put(heads_before[0].hour)).await;
        assert_eq!(found(&store).await, Some(at(&heads_before[0], FaultKind::EntryAdded)), "where all were deleted");
        force(&store, &put(own)).await;
        assert_eq!(found(&store).await, None);
        let other = if store.is_postgres() { "sha256('x')" } else { "randomblob(32)" };
        force(&store, &format!("UPDATE gatepost.audit_heads SET sha256 = {other} WHERE hour = {}", heads_before[1].hour)).await;
        assert_eq!(found(&store).await, Some(at(&heads_before[1], FaultKind::HeadChanged)), "also a head without entries");
    }

    async fn the_last_thirty_days_are_not_deleted_whoever_asks(store) {
        let heads = with_hours(&store, &[24 * 20, 3]).await;
        let now = store.directory.clock().await.unwrap();
        store.leading().await.delete_old_audit(Duration::from_hours(24 * 10), now, 10).await.unwrap_err();
        let verdict = verify_against(&store, &heads).await;
        assert_eq!((verdict.fault, verdict.cut), (None, 0));
    }

    async fn a_hundred_thousand_entries_are_read_in_small_pages(store) {
        let then = hour_now(&store).await - 2;
        let series = if store.is_postgres() {
            "SELECT n FROM generate_series(1, 100000) AS n(n)"
        } else {
            "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 100000) SELECT n FROM s"
        };
        store.sql(&format!("INSERT INTO gatepost.audit_entries (at, actor, action, target) SELECT 0, 'cli:x', 'x', 'group:' || n FROM ({series}) AS n")).await;
        force(&store, &format!("UPDATE gatepost.audit_entries SET hour = {then} - id % 3")).await;
        let before = resident();
        assert_eq!(store.leading().await.make_audit_heads(100).await.unwrap(), 3);
        let verdict = verify(&store).await;
        assert_eq!((verdict.fault, verdict.entries), (None, 100_000));
        let grown = resident().saturating_sub(before);
        assert!(grown < 32 << 20, "{grown} bytes more");
        let page = store.directory.list_chained_entries(then, i64::MIN, 10).await.unwrap();
        assert_eq!(page.len(), 10);
    }
}

/// The memory of this process, which other tests share.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_waits_for_the_transactions_that_wrote_into_it() {
    let store = Opened::postgres().await;
    let mut slow = PgConnection::connect(&store.url).await.unwrap();
    let now = hour_now(&store).await;
    // The database's clock, with an hour that the test sets.
    store
        .sql(&format!(
            "CREATE TABLE public.clock (hour bigint); INSERT INTO public.clock VALUES ({}); \
             CREATE OR REPLACE FUNCTION gatepost.unix_now() RETURNS bigint LANGUAGE sql AS \
             'SELECT hour * 3600 FROM public.clock'",
            now - 3
        ))
        .await;
    let write = "INSERT INTO user_group_membership VALUES ('late@example.com', 'Known')";
    slow.execute("BEGIN").await.unwrap();
    slow.execute(write).await.unwrap();
    store.sql("INSERT INTO user_group_membership VALUES ('early@example.com', 'Other')").await;
    store.sql("UPDATE public.clock SET hour = hour + 1").await;
    store.sql("INSERT INTO user_group_membership VALUES ('next@example.com', 'Other')").await;
    assert_eq!(store.leading().await.make_audit_heads(100).await.unwrap(), 0, "the slow one may still write");
    slow.execute("COMMIT").await.unwrap();
    assert_eq!(store.leading().await.make_audit_heads(100).await.unwrap(), 2);
    let verdict = verify(&store).await;
    assert_eq!((verdict.fault, verdict.uncovered), (None, 0));
    let first = &heads(&store).await[0];
    assert_eq!((first.hour, first.count), (now - 3, 6), "both transactions stand in it");
    // A clock that was set back writes nothing into an hour that has a head.
    store.sql("UPDATE public.clock SET hour = hour - 1").await;
    store.sql("INSERT INTO user_group_membership VALUES ('back@example.com', 'Other')").await;
    assert_eq!(verify(&store).await.fault, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_waits_for_the_writer_of_the_embedded_file() {
    let store = Opened::sqlite().await;
    store.directory.grant_admin(&email("a@example.com"), &actor()).await.unwrap();
    age(&store, 2).await;
    let options: sqlx::sqlite::SqliteConnectOptions = store.url.parse().unwrap();
    let mut slow = sqlx::ConnectOptions::connect(&options).await.unwrap();
    slow.execute("BEGIN IMMEDIATE").await.unwrap();
    slow.execute("INSERT INTO user_group_membership VALUES ('late@example.com', 'Known')").await.unwrap();
    store.leading().await.make_audit_heads(100).await.unwrap_err();
    slow.execute("COMMIT").await.unwrap();
    assert_eq!(store.leading().await.make_audit_heads(100).await.unwrap(), 1);
    assert_eq!(verify(&store).await.fault, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_programs_cannot_change_the_audit_in_the_embedded_file() {
    let store = Opened::sqlite().await;
    with_hours(&store, &[5, 4]).await;
    for (sql, said) in [
        ("UPDATE audit_entries SET actor = 'x'", "entries of the audit cannot be changed"),
        ("UPDATE audit_entries SET after = NULL", "entries of the audit cannot be changed"),
        (
            "UPDATE audit_entries SET after = NULL, after_digest = NULL",
            "entries of the audit cannot be changed",
        ),
        ("UPDATE audit_entries SET after_digest = zeroblob(48)", "entries of the audit cannot be changed"),
        ("UPDATE audit_entries SET hour = hour + 1", "entries of the audit cannot be changed"),
        ("UPDATE audit_entries SET erased_by = 1", "entries of the audit cannot be changed"),
        ("DELETE FROM audit_entries", "entries of the audit cannot be deleted"),
        ("UPDATE audit_heads SET count = 1", "heads of the audit cannot be changed"),
        ("UPDATE audit_heads SET cut_by = 1", "heads of the audit cannot be changed"),
        ("DELETE FROM audit_heads", "heads of the audit cannot be deleted"),
    ] {
        let refused = store.try_sql(sql).await.unwrap_err().to_string();
        assert!(refused.contains(said), "{sql}: {refused}");
    }
}

/// `serve` as a role that owns nothing: one that had every right before the upgrade, and one that was given what it needs.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_ownership_adds_to_the_audit_and_changes_nothing_in_it() {
    const MIGRATION: &str =
        include_str!("../../../crates/store/migrations/postgres/20261128163100_chain_audit.sql");
    let server = gatepost_kit::process::Postgres::private().await;
    let grants = MIGRATION.split("-- Gatepost may run as a role that owns nothing").nth(1).unwrap();
    let grants = &grants[grants.find("DO $$").unwrap()..];
    let upgraded = format!(
        "CREATE ROLE app LOGIN; GRANT USAGE ON SCHEMA gatepost TO app; \
         GRANT ALL ON ALL TABLES IN SCHEMA gatepost TO app; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA gatepost TO app; \
         REVOKE ALL ON gatepost.audit_heads FROM app; BEGIN; SET LOCAL search_path TO gatepost; {grants}; COMMIT"
    );
    for (role, setup) in [("app", upgraded), ("gatepost_app", "CREATE ROLE gatepost_app LOGIN".to_owned())] {
        let url = server.database().await;
        let store = Opened::at(url.clone(), None).await;
        store.sql(&setup).await;
        if role == "gatepost_app" {
            let nobody = store.directory.grant_serving("gatepost_nobody").await;
            assert!(matches!(nobody, Err(DirectoryError::UnknownRole(_))), "{nobody:?}");
            store.directory.grant_serving(role).await.unwrap();
        }
        let app_url = url.replace("gatepost_test@", &format!("{role}@"));
        serves(&store, &app_url).await;
        changes_nothing(&store, &app_url).await;
    }
}

/// Gatepost with this role does everything that it does with the owner.
async fn serves(store: &Opened, url: &str) {
    let stores = gatepost_config::StoresConfig::Shared {
        redis_url: "redis://unused".into(),
        database_url: url.to_owned().into(),
    };
    let app = Directory::open(&stores, None).unwrap();
    app.migrate().await.unwrap();
    let term = store.term().await;
    assert_eq!(app.inspect().await.unwrap().unwrap().forbidden, Vec::<String>::new());
    with_hours(store, &[24 * 50, 24 * 45]).await;
    app.grant_admin(&email("a@example.com"), &actor()).await.unwrap();
    force(store, "UPDATE gatepost.audit_entries SET hour = NULL, at = at - 7200, after_digest = NULL WHERE hour > (SELECT max(hour) FROM gatepost.audit_heads)").await;
    assert_eq!(app.leading(term).make_audit_heads(100).await.unwrap(), 1);
    let now = app.clock().await.unwrap();
    assert_eq!(app.leading(term).delete_old_audit(Duration::from_hours(24 * 40), now, 10).await.unwrap(), 6);
    assert_eq!(
        app.leading(term).forget_people(now.plus(Duration::from_hours(1)), 10).await.unwrap(),
        0,
        "denied, or the last"
    );
    app.grant_admin(&email("b@example.com"), &actor()).await.unwrap();
    assert_eq!(app.leading(term).forget_people(now.plus(Duration::from_hours(1)), 10).await.unwrap(), 1);
    assert_eq!(audit::verify(&app, &BTreeMap::new()).await.unwrap().fault, None);
}

async fn changes_nothing(store: &Opened, url: &str) {
    let mut direct = PgConnection::connect(url).await.unwrap();
    for sql in [
        "UPDATE gatepost.audit_entries SET actor = 'x'",
        "DELETE FROM gatepost.audit_entries",
        "TRUNCATE gatepost.audit_entries",
        "UPDATE gatepost.audit_heads SET cut_by = 1",
        "DELETE FROM gatepost.audit_heads",
        "ALTER TABLE gatepost.audit_entries DISABLE TRIGGER ALL",
    ] {
        let refused = direct.execute(AssertSqlSafe(sql)).await.unwrap_err().to_string();
        let is_refused = refused.contains("permission denied") || refused.contains("must be owner");
        assert!(is_refused, "{sql}: {refused}");
    }
    let young = "SELECT gatepost.cut_audit_entries(999999, 10)";
    let refused = direct.execute(young).await.unwrap_err().to_string();
    assert!(refused.contains("30 days"), "{refused}");
    let alice = store.admitted(&person("a2", "a2@example.com", &[])).await;
    let erase = format!("SELECT gatepost.erase_audit_texts('{alice}')");
    let refused = direct.execute(AssertSqlSafe(erase)).await.unwrap_err().to_string();
    assert!(refused.contains("still there"), "{refused}");
}
