//! Changes the wall clock of a process with the Debian package `libfaketime`, because the product has no way to change
//! its time in tests. The monotonic clock, which timeouts use, does not change.

use std::path::PathBuf;
use tempfile::TempDir;

/// A clock that a test can change while processes use it.
#[derive(Debug)]
pub struct Clock {
    folder: TempDir,
}

impl Clock {
    /// Makes a clock that is ahead by this many seconds.
    pub fn ahead(seconds: i64) -> Self {
        let clock = Self { folder: TempDir::new().expect("a folder") };
        clock.set(seconds);
        clock
    }

    /// Sets the clock ahead of the machine's by this many seconds.
    pub fn set(&self, seconds: i64) {
        let new = self.folder.path().join("new");
        std::fs::write(&new, format!("{seconds:+}s\n")).expect("the offset is written");
        std::fs::rename(new, self.file()).expect("the offset is in place");
    }

    /// The environment variables of a process that uses this clock.
    pub fn variables(&self) -> Vec<(String, String)> {
        [
            ("LD_PRELOAD", library().display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("offset")
    }
}

fn library() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    folders
        .map(|folder| folder.join("faketime/libfaketimeMT.so.1"))
        .find(|file| file.exists())
        .expect("libfaketime is installed (Debian package libfaketime)")
}
