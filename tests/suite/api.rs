//! The REST API: who may call what, what it refuses, and what it leaves behind.

mod access;
mod access_keys;
mod audit;
mod bad_input;
mod branding;
mod callers;
mod cloud_events;
mod contract;
mod first_admin;
mod input;
mod invitations;
mod key_callers;
mod keys;
mod personal;
mod proposals;
mod released;
mod requests;
mod rules;
mod same_rows;
mod tenant_export;
mod tenants;
mod usage;
mod versions;

use crate::world::{COOKIE, PUBLIC, Pair, Plan, World, alice};
use gatepost_kit::client::{Answer, Client, Kind, Request};
use gatepost_kit::entra::Person;
use gatepost_web::{Callers, Route};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

const ROOT: &str = "/api/v1";
/// A session and a person that there never were.
const NO_SESSION: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const TENANT_A: &str = "tenant-a.example.test";
const PLAIN: &str = "plain.example.test";
const NO_USER: &str = "00000000-0000-7000-8000-000000000000";

/// The operations of the API.
fn operations() -> Vec<Route> {
    let is_api = |route: &Route| matches!(route.callers, Callers::Api(_));
    gatepost_web::routes().into_iter().filter(is_api).collect()
}

/// A world with a system administrator (alice), nobody in particular (bob), and an administrator each of the tenants `a`
/// (carol) and `b` (dave).
struct Office {
    world: World,
    alice: Client,
}

impl Office {
    async fn open(pair: Pair) -> Self {
        Self::of(Plan::default().start(pair).await).await
    }

    /// Everybody may ask: at [`TENANT_A`] for the tenant `a`, at [`PLAIN`] for the group `Plain`.
    async fn where_people_ask(pair: Pair) -> Self {
        Self::where_people_ask_with(pair, Plan::default()).await
    }

    async fn where_people_ask_with(pair: Pair, plan: Plan) -> Self {
        let plan =
            plan.env("GATEPOST_REQUESTS__ANYBODY", "true").env("GATEPOST_TENANTS__SELF_SERVICE", "true");
        let plan = plan.route(TENANT_A, "tenant=a").route(PLAIN, "group=Plain");
        let office = Self::of(plan.start(pair).await).await;
        office.world.cli(&["group", "create", "Plain"]).await;
        office
    }

    async fn of(world: World) -> Self {
        world.entra.add(alice());
        for name in ["bob", "carol", "dave"] {
            world.entra.add(Person::named(name));
        }
        let made: [&[&str]; 7] = [
            &["admin", "grant", "alice@example.com"],
            &["tenant", "create", "a"],
            &["group", "add", "admins-a", "carol@example.com"],
            &["tenant", "map", "admins-a", "a", "--role", "admin"],
            &["tenant", "create", "b"],
            &["group", "add", "admins-b", "dave@example.com"],
            &["tenant", "map", "admins-b", "b", "--role", "admin"],
        ];
        world.cli_all(&made).await;
        let alice = world.signed_in("alice").await;
        Self { world, alice }
    }

    /// Ten more system administrators, because each may send only so many requests a second.
    async fn many_admins(&self) -> Vec<Client> {
        let mut admins = Vec::new();
        for number in 0..10 {
            let name = format!("admin-{number}");
            self.world.entra.add(Person::named(&name));
            self.world.entra.forget_browsers();
            let path = format!("/admins/{name}@example.com");
            self.done("PUT", &path, Some(&json!({ "is_admin": true }))).await;
            admins.push(self.world.signed_in(&name).await);
        }
        admins
    }

    /// A request as a page of the public host sends it.
    fn request<'a>(&self, client: &'a Client, method: &str, path: &str) -> Request<'a> {
        let url = self.world.url(PUBLIC, &format!("{ROOT}{path}"));
        let request = client.request(method.parse::<Method>().unwrap(), &url);
        request.kind(Kind::Fetch).from(&self.world.url(PUBLIC, "/"))
    }

    /// Sends a request with a body, if there is one; again if the caller has sent too many.
    async fn send(&self, client: &Client, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.send_with(client, (method, path), body, &[]).await
    }

    async fn send_with(
        &self,
        client: &Client,
        (method, path): (&str, &str),
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        unlimited(|| {
            let request = self.request(client, method, path);
            let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
            match body {
                Some(body) => request.header("content-type", "application/json").body(body.to_string()),
                None => request,
            }
        })
        .await
    }

    /// As alice, who may.
    async fn done(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let answer = self.send(&self.alice, method, path, body).await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    async fn id_of(&self, email: &str) -> String {
        let found = self.done("GET", &format!("/users?email={email}"), None).await;
        found["items"][0]["id"].as_str().unwrap_or_else(|| panic!("{email}: {found}")).to_owned()
    }

    async fn number_of(&self, group: &str) -> String {
        let found = self.done("GET", &format!("/groups?q={group}"), None).await;
        found["items"][0]["id"].as_str().unwrap_or_else(|| panic!("{group}: {found}")).to_owned()
    }

    /// Asks for what this host wants, as a person who is signed in; returns the id of the request.
    async fn asked(&self, browser: &Client, host: &str, fields: &[(&str, &str)]) -> String {
        crate::requests::ask_for(&self.world, browser, host, fields).await;
        let open = self.done("GET", "/requests?state=open&limit=200", None).await;
        open["items"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// Proposes a tenant as somebody who signs in; returns their browser and the id of the proposal.
    async fn proposed(&self, who: &str, tenant: &str) -> (Client, String) {
        self.world.entra.add(Person::named(who));
        self.world.entra.forget_browsers();
        let browser = self.world.signed_in(who).await;
        self.world.entra.forget_browsers();
        let plan = json!({ "id": tenant, "name": "New <one>", "reason": "for the team" });
        let made = self.send(&browser, "POST", "/me/proposals", Some(&plan)).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let id = made.json()["proposal"].as_str().unwrap().to_owned();
        (browser, id)
    }

    /// The audit without what signing in leaves, newest first.
    async fn audit(&self) -> Vec<Value> {
        let text = self.world.cli(&["audit", "list", "--limit", "1000", "--json"]).await;
        let entries: Value = serde_json::from_str(&text).unwrap();
        let is_change =
            |entry: &&Value| !["user.sign_in", "session.begin"].contains(&entry["action"].as_str().unwrap());
        entries["entries"].as_array().unwrap().iter().filter(is_change).cloned().collect()
    }
}

/// Waits while the answer is 429.
async fn unlimited<'a>(request: impl Fn() -> Request<'a>) -> Answer {
    loop {
        let answer = request().send().await;
        if answer.status != 429 {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What every problem keeps to. Returns the codes of its errors with their places.
fn problem(answer: &Answer, status: u16, slug: &str, why: &str) -> Vec<(String, String)> {
    assert_eq!(answer.status, status, "{why}: {}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{why}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{why}");
    let document = answer.json();
    assert!(document["type"].as_str().unwrap().ends_with(&format!("/problems/{slug}")), "{why}: {document}");
    assert_eq!(document["status"], status, "{why}");
    assert!(document["instance"].as_str().unwrap().starts_with("urn:uuid:0"), "{why}: {document}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let place = |error: &Value| {
        let place = ["pointer", "parameter", "header"].into_iter().find(|name| !error[name].is_null());
        text(&error[place.unwrap()])
    };
    let errors = document["errors"].as_array().unwrap();
    errors.iter().map(|error| (place(error), text(&error["code"]))).collect()
}
