//! What an operator or an administrator at the provider can cause: pages and log lines name who can correct it.

use crate::world::{APP, PUBLIC, Pair, Plan, World};
use gatepost_kit::entra::Entra;

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_is_not_there_is_for_the_operator_to_correct() {
    let entra = Entra::start().await;
    let wrong = format!("{}/nowhere", entra.authority());
    let plan = Plan::default().env("GATEPOST_PROVIDERS__ENTRA__AUTHORITY", wrong);
    let world = plan.start_with(Pair::Embedded, entra).await;
    let trip = world.browser().navigate(&world.url(APP, "/")).await;
    let page = trip.end();
    assert_eq!(page.status, 502, "{}", page.body);
    assert!(page.body.contains("the operator of this site"), "{}", page.body);
    assert!(!page.body.contains("it is temporary"), "{}", page.body);
    let line = world.gatepost.wait_for_line("documents cannot be fetched").await;
    assert!(line.contains("/nowhere/") && line.contains("authority"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_about_a_busy_provider_shows_the_wait_that_the_provider_requests() {
    let world = World::start(Pair::Embedded).await;
    world.entra.at_the_browser(Some("alice"));
    world.entra.throttle_token("7");
    let trip = world.browser().impatient().navigate(&world.url(APP, "/")).await;
    let page = trip.end();
    assert_eq!((page.status, page.header("retry-after")), (503, Some("7")), "{}", page.body);
    let line = world.gatepost.wait_for_line("did not go on").await;
    assert!(line.contains("status 429, the provider asks to wait 7 s"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_who_returns_from_consent_gets_no_page_about_blocked_cookies() {
    let world = World::start(Pair::Embedded).await;
    let ask = async |query: &str| {
        let url = world.url(PUBLIC, &format!("/callback/entra?{query}"));
        let answer = world.browser().get(&url).await;
        assert!(!answer.body.contains("cookies are blocked"), "{}", answer.body);
        answer
    };
    let answer = ask("admin_consent=True&tenant=11111111-1111-4111-8111-111111111111").await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("consent"), "{}", answer.body);
    let declined = "admin_consent=True&error=access_denied&error_description=AADSTS65004%3A+declined";
    let answer = ask(declined).await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("AADSTS65004"), "{}", answer.body);
}
