//! People and requirements: the explanation beside the live answer.

use super::{PEOPLE, asked, explained, step, told, world};
use crate::answers::{Asked, Told};
use crate::world::{APP, MCP_GITHUB, PUBLIC, Plan, World, alice};
use gatepost_core::header_names::IDENTITY_HEADERS;
use gatepost_kit::client::Client;
use serde_json::Value;

const REQUIREMENTS: [&str; 9] = [
    "",
    "group=MCP-GitHub",
    "group=No-Such&group=MCP-GitHub",
    "group=No-Such",
    "tenant=github",
    "tenant=no-such&tenant=github&group=MCP-GitHub",
    "tenant=no-such",
    "admin=true",
    "max_age=86400&api=true",
];

/// Status and identity headers of both, and where a redirect leads.
fn assert_same(explained: &Value, live: &Told, why: &str) {
    let answer = &explained["answer"];
    assert_eq!(answer["status"], live.status, "{why}: {explained:#}\n{live:?}");
    for name in IDENTITY_HEADERS {
        assert_eq!(answer["headers"][name].as_str(), live.header(name), "{why}: {name}");
    }
    let led_to =
        live.header("location").map(|to| to.split_once("?to=").unwrap_or_else(|| panic!("{why}: {to}")).0);
    let said = answer["headers"]["location"].as_str();
    assert_eq!(said, led_to.map(|place| format!("{place}?to=...")).as_deref(), "{why}");
    assert_eq!(explained["allowed"], live.status == 200, "{why}");
}

async fn assert_as_live(world: &World, browser: &Client, who: &str, requirement: &str) {
    let why = format!("{who}: {requirement}");
    let page = asked(world, who, requirement, &[]).await;
    assert_eq!(page["sign_in_first"], Value::Null, "{why}: {page:#}");
    assert_same(&page, &Asked::navigation("/x").requiring(requirement).by(browser).of(world).await, &why);
}

both_pairs! {
    async fn what_explain_predicts_for_a_person_and_a_requirement_is_what_verify_answers(pair) {
        let world = world(pair).await;
        for who in PEOPLE {
            let browser = world.signed_in(who).await;
            for requirement in REQUIREMENTS {
                assert_as_live(&world, &browser, who, requirement).await;
            }
            let change = asked(&world, who, "group=MCP-GitHub", &["--method", "POST"]).await;
            let live = Asked::fetch("/x").with("X-Forwarded-Method", "POST").requiring("group=MCP-GitHub");
            assert_same(&change, &live.clone().by(&browser).of(&world).await, who);
            let other = asked(&world, who, "group=MCP-GitHub", &["--method", "POST", "--from", "https://evil.example"]).await;
            let live = live.without("Sec-Fetch-Site").with("Origin", "https://evil.example");
            assert_same(&other, &live.by(&browser).of(&world).await, who);
            assert_eq!((&other["reason"], &step(&other, "origin")["mark"]), (&"cross_origin".into(), &"no".into()));
        }
    }

    async fn without_a_session_the_sign_in_is_explained_first_and_then_the_answer_after_it(pair) {
        let world = world(pair).await;
        let browser = world.signed_in("alice").await;
        let met = "group=MCP-GitHub";
        let signed_in = asked(&world, "alice", met, &[]).await;
        world.cli(&["session", "end", "--user", "alice@example.com"]).await;
        let gone = asked(&world, "alice", met, &[]).await;
        assert_eq!(step(&gone, "sessions")["is_assumed"], true);
        assert_eq!((&gone["sign_in_first"]["status"], &gone["answer"]), (&302.into(), &signed_in["answer"]));
        let live = Asked::navigation("/x").requiring(met).by(&browser).of(&world).await;
        assert_eq!(live.status, 302, "{live:?}");
        let fetched = asked(&world, "alice", met, &["--method", "POST"]).await;
        assert_eq!(fetched["sign_in_first"]["status"], 401);
    }

    async fn a_person_who_may_not_sign_in_is_explained_with_the_fix(pair) {
        let world = world(pair).await;
        let (alice, bob) = (world.signed_in("alice").await, world.signed_in("bob").await);
        world.cli(&["user", "disable", "alice@example.com"]).await;
        let disabled = asked(&world, "alice", "", &[]).await;
        assert_eq!((&disabled["reason"], &step(&disabled, "person")["mark"]), (&"user_disabled".into(), &"no".into()));
        assert!(step(&disabled, "person")["text"].as_str().unwrap().contains("gatepost user enable alice@example.com"));
        assert_same(&disabled, &Asked::navigation("/x").by(&alice).of(&world).await, "disabled");
        let text = told(&world, &["--user", "alice@example.com", "--url", &world.url(APP, "/x")]).await;
        assert!(text.contains("/verify answers 302") && !text.contains("after the sign-in"), "{text}");

        let id = step(&asked(&world, "bob", "", &[]).await, "person")["id"].as_str().unwrap().to_owned();
        world.cli(&["user", "release", "bob@example.com"]).await;
        let guest = explained(&world, &["--user", &id, "--url", &world.url(APP, "/x")]).await;
        assert_eq!((&guest["reason"], &step(&guest, "person")["email"]), (&"no_address".into(), &Value::Null));
        assert_same(&guest, &Asked::navigation("/x").by(&bob).of(&world).await, "without an address");
    }

    async fn each_membership_names_its_source_and_the_way_into_a_tenant(pair) {
        let world = world(pair).await;
        world.signed_in("alice").await;
        let explanation = asked(&world, "alice", "group=MCP-GitHub&tenant=github", &[]).await;
        let group = &step(&explanation, "groups")["required"][0];
        assert_eq!((&group["name"], &group["is_member"]), (&"MCP-GitHub".into(), &true.into()));
        let source = serde_json::json!([{
            "source": "provider", "external": format!("entra:{MCP_GITHUB}"), "display_name": null, "link": "manual",
        }]);
        assert_eq!(group["sources"], source);
        let tenant = &step(&explanation, "tenants")["required"][0];
        assert_eq!((&tenant["role"], &tenant["through"]), (&"viewer".into(), &serde_json::json!({ "MCP-GitHub": "viewer" })));

        let erin = step(&asked(&world, "erin", "tenant=github&admin=true", &[]).await, "admin").clone();
        assert_eq!((&erin["is_admin"], &erin["explicit"], &erin["reasons"]), (&true.into(), &true.into(), &serde_json::json!([])));
        for (who, reason) in [("carol", "group MCP-Admin"), ("dave", "role entra:Boss")] {
            world.signed_in(who).await;
            let explanation = asked(&world, who, "tenant=github&admin=true", &[]).await;
            let admin = step(&explanation, "admin");
            assert_eq!((&admin["is_admin"], &admin["reasons"]), (&true.into(), &serde_json::json!([reason])), "{who}");
            let tenant = &step(&explanation, "tenants")["required"][0];
            assert_eq!((&tenant["role"], &tenant["through"]), (&"admin".into(), &serde_json::json!({})), "{who}");
        }
    }

    async fn a_group_that_has_the_name_only_at_its_provider_is_explained_with_the_missing_link(pair) {
        let world = Plan::default().env("GATEPOST_PROVIDERS__ENTRA__GROUPS", "graph").start(pair).await;
        world.entra.add(alice());
        let browser = world.signed_in("alice").await;
        let before = asked(&world, "alice", "group=MCP-GitHub", &[]).await;
        let group = &step(&before, "groups")["required"][0];
        let namesake = format!("entra:{MCP_GITHUB}");
        assert_eq!((&group["is_member"], &group["exists"]), (&false.into(), &false.into()));
        assert_eq!((&group["namesakes"], &before["reason"]), (&serde_json::json!([namesake]), &"group_missing".into()));
        world.cli(&["group", "link", "MCP-GitHub", &namesake]).await;
        assert_as_live(&world, &browser, "alice", "group=MCP-GitHub").await;
    }

    async fn what_fails_for_everybody_is_an_explanation(pair) {
        let world = world(pair).await;
        let browser = world.signed_in("alice").await;
        let (app, port) = (world.url(APP, "/x"), world.edge.addr().port());
        for (url, requirement, reason) in [
            (format!("https://evil.example:{port}/x"), "", "unknown_host"),
            (format!("https://a.b.example.test:{port}/x"), "", "unknown_host"),
            (world.url(PUBLIC, "/x"), "", "unknown_host"),
            (app.replace("https", "http"), "", "plain_http"),
            (app.clone(), "grup=MCP-GitHub", "malformed_requirement"),
            (app.clone(), "admin=false", "malformed_requirement"),
        ] {
            let explanation =
                explained(&world, &["--user", "alice@example.com", "--url", &url, "--require", requirement]).await;
            let parts: Vec<&str> = url.split('/').collect();
            let live = Asked::navigation("/x")
                .with("X-Forwarded-Proto", parts[0].trim_end_matches(':'))
                .with("X-Forwarded-Host", parts[2])
                .requiring(requirement)
                .by(&browser);
            assert_same(&explanation, &live.of(&world).await, &url);
            assert_eq!(explanation["reason"], reason, "{url}");
            assert_eq!(explanation["steps"].as_array().unwrap().last().unwrap()["step"], "decision");
        }
        let reserved =
            explained(&world, &["--user", "alice@example.com", "--url", &world.url(APP, "/.gatepost/logout")]).await;
        assert_eq!((&reserved["answer"], &reserved["allowed"]), (&Value::Null, &false.into()));
    }
}
