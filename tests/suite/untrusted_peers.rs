//! Peers of the internal listener that are no trusted proxies.

use crate::world::{Pair, Plan};
use gatepost_kit::process::until;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::time::timeout;

const TIMEOUT: Duration = Duration::from_mins(1);

/// Probes and Prometheus are no trusted proxies, and need a few connections; whoever else is on the network gets no more.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_no_trusted_proxy_has_few_connections_to_the_internal_listener() {
    let world = Plan::default().env("GATEPOST_TRUSTED_PROXIES", "127.0.0.9").start(Pair::Embedded).await;
    let internal = world.gatepost.internal();
    let ask = async |from: [u8; 4]| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let mut stream = socket.connect(internal).await.unwrap();
        let _ = stream.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let mut answer = [0; 12];
        let answered = timeout(TIMEOUT, stream.read_exact(&mut answer)).await.expect("an answer or an end");
        answered.is_ok_and(|_| answer.ends_with(b"200")).then_some(stream)
    };
    let (stranger, another, proxy) = ([127, 0, 0, 7], [127, 0, 0, 8], [127, 0, 0, 9]);
    let mut held = Vec::new();
    for _ in 0..100 {
        held.extend(ask(stranger).await);
    }
    assert_eq!(held.len(), 16);
    assert!(ask(another).await.is_some(), "a probe from elsewhere is served");
    let mut of_proxy = Vec::new();
    for _ in 0..100 {
        of_proxy.extend(ask(proxy).await);
    }
    assert_eq!(of_proxy.len(), 100, "the proxy has as many as it wants");
    held.pop();
    until("a place to be free", TIMEOUT, async || ask(stranger).await).await;
}
