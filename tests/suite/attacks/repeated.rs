//! Parameters that stand twice: whoever takes neither has a check less, so the request is refused.

use super::{ALICE, assert_ends_as, parameter, stop_before, who, world};
use crate::world::{APP, PUBLIC};
use gatepost_kit::entra::{Endpoint, LogoutToken};
use reqwest::Method;

both_pairs! {
    async fn what_stands_twice_in_a_callback_signs_nobody_in(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let browser = world.browser();
        let callback = stop_before(&browser, &world.url(APP, "/deep"), "/callback/").await;
        let stands = |name: &str| callback.query_pairs().filter(|(own, _)| own == name).count();
        for name in ["code", "state", "iss", "error", "error_description", "session_state"] {
            let mut twice = callback.clone();
            for at in stands(name)..2 {
                twice.query_pairs_mut().append_pair(name, &format!("another-{at}"));
            }
            let answer = browser.get(twice.as_str()).await;
            let told = (answer.status, answer.location(), answer.values("set-cookie").len());
            assert_eq!(told, (400, None, 0), "{name}: {}", answer.body);
            assert!(answer.body.contains(&format!("the parameter {name} was sent more than once")), "{}", answer.body);
        }
        assert_eq!(world.entra.count(Endpoint::Token), 0, "the code is unused");
        let mut unread = callback.clone();
        unread.query_pairs_mut().append_pair("x", "1").append_pair("x", "2");
        assert_ends_as(&browser.navigate(unread.as_str()).await, ALICE, "/deep");
    }

    async fn what_stands_twice_is_refused_on_every_route(pair) {
        let world = world(pair).await;
        let alice = world.signed_in("alice").await;
        let own = world.url(PUBLIC, "/");
        let to = parameter(&world.browser().get(&world.url(APP, "/")).await.location().unwrap(), "to");
        let answer = alice.request(Method::GET, &world.url(APP, "/.gatepost/logout")).from(&world.url(APP, "/")).send().await;
        let ticket = parameter(&answer.location().unwrap(), "t");
        let sid = world.entra.list_sids("alice").pop().unwrap();
        for (host, path) in [
            (PUBLIC, format!("/login?to={to}&to={to}")),
            (PUBLIC, format!("/login?to={to}&provider=entra&provider=entra")),
            (PUBLIC, format!("/login?to={to}&prompt=select_account&prompt=")),
            (PUBLIC, format!("/logout?t={ticket}&t=")),
            (PUBLIC, "/logged-out?provider=entra&provider=entra".to_owned()),
            (PUBLIC, format!("/logout/frontchannel?sid={sid}&sid={sid}")),
            (PUBLIC, format!("/logout/frontchannel?sid={sid}&iss=https://evil.example&iss=")),
            (PUBLIC, "/?done=session&done=others".to_owned()),
            (APP, "/.gatepost/enter?t=a&t=b".to_owned()),
            (APP, "/.gatepost/start?uri=/a&uri=/b".to_owned()),
            (APP, "/.gatepost/start?uri=/&max_age=900&max_age=0".to_owned()),
            (APP, "/.gatepost/start?uri=/&prompt=select_account&prompt=".to_owned()),
            (APP, "/.gatepost/start?uri=/&max_age=soon".to_owned()),
            (APP, "/.gatepost/start?uri=/&max_age=".to_owned()),
        ] {
            let answer = alice.request(Method::GET, &world.url(host, &path)).from(&own).send().await;
            let told = (answer.status, answer.location(), answer.values("set-cookie").len());
            assert_eq!(told, (400, None, 0), "{path}: {}", answer.body);
        }
        let fields = [("session", "0"), ("session", "1")];
        let answer = alice.request(Method::POST, &world.url(PUBLIC, "/sessions/end")).from(&own).form(&fields).send().await;
        assert_eq!(answer.status, 400);
        let token = world.entra.build_logout_token(&LogoutToken::for_session(&sid));
        let fields = [("logout_token", token.as_str()), ("logout_token", "x")];
        let answer = alice.request(Method::POST, &world.url(PUBLIC, "/logout/backchannel")).form(&fields).send().await;
        assert_eq!((answer.status, answer.header("cache-control")), (400, Some("no-store")));
        assert_eq!(who(&world, &alice).await.as_deref(), Some(ALICE), "nothing was ended");
    }
}
