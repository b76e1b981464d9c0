//! The backup job and the restore, as the containers run them, on a real Postgres: what was dumped comes back, what
//! cannot be read again never gets a dump's name, and a restore that fails changes nothing.

use super::repository;
use crate::world::{APP, MCP_GITHUB, Pair, Stores, World};
use gatepost_core::clock::Timestamp;
use gatepost_kit::process::{Postgres, Running, find_ok, until};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use tempfile::TempDir;

const TIMEOUT: Duration = Duration::from_secs(20);

/// One of the two scripts, with the connection in libpq's variables and `gatepost` at hand.
#[expect(clippy::disallowed_methods, reason = "the script finds programs where the tests find them")]
pub fn script(name: &str, url: &str, dumps: &Path) -> Command {
    let url = url::Url::parse(url).unwrap();
    let mut command = Command::new(repository(&format!("deploy/backup/{name}")));
    let binary = Path::new(env!("CARGO_BIN_EXE_gatepost")).parent().unwrap().display().to_string();
    command
        .env("PATH", format!("{binary}:{}", std::env::var("PATH").unwrap()))
        .env("PGHOST", url.host_str().unwrap())
        .env("PGPORT", url.port().unwrap().to_string())
        .env("PGUSER", url.username())
        .env("PGDATABASE", url.path().trim_start_matches('/'))
        .env("BACKUP_DIR", dumps);
    command
}

/// As [`script`], where `gatepost` is not installed.
#[expect(clippy::disallowed_methods, reason = "the script finds programs where the tests find them")]
pub fn script_alone(name: &str, url: &str, dumps: &Path) -> Command {
    let mut command = script(name, url, dumps);
    command.env("PATH", std::env::var("PATH").unwrap());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// Runs it to its end, off the test's own threads.
pub async fn run(mut command: Command) -> (bool, String) {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    (output.status.success(), said(&output))
}

/// Names of the folder's files, sorted, without the one that names what was erased.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with("erasures-"))
        .collect();
    names.sort();
    names
}

pub fn database(world: &World) -> String {
    match &world.stores {
        Stores::Shared { database, .. } => database.to_string(),
        Stores::Embedded(_) => panic!("a world without Postgres"),
    }
}

pub async fn dump(url: &str, dumps: &Path) -> PathBuf {
    let mut command = script("backup.sh", url, dumps);
    command.arg("now");
    let (is_done, said) = run(command).await;
    assert!(is_done, "{said}");
    dumps.join(names(dumps).pop().unwrap())
}

pub async fn stop(world: &World) {
    world.gatepost.sigterm();
    assert!(world.gatepost.wait_exit().await.success());
}

pub async fn start(world: &mut World) {
    world.gatepost = world.builder.start().await;
    world.gatepost.wait_ready().await;
}

pub async fn restore(url: &str, dumps: &Path, file: &Path) -> (bool, String) {
    let mut command = script("restore.sh", url, dumps);
    command.arg(file);
    run(command).await
}

/// And why the manual says to empty Redis: who was shut out after the dump is not shut out in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_directory_is_as_it_was_and_needs_an_empty_redis() {
    let mut world = World::start(Pair::Shared).await;
    let (dumps, url) = (TempDir::new().unwrap(), database(&world));
    let browser = world.signed_in("alice").await;
    world.cli(&["group", "link", "MCP-GitHub", &format!("entra:{MCP_GITHUB}")]).await;
    world.cli(&["admin", "grant", "alice@example.com"]).await;
    let before = world.cli(&["user", "show", "alice@example.com", "--json"]).await;
    let file = dump(&url, dumps.path()).await;

    world.cli(&["group", "unlink", &format!("entra:{MCP_GITHUB}")]).await;
    world.cli(&["admin", "revoke", "alice@example.com"]).await;
    world.cli(&["user", "disable", "alice@example.com"]).await;
    until("the change to count", TIMEOUT, async || {
        (browser.get(&world.url(APP, "/")).await.status != 200).then_some(())
    })
    .await;

    stop(&world).await;
    let (is_done, said) = restore(&url, dumps.path(), &file).await;
    assert!(is_done && said.contains(": 1 people") && said.contains("empty Redis"), "{said}");
    start(&mut world).await;
    assert_eq!(world.cli(&["user", "show", "alice@example.com", "--json"]).await, before);
    assert_eq!(browser.get(&world.url(APP, "/")).await.status, 200);

    stop(&world).await;
    if let Stores::Shared { redis, .. } = &world.stores {
        redis.flushall();
    }
    start(&mut world).await;
    assert_eq!(browser.get(&world.url(APP, "/")).await.status, 302);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_cannot_be_done_changes_nothing() {
    let world = World::start(Pair::Shared).await;
    let (dumps, url) = (TempDir::new().unwrap(), database(&world));
    world.signed_in("alice").await;
    let file = dump(&url, dumps.path()).await;
    let (is_done, said) = restore(&url, dumps.path(), &file).await;
    assert!(!is_done && said.contains("stop Gatepost first"), "{said}");

    stop(&world).await;
    let whole = std::fs::read(&file).unwrap();
    let cut = dumps.path().join("cut.dump");
    std::fs::write(&cut, &whole[..whole.len() * 9 / 10]).unwrap();
    let none = dumps.path().join("none.dump");
    std::fs::write(&none, "not a dump").unwrap();
    for broken in [cut, none] {
        let (is_done, said) = restore(&url, dumps.path(), &broken).await;
        assert!(!is_done && (said.contains("nothing was changed") || said.contains("no dump")), "{said}");
    }
    assert!(world.cli(&["user", "list"]).await.contains("alice@example.com"));
}

/// `backup.sh drill`.
pub async fn drill(url: &str, dumps: &Path, identity: Option<&Path>) -> (bool, String) {
    let mut command = script("backup.sh", url, dumps);
    command.arg("drill").envs(identity.map(|file| ("BACKUP_IDENTITY_FILE", file)));
    run(command).await
}

async fn stores_shown(world: &World) -> serde_json::Value {
    serde_json::from_str(&world.cli(&["store", "show", "--json"]).await).unwrap()
}

/// What drills of this database have left beside it.
async fn scratch_databases(url: &str) -> String {
    let (server, database) = (Postgres::shared().await, url.rsplit('/').next().unwrap());
    let sql = format!("SELECT count(*) FROM pg_database WHERE datname LIKE '{database}\\_drill\\_%'");
    server.sql("postgres", &sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_restores_the_newest_dump_beside_a_serving_gatepost_which_says_when() {
    let world = World::start(Pair::Shared).await;
    let (dumps, url) = (TempDir::new().unwrap(), database(&world));
    let alice = world.signed_in("alice").await;
    let (is_done, said) = drill(&url, dumps.path(), None).await;
    assert!(!is_done && said.contains("there is no dump"), "{said}");
    let old = dumps.path().join(format!("{}-20260101T000000Z.dump", url.rsplit('/').next().unwrap()));
    std::fs::write(old, "not a dump, and not the newest").unwrap();
    dump(&url, dumps.path()).await;
    let shown = stores_shown(&world).await;
    for name in ["last_drill", "last_backup"] {
        assert_eq!(shown["directory"][name], serde_json::Value::Null, "{shown}");
    }

    let (is_done, said) = drill(&url, dumps.path(), None).await;
    assert!(is_done && said.contains("can be restored: 1 people"), "{said}");
    assert_eq!(scratch_databases(&url).await, "0");
    assert_eq!(alice.fetch(&world.url(APP, "/")).await.status, 200);
    let shown = stores_shown(&world).await;
    let at = |name: &str| shown["directory"][name].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert!(at("last_backup") <= at("last_drill") && at("last_backup").unix() > 1_790_000_000, "{shown}");
    let text = world.cli(&["store", "show"]).await;
    let backup = shown["directory"]["last_backup"].as_str().unwrap();
    assert!(text.lines().any(|line| line.contains("Last backup") && line.contains(backup)), "{text}");
    // The metric is read at the start, and each minute from then on.
    let replica = world.builder.clone().elsewhere().start().await;
    until("the metric", TIMEOUT, async || {
        let told = find_ok(replica.internal(), "/metrics").await?;
        let at = told.lines().find_map(|line| line.strip_prefix("gatepost_backup_drilled_timestamp "))?;
        at.parse::<u64>().ok().filter(|at| *at > 1_700_000_000)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_of_a_dump_that_gatepost_could_not_serve_fails_and_notes_nothing() {
    let world = World::start(Pair::Shared).await;
    let (dumps, url) = (TempDir::new().unwrap(), database(&world));
    let server = Postgres::shared().await;
    let name = url.rsplit('/').next().unwrap();
    let whole = dump(&url, dumps.path()).await;
    let newer = "INSERT INTO gatepost.migrations SELECT 29991231000000, description, installed_on, success, checksum, \
                 execution_time FROM gatepost.migrations LIMIT 1";
    server.sql(name, newer).await;
    std::fs::remove_file(&whole).unwrap();
    let of_newer = dump(&url, dumps.path()).await;
    let (is_done, said) = drill(&url, dumps.path(), None).await;
    assert!(!is_done && said.contains("schema-newer") && said.contains("finds errors"), "{said}");
    let mut command = script_alone("backup.sh", &url, dumps.path());
    command.arg("drill");
    let (is_done, said) = run(command).await;
    assert!(!is_done && said.contains("gatepost is not installed here"), "{said}");
    let bytes = std::fs::read(&of_newer).unwrap();
    std::fs::write(&of_newer, &bytes[..bytes.len() * 9 / 10]).unwrap();
    let (is_done, said) = drill(&url, dumps.path(), None).await;
    assert!(!is_done && said.contains("cannot be"), "{said}");
    assert_eq!(scratch_databases(&url).await, "0");
    assert_eq!(server.sql(name, "SELECT count(*) FROM gatepost.backup_drills").await, "0");
}

/// A key pair of age: the file with the identity, and the recipient.
fn key_pair(folder: &Path, name: &str) -> (PathBuf, String) {
    let file = folder.join(name);
    let made = Command::new("age-keygen").arg("-o").arg(&file).output().expect("age: Debian package age");
    let told = String::from_utf8_lossy(&made.stderr).into_owned();
    let recipient = told.trim().rsplit(' ').next().unwrap();
    assert!(recipient.starts_with("age1"), "{told}");
    (file, recipient.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_for_a_recipient_is_opened_by_its_identity_only() {
    let world = World::start(Pair::Shared).await;
    let (dumps, keys, url) = (TempDir::new().unwrap(), TempDir::new().unwrap(), database(&world));
    world.signed_in("alice").await;
    let (identity, recipient) = key_pair(keys.path(), "own");
    let mut command = script("backup.sh", &url, dumps.path());
    command.env("BACKUP_RECIPIENT", &recipient).arg("now");
    let (is_done, said) = run(command).await;
    assert!(is_done, "{said}");
    let found = names(dumps.path());
    assert!(matches!(&found[..], [name] if name.ends_with(".dump.age")), "nothing else is left: {found:?}");
    let file = dumps.path().join(&found[0]);
    let dumped = std::fs::read(&file).unwrap();
    assert!(
        dumped.starts_with(b"age-encryption.org/v1") && !dumped.windows(6).any(|six| six == b"PGDMP\x01")
    );
    let mut command = script("backup.sh", &url, dumps.path());
    command.arg("fresh");
    assert!(run(command).await.0, "an encrypted dump is a dump");

    let (is_done, said) = drill(&url, dumps.path(), None).await;
    assert!(!is_done && said.contains("BACKUP_IDENTITY_FILE is not set"), "{said}");
    let (is_done, said) = drill(&url, dumps.path(), Some(&identity)).await;
    assert!(is_done && said.contains("can be restored: 1 people"), "{said}");
    assert_eq!(names(dumps.path()), found, "nothing that is opened is left");

    stop(&world).await;
    let (stranger, _) = key_pair(keys.path(), "stranger");
    for (key, words) in [(None, "BACKUP_IDENTITY_FILE is not set"), (Some(&stranger), "cannot be opened")] {
        let mut command = script("restore.sh", &url, dumps.path());
        command.arg(&file).envs(key.map(|key| ("BACKUP_IDENTITY_FILE", key)));
        let (is_done, said) = run(command).await;
        assert!(!is_done && said.contains(words), "{said}");
    }
    let mut command = script("restore.sh", &url, dumps.path());
    command.arg(&file).env("BACKUP_IDENTITY_FILE", &identity);
    let (is_done, said) = run(command).await;
    assert!(is_done && said.contains(": 1 people"), "{said}");
    assert_eq!(names(dumps.path()), found, "nothing that is opened is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_for_something_that_is_no_recipient_fails_and_leaves_nothing() {
    let world = World::start(Pair::Shared).await;
    let dumps = TempDir::new().unwrap();
    let mut command = script("backup.sh", &database(&world), dumps.path());
    command.env("BACKUP_RECIPIENT", "age1nobody").arg("now");
    let (is_done, said) = run(command).await;
    assert!(!is_done && said.contains("FAILED"), "{said}");
    assert_eq!(names(dumps.path()), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_fails_leaves_nothing_that_looks_like_one() {
    let world = World::start(Pair::Shared).await;
    let dumps = TempDir::new().unwrap();
    let mut command = script("backup.sh", &database(&world), dumps.path());
    command.env("PGDATABASE", "nowhere").arg("now");
    let (is_done, said) = run(command).await;
    assert!(!is_done && said.contains("FAILED"), "{said}");
    assert_eq!(names(dumps.path()), Vec::<String>::new());
    let mut command = script("backup.sh", &database(&world), dumps.path());
    command.arg("fresh");
    assert!(!run(command).await.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_dumps_go_but_the_newest_three_stay() {
    let world = World::start(Pair::Shared).await;
    let (dumps, url) = (TempDir::new().unwrap(), database(&world));
    let name = url.rsplit('/').next().unwrap();
    let old = |day: u32| format!("{name}-202601{day:02}T000000Z.dump");
    for day in 1..=4 {
        let path = dumps.path().join(old(day));
        std::fs::write(&path, "old").unwrap();
        let touched = Command::new("touch").args(["-d", "30 days ago"]).arg(&path).status().unwrap();
        assert!(touched.success());
    }
    std::fs::write(dumps.path().join(".half.dump.draft"), "half").unwrap();
    std::fs::write(dumps.path().join("another.txt"), "not ours").unwrap();
    let newest = dump(&url, dumps.path()).await;
    let newest = newest.file_name().unwrap().to_string_lossy().into_owned();
    let mut left = vec!["another.txt".to_owned(), old(3), old(4)];
    left.push(newest);
    left.sort();
    // The dump that was just made is the newest of the three.
    let mut found = names(dumps.path());
    found.sort();
    assert_eq!(found, left);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daily_job_dumps_at_once_is_healthy_then_and_ends_on_request() {
    let world = World::start(Pair::Shared).await;
    let (dumps, url) = (TempDir::new().unwrap(), database(&world));
    let mut command = script("backup.sh", &url, dumps.path());
    command.arg("daily");
    let job = Running::start("backup.sh", command);
    job.wait_for_line("wrote ", TIMEOUT).await;
    until("the job to be healthy", TIMEOUT, async || {
        let mut command = script("backup.sh", &url, dumps.path());
        command.arg("fresh");
        run(command).await.0.then_some(())
    })
    .await;
    until("the job to sleep", TIMEOUT, async || {
        let children = format!("/proc/{0}/task/{0}/children", job.pid());
        let child = std::fs::read_to_string(children).ok()?.split_whitespace().next()?.to_owned();
        std::fs::read_to_string(format!("/proc/{child}/comm")).ok()?.starts_with("sleep").then_some(())
    })
    .await;
    job.sigterm();
    assert!(job.wait_exit(TIMEOUT).await.success());
}
