//! A small HTTP/1.1 server for the kit's own programs, with or without TLS. It accepts any number of headers. All
//! connections end when it is dropped.

use std::net::SocketAddr;

use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

const MAX_HEADERS: usize = 1000;
const MAX_HEAD: usize = 1024 * 1024;

/// Accepts and answers connections until it is dropped.
pub(crate) async fn serve<A, F>(listener: TcpListener, tls: Option<TlsAcceptor>, answer: A)
where
    A: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, peer)) = accepted else { continue };
                connections.spawn(connection(stream, peer, tls.clone(), answer.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection<A, F>(stream: TcpStream, peer: SocketAddr, tls: Option<TlsAcceptor>, answer: A)
where
    A: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let _ = stream.set_nodelay(true);
    match tls {
        None => exchange(stream, peer, answer).await,
        Some(tls) => {
            // A client that does not trust the certificate closes the connection, which is not an error of the server.
            if let Ok(stream) = tls.accept(stream).await {
                exchange(stream, peer, answer).await;
            }
        }
    }
}

async fn exchange<S, A, F>(stream: S, peer: SocketAddr, answer: A)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Fn(Request<Incoming>, SocketAddr) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let service = service_fn(move |request| {
        let answered = answer(request, peer);
        async move { Ok::<_, std::convert::Infallible>(answered.await) }
    });
    // An error means that the client closed the connection or did not speak HTTP.
    let _ = hyper::server::conn::http1::Builder::new()
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
