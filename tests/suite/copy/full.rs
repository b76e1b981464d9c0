//! A copy whose target has no room: it says so, loses nothing, and goes on once there is room.

use super::interrupted::{PEOPLE, begin, until_rows};
use super::populated::fill;
use super::refusals::on_postgres;
use super::{Move, copy, refused, succeeded};
use gatepost_kit::process::GatepostBuilder;
use std::fs::{Permissions, set_permissions, write};
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

/// More than the limit of the test, and than SQLite keeps in its log before it writes the file itself.
const LONG_NAMES: &str = "UPDATE users SET name = printf('%01000d', 0)";
/// In blocks of 512 bytes. The schema with its log is smaller, the rows are larger.
const LIMIT: u32 = 12_000;

fn says_what_to_do(refusal: &str) {
    assert!(refusal.contains(" takes no more data: "), "{refusal}");
    assert!(refusal.contains("make room there, then go on with `--resume`"), "{refusal}");
}

/// The same command with a limit for the size of each file that it writes.
fn limited(builder: &GatepostBuilder, folder: &TempDir) -> GatepostBuilder {
    let (script, binary) = (folder.path().join("limited"), env!("CARGO_BIN_EXE_gatepost"));
    // A write beyond the limit fails, as on a full disk, because the signal is ignored that would end the process.
    write(&script, format!("#!/bin/sh\ntrap '' XFSZ\nulimit -f {LIMIT}\nexec '{binary}' \"$@\"\n")).unwrap();
    set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    builder.clone().through(script)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_can_grow_no_more_is_named_and_the_copy_goes_on_when_it_can() {
    let moved = Move::begin().await;
    moved.stop(&moved.world.gatepost).await;
    fill(&moved.file, PEOPLE).await;
    fill(&moved.file, LONG_NAMES).await;
    succeeded(moved.copy(&[]).await);

    let folder = TempDir::new().unwrap();
    let back = folder.path().join("back.db");
    let (to, builder) = (format!("sqlite:{}", back.display()), moved.embedded(&back));
    let refusal = refused(copy(&limited(&builder, &folder), &moved.postgres, &to, &[]).await);
    says_what_to_do(&refusal);
    let half = refused(copy(&builder, &moved.postgres, &to, &[]).await);
    assert!(half.contains("is half of a copy from postgres:"), "{half}");
    succeeded(copy(&builder, &moved.postgres, &to, &["--resume"]).await);
    let compared = succeeded(copy(&builder, &moved.postgres, &to, &["--verify-only"]).await);
    assert!(compared.contains("hold the same"), "{compared}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_disk_is_full_is_named_and_the_copy_goes_on_when_it_has_room() {
    let moved = Move::begin().await;
    moved.stop(&moved.world.gatepost).await;
    fill(&moved.file, PEOPLE).await;
    let copying = begin(&moved);
    until_rows(&moved.postgres, "users", 5_000).await;
    copying.sigkill();
    copying.wait_exit().await;
    // What a server says whose disk is full. The connection stays.
    let full = "CREATE FUNCTION public.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        RAISE EXCEPTION USING ERRCODE = 'disk_full', MESSAGE = 'could not extend file: No space left on device'; END $$; \
        CREATE TRIGGER full_disk BEFORE INSERT ON gatepost.audit_entries EXECUTE FUNCTION public.full()";
    on_postgres(&moved.postgres, full).await;
    let refusal = refused(moved.copy(&["--resume"]).await);
    says_what_to_do(&refusal);
    assert!(refusal.contains("No space left on device"), "{refusal}");
    on_postgres(&moved.postgres, "DROP TRIGGER full_disk ON gatepost.audit_entries").await;
    succeeded(moved.copy(&["--resume"]).await);
    assert!(succeeded(moved.copy(&["--verify-only"]).await).contains("hold the same"));
}
