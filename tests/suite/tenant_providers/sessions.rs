//! Sessions at the provider of a tenant: its administrators see and end those of its members, and no others.

use super::two::{ACME, DANA, Two, ZETA, ZOE};
use crate::keys::create;
use crate::portal::forms::form;
use crate::portal::page;
use crate::tenants::binds;
use crate::world::{APP, PUBLIC, Pair};
use gatepost_kit::client::{Client, retry};
use gatepost_kit::entra::Person;
use serde_json::Value;

/// Two tenants with people of their own providers who are signed in. Carol, whom the platform's provider knows, is a member
/// of acme, and zoe has a role in acme beside the one in her own tenant.
struct House {
    two: Two,
    dana: Client,
    /// The administrator of acme.
    bob: Client,
    /// The administrator of zeta.
    dave: Client,
}

impl House {
    async fn open(pair: Pair) -> Self {
        let two = Two::ready(pair).await;
        for name in ["carol", "dave"] {
            two.world.entra.add(Person::named(name));
        }
        for member in [
            &["acme", "bob@example.com", "--role", "admin"][..],
            &["zeta", "dave@example.com", "--role", "admin"],
            &["acme", "carol@example.com"],
        ] {
            two.world.cli(&[&["tenant", "add-member"][..], member].concat()).await;
        }
        let (dana, status) = two.visited(&two.acme, "dana", ACME).await;
        assert_eq!(status, 200);
        assert_eq!(two.visited(&two.zeta, "zoe", ZETA).await.1, 200);
        // Before she came, such a right would have kept her provider from getting the account.
        two.world.cli(&["tenant", "add-member", "acme", ZOE]).await;
        two.world.entra.forget_browsers();
        two.world.signed_in("carol").await;
        two.world.entra.forget_browsers();
        let bob = two.world.signed_in("bob").await;
        two.world.entra.forget_browsers();
        let dave = two.world.signed_in("dave").await;
        Self { two, dana, bob, dave }
    }

    async fn id_of(&self, email: &str) -> String {
        let found = self.two.done("GET", &format!("/users?email={email}")).await;
        found["items"][0]["id"].as_str().unwrap_or_else(|| panic!("{email}: {found}")).to_owned()
    }

    /// The sessions of a person, as this administrator sees them: each with its provider.
    async fn seen(&self, by: &Client, email: &str) -> Result<Vec<(String, String)>, u16> {
        let path = format!("/users/{}/sessions", self.id_of(email).await);
        let answer = self.two.send(by, "GET", &path, None).await;
        if answer.status != 200 {
            return Err(answer.status);
        }
        let list: Value = serde_json::from_str(&answer.body).unwrap();
        let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
        let sessions = list["items"].as_array().unwrap().iter();
        Ok(sessions.map(|one| (text(one, "hash"), text(one, "provider"))).collect())
    }

    /// The only session of a person, as the administrator of the system sees it.
    async fn session_of(&self, email: &str) -> String {
        let seen = self.seen(&self.two.admin, email).await.unwrap();
        assert_eq!(seen.len(), 1, "{email}: {seen:?}");
        seen[0].0.clone()
    }

    async fn end(&self, by: &Client, session: &str) -> u16 {
        self.two.send(by, "DELETE", &format!("/sessions/{session}"), None).await.status
    }
}

both_pairs! {
    async fn an_administrator_of_a_tenant_sees_and_ends_the_sessions_of_its_members_at_its_own_provider_alone(pair) {
        let house = House::open(pair).await;
        let two = &house.two;
        let session = house.session_of(DANA).await;
        let of_others = [house.session_of("carol@example.com").await, house.session_of(ZOE).await];
        let own = vec![(session.clone(), "t-acme".to_owned())];
        assert_eq!(house.seen(&house.bob, DANA).await, Ok(own), "of the tenant's provider");
        assert_eq!(house.seen(&house.bob, "carol@example.com").await, Ok(vec![]), "of the platform's provider");
        assert!(house.seen(&house.bob, ZOE).await.is_ok_and(|seen| seen.is_empty()), "of another tenant's provider");
        assert_eq!(house.seen(&house.dave, DANA).await, Err(404), "nobody of the other tenant exists");
        for other in &of_others {
            assert_eq!(house.end(&house.bob, other).await, 404, "what one does not see one cannot end");
        }
        assert_eq!(house.end(&house.dave, &session).await, 404, "another tenant's administrator");
        assert_eq!(house.end(&house.dana, &session).await, 403, "a member");
        for (email, other) in ["carol@example.com", ZOE].into_iter().zip(&of_others) {
            assert_eq!(house.session_of(email).await, *other, "{email} is signed in as before");
        }
        let tried = two.send(&house.bob, "DELETE", &format!("/sessions/{session}?dry_run=true"), None).await;
        assert_eq!(tried.status, 200, "{}", tried.body);
        assert_eq!(house.session_of(DANA).await, session, "a dry run ends nothing");
        let asked = Two::at(&house.dana, ACME);
        assert_eq!(house.end(&house.bob, &session).await, 204);
        binds(&asked, &[&two.world.gatepost], 200, 401).await;
        assert_eq!(house.seen(&house.bob, DANA).await, Ok(vec![]));
        let audit = two.send(&house.bob, "GET", "/audit?action=session.end", None).await;
        let audit: Value = serde_json::from_str(&audit.body).unwrap();
        let rows = audit["items"].as_array().unwrap();
        assert_eq!(rows.len(), 1, "{audit}");
        assert_eq!(rows[0]["actor_email"], "bob@example.com", "{audit}");
        assert_eq!(rows[0]["tenant_id"], "acme", "{audit}");
    }

    async fn who_is_no_member_any_more_has_no_sessions_for_the_administrators_of_the_tenant(pair) {
        let house = House::open(pair).await;
        let session = house.session_of(DANA).await;
        house.two.world.cli(&["tenant", "remove-member", "acme", DANA]).await;
        assert_eq!(house.seen(&house.bob, DANA).await, Err(404));
        assert_eq!(house.end(&house.bob, &session).await, 404);
        assert_eq!(house.session_of(DANA).await, session);
        assert_eq!(house.end(&house.two.admin, &session).await, 204, "the system ends every session");
    }

    async fn the_administrator_of_a_suspended_tenant_sees_sessions_and_ends_none(pair) {
        let house = House::open(pair).await;
        let session = house.session_of(DANA).await;
        house.two.world.cli(&["tenant", "suspend", "acme", "--reason", "unpaid"]).await;
        assert!(house.seen(&house.bob, DANA).await.is_ok_and(|seen| seen.len() == 1));
        assert_eq!(house.end(&house.bob, &session).await, 409);
        assert_eq!(house.session_of(DANA).await, session);
    }

    async fn a_key_of_a_tenant_ends_its_sessions_alone(pair) {
        let house = House::open(pair).await;
        let two = &house.two;
        let (session, other) = (house.session_of(DANA).await, house.session_of("carol@example.com").await);
        let key = async |scope: &str| create(&two.world, scope, &["--tenant", "acme", "--scope", scope]).await;
        let (reading, writing) = (key("api.read").await, key("api.write").await);
        let send = async |key: &str, session: &str| {
            let url = two.world.url(PUBLIC, &format!("/api/v1/sessions/{session}"));
            let send = async || {
                let browser = two.world.browser();
                let request = browser.request(reqwest::Method::DELETE, &url);
                request.header("authorization", format!("Bearer {key}")).send().await
            };
            retry(send, |answer| answer.status == 503).await.status
        };
        assert_eq!(send(&reading, &session).await, 403, "its scope is missing");
        assert_eq!(send(&writing, &other).await, 404);
        assert_eq!(send(&writing, &session).await, 204);
        assert_eq!(house.seen(&two.admin, DANA).await, Ok(vec![]));
    }

    async fn the_page_of_a_person_shows_an_administrator_of_a_tenant_those_sessions_and_ends_them(pair) {
        let house = House::open(pair).await;
        let world = &house.two.world;
        let path = format!("/admin/users/{}", house.id_of(DANA).await);
        let action = format!("{path}/end-session");
        let shown = page(world, &house.bob, &path).await;
        assert_eq!(shown.body.matches(&action).count(), 1, "{}", shown.body);
        assert!(!shown.body.contains("End all sessions"), "{}", shown.body);
        let of_carol = page(world, &house.bob, &format!("/admin/users/{}", house.id_of("carol@example.com").await)).await;
        assert!(of_carol.body.contains("0 sessions at the provider of a tenant"), "{}", of_carol.body);
        let forged = form(world, &house.bob, &path, &action).await.with("session", &house.session_of("carol@example.com").await);
        assert_eq!(forged.send(world, &house.bob).await.status, 409);
        house.session_of("carol@example.com").await;
        assert_eq!(form(world, &house.bob, &path, &action).await.send(world, &house.dave).await.status, 409, "another tenant's administrator");
        house.session_of(DANA).await;
        let after = form(world, &house.bob, &path, &action).await.done(world, &house.bob).await;
        assert!(after.contains("0 sessions at the provider of a tenant"), "{after}");
        assert_eq!(house.dana.fetch(&world.url(ACME, "/read")).await.status, 401);
        assert_eq!(house.bob.fetch(&world.url(APP, "/")).await.status, 200, "bob is signed in as before");
    }
}
