//! TLS that asks for a client certificate, before a plain listener: what stands between Traefik and the internal
//! listener, with the files of `gatepost certs`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

/// A running one; ends with its guard.
#[derive(Debug)]
pub struct MutualTls {
    addr: SocketAddr,
    task: AbortHandle,
}

impl MutualTls {
    /// Stands before `target` with `server.crt` and `server.key` of `folder`, and lets in whom `ca.crt` knows.
    ///
    /// # Panics
    /// When a file is missing or does not fit.
    pub async fn before(target: SocketAddr, folder: &Path) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(settings(folder)));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // Whoever shows no good certificate is hung up on.
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    if let Ok(mut behind) = TcpStream::connect(target).await {
                        let _ = copy_bidirectional(&mut stream, &mut behind).await;
                    }
                });
            }
        });
        Self { addr, task: task.abort_handle() }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for MutualTls {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn settings(folder: &Path) -> ServerConfig {
    let certificate = |name: &str| {
        let path = folder.join(name);
        CertificateDer::from_pem_file(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let mut roots = RootCertStore::empty();
    roots.add(certificate("ca.crt")).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let verifier = verifier.build().expect("a verifier");
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).expect("the server's key");
    let mut settings = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring's protocol versions")
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate("server.crt")], key)
        .expect("certificate and key belong together");
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    settings
}
