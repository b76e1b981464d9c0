//! Bad input: one problem with everything that is wrong, nothing written, no audit row.

use super::{NO_USER, Office, problem, unlimited};
use gatepost_kit::client::Answer;
use serde_json::json;

async fn send(office: &Office, method: &str, path: &str, media: &str, body: impl Into<Vec<u8>>) -> Answer {
    let body: Vec<u8> = body.into();
    unlimited(|| {
        let request = office.request(&office.alice, method, path).header("content-type", media);
        request.body(body.clone())
    })
    .await
}

fn pairs(found: &[(&str, &str)]) -> Vec<(String, String)> {
    found.iter().map(|(place, code)| ((*place).to_owned(), (*code).to_owned())).collect()
}

const JSON: &str = "application/json";

both_pairs! {
    async fn a_bad_body_is_refused_with_all_of_its_flaws(pair) {
        let office = Office::open(pair).await;
        let group = office.number_of("admins-a").await;
        let before = office.audit().await;
        let member = format!("/groups/{group}/members/bob@example.com");
        let batch = format!("/groups/{group}/members:batch");
        let group = format!("/groups/{group}");
        let bodies: [(&str, &str, &str); 8] = [
            ("POST", "/users", "email"), ("POST", "/groups", "name"), ("PATCH", &group, "name"), ("PUT", &member, ""), ("POST", &batch, ""),
            ("PUT", "/tenants/a/members/bob@example.com", "role"), ("PUT", "/admins/bob@example.com", "is_admin"), ("PUT", "/tenants/new", ""),
        ];
        for (method, path, required) in bodies {
            let why = format!("{method} {path}");
            for text in [b"".as_slice(), b"{", b"{}{}", b"\xff", b"{\"x\": \"\xff\"}", &b"[".repeat(5000)] {
                let answer = send(&office, method, path, JSON, text).await;
                assert_eq!(problem(&answer, 400, "invalid", &why), pairs(&[("", "not_json")]), "{why}");
            }
            let answer = send(&office, method, path, JSON, "[]").await;
            assert_eq!(problem(&answer, 400, "invalid", &why), pairs(&[("", "not_an_object")]), "{why}");
            let mut found = problem(&send(&office, method, path, JSON, r#"{"b/": 1, "a": 2}"#).await, 400, "invalid", &why);
            found.sort();
            let mut want = pairs(&[("/a", "unknown"), ("/b~1", "unknown")]);
            if !required.is_empty() {
                want.push((format!("/{required}"), "missing".to_owned()));
            }
            want.sort();
            assert_eq!(found, want, "{why}");
            let answer = send(&office, method, path, JSON, r#"{"a": 1, "a": 1, "b": {"c": 1, "c": 2}}"#).await;
            assert_eq!(problem(&answer, 400, "invalid", &why), pairs(&[("/a", "repeated"), ("/b/c", "repeated")]), "{why}");
            let long = format!("{{\"name\": \"{}\"}}", "x".repeat(64 * 1024));
            problem(&send(&office, method, path, JSON, long).await, 413, "too-large", &why);
            for media in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "application/json, text/plain"] {
                problem(&send(&office, method, path, media, "{}").await, 415, "media-type", &format!("{why} {media}"));
            }
            let answer = send(&office, method, path, "application/merge-patch+json", r#"{"x": 1}"#).await;
            assert_eq!(answer.status, if method == "PATCH" { 400 } else { 415 }, "{why}");
        }
        let wrong = json!({ "add": [{ "user": "nobody", "until": "soon" }, 7], "remove": [{ "usr": "x" }] });
        let answer = send(&office, "POST", &batch, JSON, wrong.to_string()).await;
        let want = [("/add/0/user", "malformed"), ("/add/0/until", "malformed"), ("/add/1", "not_an_object"), ("/remove/0/user", "missing"), ("/remove/0/usr", "unknown")];
        assert_eq!(problem(&answer, 400, "invalid", "a batch"), pairs(&want));
        let many = json!({ "add": vec![json!({ "user": "x@example.com" }); 1001] });
        let answer = send(&office, "POST", &batch, JSON, many.to_string()).await;
        assert_eq!(problem(&answer, 400, "invalid", "too many"), pairs(&[("/add", "too_many")]));
        for name in [json!(""), json!("x".repeat(257)), json!("a\u{7}b")] {
            let answer = send(&office, "PATCH", &group, JSON, json!({ "name": name }).to_string()).await;
            assert_eq!(problem(&answer, 400, "invalid", "a name"), pairs(&[("/name", "malformed")]));
        }
        assert_eq!(office.audit().await, before, "nothing was written");
    }

    async fn another_id_a_stale_version_and_a_wrong_parameter_change_nothing(pair) {
        let office = Office::open(pair).await;
        let group = office.number_of("admins-a").await;
        let alice = office.id_of("alice@example.com").await;
        let before = office.audit().await;
        let name = json!({ "name": "Other" });
        let (empty, role) = (json!({}), json!({ "role": "viewer" }));
        let changes = [
            ("PATCH", format!("/groups/{group}"), Some(&name), "/groups/999999".to_owned()),
            ("DELETE", format!("/groups/{group}"), None, "/groups/999999".to_owned()),
            ("PUT", format!("/groups/{group}/members/{alice}"), Some(&empty), format!("/groups/{group}/members/{NO_USER}")),
            ("DELETE", format!("/groups/{group}/members/{alice}"), None, format!("/groups/{group}/members/{NO_USER}")),
            ("PUT", format!("/groups/{group}/tenants/a"), Some(&role), format!("/groups/{group}/tenants/none")),
            ("PATCH", "/tenants/a".to_owned(), Some(&name), "/tenants/none".to_owned()),
            ("DELETE", "/tenants/a".to_owned(), None, "/tenants/none".to_owned()),
            ("POST", format!("/users/{alice}/disable"), None, format!("/users/{NO_USER}/disable")),
            ("POST", format!("/users/{alice}/enable"), None, format!("/users/{NO_USER}/enable")),
            ("POST", format!("/users/{alice}/release-address"), None, format!("/users/{NO_USER}/release-address")),
            ("POST", format!("/users/{alice}/end-sessions"), None, format!("/users/{NO_USER}/end-sessions")),
        ];
        for (method, path, body, other) in &changes {
            let why = format!("{method} {path}");
            let stale = office.send_with(&office.alice, (method, path), *body, &[("if-match", "\"v99\"")]).await;
            problem(&stale, 412, "overtaken", &why);
            for tag in ["W/\"v1\"", "v1", "\"v1\", \"v2\""] {
                let weak = office.send_with(&office.alice, (method, path), *body, &[("if-match", tag)]).await;
                assert_eq!(problem(&weak, 400, "invalid", &why), pairs(&[("If-Match", "malformed")]), "{why}");
            }
            for (query, place, code) in [("dry_run=maybe", "dry_run", "malformed"), ("dry_run=true&dry_run=true", "dry_run", "repeated"), ("x=1", "x", "unknown")] {
                let answer = office.send(&office.alice, method, &format!("{path}?{query}"), *body).await;
                assert_eq!(problem(&answer, 400, "invalid", &why), pairs(&[(place, code)]), "{why}");
            }
            problem(&office.send(&office.alice, method, other, *body).await, 404, "not-found", other);
        }
        for path in ["/users/x", "/users/%61", "/groups/-1", "/groups/x", "/groups/99999999999999999999", "/tenants/a%2Fb", "/nothing", ""] {
            problem(&office.send(&office.alice, "GET", path, None).await, 404, "not-found", path);
        }
        problem(&office.send(&office.alice, "PUT", "/users", Some(&empty)).await, 405, "method-not-allowed", "PUT /users");
        problem(&office.send(&office.alice, "POST", &format!("/users/{alice}/enable"), Some(&empty)).await, 413, "too-large", "no body");
        let past = json!({ "until": "2020-01-01T00:00:00Z" });
        let answer = office.send(&office.alice, "PUT", &format!("/groups/{group}/members/{alice}"), Some(&past)).await;
        assert_eq!(problem(&answer, 422, "not-possible", "the past"), pairs(&[("", "ends_in_the_past")]));
        let answer = office.send(&office.alice, "PUT", &format!("/admins/{alice}"), Some(&json!({ "is_admin": false }))).await;
        assert_eq!(problem(&answer, 409, "state", "the last"), pairs(&[("", "last_admin")]));
        assert_eq!(office.audit().await, before, "nothing was written");
    }

    async fn a_list_takes_only_its_own_parameters_and_places(pair) {
        let office = Office::open(pair).await;
        for (query, found) in [
            ("limit=0", vec![("limit", "out_of_range")]), ("limit=201", vec![("limit", "out_of_range")]), ("limit=x&x=1", vec![("limit", "malformed"), ("x", "unknown")]),
            ("limit=1&limit=2", vec![("limit", "repeated")]), ("after=x", vec![("after", "malformed")]), ("email=x&group=y&state=z", vec![("email", "malformed"), ("group", "malformed"), ("state", "malformed")]),
        ] {
            let answer = office.send(&office.alice, "GET", &format!("/users?{query}"), None).await;
            assert_eq!(problem(&answer, 400, "invalid", query), pairs(&found), "{query}");
        }
        let first = office.done("GET", "/users?limit=2", None).await;
        let next = first["next"].as_str().expect("there are more than two people");
        for path in [format!("/users?limit=2&state=active&after={next}"), format!("/groups?after={next}")] {
            let answer = office.send(&office.alice, "GET", &path, None).await;
            assert_eq!(problem(&answer, 400, "invalid", &path), pairs(&[("after", "malformed")]));
        }
        let mut seen = Vec::new();
        let mut path = "/users?limit=2".to_owned();
        loop {
            let answer = office.send(&office.alice, "GET", &path, None).await;
            let page = answer.json();
            seen.extend(page["items"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            let link = answer.header("link").unwrap();
            assert!(link.ends_with("; rel=\"next\"") && link.contains(next), "{link}");
            path = format!("/users?limit=2&after={next}");
        }
        seen.sort();
        assert_eq!(seen, ["alice@example.com", "carol@example.com", "dave@example.com"]);
    }
}
