//! `gatepost tenant check`: each thing that can be wrong about a tenant, and a tenant that is as it should be.

mod limits;

use crate::cli::sql;
use crate::world::{PUBLIC, Pair, Plan, World, run_command};
use gatepost_kit::client::{Answer, Client, retry};
use gatepost_kit::dns::DnsServer;
use gatepost_kit::entra::{Entra, Person};
use serde_json::Value;
use sqlx::AssertSqlSafe;

const HOST: &str = "acme.example.net";
const PROOF: &str = "0123456789abcdef0123456789abcdef";

struct Checked {
    world: World,
    dns: DnsServer,
    acme: Entra,
    folder: tempfile::TempDir,
}

impl Checked {
    async fn start(pair: Pair) -> Self {
        let dns = DnsServer::start().await;
        let plan = Plan::default()
            .env("GATEPOST_TENANTS__RESOLVER", dns.address().to_string())
            .env("GATEPOST_TENANTS__PROVIDER_NETWORKS", "127.0.0.0/8")
            .env("GATEPOST_SERVICES", "chat=http://chat:8080");
        let world = plan.start(pair).await;
        let acme = Entra::start_oidc().await;
        acme.register_redirect_uri(&world.url(PUBLIC, "/callback/t-acme"));
        world.cli(&["tenant", "create", "acme"]).await;
        Self { world, dns, acme, folder: tempfile::TempDir::new().unwrap() }
    }

    /// The exit code, and the codes that were found, each with its severity.
    async fn check(&self) -> (Option<i32>, Vec<String>) {
        let (code, out, error) =
            run_command(&self.world.builder, &["tenant", "check", "acme", "--json"]).await;
        assert_eq!(error, "", "{out}");
        let found: Value = serde_json::from_str(&out).unwrap();
        let findings = found["findings"].as_array().unwrap().iter();
        let word = |finding: &Value| {
            format!("{} {}", finding["severity"].as_str().unwrap(), finding["code"].as_str().unwrap())
        };
        (code, findings.map(word).collect())
    }

    async fn finds(&self, code: i32, expected: &[&str], why: &str) {
        let (found_code, mut found) = self.check().await;
        found.sort();
        assert_eq!(
            (found_code, found),
            (Some(code), expected.iter().map(ToString::to_string).collect()),
            "{why}"
        );
    }

    async fn host(&self, host: &str, state: &str) {
        let row = format!(
            "INSERT INTO tenant_hosts (host, tenant_id, state, proof, created_at) VALUES ('{host}', 'acme', '{state}', '{PROOF}', 1)"
        );
        sql(&self.world, AssertSqlSafe(row)).await;
    }

    async fn set_provider(&self) {
        let secret = self.folder.path().join("secret").display().to_string();
        std::fs::write(&secret, self.acme.client_secret()).unwrap();
        let (issuer, client) = (self.acme.issuer(), self.acme.client_id());
        let set = ["tenant", "provider", "set", "acme", "--issuer", &issuer, "--client-id", &client];
        let rest = ["--client-secret-file", &secret, "--domain", "acme.example"];
        self.world.cli(&[&set[..], &rest].concat()).await;
    }
}

/// The check by the API, as this person.
async fn asked(world: &World, browser: &Client) -> Answer {
    let url = world.url(PUBLIC, "/api/v1/tenants/acme/check");
    retry(async || browser.fetch(&url).await, |answer| answer.status == 503).await
}

both_pairs! {
    async fn a_check_says_what_is_wrong_with_a_tenant_until_nothing_is(pair) {
        let checked = Checked::start(pair).await;
        let world = &checked.world;
        world.cli_refuses(&["tenant", "check", "nobody"]).await;
        world.entra.add(Person::named("bob"));
        let bob = world.signed_in("bob").await;
        assert_eq!(asked(world, &bob).await.status, 403, "bob administers nothing");
        world.cli_all(&[&["tenant", "create", "zeta"], &["tenant", "add-member", "zeta", "bob@example.com", "--role", "admin"]]).await;
        assert_eq!(asked(world, &bob).await.status, 404, "he administers another tenant");
        checked.finds(0, &["hint host-none", "warning member-none"], "it is new").await;
        world.cli(&["tenant", "invite", "acme", "carol@acme.example"]).await;
        checked.finds(0, &["hint host-none", "warning admin-none"], "a member is invited").await;
        world.cli(&["tenant", "invite", "acme", "erin@acme.example", "--role", "admin"]).await;
        checked.finds(0, &["hint admin-invited", "hint host-none"], "an administrator is invited").await;
        sql(world, "DELETE FROM tenant_invitations").await;
        world.cli(&["tenant", "add-member", "acme", "dana@acme.example"]).await;
        checked.host("blog.acme.example", "proposed").await;
        checked.finds(0, &["warning admin-none", "warning host-unproved"], "nobody administers it").await;
        world.cli(&["tenant", "add-member", "acme", "dana@acme.example", "--role", "admin"]).await;
        checked.dns.set("_gatepost.blog.acme.example", &[&format!("gatepost={PROOF}")]);
        checked.finds(0, &["warning host-provable"], "the record is there").await;
        checked.dns.fail(true);
        checked.finds(0, &["warning dns-silent"], "nobody knows").await;
        world.cli(&["tenant", "add-member", "acme", "bob@example.com", "--role", "admin"]).await;
        let answer = asked(world, &bob).await;
        let said = world.cli(&["tenant", "check", "acme", "--json"]).await;
        assert_eq!((answer.status, answer.json()), (200, serde_json::from_str::<Value>(&said).unwrap()), "{}", answer.body);
        checked.dns.fail(false);
        world.cli(&["tenant", "host", "refuse", "acme", "blog.acme.example"]).await;
        checked.host(HOST, "active").await;
        let of_hosts = ["error host-unresolved", "hint host-refused", "hint host-unrouted"];
        checked.finds(1, &of_hosts, "an active host leads nowhere").await;
        world.cli_all(&[
            &["tenant", "host", "remove", "acme", "blog.acme.example"],
            &["tenant", "set", "acme", "--service", "chat"],
        ]).await;
        checked.dns.add_host(HOST);
        checked.finds(0, &[], "as it should be").await;
        assert!(world.cli(&["tenant", "check", "acme"]).await.contains("Tenant acme is as it should be."));
        sql(world, "UPDATE tenants SET service = 'gone' WHERE id = 'acme'").await;
        checked.host(PUBLIC, "active").await;
        checked.finds(1, &["error host-configured", "error service-unknown"], "no router").await;
        sql(world, AssertSqlSafe(format!("DELETE FROM tenant_hosts WHERE host = '{PUBLIC}'"))).await;
        world.cli_all(&[&["tenant", "set", "acme", "--service", "chat"], &["tenant", "suspend", "acme", "--reason", "unpaid"]]).await;
        checked.finds(1, &["error tenant-suspended"], "it is suspended").await;
    }

    async fn a_check_tries_the_provider_of_the_tenant(pair) {
        let checked = Checked::start(pair).await;
        let world = &checked.world;
        world.cli(&["tenant", "add-member", "acme", "dana@acme.example", "--role", "admin"]).await;
        checked.host(HOST, "active").await;
        checked.dns.add_host(HOST);
        world.cli(&["tenant", "set", "acme", "--service", "chat"]).await;
        checked.set_provider().await;
        checked.finds(1, &["error domain-none", "warning domain-unproved"], "no domain is proved").await;
        world.cli(&["tenant", "provider", "approve", "acme", "acme.example"]).await;
        checked.finds(0, &[], "as it should be").await;
        world.cli(&["tenant", "set", "acme", "--feature", "sso_enabled=false"]).await;
        checked.finds(0, &["warning provider-not-in-tier"], "the feature is gone").await;
        world.cli(&["tenant", "set", "acme", "--feature", "sso_enabled=true"]).await;
        checked.acme.configure(|app| app.secrets[0].is_expired = true);
        checked.finds(1, &["error provider-refused"], "the secret has expired").await;
        sql(world, "UPDATE tenant_providers SET place = 'https://127.0.0.1:1' WHERE tenant_id = 'acme'").await;
        checked.finds(1, &["error provider-unusable"], "nobody answers").await;
        sql(world, "UPDATE tenant_providers SET secret = 'nonsense' WHERE tenant_id = 'acme'").await;
        checked.finds(1, &["error provider-secret"], "the secret cannot be opened").await;
    }
}
