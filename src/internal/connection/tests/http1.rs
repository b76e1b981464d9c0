//! What hyper and the listener make of HTTP/1.1 requests: what is refused, where a request ends, what is answered.

use super::{Activity, LOOPBACK, Shared, Watched, serve_http1, shared};
use crate::internal::connection::{MAX_BODY, MAX_HEAD};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::timeout;

const ALIVE: &str = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
/// What hyper reads without being told otherwise.
const MAX_LINES: usize = 100;
const ENDED: &str = "EOF";

/// What comes back for these pieces, each sent by itself, until our side closes or is silent.
async fn told(pieces: &[&[u8]]) -> String {
    let (shared, _folder, _stop) = shared();
    told_by(&shared, pieces).await
}

async fn told_by(shared: &Shared, pieces: &[&[u8]]) -> String {
    let (mut proxy, ours) = duplex(1024 * 1024);
    let serving = tokio::spawn(serve_http1(shared.clone(), Arc::default(), LOOPBACK, ours));
    for piece in pieces {
        // Our side may have closed already.
        let _ = proxy.write_all(piece).await;
        tokio::task::yield_now().await;
    }
    let told = read_all(&mut proxy).await;
    serving.abort();
    let end = serving.await;
    assert!(end.as_ref().err().is_none_or(tokio::task::JoinError::is_cancelled), "{end:?}");
    told
}

/// On a clock that runs as fast as there is nothing to do.
async fn read_all(proxy: &mut DuplexStream) -> String {
    let mut told = Vec::new();
    let end = timeout(Duration::from_secs(5), proxy.read_to_end(&mut told)).await;
    let end = if end.is_ok() { ENDED } else { "" };
    String::from_utf8(told).expect("text") + end
}

fn answers(told: &str) -> usize {
    told.matches("HTTP/1.1 200 OK\r\n").count()
}

/// How many requests are answered with 200, and whether the connection ends then.
async fn outcome(pieces: &[&[u8]]) -> (usize, bool) {
    let told = told(pieces).await;
    (answers(&told), told.ends_with(ENDED))
}

#[tokio::test(start_paused = true)]
async fn what_two_readers_could_frame_differently_is_refused() {
    let with = |lines: &str| format!("GET /livez HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    let heads = [
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Content-Length: 1, 1\r\n",
        "Content-Length: +1\r\n",
        "Content-Length: 0x1\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Content-Length:\r\n",
        "Content-Length : 1\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "X: a\r\n folded\r\n",
        "host: b\r\n",
    ]
    .map(with);
    let others = [
        "GET /livez HTTP/1.1\r\n\r\n",
        "GET /livez HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "CONNECT /livez HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /livez HTTP/2.0\r\n\r\n",
    ];
    for head in heads.iter().map(String::as_str).chain(others) {
        let told = told(&[head.as_bytes(), ALIVE.as_bytes()]).await;
        assert!(told.starts_with("HTTP/1.1 400 ") || told.starts_with("HTTP/1.0 400 "), "{head:?}: {told}");
        assert!(answers(&told) == 0 && told.ends_with(ENDED), "{head:?}: {told}");
    }
}

/// hyper takes these two without a word to the service. It is safe, for nothing that follows is read as a request that
/// another reader would have taken for a part of the body.
#[tokio::test(start_paused = true)]
async fn of_a_framing_that_hyper_settles_nothing_is_taken_for_another_request() {
    let smuggled = format!("0\r\n\r\n{ALIVE}");
    for lines in [
        format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", smuggled.len()),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {}\r\n", smuggled.len()),
        "Transfer-Encoding: gzip, chunked\r\nContent-Length: 5\r\n".to_owned(),
    ] {
        let request = format!("GET /livez HTTP/1.1\r\nHost: a\r\n{lines}\r\n{smuggled}{ALIVE}");
        assert_eq!(outcome(&[request.as_bytes()]).await, (1, true), "{lines:?}");
    }
    // Both lengths are the same, so there is one reading.
    let twice = format!("Content-Length: {0}\r\nContent-Length: {0}\r\n", ALIVE.len());
    let request = format!("GET /livez HTTP/1.1\r\nHost: a\r\n{twice}\r\n{ALIVE}");
    assert_eq!(outcome(&[request.as_bytes()]).await, (1, false));
    assert_eq!(outcome(&[request.as_bytes(), ALIVE.as_bytes()]).await, (2, false));
}

#[tokio::test(start_paused = true)]
async fn what_ends_a_connection_and_what_does_not() {
    let longest = usize::try_from(MAX_BODY).expect("a length");
    for (lines, body, ends) in [
        ("", 0, false),
        ("Connection: keep-alive\r\n", 0, false),
        ("Content-Length: 65536\r\n", longest, false),
        ("connection: x, Close\r\n", 0, true),
        ("Connection: close\r\nContent-Length: 3\r\n", 3, true),
        ("Content-Length: 65537\r\n", longest + 1, true),
        // Three bytes of which one never comes.
        ("Content-Length: 3\r\n", 2, true),
        ("Content-Length: 3\r\nExpect: 100-continue\r\n", 0, true),
        ("transfer-encoding: chunked\r\n", 0, true),
    ] {
        let head = format!("GET /livez HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        let told = told(&[head.as_bytes(), &b"x".repeat(body)]).await;
        assert_eq!((answers(&told), told.ends_with(ENDED)), (1, ends), "{lines:?}: {told}");
        assert_eq!(told.contains("connection: close\r\n"), ends, "{lines:?}: {told}");
    }
    let old = told(&[b"GET http://gatepost/livez?x HTTP/1.0\r\n\r\n"]).await;
    assert!(old.starts_with("HTTP/1.0 200 OK\r\n") && old.ends_with("alive\nEOF"), "{old}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_written_as_it_is_and_without_its_body_for_a_head() {
    let head = "HTTP/1.1 200 OK\r\ncache-control: no-store\r\ncontent-type: text/plain; charset=utf-8\r\n\
                x-content-type-options: nosniff\r\n";
    for (request, expected) in [
        (ALIVE.to_owned(), format!("{head}content-length: 6\r\n\r\nalive\n")),
        (ALIVE.replace("GET", "HEAD"), format!("{head}content-length: 6\r\n\r\n")),
    ] {
        let told = told(&[request.as_bytes()]).await;
        let (before, rest) = told.split_once("date: ").expect("a date");
        let (date, after) = rest.split_once("\r\n").expect("a line");
        assert!(date.ends_with(" GMT") && date.len() == "Sun, 06 Nov 1994 08:49:37 GMT".len(), "{date}");
        assert_eq!(format!("{before}{after}"), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_body_is_taken_for_the_next_request() {
    let body = ALIVE.repeat(3);
    let with_body = format!("GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let two = format!("{with_body}{ALIVE}");
    for cut in [1, 30, with_body.len() - 50, with_body.len() - 1, with_body.len()] {
        let pieces = [&two.as_bytes()[..cut], &two.as_bytes()[cut..]];
        assert_eq!(outcome(&pieces).await, (2, false), "cut at {cut}");
    }
    let chunked =
        format!("GET /livez HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{ALIVE}");
    assert_eq!(outcome(&[chunked.as_bytes()]).await, (1, true));
}

#[tokio::test(start_paused = true)]
async fn requests_that_come_at_once_or_in_pieces_are_answered_one_by_one() {
    let at_once = format!("\r\n{ALIVE}{ALIVE}\r\n\n{ALIVE}");
    assert_eq!(outcome(&[at_once.as_bytes()]).await, (3, false));
    let bytes: Vec<&[u8]> = ALIVE.as_bytes().chunks(1).collect();
    assert_eq!(outcome(&[&bytes[..], &bytes[..]].concat()).await, (2, false));
    let head = format!("HEAD{}{ALIVE}", &ALIVE[3..]);
    let told = told(&[head.as_bytes()]).await;
    assert_eq!((answers(&told), told.matches("alive\n").count()), (2, 1), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_too_large_is_answered_before_its_end() {
    let large = format!("GET /livez HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(MAX_HEAD as usize));
    let lines = format!("GET /livez HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(MAX_LINES));
    for request in [large, lines] {
        let told = told(&[request.as_bytes(), b"and more"]).await;
        assert!(told.starts_with("HTTP/1.1 431 ") && told.ends_with(ENDED), "{told}");
    }
    let fits = format!("GET /livez HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(MAX_LINES - 1));
    assert_eq!(outcome(&[fits.as_bytes()]).await, (1, false));
    let closed = told(&[b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"]).await;
    assert!(closed.contains("connection: close\r\n") && closed.ends_with("alive\nEOF"), "{closed}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_closes_its_sending_side_is_still_answered() {
    let (shared, _folder, _stop) = shared();
    let (mut proxy, ours) = duplex(1024);
    let serving = tokio::spawn(serve_http1(shared, Arc::default(), LOOPBACK, ours));
    proxy.write_all(ALIVE.as_bytes()).await.expect("it is open");
    proxy.shutdown().await.expect("it is open");
    let told = read_all(&mut proxy).await;
    assert!(answers(&told) == 1 && told.ends_with("alive\nEOF"), "{told}");
    assert!(timeout(Duration::from_secs(1), serving).await.is_ok(), "nobody is waited for");
}

/// A socket that is closed while bytes arrive resets the connection, and the answer could be lost.
#[tokio::test(start_paused = true)]
async fn a_connection_that_we_end_is_read_on_for_a_while_and_not_for_longer() {
    let (shared, _folder, _stop) = shared();
    let (mut proxy, ours) = duplex(1024);
    let serving = tokio::spawn(serve_http1(shared, Arc::default(), LOOPBACK, ours));
    proxy.write_all(b"nonsense\r\n\r\n").await.expect("it is open");
    let told = read_all(&mut proxy).await;
    assert!(told.starts_with("HTTP/1.1 400 ") && told.ends_with(ENDED), "{told}");
    // More than the pipe holds, so that somebody takes it.
    proxy.write_all(&[b'x'; 8 * 1024]).await.expect("it is read");
    let ended = timeout(Duration::from_secs(3), serving).await;
    assert!(ended.is_ok(), "a peer that stays open is waited for no longer");
}

#[tokio::test(start_paused = true)]
async fn an_answer_while_the_process_stops_is_the_connections_last() {
    for before in ["", ALIVE] {
        let (shared, _folder, _stop) = shared();
        let (mut proxy, ours) = duplex(1024);
        let (activity, mut watched) = (Arc::new(Activity::default()), Watched::default());
        let serving = tokio::spawn(serve_http1(shared, Arc::clone(&activity), LOOPBACK, ours));
        watched.add(serving.abort_handle(), activity);
        // Begun when the process is told to stop, and whole afterwards.
        proxy.write_all(before.as_bytes()).await.expect("it is open");
        proxy.write_all(&ALIVE.as_bytes()[..20]).await.expect("it is open");
        tokio::time::sleep(Duration::from_secs(1)).await;
        proxy.write_all(&ALIVE.as_bytes()[20..21]).await.expect("it is open");
        tokio::time::sleep(Duration::from_secs(1)).await;
        watched.close();
        proxy.write_all(&ALIVE.as_bytes()[21..]).await.expect("it is open");
        let told = read_all(&mut proxy).await;
        assert!(told.contains("connection: close\r\n") && told.ends_with("alive\nEOF"), "{told}");
        assert_eq!(answers(&told), 1 + usize::from(!before.is_empty()), "{told}");
    }
}

/// Pieces of requests, whole ones and others.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let text = |text: &'static str| Just(text.as_bytes().to_vec());
    prop_oneof![
        text(ALIVE),
        text("GET /livez HTTP/1.1\r\nHost: a\r\n"),
        text("Content-Length: 3\r\n"),
        text("Transfer-Encoding: chunked\r\n"),
        text("Expect: 100-continue\r\n"),
        text("Upgrade: x\r\n"),
        text("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"),
        text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        text("\r\n"),
        text("3\r\nabc\r\n0\r\n\r\n"),
        prop::collection::vec(any::<u8>(), 0..40),
    ]
}

#[test]
fn any_bytes_never_panic() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let runtime = runtime.expect("a runtime");
    let (shared, _folder, _stop) = runtime.block_on(async { shared() });
    proptest!(|(pieces in prop::collection::vec(piece(), 0..8))| {
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        runtime.block_on(async { told_by(&shared, &pieces).await });
    });
}
