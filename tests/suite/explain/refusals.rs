//! Refusals by their number: kept, found, explained; and what is not kept.

use super::{explained, told, world};
use crate::answers::Asked;
use crate::cli::sql;
use crate::portal::{page, start};
use crate::world::{APP, COOKIE, World, run_command};
use gatepost_kit::client::Client;
use gatepost_kit::process::{find_ok, until};
use serde_json::Value;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

/// The explanation by number, once it is written.
pub(crate) async fn by_number(world: &World, number: &str) -> Value {
    until("the refusal to be written", SOON, async || {
        let (code, stdout, _) =
            run_command(&world.builder, &["explain", "--request", number, "--json"]).await;
        (code == Some(0)).then(|| serde_json::from_str(&stdout).unwrap())
    })
    .await
}

/// Every kept refusal, whole, as text.
async fn kept(world: &World) -> Vec<String> {
    sql(
        world,
        "SELECT request_id || ' ' || user_id || ' ' || host || ' ' || method || ' ' || path || ' ' || requirement || ' ' \
         || reason || ' ' || coalesce(missing, '') || ' ' || coalesce(asker, '') || ' ' || coalesce(address, '') \
         FROM refusals ORDER BY id",
    )
    .await
}

fn refused(browser: &Client) -> Asked {
    Asked::navigation("/x?token=hush").requiring("group=Finance").by(browser)
}

both_pairs! {
    async fn the_number_of_a_refused_sign_in_leads_to_what_the_audit_says(pair) {
        let (world, root) = start(pair).await;
        world.signed_in("bob").await;
        world.cli(&["user", "disable", "bob@example.com"]).await;
        world.entra.at_the_browser(Some("bob"));
        let refused = world.browser().navigate(&world.url(APP, "/")).await;
        let body = &refused.end().body;
        assert!(refused.end().status == 403 && body.contains("disabled"), "{}", refused.describe());
        let number = body.split(|c: char| !c.is_ascii_hexdigit()).rfind(|word| word.len() == 32).unwrap();
        let found = page(&world, &root, &format!("/admin/refusals/{number}")).await;
        assert!(found.status == 200 && found.body.contains("The audit has this number"), "{}", found.body);
        let link = found.body.split("href=\"").find(|link| link.starts_with("/admin/audit?")).unwrap();
        let entries = page(&world, &root, link.split('"').next().unwrap()).await.body;
        assert!(entries.contains("refused the sign-in of") && entries.contains(number), "{entries}");
        assert!(!entries.contains("user.disable"), "nothing else: {entries}");
        let by_request = format!("by request {number}");
        assert!(entries.contains(&by_request) && entries.contains(&format!("/api/v1/audit?request={number}")), "{entries}");
        assert!(entries.contains(&format!("via=api&#38;request={number}")) || entries.contains(&format!("via=api&amp;request={number}")), "filters keep it: {entries}");
        let unknown = page(&world, &root, &format!("/admin/refusals/{}", "0".repeat(32))).await;
        assert!(unknown.status == 404 && unknown.body.contains("No refusal has this number"), "{}", unknown.body);
    }

    async fn a_refusal_is_explained_by_the_number_on_its_page_until_it_is_fixed(pair) {
        let world = world(pair).await;
        let browser = world.signed_in("bob").await;
        let page = refused(&browser).of(&world).await;
        assert_eq!(page.status, 403, "{page:?}");
        let number = page.request_id();
        let explanation = by_number(&world, &number).await;
        let then = &explanation["refused"];
        for (name, value) in [
            ("email", "bob@example.com"),
            ("host", APP),
            ("method", "GET"),
            ("path", "/x"),
            ("kind", "navigation"),
            ("requirement", "group=Finance"),
            ("reason", "group_missing"),
            ("text", "refused: not in the group Finance"),
            ("address", "192.0.2.1"),
        ] {
            assert_eq!(then[name], value, "{name}: {then:#}");
        }
        assert_eq!((&then["status"], &explanation["mended"]), (&403.into(), &false.into()));
        let text = told(&world, &["--request", &number]).await;
        assert!(text.contains("it still does not pass") && text.contains("bob@example.com"), "{text}");
        let secret = browser.find_cookie(APP, COOKIE).unwrap();
        for (what, place) in [("text", &text), ("JSON", &explanation.to_string()), ("table", &kept(&world).await.join("\\n"))] {
            assert!(!place.contains("hush") && !place.contains(&secret), "{what}: {place}");
        }

        world.cli(&["group", "link", "Finance", "entra:00000000-0000-4000-8000-00000000a00f"]).await;
        world.entra.update("bob", |bob| *bob = bob.clone().group("00000000-0000-4000-8000-00000000a00f", "Finance"));
        world.signed_in("bob").await;
        let explanation = by_number(&world, &number).await;
        assert_eq!((&explanation["mended"], &explanation["refused"]["reason"]), (&true.into(), &"group_missing".into()));
        assert!(told(&world, &["--request", &number]).await.contains("it would pass"));
    }

    async fn every_kind_of_refusal_of_somebody_signed_in_is_kept(pair) {
        let world = world(pair).await;
        let browser = world.signed_in("alice").await;
        let change = Asked::fetch("/x").with("X-Forwarded-Method", "DELETE").without("Sec-Fetch-Site").by(&browser);
        let from = |origin: &str| change.clone().with("Origin", origin);
        let socket = Asked::for_uri("/s").with("Sec-WebSocket-Key", "eA==").by(&browser);
        for (request, status, reason, asker) in [
            (from("https://evil.example"), 403, "cross_origin", Some("https://evil.example")),
            (from("nonsense"), 403, "cross_origin", Some("null")),
            (socket.with("Origin", "https://evil.example"), 403, "cross_origin", Some("https://evil.example")),
            (Asked::fetch("/x").requiring("tenant=no-such").by(&browser), 403, "tenant_missing", None),
            (Asked::fetch("/x").requiring("admin=true&api=true").by(&browser), 403, "not_admin", None),
        ] {
            let told = request.of(&world).await;
            assert_eq!(told.status, status, "{told:?}");
            let explanation = by_number(&world, &told.request_id()).await;
            let then = &explanation["refused"];
            assert_eq!((&then["reason"], then["asker"].as_str(), &then["status"]), (&reason.into(), asker, &status.into()));
            assert_eq!((&explanation["mended"], &explanation["now"]["reason"]), (&false.into(), &reason.into()), "{then:#}");
        }
        let stepping = Asked::fetch("/x").requiring("max_age=0").by(&browser);
        let told = until("a proof that is too old", SOON, async || {
            let told = stepping.of(&world).await;
            (told.status == 401).then_some(told)
        })
        .await;
        assert_eq!(by_number(&world, &told.request_id()).await["refused"]["reason"], "max_age");
    }

    async fn a_stranger_s_refusals_are_not_kept_nor_who_only_has_to_sign_in(pair) {
        let world = world(pair).await;
        let browser = world.signed_in("alice").await;
        let garbage = format!("{COOKIE}={}", "A".repeat(120));
        for (request, status) in [
            (Asked::fetch("/x").requiring("group=Finance"), 401),
            (Asked::navigation("/x").requiring("group=Finance"), 302),
            (Asked::fetch("/x").requiring("group=Finance").with("Cookie", garbage), 401),
            (Asked::fetch("/x").requiring("grup=Finance").by(&browser), 500),
            (Asked::fetch("/x").with("X-Forwarded-Host", "evil.example").by(&browser), 403),
            (Asked::fetch("/x").and("X_User_Email", "x").by(&browser), 400),
            (Asked::fetch("/.gatepost/logout").by(&browser), 403),
        ] {
            let told = request.of(&world).await;
            assert_eq!(told.status, status, "{told:?}");
        }
        world.cli(&["user", "disable", "alice@example.com"]).await;
        assert_eq!(refused(&browser).of(&world).await.status, 302);
        let bob = world.signed_in("bob").await;
        by_number(&world, &refused(&bob).of(&world).await.request_id()).await;
        let kept = kept(&world).await;
        assert_eq!(kept.len(), 1, "what came before would be there by now: {kept:#?}");
    }

    async fn who_hammers_fills_neither_the_table_nor_anybody_else_s_place(pair) {
        let world = world(pair).await;
        let (bob, erin) = (world.signed_in("bob").await, world.signed_in("erin").await);
        for _ in 0..70 {
            assert_eq!(refused(&bob).of(&world).await.status, 403);
        }
        by_number(&world, &refused(&erin).of(&world).await.request_id()).await;
        let of_bob = kept(&world).await.len() - 1;
        // Two minutes at most.
        assert!((30..=60).contains(&of_bob), "{of_bob}");
        let metrics = find_ok(world.gatepost.internal(), "/metrics").await.unwrap();
        let dropped = format!("gatepost_refusals_not_kept_total{{cause=\"one_person\"}} {}", 70 - of_bob);
        assert!(metrics.lines().any(|line| line == dropped), "{dropped} is not in\n{metrics}");
    }

    async fn an_unknown_number_is_answered_with_how_long_numbers_are_kept(pair) {
        let world = world(pair).await;
        let refused = world.cli_refuses(&["explain", "--request", "019ab8c5d2a37e6f9b0c1d2e3f405162"]).await;
        assert!(refused.starts_with("gatepost: nothing is stored about request 019ab8c5d2a37e6f9b0c1d2e3f405162\nhint: "), "{refused}");
        assert!(refused.contains("7 days") && refused.contains("this one came 2025-11-25") && refused.contains("in the log of"), "{refused}");
    }

    async fn what_a_request_changed_is_found_by_its_number_too(pair) {
        let world = world(pair).await;
        world.signed_in("bob").await;
        let sign_in = "SELECT request_id FROM audit_entries WHERE action = 'user.create' AND request_id IS NOT NULL";
        let number = &sql(&world, sign_in).await[0];
        let explanation = explained(&world, &["--request", number]).await;
        let nothing = ["refused", "now", "mended"].map(|name| &explanation[name]);
        assert_eq!(nothing, [&Value::Null; 3]);
        let changes = explanation["changes"].as_array().unwrap();
        assert!(changes.iter().any(|change| change["action"] == "user.create"), "{explanation:#}");
        assert!(told(&world, &["--request", number]).await.contains("No refusal is stored"));
    }
}
