//! A Gatepost with its stores, people and sessions, and the bare servers for comparison.

mod answers;
mod directory;
mod ground;
mod people;
mod tool_list;
mod tool_server;

pub use answers::Answers;
pub use directory::{ADMINS, Size, id_of_person};
pub use ground::{Bare, Ground, until_at_rest};
pub use people::{GROUP, Person};
pub use tool_list::{LISTED, tool_list};

use crate::cpu::Watched;
use gatepost::app::{self, State};
use gatepost_config::Config;
use gatepost_kit::entra::Entra;
use gatepost_kit::process::{Gatepost, GatepostBuilder, Postgres, Redis};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

const KEY: &str = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=";

/// The stores of a Gatepost.
#[derive(Debug)]
pub enum Stores {
    /// One SQLite file.
    Embedded,
    /// Redis and Postgres.
    Shared {
        /// Session records.
        redis: Box<Redis>,
        /// The directory.
        postgres: Box<Postgres>,
    },
}

/// The addresses of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// `GATEPOST_PUBLIC_URL`.
    pub public_url: String,
    /// `GATEPOST_HOSTS`.
    pub hosts: String,
    /// The application's host.
    pub host: &'static str,
    /// The cookie's name.
    pub cookie: &'static str,
}

impl Addresses {
    /// Addresses as in production, with https.
    pub fn production() -> Self {
        Self {
            public_url: "https://auth.example.test".to_owned(),
            hosts: "*.example.test".to_owned(),
            host: "app.example.test",
            cookie: "__Host-gatepost",
        }
    }

    /// Addresses with plain HTTP on this port, for measurements without the browsers' TLS.
    pub fn development(port: u16) -> Self {
        Self {
            public_url: format!("http://auth.localhost:{port}"),
            hosts: format!("http://*.localhost:{port}"),
            host: "app.localhost",
            cookie: "gatepost",
        }
    }
}

/// The settings of the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    authority: String,
    tenant: String,
    client: String,
    secret: String,
}

impl Provider {
    /// The settings for a fake Entra.
    pub fn of(entra: &Entra) -> Self {
        Self {
            authority: entra.authority(),
            tenant: entra.tid(),
            client: entra.client_id(),
            secret: entra.client_secret(),
        }
    }

    /// The settings for a provider that is not called.
    pub fn absent() -> Self {
        let id = "00000000-0000-4000-8000-0000000000bb".to_owned();
        Self {
            authority: "http://127.0.0.1:9".to_owned(),
            tenant: id.clone(),
            client: id,
            secret: "nobody asks".to_owned(),
        }
    }
}

/// The stores and settings of a Gatepost.
#[derive(Debug)]
pub struct Site {
    /// The stores of a Gatepost.
    pub stores: Stores,
    /// The addresses.
    pub addresses: Addresses,
    /// A state with the same settings in this process, to create sessions as Gatepost does.
    pub state: Arc<State>,
    variables: Vec<(String, String)>,
    folder: TempDir,
}

impl Site {
    /// Makes a site with an embedded file.
    ///
    /// # Errors
    /// The settings or the stores cannot be used.
    pub async fn embedded(provider: &Provider, addresses: Addresses) -> io::Result<Self> {
        let folder = TempDir::new()?;
        let database = format!("sqlite://{}", folder.path().join("gatepost.db").display());
        let of_stores = vec![("DATABASE_URL".to_owned(), database)];
        Self::open(provider, addresses, folder, Stores::Embedded, of_stores).await
    }

    /// Makes a site with its own Redis and Postgres, which run on the load's core.
    ///
    /// # Errors
    /// The settings or the stores cannot be used.
    pub async fn shared(provider: &Provider, addresses: Addresses) -> io::Result<Self> {
        let (redis, postgres) = (Redis::start().await, Postgres::private().await);
        let database = postgres.database().await;
        let of_stores = vec![("REDIS_URL".to_owned(), redis.url()), ("DATABASE_URL".to_owned(), database)];
        let stores = Stores::Shared { redis: Box::new(redis), postgres: Box::new(postgres) };
        Self::open(provider, addresses, TempDir::new()?, stores, of_stores).await
    }

    async fn open(
        provider: &Provider,
        addresses: Addresses,
        folder: TempDir,
        stores: Stores,
        of_stores: Vec<(String, String)>,
    ) -> io::Result<Self> {
        let variables = [
            ("GATEPOST_PUBLIC_URL", &addresses.public_url),
            ("GATEPOST_HOSTS", &addresses.hosts),
            ("GATEPOST_SECRET_KEYS", &KEY.to_owned()),
            ("GATEPOST_PROVIDERS__ENTRA__KIND", &"entra".to_owned()),
            ("GATEPOST_PROVIDERS__ENTRA__AUTHORITY", &provider.authority),
            ("GATEPOST_PROVIDERS__ENTRA__TENANT_ID", &provider.tenant),
            ("GATEPOST_PROVIDERS__ENTRA__CLIENT_ID", &provider.client),
            ("GATEPOST_PROVIDERS__ENTRA__CLIENT_SECRET", &provider.secret),
        ];
        let own = variables.into_iter().map(|(name, value)| (name.to_owned(), value.clone()));
        let variables: Vec<(String, String)> = own.chain(of_stores).collect();
        let config = Config::parse("", variables.iter().cloned()).map_err(io::Error::other)?;
        let state = Arc::new(app::build(config).map_err(io::Error::other)?);
        state.stores.directory.migrate().await.map_err(io::Error::other)?;
        Ok(Self { stores, addresses, state, variables, folder })
    }

    /// A builder for the measured process.
    pub fn builder(&self, ground: &Ground) -> GatepostBuilder {
        Gatepost::builder(&ground.gatepost).envs(self.variables.clone()).folder(self.folder())
    }

    /// Runs a command of Gatepost, and returns what it prints.
    ///
    /// # Errors
    /// It failed.
    pub async fn command(builder: GatepostBuilder, arguments: &[&str]) -> io::Result<String> {
        let made = arguments.iter().fold(builder, |builder, argument| builder.arg(*argument)).run().await;
        if made.status.success() {
            return Ok(String::from_utf8_lossy(&made.stdout).trim().to_owned());
        }
        Err(io::Error::other(String::from_utf8_lossy(&made.stderr).into_owned()))
    }

    /// The folder of this site.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the measured process on its core.
    ///
    /// # Errors
    /// The operating system refused.
    pub async fn start(&self, ground: &Ground, builder: &GatepostBuilder) -> io::Result<Gatepost> {
        let gatepost = ground.on_server_core(async { builder.start().await }).await?;
        gatepost.wait_ready().await;
        Ok(gatepost)
    }

    /// The processes to measure: Gatepost and its stores.
    pub fn watched(&self, gatepost: &Gatepost) -> Vec<Watched> {
        let mut watched = vec![Watched::new("gatepost", gatepost.running().pid())];
        if let Stores::Shared { redis, postgres } = &self.stores {
            watched.push(Watched::new("redis", redis.pid()));
            watched.push(Watched::family("postgres", postgres.pid()));
        }
        watched
    }
}
