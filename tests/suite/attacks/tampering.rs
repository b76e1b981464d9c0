//! Every sealed value changed, and used where it does not belong.

use super::{ALICE, parameter, stop_before, who, world};
use crate::world::{APP, COOKIE, OTHER, PUBLIC, World};
use gatepost_kit::client::{Answer, Client};
use gatepost_kit::entra::Endpoint;
use reqwest::Method;

/// Where a sealed value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Login,
    Callback,
    Ticket,
    SignOut,
    PublicCookie,
    HostCookie,
}

const PLACES: [Place; 6] =
    [Place::Login, Place::Callback, Place::Ticket, Place::SignOut, Place::PublicCookie, Place::HostCookie];

impl Place {
    async fn ask(self, world: &World, browser: &Client, value: &str) -> Answer {
        let cookie = format!("{COOKIE}={value}");
        match self {
            Self::Login => browser.get(&world.url(PUBLIC, &format!("/login?to={value}"))).await,
            Self::Callback => {
                browser.get(&world.url(PUBLIC, &format!("/callback/entra?code=c&state={value}"))).await
            }
            Self::Ticket => browser.get(&world.url(APP, &format!("/.gatepost/enter?t={value}"))).await,
            Self::SignOut => browser.get(&world.url(PUBLIC, &format!("/logout?t={value}"))).await,
            Self::PublicCookie => {
                browser.request(Method::GET, &world.url(PUBLIC, "/")).header("cookie", cookie).send().await
            }
            Self::HostCookie => {
                browser.request(Method::GET, &world.url(APP, "/")).header("cookie", cookie).send().await
            }
        }
    }

    /// The value was read as garbage: no session, no step further, no cookie that means anything.
    fn assert_refused(self, answer: &Answer, why: &str) {
        let location = answer.location().map(|to| to.path().to_owned());
        let want = match self {
            Self::Login | Self::Callback => (400, None),
            Self::Ticket => (303, Some("/")),
            Self::SignOut => (200, None),
            Self::PublicCookie => (303, Some("/login")),
            Self::HostCookie => (302, Some("/login")),
        };
        assert_eq!((answer.status, location.as_deref()), want, "{self:?}: {why}: {}", answer.body);
        let random = |line: &&str| {
            line.starts_with(&format!("{COOKIE}=")) && line.split([';', '=']).nth(1).map(str::len) == Some(43)
        };
        assert!(
            answer.values("set-cookie").iter().all(random),
            "{self:?}: {why}: {:?}",
            answer.values("set-cookie")
        );
    }
}

/// One of each, all good at its own place, and the browser that they were made for.
async fn values(world: &World) -> (Client, Vec<(Place, String)>) {
    let alice = world.signed_in("alice").await;
    let logout = alice
        .request(Method::GET, &world.url(APP, "/.gatepost/logout"))
        .from(&world.url(APP, "/"))
        .send()
        .await;
    let sign_out = parameter(&logout.location().unwrap(), "t");
    let to = parameter(&stop_before(&alice, &world.url(OTHER, "/"), "/login").await, "to");
    let newcomer = world.browser();
    let state = parameter(&stop_before(&newcomer, &world.url(APP, "/"), "/callback/").await, "state");
    let again = alice.duplicate();
    again.jar().delete_host(APP);
    let ticket = parameter(&stop_before(&again, &world.url(APP, "/"), "/.gatepost/enter").await, "t");
    let values = vec![
        (Place::Login, to),
        (Place::Callback, state),
        (Place::Ticket, ticket),
        (Place::SignOut, sign_out),
        (Place::PublicCookie, alice.find_cookie(PUBLIC, COOKIE).unwrap()),
        (Place::HostCookie, alice.find_cookie(APP, COOKIE).unwrap()),
    ];
    (alice, values)
}

/// The value with one character changed, at about 40 places, the last among them; and cut and grown.
fn changed(value: &str) -> Vec<String> {
    let step = (value.len() / 40).max(1);
    let mut all: Vec<String> = (0..value.len())
        .step_by(step)
        .chain([value.len() - 1])
        .map(|at| {
            let other = if &value[at..=at] == "A" { "B" } else { "A" };
            format!("{}{other}{}", &value[..at], &value[at + 1..])
        })
        .collect();
    all.extend([
        value[1..].to_owned(),
        value[..value.len() - 1].to_owned(),
        format!("{value}A"),
        format!("{value}{value}"),
    ]);
    all
}

both_pairs! {
    async fn a_changed_value_is_garbage(pair) {
        let world = world(pair).await;
        let (alice, values) = values(&world).await;
        world.entra.forget_calls();
        for (place, value) in &values {
            for changed in changed(value) {
                let browser = world.browser();
                place.assert_refused(&place.ask(&world, &browser, &changed).await, &changed);
            }
        }
        assert_eq!(world.entra.count(Endpoint::Token) + world.entra.count(Endpoint::Authorize), 0);
        assert_eq!(who(&world, &alice).await.as_deref(), Some(ALICE));
    }

    async fn a_value_of_one_purpose_is_garbage_at_every_other_place(pair) {
        let world = world(pair).await;
        let (alice, values) = values(&world).await;
        for (made_for, value) in &values {
            for place in PLACES.into_iter().filter(|place| place != made_for) {
                let browser = world.browser();
                place.assert_refused(&place.ask(&world, &browser, value).await, &format!("made for {made_for:?}"));
            }
        }
        let of_host = |wanted: Place| values.iter().find(|(place, _)| *place == wanted).map(|(_, value)| value.clone()).unwrap();
        let elsewhere = alice.get(&world.url(OTHER, &format!("/.gatepost/enter?t={}", of_host(Place::Ticket)))).await;
        assert_eq!((elsewhere.status, elsewhere.location().unwrap().as_str()), (303, world.url(OTHER, "/").as_str()), "a ticket is for one host");
        assert_eq!(elsewhere.values("set-cookie").len(), 0);
        assert_eq!(who(&world, &alice).await.as_deref(), Some(ALICE));
    }

    async fn of_several_cookies_of_the_name_only_one_that_opens_counts(pair) {
        let world = world(pair).await;
        let alice = world.signed_in("alice").await;
        let mallory = world.signed_in("mallory").await;
        let (hers, theirs) = (alice.find_cookie(APP, COOKIE).unwrap(), mallory.find_cookie(APP, COOKIE).unwrap());
        let planted = "A".repeat(43);
        for (cookies, email) in [
            (vec!["garbage", &hers], ALICE),
            (vec![&planted, &hers], ALICE),
            (vec![&hers, &theirs], ALICE),
            (vec![&planted, "", &hers, &theirs], ALICE),
        ] {
            let header: Vec<String> = cookies.iter().map(|value| format!("{COOKIE}={value}")).collect();
            let received = alice.request(Method::GET, &world.url(APP, "/")).header("cookie", header.join("; ")).send().await.echoed();
            assert_eq!((received.header("x-user-email"), received.header("cookie")), (Some(email), None), "{cookies:?}");
        }
        // A sibling cannot toss one: browsers refuse a domain for the name.
        let sibling = world.url("evil.example.test", "/").parse().unwrap();
        assert!(!alice.jar().set(&sibling, &format!("{COOKIE}={theirs}; Secure; Path=/; Domain=example.test")));
        assert_eq!(who(&world, &alice).await.as_deref(), Some(ALICE));
    }
}
