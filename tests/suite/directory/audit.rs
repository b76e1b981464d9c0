//! The audit is read newest first, narrowed by any of its columns, page by page.

use super::administration::Administers;
use super::{Opened, SOON, actor, email, person};
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::RequestId;
use gatepost_kit::process::until;
use gatepost_store::directory::{Actor, AuditFilter, AuditRecord, Who};
use std::collections::BTreeSet;

async fn list(store: &Opened, filter: AuditFilter) -> Vec<AuditRecord> {
    store.directory.list_audit(&Scope::System, &filter, 1000).await.unwrap()
}

fn actions(entries: &[AuditRecord]) -> Vec<&str> {
    entries.iter().map(|entry| entry.action.as_str()).collect()
}

/// `count` entries of one second each, the newest the last of them, past Gatepost.
async fn write(store: &Opened, first_at: i64, count: i64) {
    let values: Vec<String> =
        (0..count).map(|n| format!("({}, 'test', 'test.{n}', 'group:x')", first_at + n)).collect();
    store
        .sql(&format!(
            "INSERT INTO gatepost.audit_entries (at, actor, action, target) VALUES {}",
            values.join(", ")
        ))
        .await;
}

both_stores! {
    async fn each_filter_narrows_and_all_hold_together(store) {
        let user = store.admitted(&person("a", "a@example.com", &[])).await;
        store.admitted(&person("b", "b@example.com", &[])).await;
        let id = RequestId::generate();
        let bob = Actor { who: Who::CommandLine("bob".to_owned()), key: None, address: None, request_id: Some(id), via: gatepost_store::directory::Via::CommandLine };
        store.directory.grant_admin(&email("a@example.com"), &bob).await.unwrap();
        store.directory.revoke_admin(&email("a@example.com"), &actor()).await.unwrap();
        store.directory.grant_admin(&email("b@example.com"), &bob).await.unwrap();

        let of_bob = AuditFilter { actor: Some(bob.who.clone()), ..AuditFilter::default() };
        let found = list(&store, of_bob.clone()).await;
        assert_eq!((actions(&found), found[0].target_email.as_deref()), (vec!["admin.grant", "admin.grant"], Some("b@example.com")));
        let targets = vec![format!("user:{user}")];
        let found = list(&store, AuditFilter { targets: targets.clone(), ..of_bob.clone() }).await;
        assert_eq!((found.len(), found[0].after.as_deref().map(|after| after.contains("true"))), (1, Some(true)));
        let both = ["admin.grant", "admin.revoke"].map(str::to_owned).to_vec();
        let found = list(&store, AuditFilter { actions: both, targets: targets.clone(), ..AuditFilter::default() }).await;
        assert_eq!(actions(&found), ["admin.revoke", "admin.grant"], "newest first");
        let found = list(&store, AuditFilter { request_id: Some(id), ..AuditFilter::default() }).await;
        assert_eq!(found.len(), 2);
        assert!(list(&store, AuditFilter { request_id: Some(RequestId::generate()), ..of_bob }).await.is_empty());
        store.directory.end_all_sessions(user, Timestamp::now(), &Actor { who: Who::Person(user), ..actor() }).await.unwrap();
        let found = list(&store, AuditFilter { targets, ..AuditFilter::default() }).await;
        assert_eq!(found[0].actor_email.as_deref(), Some("a@example.com"), "a person acts under the address held now");
    }

    async fn a_stretch_of_time_holds_its_first_second_and_not_its_last(store) {
        write(&store, 1000, 10).await;
        let at = |second| Some(Timestamp::from_unix(second));
        let found = list(&store, AuditFilter { since: at(1003), until: at(1006), ..AuditFilter::default() }).await;
        assert_eq!(actions(&found), ["test.5", "test.4", "test.3"]);
    }

    async fn pages_follow_one_another_whatever_is_written_meanwhile(store) {
        write(&store, 1000, 10).await;
        // Of one second, and of a replica whose clock is behind.
        write(&store, 1009, 1).await;
        write(&store, 1004, 1).await;
        let all = list(&store, AuditFilter::default()).await;
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let filter = AuditFilter { before, ..AuditFilter::default() };
            let page = store.directory.list_audit(&Scope::System, &filter, 5).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.cursor().to_string().parse().unwrap());
            seen.extend(page.iter().map(|entry| entry.id));
            write(&store, 5000, 3).await;
        }
        assert_eq!(seen, all.iter().map(|entry| entry.id).collect::<Vec<_>>());
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 12, "none twice");
        assert!(all.windows(2).all(|pair| pair[0].at >= pair[1].at));
    }
}

/// How often Postgres read the whole table, and each of its indexes.
async fn scans(store: &Opened) -> (String, Vec<String>) {
    let whole =
        store.texts("SELECT seq_scan::text FROM pg_stat_user_tables WHERE relname = 'audit_entries'").await;
    let by = "SELECT indexrelname || ' ' || idx_scan FROM pg_stat_user_indexes WHERE relname = 'audit_entries' ORDER BY 1";
    (whole[0].clone(), store.texts(by).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_filter_reads_the_whole_audit() {
    let store = Opened::postgres().await;
    store.sql("INSERT INTO gatepost.audit_entries (at, actor, action, target, request_id) \
               SELECT n, 'cli:' || n % 500, 'action.' || n % 500, 'user:' || n % 500, md5(n::text) FROM generate_series(1, 50000) n").await;
    store.sql("ANALYZE gatepost.audit_entries").await;
    let at = |second| Some(Timestamp::from_unix(second));
    let filters = [
        ("at", AuditFilter::default()),
        ("at", AuditFilter { since: at(100), until: at(200), ..AuditFilter::default() }),
        ("at", AuditFilter { before: "25000-25000".parse().ok(), ..AuditFilter::default() }),
        (
            "actor",
            AuditFilter {
                actor: Some(Who::CommandLine("7".to_owned())),
                until: at(10_000),
                ..AuditFilter::default()
            },
        ),
        ("action", AuditFilter { actions: vec!["action.7".to_owned()], ..AuditFilter::default() }),
        ("request_id", AuditFilter { request_id: Some(RequestId::generate()), ..AuditFilter::default() }),
        ("target", AuditFilter { targets: vec!["user:7".to_owned()], ..AuditFilter::default() }),
    ];
    for (index, filter) in filters {
        let (whole, before) = scans(&store).await;
        store.directory.list_audit(&Scope::System, &filter, 51).await.unwrap();
        // A server process counts for others when it ends, at the latest.
        store.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gatepost' AND datname = current_database()").await;
        let used = until("the scan to be counted", SOON, async || {
            let (_, after) = scans(&store).await;
            let used: Vec<String> = after.into_iter().filter(|line| !before.contains(line)).collect();
            (!used.is_empty()).then_some(used)
        })
        .await;
        assert!(
            used.iter().all(|line| line.starts_with(&format!("audit_entries_{index}_idx "))),
            "{filter:?}: {used:?}"
        );
        assert_eq!(scans(&store).await.0, whole, "{filter:?}");
    }
}
