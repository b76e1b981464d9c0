//! Routers of tenants' hosts, which Traefik's HTTP provider reads: from nothing to the first redirect, and what it never gets.

use crate::answers::Asked;
use crate::cli::sql;
use crate::stores::gate::{Gate, RECOVERY};
use crate::tenants::settled;
use crate::world::{APP, PUBLIC, Pair, Plan, World, alice};
use gatepost_kit::client::{Client, Kind, retry};
use gatepost_kit::echo::Echo;
use gatepost_kit::entra::Entra;
use gatepost_kit::faulty::Mode;
use gatepost_kit::process::{AUTH_RESPONSE_HEADERS, Traefik, find_ok, until};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const HOST: &str = "acme.example.net";
const TIMEOUT: Duration = Duration::from_secs(30);

/// The answer of `/traefik`: its status and its body.
async fn ask(internal: SocketAddr, query: &str) -> (u16, String) {
    let client = Client::builder().build().impatient();
    let ask = async || {
        let answer = client
            .request(Method::GET, &format!("http://{internal}/traefik{query}"))
            .kind(Kind::Program)
            .send()
            .await;
        (answer.status, answer.body)
    };
    retry(ask, |(status, _)| *status == 503).await
}

async fn routers(world: &World) -> Value {
    let (status, body) = ask(world.gatepost.internal(), "").await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

async fn send(world: &World, client: &Client, method: &str, path: &str, body: &Value) -> Value {
    let url = world.url(PUBLIC, &format!("/api/v1{path}"));
    let answer = retry(
        async || {
            let request =
                client.request(method.parse().unwrap(), &url).header("sec-fetch-site", "same-origin");
            if body.is_null() {
                return request.send().await;
            }
            request.header("content-type", "application/json").body(body.to_string()).send().await
        },
        |answer| answer.status == 503,
    )
    .await;
    assert!((200..300).contains(&answer.status), "{method} {path}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap_or_default()
}

fn middleware(world: &World) -> String {
    let headers = AUTH_RESPONSE_HEADERS.join(", ");
    format!(
        "http:
  routers:
    placeholder: {{rule: 'Host(`unused.example.test`)', entryPoints: [websecure], tls: {{}}, service: noop@internal}}
  middlewares:
    gate:
      forwardAuth:
        address: '{}'
        preserveLocationHeader: true
        authResponseHeaders: [{headers}]
",
        world.gatepost.verify_url("")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_made_by_the_api_is_sent_to_its_provider_through_a_real_traefik_within_6_s() {
    let (upstream, acme) = (Echo::start().await, Entra::start_oidc().await);
    let plan = Plan::default()
        .env("GATEPOST_TENANTS__PROVIDER_NETWORKS", "127.0.0.0/8")
        .env("GATEPOST_SERVICES", format!("chat=http://{}", upstream.addr()));
    let world = plan.start(Pair::Shared).await;
    world.entra.add(alice());
    acme.register_redirect_uri(&world.url(PUBLIC, "/callback/t-acme"));
    world.cli(&["admin", "grant", "alice@example.com"]).await;
    let admin = world.signed_in("alice").await;
    let endpoint = format!("http://{}/traefik?gate=gate@file", world.gatepost.internal());
    let traefik = Traefik::with_http_provider(middleware(&world), world.authority.clone(), &endpoint).await;
    let visitor = Client::builder().everywhere(traefik.secure()).trust(&world.authority).build().impatient();
    let first = format!("https://{HOST}/read");
    assert_eq!(visitor.fetch(&first).await.status, 404, "nobody knows the host");

    let body = json!({ "id": "acme", "tier": "pro", "hosts": [HOST], "service": "chat" });
    send(&world, &admin, "POST", "/tenants", &body).await;
    let elsewhere = admin
        .request(Method::PATCH, &world.url(PUBLIC, "/api/v1/tenants/acme"))
        .header("sec-fetch-site", "same-origin");
    let elsewhere = elsewhere
        .header("content-type", "application/json")
        .body(json!({ "service": "other" }).to_string())
        .send()
        .await;
    assert_eq!(elsewhere.status, 422, "an upstream that the configuration does not have: {}", elsewhere.body);
    let provider = json!({
        "kind": "oidc", "issuer": acme.issuer(), "client_id": acme.client_id(), "client_secret": acme.client_secret(),
        "only": true, "allowed_domains": ["acme.example"],
    });
    send(&world, &admin, "PUT", "/tenants/acme/provider", &provider).await;
    send(&world, &admin, "POST", &format!("/tenants/acme/hosts/{HOST}/approve"), &Value::Null).await;
    let made = Instant::now();
    let redirect = until("the first redirect", TIMEOUT, async || {
        let answer = visitor.get(&first).await;
        answer.header("location").filter(|_| answer.status == 302).map(str::to_owned)
    })
    .await;
    let took = made.elapsed();
    assert!(took < Duration::from_secs(6), "the first redirect came after {took:?}");
    let to = redirect;
    assert!(to.starts_with(&world.url(PUBLIC, "/login?to=")), "{to}");
    let trip = world.browser().navigate(&to).await;
    assert!(trip.describe().contains(&acme.issuer()), "the provider of the tenant: {}", trip.describe());

    world.cli(&["tenant", "delete", "acme"]).await;
    until("the router to be gone", TIMEOUT, async || {
        (visitor.fetch(&first).await.status == 404).then_some(())
    })
    .await;
}

both_pairs! {
    async fn routers_lead_to_upstreams_of_the_configuration_and_only_trusted_proxies_read_them(pair) {
        let plan = Plan::default().env("GATEPOST_SERVICES", "chat=http://chat:8080,blog=https://blog:8443");
        let world = plan.start(pair).await;
        let none = json!({ "http": { "middlewares": { "tenants": { "chain": { "middlewares": ["gatepost@file"] } } } } });
        assert_eq!(routers(&world).await, none, "no router, and the chain that all of them have");
        for id in ["acme", "zeta", "none"] {
            world.cli(&["tenant", "create", id]).await;
        }
        let error = world.cli_refuses(&["tenant", "set", "acme", "--service", "other"]).await;
        assert!(error.contains("GATEPOST_SERVICES has no other"), "{error}");
        world.cli(&["tenant", "set", "acme", "--service", "chat"]).await;
        world.cli(&["tenant", "set", "zeta", "--service", "blog"]).await;
        let proof = "0123456789abcdef0123456789abcdef";
        for (host, tenant, state) in [
            ("z.example.net", "acme", "active"), ("a.example.net", "zeta", "active"), ("b.example.net", "acme", "proposed"),
            ("c.example.net", "none", "active"), (APP, "acme", "active"), (PUBLIC, "acme", "active"),
        ] {
            let row = format!("INSERT INTO tenant_hosts (host, tenant_id, state, proof, created_at) VALUES ('{host}', '{tenant}', '{state}', '{proof}', 1)");
            sql(&world, AssertSqlSafe(row)).await;
        }
        let found = routers(&world).await;
        let names: Vec<&String> = found["http"]["routers"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["tenant-a.example.net", "tenant-z.example.net"], "no host of the configuration, none without an upstream");
        assert_eq!(found["http"]["routers"]["tenant-a.example.net"]["middlewares"], json!(["tenants"]));
        assert_eq!(found["http"]["middlewares"], none["http"]["middlewares"]);
        let printed = world.cli(&["tenant", "routers"]).await;
        assert!(printed.starts_with("# 2 routers"), "{printed}");
        assert_eq!(printed.lines().skip(1).collect::<String>().parse::<Value>().unwrap(), found, "as a file");
        let url = |name: &str| found["http"]["services"][name]["loadBalancer"]["servers"][0]["url"].clone();
        assert_eq!((url("tenants-chat"), url("tenants-blog")), (json!("http://chat:8080"), json!("https://blog:8443")));
        assert_eq!(ask(world.gatepost.internal(), "").await, ask(world.gatepost.internal(), "").await, "one order");
        world.cli(&["tenant", "suspend", "acme", "--reason", "unpaid"]).await;
        assert_eq!(routers(&world).await, found, "people read that it is suspended");
        world.cli(&["tenant", "set", "zeta", "--service", "none"]).await;
        world.cli(&["tenant", "delete", "acme"]).await;
        assert_eq!(routers(&world).await, none);
        let (status, said) = ask(world.gatepost.internal(), "?middlewares=x").await;
        assert!(status == 400 && said.contains("middlewares"), "{status} {said}");
        let told = settled(&Asked::navigation("/traefik").with("X-Forwarded-Host", PUBLIC), &world.gatepost).await;
        assert_eq!(told.status, 403, "the public host has no such path");
        assert_eq!(world.browser().fetch(&world.url(PUBLIC, "/traefik")).await.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_trusted_proxy_reads_no_routers() {
    let plan = Plan::default().env("GATEPOST_TRUSTED_PROXIES", "192.0.2.1");
    let world = plan.start(Pair::Embedded).await;
    assert_eq!(ask(world.gatepost.internal(), "").await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_directory_is_away_traefik_gets_no_routers_and_keeps_what_it_has() {
    let gate = Gate::remembering(&[]).await;
    let internal = gate.world.gatepost.internal();
    until("an answer", RECOVERY, async || find_ok(internal, "/traefik").await.map(drop)).await;
    gate.to_postgres.set(Mode::Refuse).await;
    gate.to_postgres.cut();
    until("no answer", RECOVERY, async || find_ok(internal, "/traefik").await.is_none().then_some(())).await;
    gate.to_postgres.set(Mode::Pass).await;
    until("an answer again", RECOVERY, async || find_ok(internal, "/traefik").await.map(drop)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_routers_of_1000_tenants_take_50_ms_and_2_mib() {
    let plan = Plan::default().env("GATEPOST_SERVICES", "chat=http://chat:8080");
    let world = plan.start(Pair::Shared).await;
    let statements = [
        "INSERT INTO tenants (id, created_at, service) SELECT 'tenant-' || n, 1, 'chat' FROM generate_series(1, 1000) n",
        "INSERT INTO tenant_hosts (host, tenant_id, state, proof, created_at) SELECT 'h' || k || '.tenant-' || n || '.example.net', \
         'tenant-' || n, 'active', '0123456789abcdef0123456789abcdef', 1 FROM generate_series(1, 1000) n, generate_series(1, 2) k",
    ];
    for statement in statements {
        sql(&world, AssertSqlSafe(statement)).await;
    }
    let mut fastest = Duration::MAX;
    for _ in 0..20 {
        let started = Instant::now();
        let (status, body) = ask(world.gatepost.internal(), "").await;
        fastest = fastest.min(started.elapsed());
        let found: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, found["http"]["routers"].as_object().unwrap().len()), (200, 2000));
        assert!(body.len() <= 2 << 20, "{} bytes", body.len());
    }
    println!("/traefik with 1,000 tenants and 2,000 hosts: {fastest:?}");
}
