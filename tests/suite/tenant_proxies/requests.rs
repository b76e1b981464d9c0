//! What applications get of a request, and what a client cannot say.

use super::raw::{send, status};
use super::{BOB, HOST, Kind, OTHER_HOST, Site, both_proxies, file, url, world};
use crate::world::COOKIE;
use gatepost_core::header_names::{IDENTITY_HEADERS, canonical};
use gatepost_kit::client::{Client, Kind as RequestKind};
use gatepost_kit::echo::Received;
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What describes a request to Gatepost or to applications, and what a client may write there.
const DESCRIBED: [(&str, &str); 14] = [
    ("X-Forwarded-Host", OTHER_HOST),
    ("X-Forwarded-Uri", "/else"),
    ("X-Forwarded-Method", "POST"),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-For", "192.0.2.9"),
    ("X-Forwarded-Port", "1"),
    ("X-Forwarded-Prefix", "/else"),
    ("X-Forwarded-Server", "else"),
    ("X-Real-IP", "192.0.2.9"),
    ("Forwarded", "for=192.0.2.9"),
    ("X-Original-URL", "https://zeta.example.net/"),
    ("X-Original-Method", "POST"),
    ("X-Original-For", "192.0.2.9"),
    ("X-Gatepost-Status", "200"),
];

/// The values of all identity headers.
fn identity(seen: &Received) -> Vec<(&'static str, Vec<String>)> {
    IDENTITY_HEADERS.iter().map(|name| (*name, seen.values(name).map(str::to_owned).collect())).collect()
}

/// Everything in the head that says who somebody is, however it is spelled.
fn no_forgery_in(seen: &Received) {
    let forged: Vec<_> = seen.headers.iter().filter(|(_, value)| value.contains("mallory")).collect();
    assert!(forged.is_empty(), "{forged:?}");
}

pub(super) fn cookie_of(browser: &Client) -> String {
    format!("{COOKIE}={}", browser.find_cookie(HOST, COOKIE).unwrap())
}

both_proxies! {
    async fn nobody_says_who_they_are_but_gatepost(kind) {
        let site = Site::start(kind, &["--require", "meter=api_requests"]).await;
        let browser = site.of_bob().await;
        let request = || browser.request(Method::GET, &url("/")).kind(RequestKind::Fetch);
        let honest = identity(&request().send().await.echoed());
        let forged: Vec<&str> = IDENTITY_HEADERS
            .into_iter()
            .filter(|name| name.starts_with("x-") && *name != "x-gatepost-key")
            .collect();
        let each = forged.iter().fold(request(), |request, name| request.header(&canonical(name), "mallory"));
        let twice = forged.iter().fold(request(), |request, name| {
            request.header(&canonical(name), "mallory").header(&name.to_ascii_uppercase(), "mallory too")
        });
        let described =
            DESCRIBED.iter().fold(request(), |request, (name, value)| request.header(name, value));
        for (what, request) in [
            ("each", each),
            ("twice", twice),
            // A proxy takes out what `Connection` names, so that it does not arrive.
            ("taken out", request().header("Connection", "close, X-User-Email, X-User-Role, X-Tenant-Id")),
            ("described", described),
        ] {
            let answer = request.send().await;
            assert_eq!(answer.status, 200, "{what}: {}", answer.body);
            let seen = answer.echoed();
            assert_eq!(identity(&seen), honest, "{what}");
            no_forgery_in(&seen);
            for (name, value) in &DESCRIBED[..10] {
                assert!(!seen.values(name).any(|seen| seen == *value), "{what}: {name}");
            }
        }
        assert_eq!(site.application.requests().len(), 5);
        site.application.forget();
        // An application may read each as the header that it resembles.
        for name in forged {
            for alias in [canonical(name).replace('-', "_"), name.replacen('-', "_", 1), name.replace('-', ".")] {
                let answer = request().header(&alias, "mallory").send().await;
                let wanted = if kind == Kind::Caddy { 400 } else { 200 };
                assert_eq!(answer.status, wanted, "{alias}: {}", answer.body);
            }
        }
        for seen in site.application.requests() {
            assert_eq!(identity(&seen), honest);
            no_forgery_in(&seen);
        }
    }

    async fn an_application_gets_its_own_cookies_and_no_credential_of_gatepost(kind) {
        let site = Site::start(kind, &[]).await;
        let browser = site.of_bob().await;
        // Both proxies replace such texts in their own files.
        let own = "application=1; odd={env.HOME}$host{http.request.host}";
        let cookie = format!("{}; {own}", cookie_of(&browser));
        let request = browser.request(Method::GET, &url("/")).kind(RequestKind::Fetch);
        let seen = request.without_cookies().header("Cookie", &cookie).send().await.echoed();
        assert_eq!(seen.values("cookie").collect::<Vec<_>>(), [own], "without Gatepost's");
        // As many as nginx reads from a client.
        let many: Vec<String> = (0..7).map(|number| format!("c{number}={}", "x".repeat(1000))).collect();
        let cookie = format!("{}; {}", cookie_of(&browser), many.join("; "));
        let request = browser.request(Method::GET, &url("/")).kind(RequestKind::Fetch);
        let answer = request.without_cookies().header("Cookie", &cookie).send().await;
        assert_eq!(answer.status, 200, "{}\n{}", answer.body, site.proxy.log());
        assert_eq!(answer.echoed().header("cookie"), Some(&*many.join("; ")));

        let basic = browser.request(Method::GET, &url("/")).kind(RequestKind::Fetch);
        let seen = basic.header("Authorization", "Basic YTpi").send().await.echoed();
        assert_eq!(seen.values("authorization").collect::<Vec<_>>(), ["Basic YTpi"], "the application's own");
        site.application.forget();
        for (name, value) in [("Authorization", "Bearer gp_0000"), ("X-Gatepost-Key", "gp_0000")] {
            let request = browser.request(Method::GET, &url("/")).kind(RequestKind::Program);
            let refused = request.header(name, value).send().await;
            assert_eq!(refused.status, 401, "a key decides alone: {}", refused.body);
        }
        assert!(site.application.requests().is_empty());
    }

    async fn bodies_go_to_the_application_alone_and_an_upgrade_to_http2_goes_nowhere(kind) {
        let site = Site::start(kind, &[]).await;
        let browser = site.of_bob().await;
        let body = "b".repeat(1024 * 1024);
        // Also from another site's page, where browsers that know SameSite do not send it.
        let post = async |cookie: &str, from: &str| {
            let request = browser.request(Method::POST, &url("/post")).kind(RequestKind::Fetch).from(from);
            request.without_cookies().header("Cookie", cookie).body(body.clone()).send().await
        };
        let cookie = cookie_of(&browser);
        let posted = post(&cookie, &url("/")).await;
        assert_eq!(posted.status, 200, "{}\n{}", posted.body, site.proxy.log());
        let seen = posted.echoed();
        assert_eq!(
            (seen.method.as_str(), seen.body.len(), seen.header("x-user-email")),
            ("POST", body.len(), Some(BOB))
        );
        site.application.forget();
        let elsewhere = post(&cookie, "https://evil.example/").await;
        assert_eq!(elsewhere.status, 403, "the gate judges the client's method: {}", elsewhere.body);
        assert_eq!(post("a=b", &url("/")).await.status, 401);
        assert!(site.application.requests().is_empty());

        for upgrade in ["h2c", "h2c, websocket"] {
            let request = browser.request(Method::GET, &url("/")).kind(RequestKind::Fetch);
            let request = request.header("Connection", "Upgrade, HTTP2-Settings").header("Upgrade", upgrade);
            let seen = request.header("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA").send().await.echoed();
            assert_eq!((seen.header("upgrade"), seen.header("x-user-email")), (None, Some(BOB)), "{upgrade}");
        }
    }

    async fn a_path_means_the_same_to_the_proxy_and_to_gatepost(kind) {
        let site = Site::start(kind, &[]).await;
        let browser = site.of_bob().await;
        let cookie = cookie_of(&browser);
        let get = async |line: &str, headers: &str| {
            let head = format!("{line}\r\nCookie: {cookie}\r\nSec-Fetch-Site: same-origin\r\n{headers}Connection: close\r\n\r\n");
            send(&site, &head).await
        };
        // Whoever may pass gets to the application, or to nothing. A path that leads to Gatepost is answered by Gatepost.
        for path in [
            "/x/../.gatepost/logout",
            "//.gatepost/logout",
            "/%2egatepost/logout",
            "/./.gatepost/enter?t=1",
            "/.gatepost/../read",
            "/.gatepost/%2e%2e/read",
            "/.gatepost/verify",
            "/.gatepost/verify?group=A",
            "/x/../.gatepost/verify",
            "/.gatepost",
        ] {
            let answer = get(&format!("GET {path} HTTP/1.1\r\nHost: {HOST}"), "").await;
            let to_application = site.application.requests().pop();
            site.application.forget();
            match to_application {
                Some(seen) => {
                    assert!(!path.starts_with("/.gatepost/"), "{path}: {answer}");
                    assert_eq!((seen.uri.as_str(), seen.header("x-user-email")), (path, Some(BOB)));
                }
                None => assert!((300..500).contains(&status(&answer)), "{path}: {answer}"),
            }
            assert!(!answer.to_ascii_lowercase().contains("x-user-email:"), "{path}: {answer}");
        }
        // A host in the request line counts, and not the other one beside it (RFC 9112, 3.2.2).
        for (line, own) in [(HOST, OTHER_HOST), (OTHER_HOST, HOST)] {
            let answer = get(&format!("GET https://{line}/ HTTP/1.1\r\nHost: {own}"), "").await;
            let seen = site.application.requests();
            site.application.forget();
            if line == HOST {
                let hosts: Vec<_> = seen.iter().map(|seen| seen.header("host")).collect();
                assert_eq!(hosts, [Some(HOST)], "{answer}");
            } else {
                assert!(seen.is_empty(), "{seen:?}: {answer}");
                assert_ne!(status(&answer), 200, "{answer}");
            }
        }
        let two = get(&format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nHost: {OTHER_HOST}"), "").await;
        assert_eq!(status(&two), 400, "{two}");
        assert!(site.application.requests().is_empty());
        let trailers = "Transfer-Encoding: chunked\r\nTrailer: X-User-Email, X-User-Id\r\nOrigin: https://acme.example.net\r\n";
        let sent = format!(
            "POST / HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookie}\r\nSec-Fetch-Site: same-origin\r\n{trailers}Connection: close\r\n\r\n\
             3\r\nabc\r\n0\r\nX-User-Email: mallory\r\nX-User-Id: mallory\r\n\r\n"
        );
        let answer = send(&site, &sent).await;
        assert_eq!(status(&answer), 200, "{answer}");
        let seen = site.application.requests().pop().unwrap();
        assert_eq!((&*seen.body, seen.header("x-user-email")), ("abc", Some(BOB)));
        no_forgery_in(&seen);
    }

    async fn what_a_client_hides_behind_a_request_is_no_request_of_its_own(kind) {
        let site = Site::start(kind, &[]).await;
        let browser = site.of_bob().await;
        let cookie = cookie_of(&browser);
        let hidden = format!("GET /hidden HTTP/1.1\r\nHost: {HOST}\r\nX-User-Email: mallory\r\n\r\n");
        let length = hidden.len();
        let posted = async |framing: &str| {
            let head = format!(
                "POST /first HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookie}\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n{framing}\r\n0\r\n\r\n{hidden}"
            );
            send(&site, &head).await
        };
        let answer = posted("Transfer-Encoding: chunked\r\n").await;
        let passed = site.application.requests();
        assert_eq!(passed.iter().map(|seen| &*seen.uri).collect::<Vec<_>>(), ["/first"], "{answer}");
        site.application.forget();
        for framing in [
            format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"),
            format!("Content-Length: 0\r\nContent-Length: {length}\r\n"),
            "Transfer-Encoding: xchunked\r\n".to_owned(),
            "Transfer-Encoding : chunked\r\n".to_owned(),
            "Transfer-Encoding: chunked, identity\r\n".to_owned(),
        ] {
            let answer = posted(&framing).await;
            for seen in site.application.requests() {
                assert_eq!(seen.header("x-user-email"), Some(BOB), "{framing}: {answer}");
                assert_ne!(seen.uri, "/hidden", "{framing}: {answer}");
            }
            site.application.forget();
        }
    }

    async fn a_websocket_reaches_the_application_with_who_it_is(kind) {
        let (world, application) = world().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (upstream, socket) = (application.addr().to_string(), listener.local_addr().unwrap().to_string());
        // The same file, with an application that answers the handshake.
        let file = file(&world, kind, &[]).await.replace(&upstream, &socket);
        let site = Site::with(kind, world, application, &file).await;
        let visit = site.visited("bob");
        let handshake = tokio::spawn(upgraded(listener));
        let (browser, _) = visit.await;
        let open = async |cookie: &str, from: &str| {
            let request = browser.request(Method::GET, &url("/socket")).kind(RequestKind::Fetch).from(from);
            let request = request.header("Connection", "Upgrade, X-User-Email").header("Upgrade", "WebSocket");
            let request = request.header("Origin", from.trim_end_matches('/')).without_cookies();
            let request = request.header("Cookie", cookie).header("Sec-WebSocket-Version", "13");
            request.header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==").send().await
        };
        let cookie = cookie_of(&browser);
        assert_eq!(open(&cookie, "https://evil.example/").await.status, 403, "another page's");
        assert_eq!(open("a=b", &url("/")).await.status, 401, "a stranger's");
        assert_eq!(open(&cookie, &url("/")).await.status, 101);
        let head = handshake.await.unwrap();
        assert!(head.contains("upgrade: websocket") && head.contains(&format!("x-user-email: {BOB}")), "{head}");
    }
}

/// An application: answers requests until one is a WebSocket's handshake, and returns what that said.
async fn upgraded(listener: TcpListener) -> String {
    loop {
        let (mut line, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(line.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let is_handshake = head.contains("upgrade: websocket");
        let answer = if is_handshake {
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        } else {
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
        };
        line.write_all(answer.as_bytes()).await.unwrap();
        if is_handshake {
            return head;
        }
    }
}
