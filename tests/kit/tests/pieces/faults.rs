//! The faulty proxy fails as asked, and only as asked.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use gatepost_kit::faulty::{FaultyProxy, Mode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const SHORT: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(5);

/// A proxy to a server that sends back what it reads.
async fn proxy() -> FaultyProxy {
    FaultyProxy::start(server().await).await
}

async fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    addr
}

async fn connect(proxy: &FaultyProxy) -> TcpStream {
    TcpStream::connect(proxy.addr()).await.expect("a connection")
}

async fn echo(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"ping").await?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await?;
    assert_eq!(&answer, b"ping");
    Ok(())
}

#[tokio::test]
async fn a_refusing_proxy_comes_back_on_its_port_and_spares_old_connections() {
    let proxy = proxy().await;
    let mut old = connect(&proxy).await;
    echo(&mut old).await.expect("an echo");
    proxy.set(Mode::Refuse).await;
    let refused = TcpStream::connect(proxy.addr()).await.expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    echo(&mut old).await.expect("an echo of an old connection");
    proxy.set(Mode::Pass).await;
    echo(&mut connect(&proxy).await).await.expect("an echo");
    assert_eq!(proxy.accepted(), 2);
}

#[tokio::test]
async fn a_resetting_proxy_resets_and_a_cut_reaches_old_connections() {
    let proxy = proxy().await;
    let mut old = connect(&proxy).await;
    echo(&mut old).await.expect("an echo");
    proxy.set(Mode::Reset).await;
    assert!(echo(&mut connect(&proxy).await).await.is_err());
    echo(&mut old).await.expect("an echo of an old connection");
    proxy.cut();
    let end = timeout(LONG, old.read(&mut [0; 1])).await.expect("the cut is felt");
    assert_eq!(end.map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn a_stalled_proxy_delivers_later() {
    let proxy = proxy().await;
    let mut stream = connect(&proxy).await;
    proxy.set(Mode::Stall).await;
    assert!(timeout(SHORT, echo(&mut stream)).await.is_err(), "bytes passed a stalled proxy");
    proxy.set(Mode::Pass).await;
    let mut answer = [0; 4];
    timeout(LONG, stream.read_exact(&mut answer)).await.expect("in time").expect("the held bytes");
    assert_eq!(&answer, b"ping");
}

#[tokio::test]
async fn a_half_open_connection_stays_dead_without_a_notice() {
    let proxy = proxy().await;
    let mut stream = connect(&proxy).await;
    proxy.set(Mode::HalfOpen).await;
    assert!(timeout(SHORT, echo(&mut stream)).await.is_err(), "bytes passed a half-open connection");
    proxy.set(Mode::Pass).await;
    assert!(timeout(SHORT, echo(&mut stream)).await.is_err(), "a half-open connection came back");
    echo(&mut connect(&proxy).await).await.expect("an echo of a new connection");
}

#[tokio::test]
async fn a_slow_proxy_is_late_in_each_direction() {
    let proxy = proxy().await;
    proxy.set(Mode::Slow(SHORT)).await;
    let begin = Instant::now();
    echo(&mut connect(&proxy).await).await.expect("an echo");
    assert!(begin.elapsed() >= SHORT * 2, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_proxy_led_elsewhere_keeps_old_connections_until_they_are_cut() {
    let proxy = proxy().await;
    let mut old = connect(&proxy).await;
    echo(&mut old).await.expect("an echo");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    proxy.lead_to(listener.local_addr().expect("an address"));
    let _new = connect(&proxy).await;
    timeout(LONG, listener.accept()).await.expect("in time").expect("the new connection is led elsewhere");
    echo(&mut old).await.expect("an echo of an old connection");
    proxy.cut();
    let end = timeout(LONG, old.read(&mut [0; 1])).await.expect("the cut is felt");
    assert_eq!(end.map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));
}
