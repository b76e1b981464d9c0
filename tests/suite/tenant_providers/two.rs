//! Two tenants with providers of their own, for the tests of such providers.

use crate::answers::Asked;
use crate::cli::sql;
use crate::world::{COOKIE, PUBLIC, Pair, Plan, World, alice};
use gatepost_kit::client::{Answer, Client, retry};
use gatepost_kit::edge::Route;
use gatepost_kit::entra::{Entra, Person};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

pub const ACME: &str = "acme.example.net";
pub const ZETA: &str = "zeta.example.net";
/// What the tenants' providers sign in.
pub const DANA: &str = "dana@acme.example";
pub const ZOE: &str = "zoe@zeta.example";

/// The heading of the page that says that the provider of a tenant does not get an account.
pub const HELD: &str = "Your organisation’s sign-in does not open this account";

/// Two tenants, each with a host; the provider of each knows people of the tenant's domain.
pub struct Two {
    pub world: World,
    pub acme: Entra,
    pub zeta: Entra,
    pub admin: Client,
}

/// A person with an address of another domain than the platform's.
pub fn person(handle: &str, email: &str) -> Person {
    Person { email: Some(email.to_owned()), ..Person::named(handle) }
}

pub fn provider_of(entra: &Entra, domain: &str) -> Value {
    json!({
        "kind": "oidc", "issuer": entra.issuer(), "client_id": entra.client_id(), "client_secret": entra.client_secret(),
        "label": "Sign-in of the tenant", "groups_claim": "groups", "only": true, "allowed_domains": [domain],
    })
}

impl Two {
    pub async fn start(pair: Pair) -> Self {
        Self::start_with(pair, Plan::default()).await
    }

    pub async fn start_with(pair: Pair, plan: Plan) -> Self {
        let plan = plan.env("GATEPOST_TENANTS__PROVIDER_NETWORKS", "127.0.0.0/8");
        let world = plan.start(pair).await;
        world.entra.add(alice());
        world.entra.add(Person::named("bob"));
        let (acme, zeta) = (Entra::start_oidc().await, Entra::start_oidc().await);
        for (entra, tenant) in [(&acme, "acme"), (&zeta, "zeta")] {
            entra.register_redirect_uri(&world.url(PUBLIC, &format!("/callback/t-{tenant}")));
        }
        acme.add(person("dana", DANA));
        zeta.add(person("zoe", ZOE));
        world
            .cli_all(&[
                &["tenant", "create", "acme"],
                &["tenant", "create", "zeta"],
                &["admin", "grant", "alice@example.com"],
            ])
            .await;
        for (tenant, host) in [("acme", ACME), ("zeta", ZETA)] {
            let proof = "0123456789abcdef0123456789abcdef";
            let row = format!(
                "INSERT INTO tenant_hosts (host, tenant_id, state, proof, created_at) VALUES ('{host}', '{tenant}', 'active', '{proof}', 1)"
            );
            sql(&world, AssertSqlSafe(row)).await;
            world.edge.set_route(host, Route::gated(world.gatepost.verify_url(""), world.app.addr()));
        }
        let admin = world.signed_in("alice").await;
        world.has_heard().await;
        Self { world, acme, zeta, admin }
    }

    /// Both tenants have their providers, with domains that a system administrator has approved.
    pub async fn ready(pair: Pair) -> Self {
        Self::ready_with(pair, Plan::default()).await
    }

    pub async fn ready_with(pair: Pair, plan: Plan) -> Self {
        let two = Self::start_with(pair, plan).await;
        for (tenant, entra) in [("acme", &two.acme), ("zeta", &two.zeta)] {
            let domain = format!("{tenant}.example");
            let answer = two.put(tenant, &provider_of(entra, &domain)).await;
            assert_eq!(answer.status, 201, "{}", answer.body);
            two.done("POST", &format!("/tenants/{tenant}/provider/domains/{domain}/approve")).await;
        }
        two.world
            .cli_all(&[&["tenant", "add-member", "acme", DANA], &["tenant", "add-member", "zeta", ZOE]])
            .await;
        two
    }

    pub async fn send(&self, client: &Client, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let url = self.world.url(PUBLIC, &format!("/api/v1{path}"));
        let send = async || {
            let request =
                client.request(method.parse().unwrap(), &url).header("sec-fetch-site", "same-origin");
            match body {
                Some(body) => {
                    request.header("content-type", "application/json").body(body.to_string()).send().await
                }
                None => request.send().await,
            }
        };
        retry(send, |answer| answer.status == 503).await
    }

    pub async fn put(&self, tenant: &str, body: &Value) -> Answer {
        let answer = self.send(&self.admin, "PUT", &format!("/tenants/{tenant}/provider"), Some(body)).await;
        self.world.has_heard().await;
        answer
    }

    pub async fn done(&self, method: &str, path: &str) -> Value {
        let answer = self.send(&self.admin, method, path, None).await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {}", answer.body);
        self.world.has_heard().await;
        serde_json::from_str(&answer.body).unwrap_or_default()
    }

    /// A browser in which this person of the tenant's provider has opened a host, with the status that they saw.
    pub async fn visited(&self, entra: &Entra, who: &str, host: &str) -> (Client, u16) {
        entra.at_the_browser(Some(who));
        let browser = self.world.browser();
        let status = browser.navigate(&self.world.url(host, "/")).await.end().status;
        (browser, status)
    }

    /// Somebody else has the address of this person: the sign-in at the tenant's host is refused.
    pub async fn held(&self, entra: &Entra, who: &str) {
        entra.at_the_browser(Some(who));
        let trip = self.world.browser().navigate(&self.world.url(ACME, "/")).await;
        assert_eq!(trip.end().status, 403, "{}", trip.describe());
        assert!(trip.end().body.contains(HELD), "{who}: {}", trip.end().body);
    }

    /// What a session of this host's cookie gets at the gate of any host.
    pub fn at(browser: &Client, host: &str) -> Asked {
        let value = browser.find_cookie(host, COOKIE).unwrap();
        Asked::fetch("/")
            .with("Accept", "application/json")
            .with("X-Forwarded-Host", host)
            .with("Cookie", format!("{COOKIE}={value}"))
    }
}
