//! Tenants by the API: their life, for administrators of the system and of a tenant, and for keys.

use super::callers::{ids, path_of};
use super::{Office, operations, problem};
use crate::keys::create;
use crate::world::Plan;
use gatepost_kit::dns::DnsServer;
use gatepost_kit::process::until;
use serde_json::{Value, json};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);

both_pairs! {
    async fn the_api_suspends_and_restores_and_refuses_the_keys_of_a_suspended_tenant(pair) {
        let office = Office::open(pair).await;
        let key = create(&office.world, "ci", &["--tenant", "a", "--scope", "api.read"]).await;
        let bearer = format!("Bearer {key}");
        let program = office.world.browser();
        let by_key = async || office.send_with(&program, ("GET", "/tenants/a"), None, &[("authorization", &bearer)]).await;
        until("the key to count", TIMEOUT, async || (by_key().await.status == 200).then_some(())).await;
        let reason = json!({ "reason": "unpaid" });
        let done = office.done("POST", "/tenants/a/suspend", Some(&reason)).await;
        assert_eq!(done, json!({ "id": "a", "changed": true }));
        // Until the replica hears of it, the look-up of the caller finds no key that counts: 401.
        let refused = until("the key to be refused", TIMEOUT, async || Some(by_key().await).filter(|answer| answer.status == 403)).await;
        problem(&refused, 403, "tenant-suspended", "its tenant is suspended");
        let shown = office.done("GET", "/tenants/a", None).await;
        assert_eq!((&shown["state"], &shown["suspended_reason"]), (&json!("suspended"), &json!("unpaid")));
        for (body, code) in [(json!({}), "missing"), (json!({ "reason": "" }), "malformed"), (json!({ "reason": 1 }), "not_a_text")] {
            let answer = office.send(&office.alice, "POST", "/tenants/a/suspend", Some(&body)).await;
            let flaws = problem(&answer, 400, "invalid", "a reason");
            assert_eq!(flaws, [("/reason".to_owned(), code.to_owned())], "{body}");
        }
        let carol = office.world.signed_in("carol").await;
        assert_eq!(office.send(&carol, "GET", "/tenants/a", None).await.status, 200, "its administrator reads");
        let role = json!({ "role": "viewer" });
        let refused = office.send(&carol, "PUT", "/tenants/a/members/bob@example.com", Some(&role)).await;
        problem(&refused, 409, "state", "its administrator changes nothing");
        problem(&office.send(&carol, "POST", "/tenants/a/resume", None).await, 403, "forbidden", "nor resumes it");
        office.done("POST", "/tenants/a/resume", None).await;
        assert_eq!(office.send(&office.alice, "DELETE", "/tenants/a", None).await.status, 204);
        let refused = office.send(&office.alice, "PUT", "/tenants/a", Some(&json!({ "name": "A" }))).await;
        problem(&refused, 409, "state", "the id is taken");
        problem(&office.send(&carol, "GET", "/tenants/a", None).await, 403, "forbidden", "she administers nothing");
        office.done("POST", "/tenants/a/restore", None).await;
        assert_eq!(office.done("GET", "/tenants/a", None).await["state"], json!("active"));
    }

    async fn what_there_is_of_a_deleted_tenant_can_be_read_until_it_is_erased(pair) {
        let office = Office::where_people_ask(pair).await;
        let ids = ids(&office).await;
        let mut reads = operations();
        reads.retain(|route| route.method == "GET");
        let mut reads: Vec<_> = reads.iter().map(|route| path_of(route, &ids)).collect();
        reads.retain(|path| path.starts_with("/tenants/a") || path.ends_with("tenant=a"));
        let answers = async || {
            let mut answers = Vec::new();
            for path in &reads {
                answers.push((path, office.send(&office.alice, "GET", path, None).await.status));
            }
            answers
        };
        let carol = office.world.signed_in("carol").await;
        let members = office.done("GET", "/tenants/a/members", None).await;
        let before = answers().await;
        assert!(before.iter().filter(|(_, status)| *status == 200).count() * 4 > before.len() * 3, "{before:?}");
        assert_eq!(office.send(&office.alice, "DELETE", "/tenants/a", None).await.status, 204);
        assert_eq!(answers().await, before);
        for path in &reads {
            let status = office.send(&carol, "GET", path, None).await.status;
            assert!([403, 404].contains(&status), "carol administers nothing any more: {path} {status}");
        }
        assert_eq!(office.done("GET", "/tenants/a/members", None).await, members);
        assert_eq!(office.done("GET", "/tenants/a/export", None).await["members"], members["items"]);
        let checked = office.done("GET", "/tenants/a/check", None).await;
        let found: Vec<_> = checked["findings"].as_array().unwrap().iter().map(|one| &one["code"]).collect();
        assert_eq!(found, [&json!("tenant-deleted")]);
    }
}

/// The platform's own body, as it stands.
fn platform() -> Value {
    json!({
        "tenant_id": "acme-corp", "display_name": "ACME Corporation", "admin_email": "admin@acme.com", "tier": "pro",
        "features": { "sso_enabled": true }, "resources": { "storage_size": "50Gi" }, "custom_domains": ["blog.acme.com"],
    })
}

/// A body with one more member, and the place and code of each flaw that it has then.
fn bad_bodies() -> Vec<(Value, &'static [(&'static str, &'static str)])> {
    let with = |name: &str, value: Value| {
        let mut body = platform();
        body[name] = value;
        body
    };
    let long = |length: usize| json!("x".repeat(length));
    let malformed: &[(&str, &str)] = &[("/limits", "malformed")];
    let limits = |value: Value| {
        let mut body = platform();
        body.as_object_mut().unwrap().remove("resources");
        body["limits"] = value;
        body
    };
    vec![
        (json!({}), &[("/id", "missing")]),
        (json!({ "id": null }), &[("/id", "missing")]),
        (json!({ "id": "" }), &[("/id", "malformed")]),
        (json!({ "id": "a/b" }), &[("/id", "malformed")]),
        (json!({ "id": "a b" }), &[("/id", "malformed")]),
        (json!({ "id": "\u{e4}" }), &[("/id", "malformed")]),
        (json!({ "id": long(65) }), &[("/id", "malformed")]),
        (json!({ "id": 7 }), &[("/id", "not_a_text")]),
        (json!({ "tenant_id": ["a"] }), &[("/tenant_id", "not_a_text")]),
        (with("id", json!("acme")), &[("/tenant_id", "disagrees")]),
        (with("name", json!("Acme")), &[("/display_name", "disagrees")]),
        (with("plan", json!("free")), &[("/plan", "disagrees")]),
        (with("limits", json!({})), &[("/resources", "disagrees")]),
        (with("resource_quota", json!({ "storage_size": "5Gi" })), &[("/resource_quota", "disagrees")]),
        (with("hosts", json!([])), &[("/custom_domains", "disagrees")]),
        (with("hosts", json!(["blog.acme.org"])), &[("/custom_domains", "disagrees")]),
        (with("display_name", json!("")), &[("/display_name", "malformed")]),
        (with("display_name", json!("a\nb")), &[("/display_name", "malformed")]),
        (with("display_name", long(257)), &[("/display_name", "malformed")]),
        (with("display_name", json!({})), &[("/display_name", "not_a_text")]),
        (with("tier", json!("a/b")), &[("/tier", "malformed")]),
        (with("tier", json!(1)), &[("/tier", "not_a_text")]),
        (with("features", json!([])), &[("/features", "not_an_object")]),
        (with("features", json!({ "sso_enabled": "yes" })), &[("/features", "malformed")]),
        (with("features", json!({ "custom_domains": 1 })), &[("/features", "malformed")]),
        (with("features", json!({ "nested": {} })), &[("/features", "malformed")]),
        (with("features", json!({ "a b": true })), &[("/features", "malformed")]),
        (with("resources", json!("50Gi")), &[("/resources", "not_an_object")]),
        (with("resources", json!({ "storage_size": null })), &[("/resources", "malformed")]),
        (limits(json!({ "keys": -1 })), malformed),
        (limits(json!({ "keys": 1.5 })), malformed),
        (limits(json!({ "members": "many" })), malformed),
        (limits(json!({ "api_requests_per_day": true })), malformed),
        (limits(json!({ "requests_per_minute": [60] })), malformed),
        (limits(json!({ "cpu": long(300) })), malformed),
        (limits(json!({ "hosts": -1, "keys": -1 })), &[("/limits", "malformed"), ("/limits", "malformed")]),
        (with("settings", json!("text")), &[("/settings", "not_an_object")]),
        (with("metadata", json!({ "a": long(16 * 1024) })), &[("/metadata", "too_long")]),
        (with("custom_domains", json!("blog.acme.com")), &[("/custom_domains", "not_a_list")]),
        (with("custom_domains", json!(["https://blog.acme.com"])), &[("/custom_domains/0", "malformed")]),
        (
            with("custom_domains", json!(["*.acme.com", "a..b"])),
            &[("/custom_domains/0", "malformed"), ("/custom_domains/1", "malformed")],
        ),
        (with("custom_domains", json!([7])), &[("/custom_domains/0", "malformed")]),
        (with("admin_email", json!("nobody")), &[("/admin_email", "malformed")]),
        (with("admin_email", json!(["admin@acme.com"])), &[("/admin_email", "not_a_text")]),
        (with("state", json!("active")), &[("/state", "unknown")]),
        (with("created_at", json!("2026-11-29T00:00:00Z")), &[("/created_at", "unknown")]),
    ]
}

both_pairs! {
    async fn the_platforms_body_is_taken_as_it_stands_and_answered_in_our_spelling(pair) {
        let office = Office::open(pair).await;
        let made = office.send(&office.alice, "POST", "/tenants/", Some(&platform())).await;
        assert_eq!((made.status, made.header("etag")), (201, Some("\"v1\"")), "{}", made.body);
        assert!(made.header("location").unwrap().ends_with("/api/v1/tenants/acme-corp"));
        let body = made.json();
        for (name, value) in [("id", "acme-corp"), ("name", "ACME Corporation"), ("state", "active"), ("tier", "pro")] {
            assert_eq!(body[name], value, "{body}");
        }
        assert_eq!(body["own"]["limits"], json!({ "storage_size": "50Gi" }));
        assert_eq!((&body["limits"]["storage_size"], &body["limits"]["keys"]), (&json!("50Gi"), &json!(50)), "its tier's");
        let host = &body["hosts"][0];
        assert_eq!((&host["host"], &host["state"], &host["record"]["name"]), (&json!("blog.acme.com"), &json!("proposed"), &json!("_gatepost.blog.acme.com")));
        let again = office.send(&office.alice, "POST", "/tenants", Some(&platform())).await;
        problem(&again, 409, "state", "it is there");
        let invited = &body["invitation"];
        assert_eq!((&invited["email"], &invited["role"]), (&json!("admin@acme.com"), &json!("admin")), "its first administrator");
        let shown = office.send(&office.alice, "GET", "/tenants/acme-corp/", None).await;
        assert_eq!(shown.status, 200, "a slash at the end is tolerated");

        let patch = json!({ "settings": { "a": { "b": 1, "c": 2 } }, "features": { "sso_enabled": null }, "plan": "free" });
        let changed = office.done("PATCH", "/tenants/acme-corp", Some(&patch)).await;
        assert_eq!(changed["features"]["sso_enabled"], json!(false), "the tier's again");
        let patch = json!({ "metadata": { "a": { "b": null } } });
        assert_eq!(office.done("PATCH", "/tenants/acme-corp", Some(&patch)).await["settings"], json!({ "a": { "c": 2 } }));
        let whole = office.done("PUT", "/tenants/acme-corp", Some(&json!({ "tenant_id": "acme-corp", "name": "Acme" }))).await;
        assert_eq!((&whole["tier"], &whole["settings"], &whole["own"]["limits"]), (&json!(null), &json!({}), &json!({})));
        assert_eq!(whole["hosts"].as_array().unwrap().len(), 1, "hosts stay where the body does not name them");
        let none = office.done("PUT", "/tenants/acme-corp", Some(&json!({ "name": "Acme", "hosts": [] }))).await;
        assert_eq!(none["hosts"], json!([]));
        let other = office.send(&office.alice, "PUT", "/tenants/acme-corp", Some(&json!({ "id": "b" }))).await;
        assert_eq!(problem(&other, 400, "invalid", "another id"), [("/id".to_owned(), "disagrees".to_owned())]);
        let tier = office.send(&office.alice, "PATCH", "/tenants/acme-corp", Some(&json!({ "tier": "gold" }))).await;
        problem(&tier, 422, "not-possible", "no such tier");
    }

    async fn each_bad_body_of_a_tenant_is_refused_with_the_place_of_every_flaw(pair) {
        let office = Office::open(pair).await;
        let before = office.audit().await;
        let bodies = bad_bodies();
        assert!(bodies.len() >= 40);
        for (body, flaws) in bodies {
            let answer = office.send(&office.alice, "POST", "/tenants", Some(&body)).await;
            let want: Vec<_> = flaws.iter().map(|(place, code)| ((*place).to_owned(), (*code).to_owned())).collect();
            assert_eq!(problem(&answer, 400, "invalid", &body.to_string()), want, "{body}");
        }
        assert_eq!(office.audit().await, before, "nothing is written");
    }

    async fn a_tier_that_is_too_small_is_taken_with_a_warning_and_nothing_may_be_added(pair) {
        let office = Office::open(pair).await;
        let limits = json!({ "features": { "custom_domains": true }, "limits": { "members": 1, "keys": 1, "hosts": 1 } });
        let made = office.send(&office.alice, "PUT", "/tiers/tiny", Some(&limits)).await;
        assert_eq!(made.status, 201, "{}", made.body);
        for name in ["bob", "dave"] {
            let member = format!("/tenants/a/members/{name}@example.com");
            office.done("PUT", &member, Some(&json!({ "role": "member" }))).await;
        }
        let small = office.done("PATCH", "/tenants/a", Some(&json!({ "tier": "tiny" }))).await;
        assert_eq!(small["warnings"].as_array().unwrap().len(), 1, "{small}");
        assert!(small["warnings"][0].as_str().unwrap().contains("2 members, and may have 1"), "{small}");
        let more = json!({ "role": "member" });
        let refused = office.send(&office.alice, "PUT", "/tenants/a/members/erin@example.com", Some(&more)).await;
        problem(&refused, 409, "state", "one member too many");
        let role = json!({ "role": "viewer" });
        office.done("PUT", "/tenants/a/members/bob@example.com", Some(&role)).await;
        let key = json!({ "name": "One", "scopes": ["api.read"] });
        office.done("POST", "/tenants/a/keys", Some(&key)).await;
        problem(&office.send(&office.alice, "POST", "/tenants/a/keys", Some(&key)).await, 409, "state", "one key too many");
        office.done("POST", "/tenants/a/hosts", Some(&json!({ "host": "one.acme.example" }))).await;
        let two = json!({ "host": "two.acme.example" });
        problem(&office.send(&office.alice, "POST", "/tenants/a/hosts", Some(&two)).await, 409, "state", "one host too many");
        problem(&office.send(&office.alice, "DELETE", "/tiers/tiny", None).await, 409, "state", "the tier is in use");
        office.done("PATCH", "/tenants/a", Some(&json!({ "limits": { "members": "none" } }))).await;
        office.done("PUT", "/tenants/a/members/erin@example.com", Some(&more)).await;

        let carol = office.world.signed_in("carol").await;
        for (method, path, body) in [("GET", "/tiers", None), ("PUT", "/tiers/free", Some(&limits)), ("PATCH", "/tenants/a", Some(&more))] {
            problem(&office.send(&carol, method, path, body).await, 403, "forbidden", "limits are the platform's");
        }
        let free = json!({ "limits": { "keys": 7 } });
        assert_eq!(office.done("PUT", "/tiers/free", Some(&free)).await["limits"], json!({ "keys": 7 }));
        assert_eq!(office.send(&office.alice, "DELETE", "/tiers/free", None).await.status, 204);
        assert_eq!(office.done("GET", "/tiers/free", None).await["limits"]["keys"], json!(5), "as it comes");
    }

    async fn hosts_are_proposed_by_the_tenant_and_approved_by_the_system_and_are_one_tenants(pair) {
        let office = Office::open(pair).await;
        let (carol, dave) = (office.world.signed_in("carol").await, office.world.signed_in("dave").await);
        let host = json!({ "host": "Blog.Acme.example." });
        let made = office.send(&carol, "POST", "/tenants/a/hosts", Some(&host)).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let proof = made.json()["record"]["value"].as_str().unwrap().to_owned();
        assert!(proof.strip_prefix("gatepost=").is_some_and(|digits| digits.len() == 32), "{proof}");
        let path = "/tenants/a/hosts/blog.acme.example";
        problem(&office.send(&dave, "POST", "/tenants/b/hosts", Some(&host)).await, 409, "state", "it is another tenant's");
        problem(&office.send(&dave, "GET", path, None).await, 404, "not-found", "nothing of a exists to b");
        for verb in ["approve", "refuse"] {
            problem(&office.send(&carol, "POST", &format!("{path}/{verb}"), None).await, 403, "forbidden", verb);
        }
        assert_eq!(office.done("POST", &format!("{path}/approve"), None).await["state"], json!("active"));
        assert_eq!(office.done("POST", &format!("{path}/refuse"), None).await["state"], json!("refused"));
        let taken = office.send(&dave, "POST", "/tenants/b/hosts", Some(&host)).await;
        assert_eq!(taken.status, 201, "what was refused is free: {}", taken.body);
        problem(&office.send(&carol, "GET", path, None).await, 404, "not-found", "it is b's now");
        for (host, status, slug) in [
            (crate::world::APP, 409, "state"),
            (crate::world::PUBLIC, 409, "state"),
            ("127.0.0.1", 422, "not-possible"),
            ("localhost", 422, "not-possible"),
            ("_x.acme.example", 422, "not-possible"),
        ] {
            let answer = office.send(&carol, "POST", "/tenants/a/hosts", Some(&json!({ "host": host }))).await;
            problem(&answer, status, slug, host);
        }
        office.done("PATCH", "/tenants/a", Some(&json!({ "tier": "free" }))).await;
        let custom = office.send(&carol, "POST", "/tenants/a/hosts", Some(&json!({ "host": "own.example" }))).await;
        problem(&custom, 409, "state", "the tier has no custom domains");
    }
}

both_pairs! {
    async fn a_host_counts_when_its_zone_has_the_record_and_not_because_the_dns_is_silent(pair) {
        let dns = DnsServer::start().await;
        let plan = Plan::default().env("GATEPOST_TENANTS__RESOLVER", dns.address().to_string());
        let office = Office::of(plan.start(pair).await).await;
        let (carol, dave) = (office.world.signed_in("carol").await, office.world.signed_in("dave").await);
        let made = office.send(&carol, "POST", "/tenants/a/hosts", Some(&json!({ "host": "blog.acme.example" }))).await.json();
        let (name, value) = (made["record"]["name"].as_str().unwrap(), made["record"]["value"].as_str().unwrap());
        let path = "/tenants/a/hosts/blog.acme.example/confirm";
        let refused = async |status: u16, slug: &str, why: &str| {
            problem(&office.send(&carol, "POST", path, None).await, status, slug, why);
            let shown = office.done("GET", "/tenants/a/hosts/blog.acme.example", None).await;
            assert_eq!(shown["state"], json!("proposed"), "{why}");
        };
        refused(422, "not-possible", "there is no record").await;
        assert_eq!(dns.asked().last().map(String::as_str), Some(name));
        let other = format!("gatepost={}", "0".repeat(32));
        for texts in [vec![], vec![""], vec!["v=spf1 -all", &other], vec![&value[1..]], vec![&value.to_ascii_uppercase()]] {
            dns.set(name, &texts);
            refused(422, "not-possible", &format!("{texts:?}")).await;
        }
        dns.set("blog.acme.example", &[value]);
        refused(422, "not-possible", "the record of another name").await;
        dns.set(name, &["v=spf1 -all", value]);
        dns.fail(true);
        refused(503, "unavailable", "who is not answered knows nothing").await;
        dns.fail(false);
        problem(&office.send(&dave, "POST", path, None).await, 404, "not-found", "nothing of a exists to b");
        let proved = office.send(&carol, "POST", path, None).await;
        assert_eq!((proved.status, &proved.json()["state"]), (200, &json!("active")), "{}", proved.body);
        let asked = dns.asked().len();
        assert_eq!(office.send(&carol, "POST", path, None).await.status, 200, "it counts already");
        office.done("POST", "/tenants/a/hosts/blog.acme.example/refuse", None).await;
        problem(&office.send(&carol, "POST", path, None).await, 409, "state", "an administrator said no");
        assert_eq!(dns.asked().len(), asked, "nobody is asked about what is decided");
        let told = office.world.cli(&["tenant", "host", "add", "b", "b.acme.example"]).await;
        assert!(told.contains("_gatepost.b.acme.example TXT \"gatepost="), "{told}");
        let told = office.world.cli_refuses(&["tenant", "host", "confirm", "b", "b.acme.example"]).await;
        assert!(told.contains("no record TXT _gatepost.b.acme.example"), "{told}");
    }
}
