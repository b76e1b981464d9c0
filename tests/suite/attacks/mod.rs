//! What an attacker tries with links, callbacks, tickets, cookies and forms.
//!
//! Mallory has an account of her own. She never ends up as Alice, and Alice never as Mallory.

mod callback;
mod handed_over;
mod invalid_codes;
mod limits;
mod long_links;
mod records;
mod redirects;
mod repeated;
mod sign_out;
mod subresources;
mod tampering;

pub use callback::two_providers;

use crate::world::{APP, Pair, World};
use gatepost_kit::client::{Client, Trip};
use gatepost_kit::entra::{Endpoint, Person};
use url::Url;

const ALICE: &str = "alice@example.com";
const MALLORY: &str = "mallory@example.com";

/// Alice's world, with Mallory in it.
async fn world(pair: Pair) -> World {
    let world = World::start(pair).await;
    world.entra.add(Person::named("mallory"));
    world
}

/// Follows redirects from `url` and stops before the address whose path begins with `path` is asked for.
pub async fn stop_before(browser: &Client, url: &str, path: &str) -> Url {
    let mut answer = browser.get(url).await;
    for _ in 0..12 {
        let next =
            answer.location().unwrap_or_else(|| panic!("{} {}: {}", answer.status, answer.url, answer.body));
        if next.path().starts_with(path) {
            return next;
        }
        answer = browser.get(next.as_str()).await;
    }
    panic!("no way to {path} from {url}")
}

/// Who this browser is to the application.
async fn who(world: &World, browser: &Client) -> Option<String> {
    let answer = browser.fetch(&world.url(APP, "/")).await;
    assert!(matches!(answer.status, 200 | 401), "{}: {}", answer.status, answer.body);
    (answer.status == 200).then(|| answer.echoed().header("x-user-email").unwrap().to_owned())
}

pub fn parameter(url: &Url, name: &str) -> String {
    let found = url.query_pairs().find(|(own, _)| own == name);
    found.unwrap_or_else(|| panic!("no {name} in {url}")).1.into_owned()
}

/// How often this code was presented to the provider.
fn presentations(world: &World, code: &str) -> usize {
    let calls = world.entra.calls();
    calls
        .iter()
        .filter(|call| call.endpoint == Endpoint::Token && call.form_field("code") == Some(code))
        .count()
}

/// The trip ended at the application as this person.
fn assert_ends_as(trip: &Trip, email: &str, uri: &str) {
    assert_eq!(trip.end().status, 200, "{}\n{}", trip.describe(), trip.end().body);
    let received = trip.end().echoed();
    assert_eq!(
        (received.header("x-user-email"), received.uri.as_str()),
        (Some(email), uri),
        "{}",
        trip.describe()
    );
}
