//! Many rows in one statement through the views cost as much each as few do, whatever the planner thinks of the tables.
//! Work is counted, not timed: rows that Postgres reads, operations of SQLite's machine.

use super::Opened;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, SqliteConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const FEW: u64 = 250;
const MANY: u64 = 4 * FEW;

/// Run one after the other; `SERIES` stands for a table of the numbers `n` from 1 to the number of rows.
const STATEMENTS: [&str; 19] = [
    "INSERT INTO user_group_membership SELECT 'u' || n || '@example.com', 'Known' FROM SERIES",
    "INSERT INTO user_group_membership SELECT 'v' || n || '@example.com', 'Known' FROM SERIES",
    "INSERT INTO user_group_membership SELECT 'v' || n || '@example.com', 'Known' FROM SERIES",
    "INSERT INTO user_group_membership SELECT 'w' || n || '@example.com', 'G' || n FROM SERIES",
    "INSERT INTO user_group_membership SELECT 'one@example.com', 'G' || n FROM SERIES",
    "INSERT INTO group_tenant_mapping SELECT 'G' || n, 't' || n FROM SERIES",
    "INSERT INTO group_tenant_mapping SELECT 'G' || n, 'one' FROM SERIES",
    "INSERT INTO user_admin_status SELECT 'w' || n || '@example.com', n % 2 = 0 FROM SERIES",
    "INSERT INTO user_tenant_memberships SELECT 'v' || n || '@example.com', 'two', 'viewer' FROM SERIES",
    "INSERT INTO user_tenant_memberships SELECT 'one@example.com', 'own' || n, 'admin' FROM SERIES",
    "UPDATE user_tenant_memberships SET role = 'member' WHERE tenant_id = 'two'",
    "DELETE FROM user_tenant_memberships WHERE tenant_id = 'two'",
    "UPDATE user_group_membership SET group_name = 'New' WHERE user_email LIKE 'v%'",
    "UPDATE group_tenant_mapping SET tenant_id = 'x' || tenant_id",
    "UPDATE user_admin_status SET is_admin = NOT is_admin",
    "UPDATE user_admin_status SET user_email = 'x' || user_email",
    "DELETE FROM user_group_membership",
    "DELETE FROM group_tenant_mapping",
    "DELETE FROM user_admin_status",
];

/// What each statement costs for so many rows.
async fn costs(rows: u64, series: &str, mut cost_of: impl AsyncFnMut(String) -> u64) -> Vec<u64> {
    let mut costs = Vec::new();
    for statement in STATEMENTS {
        costs.push(cost_of(statement.replace("SERIES", &series.replace("ROWS", &rows.to_string()))).await);
    }
    costs
}

fn assert_linear(few: &[u64], many: &[u64]) {
    for ((few, many), statement) in few.iter().zip(many).zip(STATEMENTS) {
        assert!(*few > 0, "nothing was counted: {statement}");
        assert!(*many < 6 * few, "{FEW} rows cost {few}, {MANY} rows {many}: {statement}");
    }
}

/// The planner has seen tables with next to nothing in them: it would read them whole.
async fn costs_on_postgres(rows: u64) -> Vec<u64> {
    let store = Opened::postgres().await;
    store.sql("INSERT INTO user_group_membership VALUES ('first@example.com', 'Known')").await;
    store.sql("VACUUM ANALYZE").await;
    let mut connection = PgConnection::connect(&store.url).await.unwrap();
    let read = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables";
    let series = "generate_series(1, ROWS) AS numbers(n)";
    costs(rows, series, async |statement| {
        let mut transaction = connection.begin().await.unwrap();
        let before: i64 = sqlx::query_scalar(read).fetch_one(&mut *transaction).await.unwrap();
        transaction.execute(AssertSqlSafe(statement.as_str())).await.unwrap();
        let after: i64 = sqlx::query_scalar(read).fetch_one(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
        // One row is read for many that are only inserted.
        rows + u64::try_from(after - before).unwrap()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_among_many_costs_what_one_among_few_does_on_postgres() {
    assert_linear(&costs_on_postgres(FEW).await, &costs_on_postgres(MANY).await);
}

async fn costs_on_sqlite(rows: u64) -> Vec<u64> {
    let store = Opened::sqlite().await;
    let options: SqliteConnectOptions = store.url.parse().unwrap();
    let mut connection: SqliteConnection = options.connect().await.unwrap();
    let operations = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&operations);
    connection.lock_handle().await.unwrap().set_progress_handler(100, move || {
        counted.fetch_add(1, Ordering::Relaxed);
        true
    });
    let series =
        "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ROWS) SELECT n FROM s)";
    costs(rows, series, async |statement| {
        let before = operations.load(Ordering::Relaxed);
        connection.execute(AssertSqlSafe(statement.as_str())).await.unwrap();
        operations.load(Ordering::Relaxed) - before
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_among_many_costs_what_one_among_few_does_on_sqlite() {
    assert_linear(&costs_on_sqlite(FEW).await, &costs_on_sqlite(MANY).await);
}
