//! `--at`: sessions by that time, and what has changed since.

use super::{asked, step, told, world};
use crate::world::{APP, Stores};
use gatepost_core::calendar::rfc3339;
use gatepost_core::clock::Timestamp;
use serde_json::Value;
use std::time::Duration;

fn moved(by: Duration) -> String {
    rfc3339(Timestamp::now().plus(by))
}

both_pairs! {
    async fn a_session_is_judged_by_the_time_in_question(pair) {
        let world = world(pair).await;
        world.signed_in("alice").await;
        let at = async |time: &str, requirement: &str| asked(&world, "alice", requirement, &["--at", time]).await;
        let reason = |explanation: &Value| step(explanation, "sessions")["sessions"][0]["reason"].clone();

        let soon = at(&moved(Duration::from_mins(10)), "group=MCP-GitHub").await;
        assert_eq!((&reason(&soon), &soon["sign_in_first"], &soon["is_now"]), (&"met".into(), &Value::Null, &false.into()));
        assert_eq!(soon["changed_since"], Value::Null, "nobody knows the future");
        let stepping = at(&moved(Duration::from_mins(10)), "max_age=300").await;
        assert_eq!((&stepping["reason"], &step(&stepping, "max_age")["is_met"]), (&"max_age".into(), &false.into()));
        let unchecked = at(&moved(Duration::from_mins(40)), "group=MCP-GitHub").await;
        assert_eq!((&unchecked["reason"], &unchecked["answer"]["status"]), (&"refresh_pending".into(), &302.into()));
        let idle = at(&moved(Duration::from_mins(61)), "group=MCP-GitHub").await;
        assert_eq!((&reason(&idle), &idle["sign_in_first"]["status"]), (&"expired".into(), &302.into()));
        assert_eq!((&step(&idle, "sessions")["is_assumed"], &idle["answer"]["status"]), (&true.into(), &200.into()));
    }

    async fn changes_since_then_are_listed_from_where_the_audit_begins(pair) {
        let world = world(pair).await;
        world.signed_in("alice").await;
        world.cli(&["admin", "grant", "alice@example.com"]).await;
        let before = rfc3339(Timestamp::now().minus(Duration::from_hours(1)));
        let past = asked(&world, "alice", "tenant=github", &["--at", &before]).await;
        assert_eq!((&step(&past, "sessions")["begun_later"], &step(&past, "sessions")["is_assumed"]), (&1.into(), &true.into()));
        let changes = &past["changed_since"];
        let known_since = changes["known_since"].as_str().unwrap();
        assert!(*known_since > *before, "{known_since}");
        let entries = changes["entries"].as_array().unwrap();
        for (action, target) in [
            ("user.groups", "user:"),
            ("admin.grant", "user:"),
            ("group.link", "provider_group:entra:"),
            ("tenant.create", "tenant:github"),
            ("tenant.map", "group:MCP-GitHub"),
        ] {
            let is_it = |entry: &&Value| entry["action"] == action && entry["target"].as_str().unwrap().starts_with(target);
            assert!(entries.iter().any(|entry| is_it(&entry)), "{action}: {changes:#}");
        }
        assert!(entries.iter().all(|entry| entry["action"] != "user.sign_in"), "a sign-in changes nothing: {changes:#}");
        let of_others = |entry: &&Value| entry["target"].as_str().unwrap().contains("a00a");
        assert_eq!(entries.iter().find(of_others), None, "Carol's group is not Alice's business");
        let (user, url) = ("alice@example.com", world.url(APP, "/"));
        let text = told(&world, &["--user", user, "--url", &url, "--at", &before]).await;
        assert!(text.contains("The audit begins only at") && text.contains("admin.grant"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_session_store_does_not_answer_all_else_is_explained() {
    let world = world(crate::world::Pair::Shared).await;
    world.signed_in("alice").await;
    let Stores::Shared { redis, .. } = &world.stores else { unreachable!("the shared pair") };
    redis.stop().await;
    let explanation = asked(&world, "alice", "group=MCP-GitHub", &[]).await;
    let sessions = step(&explanation, "sessions");
    assert_eq!((&sessions["mark"], &sessions["is_assumed"]), (&"no".into(), &true.into()));
    assert!(sessions["text"].as_str().unwrap().contains("does not answer"), "{sessions:#}");
    assert_eq!(explanation["answer"]["status"], 200);
}
