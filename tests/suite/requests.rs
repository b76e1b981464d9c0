//! People ask for access that they were refused; administrators decide; the account page shows it.

mod portal;

use crate::cli::sql;
use crate::world::{APP, PUBLIC, Pair, Plan, World, alice};
use gatepost_kit::client::{Answer, Client, Kind, Trip};
use gatepost_kit::entra::Person;
use gatepost_kit::process::until;
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(20);
const FINANCE: &str = "finance.example.test";
const TENANT: &str = "tenant.example.test";
const BOTH: &str = "both.example.test";
const ADMINS: &str = "admins.example.test";
const MANY: &str = "many.example.test";

/// Alice is in a group, Bob too, Nobody in none. Each host requires something else.
pub async fn world(pair: Pair, anybody: bool) -> World {
    let many = (1..=6).map(|n| format!("group=G{n}")).collect::<Vec<_>>().join("&");
    let plan = Plan::default()
        .env("GATEPOST_REQUESTS__ANYBODY", anybody.to_string())
        .route(FINANCE, "group=Finance")
        .route(TENANT, "tenant=github")
        .route(BOTH, "group=Finance&group=Law&tenant=github")
        .route(ADMINS, "group=Finance&admin=true")
        .route(MANY, &many);
    let world = plan.start(pair).await;
    world.entra.add(alice());
    world.entra.add(Person::named("bob").group(crate::world::MCP_GITHUB, "MCP-GitHub"));
    world.entra.add(Person::named("nobody"));
    let groups = ["Finance", "Law", "G1", "G2", "G3", "G4", "G5", "G6"];
    let add = groups.map(|group| ["group", "add", group, "somebody@example.com"]);
    let mut commands: Vec<&[&str]> = add.iter().map(|command| &command[..]).collect();
    commands.push(&["tenant", "create", "github"]);
    world.cli_all(&commands).await;
    world
}

/// The page with which a host refuses this browser.
async fn refused(world: &World, browser: &Client, host: &str) -> Answer {
    let trip = browser.navigate(&world.url(host, "/secret?x=1")).await;
    assert_eq!(trip.end().status, 403, "{}\n{}", trip.describe(), trip.end().body);
    trip.end().clone()
}

fn link_of(page: &Answer) -> Option<String> {
    let (before, _) = page.body.split_once("\">Ask for access</a>")?;
    Some(before.rsplit_once("href=\"")?.1.to_owned())
}

/// The form that the page of the refusal leads to, as soon as the refusal is stored.
async fn form(world: &World, browser: &Client, host: &str) -> (String, Answer) {
    let page = refused(world, browser, host).await;
    let link = link_of(&page).unwrap_or_else(|| panic!("no link: {}", page.body));
    assert!(link.starts_with(&world.url(PUBLIC, "/requests/new?refusal=")), "{link}");
    let form = until("the refusal to be stored", DEADLINE, async || {
        let form = browser.get(&link).await;
        if form.status == 503 {
            assert_eq!(form.header("retry-after"), Some("2"), "{}", form.body);
            assert!(form.body.contains("not stored yet"), "{}", form.body);
            return None;
        }
        Some(form)
    })
    .await;
    (link, form)
}

/// Asks for what a host wants.
pub async fn ask_for(world: &World, browser: &Client, host: &str, fields: &[(&str, &str)]) {
    let (link, _) = form(world, browser, host).await;
    let trip = ask(world, browser, &link, fields).await;
    assert!(
        trip.end().body.contains("You have asked for access."),
        "{}\n{}",
        trip.describe(),
        trip.end().body
    );
}

fn number_of(link: &str) -> &str {
    link.split_once("refusal=").unwrap().1
}

async fn ask(world: &World, browser: &Client, link: &str, fields: &[(&str, &str)]) -> Trip {
    let fields = [&[("refusal", number_of(link))], fields].concat();
    browser.submit(link, &world.url(PUBLIC, "/requests/new"), &fields).await
}

pub async fn open_requests(world: &World) -> Vec<Value> {
    serde_json::from_str(&world.cli(&["request", "list", "--json"]).await).unwrap()
}

async fn account(world: &World, browser: &Client) -> String {
    browser.get(&world.url(PUBLIC, "/")).await.body
}

both_pairs! {
    async fn a_person_asks_for_what_they_lack_and_enters_when_it_is_granted(pair) {
        let world = world(pair, false).await;
        let browser = world.signed_in("alice").await;
        assert!(!account(&world, &browser).await.contains("My requests"));
        let (link, form) = form(&world, &browser, FINANCE).await;
        assert_eq!(form.status, 200, "{}", form.body);
        assert!(form.body.contains("<b>Finance</b>") && form.body.contains(FINANCE), "{}", form.body);
        assert!(form.body.contains("The administrators of this site see"), "{}", form.body);
        let trip = ask(&world, &browser, &link, &[("group", "Finance"), ("note", "for <the> audit")]).await;
        assert_eq!((trip.end().status, trip.end().url.path()), (200, "/"), "{}", trip.describe());
        let page = &trip.end().body;
        for text in ["You have asked for access.", "My requests", "group Finance", "waiting", "Withdraw"] {
            assert!(page.contains(text), "{text}: {page}");
        }
        // A second time changes nothing.
        ask(&world, &browser, &link, &[("group", "Finance")]).await;
        let open = open_requests(&world).await;
        assert_eq!(open.len(), 1, "{open:?}");
        assert_eq!((&open[0]["email"], &open[0]["group"], &open[0]["note"]), (&"alice@example.com".into(), &"Finance".into(), &"for <the> audit".into()));
        let id = open[0]["id"].as_str().unwrap();
        let dry = world.cli(&["request", "grant", id, "--dry-run"]).await;
        assert!(dry.contains("alice@example.com"), "{dry}");
        assert_eq!(open_requests(&world).await.len(), 1);
        let granted = world.cli(&["request", "grant", id, "--for", "8h"]).await;
        assert!(granted.contains("alice@example.com now has access to group Finance until "), "{granted}");
        let entered = browser.navigate(&world.url(FINANCE, "/secret")).await;
        assert_eq!(entered.end().status, 200, "{}", entered.describe());
        let page = account(&world, &browser).await;
        assert!(page.contains("Granted until") && !page.contains("Withdraw"), "{page}");
        let again = world.cli_refuses(&["request", "decline", id, "--answer", "no"]).await;
        assert!(again.contains("is granted already"), "{again}");
        let until: i64 = sql(&world, "SELECT CAST(until AS text) FROM manual_memberships WHERE until IS NOT NULL").await[0].parse().unwrap();
        let left = until - gatepost_core::clock::Timestamp::now().unix();
        assert!((7 * 3600..=8 * 3600).contains(&left), "{left}");
    }

    async fn a_request_is_declined_with_a_word_or_withdrawn(pair) {
        let world = world(pair, false).await;
        let browser = world.signed_in("alice").await;
        let (link, form) = form(&world, &browser, BOTH).await;
        assert!(form.body.contains("<option value=\"Law\">") && form.body.contains("<b>github</b>"), "{}", form.body);
        assert!(form.body.contains("The administrators of the tenant and of this site see"), "{}", form.body);
        ask(&world, &browser, &link, &[("group", "Law"), ("tenant", "github")]).await;
        let open = open_requests(&world).await;
        assert_eq!((&open[0]["group"], &open[1]["tenant"]), (&"Law".into(), &"github".into()), "both that were missing");
        world.cli(&["request", "decline", open[0]["id"].as_str().unwrap(), "--answer", "Ask <Legal> first."]).await;
        let page = account(&world, &browser).await;
        assert!(page.contains("declined") && page.contains("Answer: Ask &#60;Legal&#62; first."), "{page}");
        let withdraw = [("request", open[1]["id"].as_str().unwrap())];
        let trip = browser.submit(&world.url(PUBLIC, "/"), &world.url(PUBLIC, "/requests/withdraw"), &withdraw).await;
        assert!(trip.end().body.contains("The request was withdrawn."), "{}", trip.describe());
        assert_eq!(open_requests(&world).await, Vec::<Value>::new());
        let refused = world.cli_refuses(&["request", "grant", open[1]["id"].as_str().unwrap()]).await;
        assert!(refused.contains("is withdrawn already"), "{refused}");
    }

    async fn only_who_could_be_helped_by_a_group_or_a_tenant_is_offered_to_ask(pair) {
        let world = world(pair, false).await;
        let browser = world.signed_in("alice").await;
        for (host, is_offered) in [(FINANCE, true), (TENANT, true), (BOTH, true), (ADMINS, false)] {
            assert_eq!(link_of(&refused(&world, &browser, host).await).is_some(), is_offered, "{host}");
        }
        let json = browser.fetch(&world.url(FINANCE, "/")).await;
        assert!(json.status == 403 && !json.body.contains("/requests/new"), "{}", json.body);
        let cross = browser.request(Method::POST, &world.url(FINANCE, "/")).header("sec-fetch-site", "cross-site").send().await;
        assert!(cross.status == 403 && !cross.body.contains("/requests/new"), "{}", cross.body);
        world.entra.forget_browsers();
        let nobody = world.signed_in("nobody").await;
        let page = refused(&world, &nobody, FINANCE).await;
        assert_eq!(link_of(&page), None, "{}", page.body);
        // Neither do they get the form for their own refusal by writing its address.
        let number = page.body.split("Request <code>").nth(1).unwrap().split('<').next().unwrap();
        let url = world.url(PUBLIC, &format!("/requests/new?refusal={number}"));
        assert_eq!(nobody.get(&url).await.status, 404);
        let posted = nobody.submit(&url, &world.url(PUBLIC, "/requests/new"), &[("refusal", number), ("group", "Finance")]).await;
        assert_eq!(posted.end().status, 404);
    }

    async fn people_without_a_group_ask_where_the_settings_let_anybody_ask(pair) {
        let world = world(pair, true).await;
        let nobody = world.signed_in("nobody").await;
        let (link, form) = form(&world, &nobody, FINANCE).await;
        assert_eq!(form.status, 200);
        ask(&world, &nobody, &link, &[("group", "Finance")]).await;
        assert_eq!(open_requests(&world).await.len(), 1);
    }

    async fn nobody_asks_by_anothers_refusal_or_for_what_was_not_missing(pair) {
        let world = world(pair, false).await;
        let alice = world.signed_in("alice").await;
        let (link, _) = form(&world, &alice, FINANCE).await;
        world.entra.forget_browsers();
        let bob = world.signed_in("bob").await;
        assert_eq!(bob.get(&link).await.status, 404);
        assert_eq!(ask(&world, &bob, &link, &[("group", "Finance")]).await.end().status, 404);
        for fields in [&[("group", "Law")][..], &[("tenant", "github")], &[]] {
            assert_eq!(ask(&world, &alice, &link, fields).await.end().status, 404, "{fields:?}");
        }
        let admins = refused(&world, &alice, ADMINS).await;
        let number = admins.body.split("Request <code>").nth(1).unwrap().split('<').next().unwrap();
        let url = world.url(PUBLIC, &format!("/requests/new?refusal={number}"));
        until("the refusal that asks for an administrator to be stored", DEADLINE, async || {
            (alice.get(&url).await.status == 404).then_some(())
        })
        .await;
        for number in ["", "x", "0199d1f05b7c7d2e8a3f0123456789ab"] {
            assert_eq!(alice.get(&world.url(PUBLIC, &format!("/requests/new?refusal={number}"))).await.status, 404, "{number}");
        }
        // Another site's page makes the browser send the whole form.
        let fields = [("refusal", number_of(&link)), ("group", "Finance")];
        let forged = alice.request(Method::POST, &world.url(PUBLIC, "/requests/new")).from(&world.url(APP, "/")).form(&fields).send().await;
        assert_eq!(forged.status, 403, "{}", forged.body);
        assert_eq!(open_requests(&world).await, Vec::<Value>::new());
        ask(&world, &alice, &link, &[("group", "Finance")]).await;
        let id = open_requests(&world).await[0]["id"].as_str().unwrap().to_owned();
        let stolen = bob.submit(&world.url(PUBLIC, "/"), &world.url(PUBLIC, "/requests/withdraw"), &[("request", &id)]).await;
        assert_eq!(stolen.end().status, 404);
        let forged = alice.request(Method::POST, &world.url(PUBLIC, "/requests/withdraw")).kind(Kind::Navigation).from(&world.url(APP, "/")).form(&[("request", &id)]).send().await;
        assert_eq!(forged.status, 403);
        assert_eq!(open_requests(&world).await.len(), 1);
    }

    async fn the_form_says_why_nothing_was_asked_and_keeps_the_text(pair) {
        let world = world(pair, false).await;
        let browser = world.signed_in("alice").await;
        let (link, _) = form(&world, &browser, MANY).await;
        let long = "x".repeat(281);
        let refused = ask(&world, &browser, &link, &[("group", "G1"), ("note", &long)]).await;
        assert_eq!(refused.end().status, 422, "{}", refused.describe());
        assert!(refused.end().body.contains(&long) && refused.end().body.contains("280 characters"), "{}", refused.end().body);
        for group in ["G1", "G2", "G3", "G4", "G5"] {
            assert_eq!(ask(&world, &browser, &link, &[("group", group)]).await.end().status, 200, "{group}");
        }
        let sixth = ask(&world, &browser, &link, &[("group", "G6"), ("note", "please")]).await;
        assert_eq!(sixth.end().status, 429);
        assert!(sixth.end().body.contains("five times") && sixth.end().body.contains(">please</textarea>"), "{}", sixth.end().body);
        assert_eq!(open_requests(&world).await.len(), 5);
        world.cli(&["group", "add", "G6", "alice@example.com"]).await;
        assert_eq!(ask(&world, &browser, &link, &[("group", "G6")]).await.end().status, 409);
        sql(&world, "DELETE FROM groups WHERE name = 'G5' RETURNING 'gone'").await;
        let gone = ask(&world, &browser, &link, &[("group", "G5")]).await;
        assert_eq!(gone.end().status, 409);
        assert!(gone.end().body.contains("does not exist here"), "{}", gone.end().body);
    }
}
