//! One test's world: provider, stores, edge, application and replicas, torn down with it.

use gatepost_config::StoresConfig;
use gatepost_kit::client::Client;
use gatepost_kit::echo::Echo;
use gatepost_kit::edge::{Edge, Route};
use gatepost_kit::entra::{Entra, Person, Style};
use gatepost_kit::process::{
    Authority, Database, Gatepost, GatepostBuilder, Postgres, Redis, find_ok, free_addr, until,
};
use gatepost_store::directory::Directory;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

pub const PUBLIC: &str = "auth.example.test";
pub const APP: &str = "app.example.test";
pub const OTHER: &str = "app.example.org";
pub const COOKIE: &str = "__Host-gatepost";

/// Where state lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// One SQLite file.
    Embedded,
    /// Redis and Postgres.
    Shared,
}

/// The stores of one test.
#[derive(Debug)]
pub enum Stores {
    Embedded(TempDir),
    Shared { redis: Redis, database: Database, folder: TempDir },
}

/// Runs each test on both store pairs.
macro_rules! both_pairs {
    ($($(#[$meta:meta])* async fn $name:ident($pair:ident) $body:block)*) => {
        $(mod $name {
            use super::*;

            $(#[$meta])*
            async fn run($pair: crate::world::Pair) $body

            #[tokio::test(flavor = "multi_thread")]
            async fn embedded() {
                run(crate::world::Pair::Embedded).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn shared() {
                run(crate::world::Pair::Shared).await;
            }
        })*
    };
}

#[derive(Debug)]
pub struct World {
    pub entra: Entra,
    pub app: Echo,
    pub edge: Edge,
    pub gatepost: Gatepost,
    pub stores: Stores,
    pub authority: Authority,
    pub builder: GatepostBuilder,
}

/// How a world differs from the plain one.
#[derive(Debug, Default)]
pub struct Plan {
    variables: Vec<(String, String)>,
    without: Vec<String>,
    routes: Vec<(String, String)>,
}

impl Plan {
    /// Sets a variable of Gatepost's environment.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Leaves out a variable that every world has.
    pub fn without(mut self, name: &str) -> Self {
        self.without.push(name.to_owned());
        self
    }

    /// Protects one more host, with this requirement.
    pub fn route(mut self, host: &str, requirement: &str) -> Self {
        self.routes.push((host.to_owned(), requirement.to_owned()));
        self
    }

    pub async fn start(self, pair: Pair) -> World {
        let entra = Entra::start().await;
        self.start_with(pair, entra).await
    }

    pub async fn start_with(self, pair: Pair, entra: Entra) -> World {
        let authority = Authority::for_names(["*.example.test", "*.example.org", "*.example.net"]);
        let edge = Edge::builder().tls(&authority).start().await.unwrap();
        let port = edge.addr().port();
        let (stores, store_variables) = stores(pair).await;
        entra.register_redirect_uri(&format!("https://{PUBLIC}:{port}/callback/entra"));
        entra.register_redirect_uri(&format!("https://{PUBLIC}:{port}/logged-out"));
        let builder = Gatepost::builder(env!("CARGO_BIN_EXE_gatepost"))
            .env("GATEPOST_PUBLIC_URL", format!("https://{PUBLIC}:{port}"))
            .env("GATEPOST_HOSTS", format!("*.example.test:{port},*.example.org:{port}"))
            .envs(kind(&entra))
            .env("GATEPOST_PROVIDERS__ENTRA__CLIENT_ID", entra.client_id())
            .env("GATEPOST_PROVIDERS__ENTRA__CLIENT_SECRET", entra.client_secret())
            .internal(free_addr())
            .public(free_addr())
            .folder(stores.folder())
            .envs(store_variables)
            .envs(memory())
            .envs(self.variables);
        let builder = self.without.iter().fold(builder, |builder, name| builder.without(name));
        let gatepost = builder.start().await;
        gatepost.wait_ready().await;
        let app = Echo::start().await;
        edge.set_route(PUBLIC, Route::open(gatepost.public()));
        let plain = [(APP.to_owned(), String::new()), (OTHER.to_owned(), String::new())];
        for (host, requirement) in plain.iter().chain(&self.routes) {
            edge.set_route(host, Route::gated(gatepost.verify_url(requirement), app.addr()));
        }
        World { entra, app, edge, gatepost, stores, authority, builder }
    }
}

/// The settings of the provider's kind; its id is `entra` in either.
fn kind(entra: &Entra) -> Vec<(String, String)> {
    let settings = match entra.style() {
        Style::Entra => {
            vec![("KIND", "entra".to_owned()), ("AUTHORITY", entra.authority()), ("TENANT_ID", entra.tid())]
        }
        Style::Oidc => vec![("KIND", "oidc".to_owned()), ("ISSUER", entra.issuer())],
    };
    let named = |(name, value)| (format!("GATEPOST_PROVIDERS__ENTRA__{name}"), value);
    settings.into_iter().map(named).collect()
}

pub async fn stores(pair: Pair) -> (Stores, Vec<(String, String)>) {
    let folder = TempDir::new().unwrap();
    if pair == Pair::Embedded {
        return (Stores::Embedded(folder), Vec::new());
    }
    let redis = Redis::start().await;
    let database = migrated_database().await;
    let variables = vec![
        ("REDIS_URL".to_owned(), redis.url()),
        ("DATABASE_URL".to_owned(), database.to_string()),
        ("GATEPOST_SECRET_KEYS".to_owned(), "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=".to_owned()),
    ];
    (Stores::Shared { redis, database, folder }, variables)
}

/// A database of its own on the shared server, with the schema as the migrations leave it: they run once, and each further
/// database is a copy.
pub async fn migrated_database() -> Database {
    let migrate = async |url: String| {
        let stores = StoresConfig::Shared { redis_url: "redis://unused".into(), database_url: url.into() };
        Directory::open(&stores, None).unwrap().migrate().await.unwrap();
    };
    Postgres::shared().await.copy_of(migrate).await
}

impl Stores {
    pub fn folder(&self) -> &std::path::Path {
        match self {
            Self::Embedded(folder) | Self::Shared { folder, .. } => folder.path(),
        }
    }
}

impl World {
    /// The plain world with one person, Alice, in one group.
    pub async fn start(pair: Pair) -> Self {
        let world = Plan::default().start(pair).await;
        world.entra.add(alice());
        world
    }

    /// A browser, in front of which sits nobody yet.
    ///
    /// Its person is patient: on a busy machine a store may miss its deadline. Tests of outages use `impatient()`.
    pub fn browser(&self) -> Client {
        let entra = self.entra.addr();
        let host = entra.ip().to_string();
        Client::builder()
            .everywhere(self.edge.addr())
            .host(&host, entra)
            .trust(&self.authority)
            .build()
            .patient()
    }

    /// A browser in which this person has signed in and seen `APP`.
    pub async fn signed_in(&self, who: &str) -> Client {
        self.entra.at_the_browser(Some(who));
        let browser = self.browser();
        let trip = browser.navigate(&self.url(APP, "/")).await;
        assert_eq!(trip.end().status, 200, "{}\n{}", trip.describe(), trip.end().body);
        browser
    }

    pub fn url(&self, host: &str, path: &str) -> String {
        self.edge.url(host, path)
    }

    /// Runs a subcommand of the command line on this world's configuration; returns what it prints, when the replica
    /// has heard of what it changed.
    pub async fn cli(&self, arguments: &[&str]) -> String {
        let stdout = self.run(arguments).await;
        if !only_reads(arguments) {
            self.has_heard().await;
        }
        stdout
    }

    /// As [`World::cli`] for several subcommands, one after the other; waits once, for all of them.
    pub async fn cli_all(&self, commands: &[&[&str]]) {
        for arguments in commands {
            self.run(arguments).await;
        }
        self.has_heard().await;
    }

    async fn run(&self, arguments: &[&str]) -> String {
        let (code, stdout, stderr) = run_command(&self.builder, arguments).await;
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments:?}: {stdout}");
        stdout
    }

    /// Waits until the replica has heard of everything that was committed before; while the directory cannot be
    /// reached it looks everything up, and there is nothing to wait for.
    pub async fn has_heard(&self) {
        heard(self.gatepost.internal()).await;
    }

    /// As [`World::cli`], for what is refused; returns the error.
    pub async fn cli_refuses(&self, arguments: &[&str]) -> String {
        let (code, stdout, stderr) = run_command(&self.builder, arguments).await;
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{arguments:?}: {stderr}");
        stderr
    }
}

/// Whether a subcommand changes nothing of which a replica could hear.
fn only_reads(arguments: &[&str]) -> bool {
    arguments.contains(&"--dry-run")
        || matches!(
            arguments,
            ["access" | "audit" | "explain" | "export" | "openapi", ..]
                | [_, "list" | "members" | "show", ..]
        )
}

/// Runs a subcommand; returns its exit code, standard output and standard error.
pub async fn run_command(builder: &GatepostBuilder, arguments: &[&str]) -> (Option<i32>, String, String) {
    let command = arguments.iter().fold(builder.clone(), |command, argument| command.arg(*argument));
    let output = command.run().await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

pub const MCP_GITHUB: &str = "00000000-0000-4000-8000-00000000a001";

/// One group, no admin.
pub fn alice() -> Person {
    Person::named("alice").group(MCP_GITHUB, "MCP-GitHub")
}

/// `GATEPOST_TEST_CACHE_MEMORY=0` runs all worlds without passes in memory: nothing may depend on them.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests")]
fn memory() -> Vec<(String, String)> {
    let chosen = std::env::var("GATEPOST_TEST_CACHE_MEMORY").ok();
    chosen.map(|memory| ("GATEPOST_VERIFY__CACHE_MEMORY".to_owned(), memory)).into_iter().collect()
}

/// Whether worlds have passes in memory.
pub fn remembers() -> bool {
    memory().iter().all(|(_, memory)| memory != "0")
}

/// Waits until the replica at `internal` has heard of everything that was committed before.
pub async fn heard(internal: SocketAddr) {
    let Some(before) = renewals(internal).await else { return };
    // The time between two of them (`RENEWAL` in crates/runtime/src/invalidation): there is nothing to see before.
    sleep(Duration::from_millis(250)).await;
    let limit = Duration::from_secs(3);
    // The first may have been sent before; the second was not.
    let both = until("two renewals", limit * 2, async || {
        renewals(internal).await.is_none_or(|now| now >= before + 2).then_some(())
    });
    let _ = timeout(limit, both).await;
}

/// How often the replica at `internal` has renewed its lease; `None`: it does not answer.
pub async fn renewals(internal: SocketAddr) -> Option<u64> {
    let metrics = find_ok(internal, "/metrics").await?;
    let line = metrics.lines().find(|line| line.starts_with("gatepost_lease_renewals_total "))?;
    line.rsplit(' ').next()?.parse().ok()
}
