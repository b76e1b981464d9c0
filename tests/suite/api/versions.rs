//! Versions: nobody overwrites what they have not seen.

use super::{Office, problem};
use serde_json::json;

both_pairs! {
    async fn of_concurrent_changes_with_a_version_as_many_are_made_as_were_answered_with_200(pair) {
        let office = Office::open(pair).await;
        let group = office.number_of("admins-a").await;
        let path = format!("/groups/{group}");
        let version = async || {
            let shown = office.done("GET", &path, None).await;
            shown["version"].as_str().unwrap().to_owned()
        };
        let number = |version: &str| version[1..].parse::<i64>().unwrap();
        let before = number(&version().await);
        let writer = async |who: &str| {
            let mut made = 0;
            for attempt in 0..15 {
                let tag = format!("\"{}\"", version().await);
                let name = json!({ "name": format!("{who}-{attempt}") });
                let answer = office.send_with(&office.alice, ("PATCH", &path), Some(&name), &[("if-match", &tag)]).await;
                if answer.status == 200 {
                    made += 1;
                } else {
                    problem(&answer, 412, "overtaken", who);
                    assert!(answer.header("etag").is_some_and(|now| now != tag), "{:?}", answer.headers);
                }
            }
            made
        };
        let (one, other) = tokio::join!(writer("one"), writer("other"));
        assert!(one + other >= 15, "one of two passes each time");
        assert_eq!(number(&version().await) - before, one + other);
        let renames = office.audit().await.into_iter().filter(|entry| entry["action"] == "group.rename");
        assert_eq!(i64::try_from(renames.count()).unwrap(), one + other, "one row for each change");
    }

    async fn a_version_that_is_known_is_not_sent_again_and_a_put_may_only_create(pair) {
        let office = Office::open(pair).await;
        let shown = office.send(&office.alice, "GET", "/tenants/a", None).await;
        let tag = shown.header("etag").unwrap().to_owned();
        assert_eq!((shown.status, tag.as_str()), (200, "\"v1\""));
        let again = office.send_with(&office.alice, ("GET", "/tenants/a"), None, &[("if-none-match", &tag)]).await;
        assert_eq!((again.status, again.body.as_str(), again.header("etag")), (304, "", Some(tag.as_str())));
        let name = json!({ "name": "New" });
        let only_new = [("if-none-match", "*")];
        let there = office.send_with(&office.alice, ("PUT", "/tenants/a"), Some(&name), &only_new).await;
        problem(&there, 412, "overtaken", "it is there");
        assert_eq!(there.header("etag"), Some("\"v1\""));
        let made = office.send_with(&office.alice, ("PUT", "/tenants/c"), Some(&name), &only_new).await;
        assert_eq!((made.status, made.header("etag")), (201, Some("\"v1\"")));
        assert!(made.header("location").unwrap().ends_with("/api/v1/tenants/c"));
        let changed = office.send_with(&office.alice, ("PATCH", "/tenants/c"), Some(&json!({ "name": null })), &[("if-match", "\"v1\"")]).await;
        assert_eq!((changed.status, changed.header("etag")), (200, Some("\"v2\"")));
        let shown = office.done("GET", "/tenants/c", None).await;
        assert_eq!((&shown["name"], &shown["version"]), (&json!(null), &json!("v2")));
        let same = office.send(&office.alice, "PATCH", "/tenants/c", Some(&json!({}))).await;
        assert_eq!((same.status, &same.json()["changed"]), (200, &json!(false)));
        let gone = office.send_with(&office.alice, ("DELETE", "/tenants/c"), None, &[("if-match", "\"v2\"")]).await;
        assert_eq!((gone.status, gone.body.as_str()), (204, ""));
    }
}
