//! Usage that others report, as CloudEvents 1.0.
//!
//! `type` is the meter, `subject` the tenant, `data.value` how much. Attributes that are not named here are allowed
//! (CloudEvents 1.0, "Extension Context Attributes") and say nothing.

use super::meter::MeterName;
use super::prices::MOST_AMOUNT;
use crate::clock::{Day, Timestamp};
use crate::ids::TenantId;
use serde_json::{Map, Value};
use std::time::Duration;

/// How old what an event reports may be. The directory knows for longer that it has an event: an older one could be a repetition.
pub const PAST: Duration = Duration::from_hours(35 * 24);
/// How far in the future it may be, for clocks that differ.
pub const FUTURE: Duration = Duration::from_hours(1);
/// Bytes of `id` and of `source`.
const MOST_BYTES: usize = 256;

/// What one event reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageEvent {
    /// With `id` it says which event this is.
    pub source: String,
    pub id: String,
    pub tenant: TenantId,
    pub meter: MeterName,
    /// The day to which it is added.
    pub day: Day,
    pub value: u64,
}

/// What is wrong with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFlaw {
    /// A JSON pointer in the event.
    pub at: &'static str,
    /// `missing` or `malformed`.
    pub code: &'static str,
    pub detail: &'static str,
}

/// Reads an event, and names everything that is wrong with it.
///
/// # Errors
/// The flaws: at least one.
pub fn read_event(event: &Value, now: Timestamp) -> Result<UsageEvent, Vec<EventFlaw>> {
    let Some(members) = event.as_object() else {
        let detail = "An event is a JSON object (CloudEvents 1.0).";
        return Err(vec![EventFlaw { at: "", code: "malformed", detail }]);
    };
    let mut flaws = Vec::new();
    let version = text(members, ("/specversion", "It is \"1.0\"."), &mut flaws);
    demand(version.is_none_or(|version| version == "1.0"), ("/specversion", "It is \"1.0\"."), &mut flaws);
    let id = named(members, "/id", &mut flaws);
    let source = named(members, "/source", &mut flaws);
    let meter = text(members, ("/type", METER), &mut flaws).and_then(|name| {
        let meter = name.parse::<MeterName>().ok().filter(|meter| !meter.is_own());
        demand(meter.is_some(), ("/type", METER), &mut flaws);
        meter
    });
    let tenant = text(members, ("/subject", "It is the id of a tenant."), &mut flaws).and_then(|id| {
        let tenant = id.parse().ok();
        demand(tenant.is_some(), ("/subject", "It is the id of a tenant."), &mut flaws);
        tenant
    });
    let at = match members.get("time") {
        None => Some(now),
        Some(time) => {
            let at = time.as_str().and_then(|time| time.parse::<Timestamp>().ok());
            let at = at.filter(|at| (now.minus(PAST)..=now.plus(FUTURE)).contains(at));
            demand(at.is_some(), ("/time", TIME), &mut flaws);
            at
        }
    };
    let value = members.get("data").and_then(|data| data.get("value"));
    let code = if value.is_none() { "missing" } else { "malformed" };
    let value = value.and_then(Value::as_u64).filter(|value| *value <= MOST_AMOUNT);
    if value.is_none() {
        flaws.push(EventFlaw { at: "/data/value", code, detail: VALUE });
    }
    match (id, source, tenant, meter, at, value) {
        (Some(id), Some(source), Some(tenant), Some(meter), Some(at), Some(value)) if flaws.is_empty() => {
            Ok(UsageEvent { source, id, tenant, meter, day: at.day(), value })
        }
        _ => Err(flaws),
    }
}

const METER: &str = "It is the name of a meter: 1 to 64 of A-Z, a-z, 0-9, . - and _, the first a letter or digit, and not one that \
    Gatepost counts.";
const NAME: &str = "It has 1 to 256 bytes, none of them a control character.";
const TIME: &str = "It is a time of RFC 3339, at most 35 days in the past and an hour in the future.";
const VALUE: &str = "It is a whole number from 0 to 1000000000000.";

fn demand(is_met: bool, (at, detail): (&'static str, &'static str), flaws: &mut Vec<EventFlaw>) {
    if !is_met {
        flaws.push(EventFlaw { at, code: "malformed", detail });
    }
}

/// A text that must be there.
fn text<'a>(
    members: &'a Map<String, Value>,
    (at, detail): (&'static str, &'static str),
    flaws: &mut Vec<EventFlaw>,
) -> Option<&'a str> {
    let found = members.get(&at[1..]);
    let text = found.and_then(Value::as_str);
    if text.is_none() {
        let code = if found.is_none() { "missing" } else { "malformed" };
        flaws.push(EventFlaw { at, code, detail });
    }
    text
}

/// A text that says which event it is.
fn named(members: &Map<String, Value>, at: &'static str, flaws: &mut Vec<EventFlaw>) -> Option<String> {
    let text = text(members, (at, NAME), flaws)?;
    let is_valid = (1..=MOST_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    demand(is_valid, (at, NAME), flaws);
    is_valid.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn event() -> Value {
        json!({
            "specversion": "1.0", "id": "1", "source": "/workflows", "type": "workflow_runs", "subject": "acme",
            "data": { "value": 3, "name": "build" }, "traceparent": "00-0", "datacontenttype": "application/json",
        })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut event = event();
        event[name] = value;
        event
    }

    fn flaws(event: &Value) -> Vec<(&'static str, &'static str)> {
        read_event(event, NOW).expect_err("flaws").iter().map(|flaw| (flaw.at, flaw.code)).collect()
    }

    #[test]
    fn an_event_is_counted_on_the_day_of_its_time() {
        let read = read_event(&event(), NOW).expect("an event");
        assert_eq!((read.day, read.value, read.meter.as_str()), (NOW.day(), 3, "workflow_runs"));
        let before = NOW.day().start().minus(Duration::from_secs(1));
        let time = crate::calendar::rfc3339(before);
        assert_eq!(read_event(&with("time", json!(time)), NOW).expect("an event").day, before.day());
    }

    #[test]
    fn everything_that_is_wrong_with_an_event_is_named() {
        assert_eq!(flaws(&json!([])), [("", "malformed")]);
        let missing = ["/specversion", "/id", "/source", "/type", "/subject", "/data/value"];
        assert_eq!(flaws(&json!({})), missing.map(|at| (at, "missing")));
        for (name, value, at) in [
            ("specversion", json!("0.3"), "/specversion"),
            ("id", json!(""), "/id"),
            ("id", json!("x".repeat(257)), "/id"),
            ("source", json!("a\u{0}b"), "/source"),
            ("source", json!(1), "/source"),
            ("type", json!("api_requests"), "/type"),
            ("type", json!("=1+1"), "/type"),
            ("subject", json!("../x"), "/subject"),
            ("time", json!("yesterday"), "/time"),
            ("time", json!(crate::calendar::rfc3339(NOW.minus(PAST + Duration::from_secs(1)))), "/time"),
            ("time", json!(crate::calendar::rfc3339(NOW.plus(FUTURE + Duration::from_secs(1)))), "/time"),
            ("data", json!({ "value": -1 }), "/data/value"),
            ("data", json!({ "value": 1.5 }), "/data/value"),
            ("data", json!({ "value": "1" }), "/data/value"),
            ("data", json!({ "value": MOST_AMOUNT + 1 }), "/data/value"),
        ] {
            assert_eq!(flaws(&with(name, value.clone())), [(at, "malformed")], "{name} {value}");
        }
    }
}
