//! Real Redis with real Sentinels: the primary killed, stopped, and Sentinels that do not agree.
//!
//! The times that are printed are those of a busy machine; the tests only bound them.

use crate::check::checked_site::CheckedSite;
use crate::replicas::another_with;
use crate::world::{APP, Pair, Plan, World, alice};
use gatepost_kit::client::Client;
use gatepost_kit::process::sentinel::{Sentinel, url};
use gatepost_kit::process::{Postgres, Redis, WatchedRedis, find_ok, until};
use gatepost_store::session::store::USER_RULES;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(40);
/// How often somebody who is signed in asks.
const PAUSE: Duration = Duration::from_millis(50);

/// What `docs/configuration.md` gives Gatepost's user at the Sentinels.
const WATCHER_RULES: &str = "+sentinel|get-master-addr-by-name";
/// How many commands were carried out.
const COMMANDS: &str = "total_commands_processed:";
/// How often a Sentinel answered with an error.
const REFUSED: &str = "total_error_replies:";
const LOST: &str = "no majority of the Sentinels names a primary";
const BACK: &str = "a majority of the Sentinels names a primary again";

/// A world on these Sentinels, in which Alice may sign in.
pub(super) async fn world(url: &str) -> World {
    let plan = Plan::default().env("REDIS_URL", url).env("GATEPOST_VERIFY__CACHE_MEMORY", "16");
    let world = plan.start(Pair::Shared).await;
    world.entra.add(alice());
    world
}

/// Signs in with a new browser as soon as that is possible. Returns it, and how long it took.
pub(super) async fn signed_in_again(world: &World) -> (Client, Duration) {
    let begun = Instant::now();
    let browser = until("a sign-in", DEADLINE, async || {
        let browser = world.browser().impatient();
        let trip = browser.navigate(&world.url(APP, "/")).await;
        (trip.end().status == 200).then_some(browser)
    })
    .await;
    (browser, begun.elapsed())
}

/// What a replica that has nothing in memory answers to this browser.
async fn cold(world: &World, browser: &Client, redis_url: &str) -> u16 {
    let replica = another_with(world, &[("REDIS_URL", redis_url)]).await;
    replica.wait_ready().await;
    crate::replicas::route(world, &replica);
    let status = browser.fetch(&world.url(APP, "/")).await.status;
    crate::replicas::route(world, &world.gatepost);
    status
}

/// The number behind `name` in what a server or a Sentinel says about itself; 0 if it is not there.
fn statistic(asked: &impl Informed, name: &str) -> u64 {
    let told = asked.informed();
    let line = told.lines().find_map(|line| line.strip_prefix(name));
    let digits = line.map(|line| line.split(|c: char| !c.is_ascii_digit()).next().unwrap());
    digits.map_or(0, |digits| digits.parse().unwrap())
}

/// Asks on a connection of its own.
trait Informed {
    fn informed(&self) -> String;
}

impl Informed for Redis {
    fn informed(&self) -> String {
        self.command(&["INFO", "all"])
    }
}

impl Informed for Sentinel {
    fn informed(&self) -> String {
        self.command(&["INFO", "all"])
    }
}

/// Gatepost's user at the Sentinels may ask for the primary, with this password only.
fn set_password(redis: &WatchedRedis, password: &str) {
    for sentinel in &redis.sentinels {
        let password = format!(">{password}");
        let words = ["ACL", "SETUSER", "watcher", "reset", "on", &password, WATCHER_RULES];
        assert!(sentinel.command(&words).starts_with("+OK"));
        sentinel.command(&["CLIENT", "KILL", "USER", "watcher"]);
    }
}

pub(super) async fn failovers(world: &World) -> Option<String> {
    let told = find_ok(world.gatepost.internal(), "/metrics").await?;
    told.lines().find_map(|line| line.strip_prefix("gatepost_redis_failovers_total ")).map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_signed_out_when_the_primary_is_killed_and_sign_in_works_again() {
    let redis = WatchedRedis::start().await;
    let world = world(&redis.url()).await;
    let alice = world.signed_in("alice").await.impatient();
    assert_eq!(failovers(&world).await.as_deref(), Some("0"));
    redis.settled().await;

    redis.primary.sigkill();
    let asking = async {
        let mut answered = 0;
        loop {
            assert_eq!(
                alice.fetch(&world.url(APP, "/")).await.status,
                200,
                "a cached session needs no Redis"
            );
            answered += 1;
            if failovers(&world).await.as_deref() == Some("1") {
                return answered;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let (answered, (newcomer, took)) = tokio::join!(asking, signed_in_again(&world));
    println!("signed in again {took:?} after SIGKILL of the primary; {answered} requests passed meanwhile");
    for browser in [&alice, &newcomer] {
        assert_eq!(cold(&world, browser, &redis.url()).await, 200, "the new primary has the session");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_primary_that_goes_on_gets_no_new_session() {
    let redis = WatchedRedis::start().await;
    let world = world(&redis.url()).await;
    let alice = world.signed_in("alice").await.impatient();
    redis.settled().await;
    redis.primary.sigstop();
    let begun = Instant::now();
    redis.promoted().await;
    println!("promoted {:?} after SIGSTOP of the primary", begun.elapsed());
    // It takes it for itself that it is the primary, until the Sentinels make it follow.
    redis.primary.sigcont();
    let (newcomer, took) = signed_in_again(&world).await;
    println!("signed in again {took:?} later");
    until("the other primary to be used", DEADLINE, async || {
        (failovers(&world).await.as_deref() == Some("1")).then_some(())
    })
    .await;
    let (late, _) = signed_in_again(&world).await;
    for browser in [&alice, &late] {
        assert_eq!(cold(&world, browser, &redis.url()).await, 200);
    }
    drop(newcomer);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sentinel_alone_leads_nobody_to_another_server() {
    let redis = WatchedRedis::start().await;
    for server in [&redis.primary, &redis.replica] {
        let words = ["ACL", "SETUSER", "gate", "on", ">hunter", USER_RULES, "+role"];
        assert!(server.command(&words).starts_with("+OK"));
    }
    let elsewhere = Redis::start().await;
    let before = statistic(&elsewhere, "total_connections_received:");
    let alone = Sentinel::start(&elsewhere, 1);
    alone.ready().await;
    let [one, other, _] = redis.sentinels.as_slice() else { unreachable!("three") };
    let with_user = |url: String| url.replacen("://", "://gate:hunter@", 1);
    let world = world(&with_user(url(&[&alone, one, other]))).await;
    let alice = world.signed_in("alice").await;
    assert_eq!(cold(&world, &alice, &with_user(redis.url())).await, 200);
    let (begun, mut own) = (statistic(&alone, COMMANDS), 0);
    until("the one to be asked several times", DEADLINE, async || {
        own += 1;
        (statistic(&alone, COMMANDS) >= begun + own + 3).then_some(())
    })
    .await;

    own = 0;
    until("the other server to have only connections of its Sentinel", DEADLINE, async || {
        own += 1;
        // A Sentinel gives each of its connections a name.
        let its = statistic(&elsewhere, "cmdstat_client|setname:calls=");
        (statistic(&elsewhere, "total_connections_received:") == before + its + 2 * own).then_some(())
    })
    .await;
    for command in ["auth", "hello", "role"] {
        assert_eq!(statistic(&elsewhere, &format!("cmdstat_{command}:calls=")), 0, "{command}");
    }
    assert!(statistic(&redis.primary, "cmdstat_role:calls=") > 0, "the primary is asked for its role");
    assert_eq!(elsewhere.command(&["DBSIZE"]), ":0\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_that_the_user_may_not_ask_the_primary_for_its_role() {
    let (redis, database) = (WatchedRedis::start().await, Postgres::shared().await.database().await);
    let url = redis.url().replacen("://", "://gp:pw@", 1);
    for (more, complains) in [("", true), ("+role", false)] {
        let rules = format!("ACL SETUSER gp reset on >pw {USER_RULES} {more}");
        let reply = redis.primary.command(&rules.split_whitespace().collect::<Vec<_>>());
        assert!(reply.starts_with("+OK"), "{reply}");
        let report = CheckedSite::embedded().await.shared(&url, &database).examine(&[]).await;
        let found: Vec<_> = report.complaints().into_iter().filter(|found| found.contains("redis")).collect();
        assert_eq!(found.contains(&"error redis-commands".to_owned()), complains, "{found:?}");
        assert_eq!(found.is_empty(), !complains, "{found:?}");
        if complains {
            let finding = report.finding("redis-commands").to_string();
            assert!(finding.contains("'role'") && finding.contains("+role"), "{finding}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_of_the_sentinels_is_used_without_a_restart() {
    let redis = WatchedRedis::start().await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "first").unwrap();
    set_password(&redis, "first");
    let settings = format!("sentinel_user=watcher&sentinel_password_file={}", file.display());
    let world = world(&format!("{}?{settings}", redis.url())).await;
    world.signed_in("alice").await;
    redis.settled().await;

    set_password(&redis, "second");
    world.gatepost.wait_for_line(LOST).await;
    let refused = || statistic(&redis.sentinels[0], REFUSED);
    let begun = refused();
    until("several refusals", DEADLINE, async || (refused() >= begun + 3).then_some(())).await;
    std::fs::write(&file, "second").unwrap();
    world.gatepost.wait_for_line(BACK).await;
    let told: Vec<bool> = world
        .gatepost
        .logs()
        .iter()
        .filter(|line| line.contains(LOST) || line.contains(BACK))
        .map(|line| line.contains(LOST))
        .collect();
    assert!(told.windows(2).all(|two| two[0] != two[1]), "one line each time, {told:?}");

    redis.primary.sigkill();
    signed_in_again(&world).await;
    assert_eq!(failovers(&world).await.as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_majority_answers_nothing_is_known_and_nobody_is_signed_out() {
    let redis = WatchedRedis::start().await;
    let world = world(&redis.url()).await;
    let alice = world.signed_in("alice").await.impatient();
    for sentinel in &redis.sentinels[1..] {
        sentinel.sigstop();
    }
    assert_eq!(alice.fetch(&world.url(APP, "/")).await.status, 200, "the connection that there is goes on");
    assert_eq!(cold(&world, &alice, &redis.url()).await, 503);
    for sentinel in &redis.sentinels[1..] {
        sentinel.sigcont();
    }
    until("a majority to answer", DEADLINE, async || {
        (cold(&world, &alice, &redis.url()).await == 200).then_some(())
    })
    .await;
}
