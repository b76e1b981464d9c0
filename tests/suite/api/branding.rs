//! The look of a tenant by the API: who may say it, and what is no look.

use super::{Office, problem};
use crate::world::{APP, PUBLIC};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const HERE: &str = "/tenants/a/branding";

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A body with the place and the code of its flaw.
fn bad_bodies() -> Vec<(Value, &'static str, &'static str)> {
    let long = |length: usize| json!("x".repeat(length));
    vec![
        (json!({ "name": "" }), "/name", "malformed"),
        (json!({ "name": long(65) }), "/name", "malformed"),
        (json!({ "name": "a\nb" }), "/name", "malformed"),
        (json!({ "name": "AC\u{202e}ME" }), "/name", "malformed"),
        (json!({ "name": "A\u{441}ME" }), "/name", "malformed"),
        (json!({ "name": "Gate Post" }), "/name", "malformed"),
        (json!({ "name": 7 }), "/name", "not_a_text"),
        (json!({ "accent": "red" }), "/accent", "malformed"),
        (json!({ "accent": "#123" }), "/accent", "malformed"),
        (json!({ "accent": "#12345g" }), "/accent", "malformed"),
        (json!({ "accent": "#123456;background:url(//evil.example)" }), "/accent", "malformed"),
        (json!({ "accent": ["#123456"] }), "/accent", "not_a_text"),
        (json!({ "support": "help@acme.com" }), "/support", "malformed"),
        (json!({ "support": "http://acme.com/" }), "/support", "malformed"),
        (json!({ "support": "javascript:alert(1)" }), "/support", "malformed"),
        (json!({ "support": "https://root@acme.com/" }), "/support", "malformed"),
        (json!({ "support": "mailto:a@acme.com?bcc=b@acme.com" }), "/support", "malformed"),
        (json!({ "notice": long(281) }), "/notice", "malformed"),
        (json!({ "notice": "a\u{0}b" }), "/notice", "malformed"),
        (json!({ "logo": "no base64!" }), "/logo", "malformed"),
        (
            json!({ "logo": base64(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>") }),
            "/logo",
            "malformed",
        ),
        (json!({ "logo": base64(b"\x89PNG\r\n\x1a\n<svg/>") }), "/logo", "malformed"),
        (json!({ "logo": base64(b"GIF89a") }), "/logo", "malformed"),
        (json!({ "logo": base64(&vec![0; 65_537]) }), "/logo", "malformed"),
        (json!({ "logo": "https://evil.example/logo.png" }), "/logo", "malformed"),
        (json!({ "logo": {} }), "/logo", "not_a_text"),
        (json!({ "css": "body{}" }), "/css", "unknown"),
        (json!({ "html": "<b>" }), "/html", "unknown"),
    ]
}

both_pairs! {
    async fn the_administrators_of_a_tenant_say_how_its_pages_look(pair) {
        let office = Office::open(pair).await;
        let carol = office.world.signed_in("carol").await;
        let looks = json!({ "name": "ACME", "accent": "#2B5C4E", "support": "https://acme.com/help", "notice": "Closed <today>" });
        let logo = include_bytes!("../tenant_branding/logo.png");
        let said = office.send(&carol, "PATCH", HERE, Some(&looks)).await;
        let wanted = json!({ "name": "ACME", "accent": "#2b5c4e", "support": "https://acme.com/help", "notice": "Closed <today>", "logo": null });
        let mut changed = wanted.clone();
        changed["changed"] = json!(true);
        assert_eq!((said.status, said.json()), (200, changed.clone()), "{}", said.body);
        let shown = office.send(&carol, "GET", HERE, None).await;
        assert_eq!(shown.json(), wanted);
        assert_eq!(office.done("GET", "/tenants/a", None).await["branding"], wanted);
        let version = shown.header("etag").unwrap().to_owned();
        let again = office.send(&carol, "PATCH", HERE, Some(&looks)).await;
        changed["changed"] = json!(false);
        assert_eq!((again.json(), again.header("etag")), (changed, Some(&*version)), "nothing is different");
        let part = office.send(&carol, "PATCH", HERE, Some(&json!({ "notice": null }))).await.json();
        assert_eq!((&part["name"], &part["notice"]), (&json!("ACME"), &json!(null)));
        let late = office.send_with(&carol, ("PATCH", HERE), Some(&looks), &[("if-match", &version)]).await;
        problem(&late, 412, "overtaken", "somebody else was first");
        let whole = office.done("PUT", "/tenants/a", Some(&json!({ "name": "A" }))).await;
        assert_eq!(whole["branding"]["name"], json!("ACME"), "the look stays where the platform says what a tenant is");

        let pictured = office.send(&carol, "PATCH", HERE, Some(&json!({ "logo": base64(logo) }))).await;
        let path = pictured.json()["logo"].as_str().map_or_else(|| panic!("{}", pictured.body), str::to_owned);
        assert!(path.starts_with("/logos/") && path.contains(".png"), "{path}");
        let same = office.send(&carol, "PATCH", HERE, Some(&json!({ "logo": base64(logo) }))).await.json();
        assert_eq!((&same["logo"], &same["changed"]), (&json!(path), &json!(false)), "the same picture");
        let entries = office.done("GET", "/audit?action=tenant.brand", None).await;
        assert_eq!(entries["items"][0]["after"]["logo"], json!(path.strip_prefix("/logos/")), "{entries}");
        let entry = &entries["items"][1];
        assert_eq!((&entry["before"]["notice"], &entry["after"]["notice"]), (&json!("Closed <today>"), &json!(null)), "{entries}");
        assert_eq!(entries["items"].as_array().unwrap().len(), 3, "{entries}");

        let (bob, dave) = (office.world.signed_in("bob").await, office.world.signed_in("dave").await);
        for (method, body) in [("GET", None), ("PATCH", Some(&looks))] {
            problem(&office.send(&bob, method, HERE, body).await, 403, "forbidden", "bob administers nothing");
            problem(&office.send(&dave, method, HERE, body).await, 404, "not-found", "dave administers another tenant");
        }
        office.done("POST", "/tenants/a/suspend", Some(&json!({ "reason": "unpaid" }))).await;
        problem(&office.send(&carol, "PATCH", HERE, Some(&looks)).await, 409, "state", "it is suspended");
        assert_eq!(office.done("GET", HERE, None).await["notice"], json!(null));
        assert_eq!(office.send(&office.alice, "DELETE", "/tenants/a", None).await.status, 204);
        problem(&office.send(&office.alice, "PATCH", HERE, Some(&looks)).await, 409, "state", "it is deleted");
    }

    async fn what_is_no_look_is_refused_and_nothing_is_written(pair) {
        let office = Office::open(pair).await;
        let before = office.audit().await;
        for (body, place, code) in bad_bodies() {
            let answer = office.send(&office.alice, "PATCH", HERE, Some(&body)).await;
            let flaws = problem(&answer, 400, "invalid", &body.to_string());
            assert_eq!(flaws, [(place.to_owned(), code.to_owned())], "{body}");
        }
        let pale = office.send(&office.alice, "PATCH", HERE, Some(&json!({ "accent": "#ffff00" }))).await;
        assert_eq!(problem(&pale, 422, "not-possible", "a pale colour"), [("/accent".to_owned(), "contrast".to_owned())]);
        assert!(pale.body.contains("#7a7a00 is the nearest that holds"), "{}", pale.body);
        for name in [PUBLIC, APP, "Sign in at EXAMPLE . test", &format!("x{PUBLIC}x")] {
            let answer = office.send(&office.alice, "PATCH", HERE, Some(&json!({ "name": name }))).await;
            let flaws = problem(&answer, 422, "not-possible", name);
            assert_eq!(flaws, [(String::new(), "name_reserved".to_owned())], "{name}: {}", answer.body);
        }
        assert_eq!(office.audit().await, before);
    }
}
