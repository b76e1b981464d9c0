//! Schema, health, and what happens when the store does not answer.

use super::administration::Administers;
use super::{Opened, SOON, actor, email, follow, now, person};
use gatepost_config::GroupNames::Link;
use gatepost_core::administration::Scope;
use gatepost_core::secret::Secret;
use gatepost_kit::process::{Postgres, until};
use gatepost_store::directory::{Directory, DirectoryError, SchemaState};
use std::time::{Duration, Instant};

both_stores! {
    async fn the_schema_is_current_after_migrating_and_again_nothing_happens(store) {
        assert_eq!(store.directory.schema_state().await.unwrap(), SchemaState::Current);
        store.directory.migrate().await.unwrap();
        assert!(store.directory.is_writable().await.unwrap());
        store.directory.ping().await.unwrap();
        assert!(store.directory.clock().await.unwrap().unix().abs_diff(now().unix()) < 5);
    }

    async fn a_newer_schema_is_refused(store) {
        let table = if store.is_postgres() { "gatepost.migrations" } else { "migrations" };
        store.sql(&format!("UPDATE {table} SET version = 29991231000000 WHERE version = (SELECT max(version) FROM {table})")).await;
        assert_eq!(store.directory.schema_state().await.unwrap(), SchemaState::Newer);
        assert!(matches!(store.directory.migrate().await, Err(DirectoryError::NewerSchema)));
    }

    async fn a_refusal_is_committed_and_an_error_leaves_nothing(store) {
        let known = store.directory.link_group(&"Known".parse().unwrap(), &"entra:g-1".parse().unwrap(), &actor()).await;
        assert!(known.unwrap());
        let before = store.audit().await.len();
        store.directory.unlink_group(&"entra:other".parse().unwrap(), Link, &actor()).await.unwrap_err();
        assert_eq!(store.audit().await.len(), before);
    }
}

async fn opened_together(store: &Opened) -> Vec<Result<(), DirectoryError>> {
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let directory = Directory::open(&store.stores, None).unwrap();
            tokio::spawn(async move { directory.migrate().await })
        })
        .collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_migrating_at_once_one_does_it_on_postgres() {
    let store = Opened::postgres().await;
    store.sql("DROP SCHEMA gatepost CASCADE; DROP VIEW IF EXISTS user_group_membership").await;
    assert_eq!(store.directory.schema_state().await.unwrap(), SchemaState::Behind);
    let results = opened_together(&store).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(store.directory.schema_state().await.unwrap(), SchemaState::Current);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_migrating_at_once_one_does_it_on_sqlite() {
    let mut store = Opened::sqlite().await;
    let fresh = store.url.replace("gatepost.db", "fresh/new.db");
    let file = std::path::PathBuf::from(fresh.trim_start_matches("sqlite://"));
    store.stores = gatepost_config::StoresConfig::Embedded { file: file.clone() };
    let results = opened_together(&store).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(file).unwrap());
    assert_eq!(mode & 0o777, 0o600, "the file is its owner's alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer_is_cannot_know_within_the_limit_and_recovers() {
    let server = Postgres::private().await;
    let store = Opened::at(server.database().await, None).await;
    let alice = person("a", "a@example.com", &[]);
    let user = store.admitted(&alice).await;
    let session = Secret::generate().digest();
    assert!(store.find_standing(user, &session).await.is_some());
    server.sigstop();
    for _ in 0..12 {
        let begun = Instant::now();
        let answer = store.directory.find_standing(user, &session).await;
        assert!(matches!(answer, Err(DirectoryError::Unavailable(_))), "{answer:?}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    let begun = Instant::now();
    let answer = store.directory.grant_admin(&email("a@example.com"), &actor()).await;
    assert!(matches!(answer, Err(DirectoryError::Unavailable(_))));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    server.sigcont();
    until("the hot read to answer", SOON, async || store.directory.find_standing(user, &session).await.ok())
        .await;
    until("a sign-in", SOON, async || {
        store.directory.sign_in(&alice, &follow(Link), &super::context(now()), &actor()).await.ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_server_is_used_again() {
    let server = Postgres::private().await;
    let store = Opened::at(server.database().await, None).await;
    let user = store.admitted(&person("a", "a@example.com", &[])).await;
    let session = Secret::generate().digest();
    let (first, second) =
        tokio::join!(store.find_standing(user, &session), store.find_standing(user, &session));
    assert!(first.is_some() && second.is_some());
    server.terminate_connections().await;
    assert!(store.find_standing(user, &session).await.is_some());
    server.stop().await;
    let down = store.directory.find_standing(user, &session).await;
    assert!(matches!(down, Err(DirectoryError::Unavailable(_))), "{down:?}");
    server.restart().await;
    until("the hot read to answer", SOON, async || store.directory.find_standing(user, &session).await.ok())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_server_changes_nothing_and_returns_an_error() {
    let server = Postgres::private().await;
    let store = Opened::at(server.database().await, None).await;
    let user = store.admitted(&person("a", "a@example.com", &[])).await;
    server.set_read_only(true).await;
    until("the directory to notice", SOON, async || {
        (!store.directory.is_writable().await.ok()?).then_some(())
    })
    .await;
    let refused = store.directory.disable_user(&email("a@example.com"), &actor()).await;
    assert!(matches!(refused, Err(DirectoryError::Unavailable(_))));
    assert!(!store.standing(user).await.is_disabled, "what is known is still read");
    server.set_read_only(false).await;
    until("the directory to notice", SOON, async || store.directory.is_writable().await.ok()?.then_some(()))
        .await;
}

#[tokio::test]
async fn the_futures_may_run_on_any_thread() {
    fn assert_send(_: impl Send) {}
    let store = Opened::sqlite().await;
    let (alice, context, actor) = (person("a", "a@example.com", &[]), super::context(now()), actor());
    assert_send(store.directory.sign_in(&alice, &follow(Link), &context, &actor));
    assert_send(store.directory.migrate());
    assert_send(store.directory.find_user(&Scope::System, &email("a@example.com")));
}
