//! Sends HTTP/1.1 requests over non-blocking sockets, one at a time on each connection.

use super::answer::Answer;
use super::tally::{Tally, Window};
use super::{Load, Pace, Pick, Visitors, Wire};
use crate::stats::Latencies;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

/// How long an open loop sleeps at most, which limits how late it sends requests and notices answers.
const NAP: Duration = Duration::from_micros(50);
/// How often a closed loop without answers checks the time.
const LOOK: Duration = Duration::from_millis(50);
/// After this time without any answer, the server counts as stuck.
const TIMEOUT: Duration = Duration::from_secs(20);

struct Connection {
    stream: TcpStream,
    out: Vec<u8>,
    sent: usize,
    input: Vec<u8>,
    pick: Pick,
    due: Instant,
}

struct Engine<'a> {
    load: &'a Load<'a>,
    poll: Poll,
    connections: Vec<Connection>,
    idle: Vec<usize>,
    /// Requests that are due while every connection is busy.
    waiting: VecDeque<Instant>,
    window: Window,
    tally: Tally,
    visitors: Visitors,
    last_answer: Instant,
}

/// Runs the load on this thread.
pub(super) fn run(load: &Load<'_>) -> io::Result<Tally> {
    let mut engine = Engine::connect(load)?;
    match load.pace {
        Pace::Closed => engine.run_closed()?,
        Pace::Open(per_second) => engine.run_open(Duration::from_secs_f64(1.0 / per_second))?,
    }
    Ok(engine.tally)
}

impl<'a> Engine<'a> {
    fn connect(load: &'a Load<'a>) -> io::Result<Self> {
        let mut engine = Self {
            load,
            poll: Poll::new()?,
            connections: Vec::with_capacity(load.connections),
            idle: Vec::new(),
            waiting: VecDeque::new(),
            window: Window::of(load),
            tally: Tally { latencies: Latencies::with_room(), ..Tally::default() },
            visitors: Visitors::of(load),
            last_answer: Instant::now(),
        };
        for index in 0..load.connections {
            let stream = engine.open(index)?;
            let (out, input) = (Vec::with_capacity(2048), Vec::with_capacity(4096));
            engine.connections.push(Connection {
                stream,
                out,
                sent: 0,
                input,
                pick: Pick::default(),
                due: Instant::now(),
            });
        }
        engine.window = Window::of(load);
        Ok(engine)
    }

    fn open(&self, index: usize) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.load.addr)?;
        stream.set_nodelay(true)?;
        self.poll.registry().register(&mut stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
        Ok(stream)
    }

    fn run_closed(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let start = Instant::now();
        for index in 0..self.connections.len() {
            self.begin(index, start)?;
        }
        while self.goes_on(Instant::now())? {
            self.poll(&mut events, LOOK)?;
        }
        Ok(())
    }

    fn run_open(&mut self, gap: Duration) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        self.tally.lateness = Latencies::with_room();
        self.idle = (0..self.connections.len()).collect();
        let mut next = Instant::now() + NAP;
        loop {
            let now = Instant::now();
            if !self.goes_on(now)? {
                return Ok(());
            }
            while next <= now {
                self.waiting.push_back(next);
                next += gap;
            }
            while let Some((index, due)) = self.idle.last().copied().zip(self.waiting.front().copied()) {
                self.idle.pop();
                self.waiting.pop_front();
                if self.window.is_open() {
                    self.tally.lateness.note(now - due);
                }
                self.begin(index, due)?;
            }
            self.poll(&mut events, Duration::ZERO)?;
            if events.is_empty() {
                std::thread::sleep(next.saturating_duration_since(Instant::now()).min(NAP));
            }
        }
    }

    fn goes_on(&mut self, now: Instant) -> io::Result<bool> {
        if now > self.last_answer + TIMEOUT {
            return Err(io::Error::other(format!("no answer from {} for {TIMEOUT:?}", self.load.addr)));
        }
        if self.tally.is_hopeless() {
            let first = self.tally.first_wrong.as_deref().unwrap_or_default();
            return Err(io::Error::other(format!("{} answers wrongly: {first}", self.load.addr)));
        }
        let is_over = self.visitors.are_done();
        self.window.goes_on(now, is_over, self.load, &mut self.tally)
    }

    fn poll(&mut self, events: &mut Events, wait: Duration) -> io::Result<()> {
        match self.poll.poll(events, Some(wait)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in events.iter() {
            self.advance(event.token().0)?;
        }
        Ok(())
    }

    /// Sends the next request of a connection. If the socket is full, the rest is sent when it is writable.
    fn begin(&mut self, index: usize, due: Instant) -> io::Result<()> {
        let pick = self.visitors.next();
        let connection = &mut self.connections[index];
        (connection.pick, connection.due, connection.sent) = (pick, due, 0);
        connection.input.clear();
        self.load.requests.write(pick.visitor, &mut connection.out);
        connection.send()
    }

    fn advance(&mut self, index: usize) -> io::Result<()> {
        let connection = &mut self.connections[index];
        if connection.sent < connection.out.len() {
            connection.send()?;
        }
        match connection.receive(self.load)? {
            Received::Nothing => Ok(()),
            Received::End => {
                self.tally.broken += 1;
                self.reopen(index)?;
                // An idle connection lost no request, and is already in the list of idle ones.
                if self.connections[index].out.is_empty() {
                    Ok(())
                } else {
                    self.follow(index, Instant::now())
                }
            }
            Received::Answer { is_right } => {
                let now = Instant::now();
                self.last_answer = now;
                let connection = &self.connections[index];
                let is_failure = self.visitors.done(connection.pick, is_right);
                if is_right && self.window.is_open() {
                    self.tally.latencies.note(now - connection.due);
                } else if !is_right && is_failure {
                    let head = String::from_utf8_lossy(&connection.input);
                    self.tally.note_wrong(head.lines().next().unwrap_or_default());
                }
                if matches!(self.load.wire, Wire::Once) || !is_right {
                    self.reopen(index)?;
                }
                self.follow(index, now)
            }
        }
    }

    fn follow(&mut self, index: usize, now: Instant) -> io::Result<()> {
        if self.load.pace == Pace::Closed {
            self.begin(index, now)
        } else {
            self.connections[index].out.clear();
            self.idle.push(index);
            Ok(())
        }
    }

    fn reopen(&mut self, index: usize) -> io::Result<()> {
        let stream = self.open(index)?;
        self.connections[index].stream = stream;
        Ok(())
    }
}

enum Received {
    Nothing,
    End,
    Answer { is_right: bool },
}

impl Connection {
    fn send(&mut self) -> io::Result<()> {
        while self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(sent) => self.sent += sent,
                // The socket is not connected yet, or is full, or is closed, which the next read reports.
                Err(error) => return if is_for_later(&error) { Ok(()) } else { Err(error) },
            }
        }
        Ok(())
    }

    fn receive(&mut self, load: &Load<'_>) -> io::Result<Received> {
        loop {
            let before = self.input.len();
            self.input.resize(before.max(2048) * 2, 0);
            let read = self.stream.read(&mut self.input[before..]);
            let room = self.input.len() - before;
            self.input.truncate(before + read.as_ref().copied().unwrap_or(0));
            match read {
                Ok(0) => return Ok(Received::End),
                Ok(_) if self.sent < self.out.len() || self.out.is_empty() => {
                    return Ok(Received::Answer { is_right: false });
                }
                Ok(read) => match Answer::read(&self.input) {
                    Ok(None) if read < room => return Ok(Received::Nothing),
                    Ok(None) => {}
                    Ok(Some(answer)) => {
                        let is_whole = answer.length == self.input.len();
                        return Ok(Received::Answer {
                            is_right: is_whole
                                && load.requests.fits(self.pick.visitor, answer.status, answer.email),
                        });
                    }
                    Err(_) => return Ok(Received::Answer { is_right: false }),
                },
                Err(error) if is_for_later(&error) => return Ok(Received::Nothing),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(Received::End),
                Err(error) => return Err(error),
            }
        }
    }
}

fn is_for_later(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::NotConnected | ErrorKind::BrokenPipe
    )
}
