//! Bad input: one problem with everything that is wrong, nothing written, no audit row.

use super::{Office, problem, unlimited};
use crate::world::APP;
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
    async fn each_item_of_a_batch_and_each_name_is_judged(pair) {
        let office = Office::open(pair).await;
        let group = office.number_of("admins-a").await;
        let before = office.audit().await;
        let batch = format!("/groups/{group}/members:batch");
        let group = format!("/groups/{group}");
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

    async fn what_is_not_there_and_what_is_not_possible_change_nothing(pair) {
        let office = Office::open(pair).await;
        let group = office.number_of("admins-a").await;
        let alice = office.id_of("alice@example.com").await;
        let url = office.world.url(APP, "/untried");
        office.world.cli(&["tool-server", "create", "untried", "--tenant", "a", "--url", &url]).await;
        let before = office.audit().await;
        let empty = json!({});
        for path in ["/users/x", "/users/%61", "/groups/-1", "/groups/x", "/groups/99999999999999999999", "/tenants/a%2Fb", "/nothing", ""] {
            problem(&office.send(&office.alice, "GET", path, None).await, 404, "not-found", path);
        }
        problem(&office.send(&office.alice, "PUT", "/users", Some(&empty)).await, 405, "method-not-allowed", "PUT /users");
        problem(&office.send(&office.alice, "POST", &format!("/users/{alice}/enable"), Some(&empty)).await, 413, "too-large", "no body");
        let url = office.world.url(APP, "/tools");
        for (method, path, body) in [
            ("PATCH", "/tool-servers/untried", json!({ "mode": "headers" })),
            ("POST", "/tenants/a/tool-servers", json!({ "id": "other", "url": url, "mode": "headers" })),
        ] {
            let answer = office.send(&office.alice, method, path, Some(&body)).await;
            assert_eq!(problem(&answer, 422, "not-possible", path), pairs(&[("", "not_tried")]));
            let detail = answer.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains("`gatepost tool-server update ") && detail.contains("--mode headers`"), "{detail}");
        }
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
