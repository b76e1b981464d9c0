//! 403 and 500: another site's doing, not allowed, unknown host, untrusted peer, a requirement that cannot be read.

use super::Asked;
use crate::world::{APP, MCP_GITHUB, PUBLIC, Plan, World, alice};

both_pairs! {
    async fn a_change_that_another_origin_requests_is_refused(pair) {
        let world = Plan::default().env("GATEPOST_ALLOWED_ORIGINS", "https://portal.example.com").start(pair).await;
        world.entra.add(alice());
        let browser = world.signed_in("alice").await;
        let own = world.url(APP, "");
        let request = |method: &str| Asked::for_uri("/").with("X-Forwarded-Method", method).by(&browser);
        for method in ["POST", "PUT", "PATCH", "DELETE", "CONNECT", "FOO", "get"] {
            for (name, value, status) in [
                ("Sec-Fetch-Site", "same-origin", 200),
                ("Sec-Fetch-Site", "none", 200),
                ("Sec-Fetch-Site", "same-site", 403),
                ("Sec-Fetch-Site", "cross-site", 403),
                ("Sec-Fetch-Site", "nonsense", 403),
                ("Origin", own.as_str(), 200),
                ("Origin", "https://portal.example.com", 200),
                ("Origin", "https://app.example.test", 403),
                ("Origin", "https://evil.example", 403),
                ("Origin", "null", 403),
                ("Origin", "", 403),
            ] {
                let told = request(method).with(name, value).of(&world).await;
                assert_eq!(told.status, status, "{method} {name}: {value}: {told:?}");
                if status == 403 {
                    told.assert_refusal(403, value);
                    assert_eq!(told.json()["error"], "cross_origin");
                }
            }
            let both = request(method).with("Sec-Fetch-Site", "cross-site").with("Origin", &own);
            both.of(&world).await.assert_refusal(403, "Sec-Fetch-Site decides");
            let allowed = both.with("Origin", "https://portal.example.com");
            assert_eq!(allowed.of(&world).await.status, 200, "{method} from an allowed origin");
            assert_eq!(request(method).of(&world).await.status, 200, "{method} of a program");
        }
        for method in ["GET", "HEAD", "OPTIONS"] {
            let told = request(method).with("Sec-Fetch-Site", "cross-site").with("Origin", "https://evil.example").of(&world).await;
            assert_eq!(told.status, 200, "{method} changes nothing");
        }
        let websocket = request("GET").with("Sec-WebSocket-Key", "eA==");
        websocket.clone().with("Origin", "https://evil.example").of(&world).await.assert_refusal(403, "a WebSocket of another origin");
        assert_eq!(websocket.with("Origin", &own).of(&world).await.status, 200);
    }

    async fn who_is_not_allowed_reads_who_they_are_what_is_missing_and_finds_the_log_line(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        for (requirement, named) in [
            ("group=Finance&group=Law", &["Finance", "Law"][..]),
            ("tenant=github", &["github"]),
            ("admin=true", &["administrators"]),
            ("admin=true&tenant=github&group=Finance", &["Finance", "github", "administrators"]),
        ] {
            let page = Asked::navigation("/x").requiring(requirement).by(&browser).of(&world).await;
            page.assert_refusal(403, requirement);
            assert!(page.header("content-type").unwrap().starts_with("text/html"), "{requirement}");
            assert!(page.body.contains("href=\"/.gatepost/start?prompt=select_account"), "another account: {}", page.body);
            let json = Asked::fetch("/x").requiring(requirement).by(&browser).of(&world).await;
            json.assert_refusal(403, requirement);
            assert_eq!(json.json()["error"], "forbidden");
            for told in [page, json] {
                assert!(told.body.contains("alice@example.com"), "{told:?}");
                assert!(named.iter().all(|name| told.body.contains(name)), "{requirement}: {}", told.body);
                let line = world.gatepost.wait_for_line(&told.request_id()).await;
                assert!(line.contains("alice@example.com") && line.contains(APP), "{line}");
                assert!(named[..named.len() - 1].iter().all(|name| line.contains(name)), "{line}");
                // An operator reads it, and knows no type of ours.
                assert!(!["Some(", "GroupName", "TenantId"].iter().any(|debug| line.contains(debug)), "{line}");
            }
        }
        let met = Asked::fetch("/").requiring(&format!("group=Finance&group={MCP_GITHUB}")).by(&browser).of(&world).await;
        assert_eq!(met.status, 200, "any one of the groups");
        let both = Asked::fetch("/").requiring(&format!("group={MCP_GITHUB}&admin=true")).by(&browser).of(&world).await;
        both.assert_refusal(403, "different requirements must all hold");
    }

    async fn a_group_or_tenant_that_does_not_exist_is_403_and_logged(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        for (requirement, name) in [("group=No-Such-Group", "No-Such-Group"), ("tenant=no-such-tenant", "no-such-tenant")] {
            Asked::fetch("/").requiring(requirement).of(&world).await.assert_refusal(401, "a stranger signs in first");
            Asked::fetch("/").requiring(requirement).by(&browser).of(&world).await.assert_refusal(403, requirement);
            let line = world.gatepost.wait_for_line("that does not exist").await;
            assert!(line.contains("WARN"), "{line}");
            world.gatepost.wait_for_line(name).await;
        }
    }

    async fn a_requirement_that_cannot_be_read_opens_to_nobody_and_is_logged(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        world.cli(&["admin", "grant", "alice@example.com"]).await;
        for (requirement, key) in [
            ("nonsense=hunter2", "nonsense"),
            ("admin=hunter2", "admin"),
            ("admin=", "admin"),
            ("group=", "group"),
            ("tenant=hunter2/b", "tenant"),
            ("max_age=-1", "max_age"),
            ("api=1", "api"),
            ("Group=A", "Group"),
            ("x", "x"),
            // A client's query, where a proxy appends it to an address without a `?`.
            ("token=hunter2&next=%2Fhunter2", "token, next"),
        ] {
            let person = Asked::navigation("/").requiring(requirement).by(&browser).of(&world).await;
            person.assert_refusal(500, requirement);
            let line = world.gatepost.wait_for_line(&person.request_id()).await;
            assert!(line.contains("ERROR") && line.contains(key), "{line}");
            assert!(!line.contains("hunter2"), "names alone, the values may be a client's secrets: {line}");
            let stranger = Asked::fetch("/").requiring(requirement).of(&world).await;
            stranger.assert_refusal(500, requirement);
            assert_eq!(stranger.json()["error"], "misconfigured");
        }
    }

    async fn a_host_that_is_not_protected_is_403_for_everybody(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        for host in ["evil.example", "example.test", "a.b.example.test", "xexample.test", "app.example.test.evil.example", PUBLIC] {
            for path in ["/", "/.gatepost/start?uri=/", "/.gatepost/logout"] {
                let told = Asked::navigation(path).with("X-Forwarded-Host", host).by(&browser).of(&world).await;
                told.assert_refusal(403, host);
                assert!(!told.body.contains(host), "never echoed: {}", told.body);
                world.gatepost.wait_for_line(&told.request_id()).await;
            }
        }
    }

    async fn a_peer_that_is_no_trusted_proxy_learns_nothing(pair) {
        let world = Plan::default().env("GATEPOST_TRUSTED_PROXIES", "10.0.0.0/8").start(pair).await;
        let random = format!("{}={}", crate::world::COOKIE, "A".repeat(43));
        for asked in [Asked::navigation("/"), Asked::fetch("/.gatepost/start?uri=/"), Asked::for_uri("/").with("Cookie", random)] {
            let told = asked.with("X-Forwarded-For", "10.0.0.1").of(&world).await;
            told.assert_refusal(403, "127.0.0.1 is not in 10.0.0.0/8");
            world.gatepost.wait_for_line(&told.request_id()).await;
        }
        assert!(gatepost_kit::process::find_ok(world.gatepost.internal(), "/readyz").await.is_some(), "probes are excepted");
        assert!(gatepost_kit::process::find_ok(world.gatepost.internal(), "/metrics").await.is_some());
    }
}
