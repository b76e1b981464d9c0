//! Who passes, and what everybody else gets.

use super::{BOB, HOST, Kind, OTHER_HOST, Proxy, Site, both_proxies, url, world};
use crate::world::{COOKIE, PUBLIC, run_command};
use gatepost_kit::client::{Client, Kind as RequestKind};
use gatepost_kit::entra::Endpoint;
use gatepost_kit::lies::Lie;
use gatepost_kit::process::{free_addr, until};
use reqwest::Method;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);

both_proxies! {
    async fn members_sign_in_and_others_are_refused(kind) {
        let site = Site::start(kind, &[]).await;
        let stranger = site.browser().get(&url("/read?a=1&b=%2F")).await;
        assert_eq!(stranger.status, 302, "{}\n{}", stranger.body, site.proxy.log());
        let to = stranger.location().unwrap();
        match kind {
            Kind::Caddy => {
                assert_eq!((to.host_str(), to.path()), (Some(PUBLIC), "/login"));
                assert!(stranger.header("set-cookie").is_some(), "the gate's cookie reaches the browser");
            }
            Kind::Nginx => {
                assert_eq!(to.as_str(), url("/.gatepost/start?uri=/read?a=1%26b=%252F"));
                assert_eq!(stranger.header("cache-control"), Some("no-store"));
            }
        }
        let program = site.browser().request(Method::GET, &url("/")).kind(RequestKind::Program).send().await;
        let error = if kind == Kind::Nginx { "unauthorized" } else { "sign_in_required" };
        assert_eq!((program.status, program.json()["error"].as_str()), (401, Some(error)), "{}", program.body);
        let challenge = program.values("www-authenticate");
        assert!(challenge.len() == 1 && challenge[0].starts_with("Bearer"), "{challenge:?}");
        assert_eq!(program.header("location"), None);
        assert!(site.application.requests().is_empty(), "{:?}", site.application.requests());

        let (browser, status) = site.visited("bob").await;
        assert_eq!(status, 200, "{}", site.proxy.log());
        let seen = browser.fetch(&url("/read?a=%2f..%2F&b=//c")).await.echoed();
        assert_eq!((seen.method.as_str(), seen.uri.as_str()), ("GET", "/read?a=%2f..%2F&b=//c"), "as the client wrote it");
        for (name, value) in [
            ("x-user-email", BOB),
            ("x-tenant-id", "acme"),
            ("x-user-role", "member"),
            ("x-user-admin", "false"),
            ("host", HOST),
            ("x-forwarded-host", HOST),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-for", "127.0.0.1"),
        ] {
            assert_eq!(seen.values(name).collect::<Vec<_>>(), [value], "{name}");
        }
        assert!(seen.header("x-user-id").is_some() && seen.header("x-user-tenants").is_some());
        for name in ["cookie", "authorization", "x-gatepost-key", "x-user-via", "x-user-assertion", "x-user-groups"] {
            assert_eq!(seen.header(name), None, "{name}: neither Gatepost's own nor an empty one");
        }
        site.application.forget();
        let (_, status) = site.visited("alice").await;
        assert_eq!(status, 403, "not a member");
        if kind == Kind::Nginx {
            let log = site.proxy.log();
            assert!(!log.contains("could not build") && !log.contains("conflicting"), "{log}");
        }
        assert!(site.application.requests().is_empty(), "{:?}", site.application.requests());
    }

    async fn a_person_signs_out_on_the_host(kind) {
        let site = Site::start(kind, &[]).await;
        let browser = site.of_bob().await;
        let left = browser.navigate(&url("/.gatepost/logout")).await;
        assert_eq!(left.end().status, 200, "{}", left.describe());
        assert_ne!(left.hops[0].status, 200, "Gatepost answers it: {}", left.describe());
        let after = browser.fetch(&url("/")).await;
        assert_eq!(after.status, 401, "{}", after.body);
        assert!(site.application.requests().is_empty());
    }

    async fn what_a_router_requires_stands_in_the_file_and_no_client_changes_it(kind) {
        let site = Site::start(kind, &["--require", "group=Nobody is in it&group=Nor in %26 this%3Done"]).await;
        let (browser, status) = site.visited("bob").await;
        assert_eq!(status, 403);
        for query in ["?", "?group=", "?admin=true", "?api=true&x", "?nonsense=1"] {
            let refused = browser.fetch(&url(&format!("/{query}"))).await;
            assert_eq!(refused.status, 403, "{query}: {}", refused.body);
        }
        assert!(site.application.requests().is_empty());
        drop(site);
        let open = Site::start(kind, &["--require", "meter=api_requests"]).await;
        let browser = open.of_bob().await;
        let passed = browser.fetch(&url("/?group=Nobody&admin=true")).await;
        assert_eq!(passed.status, 200, "the client's query is no requirement: {}", passed.body);
    }

    async fn a_recent_sign_in_is_required_through_the_proxy_too(kind) {
        let site = Site::start(kind, &["--require", "max_age=900"]).await;
        site.world.entra.lie(Some(Lie::AuthTimeOld));
        let (browser, status) = site.visited("bob").await;
        assert_eq!(status, 403, "the provider insists on an old sign-in: {}", site.proxy.log());
        let fetched = browser.fetch(&url("/")).await;
        assert_eq!(fetched.status, 401, "{}", fetched.body);
        assert!(site.application.requests().is_empty(), "{:?}", site.application.requests());

        site.world.entra.lie(None);
        site.world.entra.forget_calls();
        let trip = browser.navigate(&url("/")).await;
        assert_eq!(trip.end().status, 200, "{}", trip.describe());
        let asked = site.world.entra.calls().into_iter().find(|call| call.endpoint == Endpoint::Authorize);
        assert_eq!(asked.unwrap().query_field("max_age"), Some("900"));
    }

    async fn a_quota_that_is_used_up_is_answered_429(kind) {
        let site = Site::start(kind, &["--require", "meter=api_requests"]).await;
        site.world.cli(&["tenant", "set", "acme", "--limit", "api_requests_per_day=3"]).await;
        let browser = site.of_bob().await;
        let refused = until("the refusal", TIMEOUT, async || {
            let answer = browser.fetch(&url("/")).await;
            assert!(matches!(answer.status, 200 | 429), "{}: {}", answer.status, answer.body);
            if answer.status == 200 {
                assert!(answer.header("ratelimit-policy").is_some_and(|policy| policy.contains("q=3")));
            }
            (answer.status == 429).then_some(answer)
        })
        .await;
        assert!(refused.header("retry-after").is_some() && refused.header("ratelimit").is_some());
        assert_eq!(refused.values("cache-control"), ["no-store"]);
        assert!(site.application.requests().len() <= 3);
    }

    async fn a_gatepost_that_is_away_lets_nobody_pass(kind) {
        let site = Site::start(kind, &[]).await;
        let browser = site.of_bob().await;
        site.world.gatepost.sigterm();
        assert!(site.world.gatepost.wait_exit().await.success());
        let wanted = if kind == Kind::Nginx { 503 } else { 502 };
        let browser = browser.impatient();
        for path in ["/", "/.gatepost/start", "/.gatepost/enter?t=1"] {
            let refused = browser.fetch(&url(path)).await;
            assert!(refused.status >= 500, "{path}: {}", refused.status);
            assert!(path != "/" || refused.status == wanted, "{path}: {}", refused.status);
        }
        assert!(site.application.requests().is_empty(), "{:?}\n{}", site.application.requests(), site.proxy.log());
    }

    async fn the_proxy_shows_its_certificate_to_an_internal_listener_with_tls(kind) {
        let (world, application) = world().await;
        let builder = world.builder.clone().elsewhere().health(free_addr()).env("GATEPOST_INTERNAL_TLS", "certs");
        let (code, _, stderr) = run_command(&builder, &["certs", "--dir", "certs", "--name", "localhost"]).await;
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        let replica = builder.start().await;
        replica.wait_ready().await;
        let gate = format!("https://localhost:{}", replica.internal().port());
        let certificates = world.stores.folder().join("certs").display().to_string();
        let routers = ["tenant", "routers", "--for", kind.name(), "--import", kind.import(), "--gate", &gate];
        let routers = [&routers[..], &["--certificates", &certificates]].concat();
        let (code, file, stderr) = run_command(&builder, &routers).await;
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        let site = Site::with(kind, world, application, &file).await;
        let browser = site.of_bob().await;
        assert_eq!(browser.fetch(&url("/")).await.echoed().header("x-user-email"), Some(BOB));
        let Site { world, application, proxy } = site;
        drop(proxy);

        // Neither asks a server that another authority vouches for, nor is it heard with another authority's certificate.
        let (code, _, stderr) = run_command(&builder, &["certs", "--dir", "others", "--name", "localhost"]).await;
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        let folder = world.stores.folder();
        for (name, own, wrong) in
            [("server", &["client.crt", "client.key"][..], &["ca.crt"][..]), ("client", &["ca.crt"], &["client.crt", "client.key"])]
        {
            std::fs::create_dir(folder.join(name)).unwrap();
            for (from, files) in [("certs", own), ("others", wrong)] {
                for file in files {
                    std::fs::copy(folder.join(from).join(file), folder.join(name).join(file)).unwrap();
                }
            }
            let mixed = file.replace(&certificates, &folder.join(name).display().to_string());
            let proxy = Proxy::start(kind, &world, &mixed).await;
            let browser = Client::builder().everywhere(proxy.secure()).trust(&world.authority).build();
            for answer in [browser.get(&url("/")).await, browser.fetch(&url("/")).await] {
                assert!(answer.status >= 500, "{name}: {}", answer.status);
            }
        }
        drop((replica, application));
    }

    async fn members_of_one_tenant_do_not_enter_the_host_of_another(kind) {
        let site = Site::start(kind, &[]).await;
        let browser = site.of_bob().await;
        let refused = browser.navigate(&format!("https://{OTHER_HOST}/")).await;
        assert_eq!(refused.end().status, 403, "{}", refused.describe());
        let cookie = format!("{COOKIE}={}", browser.find_cookie(HOST, COOKIE).unwrap());
        let stolen = browser.stranger();
        let elsewhere = stolen.request(Method::GET, &format!("https://{OTHER_HOST}/"));
        let elsewhere = elsewhere.kind(RequestKind::Program).header("Cookie", &cookie).send().await;
        assert_eq!(elsewhere.status, 401, "a cookie is for one host: {}", elsewhere.body);
        let nobody = stolen.request(Method::GET, "https://nobody.example.net/").kind(RequestKind::Program);
        assert!(nobody.try_send().await.map_or(true, |answer| answer.status != 200 || answer.body.is_empty()));
        assert!(site.application.requests().is_empty(), "{:?}", site.application.requests());
    }
}
