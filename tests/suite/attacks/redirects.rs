//! Open redirects, by class, each through the real flow to its last `Location`; a URL parser as browsers have it is the
//! judge.

use super::world;
use crate::answers::Asked;
use crate::world::{COOKIE, PUBLIC, World};
use gatepost_kit::client::Client;
use url::Url;
use url::form_urlencoded::byte_serialize;

/// Beginnings that some reader takes for the end of the host.
const BEFORE: [&str; 42] = [
    "//",
    "///",
    "////",
    "/\\",
    "/\\/",
    "\\\\",
    "\\/",
    "/\t/",
    "/\t\\",
    "/%09/",
    "/%0a/",
    "/%0d%0a/",
    "/%2f",
    "/%2f%2f",
    "/%5c",
    "/%5c%5c",
    "/..//",
    "/.//",
    "/;//",
    "/x/..//",
    "/x/../..//",
    "/%2e%2e//",
    "/%2e//",
    "/ /",
    " //",
    "\u{a0}//",
    "/\u{ff0f}",
    "/\u{3002}",
    "@",
    "/@",
    "//user@",
    "//app.example.test@",
    "//app.example.test:443@",
    "//app.example.test:80?@",
    "//app.example.test\\;@",
    "https://",
    "https:",
    "https:/",
    "https:///",
    "http://",
    "javascript://",
    "data:text/html,//",
];
const HOSTS: [&str; 6] = [
    "evil.example",
    "evil.example:443/x",
    "evil.example%2f@app.example.test",
    "app.example.test.evil.example",
    "2130706433",
    "evil.example#@app.example.test",
];
/// Ways back below `/.gatepost/`, as the browser resolves them.
const RESERVED: [&str; 8] = [
    "/.gatepost/logout",
    "/x/../.gatepost/logout",
    "/./.gatepost/logout",
    "/%2e/.gatepost/logout",
    "/x/%2E%2e/.gatepost/start?uri=/",
    "/.gatepost/../.gatepost/logout",
    "/../.gatepost/enter?t=x",
    "/a/b/../../.gatepost/logout#x",
];

fn targets() -> impl Iterator<Item = String> {
    let hosts = BEFORE.iter().flat_map(|before| HOSTS.iter().map(move |host| format!("{before}{host}")));
    hosts
        .chain(RESERVED.map(str::to_owned))
        .chain([format!("/{}", "a".repeat(3_000)), "/ok?next=//evil.example".to_owned()])
}

/// From the login address to the application's host, as the browser goes; the last `Location`.
async fn follow(world: &World, alice: &Client, host: &str, login: &str, cookie: &str) -> Url {
    let login = Url::parse(login).unwrap();
    assert_eq!((login.host_str(), login.path()), (Some(PUBLIC), "/login"));
    let answer = alice.get(login.as_str()).await;
    let enter = answer.location().unwrap_or_else(|| panic!("{}: {}", answer.status, answer.body));
    assert_eq!((enter.host_str(), enter.path()), (Some(host), "/.gatepost/enter"));
    let uri = format!("{}?{}", enter.path(), enter.query().unwrap());
    let told = Asked::navigation(&uri).with("X-Forwarded-Host", host).with("Cookie", cookie).of(world).await;
    let set: Vec<_> =
        told.all("set-cookie").iter().map(|line| line.split('=').next().unwrap_or_default()).collect();
    assert_eq!((told.status, &set[..]), (303, &[COOKIE, "__Secure-gatepost-storage"][..]), "{told:?}");
    Url::parse(told.header("location").unwrap()).unwrap()
}

both_pairs! {
    async fn wherever_a_request_leads_it_stays_on_the_configured_hosts(pair) {
        let world = world(pair).await;
        let alice = world.signed_in("alice").await;
        let random = format!("{COOKIE}={}", "A".repeat(43));
        let mut judged = 0;
        // One host each: more than thirty hand-overs to one end at a page.
        for (at, target) in targets().enumerate() {
            let host = format!("h{at}.example.test");
            let encoded: String = byte_serialize(target.as_bytes()).collect();
            for uri in [target.clone(), format!("/.gatepost/start?uri={encoded}")] {
                let told = Asked::navigation(&uri).with("X-Forwarded-Host", &host).with("Cookie", &random).of(&world).await;
                if told.status != 302 {
                    assert!(matches!(told.status, 400 | 403 | 404 | 303) && told.header("x-user-email").is_none(), "{uri}: {told:?}");
                    let leads_home = told.header("location").is_none_or(|to| to.starts_with(&world.url(PUBLIC, "/")) || *to == *world.url(&host, "/"));
                    assert!(leads_home, "{uri}: {told:?}");
                    continue;
                }
                let end = follow(&world, &alice, &host, told.header("location").unwrap(), &random).await;
                let own = Url::parse(&world.url(&host, "/")).unwrap();
                assert_eq!(end.origin(), own.origin(), "{uri} led to {end}");
                assert!(end.username().is_empty() && end.password().is_none() && end.fragment().is_none(), "{uri} led to {end}");
                assert!(!end.path().starts_with("/.gatepost/"), "{uri} led to {end}");
                judged += 1;
            }
        }
        assert!(judged > 300, "only {judged} went all the way");
    }

    async fn no_parameter_chooses_where_the_public_host_sends_people(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let evil = "https%3A%2F%2Fevil.example%2F";
        let names = ["rd", "next", "url", "redirect", "redirect_uri", "return_to", "target_link_uri", "post_logout_redirect_uri", "state", "iss", "uri", "max_age"];
        let query: Vec<String> = names.iter().map(|name| format!("{name}={evil}")).collect();
        let query = query.join("&");
        let allowed = |url: &Url| url.host_str() == Some(PUBLIC) || url.port() == Some(world.entra.addr().port());
        for path in ["/login", "/logout", "/logged-out", "/callback/entra", "/logout/frontchannel", "/"] {
            let browser = world.browser();
            let trip = browser.navigate(&world.url(PUBLIC, &format!("{path}?{query}"))).await;
            assert!(trip.hops.iter().all(|hop| allowed(&hop.url)), "{path}\n{}", trip.describe());
            assert!(!trip.end().body.contains("evil.example"), "{path}: {}", trip.end().body);
        }
        for host in ["evil.example", "auth.example.test.evil.example"] {
            let browser = world.browser();
            let answer = browser.request(reqwest::Method::GET, &world.url(PUBLIC, "/")).header("x-forwarded-host", host).header("forwarded", format!("host={host}")).send().await;
            assert_eq!(answer.location().unwrap().host_str(), Some(PUBLIC));
        }
    }
}
