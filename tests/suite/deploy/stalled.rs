//! Bodies that stall, through the shipped Traefik: what Gatepost holds of them, and that another address signs in.

use super::stage::{CHAT, PUBLIC, Stage};
use crate::floods::{DATA_HEADERS, END_HEADERS, SETTINGS, field, frame, string};
use crate::stalled::memory;
use gatepost_kit::process::until;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

const TIMEOUT: Duration = Duration::from_mins(1);
const CONNECTIONS: usize = 6;
const STREAMS: u32 = 240;
const STALLED: usize = CONNECTIONS * STREAMS as usize;
/// Of Gatepost's own memory; at rest it holds 12 MiB of it.
const MOST_MEMORY: u64 = 40 * 1024 * 1024;

/// The head of a request with a body, and a part of that body.
fn stalled(stream: u32) -> Vec<u8> {
    let block = [
        vec![0x83, 0x87, 0x04],
        string(b"/logout/backchannel"),
        vec![0x01],
        string(b"auth.example.com"),
        field(b"content-type", b"application/x-www-form-urlencoded"),
        field(b"content-length", b"16000"),
    ];
    [frame(DATA_HEADERS, END_HEADERS, stream, &block.concat()), frame(0, 0, stream, &[b'a'; 4_000])].concat()
}

/// One connection of the attacker, from an address of its own; `answered` counts the heads of answers.
async fn attack(stage: &Stage, answered: Arc<AtomicUsize>) -> impl Future<Output = ()> + use<> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 2], 0).into()).unwrap();
    let stream = socket.connect(stage.traefik.secure).await.unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(stage.authority.ca_pem().as_bytes()).unwrap()).unwrap();
    let mut config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let name = ServerName::try_from("auth.example.com").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    async move {
        let (mut reader, mut writer) = split(stream);
        writer.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        writer.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
        for number in 0..STREAMS {
            writer.write_all(&stalled(2 * number + 1)).await.unwrap();
        }
        writer.flush().await.unwrap();
        let (mut head, mut own) = ([0; 9], 0);
        while own < STREAMS && reader.read_exact(&mut head).await.is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            reader.read_exact(&mut payload).await.unwrap();
            if head[3] == DATA_HEADERS {
                own += 1;
                answered.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_streams_with_stalled_bodies_fill_nothing_and_keep_no_other_address_out() {
    let stage = Stage::start().await;
    let pid = stage.gatepost.running().pid();
    let answered = Arc::new(AtomicUsize::new(0));
    let mut attacks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        attacks.spawn(attack(&stage, Arc::clone(&answered)).await);
    }
    let most = AtomicU64::new(0);
    let watching = until("every stream to be answered", TIMEOUT, async || {
        most.fetch_max(memory(pid), Ordering::Relaxed);
        (answered.load(Ordering::Relaxed) == STALLED).then_some(())
    });
    let signing_in = async {
        for _ in 0..3 {
            stage.signed_in("alice", &format!("{CHAT}/")).await;
            let account = stage.signed_in("alice", &format!("{PUBLIC}/")).await;
            assert_eq!(account.get(&format!("{PUBLIC}/")).await.status, 200);
        }
    };
    tokio::join!(watching, signing_in);
    timeout(TIMEOUT, attacks.join_all()).await.expect("the attack is over");
    let most = most.load(Ordering::Relaxed);
    println!("{STALLED} streams; {} KiB at most", most / 1024);
    assert!(most < MOST_MEMORY, "{} KiB", most / 1024);
    let log = until("the access log", TIMEOUT, async || {
        let log = stage.traefik.log();
        let lines = log.lines().filter(|line| line.contains("/logout/backchannel"));
        (lines.count() >= STALLED).then_some(log)
    })
    .await;
    let count = |status: u16| log.matches(&format!("\"DownstreamStatus\":{status}")).count();
    assert!(count(408) >= 64, "{} were waited for", count(408));
    assert!(count(429) > 0, "{} were more than one address may have in flight", count(429));
    assert_eq!(count(408) + count(429), STALLED, "{log}");
}
