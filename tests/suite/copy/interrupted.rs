//! A copy that is killed is taken up where it stopped, and ends as if it had not been.

use super::populated::fill;
use super::refusals::on_postgres;
use super::{Move, refused, succeeded};
use gatepost_kit::process::{Gatepost, until};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::time::Duration;

pub(super) const PEOPLE: &str = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 12000) \
    INSERT INTO users (id, email, created_at) SELECT printf('00000000-0000-4000-8000-%012x', n), 'p' || n || '@example.com', n FROM n;
    INSERT INTO audit_entries (at, actor, action, target) SELECT created_at, 'cli:x', 'user.create', 'user:' || id FROM users;";

pub(super) fn begin(moved: &Move) -> Gatepost {
    let from = format!("sqlite:{}", moved.file.display());
    let arguments = ["copy", "--from", &from, "--to", &moved.postgres, "--resume"];
    arguments.iter().fold(moved.shared(), |command, argument| command.arg(*argument)).spawn()
}

/// Waits until a table of the target has this many rows.
pub(super) async fn until_rows(url: &str, table: &str, rows: i64) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    until("rows of the target", Duration::from_mins(1), async || {
        let sql = format!("SELECT count(*) FROM gatepost.{table}");
        let found: Result<i64, _> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await;
        found.ok().filter(|found| *found >= rows)
    })
    .await;
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_killed_goes_on_after_its_last_batch_and_begins_again_if_the_source_has_changed() {
    let moved = Move::begin().await;
    moved.stop(&moved.world.gatepost).await;
    fill(&moved.file, PEOPLE).await;
    for (table, rows) in [("copy_state", 1), ("users", 5_000), ("audit_entries", 3_000)] {
        let copying = begin(&moved);
        until_rows(&moved.postgres, table, rows).await;
        copying.sigkill();
        copying.wait_exit().await;
        let refusal = refused(moved.copy(&[]).await);
        assert!(refusal.contains("is half of a copy from sqlite:"), "{table}: {refusal}");
    }
    fill(&moved.file, "UPDATE users SET name = 'changed' WHERE email = 'p1@example.com'").await;
    let text = succeeded(moved.copy(&["--resume"]).await);
    assert!(text.contains("\n  users: 1200"), "{text}");
    assert!(succeeded(moved.copy(&["--verify-only"]).await).contains("hold the same"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_stopped_while_it_made_the_schema_goes_on() {
    let moved = Move::begin().await;
    moved.stop(&moved.world.gatepost).await;
    let stop = "CREATE FUNCTION public.stop() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN \
        IF to_regclass('gatepost.access_requests') IS NOT NULL THEN RAISE EXCEPTION 'half a schema'; END IF; END $$; \
        CREATE EVENT TRIGGER stop ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.stop()";
    on_postgres(&moved.postgres, stop).await;
    let stopped = refused(moved.copy(&[]).await);
    assert!(stopped.contains("half a schema"), "{stopped}");
    on_postgres(&moved.postgres, "DROP EVENT TRIGGER stop").await;
    succeeded(moved.copy(&["--resume"]).await);
    assert!(succeeded(moved.copy(&["--verify-only"]).await).contains("hold the same"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_an_earlier_state_of_the_source_are_not_taken_for_the_present_ones() {
    let moved = Move::begin().await;
    moved.stop(&moved.world.gatepost).await;
    fill(&moved.file, PEOPLE).await;
    let copying = begin(&moved);
    until_rows(&moved.postgres, "users", 5_000).await;
    copying.sigkill();
    copying.wait_exit().await;
    fill(&moved.file, "UPDATE users SET name = 'changed' WHERE email = 'p1@example.com'").await;
    // The copy that begins again stops before it has emptied the target.
    let keep = "CREATE FUNCTION public.keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not emptied'; END $$; \
        CREATE TRIGGER keep BEFORE TRUNCATE ON gatepost.users EXECUTE FUNCTION public.keep()";
    on_postgres(&moved.postgres, keep).await;
    let stopped = refused(moved.copy(&["--resume"]).await);
    assert!(stopped.contains("not emptied"), "{stopped}");
    on_postgres(&moved.postgres, "DROP TRIGGER keep ON gatepost.users").await;
    succeeded(moved.copy(&["--resume"]).await);
    assert!(succeeded(moved.copy(&["--verify-only"]).await).contains("hold the same"));
}
