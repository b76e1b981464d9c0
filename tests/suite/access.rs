//! Who can open something and what somebody can open, while `serve` runs: what `/verify` notes about routers, and what the
//! command line, the API and the pages say.

use crate::answers::Asked;
use crate::cli::sql;
use crate::explain::world;
use crate::world::World;
use gatepost_kit::process::until;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

/// What was noted: `host query`.
async fn noted(world: &World) -> Vec<String> {
    sql(world, "SELECT host || ' ' || query FROM requirements ORDER BY 1").await
}

/// Waits until the requests so far are noted.
async fn wait_for(world: &World, wanted: &[&str]) {
    let is_there = async || {
        let found = noted(world).await;
        wanted.iter().all(|pair| found.iter().any(|own| own == pair)).then_some(())
    };
    until("requirements to be noted", SOON, is_there).await;
}

both_pairs! {
    async fn what_routers_require_is_noted_from_requests_with_a_session_alone(pair) {
        let world = world(pair).await;
        let browser = world.signed_in("bob").await;
        let ask = |requirement: &str| Asked::navigation("/x").requiring(requirement);
        // Nobody is signed in; the cookie is not one; the host is not protected; the requirement is none; Gatepost answers itself.
        assert_eq!(ask("group=Stranger").of(&world).await.status, 302, "nobody");
        assert_eq!(ask("group=Forged").with("Cookie", "__Host-gatepost=forged").of(&world).await.status, 302, "forged");
        assert_eq!(ask("group=Elsewhere").by(&browser).with("X-Forwarded-Host", "elsewhere.example.net").of(&world).await.status, 403, "unprotected");
        assert_eq!(ask("grup=Wrong").by(&browser).of(&world).await.status, 500, "misconfigured");
        assert_eq!(ask(&format!("group={}", "x".repeat(250)).repeat(10).replace("xgroup", "x&group")).by(&browser).of(&world).await.status, 403, "long");
        Asked::navigation("/.gatepost/").requiring("group=Own").by(&browser).of(&world).await;
        // Bob may not pass, and passes.
        assert_eq!(ask("group=Missing").by(&browser).of(&world).await.status, 403, "missing");
        assert_eq!(ask("max_age=86400").by(&browser).of(&world).await.status, 200);
        wait_for(&world, &["app.example.test ", "app.example.test group=Missing", "app.example.test max_age=86400"]).await;
        assert_eq!(noted(&world).await.len(), 3, "{:?}", noted(&world).await);
        let seen = sql(&world, "SELECT CAST(seen_at AS text) FROM requirements ORDER BY 1").await;
        assert!(seen.iter().all(|at| at.parse::<i64>().is_ok_and(|at| at > 1_700_000_000)), "{seen:?}");
    }
}
