//! Which address of a person counts, and what is said where none does: a page for the person, a log line for the operator.

use crate::world::{APP, Plan, World, alice};
use gatepost_kit::entra::Person;
use gatepost_kit::process::until;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(40);

fn joerg() -> Person {
    Person::named("joerg").email("jörg@firma.example").preferred_username("joerg@firma.example")
}

/// Signs somebody in who is refused by this rule; returns the page and the log line.
async fn refused(world: &World, who: &str, rule: &str) -> (String, String) {
    world.entra.at_the_browser(Some(who));
    let browser = world.browser();
    let trip = browser.navigate(&world.url(APP, "/")).await;
    let page = trip.end();
    assert_eq!(page.status, 403, "{}\n{}", trip.describe(), page.body);
    let line = world.gatepost.wait_for_line(rule).await;
    (page.body.clone(), line)
}

both_pairs! {
    async fn an_email_that_is_no_address_does_not_hide_the_name_that_is_one(pair) {
        let world = World::start(pair).await;
        world.entra.add(joerg());
        world.entra.add(Person::named("zoe").email(""));
        for (who, address) in [("joerg", "joerg@firma.example"), ("zoe", "zoe@example.com")] {
            let browser = world.signed_in(who).await;
            let received = browser.fetch(&world.url(APP, "/")).await.echoed();
            assert_eq!(received.header("x-user-email"), Some(address));
        }
    }

    async fn the_log_has_the_rule_that_an_address_does_not_meet_and_the_page_stays_friendly(pair) {
        let plan = Plan::default().env("GATEPOST_PROVIDERS__ENTRA__ALLOWED_DOMAINS", "example.com,machine.auth.example.test");
        let world = plan.start(pair).await;
        for (person, rule) in [
            (Person::named("absent").email("").preferred_username(""), "it gave none"),
            (Person::named("malformed").email("jörg@example.com").preferred_username("+49 30 123456"), "not an address in ASCII"),
            (Person::named("foreign").email("a@firma.example"), "not in ALLOWED_DOMAINS"),
            (Person::named("machine").email("bot@machine.auth.example.test"), "reserved for machines"),
        ] {
            let who = person.handle.clone();
            world.entra.add(person);
            let (page, line) = refused(&world, &who, rule).await;
            assert!(page.contains("Your account has no usable address"), "{who}: {page}");
            assert!(!page.contains(rule) && !page.contains("ALLOWED_DOMAINS"), "{who}: {page}");
            assert!(line.contains("entra asserts no e-mail address that counts") && line.contains(rule), "{who}: {line}");
        }
    }

    async fn who_is_in_by_an_address_that_the_provider_may_not_assert_any_more_is_out_at_the_refresh(pair) {
        let mut world = Plan::default().env("GATEPOST_SESSION__REFRESH_INTERVAL", "2s").start(pair).await;
        world.entra.add(alice());
        world.entra.add(joerg());
        let (stays, goes) = (world.signed_in("alice").await, world.signed_in("joerg").await);
        world.gatepost.sigterm();
        world.gatepost.wait_exit().await;
        world.builder = world.builder.env("GATEPOST_PROVIDERS__ENTRA__ALLOWED_DOMAINS", "example.com");
        world.gatepost = world.builder.start().await;
        world.gatepost.wait_ready().await;
        until("the session to end", DEADLINE, async || {
            (goes.fetch(&world.url(APP, "/")).await.status == 401).then_some(())
        })
        .await;
        let line = world.gatepost.wait_for_line("no longer has a valid address").await;
        assert!(line.contains("not in ALLOWED_DOMAINS"), "{line}");
        refused(&world, "joerg", "asserts no e-mail address that counts: its domain is not").await;
        assert_eq!(stays.fetch(&world.url(APP, "/")).await.status, 200);
    }
}
