//! Invalid codes of a person without an account: they delay whoever sends them, and nobody who shares the address.

use super::{ALICE, assert_ends_as, parameter, presentations, stop_before, world};
use crate::world::{APP, COOKIE, Pair, Stores, World};
use gatepost_kit::client::{Client, Kind, Request};
use gatepost_kit::entra::{Call, Endpoint};
use gatepost_kit::process::until;
use reqwest::Method;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Where the edge sees everybody.
const HERE: &str = "127.0.0.1";

/// As the edge passes it on, without the edge's own cost.
fn request<'a>(world: &World, client: &'a Client, path_and_query: &str) -> Request<'a> {
    let url = format!("http://{}{path_and_query}", world.gatepost.public());
    let request = client.request(Method::GET, &url).kind(Kind::Program).without_cookies();
    request.header("x-forwarded-for", HERE)
}

/// Anybody gets a `state` that is bound to a cookie of their own; the address of a callback for it, without its code.
async fn begin(world: &World, client: &Client, cookie: Option<&str>) -> (String, String) {
    let login = request(world, client, "/login");
    let login = match cookie {
        Some(cookie) => login.header("cookie", cookie),
        None => login,
    };
    let login = login.send().await;
    let set = login.set_cookie(COOKIE).and_then(|line| line.split(';').next().map(str::to_owned));
    let cookie = cookie.map(str::to_owned).or(set).expect("a cookie");
    (format!("/callback/entra?state={}", parameter(&login.location().unwrap(), "state")), cookie)
}

fn is_invalid(call: &Call) -> bool {
    call.endpoint == Endpoint::Token && call.form_field("code").is_some_and(|code| code.starts_with("junk"))
}

/// Keys of Redis that begin so, with what is left of their life in milliseconds.
fn lives(world: &World, prefix: &str) -> Vec<i64> {
    let Stores::Shared { redis, .. } = &world.stores else { return Vec::new() };
    // Keys end in bytes that are no text: only a script can ask for all of them.
    let script = format!(
        "\"local t={{}} for _,k in ipairs(redis.call('KEYS','gatepost:{prefix}:*')) do t[#t+1]=redis.call('PTTL',k) end return t\""
    );
    let answer = redis.command(&["EVAL", &script, "0"]);
    answer.lines().filter_map(|line| line.strip_prefix(':')?.parse().ok()).collect()
}

/// People who sign in.
const HONEST: usize = 12;
/// Browsers that send invalid codes. A queue has places for 128 requests.
const SENDERS: usize = 100;
/// So many invalid codes that are waiting have, if they go first, all of their places for longer than anybody waits.
const MOST_WAIT: usize = 64;
const TIMEOUT: Duration = Duration::from_secs(60);

/// Browsers whose invalid codes wait all the time, each for its turn or its refusal. Their number is what it is on a slow machine, too.
#[derive(Default)]
struct Siege {
    waiting: AtomicUsize,
    is_over: AtomicBool,
}

impl Siege {
    /// Sends one invalid code after the other, each from a browser that nobody has seen before.
    async fn send(&self, world: &World, client: &Client, sender: usize) {
        let mut sent = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            let (callback, cookie) = begin(world, client, None).await;
            let callback = format!("{callback}&code=junk-{sender}-{sent}");
            self.waiting.fetch_add(1, Ordering::Relaxed);
            let status = request(world, client, &callback).header("cookie", cookie).send().await.status;
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            assert!((400..500).contains(&status) || status == 503, "{status}");
            sent += 1;
        }
    }

    async fn until_most_wait(&self) {
        let are_waiting = async || (self.waiting.load(Ordering::Relaxed) >= MOST_WAIT).then_some(());
        until("invalid codes to wait", TIMEOUT, are_waiting).await;
    }
}

/// Invalid codes wait all the time while people sign in at the same address, one after the other. An exchange that is not let
/// in before those that wait is refused after five seconds: then somebody is not signed in.
async fn besiege(world: &Arc<World>) {
    let (siege, mut senders) = (Arc::<Siege>::default(), JoinSet::new());
    let client = Client::builder().build().patient();
    for sender in 0..SENDERS {
        let (world, siege, client) = (Arc::clone(world), Arc::clone(&siege), client.clone());
        senders.spawn(async move { siege.send(&world, &client, sender).await });
    }
    for _ in 0..HONEST {
        siege.until_most_wait().await;
        assert_ends_as(&world.browser().navigate(&world.url(APP, "/mine")).await, ALICE, "/mine");
    }
    siege.is_over.store(true, Ordering::Relaxed);
    senders.join_all().await;
}

both_pairs! {
    async fn invalid_codes_delay_nobody_who_shares_the_address(pair) {
        let world = Arc::new(world(pair).await);
        world.entra.at_the_browser(Some("alice"));
        let begun = Instant::now();
        besiege(&world).await;
        let calls = world.entra.calls();
        let invalid: Vec<&Call> = calls.iter().filter(|call| is_invalid(call)).collect();
        assert!(!invalid.is_empty(), "the first ones are tried");
        // Two at once and two a second. How it is within one second, the unit tests show.
        let most = 2 + 2 * (begun.elapsed().as_secs() as usize + 1);
        assert!(invalid.len() <= most, "{} of {most}", invalid.len());
        let (locks, outcomes) = (lives(&world, "exchange"), lives(&world, "outcome"));
        assert!(locks.len() >= HONEST || pair == Pair::Embedded, "those of good codes stay: {locks:?}");
        assert!(locks.iter().filter(|life| **life > 30_000).count() <= HONEST, "those of invalid codes do not: {locks:?}");
        assert!(outcomes.len() <= HONEST + invalid.len(), "{}", outcomes.len());
    }

    async fn a_browser_whose_codes_fail_waits_and_others_do_not(pair) {
        let world = world(pair).await;
        let client = Client::builder().build();
        let (_, cookie) = begin(&world, &client, None).await;
        let mut statuses = Vec::new();
        for at in 0..12 {
            let (callback, _) = begin(&world, &client, Some(&cookie)).await;
            let answer = request(&world, &client, &format!("{callback}&code=junk-{at}")).header("cookie", &cookie).send().await;
            statuses.push(answer.status);
            if answer.status == 429 {
                assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
                break;
            }
        }
        assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
        assert!(statuses.len() > 8, "nobody is told to wait at once: {statuses:?}");
        world.entra.at_the_browser(Some("alice"));
        assert_ends_as(&world.browser().navigate(&world.url(APP, "/")).await, ALICE, "/");
    }

    async fn a_failed_code_is_exchanged_once_however_often_it_comes(pair) {
        let world = Arc::new(world(pair).await);
        let client = Client::builder().build();
        let (callback, cookie) = begin(&world, &client, None).await;
        let mut all = JoinSet::new();
        for _ in 0..4 {
            let (world, client) = (Arc::clone(&world), client.clone());
            let (callback, cookie) = (format!("{callback}&code=junk"), cookie.clone());
            all.spawn(async move { request(&world, &client, &callback).header("cookie", cookie).send().await.status });
        }
        let mut statuses = all.join_all().await;
        statuses.push(request(&world, &client, &format!("{callback}&code=junk")).header("cookie", &cookie).send().await.status);
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 303, 303, 303, 403], "all but the first begin anew");
        assert_eq!(presentations(&world, "junk"), 1);
        assert!(lives(&world, "completing").is_empty());
        for life in lives(&world, "exchange").into_iter().chain(lives(&world, "outcome")) {
            assert!((1..=30_000).contains(&life), "{life} ms");
        }
        assert_eq!(lives(&world, "exchange").len(), usize::from(pair == Pair::Shared));
    }

    async fn what_the_provider_refuses_makes_nobody_wait(pair) {
        let world = world(pair).await;
        for at in 0..30 {
            world.entra.next_authorize_error("access_denied", "AADSTS65004: User declined to consent.");
            let trip = world.browser().navigate(&world.url(APP, "/")).await;
            assert_eq!(trip.end().status, 403, "{at}: {}", trip.end().body);
        }
        assert_eq!(world.entra.count(Endpoint::Token), 0, "no code, no exchange");
        world.entra.at_the_browser(Some("alice"));
        let browser = world.browser();
        let callback = stop_before(&browser, &world.url(APP, "/"), "/callback/").await;
        assert_ends_as(&browser.navigate(callback.as_str()).await, ALICE, "/");
    }
}
