//! Usage and bills by the API: who may read them, in which forms, and what others report.

use super::{NO_USER, Office, ROOT, problem, unlimited};
use crate::cli::sql;
use crate::world::PUBLIC;
use gatepost_core::calendar::rfc3339;
use gatepost_core::clock::Timestamp;
use gatepost_core::usage::Month;
use gatepost_kit::client::{Answer, Kind};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// Writes what the tenant `a` used, as `(day, meter, part, value)`.
async fn write(office: &Office, rows: &[(&str, &str, &str, u64)]) {
    for (day, meter, part, value) in rows {
        let day = day.parse::<gatepost_core::clock::Day>().unwrap().number();
        let row = format!("INSERT INTO usage_days VALUES ('a', {day}, '{meter}', '{part}', {value})");
        sql(&office.world, AssertSqlSafe(row)).await;
    }
}

pub(super) async fn used(office: &Office) {
    let rows = [
        ("2025-10-31", "api_requests", "", 1_000),
        ("2025-11-01", "api_requests", "", 70),
        ("2025-11-30", "api_requests", "", 41),
        ("2025-11-30", "active_users", "", 3),
        ("2025-11-30", "_first_seen", "", 2),
        ("2025-11-30", "tool_calls", "github", 5),
        ("2025-11-30", "tool_calls", "files", 6),
        ("2025-12-01", "api_requests", "", 9),
    ];
    write(office, &rows).await;
}

pub(super) async fn get(office: &Office, path: &str, accept: &str) -> Answer {
    office.send_with(&office.alice, ("GET", path), None, &[("accept", accept)]).await
}

pub(super) async fn key(office: &Office, arguments: &[&str]) -> String {
    let made = office.world.cli(&[&["key", "create", "Script", "--json"], arguments].concat()).await;
    let made: Value = serde_json::from_str(&made).unwrap();
    made["key"].as_str().unwrap().to_owned()
}

/// A request of a program.
pub(super) async fn by(
    office: &Office,
    key: &str,
    (method, path): (&str, &str),
    (media, body): (&str, Option<String>),
) -> Answer {
    let url = office.world.url(PUBLIC, &format!("{ROOT}{path}"));
    let browser = office.world.browser();
    unlimited(|| {
        let request = browser.request(method.parse::<Method>().unwrap(), &url).kind(Kind::Program);
        let request = request.header("authorization", format!("Bearer {key}"));
        match &body {
            Some(body) => request.header("content-type", media).body(body.clone()),
            None => request,
        }
    })
    .await
}

fn event(id: &str, tenant: &str, value: u64) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/workflows", "type": "workflow_runs", "subject": tenant,
        "time": rfc3339(Timestamp::now()), "data": { "value": value }, "traceparent": "00-1-2-3",
    })
}

const STRUCTURED: &str = "application/cloudevents+json";
pub(super) const BATCH: &str = "application/cloudevents-batch+json";

async fn report(office: &Office, key: &str, media: &str, body: &Value) -> Answer {
    by(office, key, ("POST", "/usage/events"), (media, Some(body.to_string()))).await
}

fn flaws(answer: &Answer) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let errors = answer.json()["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|error| (text(&error["pointer"]), text(&error["code"]))).collect()
}

/// What a tenant used this month of the meter of [`event`].
pub(super) async fn reported(office: &Office, tenant: &str) -> Value {
    let told = office.done("GET", &format!("/tenants/{tenant}/usage?by=month"), None).await;
    let periods = told["periods"].as_array().unwrap().clone();
    periods.last().map_or(Value::Null, |period| period["meters"]["workflow_runs"].clone())
}

both_pairs! {
    async fn usage_is_told_by_day_and_by_month_to_the_administrators_of_the_tenant(pair) {
        let office = Office::open(pair).await;
        used(&office).await;
        let (carol, dave) = (office.world.signed_in("carol").await, office.world.signed_in("dave").await);
        let bob = office.world.signed_in("bob").await;
        let days = "/tenants/a/usage?from=2025-11-01&to=2025-11-30";
        let told = office.send(&carol, "GET", days, None).await;
        let want = json!({
            "tenant": "a", "from": "2025-11-01", "to": "2025-11-30", "by": "day",
            "periods": [
                { "period": "2025-11-01", "meters": { "api_requests": 70 }, "tool_calls": {} },
                { "period": "2025-11-30", "meters": { "active_users": 3, "api_requests": 41, "tool_calls": 11 },
                    "tool_calls": { "files": 6, "github": 5 } },
            ],
        });
        assert_eq!((told.status, told.json()), (200, want), "{}", told.body);
        let months = office.done("GET", "/tenants/a/usage?from=2025-10-07&to=2025-12-02&by=month", None).await;
        assert_eq!((&months["from"], &months["to"]), (&json!("2025-10-01"), &json!("2025-12-31")));
        let of = |number: usize| &months["periods"][number];
        assert_eq!((&of(0)["period"], &of(0)["meters"]), (&json!("2025-10"), &json!({ "api_requests": 1000 })));
        assert_eq!(of(1)["meters"], json!({ "active_users": 2, "api_requests": 111, "tool_calls": 11 }), "a person counts once a month");
        assert_eq!((&of(2)["period"], &of(2)["meters"]), (&json!("2025-12"), &json!({ "api_requests": 9 })));

        for path in [days, "/tenants/a/bill?month=2025-11"] {
            problem(&office.send(&dave, "GET", path, None).await, 404, "not-found", "dave administers another tenant");
            problem(&office.send(&bob, "GET", path, None).await, 403, "forbidden", "bob administers nothing");
            let none = path.replace("/a/", "/none/");
            problem(&office.send(&office.alice, "GET", &none, None).await, 404, "not-found", "no such tenant");
            let lacks = key(&office, &["--tenant", "a", "--scope", "usage.write"]).await;
            let refused = by(&office, &lacks, ("GET", path), ("", None)).await;
            problem(&refused, 403, "forbidden", "it may report, and not read");
            let reads = key(&office, &["--tenant", "a", "--scope", "api.read"]).await;
            assert_eq!(by(&office, &reads, ("GET", path), ("", None)).await.status, 200);
            assert_eq!(office.send(&carol, "HEAD", path, None).await.body, "");
        }
        for wrong in ["from=2025-11-02&to=2025-11-01", "from=2025-01-01&to=2026-12-31", "by=year", "from=2025-11-31", "to=1", "of=x"] {
            let refused = office.send(&carol, "GET", &format!("/tenants/a/usage?{wrong}"), None).await;
            problem(&refused, 400, "invalid", wrong);
        }
        for wrong in ["", "?month=2025-13", "?month=2025-11-01", "?month=2025-11&month=2025-12"] {
            let refused = office.send(&carol, "GET", &format!("/tenants/a/bill{wrong}"), None).await;
            problem(&refused, 400, "invalid", wrong);
        }
    }

    async fn a_bill_has_what_is_included_what_is_over_and_the_total(pair) {
        let office = Office::open(pair).await;
        used(&office).await;
        let line = |meter: &str, used: u64, amount: u64| json!({
            "meter": meter, "used": used, "included": null, "over": 0, "per": null, "price": null, "amount": amount,
        });
        let bill = async |month: &str| office.done("GET", &format!("/tenants/a/bill?month={month}"), None).await;
        let free = bill("2025-11").await;
        assert_eq!((&free["tier"], &free["currency"], &free["total"]), (&json!(null), &json!(null), &json!(0)));
        assert_eq!(free["meters"], json!([line("active_users", 2, 0), line("api_requests", 111, 0), line("tool_calls", 11, 0)]));

        let prices = json!({ "currency": "EUR", "base": 4900, "meters": {
            "api_requests": { "included": 100, "per": 10, "price": 3 }, "tool_calls": { "price": 2 },
            "sign_ins": { "included": 5, "per": 1, "price": 7 },
        } });
        let body = json!({ "limits": { "keys": 7 }, "prices": prices });
        let tier = office.done("PUT", "/tiers/gold", Some(&body)).await;
        assert_eq!(tier["prices"]["meters"]["tool_calls"], json!({ "included": 0, "per": 1, "price": 2 }));
        assert_eq!(office.done("GET", "/tiers/gold", None).await["prices"], tier["prices"]);
        office.done("PATCH", "/tenants/a", Some(&json!({ "tier": "gold" }))).await;
        let created = "2025-11-07".parse::<gatepost_core::clock::Day>().unwrap().start().unix();
        sql(&office.world, AssertSqlSafe(format!("UPDATE tenants SET created_at = {created} WHERE id = 'a'"))).await;
        let told = bill("2025-11").await;
        let want = json!({
            "tenant": "a", "month": "2025-11", "is_over": true, "tier": "gold", "currency": "EUR", "base": 4900,
            "meters": [
                line("active_users", 2, 0),
                { "meter": "api_requests", "used": 111, "included": 100, "over": 11, "per": 10, "price": 3, "amount": 6 },
                { "meter": "sign_ins", "used": 0, "included": 5, "over": 0, "per": 1, "price": 7, "amount": 0 },
                { "meter": "tool_calls", "used": 11, "included": 0, "over": 11, "per": 1, "price": 2, "amount": 22 },
            ],
            "total": 4928,
        });
        assert_eq!(told, want);
        assert_eq!(bill("2025-12").await["total"], 4900, "9 of 100 requests");
        let this = Month::of(Timestamp::now().day());
        assert_eq!(bill(&this.to_string()).await["is_over"], false);
        // Of a month without the tenant only what was used is owed.
        for (month, base, total) in [("2025-10".to_owned(), 0, 270), ("2025-09".to_owned(), 0, 0), (this.to_string(), 4900, 4900), (this.plus(1).to_string(), 0, 0)] {
            let told = bill(&month).await;
            assert_eq!((&told["base"], &told["total"]), (&json!(base), &json!(total)), "{month}");
        }

        let csv = get(&office, "/tenants/a/bill?month=2025-11", "text/csv").await;
        assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
        let want = "tenant,month,meter,used,included,over,per,price,amount,currency\r\n\
            a,2025-11,base,,,,,,4900,EUR\r\na,2025-11,active_users,2,,0,,,0,EUR\r\n\
            a,2025-11,api_requests,111,100,11,10,3,6,EUR\r\na,2025-11,sign_ins,0,5,0,1,7,0,EUR\r\n\
            a,2025-11,tool_calls,11,0,11,1,2,22,EUR\r\na,2025-11,total,,,,,,4928,EUR\r\n";
        assert_eq!(csv.body, want);
        let shown = office.world.cli(&["tenant", "bill", "a", "--month", "2025-11"]).await;
        assert!(shown.contains("3 for 10") && shown.contains("4928") && shown.contains("smallest unit of EUR"), "{shown}");
        assert!(office.world.cli(&["tenant", "usage", "a", "--from", "2025-11-30", "--to", "2025-11-30"]).await.contains("github"));
        let refused = office.world.cli_refuses(&["tenant", "bill", "none", "--month", "2025-11"]).await;
        assert!(refused.contains("there is no tenant none"), "{refused}");

        for (wrong, at) in [
            (json!({ "currency": "EUR", "meters": { "=1+1": { "price": 1 } } }), "/meters/=1+1"),
            (json!({ "currency": "euro", "base": -1 }), "/currency"),
            (json!({ "currency": "EUR", "meters": { "x": { "price": 1.5 } } }), "/meters/x/price"),
        ] {
            let refused = office.send(&office.alice, "PUT", "/tiers/gold", Some(&json!({ "prices": wrong }))).await;
            problem(&refused, 400, "invalid", at);
            assert!(refused.body.contains(at), "{}", refused.body);
        }
        assert_eq!(office.done("GET", "/tiers/gold", None).await["prices"], tier["prices"], "nothing was changed");
    }

    async fn days_that_are_over_are_cloud_events_and_all_days_are_csv(pair) {
        let office = Office::open(pair).await;
        used(&office).await;
        let path = "/tenants/a/usage?from=2025-11-01&to=2025-11-30";
        let csv = get(&office, path, "text/csv").await;
        let want = "tenant,period,meter,tool_server,value\r\na,2025-11-01,api_requests,,70\r\n\
            a,2025-11-30,active_users,,3\r\na,2025-11-30,api_requests,,41\r\na,2025-11-30,tool_calls,files,6\r\n\
            a,2025-11-30,tool_calls,github,5\r\n";
        assert_eq!((csv.header("content-type"), &*csv.body), (Some("text/csv; charset=utf-8"), want));
        let today = Timestamp::now().day().iso();
        write(&office, &[(&today, "sign_ins", "", 4)]).await;
        let events = get(&office, path, BATCH).await;
        assert_eq!((events.status, events.header("content-type"), events.header("vary")), (200, Some(BATCH), Some("accept")));
        let events = events.json();
        let events = events.as_array().unwrap();
        assert_eq!(events.len(), 5);
        let origin = office.world.url(PUBLIC, "");
        let want = json!({
            "specversion": "1.0", "id": "a/2025-11-30/tool_calls/github", "source": origin, "type": "gatepost.usage.tool_calls",
            "subject": "a", "time": "2025-11-30T00:00:00Z", "datacontenttype": "application/json",
            "data": { "value": 5, "day": "2025-11-30", "tool_server": "github" },
        });
        assert_eq!(events[4], want);
        let now = get(&office, &format!("/tenants/a/usage?from={today}"), BATCH).await;
        assert_eq!(now.json(), json!([]), "the day goes on");
    }

    async fn an_event_that_others_report_counts_once(pair) {
        let office = Office::open(pair).await;
        let platform = key(&office, &["--scope", "usage.write"]).await;
        let counted = |answer: &Answer| (answer.status, answer.json());
        let one = report(&office, &platform, STRUCTURED, &event("1", "a", 5)).await;
        assert_eq!(counted(&one), (200, json!({ "added": 1, "repeated": 0 })), "{}", one.body);
        let again = report(&office, &platform, BATCH, &json!([event("1", "a", 5), event("2", "b", 7), event("2", "b", 7)])).await;
        assert_eq!(counted(&again), (200, json!({ "added": 1, "repeated": 2 })), "{}", again.body);
        assert_eq!((reported(&office, "a").await, reported(&office, "b").await), (json!(5), json!(7)));
        // A key of a tenant reports for its tenant alone, and hides no event of the platform.
        let own = key(&office, &["--tenant", "a", "--scope", "usage.write"]).await;
        let early = report(&office, &own, STRUCTURED, &event("3", "a", 0)).await;
        assert_eq!(counted(&early), (200, json!({ "added": 1, "repeated": 0 })));
        assert_eq!(counted(&report(&office, &platform, STRUCTURED, &event("3", "a", 10)).await), (200, json!({ "added": 1, "repeated": 0 })));
        assert_eq!(reported(&office, "a").await, json!(15));
        let other = report(&office, &own, BATCH, &json!([event("4", "a", 1), event("5", "b", 1), event("6", "none", 1)])).await;
        problem(&other, 400, "invalid", "another tenant");
        let unknown = |place: &str| (place.to_owned(), "unknown".to_owned());
        assert_eq!(flaws(&other), [unknown("/1/subject"), unknown("/2/subject")], "nobody learns which tenants there are");
        assert_eq!(reported(&office, "a").await, json!(15), "nothing of a batch is added");
        let reads = key(&office, &["--scope", "api.read", "--scope", "api.write"]).await;
        let refused = report(&office, &reads, STRUCTURED, &event("7", "a", 1)).await;
        problem(&refused, 403, "forbidden", "the scope is missing");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer error=\"insufficient_scope\", scope=\"usage.write\""));
        let today = Timestamp::now().day().number();
        for day in [today, today + 1] {
            let row = format!("INSERT INTO usage_days VALUES ('b', {day}, '_events', '', 100000)");
            sql(&office.world, AssertSqlSafe(row)).await;
        }
        let full = key(&office, &["--tenant", "b", "--scope", "usage.write"]).await;
        let refused = report(&office, &full, STRUCTURED, &event("10", "b", 1)).await;
        problem(&refused, 409, "state", "too many events");
        assert!(refused.body.contains("after midnight"), "{}", refused.body);
        let dave = office.world.signed_in("dave").await;
        let by_dave = office.send(&dave, "POST", "/usage/events", Some(&event("8", "a", 1))).await;
        problem(&by_dave, 400, "invalid", "dave administers another tenant");
        let tried = office.done("POST", "/usage/events?dry_run=true", Some(&event("9", "a", 1))).await;
        assert_eq!(tried, json!({ "added": 1, "repeated": 0, "dry_run": true }));
        assert_eq!(reported(&office, "a").await, json!(15));
    }

    async fn who_administers_two_tenants_reports_for_each_once(pair) {
        let office = Office::open(pair).await;
        office.world.cli(&["tenant", "add-member", "b", "carol@example.com", "--role", "admin"]).await;
        office.world.has_heard().await;
        let carol = office.world.signed_in("carol").await;
        let mut batch = vec![event("1", "a", 5), event("1", "b", 7)];
        for want in [json!({ "added": 2, "repeated": 0 }), json!({ "added": 0, "repeated": 2 })] {
            let sent = office.send(&carol, "POST", "/usage/events", Some(&json!(batch))).await;
            assert_eq!((sent.status, sent.json()), (200, want), "{}", sent.body);
            batch.reverse();
        }
        assert_eq!((reported(&office, "a").await, reported(&office, "b").await), (json!(5), json!(7)));
    }

    async fn a_batch_names_everything_that_is_wrong_with_it(pair) {
        let office = Office::open(pair).await;
        let platform = key(&office, &["--scope", "usage.write"]).await;
        let with = |name: &str, value: Value| {
            let mut event = event("1", "a", 1);
            event[name] = value;
            event
        };
        let old = rfc3339(Timestamp::now().minus(36 * DAY));
        let batch = json!([
            event("ok", "a", 1), with("specversion", json!("0.3")), with("type", json!("api_requests")), with("subject", json!(NO_USER)),
            with("time", json!(old)), with("data", json!({ "value": -1 })), 7, with("source", json!("")),
        ]);
        let refused = report(&office, &platform, BATCH, &batch).await;
        problem(&refused, 400, "invalid", "a batch");
        let mut places: Vec<String> = flaws(&refused).into_iter().map(|(place, _)| place).collect();
        places.sort();
        assert_eq!(places, ["/1/specversion", "/2/type", "/3/subject", "/4/time", "/5/data/value", "/6", "/7/source"]);
        assert_eq!(reported(&office, "a").await, Value::Null);
        let many: Vec<Value> = (0..1_000).map(|id| event(&id.to_string(), "a", 1)).collect();
        let more = report(&office, &platform, BATCH, &json!([&many[..], &[event("more", "a", 1)]].concat())).await;
        problem(&more, 400, "invalid", "1,001 events");
        let most = report(&office, &platform, BATCH, &json!(many)).await;
        assert_eq!((most.status, most.json()["added"].as_u64()), (200, Some(1_000)), "{}", most.body);
        assert_eq!(reported(&office, "a").await, json!(1_000));
        assert_eq!(report(&office, &platform, BATCH, &json!([])).await.json(), json!({ "added": 0, "repeated": 0 }));
        problem(&report(&office, &platform, "text/plain", &event("t", "a", 1)).await, 415, "media-type", "no JSON");
        let large = with("data", json!({ "value": 1, "pad": "x".repeat(1024 * 1024) }));
        problem(&report(&office, &platform, STRUCTURED, &large).await, 413, "too-large", "more than a MiB");
    }
}
