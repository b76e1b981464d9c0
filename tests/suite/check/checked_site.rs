//! A site that is in order but for what a test breaks, and what `gatepost check` finds.

use crate::world::run_command;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepost_kit::entra::Entra;
use gatepost_kit::process::{Gatepost, GatepostBuilder};
use serde_json::Value;
use tempfile::TempDir;

/// The settings of a site, to be broken.
#[derive(Debug)]
pub struct CheckedSite {
    pub entra: Entra,
    pub folder: TempDir,
    builder: GatepostBuilder,
}

impl CheckedSite {
    /// One embedded file, one Entra.
    pub async fn embedded() -> Self {
        Self::with(Entra::start().await)
    }

    /// The same with another provider.
    pub fn with(entra: Entra) -> Self {
        let folder = TempDir::new().unwrap();
        let builder = Gatepost::builder(env!("CARGO_BIN_EXE_gatepost"))
            .env("GATEPOST_PUBLIC_URL", "https://auth.example.com")
            .env("GATEPOST_HOSTS", "wiki.example.com")
            .env("GATEPOST_PROVIDERS__ENTRA__KIND", "entra")
            .env("GATEPOST_PROVIDERS__ENTRA__AUTHORITY", entra.authority())
            .env("GATEPOST_PROVIDERS__ENTRA__TENANT_ID", entra.tid())
            .env("GATEPOST_PROVIDERS__ENTRA__CLIENT_ID", entra.client_id())
            .env("GATEPOST_PROVIDERS__ENTRA__CLIENT_SECRET", entra.client_secret())
            .folder(folder.path());
        Self { entra, folder, builder }
    }

    /// The site on Redis and Postgres.
    pub fn shared(self, redis_url: &str, database_url: &str) -> Self {
        self.env("REDIS_URL", redis_url)
            .env("DATABASE_URL", database_url)
            .env("GATEPOST_SECRET_KEYS", random_key())
    }

    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.builder = self.builder.env(name, value);
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.builder = self.builder.without(name);
        self
    }

    /// Runs another command on the same site.
    pub async fn command(&self, arguments: &[&str]) -> String {
        let (code, stdout, stderr) = run_command(&self.builder, arguments).await;
        assert_eq!(code, Some(0), "{arguments:?}: {stderr}");
        stdout
    }

    /// Runs another command, which fails; returns what it says.
    pub async fn refused(&self, arguments: &[&str]) -> String {
        let (code, stdout, stderr) = run_command(&self.builder, arguments).await;
        assert_eq!(code, Some(1), "{arguments:?}: {stdout}{stderr}");
        stderr
    }

    /// Runs `check` as people do.
    pub async fn text(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let (code, stdout, stderr) = run_command(&self.builder, &[&["check"], arguments].concat()).await;
        assert_eq!(stderr, "", "{stdout}");
        (code, stdout)
    }

    /// Runs `check --json`.
    pub async fn examine(&self, arguments: &[&str]) -> CheckReport {
        let (code, stdout) = self.text(&[&["--json"], arguments].concat()).await;
        let json: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"));
        let report = CheckReport { json };
        let has_errors = report.json["errors"] != 0;
        assert_eq!(code, Some(i32::from(has_errors)), "{:#}", report.json);
        report
    }
}

/// Random bytes, made anew: a key that anybody could look up would be found guessable one day.
fn random_key() -> String {
    let secret = gatepost_core::secret::Secret::generate();
    STANDARD.encode(secret.expose())
}

/// What `gatepost check` found.
#[derive(Debug)]
pub struct CheckReport {
    pub json: Value,
}

impl CheckReport {
    fn findings(&self) -> &[Value] {
        self.json["findings"].as_array().unwrap()
    }

    /// The first finding of this code.
    #[track_caller]
    pub fn finding(&self, code: &str) -> &Value {
        let found = self.findings().iter().find(|one| one["code"] == code);
        found.unwrap_or_else(|| panic!("no {code}: {:#}", self.json))
    }

    /// The names of all findings at least as bad as a warning, as `severity code`, each once.
    pub fn complaints(&self) -> Vec<String> {
        let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
        let mut list: Vec<String> = self
            .findings()
            .iter()
            .filter(|finding| finding["severity"] == "error" || finding["severity"] == "warning")
            .map(|finding| format!("{} {}", text(finding, "severity"), text(finding, "code")))
            .collect();
        list.sort();
        list.dedup();
        list
    }

    /// Asserts that `severity code` was found at this setting or file, with its fix.
    #[track_caller]
    pub fn has(&self, finding: &str, place: &str) {
        let (severity, code) = finding.split_once(' ').unwrap();
        let is_it = |one: &&Value| {
            let at = one["where"]["setting"].as_str().or(one["where"]["file"].as_str()).unwrap_or_default();
            one["severity"] == severity && one["code"] == code && at.ends_with(place)
        };
        let found = self.findings().iter().find(is_it);
        let found = found.unwrap_or_else(|| panic!("no {finding} at {place}: {:#}", self.json));
        for name in ["found", "risk", "mend"] {
            assert!(found[name].as_str().is_some_and(|text| text.ends_with(['.', '?'])), "{name}: {found:#}");
        }
    }

    /// Asserts that nothing was found that is worse than a hint, but for `severity code`, and slowness: on a busy machine
    /// everything is slow now and then.
    #[track_caller]
    pub fn has_only(&self, findings: &[&str]) {
        let mut complaints = self.complaints();
        complaints.retain(|found| !found.ends_with("-slow") || findings.contains(&found.as_str()));
        assert_eq!(complaints, findings, "{:#}", self.json);
    }
}
