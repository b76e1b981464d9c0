//! TLS to the stores, with servers of their own and an authority that only `GATEPOST_CA_FILE` makes trusted.

use crate::replicas::another_with;
use crate::world::{APP, Pair, Plan, World, alice};
use gatepost_kit::client::Client;
use gatepost_kit::edge::Route;
use gatepost_kit::process::{Authority, Gatepost, Postgres, Redis, RedisCluster, WatchedRedis, until};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

const CA: &str = "GATEPOST_CA_FILE";

/// Both stores over TLS; fields drop in order, so the stores outlive the world.
struct Encrypted {
    world: World,
    redis_url: String,
    _redis: Redis,
    _postgres: Postgres,
    folder: TempDir,
}

impl Encrypted {
    async fn start() -> Self {
        let (authority, folder) = (Authority::new(), TempDir::new().unwrap());
        authority.write(folder.path());
        let (redis, postgres) = (Redis::start().await, Postgres::private().await);
        let redis_url = format!("rediss://{}/0", redis.serve_tls(&authority));
        postgres.serve_tls(&authority).await;
        let database = format!("{}?sslmode=verify-full", postgres.database().await);
        let world = Plan::default()
            .env("REDIS_URL", redis_url.as_str())
            .env("DATABASE_URL", database)
            .env(CA, folder.path().join("ca.pem").display().to_string())
            .start(Pair::Shared)
            .await;
        world.entra.add(alice());
        Self { world, redis_url, _redis: redis, _postgres: postgres, folder }
    }

    /// An authority that signed nothing here.
    fn stranger(&self) -> PathBuf {
        let folder = self.folder.path().join("stranger");
        std::fs::create_dir(&folder).unwrap();
        Authority::new().write(&folder);
        folder.join("ca.pem")
    }
}

async fn names_the_certificate(replica: &Gatepost, store: &str) {
    until("the log to say why", Duration::from_secs(20), async || {
        let is_it = |line: &String| line.contains(store) && line.contains("certificate");
        replica.logs().iter().any(is_it).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_of_a_private_authority_are_trusted_by_the_ca_file() {
    let encrypted = Encrypted::start().await;
    let browser = encrypted.world.signed_in("alice").await;
    assert_eq!(browser.fetch(&encrypted.world.url(APP, "/")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_an_unknown_authority_is_refused_and_logged() {
    let encrypted = Encrypted::start().await;
    let stranger = encrypted.stranger().display().to_string();
    let replica = another_with(&encrypted.world, &[(CA, &stranger)]).await;
    names_the_certificate(&replica, "directory").await;
    assert_eq!(gatepost_kit::process::find_ok(replica.internal(), "/readyz").await, None, "it is not ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_of_an_unknown_authority_is_refused_and_logged() {
    let encrypted = Encrypted::start().await;
    let stranger = encrypted.stranger().display().to_string();
    let plain = Postgres::shared().await.database().await;
    let variables = [(CA, stranger.as_str()), ("DATABASE_URL", &plain), ("REDIS_URL", &encrypted.redis_url)];
    let world = &encrypted.world;
    let browser = world.signed_in("alice").await.impatient();
    let replica = another_with(world, &variables).await;
    world.edge.set_route(APP, Route::gated(replica.verify_url(""), world.app.addr()));
    assert_eq!(browser.fetch(&world.url(APP, "/")).await.status, 503);
    names_the_certificate(&replica, "Redis").await;
}

/// A world on this Redis, which trusts the authority in this folder.
async fn world(redis_url: &str, folder: &TempDir) -> World {
    let ca = folder.path().join("ca.pem").display().to_string();
    let plan = Plan::default().env("REDIS_URL", redis_url).env(CA, ca);
    let world = plan.env("GATEPOST_VERIFY__CACHE_MEMORY", "0").start(Pair::Shared).await;
    world.entra.add(alice());
    world
}

/// An authority, and a folder with its files.
fn authority() -> (Authority, TempDir) {
    let (authority, folder) = (Authority::new(), TempDir::new().unwrap());
    authority.write(folder.path());
    (authority, folder)
}

/// A replica that trusts another authority asks these servers for no session.
async fn refuses_strangers(world: &World, redis_url: &str, browser: &Client) {
    let folder = TempDir::new().unwrap();
    Authority::new().write(folder.path());
    let ca = folder.path().join("ca.pem").display().to_string();
    let replica = another_with(world, &[(CA, &ca), ("REDIS_URL", redis_url)]).await;
    world.edge.set_route(APP, Route::gated(replica.verify_url(""), world.app.addr()));
    assert_eq!(browser.impatient().fetch(&world.url(APP, "/")).await.status, 503);
    names_the_certificate(&replica, "Redis").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_and_the_primary_that_they_name_are_asked_over_tls() {
    let (authority, folder) = authority();
    let redis = WatchedRedis::start_with_tls(&authority).await;
    let world = world(&redis.tls_url(), &folder).await;
    let alice = world.signed_in("alice").await;
    assert_eq!(alice.fetch(&world.url(APP, "/")).await.status, 200);
    redis.settled().await;
    redis.primary.sigkill();
    let (newcomer, _) = super::sentinel::signed_in_again(&world).await;
    for browser in [&alice, &newcomer] {
        assert_eq!(browser.patient().fetch(&world.url(APP, "/")).await.status, 200);
    }
    refuses_strangers(&world, &redis.tls_url(), &newcomer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nodes_of_a_cluster_are_asked_over_tls() {
    let (authority, folder) = authority();
    let cluster = RedisCluster::start_with_tls(&authority).await;
    let world = world(&cluster.tls_url(), &folder).await;
    let mut browsers = Vec::new();
    for _ in 0..4 {
        browsers.push(world.signed_in("alice").await);
    }
    for browser in &browsers {
        assert_eq!(browser.fetch(&world.url(APP, "/")).await.status, 200);
    }
    refuses_strangers(&world, &cluster.tls_url(), &browsers[0]).await;
}
