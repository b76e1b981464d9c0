//! Tenants' hosts behind a real Caddy, on `deploy/caddy/Caddyfile` and the file that `gatepost tenant routers --for caddy` prints: who passes, what the
//! application gets, and what a client cannot say.

use crate::cli::sql;
use crate::world::{COOKIE, PUBLIC, Pair, Plan, World, alice, run_command};
use gatepost_core::header_names::{IDENTITY_HEADERS, canonical};
use gatepost_kit::client::{Client, Kind};
use gatepost_kit::echo::Echo;
use gatepost_kit::entra::Person;
use gatepost_kit::process::{Caddy, free_addr, until};
use reqwest::Method;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const HOST: &str = "acme.example.net";
const BOB: &str = "bob@example.com";
const TIMEOUT: Duration = Duration::from_secs(30);

/// The tenant `acme` at [`HOST`] behind Caddy. Bob is a member, alice is not.
struct Site {
    world: World,
    caddy: Caddy,
    application: Echo,
}

/// The world and the application of a site, without a proxy.
async fn world() -> (World, Echo) {
    let application = Echo::start().await;
    let plan = Plan::default().env("GATEPOST_SERVICES", format!("chat=http://{}", application.addr()));
    let world = plan.start(Pair::Shared).await;
    world.entra.add(alice());
    world.entra.add(Person::named("bob"));
    give(&world, "acme", HOST, "chat").await;
    world.cli(&["tenant", "add-member", "acme", BOB]).await;
    (world, application)
}

impl Site {
    async fn start(arguments: &[&str]) -> Self {
        let (world, application) = world().await;
        let file = file(&world, arguments).await;
        Self::with(world, application, &file).await
    }

    async fn with(world: World, application: Echo, file: &str) -> Self {
        let shipped = include_str!("../../deploy/caddy/Caddyfile").replace("auth.example.com", PUBLIC);
        let shipped = shipped.replace("gatepost:4180", &world.gatepost.public().to_string());
        let caddy = Caddy::start(&shipped, file, &world.authority).await;
        Self { world, caddy, application }
    }

    /// Without the port of the world's own edge: its host leads to Caddy.
    fn url(&self, path: &str) -> String {
        format!("https://{HOST}{path}")
    }

    /// A browser whose way to everything but the provider is Caddy.
    fn browser(&self) -> Client {
        let entra = self.world.entra.addr();
        Client::builder()
            .everywhere(self.caddy.secure())
            .host(&entra.ip().to_string(), entra)
            .trust(&self.world.authority)
            .build()
            .patient()
    }

    /// A browser in which somebody has tried to open the host, with the status that they saw.
    async fn visited(&self, who: &str) -> (Client, u16) {
        self.world.entra.at_the_browser(Some(who));
        let browser = self.browser();
        let trip = browser.navigate(&self.url("/read?a=1")).await;
        (browser, trip.end().status)
    }
}

/// A tenant with an active host that leads to a service.
async fn give(world: &World, tenant: &str, host: &str, service: &str) {
    world.cli_all(&[&["tenant", "create", tenant], &["tenant", "set", tenant, "--service", service]]).await;
    let proof = "0123456789abcdef0123456789abcdef";
    let row = format!(
        "INSERT INTO tenant_hosts (host, tenant_id, state, proof, created_at) VALUES ('{host}', '{tenant}', 'active', '{proof}', 1)"
    );
    sql(world, AssertSqlSafe(row)).await;
    world.has_heard().await;
}

async fn file(world: &World, arguments: &[&str]) -> String {
    let gate = format!("http://{}", world.gatepost.internal());
    let own: &[&str] = if arguments.contains(&"--gate") { &[] } else { &["--gate", &gate] };
    let all = [&["tenant", "routers", "--for", "caddy", "--import", "own"], own, arguments].concat();
    world.cli(&all).await
}

#[tokio::test(flavor = "multi_thread")]
async fn members_sign_in_behind_caddy_and_others_are_refused() {
    let site = Site::start(&[]).await;
    let stranger = site.browser().get(&site.url("/read?a=1")).await;
    assert_eq!(
        (stranger.status, stranger.header("set-cookie").is_some()),
        (302, true),
        "the gate's cookie reaches the browser"
    );
    let program = site.browser().request(Method::GET, &site.url("/")).kind(Kind::Program).send().await;
    assert_eq!(
        (program.status, program.json()["error"].as_str()),
        (401, Some("sign_in_required")),
        "{}",
        program.body
    );

    let (browser, status) = site.visited("bob").await;
    assert_eq!(status, 200);
    let seen = browser.fetch(&site.url("/read?a=%2f..%2F&b=//c")).await.echoed();
    assert_eq!(
        (seen.method.as_str(), seen.uri.as_str()),
        ("GET", "/read?a=%2f..%2F&b=//c"),
        "as the client wrote it"
    );
    for (name, value) in
        [("x-user-email", BOB), ("x-tenant-id", "acme"), ("x-user-role", "member"), ("x-user-admin", "false")]
    {
        assert_eq!(seen.values(name).collect::<Vec<_>>(), [value], "{name}");
    }
    for name in ["cookie", "authorization", "x-gatepost-key", "x-user-via", "x-user-assertion"] {
        assert_eq!(seen.header(name), None, "{name}: neither Gatepost's own nor an empty one");
    }

    let (other, status) = site.visited("alice").await;
    assert_eq!(status, 403, "not a member");
    assert_eq!(site.application.requests().iter().filter(|request| request.uri == "/").count(), 0);
    let left = browser.navigate(&site.url("/.gatepost/logout")).await;
    assert!(left.end().status < 500, "{}", left.describe());
    drop(other);
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_caddy_nobody_says_who_they_are_but_gatepost() {
    let site = Site::start(&["--require", "meter=api_requests"]).await;
    let (browser, status) = site.visited("bob").await;
    assert_eq!(status, 200);
    let honest = browser.fetch(&site.url("/")).await.echoed();
    let forged: Vec<&str> = IDENTITY_HEADERS
        .into_iter()
        .filter(|name| name.starts_with("x-") && *name != "x-gatepost-key")
        .collect();
    let request = || browser.request(Method::GET, &site.url("/")).kind(Kind::Fetch);
    for (what, request) in [
        ("each", forged.iter().fold(request(), |request, name| request.header(&canonical(name), "mallory"))),
        // A proxy takes out what `Connection` names, so that it does not arrive.
        ("taken out", request().header("Connection", "close, X-User-Email, X-User-Role, X-Tenant-Id")),
        (
            "described",
            request()
                .header("X-Forwarded-Host", "other.example.net")
                .header("X-Forwarded-Uri", "/else")
                .header("X-Forwarded-Method", "POST")
                .header("X-Forwarded-Proto", "http")
                .header("X-Forwarded-For", "192.0.2.9"),
        ),
    ] {
        let seen = request.send().await.echoed();
        for name in IDENTITY_HEADERS {
            let of = |seen: &gatepost_kit::echo::Received| {
                seen.values(name).map(str::to_owned).collect::<Vec<_>>()
            };
            assert_eq!(of(&seen), of(&honest), "{what}: {name}");
        }
        for name in ["x-forwarded-uri", "x-forwarded-method", "x-forwarded-prefix"] {
            assert_eq!(seen.header(name), None, "{what}: {name}");
        }
    }
    let alias = request().header("X_User_Email", "alice@example.com").send().await;
    assert_eq!(alias.status, 400, "{}", alias.body);

    let own = "application=1";
    let cookie = format!("{COOKIE}={}; {own}", browser.find_cookie(HOST, COOKIE).unwrap());
    let seen = request().without_cookies().header("Cookie", cookie).send().await.echoed();
    assert_eq!(
        seen.values("cookie").collect::<Vec<_>>(),
        [own],
        "the application's cookie, without Gatepost's"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_go_to_the_application_alone_and_an_upgrade_to_http2_goes_nowhere() {
    let site = Site::start(&[]).await;
    let (browser, _) = site.visited("bob").await;
    let body = "b".repeat(1024 * 1024);
    let posted = browser
        .request(Method::POST, &site.url("/post"))
        .kind(Kind::Fetch)
        .from(&site.url("/"))
        .body(body.clone())
        .send()
        .await;
    assert_eq!(posted.status, 200);
    let seen = posted.echoed();
    assert_eq!(
        (seen.method.as_str(), seen.body.len(), seen.header("x-user-email")),
        ("POST", body.len(), Some(BOB))
    );
    let elsewhere = browser
        .request(Method::POST, &site.url("/post"))
        .kind(Kind::Fetch)
        .from("https://evil.example/")
        .body("x")
        .send()
        .await;
    assert_eq!(elsewhere.status, 403, "the gate judges the client's method: {}", elsewhere.body);
    let stranger =
        site.browser().request(Method::POST, &site.url("/post")).kind(Kind::Program).body(body).send().await;
    assert_eq!(stranger.status, 401);

    for upgrade in ["h2c", "h2c, websocket"] {
        let request = browser.request(Method::GET, &site.url("/")).kind(Kind::Fetch);
        let request = request.header("Connection", "Upgrade, HTTP2-Settings").header("Upgrade", upgrade);
        let seen = request.header("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA").send().await.echoed();
        assert_eq!((seen.header("upgrade"), seen.header("x-user-email")), (None, Some(BOB)), "{upgrade}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gatepost_that_is_away_lets_nobody_pass_caddy() {
    let site = Site::start(&[]).await;
    let (browser, status) = site.visited("bob").await;
    assert_eq!(status, 200);
    site.application.forget();
    site.world.gatepost.sigterm();
    assert!(site.world.gatepost.wait_exit().await.success());
    until("the refusal", TIMEOUT, async || (browser.fetch(&site.url("/")).await.status >= 500).then_some(()))
        .await;
    assert!(
        site.application.requests().is_empty(),
        "{:?}\n{}",
        site.application.requests(),
        site.caddy.log()
    );
}

/// Answers a WebSocket's handshake, and returns what it said.
async fn upgraded(listener: TcpListener) -> String {
    let (mut line, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(line.read_u8().await.unwrap());
    }
    let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    line.write_all(answer.as_bytes()).await.unwrap();
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_reaches_the_application_with_who_it_is() {
    let (world, application) = world().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("reverse_proxy http://{}", application.addr());
    let socket = format!("reverse_proxy /socket http://{}", listener.local_addr().unwrap());
    let file = file(&world, &[]).await.replace(&upstream, &format!("{socket}\n{upstream}"));
    let site = Site::with(world, application, &file).await;
    let (browser, status) = site.visited("bob").await;
    assert_eq!(status, 200);
    let heard = tokio::spawn(upgraded(listener));
    let open = async |browser: &Client, from: &str| {
        let request = browser.request(Method::GET, &site.url("/socket")).kind(Kind::Fetch).from(from);
        let request = request.header("Connection", "Upgrade, X-User-Email").header("Upgrade", "WebSocket");
        let request =
            request.header("Sec-WebSocket-Version", "13").header("Origin", from.trim_end_matches('/'));
        request.header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==").send().await
    };
    assert_eq!(open(&browser, "https://evil.example/").await.status, 403, "another page's");
    assert_eq!(open(&site.browser(), &site.url("/")).await.status, 401, "a stranger's");
    assert_eq!(open(&browser, &site.url("/")).await.status, 101);
    let sent = heard.await.unwrap();
    assert!(sent.contains("upgrade: websocket") && sent.contains(&format!("x-user-email: {BOB}")), "{sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_shows_its_certificate_to_an_internal_listener_with_tls() {
    let (world, application) = world().await;
    let builder = world.builder.clone().elsewhere().health(free_addr()).env("GATEPOST_INTERNAL_TLS", "certs");
    let (code, _, stderr) = run_command(&builder, &["certs", "--dir", "certs", "--name", "127.0.0.1"]).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let replica = builder.start().await;
    replica.wait_ready().await;
    let gate = format!("https://{}", replica.internal());
    let certificates = world.stores.folder().join("certs").display().to_string();
    let routers = [
        "tenant",
        "routers",
        "--for",
        "caddy",
        "--import",
        "own",
        "--gate",
        &gate,
        "--certificates",
        &certificates,
    ];
    let (code, file, stderr) = run_command(&builder, &routers).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let site = Site::with(world, application, &file).await;
    let (browser, status) = site.visited("bob").await;
    assert_eq!(status, 200, "{}", site.caddy.log());
    assert_eq!(browser.fetch(&site.url("/")).await.echoed().header("x-user-email"), Some(BOB));
    drop(replica);
}

#[test]
fn arguments_that_would_be_something_else_in_a_caddyfile_are_refused() {
    for (argument, wrong) in [
        ("--gate", "gatepost:4181"),
        ("--gate", "https://gatepost:4181/verify"),
        ("--gate", "https://user@gatepost:4181"),
        ("--import", "own {"),
        ("--import", ""),
        ("--certificates", "/etc/{env.HOME}"),
        ("--certificates", "/etc/\"x"),
        ("--require", "groups=A"),
        ("--require", "mcp=true"),
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_gatepost"))
            .env_clear()
            .args(["tenant", "routers", "--for", "caddy", argument, wrong])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{argument} {wrong}: {output:?}");
    }
}

both_pairs! {
    async fn a_file_for_caddy_has_a_site_for_each_host_that_leads_somewhere(pair) {
        let plan = Plan::default().env("GATEPOST_SERVICES", "chat=http://chat:8080,blog=https://blog:8443");
        let world = plan.start(pair).await;
        give(&world, "acme", "z.example.net", "chat").await;
        give(&world, "zeta", "a.example.net", "blog").await;
        sql(&world, AssertSqlSafe("UPDATE tenants SET service = 'gone' WHERE id = 'acme'")).await;
        let printed = file(&world, &["--gate", "http://gatepost:4181", "--require", "group=A&group=B C"]).await;
        assert!(printed.starts_with("# 1 routers"), "{printed}");
        assert!(printed.contains("# z.example.net has none: GATEPOST_SERVICES has no gone."), "{printed}");
        assert!(printed.contains("reverse_proxy http://gatepost:4181 {") && printed.contains("rewrite /verify?group=A&group=B+C\n"), "{printed}");
        assert!(printed.contains("a.example.net {") && printed.contains("reverse_proxy https://blog:8443\n"), "{printed}");
        for name in IDENTITY_HEADERS {
            assert!(printed.contains(&format!("request_header -{}\n", canonical(name))), "{name}: {printed}");
        }
        let told: Value = serde_json::from_str(&file(&world, &["--json"]).await).unwrap();
        assert_eq!(told["for"], "caddy");
        let refused = world.cli_refuses(&["tenant", "routers", "--for", "caddy", "--gate", "https://gatepost:4181"]).await;
        assert!(refused.contains("speaks http"), "{refused}");
    }
}
