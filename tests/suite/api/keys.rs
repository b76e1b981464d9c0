//! Keys by the API: the secret is in one answer alone, and nobody reaches the keys of somebody else.

use super::{Office, problem};
use serde_json::{Value, json};

both_pairs! {
    async fn the_secret_of_a_key_is_in_the_answer_that_makes_it_and_in_no_other(pair) {
        let office = Office::open(pair).await;
        let body = json!({ "name": "CI", "scopes": ["api.read"], "networks": ["10.0.0.0/8"] });
        let send = async || office.send_with(&office.alice, ("POST", "/me/keys"), Some(&body), &[("idempotency-key", "k")]).await;
        let first = send().await;
        assert_eq!((first.status, first.header("cache-control"), first.header("etag")), (201, Some("no-store"), Some("\"v1\"")), "{}", first.body);
        let made = first.json();
        let secret = made["key"].as_str().unwrap();
        assert!(secret.starts_with("gp_"));
        let again = send().await;
        assert_eq!((again.status, again.header("idempotency-replayed"), &again.json()["key"]), (201, Some("true"), &Value::Null));
        assert!(again.json()["note"].as_str().unwrap().contains("first answer"));
        let path = format!("/me/keys/{}", made["id"].as_str().unwrap());
        for read in [path.as_str(), "/me/keys", "/keys", "/audit"] {
            let answer = office.send(&office.alice, "GET", read, None).await;
            assert_eq!(answer.status, 200, "{read}");
            assert!(!answer.body.contains(secret), "{read}");
        }
        let found = office.done("POST", "/keys/lookup", Some(&json!({ "key": secret }))).await;
        assert_eq!(found["id"], made["id"]);
        let overtaken = office.send_with(&office.alice, ("PATCH", &path), Some(&json!({ "name": "B" })), &[("if-match", "\"v9\"")]).await;
        problem(&overtaken, 412, "overtaken", "v1");
        let changed = office.send_with(&office.alice, ("PATCH", &path), Some(&json!({ "name": "B" })), &[("if-match", "\"v1\"")]).await;
        assert_eq!((changed.status, changed.header("etag"), &changed.json()["networks"]), (200, Some("\"v2\""), &json!(["10.0.0.0/8"])));
        let rotated = office.done("POST", &format!("{path}/rotate"), Some(&json!({ "overlap_seconds": 0 }))).await;
        assert_ne!(rotated["key"], made["key"]);
        office.done("DELETE", &path, None).await;
        let refused = office.send(&office.alice, "POST", &format!("{path}/rotate"), Some(&json!({}))).await;
        problem(&refused, 409, "state", "it is revoked");
    }

    async fn what_a_key_may_not_be_is_told_with_its_member(pair) {
        let office = Office::open(pair).await;
        let carol = office.world.signed_in("carol").await;
        let wrong = json!({ "name": "CI", "scopes": [], "expires_at": "2020-01-01T00:00:00Z", "hosts": ["elsewhere.example.net"] });
        let answer = office.send(&office.alice, "POST", "/keys", Some(&wrong)).await;
        let want = [("/hosts", "unprotected_host"), ("/expires_at", "ends_in_the_past"), ("/scopes", "no_scope")];
        assert_eq!(problem(&answer, 422, "not-possible", "wrong"), want.map(|(place, code)| (place.to_owned(), code.to_owned())));
        let wider = json!({ "name": "CI", "scopes": ["scim"] });
        for path in ["/tenants/a/keys", "/me/keys"] {
            let answer = office.send(&carol, "POST", path, Some(&wider)).await;
            assert_eq!(problem(&answer, 403, "forbidden", path), [("/scopes".to_owned(), "wider_than_its_maker".to_owned())]);
        }
        let narrow = json!({ "name": "CI", "scopes": ["api.read"] });
        let of_alice = office.done("POST", "/me/keys", Some(&narrow)).await;
        let path = format!("/me/keys/{}", of_alice["id"].as_str().unwrap());
        for (method, path, body) in [("GET", path.clone(), None), ("DELETE", path.clone(), None), ("POST", format!("{path}/rotate"), Some(json!({})))] {
            let answer = office.send(&carol, method, &path, body.as_ref()).await;
            problem(&answer, 404, "not-found", &format!("{method} {path}"));
        }
    }

    async fn a_tenants_administrator_learns_no_group_of_the_platform_from_a_key(pair) {
        let office = Office::open(pair).await;
        let carol = office.world.signed_in("carol").await;
        let plan = json!({ "name": "CI", "scopes": ["api.read"], "tenant": "a", "groups": ["admins-b"] });
        let made = office.done("POST", "/keys", Some(&plan)).await;
        let path = format!("/keys/{}", made["id"].as_str().unwrap());
        for (method, path) in [("GET", path.clone()), ("DELETE", format!("{path}?dry_run=true")), ("GET", "/keys".to_owned())] {
            let theirs = office.send(&carol, method, &path, None).await;
            assert!(theirs.status == 200 && !theirs.body.contains("admins-b"), "{method} {path}: {}", theirs.body);
            let all = office.send(&office.alice, method, &path, None).await;
            assert!(all.body.contains("admins-b"), "{method} {path}: {}", all.body);
        }
    }
}
