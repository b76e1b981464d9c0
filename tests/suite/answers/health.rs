//! `/livez`, `/readyz`, `/metrics`.

use super::Asked;
use crate::world::{COOKIE, World};
use gatepost_kit::client::Client;
use gatepost_kit::process::until;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(30);

async fn get(world: &World, path: &str) -> gatepost_kit::client::Answer {
    Client::builder().build().get(&format!("http://{}{path}", world.gatepost.internal())).await
}

/// Every series by name and labels, each line checked against the exposition format.
fn series(metrics: &str) -> BTreeSet<String> {
    let mut families = BTreeSet::new();
    let mut series = BTreeSet::new();
    for line in metrics.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            if let Some(family) = comment.strip_prefix("TYPE ") {
                families.insert(family.split(' ').next().unwrap().to_owned());
            }
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line:?}"));
        assert!(value.parse::<f64>().is_ok(), "no number: {line}");
        let bare = name.split('{').next().unwrap();
        assert!(families.iter().any(|family| bare.starts_with(family.as_str())), "no TYPE before {line}");
        assert!(!name.contains('{') || name.ends_with('}'), "{line}");
        assert!(series.insert(name.to_owned()), "twice: {name}");
    }
    series
}

/// Requests of strangers, no two alike: to hosts there are and are not, by odd methods, to unknown callbacks.
async fn strangers(world: &World, numbers: std::ops::Range<u32>) {
    let browser = world.browser();
    for at in numbers {
        for domain in ["test", "com"] {
            let asked = Asked::navigation(&format!("/path-{at}?q={at}"))
                .with("X-Forwarded-Host", format!("host-{at}.example.{domain}"));
            asked.clone().with("Cookie", format!("{COOKIE}=garbage{at}")).of(world).await;
            asked.with("X-Forwarded-Method", format!("METHOD{at}")).of(world).await;
        }
        for path in [
            format!("/callback/p{at}?state=s{at}"),
            format!("/callback/entra?state=s{at}&error=e{at}"),
            format!("/path-{at}"),
        ] {
            browser.get(&world.url(crate::world::PUBLIC, &path)).await;
        }
    }
}

both_pairs! {
    async fn no_stranger_makes_a_metric_grow(pair) {
        let world = World::start(pair).await;
        let before = get(&world, "/metrics").await;
        assert_eq!((before.status, before.header("cache-control")), (200, Some("no-store")));
        assert!(before.header("content-type").unwrap().starts_with("application/openmetrics-text"), "{:?}", before.headers);
        assert!(before.body.ends_with("# EOF\n"));
        series(&before.body);
        strangers(&world, 0..5).await;
        let before = series(&get(&world, "/metrics").await.body);
        strangers(&world, 5..100).await;
        let after = get(&world, "/metrics").await.body;
        assert_eq!(series(&after), before, "every series that a stranger can cause was there after the first five");
        assert!(!["path-", "host-", "METHOD"].iter().any(|part| after.contains(part)), "{after}");
    }

    async fn a_draining_replica_is_alive_and_serves_but_is_not_ready(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        assert_eq!(get(&world, "/readyz").await.status, 200);
        world.gatepost.sigterm();
        world.gatepost.wait_for_line("not ready any more").await;
        let ready = get(&world, "/readyz").await;
        assert_eq!(ready.status, 503, "{}", ready.body);
        assert_eq!(get(&world, "/livez").await.status, 200);
        assert_eq!(Asked::fetch("/").by(&browser).of(&world).await.status, 200, "requests are still served");
        assert!(world.gatepost.wait_exit().await.success());
    }

    async fn a_program_that_asks_for_json_learns_which_replica_this_is_and_which_one_leads(pair) {
        let world = World::start(pair).await;
        let client = Client::builder().build();
        let asking = async |path: &str, accept: &str| {
            let url = format!("http://{}{path}", world.gatepost.internal());
            client.request(Method::GET, &url).header("Accept", accept).send().await
        };
        let health = until("the replica to lead", DEADLINE, async || {
            let answer = asking("/readyz", "application/json").await;
            assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
            let health: Value = serde_json::from_str(&answer.body).unwrap();
            (health["leader"] == health["replica"]).then_some(health)
        })
        .await;
        let mut members: Vec<&String> = health.as_object().unwrap().keys().collect();
        members.sort_unstable();
        let mut expected = ["ready", "why", "version", "replica", "leader", "lease_age_ms"];
        expected.sort_unstable();
        assert_eq!(members, expected);
        assert_eq!((&health["ready"], &health["why"], &health["version"]), (&json!(true), &json!(null), &json!(env!("CARGO_PKG_VERSION"))));
        assert!(health["lease_age_ms"].as_u64().unwrap() < 30_000, "{health}");
        for (path, text) in [("/readyz", "ready\n"), ("/livez", "alive\n")] {
            for accept in ["*/*", "text/plain, */*", "text/html, application/json;q=0.5"] {
                assert_eq!(asking(path, accept).await.body, text, "{accept}: as probes have always got");
            }
        }
        let metrics = get(&world, "/metrics").await.body;
        assert!(metrics.contains("gatepost_leader 1") && metrics.contains("gatepost_leader_changes_total 0"), "{metrics}");

        world.gatepost.sigterm();
        world.gatepost.wait_for_line("not ready any more").await;
        let (ready, alive) = (asking("/readyz", "application/json").await, asking("/livez", "application/json").await);
        assert_eq!((ready.status, alive.status), (503, 200));
        for answer in [ready, alive] {
            let health: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!((&health["ready"], &health["why"]), (&json!(false), &json!("stopping")));
        }
    }

    async fn one_listener_never_serves_the_others_paths(pair) {
        let world = World::start(pair).await;
        for path in ["/", "/login", "/logout", "/logged-out", "/callback/entra", "/logout/frontchannel", "/verify/", "/verify/x", "/Verify", "//verify"] {
            let answer = get(&world, path).await;
            assert_eq!((answer.status, answer.body.as_str(), answer.header("cache-control")), (404, "", Some("no-store")), "{path}");
        }
        let public = world.browser();
        for path in ["/verify", "/verify?admin=true", "/livez", "/readyz", "/metrics", "/.gatepost/enter?t=x", "/.gatepost/start", "/.gatepost/logout"] {
            let answer = public.get(&world.url(crate::world::PUBLIC, path)).await;
            assert_eq!(answer.status, 404, "{path}");
            assert!(answer.header("content-type").unwrap().starts_with("text/html"), "{path}");
        }
    }
}
