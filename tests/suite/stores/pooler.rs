//! A pooler between Gatepost and Postgres: in session mode it serves as Postgres itself does; one that spreads statements
//! is refused by every command, with the reason and what to do, before anything was left on its connections.

use crate::check::checked_site::CheckedSite;
use crate::world::{APP, Pair, Plan, alice, renewals};
use gatepost_kit::process::{PgBouncer, Postgres, Redis, until};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Row};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(20);

/// What another program finds on the connections that the pooler lends it.
async fn is_untouched(url: &str) {
    let options: PgConnectOptions = url.parse().unwrap();
    let mut other = options.extra_float_digits(None).connect().await.unwrap();
    let look = "SELECT current_setting('statement_timeout') || ' ' || current_setting('search_path') || ' ' || \
        (SELECT count(*) FROM pg_prepared_statements) || ' ' || coalesce(to_regnamespace('gatepost')::text, 'none')";
    for _ in 0..4 {
        let row = sqlx::raw_sql(look).fetch_one(&mut other).await.unwrap();
        assert_eq!(row.get::<String, _>(0), "0 \"$user\", public 0 none");
    }
}

async fn refused_with(settings: &[&str]) {
    let postgres = Postgres::shared().await;
    let database = postgres.database().await;
    let pooler = PgBouncer::start(postgres, settings).await;
    let url = pooler.through(postgres, &database);
    let redis = Redis::start().await;
    let checked = CheckedSite::embedded().await.shared(&redis.url(), &url);
    checked.examine(&[]).await.has("error postgres-pooler", "DATABASE_URL");
    for command in ["migrate", "serve"] {
        let stderr = checked.refused(&[command]).await;
        assert!(stderr.contains("a pooler in transaction or statement mode"), "{command}: {stderr}");
        assert!(stderr.contains("set pool_mode = session"), "{command}: {stderr}");
    }
    is_untouched(&url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_in_transaction_mode_is_refused_and_left_as_it_was() {
    refused_with(&["pool_mode = transaction"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_in_transaction_mode_that_lends_in_turn_is_refused_and_left_as_it_was() {
    refused_with(&["pool_mode = transaction", "server_round_robin = 1", "min_pool_size = 2"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_in_statement_mode_is_refused_and_left_as_it_was() {
    refused_with(&["pool_mode = statement"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_with_its_defaults_serves_as_postgres_does() {
    let postgres = Postgres::shared().await;
    let database = postgres.database().await;
    let pooler = PgBouncer::start(postgres, &[]).await;
    let url = pooler.through(postgres, &database);
    let world = Plan::default().env("DATABASE_URL", &url).start(Pair::Shared).await;
    world.entra.add(alice());
    let browser = world.signed_in("alice").await;
    world.cli(&["user", "disable", "alice@example.com"]).await;
    assert_ne!(browser.get(&world.url(APP, "/")).await.status, 200);
    assert!(renewals(world.gatepost.internal()).await > Some(0), "changes are heard through the pooler");
    world.gatepost.sigterm();
    assert!(world.gatepost.wait_exit().await.success());
    until("the pooler's connections to be as new", TIMEOUT, async || {
        let left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gatepost' AND datname = current_database()";
        let name = database.rsplit('/').next().unwrap();
        (postgres.sql(name, left).await == "0").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_a_pooler_is_repeated_in_the_finding() {
    let postgres = Postgres::shared().await;
    let database = postgres.database().await;
    let pooler = PgBouncer::start(postgres, &[]).await;
    let url = format!("{}?options=-c%20geqo%3Doff", pooler.through(postgres, &database));
    let redis = Redis::start().await;
    let report = CheckedSite::embedded().await.shared(&redis.url(), &url).examine(&[]).await;
    report.has("error postgres-pooler-refuses", "DATABASE_URL");
    assert!(report.json.to_string().contains("unsupported startup parameter: options"), "{:#}", report.json);
}
