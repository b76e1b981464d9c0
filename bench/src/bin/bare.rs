//! Servers that do nothing, to be compared with.
//!
//! - `bare gate ADDRESS 'name: value'...`: actix-web with one worker; answers `/verify` with these headers.
//! - `bare gate-tls ADDRESS FOLDER 'name: value'...`: the same by hyper over TLS with HTTP/2, set up as Gatepost's.
//! - `bare backend ADDRESS`: an application; answers with the `X-User-Email` that it was sent.

use actix_web::{App, HttpResponse, HttpServer, web};
use gatepost::certs::InternalTls;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{HeaderMap, HeaderName};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// As Gatepost keeps them.
const KEEP_ALIVE: Duration = Duration::from_mins(2);
const EMAIL: HeaderName = HeaderName::from_static("x-user-email");

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["gate", address, lines @ ..] => gate(address, lines),
        ["gate-tls", address, folder, lines @ ..] => {
            on_one_thread(gate_tls(address, Path::new(folder), lines))
        }
        ["backend", address] => on_one_thread(backend(address)),
        _ => Err(io::Error::other("expected: gate, gate-tls or backend")),
    }
}

fn on_one_thread(server: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(server)
}

fn gate(address: &str, lines: &[&str]) -> io::Result<()> {
    type Headers = Vec<(actix_web::http::header::HeaderName, actix_web::http::header::HeaderValue)>;

    async fn verify(headers: web::Data<Headers>) -> HttpResponse {
        let mut answer = HttpResponse::new(actix_web::http::StatusCode::OK);
        for (name, value) in headers.iter() {
            answer.headers_mut().insert(name.clone(), value.clone());
        }
        answer
    }

    let parse = |(name, value): (&str, &str)| {
        (name.parse().expect("a header's name"), value.parse().expect("a header's value"))
    };
    let headers: web::Data<Headers> = web::Data::new(lines.iter().map(|line| parse(split(line))).collect());
    actix_web::rt::System::new().block_on(async move {
        let app = move || App::new().app_data(headers.clone()).route("/verify", web::get().to(verify));
        HttpServer::new(app).workers(1).keep_alive(KEEP_ALIVE).bind(address)?.run().await
    })
}

async fn gate_tls(address: &str, folder: &Path, lines: &[&str]) -> io::Result<()> {
    let tls = InternalTls::load(folder).map_err(io::Error::other)?;
    let parse = |(name, value): (&str, &str)| {
        (name.parse::<HeaderName>().expect("a header's name"), value.parse().expect("a header's value"))
    };
    let headers: Arc<HeaderMap> = Arc::new(lines.iter().map(|line| parse(split(line))).collect());
    accept(address, move |stream| {
        let (acceptor, headers) = (TlsAcceptor::from(tls.server_config()), Arc::clone(&headers));
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(move |_: Request<Incoming>| {
                let mut answer = Response::new(Text(None));
                answer.headers_mut().clone_from(&headers);
                async move { Ok::<_, Infallible>(answer) }
            });
            let mut builder = http2::Builder::new(TokioExecutor::new());
            let builder = builder.timer(TokioTimer::new()).max_concurrent_streams(1000);
            // A client that goes away is nothing to tell.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        }
    })
    .await
}

async fn backend(address: &str) -> io::Result<()> {
    accept(address, |stream| async move {
        let service = service_fn(|request: Request<Incoming>| async move {
            let mut answer = Response::new(Text(Some(Bytes::from_static(b"a page\n"))));
            if let Some(email) = request.headers().get(EMAIL) {
                answer.headers_mut().insert(EMAIL, email.clone());
            }
            Ok::<_, Infallible>(answer)
        });
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    })
    .await
}

async fn accept<F>(address: &str, serve: impl Fn(TcpStream) -> F) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(address.parse::<SocketAddr>().map_err(io::Error::other)?).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve(stream));
    }
}

fn split(line: &str) -> (&str, &str) {
    line.split_once(": ").expect("a header line: name, colon, space, value")
}

/// A body in one piece, or none.
struct Text(Option<Bytes>);

impl Body for Text {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(Frame::data).map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, Bytes::len) as u64)
    }
}
