//! Requests at the public listener whose body or head never ends: what they cost, when they are given up, and that
//! others are served meanwhile.

use crate::world::{PUBLIC, Pair, World};
use gatepost_kit::process::raise_open_files;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const TIMEOUT: Duration = Duration::from_mins(1);
const STALLED: usize = 10_000;
/// What the stalled requests may take. The process shall stay below 64 MB: the release holds 18 MB of that when idle, the
/// unoptimised binary of the tests 33 MB.
const MOST_GROWTH: u64 = 46 * 1024 * 1024;
/// The body's deadline, and what a busy machine adds.
const BODY_TIME: std::ops::RangeInclusive<u64> = 4..=12;

/// Routes with and without a body, known paths and others.
const PATHS: [&str; 6] = ["/logout/backchannel", "/login", "/", "/sessions/end", "/logout", "/nowhere"];

/// Bytes of memory that a process holds of its own: without the pages of its program, which grow with the test binary.
pub fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).expect("the process lives");
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// A head that promises more than will come, as from our own pages.
fn head(path: &str, framing: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {PUBLIC}\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n{framing}\r\n\r\n"
    )
}

const LENGTH: &str = "Content-Length: 1000";
const CHUNKED: &str = "Transfer-Encoding: chunked";

async fn open(public: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(public).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// What comes until the server closes, and how long that took.
async fn to_the_end(stream: &mut TcpStream) -> (String, Duration) {
    let (asked, mut bytes) = (Instant::now(), Vec::new());
    // A reset behind the answer is an end too.
    let _ = timeout(TIMEOUT, stream.read_to_end(&mut bytes)).await.expect("the server closes");
    (String::from_utf8_lossy(&bytes).into_owned(), asked.elapsed())
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("none")
}

/// Opens a connection, sends as much as the server takes, and then nothing more until it is closed.
async fn stall(public: SocketAddr, number: usize, body: &[u8]) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(16 * 1024).unwrap();
    let Ok(mut stream) = socket.connect(public).await else { return };
    let framing = if number % 4 == 3 { CHUNKED } else { "Content-Length: 65536" };
    let mut request = head(PATHS[number % PATHS.len()], framing).into_bytes();
    if framing == CHUNKED {
        request.extend(b"ffff\r\n");
    }
    request.extend(body);
    let _ = timeout(Duration::from_secs(5), stream.write_all(&request)).await;
    let mut answer = Vec::new();
    let _ = timeout(TIMEOUT, stream.read_to_end(&mut answer)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_stalled_bodies_take_little_memory_and_keep_nobody_out() {
    let world = World::start(Pair::Embedded).await;
    let browser = world.signed_in("alice").await.impatient();
    let account = world.url(PUBLIC, "/");
    assert_eq!(browser.get(&account).await.status, 200);
    let (public, pid) = (world.gatepost.public(), world.gatepost.running().pid());
    let stalled = STALLED.min(usize::try_from(raise_open_files()).unwrap().saturating_sub(1_000));
    let (before, done) = (memory(pid), Arc::new(AtomicUsize::new(0)));
    let body: Arc<[u8]> = vec![b'a'; 60 * 1024].into();
    let mut stalling = JoinSet::new();
    for number in 0..stalled {
        let (body, done) = (Arc::clone(&body), Arc::clone(&done));
        stalling.spawn(async move {
            stall(public, number, &body).await;
            done.fetch_add(1, Ordering::Relaxed);
        });
    }
    let begun = Instant::now();
    let (mut served, mut unavailable, mut slowest, mut most) = (0, 0, Duration::ZERO, before);
    while done.load(Ordering::Relaxed) < stalled {
        let asked = Instant::now();
        let answer = timeout(TIMEOUT, browser.get(&account)).await.expect("an answer");
        // A busy machine lets a read of the directory miss its deadline; that is no matter of the bodies.
        match answer.status {
            200 => served += 1,
            503 => unavailable += 1,
            _ => panic!("{}", answer.body),
        }
        slowest = slowest.max(asked.elapsed());
        most = most.max(memory(pid));
        assert!(begun.elapsed() < TIMEOUT * 2, "{} of {stalled} were given up", done.load(Ordering::Relaxed));
        sleep(Duration::from_millis(10)).await;
    }
    println!(
        "{stalled} stalled in {:?}; {served} others served, the slowest in {slowest:?}; {} KiB before, {} KiB at most",
        begun.elapsed(),
        before / 1024,
        most / 1024
    );
    assert!(stalled >= 1_000, "the system lets this test open {stalled} connections");
    assert!(unavailable * 10 <= served, "{unavailable} of {served} others were answered 503");
    assert!(served >= 10 && slowest < Duration::from_secs(20), "{served} others, the slowest in {slowest:?}");
    assert!(most - before < MOST_GROWTH, "{} KiB more than {}", (most - before) / 1024, before / 1024);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_read_only_where_the_route_takes_one_up_to_its_own_limit() {
    let world = World::start(Pair::Embedded).await;
    let public = world.gatepost.public();
    let (form, token) = (1024, 16 * 1024);
    let get = |path: &str, length: usize| {
        head(path, &format!("Content-Length: {length}")).replacen("POST", "GET", 1)
    };
    let post = |path: &str, length: usize| head(path, &format!("Content-Length: {length}"));
    // None of these bodies ever comes: what is answered, is answered without it.
    for (request, expected) in [
        (get("/login", 1), "413"),
        (get("/", 1), "413"),
        (get("/logged-out", 1 << 40), "413"),
        (post("/nowhere", 1), "404"),
        (post("/login", 1), "405"),
        (post("/sessions/end", 10), "303"),
        (post("/logout", form + 1), "413"),
        (post("/logout/backchannel", token + 1), "413"),
    ] {
        for framing in [true, false] {
            let request = if framing { request.clone() } else { with_chunks(&request) };
            // A chunk that exceeds the limit tells as much as the length did.
            let longer = if framing { Vec::new() } else { vec![b'a'; 0x8000] };
            let mut stream = open(public, &[request.as_bytes(), &longer].concat()).await;
            let (answer, took) = to_the_end(&mut stream).await;
            assert_eq!(status(&answer), expected, "{request}\n{answer}");
            assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
            assert!(took < Duration::from_secs(4), "{took:?}: {request}");
        }
    }
    // A whole one that is as long as it may be is read; it holds no token.
    let whole = [post("/logout/backchannel", token), "a".repeat(token)].concat();
    assert_eq!(status(&to_the_end(&mut open(public, whole.as_bytes()).await).await.0), "400");
    let whole = [post("/logout", form), "a".repeat(form)].concat();
    assert_eq!(status(&to_the_end(&mut open(public, whole.as_bytes()).await).await.0), "303");
    // HTTP/3 knows no length before the end: Traefik then sends one chunk of nothing.
    let empty = head("/logged-out", CHUNKED).replacen("POST", "GET", 1) + "0\r\n\r\n";
    assert_eq!(status(&to_the_end(&mut open(public, empty.as_bytes()).await).await.0), "200");
}

fn with_chunks(request: &str) -> String {
    let lines = request.lines().filter(|line| !line.is_empty());
    let lines = lines.map(|line| if line.starts_with("Content-Length") { CHUNKED } else { line });
    lines.collect::<Vec<_>>().join("\r\n") + "\r\n\r\n8000\r\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stalls_is_given_up_after_five_seconds() {
    let world = World::start(Pair::Embedded).await;
    let public = world.gatepost.public();
    let mut waiting = JoinSet::new();
    for (path, framing, part) in [
        ("/logout/backchannel", LENGTH, "logout_token="),
        ("/logout/backchannel", LENGTH, ""),
        ("/logout/backchannel", CHUNKED, "5\r\nlogou"),
        ("/logout", CHUNKED, ""),
    ] {
        let mut stream = open(public, (head(path, framing) + part).as_bytes()).await;
        waiting.spawn(async move { (path, to_the_end(&mut stream).await) });
    }
    // A byte a second does not extend the limit.
    let mut slow = open(public, head("/logout/backchannel", LENGTH).as_bytes()).await;
    waiting.spawn(async move {
        let begun = Instant::now();
        while timeout(Duration::from_secs(1), slow.readable()).await.is_err() {
            let _ = slow.try_write(b"a");
        }
        let (answer, _) = to_the_end(&mut slow).await;
        ("a byte a second", (answer, begun.elapsed()))
    });
    while let Some(ended) = waiting.join_next().await {
        let (what, (answer, took)) = ended.unwrap();
        assert_eq!(status(&answer), "408", "{what}: {answer}");
        assert!(BODY_TIME.contains(&took.as_secs()), "{what}: {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_too_many_bodies_are_waited_for_the_oldest_gives_up_and_a_whole_one_is_read() {
    let world = World::start(Pair::Embedded).await;
    let public = world.gatepost.public();
    let request = head("/logout/backchannel", LENGTH);
    let mut oldest = open(public, request.as_bytes()).await;
    let mut others = Vec::new();
    for _ in 0..200 {
        others.push(open(public, request.as_bytes()).await);
    }
    // From here on, because a busy machine takes its time to open so many. Each answer comes without waiting for a deadline.
    let (answer, took) = to_the_end(&mut oldest).await;
    assert_eq!(status(&answer), "408", "{answer}");
    assert!(took < Duration::from_secs(4), "{took:?}");
    let whole = [request, "a".repeat(1000)].concat();
    let (answer, took) = to_the_end(&mut open(public, whole.as_bytes()).await).await;
    assert_eq!(status(&answer), "400", "it was read, and is no token: {answer}");
    assert!(took < Duration::from_secs(4), "{took:?}");
    drop(others);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_stalls_is_closed_after_ten_seconds_also_behind_another_request() {
    let world = World::start(Pair::Embedded).await;
    let public = world.gatepost.public();
    let whole = format!("GET /logged-out HTTP/1.1\r\nHost: {PUBLIC}\r\n\r\n");
    let mut waiting = JoinSet::new();
    for begin in ["", "G", "GET /login HTTP/1.1\r\nHost: a\r\n", &format!("{whole}GET /login HTTP")] {
        let begin = begin.to_owned();
        let mut stream = open(public, begin.as_bytes()).await;
        waiting.spawn(async move { (begin, to_the_end(&mut stream).await.1) });
    }
    while let Some(ended) = waiting.join_next().await {
        let (begin, took) = ended.unwrap();
        assert!(took < Duration::from_secs(18), "{begin:?}: {took:?}");
    }
}

/// The longest head that is read, without its end, on more connections than are served at once.
#[tokio::test(flavor = "multi_thread")]
async fn long_heads_without_an_end_fill_no_memory() {
    let world = World::start(Pair::Embedded).await;
    let (public, pid) = (world.gatepost.public(), world.gatepost.running().pid());
    assert!(raise_open_files() > 2_000);
    let begin = format!("GET / HTTP/1.1\r\nHost: {PUBLIC}\r\nX-Filler: {}", "a".repeat(120 * 1024));
    let mut stalling = JoinSet::new();
    let begin: Arc<[u8]> = begin.into_bytes().into();
    for _ in 0..1_000 {
        let begin = Arc::clone(&begin);
        stalling.spawn(async move {
            let mut stream = TcpStream::connect(public).await.unwrap();
            let _ = stream.write_all(&begin).await;
            let _ = to_the_end(&mut stream).await;
        });
    }
    let (mut most, before) = (0, memory(pid));
    while !stalling.is_empty() {
        most = most.max(memory(pid));
        while stalling.try_join_next().is_some() {}
        sleep(Duration::from_millis(20)).await;
    }
    println!("{} KiB before, {} KiB at most", before / 1024, most / 1024);
    assert!(most < before + 96 * 1024 * 1024, "{} KiB", most / 1024);
}
