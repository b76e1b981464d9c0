//! A provider changes a person's address: what applications get, what the log says, and what an administrator may do
//! (`GATEPOST_ADDRESS_CHANGES`).

use crate::refresh::{plan, use_until};
use crate::replicas::another;
use crate::world::{APP, Pair, Plan, World, alice, heard};
use gatepost_kit::client::Client;
use gatepost_kit::edge::Route;
use gatepost_kit::entra::Person;

const OLD: &str = "alice@example.com";
const NEW: &str = "alice@married.example";

fn newcomer() -> Person {
    Person::named("newcomer").email(OLD)
}

async fn world(pair: Pair, plan: Plan, changes: &str) -> World {
    let world = plan.env("GATEPOST_ADDRESS_CHANGES", changes).start(pair).await;
    world.entra.add(alice());
    world
}

fn marry(world: &World) {
    world.entra.update("alice", |alice| *alice = alice.clone().email(NEW));
}

async fn address(world: &World, browser: &Client) -> Option<String> {
    browser.fetch(&world.url(APP, "/")).await.echoed().header("x-user-email").map(str::to_owned)
}

async fn refused(world: &World, who: &str) -> String {
    world.entra.at_the_browser(Some(who));
    let trip = world.browser().navigate(&world.url(APP, "/")).await;
    assert_eq!(trip.end().status, 403, "{}\n{}", trip.describe(), trip.end().body);
    trip.end().body.clone()
}

both_pairs! {
    async fn a_refresh_changes_the_header_where_addresses_follow_and_the_log_states_the_consequence(pair) {
        let world = world(pair, plan(), "follow").await;
        let browser = world.signed_in("alice").await;
        assert_eq!(address(&world, &browser).await.as_deref(), Some(OLD));
        marry(&world);
        use_until(&world, &browser, "the new address", |answer| answer.status == 200 && answer.echoed().header("x-user-email") == Some(NEW)).await;
        let line = world.gatepost.wait_for_line("the provider changed a person's address").await;
        assert!(line.contains("WARN") && line.contains(OLD) && line.contains(NEW) && line.contains("GATEPOST_ADDRESS_CHANGES=keep"), "{line}");

        world.entra.add(newcomer());
        let other = world.signed_in("newcomer").await;
        assert_eq!(address(&world, &other).await.as_deref(), Some(OLD));
        let line = world.gatepost.wait_for_line("an address that another person had before").await;
        assert!(line.contains("WARN") && line.contains(OLD) && line.contains("account"), "{line}");
        let audited = world.cli(&["audit", "list", "--user", OLD, "--action", "user.take_address"]).await;
        assert!(audited.contains("user.take_address") && audited.contains(OLD), "{audited}");
    }

    async fn a_kept_address_stays_in_the_header_until_an_administrator_changes_it(pair) {
        let world = world(pair, plan(), "keep").await;
        let browser = world.signed_in("alice").await;
        marry(&world);
        let mut seen = Vec::new();
        use_until(&world, &browser, "the refresh", |answer| {
            if answer.status == 200 {
                seen.push(answer.echoed().header("x-user-email").map(str::to_owned));
            }
            world.gatepost.logs().iter().any(|line| line.contains("until an administrator changes it"))
        })
        .await;
        let line = world.gatepost.wait_for_line("until an administrator changes it").await;
        assert!(line.contains("WARN") && line.contains(OLD) && line.contains(NEW), "{line}");
        let again = world.signed_in("alice").await;
        for browser in [&browser, &again] {
            assert_eq!(address(&world, browser).await.as_deref(), Some(OLD));
        }
        assert!(seen.iter().all(|seen| seen.as_deref() == Some(OLD)), "{seen:?}");
        let shown = world.cli(&["user", "show", NEW]).await;
        assert!(shown.contains(OLD) && shown.contains(&format!("asserts {NEW}")), "{shown}");

        world.entra.add(newcomer());
        let page = refused(&world, "newcomer").await;
        assert!(page.contains("Another account holds your address"), "{page}");
        let line = world.gatepost.wait_for_line("an address is one person's").await;
        assert!(line.contains(&format!("gatepost user address {OLD} --to NEW")), "{line}");

        let done = world.cli(&["user", "address", OLD, "--to", "Alice@Married.example"]).await;
        assert_eq!(done, format!("Applications get {NEW} for {OLD} from now on.\nThe next person who signs in with {OLD} gets it, and with it the account that applications keep under it.\n"));
        for browser in [&browser, &again] {
            assert_eq!(address(&world, browser).await.as_deref(), Some(NEW), "at once");
        }
        assert_eq!(world.cli(&["user", "address", NEW, "--to", NEW]).await, format!("Applications already get {NEW} for this person.\n"));
        let other = world.signed_in("newcomer").await;
        assert_eq!(address(&world, &other).await.as_deref(), Some(OLD));
        let held = world.cli_refuses(&["user", "address", NEW, "--to", OLD]).await;
        assert!(held.contains("alice@example.com is the address of another person") && held.contains("hint: "), "{held}");
        let moved = world.cli(&["user", "address", NEW, "--to", "alice@fourth.example"]).await;
        assert!(moved.ends_with(&format!("The provider still asserts {NEW} for this person, so nobody else can get it.\n")), "{moved}");
        world.cli(&["user", "address", NEW, "--to", NEW]).await;
        let back = world.cli(&["user", "address", NEW, "--to", "alice@third.example", "--json"]).await;
        let back: serde_json::Value = serde_json::from_str(&back).unwrap();
        assert_eq!((&back["email"], &back["former_email"], &back["changed"]), (&"alice@third.example".into(), &NEW.into(), &true.into()));
        let taken = world.cli(&["user", "address", OLD, "--to", "alice@fourth.example"]).await;
        assert!(taken.contains("give that user's account to this person"), "{taken}");
    }

    async fn a_command_gives_nobody_an_address_that_the_gate_would_not_keep(pair) {
        let mut world = world(pair, Plan::default().env("GATEPOST_PROVIDERS__ENTRA__ALLOWED_DOMAINS", "example.com,machine.auth.example.test"), "follow").await;
        let browser = world.signed_in("alice").await;
        let refused = world.cli_refuses(&["user", "address", OLD, "--to", "a@example.com"]).await;
        assert!(refused.contains("addresses follow the provider") && refused.contains("GATEPOST_ADDRESS_CHANGES=keep"), "{refused}");
        world.builder = world.builder.env("GATEPOST_ADDRESS_CHANGES", "keep");
        for (to, why) in [("a@firma.example", "is not in ALLOWED_DOMAINS of entra"), ("bot@machine.auth.example.test", "domain for machines")] {
            let refused = world.cli_refuses(&["user", "address", OLD, "--to", to]).await;
            assert!(refused.contains(why), "{refused}");
        }
        assert_eq!(address(&world, &browser).await.as_deref(), Some(OLD));
    }

    async fn a_kept_address_of_a_domain_that_is_no_longer_allowed_is_refused_and_the_log_has_the_fix(pair) {
        let domains = "GATEPOST_PROVIDERS__ENTRA__ALLOWED_DOMAINS";
        let mut world = world(pair, plan().env(domains, "example.com,married.example"), "keep").await;
        let browser = world.signed_in("alice").await;
        marry(&world);
        world.gatepost.sigterm();
        world.gatepost.wait_exit().await;
        world.builder = world.builder.env(domains, "married.example");
        world.gatepost = world.builder.start().await;
        world.gatepost.wait_ready().await;
        gatepost_kit::process::until("the session to end", crate::refresh::DEADLINE, async || {
            (browser.fetch(&world.url(APP, "/")).await.status == 401).then_some(())
        })
        .await;
        world.gatepost.wait_for_line("a session ends: the provider is not allowed to assert the domain").await;
        let page = refused(&world, "alice").await;
        assert!(page.contains("Your address is no longer allowed here") && page.contains(OLD), "{page}");
        let line = world.gatepost.wait_for_line("a sign-in or sign-out did not go on").await;
        assert!(line.contains("list the domain in ALLOWED_DOMAINS") && line.contains(&format!("gatepost user address {OLD} --to NEW")), "{line}");
        world.cli(&["user", "address", OLD, "--to", NEW]).await;
        let back = world.signed_in("alice").await;
        assert_eq!(address(&world, &back).await.as_deref(), Some(NEW));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_replica_sends_the_address_that_an_administrator_gave() {
    let world = world(Pair::Shared, Plan::default(), "keep").await;
    let second = another(&world).await;
    let browser = world.signed_in("alice").await;
    for replica in [&world.gatepost, &second] {
        world.edge.set_route(APP, Route::gated(replica.verify_url(""), world.app.addr()));
        assert_eq!(address(&world, &browser).await.as_deref(), Some(OLD));
    }
    world.cli(&["user", "address", OLD, "--to", NEW]).await;
    heard(second.internal()).await;
    assert_eq!(address(&world, &browser).await.as_deref(), Some(NEW));
}
