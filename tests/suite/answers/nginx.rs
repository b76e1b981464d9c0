//! `/verify/nginx`: the same judge as `/verify`, by what nginx can send and understand.

use super::{Asked, Told};
use crate::world::{APP, Pair, Plan, World, alice};
use gatepost_kit::client::Client;

/// Both answers to the same request. That for nginx has one of four statuses, no body and nothing for the browser.
async fn both(world: &World, asked: &Asked) -> (Told, Told) {
    let (told, nginx) = (asked.of(world).await, asked.clone().by_nginx().of(world).await);
    assert!([200, 401, 403, 503].contains(&nginx.status), "{nginx:?}");
    assert_eq!((nginx.body.as_str(), nginx.all("set-cookie").len(), nginx.header("location")), ("", 0, None));
    assert_eq!(nginx.header("cache-control"), Some("no-store"));
    if nginx.status != 200 {
        nginx.assert_refusal(nginx.status, "nginx");
        assert_eq!(nginx.header("x-gatepost-status"), Some(&*told.status.to_string()), "{told:?}");
    }
    (told, nginx)
}

/// What a 200 says about somebody.
fn identity(told: &Told) -> Vec<&(String, String)> {
    let is_own = |name: &str| name.starts_with("x-") || name == "cookie" || name == "authorization";
    let mut found: Vec<_> = told.headers.iter().filter(|(name, _)| is_own(name)).collect();
    found.sort();
    found
}

async fn world(pair: Pair) -> (World, Client) {
    let world = Plan::default().start(pair).await;
    world.entra.add(alice());
    let browser = world.signed_in("alice").await;
    (world, browser)
}

both_pairs! {
    async fn nginx_gets_the_decision_of_the_same_judge(pair) {
        let (world, browser) = world(pair).await;
        for (asked, status, by_nginx) in [
            (Asked::fetch("/a?b=1").by(&browser), 200, 200),
            (Asked::fetch("/").by(&browser).with("X-Forwarded-Method", "POST").with("Sec-Fetch-Site", "cross-site"), 403, 403),
            (Asked::fetch("/").by(&browser).requiring("group=Nobody"), 403, 403),
            (Asked::navigation("/").by(&browser).requiring("admin=true"), 403, 403),
            (Asked::fetch("/").by(&browser).requiring("admin=false"), 500, 503),
            (Asked::fetch("/"), 401, 401),
            (Asked::navigation("/"), 302, 401),
            (Asked::navigation("/").requiring("api=true"), 401, 401),
            (Asked::fetch("/").with("Authorization", "Bearer gp_0"), 401, 401),
            (Asked::navigation("/").with("X-Forwarded-Host", "nobody.example.com"), 403, 403),
            (Asked::navigation("/").with("X_User_Email", "mallory"), 400, 403),
            (Asked::navigation("/").with("X-Forwarded-Method", "G T"), 400, 403),
        ] {
            let (told, nginx) = both(&world, &asked).await;
            assert_eq!((told.status, nginx.status), (status, by_nginx), "{asked:?}: {told:?}");
            assert_eq!(told.all("www-authenticate"), nginx.all("www-authenticate"), "{asked:?}");
            if status == 200 {
                assert_eq!(identity(&told), identity(&nginx));
                assert_eq!(nginx.all("x-user-email"), ["alice@example.com"]);
            }
        }
    }

    async fn a_navigation_of_nobody_is_told_where_its_sign_in_starts(pair) {
        let (world, _) = world(pair).await;
        let origin = world.url(APP, "");
        let origin = origin.trim_end_matches('/');
        for (asked, to) in [
            (Asked::navigation("/a?b=%2F&c=1"), "/.gatepost/start?uri=/a?b=%252F%26c=1"),
            (Asked::navigation("//evil.example"), "/.gatepost/start?uri=/"),
            (Asked::navigation("/a").requiring("max_age=900"), "/.gatepost/start?max_age=900&uri=/a"),
        ] {
            let (_, nginx) = both(&world, &asked).await;
            assert_eq!(nginx.header("x-gatepost-location"), Some(&*format!("{origin}{to}")), "{asked:?}");
        }
        let (_, fetched) = both(&world, &Asked::fetch("/a")).await;
        assert_eq!(fetched.header("x-gatepost-location"), None, "no sign-in starts that nobody would see");
    }

    async fn what_nginx_does_not_say_once_and_readably_lets_nobody_pass(pair) {
        let (world, browser) = world(pair).await;
        let good = || Asked::fetch("/a").by(&browser).by_nginx();
        assert_eq!(good().of(&world).await.status, 200);
        assert_eq!(good().without("X-Original-For").of(&world).await.status, 200);
        let forwarded = Asked::fetch("/a").by(&browser).at_path("/verify/nginx");
        let original = good().at_path("/verify");
        let url = world.url(APP, "/a");
        for (asked, status) in [
            (forwarded, "400"),
            (good().without("X-Original-URL"), "400"),
            (good().without("X-Original-Method"), "400"),
            (good().and("X-Original-URL", &url), "400"),
            (good().and("X-Original-Method", "GET"), "400"),
            (good().and("X-Original-For", "192.0.2.1"), "400"),
            (good().with("X-Original-URL", "/a"), "400"),
            (good().with("X-Original-URL", format!("{url}, {url}")), "400"),
            (good().with("X-Original-URL", url.replace("https:", "http:")), "400"),
            (good().with("X-Original-URL", "https://evil.example/"), "403"),
            (good().with("X-Original-URL", world.url(APP, "/.gatepost/../a")), "400"),
            (good().with("X-Original-URL", world.url(APP, "/.gatepost/enter?t=1")), "400"),
            (good().with("X-Original-URL", world.url(APP, "/.gatepost/logout")), "400"),
        ] {
            let told = asked.of(&world).await;
            told.assert_refusal(403, &format!("{asked:?}"));
            assert_eq!((told.header("x-gatepost-status"), &*told.body), (Some(status), ""), "{asked:?}");
        }
        original.of(&world).await.assert_refusal(400, "Traefik describes requests otherwise");
        assert_eq!(good().of(&world).await.status, 200, "nothing of it ended the session");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_no_trusted_proxy_asks_in_vain() {
    let world = Plan::default().env("GATEPOST_TRUSTED_PROXIES", "192.0.2.1/32").start(Pair::Embedded).await;
    let told = Asked::fetch("/").by_nginx().of(&world).await;
    told.assert_refusal(403, "no trusted proxy");
}
