//! 200: exactly that, and what an application then receives.

use super::Asked;
use crate::world::{APP, COOKIE, MCP_GITHUB, Plan, World, alice};
use gatepost_kit::entra::Person;
use reqwest::Method;

both_pairs! {
    async fn a_session_is_exactly_200_empty_and_named(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        for asked in [Asked::navigation("/a"), Asked::fetch("/a"), Asked::for_uri("/a"), Asked::for_uri("*")] {
            let told = asked.by(&browser).of(&world).await;
            assert_eq!((told.status, told.body.as_str(), told.header("content-length")), (200, "", Some("0")), "{told:?}");
            assert_eq!(told.header("cache-control"), Some("no-store"));
            for (name, value) in [
                ("x-user-email", Some("alice@example.com")),
                ("x-user-groups", Some(MCP_GITHUB)),
                ("x-user-admin", Some("false")),
                ("x-user-name", Some("Alice")),
                ("x-user-tenants", Some("")),
                ("x-user-groups-truncated", None),
                ("x-tenant-id", None),
                ("x-user-role", None),
                ("set-cookie", None),
                ("location", None),
                ("cookie", None),
                ("authorization", None),
            ] {
                assert_eq!(told.header(name), value, "{name}");
            }
            assert_eq!(told.header("x-user-id").map(str::len), Some(36));
        }
    }

    async fn the_first_three_headers_are_there_also_for_who_is_in_no_group(pair) {
        let world = World::start(pair).await;
        world.entra.add(Person::named("bob").name("Zoë, 50% Łuk"));
        let browser = world.signed_in("bob").await;
        let told = Asked::fetch("/").by(&browser).of(&world).await;
        let first = ["x-user-email", "x-user-groups", "x-user-admin"].map(|name| told.all(name));
        assert_eq!(first, [vec!["bob@example.com"], vec![""], vec!["false"]]);
        assert_eq!(told.header("x-user-name"), Some("Zo%C3%AB%2C%2050%25%20%C5%81uk"));
    }

    async fn a_tenant_that_the_router_names_is_named_with_the_role_in_it(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        world.cli(&["tenant", "create", "github"]).await;
        world.cli(&["group", "link", "MCP-GitHub", &format!("entra:{MCP_GITHUB}")]).await;
        world.cli(&["tenant", "map", "MCP-GitHub", "github", "--role", "viewer"]).await;
        let told = Asked::fetch("/").requiring("tenant=other&tenant=github&group=MCP-GitHub").by(&browser).of(&world).await;
        assert_eq!(told.status, 200, "{told:?}");
        let of_tenant = ["x-tenant-id", "x-user-role", "x-user-tenants", "x-user-groups"].map(|name| told.header(name));
        assert_eq!(of_tenant, [Some("github"), Some("viewer"), Some("github"), Some("MCP-GitHub")]);
    }

    async fn an_application_gets_the_clients_cookies_and_authorization_without_ours(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        let ours = format!("{COOKIE}={}", browser.find_cookie(APP, COOKIE).unwrap());
        for (lines, left) in [
            (vec![ours.clone()], None),
            (vec![format!(" ;{ours} ; ")], None),
            (vec![format!("a=1; {ours};b=\"2 3\";  c")], Some("a=1; b=\"2 3\"; c")),
            (vec!["a=1".to_owned(), ours.clone(), "b=2".to_owned()], Some("a=1; b=2")),
            (vec![format!("{ours}; {COOKIE}=old; __host-GATEPOST=x; __Host-gatepost2=y")], Some("__Host-gatepost2=y")),
        ] {
            let asked = lines.iter().fold(Asked::fetch("/"), |asked, line| asked.and("Cookie", line));
            let told = asked.and("Authorization", "Basic YTpi").of(&world).await;
            assert_eq!((told.status, told.header("cookie")), (200, left), "{lines:?}");
            assert_eq!(told.all("authorization"), ["Basic YTpi"]);
            let trip = lines.iter().fold(browser.request(Method::GET, &world.url(APP, "/")), |request, line| request.header("cookie", line));
            let received = trip.header("authorization", "Basic YTpi").send().await.echoed();
            assert_eq!((received.values("cookie").collect::<Vec<_>>(), received.header("authorization")), (left.into_iter().collect(), Some("Basic YTpi")));
        }
        let bytes = [ours.as_bytes(), b"; a=\xff\xfe"].concat();
        let told = Asked::fetch("/").with("Cookie", bytes).with("User-Agent", b"\xe9").of(&world).await;
        assert_eq!((told.status, told.header("cookie")), (200, Some("a=\u{fffd}\u{fffd}")), "bytes that are no text are the client's business");
    }

    async fn identity_headers_that_a_client_sends_are_replaced_or_gone(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        let forged = [
            ("x-user-email", Some("alice@example.com")),
            ("x-user-groups", Some(MCP_GITHUB)),
            ("x-user-admin", Some("false")),
            ("x-user-name", Some("Alice")),
            ("x-user-tenants", Some("")),
            ("x-user-groups-truncated", None),
            ("x-user-role", None),
            ("x-tenant-id", None),
        ];
        let mut request = browser.request(Method::GET, &world.url(APP, "/"));
        for (name, _) in forged {
            request = request.header(name, "root@example.com").header(name, "true");
        }
        let received = request.send().await.echoed();
        for (name, value) in forged {
            assert_eq!(received.values(name).collect::<Vec<_>>(), value.into_iter().collect::<Vec<_>>(), "{name}");
        }
        assert_ne!(received.header("x-user-id"), None);
    }

    async fn an_admin_has_the_admin_header(pair) {
        let world = Plan::default().route("admin.example.test", "admin=true").start(pair).await;
        world.entra.add(alice());
        let browser = world.signed_in("alice").await;
        assert_eq!(browser.fetch(&world.url("admin.example.test", "/")).await.status, 401, "no cookie on that host yet");
        let trip = browser.navigate(&world.url("admin.example.test", "/")).await;
        assert_eq!(trip.end().status, 403, "{}", trip.describe());
        world.cli(&["admin", "grant", "alice@example.com"]).await;
        let received = browser.fetch(&world.url("admin.example.test", "/")).await.echoed();
        assert_eq!(received.header("x-user-admin"), Some("true"));
        let told = Asked::fetch("/").requiring("tenant=nothing-of-this-name").by(&browser).of(&world).await;
        told.assert_refusal(403, "a tenant that does not exist opens to nobody, not even to an admin");
    }
}
