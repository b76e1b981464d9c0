//! Invitations to a tenant: who may make them, for whom the link is, and when it counts no more.

use super::{Office, problem};
use crate::cli::sql;
use crate::portal::forms::form;
use crate::world::{PUBLIC, World};
use gatepost_kit::client::{Answer, Client};
use reqwest::Method;
use serde_json::{Value, json};

const HERE: &str = "/tenants/a/invitations";

async fn invite(office: &Office, by: &Client, email: &str, role: &str) -> Value {
    let answer = office.send(by, "POST", HERE, Some(&json!({ "email": email, "role": role }))).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()
}

/// The path of an invitation's link.
pub(super) fn path_of(invitation: &Value) -> String {
    let link = reqwest::Url::parse(invitation["link"].as_str().unwrap()).unwrap();
    assert_eq!(link.host_str(), Some(PUBLIC), "{link}");
    link.path().to_owned()
}

pub(super) async fn open(world: &World, browser: &Client, path: &str) -> Answer {
    browser.navigate(&world.url(PUBLIC, path)).await.end().clone()
}

/// Presses the button of the page, from a page of this origin.
async fn press(world: &World, browser: &Client, path: &str, from: &str) -> Answer {
    browser.request(Method::POST, &world.url(PUBLIC, path)).from(from).form(&[]).send().await
}

/// As the page itself does.
pub(super) async fn accept(world: &World, browser: &Client, path: &str) -> Answer {
    press(world, browser, path, &world.url(PUBLIC, path)).await
}

pub(super) fn says(answer: &Answer, status: u16, parts: &[&str]) {
    assert_eq!(answer.status, status, "{}", answer.body);
    for part in parts {
        assert!(answer.body.contains(part), "{part}: {}", answer.body);
    }
}

async fn members(office: &Office) -> Vec<(String, String, String)> {
    let found = office.done("GET", "/tenants/a/members", None).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = found["items"].as_array().unwrap().iter();
    items.map(|member| (text(&member["email"]), text(&member["role"]), text(&member["source"]))).collect()
}

both_pairs! {
    async fn who_was_invited_accepts_once_and_nobody_else_does(pair) {
        let office = Office::open(pair).await;
        let world = &office.world;
        let carol = world.signed_in("carol").await;
        world.cli(&["tenant", "rename", "a", "Acme & Sons"]).await;
        let invited = invite(&office, &carol, "Bob@example.com", "viewer").await;
        assert_eq!((&invited["email"], &invited["role"]), (&json!("bob@example.com"), &json!("viewer")));
        let path = path_of(&invited);
        let listed = office.send(&carol, "GET", HERE, None).await;
        let secret = path.strip_prefix("/invitations/").unwrap();
        assert!(listed.json()["items"].as_array().unwrap().len() == 1 && !listed.body.contains(secret), "{}", listed.body);
        let noted = sql(world, "SELECT after FROM audit_entries WHERE action = 'tenant.invite'").await.concat();
        assert!(noted.contains("viewer") && !noted.contains(secret) && !noted.contains("bob@"), "{noted}");

        // A stranger signs in first, and is back at the invitation then.
        let stranger = world.browser();
        let first = stranger.get(&world.url(PUBLIC, &path)).await;
        assert!(first.status == 303 && first.location().unwrap().path() == "/login", "{}", first.body);
        world.entra.at_the_browser(Some("dave"));
        let dave = world.browser();
        let wrong = open(world, &dave, &path).await;
        says(&wrong, 403, &["This invitation is for another address", "b\u{2026}@example.com"]);
        for hidden in ["bob", "Acme", "viewer"] {
            assert!(!wrong.body.contains(hidden), "{hidden}: {}", wrong.body);
        }
        says(&accept(world, &dave, &path).await, 403, &["b\u{2026}@example.com"]);
        let alice = open(world, &office.alice, &path).await;
        says(&alice, 403, &["b\u{2026}@example.com"]);
        says(&accept(world, &office.alice, &path).await, 403, &[]);

        world.entra.at_the_browser(Some("bob"));
        let bob = world.browser();
        says(&open(world, &bob, &path).await, 200, &["You are invited", "Acme &#38; Sons", "viewer: you may look", "bob@example.com"]);
        says(&open(world, &bob, &path).await, 200, &["You are invited"]);
        assert_eq!(members(&office).await, [], "looking changes nothing");
        assert_eq!(press(world, &bob, &path, "https://evil.example/").await.status, 403);
        assert_eq!(members(&office).await, [], "another site cannot accept");
        let done = accept(world, &bob, &path).await;
        assert_eq!((done.status, done.location().unwrap().query()), (303, Some("done=joined")), "{}", done.body);
        says(&bob.get(done.location().unwrap().as_str()).await, 200, &["You have accepted the invitation."]);
        assert_eq!(members(&office).await, [("bob@example.com".to_owned(), "viewer".to_owned(), "invitation".to_owned())]);
        for again in [open(world, &bob, &path).await, accept(world, &bob, &path).await, open(world, &dave, &path).await] {
            says(&again, 410, &["This invitation counts no more"]);
        }
        let audit = office.audit().await;
        let id = office.id_of("bob@example.com").await;
        let entry = audit.iter().find(|entry| entry["action"] == "tenant.accept_invitation").unwrap();
        assert_eq!((&entry["target"], &entry["before"]["invitation"]), (&json!(format!("user:{id}")), &invited["id"]));
        assert_eq!(entry["actor"], json!(id), "{entry}");
    }

    async fn a_link_counts_no_more_once_it_is_withdrawn_replaced_or_old_or_its_tenant_is_gone(pair) {
        let office = Office::open(pair).await;
        let world = &office.world;
        let (carol, bob) = (world.signed_in("carol").await, world.signed_in("bob").await);
        let old = invite(&office, &carol, "bob@example.com", "member").await;
        let new = invite(&office, &carol, "bob@example.com", "admin").await;
        says(&accept(world, &bob, &path_of(&old)).await, 410, &[]);
        says(&open(world, &bob, &path_of(&new)).await, 200, &["administrator"]);
        let one = format!("{HERE}/{}", new["id"].as_str().unwrap());
        problem(&office.send(&carol, "DELETE", &format!("{HERE}/{}", old["id"].as_str().unwrap()), None).await, 404, "not-found", "it was replaced");
        assert_eq!(office.send(&carol, "GET", &one, None).await.json()["role"], json!("admin"));
        assert_eq!(office.send(&carol, "DELETE", &one, None).await.status, 204);
        says(&accept(world, &bob, &path_of(&new)).await, 410, &[]);

        let aged = path_of(&invite(&office, &carol, "bob@example.com", "member").await);
        sql(world, "UPDATE tenant_invitations SET expires_at = created_at RETURNING id").await;
        says(&open(world, &bob, &aged).await, 410, &["older than seven days"]);
        says(&accept(world, &bob, &aged).await, 410, &[]);
        assert_eq!(office.done("GET", HERE, None).await["items"], json!([]));

        let path = path_of(&invite(&office, &carol, "bob@example.com", "member").await);
        office.done("POST", "/tenants/a/suspend", Some(&json!({ "reason": "unpaid" }))).await;
        says(&accept(world, &bob, &path).await, 409, &["The tenant is suspended"]);
        problem(&office.send(&carol, "POST", HERE, Some(&json!({ "email": "x@example.com", "role": "viewer" }))).await, 409, "state", "suspended");
        assert_eq!(office.send(&office.alice, "DELETE", "/tenants/a", None).await.status, 204);
        says(&open(world, &bob, &path).await, 410, &[]);
        says(&accept(world, &bob, &path).await, 410, &[]);
        for wrong in ["/invitations/x", "/invitations/", &path.to_uppercase().replace("/INVITATIONS", "/invitations")] {
            assert_eq!(open(world, &bob, wrong).await.status, 404, "{wrong}");
        }
        says(&open(world, &bob, &format!("/invitations/{}", "0".repeat(64))).await, 410, &[]);
    }

    async fn a_link_does_not_undo_what_an_administrator_decided_after_it(pair) {
        let office = Office::open(pair).await;
        let world = &office.world;
        let (carol, bob) = (world.signed_in("carol").await, world.signed_in("bob").await);
        let add = ["tenant", "add-member", "a", "bob@example.com", "--role", "member"];
        world.cli(&add).await;
        let kept = path_of(&invite(&office, &carol, "bob@example.com", "admin").await);
        world.cli(&["tenant", "remove-member", "a", "bob@example.com"]).await;
        says(&accept(world, &bob, &kept).await, 410, &[]);
        assert_eq!(members(&office).await, []);

        let kept = path_of(&invite(&office, &carol, "bob@example.com", "admin").await);
        world.cli(&add).await;
        says(&accept(world, &bob, &kept).await, 410, &[]);
        assert_eq!(members(&office).await[0].1, "member");
        let kept = path_of(&invite(&office, &carol, "bob@example.com", "admin").await);
        world.cli(&add).await;
        says(&accept(world, &bob, &kept).await, 410, &[]);
        let noted = sql(world, "SELECT action FROM audit_entries WHERE action = 'tenant.withdraw_invitation'").await;
        assert_eq!(noted.len(), 3, "{noted:?}");
    }

    async fn who_may_enter_for_a_time_accepts_for_good_but_gets_no_higher_role_so(pair) {
        let office = Office::open(pair).await;
        let world = &office.world;
        let bob = world.signed_in("bob").await;
        for (role, invited, after) in [("member", "member", "member for good"), ("admin", "viewer", "admin for a time")] {
            world.cli(&["tenant", "add-member", "a", "bob@example.com", "--role", role, "--for", "30d"]).await;
            let path = path_of(&invite(&office, &office.alice, "bob@example.com", invited).await);
            assert_eq!(accept(world, &bob, &path).await.status, 303);
            let sql_text = "SELECT role || CASE WHEN until IS NULL THEN ' for good' ELSE ' for a time' END FROM tenant_members";
            assert_eq!(sql(world, sql_text).await, [after]);
        }
    }

    async fn nobody_accepts_whose_address_another_tenants_provider_asserts(pair) {
        let office = Office::open(pair).await;
        let world = &office.world;
        let (carol, bob) = (world.signed_in("carol").await, world.signed_in("bob").await);
        let path = path_of(&invite(&office, &carol, "bob@example.com", "member").await);
        sql(world, "INSERT INTO identities (issuer, subject, provider, user_id, created_at) \
            SELECT 'https://other.example', 'bob', 't-b', id, 1 FROM users WHERE email = 'bob@example.com' RETURNING user_id").await;
        says(&accept(world, &bob, &path).await, 403, &[]);
        assert_eq!(members(&office).await, []);
    }

    async fn an_export_names_no_invitation_of_who_has_the_address_now(pair) {
        let office = Office::open(pair).await;
        let world = &office.world;
        let carol = world.signed_in("carol").await;
        world.signed_in("dave").await;
        invite(&office, &carol, "bob@example.com", "member").await;
        let former = "INSERT INTO former_addresses (email, user_id, until) SELECT 'bob@example.com', id, 1 FROM users \
            WHERE email = 'dave@example.com' RETURNING user_id";
        sql(world, former).await;
        let of_dave = format!("/users/{}/export", office.id_of("dave@example.com").await);
        assert_eq!(office.done("GET", &of_dave, None).await["invitations"].as_array().unwrap().len(), 1);
        world.signed_in("bob").await;
        assert_eq!(office.done("GET", &of_dave, None).await["invitations"], json!([]));
    }

    async fn invitations_count_against_the_members_that_a_tenant_may_have(pair) {
        let office = Office::open(pair).await;
        let carol = office.world.signed_in("carol").await;
        office.done("PATCH", "/tenants/a", Some(&json!({ "limits": { "members": 2 } }))).await;
        let first = invite(&office, &carol, "one@example.com", "member").await;
        invite(&office, &carol, "bob@example.com", "member").await;
        let third = json!({ "email": "three@example.com", "role": "member" });
        problem(&office.send(&carol, "POST", HERE, Some(&third)).await, 409, "state", "two are invited");
        let path = path_of(&invite(&office, &carol, "bob@example.com", "viewer").await);
        office.send(&carol, "DELETE", &format!("{HERE}/{}", first["id"].as_str().unwrap()), None).await;
        for name in ["one", "three"] {
            office.done("PUT", &format!("/tenants/a/members/{name}@example.com"), Some(&json!({ "role": "member" }))).await;
        }
        let bob = office.world.signed_in("bob").await;
        says(&accept(&office.world, &bob, &path).await, 409, &["as many members as it may have"]);
        office.done("PATCH", "/tenants/a", Some(&json!({ "limits": { "members": 3 } }))).await;
        assert_eq!(accept(&office.world, &bob, &path).await.status, 303);
    }

    async fn who_has_a_higher_role_keeps_it_and_a_lower_one_is_raised(pair) {
        let office = Office::open(pair).await;
        let world = &office.world;
        let bob = world.signed_in("bob").await;
        for (before, invited, after) in [("admin", "viewer", "admin"), ("viewer", "member", "member")] {
            world.cli(&["tenant", "add-member", "a", "bob@example.com", "--role", before]).await;
            let path = path_of(&invite(&office, &office.alice, "bob@example.com", invited).await);
            assert_eq!(accept(world, &bob, &path).await.status, 303);
            assert_eq!(members(&office).await[0].1, after);
        }
    }

    async fn what_is_no_invitation_is_refused_and_the_link_is_in_one_answer_alone(pair) {
        let office = Office::open(pair).await;
        let carol = office.world.signed_in("carol").await;
        for (body, place, code) in [
            (json!({ "role": "member" }), "/email", "missing"),
            (json!({ "email": "bob@example.com" }), "/role", "missing"),
            (json!({ "email": "bob", "role": "member" }), "/email", "malformed"),
            (json!({ "email": "a@b@example.com", "role": "member" }), "/email", "malformed"),
            (json!({ "email": "bob@example.com", "role": "owner" }), "/role", "malformed"),
            (json!({ "email": "bob@example.com", "role": "member", "until": null }), "/until", "unknown"),
        ] {
            let answer = office.send(&carol, "POST", HERE, Some(&body)).await;
            assert_eq!(problem(&answer, 400, "invalid", &body.to_string()), [(place.to_owned(), code.to_owned())]);
        }
        let body = json!({ "email": "bob@example.com", "role": "member" });
        let dry = office.send(&carol, "POST", &format!("{HERE}?dry_run=true"), Some(&body)).await;
        assert_eq!((dry.status, &dry.json()["link"]), (200, &json!(null)), "{}", dry.body);
        assert_eq!(office.done("GET", HERE, None).await["items"], json!([]));
        let key = [("idempotency-key", "once")];
        let first = office.send_with(&carol, ("POST", HERE), Some(&body), &key).await;
        let again = office.send_with(&carol, ("POST", HERE), Some(&body), &key).await;
        assert_eq!((first.status, again.status, again.header("idempotency-replayed")), (201, 201, Some("true")));
        assert_eq!((first.json()["link"].is_string(), &again.json()["link"]), (true, &json!(null)), "{}", again.body);
        assert_eq!(first.json()["id"], again.json()["id"]);
        let stored = sql(&office.world, "SELECT answer FROM idempotent_requests WHERE answer IS NOT NULL").await.concat();
        let secret = path_of(&first.json()).replace("/invitations/", "");
        assert!(stored.contains("first answer") && !stored.contains(&secret), "{stored}");
        let dave = office.world.signed_in("dave").await;
        for (method, body) in [("GET", None), ("POST", Some(&body))] {
            problem(&office.send(&dave, method, HERE, body).await, 404, "not-found", "dave administers another tenant");
        }
    }

    async fn an_erased_persons_invitations_go_and_are_in_their_export_before(pair) {
        let office = Office::open(pair).await;
        let bob = office.world.signed_in("bob").await;
        let path = path_of(&invite(&office, &office.alice, "bob@example.com", "member").await);
        let own = office.send(&bob, "GET", "/me/export", None).await;
        assert_eq!(own.json()["invitations"][0]["tenant"], json!("a"), "{}", own.body);
        assert!(!own.body.contains(path.strip_prefix("/invitations/").unwrap()), "{}", own.body);
        let id = office.id_of("bob@example.com").await;
        office.done("POST", &format!("/users/{id}/erase"), Some(&json!({ "confirm": "bob@example.com" }))).await;
        assert_eq!(office.done("GET", HERE, None).await["items"], json!([]));
        let bob = office.world.signed_in("bob").await;
        says(&open(&office.world, &bob, &path).await, 410, &[]);
    }

    async fn the_portal_and_the_command_line_show_a_link_once(pair) {
        let office = Office::open(pair).await;
        let world = &office.world;
        let (carol, bob) = (world.signed_in("carol").await, world.signed_in("bob").await);
        let page = "/admin/tenants/a/invitations";
        let blank = form(world, &carol, page, page).await.with("role", "member");
        let wrong = blank.clone().with("email", "bob").send(world, &carol).await;
        says(&wrong, 422, &["aria-invalid", "value=\"bob\""]);
        let made = blank.clone().with("email", "bob@example.com").send(world, &carol).await;
        says(&made, 200, &["this page shows it once", "bob@example.com"]);
        let link = made.body.split("value=\"https://").nth(1).unwrap().split('"').next().unwrap();
        let path = format!("/{}", link.split_once('/').unwrap().1);
        assert!(!carol.get(&world.url(PUBLIC, page)).await.body.contains(&path));
        says(&open(world, &bob, &path).await, 200, &["You are invited"]);
        let withdraw = format!("{page}/withdraw");
        let done = form(world, &carol, page, &withdraw).await.done(world, &carol).await;
        assert!(done.contains("Its link counts no more") && done.contains("Nobody is invited."), "{done}");
        says(&open(world, &bob, &path).await, 410, &[]);
        let dave = world.signed_in("dave").await;
        assert_eq!(dave.get(&world.url(PUBLIC, page)).await.status, 404);
        assert_eq!(blank.with("email", "dave@example.com").send(world, &dave).await.status, 404);

        let dry = world.cli(&["tenant", "invite", "a", "bob@example.com", "--dry-run"]).await;
        assert!(dry.contains("would be invited") && !dry.contains("/invitations/"), "{dry}");
        let text = world.cli(&["tenant", "invite", "a", "bob@example.com", "--role", "admin"]).await;
        let path = text.lines().last().unwrap().split_once(PUBLIC).unwrap().1;
        let path = &path[path.find('/').unwrap()..];
        says(&open(world, &bob, path).await, 200, &["administrator"]);
        let listed = world.cli(&["tenant", "invitations", "a", "--json"]).await;
        let listed: Value = serde_json::from_str(&listed).unwrap();
        assert!(world.cli(&["tenant", "invitations", "a"]).await.contains("bob@example.com"));
        let id = listed[0]["id"].as_str().unwrap().to_owned();
        assert!(world.cli(&["tenant", "withdraw-invitation", "a", &id]).await.contains("counts no more"));
        says(&open(world, &bob, path).await, 410, &[]);
        let unknown = world.cli_refuses(&["tenant", "withdraw-invitation", "a", &id]).await;
        assert!(unknown.contains("has no invitation"), "{unknown}");
    }
}
