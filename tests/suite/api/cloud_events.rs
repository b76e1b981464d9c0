//! Usage as `CloudEvents`, with the SDK for Python on the other side: it reads what Gatepost tells, and Gatepost takes what it writes.

use super::usage::{BATCH, by, get, key, reported, used};
use super::{Office, problem};
use crate::world::PUBLIC;
use gatepost_core::clock::Timestamp;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const EVENTS: (&str, &str) = ("POST", "/usage/events");

fn text(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What `tests/cloudevents/events.py` prints for this input.
fn sdk(arguments: &[&str], input: &str) -> String {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = text(Command::new(repository.join("script/cloudevents")).output().unwrap());
    let mut command = Command::new(python.trim());
    command.arg(repository.join("tests/cloudevents/events.py")).args(arguments);
    let mut running =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It ends when it has read the whole input.
    running.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    text(running.wait_with_output().unwrap())
}

both_pairs! {
    async fn the_sdk_reads_each_event_that_is_told(pair) {
        let office = Office::open(pair).await;
        used(&office).await;
        let told = get(&office, "/tenants/a/usage?from=2025-11-01&to=2025-11-30", BATCH).await;
        assert_eq!((told.status, told.header("content-type")), (200, Some(BATCH)), "{}", told.body);
        let read: Value = serde_json::from_str(&sdk(&["read"], &told.body)).unwrap();
        let source = office.world.url(PUBLIC, "");
        let event = |day: &str, meter: &str, server: Option<&str>, value: u64| {
            let part = server.map(|server| format!("/{server}")).unwrap_or_default();
            let mut data = json!({ "value": value, "day": day });
            if let Some(server) = server {
                data["tool_server"] = json!(server);
            }
            json!({
                "id": format!("a/{day}/{meter}{part}"), "source": source, "subject": "a",
                "type": format!("gatepost.usage.{meter}"), "time": format!("{day}T00:00:00+00:00"),
                "content_type": "application/json", "data": data,
            })
        };
        let want = [
            event("2025-11-01", "api_requests", None, 70),
            event("2025-11-30", "active_users", None, 3),
            event("2025-11-30", "api_requests", None, 41),
            event("2025-11-30", "tool_calls", Some("files"), 6),
            event("2025-11-30", "tool_calls", Some("github"), 5),
        ];
        assert_eq!(read, json!(want));
        let again = get(&office, "/tenants/a/usage?from=2025-11-01&to=2025-11-30", BATCH).await;
        assert_eq!(again.body, told.body, "the ids stay");
    }

    async fn a_batch_that_the_sdk_writes_counts_once(pair) {
        let office = Office::open(pair).await;
        let platform = key(&office, &["--scope", "usage.write"]).await;
        let batch = sdk(&["write", "a", &Timestamp::now().unix().to_string()], "");
        for want in [json!({ "added": 3, "repeated": 0 }), json!({ "added": 0, "repeated": 3 })] {
            let sent = by(&office, &platform, EVENTS, (BATCH, Some(batch.clone()))).await;
            assert_eq!((sent.status, sent.json()), (200, want), "{}", sent.body);
            assert_eq!(reported(&office, "a").await, json!(42));
        }
        // What the SDK sends by itself is one event.
        let events: Vec<Value> = serde_json::from_str(&batch).unwrap();
        for event in events {
            let body = Some(event.to_string());
            let sent = by(&office, &platform, EVENTS, ("application/cloudevents+json", body)).await;
            assert_eq!((sent.status, sent.json()), (200, json!({ "added": 0, "repeated": 1 })), "{}", sent.body);
        }
        let unknown = sdk(&["write", "nobody", &Timestamp::now().unix().to_string()], "");
        let refused = by(&office, &platform, EVENTS, (BATCH, Some(unknown))).await;
        problem(&refused, 400, "invalid", "there is no such tenant");
        assert_eq!(reported(&office, "a").await, json!(42));
    }
}
