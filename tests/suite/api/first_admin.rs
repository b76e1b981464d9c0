//! The first administrator of a new tenant: invited by what creates it, by a link that one answer has.

use super::invitations::{accept, open, path_of, says};
use super::{Office, problem};
use crate::cli::sql;
use crate::portal::forms::form;
use crate::world::PUBLIC;
use serde_json::{Value, json};

const INVITATIONS: &str = "/tenants/acme/invitations";

fn acme() -> Value {
    json!({ "id": "acme", "name": "ACME", "tier": "pro", "admin_email": "Bob@example.com" })
}

async fn invited(office: &Office) -> Vec<(String, String)> {
    let list = office.done("GET", INVITATIONS, None).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = list["items"].as_array().unwrap().iter();
    items.map(|one| (text(&one["email"]), text(&one["role"]))).collect()
}

fn bob() -> Vec<(String, String)> {
    vec![("bob@example.com".to_owned(), "admin".to_owned())]
}

both_pairs! {
    async fn who_is_named_with_a_new_tenant_administers_it_by_the_link_and_nobody_by_the_address(pair) {
        let office = Office::open(pair).await;
        let world = &office.world;
        let made = office.send(&office.alice, "POST", "/tenants", Some(&acme())).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let invitation = made.json()["invitation"].clone();
        assert_eq!((&invitation["email"], &invitation["role"]), (&json!("bob@example.com"), &json!("admin")));
        let path = path_of(&invitation);
        let members = office.done("GET", "/tenants/acme/members", None).await;
        assert_eq!(members["items"], json!([]), "the address alone opens nothing");
        assert_eq!(invited(&office).await, bob());
        let noted = sql(world, "SELECT after FROM audit_entries WHERE action IN ('tenant.create', 'tenant.invite')").await.concat();
        let secret = path.strip_prefix("/invitations/").unwrap();
        assert!(noted.contains("admin") && !noted.contains(secret) && !noted.contains("bob@"), "{noted}");

        let (carol, person) = (world.signed_in("carol").await, world.signed_in("bob").await);
        let host = json!({ "host": "blog.acme.example" });
        problem(&office.send(&person, "POST", "/tenants/acme/hosts", Some(&host)).await, 403, "forbidden", "not accepted yet");
        says(&accept(world, &carol, &path).await, 403, &[]);
        assert_eq!(accept(world, &person, &path).await.status, 303);
        let proposed = office.send(&person, "POST", "/tenants/acme/hosts", Some(&host)).await;
        assert_eq!(proposed.status, 201, "{}", proposed.body);
        problem(&office.send(&person, "GET", "/tenants/a", None).await, 404, "not-found", "nothing else is theirs");
        says(&accept(world, &person, &path).await, 410, &[]);
    }

    async fn an_answer_that_comes_again_has_no_link_and_makes_no_second_one(pair) {
        let office = Office::open(pair).await;
        let world = &office.world;
        let key = [("idempotency-key", "acme-1")];
        let first = office.send_with(&office.alice, ("POST", "/tenants"), Some(&acme()), &key).await;
        let again = office.send_with(&office.alice, ("POST", "/tenants"), Some(&acme()), &key).await;
        assert_eq!((first.status, again.status, again.header("idempotency-replayed")), (201, 201, Some("true")));
        let (first, again) = (first.json(), again.json());
        assert_eq!((first["invitation"]["link"].is_string(), &again["invitation"]["link"]), (true, &json!(null)), "{again}");
        assert_eq!(first["invitation"]["id"], again["invitation"]["id"]);
        let path = path_of(&first["invitation"]);
        let stored = sql(world, "SELECT answer FROM idempotent_requests WHERE answer IS NOT NULL").await.concat();
        assert!(stored.contains("first answer") && !stored.contains(path.strip_prefix("/invitations/").unwrap()), "{stored}");
        problem(&office.send(&office.alice, "POST", "/tenants", Some(&acme())).await, 409, "state", "it is there");
        for (method, path) in [("PUT", "/tenants/acme"), ("PATCH", "/tenants/acme")] {
            let body = json!({ "name": "ACME", "tier": "pro", "admin_email": "bob@example.com" });
            let same = office.done(method, path, Some(&body)).await;
            assert_eq!((&same["changed"], same.get("invitation")), (&json!(false), None), "{method}: {same}");
        }
        assert_eq!(invited(&office).await, bob());
        let person = world.signed_in("bob").await;
        says(&open(world, &person, &path).await, 200, &["ACME", "administrator"]);
        assert_eq!(accept(world, &person, &path).await.status, 303);
        let same = office.done("PATCH", "/tenants/acme", Some(&json!({ "admin_email": "bob@example.com" }))).await;
        assert_eq!((&same["changed"], same.get("invitation")), (&json!(false), None), "bob administers it: {same}");
        assert_eq!(invited(&office).await, []);
    }

    async fn a_dry_run_and_a_tenant_that_may_have_nobody_invite_nobody(pair) {
        let office = Office::open(pair).await;
        let dry = office.send(&office.alice, "POST", "/tenants?dry_run=true", Some(&acme())).await;
        assert_eq!((dry.status, &dry.json()["invitation"]["link"]), (200, &json!(null)), "{}", dry.body);
        problem(&office.send(&office.alice, "GET", "/tenants/acme", None).await, 404, "not-found", "only tried");
        let mut full = acme();
        full["limits"] = json!({ "members": 0 });
        problem(&office.send(&office.alice, "POST", "/tenants", Some(&full)).await, 409, "state", "no room");
        problem(&office.send(&office.alice, "GET", "/tenants/acme", None).await, 404, "not-found", "neither is there");
        let carol = office.world.signed_in("carol").await;
        for (method, path) in [("POST", "/tenants"), ("PUT", "/tenants/a"), ("PATCH", "/tenants/a")] {
            let mut body = json!({ "admin_email": "carol@example.com" });
            if method == "POST" {
                body["id"] = json!("mine");
            }
            problem(&office.send(&carol, method, path, Some(&body)).await, 403, "forbidden", "tenants are the platform's");
        }
    }

    async fn another_administrator_is_invited_later_and_a_lower_invitation_is_replaced(pair) {
        let office = Office::open(pair).await;
        office.done("PUT", "/tenants/acme", Some(&json!({ "name": "ACME" }))).await;
        let lower = json!({ "email": "bob@example.com", "role": "viewer" });
        let lower = path_of(&office.done("POST", INVITATIONS, Some(&lower)).await);
        let raised = office.done("PATCH", "/tenants/acme", Some(&json!({ "admin_email": "bob@example.com" }))).await;
        assert_eq!(raised["changed"], json!(true), "{raised}");
        let path = path_of(&raised["invitation"]);
        assert_eq!(invited(&office).await, bob());
        let person = office.world.signed_in("bob").await;
        says(&open(&office.world, &person, &lower).await, 410, &[]);
        says(&open(&office.world, &person, &path).await, 200, &["administrator"]);
        let put = json!({ "name": "New", "admin_email": "dave@example.com" });
        let made = office.send(&office.alice, "PUT", "/tenants/new", Some(&put)).await;
        assert!(made.status == 201 && made.json()["invitation"]["link"].is_string(), "{}", made.body);
    }

    async fn the_portal_and_the_command_line_show_the_link_of_the_first_administrator_once(pair) {
        let office = Office::open(pair).await;
        let world = &office.world;
        let page = "/admin/tenants";
        let blank = form(world, &office.alice, page, page).await.with("id", "acme").with("name", "ACME");
        says(&open(world, &office.alice, page).await, 200, &["Gatepost sends no mail"]);
        let wrong = blank.clone().with("admin", "bob").send(world, &office.alice).await;
        says(&wrong, 422, &["aria-invalid", "value=\"bob\"", "value=\"acme\"", "value=\"ACME\""]);
        let named = blank.with("admin", "bob@example.com");
        let carol = world.signed_in("carol").await;
        assert_eq!(named.send(world, &carol).await.status, 403);
        assert_eq!(named.send_from(world, &office.alice, "https://evil.example/").await.status, 403);
        let made = named.send(world, &office.alice).await;
        says(&made, 200, &["It is created.", "this page shows it once", "bob@example.com", "Gatepost sends no mail", "href=\"/admin/tenants/acme?done=created\""]);
        let link = made.body.split("value=\"https://").nth(1).unwrap().split('"').next().unwrap();
        says(&open(world, &office.alice, "/admin/tenants/acme?done=created").await, 200, &["What comes next", "href=\"/admin/tenants/acme/hosts\""]);
        let path = format!("/{}", link.split_once('/').unwrap().1);
        let again = named.send(world, &office.alice).await;
        says(&again, 422, &["There is already a tenant acme.", "value=\"bob@example.com\""]);
        assert!(!again.body.contains(&path), "{}", again.body);
        world.entra.forget_browsers();
        let person = world.signed_in("bob").await;
        says(&open(world, &person, &path).await, 200, &["ACME", "administrator"]);

        let dry = world.cli(&["tenant", "create", "zeta", "--admin", "bob@example.com", "--dry-run"]).await;
        assert!(dry.contains("would be created") && dry.contains("would be invited") && !dry.contains("/invitations/"), "{dry}");
        let create = ["tenant", "create", "zeta", "--name", "Zeta", "--admin", "bob@example.com"];
        let text = world.cli(&create).await;
        let path = text.lines().last().unwrap().split_once(PUBLIC).unwrap().1;
        let path = path[path.find('/').unwrap()..].to_owned();
        says(&open(world, &person, &path).await, 200, &["Zeta", "administrator"]);
        let again = world.cli_refuses(&create).await;
        assert!(again.contains("there is already a tenant zeta") && !again.contains("/invitations/"), "{again}");
        says(&open(world, &person, &path).await, 200, &["Zeta"]);
    }
}
