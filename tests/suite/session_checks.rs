//! The first request after a pause: it waits until the provider was asked about its session, and is answered then.
//! The test moves the clock over two refresh intervals.

use crate::answers::{Asked, Told};
use crate::clocks::{movable, movable_with};
use crate::explain::{asked, step};
use crate::refresh::{DEADLINE, refreshes};
use crate::replicas::another;
use crate::world::{MCP_GITHUB, Pair, Plan, World, alice};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gatepost_kit::client::Client;
use gatepost_kit::entra::{Endpoint, Entra, Group, Person, RefreshTokens};
use gatepost_kit::process::{Clock, Gatepost, until};
use std::time::{Duration, Instant};

/// Two of these are less than the half minute by which a clock may differ from the database's.
const INTERVAL: &str = "10s";
const PAUSE: i64 = 22;
/// A request waits so long.
const WAIT: Duration = Duration::from_secs(3);
const MINUTE: i64 = 60;
const MCP_SEARCH: &str = "00000000-0000-4000-8000-00000000a002";
const FULL: &str = "too many requests wait for session checks: a request does not wait";

struct Site {
    world: World,
    clock: Clock,
}

impl Site {
    async fn start(pair: Pair) -> Self {
        let clock = Clock::ahead(0);
        let variables = clock.variables().into_iter();
        let plan = variables.fold(plan(), |plan, (name, value)| plan.env(&name, value));
        let world = plan.start(pair).await;
        world.entra.add(alice());
        Self { world, clock }
    }

    /// Nobody does anything for so many seconds.
    fn pass(&self, seconds: i64) {
        self.clock.set(seconds);
        self.world.entra.set_clock_offset(seconds);
    }

    /// Somebody who did nothing for two intervals, in whose groups the provider has changed something.
    async fn unused(&self) -> Client {
        let browser = self.world.signed_in("alice").await;
        self.pass(PAUSE);
        self.world.entra.update("alice", |alice| alice.groups = vec![Group::new(MCP_SEARCH, "MCP-Search")]);
        browser
    }

    /// How often the provider was asked about sessions.
    fn checks(&self) -> usize {
        let calls = self.world.entra.calls();
        calls.iter().filter(|call| call.form_field("grant_type") == Some("refresh_token")).count()
    }

    async fn ask(&self, asked: &Asked) -> Told {
        ask(asked, &self.world.gatepost).await
    }
}

fn plan() -> Plan {
    Plan::default()
        .env("GATEPOST_SESSION__REFRESH_INTERVAL", INTERVAL)
        .env("GATEPOST_LOG__LEVEL", "info,gatepost=debug")
}

/// Asks once; on a busy machine, where a store has missed its deadline, again.
async fn ask(asked: &Asked, replica: &Gatepost) -> Told {
    let missed = || lines(replica, "a refresh failed") + lines(replica, "a due refresh was not started");
    loop {
        let before = missed();
        let told = asked.at(replica).await;
        let has_missed = told.header("retry-after") == Some("5") || missed() > before;
        if told.status != 503 || !has_missed {
            return told;
        }
    }
}

fn lines(replica: &Gatepost, part: &str) -> usize {
    replica.logs().iter().filter(|line| line.contains(part)).count()
}

fn fetch(browser: &Client) -> Asked {
    Asked::fetch("/").by(browser)
}

/// So many at once.
async fn together(asked: &Asked, replica: &Gatepost, count: usize) -> Vec<Told> {
    futures_util::future::join_all((0..count).map(|_| ask(asked, replica))).await
}

fn groups(told: &Told) -> (u16, Option<&str>) {
    (told.status, told.header("x-user-groups"))
}

both_pairs! {
    async fn what_is_no_navigation_waits_for_the_check_and_passes_with_what_it_brings(pair) {
        let site = Site::start(pair).await;
        let program = Asked::for_uri("/").with("X-Forwarded-Method", "POST");
        let socket = Asked::for_uri("/ws").with("Sec-Fetch-Mode", "websocket").with("Sec-Fetch-Site", "same-origin");
        let kinds = [
            Asked::fetch("/"),
            program,
            socket.with("Sec-WebSocket-Key", "eA=="),
            Asked::navigation("/").requiring("api=true"),
        ];
        let mut sessions = Vec::new();
        for asked in kinds {
            sessions.push(asked.by(&site.world.signed_in("alice").await));
        }
        let page = Asked::navigation("/").by(&site.unused().await);
        for (number, asked) in sessions.iter().enumerate() {
            let told = site.ask(asked).await;
            assert_eq!(groups(&told), (200, Some(MCP_SEARCH)), "{asked:?}: {told:?}");
            assert_eq!(site.checks(), number + 1, "{asked:?}");
        }
        let told = site.ask(&page).await;
        assert_eq!(told.status, 302, "a person sees where they are: {told:?}");
    }

    async fn requests_that_come_together_are_checked_once_and_all_pass(pair) {
        let site = Site::start(pair).await;
        let asked = fetch(&site.unused().await);
        site.world.entra.delay(Endpoint::Token, Duration::from_secs(1));
        for told in together(&asked, &site.world.gatepost, 20).await {
            assert_eq!(groups(&told), (200, Some(MCP_SEARCH)), "{told:?}");
        }
        assert_eq!(site.checks(), 1);
    }

    async fn a_person_disabled_at_the_provider_meanwhile_is_refused_at_once(pair) {
        let site = Site::start(pair).await;
        let asked = fetch(&site.unused().await);
        site.world.entra.disable("alice");
        for told in together(&asked, &site.world.gatepost, 20).await {
            assert_eq!((told.status, told.header("content-type")), (401, Some("application/json")), "{told:?}");
        }
        assert_eq!((site.ask(&asked).await.status, site.checks()), (401, 1));
    }

    async fn a_slow_provider_is_waited_for_a_while_and_is_in_nobody_elses_way(pair) {
        let site = Site::start(pair).await;
        site.world.entra.add(Person::named("bob"));
        let alice = fetch(&site.unused().await);
        let bob = fetch(&site.world.signed_in("bob").await);
        site.world.entra.delay(Endpoint::Token, WAIT + Duration::from_secs(1));
        let replica = &site.world.gatepost;
        let (since, mut passed) = (Instant::now(), 0);
        let waiting = together(&alice, replica, 40);
        tokio::pin!(waiting);
        // More requests wait than there are threads: none of them holds one.
        let told = loop {
            tokio::select! {
                told = &mut waiting => break told,
                told = ask(&bob, replica) => {
                    assert_eq!(told.status, 200, "{told:?}");
                    passed += 1;
                }
            }
        };
        assert!(since.elapsed() >= WAIT, "{:?}", since.elapsed());
        assert!(passed > 10, "{passed} requests of somebody else");
        for told in told {
            assert_eq!((told.status, told.header("retry-after")), (503, Some("1")), "{told:?}");
        }
        // The check went on without them.
        assert_eq!(groups(&site.ask(&alice).await), (200, Some(MCP_SEARCH)));
        assert_eq!(site.checks(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_at_another_replica_waits_for_the_check_that_is_under_way() {
    let site = Site::start(Pair::Shared).await;
    let second = another(&site.world).await;
    let asked = fetch(&site.unused().await);
    site.world.entra.delay(Endpoint::Token, Duration::from_secs(1));
    let first = async { site.ask(&asked).await };
    let there = async {
        until("the first replica to ask", DEADLINE, async || (site.checks() == 1).then_some(())).await;
        together(&asked, &second, 20).await
    };
    let (here, there) = tokio::join!(first, there);
    for told in there.iter().chain([&here]) {
        assert_eq!(groups(told), (200, Some(MCP_SEARCH)), "{told:?}");
    }
    assert_eq!(site.checks(), 1);
}

/// A site of one process, whose clock may go as far as a test likes.
async fn far(plan: Plan, entra: Entra) -> Site {
    let (world, clock) = movable_with(plan, entra).await;
    Site { world, clock }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_person_so_many_requests_wait_and_more_are_answered_at_once() {
    let site = far(plan(), Entra::start().await).await;
    site.world.entra.add(Person::named("bob"));
    let alice = fetch(&site.world.signed_in("alice").await);
    let bob = fetch(&site.world.signed_in("bob").await);
    let replica = &site.world.gatepost;
    for pause in 1..=5 {
        site.pass(pause * PAUSE);
        site.world.entra.hold(Endpoint::Token);
        let (checks, full, since) = (site.checks(), lines(replica, FULL), Instant::now());
        let alices = async {
            let mut requests: FuturesUnordered<_> = (0..100).map(|_| alice.at(replica)).collect();
            let at_once: Vec<Told> = requests.by_ref().take(100 - 64).collect().await;
            let both = async || (site.checks() == checks + 2).then_some(());
            until("both to be asked about", DEADLINE, both).await;
            let took = since.elapsed();
            site.world.entra.release(Endpoint::Token);
            (at_once, took, requests.collect::<Vec<Told>>().await)
        };
        let ((at_once, took, waited), bob) = tokio::join!(alices, bob.at(replica));
        // Nobody waits for ever: on a machine as busy as that, nothing is told about how many do.
        if took > WAIT / 2 {
            continue;
        }
        for told in at_once {
            assert_eq!((told.status, told.header("retry-after")), (503, Some("1")), "{told:?}");
        }
        for told in waited.iter().chain([&bob]) {
            assert_eq!(told.status, 200, "{told:?}");
        }
        assert_eq!(site.checks(), checks + 2);
        let counted = async || (lines(replica, FULL) == full + 100 - 64).then_some(());
        until("the log to count them", DEADLINE, counted).await;
        return;
    }
    panic!("the machine is too busy to tell, or more than 64 wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_has_been_away_for_an_hour_is_not_waited_for() {
    let site = far(plan().env("GATEPOST_SESSION__IDLE_TIMEOUT", "6h"), Entra::start().await).await;
    let asked = fetch(&site.world.signed_in("alice").await);
    site.world.entra.stop().await;
    site.pass(PAUSE);
    assert_eq!(groups(&site.ask(&asked).await), (200, Some(MCP_GITHUB)), "an outage ends nothing");
    site.pass(62 * MINUTE);
    let told = site.ask(&asked).await;
    assert_eq!((told.status, told.header("retry-after")), (503, Some("1")), "{told:?}");
    site.world.entra.resume().await.unwrap();
    site.pass(63 * MINUTE);
    until("the provider to be back", DEADLINE, async || (site.ask(&asked).await.status == 200).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_refresh_token_no_request_waits_in_vain() {
    let entra = Entra::start_oidc().await;
    entra.configure(|app| app.refresh_tokens = RefreshTokens::Withheld);
    let site = far(plan(), entra).await;
    let asked = fetch(&site.world.signed_in("alice").await);
    site.pass(PAUSE);
    let told = site.ask(&asked).await;
    assert_eq!(told.status, 503, "{told:?}");
    assert_eq!(told.json()["error"], "recheck_required");
    assert_eq!(refreshes(&site.world.gatepost, "unreachable").await, 0, "nobody tried");
}

/// A page in a tab that asks every half hour: each time two refresh intervals have passed, and half of the idle limit.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_requests_at_intervals_never_reaches_the_idle_limit() {
    for memory in ["0", "16"] {
        let plan = Plan::default().env("GATEPOST_VERIFY__CACHE_MEMORY", memory);
        let (world, clock) = movable(plan).await;
        let site = Site { world, clock };
        let page = fetch(&site.world.signed_in("alice").await);
        let mut noted = last_use(&site).await;
        for half_hours in 1..=6 {
            site.pass(half_hours * 30 * MINUTE);
            let told = site.ask(&page).await;
            assert_eq!(told.status, 200, "after {half_hours} half hours: {told:?}");
            noted = until("the use to be written down", DEADLINE, async || {
                let now = last_use(&site).await;
                (now != noted).then_some(now)
            })
            .await;
        }
        site.pass((6 * 30 + 61) * MINUTE);
        assert_eq!(site.ask(&page).await.status, 401, "there is a limit");
    }
}

/// When the session was used last, as the store says.
async fn last_use(site: &Site) -> String {
    let explanation = asked(&site.world, "alice", "", &[]).await;
    step(&explanation, "sessions")["sessions"][0]["last_seen_at"].as_str().unwrap().to_owned()
}
