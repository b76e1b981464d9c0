//! Versions: nobody overwrites what they have not seen.

use super::{Office, problem};
use futures_util::future::join_all;
use gatepost_kit::client::Client;
use serde_json::{Value, json};

/// Each administrator changes the thing of this path so often, with the version that the last answer showed. `change`
/// makes a request of a text that is sent once. Returns the texts of those that changed something, by their versions.
async fn race(
    office: &Office,
    admins: &[Client],
    path: &str,
    times: usize,
    change: impl Fn(&str) -> (&'static str, String, Option<Value>),
) -> Vec<String> {
    let tag = |text: &str| text.trim_matches(['"', 'v']).parse::<usize>().unwrap();
    let first = office.send(&office.alice, "GET", path, None).await.header("etag").unwrap().to_owned();
    let writer = async |who: usize, admin: &Client| {
        let (mut made, mut shown) = (Vec::new(), first.clone());
        for time in 0..times {
            let text = format!("{who}{}{time}", "-".repeat(1 + time % 2));
            let (method, path, body) = change(&text);
            let headers = [("if-match", shown.as_str())];
            let answer = office.send_with(admin, (method, &path), body.as_ref(), &headers).await;
            let now = answer.header("etag").unwrap().to_owned();
            if answer.status == 200 {
                let is_changed = answer.json()["changed"] == true;
                assert_eq!(tag(&now), tag(&shown) + usize::from(is_changed), "{}", answer.body);
                made.extend(is_changed.then(|| (tag(&now), text)));
            } else {
                problem(&answer, 412, "overtaken", &text);
                assert_ne!(now, shown);
            }
            shown = now;
        }
        made
    };
    let made = join_all(admins.iter().enumerate().map(|(who, admin)| writer(who, admin))).await;
    let mut made = made.concat();
    made.sort();
    let versions: Vec<usize> = made.iter().map(|(version, _)| *version).collect();
    let all: Vec<usize> = (tag(&first) + 1..=tag(&first) + made.len()).collect();
    assert_eq!(versions, all, "one version for each change that was acknowledged");
    assert!(
        made.len() >= times / 2 && made.len() < times * admins.len(),
        "some were overtaken: {}",
        made.len()
    );
    made.into_iter().map(|(_, text)| text).collect()
}

/// The audit rows of these actions, the oldest first.
async fn rows(office: &Office, actions: &[&str]) -> Vec<Value> {
    let rows = office.audit().await.into_iter().rev();
    rows.filter(|row| actions.contains(&row["action"].as_str().unwrap())).collect()
}

both_pairs! {
    async fn of_concurrent_changes_with_a_version_each_that_was_acknowledged_is_kept_and_no_other(pair) {
        let office = Office::open(pair).await;
        let admins = office.many_admins().await;
        let path = format!("/groups/{}", office.number_of("admins-a").await);
        let rename = |name: &str| ("PATCH", path.clone(), Some(json!({ "name": name })));
        let made = race(&office, &admins, &path, 100, rename).await;
        let rows = rows(&office, &["group.rename"]).await;
        let after: Vec<&str> = rows.iter().map(|row| row["after"]["group"].as_str().unwrap()).collect();
        assert_eq!(after, made, "one row for each change that was acknowledged, in the order of its versions");
        let before: Vec<&str> = rows.iter().map(|row| row["before"]["group"].as_str().unwrap()).collect();
        assert_eq!(before[1..], after[..after.len() - 1], "each began where the one before it ended");
        assert_eq!(office.done("GET", &path, None).await["name"].as_str(), after.last().copied());

        let path = format!("/users/{}", office.id_of("carol@example.com").await);
        let turn = |name: &str| {
            let verb = if name.contains("--") { "disable" } else { "enable" };
            ("POST", format!("{path}/{verb}"), None)
        };
        let made = race(&office, &admins, &path, 20, turn).await;
        let rows = self::rows(&office, &["user.disable", "user.enable"]).await;
        let is_disabled = rows.last().unwrap()["action"] == "user.disable";
        let is_turn = |pair: &[Value]| pair[0]["action"] != pair[1]["action"];
        assert!(rows.windows(2).all(is_turn), "who was disabled is enabled next");
        assert_eq!(rows.len(), made.len(), "one row for each change that was acknowledged");
        assert_eq!(!office.done("GET", &path, None).await["disabled_at"].is_null(), is_disabled);
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
