//! The lease of the leader, and that nobody else does the leader's work.

use super::administration::Administers;
use super::audit_chain::age;
use super::{Opened, SOON, actor, email};
use gatepost_core::clock::Timestamp;
use gatepost_kit::process::until;
use gatepost_store::directory::{Directory, DirectoryError, LEADER_LEASE, Leading, Term};
use sqlx::{Connection, Executor, PgConnection};
use std::time::{Duration, Instant};

const DAY: Duration = Duration::from_hours(24);

async fn hold(store: &Opened, replica: &str, term: Option<Term>) -> Option<Term> {
    store.directory.hold_leader_lease(replica, term).await.unwrap().term
}

/// Ends the lease as time would.
async fn expire(store: &Opened) {
    store.sql("UPDATE gatepost.leases SET expires_at = clock_timestamp()").await;
}

/// Every table that the leader's work changes, row by row.
async fn rows(store: &Opened) -> Vec<Vec<String>> {
    let tables = [
        "users",
        "keys",
        "tenants",
        "manual_memberships",
        "admin_overrides",
        "refusals",
        "ended_sessions",
        "audit_entries",
        "audit_heads",
    ];
    let mut found = Vec::new();
    for table in tables {
        found.push(store.texts(&format!("SELECT t::text FROM gatepost.{table} t ORDER BY 1")).await);
    }
    found
}

/// Puts something in the way of each kind of work.
async fn with_work(store: &Opened) {
    let key = email("gone@example.com");
    store.directory.grant_admin(&email("last@example.com"), &actor()).await.unwrap();
    store.directory.add_member(&"Team".parse().unwrap(), &key, &actor()).await.unwrap();
    age(store, 24 * 500).await;
    store.leading().await.make_audit_heads(10).await.unwrap();
    store.directory.add_member(&"Other".parse().unwrap(), &key, &actor()).await.unwrap();
    age(store, 3).await;
    let user = "(SELECT id FROM gatepost.users WHERE email = 'gone@example.com')";
    store
        .sql(&format!(
            "UPDATE gatepost.users SET created_at = 0 WHERE email = 'gone@example.com'; \
             UPDATE gatepost.manual_memberships SET until = 1; \
             INSERT INTO gatepost.tenants (id, created_at, state, deleted_at) VALUES ('gone', 0, 'deleted', 1); \
             INSERT INTO gatepost.ended_sessions (session_hash, user_id, ended_at, expires_at) \
             VALUES (sha256('x'), {user}, 0, 1); \
             INSERT INTO gatepost.keys (id, hash, hint, name, machine_name, owner_id, created_by, scopes, expires_at, created_at) \
             VALUES (gen_random_uuid()::text, sha256('y'), 'gp_x', 'old', 'old', {user}, 'cli:x', '[]', 1, 0)"
        ))
        .await;
}

/// What each kind of work says.
async fn work(leading: Leading<'_>, now: Timestamp) -> [Result<u64, DirectoryError>; 7] {
    [
        leading.delete_ended(now).await,
        leading.delete_expired(now).await,
        leading.delete_old_keys(DAY, now, 10).await,
        leading.make_audit_heads(10).await.map(u64::from),
        leading.erase_deleted_tenants(now, 10).await,
        leading.delete_old_audit(400 * DAY, now, 10).await,
        leading.forget_people(now.minus(DAY), 10).await,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn who_no_longer_leads_commits_nothing_of_any_work_and_who_does_all_of_it() {
    let store = Opened::postgres().await;
    with_work(&store).await;
    let now = store.directory.clock().await.unwrap();
    let paused = store.term().await;
    expire(&store).await;
    // The pools of another process.
    let other = Directory::open(&store.stores, None).unwrap();
    let term = other.hold_leader_lease("other", None).await.unwrap().term.unwrap();
    let before = rows(&store).await;
    for done in work(store.directory.leading(paused), now).await {
        assert!(matches!(done, Err(DirectoryError::NotLeader)), "{done:?}");
    }
    assert_eq!(rows(&store).await, before);
    let done = work(other.leading(term), now).await.map(Result::unwrap);
    assert!(done.iter().all(|count| *count > 0), "each kind had something to do: {done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_takes_the_lease_and_keeps_it_until_it_expires_or_is_given_back() {
    let store = Opened::postgres().await;
    let many = (0..8).map(|n| {
        let directory = Directory::open(&store.stores, None).unwrap();
        tokio::spawn(async move { directory.hold_leader_lease(&format!("r{n}"), None).await.unwrap() })
    });
    let mut leases = Vec::new();
    for lease in many.collect::<Vec<_>>() {
        leases.push(lease.await.unwrap());
    }
    let terms: Vec<Term> = leases.iter().filter_map(|lease| lease.term).collect();
    assert_eq!(terms.len(), 1, "{leases:?}");
    let term = terms[0];
    let lease = store.directory.hold_leader_lease("late", None).await.unwrap();
    assert!(lease.term.is_none() && lease.holder.starts_with('r'), "{lease:?}");
    assert!(lease.left <= LEADER_LEASE && lease.age < Duration::from_secs(20), "{lease:?}");
    assert_eq!(hold(&store, &lease.holder, Some(term)).await, Some(term), "renewed");
    assert_eq!(
        store.texts("SELECT (expires_at - renewed_at)::text FROM gatepost.leases").await,
        ["00:00:04"]
    );

    store.directory.give_leader_lease_back(term).await.unwrap();
    let next = hold(&store, "next", None).await.expect("it was given back");
    assert_ne!(next, term);
    store.directory.give_leader_lease_back(term).await.unwrap();
    assert_eq!(hold(&store, "late", None).await, None, "who has lost it gives nothing back");
    expire(&store).await;
    assert_eq!(hold(&store, "next", Some(next)).await, Some(next), "nobody took it, so it goes on");
    expire(&store).await;
    let last = hold(&store, "late", None).await.expect("it has expired");
    assert_eq!(hold(&store, "next", Some(next)).await, None);
    assert_eq!(hold(&store, "late", Some(last)).await, Some(last));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_alone_deletes_replicas_that_have_not_been_seen_for_an_hour() {
    let store = Opened::postgres().await;
    let (leader, now) = (store.term().await, store.directory.clock().await.unwrap());
    for id in ["old", "new"] {
        store.directory.note_replica(id, "1.2.3", Timestamp::from_unix(7)).await.unwrap();
    }
    store.directory.hold_leader_lease("new", None).await.unwrap();
    store
        .sql("UPDATE gatepost.serving_replicas SET seen_at = seen_at - interval '61 min' WHERE id = 'old'")
        .await;
    expire(&store).await;
    let next = hold(&store, "new", None).await.expect("it has expired");
    let ids = async || -> Vec<String> {
        store.directory.list_replicas().await.unwrap().into_iter().map(|replica| replica.id).collect()
    };
    store.directory.leading(leader).delete_traces().await.unwrap();
    assert_eq!(ids().await, ["new", "old"], "who no longer leads deletes none");
    store.directory.leading(next).delete_traces().await.unwrap();
    let replicas = store.directory.list_replicas().await.unwrap();
    let [replica] = replicas.as_slice() else { panic!("{replicas:?}") };
    assert_eq!(
        (replica.id.as_str(), replica.version.as_str(), replica.started_at.unix()),
        ("new", "1.2.3", 7)
    );
    assert!(replica.is_leader && replica.seen_at >= now, "{replica:?}");
    store.directory.forget_replica("new").await.unwrap();
    assert!(ids().await.is_empty());
}

/// A transaction of the work is open: a renewal does not wait for it, taking the lease does not wait either, and succeeds
/// once the server has ended the transaction of the replica that has stopped.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_stops_in_its_work_is_followed_and_one_that_works_goes_on() {
    let store = Opened::postgres().await;
    let term = store.term().await;
    store.directory.grant_admin(&email("a@example.com"), &actor()).await.unwrap();
    store.sql("UPDATE gatepost.admin_overrides SET until = 1").await;
    let mut other = PgConnection::connect(&store.url).await.unwrap();
    other.execute("BEGIN; SELECT 1 FROM gatepost.admin_overrides FOR UPDATE").await.unwrap();
    let directory = store.directory.clone();
    let now = directory.clock().await.unwrap();
    let working = tokio::spawn(async move { directory.leading(term).delete_ended(now).await });
    let waiting = "SELECT count(*)::text FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    until("the work to wait for the row", SOON, async || (store.texts(waiting).await == ["1"]).then_some(()))
        .await;
    let begun = Instant::now();
    assert_eq!(hold(&store, "test", Some(term)).await, Some(term));
    expire(&store).await;
    assert_eq!(hold(&store, "other", None).await, None, "the work holds it");
    assert!(begun.elapsed() < Duration::from_secs(2), "nothing waited: {:?}", begun.elapsed());
    // The process that works stands still now: nothing goes on after its statement has ended.
    working.abort();
    let _ = working.await;
    other.execute("ROLLBACK").await.unwrap();
    until("another leader", SOON, async || hold(&store, "other", None).await).await;
    assert_eq!(store.audited("admin.end").await.len(), 0);
}
