//! Who was erased stays erased: backup, erasure, restore, and they are gone. What the file beside the dumps is for, on a real
//! Postgres and with the embedded file, and what happens without it.

use super::backup::{database, drill, dump, restore, run, script, script_alone, start, stop};
use crate::cli::sql;
use crate::world::{APP, Pair, World};
use gatepost_config::StoresConfig;
use gatepost_core::clock::Timestamp;
use gatepost_kit::entra::Person;
use gatepost_kit::process::{Postgres, until};
use gatepost_store::directory::Directory;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const TIMEOUT: Duration = Duration::from_secs(20);
const BOB: &str = "bob@example.com";

/// Alice is an administrator; Bob has signed in, and has a key.
async fn site(pair: Pair) -> World {
    let world = World::start(pair).await;
    world.entra.add(Person::named("bob"));
    for who in ["alice", "bob"] {
        world.signed_in(who).await;
    }
    world
        .cli_all(&[
            &["admin", "grant", "alice@example.com"],
            &["key", "create", "bobs-laptop", "--owner", BOB, "--host", APP, "--json"],
        ])
        .await;
    world
}

async fn id_of(world: &World, address: &str) -> String {
    let shown: Value = serde_json::from_str(&world.cli(&["user", "show", address, "--json"]).await).unwrap();
    shown["id"].as_str().unwrap().to_owned()
}

async fn erase_bob(world: &World) -> String {
    let id = id_of(world, BOB).await;
    world.cli(&["user", "erase", BOB, "--confirm", BOB]).await;
    id
}

/// The file of erasures in this folder.
fn file(folder: &Path) -> PathBuf {
    let found = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found = found.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("erasures-"));
    let file = found.next().expect("the file of erasures");
    assert_eq!(found.next(), None);
    file
}

/// With `RESTORE_ERASURES`.
async fn restore_with(erasures: &str, url: &str, dumps: &Path, dump: &Path) -> (bool, String) {
    let mut command = script("restore.sh", url, dumps);
    command.env("RESTORE_ERASURES", erasures).arg(dump);
    run(command).await
}

/// Nobody with this id is there, and nothing says who it was.
async fn is_gone(world: &World, id: &str) {
    let refused = world.cli_refuses(&["user", "disable", id]).await;
    assert!(refused.contains("was erased"), "{refused}");
    assert!(!world.cli(&["user", "list"]).await.contains(BOB));
    assert!(!world.cli(&["key", "list"]).await.contains("bobs-laptop"));
    let audit = world.cli(&["audit", "list", "--json"]).await;
    assert!(!audit.contains(BOB) && !audit.contains("bobs-laptop"), "{audit}");
    assert_eq!(audit.matches("user.erase").count(), 1, "{audit}");
    assert!(world.cli(&["audit", "verify"]).await.contains("The audit is whole"));
}

/// 30 days after its deletion, by the replica that leads. Call it when none serves.
async fn erase_deleted_tenants(url: &str) {
    let stores = StoresConfig::Shared { redis_url: "redis://unused".into(), database_url: url.into() };
    let directory = Directory::open(&stores, None).unwrap();
    let lead = async || directory.hold_leader_lease("test", None).await.unwrap().term;
    let term = until("the lease", TIMEOUT, lead).await;
    let later = Timestamp::now().plus(Duration::from_hours(31 * 24));
    assert_eq!(directory.leading(term).erase_deleted_tenants(later, 10).await.unwrap(), 1);
    directory.give_leader_lease_back(term).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_erased_after_a_dump_is_gone_after_its_restore() {
    let mut world = site(Pair::Shared).await;
    let (dumps, url) = (TempDir::new().unwrap(), database(&world));
    world.cli_all(&[&["tenant", "create", "acme"], &["tenant", "create", "other"]]).await;
    world.cli(&["tenant", "add-member", "acme", "alice@example.com"]).await;
    let first = dump(&url, dumps.path()).await;
    let bob = erase_bob(&world).await;
    world.cli(&["tenant", "delete", "acme"]).await;
    stop(&world).await;
    erase_deleted_tenants(&url).await;

    // The last backup was before the erasure: the database that is replaced knows of it.
    for _ in 0..2 {
        let (is_done, said) = restore(&url, dumps.path(), &first).await;
        assert!(
            is_done && said.contains("Erased again: 2 of the 2") && said.contains(": 1 people"),
            "{said}"
        );
        start(&mut world).await;
        is_gone(&world, &bob).await;
        let tenants = world.cli(&["tenant", "list"]).await;
        assert!(!tenants.contains("acme") && tenants.contains("other"), "{tenants}");
        stop(&world).await;
    }
    start(&mut world).await;
    world.signed_in("bob").await;
    let new = id_of(&world, BOB).await;
    assert_ne!(new, bob);
    let second = dump(&url, dumps.path()).await;
    stop(&world).await;
    let (is_done, said) = restore(&url, dumps.path(), &second).await;
    assert!(is_done && said.contains("None of the 2") && said.contains(": 2 people"), "{said}");
    start(&mut world).await;
    assert_eq!(id_of(&world, BOB).await, new, "a new person stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_the_file_alone_erases_again() {
    let mut world = site(Pair::Shared).await;
    let (dumps, url) = (TempDir::new().unwrap(), database(&world));
    let first = dump(&url, dumps.path()).await;
    let bob = erase_bob(&world).await;
    let mut command = script("backup.sh", &url, dumps.path());
    command.arg("erasures");
    let (is_done, said) = run(command).await;
    assert!(is_done && said.contains("names everything that was erased. Added: 1."), "{said}");
    let text = fs::read_to_string(file(dumps.path())).unwrap();
    assert!(text.contains(&bob) && !text.contains("bob"), "ids and times alone: {text}");

    stop(&world).await;
    let (server, name) = (Postgres::shared().await, url.rsplit('/').next().unwrap());
    server.sql("postgres", &format!("DROP DATABASE \"{name}\"")).await;
    let (is_done, said) = restore(&url, dumps.path(), &first).await;
    assert!(is_done && said.contains(&format!("user {bob}")), "{said}");
    start(&mut world).await;
    is_gone(&world, &bob).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_could_bring_somebody_back_changes_nothing() {
    let mut world = site(Pair::Shared).await;
    let (dumps, url) = (TempDir::new().unwrap(), database(&world));
    let first = dump(&url, dumps.path()).await;
    let bob = erase_bob(&world).await;
    stop(&world).await;
    let file = file(dumps.path());
    let whole = fs::read_to_string(&file).unwrap();
    let as_it_was = async |(is_done, said): (bool, String), why: &str| {
        assert!(!is_done && said.contains(why), "{said}");
        assert!(!world.cli(&["user", "list"]).await.contains(BOB), "{said}");
    };
    let kept = async || restore_with("kept", &url, dumps.path(), &first).await;

    // The first words of the line that the directory would add.
    fs::write(&file, format!("{whole}user {}", &bob[..20])).unwrap();
    as_it_was(kept().await, "is cut off").await;
    fs::write(&file, format!("{whole}user {BOB}\n")).unwrap();
    as_it_was(kept().await, "is no erasure").await;
    fs::remove_file(&file).unwrap();
    let (is_done, said) = kept().await;
    assert!(said.contains("RESTORE_ERASURES=none") && said.contains("nothing was changed"), "{said}");
    as_it_was((is_done, said), "there is no file").await;
    as_it_was(restore_with("soon", &url, dumps.path(), &first).await, "expected fresh, kept or none").await;
    let mut alone = script_alone("restore.sh", &url, dumps.path());
    alone.arg(&first);
    as_it_was(run(alone).await, "gatepost is not installed here").await;

    // The file of another directory, as where only the dump was taken to a new machine.
    let (server, name) = (Postgres::shared().await, url.rsplit('/').next().unwrap());
    let created = |by: &str| {
        format!("UPDATE gatepost.migrations SET installed_on = installed_on {by} interval '1 day'")
    };
    server.sql(name, &created("+")).await;
    as_it_was(restore(&url, dumps.path(), &first).await, "there is no file").await;
    server.sql(name, &created("-")).await;
    // A database that does not say who was erased.
    server.sql(name, "ALTER TABLE gatepost.tenant_erasures RENAME TO hidden").await;
    as_it_was(restore(&url, dumps.path(), &first).await, "RESTORE_ERASURES=kept").await;
    server.sql(name, "ALTER TABLE gatepost.hidden RENAME TO tenant_erasures").await;

    let (is_done, said) = restore_with("none", &url, dumps.path(), &first).await;
    assert!(is_done && said.contains("who was erased after the dump is back"), "{said}");
    start(&mut world).await;
    assert_eq!(id_of(&world, BOB).await, bob, "as the operator wanted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_line_is_completed_by_the_database_that_is_replaced() {
    let mut world = site(Pair::Shared).await;
    let (dumps, url) = (TempDir::new().unwrap(), database(&world));
    let first = dump(&url, dumps.path()).await;
    let bob = erase_bob(&world).await;
    stop(&world).await;
    let file = file(dumps.path());
    let whole = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{whole}user {}", &bob[..20])).unwrap();
    let (is_done, said) = restore(&url, dumps.path(), &first).await;
    assert!(is_done, "{said}");
    let lines = fs::read_to_string(&file).unwrap();
    assert!(lines.starts_with(&format!("{whole}user {bob} ")) && lines.ends_with("Z\n"), "{lines}");
    start(&mut world).await;
    is_gone(&world, &bob).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_tries_the_file_and_backups_say_when_it_is_not_written() {
    let world = site(Pair::Shared).await;
    let (dumps, url) = (TempDir::new().unwrap(), database(&world));
    let first = dump(&url, dumps.path()).await;
    erase_bob(&world).await;
    let backup = async |words: &str| {
        let mut command = script("backup.sh", &url, dumps.path());
        command.arg(words);
        run(command).await
    };
    assert!(backup("erasures").await.0);
    assert!(backup("fresh").await.0);
    let (is_done, said) = drill(&url, dumps.path(), None).await;
    assert!(
        is_done && said.contains("Erased again: 1 of the 1") && said.contains("can be restored: 1 people"),
        "{said}"
    );

    let file = file(dumps.path());
    let touched = Command::new("touch").args(["-d", "2 days ago"]).arg(&file).status().unwrap();
    assert!(touched.success());
    let (is_fresh, said) = backup("fresh").await;
    assert!(!is_fresh && said.contains("what was erased"), "{said}");
    assert!(
        backup("erasures").await.0 && backup("fresh").await.0,
        "nothing new, and it is known that there is nothing"
    );
    let mut alone = script_alone("backup.sh", &url, dumps.path());
    alone.arg("now");
    fs::remove_file(&first).unwrap();
    let (is_done, said) = run(alone).await;
    assert!(!is_done && said.contains("wrote ") && said.contains("gatepost is not installed here"), "{said}");
    fs::remove_file(&file).unwrap();
    let (is_done, said) = drill(&url, dumps.path(), None).await;
    assert!(!is_done && said.contains("there is no file"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_erased_stays_erased_when_a_copy_of_the_embedded_file_is_put_back() {
    let mut world = site(Pair::Embedded).await;
    let (folder, dumps) = (world.stores.folder().to_owned(), TempDir::new().unwrap());
    let dumps_arg = dumps.path().display().to_string();
    let (live, copy) = (folder.join("gatepost.db"), dumps.path().join("copy.db"));
    sql(&world, AssertSqlSafe(format!("VACUUM INTO '{}'", copy.display()))).await;
    let bob = erase_bob(&world).await;
    let kept = world.cli(&["erasures", "keep", &dumps_arg]).await;
    assert!(kept.contains("Added: 1."), "{kept}");
    stop(&world).await;
    // What the file lacks may lie beside it, and would be read into the copy.
    for beside in ["gatepost.db-wal", "gatepost.db-shm"] {
        let _ = fs::remove_file(folder.join(beside));
    }
    fs::copy(&copy, &live).unwrap();
    fs::set_permissions(&live, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(world.cli(&["user", "list"]).await.contains(BOB), "the copy has him");

    let told = world.cli(&["erasures", "apply", &dumps_arg, "--dry-run"]).await;
    assert!(told.contains("Would be erased again: 1 of the 1") && told.contains("dry run"), "{told}");
    assert!(world.cli(&["user", "list"]).await.contains(BOB));
    let told: Value =
        serde_json::from_str(&world.cli(&["erasures", "apply", &dumps_arg, "--json"]).await).unwrap();
    assert_eq!(
        (&told["erased"], &told["changed"]),
        (&serde_json::json!([format!("user {bob}")]), &true.into()),
        "{told}"
    );
    let told = world.cli(&["erasures", "apply", &dumps_arg]).await;
    assert!(told.starts_with("None of the 1"), "twice in a row: {told}");
    start(&mut world).await;
    is_gone(&world, &bob).await;
    let missing = world.cli_refuses(&["erasures", "apply", &folder.display().to_string()]).await;
    assert!(missing.contains("there is no file") && missing.contains("hint:"), "{missing}");
}
