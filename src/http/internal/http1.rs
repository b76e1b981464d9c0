//! HTTP/1.1 as the proxy speaks it (RFC 9112): small requests, one after another, on connections that stay open.
//!
//! Below the framework on purpose: hyper copies and indexes some 25 headers, of which `/verify` reads eight, and that costs
//! more than all that Gatepost does. Heads are read by httparse, the parser beneath hyper. Guarantees: a framing that two
//! readers could take differently ends the connection, and nothing of a body is ever taken for the next request.

use super::connection::Shared;
use super::pace::{Pace, Phase};
use super::{Asked, answer_at_once, handle};
use crate::domain::clock::Timestamp;
use crate::http::respond::{self, Answer};
use crate::verify::headers::{Headers, Line, text};
use hyper::StatusCode;
use std::borrow::Cow;
use std::io;
use std::mem::MaybeUninit;
use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink};
use tokio::time::timeout;

/// Bytes of a head; more is 431.
const MAX_HEAD: usize = 128 * 1024;
/// Header lines; more are 431.
const MAX_LINES: usize = 100;
/// A body is for nobody; after the answer to a longer one, or to one of unknown length, the connection ends.
const MAX_BODY: u64 = 64 * 1024;
/// A usual head fits; what a larger one took is given back.
const ROOM: usize = 8 * 1024;
/// A connection that ends while its peer still sends is read on for so long, and no more than [`MAX_BODY`]: else a reset
/// could overtake the answer.
const LINGER: Duration = Duration::from_secs(2);

/// One connection.
pub(super) struct Conversation<'a, S> {
    shared: &'a Shared,
    pace: &'a Pace,
    peer: IpAddr,
    stream: S,
    input: Vec<u8>,
    output: Vec<u8>,
    date: Date,
}

/// What has been read makes this.
enum Heard {
    /// Not yet a head.
    Part,
    /// A head up to this byte, and its answer is written.
    Answered(usize, Then),
    /// A head whose answer takes longer.
    Whole,
    /// No head.
    Nonsense(StatusCode),
}

/// What follows a request's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The next request, behind so many bytes of a body.
    Next(u64),
    /// The end of the connection.
    Close,
    /// The same, though more may come that nobody reads.
    Linger,
}

impl Then {
    /// The process stops: this answer is the connection's last.
    fn last_if(self, is_last: bool) -> Self {
        match self {
            Self::Next(0) if is_last => Self::Close,
            Self::Next(_) if is_last => Self::Linger,
            then => then,
        }
    }
}

struct Head<'a> {
    asked: Asked<'a>,
    /// The answer's body is for nobody (`HEAD`).
    is_bodiless: bool,
    then: Then,
    end: usize,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin + Send> Conversation<'a, S> {
    pub(super) fn new(shared: &'a Shared, pace: &'a Pace, peer: IpAddr, stream: S) -> Self {
        let (input, output) = (Vec::new(), Vec::new());
        Self { shared, pace, peer, stream, input, output, date: Date::default() }
    }

    /// Serves until the peer is gone, or what it says ends the connection.
    pub(super) async fn run(mut self) -> io::Result<()> {
        loop {
            let (end, then) = match self.hear() {
                Heard::Part => match self.read().await? {
                    0 => return Ok(()),
                    _ => continue,
                },
                Heard::Answered(end, then) => (end, then),
                Heard::Whole => {
                    self.pace.enter(Phase::Busy);
                    self.answer().await
                }
                Heard::Nonsense(status) => self.refuse(status),
            };
            self.pace.enter(Phase::Answer);
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await?;
            empty(&mut self.output);
            match then {
                Then::Next(body) => self.pass_over(end, body).await?,
                Then::Close => return self.stream.shutdown().await,
                Then::Linger => return self.linger().await,
            }
        }
    }

    /// Reads more; after a part of a head so much that it can be one.
    async fn read(&mut self) -> io::Result<usize> {
        loop {
            let before = self.input.len();
            if self.input.capacity() - before < ROOM / 2 {
                self.input.reserve(ROOM);
            }
            let read = self.stream.read_buf(&mut self.input).await?;
            if before == 0 {
                self.pace.hear();
                // Empty lines before a request mean nothing (RFC 9112 section 2.2), and would look like its end.
                let lines = self.input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
                self.input.drain(..lines);
                if lines > 0 && self.input.is_empty() {
                    continue;
                }
            }
            // Else a head that comes byte by byte would be parsed as often.
            let new = &self.input[before.saturating_sub(3)..];
            if read == 0 || before == 0 || self.input.len() > MAX_HEAD || holds_end(new) {
                return Ok(read);
            }
        }
    }

    fn hear(&mut self) -> Heard {
        let Self { shared, peer, pace, input, output, date, .. } = self;
        let mut lines = [const { MaybeUninit::uninit() }; MAX_LINES];
        match parse(input, &mut lines) {
            Ok(None) => Heard::Part,
            Err(status) => Heard::Nonsense(status),
            Ok(Some(Head { asked, is_bodiless, then, end })) => match answer_at_once(shared, *peer, &asked) {
                None => Heard::Whole,
                Some(answer) => {
                    let then = then.last_if(pace.is_closing());
                    write(output, &answer, is_bodiless, then, date);
                    Heard::Answered(end, then)
                }
            },
        }
    }

    /// Reads the head anew: what [`Self::hear`] read lay on its stack, and few answers take so long.
    async fn answer(&mut self) -> (usize, Then) {
        let Self { shared, peer, pace, input, output, date, .. } = self;
        let mut lines = Box::new([const { MaybeUninit::uninit() }; MAX_LINES]);
        // It was a head a moment ago.
        let Ok(Some(Head { asked, is_bodiless, then, end })) = parse(input, &mut *lines) else {
            return self.refuse(StatusCode::BAD_REQUEST);
        };
        let answer = handle(shared, *peer, &asked).await;
        let then = then.last_if(pace.is_closing());
        write(output, &answer, is_bodiless, then, date);
        (end, then)
    }

    fn refuse(&mut self, status: StatusCode) -> (usize, Then) {
        tracing::debug!(peer = %self.peer, status = status.as_u16(), "the proxy sent what is no request");
        write(&mut self.output, &respond::empty(status), false, Then::Linger, &mut self.date);
        (self.input.len(), Then::Linger)
    }

    /// The next request begins behind this one and its body.
    async fn pass_over(&mut self, head: usize, body: u64) -> io::Result<()> {
        let here = usize::try_from(body).unwrap_or(usize::MAX).min(self.input.len() - head);
        self.input.drain(..head + here);
        let rest = body - here as u64;
        if rest > 0 {
            copy(&mut (&mut self.stream).take(rest), &mut sink()).await?;
        }
        if self.input.is_empty() {
            empty(&mut self.input);
            self.pace.enter(Phase::Idle);
        } else {
            self.pace.enter(Phase::Head);
        }
        Ok(())
    }

    async fn linger(mut self) -> io::Result<()> {
        self.stream.shutdown().await?;
        let mut rest = self.stream.take(MAX_BODY);
        // Whatever it is, nobody reads it.
        let _ = timeout(LINGER, copy(&mut rest, &mut sink())).await;
        Ok(())
    }
}

/// What something large took is given back.
fn empty(buffer: &mut Vec<u8>) {
    if buffer.capacity() > 2 * ROOM { *buffer = Vec::new() } else { buffer.clear() }
}

/// An empty line ends a head.
fn holds_end(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|two| two == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

/// `None`: the rest has not come yet.
fn parse<'a>(
    input: &'a [u8],
    lines: &'a mut [MaybeUninit<Line<'a>>],
) -> Result<Option<Head<'a>>, StatusCode> {
    let mut request = httparse::Request::new(&mut []);
    let end = match request.parse_with_uninit_headers(input, lines) {
        Ok(httparse::Status::Complete(end)) if end <= MAX_HEAD => end,
        Ok(httparse::Status::Partial) if input.len() <= MAX_HEAD => return Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => {
            return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        Err(_) => return Err(StatusCode::BAD_REQUEST),
    };
    let headers = Headers::new(request.headers);
    let method = request.method.unwrap_or_default();
    if method == "CONNECT" {
        return Err(StatusCode::BAD_REQUEST);
    }
    let target = origin_form(request.path.unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let then = framing(request.version == Some(1), headers)?;
    Ok(Some(Head { asked: Asked { path, query, headers }, is_bodiless: method == "HEAD", then, end }))
}

/// RFC 9112 section 3.2.2: a target with scheme and host means its path.
fn origin_form(target: &str) -> &str {
    let rest = target.strip_prefix("http://").or_else(|| target.strip_prefix("https://"));
    rest.map_or(target, |rest| rest.find('/').map_or("/", |at| &rest[at..]))
}

/// RFC 9112 sections 3.2, 6.3 and 9.3.
fn framing(is_current: bool, headers: Headers<'_>) -> Result<Then, StatusCode> {
    let mut lengths = headers.all("content-length");
    let is_coded = headers.has("transfer-encoding");
    let body = match (lengths.next(), lengths.next(), is_coded) {
        (None, ..) => 0,
        (Some(length), None, false) if length.iter().all(u8::is_ascii_digit) => {
            text(length).and_then(|length| length.parse().ok()).ok_or(StatusCode::BAD_REQUEST)?
        }
        _ => return Err(StatusCode::BAD_REQUEST),
    };
    if is_current && headers.all("host").count() != 1 {
        return Err(StatusCode::BAD_REQUEST);
    }
    let mut options = headers.all("connection").filter_map(text).flat_map(|list| list.split(','));
    let is_last = !is_current || options.any(|option| option.trim().eq_ignore_ascii_case("close"));
    // Who waits to be told to go on may send the body or not, now that there is an answer (RFC 9110 section 10.1.1).
    if is_coded || body > MAX_BODY || (body > 0 && headers.has("expect")) {
        return Ok(Then::Linger);
    }
    Ok(Then::Next(body).last_if(is_last))
}

fn write(output: &mut Vec<u8>, answer: &Answer, is_bodiless: bool, then: Then, date: &mut Date) {
    let (status, body) = (answer.status(), answer.body());
    let mut put = |bytes: &[u8]| output.extend_from_slice(bytes);
    put(b"HTTP/1.1 ");
    put(status.as_str().as_bytes());
    put(b" ");
    put(status.canonical_reason().unwrap_or_default().as_bytes());
    for (name, value) in answer.headers() {
        put(b"\r\n");
        put(name.as_str().as_bytes());
        put(b": ");
        put(value.as_bytes());
    }
    put(b"\r\ndate: ");
    put(date.now().as_bytes());
    if !matches!(then, Then::Next(_)) {
        put(b"\r\nconnection: close");
    }
    put(b"\r\ncontent-length: ");
    put(if body.is_empty() { "0".into() } else { Cow::from(body.len().to_string()) }.as_bytes());
    put(b"\r\n\r\n");
    if !is_bodiless {
        put(body);
    }
}

/// RFC 9110 section 6.6.1, written once a second.
#[derive(Debug, Default)]
struct Date {
    at: Option<Timestamp>,
    text: String,
}

impl Date {
    fn now(&mut self) -> &str {
        let now = Timestamp::now();
        if self.at != Some(now) {
            let since = Duration::from_secs(u64::try_from(now.unix()).unwrap_or_default());
            self.text = httpdate::fmt_http_date(UNIX_EPOCH + since);
            self.at = Some(now);
        }
        &self.text
    }
}

#[cfg(test)]
mod tests;
