//! 400: what could be understood in two ways is not passed on, whoever asks.

use super::Asked;
use crate::world::{APP, World};
use reqwest::Method;

/// Spellings that some application reads as `name`, none of them exact.
fn aliases_of(name: &str) -> Vec<String> {
    let mut aliases =
        vec![name.replace('-', "_"), name.replace('-', "."), name.to_uppercase().replace('-', "_")];
    for odd in ["_", "~", "!", "'", "+", "|"] {
        aliases.push(name.replacen('-', odd, 1));
        let (head, tail) = name.rsplit_once('-').unwrap();
        aliases.push(format!("{head}{odd}{tail}"));
    }
    aliases
}

const IDENTITY: [&str; 13] = [
    "X-User-Email",
    "X-User-Groups",
    "X-User-Groups-Truncated",
    "X-User-Admin",
    "X-User-Id",
    "X-User-Name",
    "X-User-Tenants",
    "X-User-Role",
    "X-Tenant-Id",
    "X-User-Assertion",
    "X-User-Via",
    "X-User-Tools",
    "X-Gatepost-Key",
];
const FORWARDED: [&str; 5] =
    ["X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri", "X-Forwarded-For"];

both_pairs! {
    async fn each_of_the_four_is_there_once_and_readable(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        let good = Asked::navigation("/").by(&browser);
        assert_eq!(good.of(&world).await.status, 200);
        let mut rows = Vec::new();
        for name in &FORWARDED[..4] {
            let value = good.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone()).unwrap();
            rows.push((good.clone().without(name), format!("{name} is missing")));
            rows.push((good.clone().and(name, &value), format!("{name} is repeated")));
            rows.push((good.clone().and(&name.to_lowercase(), "x"), format!("{name} is repeated in another spelling")));
            for bad in [&b""[..], b"\xff", b"\xc3\xa9", b"a b", b"a\tb"] {
                rows.push((good.clone().with(name, bad), format!("{name}: {bad:?}")));
            }
        }
        for (name, value) in [
            ("X-Forwarded-Method", "GET, POST"),
            ("X-Forwarded-Method", "GET/1"),
            ("X-Forwarded-Proto", "http"),
            ("X-Forwarded-Proto", "ws"),
            ("X-Forwarded-Proto", "https, http"),
            ("X-Forwarded-Proto", "HTTPS"),
            ("X-Forwarded-Proto", "ftp"),
            ("X-Forwarded-Host", "app.example.test, evil.example"),
            ("X-Forwarded-Host", "user@app.example.test"),
            ("X-Forwarded-Host", "app.example.test:port"),
            ("X-Forwarded-Host", "app.example.test.."),
            ("X-Forwarded-Host", "app.example.test/"),
            ("X-Forwarded-Host", "[::1]"),
            ("X-Forwarded-Uri", "https://app.example.test/"),
            ("X-Forwarded-Uri", "a"),
            ("X-Forwarded-Uri", "?x"),
        ] {
            rows.push((good.clone().with(name, value), format!("{name}: {value}")));
        }
        rows.push((good.clone().and("Authorization", "Basic YTpi").and("Authorization", "Basic YTpi"), "Authorization is repeated".to_owned()));
        rows.retain(|(asked, _)| !is_readable_uri(asked));
        for (asked, why) in rows {
            let told = asked.of(&world).await;
            told.assert_refusal(400, &why);
            world.gatepost.wait_for_line(&told.request_id()).await;
        }
        let told = good.and("X-Forwarded-For", "garbage").and("X-Forwarded-For", "1.1.1.1, nonsense").of(&world).await;
        assert_eq!(told.status, 200, "the client's address is for logs and limits only");
    }

    async fn an_alias_of_a_header_that_applications_believe_is_refused(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        for name in IDENTITY.iter().chain(&FORWARDED) {
            for alias in aliases_of(name) {
                let told = Asked::fetch("/").by(&browser).with(&alias, "root@example.com").of(&world).await;
                told.assert_refusal(400, &alias);
                assert_eq!(told.json()["error"], "malformed_request", "{alias}: a fetch is answered in JSON");
            }
        }
        let page = Asked::navigation("/").by(&browser).with("X_User_Email", "x").of(&world).await;
        page.assert_refusal(400, "a page");
        assert!(page.header("content-type").unwrap().starts_with("text/html"), "{page:?}");
        for harmless in ["X-User-Emails", "X_User", "XUserEmail", "X-User--Email", "X-Forwarded_Port"] {
            let told = Asked::fetch("/").by(&browser).with(harmless, "x").of(&world).await;
            assert_eq!(told.status, 200, "{harmless}");
        }
    }

    async fn no_alias_reaches_an_application(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        world.app.forget();
        for name in IDENTITY {
            for alias in aliases_of(name) {
                let answer = browser.request(Method::GET, &world.url(APP, "/")).header(&alias, "root@example.com").send().await;
                assert_eq!((answer.status, answer.values("set-cookie").len()), (400, 0), "{alias}");
            }
        }
        assert_eq!(world.app.requests(), []);
        let hop = browser.request(Method::GET, &world.url(APP, "/")).header("connection", "X-User-Email, X-Forwarded-Uri").send().await;
        assert_eq!(hop.echoed().header("x-user-email"), Some("alice@example.com"), "what the client's Connection lists is ours all the same");
    }
}

/// A path may hold what is no text; it is judged as a path, and no way back leads there.
fn is_readable_uri(asked: &Asked) -> bool {
    let uris: Vec<_> =
        asked.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("x-forwarded-uri")).collect();
    matches!(uris.as_slice(), [(_, uri)] if uri.len() > 1 && uri.starts_with(b"/"))
}
