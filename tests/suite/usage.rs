//! What the gate counts of tenants: exactly what passes, once, and no more.

use crate::answers::{Asked, Told};
use crate::cli::sql;
use crate::keys::create;
use crate::replicas::another;
use crate::tools::{FAST, JSON, MCP, PATH, current, error, post, tool_world_of};
use crate::world::{COOKIE, Pair, Plan, Stores, World, alice};
use futures_util::StreamExt;
use gatepost_core::clock::Timestamp;
use gatepost_kit::client::retry;
use gatepost_kit::edge::Route;
use gatepost_kit::entra::Person;
use gatepost_kit::process::{Clock, Gatepost, until};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(40);
const AT_ONCE: usize = 20;

/// A world with the tenant `acme`, in which bob is a member, and a key of the tenant.
async fn world_of(plan: Plan, pair: Pair) -> (World, Asked) {
    let world = plan.start(pair).await;
    world.entra.add(alice());
    world.entra.add(Person::named("bob"));
    world.cli(&["tenant", "create", "acme"]).await;
    world.cli(&["tenant", "add-member", "acme", "bob@example.com"]).await;
    let key = create(&world, "ci", &["--tenant", "acme", "--scope", "gate"]).await;
    let program = Asked::for_uri("/x")
        .with("Accept", "application/json")
        .with("Authorization", format!("Bearer {key}"));
    (world, program)
}

async fn settled(asked: &Asked, replica: &Gatepost) -> Told {
    retry(|| asked.at(replica), |told| told.status == 503).await
}

/// Sends so many requests by turns to these replicas. Each of them gets this status.
async fn burst(asked: &Asked, replicas: &[&Gatepost], requests: usize, status: u16) {
    let mut told = futures_util::stream::iter(0..requests)
        .map(|number| settled(asked, replicas[number % replicas.len()]))
        .buffer_unordered(AT_ONCE);
    while let Some(told) = told.next().await {
        assert_eq!(told.status, status, "{told:?}");
    }
}

/// What a tenant used this month, as the command line tells it.
async fn used(world: &World, tenant: &str, meter: &str) -> u64 {
    let told = world.cli(&["tenant", "usage", tenant, "--json"]).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    told["periods"].as_array().unwrap().iter().filter_map(|period| period["meters"][meter].as_u64()).sum()
}

async fn calls_by_server(world: &World, tenant: &str) -> Value {
    let told = world.cli(&["tenant", "usage", tenant, "--by", "month", "--json"]).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    told["periods"][0]["tool_calls"].clone()
}

/// Waits until so much is written, and not more.
async fn shows(world: &World, tenant: &str, meter: &str, value: u64) {
    until("the usage to be written", TIMEOUT, async || {
        let used = used(world, tenant, meter).await;
        assert!(used <= value, "{meter}: {used} instead of {value}");
        (used == value).then_some(())
    })
    .await;
}

/// Ends a replica as an orchestrator does. It writes what it has counted.
async fn end(replica: &Gatepost) {
    replica.sigterm();
    assert!(replica.wait_exit().await.success());
}

both_pairs! {
    async fn each_request_that_passes_counts_once_and_a_refused_one_never(pair) {
        let (world, program) = world_of(Plan::default(), pair).await;
        let bob = world.signed_in("bob").await;
        burst(&program, &[&world.gatepost], 137, 200).await;
        // Whoever is refused uses nothing: by the router, by the key, by nobody's key.
        burst(&program.clone().requiring("group=Nobody"), &[&world.gatepost], 5, 403).await;
        burst(&program.clone().with("Authorization", "Bearer gp_x"), &[&world.gatepost], 3, 401).await;
        let person = Asked::fetch("/x").by(&bob).requiring("tenant=acme");
        burst(&person, &[&world.gatepost], 4, 200).await;
        burst(&Asked::fetch("/x").by(&bob).requiring("tenant=acme&meter=api_requests"), &[&world.gatepost], 6, 200).await;
        shows(&world, "acme", "api_requests", 143).await;
        burst(&program, &[&world.gatepost], 20, 200).await;
        end(&world.gatepost).await;
        assert_eq!(used(&world, "acme", "api_requests").await, 163, "SIGTERM writes the rest");
        assert_eq!(used(&world, "acme", "active_users").await, 1, "bob, and no machine");
        assert_eq!(used(&world, "acme", "tool_calls").await, 0);
    }

    async fn a_quota_refuses_what_does_not_count(pair) {
        let (world, program) = world_of(Plan::default(), pair).await;
        sql(&world, AssertSqlSafe("UPDATE tenants SET limits = '{\"api_requests_per_day\":7}' WHERE id = 'acme'")).await;
        world.has_heard().await;
        until("the limit to bind", TIMEOUT, async || (settled(&program, &world.gatepost).await.status == 429).then_some(())).await;
        burst(&program, &[&world.gatepost], 5, 429).await;
        end(&world.gatepost).await;
        let used = used(&world, "acme", "api_requests").await;
        // The first ones may have passed before the limit was known.
        assert!(used >= 7, "{used}");
        let csv = world.cli(&["tenant", "usage", "acme", "--csv"]).await;
        let today = Timestamp::now().day().iso();
        assert!(csv.starts_with("tenant,period,meter,tool_server,value\n"), "{csv}");
        assert!(csv.contains(&format!("acme,{today},api_requests,,{used}")) , "{csv}");
    }

    async fn a_tool_call_counts_for_its_server_and_one_that_no_rule_allows_never(pair) {
        let world = tool_world_of(Plan::default(), pair).await;
        let base = ["key", "create", "ci", "--host", FAST, "--host", MCP, "--tenant", "github", "--json"];
        let made: Value = serde_json::from_str(&world.cli(&base).await).unwrap();
        let key = format!("Bearer {}", made["key"].as_str().unwrap());
        for server in ["github", "fast"] {
            let allow = ["tool-server", "allow", server, "--everyone"];
            world.cli(&[&allow[..], &["--tool", "search"]].concat()).await;
            world.cli(&[&allow[..], &["--prompt", "review"]].concat()).await;
        }
        world.has_heard().await;
        let ask = async |host: &str, method: &str, name: &str| {
            let named = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", method), ("mcp-name", name)];
            let headers = [&[JSON, ("authorization", &*key)][..], &named[..]].concat();
            let body = current(name).replace("tools/call", method);
            post(&world.browser(), &world.url(host, PATH), &headers, &body).await
        };
        let call = async |host: &str, tool: &str| ask(host, "tools/call", tool).await;
        for (host, times) in [(MCP, 3), (FAST, 5)] {
            for _ in 0..times {
                assert_eq!(call(host, "search").await.status, 200, "{host}");
            }
            for _ in 0..2 {
                error(&call(host, "get_file").await, 403, 403);
            }
            assert_eq!(ask(host, "prompts/get", "review").await.status, 200, "{host}");
        }
        end(&world.gatepost).await;
        assert_eq!(calls_by_server(&world, "github").await, json!({ "github": 3, "fast": 5 }), "a prompt is no tool");
        assert_eq!(used(&world, "github", "api_requests").await, 10, "each call of a key is a request too");
    }

    async fn sign_ins_count_at_the_hosts_of_a_tenant_and_people_once_a_day(pair) {
        const HOST: &str = "acme.example.net";
        let (world, _) = world_of(Plan::default(), pair).await;
        let proof = "0123456789abcdef0123456789abcdef";
        let row = format!(
            "INSERT INTO tenant_hosts (host, tenant_id, state, proof, created_at) VALUES ('{HOST}', 'acme', 'active', '{proof}', 1)"
        );
        sql(&world, AssertSqlSafe(row)).await;
        world.has_heard().await;
        world.edge.set_route(HOST, Route::gated(world.gatepost.verify_url(""), world.app.addr()));
        for (who, status) in [("bob", 200), ("bob", 200), ("alice", 403)] {
            world.entra.at_the_browser(Some(who));
            let browser = world.browser();
            assert_eq!(browser.navigate(&world.url(HOST, "/")).await.end().status, status, "{who}");
            assert!(browser.find_cookie(HOST, COOKIE).is_some(), "{who} signed in");
            for _ in 0..3 {
                browser.fetch(&world.url(HOST, "/again")).await;
            }
        }
        end(&world.gatepost).await;
        assert_eq!(used(&world, "acme", "sign_ins").await, 2, "alice may not enter");
        assert_eq!(used(&world, "acme", "active_users").await, 1, "bob, in two browsers");
        assert_eq!(used(&world, "acme", "api_requests").await, 0, "pages are no requests of programs");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_count_together() {
    let (world, program) = world_of(Plan::default(), Pair::Shared).await;
    let second = another(&world).await;
    burst(&program, &[&world.gatepost, &second], 301, 200).await;
    end(&second).await;
    shows(&world, "acme", "api_requests", 301).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_counted_while_the_directory_is_away_is_written_when_it_is_back() {
    let (world, program) = world_of(Plan::default(), Pair::Shared).await;
    burst(&program, &[&world.gatepost], 9, 200).await;
    shows(&world, "acme", "api_requests", 9).await;
    // Nobody can write while another transaction holds the table.
    let Stores::Shared { database, .. } = &world.stores else { panic!("a world with Postgres") };
    let mut other = PgConnection::connect(database).await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE gatepost.usage_days IN ACCESS EXCLUSIVE MODE")
        .execute(&mut other)
        .await
        .unwrap();
    burst(&program, &[&world.gatepost], 11, 200).await;
    until("a write to fail", TIMEOUT, async || {
        world.gatepost.logs().iter().any(|line| line.contains("the usage of tenants waits")).then_some(())
    })
    .await;
    burst(&program, &[&world.gatepost], 5, 200).await;
    other.close().await.unwrap();
    shows(&world, "acme", "api_requests", 25).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_ends_at_midnight_in_utc() {
    // 2026-12-01T00:00:00Z, told from wherever the clock is now.
    let now = Timestamp::now();
    let midnight = gatepost_core::usage::Month::of(now.day()).plus(1).first_day();
    let before = i64::from(midnight.number()) * 86_400 - 43_200 - now.unix();
    let clock = Clock::ahead(before);
    let plan =
        clock.variables().into_iter().fold(Plan::default(), |plan, (name, value)| plan.env(&name, value));
    let (world, program) = world_of(plan, Pair::Embedded).await;
    burst(&program, &[&world.gatepost], 3, 200).await;
    clock.set(before + 86_400);
    burst(&program, &[&world.gatepost], 5, 200).await;
    end(&world.gatepost).await;
    let first = midnight.iso();
    let last = gatepost_core::clock::Day::from_number(midnight.number() - 1).iso();
    let told = world
        .cli(&["tenant", "usage", "acme", "--by", "month", "--from", &last, "--to", &first, "--json"])
        .await;
    let told: Value = serde_json::from_str(&told).unwrap();
    let months: Vec<_> = told["periods"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["period"], &one["meters"]["api_requests"]))
        .collect();
    assert_eq!(months, [(&json!(last[..7]), &json!(3)), (&json!(first[..7]), &json!(5))]);
    let bill = world.cli(&["tenant", "bill", "acme", "--month", &first[..7], "--json"]).await;
    let bill: Value = serde_json::from_str(&bill).unwrap();
    assert_eq!(
        bill["meters"][0],
        json!({"meter": "api_requests", "used": 5, "included": null, "over": 0, "per": null, "price": null, "amount": 0})
    );
}
