//! Requests for access through the API: who sees them, who decides them, and how often.

use super::{Office, PLAIN, TENANT_A, problem};
use serde_json::{Value, json};

const NO_REQUEST: &str = "00000000-0000-7000-8000-000000000001";

fn ids(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

both_pairs! {
    async fn each_administrator_sees_and_decides_the_requests_of_their_own(pair) {
        let office = Office::where_people_ask(pair).await;
        let bob = office.world.signed_in("bob").await;
        let for_tenant = office.asked(&bob, TENANT_A, &[("tenant", "a"), ("note", "for <the> audit")]).await;
        let for_group = office.asked(&bob, PLAIN, &[("group", "Plain")]).await;
        office.world.entra.forget_browsers();
        let carol = office.world.signed_in("carol").await;
        office.world.entra.forget_browsers();
        let dave = office.world.signed_in("dave").await;
        let bob_id = office.id_of("bob@example.com").await;
        let number = office.number_of("Plain").await;

        let all = office.done("GET", "/requests", None).await;
        assert_eq!(ids(&all), [&for_tenant, &for_group], "the oldest first");
        let first = &all["items"][0];
        for (member, value) in [("tenant", "a"), ("note", "for <the> audit"), ("state", "open"), ("email", "bob@example.com"), ("version", "v1")] {
            assert_eq!(first[member], value, "{first}");
        }
        assert_eq!((&first["user_id"], &first["decided_at"], first.get("group")), (&json!(bob_id), &Value::Null, None));
        let second = &all["items"][1];
        assert_eq!((&second["group"], &second["group_id"], second.get("tenant")), (&json!("Plain"), &json!(number), None));
        for (query, found) in [
            ("tenant=a", vec![&for_tenant]),
            (&format!("group={number}"), vec![&for_group]),
            (&format!("user={bob_id}&state=open"), vec![&for_tenant, &for_group]),
            ("state=granted", vec![]),
            ("tenant=b", vec![]),
        ] {
            assert_eq!(ids(&office.done("GET", &format!("/requests?{query}"), None).await), found, "{query}");
        }
        let page = office.done("GET", "/requests?limit=1", None).await;
        assert_eq!(ids(&page), [&for_tenant]);
        let next = format!("/requests?limit=1&after={}", page["next"].as_str().unwrap());
        let page = office.done("GET", &next, None).await;
        assert_eq!((ids(&page), &page["next"]), (vec![for_group.as_str()], &Value::Null));
        for (query, code) in [("state=Open", "malformed"), ("user=bob", "malformed"), ("who=bob", "unknown")] {
            let place = query.split('=').next().unwrap().to_owned();
            let answer = office.send(&office.alice, "GET", &format!("/requests?{query}"), None).await;
            assert_eq!(problem(&answer, 400, "invalid", query), [(place, code.to_owned())]);
        }

        assert_eq!(ids(&office.send(&carol, "GET", "/requests", None).await.json()), [&for_tenant]);
        assert_eq!(ids(&office.send(&carol, "GET", &format!("/requests?group={number}"), None).await.json()), Vec::<&str>::new());
        assert_eq!(ids(&office.send(&dave, "GET", "/requests", None).await.json()), Vec::<&str>::new());
        let before = office.audit().await;
        let no = json!({ "answer": "No." });
        for (client, id) in [(&carol, for_group.as_str()), (&dave, &for_tenant), (&dave, &for_group), (&carol, NO_REQUEST)] {
            let path = format!("/requests/{id}");
            problem(&office.send(client, "GET", &path, None).await, 404, "not-found", &path);
            problem(&office.send(client, "POST", &format!("{path}/grant"), Some(&json!({}))).await, 404, "not-found", &path);
            problem(&office.send(client, "POST", &format!("{path}/decline"), Some(&no)).await, 404, "not-found", &path);
        }
        for verb in ["grant", "decline"] {
            let own = office.send(&bob, "POST", &format!("/requests/{for_tenant}/{verb}"), Some(&no)).await;
            problem(&own, 403, "forbidden", "who asks does not decide");
        }
        assert_eq!(office.audit().await, before, "nothing was decided");
        let granted = office.send(&carol, "POST", &format!("/requests/{for_tenant}/grant"), Some(&json!({}))).await;
        assert_eq!(granted.status, 200, "{}", granted.body);
        let row = &office.audit().await[0];
        assert_eq!(row["action"], "request.grant", "{row}");
        let of_carol = office.send(&carol, "GET", "/audit?action=request.create&action=request.grant", None).await.json();
        let shown: Vec<&str> = of_carol["items"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
        assert_eq!(shown, ["request.grant", "request.create"], "those of her tenant alone: {of_carol}");
        office.world.has_heard().await;
        let bob_sees = bob.navigate(&office.world.url(TENANT_A, "/")).await;
        assert_eq!(bob_sees.end().status, 200, "{}", bob_sees.describe());
    }

    async fn a_request_is_decided_once_with_the_version_that_was_shown(pair) {
        let office = Office::where_people_ask(pair).await;
        let bob = office.world.signed_in("bob").await;
        let id = office.asked(&bob, PLAIN, &[("group", "Plain")]).await;
        let path = format!("/requests/{id}");
        let (grant, decline) = (format!("{path}/grant"), format!("{path}/decline"));
        let shown = office.send(&office.alice, "GET", &path, None).await;
        assert_eq!((shown.status, shown.header("etag")), (200, Some("\"v1\"")));
        let again = office.send_with(&office.alice, ("GET", &path), None, &[("if-none-match", "\"v1\"")]).await;
        assert_eq!(again.status, 304);

        let before = office.audit().await;
        for (body, pointer, code) in [
            (json!({ "until": "soon" }), "/until", "malformed"),
            (json!({ "answer": "Yes." }), "/answer", "unknown"),
        ] {
            let answer = office.send(&office.alice, "POST", &grant, Some(&body)).await;
            assert_eq!(problem(&answer, 400, "invalid", pointer), [(pointer.to_owned(), code.to_owned())]);
        }
        for (body, code) in [(json!({}), "missing"), (json!({ "answer": " " }), "malformed"), (json!({ "answer": "x".repeat(281) }), "malformed")] {
            let answer = office.send(&office.alice, "POST", &decline, Some(&body)).await;
            assert_eq!(problem(&answer, 400, "invalid", code), [("/answer".to_owned(), code.to_owned())]);
        }
        let past = json!({ "until": "2020-01-01T00:00:00Z" });
        problem(&office.send(&office.alice, "POST", &grant, Some(&past)).await, 422, "not-possible", "the past");
        let stale = office.send_with(&office.alice, ("POST", &grant), Some(&json!({})), &[("if-match", "\"v2\"")]).await;
        problem(&stale, 412, "overtaken", "another version");
        assert_eq!(stale.header("etag"), Some("\"v1\""));
        let tried = office.done("POST", &format!("{grant}?dry_run=true"), Some(&json!({}))).await;
        assert_eq!((&tried["dry_run"], &tried["changed"], &tried["state"]), (&json!(true), &json!(true), &json!("granted")));
        assert_eq!(office.audit().await, before, "nothing was decided");
        assert_eq!(office.done("GET", &path, None).await["state"], "open");

        let until = "2099-01-01T00:00:00Z";
        let key = [("if-match", "\"v1\""), ("idempotency-key", "once")];
        let body = json!({ "until": until });
        let first = office.send_with(&office.alice, ("POST", &grant), Some(&body), &key).await;
        assert_eq!((first.status, first.header("etag")), (200, Some("\"v2\"")), "{}", first.body);
        let replay = office.send_with(&office.alice, ("POST", &grant), Some(&body), &key).await;
        assert_eq!((replay.status, replay.header("idempotency-replayed"), &replay.body), (200, Some("true"), &first.body));
        assert_eq!((&first.json()["until"], &first.json()["group"]), (&json!(until), &json!("Plain")));
        for (path, body) in [(&grant, json!({})), (&decline, json!({ "answer": "No." }))] {
            let again = office.send(&office.alice, "POST", path, Some(&body)).await;
            assert_eq!(problem(&again, 409, "state", path), [(String::new(), "request_decided".to_owned())]);
            let late = office.send_with(&office.alice, ("POST", path), Some(&body), &[("if-match", "\"v1\"")]).await;
            problem(&late, 412, "overtaken", path);
        }
        let shown = office.done("GET", &path, None).await;
        let decided = [("state", json!("granted")), ("until", json!(until)), ("version", json!("v2")), ("decided_by_email", json!("alice@example.com"))];
        for (member, value) in decided {
            assert_eq!(shown[member], value, "{shown}");
        }
        let rows = office.audit().await;
        assert_eq!(rows.iter().filter(|row| row["action"] == "request.grant").count(), 1);
        let member = format!("/groups/{}/members", office.number_of("Plain").await);
        assert_eq!(office.done("GET", &member, None).await["items"][0]["until"], until);

        let second = office.asked(&bob, TENANT_A, &[("tenant", "a")]).await;
        let declined = office.done("POST", &format!("/requests/{second}/decline"), Some(&json!({ "answer": "Ask\nlater." }))).await;
        assert_eq!((&declined["state"], &declined["answer"], &declined["until"]), (&json!("declined"), &json!("Ask later."), &Value::Null));
        assert_eq!(ids(&office.done("GET", "/requests?state=declined", None).await), [&second]);
    }

    async fn the_command_line_and_the_api_leave_the_same_rows(pair) {
        let office = Office::where_people_ask(pair).await;
        let mut asked = Vec::new();
        for who in ["bob", "carol"] {
            office.world.entra.forget_browsers();
            let browser = office.world.signed_in(who).await;
            let id = office.asked(&browser, PLAIN, &[("group", "Plain")]).await;
            asked.push((office.id_of(&format!("{who}@example.com")).await, id));
        }
        let rows = async |since: usize, (user, request): &(String, String)| {
            let all = office.audit().await;
            let text = json!(all[..all.len() - since].iter().map(|row| json!([row["action"], row["target"], row["before"], row["after"]])).collect::<Vec<_>>());
            text.to_string().replace(user.as_str(), "USER").replace(request.as_str(), "REQUEST")
        };
        let until = "2099-01-01T00:00:00Z";
        let before = office.audit().await.len();
        office.world.cli(&["request", "grant", &asked[0].1, "--until", until]).await;
        let by_command_line = rows(before, &asked[0]).await;
        assert!(by_command_line.contains("request.grant") && by_command_line.contains("membership.create"), "{by_command_line}");
        let before = office.audit().await.len();
        office.done("POST", &format!("/requests/{}/grant", asked[1].1), Some(&json!({ "until": until }))).await;
        assert_eq!(rows(before, &asked[1]).await, by_command_line);
    }

    async fn of_two_who_decide_at_once_one_does(pair) {
        let office = Office::where_people_ask(pair).await;
        let bob = office.world.signed_in("bob").await;
        let id = office.asked(&bob, PLAIN, &[("group", "Plain")]).await;
        let (grant, decline) = (format!("/requests/{id}/grant"), format!("/requests/{id}/decline"));
        let (yes, no) = (json!({}), json!({ "answer": "No." }));
        let (granted, declined) = tokio::join!(
            office.send(&office.alice, "POST", &grant, Some(&yes)),
            office.send(&office.alice, "POST", &decline, Some(&no))
        );
        let mut statuses = [granted.status, declined.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{} {}", granted.body, declined.body);
        let decisions = office.audit().await;
        let is_decision = |row: &&Value| ["request.grant", "request.decline"].contains(&row["action"].as_str().unwrap());
        assert_eq!(decisions.iter().filter(is_decision).count(), 1);
        let is_member = decisions.iter().any(|row| row["action"] == "membership.create" && row["target"].as_str().unwrap().starts_with("user:") && row["after"]["group"] == "Plain");
        assert_eq!(is_member, granted.status == 200, "what was declined gives nothing");
    }
}
