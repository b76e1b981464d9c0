//! Private stores start, fail as asked and come back.

use std::time::Duration;

use gatepost_kit::process::{Postgres, Redis, port_is_open, until};

#[tokio::test]
async fn redis_forgets_when_it_is_killed_and_keeps_its_port() {
    let redis = Redis::start().await;
    redis.command(&["SET", "a", "1"]);
    assert_eq!(redis.command(&["GET", "a"]), "$1\r\n1\r\n");
    redis.sigkill();
    assert!(!port_is_open(redis.addr()).await);
    redis.restart().await;
    assert_eq!(redis.command(&["GET", "a"]), "$-1\r\n");
    redis.command(&["SET", "a", "1"]);
    redis.flushall();
    assert_eq!(redis.command(&["DBSIZE"]), ":0\r\n");
    redis.stop().await;
    assert!(!port_is_open(redis.addr()).await);
}

#[tokio::test]
async fn redis_requires_its_password_and_takes_settings() {
    let redis = Redis::with_password("secret").await;
    assert!(redis.url().contains(":secret@"));
    assert_eq!(redis.command(&["PING"]), "+PONG\r\n");
    redis.config_set("maxmemory", "1mb");
    assert!(redis.command(&["CONFIG", "GET", "maxmemory"]).contains("1048576"));
    redis.pause(Duration::from_millis(200));
    let begin = std::time::Instant::now();
    redis.command(&["PING"]);
    assert!(begin.elapsed() >= Duration::from_millis(100), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn every_test_has_a_database_of_its_own() {
    let server = Postgres::shared().await;
    let (one, other) = (server.database().await, server.database().await);
    assert_ne!(one, other);
    let name = one.rsplit('/').next().expect("a name");
    server.sql(name, "CREATE TABLE fruits (name text)").await;
    server.sql(name, "INSERT INTO fruits VALUES ('fig'), ('quince')").await;
    assert_eq!(server.sql(name, "SELECT name FROM fruits ORDER BY name").await, "fig\nquince");
    let other = other.rsplit('/').next().expect("a name");
    assert_eq!(server.sql(other, "SELECT to_regclass('fruits') IS NULL").await, "t");
}

#[tokio::test]
async fn postgres_keeps_what_was_committed_when_it_is_killed() {
    let server = Postgres::private().await;
    server.sql("postgres", "CREATE TABLE fruits (name text)").await;
    server.stop().await;
    assert!(!port_is_open(server.addr()).await);
    server.restart().await;
    server.sigkill();
    assert!(!port_is_open(server.addr()).await);
    server.restart().await;
    assert_eq!(server.sql("postgres", "SELECT count(*) FROM fruits").await, "0");
    server.set_read_only(true).await;
    let refused = server.try_sql("postgres", "CREATE TABLE more (name text)").await.expect_err("read-only");
    assert!(refused.contains("read-only"), "{refused}");
    server.set_read_only(false).await;
    server.terminate_connections().await;
}

#[tokio::test]
async fn a_stopped_postgres_answers_nobody_until_it_goes_on() {
    let server = Postgres::private().await;
    server.sigstop();
    let silent = tokio::time::timeout(Duration::from_millis(300), server.sql("postgres", "SELECT 1")).await;
    assert!(silent.is_err(), "a stopped server answered");
    server.sigcont();
    assert_eq!(server.sql("postgres", "SELECT 1").await, "1");
}

#[tokio::test]
async fn a_standby_shows_what_was_committed_and_takes_changes_once_it_is_promoted() {
    let primary = Postgres::private().await;
    primary.sql("postgres", "CREATE TABLE fruits (name text)").await;
    let standby = primary.standby().await;
    primary.sql("postgres", "INSERT INTO fruits VALUES ('fig')").await;
    // After a shutdown, all acknowledged commits have been sent.
    primary.stop().await;
    until("the last change to be replayed", Duration::from_secs(10), async || {
        (standby.sql("postgres", "SELECT name FROM fruits").await == "fig").then_some(())
    })
    .await;
    let refused = standby.try_sql("postgres", "DELETE FROM fruits").await.expect_err("in recovery");
    assert!(refused.contains("read-only"), "{refused}");
    standby.promote().await;
    standby.sql("postgres", "DELETE FROM fruits").await;
}
