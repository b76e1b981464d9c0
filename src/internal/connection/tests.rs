//! How long a connection waits, on a clock that the test moves.

mod http1;

use super::{Shared, serve_http1, serve_http2};
use crate::app;
use crate::internal::Surface;
use crate::internal::connection_timeouts::{Activity, CHECK_INTERVAL, Watched};
use gatepost_config::Config;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The parts that connections share; the folder and the sender must outlive them.
fn shared() -> (Shared, TempDir, watch::Sender<bool>) {
    let folder = TempDir::new().expect("a new folder");
    let text = format!(
        r#"
        public_url = "https://auth.example.com"
        hosts = ["app.example.com"]
        database_url = "sqlite://{}/gatepost.db"
        [providers.entra]
        kind = "entra"
        tenant_id = "11111111-1111-4111-8111-111111111111"
        client_id = "22222222-2222-4222-8222-222222222222"
        client_secret = "never sent"
        "#,
        folder.path().display()
    );
    let config = Config::parse(&text, std::iter::empty()).expect("a configuration");
    let context = app::build(config).expect("a state").internal;
    let (stop, stopping) = watch::channel(false);
    (Shared { context, surface: Surface::Internal, stop: stopping }, folder, stop)
}

/// Serves a connection as its thread does: it is looked at now and then.
async fn serve(shared: Shared, stream: DuplexStream) {
    let (activity, mut watched) = (Arc::new(Activity::default()), Watched::default());
    let mut serving = tokio::spawn(serve_http1(shared, Arc::clone(&activity), LOOPBACK, stream));
    watched.add(serving.abort_handle(), activity);
    while timeout(CHECK_INTERVAL, &mut serving).await.is_err() {
        watched.close_overdue();
    }
}

/// Sends `drop` every five seconds until the other side closes; how long that took.
async fn drip(client: &mut DuplexStream, drop: &[u8]) -> Duration {
    let begun = Instant::now();
    let mut bytes = [0; 4096];
    loop {
        match timeout(Duration::from_secs(5), client.read(&mut bytes)).await {
            Ok(Ok(0) | Err(_)) => return begun.elapsed(),
            Ok(Ok(_)) => {}
            // What cannot be written was closed: the next read tells.
            Err(_) => drop_in(client, drop).await,
        }
        assert!(begun.elapsed() < Duration::from_mins(10), "never closed");
    }
}

async fn drop_in(client: &mut DuplexStream, drop: &[u8]) {
    let _ = client.write_all(drop).await;
}

async fn answer(client: &mut DuplexStream) -> String {
    let mut bytes = vec![0; 4096];
    let read = client.read(&mut bytes).await.expect("an answer");
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_end_is_closed_after_a_minute() {
    let (shared, _folder, _stop) = shared();
    for beginning in ["GET /livez HTTP/1.1\r\nHost: a\r\n", "GET /li", ""] {
        let (mut client, server) = duplex(64 * 1024);
        let serving = tokio::spawn(serve(shared.clone(), server));
        client.write_all(beginning.as_bytes()).await.expect("a beginning");
        let slow = if beginning.ends_with('\n') { &b"X-Slow: y\r\n"[..] } else { b"" };
        let took = drip(&mut client, slow).await;
        assert!((60..=75).contains(&took.as_secs()), "{beginning:?}: {took:?}");
        serving.await.expect("no panic");
    }
}

/// RFC 9112 section 2.2 lets empty lines stand before a request, and a minute counts from the first of them.
#[tokio::test(start_paused = true)]
async fn empty_lines_hold_no_connection() {
    let (shared, _folder, _stop) = shared();
    let whole = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n".as_slice();
    for (beginning, drop) in
        [(b"".as_slice(), b"\r\n".as_slice()), (b"", b"\n"), (whole, b"\r\n"), (whole, b"\r\n\r\n")]
    {
        let (mut client, server) = duplex(64 * 1024);
        let serving = tokio::spawn(serve(shared.clone(), server));
        client.write_all(beginning).await.expect("a request");
        if !beginning.is_empty() {
            assert!(answer(&mut client).await.starts_with("HTTP/1.1 200 "));
        }
        let took = drip(&mut client, drop).await;
        assert!((60..=80).contains(&took.as_secs()), "{beginning:?} {drop:?}: {took:?}");
        serving.await.expect("no panic");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_ends_within_the_minute_is_answered_and_the_connection_outlives_traefiks_pause() {
    let (shared, _folder, _stop) = shared();
    let (mut client, server) = duplex(64 * 1024);
    tokio::spawn(serve(shared, server));
    for pause in [1, 50, 91, 115] {
        client.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n").await.expect("half a head");
        sleep(Duration::from_secs(50)).await;
        client.write_all(b"\r\n").await.expect("the rest");
        let answer = answer(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("alive\n"), "{answer}");
        sleep(Duration::from_secs(pause)).await;
    }
    let idle = drip(&mut client, b"").await;
    assert!(idle < Duration::from_secs(40), "two minutes of silence and a look: {idle:?}");
}

#[tokio::test(start_paused = true)]
async fn over_http_2_a_head_without_an_end_does_not_outlive_two_pings() {
    let (shared, _folder, _stop) = shared();
    let (mut client, server) = duplex(64 * 1024);
    let serving = tokio::spawn(serve_http2(shared, Arc::default(), LOOPBACK, server));
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("a preface");
    // HEADERS of stream 1 with `:method: GET` and without END_HEADERS: no other frame may come before its end.
    client.write_all(b"\0\0\x01\x01\x01\0\0\0\x01\x82").await.expect("half a head");
    // An empty CONTINUATION is one more piece that ends nothing.
    let took = drip(&mut client, b"\0\0\0\x09\0\0\0\0\x01").await;
    assert!(took < Duration::from_mins(1), "{took:?}");
    serving.await.expect("no panic");
}
