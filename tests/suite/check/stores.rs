//! Seeded mistakes in real stores.

use super::checked_site::{CheckReport, CheckedSite};
use gatepost_core::clock::Timestamp;
use gatepost_kit::process::{Postgres, Redis, until};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the kit's servers always are: made for tests.
const OF_THE_KIT: [&str; 2] = ["warning postgres-not-durable", "warning postgres-superuser"];

/// A report of a site with this Redis and a Postgres in order.
async fn with_redis(url: &str) -> CheckReport {
    let database = Postgres::shared().await.database().await;
    CheckedSite::embedded().await.shared(url, &database).examine(&[]).await
}

/// A report of a site with this database and a Redis in order.
async fn with_database(url: &str) -> CheckReport {
    let redis = Redis::start().await;
    CheckedSite::embedded().await.shared(&redis.url(), url).examine(&[]).await
}

#[tokio::test]
async fn stores_in_order_have_nothing_to_complain_about_but_what_the_kit_does() {
    let report = with_redis(&Redis::start().await.url()).await;
    report.has_only(&OF_THE_KIT);
    report.has("hint schema-behind", "DATABASE_URL");
    report.has("hint redis-unlimited", "REDIS_URL");
    report.has("hint redis-not-persistent", "REDIS_URL");
}

#[tokio::test]
async fn a_redis_that_throws_sessions_away_is_named() {
    let redis = Redis::start().await;
    redis.config_set("maxmemory", "100mb");
    redis.config_set("maxmemory-policy", "allkeys-lru");
    with_redis(&redis.url()).await.has("error redis-evicts", "REDIS_URL");
    redis.config_set("maxmemory-policy", "volatile-ttl");
    with_redis(&redis.url()).await.has_only(&OF_THE_KIT);
}

#[tokio::test]
async fn a_full_redis_is_named_with_what_it_refuses() {
    let redis = Redis::start().await;
    redis.config_set("maxmemory", "1mb");
    let report = with_redis(&redis.url()).await;
    report.has("warning redis-full", "REDIS_URL");
    redis.config_set("maxmemory", "1");
    with_redis(&redis.url()).await.has("error redis-refuses-writes", "REDIS_URL");
}

#[tokio::test]
async fn a_replica_is_named() {
    let (primary, replica) = (Redis::start().await, Redis::start().await);
    replica.command(&["REPLICAOF", "127.0.0.1", &primary.addr().port().to_string()]);
    let report = with_redis(&replica.url()).await;
    report.has("error redis-replica", "REDIS_URL");
    assert!(!report.complaints().contains(&"error redis-refuses-writes".to_owned()), "said once");
}

#[tokio::test]
async fn a_redis_that_refuses_the_user_or_its_commands_is_named() {
    let redis = Redis::with_password("right").await;
    let wrong = redis.url().replace("right", "wrong");
    with_redis(&wrong).await.has("error redis-refused", "REDIS_URL");
    redis.command(&["ACL", "SETUSER", "shy", "on", ">shy", "~gatepost:*", "+@all", "-info"]);
    let shy = redis.url().replace(":right@", "shy:shy@");
    with_redis(&shy).await.has("hint redis-forbidden", "REDIS_URL");
    redis.command(&["ACL", "SETUSER", "reader", "on", ">reader", "~gatepost:*", "+get"]);
    let reader = redis.url().replace(":right@", "reader:reader@");
    with_redis(&reader).await.has("error redis-commands", "REDIS_URL");
}

#[tokio::test]
async fn a_redis_without_the_database_of_the_url_is_named() {
    let redis = Redis::with_password("right").await;
    let database = |number: &str| format!("{}/{number}", redis.url().strip_suffix("/0").unwrap());
    let report = with_redis(&database("99")).await;
    report.has("error redis-database", "REDIS_URL");
    let found = report.finding("redis-database")["found"].to_string();
    assert!(found.contains("DB index is out of range") && !found.contains("no answer"), "{found}");
    with_redis(&database("15")).await.has_only(&OF_THE_KIT);
    // SELECT is the first command that a server with a password refuses. The database is not what is wrong.
    with_redis(&database("15").replace(":right@", "")).await.has("error redis-refused", "REDIS_URL");
}

#[tokio::test]
async fn another_error_of_redis_is_not_blamed_on_the_password() {
    let url = pretended_redis("-ERR unknown command 'INFO'").await;
    let report = with_redis(&url).await;
    report.has("error redis-error", "REDIS_URL");
    let found = report.finding("redis-error")["found"].to_string();
    assert!(found.contains("unknown command 'INFO'"), "{found}");
}

/// A server that speaks just enough: `INFO` as given, or an error, an hour late, and slow to write.
async fn pretended_redis(info: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(pretend(stream, info));
        }
    });
    url
}

async fn pretend(stream: TcpStream, info: &'static str) {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    while let Ok(Some(head)) = lines.next_line().await {
        let words: usize = head.trim_start_matches('*').parse().unwrap();
        let mut command = Vec::new();
        for _ in 0..words {
            lines.next_line().await.unwrap();
            command.push(lines.next_line().await.unwrap().unwrap());
        }
        let late = (Timestamp::now().unix() - 3_600).to_string();
        let answer = match command[0].as_str() {
            "INFO" if info.starts_with('-') => format!("{info}\r\n"),
            "INFO" => format!("${}\r\n{info}\r\n", info.len()),
            "TIME" => format!("*2\r\n${}\r\n{late}\r\n$1\r\n0\r\n", late.len()),
            "CONFIG" => "*0\r\n".to_owned(),
            "SET" => {
                tokio::time::sleep(Duration::from_millis(60)).await;
                "+OK\r\n".to_owned()
            }
            _ => "+OK\r\n".to_owned(),
        };
        writer.write_all(answer.as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn a_redis_that_is_old_slow_late_and_a_cluster_is_named() {
    let url = pretended_redis("redis_version:5.0.7\r\ncluster_enabled:1\r\nrole:master").await;
    let report = with_redis(&url).await;
    for finding in ["error redis-old", "error redis-cluster", "warning redis-slow", "warning redis-clock"] {
        report.has(finding, "REDIS_URL");
    }
}

#[tokio::test]
async fn addresses_that_only_their_drivers_refuse_are_named() {
    with_redis("redis://127.0.0.1/sessions").await.has("error redis-address", "REDIS_URL");
    let url = "postgres://127.0.0.1/gatepost?sslmode=perhaps";
    with_database(url).await.has("error config-malformed", "DATABASE_URL");
}

#[tokio::test]
async fn a_postgres_that_does_not_let_us_in_is_named() {
    let postgres = Postgres::shared().await;
    let address = postgres.addr();
    let nobody = format!("postgres://nobody_of_this_name@{address}/postgres");
    with_database(&nobody).await.has("error postgres-refused", "DATABASE_URL");
    let nowhere = postgres.url("no_database_of_this_name");
    with_database(&nowhere).await.has("error postgres-no-database", "DATABASE_URL");
}

#[tokio::test]
async fn a_user_with_too_few_rights_or_connections_is_named() {
    let postgres = Postgres::private().await;
    let url = postgres.database().await;
    let database = url.rsplit('/').next().unwrap();
    postgres.sql("postgres", "CREATE ROLE plain LOGIN CONNECTION LIMIT 4").await;
    let plain = format!("postgres://plain@{}/{database}", postgres.addr());
    let report = with_database(&plain).await;
    report.has("error postgres-privileges", "DATABASE_URL");
    report.has("warning postgres-connections", "DATABASE_URL");

    let redis = Redis::start().await;
    CheckedSite::embedded().await.shared(&redis.url(), &url).command(&["migrate"]).await;
    postgres.sql(database, "GRANT USAGE ON SCHEMA gatepost TO plain").await;
    postgres.sql(database, "GRANT SELECT ON ALL TABLES IN SCHEMA gatepost TO plain").await;
    with_database(&plain).await.has("error postgres-privileges", "DATABASE_URL");
    postgres.sql(database, "GRANT ALL ON ALL TABLES IN SCHEMA gatepost TO plain").await;
    with_database(&plain).await.has("error postgres-privileges", "DATABASE_URL");
    postgres.sql(database, "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA gatepost TO plain").await;
    postgres.sql("postgres", "ALTER ROLE plain CONNECTION LIMIT -1").await;
    with_database(&plain).await.has_only(&["warning postgres-not-durable"]);
}

#[tokio::test]
async fn several_hosts_whose_changes_do_not_wait_for_a_standby_are_named() {
    let postgres = Postgres::private().await;
    let url = postgres.database().await;
    let one = postgres.addr().to_string();
    // Both name the same server: what is asked is whether it waits.
    let several = url.replace(&one, &format!("{one},localhost:{}", postgres.addr().port()));
    with_database(&url).await.has_only(&OF_THE_KIT);
    with_database(&several).await.has("warning postgres-not-replicated", "DATABASE_URL");
    postgres.sql("postgres", &format!("ALTER ROLE {} SET synchronous_commit = on", Postgres::USER)).await;
    with_database(&several).await.has("warning postgres-not-replicated", "DATABASE_URL");
    postgres.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'").await;
    postgres.sql("postgres", "SELECT pg_reload_conf()").await;
    until("the setting to be read", Duration::from_secs(30), async || {
        let shown = postgres.sql("postgres", "SHOW synchronous_standby_names").await;
        (!shown.is_empty()).then_some(())
    })
    .await;
    with_database(&several).await.has_only(&OF_THE_KIT);
}

#[tokio::test]
async fn a_read_only_a_newer_and_an_ascii_database_are_named() {
    let postgres = Postgres::private().await;
    let url = postgres.database().await;
    let database = url.rsplit('/').next().unwrap();
    let redis = Redis::start().await;
    CheckedSite::embedded().await.shared(&redis.url(), &url).command(&["migrate"]).await;
    with_database(&url).await.has_only(&OF_THE_KIT);
    let newer = "INSERT INTO gatepost.migrations SELECT 29991231000000, description, installed_on, success, checksum, \
                 execution_time FROM gatepost.migrations LIMIT 1";
    postgres.sql(database, newer).await;
    with_database(&url).await.has("error schema-newer", "DATABASE_URL");
    postgres.set_read_only(true).await;
    with_database(&url).await.has("error postgres-read-only", "DATABASE_URL");
    postgres.set_read_only(false).await;
    postgres.sql("postgres", "CREATE DATABASE old ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0").await;
    with_database(&postgres.url("old")).await.has("error postgres-encoding", "DATABASE_URL");
}

#[tokio::test]
async fn a_store_that_hangs_does_not_hang_the_check() {
    let (redis, postgres) = (Redis::start().await, Postgres::private().await);
    let url = postgres.database().await;
    redis.sigstop();
    postgres.sigstop();
    let checked = CheckedSite::embedded().await.shared(&redis.url(), &url);
    let begun = std::time::Instant::now();
    let report = checked.examine(&[]).await;
    report.has("error redis-unreachable", "REDIS_URL");
    report.has("error postgres-unreachable", "DATABASE_URL");
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
}
