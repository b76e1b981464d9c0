//! What is held about one person: told to them and to system administrators, and erased.

use super::{NO_USER, Office, problem};
use serde_json::{Value, json};

both_pairs! {
    async fn everything_about_a_person_is_told_and_nothing_about_others(pair) {
        let office = Office::open(pair).await;
        let (bob, carol) = (office.world.signed_in("bob").await, office.world.signed_in("carol").await);
        let ids = [office.id_of("bob@example.com").await, office.id_of("carol@example.com").await];
        let [bob_id, carol_id] = &ids;
        let group = office.number_of("admins-b").await;
        let until = json!({ "until": "2100-01-01T00:00:00Z" });
        office.done("PUT", &format!("/groups/{group}/members/{bob_id}"), Some(&until)).await;
        office.done("POST", &format!("/users/{carol_id}/end-sessions"), None).await;

        let own = office.send(&bob, "GET", "/me/export", None).await;
        assert_eq!((own.status, own.header("content-type")), (200, Some("application/json")), "{}", own.body);
        let told = own.json();
        assert_eq!((&told["user"]["email"], &told["user"]["id"]), (&json!("bob@example.com"), &json!(bob_id)));
        assert_eq!(told["sessions"].as_array().unwrap().len(), 1, "{told}");
        let membership = told["memberships"].as_array().unwrap().iter().find(|one| one["group"] == "admins-b").unwrap();
        assert_eq!((&membership["source"], &membership["until"]), (&json!("manual"), &until["until"]));
        let actions = |told: &Value| told["audit"].as_array().unwrap().iter().map(|row| row["action"].clone()).collect::<Vec<_>>();
        assert!(actions(&told).contains(&json!("user.sign_in")) && actions(&told).contains(&json!("membership.create")), "{told}");
        assert!(!own.body.contains("alice@example.com"), "whoever added bob is an id: {}", own.body);

        // Alice ended the sessions of somebody else: it is told, without who that is.
        let own = office.send(&office.alice, "GET", "/me/export", None).await;
        assert!(own.body.contains(carol_id) && !own.body.contains("carol@example.com"), "{}", own.body);

        let of_bob = office.done("GET", &format!("/users/{bob_id}/export"), None).await;
        assert_eq!(of_bob["user"], told["user"]);
        let carol = (office.world.signed_in("carol").await, carol).0;
        problem(&office.send(&carol, "GET", &format!("/users/{bob_id}/export"), None).await, 403, "forbidden", "carol");
        problem(&office.send(&office.alice, "GET", &format!("/users/{NO_USER}/export"), None).await, 404, "not-found", "nobody");
        let head = office.send(&bob, "HEAD", "/me/export", None).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""));
    }

    async fn who_is_erased_is_gone_with_everything_but_the_id(pair) {
        let office = Office::open(pair).await;
        let bob = office.world.signed_in("bob").await;
        let id = office.id_of("bob@example.com").await;
        office.done("PUT", &format!("/tenants/a/members/{id}"), Some(&json!({ "role": "viewer" }))).await;
        let path = format!("/users/{id}/erase");
        let before = office.audit().await.len();
        for wrong in [json!({ "confirm": "carol@example.com" }), json!({ "confirm": "" })] {
            let refused = office.send(&office.alice, "POST", &path, Some(&wrong)).await;
            problem(&refused, 422, "not-possible", "another address");
        }
        problem(&office.send(&bob, "POST", &path, Some(&json!({ "confirm": "bob@example.com" }))).await, 403, "forbidden", "bob");
        let confirm = json!({ "confirm": "bob@example.com" });
        let tried = office.done("POST", &format!("{path}?dry_run=true"), Some(&confirm)).await;
        assert_eq!((&tried["dry_run"], &tried["changed"]), (&json!(true), &json!(true)));
        assert_eq!(office.send(&bob, "GET", "/me", None).await.status, 200, "nothing was done");
        assert_eq!(office.audit().await.len(), before);

        let key = [("idempotency-key", "erase-bob")];
        let erased = office.send_with(&office.alice, ("POST", &path), Some(&confirm), &key).await;
        assert_eq!((erased.status, erased.json()["user_id"].as_str()), (200, Some(id.as_str())), "{}", erased.body);
        let again = office.send_with(&office.alice, ("POST", &path), Some(&confirm), &key).await;
        assert_eq!((again.status, again.header("idempotency-replayed")), (200, Some("true")), "{}", again.body);
        problem(&office.send(&bob, "GET", "/me", None).await, 401, "unauthenticated", "bob's session is over");
        for (method, what) in [("GET", ""), ("GET", "/export"), ("GET", "/memberships"), ("GET", "/sessions"), ("GET", "/audit"), ("POST", "/disable"), ("POST", "/end-sessions")] {
            let gone = office.send(&office.alice, method, &format!("/users/{id}{what}"), None).await;
            problem(&gone, 410, "erased", &format!("{method} {what}"));
        }
        let carol = office.world.signed_in("carol").await;
        problem(&office.send(&carol, "GET", &format!("/users/{id}"), None).await, 404, "not-found", "carol never knew bob");
        let audit = office.audit().await;
        let of_bob: Vec<&Value> = audit.iter().filter(|row| row.to_string().contains(&id)).collect();
        assert!(of_bob.iter().any(|row| row["action"] == "user.erase"), "{of_bob:?}");
        assert!(!of_bob.iter().any(|row| row.to_string().contains("bob@example.com")), "{of_bob:?}");
        assert!(office.world.cli(&["audit", "verify"]).await.contains("The audit is whole"), "the heads fit");

        office.world.signed_in("bob").await;
        assert_ne!(office.id_of("bob@example.com").await, id, "whoever signs in again is a new person");
        let alice = office.id_of("alice@example.com").await;
        let last = office.send(&office.alice, "POST", &format!("/users/{alice}/erase"), Some(&json!({ "confirm": "alice@example.com" }))).await;
        problem(&last, 409, "state", "the last administrator");
        assert_eq!(office.send(&office.alice, "GET", "/me", None).await.status, 200);
    }

    async fn an_administrator_of_a_tenant_reads_how_its_members_are_in_it(pair) {
        let office = Office::open(pair).await;
        let (carol, dave) = (office.world.signed_in("carol").await, office.world.signed_in("dave").await);
        let role = json!({ "role": "viewer", "until": "2100-01-01T00:00:00Z" });
        let made = office.send(&carol, "PUT", "/tenants/a/members/eve@example.com", Some(&role)).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let eve = office.id_of("eve@example.com").await;
        office.done("PUT", &format!("/tenants/b/members/{eve}"), Some(&json!({ "role": "admin" }))).await;
        let path = format!("/users/{eve}/memberships");
        let read = async |client| office.send(client, "GET", &path, None).await.json()["items"].clone();
        let of_a = read(&carol).await;
        let of_a = of_a.as_array().unwrap();
        assert_eq!(of_a.len(), 1, "{of_a:?}");
        let shown = ["tenant", "role", "source", "until", "group", "version"].map(|name| of_a[0][name].clone());
        assert_eq!(shown, [json!("a"), json!("viewer"), json!("manual"), role["until"].clone(), json!(null), json!("v1")]);
        assert_eq!(read(&dave).await[0]["tenant"], "b");
        assert_eq!(read(&office.alice).await.as_array().unwrap().len(), 2);
        let carol_id = office.id_of("carol@example.com").await;
        let own = office.send(&carol, "GET", &format!("/users/{carol_id}/memberships"), None).await.json();
        assert_eq!((&own["items"][0]["source"], &own["items"][0]["group"]), (&json!("group"), &json!(null)), "{own}");
        let hidden = office.send(&dave, "GET", &format!("/users/{carol_id}/memberships"), None).await;
        problem(&hidden, 404, "not-found", "carol does not exist to dave");
        let listed = office.world.cli(&["tenant", "list"]).await;
        assert!(listed.contains("eve@example.com (viewer until 2100-01-01"), "{listed}");
    }
}
