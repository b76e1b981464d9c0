//! What applications stored in a browser goes before another person meets it, and stays for the same one.

use crate::attacks::stop_before;
use crate::stores::up_to;
use crate::world::{APP, COOKIE, OTHER, PUBLIC, Pair, Plan, World, alice};
use gatepost_kit::client::{Client, Kind, SiteContext, StoredCookie, Trip};
use gatepost_kit::entra::Person;
use reqwest::Method;
use std::time::SystemTime;
use url::{Position, Url};

const OWNER: &str = "__Secure-gatepost-storage";
const ENTER: &str = "/.gatepost/enter";
const CLEAR: &str = "clear-site-data";

/// Alice and Bob, of whom nobody has signed in.
async fn start(pair: Pair) -> World {
    let world = World::start(pair).await;
    world.entra.add(Person::named("bob"));
    world
}

/// Everybody has left this browser.
async fn sign_out_on_the_account_page(world: &World, browser: &Client) {
    let trip = browser.submit(&world.url(PUBLIC, "/"), &world.url(PUBLIC, "/logout"), &[]).await;
    assert_eq!(trip.end().url.path(), "/logged-out", "{}", trip.describe());
    world.entra.forget_browsers();
}

/// Did the trip have the browser clear what the host's applications stored? Nothing but `enter` may.
fn clears(trip: &Trip) -> bool {
    let clearing: Vec<_> = trip.hops.iter().filter(|hop| hop.header(CLEAR).is_some()).collect();
    for hop in &clearing {
        assert!(hop.url.path().starts_with(ENTER) && hop.status == 303, "{}", trip.describe());
        assert_eq!(hop.values(CLEAR), ["\"storage\""]);
        assert!(hop.set_cookie(COOKIE).is_some() && hop.set_cookie(OWNER).is_some(), "{}", trip.describe());
    }
    !clearing.is_empty()
}

/// This person signs in at the browser and sees the host: does what was stored there go?
async fn clears_for(world: &World, browser: &Client, who: &str, host: &str) -> bool {
    world.entra.at_the_browser(Some(who));
    let trip = browser.navigate(&world.url(host, "/")).await;
    assert_eq!(trip.end().status, 200, "{}\n{}", trip.describe(), trip.end().body);
    let email = format!("{who}@example.com");
    assert_eq!(trip.end().echoed().header("x-user-email"), Some(email.as_str()));
    assert!(trip.hop(ENTER).is_some(), "{who} was in already: {}", trip.describe());
    clears(&trip)
}

/// The session is over, whoever looks; all cookies are still there.
async fn end_sessions(world: &World, who: &str) {
    world.cli(&["session", "end", "--user", &format!("{who}@example.com")]).await;
    world.entra.forget_browsers();
}

fn take(browser: &Client, host: &str, name: &str) -> StoredCookie {
    let mut jar = browser.jar();
    let cookie = jar.find(host, name).cloned().unwrap_or_else(|| panic!("{host} has no {name}"));
    jar.put(StoredCookie { expires_at: Some(SystemTime::UNIX_EPOCH), ..cookie.clone() });
    cookie
}

both_pairs! {
    async fn the_same_person_coming_back_keeps_what_applications_stored(pair) {
        let world = start(pair).await;
        let browser = world.browser();
        assert!(clears_for(&world, &browser, "alice", APP).await, "nobody knows whose it is");
        assert!(clears_for(&world, &browser, "alice", OTHER).await);

        sign_out_on_the_account_page(&world, &browser).await;
        assert!(!clears_for(&world, &browser, "alice", APP).await);

        let answer = browser.request(Method::GET, &world.url(APP, "/.gatepost/logout")).from(&world.url(APP, "/")).send().await;
        let trip = browser.follow(answer).await;
        assert!(trip.end().url.path() == "/logged-out" && !clears(&trip), "{}", trip.describe());
        world.entra.forget_browsers();
        assert!(!clears_for(&world, &browser, "alice", APP).await);
        assert!(!clears_for(&world, &browser, "alice", OTHER).await);

        end_sessions(&world, "alice").await;
        take(&browser, APP, COOKIE);
        browser.jar().delete_host(PUBLIC);
        assert!(!clears_for(&world, &browser, "alice", APP).await, "the host's cookie lives as long as a session, this one longer");
    }

    async fn another_person_at_the_browser_finds_nothing_of_the_last_one(pair) {
        let world = start(pair).await;
        let browser = world.browser();
        clears_for(&world, &browser, "alice", APP).await;
        clears_for(&world, &browser, "alice", OTHER).await;
        sign_out_on_the_account_page(&world, &browser).await;
        for who in ["bob", "alice", "bob"] {
            assert!(clears_for(&world, &browser, who, APP).await, "{who}");
            sign_out_on_the_account_page(&world, &browser).await;
        }
        assert!(!clears_for(&world, &browser, "bob", APP).await, "he was there last");
        assert!(clears_for(&world, &browser, "bob", OTHER).await, "she was there last");

        world.entra.at_the_browser(Some("alice"));
        let start = world.url(APP, "/.gatepost/start?prompt=select_account&uri=/");
        let trip = browser.navigate(&start).await;
        assert_eq!(trip.end().echoed().header("x-user-email"), Some("alice@example.com"));
        assert!(clears(&trip), "without a sign-out between them: {}", trip.describe());
    }

    async fn with_a_cookie_that_names_nobody_all_storage_is_cleared(pair) {
        let world = start(pair).await;
        let browser = world.browser();
        clears_for(&world, &browser, "alice", APP).await;
        clears_for(&world, &browser, "alice", OTHER).await;
        let bobs = world.browser();
        clears_for(&world, &bobs, "bob", APP).await;
        let bobs = take(&bobs, APP, OWNER).value;
        let session = browser.find_cookie(APP, COOKIE).unwrap();
        let of_another_host = browser.find_cookie(OTHER, OWNER).unwrap();
        let own = browser.jar().find(APP, OWNER).cloned().unwrap();
        for value in ["garbage", "", &of_another_host, &session, &bobs] {
            end_sessions(&world, "alice").await;
            browser.jar().put(StoredCookie { value: value.to_owned(), ..own.clone() });
            assert!(clears_for(&world, &browser, "alice", APP).await, "{value}");
        }
        world.gatepost.wait_for_line("the browser clears its storage of this host").await;
        // A sibling application plants a cookie beside the right one; to keep something by it is what it cannot have.
        for value in [bobs, "garbage".to_owned()] {
            end_sessions(&world, "alice").await;
            let planted = StoredCookie { value, host_only: false, domain: "example.test".to_owned(), ..own.clone() };
            browser.jar().put(planted);
            assert!(clears_for(&world, &browser, "alice", APP).await);
            sign_out_on_the_account_page(&world, &browser).await;
            assert!(clears_for(&world, &browser, "bob", APP).await);
            sign_out_on_the_account_page(&world, &browser).await;
        }
    }

    async fn without_that_cookie_the_hosts_own_one_names_the_former_person(pair) {
        let world = start(pair).await;
        let browser = world.browser();
        clears_for(&world, &browser, "alice", APP).await;
        let alices = take(&browser, APP, OWNER);
        end_sessions(&world, "alice").await;
        assert!(!clears_for(&world, &browser, "alice", APP).await, "a release that does not know the cookie let her in");

        take(&browser, APP, OWNER);
        sign_out_on_the_account_page(&world, &browser).await;
        assert!(clears_for(&world, &browser, "bob", APP).await);

        // Such a release let him in, beside what was left of her cookie.
        browser.jar().put(alices);
        sign_out_on_the_account_page(&world, &browser).await;
        assert!(clears_for(&world, &browser, "alice", APP).await);

        take(&browser, APP, OWNER);
        take(&browser, APP, COOKIE);
        end_sessions(&world, "alice").await;
        assert!(clears_for(&world, &browser, "alice", APP).await, "nobody says who was there");
    }

    async fn behind_a_service_worker_the_storage_goes_before_the_ticket_is_taken(pair) {
        let world = start(pair).await;
        let browser = world.browser();
        clears_for(&world, &browser, "alice", APP).await;
        sign_out_on_the_account_page(&world, &browser).await;
        world.entra.at_the_browser(Some("bob"));
        let ticket = stop_before(&browser, &world.url(APP, "/deep"), ENTER).await;
        let by_worker = async |url: &str| browser.request(Method::GET, url).kind(Kind::WorkerNavigation).send().await;
        let page = by_worker(ticket.as_str()).await;
        assert_eq!((page.status, page.header(CLEAR), page.values("set-cookie").len()), (403, None, 0), "{}", page.body);
        assert!(page.body.contains(&format!("<img src=\"{}\"", &ticket[Position::BeforePath..])), "{}", page.body);
        assert!(page.header("content-security-policy").unwrap().contains("img-src 'self'"));

        let stranger = world.browser();
        let image = |who: &Client, page: &str| {
            let (who, page) = (who.clone(), page.to_owned());
            let url = ticket.to_string();
            async move { who.request(Method::GET, &url).kind(Kind::Image).from(&page).send().await }
        };
        let own = world.url(APP, "/");
        for (who, page) in [(&browser, "https://team.example.test/"), (&browser, "https://evil.example/"), (&stranger, own.as_str())] {
            let answer = image(who, page).await;
            assert_eq!((answer.status, answer.header(CLEAR)), (401, None), "{page}");
        }
        let answer = image(&browser, &own).await;
        assert_eq!((answer.status, answer.header(CLEAR), answer.values("set-cookie").len()), (401, Some("\"storage\""), 0));

        let next = page.header("refresh").and_then(|refresh| refresh.strip_prefix("0; url=")).unwrap();
        let answer = by_worker(ticket.join(next).unwrap().as_str()).await;
        assert_eq!((answer.status, answer.header(CLEAR)), (303, Some("\"storage\"")), "once, whatever the worker does");
        let trip = browser.follow(answer).await;
        let received = trip.end().echoed();
        assert_eq!((received.header("x-user-email"), received.uri.as_str()), (Some("bob@example.com"), "/deep"));

        end_sessions(&world, "bob").await;
        let ticket = stop_before(&browser, &own, ENTER).await;
        assert_eq!(image(&browser, &own).await.header(CLEAR), None, "a ticket of before");
        let answer = by_worker(ticket.as_str()).await;
        assert_eq!((answer.status, answer.header(CLEAR)), (303, None), "the same person");
    }

    async fn only_a_ticket_that_lets_somebody_in_clears_anything(pair) {
        let world = start(pair).await;
        let browser = world.browser();
        world.entra.at_the_browser(Some("alice"));
        let ticket = stop_before(&browser, &world.url(APP, "/"), ENTER).await;
        let (lured, stranger) = (world.browser(), world.browser());
        assert_eq!(lured.navigate(&world.url(APP, "/")).await.end().status, 200);
        let asked = [
            browser.request(Method::GET, ticket.as_str()).header("sec-purpose", "prefetch").send().await,
            browser.request(Method::GET, ticket.as_str()).kind(Kind::Image).from("https://evil.example/").send().await,
            browser.request(Method::HEAD, ticket.as_str()).send().await,
            browser.get(&world.url(APP, "/.gatepost/enter?t=garbage")).await,
            browser.get(&world.url(APP, ENTER)).await,
            lured.get(ticket.as_str()).await,
            stranger.get(ticket.as_str()).await,
        ];
        for answer in asked {
            assert!(answer.status != 200 && answer.header(CLEAR).is_none(), "{} {}", answer.status, answer.body);
            assert_eq!(answer.set_cookie(OWNER), None);
        }
        let trip = browser.navigate(ticket.as_str()).await;
        assert!(trip.hop("/login").is_some() && clears(&trip), "consumed by others, it starts over: {}", trip.describe());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_sent_to_enter_alone_and_outlives_the_session_unless_cookies_may_not() {
    let world = start(Pair::Embedded).await;
    world.entra.at_the_browser(Some("alice"));
    let browser = world.browser();
    let trip = browser.navigate(&world.url(APP, "/")).await;
    let line = trip.hop(ENTER).and_then(|hop| hop.set_cookie(OWNER)).unwrap();
    assert!(
        line.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/.gatepost/enter; Max-Age=34560000"),
        "{line}"
    );
    let cookie = browser.jar().find(APP, OWNER).cloned().unwrap();
    for (path, is_sent) in [("/", false), ("/deep", false), ("/.gatepost/start", false), (ENTER, true)] {
        let url = Url::parse(&world.url(APP, path)).unwrap();
        let head = browser.jar().header(&url, SiteContext::CrossSiteNavigation).unwrap();
        assert_eq!(head.contains(OWNER), is_sent, "{path}");
    }
    // A long link's ticket is taken below that path.
    let long = crate::long_links::link("a", 2_000);
    end_sessions(&world, "alice").await;
    let trip = browser.navigate(&world.url(APP, &long)).await;
    assert!(trip.hop("/.gatepost/enter/").is_some() && !clears(&trip), "{}", trip.describe());
    let header =
        format!("a=1; {OWNER}={0}; {COOKIE}={1}", cookie.value, browser.find_cookie(APP, COOKIE).unwrap());
    let answer = browser.request(Method::GET, &world.url(APP, "/")).header("cookie", header).send().await;
    assert_eq!(answer.echoed().header("cookie"), Some("a=1"), "whoever sends it, no application sees it");

    let world = Plan::default().env("GATEPOST_SESSION__PERSISTENT", "false").start(Pair::Embedded).await;
    world.entra.add(alice());
    let browser = world.browser();
    clears_for(&world, &browser, "alice", APP).await;
    assert_eq!(browser.jar().find(APP, OWNER).unwrap().expires_at, None);
}

/// A ticket that met an outage was not used, and nothing was cleared by the answer that said so.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_503_clears_nothing() {
    let world = start(Pair::Shared).await;
    world.entra.at_the_browser(Some("alice"));
    let browser = world.browser();
    let ticket = up_to(&browser, &world.url(APP, "/"), ENTER).await;
    let crate::world::Stores::Shared { redis, .. } = &world.stores else {
        unreachable!("this pair has a Redis")
    };
    redis.sigstop();
    let answer = browser.impatient().get(&ticket).await;
    redis.sigcont();
    assert_eq!((answer.status, answer.header(CLEAR), answer.set_cookie(OWNER)), (503, None, None));
    assert!(clears(&browser.navigate(&ticket).await));
}
