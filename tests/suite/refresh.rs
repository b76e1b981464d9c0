//! What a sign-in learnt is learnt again while the session is used: the provider's
//! word ends sessions and changes groups, its silence does neither.

use crate::world::{APP, MCP_GITHUB, OTHER, PUBLIC, Pair, Plan, Stores, World, alice};
use gatepost_kit::client::{Answer, Client};
use gatepost_kit::edge::Route;
use gatepost_kit::entra::{ClientSecret, Endpoint, Entra, Group, Person};
use gatepost_kit::lies::Lie;
use gatepost_kit::process::{Gatepost, Postgres, find_ok, until};
use std::time::{Duration, Instant};

pub const INTERVAL: Duration = Duration::from_secs(2);
pub const DEADLINE: Duration = Duration::from_secs(40);
const MCP_SEARCH: &str = "00000000-0000-4000-8000-00000000a002";

pub fn plan() -> Plan {
    Plan::default().env("GATEPOST_SESSION__REFRESH_INTERVAL", "2s")
}

async fn world(pair: Pair) -> World {
    let world = plan().start(pair).await;
    world.entra.add(alice());
    world
}

/// Uses the session until an answer is as wanted. Meanwhile nobody is signed out; 503 is the answer where a check takes
/// longer than a request waits, or a store missed its deadline.
pub async fn use_until(
    world: &World,
    browser: &Client,
    what: &str,
    mut wanted: impl FnMut(&Answer) -> bool,
) -> Answer {
    until(what, DEADLINE, async || {
        let answer = browser.fetch(&world.url(APP, "/")).await;
        if wanted(&answer) {
            return Some(answer);
        }
        assert!(matches!(answer.status, 200 | 503), "{what}: {} {}", answer.status, answer.body);
        None
    })
    .await
}

pub fn has_groups(answer: &Answer, groups: &str) -> bool {
    answer.status == 200 && answer.echoed().header("x-user-groups") == Some(groups)
}

/// Uses the session until the provider was asked `more` times more, and the answers have been taken in.
async fn refreshed(world: &World, browser: &Client, more: usize) {
    let before = refreshes(&world.gatepost, "refreshed").await;
    let mut done = before;
    let end = Instant::now() + DEADLINE;
    while done < before + more {
        assert!(Instant::now() < end, "{done} of {} refreshes", before + more);
        use_until(world, browser, "the session to count", |answer| answer.status == 200).await;
        done = refreshes(&world.gatepost, "refreshed").await;
    }
}

pub async fn refreshes(gatepost: &Gatepost, outcome: &str) -> usize {
    counted(gatepost, &format!("gatepost_refreshes_total{{provider=\"entra\",outcome=\"{outcome}\"}} ")).await
}

pub async fn counted(gatepost: &Gatepost, start: &str) -> usize {
    let metrics = find_ok(gatepost.internal(), "/metrics").await.unwrap();
    metrics.lines().find_map(|line| line.strip_prefix(start)).map_or(0, |value| value.parse().unwrap())
}

/// Signs Alice in, lets the provider do something, and sees the session end; she can come back only if `and_returns`.
async fn ends_by(pair: Pair, what: impl FnOnce(&Entra), and_returns: bool) {
    let world = world(pair).await;
    let browser = world.signed_in("alice").await.impatient();
    what(&world.entra);
    let refused = use_until(&world, &browser, "the session to end", |answer| answer.status == 401).await;
    assert_eq!(refused.values("set-cookie"), Vec::<&str>::new());
    until("the end to be counted", DEADLINE, async || {
        (refreshes(&world.gatepost, "ended").await == 1).then_some(())
    })
    .await;
    world.entra.lie(None);
    let trip = browser.patient().navigate(&world.url(APP, "/back")).await;
    let is_back = trip.end().status == 200 && trip.end().url.path() == "/back";
    assert_eq!(is_back, and_returns, "{}\n{}", trip.describe(), trip.end().body);
}

/// Signs Alice in and lets the provider fail: she stays for several intervals. Then it works again, and is believed.
async fn outlasts(pair: Pair, begin: impl AsyncFnOnce(&Entra), end: impl AsyncFnOnce(&Entra)) {
    let world = world(pair).await;
    let browser = world.signed_in("alice").await.impatient();
    begin(&world.entra).await;
    world.entra.update("alice", |alice| alice.groups.push(Group::new(MCP_SEARCH, "MCP-Search")));
    use_until(&world, &browser, "a refresh to fail", |_| {
        world.gatepost.logs().iter().any(|line| line.contains("the provider is unavailable"))
    })
    .await;
    let since = Instant::now();
    use_until(&world, &browser, "three intervals of outage to pass", |answer| {
        assert!(!has_groups(answer, &format!("{MCP_GITHUB},{MCP_SEARCH}")), "nobody can have told");
        answer.status == 200 && since.elapsed() > INTERVAL * 3
    })
    .await;
    assert!(since.elapsed() < INTERVAL * 10, "passes again only after {:?}", since.elapsed());
    end(&world.entra).await;
    let news = format!("{MCP_GITHUB},{MCP_SEARCH}");
    let over_at = Instant::now();
    use_until(&world, &browser, "the new group to be known", |answer| has_groups(answer, &news)).await;
    println!("believed {:?} after the outage", over_at.elapsed());
    assert_eq!(refreshes(&world.gatepost, "ended").await, 0);
}

both_pairs! {
    async fn a_group_changed_at_the_provider_arrives_in_the_background(pair) {
        let world = world(pair).await;
        let browser = world.signed_in("alice").await.impatient();
        world.entra.update("alice", |alice| alice.groups = vec![Group::new(MCP_SEARCH, "MCP-Search")]);
        let asked = world.entra.count(Endpoint::Authorize);
        use_until(&world, &browser, "the new group", |answer| has_groups(answer, MCP_SEARCH)).await;
        assert_eq!(world.entra.count(Endpoint::Authorize), asked, "no browser was sent anywhere");
    }

    async fn a_disabled_person_is_out(pair) {
        ends_by(pair, |entra| entra.disable("alice"), false).await;
    }

    async fn a_deleted_person_is_out(pair) {
        ends_by(pair, |entra| entra.remove("alice"), false).await;
    }

    async fn revoked_tokens_end_the_session_and_the_person_signs_in_again(pair) {
        ends_by(pair, |entra| entra.revoke_tokens("alice"), true).await;
    }

    async fn a_changed_password_ends_the_session(pair) {
        ends_by(pair, |entra| entra.reset_password("alice"), true).await;
    }

    async fn an_expired_refresh_token_ends_the_session(pair) {
        ends_by(pair, |entra| entra.expire_tokens("alice"), true).await;
    }

    async fn a_renewed_token_about_somebody_else_ends_the_session(pair) {
        ends_by(pair, |entra| entra.lie(Some(Lie::RefreshSubOther)), true).await;
    }

    async fn a_provider_that_is_gone_ends_nothing(pair) {
        outlasts(pair, async |entra| entra.stop().await, async |entra| entra.resume().await.unwrap()).await;
    }

    async fn a_provider_that_fails_ends_nothing(pair) {
        // More answers than there are tries in the outage; what is left of them is met after it.
        let fail = async |entra: &Entra| entra.fail_token_as(503, "temporarily_unavailable", "AADSTS90033: A transient error has occurred.", 16);
        outlasts(pair, fail, async |_| ()).await;
    }

    async fn a_provider_that_answers_nothing_ends_nothing(pair) {
        outlasts(pair, async |entra| entra.hold(Endpoint::Token), async |entra| entra.release(Endpoint::Token)).await;
    }

    async fn a_wrong_client_secret_ends_nothing(pair) {
        let secrets = |value: &str| vec![ClientSecret { value: value.to_owned(), is_expired: false }];
        let kept = std::cell::OnceCell::new();
        let begin = async |entra: &Entra| {
            kept.set(entra.client_secret()).unwrap();
            entra.configure(|registration| registration.secrets = secrets("another"));
        };
        let end = async |entra: &Entra| {
            entra.configure(|registration| registration.secrets = secrets(kept.get().unwrap()));
        };
        outlasts(pair, begin, end).await;
    }

    async fn a_session_unused_for_two_intervals_is_checked_before_it_passes(pair) {
        let world = world(pair).await;
        let (fetching, navigating) = (world.signed_in("alice").await.impatient(), world.signed_in("alice").await.impatient());
        let asked = world.entra.count(Endpoint::Authorize);
        let unused_since = Instant::now();
        until("two intervals to pass", DEADLINE, async || (unused_since.elapsed() > INTERVAL * 2 + Duration::from_secs(1)).then_some(())).await;
        world.entra.update("alice", |alice| alice.groups = vec![Group::new(MCP_SEARCH, "MCP-Search")]);
        let checked = use_until(&world, &fetching, "the check", |answer| answer.status == 200).await;
        assert!(has_groups(&checked, MCP_SEARCH), "nobody passes on what was known before");
        // The check that `/verify` sets off is still under way when the browser reaches `/login`.
        world.entra.delay(Endpoint::Token, Duration::from_secs(1));
        let trip = navigating.navigate(&world.url(APP, "/deep")).await;
        let statuses: Vec<u16> = trip.hops.iter().map(|hop| hop.status).collect();
        assert_eq!(statuses, [302, 303, 303, 200], "{}", trip.describe());
        assert_eq!(trip.end().echoed().header("x-user-groups"), Some(MCP_SEARCH));
        assert_eq!(world.entra.count(Endpoint::Authorize), asked, "the browser did not see the provider");
    }

    async fn an_unused_session_of_a_disabled_person_never_passes(pair) {
        let world = world(pair).await;
        let browser = world.signed_in("alice").await.impatient();
        let unused_since = Instant::now();
        until("two intervals to pass", DEADLINE, async || (unused_since.elapsed() > INTERVAL * 2 + Duration::from_secs(1)).then_some(())).await;
        world.entra.disable("alice");
        until("the session to end", DEADLINE, async || {
            let status = browser.fetch(&world.url(APP, "/")).await.status;
            assert!(matches!(status, 401 | 503), "{status}");
            (status == 401).then_some(())
        }).await;
    }

    async fn when_graph_fails_the_last_groups_stay(pair) {
        let world = plan().env("GATEPOST_VERIFY__GROUPS_HEADER_LIMIT", "16384").start(pair).await;
        world.entra.add(Person::named("carol").many_groups(250));
        let browser = world.signed_in("carol").await.impatient();
        let groups = |answer: &Answer| answer.echoed().header("x-user-groups").unwrap().split(',').count();
        world.entra.graph_fail(500, 4);
        let asked = world.entra.count(Endpoint::Graph);
        while world.entra.count(Endpoint::Graph) < asked + 4 {
            refreshed(&world, &browser, 1).await;
            let answer = use_until(&world, &browser, "an answer", |answer| answer.status == 200).await;
            assert_eq!(groups(&answer), 250, "a gap is not a fact");
        }
        world.entra.update("carol", |carol| carol.groups.truncate(220));
        use_until(&world, &browser, "the new list", |answer| answer.status == 200 && groups(answer) == 220).await;
        assert_eq!(counted(&world.gatepost, "gatepost_groups_lost_total{provider=\"entra\"} ").await, 0);
    }

    async fn a_fall_to_no_groups_is_audited_counted_and_logged(pair) {
        let world = world(pair).await;
        let browser = world.signed_in("alice").await.impatient();
        world.entra.update("alice", |alice| alice.groups.clear());
        use_until(&world, &browser, "the groups to be gone", |answer| has_groups(answer, "")).await;
        world.gatepost.wait_for_line("a person has lost all groups").await;
        refreshed(&world, &browser, 1).await;
        assert_eq!(counted(&world.gatepost, "gatepost_groups_lost_total{provider=\"entra\"} ").await, 1, "a fall, not a state");
        assert_eq!(audited(&world, "user.lose_all_groups").await, 1);
    }

    async fn a_refused_older_token_ends_nothing(pair) {
        let world = world(pair).await;
        let browser = world.signed_in("alice").await.impatient();
        // The refresh is under way, and slow ...
        let asked = world.entra.count(Endpoint::Token);
        world.entra.delay(Endpoint::Token, Duration::from_secs(4));
        use_until(&world, &browser, "a refresh", |_| world.entra.count(Endpoint::Token) > asked).await;
        // ... while a new sign-in of the same browser brings a newer token.
        world.entra.delay(Endpoint::Token, Duration::ZERO);
        let trip = browser.navigate(&world.url(PUBLIC, "/login?prompt=select_account")).await;
        assert_eq!(trip.end().status, 200, "{}", trip.describe());
        world.entra.fail_token_as(400, "invalid_grant", "AADSTS70000: Provided grant is invalid or malformed.", 1);
        until("the older token to be refused", DEADLINE, async || {
            (refreshes(&world.gatepost, "busy").await > 0).then_some(())
        }).await;
        refreshed(&world, &browser, 1).await;
        assert_eq!(refreshes(&world.gatepost, "ended").await, 0);
    }
}

/// A world whose provider forgets a refresh token when it gives the next, with somebody whose groups Graph must list;
/// and her browser.
async fn rotating_world(pair: Pair) -> (World, Client) {
    let world = plan().env("GATEPOST_VERIFY__GROUPS_HEADER_LIMIT", "16384").start(pair).await;
    world.entra.add(Person::named("carol").many_groups(250));
    world.entra.rotate_strictly(true);
    let browser = world.signed_in("carol").await.impatient();
    (world, browser)
}

/// The process that renewed the token is gone; its successor goes on with the token that came last.
async fn carries_on(world: &World, browser: &Client) {
    let asked = world.entra.count(Endpoint::Authorize);
    refreshed(world, browser, 1).await;
    let calls = world.entra.calls();
    let mut tokens: Vec<_> = calls.iter().filter_map(|call| call.form_field("refresh_token")).collect();
    let all = tokens.len();
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), all, "each token was used once");
    assert_eq!(world.entra.count(Endpoint::Authorize), asked, "the browser did not see the provider");
}

both_pairs! {
    async fn killed_while_graph_hangs_the_session_goes_on_with_the_newest_token(pair) {
        let (mut world, browser) = rotating_world(pair).await;
        let asked = world.entra.count(Endpoint::Graph);
        world.entra.hold(Endpoint::Graph);
        use_until(&world, &browser, "Graph to be asked", |_| world.entra.count(Endpoint::Graph) > asked).await;
        world.gatepost.sigkill();
        world.entra.release(Endpoint::Graph);
        world.gatepost = world.builder.start().await;
        world.gatepost.wait_ready().await;
        carries_on(&world, &browser).await;
    }

    async fn a_refresh_under_way_is_finished_before_the_process_ends(pair) {
        let (mut world, browser) = rotating_world(pair).await;
        let (asked, stopping_since) = (world.entra.count(Endpoint::Token), Instant::now());
        world.gatepost.sigterm();
        // As late as can be in the 5 s for which it still serves, so that the answer comes after them.
        until("the last moment", DEADLINE, async || (stopping_since.elapsed() > Duration::from_secs(4)).then_some(())).await;
        world.entra.delay(Endpoint::Token, Duration::from_secs(3));
        use_until(&world, &browser, "a refresh", |_| world.entra.count(Endpoint::Token) > asked).await;
        assert_eq!(world.gatepost.wait_exit().await.code(), Some(0));
        world.entra.delay(Endpoint::Token, Duration::ZERO);
        world.gatepost = world.builder.start().await;
        world.gatepost.wait_ready().await;
        carries_on(&world, &browser).await;
    }
}

async fn audited(world: &World, action: &str) -> i64 {
    match &world.stores {
        Stores::Embedded(folder) => {
            let url = format!("sqlite://{}", folder.path().join("gatepost.db").display());
            let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
            let sql = "SELECT count(*) FROM audit_entries WHERE action = $1";
            sqlx::query_scalar(sql).bind(action).fetch_one(&pool).await.unwrap()
        }
        Stores::Shared { database, .. } => {
            let pool = sqlx::PgPool::connect(database).await.unwrap();
            let sql = "SELECT count(*) FROM gatepost.audit_entries WHERE action = $1";
            sqlx::query_scalar(sql).bind(action).fetch_one(&pool).await.unwrap()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_refresh_a_session_once_an_interval_and_never_lose_the_rotated_token() {
    let world = world(Pair::Shared).await;
    world.entra.rotate_strictly(true);
    let second = crate::replicas::another(&world).await;
    world.edge.set_route(OTHER, Route::gated(second.verify_url(""), world.app.addr()));
    let browser = world.signed_in("alice").await.impatient();
    assert_eq!(browser.navigate(&world.url(OTHER, "/")).await.end().status, 200);
    let is_refresh =
        |call: &gatepost_kit::entra::Call| call.form_field("grant_type") == Some("refresh_token");
    let calls = || -> Vec<_> { world.entra.calls().into_iter().filter(is_refresh).collect() };
    let end = Instant::now() + DEADLINE;
    while calls().len() < 4 {
        assert!(Instant::now() < end, "{} refreshes", calls().len());
        let burst: Vec<_> = (0..40)
            .map(|n| {
                let (browser, url) = (browser.clone(), world.url(if n % 2 == 0 { APP } else { OTHER }, "/"));
                tokio::spawn(async move { browser.fetch(&url).await.status })
            })
            .collect();
        for status in burst {
            let status = status.await.unwrap();
            assert!(matches!(status, 200 | 503), "{status}");
        }
    }
    let calls = calls();
    let mut tokens: Vec<_> = calls.iter().filter_map(|call| call.form_field("refresh_token")).collect();
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), calls.len(), "each token was used once");
    for pair in calls.windows(2) {
        // Times are kept in whole seconds, so an interval may seem a second shorter.
        let apart = pair[1].at - pair[0].at;
        assert!(apart + Duration::from_millis(1_050) > INTERVAL, "{apart:?}");
    }
}

/// The directory cannot take the provider's word down: the provider must not be asked at every request for that.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_directory_does_not_repeat_requests_to_the_provider() {
    let postgres = Postgres::private().await;
    let database = postgres.database().await;
    let world = plan().env("DATABASE_URL", database).start(Pair::Shared).await;
    world.entra.add(alice());
    world.entra.rotate_strictly(true);
    let browser = world.signed_in("alice").await.impatient();
    postgres.set_read_only(true).await;
    let (asked, since) = (world.entra.count(Endpoint::Token), Instant::now());
    use_until(&world, &browser, "three intervals to pass", |answer| {
        answer.status == 200 && since.elapsed() > INTERVAL * 3
    })
    .await;
    let tries = world.entra.count(Endpoint::Token) - asked;
    // One a second; the first and the last of the seconds are begun ones.
    let most = since.elapsed().as_secs() + 2;
    assert!((1..=most).contains(&(tries as u64)), "{tries} tries in {:?}", since.elapsed());
    postgres.set_read_only(false).await;
    world.entra.update("alice", |alice| alice.groups = vec![Group::new(MCP_SEARCH, "MCP-Search")]);
    use_until(&world, &browser, "the new group", |answer| has_groups(answer, MCP_SEARCH)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_counts_at_once_while_the_directory_is_read_only() {
    let postgres = Postgres::private().await;
    let database = postgres.database().await;
    let world = plan().env("DATABASE_URL", database).start(Pair::Shared).await;
    world.entra.add(alice());
    let browser = world.signed_in("alice").await.impatient();
    postgres.set_read_only(true).await;
    world.entra.revoke_tokens("alice");
    let asked = world.entra.count(Endpoint::Token);
    use_until(&world, &browser, "the session to end", |answer| answer.status == 401).await;
    for _ in 0..5 {
        assert_eq!(browser.fetch(&world.url(APP, "/")).await.status, 401);
    }
    assert_eq!(world.entra.count(Endpoint::Token), asked + 1, "the provider is asked once");
}
