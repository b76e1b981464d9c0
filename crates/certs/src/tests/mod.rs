//! The folder over time, invalid folders, and TLS handshakes with the certificates.

mod folder;
mod handshake;
mod refused;

use super::{InternalTls, MakeOptions, Outcome, make};
use gatepost_core::clock::Timestamp;
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const DAY: Duration = Duration::from_hours(24);

/// A temporary folder of one test. Its clock starts at the present.
struct Folder {
    root: TempDir,
    now: Timestamp,
}

impl Folder {
    fn new() -> Self {
        Self { root: TempDir::new().expect("a new folder"), now: Timestamp::now() }
    }

    fn filled() -> Self {
        let folder = Self::new();
        folder.make();
        folder
    }

    fn path(&self) -> PathBuf {
        self.root.path().join("certs")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// The same folder, some days later (or earlier).
    fn days_later(self, days: i64) -> Self {
        let now = Timestamp::from_unix(self.now.unix() + days * 86_400);
        Self { now, ..self }
    }

    fn make(&self) -> Outcome {
        self.make_with(&MakeOptions::default())
    }

    #[track_caller]
    fn make_with(&self, options: &MakeOptions) -> Outcome {
        make(&self.path(), options, self.now).unwrap_or_else(|error| panic!("{error}: {error:?}"))
    }

    #[track_caller]
    fn refuses(&self, part: &str) {
        let error = make(&self.path(), &MakeOptions::default(), self.now).expect_err("an error").to_string();
        assert!(error.contains(part), "{part:?} is not in {error:?}");
    }

    #[track_caller]
    fn does_not_serve(&self, part: &str) {
        let error = InternalTls::load_at(&self.path(), self.now).expect_err("an error").to_string();
        assert!(error.contains(part), "{part:?} is not in {error:?}");
    }

    /// The content of every file except the lock.
    fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        contents(&self.path())
    }

    fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.file(name), Permissions::from_mode(mode)).expect("our file");
    }
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let named = files.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()));
    named
        .filter(|(name, _)| name != ".lock")
        .map(|(name, path)| (name, fs::read(path).expect("a file")))
        .collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o7777
}

fn names(names: &[&str]) -> MakeOptions {
    MakeOptions {
        names: names.iter().map(|name| name.parse().expect("a name")).collect(),
        ..MakeOptions::default()
    }
}
