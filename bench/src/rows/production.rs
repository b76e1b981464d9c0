//! What most rows share: Redis and Postgres, a hundred people with a thousand sessions, certificates, and what Gatepost
//! answers to the first of them.

use crate::cpu::Watched;
use crate::load::{Client, Pace, Requests, Visitor, Wire};
use crate::measure::Contestant;
use crate::site::{Bare, Ground, Manner, Provider, Site};
use gatepost_kit::client::{get_request, send_raw};
use gatepost_kit::process::{Gatepost, free_port};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tempfile::TempDir;

/// Connections of a row that says nothing else.
pub const CONNECTIONS: usize = 16;
const PEOPLE: usize = 100;
const SESSIONS: usize = 1_000;

/// What most rows share.
#[derive(Debug)]
pub struct Production {
    /// Stores and settings.
    pub site: Site,
    /// A thousand sessions.
    pub visitors: Arc<[Visitor]>,
    /// Header lines of the answer to the first visitor: what bare gates answer.
    pub answer: Vec<String>,
    /// Folders `server` and `client`.
    pub certificates: TempDir,
}

impl Production {
    /// Sets everything up.
    pub async fn set_up(ground: &Ground) -> io::Result<Self> {
        let site = Site::shared(&Provider::of(&ground.entra), Manner::production()).await?;
        let people = site.people(PEOPLE).await?;
        let visitors: Arc<[Visitor]> = site.sessions(&people, SESSIONS, site.manner.host, None).await?.into();
        let certificates = certificates(ground).await?;
        let gatepost = site.start(ground, &site.builder(ground)).await?;
        let answer = answer_to(&site, &gatepost, &visitors[0]).await?;
        Ok(Self { site, visitors, answer, certificates })
    }

    /// The proxy's side of the TLS connection.
    pub fn client(&self) -> io::Result<Client> {
        Client::read(&self.certificates.path().join("client"))
    }

    /// Pages asked for by these visitors.
    fn pages(&self) -> Requests {
        let requests = Requests::pages("/verify", self.site.manner.host);
        requests.by(self.site.manner.cookie, Arc::clone(&self.visitors))
    }

    /// A bare gate, asked for pages by the first visitor: it knows nobody else.
    pub fn bare(&self, bare: &Bare, name: &str) -> Contestant {
        let requests = Arc::new(self.pages().among(0..1).ready());
        contestant(name, bare.addr, requests, vec![bare.watched("bare")])
    }

    /// A Gatepost, asked for pages by everybody.
    pub fn gatepost(&self, gatepost: &Gatepost, name: &str) -> Contestant {
        let watched = vec![Watched::new("gatepost", gatepost.running().pid())];
        contestant(name, gatepost.internal(), Arc::new(self.pages().ready()), watched)
    }
}

/// What `gatepost certs` makes, for the gate in `server`, for the proxy in `client`.
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
    let health = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    site.start(ground, &site.builder(ground).env("GATEPOST_INTERNAL_TLS", folder).health(health)).await
}

/// Somebody who is asked on [`CONNECTIONS`] connections, as fast as answers come.
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

/// The header lines that Gatepost answers with, but for those that every server makes itself.
pub async fn answer_to(site: &Site, gatepost: &Gatepost, visitor: &Visitor) -> io::Result<Vec<String>> {
    let cookie = format!(
        "_ga=GA1.1.1838422912.1763942400; theme=dark; sidebar=open; {}={}",
        site.manner.cookie, visitor.cookie
    );
    let proto = if site.manner.public_url.starts_with("https") { "https" } else { "http" };
    let lines = [
        ("Host", "gatepost:4181"),
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Proto", proto),
        ("X-Forwarded-Host", site.manner.host),
        ("X-Forwarded-Uri", "/reports/2026/november?view=table"),
        ("Cookie", &cookie),
    ];
    let lines = lines.map(|(name, value)| (name, value.as_bytes()));
    let answer = send_raw(gatepost.internal(), &get_request("/verify", &lines)).await?;
    let text = answer.text();
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    if answer.status != Some(200) {
        return Err(io::Error::other(format!("Gatepost lets nobody pass: {text}")));
    }
    let is_own =
        |line: &&str| !["date:", "content-length:", "connection:"].iter().any(|name| line.starts_with(name));
    Ok(head.lines().skip(1).filter(is_own).map(ToOwned::to_owned).collect())
}
