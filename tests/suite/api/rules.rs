//! What all operations share: limits, dry runs, batches, the pages about problems.

use super::{Office, problem};
use crate::world::{APP, PUBLIC};
use gatepost_kit::client::{get_request, send_raw};
use gatepost_kit::process::until;
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

both_pairs! {
    async fn a_caller_who_sends_too_much_waits(pair) {
        let office = Office::open(pair).await;
        // A browser that repeats a request uses up what is counted here.
        let bob = office.world.signed_in("bob").await.impatient();
        // 20 a second are given back, so a busy machine needs more requests until one is refused.
        let (mut passed, mut refused) = (0, Vec::new());
        until("a request to be refused", SOON, async || {
            let requests = (0..100).map(|_| office.request(&bob, "GET", "/me").send());
            let answers = futures_util::future::join_all(requests).await;
            let (others, waits): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status != 429);
            passed += others.len();
            refused = waits;
            (!refused.is_empty()).then_some(())
        })
        .await;
        assert!(passed >= 60, "{passed}");
        for answer in &refused {
            problem(answer, 429, "too-many-requests", "bob");
            assert_eq!(answer.header("retry-after"), Some("1"));
            assert_eq!(answer.header("ratelimit-policy"), Some("\"api\";q=60;w=3"));
            assert!(answer.header("ratelimit").unwrap().starts_with("\"api\";r=0;t="), "{:?}", answer.headers);
        }
        let other = office.request(&office.alice, "GET", "/me").send().await;
        assert_eq!(other.status, 200, "another caller has requests of their own");
        assert!(other.header("ratelimit").is_some());
    }

    async fn a_dry_run_says_what_would_change_and_changes_nothing(pair) {
        let office = Office::open(pair).await;
        let alice = office.id_of("alice@example.com").await;
        let before = office.audit().await;
        let tried = office.done("POST", "/users?dry_run=true", Some(&json!({ "email": "new@example.com" }))).await;
        assert_eq!((&tried["changed"], &tried["dry_run"], &tried["email"]), (&json!(true), &json!(true), &json!("new@example.com")));
        let tried = office.done("POST", &format!("/users/{alice}/end-sessions?dry_run=true"), None).await;
        assert_eq!(tried["sessions"], 1);
        let session = office.done("GET", "/me", None).await["session"].as_str().unwrap().to_owned();
        let tried = office.done("DELETE", &format!("/me/sessions/{session}?dry_run=true"), None).await;
        assert_eq!(tried["changed"], true);
        assert_eq!(office.audit().await, before);
        office.done("DELETE", &format!("/me/sessions/{session}"), None).await;
        problem(&office.send(&office.alice, "GET", "/me", None).await, 401, "unauthenticated", "it has ended");
    }

    async fn a_batch_is_made_wholly_or_not_at_all(pair) {
        let office = Office::open(pair).await;
        let group = office.number_of("admins-a").await;
        let path = format!("/groups/{group}/members:batch");
        let until = "2099-01-01T00:00:00Z";
        let add = json!([{ "user": "x@example.com" }, { "user": "y@example.com", "until": until }]);
        let before = office.audit().await;
        let mixed = json!({ "add": add, "remove": [{ "user": "dave@example.com" }] });
        problem(&office.send(&office.alice, "POST", &path, Some(&mixed)).await, 404, "not-found", "dave is not in it");
        assert_eq!(office.audit().await, before);
        let good = json!({ "add": add, "remove": [{ "user": "carol@example.com" }] });
        let done = office.done("POST", &path, Some(&good)).await;
        assert_eq!((&done["added"], &done["removed"]), (&json!(2), &json!(1)));
        let members = office.done("GET", &format!("/groups/{group}/members"), None).await;
        let members: Vec<(&Value, &Value)> = members["items"].as_array().unwrap().iter().map(|one| (&one["email"], &one["until"])).collect();
        assert_eq!(members.len(), 2);
        assert!(members.contains(&(&json!("x@example.com"), &json!(null))) && members.contains(&(&json!("y@example.com"), &json!(until))), "{members:?}");
    }

    async fn a_request_with_a_key_is_made_once_and_answered_as_the_first_time(pair) {
        let office = Office::open(pair).await;
        let bob = office.world.signed_in("bob").await;
        let before = office.audit().await.len();
        let body = json!({ "name": "Once" });
        let send = async |key: &str, path: &str, body: &Value| office.send_with(&office.alice, ("POST", path), Some(body), &[("idempotency-key", key)]).await;
        let first = send("k-1", "/groups", &body).await;
        assert_eq!((first.status, first.header("idempotency-replayed")), (201, None), "{}", first.body);
        let again = send("k-1", "/groups", &body).await;
        assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")));
        for name in ["location", "etag", "content-type"] {
            assert_eq!(again.header(name), first.header(name), "{name}");
        }
        assert_eq!(again.json(), first.json());
        problem(&send("k-1", "/groups", &json!({ "name": "Other" })).await, 422, "key-reused", "another body");
        problem(&send("k-1", "/users", &json!({ "email": "x@example.com" })).await, 422, "key-reused", "another path");
        let foreign = office.send_with(&bob, ("POST", "/groups"), Some(&body), &[("idempotency-key", "k-1")]).await;
        problem(&foreign, 403, "forbidden", "who may not do it gets no answer of others");
        for key in ["", "a b", "\u{e9}", &"x".repeat(129)] {
            problem(&send(key, "/groups", &body).await, 400, "invalid", key);
        }
        assert_eq!(office.audit().await.len() - before, 1);
        let refused = json!({ "link": "nowhere:x" });
        let links = format!("/groups/{}/links", first.json()["group_id"].as_str().unwrap());
        for _ in 0..2 {
            problem(&send("k-2", &links, &refused).await, 422, "not-possible", "a refusal is not kept");
        }
        let (before, twice) = (office.audit().await.len(), json!({ "name": "Twice" }));
        let answers = futures_util::future::join_all((0..8).map(|_| send("k-3", "/groups", &twice))).await;
        let made = answers.iter().filter(|answer| answer.status == 201 && answer.header("idempotency-replayed").is_none());
        assert_eq!(made.count(), 1);
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            problem(answer, 409, "running", "another one is being answered");
        }
        assert_eq!(office.audit().await.len() - before, 1);
    }

    async fn a_key_is_of_one_caller_and_of_one_request(pair) {
        let office = Office::open(pair).await;
        let carol = office.world.signed_in("carol").await;
        let admin = format!("/admins/{}", office.id_of("carol@example.com").await);
        office.done("PUT", &admin, Some(&json!({ "is_admin": true }))).await;
        let key = [("idempotency-key", "k")];
        let (groups, body) = (("POST", "/groups"), json!({ "name": "Once" }));
        assert_eq!(office.send_with(&office.alice, groups, Some(&body), &key).await.status, 201);
        let of_carol = office.send_with(&carol, groups, Some(&body), &key).await;
        assert_eq!((of_carol.status, of_carol.header("idempotency-replayed")), (200, None), "{}", of_carol.body);
        let dry = office.send_with(&office.alice, ("POST", "/groups?dry_run=true"), Some(&body), &key).await;
        problem(&dry, 422, "key-reused", "a dry run is another request");

        let (alice, carol) = (office.id_of("alice@example.com").await, office.id_of("carol@example.com").await);
        let (disable, enable) = (format!("/users/{carol}/disable"), format!("/users/{carol}/enable"));
        let key = [("idempotency-key", "of-two-paths")];
        assert_eq!(office.send_with(&office.alice, ("POST", &disable), None, &key).await.status, 200);
        let other = office.send_with(&office.alice, ("POST", &enable), None, &key).await;
        problem(&other, 422, "key-reused", "another path");
        office.done("DELETE", &admin, None).await;
        let key = [("idempotency-key", "the-last-one")];
        let last = office.send_with(&office.alice, ("POST", &format!("/users/{alice}/disable")), None, &key).await;
        problem(&last, 409, "state", "the last administrator, with a key too");
    }

    async fn the_api_is_on_the_public_host_alone_and_its_documents_are_for_everybody(pair) {
        let office = Office::open(pair).await;
        let stranger = office.world.browser();
        let document = stranger.fetch(&office.world.url(PUBLIC, "/openapi.json")).await.json();
        assert_eq!(document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
        let printed: Value = serde_json::from_str(&office.world.cli(&["openapi"]).await).unwrap();
        assert_eq!(printed["paths"], document["paths"]);
        let refused = office.send(&stranger, "GET", "/users", None).await.json();
        let page = stranger.navigate(refused["type"].as_str().unwrap()).await;
        assert!(page.end().status == 200 && page.end().body.contains("Nobody is signed in"), "{}", page.describe());
        let request = get_request("/api/v1/me", &[("host", APP.as_bytes())]);
        let answer = send_raw(office.world.gatepost.public(), &request).await.unwrap().text();
        assert!(answer.starts_with("HTTP/1.1 404") && !answer.contains("urn:uuid"), "{answer}");
    }
}
