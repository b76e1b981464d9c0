//! Everything that runs while faults happen: two replicas behind the real Traefik with the files of docs/scaling.md, two servers of
//! Postgres, Redis with Sentinels, a provider and an application. Each replica has its own way to Postgres.

use super::super::folder::Folder;
use super::super::read;
use super::super::stage::{builder, files_for_two, make_certificates};
use super::super::traefik::Shipped;
use super::databases::Databases;
use crate::world::run_command;
use gatepost_kit::client::Client;
use gatepost_kit::echo::Echo;
use gatepost_kit::entra::{Entra, Person};
use gatepost_kit::faulty::{FaultyProxy, Mode};
use gatepost_kit::process::{
    Authority, Gatepost, GatepostBuilder, Postgres, Redis, WatchedRedis, find_ok, free_addr, until,
};
use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

const PUBLIC: &str = "https://auth.example.com";
/// Everybody who is signed in passes.
pub const CHAT: &str = "https://chat.example.com/";
/// Members of [`EDITORS`] pass.
pub const WIKI: &str = "https://wiki.example.com/";
pub const EDITORS: &str = "Wiki-Editors";
const TIMEOUT: Duration = Duration::from_mins(1);
/// A sign-in that takes longer has failed.
const SIGN_IN: Duration = Duration::from_secs(10);
/// The same of a command.
const COMMAND: Duration = Duration::from_secs(20);
const STALE: &str = "GATEPOST_VERIFY__STALE_IF_ERROR";

/// How long what memory knows stands in for a Postgres that is out of reach. A lost primary costs cached requests nothing with the
/// first; a change binds also where Postgres is out of reach with the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandIn {
    AMinute,
    Never,
}

impl StandIn {
    pub fn setting(self) -> &'static str {
        if self == Self::AMinute { "60s" } else { "0s" }
    }
}

pub struct Site {
    pub entra: Entra,
    pub traefik: Shipped,
    pub redis: WatchedRedis,
    pub replicas: [Replica; 2],
    authority: Authority,
    commands: GatepostBuilder,
    to_postgres: ToPostgres,
    /// The provider knows one person who sits at the browser.
    signing_in: tokio::sync::Mutex<()>,
    /// Where everything is left that a reader may want to see.
    pub debris: PathBuf,
    _folder: Folder,
    _app: Echo,
}

/// A replica, which may be another process later.
pub struct Replica {
    builder: GatepostBuilder,
    running: Mutex<Arc<Gatepost>>,
    /// Its lines to Postgres.
    pub to_postgres: ToPostgres,
}

/// Addresses that stay while the servers behind them are replaced.
pub struct ToPostgres([FaultyProxy; 2]);

impl ToPostgres {
    async fn start(databases: &Databases) -> Self {
        let [one, other] = databases.addrs().map(|addr| addr.expect("both run"));
        Self([FaultyProxy::start(one).await, FaultyProxy::start(other).await])
    }

    fn url(&self, databases: &Databases) -> String {
        let Self([one, other]) = self;
        let (user, name) = (Postgres::USER, databases.name());
        format!("postgres://{user}@{},{}/{name}", one.addr(), other.addr())
    }

    /// Leads to the servers that there are.
    fn lead(&self, databases: &Databases) {
        for (proxy, addr) in self.0.iter().zip(databases.addrs()) {
            if let Some(addr) = addr {
                proxy.lead_to(addr);
            }
        }
    }

    /// Nothing passes. `silently`: as after a lost route; otherwise connections are reset and refused.
    pub async fn cut(&self, silently: bool) {
        for proxy in &self.0 {
            proxy.set(if silently { Mode::Stall } else { Mode::Refuse }).await;
            if !silently {
                proxy.cut();
            }
        }
    }

    /// Everything passes again.
    pub async fn repair(&self) {
        for proxy in &self.0 {
            proxy.set(Mode::Pass).await;
        }
    }
}

impl Replica {
    async fn start(builder: GatepostBuilder, to_postgres: ToPostgres) -> Self {
        let running = Mutex::new(Arc::new(started(&builder, StandIn::AMinute).await));
        Self { builder, running, to_postgres }
    }

    /// The process.
    pub fn process(&self) -> Arc<Gatepost> {
        Arc::clone(&self.running.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Starts it again, at its addresses.
    pub async fn start_again(&self, stand_in: StandIn) {
        let process = Arc::new(started(&self.builder, stand_in).await);
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = process;
    }

    /// Whether it says so itself.
    pub async fn leads(&self) -> bool {
        let told = find_ok(self.process().health(), "/metrics").await;
        told.is_some_and(|told| told.lines().any(|line| line == "gatepost_leader 1"))
    }
}

async fn started(builder: &GatepostBuilder, stand_in: StandIn) -> Gatepost {
    let replica = builder.clone().env(STALE, stand_in.setting()).start().await;
    replica.wait_ready().await;
    replica
}

impl Site {
    pub async fn start(databases: &Databases, people: &[String], debris: &Path) -> Self {
        let (folder, entra, app) = (Folder::prepare(), Entra::start().await, Echo::start().await);
        for path in ["/callback/entra", "/logged-out"] {
            entra.register_redirect_uri(&format!("{PUBLIC}{path}"));
        }
        for name in people {
            entra.add(Person::named(name));
        }
        let redis = WatchedRedis::start().await;
        make_certificates(&folder).await;
        let to_postgres = ToPostgres::start(databases).await;
        let commands = builder(&folder, &entra, (&to_postgres.url(databases), &redis.url()));
        let mut replicas = Vec::new();
        let ports: [u16; 3] = std::array::from_fn(|_| free_addr().port());
        // Traefik's health checks know one port, so each replica has an address of loopback.
        for number in 1..=2_u8 {
            let [internal, public, health] = ports.map(|port| SocketAddr::from(([127, 0, 0, number], port)));
            let to_postgres = ToPostgres::start(databases).await;
            let url = folder.path(&format!("secrets/database_url_{number}"));
            std::fs::write(&url, to_postgres.url(databases)).unwrap();
            let log = File::create(debris.join(format!("gatepost-{number}.log"))).unwrap();
            let builder = commands.clone().internal(internal).public(public).health(health).log(log);
            let builder = builder.env("DATABASE_URL_FILE", url.display().to_string());
            replicas.push(Replica::start(builder, to_postgres).await);
        }
        let replicas: [Replica; 2] = replicas.try_into().unwrap_or_else(|_| unreachable!("two"));
        let authority = Authority::for_names(["*.example.com"]);
        let [one, other] = replicas.each_ref().map(Replica::process);
        let application = format!("http://{}", app.addr());
        let mut addresses = vec![
            ("https://gatepost:4181", format!("https://{}", one.internal())),
            ("https://gatepost-2:4181", format!("https://{}", other.internal())),
            ("http://gatepost:4180", format!("http://{}", one.public())),
            ("http://gatepost-2:4180", format!("http://{}", other.public())),
            ("port: 4181", format!("port: {}", one.internal().port())),
            ("/etc/traefik/gatepost", folder.path("certs/traefik").display().to_string()),
        ];
        for shipped in [
            "http://open-webui:8080",
            "http://mcp-proxy:8080",
            "http://wiki:8080",
            "http://reports:8080",
            "http://administration:8080",
        ] {
            addresses.push((shipped, application.clone()));
        }
        let traefik = Shipped::start_with(files(), &authority, &addresses).await;
        let site = Self {
            entra,
            traefik,
            redis,
            replicas,
            authority,
            commands,
            to_postgres,
            signing_in: tokio::sync::Mutex::default(),
            debris: debris.to_owned(),
            _folder: folder,
            _app: app,
        };
        site.is_well().await;
        site
    }

    /// Runs a subcommand.
    ///
    /// # Errors
    /// It failed, or took too long. What it was to change may have been changed.
    pub async fn command(&self, arguments: &[&str]) -> Result<String, String> {
        match timeout(COMMAND, run_command(&self.commands, arguments)).await {
            Ok((Some(0), stdout, _)) => Ok(stdout),
            Ok((code, stdout, stderr)) => Err(format!("{arguments:?}: {code:?} {stdout}{stderr}")),
            Err(_) => Err(format!("{arguments:?}: no answer in {COMMAND:?}")),
        }
    }

    /// A browser in front of which sits nobody yet. Its person takes 503 for an answer.
    pub fn browser(&self) -> Client {
        let entra = self.entra.addr();
        let hosts = Client::builder().everywhere(self.traefik.secure).host(&entra.ip().to_string(), entra);
        hosts.trust(&self.authority).build().impatient()
    }

    /// Signs this person in.
    ///
    /// # Errors
    /// The status with which it ended; 0 if nothing answered in time.
    pub async fn signed_in(&self, who: &str, url: &str) -> Result<Client, u16> {
        let browser = self.browser();
        let _one = self.signing_in.lock().await;
        self.entra.at_the_browser(Some(who));
        match timeout(SIGN_IN, navigate(&browser, url)).await {
            Ok(200) => Ok(browser),
            Ok(status) => Err(status),
            Err(_) => Err(0),
        }
    }

    /// The Redis that takes writes.
    pub fn redis_primary(&self) -> (&Redis, &Redis) {
        let (one, other) = (&self.redis.primary, &self.redis.replica);
        let leads = one.try_command(&["ROLE"]).is_ok_and(|role| role.contains("master"));
        if leads { (one, other) } else { (other, one) }
    }

    /// Leads to the servers of Postgres that there are.
    pub fn lead_to(&self, databases: &Databases) {
        self.to_postgres.lead(databases);
        for replica in &self.replicas {
            replica.to_postgres.lead(databases);
        }
    }

    /// Waits until both replicas are ready, Traefik knows that, and one leads.
    pub async fn is_well(&self) {
        for replica in &self.replicas {
            let process = replica.process();
            process.wait_ready().await;
            let (internal, public) = (process.internal(), process.public());
            let services = [
                ("gatepost-verify", format!("https://{internal}")),
                ("gatepost-replicas", format!("http://{public}")),
            ];
            for (service, server) in services {
                until("Traefik to find both ready", TIMEOUT, async || {
                    self.traefik.finds_ready(service, &server).await.then_some(())
                })
                .await;
            }
        }
        until("a leader", TIMEOUT, async || {
            (self.replicas[0].leads().await || self.replicas[1].leads().await).then_some(())
        })
        .await;
    }

    /// Waits until Traefik asks this replica no more.
    pub async fn is_left(&self, replica: usize) {
        let server = format!("https://{}", self.replicas[replica].process().internal());
        until("Traefik to leave the replica", TIMEOUT, async || {
            (!self.traefik.finds_ready("gatepost-verify", &server).await).then_some(())
        })
        .await;
    }

    /// Leaves what the servers have written.
    pub fn leave_logs(&self) {
        std::fs::write(self.debris.join("traefik.log"), self.traefik.log()).unwrap();
    }
}

/// The shipped files, switched to two replicas, and the example whose router requires a group, switched as they are.
fn files() -> BTreeMap<String, String> {
    let example = "traefik/examples/wiki.yml";
    let text = read(example).replace("https://gatepost:4181/verify", "http://127.0.0.1:8083/verify");
    files_for_two().into_iter().chain([(example.to_owned(), text)]).collect()
}

/// The status at the end of a navigation; 0 if nothing answers.
async fn navigate(browser: &Client, url: &str) -> u16 {
    let mut next = url.to_owned();
    for _ in 0..20 {
        let Ok(answer) = browser.request(reqwest::Method::GET, &next).try_send().await else { return 0 };
        match answer.location() {
            Some(location) => next = location.into(),
            None => return answer.status,
        }
    }
    0
}
