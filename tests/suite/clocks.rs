//! Clocks that differ: replicas within the tolerated half minute judge alike, one beyond it stands back, and what is
//! sealed for a while ends with it. Each process under test goes by a wall clock of its own.

use crate::attacks::two_providers;
use crate::long_links::link;
use crate::replicas::another_with;
use crate::stores::up_to;
use crate::world::{APP, OTHER, PUBLIC, Pair, Plan, World, alice};
use gatepost_kit::client::Answer;
use gatepost_kit::edge::Route;
use gatepost_kit::entra::{Endpoint, Entra, LogoutToken};
use gatepost_kit::process::{Clock, Gatepost};

/// A world in which every request goes to a replica that is so many seconds ahead of everybody else.
async fn led_astray(seconds: i64) -> (World, Gatepost, Clock) {
    let world = World::start(Pair::Shared).await;
    let clock = Clock::ahead(seconds);
    let variables = clock.variables();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let replica = another_with(&world, &variables).await;
    world.edge.set_route(PUBLIC, Route::open(replica.public()));
    world.edge.set_route(APP, Route::gated(replica.verify_url(""), world.app.addr()));
    (world, replica, clock)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_started_where_the_clock_is_ahead_ends_like_any_other() {
    let (world, replica, _clock) = led_astray(20).await;
    replica.wait_ready().await;
    let browser = world.signed_in("alice").await;
    // A ban that is over ends the sessions of before.
    world.cli(&["user", "disable", "alice@example.com"]).await;
    world.cli(&["user", "enable", "alice@example.com"]).await;
    assert_eq!(browser.fetch(&world.url(APP, "/")).await.status, 401);
    assert_eq!(browser.fetch(&world.url(OTHER, "/")).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_where_the_clock_is_behind_is_not_taken_for_an_earlier_session() {
    let (world, replica, _clock) = led_astray(-20).await;
    replica.wait_ready().await;
    world.signed_in("alice").await;
    world.cli(&["session", "end", "--user", "alice@example.com"]).await;
    let browser = world.signed_in("alice").await;
    assert_eq!(browser.fetch(&world.url(APP, "/")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_at_the_provider_is_compared_by_the_providers_clock() {
    for offset in [-20, 20] {
        let (world, other) = two_providers(Pair::Shared).await;
        other.set_clock_offset(offset);
        other.at_the_browser(Some("mallory"));
        let browser = world.browser();
        let begin = async || browser.navigate(&world.url(PUBLIC, "/login?provider=other")).await.end().status;
        let passes = async || browser.fetch(&world.url(APP, "/")).await.status;
        assert_eq!(begin().await, 200);
        assert_eq!(browser.navigate(&world.url(APP, "/")).await.end().status, 200);
        let oid = other.find("mallory").unwrap().oid;
        let mut of_before = LogoutToken::for_subject(&oid);
        of_before.iat_offset = -60;
        for (token, status) in [(of_before, 200), (LogoutToken::for_subject(&oid), 401)] {
            let url = format!("http://{}/logout/backchannel", world.gatepost.public());
            let answer = other.send_backchannel_logout(&url, &token).await.unwrap();
            assert_eq!((answer.status().as_u16(), passes().await), (200, status), "{offset}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_half_a_minute_off_the_databases_clock_is_not_ready() {
    for seconds in [-40, 40] {
        let (_world, replica, clock) = led_astray(seconds).await;
        let line = replica.wait_for_line("not ready").await;
        assert!(line.contains("clock is"), "{line}");
        clock.set(seconds / 2);
        replica.wait_ready().await;
    }
}

/// A world of one process whose clock the test moves.
pub async fn movable(plan: Plan) -> (World, Clock) {
    movable_with(plan, Entra::start().await).await
}

/// The same with another provider.
pub async fn movable_with(plan: Plan, entra: Entra) -> (World, Clock) {
    let clock = Clock::ahead(0);
    let plan = clock.variables().into_iter().fold(plan, |plan, (name, value)| plan.env(&name, value));
    let world = plan.start_with(Pair::Embedded, entra).await;
    world.entra.add(alice());
    (world, clock)
}

fn leads_to(answer: &Answer, path: &str) -> bool {
    answer.location().is_some_and(|next| next.path().starts_with(path))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_good_for_a_minute_and_the_browser_recovers_unseen() {
    let (world, clock) = movable(Plan::default()).await;
    world.entra.at_the_browser(Some("alice"));
    let browser = world.browser();
    let enter = up_to(&browser, &world.url(APP, "/deep"), "/.gatepost/enter").await;
    // A minute, and a minute of tolerance between replicas.
    clock.set(125);
    let answer = browser.get(&enter).await;
    assert!(leads_to(&answer, "/login"), "{} {:?}", answer.status, answer.location());
    let trip = browser.follow(answer).await;
    assert_eq!((trip.end().status, trip.end().echoed().uri.as_str()), (200, "/deep"), "{}", trip.describe());
    assert_eq!(world.entra.count(Endpoint::Authorize), 1, "the session is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_good_for_an_hour_and_its_code_is_not_exchanged_after_it() {
    let (world, clock) = movable(Plan::default()).await;
    world.entra.at_the_browser(Some("alice"));
    let browser = world.browser();
    let callback = up_to(&browser, &world.url(APP, "/deep"), "/callback/").await;
    clock.set(3_700);
    let answer = browser.get(&callback).await;
    assert!(leads_to(&answer, "/login"), "{} {:?}", answer.status, answer.location());
    assert_eq!(world.entra.count(Endpoint::Token), 0, "its code is unused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_request_is_good_for_an_hour_and_the_host_makes_a_new_one() {
    let (world, clock) = movable(Plan::default()).await;
    world.entra.at_the_browser(Some("alice"));
    let browser = world.browser();
    let login = up_to(&browser, &world.url(APP, "/deep"), "/login").await;
    clock.set(3_700);
    let answer = browser.get(&login).await;
    assert_eq!(answer.location().map(String::from), Some(world.url(APP, "/deep")));
    clock.set(0);
    let trip = browser.follow(answer).await;
    assert_eq!((trip.end().status, trip.end().echoed().uri.as_str()), (200, "/deep"), "{}", trip.describe());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_link_is_kept_for_what_expired_until_three_hours_are_over() {
    let (world, clock) = movable(Plan::default()).await;
    world.entra.at_the_browser(Some("alice"));
    let uri = link("a", 2_000);
    let browser = world.browser();
    let login = up_to(&browser, &world.url(APP, &uri), "/login").await;
    let late = browser.duplicate();
    for (seconds, browser, end) in [(3_700, browser, uri.as_str()), (3 * 3_600 + 100, late, "/")] {
        clock.set(seconds);
        let led_back = browser.get(&login).await;
        assert!(leads_to(&led_back, "/.gatepost/enter/"), "{} {:?}", led_back.status, led_back.location());
        let answer = browser.get(led_back.location().unwrap().as_str()).await;
        assert_eq!(answer.location().map(String::from), Some(world.url(APP, end)));
        clock.set(0);
        let trip = browser.follow(answer).await;
        assert_eq!((trip.end().status, trip.end().echoed().uri.as_str()), (200, end), "{}", trip.describe());
    }
    world.gatepost.wait_for_line("has not kept the long address").await;
}
