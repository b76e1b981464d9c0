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
/// So long, and no more than [`MAX_BODY`], a peer may go on sending: else a reset could overtake its answer.
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
    Answered(usize, Framing),
    /// A head whose answer takes longer.
    Whole,
    /// No head.
    Nonsense(StatusCode),
}

/// How a request ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Framing {
    /// Bytes that follow the head.
    body: u64,
    /// The answer's body is for nobody.
    is_head: bool,
    /// The connection ends with the answer.
    closes: bool,
    /// More may come, which is not read.
    lingers: bool,
}

struct Head<'a> {
    asked: Asked<'a>,
    framing: Framing,
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
            let (end, framing) = match self.hear() {
                Heard::Part => match self.read().await? {
                    0 => return Ok(()),
                    _ => continue,
                },
                Heard::Answered(end, framing) => (end, framing),
                Heard::Whole => {
                    self.pace.enter(Phase::Busy);
                    self.answer().await
                }
                Heard::Nonsense(status) => self.refuse(status),
            };
            self.pace.enter(Phase::Idle);
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await?;
            self.output.clear();
            if framing.closes {
                return self.close(framing).await;
            }
            self.pass_over(end, framing.body).await?;
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
            if self.pace.phase() == Phase::Idle {
                self.pace.enter(Phase::Head);
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
        match parse(input, &mut lines, pace) {
            Ok(None) => Heard::Part,
            Err(status) => Heard::Nonsense(status),
            Ok(Some(Head { asked, framing, end })) => match answer_at_once(shared, *peer, &asked) {
                None => Heard::Whole,
                Some(answer) => {
                    write(output, &answer, framing, date);
                    Heard::Answered(end, framing)
                }
            },
        }
    }

    async fn answer(&mut self) -> (usize, Framing) {
        let Self { shared, peer, pace, input, output, date, .. } = self;
        let mut lines = Box::new([const { MaybeUninit::uninit() }; MAX_LINES]);
        let Ok(Some(Head { asked, framing, end })) = parse(input, &mut *lines, pace) else {
            return self.refuse(StatusCode::BAD_REQUEST);
        };
        let answer = handle(shared, *peer, &asked).await;
        write(output, &answer, framing, date);
        (end, framing)
    }

    fn refuse(&mut self, status: StatusCode) -> (usize, Framing) {
        let framing = Framing { closes: true, lingers: true, ..Framing::default() };
        write(&mut self.output, &respond::empty(status), framing, &mut self.date);
        (self.input.len(), framing)
    }

    /// The next request begins behind this one and its body.
    async fn pass_over(&mut self, head: usize, body: u64) -> io::Result<()> {
        let here = usize::try_from(body).unwrap_or(usize::MAX).min(self.input.len() - head);
        self.input.drain(..head + here);
        let rest = body - here as u64;
        if rest > 0 {
            copy(&mut (&mut self.stream).take(rest), &mut sink()).await?;
        }
        if !self.input.is_empty() {
            self.pace.enter(Phase::Head);
        } else if self.input.capacity() > 2 * ROOM {
            self.input = Vec::new();
        }
        Ok(())
    }

    async fn close(mut self, framing: Framing) -> io::Result<()> {
        self.stream.shutdown().await?;
        if framing.lingers {
            let mut rest = self.stream.take(MAX_BODY);
            // Whatever it is, nobody reads it.
            let _ = timeout(LINGER, copy(&mut rest, &mut sink())).await;
        }
        Ok(())
    }
}

/// An empty line ends a head.
fn holds_end(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|two| two == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

/// `None`: the rest has not come yet.
fn parse<'a>(
    input: &'a [u8],
    lines: &'a mut [MaybeUninit<Line<'a>>],
    pace: &Pace,
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
    let target = request.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut framing = framing(request.version == Some(1), headers)?;
    framing.is_head = request.method == Some("HEAD");
    framing.closes |= pace.is_closing();
    Ok(Some(Head { asked: Asked { path, query, headers }, framing, end }))
}

/// RFC 9112 sections 3.2, 6.3 and 9.3.
fn framing(is_current: bool, headers: Headers<'_>) -> Result<Framing, StatusCode> {
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
    let lingers = is_coded || body > MAX_BODY;
    let closes = lingers || !is_current || options.any(|option| option.trim().eq_ignore_ascii_case("close"));
    Ok(Framing { body, is_head: false, closes, lingers: lingers || (closes && body > 0) })
}

fn write(output: &mut Vec<u8>, answer: &Answer, framing: Framing, date: &mut Date) {
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
    if framing.closes {
        put(b"\r\nconnection: close");
    }
    put(b"\r\ncontent-length: ");
    if body.is_empty() {
        put(b"0")
    } else {
        put(body.len().to_string().as_bytes())
    }
    put(b"\r\n\r\n");
    if !framing.is_head {
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framing_of(lines: &str) -> Result<Framing, StatusCode> {
        let input = format!("GET /verify?a=b HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        let mut room = [const { MaybeUninit::uninit() }; MAX_LINES];
        let head = parse(input.as_bytes(), &mut room, &Pace::default())?.expect("a whole head");
        assert_eq!((head.asked.path, head.asked.query, head.end), ("/verify", "a=b", input.len()));
        Ok(head.framing)
    }

    #[test]
    fn what_two_readers_could_frame_differently_is_refused() {
        for lines in [
            "Content-Length: 1\r\nContent-Length: 1\r\n",
            "Content-Length: 1, 1\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: 0x1\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Content-Length:\r\n",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length : 1\r\n",
            "X: a\r\n folded\r\n",
            "Host: b\r\n",
        ] {
            assert_eq!(framing_of(lines), Err(StatusCode::BAD_REQUEST), "{lines:?}");
        }
        let mut room = [const { MaybeUninit::uninit() }; MAX_LINES];
        let without_host = parse(b"GET / HTTP/1.1\r\n\r\n", &mut room, &Pace::default());
        assert_eq!(without_host.err(), Some(StatusCode::BAD_REQUEST));
    }

    #[test]
    fn what_ends_a_connection_and_what_does_not() {
        let stays = Framing::default();
        let closes = Framing { closes: true, ..stays };
        let lingers = Framing { lingers: true, ..closes };
        for (lines, want) in [
            ("", stays),
            ("Connection: keep-alive\r\n", stays),
            ("Content-Length: 65536\r\n", Framing { body: 65_536, ..stays }),
            ("connection: x, Close\r\n", closes),
            ("Connection: close\r\nContent-Length: 3\r\n", Framing { body: 3, ..lingers }),
            ("Content-Length: 65537\r\n", Framing { body: 65_537, ..lingers }),
            ("transfer-encoding: chunked\r\n", lingers),
        ] {
            assert_eq!(framing_of(lines), Ok(want), "{lines:?}");
        }
        let old = framing(false, Headers::new(&[]));
        assert_eq!(old, Ok(closes));
    }

    #[test]
    fn an_answer_is_written_as_it_is_and_without_its_body_for_a_head() {
        let answer = respond::text(StatusCode::OK, "text/plain", "alive\n");
        let date = "Fri, 15 Jan 2027 08:00:00 GMT";
        let written = |framing| {
            let now = Timestamp::now();
            let mut date = Date { at: Some(now), text: date.to_owned() };
            let mut output = Vec::new();
            write(&mut output, &answer, framing, &mut date);
            String::from_utf8(output).expect("text").replace(&httpdate_of(now), date.text.as_str())
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\ncache-control: no-store\r\ncontent-type: text/plain\r\n\
             x-content-type-options: nosniff\r\ndate: {date}\r\n"
        );
        assert_eq!(written(Framing::default()), format!("{head}content-length: 6\r\n\r\nalive\n"));
        let last = Framing { closes: true, is_head: true, ..Framing::default() };
        assert_eq!(written(last), format!("{head}connection: close\r\ncontent-length: 6\r\n\r\n"));
    }

    fn httpdate_of(at: Timestamp) -> String {
        Date { at: Some(at.minus(Duration::from_secs(1))), text: String::new() }.now().to_owned()
    }

    proptest! {
        #[test]
        fn heads_of_any_bytes_never_panic_and_a_part_is_never_a_whole(bytes: Vec<u8>) {
            let mut room = [const { MaybeUninit::uninit() }; MAX_LINES];
            if let Ok(Some(head)) = parse(&bytes, &mut room, &Pace::default()) {
                prop_assert!(head.end <= bytes.len());
                prop_assert!(holds_end(&bytes[..head.end]));
            }
        }
    }
}
