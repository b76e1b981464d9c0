//! Floods of HTTP/2 frames against the internal listener over TLS, each by name, sent as raw frames (RFC 9113) by
//! somebody with Traefik's certificate. The process stays small, and another connection is answered meanwhile.

use crate::certs::{client, configured};
use crate::world::run_command;
use gatepost_kit::process::{Gatepost, find_ok, free_addr, until};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const TIMEOUT: Duration = Duration::from_secs(30);
/// What a flood may cost, in the unoptimised binary of the tests.
const MOST_MEMORY: u64 = 96 * 1024 * 1024;
/// A peer that does not read a byte for so long has said enough.
const STALLED: Duration = Duration::from_secs(2);
const CONNECTIONS: usize = 4;

pub const DATA_HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
/// RFC 9113 section 7.
const ENHANCE_YOUR_CALM: u32 = 11;

/// A replica whose internal listener speaks TLS.
struct Site {
    place: TempDir,
    internal: SocketAddr,
    gatepost: Gatepost,
}

impl Site {
    async fn start() -> Self {
        let place = TempDir::new().unwrap();
        run_command(&configured(place.path()), &["certs", "--dir", "certs"]).await;
        let (internal, health) = (free_addr(), free_addr());
        let builder = configured(place.path()).env("GATEPOST_HEALTH_ADDR", health.to_string());
        let gatepost = builder.internal(internal).spawn();
        until("health without a certificate", TIMEOUT, async || find_ok(health, "/livez").await).await;
        Self { place, internal, gatepost }
    }

    /// Bytes of memory that the process holds.
    fn memory(&self) -> u64 {
        crate::stalled::memory(self.gatepost.running().pid())
    }

    fn proxy(&self) -> reqwest::Client {
        let folder = self.place.path().join("certs");
        client(&folder, Some(&folder))
    }

    fn verify_url(&self) -> String {
        format!("https://127.0.0.1:{}/verify", self.internal.port())
    }

    async fn connect(&self) -> Connection {
        let read = |name: &str| std::fs::read(self.place.path().join("certs").join(name)).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&read("ca.crt")).unwrap()).unwrap();
        let certificate = CertificateDer::from_pem_slice(&read("client.crt")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(&read("client.key")).unwrap();
        gatepost_kit::client::install_crypto();
        let builder = rustls::ClientConfig::builder().with_root_certificates(roots);
        let mut config = builder.with_client_auth_cert(vec![certificate], key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TcpStream::connect(self.internal).await.unwrap();
        let name = ServerName::try_from("gatepost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        let (reader, writer) = split(stream);
        let mut connection = Connection { reader, writer };
        connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        connection
    }
}

struct Connection {
    reader: ReadHalf<TlsStream<TcpStream>>,
    writer: WriteHalf<TlsStream<TcpStream>>,
}

/// What became of a flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// All of it was sent.
    Sent,
    /// The server reads no more.
    Stalled,
    /// The server closed the connection, with this error if it said one.
    Closed(Option<u32>),
}

impl Connection {
    /// Whether the server takes it.
    async fn send(&mut self, bytes: &[u8]) -> bool {
        matches!(timeout(STALLED, self.writer.write_all(bytes)).await, Ok(Ok(())))
    }

    /// Sends these bursts and reads nothing.
    async fn flood_blindly(&mut self, bursts: impl Iterator<Item = Vec<u8>>) -> End {
        for burst in bursts {
            match timeout(STALLED, self.writer.write_all(&burst)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return End::Closed(None),
                Err(_) => return End::Stalled,
            }
        }
        let _ = timeout(STALLED, self.writer.flush()).await;
        End::Sent
    }

    /// Sends these bursts while reading what comes.
    async fn flood(self, bursts: impl Iterator<Item = Vec<u8>>) -> End {
        let Self { reader, mut writer } = self;
        let reading = tokio::spawn(read_to_the_end(reader));
        let mut end = End::Sent;
        for burst in bursts {
            match timeout(TIMEOUT, writer.write_all(&burst)).await {
                Ok(Ok(())) if !reading.is_finished() => {}
                Ok(_) => end = End::Closed(None),
                Err(_) => end = End::Stalled,
            }
            if end != End::Sent {
                break;
            }
        }
        let _ = timeout(TIMEOUT, writer.flush()).await;
        match timeout(TIMEOUT, reading).await {
            Ok(Ok(goaway)) => End::Closed(goaway),
            _ => end,
        }
    }
}

/// Reads frames until the connection ends; the error of the last GOAWAY.
async fn read_to_the_end(mut reader: ReadHalf<TlsStream<TcpStream>>) -> Option<u32> {
    let mut goaway = None;
    let mut head = [0; 9];
    while reader.read_exact(&mut head).await.is_ok() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        if reader.read_exact(&mut payload).await.is_err() {
            break;
        }
        if head[3] == GOAWAY {
            goaway = payload[4..8].try_into().ok().map(u32::from_be_bytes);
        }
    }
    goaway
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A string of RFC 7541 section 5.2, not compressed.
pub fn string(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    if text.len() < 127 {
        bytes.push(u8::try_from(text.len()).unwrap());
    } else {
        bytes.push(127);
        let mut rest = text.len() - 127;
        while rest >= 128 {
            bytes.push(u8::try_from(rest % 128).unwrap() | 128);
            rest /= 128;
        }
        bytes.push(u8::try_from(rest).unwrap());
    }
    [bytes, text.to_vec()].concat()
}

/// A field that nobody need remember (section 6.2.2).
pub fn field(name: &[u8], value: &[u8]) -> Vec<u8> {
    [vec![0], string(name), string(value)].concat()
}

/// `GET https://gatepost/verify`.
fn head() -> Vec<u8> {
    [vec![0x82, 0x87, 0x04], string(b"/verify"), vec![0x01], string(b"gatepost")].concat()
}

/// A whole request in as many frames as it needs.
fn request(stream: u32, block: &[u8]) -> Vec<u8> {
    let mut pieces = block.chunks(16_384);
    let first = pieces.next().unwrap();
    let rest: Vec<&[u8]> = pieces.collect();
    let ends = |is_last: bool| if is_last { END_HEADERS } else { 0 };
    let mut bytes = frame(DATA_HEADERS, END_STREAM | ends(rest.is_empty()), stream, first);
    for (number, piece) in rest.iter().enumerate() {
        bytes.extend(frame(CONTINUATION, ends(number + 1 == rest.len()), stream, piece));
    }
    bytes
}

fn streams() -> impl Iterator<Item = u32> {
    (0..).map(|number| 2 * number + 1)
}

/// Lets several attack at once, and holds them to what they may cost; what became of each.
async fn withstands(attack: impl AsyncFn(Connection) -> (End, Option<Connection>)) -> Vec<End> {
    let site = Site::start().await;
    let proxy = site.proxy();
    for _ in 0..50 {
        proxy.get(site.verify_url()).send().await.unwrap();
    }
    let (before, is_over) = (site.memory(), AtomicBool::new(false));
    let attackers = async {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(site.connect().await);
        }
        let ends =
            futures_util::future::join_all(connections.into_iter().map(|connection| attack(connection)))
                .await;
        // Those who are connected still hold what they hold for a moment.
        let (ends, held): (Vec<End>, Vec<_>) = ends.into_iter().unzip();
        tokio::time::sleep(Duration::from_secs(1)).await;
        is_over.store(true, Ordering::Relaxed);
        drop(held);
        ends
    };
    let others = async {
        let (mut answered, mut slowest, mut most) = (0, Duration::ZERO, 0);
        while !is_over.load(Ordering::Relaxed) {
            let asked = Instant::now();
            let answer =
                timeout(TIMEOUT, proxy.get(site.verify_url()).send()).await.expect("an answer").unwrap();
            assert_eq!(answer.status().as_u16(), 400, "as without a flood");
            answered += 1;
            slowest = slowest.max(asked.elapsed());
            most = most.max(site.memory());
        }
        (answered, slowest, most)
    };
    let (ends, (answered, slowest, most)) = tokio::join!(attackers, others);
    let grown = most.saturating_sub(before);
    println!("{ends:?}: {answered} others answered, the slowest in {slowest:?}; {} KiB more", grown / 1024);
    assert!(answered >= 10, "{answered} others were answered");
    assert!(slowest < Duration::from_secs(10), "{slowest:?}");
    assert!(grown < MOST_MEMORY, "{grown} bytes more");
    ends
}

/// CVE-2023-44487.
#[tokio::test(flavor = "multi_thread")]
async fn rapid_reset_is_cut_off() {
    let block = head();
    let ends = withstands(async |connection| {
        let pairs = streams().take(200_000).map(|stream| {
            [request(stream, &block), frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat()
        });
        let bursts = std::iter::once(frame(SETTINGS, 0, 0, &[])).chain(in_bursts(pairs, 100));
        (connection.flood(bursts).await, None)
    })
    .await;
    assert_eq!(ends, [End::Closed(Some(ENHANCE_YOUR_CALM)); CONNECTIONS]);
}

/// CVE-2024-27316 and its like in h2: a head that never ends, in large pieces and in pieces of nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_continuation_flood_is_cut_off() {
    for piece in [field(b"x-filler", &vec![b'x'; 16_000]), Vec::new()] {
        let ends = withstands(async |connection| {
            let begin = [frame(SETTINGS, 0, 0, &[]), frame(DATA_HEADERS, END_STREAM, 1, &head())].concat();
            let pieces = (0..1_000_000).map(|_| frame(CONTINUATION, 0, 1, &piece));
            (connection.flood(std::iter::once(begin).chain(in_bursts(pieces, 10))).await, None)
        })
        .await;
        assert!(ends.iter().all(|end| matches!(end, End::Closed(_))), "{ends:?}");
    }
}

/// CVE-2019-9515 and CVE-2019-9512: each asks for an answer that nobody reads.
#[tokio::test(flavor = "multi_thread")]
async fn settings_and_pings_without_end_fill_nothing() {
    for one in [frame(SETTINGS, 0, 0, &[]), frame(PING, 0, 0, &[7; 8])] {
        let ends = withstands(async |mut connection| {
            connection.send(&frame(SETTINGS, 0, 0, &[])).await;
            let end = connection.flood_blindly(in_bursts((0..2_000_000).map(|_| one.clone()), 1_000)).await;
            (end, Some(connection))
        })
        .await;
        assert!(ends.iter().all(|end| *end != End::Sent), "nobody took all of it: {ends:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_streams_with_large_heads_fill_nothing() {
    let filler = field(b"x-filler", &vec![b'x'; 60_000]);
    withstands(async |mut connection| {
        connection.send(&frame(SETTINGS, 0, 0, &[])).await;
        let block = [head(), filler.clone()].concat();
        let end = connection.flood_blindly(streams().take(2_000).map(|stream| request(stream, &block))).await;
        (end, Some(connection))
    })
    .await;
}

/// CVE-2019-9517: answers are asked for and never taken.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_takes_fill_nothing() {
    let block = head();
    withstands(async |mut connection| {
        // SETTINGS_INITIAL_WINDOW_SIZE is 0.
        connection.send(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])).await;
        let requests = streams().take(20_000).map(|stream| request(stream, &block));
        let end = connection.flood_blindly(in_bursts(requests, 100)).await;
        (end, Some(connection))
    })
    .await;
}

fn in_bursts(frames: impl Iterator<Item = Vec<u8>>, size: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut frames = frames.peekable();
    std::iter::from_fn(move || {
        frames.peek()?;
        Some(frames.by_ref().take(size).flatten().collect())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_2_too_a_large_head_is_read_and_a_larger_one_is_431() {
    let site = Site::start().await;
    let with = async |headers: usize, bytes: usize| {
        let request = (0..headers).fold(site.proxy().get(site.verify_url()), |request, number| {
            request.header(format!("x-filler-{number}"), "x".repeat(bytes / headers))
        });
        let answer = request.send().await.unwrap();
        assert_eq!(answer.version(), reqwest::Version::HTTP_2);
        answer.status().as_u16()
    };
    for (headers, bytes) in [(1, 63 * 1024), (90, 63 * 1024)] {
        assert_eq!(
            with(headers, bytes).await,
            400,
            "{headers} headers of {bytes} bytes are read, and lack X-Forwarded-*"
        );
    }
    assert_eq!(with(4, 140 * 1024).await, 431);
}
