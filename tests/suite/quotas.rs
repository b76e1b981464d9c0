//! Quotas of tenants at the gate: never more than the limit, whatever happens to replicas and to Redis, and never a refusal
//! because Redis is away.

use crate::answers::{Asked, Told};
use crate::cli::sql;
use crate::keys::create;
use crate::portal::page;
use crate::replicas::another;
use crate::tools::{FAST, JSON, MCP, PATH, current, error, post, tool_world_of};
use crate::world::{Pair, Plan, Stores, World};
use futures_util::StreamExt;
use gatepost_core::clock::Timestamp;
use gatepost_kit::client::{Client, retry};
use gatepost_kit::entra::Person;
use gatepost_kit::process::{Clock, Gatepost, Redis, find_ok, until};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);
/// Requests that are sent at once: fewer than an address may send with keys that nobody has looked up yet.
const AT_ONCE: usize = 50;

/// A world with the tenant `acme`, in which bob is a member, with these limits, and a key of the tenant.
async fn world(pair: Pair, limits: &str) -> (World, Asked) {
    world_of(Plan::default(), pair, limits).await
}

/// The same, as this plan says.
pub async fn world_of(plan: Plan, pair: Pair, limits: &str) -> (World, Asked) {
    let world = plan.start(pair).await;
    world.entra.add(Person::named("bob"));
    world.cli(&["tenant", "create", "acme"]).await;
    world.cli(&["tenant", "add-member", "acme", "bob@example.com"]).await;
    set_limits(&world, limits).await;
    let key = create(&world, "ci", &["--tenant", "acme", "--scope", "gate"]).await;
    let program = program(&key);
    (world, program)
}

fn program(key: &str) -> Asked {
    Asked::for_uri("/x").with("Accept", "application/json").with("Authorization", format!("Bearer {key}"))
}

async fn set_limits(world: &World, limits: &str) {
    let statement = format!("UPDATE tenants SET limits = '{limits}' WHERE id = 'acme'");
    sql(world, AssertSqlSafe(&*statement)).await;
    world.has_heard().await;
}

/// So many requests a day.
pub fn a_day(requests: u64) -> String {
    format!(r#"{{"api_requests_per_day":{requests}}}"#)
}

const fn redis(world: &World) -> &Redis {
    match &world.stores {
        Stores::Shared { redis, .. } => redis,
        Stores::Embedded { .. } => panic!("a world with Redis"),
    }
}

/// Asks until a replica does not miss a deadline of its stores.
async fn settled(asked: &Asked, replica: &Gatepost) -> Told {
    retry(|| asked.at(replica), |told| told.status == 503).await
}

/// Asks until the limits are known there: an answer that passes says them.
async fn counts(asked: &Asked, replica: &Gatepost) {
    until("the limits to be known", TIMEOUT, async || {
        let told = settled(asked, replica).await;
        (told.status == 429 || told.header("ratelimit-policy").is_some()).then_some(())
    })
    .await;
}

/// Sends so many requests to these replicas, and returns how many passed and how many were too many.
pub async fn burst(asked: &Asked, replicas: &[&Gatepost], requests: usize) -> (usize, usize) {
    let told = futures_util::stream::iter(0..requests)
        .map(|number| settled(asked, replicas[number % replicas.len()]))
        .buffer_unordered(AT_ONCE)
        .map(|told| told.status)
        .collect::<Vec<_>>()
        .await;
    let passed = told.iter().filter(|status| **status == 200).count();
    let refused = told.iter().filter(|status| **status == 429).count();
    assert_eq!(passed + refused, requests, "{told:?}");
    (passed, refused)
}

async fn uncounted(replica: &Gatepost) -> u64 {
    let metrics = find_ok(replica.internal(), "/metrics").await.unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix("gatepost_quota_uncounted_total "));
    line.unwrap().parse().unwrap()
}

/// A thousand passed, less what replicas hold, and beyond that only what was let through while Redis did not answer.
pub async fn demand_thousand(world: &World, passed: usize, replicas: &[&Gatepost]) {
    let mut most = 1_000;
    for replica in replicas {
        most += uncounted(replica).await;
    }
    let logs = || {
        world.gatepost.logs().into_iter().filter(|line| line.contains("session store")).collect::<Vec<_>>()
    };
    assert!((985..=most).contains(&u64::try_from(passed).unwrap()), "{passed} of {most}: {:?}", logs());
}

both_pairs! {
    async fn the_first_page_names_a_tenant_that_has_used_most_of_its_requests_of_today(pair) {
        let (world, program) = world(pair, &a_day(10)).await;
        for name in ["root", "carol", "dave"] {
            world.entra.add(Person::named(name));
        }
        world.cli_all(&[
            &["admin", "grant", "root@example.com"],
            &["tenant", "create", "other"],
            &["tenant", "add-member", "acme", "carol@example.com", "--role", "admin"],
            &["tenant", "add-member", "other", "dave@example.com", "--role", "admin"],
        ])
        .await;
        let mut browsers = Vec::new();
        for name in ["root", "carol", "dave"] {
            world.entra.forget_browsers();
            browsers.push(world.signed_in(name).await);
        }
        let told = async |browser: &Client| {
            let shown = page(&world, browser, "/admin").await;
            assert_eq!(shown.status, 200, "{}", shown.body);
            shown.body.contains("acme has used at least 80 % of its requests of today")
        };
        counts(&program, &world.gatepost).await;
        // One unit more may be drawn than requests were sent.
        for _ in 0..5 {
            assert_eq!(settled(&program, &world.gatepost).await.status, 200);
        }
        assert!(!told(&browsers[0]).await, "at most 7 of 10");
        for _ in 0..2 {
            assert_eq!(settled(&program, &world.gatepost).await.status, 200);
        }
        assert!(told(&browsers[0]).await, "the administrator of the system");
        assert!(told(&browsers[1]).await, "the administrator of the tenant");
        assert!(!told(&browsers[2]).await, "another tenant's administrator");
    }

    async fn a_key_passes_as_often_as_its_tenant_may_send_requests_and_then_gets_429(pair) {
        let (world, program) = world(pair, r#"{"api_requests_per_day":3,"requests_per_minute":60}"#).await;
        for left in [2, 1, 0] {
            let told = settled(&program, &world.gatepost).await;
            assert_eq!((told.status, left < 3), (200, true), "{told:?}");
            let policy = "\"day\";q=3;w=86400, \"minute\";q=60;w=60";
            assert_eq!(told.header("ratelimit-policy"), Some(policy), "{told:?}");
            assert!(told.header("ratelimit").is_some_and(|limit| limit.starts_with("\"day\";r=")), "{told:?}");
        }
        let told = settled(&program, &world.gatepost).await;
        assert_eq!((told.status, told.json()["error"].as_str()), (429, Some("quota_exceeded")), "{told:?}");
        assert_eq!(told.json()["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
        let wait: u64 = told.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=86_400).contains(&wait), "{wait}");
        assert_eq!(told.header("ratelimit"), Some(&*format!("\"day\";r=0;t={wait}")));
        let page = settled(&program.clone().with("Accept", "text/html"), &world.gatepost).await;
        assert!(page.status == 429 && page.body.contains("Too many requests"), "{page:?}");
    }

    async fn sessions_count_only_where_the_router_says_so(pair) {
        let (world, _) = world(pair, &a_day(1)).await;
        let bob = world.signed_in("bob").await;
        let person = Asked::fetch("/x").by(&bob);
        for _ in 0..5 {
            let told = settled(&person.clone().requiring("tenant=acme"), &world.gatepost).await;
            assert_eq!((told.status, told.header("ratelimit-policy")), (200, None), "{told:?}");
        }
        let metered = person.clone().requiring("tenant=acme&meter=api_requests");
        assert_eq!(settled(&metered, &world.gatepost).await.status, 200);
        assert_eq!(settled(&metered, &world.gatepost).await.status, 429);
        assert_eq!(settled(&person.requiring("tenant=acme"), &world.gatepost).await.status, 200);
        let wrong = Asked::fetch("/x").by(&bob).requiring("meter=storage");
        assert_eq!(wrong.at(&world.gatepost).await.status, 500);
    }

    async fn whoever_may_not_enter_spends_nothing_and_learns_nothing_of_quotas(pair) {
        let (world, program) = world(pair, &a_day(2)).await;
        counts(&program, &world.gatepost).await;
        let refused = program.clone().requiring("group=Nobody");
        for _ in 0..5 {
            let told = settled(&refused, &world.gatepost).await;
            assert_eq!((told.status, told.header("ratelimit-policy")), (403, None), "{told:?}");
        }
        assert_eq!(settled(&program, &world.gatepost).await.status, 200, "the second of two");
        assert_eq!(settled(&program, &world.gatepost).await.status, 429);
        assert_eq!(settled(&refused, &world.gatepost).await.status, 403, "not 429: the requirement comes first");
    }

    async fn a_key_has_its_requests_of_a_minute_and_the_refused_ones_are_no_requests_of_the_day(pair) {
        let (world, program) = world(pair, r#"{"api_requests_per_day":3,"requests_per_minute":2}"#).await;
        let told = burst(&program, &[&world.gatepost], 2).await;
        assert_eq!(told, (2, 0));
        for _ in 0..2 {
            let told = settled(&program, &world.gatepost).await;
            assert_eq!(told.status, 429, "{told:?}");
            assert!(told.header("ratelimit").unwrap().starts_with("\"minute\";r=0;t="), "{told:?}");
        }
        let other = create(&world, "other", &["--tenant", "acme", "--scope", "gate"]).await;
        let other = self::program(&other);
        assert_eq!(settled(&other, &world.gatepost).await.status, 200, "the third of the day; each key has its own minute");
        let told = settled(&other, &world.gatepost).await;
        assert_eq!(told.status, 429, "{told:?}");
        assert!(told.header("ratelimit").unwrap().starts_with("\"day\";r=0;t="), "{told:?}");
        set_limits(&world, r#"{"requests_per_minute":0}"#).await;
        until("the limit to bind", TIMEOUT, async || {
            let told = settled(&other, &world.gatepost).await;
            (told.status == 429 && told.header("ratelimit").unwrap().starts_with("\"minute\"")).then_some(())
        })
        .await;
    }

    async fn a_limit_that_is_lowered_or_raised_during_the_day_binds(pair) {
        let (world, program) = world(pair, &a_day(1_000)).await;
        assert_eq!(burst(&program, &[&world.gatepost], 20).await, (20, 0));
        set_limits(&world, &a_day(10)).await;
        until("the lower limit to bind", TIMEOUT, async || {
            (settled(&program, &world.gatepost).await.status == 429).then_some(())
        })
        .await;
        set_limits(&world, &a_day(1_000)).await;
        until("the higher limit to bind", TIMEOUT, async || {
            (settled(&program, &world.gatepost).await.status == 200).then_some(())
        })
        .await;
        let (passed, _) = burst(&program, &[&world.gatepost], 1_200).await;
        assert!((800..980).contains(&passed), "{passed} more: what was used before counts");
        set_limits(&world, "{}").await;
        until("the tenant to have no limit", TIMEOUT, async || {
            (settled(&program, &world.gatepost).await.status == 200).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_requests_of_a_minute_are_divided_among_the_replicas_that_serve() {
    const LIMIT: usize = 40;
    let (world, _) = world(Pair::Shared, &format!(r#"{{"requests_per_minute":{LIMIT}}}"#)).await;
    // Each look is by a key of its own, which has its whole minute.
    let passes = async |replica: &Gatepost, name: String| {
        let key = create(&world, &name, &["--tenant", "acme", "--scope", "gate"]).await;
        burst(&program(&key), &[replica], LIMIT + 10).await.0
    };
    // One request more may pass while a busy machine sends them.
    assert!((LIMIT..LIMIT + 5).contains(&passes(&world.gatepost, "alone".to_owned()).await));
    let second = another(&world).await;
    for (number, replica) in [&world.gatepost, &second].into_iter().enumerate() {
        let mut tries = 0;
        until("a half for each replica", TIMEOUT, async || {
            tries += 1;
            let count = passes(replica, format!("half-{number}-{tries}")).await;
            assert!(count >= LIMIT / 2, "{count}");
            (count < LIMIT / 2 + 5).then_some(())
        })
        .await;
    }
    second.sigterm();
    assert!(second.wait_exit().await.success());
    let mut tries = 0;
    until("the whole for the last one", TIMEOUT, async || {
        tries += 1;
        (passes(&world.gatepost, format!("whole-{tries}")).await >= LIMIT).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_let_a_thousand_of_five_thousand_requests_through() {
    let (world, program) = world(Pair::Shared, &a_day(1_000)).await;
    let (second, third) = tokio::join!(another(&world), another(&world));
    let (passed, _) = burst(&program, &[&world.gatepost, &second, &third], 5_000).await;
    demand_thousand(&world, passed, &[&world.gatepost, &second, &third]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_replica_and_an_emptied_redis_let_nothing_more_through() {
    let (world, program) = world(Pair::Shared, &a_day(1_000)).await;
    let (second, third) = tokio::join!(another(&world), another(&world));
    let (mut passed, _) = burst(&program, &[&world.gatepost, &second, &third], 300).await;
    third.sigkill();
    passed += burst(&program, &[&second, &world.gatepost], 200).await.0;
    redis(&world).flushall();
    passed += burst(&program, &[&world.gatepost, &second], 2_000).await.0;
    redis(&world).flushall();
    passed += burst(&program, &[&second, &world.gatepost], 2_500).await.0;
    demand_thousand(&world, passed, &[&world.gatepost, &second]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_ends_gives_back_what_it_holds() {
    let (world, program) = world(Pair::Shared, &a_day(4_000)).await;
    let second = another(&world).await;
    // It holds 19 of its first 20 units.
    assert_eq!(burst(&program, &[&second], 1).await.0, 1);
    second.sigterm();
    assert!(second.wait_exit().await.success());
    let (passed, _) = burst(&program, &[&world.gatepost], 4_100).await;
    assert_eq!(passed, 3_999);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_pass_while_redis_is_away_and_count_when_it_is_back() {
    let (world, program) = world(Pair::Shared, &a_day(400)).await;
    counts(&program, &world.gatepost).await;
    redis(&world).stop().await;
    assert_eq!(burst(&program, &[&world.gatepost], 300).await, (300, 0));
    assert!(uncounted(&world.gatepost).await > 290);
    redis(&world).restart().await;
    let second = another(&world).await;
    until("the requests to be counted", TIMEOUT, async || {
        settled(&program, &world.gatepost).await;
        let counter = format!("gatepost:{{t:acme}}:day:{}", Timestamp::now().day().compact());
        redis(&world).command(&["EXISTS", &counter]).contains('1').then_some(())
    })
    .await;
    let (passed, _) = burst(&program, &[&second], 200).await;
    assert!(passed < 100, "{passed}: 300 were used while Redis was away");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_request_of_a_day_passes_while_redis_is_away() {
    let (world, program) = world(Pair::Shared, &a_day(0)).await;
    // Everything is known but what Redis says.
    until("the limit to be known", TIMEOUT, async || {
        (settled(&program, &world.gatepost).await.status == 429).then_some(())
    })
    .await;
    redis(&world).stop().await;
    set_limits(&world, &a_day(1)).await;
    // Nothing was used: a draw that nobody answered counts for nothing.
    until("the new limit to bind", TIMEOUT, async || {
        (settled(&program, &world.gatepost).await.status == 200).then_some(())
    })
    .await;
    assert_eq!(burst(&program, &[&world.gatepost], 2).await, (0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_day_begins_at_midnight_without_a_restart() {
    let clock = Clock::ahead(0);
    let plan =
        clock.variables().into_iter().fold(Plan::default(), |plan, (name, value)| plan.env(&name, value));
    let (world, program) = world_of(plan, Pair::Embedded, &a_day(2)).await;
    assert_eq!(burst(&program, &[&world.gatepost], 3).await, (2, 1));
    clock.set(86_400);
    assert_eq!(burst(&program, &[&world.gatepost], 3).await, (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_call_that_no_rule_allows_spends_nothing() {
    let world = tool_world_of(Plan::default(), Pair::Embedded).await;
    let statement = "UPDATE tenants SET limits = '{\"api_requests_per_day\":2}' WHERE id = 'github'";
    sql(&world, AssertSqlSafe(statement)).await;
    world.has_heard().await;
    let base = ["key", "create", "ci", "--host", FAST, "--host", MCP, "--tenant", "github", "--json"];
    let made: Value = serde_json::from_str(&world.cli(&base).await).unwrap();
    let key = format!("Bearer {}", made["key"].as_str().unwrap());
    for server in ["github", "fast"] {
        world.cli(&["tool-server", "allow", server, "--everyone", "--tool", "search"]).await;
    }
    let calls = async |host: &str, tool: &str| {
        let named =
            [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", tool)];
        let headers = [&[JSON, ("authorization", &*key)][..], &named[..]].concat();
        post(&world.browser(), &world.url(host, PATH), &headers, &current(tool)).await
    };
    for host in [MCP, FAST, MCP, FAST] {
        error(&calls(host, "get_file").await, 403, 403);
    }
    for host in [MCP, FAST] {
        assert_eq!(calls(host, "search").await.status, 200, "{host}");
    }
    for host in [MCP, FAST] {
        let answer = calls(host, "search").await;
        assert!(answer.header("retry-after").is_some() && answer.header("ratelimit-policy").is_some());
        let body = error(&answer, 429, 429);
        assert_eq!(body["error"]["data"]["reason"], "quota_exceeded", "{body}");
        error(&calls(host, "get_file").await, 403, 403);
    }
}
