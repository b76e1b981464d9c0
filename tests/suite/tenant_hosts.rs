//! Hosts of tenants: sign-in at them, who passes, what the configuration keeps, and how long a change takes.

use crate::answers::{Asked, Told};
use crate::cli::sql;
use crate::keys::create;
use crate::replicas::another;
use crate::stores::gate::{Gate, RECOVERY};
use crate::tenants::{binds, settled};
use crate::world::{APP, COOKIE, PUBLIC, Pair, Plan, World, alice};
use gatepost_kit::client::Client;
use gatepost_kit::edge::Route;
use gatepost_kit::entra::Person;
use gatepost_kit::faulty::Mode;
use gatepost_kit::process::until;
use sqlx::AssertSqlSafe;
use std::time::Duration;

/// The host of the tenant `acme`. No entry of `GATEPOST_HOSTS` covers it.
const HOST: &str = "acme.example.net";
/// The host of the tenant `zeta`.
const ZETA: &str = "zeta.example.net";
const BOB: &str = "bob@example.com";
const TIMEOUT: Duration = Duration::from_secs(30);

/// Gives a tenant a host, which the application answers at.
pub async fn give(world: &World, tenant: &str, host: &str) {
    change(world, &added(tenant, host)).await;
    world.edge.set_route(host, Route::gated(world.gatepost.verify_url(""), world.app.addr()));
}

fn added(tenant: &str, host: &str) -> String {
    let proof = "0123456789abcdef0123456789abcdef";
    format!(
        "INSERT INTO tenant_hosts (host, tenant_id, state, proof, created_at) VALUES ('{host}', '{tenant}', 'active', '{proof}', 1)"
    )
}

async fn change(world: &World, statement: &str) {
    sql(world, AssertSqlSafe(statement)).await;
    world.has_heard().await;
}

/// A world with the tenant `acme` at [`HOST`], in which bob is a member and alice is not.
async fn world_of(plan: Plan, pair: Pair) -> World {
    let world = plan.start(pair).await;
    world.entra.add(alice());
    world.entra.add(Person::named("bob"));
    world.cli(&["tenant", "create", "acme"]).await;
    world.cli(&["tenant", "create", "zeta"]).await;
    world.cli(&["tenant", "add-member", "acme", BOB]).await;
    give(&world, "acme", HOST).await;
    world
}

async fn world(pair: Pair) -> World {
    world_of(Plan::default(), pair).await
}

/// A browser in which this person has tried to open a host, with the status that they saw.
async fn visited(world: &World, who: &str, host: &str) -> (Client, u16) {
    world.entra.at_the_browser(Some(who));
    let browser = world.browser();
    let status = browser.navigate(&world.url(host, "/")).await.end().status;
    (browser, status)
}

fn at(host: &str, asked: Asked, browser: &Client) -> Asked {
    let value = browser.find_cookie(host, COOKIE).unwrap();
    asked.with("X-Forwarded-Host", host).with("Cookie", format!("{COOKIE}={value}"))
}

both_pairs! {
    async fn members_sign_in_at_the_host_of_their_tenant_and_others_are_refused(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("bob"));
        let browser = world.browser();
        let long = format!("/read?{}", "x".repeat(1_500));
        for path in ["/read?a=1", &*long] {
            let trip = browser.navigate(&world.url(HOST, path)).await;
            assert_eq!(trip.end().status, 200, "{}", trip.describe());
            assert_eq!(trip.end().url.as_str(), world.url(HOST, path), "where they wanted");
            let seen = browser.fetch(&world.url(HOST, path)).await.echoed();
            assert_eq!(seen.header("x-tenant-id"), Some("acme"));
            assert_eq!(seen.header("x-user-role"), Some("member"));
            assert_eq!(seen.header("x-user-email"), Some(BOB));
            assert_eq!(seen.header("cookie"), None, "the application sees no cookie of Gatepost");
        }
        assert_eq!(browser.navigate(&world.url(APP, "/")).await.end().status, 200, "one sign-in for all hosts");
        let elsewhere = Asked::navigation("/").with("X-Forwarded-Host", APP);
        let stolen = browser.find_cookie(HOST, COOKIE).unwrap();
        let told = settled(&elsewhere.with("Cookie", format!("{COOKIE}={stolen}")), &world.gatepost).await;
        assert_eq!(told.status, 302, "the cookie of one host opens no other");

        let (other, status) = visited(&world, "alice", HOST).await;
        assert_eq!(status, 403);
        let told = settled(&at(HOST, Asked::fetch("/"), &other), &world.gatepost).await;
        let said = told.json();
        assert_eq!((told.status, said["error"].as_str()), (403, Some("forbidden")), "{told:?}");
        assert!(said["message"].as_str().unwrap().contains("acme"), "{told:?}");
        let sign_out = browser.request(reqwest::Method::GET, &world.url(HOST, "/.gatepost/logout"));
        let answer = sign_out.from(&world.url(APP, "/")).send().await;
        assert_eq!(answer.status, 403, "a sign-out from outside asks first");
    }

    async fn a_stranger_at_the_host_of_a_tenant_is_sent_to_sign_in_and_at_another_host_refused(pair) {
        let world = world(pair).await;
        let stranger = Asked::navigation("/").with("X-Forwarded-Host", HOST);
        let told = settled(&stranger, &world.gatepost).await;
        assert_eq!(told.status, 302, "{told:?}");
        assert!(told.header("location").unwrap().starts_with(&world.url(PUBLIC, "/login?to=")), "{told:?}");
        for host in ["other.example.net", "x.acme.example.net", "acme.example.net.evil.example", PUBLIC] {
            let told = settled(&stranger.clone().with("X-Forwarded-Host", host), &world.gatepost).await;
            assert_eq!(told.status, 403, "{host}: {told:?}");
        }
    }

    async fn a_host_counts_while_it_is_active_and_its_tenant_is_there(pair) {
        let world = world(pair).await;
        let second = if pair == Pair::Shared { Some(another(&world).await) } else { None };
        let replicas: Vec<_> = std::iter::once(&world.gatepost).chain(&second).collect();
        let (browser, status) = visited(&world, "bob", HOST).await;
        assert_eq!(status, 200);
        let asked = at(HOST, Asked::fetch("/").with("Accept", "application/json"), &browser);
        for replica in &replicas {
            assert_eq!(settled(&asked, replica).await.status, 200);
        }
        for (away, back) in [
            ("UPDATE tenant_hosts SET state = 'proposed'", "UPDATE tenant_hosts SET state = 'active'"),
            ("UPDATE tenant_hosts SET state = 'refused'", "UPDATE tenant_hosts SET state = 'active'"),
            ("DELETE FROM tenant_hosts", &*added("acme", HOST)),
        ] {
            sql(&world, AssertSqlSafe(away)).await;
            let told = binds(&asked, &replicas, 200, 403).await;
            assert_eq!(told.json()["error"], "unknown_host", "{away}: {told:?}");
            sql(&world, AssertSqlSafe(back)).await;
            binds(&asked, &replicas, 403, 200).await;
        }
        world.cli(&["tenant", "suspend", "acme", "--reason", "unpaid"]).await;
        let told = binds(&asked, &replicas, 200, 403).await;
        assert_eq!(told.json()["error"], "tenant_suspended", "{told:?}");
        world.cli(&["tenant", "resume", "acme"]).await;
        binds(&asked, &replicas, 403, 200).await;
        world.cli(&["tenant", "delete", "acme"]).await;
        let told = binds(&asked, &replicas, 200, 403).await;
        assert_eq!(told.json()["error"], "unknown_host", "{told:?}");
        world.cli(&["tenant", "restore", "acme"]).await;
        binds(&asked, &replicas, 403, 200).await;
        world.cli(&["tenant", "remove-member", "acme", BOB]).await;
        let told = binds(&asked, &replicas, 200, 403).await;
        assert_eq!(told.json()["error"], "forbidden", "{told:?}");
    }

    async fn the_tenant_of_the_host_is_required_beside_what_the_router_requires(pair) {
        let world = world(pair).await;
        world.cli(&["tenant", "add-member", "zeta", BOB, "--role", "viewer"]).await;
        world.cli(&["admin", "grant", "alice@example.com"]).await;
        let (bob, _) = visited(&world, "bob", HOST).await;
        let (root, status) = visited(&world, "alice", HOST).await;
        assert_eq!(status, 200, "administrators of the system enter every tenant");
        let ask = async |requirement: &str, browser: &Client| {
            let asked = at(HOST, Asked::fetch("/"), browser).requiring(requirement);
            let told = settled(&asked, &world.gatepost).await;
            let header = |name: &str| told.header(name).unwrap_or_default().to_owned();
            (told.status, header("x-tenant-id"), header("x-user-role"))
        };
        let ok = |tenant: &str, role: &str| (200, tenant.to_owned(), role.to_owned());
        assert_eq!(ask("", &bob).await, ok("acme", "member"));
        assert_eq!(ask("tenant=zeta", &bob).await, ok("zeta", "viewer"), "the router's comes first");
        assert_eq!(ask("", &root).await, ok("acme", "admin"));
        for requirement in ["tenant=other", "group=Nobody", "admin=true"] {
            assert_eq!(ask(requirement, &bob).await.0, 403, "{requirement}");
        }
        world.cli(&["tenant", "remove-member", "acme", BOB]).await;
        assert_eq!(ask("tenant=zeta", &bob).await.0, 403, "the router's tenant alone is not enough");
    }

    async fn what_the_configuration_names_is_no_tenants(pair) {
        let world = world(pair).await;
        for host in [APP, PUBLIC] {
            change(&world, &added("acme", host)).await;
        }
        let (browser, status) = visited(&world, "alice", APP).await;
        assert_eq!(status, 200, "no membership is required");
        let told = settled(&Asked::fetch("/").by(&browser), &world.gatepost).await;
        assert_eq!((told.status, told.header("x-tenant-id")), (200, None));
        let public = Asked::navigation("/").with("X-Forwarded-Host", PUBLIC);
        assert_eq!(settled(&public, &world.gatepost).await.status, 403, "the public host is never protected");
    }

    async fn a_key_opens_the_host_of_its_own_tenant_alone(pair) {
        let world = world(pair).await;
        give(&world, "zeta", ZETA).await;
        let own = create(&world, "own", &["--tenant", "acme", "--host", HOST]).await;
        let program = |key: &str, host: &str| {
            let asked = Asked::for_uri("/").with("X-Forwarded-Host", host).with("Accept", "application/json");
            asked.with("Authorization", format!("Bearer {key}"))
        };
        let told = settled(&program(&own, HOST), &world.gatepost).await;
        assert_eq!((told.status, told.header("x-tenant-id")), (200, Some("acme")), "{told:?}");
        assert_eq!(settled(&program(&own, ZETA), &world.gatepost).await.status, 403);
        for arguments in [&["--tenant", "zeta"][..], &[]] {
            let create = [&["key", "create", "other", "--host", HOST], arguments].concat();
            let error = world.cli_refuses(&create).await;
            assert!(error.contains(HOST) && error.contains("is not a protected host"), "{error}");
        }
        // A key from before the host became another tenant's.
        let other = create(&world, "other", &["--tenant", "zeta", "--host", ZETA]).await;
        change(&world, "UPDATE tenant_hosts SET tenant_id = 'acme' WHERE host = 'zeta.example.net'").await;
        let told = settled(&program(&other, ZETA), &world.gatepost).await;
        assert_eq!(told.status, 403, "{told:?}");
        world.cli(&["tenant", "suspend", "acme", "--reason", "unpaid"]).await;
        let told = settled(&program(&own, HOST), &world.gatepost).await;
        assert_eq!((told.status, told.json()["error"].as_str()), (403, Some("tenant_suspended")), "{told:?}");
        world.cli(&["tenant", "delete", "acme"]).await;
        let told = settled(&program(&own, HOST), &world.gatepost).await;
        assert_eq!((told.status, told.json()["error"].as_str()), (403, Some("unknown_host")), "{told:?}");
    }

    async fn explanations_and_lists_know_the_tenant_of_the_host(pair) {
        let world = world(pair).await;
        let (_, status) = visited(&world, "bob", HOST).await;
        assert_eq!(status, 200);
        visited(&world, "alice", HOST).await;
        let url = world.url(HOST, "/");
        let explain = async |user: &str| world.cli(&["explain", "--user", user, "--url", &url]).await;
        let text = explain(BOB).await;
        for part in ["is a host of tenant acme", "acme: as member, as a member of its own", "x-tenant-id      acme"] {
            assert!(text.contains(part), "{text}");
        }
        let text = explain("alice@example.com").await;
        assert!(text.contains("no access to the tenant acme"), "{text}");
        assert!(text.contains("gatepost tenant add-member acme alice@example.com"), "{text}");
        let listed = until("the requirement to be written", TIMEOUT, async || {
            let text = world.cli(&["access", "--url", &url]).await;
            text.contains(BOB).then_some(text)
        })
        .await;
        assert!(!listed.contains("alice@example.com"), "{listed}");
        world.cli(&["tenant", "suspend", "acme", "--reason", "unpaid"]).await;
        let text = explain(BOB).await;
        assert!(text.contains("tenant acme is suspended"), "{text}");
        assert!(!world.cli(&["access", "--url", &url]).await.contains(BOB));
    }
}

/// Everything that a request gets to know, but for the number of a refusal.
fn told_in_full(told: &Told) -> String {
    let is_random = |name: &str| ["date", "location", "set-cookie"].contains(&name);
    let mut headers: Vec<_> = told.headers.iter().filter(|(name, _)| !is_random(name)).collect();
    headers.sort_unstable();
    let mut body: serde_json::Value = serde_json::from_str(&told.body).unwrap_or_default();
    if let Some(body) = body.as_object_mut() {
        body.remove("request_id");
    }
    format!("{} {headers:?} {body}", told.status)
}

both_pairs! {
    async fn until_a_tenant_has_a_host_or_a_member_of_its_own_every_answer_is_as_before(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        world.cli(&["tenant", "create", "github"]).await;
        world.cli(&["group", "create", "Staff"]).await;
        world.cli(&["group", "add", "Staff", "alice@example.com"]).await;
        world.cli(&["tenant", "map", "Staff", "github"]).await;
        let key = create(&world, "ci", &["--tenant", "github"]).await;
        let bearer = format!("Bearer {key}");
        let json = |asked: Asked| asked.with("Accept", "application/json");
        let program = || json(Asked::for_uri("/x").with("Authorization", &bearer));
        let mut table = Vec::new();
        for requirement in ["", "tenant=github", "tenant=other", "group=Staff", "admin=true", "nonsense=1"] {
            table.push(json(Asked::fetch("/x")).requiring(requirement));
            table.push(json(Asked::fetch("/x").by(&browser)).requiring(requirement));
            table.push(Asked::navigation("/x").by(&browser).requiring(requirement));
            table.push(Asked::navigation("/x").requiring(requirement));
            table.push(program().requiring(requirement));
        }
        table.push(json(Asked::fetch("/x").by(&browser)).with("X-Forwarded-Host", "unknown.example.net"));
        table.push(json(Asked::fetch("/.gatepost/logout").by(&browser)));
        table.push(json(Asked::fetch("/x").by(&browser)).with("X-Forwarded-Method", "POST").with("Origin", "https://evil.example"));
        let ask = async || {
            let mut answers = Vec::new();
            for asked in &table {
                answers.push(told_in_full(&settled(asked, &world.gatepost).await));
            }
            answers
        };
        let before = ask().await;
        world.cli(&["tenant", "create", "acme"]).await;
        give(&world, "acme", HOST).await;
        world.cli(&["tenant", "add-member", "acme", BOB]).await;
        assert_eq!(ask().await, before, "another tenant has a host and a member");

        let tenant_of = async |asked: &Asked| {
            let told = settled(asked, &world.gatepost).await;
            (told.status, told.header("x-tenant-id").map(str::to_owned), told.header("x-user-role").map(str::to_owned))
        };
        let (person, machine) = (json(Asked::fetch("/x").by(&browser)), program());
        for asked in [&person, &machine] {
            assert_eq!(tenant_of(asked).await, (200, None, None));
        }
        let told = |role: &str| (200, Some("github".to_owned()), Some(role.to_owned()));
        let both = async |expected: Option<()>| {
            for asked in [&person, &machine] {
                let wanted = if expected.is_some() { told("member") } else { (200, None, None) };
                until("the first or last to be heard of", TIMEOUT, async || (tenant_of(asked).await == wanted).then_some(())).await;
            }
        };
        world.cli(&["tenant", "add-member", "github", BOB]).await;
        both(Some(())).await;
        world.cli(&["tenant", "remove-member", "github", BOB]).await;
        both(None).await;
        change(&world, &added("github", "github.example.net")).await;
        both(Some(())).await;
        world.cli(&["tenant", "add-member", "acme", "alice@example.com"]).await;
        assert_eq!(tenant_of(&person).await, (200, None, None), "of two tenants neither is the only one");
        assert_eq!(tenant_of(&machine).await, told("member"), "a key has one tenant");
    }

    async fn the_default_tenant_is_named_last_and_to_those_alone_who_may_enter_it(pair) {
        let world = world_of(Plan::default().env("GATEPOST_DEFAULT_TENANT", "zeta"), pair).await;
        let (bob, status) = visited(&world, "bob", HOST).await;
        assert_eq!(status, 200);
        assert_eq!(bob.navigate(&world.url(APP, "/")).await.end().status, 200);
        let tenant_of = async |asked: Asked| {
            let told = settled(&asked, &world.gatepost).await;
            (told.status, told.header("x-tenant-id").map(str::to_owned))
        };
        let named = |tenant: &str| (200, Some(tenant.to_owned()));
        let at_app = || Asked::fetch("/").by(&bob);
        assert_eq!(tenant_of(at_app()).await, named("acme"), "their only tenant");
        world.cli(&["tenant", "create", "third"]).await;
        world.cli(&["tenant", "add-member", "third", BOB]).await;
        assert_eq!(tenant_of(at_app()).await, (200, None), "they may not enter the default");
        world.cli(&["tenant", "add-member", "zeta", BOB]).await;
        assert_eq!(tenant_of(at_app()).await, named("zeta"));
        assert_eq!(tenant_of(at(HOST, Asked::fetch("/"), &bob)).await, named("acme"), "the host comes first");
        assert_eq!(tenant_of(at_app().requiring("tenant=third")).await, named("third"), "the router comes first");
        world.cli(&["tenant", "suspend", "zeta", "--reason", "unpaid"]).await;
        assert_eq!(tenant_of(at_app()).await, (200, None), "nobody enters it now");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_hosts_were_never_read_and_the_directory_is_away_there_is_no_answer_about_them() {
    let gate = Gate::remembering(&[]).await;
    let replica = &gate.world.gatepost;
    for statement in
        ["INSERT INTO tenants (id, created_at) VALUES ('acme', 1)".to_owned(), added("acme", HOST)]
    {
        gate.postgres.sql(&gate.database, &format!("SET search_path TO gatepost; {statement}")).await;
    }
    gate.to_postgres.set(Mode::Refuse).await;
    gate.to_postgres.cut();
    let stranger = |host: &str| Asked::navigation("/").with("X-Forwarded-Host", host);
    for host in [HOST, "unknown.example.net"] {
        let told = until("an answer without the directory", TIMEOUT, async || {
            let told = stranger(host).at(replica).await;
            (told.status == 503).then_some(told)
        })
        .await;
        assert!(told.header("retry-after").is_some() && told.header("location").is_none(), "{told:?}");
        assert_eq!(told.header("set-cookie"), None);
    }
    assert_eq!(stranger(APP).at(replica).await.status, 302, "the configuration's hosts need no directory");
    assert_eq!(stranger(PUBLIC).at(replica).await.status, 403);
    gate.to_postgres.set(Mode::Pass).await;
    for (host, status) in [(HOST, 302), ("unknown.example.net", 403)] {
        until("the hosts to be read", RECOVERY, async || {
            (stranger(host).at(replica).await.status == status).then_some(())
        })
        .await;
    }
}
