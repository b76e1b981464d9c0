//! A Redis user with the rights that the documents name, and users with fewer.

use crate::check::checked_site::CheckedSite;
use crate::world::{APP, PUBLIC, Pair, Plan, World, alice};
use gatepost_kit::process::{Postgres, Redis, until};
use gatepost_store::session::store::{RedisStore, Replacement, Store, USER_RULES};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);
/// What `check` advised before 0.2.
const OLD_ADVICE: &str = "~gatepost:* +get +set +del +sadd +srem +smembers +incr +pexpire +pttl +evalsha";
const EMPTY_ARRAY: &str = "*0\r\n";

/// Makes the user `gp` with these rules; returns the URL for it.
fn user(redis: &Redis, rules: &str) -> String {
    let words = ["ACL", "SETUSER", "gp", "reset", "on", ">pw", rules];
    let reply = redis.command(&words);
    assert!(reply.starts_with("+OK"), "{rules}: {reply}");
    format!("redis://gp:pw@{}/0", redis.addr())
}

fn open(url: &str) -> RedisStore {
    RedisStore::open(&url.into(), None).unwrap()
}

async fn world(redis: &Redis, rules: &str) -> World {
    let plan =
        Plan::default().env("REDIS_URL", user(redis, rules)).env("GATEPOST_SESSION__IDLE_TIMEOUT", "8s");
    let world = plan.start(Pair::Shared).await;
    world.entra.add(alice());
    world
}

#[test]
fn the_document_makes_the_user_with_exactly_what_the_store_calls() {
    let document = include_str!("../../../docs/operations.md");
    let command = format!("ACL SETUSER gatepost on >PASSWORD {USER_RULES}");
    let lines: Vec<&str> = document.lines().filter(|line| line.contains("ACL SETUSER")).collect();
    assert_eq!(lines, [command]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_redis_user_can_do_all_that_sessions_need() {
    let redis = Redis::start().await;
    let world = world(&redis, USER_RULES).await;
    let browser = world.signed_in("alice").await;
    until("a last use to be written", TIMEOUT, async || {
        assert_eq!(browser.fetch(&world.url(APP, "/")).await.status, 200);
        redis.command(&["INFO", "commandstats"]).contains("cmdstat_mget").then_some(())
    })
    .await;
    assert_eq!(browser.get(&world.url(PUBLIC, "/")).await.status, 200);
    world.cli(&["session", "list", "alice@example.com"]).await;
    world.cli(&["session", "end", "--user", "alice@example.com"]).await;
    assert_eq!(browser.fetch(&world.url(APP, "/")).await.status, 401);
    world.signed_in("alice").await;
    assert_eq!(redis.command(&["ACL", "LOG"]), EMPTY_ARRAY, "nothing was refused");
}

/// The server has forgotten the scripts, as after a restart, when many last uses are written at once.
#[tokio::test]
async fn the_documented_redis_user_can_have_forgotten_scripts_loaded() {
    let redis = Redis::start().await;
    let store = Store::Redis(open(&user(&redis, USER_RULES)));
    let life = Duration::from_mins(1);
    let replacements: Vec<Replacement> = (0..3_u8)
        .map(|number| Replacement { key: vec![number], old: b"old".to_vec(), new: vec![number], ttl: life })
        .collect();
    for one in &replacements {
        store.create(&one.key, &one.old, life).await.unwrap();
    }
    redis.command(&["SCRIPT", "FLUSH"]);
    store.replace_many(&replacements).await.unwrap();
    let keys: Vec<Vec<u8>> = replacements.iter().map(|one| one.key.clone()).collect();
    let found = store.find_many(&keys).await.unwrap();
    assert_eq!(found, [Some(vec![0]), Some(vec![1]), Some(vec![2])]);
}

#[tokio::test]
async fn each_command_that_is_refused_is_found_by_trying() {
    let redis = Redis::start().await;
    assert_eq!(open(&user(&redis, USER_RULES)).find_refused().await.unwrap(), Vec::<&str>::new());
    assert_eq!(redis.command(&["DBSIZE"]), ":0\r\n", "the trial leaves nothing behind");
    for rule in USER_RULES.split(' ').filter(|rule| rule.starts_with('+')) {
        let fewer = USER_RULES.replace(&format!(" {rule}"), "");
        assert!(fewer.len() < USER_RULES.len());
        let name = rule[1..].to_uppercase().replace('|', " ");
        let refused = open(&user(&redis, &fewer)).find_refused().await.unwrap();
        assert!(refused.contains(&name.as_str()), "{rule}: {refused:?}");
    }
    let elsewhere = USER_RULES.replace("~gatepost:*", "~other:*");
    assert_eq!(open(&user(&redis, &elsewhere)).find_refused().await.unwrap(), ["keys gatepost:*"]);
}

#[tokio::test]
async fn check_names_the_commands_that_are_refused() {
    let (redis, database) = (Redis::start().await, Postgres::shared().await.database().await);
    let url = user(&redis, OLD_ADVICE);
    let report = CheckedSite::embedded().await.shared(&url, &database).examine(&[]).await;
    report.has("error redis-commands", "REDIS_URL");
    let found = report.json.to_string();
    assert!(found.contains("The user may not call MGET, SCRIPT LOAD."), "{found}");
    assert!(found.contains(USER_RULES), "it says what to grant: {found}");

    let url = user(&redis, USER_RULES);
    let report = CheckedSite::embedded().await.shared(&url, &database).examine(&[]).await;
    assert!(!report.complaints().iter().any(|found| found.contains("redis")), "{:#}", report.json);

    let other = url.replace("/0", "/1");
    let report = CheckedSite::embedded().await.shared(&other, &database).examine(&[]).await;
    report.has("error redis-commands", "REDIS_URL");
    assert!(report.json.to_string().contains("+select"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_refused_in_the_background_is_a_warning_with_what_to_grant() {
    let redis = Redis::start().await;
    let world = world(&redis, USER_RULES).await;
    let browser = world.signed_in("alice").await;
    redis.command(&["ACL", "SETUSER", "gp", "-mget"]);
    let line = until("the warning", TIMEOUT, async || {
        browser.fetch(&world.url(APP, "/")).await;
        world.gatepost.logs().into_iter().find(|line| line.contains("Redis refuses a command"))
    })
    .await;
    assert!(line.contains("WARN") && line.contains("mget") && line.contains(USER_RULES), "{line}");
    redis.command(&["ACL", "SETUSER", "gp", "-smembers"]);
    let hint = world.cli_refuses(&["session", "list", "alice@example.com"]).await;
    assert!(hint.contains(USER_RULES) && !hint.contains("that Redis runs"), "{hint}");
}
