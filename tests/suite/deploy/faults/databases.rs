//! A primary of Postgres and its synchronous standby, which takes its place; the one that is lost is made anew as a standby.

use gatepost_kit::process::{Postgres, until};
use std::net::SocketAddr;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(40);
const STREAMING: &str = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum'";

/// Two places, of which one has the primary.
pub struct Databases {
    places: [Option<Postgres>; 2],
    primary: usize,
    name: String,
}

impl Databases {
    /// Starts both. Each commit waits for the standby, as docs/scaling.md wants it.
    pub async fn start() -> Self {
        let primary = Postgres::private().await;
        let url = primary.database().await;
        let name = url.rsplit('/').next().unwrap().to_owned();
        // What the kit's servers have on their command line is weaker than a role's setting.
        let waits = format!("ALTER ROLE {} SET synchronous_commit = on", Postgres::USER);
        primary.sql("postgres", &waits).await;
        let mut databases = Self { places: [Some(primary), None], primary: 0, name };
        databases.follow().await;
        databases
    }

    /// The name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server that commits.
    pub fn primary(&self) -> &Postgres {
        self.places[self.primary].as_ref().expect("there always is one")
    }

    /// Where the servers listen; a place may be empty.
    pub fn addrs(&self) -> [Option<SocketAddr>; 2] {
        [0, 1].map(|place| self.places[place].as_ref().map(Postgres::addr))
    }

    /// The primary is gone, and its commits with it that no standby has.
    pub async fn lose_primary(&mut self, at_once: bool) {
        let lost = self.places[self.primary].take().expect("there always is one");
        if at_once {
            lost.sigkill();
        } else {
            lost.stop().await;
        }
        self.primary = 1 - self.primary;
    }

    /// The standby commits from now on.
    pub async fn promote(&self) {
        self.primary().promote().await;
    }

    /// Fills the empty place with a standby, for which each commit waits from now on.
    pub async fn follow(&mut self) {
        let primary = self.primary();
        let standby = primary.standby().await;
        primary.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'").await;
        primary.sql("postgres", "SELECT pg_reload_conf()").await;
        until("commits to wait for the standby", TIMEOUT, async || {
            (primary.sql("postgres", STREAMING).await == "1").then_some(())
        })
        .await;
        self.places[1 - self.primary] = Some(standby);
    }
}
