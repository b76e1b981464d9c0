//! `gatepost copy`: from one file to Postgres and Redis, and back.

mod full;
mod interrupted;
mod killed;
mod populated;
mod refusals;
mod schema;

use crate::world::{APP, OTHER, PUBLIC, Pair, World, run_command};
use gatepost_kit::client::Client;
use gatepost_kit::entra::{Endpoint, Person};
use gatepost_kit::process::{Gatepost, GatepostBuilder, Postgres, Redis, RedisCluster};
use populated::fill;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// An embedded world that is to be copied, and where to.
struct Move {
    world: World,
    file: PathBuf,
    postgres: String,
    redis: Redis,
}

impl Move {
    async fn begin() -> Self {
        let world = World::start(Pair::Embedded).await;
        let file = world.stores.folder().join("gatepost.db");
        Self { world, file, postgres: Postgres::shared().await.database().await, redis: Redis::start().await }
    }

    /// The settings for the new stores.
    fn shared(&self) -> GatepostBuilder {
        let keys = format!("{}.keys", self.file.display());
        self.world
            .builder
            .clone()
            .env("DATABASE_URL", &self.postgres)
            .env("REDIS_URL", self.redis.url())
            .env("GATEPOST_SECRET_KEYS_FILE", keys)
    }

    fn embedded(&self, file: &Path) -> GatepostBuilder {
        self.shared().without("REDIS_URL").env("DATABASE_URL", format!("sqlite://{}", file.display()))
    }

    async fn stop(&self, gatepost: &Gatepost) {
        gatepost.sigkill();
        gatepost.wait_exit().await;
    }

    async fn copy(&self, more: &[&str]) -> (Option<i32>, String, String) {
        let from = format!("sqlite:{}", self.file.display());
        copy(&self.shared(), &from, &self.postgres, more).await
    }

    async fn copy_all(&self) -> String {
        let redis = self.redis.url();
        succeeded(self.copy(&["--sessions", &redis]).await)
    }
}

async fn copy(
    builder: &GatepostBuilder,
    from: &str,
    to: &str,
    more: &[&str],
) -> (Option<i32>, String, String) {
    run_command(builder, &[&["copy", "--from", from, "--to", to], more].concat()).await
}

fn succeeded((code, stdout, stderr): (Option<i32>, String, String)) -> String {
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    stdout
}

fn refused((code, stdout, stderr): (Option<i32>, String, String)) -> String {
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
    stderr
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_was_signed_in_before_is_signed_in_after_and_again_after_the_way_back() {
    let moved = Move::begin().await;
    let world = &moved.world;
    let browser = world.signed_in("alice").await;
    let ended = world.signed_in("alice").await;
    let id = world.cli(&["session", "list", "alice@example.com", "--json"]).await;
    let sessions: serde_json::Value = serde_json::from_str(&id).unwrap();
    assert_eq!(sessions.as_array().unwrap().len(), 2);
    let is_open = async |browser: &Client| browser.fetch(&world.url(APP, "/")).await.status == 200;
    assert!(is_open(&browser).await && is_open(&ended).await);
    let asked = world.entra.count(Endpoint::Token);

    moved.stop(&world.gatepost).await;
    // The last moment of a server that was killed: the directory knows of the end, the record is still there.
    let hash = sessions[0]["hash"].as_str().unwrap();
    let sql = format!(
        "INSERT INTO ended_sessions SELECT x'{hash}', id, created_at, 253402300799 FROM users WHERE email = 'alice@example.com'"
    );
    fill(&moved.file, &sql).await;
    let text = moved.copy_all().await;
    assert!(text.contains("\n1 sessions were copied; 1 have ended, and were left behind.\n"), "{text}");
    let gatepost = moved.shared().start().await;
    gatepost.wait_ready().await;
    let open = [is_open(&browser).await, is_open(&ended).await];
    assert_eq!(
        open.iter().filter(|open| **open).count(),
        1,
        "{open:?}: the cookies of the application's host"
    );
    let (browser, ended) = if open[0] { (browser, ended) } else { (ended, browser) };
    let trip = browser.navigate(&world.url(OTHER, "/")).await;
    assert_eq!(trip.end().status, 200, "{}", trip.describe());
    assert_eq!(world.entra.count(Endpoint::Token), asked, "the provider was not asked");
    let listed = run_command(&moved.shared(), &["session", "list", "alice@example.com", "--json"]).await;
    let listed: serde_json::Value = serde_json::from_str(&succeeded(listed)).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 1, "sign-out finds the session");
    let verdict = succeeded(run_command(&moved.shared(), &["audit", "verify"]).await);
    assert!(verdict.starts_with("The audit is whole"), "{verdict}");

    moved.stop(&gatepost).await;
    let folder = TempDir::new().unwrap();
    let back = folder.path().join("back.db");
    let (redis, to) = (moved.redis.url(), format!("sqlite:{}", back.display()));
    let text = succeeded(copy(&moved.embedded(&back), &moved.postgres, &to, &["--sessions", &redis]).await);
    assert!(text.contains("\n1 sessions were copied; "), "{text}");
    let gatepost = moved.embedded(&back).start().await;
    gatepost.wait_ready().await;
    assert!(is_open(&browser).await);
    let trip = browser.navigate(&format!("https://{PUBLIC}:{}/", world.edge.addr().port())).await;
    assert_eq!(trip.end().status, 200, "{}", trip.describe());
    assert!(!is_open(&ended).await);
    assert_eq!(world.entra.count(Endpoint::Token), asked, "the provider was not asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_copied_into_a_cluster_and_cannot_be_read_back_from_it() {
    let (moved, cluster) = (Move::begin().await, RedisCluster::start().await);
    let world = &moved.world;
    let browser = world.signed_in("alice").await;
    let asked = world.entra.count(Endpoint::Token);
    moved.stop(&world.gatepost).await;
    let (from, url) = (format!("sqlite:{}", moved.file.display()), cluster.url());
    let shared = moved.shared().env("REDIS_URL", &url);
    let text = succeeded(copy(&shared, &from, &moved.postgres, &["--sessions", &url]).await);
    assert!(text.contains("\n1 sessions were copied; "), "{text}");
    let gatepost = shared.start().await;
    gatepost.wait_ready().await;
    let trip = browser.navigate(&world.url(OTHER, "/")).await;
    assert_eq!(trip.end().status, 200, "{}", trip.describe());
    assert_eq!(world.entra.count(Endpoint::Token), asked, "the provider was not asked");

    moved.stop(&gatepost).await;
    let folder = TempDir::new().unwrap();
    let back = folder.path().join("back.db");
    let to = format!("sqlite:{}", back.display());
    let embedded = moved.embedded(&back);
    let refusal = refused(copy(&embedded, &moved.postgres, &to, &["--sessions", &url]).await);
    assert!(refusal.contains("Redis Cluster") && refusal.contains("cannot be listed"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_erased_after_the_move_does_not_come_back_with_the_old_file() {
    let moved = Move::begin().await;
    let world = &moved.world;
    world.entra.add(Person::named("bob"));
    let browser = world.signed_in("bob").await;
    let create = ["user", "create"];
    for address in ["anna@example.com", "carl@example.com"] {
        world.cli(&[&create[..], &[address]].concat()).await;
    }
    let bob: serde_json::Value =
        serde_json::from_str(&world.cli(&["user", "show", "bob@example.com", "--json"]).await).unwrap();
    moved.stop(&world.gatepost).await;
    moved.copy_all().await;
    succeeded(run_command(&moved.shared(), &[&create[..], &["new@example.com"]].concat()).await);
    for address in ["bob@example.com", "new@example.com"] {
        succeeded(run_command(&moved.shared(), &["user", "erase", address, "--confirm", address]).await);
    }

    let undone = succeeded(moved.copy(&["--undo", "--json"]).await);
    let undone: serde_json::Value = serde_json::from_str(&undone).unwrap();
    let id = bob["id"].as_str().unwrap();
    assert_eq!(undone["erased_again"], serde_json::json!([format!("user {id}")]), "{undone}");
    let people = succeeded(run_command(&world.builder, &["user", "list"]).await);
    assert!(people.contains("anna@example.com") && !people.contains("bob@example.com"), "{people}");
    let gatepost = world.builder.clone().start().await;
    gatepost.wait_ready().await;
    assert_eq!(browser.fetch(&world.url(APP, "/")).await.status, 401, "he is signed in nowhere");

    moved.stop(&gatepost).await;
    let again = Postgres::shared().await.database().await;
    let from = format!("sqlite:{}", moved.file.display());
    succeeded(copy(&moved.shared(), &from, &again, &[]).await);
    succeeded(
        run_command(
            &moved.shared().env("DATABASE_URL", &again),
            &["user", "erase", "anna@example.com", "--confirm", "anna@example.com"],
        )
        .await,
    );
    let undone =
        succeeded(copy(&moved.shared(), &from, "postgres://gatepost@127.0.0.1:1/gone", &["--undo"]).await);
    assert!(undone.contains("Whoever was erased there since is here again"), "{undone}");
    assert!(succeeded(run_command(&world.builder, &["user", "list"]).await).contains("anna@example.com"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_moved_is_refused_until_the_mark_is_taken_away() {
    let moved = Move::begin().await;
    moved.stop(&moved.world.gatepost).await;
    let text = moved.copy_all().await;
    assert!(text.contains("The source is marked as moved"), "{text}");
    let peer = moved.postgres.rsplit('@').next().unwrap();

    let serve = moved.world.builder.clone().elsewhere().spawn();
    assert!(!serve.wait_exit().await.success());
    let log = serve.logs().join("\n");
    assert!(log.contains("was moved to postgres://") && log.contains(peer), "{log}");
    let refusal = refused(run_command(&moved.world.builder, &["user", "list"]).await);
    assert!(refusal.contains("was moved to postgres://"), "{refusal}");
    let again = refused(moved.copy(&[]).await);
    assert!(again.contains("is complete: it was copied from sqlite:"), "{again}");
    assert!(succeeded(moved.copy(&["--verify-only"]).await).contains("hold the same"));

    succeeded(run_command(&moved.shared(), &["user", "create", "bob@example.com"]).await);
    let differs = refused(moved.copy(&["--verify-only"]).await);
    assert!(differs.contains("the stores differ in users, first at id \""), "{differs}");
    assert!(differs.contains("only the target has this row"), "{differs}");
    let undone = succeeded(moved.copy(&["--undo"]).await);
    assert!(undone.contains("The audit of the other store has 1 entries since"), "{undone}");
    let gatepost = moved.world.builder.clone().elsewhere().start().await;
    gatepost.wait_ready().await;
    let refusal = refused(moved.copy(&["--undo"]).await);
    assert!(refusal.contains("is in use by gatepost serve"), "{refusal}");
}
