//! How many sessions one person may have, and what their account page costs others.

use crate::stores::up_to;
use crate::world::{APP, PUBLIC, Pair, Plan, World, alice};
use gatepost_kit::client::Client;
use gatepost_kit::entra::Person;
use gatepost_kit::process::{find_ok, store_calls, until};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::task::JoinSet;

const DEADLINE: Duration = Duration::from_secs(40);

async fn limited(pair: Pair, most: usize) -> World {
    let world = Plan::default().env("GATEPOST_SESSION__MAX_PER_PERSON", most.to_string()).start(pair).await;
    world.entra.add(alice());
    world
}

/// A browser of Alice's own, whose provider knows nothing of her other ones. The next one is used later, by the clock of
/// the records.
async fn another(world: &World) -> Client {
    world.entra.forget_browsers();
    world.entra.at_the_browser(Some("alice"));
    let browser = world.browser();
    let trip = browser.navigate(&world.url(PUBLIC, "/")).await;
    assert_eq!(trip.end().status, 200, "{}\n{}", trip.describe(), trip.end().body);
    let begun = second();
    until("the next second", DEADLINE, async || (second() > begun).then_some(())).await;
    browser
}

#[expect(clippy::disallowed_methods, reason = "the machine's clock, which Gatepost has here too")]
fn second() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// How many rows the account page shows.
fn rows(page: &str) -> usize {
    page.matches("Signed in <time").count()
}

async fn is_signed_in(world: &World, browser: &Client) -> bool {
    browser.get(&world.url(PUBLIC, "/")).await.status == 200
}

both_pairs! {
    async fn one_session_more_than_a_person_may_have_ends_the_one_unused_for_longest(pair) {
        let world = limited(pair, 3).await;
        let mut browsers = Vec::new();
        for _ in 0..3 {
            browsers.push(another(&world).await);
        }
        for browser in &browsers {
            assert!(is_signed_in(&world, browser).await, "three are not too many");
        }
        let newest = another(&world).await;
        world.has_heard().await;
        assert!(!is_signed_in(&world, &browsers[0]).await, "the oldest is over");
        for browser in [&browsers[1], &browsers[2], &newest] {
            assert!(is_signed_in(&world, browser).await);
        }
        assert_eq!(rows(&newest.get(&world.url(PUBLIC, "/")).await.body), 3);
        let audit = world.cli(&["audit", "list", "--json"]).await;
        assert_eq!(audit.matches("too_many").count(), 1, "{audit}");
        let metrics = find_ok(world.gatepost.internal(), "/metrics").await.unwrap();
        assert!(metrics.contains("cause=\"too_many\"} 1"), "{metrics}");
    }

    async fn a_sign_in_in_a_browser_that_is_signed_in_ends_no_session(pair) {
        let world = limited(pair, 2).await;
        let (first, second) = (another(&world).await, another(&world).await);
        for _ in 0..3 {
            world.entra.at_the_browser(Some("alice"));
            let trip = second.navigate(&world.url(PUBLIC, "/login")).await;
            assert_eq!(trip.end().status, 200, "{}", trip.describe());
        }
        world.has_heard().await;
        assert!(is_signed_in(&world, &first).await && is_signed_in(&world, &second).await);
    }

    async fn many_sign_ins_at_once_leave_no_more_than_a_person_may_have(pair) {
        let world = limited(pair, 2).await;
        world.entra.at_the_browser(Some("alice"));
        let mut signing_in = JoinSet::new();
        for _ in 0..8 {
            let browser = world.browser();
            let callback = up_to(&browser, &world.url(PUBLIC, "/"), "/callback/").await;
            signing_in.spawn(async move {
                assert_eq!(browser.get(&callback).await.status, 303);
                browser
            });
        }
        let browsers = signing_in.join_all().await;
        until("two to be left", DEADLINE, async || {
            let mut left = 0;
            for browser in &browsers {
                left += usize::from(is_signed_in(&world, browser).await);
            }
            (left == 2).then_some(())
        })
        .await;
        let listed = world.cli(&["session", "list", "alice@example.com", "--json"]).await;
        assert_eq!(listed.matches("begun_at").count(), 2, "{listed}");
    }
}

/// Two replicas: what one of them ends at a sign-in, the other lets in no more.
#[tokio::test(flavor = "multi_thread")]
async fn the_other_replica_lets_the_ended_session_in_no_more() {
    let world = limited(Pair::Shared, 1).await;
    let first = another(&world).await;
    assert_eq!(first.navigate(&world.url(APP, "/")).await.end().status, 200);
    let other = world.builder.clone().elsewhere().start().await;
    other.wait_ready().await;
    let cookie = first.find_cookie(APP, crate::world::COOKIE).unwrap();
    let ask = async || {
        crate::answers::Asked::fetch("/")
            .with("Cookie", format!("{}={cookie}", crate::world::COOKIE))
            .at(&other)
            .await
            .status
    };
    assert_eq!(ask().await, 200);
    another(&world).await;
    crate::world::heard(other.internal()).await;
    assert_eq!(ask().await, 401);
}

/// How long each of these takes, one after another, until told to stop; the median.
async fn median(stop: &AtomicBool, ask: impl AsyncFn()) -> (Duration, usize) {
    let mut times = Vec::new();
    while !stop.load(Ordering::Relaxed) || times.len() < 20 {
        let asked = Instant::now();
        ask().await;
        times.push(asked.elapsed());
    }
    times.sort_unstable();
    (times[times.len() / 2], times.len())
}

/// Sixty pages of somebody with as many sessions as one may have, again and again, beside somebody whom no memory knows.
#[tokio::test(flavor = "multi_thread")]
async fn many_account_pages_at_once_hardly_slow_anothers_cold_request() {
    let plan = Plan::default()
        .env("GATEPOST_VERIFY__CACHE_MEMORY", "0")
        .env("GATEPOST_SESSION__MAX_PER_PERSON", "50");
    let world = Arc::new(plan.start(Pair::Shared).await);
    for person in [alice(), Person::named("bob")] {
        world.entra.add(person);
    }
    let bob = world.signed_in("bob").await;
    for _ in 0..54 {
        world.entra.forget_browsers();
        world.entra.at_the_browser(Some("alice"));
        world.browser().navigate(&world.url(PUBLIC, "/")).await;
    }
    let alices = another(&world).await;
    let account = world.url(PUBLIC, "/");
    let page = alices.get(&account).await;
    assert_eq!(rows(&page.body), 50);
    assert!(page.body.len() < 64 * 1024, "{} bytes", page.body.len());
    let cold = async || assert_eq!(bob.fetch(&world.url(APP, "/")).await.status, 200);
    let standings = || store_calls(world.gatepost.internal(), |line| line.contains("find_standing"));
    let before = standings().await;
    alices.get(&account).await;
    assert!(standings().await <= before + 1, "a page asks for one standing, however many sessions it shows");

    let (quiet, _) = median(&AtomicBool::new(true), &cold).await;
    let over = Arc::new(AtomicBool::new(false));
    let mut pages = JoinSet::new();
    for _ in 0..60 {
        let (alices, account, over) = (alices.duplicate(), account.clone(), Arc::clone(&over));
        pages.spawn(async move {
            let mut made = 0;
            while !over.load(Ordering::Relaxed) {
                assert_eq!(alices.get(&account).await.status, 200);
                made += 1;
            }
            made
        });
    }
    let ending = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        over.store(true, Ordering::Relaxed);
    };
    let ((busy, asked), ()) = tokio::join!(median(&over, &cold), ending);
    let made: usize = pages.join_all().await.iter().sum();
    println!(
        "cold: {quiet:?} alone, {busy:?} beside {made} pages ({asked} asked), ratio {:.1}",
        busy.as_secs_f64() / quiet.as_secs_f64()
    );
    assert!(made >= 60, "{made} pages");
    assert!(busy < quiet * 5 + Duration::from_millis(10), "{quiet:?} alone, {busy:?} beside");
}
