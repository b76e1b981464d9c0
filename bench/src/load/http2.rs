//! Sends many concurrent HTTP/2 requests over one TLS connection with a client certificate, as Traefik does.

use super::tally::{Tally, Window};
use super::{Load, Visitors};
use crate::stats::Latencies;
use h2::client::SendRequest;
use hyper::header::HeaderValue;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio_rustls::TlsConnector;

/// The certificate of a client, and the authority that it trusts.
#[derive(Clone, Debug)]
pub struct Client(Arc<ClientConfig>);

impl Client {
    /// Reads the files of `gatepost certs`: `ca.crt`, `client.crt`, `client.key`.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let certificate =
            |name: &str| CertificateDer::from_pem_file(folder.join(name)).map_err(io::Error::other);
        let key = PrivateKeyDer::from_pem_file(folder.join("client.key")).map_err(io::Error::other)?;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate("ca.crt")?).map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(io::Error::other)?.with_root_certificates(roots);
        let config = builder.with_client_auth_cert(vec![certificate("client.crt")?], key);
        let mut config = config.map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

struct Shared<'a> {
    load: &'a Load<'a>,
    window: Window,
    tally: Tally,
    visitors: Visitors,
}

/// Runs the load on this thread.
pub(super) fn run(load: &Load<'_>, client: &Client) -> io::Result<Tally> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sender = runtime.block_on(async { connect(load, client).await });
    let (sender, driver) = sender?;
    let driver = runtime.spawn(driver);
    let tally = Tally { latencies: Latencies::with_room(), ..Tally::default() };
    let shared = Shared { load, window: Window::of(load), tally, visitors: Visitors::of(load) };
    let shared = Rc::new(RefCell::new(shared));
    let streams = (0..load.connections).map(|_| keep_asking(sender.clone(), Rc::clone(&shared)));
    let ends = LocalSet::new().block_on(&runtime, futures_util::future::join_all(streams));
    driver.abort();
    ends.into_iter().collect::<io::Result<()>>()?;
    let shared = Rc::into_inner(shared).ok_or_else(|| io::Error::other("a stream is still open"))?;
    Ok(shared.into_inner().tally)
}

type Sender = SendRequest<hyper::body::Bytes>;

async fn connect(load: &Load<'_>, client: &Client) -> io::Result<(Sender, impl Future<Output = ()> + use<>)> {
    let stream = TcpStream::connect(load.addr).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::from(load.addr.ip());
    let stream = TlsConnector::from(Arc::clone(&client.0)).connect(name, stream).await?;
    let (sender, connection) = h2::client::handshake(stream).await.map_err(io::Error::other)?;
    // An error of the connection is reported by its streams.
    Ok((sender, async move { drop(connection.await) }))
}

/// Sends one request after the other until the measurement ends.
async fn keep_asking(sender: Sender, shared: Rc<RefCell<Shared<'_>>>) -> io::Result<()> {
    loop {
        let (pick, request, body) = {
            let mut shared = shared.borrow_mut();
            let Shared { load, window, tally, visitors } = &mut *shared;
            if !window.goes_on(Instant::now(), visitors.are_done(), load, tally)? {
                return Ok(());
            }
            let pick = visitors.next();
            (pick, load.requests.http2(pick.visitor), load.requests.body())
        };
        let begun = Instant::now();
        let mut sender = sender.clone().ready().await.map_err(io::Error::other)?;
        let (answer, mut upload) = sender.send_request(request, body.is_empty()).map_err(io::Error::other)?;
        if !body.is_empty() {
            upload.send_data(body, true).map_err(io::Error::other)?;
        }
        let (head, mut body) = answer.await.map_err(io::Error::other)?.into_parts();
        while let Some(piece) = body.data().await {
            let length = piece.map_err(io::Error::other)?.len();
            body.flow_control().release_capacity(length).map_err(io::Error::other)?;
        }
        let mut shared = shared.borrow_mut();
        let email = head.headers.get("x-user-email").map(HeaderValue::as_bytes);
        let is_right = shared.load.requests.fits(pick.visitor, head.status.as_u16(), email);
        let is_failure = shared.visitors.done(pick, is_right);
        if is_right && shared.window.is_open() {
            shared.tally.latencies.note(begun.elapsed());
        } else if !is_right && is_failure {
            shared.tally.note_wrong(&format!("HTTP/2 {}", head.status));
            if shared.tally.is_hopeless() {
                return Err(io::Error::other(shared.tally.first_wrong.clone().unwrap_or_default()));
            }
        }
    }
}
