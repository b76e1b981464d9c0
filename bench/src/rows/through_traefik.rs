//! Measures through the real Traefik: without a middleware, with bare servers, with Gatepost, and with other gates that
//! the environment names.
//!
//! Traefik, gate and application share one core, as on a small server. Browsers speak plain HTTP to Traefik, so that
//! the cost of their TLS does not hide the gate's cost.

use super::Stage;
use super::production::{answers_to, certificates, contestant, start_tls};
use crate::cpu::Watched;
use crate::load::{Expect, Requests, Visitor};
use crate::measure::Contestant;
use crate::site::{Addresses, Bare, Ground, Provider, Site};
use crate::stats::Spread;
use gatepost_kit::process::{Application, Dynamic, Gatepost, Running, Traefik, free_addr, install_traefik};
use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const OPEN: &str = "open.localhost";
const BARE: &str = "bare.localhost";
const BARE_TLS: &str = "bare-tls.localhost";
const TLS: &str = "tls.localhost";
const PEOPLE: usize = 100;
const SESSIONS: usize = 1_000;
const START: Duration = Duration::from_secs(30);

/// A gate that the environment names.
struct Peer {
    name: String,
    host: String,
    url: String,
    cookie: String,
    running: Running,
}

/// All gates behind one Traefik.
struct Street {
    site: Site,
    plain: Gatepost,
    tls: Gatepost,
    bare: Bare,
    bare_tls: Bare,
    backend: Bare,
    peers: Vec<Peer>,
    traefik: Traefik,
    visitors: Arc<[Visitor]>,
    visitors_tls: Arc<[Visitor]>,
}

/// Measures answers per second and the cost of each.
pub async fn run(stage: &mut Stage) -> io::Result<()> {
    let (ground, schedule) = (stage.ground.clone(), stage.tempo.deciding());
    let certificates = certificates(&ground).await?;
    let street = Street::build(&ground, &certificates).await?;
    street.check_peers().await?;
    for contestant in street.over_http().iter().chain(&street.over_tls()) {
        contestant.become_known(ground.cores).await?;
    }
    for connections in [16, 128] {
        let many = |contestant: Contestant| Contestant { connections, ..contestant };
        let over_http: Vec<Contestant> = street.over_http().into_iter().map(many).collect();
        let over_tls: Vec<Contestant> = street.over_tls().into_iter().map(many).collect();
        let titles = ["http", "TLS with HTTP/2"].map(|way| {
            format!("Through Traefik, the gate over {way}, {connections} connections of browsers")
        });
        let rows = [(&*titles[0], &*over_http), (&*titles[1], &*over_tls)];
        let rows = stage.rows(&rows, schedule).await?;
        if connections == 16 {
            let ratios = [rows[0].rate_ratio(1), rows[1].rate_ratio(1)];
            note_ratios(stage, ratios);
        }
    }
    Ok(())
}

fn note_ratios(stage: &mut Stage, [http, tls]: [Option<Spread>; 2]) {
    let note = "answers a second by those with a bare gate in the same place, 16 connections";
    if let Some(ratio) = http {
        let fact = stage.report.fact("Through Traefik, http", ratio, "ratio", note);
        fact.must("through the real Traefik : bare gate in the same place, http", 0.95, 0.98);
    }
    if let Some(ratio) = tls {
        let fact = stage.report.fact("Through Traefik, TLS", ratio, "ratio", note);
        fact.must("through the real Traefik : bare gate in the same place, TLS", 0.95, 0.98);
    }
}

impl Street {
    async fn build(ground: &Ground, certificates: &TempDir) -> io::Result<Self> {
        let plain_address = free_addr();
        let site =
            Site::shared(&Provider::of(&ground.entra), Addresses::development(plain_address.port())).await?;
        let people = site.people(PEOPLE).await?;
        let visitors: Arc<[Visitor]> =
            site.sessions(&people, SESSIONS, site.addresses.host, None).await?.into();
        let visitors_tls: Arc<[Visitor]> = site.sessions(&people, SESSIONS, TLS, None).await?.into();
        let plain = site.start(ground, &site.builder(ground)).await?;
        let tls = start_tls(&site, ground, certificates).await?;
        let answers = answers_to(&site, &plain, site.addresses.host, &visitors).await?;
        let bare = ground.bare_gate(&answers).await?;
        let answers = answers_to(&site, &plain, TLS, &visitors_tls).await?;
        let bare_tls = ground.bare_gate_tls(&certificates.path().join("server"), &answers).await?;
        let backend = ground.backend().await?;
        let peers = start_peers(ground).await?;
        let route = |host: &str, verify: Option<String>| Application {
            host: host.to_owned(),
            backend: backend.addr,
            verify,
        };
        let mut dynamic = Dynamic::default()
            .client_certificate(certificates.path().join("client"))
            .application(&route(OPEN, None))
            .application(&route(BARE, Some(format!("http://{}/verify", bare.addr))))
            .application(&route(site.addresses.host, Some(plain.verify_url(""))))
            .application(&route(BARE_TLS, Some(format!("https://{}/verify", bare_tls.addr))))
            .application(&route(TLS, Some(format!("https://{}/verify", tls.internal()))));
        for peer in &peers {
            dynamic = dynamic.application(&route(&peer.host, Some(peer.url.clone())));
        }
        let binary = install_traefik().await;
        let dynamic = dynamic.yaml();
        let start = Traefik::start_without_access_log(binary, plain_address, &dynamic);
        let traefik = ground.on_server_core(start).await?;
        Ok(Self { site, plain, tls, bare, bare_tls, backend, peers, traefik, visitors, visitors_tls })
    }

    /// The servers to compare. The bare one is the first.
    fn over_http(&self) -> Vec<Contestant> {
        let gatepost = Watched::new("gatepost", self.plain.running().pid());
        let mut all = vec![
            self.asked("bare gate, http", BARE, &self.visitors, self.bare.watched("gate")),
            self.asked("Gatepost, http", self.site.addresses.host, &self.visitors, gatepost),
            self.open(),
        ];
        all.extend(self.peers.iter().map(|peer| {
            let requests = Requests::pages("/reports", &peer.host).of_a_browser(&peer.host);
            let requests = requests.with_cookies(&peer.cookie).expecting(Expect::Reached).ready();
            let watched = Watched::family("gate", peer.running.pid());
            self.through(&peer.name, requests, watched)
        }));
        all
    }

    /// The servers to compare. The bare one is the first.
    fn over_tls(&self) -> Vec<Contestant> {
        let gatepost = Watched::new("gatepost", self.tls.running().pid());
        vec![
            self.asked("bare gate, TLS", BARE_TLS, &self.visitors_tls, self.bare_tls.watched("gate")),
            self.asked("Gatepost, TLS", TLS, &self.visitors_tls, gatepost),
        ]
    }

    fn open(&self) -> Contestant {
        let requests =
            Requests::pages("/reports", OPEN).of_a_browser(OPEN).expecting(Expect::Reached).ready();
        self.through("no middleware", requests, self.backend.watched("application"))
    }

    fn asked(&self, name: &str, host: &str, visitors: &Arc<[Visitor]>, gate: Watched) -> Contestant {
        let requests = Requests::pages("/reports", host).of_a_browser(host);
        let requests = requests.by(self.site.addresses.cookie, Arc::clone(visitors));
        self.through(name, requests.ready(), gate)
    }

    /// The processes to measure: the gate, then Traefik.
    fn through(&self, name: &str, requests: Requests, gate: Watched) -> Contestant {
        let traefik = Watched::new("traefik", self.traefik.running().pid());
        contestant(name, self.traefik.plain(), Arc::new(requests), vec![gate, traefik])
    }

    /// Checks that each gate refuses a request without a cookie.
    async fn check_peers(&self) -> io::Result<()> {
        for peer in &self.peers {
            let request = format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", peer.host);
            let answer = gatepost_kit::client::send_raw(self.traefik.plain(), request.as_bytes()).await?;
            if answer.status == Some(200) {
                return Err(io::Error::other(format!("PEER_{} lets everybody pass", peer.name)));
            }
        }
        Ok(())
    }
}

/// Reads the other gates from `PEER_<NAME>`, `PEER_<NAME>_URL` and `PEER_<NAME>_COOKIE`.
async fn start_peers(ground: &Ground) -> io::Result<Vec<Peer>> {
    let variables: Vec<(String, String)> = std::env::vars().collect();
    let find = |name: &str| variables.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
    let mut peers = Vec::new();
    for (variable, command) in &variables {
        let Some(name) = variable.strip_prefix("PEER_") else { continue };
        if name.ends_with("_URL") || name.ends_with("_COOKIE") {
            continue;
        }
        let needed = |suffix: &str| {
            let variable = format!("{variable}{suffix}");
            find(&variable).ok_or_else(|| io::Error::other(format!("{variable} is missing")))
        };
        let (url, cookie) = (needed("_URL")?, needed("_COOKIE")?);
        let running = ground.on_server_core(async { start_peer(name, command) }).await?;
        let address = address_of(&url)?;
        running.ready(START, async || gatepost_kit::process::port_is_open(address).await.then_some(())).await;
        let host = format!("{}.localhost", name.to_ascii_lowercase().replace('_', "-"));
        peers.push(Peer { name: name.to_owned(), host, url, cookie, running });
    }
    Ok(peers)
}

fn start_peer(name: &str, command: &str) -> Running {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("exec {command}"));
    Running::start(name, shell)
}

/// The address of another gate, which must be on loopback, so that no other machine gets load.
fn address_of(url: &str) -> io::Result<SocketAddr> {
    let authority = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let address: Option<SocketAddr> = authority.replace("localhost", "127.0.0.1").parse().ok();
    let loopback = address.filter(|address| address.ip().is_loopback());
    loopback.ok_or_else(|| io::Error::other(format!("{url}: expected http://127.0.0.1:PORT/...")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_queried_only_on_loopback() {
        assert!(address_of("http://127.0.0.1:4180/oauth2/auth").is_ok_and(|address| address.port() == 4180));
        assert!(address_of("http://localhost:4180").is_ok());
        for other in ["http://192.0.2.1:80/", "http://example.com/", "127.0.0.1:80", ""] {
            assert!(address_of(other).is_err(), "{other}");
        }
    }
}
