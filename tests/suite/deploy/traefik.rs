//! A real Traefik on the shipped files. Replaced are addresses, paths and certificates, and the one option that a Traefik
//! built from the Go module proxy (3.7.9) does not know; added is the API, by which the test sees what was loaded.

use super::{read, repository};
use gatepost_kit::process::{Authority, Running, find_ok, free_addr, install_traefik};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const START: Duration = Duration::from_secs(30);
const STATIC: &str = "traefik/traefik.yml";
/// Since 3.7.12; its forerunner, since 3.7.6, knows underscores only, and the rest is Gatepost's to refuse.
const ALIASES: &str = "aliasHeadersStrategy: reject";
const UNDERSCORES: &str = "underscoreHeadersStrategy: reject";

/// The dynamic files, by path.
pub fn dynamic_files() -> BTreeMap<String, String> {
    let files = ["traefik/dynamic", "traefik/examples"].into_iter().flat_map(|folder| {
        let entries = std::fs::read_dir(repository(folder)).unwrap();
        entries.map(move |entry| format!("{folder}/{}", entry.unwrap().file_name().to_string_lossy()))
    });
    files.filter(|path| path != LISTS).map(|path| (path.clone(), read(&path))).collect()
}

/// The files as docs/scaling.md switches them to two replicas, with the Compose file.
pub fn switched(folder: &Path) -> Vec<PathBuf> {
    let document = read("docs/scaling.md");
    let commands: Vec<&str> = document
        .lines()
        .map(str::trim)
        .filter(|line| {
            line.starts_with("cp traefik/ha/")
                || line.starts_with("sed -i") && line.contains("traefik/dynamic")
        })
        .collect();
    assert_eq!(commands.len(), 3, "{commands:?}");
    let copied = Command::new("cp").arg("-r").arg(repository("traefik")).arg(folder).status().unwrap();
    assert!(copied.success());
    let run = Command::new("sh").current_dir(folder).args(["-ec", &commands.join("\n")]).status().unwrap();
    assert!(run.success());
    let entries = std::fs::read_dir(folder.join("traefik/dynamic")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.push(repository("docker-compose.hetzner.yml"));
    files
}

/// The example that takes the place of a router of `dynamic/`, so that both cannot be loaded. `tool_lists::traefik` tries the like.
pub const LISTS: &str = "traefik/examples/mcp-lists.yml";

/// A running Traefik; killed when it drops.
#[derive(Debug)]
pub struct Shipped {
    running: Running,
    folder: TempDir,
    binary: PathBuf,
    api: SocketAddr,
    pub plain: SocketAddr,
    pub secure: SocketAddr,
    /// Every router as Traefik's API shows it.
    pub routers: Vec<Value>,
    /// Whether Traefik itself refuses all aliases.
    pub refuses_all_aliases: bool,
}

impl Shipped {
    /// Starts it; `addresses` are pairs of text in the dynamic files and what stands for it here.
    pub async fn start(authority: &Authority, addresses: &[(&str, String)]) -> Self {
        Self::start_with(dynamic_files(), authority, addresses).await
    }

    /// The same with these dynamic files.
    pub async fn start_with(
        files: BTreeMap<String, String>,
        authority: &Authority,
        addresses: &[(&str, String)],
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let [plain, secure, health, replicas, api] = std::array::from_fn(|_| free_addr());
        let dynamic = folder.path().join("dynamic");
        let wanted = files.values().map(|text| text.matches("rule: ").count()).sum::<usize>();
        let own = ("127.0.0.1:8083", replicas.to_string());
        let addresses: Vec<_> = addresses.iter().cloned().chain([own]).collect();
        write_dynamic(&dynamic, files, &addresses);
        write_certificate(&dynamic, folder.path(), authority);

        let binary = install_traefik().await.to_owned();
        let refuses_all_aliases = knows_aliases(&binary);
        let file = folder.path().join("traefik.yml");
        let mut text = read(STATIC);
        replace(&mut text, "\":80\"", &format!("\"{plain}\""));
        replace(&mut text, "\":443\"", &format!("\"{secure}\""));
        replace(&mut text, "127.0.0.1:8082", &health.to_string());
        replace(&mut text, "127.0.0.1:8083", &replicas.to_string());
        replace(&mut text, "/etc/traefik/dynamic", &dynamic.display().to_string());
        replace(&mut text, "tls:\n        certResolver: letsencrypt", "tls: {}");
        let text = underscores_where_aliases_are_unknown(&binary, &text);
        let mut text = without_block(&text, "certificatesResolvers:");
        replace(&mut text, "entryPoints:\n", &format!("entryPoints:\n  traefik:\n    address: \"{api}\"\n"));
        text += "\napi:\n  insecure: true\n  dashboard: false\n";
        std::fs::write(&file, text).unwrap();

        let mut command = Command::new(&binary);
        command.env_clear().current_dir(folder.path()).arg(format!("--configFile={}", file.display()));
        let running = Running::start("traefik", command);
        let routers = running
            .ready(START, async || {
                let routers = find_ok(api, "/api/http/routers?per_page=1000").await?;
                let routers: Vec<Value> = serde_json::from_str(&routers).ok()?;
                let ours = routers.into_iter().filter(|router| router["provider"] == "file");
                let ours: Vec<Value> = ours.collect();
                (ours.len() >= wanted).then_some(ours)
            })
            .await;
        Self { running, folder, binary, api, plain, secure, routers, refuses_all_aliases }
    }

    /// Runs the container's health check.
    pub fn healthcheck(&self) -> std::process::Output {
        let file = self.folder.path().join("traefik.yml");
        let mut command = Command::new(&self.binary);
        command.env_clear().arg("healthcheck").arg(format!("--configFile={}", file.display()));
        command.output().unwrap()
    }

    /// Puts one more dynamic file there and waits until Traefik has judged its router.
    pub async fn add(&self, file: &str, text: &str, router: &str) {
        let draft = self.folder.path().join(file);
        std::fs::write(&draft, text).unwrap();
        std::fs::rename(draft, self.folder.path().join("dynamic").join(file)).unwrap();
        let name = format!("\"{router}@file\"");
        self.running
            .ready(START, async || {
                let routers = find_ok(self.api, "/api/http/routers?per_page=1000").await?;
                routers.contains(&name).then_some(())
            })
            .await;
    }

    /// Whether a service's health checks have found this server ready.
    pub async fn finds_ready(&self, service: &str, server: &str) -> bool {
        let shown = find_ok(self.api, &format!("/api/http/services/{service}@file")).await;
        let shown = shown.and_then(|shown| serde_json::from_str::<Value>(&shown).ok());
        shown.is_some_and(|shown| shown["serverStatus"][server] == "UP")
    }

    /// Everything Traefik wrote, access log included.
    pub fn log(&self) -> String {
        self.running.log()
    }

    /// Ends it.
    pub fn kill(&self) {
        self.running.sigkill();
    }
}

fn write_dynamic(dynamic: &Path, files: BTreeMap<String, String>, addresses: &[(&str, String)]) {
    std::fs::create_dir(dynamic).unwrap();
    for (path, mut text) in files {
        for (shipped, here) in addresses {
            text = text.replace(shipped, here);
        }
        let left = text
            .lines()
            .find(|line| line.contains("://") && !line.contains("127.0.0.") || line.contains("/etc/"));
        assert_eq!(left, None, "in {path} this is replaced by nothing");
        std::fs::write(dynamic.join(path.rsplit('/').next().unwrap()), text).unwrap();
    }
}

fn write_certificate(dynamic: &Path, folder: &Path, authority: &Authority) {
    let (certificate, key) = authority.write(folder);
    let mut text = String::from("tls:\n  certificates:\n");
    write!(text, "    - certFile: {}\n      keyFile: {}\n", certificate.display(), key.display()).unwrap();
    std::fs::write(dynamic.join("certificates-of-the-test.yml"), text).unwrap();
}

/// Whether this Traefik is one for which the files are made.
fn knows_aliases(binary: &Path) -> bool {
    let mut command = Command::new(binary);
    command.env_clear().arg("healthcheck");
    command.arg(format!("--configFile={}", repository(STATIC).display()));
    let output = command.output().unwrap();
    // Nobody listens, so it fails either way; an unknown option is named before.
    !String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).contains("aliasHeadersStrategy")
}

/// The static configuration for this Traefik, which may be older than the one that it is made for.
pub fn underscores_where_aliases_are_unknown(binary: &Path, text: &str) -> String {
    assert!(text.contains(ALIASES), "aliases are refused at the entry point:\n{text}");
    if knows_aliases(binary) { text.to_owned() } else { text.replace(ALIASES, UNDERSCORES) }
}

fn replace(text: &mut String, shipped: &str, here: &str) {
    assert_eq!(text.matches(shipped).count(), 1, "{STATIC}: {shipped:?} is to be found once");
    *text = text.replace(shipped, here);
}

fn without_block(text: &str, head: &str) -> String {
    assert!(text.lines().any(|line| line == head), "{STATIC} has no {head}");
    let mut inside = false;
    let lines = text.lines().filter(|line| {
        if !line.starts_with(' ') && !line.is_empty() {
            inside = *line == head;
        }
        !inside
    });
    lines.fold(String::new(), |text, line| text + line + "\n")
}
