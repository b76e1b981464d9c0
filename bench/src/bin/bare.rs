//! Servers that do nothing else than answer, for comparison.
//!
//! - `bare gate ADDRESS ANSWERS`: actix-web with one worker. Answers `/verify` with the headers that the file has for
//!   the request's last cookie.
//! - `bare gate-tls ADDRESS ANSWERS FOLDER`: the same with hyper over TLS with HTTP/2, configured like Gatepost.
//! - `bare tools ADDRESS`: a tool server that answers everything with its list.
//! - `bare backend ADDRESS`: an application that answers with the `X-User-Email` that it received.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use gatepost_bench::site;
use gatepost_certs::InternalTls;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The keep-alive timeout, the same as Gatepost's.
const KEEP_ALIVE: Duration = Duration::from_mins(2);
const EMAIL: HeaderName = HeaderName::from_static("x-user-email");

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["gate", address, answers] => gate(address, Path::new(answers)),
        ["gate-tls", address, answers, folder] => {
            on_one_thread(gate_tls(address, Path::new(answers), Path::new(folder)))
        }
        ["backend", address] => on_one_thread(backend(address)),
        ["tools", address] => on_one_thread(tools(address)),
        _ => Err(io::Error::other("expected: gate, gate-tls, backend or tools")),
    }
}

fn on_one_thread(server: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(server)
}

/// The headers of the answers, by the request's last cookie (`name=value`).
type Answers<H> = HashMap<Box<[u8]>, H>;

fn read<N, V, H>(file: &Path) -> io::Result<Answers<H>>
where
    N: FromStr<Err: Debug>,
    V: FromStr<Err: Debug>,
    H: FromIterator<(N, V)>,
{
    let header = |(name, value): (String, String)| {
        (name.parse().expect("a header's name"), value.parse().expect("a header's value"))
    };
    let answers = site::Answers::read(file)?.into_iter();
    Ok(answers
        .map(|(cookie, lines)| (cookie.into_bytes().into(), lines.into_iter().map(header).collect()))
        .collect())
}

/// The last cookie of a request. With HTTP/2, each cookie may have its own header line (RFC 9113 section 8.2.3).
fn last_cookie(line: &[u8]) -> &[u8] {
    line.rsplit(|byte| *byte == b' ').next().unwrap_or_default()
}

fn gate(address: &str, answers: &Path) -> io::Result<()> {
    use actix_web::http::StatusCode;
    use actix_web::http::header::{COOKIE, HeaderName, HeaderValue};

    type Headers = Vec<(HeaderName, HeaderValue)>;

    async fn verify(request: HttpRequest, answers: web::Data<Answers<Headers>>) -> HttpResponse {
        let line = request.headers().get(COOKIE).map(HeaderValue::as_bytes);
        let Some(headers) = line.and_then(|line| answers.get(last_cookie(line))) else {
            return HttpResponse::new(StatusCode::UNAUTHORIZED);
        };
        let mut answer = HttpResponse::new(StatusCode::OK);
        for (name, value) in headers {
            answer.headers_mut().insert(name.clone(), value.clone());
        }
        answer
    }

    let answers: web::Data<Answers<Headers>> = web::Data::new(read(answers)?);
    actix_web::rt::System::new().block_on(async move {
        let app = move || App::new().app_data(answers.clone()).route("/verify", web::get().to(verify));
        HttpServer::new(app).workers(1).keep_alive(KEEP_ALIVE).bind(address)?.run().await
    })
}

async fn gate_tls(address: &str, answers: &Path, folder: &Path) -> io::Result<()> {
    let tls = InternalTls::load(folder).map_err(io::Error::other)?;
    let answers: Arc<Answers<HeaderMap>> = Arc::new(read::<HeaderName, HeaderValue, _>(answers)?);
    accept(address, move |stream| {
        let (acceptor, answers) = (TlsAcceptor::from(tls.server_config()), Arc::clone(&answers));
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(move |request: Request<Incoming>| {
                let mut answer = Response::new(Text(None));
                let line = request.headers().get_all(COOKIE).iter().next_back().map(HeaderValue::as_bytes);
                match line.and_then(|line| answers.get(last_cookie(line))) {
                    Some(headers) => answer.headers_mut().clone_from(headers),
                    None => *answer.status_mut() = StatusCode::UNAUTHORIZED,
                }
                async move { Ok::<_, Infallible>(answer) }
            });
            let mut builder = http2::Builder::new(TokioExecutor::new());
            let builder = builder.timer(TokioTimer::new()).max_concurrent_streams(1000);
            // An error only means that the client closed the connection.
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

async fn tools(address: &str) -> io::Result<()> {
    let list = Bytes::from(site::tool_list());
    accept(address, move |stream| {
        let list = list.clone();
        async move {
            let service = service_fn(move |_: Request<Incoming>| {
                let mut answer = Response::new(Text(Some(list.clone())));
                answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                async move { Ok::<_, Infallible>(answer) }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        }
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

/// A body of one chunk, or an empty one.
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
