//! A server of the DNS (RFC 1035) over UDP that knows TXT records and addresses, and fails or is silent where it is told to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

const NO_ERROR: u8 = 0;
const SERVER_FAILURE: u8 = 2;
const NAME_ERROR: u8 = 3;
const TXT: u16 = 16;
const A: u16 = 1;

#[derive(Debug, Default)]
struct Zone {
    /// By name, without a dot at the end.
    texts: BTreeMap<String, Vec<String>>,
    /// Names that lead to this machine.
    hosts: BTreeSet<String>,
    fails: bool,
    is_silent: bool,
    asked: Vec<String>,
}

/// A server of the DNS on a free port of this machine.
#[derive(Debug)]
pub struct DnsServer {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    serving: JoinHandle<()>,
}

impl DnsServer {
    /// Starts a server that knows no record.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = socket.local_addr().expect("the socket's address");
        let zone = Arc::new(Mutex::new(Zone::default()));
        let serving = tokio::spawn(serve(socket, Arc::clone(&zone)));
        Self { address, zone, serving }
    }

    /// Where it is asked.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The texts of a name from now on.
    pub fn set(&self, name: &str, texts: &[&str]) {
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        locked(&self.zone).texts.insert(name.to_owned(), texts);
    }

    /// The name leads to this machine from now on.
    pub fn add_host(&self, name: &str) {
        locked(&self.zone).hosts.insert(name.to_owned());
    }

    /// Whether it says from now on that it cannot say.
    pub fn fail(&self, fails: bool) {
        locked(&self.zone).fails = fails;
    }

    /// Whether it answers nothing from now on. What it is asked then is never answered.
    pub fn silence(&self, is_silent: bool) {
        locked(&self.zone).is_silent = is_silent;
    }

    /// The names that it was asked for so far.
    pub fn asked(&self) -> Vec<String> {
        locked(&self.zone).asked.clone()
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn locked(zone: &Mutex<Zone>) -> MutexGuard<'_, Zone> {
    zone.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(socket: UdpSocket, zone: Arc<Mutex<Zone>>) {
    let mut buffer = [0; 4096];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        let answer = answer(&buffer[..length], &mut locked(&zone));
        if let Some(answer) = answer {
            // Who asked asks again.
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

/// The answer to a query with one question. `None`: it is none, or stays without one.
fn answer(query: &[u8], zone: &mut Zone) -> Option<Vec<u8>> {
    let mut labels = Vec::new();
    let mut at = 12;
    while *query.get(at)? > 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8_lossy(query.get(at + 1..end)?).to_ascii_lowercase());
        at = end;
    }
    let question = query.get(12..at + 5)?;
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let name = labels.join(".");
    zone.asked.push(name.clone());
    if zone.is_silent {
        return None;
    }
    let (is_host, texts) = (zone.hosts.contains(&name), zone.texts.get(&name));
    let code = match texts {
        _ if zone.fails => SERVER_FAILURE,
        Some(_) if kind == TXT => NO_ERROR,
        _ if is_host => NO_ERROR,
        _ => NAME_ERROR,
    };
    let has = |of: u16| kind == of && code == NO_ERROR;
    let mut records: Vec<Vec<u8>> = Vec::new();
    for text in texts.into_iter().flatten().filter(|_| has(TXT)) {
        records.push([&[u8::try_from(text.len()).ok()?][..], text.as_bytes()].concat());
    }
    if is_host && has(A) {
        records.push(Ipv4Addr::LOCALHOST.octets().to_vec());
    }
    let mut answer = query[..2].to_vec();
    // An answer of the zone's own server, to a query that may have asked for recursion.
    answer.extend([0x84 | (query[2] & 1), 0x80 | code, 0, 1]);
    answer.extend(u16::try_from(records.len()).ok()?.to_be_bytes());
    answer.extend([0, 0, 0, 0]);
    answer.extend(question);
    for record in records {
        // The name of the question, its type, IN, for a minute.
        answer.extend([0xc0, 12]);
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1, 0, 0, 0, 60]);
        answer.extend(u16::try_from(record.len()).ok()?.to_be_bytes());
        answer.extend(record);
    }
    Some(answer)
}
