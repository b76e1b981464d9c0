//! The folder that an operator deploys from: `.env` and what `deploy/prepare.sh` makes beside the Compose file, and the
//! Compose file as the Compose library reads it there.

use super::{read, repository};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const COMPOSE: &str = "docker-compose.hetzner.yml";

/// A prepared folder; removed with its guard.
#[derive(Debug)]
pub struct Folder(TempDir);

impl Folder {
    /// Brings in what counts and runs the script.
    pub fn prepare() -> Self {
        let folder = Self(TempDir::new().unwrap());
        std::fs::create_dir(folder.path("deploy")).unwrap();
        // A link: a copy may still be open for writing in a process that another test starts at this moment, and a file that
        // is open for writing cannot be executed.
        std::os::unix::fs::symlink(repository("deploy/prepare.sh"), folder.path("deploy/prepare.sh"))
            .unwrap();
        std::fs::copy(repository(COMPOSE), folder.path(COMPOSE)).unwrap();
        std::fs::write(folder.path(".env"), read(".env.example")).unwrap();
        folder.run_prepare();
        folder
    }

    /// Runs `deploy/prepare.sh` and returns what it says.
    pub fn run_prepare(&self) -> String {
        let output = Command::new(self.path("deploy/prepare.sh")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A secret's text, without the newline at its end.
    pub fn secret(&self, name: &str) -> String {
        std::fs::read_to_string(self.path("secrets").join(name)).unwrap().trim_end().to_owned()
    }

    /// The Compose file, merged, interpolated and normalised, with the services of all profiles.
    pub fn compose(&self) -> Value {
        normalise(&self.path(COMPOSE), &self.path(".env")).unwrap_or_else(|fault| panic!("{fault}"))
    }

    /// The same with the services of these profiles and of none, as `docker compose up` starts them.
    pub fn compose_with(&self, profiles: &[&str]) -> Value {
        let read = read_compose(&self.path(COMPOSE), &self.path(".env"), Some(profiles.join(",")));
        read.unwrap_or_else(|fault| panic!("{profiles:?}: {fault}"))
    }
}

/// A Compose file with all profiles as the Compose library reads it, or what it finds wrong.
pub fn normalise(file: &Path, env_file: &Path) -> Result<Value, String> {
    read_compose(file, env_file, None)
}

fn read_compose(file: &Path, env_file: &Path, profiles: Option<String>) -> Result<Value, String> {
    let built = Command::new(repository("script/compose")).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let program = String::from_utf8(built.stdout).unwrap();
    let output = Command::new(program.trim()).arg(file).arg(env_file).args(profiles).output().unwrap();
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
