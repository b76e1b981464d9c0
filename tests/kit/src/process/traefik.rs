//! A real Traefik with the file provider. It has two entry points with TLS on two ports, for two registrable domains,
//! and one without TLS. It is ready when its API reports every router as enabled.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::{Authority, Running, find_ok, free_addr};

const START: Duration = Duration::from_secs(30);

static BINARY: OnceCell<PathBuf> = OnceCell::const_new();
static EDITION: AtomicU32 = AtomicU32::new(0);

/// The path of a Traefik that `script/traefik` found, downloaded or built.
pub async fn install_traefik() -> &'static Path {
    BINARY
        .get_or_init(|| async {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../script/traefik");
            let output = tokio::process::Command::new(script).output().await.expect("script/traefik runs");
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "no Traefik: {error}");
            PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
        })
        .await
}

/// A running Traefik. It is killed when this value is dropped.
#[derive(Debug)]
pub struct Traefik {
    running: Running,
    folder: TempDir,
    authority: Authority,
    plain: SocketAddr,
    secure: [SocketAddr; 2],
    api: SocketAddr,
}

impl Traefik {
    /// Starts Traefik with this dynamic configuration (see [`super::Dynamic`]) and a new authority.
    pub async fn start(dynamic_yaml: String) -> Self {
        Self::with_authority(dynamic_yaml, Authority::new()).await
    }

    /// Starts Traefik with the certificate of `authority`.
    pub async fn with_authority(dynamic_yaml: String, authority: Authority) -> Self {
        let plain = free_addr();
        Self::launch(install_traefik().await, plain, &dynamic_yaml, authority, &["--accesslog=true"]).await
    }

    /// Like [`Self::with_authority`], and asks `endpoint` for more of the dynamic configuration.
    pub async fn with_http_provider(dynamic_yaml: String, authority: Authority, endpoint: &str) -> Self {
        let endpoint = format!("--providers.http.endpoint={endpoint}");
        let arguments = [&*endpoint, "--providers.http.pollInterval=5s", "--accesslog=true"];
        Self::launch(install_traefik().await, free_addr(), &dynamic_yaml, authority, &arguments).await
    }

    /// Starts the Traefik at `binary`, whose entry point without TLS listens on `plain`.
    pub async fn start_on(binary: &Path, plain: SocketAddr, dynamic_yaml: &str) -> Self {
        Self::launch(binary, plain, dynamic_yaml, Authority::new(), &["--accesslog=true"]).await
    }

    /// Like [`Self::start_on`], without an access log, for measuring its speed.
    pub async fn start_without_access_log(binary: &Path, plain: SocketAddr, dynamic_yaml: &str) -> Self {
        Self::launch(binary, plain, dynamic_yaml, Authority::new(), &["--accesslog=false"]).await
    }

    async fn launch(
        binary: &Path,
        plain: SocketAddr,
        dynamic_yaml: &str,
        authority: Authority,
        arguments: &[&str],
    ) -> Self {
        let folder = TempDir::new().expect("a folder for Traefik");
        let edition = write_dynamic(folder.path(), dynamic_yaml, &authority);
        let [first, second, api] = std::array::from_fn(|_| free_addr());
        let mut command = Command::new(binary);
        command.env_clear().current_dir(folder.path()).args([
            "--global.checknewversion=false",
            "--global.sendanonymoususage=false",
            "--log.level=INFO",
            "--api=true",
            "--api.insecure=true",
            "--api.dashboard=false",
            "--providers.file.watch=true",
        ]);
        command.arg(format!("--providers.file.filename={}", folder.path().join("dynamic.yml").display()));
        command.args(arguments);
        let entry_points = [("web", plain), ("websecure", first), ("websecure2", second), ("traefik", api)];
        for (name, addr) in entry_points {
            command.arg(format!("--entrypoints.{name}.address={addr}"));
        }
        let running = Running::start("traefik", command);
        let traefik = Self { running, folder, authority, plain, secure: [first, second], api };
        traefik.wait_loaded(edition).await;
        traefik
    }

    /// Replaces the dynamic configuration, and waits until Traefik uses it.
    pub async fn reload(&self, dynamic_yaml: &str) {
        let edition = write_dynamic(self.folder.path(), dynamic_yaml, &self.authority);
        self.wait_loaded(edition).await;
    }

    async fn wait_loaded(&self, edition: u32) {
        let mark = format!("edition-{edition}@file");
        self.running
            .ready(START, async || {
                let services = find_ok(self.api, "/api/tcp/services").await?;
                services.contains(&mark).then_some(())
            })
            .await;
        let routers =
            find_ok(self.api, "/api/http/routers?per_page=1000").await.expect("Traefik's API answers");
        let routers: Vec<Value> = serde_json::from_str(&routers).expect("Traefik's API speaks JSON");
        let broken: Vec<&Value> = routers.iter().filter(|router| router["status"] != "enabled").collect();
        assert!(broken.is_empty(), "Traefik refuses routers: {broken:?}");
    }

    /// The entry point without TLS.
    pub fn plain(&self) -> SocketAddr {
        self.plain
    }

    /// The first entry point with TLS.
    pub fn secure(&self) -> SocketAddr {
        self.secure[0]
    }

    /// The second entry point with TLS.
    pub fn secure2(&self) -> SocketAddr {
        self.secure[1]
    }

    /// The authority that signed the certificate.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The output of Traefik, including the access log.
    pub fn log(&self) -> String {
        self.running.log()
    }

    /// The process.
    pub fn running(&self) -> &Running {
        &self.running
    }
}

/// Writes the file, and returns the number of this version, which is the name of a TCP service in the file.
fn write_dynamic(folder: &Path, dynamic_yaml: &str, authority: &Authority) -> u32 {
    let edition = EDITION.fetch_add(1, Ordering::Relaxed);
    let (certificate, key) = authority.write(folder);
    let (certificate, key) = (certificate.display(), key.display());
    let yaml = format!(
        "{dynamic_yaml}
tcp:
  services:
    edition-{edition}:
      loadBalancer:
        servers:
          - address: 127.0.0.1:9
tls:
  stores:
    default:
      defaultCertificate:
        certFile: {certificate}
        keyFile: {key}
"
    );
    // Traefik watches the file, so it is replaced atomically.
    let (draft, file) = (folder.join("dynamic.draft"), folder.join("dynamic.yml"));
    std::fs::write(&draft, yaml).expect("the folder is ours");
    std::fs::rename(draft, file).expect("the folder is ours");
    edition
}
