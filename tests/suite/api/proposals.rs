//! Proposals of tenants through the API: who makes them and by what, who sees and decides them, and how often.

use super::{NO_USER, Office, problem};
use crate::world::Pair;
use gatepost_kit::client::{Answer, Client};
use serde_json::{Value, json};

const ANOTHER: &str = "00000000-0000-7000-8000-000000000001";

async fn office(pair: Pair) -> Office {
    Office::where_people_ask(pair).await
}

fn plan(id: &str) -> Value {
    json!({ "id": id, "name": "ACME", "reason": "why" })
}

async fn propose(office: &Office, client: &Client, id: &str) -> Answer {
    office.send(client, "POST", "/me/proposals", Some(&plan(id))).await
}

fn ids(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

both_pairs! {
    async fn a_person_proposes_and_reads_their_own_and_nobody_elses(pair) {
        let office = office(pair).await;
        let (gina, id) = office.proposed("gina", "acme").await;
        let bob = office.world.signed_in("bob").await;
        let own = office.send(&gina, "GET", "/me/proposals", None).await.json();
        assert_eq!(ids(&own), [&id]);
        let shown = &own["items"][0];
        for (member, value) in [("tenant", "acme"), ("name", "New <one>"), ("reason", "for the team"), ("state", "open")] {
            assert_eq!(shown[member], value, "{shown}");
        }
        let one = office.send(&gina, "GET", &format!("/me/proposals/{id}"), None).await;
        assert_eq!((one.status, one.header("etag"), &one.json()), (200, Some("\"v1\""), shown));
        problem(&office.send(&bob, "GET", &format!("/me/proposals/{id}"), None).await, 404, "not-found", "somebody else's");
        assert_eq!(ids(&office.send(&bob, "GET", "/me/proposals", None).await.json()), Vec::<&str>::new());

        let again = propose(&office, &gina, "other").await;
        assert_eq!(problem(&again, 409, "state", "a second one"), [(String::new(), "proposal_open".to_owned())]);
        let mut said = Vec::new();
        for taken in ["acme", "a"] {
            let refused = propose(&office, &bob, taken).await;
            assert_eq!(problem(&refused, 409, "state", taken), [(String::new(), "tenant_id_taken".to_owned())]);
            said.push(refused.json()["detail"].as_str().unwrap().replace(&format!("id {taken} "), "id ID "));
        }
        assert_eq!(said[0], said[1], "nobody learns why");
        for (body, pointer, code) in [
            (json!({ "name": "x" }), "/id", "missing"),
            (json!({ "id": "x" }), "/name", "missing"),
            (json!({ "id": ".", "name": "x" }), "/id", "malformed"),
            (json!({ "id": "..", "name": "x" }), "/id", "malformed"),
            (json!({ "id": "x", "name": "x", "reason": "y".repeat(281) }), "/reason", "malformed"),
            (json!({ "id": "x", "name": "x", "tier": "pro" }), "/tier", "unknown"),
        ] {
            let refused = office.send(&bob, "POST", "/me/proposals", Some(&body)).await;
            assert_eq!(problem(&refused, 400, "invalid", pointer), [(pointer.to_owned(), code.to_owned())]);
        }
        // A dry run costs no proposal, so it tells nothing of ids.
        for any in ["bobs", "acme", "a"] {
            let tried = office.send(&bob, "POST", "/me/proposals?dry_run=true", Some(&plan(any))).await;
            assert_eq!((tried.status, &tried.json()["dry_run"]), (200, &json!(true)), "{}", tried.body);
        }
        let tried = office.send(&gina, "POST", "/me/proposals?dry_run=true", Some(&plan("other"))).await;
        assert_eq!(problem(&tried, 409, "state", "a second one"), [(String::new(), "proposal_open".to_owned())]);
        assert_eq!(ids(&office.done("GET", "/proposals", None).await), [&id]);
        let key = [("idempotency-key", "once")];
        let first = office.send_with(&bob, ("POST", "/me/proposals"), Some(&plan("bobs")), &key).await;
        let path = format!("/me/proposals/{}", first.json()["proposal"].as_str().unwrap());
        assert_eq!(first.status, 201, "{}", first.body);
        assert!(first.header("location").unwrap().ends_with(&path), "{:?}", first.headers);
        let replay = office.send_with(&bob, ("POST", "/me/proposals"), Some(&plan("bobs")), &key).await;
        assert_eq!((replay.status, &replay.body), (201, &first.body));

        let told = office.send(&gina, "GET", "/me/export", None).await.json();
        assert_eq!((&told["proposals"][0]["tenant"], &told["proposals"][0]["reason"]), (&json!("acme"), &json!("for the team")), "{told}");
        let told = office.send(&office.alice, "GET", "/me/export", None).await;
        assert!(!told.body.contains("for the team"), "{}", told.body);
    }

    async fn only_a_session_proposes_and_no_key_or_token_does(pair) {
        let office = office(pair).await;
        let bob = office.world.signed_in("bob").await;
        let stranger = office.world.browser();
        let mut keys = Vec::new();
        for owner in [&["--owner", "bob@example.com"][..], &[]] {
            let made = office.world.cli(&[&["key", "create", "Script", "--json", "--scope", "api.read", "--scope", "api.write"][..], owner].concat()).await;
            let made: Value = serde_json::from_str(&made).unwrap();
            keys.push(format!("Bearer {}", made["key"].as_str().unwrap()));
        }
        let by = async |client: &Client, authorization: &str| {
            office.send_with(client, ("POST", "/me/proposals"), Some(&plan("acme")), &[("authorization", authorization)]).await
        };
        // The cookie beside a key does not count.
        for client in [&stranger, &bob] {
            assert_eq!(problem(&by(client, &keys[0]).await, 403, "forbidden", "a key of bob"), [(String::new(), "not_by_key".to_owned())]);
            assert_eq!(problem(&by(client, &keys[1]).await, 403, "forbidden", "a key"), [(String::new(), "people_only".to_owned())]);
        }
        problem(&by(&stranger, "Bearer eyJhbGciOiJSUzI1NiJ9.e30.AA").await, 401, "unauthenticated", "a token");
        problem(&propose(&office, &stranger, "acme").await, 401, "unauthenticated", "signed out");
        for site in ["same-site", "cross-site", "none"] {
            let forged = office.send_with(&bob, ("POST", "/me/proposals"), Some(&plan("acme")), &[("sec-fetch-site", site)]).await;
            problem(&forged, 403, "cross-origin", site);
        }
        let user = office.id_of("bob@example.com").await;
        office.done("POST", &format!("/users/{user}/disable"), None).await;
        problem(&propose(&office, &bob, "acme").await, 401, "unauthenticated", "disabled");
        assert_eq!(ids(&office.done("GET", "/proposals", None).await), Vec::<&str>::new());
    }

    async fn a_proposal_is_decided_once_with_the_version_that_was_shown(pair) {
        let office = office(pair).await;
        let (gina, first) = office.proposed("gina", "acme").await;
        let (_, second) = office.proposed("hugo", "zeta").await;
        let (carol, gina_id) = (office.world.signed_in("carol").await, office.id_of("gina@example.com").await);
        assert_eq!(ids(&office.done("GET", "/proposals", None).await), [&first, &second], "the oldest first");
        for (query, found) in [("state=approved", vec![]), ("state=open&limit=1", vec![&first]), (&format!("user={gina_id}"), vec![&first])] {
            assert_eq!(ids(&office.done("GET", &format!("/proposals?{query}"), None).await), found, "{query}");
        }
        let (approve, refuse) = (format!("/proposals/{first}/approve"), format!("/proposals/{first}/refuse"));
        let before = office.audit().await;
        for (method, path, body) in [
            ("GET", "/proposals".to_owned(), None),
            ("GET", format!("/proposals/{first}"), None),
            ("POST", approve.clone(), None),
            ("POST", refuse.clone(), Some(json!({}))),
        ] {
            for other in [&carol, &gina] {
                let refused = office.send(other, method, &path, body.as_ref()).await;
                assert_eq!(problem(&refused, 403, "forbidden", &path), [(String::new(), "system_only".to_owned())]);
            }
        }
        for unknown in [NO_USER, ANOTHER] {
            problem(&office.send(&office.alice, "POST", &format!("/proposals/{unknown}/approve"), None).await, 404, "not-found", unknown);
        }
        let stale = office.send_with(&office.alice, ("POST", &approve), None, &[("if-match", "\"v2\"")]).await;
        problem(&stale, 412, "overtaken", "another version");
        let tried = office.done("POST", &format!("{approve}?dry_run=true"), None).await;
        assert_eq!((&tried["dry_run"], &tried["state"], &tried["tenant"]), (&json!(true), &json!("approved"), &json!("acme")));
        assert_eq!(office.audit().await, before, "nothing was decided");

        let key = [("if-match", "\"v1\""), ("idempotency-key", "once")];
        let approved = office.send_with(&office.alice, ("POST", &approve), None, &key).await;
        assert_eq!((approved.status, approved.header("etag")), (200, Some("\"v2\"")), "{}", approved.body);
        let replay = office.send_with(&office.alice, ("POST", &approve), None, &key).await;
        assert_eq!((replay.status, replay.header("idempotency-replayed"), &replay.body), (200, Some("true"), &approved.body));
        for (path, body) in [(&approve, None), (&refuse, Some(json!({})))] {
            let again = office.send(&office.alice, "POST", path, body.as_ref()).await;
            assert_eq!(problem(&again, 409, "state", path), [(String::new(), "proposal_decided".to_owned())]);
        }
        let tenant = office.send(&gina, "GET", "/tenants/acme", None).await.json();
        assert_eq!((&tenant["tier"], &tenant["name"]), (&json!("free"), &json!("New <one>")), "gina administers it: {tenant}");
        problem(&office.send(&gina, "GET", "/tenants/a", None).await, 404, "not-found", "and no other");
        let shown = office.done("GET", &format!("/proposals/{first}"), None).await;
        for (member, value) in [("state", "approved"), ("decided_by_email", "alice@example.com"), ("version", "v2"), ("email", "gina@example.com")] {
            assert_eq!(shown[member], value, "{shown}");
        }
        let own = office.send(&gina, "GET", "/me/proposals", None).await;
        assert!(!own.body.contains("alice"), "who decided is not told: {}", own.body);
        let refused = office.done("POST", &format!("/proposals/{second}/refuse"), Some(&json!({ "answer": "Not\nnow." }))).await;
        assert_eq!((&refused["state"], &refused["answer"]), (&json!("refused"), &json!("Not now.")));
        let hugo = office.id_of("hugo@example.com").await;
        office.done("POST", &format!("/users/{hugo}/disable"), None).await;
        let rows: Vec<Value> = office.audit().await.into_iter().map(|row| row["action"].clone()).collect();
        for action in ["proposal.create", "proposal.approve", "proposal.refuse", "tenant.create", "tenant.add_member"] {
            assert!(rows.contains(&json!(action)), "{action}: {rows:?}");
        }
    }

    async fn what_cannot_be_approved_any_more_says_why(pair) {
        let office = office(pair).await;
        let (_, disabled) = office.proposed("gina", "acme").await;
        let (_, taken) = office.proposed("hugo", "zeta").await;
        let gina = office.id_of("gina@example.com").await;
        office.done("POST", &format!("/users/{gina}/disable"), None).await;
        office.done("POST", "/tenants", Some(&json!({ "id": "zeta", "name": "Zeta" }))).await;
        for (id, code) in [(&disabled, "proposer_disabled"), (&taken, "tenant_exists")] {
            let refused = office.send(&office.alice, "POST", &format!("/proposals/{id}/approve"), None).await;
            assert_eq!(problem(&refused, 409, "state", code), [(String::new(), code.to_owned())]);
        }
        office.done("DELETE", "/tenants/zeta", None).await;
        let refused = office.send(&office.alice, "POST", &format!("/proposals/{taken}/approve"), None).await;
        assert_eq!(problem(&refused, 409, "state", "deleted"), [(String::new(), "tenant_deleted".to_owned())]);
        assert_eq!(ids(&office.done("GET", "/proposals?state=open", None).await).len(), 2);
        office.done("POST", &format!("/users/{gina}/erase"), Some(&json!({ "confirm": "gina@example.com" }))).await;
        problem(&office.send(&office.alice, "POST", &format!("/proposals/{disabled}/approve"), None).await, 404, "not-found", "erased");
    }
}
