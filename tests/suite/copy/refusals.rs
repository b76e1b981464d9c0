//! What cannot be copied is named, and nothing of it can be served.

use super::populated::fill;
use super::{Move, copy, refused, succeeded};
use crate::world::run_command;
use gatepost_kit::process::{PgBouncer, Postgres};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

pub(super) async fn on_postgres(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_served_is_refused_with_what_it_will_take() {
    let moved = Move::begin().await;
    let refusal = refused(moved.copy(&[]).await);
    assert!(refusal.contains("gatepost.db is in use by gatepost serve; its "), "{refusal}");
    assert!(refusal.contains(" rows are copied in about 1 s"), "{refusal}");
    assert!(refusal.contains("stop `gatepost serve` first"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_the_settings_lack_are_named_with_the_line_to_add() {
    let moved = Move::begin().await;
    moved.stop(&moved.world.gatepost).await;
    let from = format!("sqlite:{}", moved.file.display());
    let refusal = refused(copy(&moved.world.builder, &from, &moved.postgres, &[]).await);
    let line = format!("GATEPOST_SECRET_KEYS_FILE={}.keys", moved.file.display());
    assert!(refusal.contains("GATEPOST_SECRET_KEYS is not set") && refusal.contains(&line), "{refusal}");
    let other = moved
        .world
        .builder
        .clone()
        .env("GATEPOST_SECRET_KEYS", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=");
    let refusal = refused(copy(&other, &from, &moved.postgres, &[]).await);
    assert!(refusal.contains("GATEPOST_SECRET_KEYS lacks keys of "), "{refusal}");
    let key = std::fs::read_to_string(format!("{}.keys", moved.file.display())).unwrap();
    assert!(!refusal.contains(key.trim()), "no secret is printed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_not_empty_or_served_or_of_another_schema_or_behind_a_pooler_is_refused() {
    let moved = Move::begin().await;
    moved.stop(&moved.world.gatepost).await;
    let server = Postgres::shared().await;
    let pooler = PgBouncer::start(server, &["pool_mode = transaction"]).await;
    let from = format!("sqlite:{}", moved.file.display());
    let behind = pooler.through(server, &server.database().await);
    let refusal = refused(copy(&moved.shared(), &from, &behind, &[]).await);
    assert!(refusal.contains("pooler"), "{refusal}");

    let serving = moved.shared().elsewhere().start().await;
    serving.wait_ready().await;
    let refusal = refused(moved.copy(&[]).await);
    assert!(refusal.contains("is in use: ") && refusal.contains("stop every `gatepost serve`"), "{refusal}");
    moved.stop(&serving).await;
    succeeded(run_command(&moved.shared(), &["user", "create", "bob@example.com"]).await);
    let refusal = refused(moved.copy(&["--dry-run"]).await);
    assert!(
        refusal.contains("is not empty: there are rows in users, ") && refusal.contains("audit_entries"),
        "{refusal}"
    );
    assert_eq!(refused(moved.copy(&["--resume"]).await), refusal, "what is not ours is never taken up");

    on_postgres(&moved.postgres, "DELETE FROM gatepost.migrations WHERE version = 20261128220000").await;
    let refusal = refused(moved.copy(&[]).await);
    assert!(
        refusal.contains("is older than this Gatepost") && refusal.contains("gatepost migrate"),
        "{refusal}"
    );
    on_postgres(
        &moved.postgres,
        "UPDATE gatepost.migrations SET version = 29991231000000 WHERE version = 20261128210000",
    )
    .await;
    let refusal = refused(moved.copy(&[]).await);
    assert!(refusal.contains("is newer than this Gatepost"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_make_no_copy_are_refused_without_their_passwords() {
    let moved = Move::begin().await;
    moved.stop(&moved.world.gatepost).await;
    for (from, to, said) in [
        ("mysql://u:hidden@h/d", "postgres://u:hidden@h/d", "--from is no store"),
        ("sqlite:gatepost.db", "sqlite:other.db", "name the same kind of store"),
        ("sqlite:none.db", "postgres://u:hidden@h/d", "there is no file "),
        ("sqlite:", "postgres://u:hidden@h/d", "--from is no store"),
    ] {
        let refusal = refused(copy(&moved.shared(), from, to, &[]).await);
        assert!(refusal.contains(said) && !refusal.contains("hidden"), "{refusal}");
    }
    assert!(
        !moved.file.with_file_name("other.db").exists() && !moved.file.with_file_name("none.db").exists()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_postgres_cannot_have_is_named_and_the_copy_goes_on_once_it_is_changed() {
    let moved = Move::begin().await;
    moved.stop(&moved.world.gatepost).await;
    let add = "INSERT INTO users (id, name, created_at) VALUES ('00000000-0000-4000-8000-00000000000a', 'a' || char(0) || 'b', 1)";
    fill(&moved.file, add).await;
    let refusal = refused(moved.copy(&[]).await);
    let row = "a row of users cannot be written to postgres://";
    assert!(refusal.contains(row), "{refusal}");
    assert!(refusal.contains("id \"00000000-0000-4000-8000-00000000000a\", column name: Postgres cannot store the character NUL"), "{refusal}");

    fill(&moved.file, "UPDATE users SET name = NULL; INSERT INTO requirements VALUES ('a', 'b', 1), ('long', hex(randomblob(8000)), 1)").await;
    let refusal = refused(moved.copy(&[]).await);
    assert!(refusal.contains("is half of a copy from sqlite:") && refusal.contains("--resume"), "{refusal}");
    let refusal = refused(moved.copy(&["--resume"]).await);
    assert!(
        refusal.contains("a row of requirements cannot be written") && refusal.contains("host \"long\""),
        "{refusal}"
    );

    let serve = moved.shared().elsewhere().spawn();
    assert!(!serve.wait_exit().await.success());
    serve.wait_for_line("this store is half of a copy from sqlite:").await;
    for command in [&["user", "list"][..], &["migrate"]] {
        let refusal = refused(run_command(&moved.shared(), command).await);
        assert!(refusal.contains("is half of a copy"), "{refusal}");
    }

    fill(&moved.file, "DELETE FROM requirements WHERE host = 'long'").await;
    let text = succeeded(moved.copy(&["--resume"]).await);
    assert!(text.contains("\n  requirements: 1\n"), "{text}");
    moved.shared().elsewhere().start().await.wait_ready().await;
}
