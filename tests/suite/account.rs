//! The account page when it cannot be shown at once: the provider must be asked first, or a store does not answer.

use crate::cli::sql;
use crate::stores::up_to;
use crate::world::{APP, MCP_GITHUB, OTHER, PUBLIC, Pair, Plan, Stores, World, alice};
use gatepost_core::clock::Timestamp;
use gatepost_kit::client::{Answer, Client};
use gatepost_kit::entra::{Endpoint, Group};
use gatepost_kit::process::until;
use reqwest::Method;
use sqlx::AssertSqlSafe;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(40);
const INTERVAL: Duration = Duration::from_secs(2);
const MCP_SEARCH: &str = "00000000-0000-4000-8000-00000000a002";

/// Somebody signed in, who then did nothing for two refresh intervals.
async fn unused(pair: Pair) -> (World, Client) {
    let world = Plan::default().env("GATEPOST_SESSION__REFRESH_INTERVAL", "2s").start(pair).await;
    world.entra.add(alice());
    let browser = world.signed_in("alice").await.impatient();
    let since = Instant::now();
    until("two intervals to pass", DEADLINE, async || {
        (since.elapsed() > INTERVAL * 2 + Duration::from_secs(1)).then_some(())
    })
    .await;
    (world, browser)
}

both_pairs! {
    async fn of_an_unused_session_the_account_page_shows_what_the_provider_asserts_now(pair) {
        let (world, browser) = unused(pair).await;
        world.entra.update("alice", |alice| alice.groups = vec![Group::new(MCP_SEARCH, "MCP-Search")]);
        let asked = world.entra.count(Endpoint::Authorize);
        let page = browser.get(&world.url(PUBLIC, "/")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert!(page.body.contains(MCP_SEARCH) && !page.body.contains(MCP_GITHUB), "{}", page.body);
        assert_eq!(world.entra.count(Endpoint::Authorize), asked, "the browser did not see the provider");
    }

    async fn a_sign_in_that_a_page_of_the_public_host_asked_for_ends_at_that_page(pair) {
        let world = World::start(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let long = format!("/debug/headers?host={}", "x".repeat(300));
        for (page, end) in [
            ("/debug/headers?person=alice%40example.com", "/debug/headers?person=alice%40example.com"),
            (long.as_str(), "/debug/headers"),
            ("/", "/"),
        ] {
            let trip = world.browser().navigate(&world.url(PUBLIC, page)).await;
            let ended = trip.end().url.as_str().trim_start_matches(&world.url(PUBLIC, "")).to_owned();
            assert_eq!(ended, end, "{}", trip.describe());
        }
        // A form is not sent again.
        let trip = world.browser().submit(&world.url(PUBLIC, "/"), &world.url(PUBLIC, "/sessions/end-others"), &[]).await;
        assert_eq!(trip.end().url.path(), "/", "{}", trip.describe());
    }

    async fn the_account_page_leads_to_what_the_person_can_open_and_to_what_is_held_about_them(pair) {
        let world = World::start(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let browser = world.browser();
        browser.navigate(&world.url(PUBLIC, "/")).await;
        let empty = browser.get(&world.url(PUBLIC, "/")).await.body;
        assert!(empty.contains("Nothing that was opened in the last 30 days is open to you."), "{empty}");
        let (now, old) = (Timestamp::now().unix(), Timestamp::now().minus(Duration::from_hours(31 * 24)).unix());
        for (host, query, seen) in [(APP, "", now), (OTHER, "group=Nobody", now), ("tools.example.test", "mcp=true", now), ("old.example.test", "", old)] {
            let row = format!("INSERT INTO requirements (host, query, seen_at) VALUES ('{host}', '{query}', {seen}) ON CONFLICT DO NOTHING");
            sql(&world, AssertSqlSafe(row)).await;
        }
        let page = browser.get(&world.url(PUBLIC, "/")).await.body;
        let link = |host: &str| page.contains(&format!("<a href=\"{}\">", world.url(host, "").trim_end_matches('/')));
        assert!(link(APP) && !link(OTHER) && !page.contains("old.example.test") && !page.contains("tools."), "{page}");
        assert!(page.contains("href=\"/api/v1/me/export\""), "{page}");
        let export = browser.request(Method::GET, &world.url(PUBLIC, "/api/v1/me/export"));
        let told = export.from(&world.url(PUBLIC, "/")).send().await;
        assert_eq!((told.status, told.json()["user"]["email"].as_str()), (200, Some("alice@example.com")), "{}", told.body);
    }

    async fn a_person_ended_at_the_provider_meanwhile_sees_no_account_page(pair) {
        let (world, browser) = unused(pair).await;
        world.entra.disable("alice");
        let page = browser.get(&world.url(PUBLIC, "/")).await;
        assert_eq!((page.status, page.location().unwrap().path()), (303, "/login"), "{}", page.body);
        assert_eq!(browser.fetch(&world.url(APP, "/")).await.status, 401, "nor passes anywhere else");
    }

    async fn an_unused_session_changes_nothing_before_the_provider_has_confirmed_it(pair) {
        let (world, browser) = unused(pair).await;
        world.entra.forget_browsers();
        let elsewhere = world.signed_in("alice").await;
        world.entra.stop().await;
        let form = browser.submit(&world.url(PUBLIC, "/"), &world.url(PUBLIC, "/sessions/end-others"), &[]).await;
        assert_eq!(form.hops[0].location().map(|next| next.path().to_owned()).as_deref(), Some("/login"), "{}", form.describe());
        assert_eq!(elsewhere.fetch(&world.url(APP, "/")).await.status, 200, "no session was ended");
        // It cannot be asked, which is known now: sessions outlive that.
        assert_eq!(browser.patient().navigate(&world.url(PUBLIC, "/")).await.end().status, 200);
        world.entra.resume().await.unwrap();
    }
}

/// Where "Load the page again" leads.
fn reload_link(answer: &Answer) -> String {
    let (before, _) =
        answer.body.split_once(">Load the page again<").unwrap_or_else(|| panic!("{}", answer.body));
    let (_, link) = before.rsplit_once("href=\"").unwrap();
    let link = link.split('"').next().unwrap().replace("&amp;", "&");
    answer.url.join(&link).unwrap().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_page_that_could_not_be_judged_leads_to_itself_and_goes_on_when_the_store_is_back() {
    let world = World::start(Pair::Shared).await;
    let Stores::Shared { redis, .. } = &world.stores else { unreachable!("this pair has a Redis") };
    let account = world.signed_in("alice").await.impatient();
    world.entra.forget_browsers();
    world.entra.at_the_browser(Some("alice"));
    let signing_in = world.browser().impatient();
    let callback = up_to(&signing_in, &world.url(APP, "/deep?x=1"), "/callback/").await;
    redis.sigstop();
    let pages = [(&account, world.url(PUBLIC, "/")), (&signing_in, callback)];
    for (browser, url) in &pages {
        let answer = until("a page of the outage", DEADLINE, async || {
            let answer = browser.get(url).await;
            (answer.status == 503).then_some(answer)
        })
        .await;
        assert_eq!(reload_link(&answer), *url, "nothing of the address is lost");
        assert!(answer.header("retry-after").is_some() && answer.values("set-cookie").is_empty());
    }
    let form = account.submit(&pages[0].1, &world.url(PUBLIC, "/sessions/end-others"), &[]).await;
    assert_eq!(form.end().status, 503);
    assert!(
        !form.end().body.contains("Load the page again"),
        "a link would lose the form: {}",
        form.end().body
    );
    redis.sigcont();
    for (browser, url) in &pages {
        until("the store to be back", DEADLINE, async || {
            (browser.get(url).await.status != 503).then_some(())
        })
        .await;
    }
    assert_eq!(account.get(&pages[0].1).await.status, 200);
    // The code was not used by the 503: the sign-in goes on, and is complete.
    assert_eq!(world.entra.codes_redeemed(), 2);
    let trip = signing_in.patient().navigate(&world.url(APP, "/deep?x=1")).await;
    assert_eq!(trip.end().status, 200, "{}", trip.describe());
}
