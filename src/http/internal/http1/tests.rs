use super::*;
use crate::http::internal::connection::tests::{LOOPBACK, shared};
use proptest::prelude::*;
use std::sync::Arc;
use tokio::io::{DuplexStream, duplex};

const ALIVE: &str = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";

fn head_of(input: &[u8]) -> Result<Option<(String, bool, Then, usize)>, StatusCode> {
    let mut room = [const { MaybeUninit::uninit() }; MAX_LINES];
    let head = parse(input, &mut room)?;
    Ok(head.map(|Head { asked, is_bodiless, then, end }| {
        (format!("{}?{}", asked.path, asked.query), is_bodiless, then, end)
    }))
}

fn then(lines: &str) -> Result<Then, StatusCode> {
    let input = format!("GET /verify?a=b HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    let (target, is_bodiless, then, end) = head_of(input.as_bytes())?.expect("a whole head");
    assert_eq!((target.as_str(), is_bodiless, end), ("/verify?a=b", false, input.len()));
    Ok(then)
}

#[test]
fn what_two_readers_could_frame_differently_is_refused() {
    for lines in [
        "Content-Length: 1\r\nContent-Length: 1\r\n",
        "Content-Length: 1, 1\r\n",
        "Content-Length: +1\r\n",
        "Content-Length: 0x1\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Content-Length:\r\n",
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length : 1\r\n",
        "X: a\r\n folded\r\n",
        "host: b\r\n",
    ] {
        assert_eq!(then(lines), Err(StatusCode::BAD_REQUEST), "{lines:?}");
    }
    for head in
        ["GET / HTTP/1.1\r\n\r\n", "CONNECT /verify HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/2.0\r\n\r\n"]
    {
        assert_eq!(head_of(head.as_bytes()), Err(StatusCode::BAD_REQUEST), "{head:?}");
    }
}

#[test]
fn what_ends_a_connection_and_what_does_not() {
    for (lines, want) in [
        ("", Then::Next(0)),
        ("Connection: keep-alive\r\n", Then::Next(0)),
        ("Content-Length: 65536\r\n", Then::Next(65_536)),
        ("connection: x, Close\r\n", Then::Close),
        ("Connection: close\r\nContent-Length: 3\r\n", Then::Linger),
        ("Content-Length: 65537\r\n", Then::Linger),
        ("Content-Length: 3\r\nExpect: 100-continue\r\n", Then::Linger),
        ("transfer-encoding: chunked\r\n", Then::Linger),
    ] {
        assert_eq!(then(lines), Ok(want), "{lines:?}");
    }
    let old =
        head_of(b"GET http://gatepost/verify?x HTTP/1.0\r\n\r\n").expect("a head").expect("a whole one");
    assert_eq!((old.0.as_str(), old.2), ("/verify?x", Then::Close));
}

#[test]
fn an_answer_is_written_as_it_is_and_without_its_body_for_a_head() {
    let answer = respond::text(StatusCode::OK, "text/plain", "alive\n");
    let written = |is_bodiless, then| {
        let mut output = Vec::new();
        write(&mut output, &answer, is_bodiless, then, &mut Date::default());
        let text = String::from_utf8(output).expect("text");
        let (before, rest) = text.split_once("date: ").expect("a date");
        let (date, after) = rest.split_once("\r\n").expect("a line");
        assert!(httpdate::parse_http_date(date).is_ok(), "{date}");
        format!("{before}{after}")
    };
    let head = "HTTP/1.1 200 OK\r\ncache-control: no-store\r\ncontent-type: text/plain\r\nx-content-type-options: nosniff\r\n";
    assert_eq!(written(false, Then::Next(9)), format!("{head}content-length: 6\r\n\r\nalive\n"));
    assert_eq!(written(true, Then::Close), format!("{head}connection: close\r\ncontent-length: 6\r\n\r\n"));
}

/// What comes back for these pieces, each sent by itself, until our side closes or is silent.
async fn told(pieces: &[&[u8]]) -> String {
    let (shared, _folder, _stop) = shared();
    let (mut proxy, ours) = duplex(1024 * 1024);
    let pace = Arc::new(Pace::default());
    let serving = tokio::spawn(async move { Conversation::new(&shared, &pace, LOOPBACK, ours).run().await });
    for piece in pieces {
        proxy.write_all(piece).await.expect("it is open");
        tokio::task::yield_now().await;
    }
    let told = read_all(&mut proxy).await;
    serving.abort();
    told
}

/// On a clock that runs as fast as there is nothing to do.
async fn read_all(proxy: &mut DuplexStream) -> String {
    let mut told = Vec::new();
    let end = timeout(Duration::from_secs(1), proxy.read_to_end(&mut told)).await;
    let end = if end.is_ok() { "EOF" } else { "" };
    String::from_utf8(told).expect("text") + end
}

fn answers(told: &str) -> usize {
    told.matches("HTTP/1.1 200 OK\r\n").count()
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_body_is_taken_for_the_next_request() {
    let body = ALIVE.repeat(3);
    let with_body = format!("GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let two = format!("{with_body}{ALIVE}");
    for cut in [1, 30, with_body.len() - 50, with_body.len() - 1, with_body.len()] {
        let told = told(&[&two.as_bytes()[..cut], &two.as_bytes()[cut..]]).await;
        assert_eq!((answers(&told), told.ends_with("EOF")), (2, false), "cut at {cut}: {told}");
    }
    let chunked =
        format!("GET /livez HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{ALIVE}");
    let told = told(&[chunked.as_bytes()]).await;
    assert_eq!((answers(&told), told.ends_with("EOF")), (1, true), "{told}");
}

#[tokio::test(start_paused = true)]
async fn requests_that_come_at_once_or_in_pieces_are_answered_one_by_one() {
    let told_at_once = told(&[format!("\r\n{ALIVE}{ALIVE}\r\n\n{ALIVE}").as_bytes()]).await;
    assert_eq!((answers(&told_at_once), told_at_once.ends_with("EOF")), (3, false), "{told_at_once}");
    let bytes: Vec<&[u8]> = ALIVE.as_bytes().chunks(1).collect();
    let told_slowly = told(&[&bytes[..], &bytes[..]].concat()).await;
    assert_eq!((answers(&told_slowly), told_slowly.ends_with("EOF")), (2, false), "{told_slowly}");
    let head = format!("HEAD{}{ALIVE}", &ALIVE[3..]);
    let told_head = told(&[head.as_bytes()]).await;
    assert_eq!((answers(&told_head), told_head.matches("alive\n").count()), (2, 1), "{told_head}");
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_told_so_before_the_end() {
    let large = format!("GET /livez HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(MAX_HEAD));
    let lines = format!("GET /livez HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(MAX_LINES));
    for request in [large, lines] {
        let told = told(&[request.as_bytes(), b"and more"]).await;
        assert!(told.starts_with("HTTP/1.1 431 ") && told.ends_with("EOF"), "{told}");
    }
    let closed = told(&[b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"]).await;
    assert!(closed.contains("connection: close\r\n") && closed.ends_with("alive\nEOF"), "{closed}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_while_the_process_stops_is_the_connections_last() {
    let (shared, _folder, _stop) = shared();
    let (mut proxy, ours) = duplex(1024);
    let pace = Arc::new(Pace::default());
    let mut watched = crate::http::internal::pace::Watched::default();
    let pace_of_it = Arc::clone(&pace);
    let serving =
        tokio::spawn(async move { Conversation::new(&shared, &pace_of_it, LOOPBACK, ours).run().await });
    watched.add(serving.abort_handle(), pace);
    // Begun when the process is told to stop, and whole afterwards.
    proxy.write_all(&ALIVE.as_bytes()[..20]).await.expect("it is open");
    for _ in 0..5 {
        tokio::task::yield_now().await;
    }
    watched.close();
    proxy.write_all(&ALIVE.as_bytes()[20..]).await.expect("it is open");
    let told = read_all(&mut proxy).await;
    assert!(told.contains("connection: close\r\n") && told.ends_with("alive\nEOF"), "{told}");
}

fn head() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("Host: a\r\n".to_owned()),
        "X-[a-z]{1,5}: [ -~]{0,9}\r\n",
        Just("Accept:\n".to_owned()),
        Just("x: \u{fc}\r\n".to_owned()),
    ];
    ("[a-z?=/]{0,9}", prop::collection::vec(line, 0..6), prop_oneof![Just("\r\n"), Just("\n")])
        .prop_map(|(path, lines, end)| format!("GET /{path} HTTP/1.1\r\n{}{end}", lines.concat()))
}

proptest! {
    #[test]
    fn a_head_is_whole_with_its_last_byte_and_not_before(head in head(), rest in "[ -~]{0,20}") {
        let bytes = head.as_bytes();
        for end in 0..bytes.len() {
            prop_assert_eq!(head_of(&bytes[..end]), Ok(None));
        }
        prop_assert!(holds_end(&bytes[bytes.len() - 3..]));
        if let Ok(whole) = head_of(format!("{head}{rest}").as_bytes()) {
            prop_assert_eq!(whole.expect("a whole head").3, bytes.len());
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes: Vec<u8>) {
        let _ = head_of(&bytes);
    }
}
