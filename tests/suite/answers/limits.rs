//! Large, many and odd headers; what a stranger sends costs no store call and grows no metric.

use super::Asked;
use crate::world::{APP, COOKIE, World, remembers};
use gatepost_kit::client::send_raw;
use gatepost_kit::process::find_ok;

/// Calls that asked the stores about somebody; housekeeping's own are not among them.
async fn lookups(world: &World) -> Vec<String> {
    let metrics = find_ok(world.gatepost.internal(), "/metrics").await.unwrap();
    let of_people =
        |line: &&str| line.starts_with("gatepost_store_calls_total") && !line.contains("\"ping\"");
    metrics.lines().filter(of_people).map(str::to_owned).collect()
}

both_pairs! {
    async fn many_headers_are_read_and_too_many_are_431(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        // Host and Connection are headers too.
        let with = |count: usize| {
            let base = Asked::fetch("/").by(&browser);
            let used = base.headers.len() + 2;
            (used..count).fold(base, |asked, at| asked.and(&format!("X-Filler-{at}"), "x"))
        };
        for count in [50, 90, 100] {
            assert_eq!(with(count).of(&world).await.status, 200, "{count} headers");
        }
        for count in [101, 300, 1_000] {
            let told = with(count).of(&world).await;
            assert_eq!((told.status, told.header("x-user-email")), (431, None), "{count} headers");
        }
    }

    async fn a_cookie_header_of_64_kib_is_read_and_a_much_larger_one_is_431(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        let value = browser.find_cookie(APP, COOKIE).unwrap();
        let with = |bytes: usize| Asked::fetch("/").with("Cookie", format!("a={}; {COOKIE}={value}", "x".repeat(bytes)));
        let told = with(63 * 1024).of(&world).await;
        assert_eq!((told.status, told.header("cookie").map(str::len)), (200, Some(63 * 1024 + 2)));
        let many: String = "c=v; ".repeat(5_000);
        let told = Asked::fetch("/").with("Cookie", format!("{many}{COOKIE}={value}")).of(&world).await;
        assert_eq!(told.status, 200, "5,000 cookies");
        let told = with(256 * 1024).of(&world).await;
        assert_eq!((told.status, told.header("x-user-email")), (431, None));
    }

    async fn garbage_costs_no_look_up(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        let real = browser.find_cookie(APP, COOKIE).unwrap();
        let before = lookups(&world).await;
        let cut = real[..real.len() - 1].to_owned();
        for garbage in ["", "x", &"x".repeat(1024), &"A".repeat(43), &cut, &format!("{real}A"), &real.to_lowercase(), &format!("\"{real}\"")] {
            for status in [401, 302] {
                let asked = if status == 401 { Asked::fetch("/") } else { Asked::navigation("/") };
                let told = asked.with("Cookie", format!("{COOKIE}={garbage}")).of(&world).await;
                assert_eq!(told.status, status, "{garbage}");
            }
        }
        let named_otherwise = ["__host-gatepost", "__Host-Gatepost", "\u{2000}__Host-gatepost", "$Version=1, __Host-gatepost", "gatepost"];
        for name in named_otherwise {
            let told = Asked::fetch("/").with("Cookie", format!("{name}={real}")).of(&world).await;
            assert_eq!(told.status, 401, "{name}");
        }
        assert_eq!(lookups(&world).await, before, "strangers cost no look-up");
        assert_eq!(Asked::fetch("/").by(&browser).of(&world).await.status, 200);
        assert_eq!(lookups(&world).await == before, remembers(), "the person is in memory");
        world.signed_in("alice").await;
        assert_ne!(lookups(&world).await, before, "a cookie never seen does");
    }

    async fn what_is_no_http_is_answered_or_closed_and_serving_goes_on(pair) {
        let world = World::start(pair).await;
        for bytes in [
            &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"[..],
            b"GET /verify HTTP/1.1\r\nX User: a\r\n\r\n",
            b"GET /verify HTTP/1.1\r\nHost: a\r\nX-User-Email : a\r\n\r\n",
            b"GET /verify HTTP/1.1\r\nHost: a\r\nX-A: b\r\n folded\r\n\r\n",
            b"GET /verify HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n",
            b"GET /verify HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"GET /verify HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            for addr in [world.gatepost.internal(), world.gatepost.public()] {
                let answer = send_raw(addr, bytes).await.unwrap();
                assert!(matches!(answer.status, None | Some(400)), "{:?}: {}", String::from_utf8_lossy(bytes), answer.text());
            }
        }
        assert_eq!(Asked::fetch("/").of(&world).await.status, 401);
    }
}
