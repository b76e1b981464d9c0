//! The set-up that most rows share: Redis and Postgres, a hundred people with a thousand sessions, certificates, and
//! Gatepost's answer for each session.

use crate::cpu::Watched;
use crate::load::{Client, Pace, Requests, Visitor, Wire};
use crate::measure::Contestant;
use crate::site::{Addresses, Answers, Bare, Ground, Provider, Site};
use gatepost_kit::client::send_raw;
use gatepost_kit::process::{Gatepost, free_addr};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tempfile::TempDir;

/// The default number of connections.
pub const CONNECTIONS: usize = 16;
const PEOPLE: usize = 100;
const SESSIONS: usize = 1_000;

/// The set-up that most rows share.
#[derive(Debug)]
pub struct Production {
    /// The stores and settings.
    pub site: Site,
    /// The visitors of a thousand sessions.
    pub visitors: Arc<[Visitor]>,
    /// Gatepost's answer for each session, which the bare servers return.
    pub answers: Answers,
    /// The certificates, in the folders `server` and `client`.
    pub certificates: TempDir,
}

impl Production {
    /// Sets up everything.
    pub async fn set_up(ground: &Ground) -> io::Result<Self> {
        let site = Site::shared(&Provider::of(&ground.entra), Addresses::production()).await?;
        let people = site.people(PEOPLE).await?;
        let visitors: Arc<[Visitor]> =
            site.sessions(&people, SESSIONS, site.addresses.host, None).await?.into();
        let certificates = certificates(ground).await?;
        let gatepost = site.start(ground, &site.builder(ground)).await?;
        let answers = answers_to(&site, &gatepost, site.addresses.host, &visitors).await?;
        Ok(Self { site, visitors, answers, certificates })
    }

    /// The client certificate of the proxy.
    pub fn client(&self) -> io::Result<Client> {
        Client::read(&self.certificates.path().join("client"))
    }

    /// Navigations of these visitors.
    fn pages(&self) -> Requests {
        let requests = Requests::pages("/verify", self.site.addresses.host);
        requests.by(self.site.addresses.cookie, Arc::clone(&self.visitors))
    }

    /// A bare server, with navigations of all visitors.
    pub fn bare(&self, bare: &Bare, name: &str) -> Contestant {
        contestant(name, bare.addr, Arc::new(self.pages().ready()), vec![bare.watched("bare")])
    }

    /// A Gatepost, with navigations of all visitors.
    pub fn gatepost(&self, gatepost: &Gatepost, name: &str) -> Contestant {
        let watched = vec![Watched::new("gatepost", gatepost.running().pid())];
        contestant(name, gatepost.internal(), Arc::new(self.pages().ready()), watched)
    }
}

/// Creates certificates with `gatepost certs`: for Gatepost in `server`, for the proxy in `client`.
pub async fn certificates(ground: &Ground) -> io::Result<TempDir> {
    let folder = TempDir::new()?;
    let place = |name: &str| folder.path().join(name).display().to_string();
    let certs = Gatepost::builder(&ground.gatepost).arg("certs").arg("--dir").arg(place("server"));
    let made = certs.arg("--client-dir").arg(place("client")).run().await;
    if made.status.success() {
        return Ok(folder);
    }
    Err(io::Error::other(String::from_utf8_lossy(&made.stderr).into_owned()))
}

/// A Gatepost over TLS with HTTP/2.
pub async fn start_tls(site: &Site, ground: &Ground, certificates: &TempDir) -> io::Result<Gatepost> {
    let folder = certificates.path().join("server").display().to_string();
    let health = free_addr();
    site.start(ground, &site.builder(ground).env("GATEPOST_INTERNAL_TLS", folder).health(health)).await
}

/// A server that gets requests on [`CONNECTIONS`] connections, in a closed loop.
pub fn contestant(
    name: &str,
    addr: SocketAddr,
    requests: Arc<Requests>,
    watched: Vec<Watched>,
) -> Contestant {
    Contestant {
        name: name.to_owned(),
        addr,
        requests,
        connections: CONNECTIONS,
        wire: Wire::KeptAlive,
        pace: Pace::Closed,
        is_each_once: false,
        watched,
    }
}

/// Gatepost's answer for each visitor, without the headers that every server sets itself.
pub async fn answers_to(
    site: &Site,
    gatepost: &Gatepost,
    host: &str,
    visitors: &Arc<[Visitor]>,
) -> io::Result<Answers> {
    let proto = if site.addresses.public_url.starts_with("https") { "https" } else { "http" };
    let requests = Requests::pages("/verify", host).with("X-Forwarded-Proto", proto);
    let requests =
        requests.with("Connection", "close").by(site.addresses.cookie, Arc::clone(visitors)).ready();
    let (mut answers, mut request) = (BTreeMap::new(), Vec::new());
    for (number, visitor) in visitors.iter().enumerate() {
        requests.write(number, &mut request);
        let answer = send_raw(gatepost.internal(), &request).await?;
        if answer.status != Some(200) {
            return Err(io::Error::other(format!("Gatepost lets nobody pass: {}", answer.text())));
        }
        answers.insert(format!("{}={}", site.addresses.cookie, visitor.cookie), own_lines(&answer.text()));
    }
    Answers::write(&answers)
}

fn own_lines(answer: &str) -> Vec<(String, String)> {
    let is_own = |name: &str| !["date", "content-length", "connection"].contains(&name);
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    lines.filter(|(name, _)| is_own(name)).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
