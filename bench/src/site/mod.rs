//! A Gatepost with its stores, its people and their sessions, and the bare servers that it is compared with.

mod answers;
mod ground;
mod people;

pub use answers::Answers;
pub use ground::{Bare, Ground, until_at_rest};
pub use people::{GROUP, Person};

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

/// Where state lies.
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

/// What the site is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manner {
    /// `GATEPOST_PUBLIC_URL`.
    pub public_url: String,
    /// `GATEPOST_HOSTS`.
    pub hosts: String,
    /// The application's host.
    pub host: &'static str,
    /// The cookie's name.
    pub cookie: &'static str,
}

impl Manner {
    /// As it is meant to run.
    pub fn production() -> Self {
        Self {
            public_url: "https://auth.example.test".to_owned(),
            hosts: "*.example.test".to_owned(),
            host: "app.example.test",
            cookie: "__Host-gatepost",
        }
    }

    /// Plain HTTP on this port, where browsers' TLS is not what is measured.
    pub fn development(port: u16) -> Self {
        Self {
            public_url: format!("http://auth.localhost:{port}"),
            hosts: format!("http://*.localhost:{port}"),
            host: "app.localhost",
            cookie: "gatepost",
        }
    }
}

/// The provider as Gatepost's settings name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    authority: String,
    tenant: String,
    client: String,
    secret: String,
}

impl Provider {
    /// The fake Entra.
    pub fn of(entra: &Entra) -> Self {
        Self {
            authority: entra.authority(),
            tenant: entra.tid(),
            client: entra.client_id(),
            secret: entra.client_secret(),
        }
    }

    /// One that nobody asks.
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

/// Stores and settings of a Gatepost.
#[derive(Debug)]
pub struct Site {
    /// Where state lies.
    pub stores: Stores,
    /// What it is called.
    pub manner: Manner,
    /// The same settings in this process: makes sessions as Gatepost does.
    pub state: Arc<State>,
    variables: Vec<(String, String)>,
    folder: TempDir,
}

impl Site {
    /// With an embedded file.
    ///
    /// # Errors
    /// Gatepost's own.
    pub async fn embedded(provider: &Provider, manner: Manner) -> io::Result<Self> {
        let folder = TempDir::new()?;
        let database = format!("sqlite://{}", folder.path().join("gatepost.db").display());
        let of_stores = vec![("DATABASE_URL".to_owned(), database)];
        Self::open(provider, manner, folder, Stores::Embedded, of_stores).await
    }

    /// With a Redis and a Postgres of its own, on the load's core.
    ///
    /// # Errors
    /// Gatepost's own.
    pub async fn shared(provider: &Provider, manner: Manner) -> io::Result<Self> {
        let (redis, postgres) = (Redis::start().await, Postgres::private().await);
        let database = postgres.database().await;
        let of_stores = vec![("REDIS_URL".to_owned(), redis.url()), ("DATABASE_URL".to_owned(), database)];
        let stores = Stores::Shared { redis: Box::new(redis), postgres: Box::new(postgres) };
        Self::open(provider, manner, TempDir::new()?, stores, of_stores).await
    }

    async fn open(
        provider: &Provider,
        manner: Manner,
        folder: TempDir,
        stores: Stores,
        of_stores: Vec<(String, String)>,
    ) -> io::Result<Self> {
        let variables = [
            ("GATEPOST_PUBLIC_URL", &manner.public_url),
            ("GATEPOST_HOSTS", &manner.hosts),
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
        Ok(Self { stores, manner, state, variables, folder })
    }

    /// The measured process, to be started.
    pub fn builder(&self, ground: &Ground) -> GatepostBuilder {
        Gatepost::builder(&ground.gatepost).envs(self.variables.clone()).folder(self.folder())
    }

    /// A folder of this site's own.
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

    /// What Gatepost costs, and what the stores do for it.
    pub fn watched(&self, gatepost: &Gatepost) -> Vec<Watched> {
        let mut watched = vec![Watched::new("gatepost", gatepost.running().pid())];
        if let Stores::Shared { redis, postgres } = &self.stores {
            watched.push(Watched::new("redis", redis.pid()));
            watched.push(Watched::family("postgres", postgres.pid()));
        }
        watched
    }
}
