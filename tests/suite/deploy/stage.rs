//! One test's deployment: the shipped Traefik files, Gatepost with the environment that Compose gives it, a fake Entra,
//! private stores, and an application in the place of each container.

use super::folder::Folder;
use super::traefik::{Shipped, switched};
use crate::world::{MCP_GITHUB, alice, run_command};
use gatepost_kit::client::Client;
use gatepost_kit::echo::Echo;
use gatepost_kit::entra::{Entra, Person};
use gatepost_kit::process::{Authority, Gatepost, GatepostBuilder, Postgres, Redis, free_addr};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tempfile::TempDir;

pub const PUBLIC: &str = "https://auth.example.com";
pub const CHAT: &str = "https://chat.example.com";
pub const MCP: &str = "https://mcp.example.com";
pub const DEBUG: &str = "https://debug.example.com";
pub const WIKI: &str = "https://wiki.example.com";
pub const TOOLS: &str = "https://tools.example.com";
const EXAMPLES: &str = "wiki.example.com,tools.example.com,lost.example.com";

#[derive(Debug)]
pub struct Stage {
    pub folder: Folder,
    pub entra: Entra,
    pub chat: Echo,
    pub mcp: Echo,
    pub wiki: Echo,
    pub reports: Echo,
    pub administration: Echo,
    pub gatepost: Gatepost,
    pub replica: Option<Gatepost>,
    pub traefik: Shipped,
    pub authority: Authority,
    builder: GatepostBuilder,
    _redis: Redis,
}

/// What is not as the plain stage has it.
#[derive(Debug, Default)]
pub struct Others {
    /// Who answers instead of the application that tells what it was sent.
    pub open_webui: Option<SocketAddr>,
    pub mcp_proxy: Option<SocketAddr>,
    /// Whether a second replica serves, as docs/scaling.md describes. Its internal address is 127.0.0.2, with the port of the
    /// first one, because Traefik's health checks know one port.
    pub has_replica: bool,
    /// More of Gatepost's environment.
    pub variables: Vec<(String, String)>,
}

impl Stage {
    /// Everything runs; Alice is in `MCP-GitHub`, which opens the tenant `github`, Bob in nothing, Carol is an admin.
    pub async fn start() -> Self {
        Self::start_with_chat(None).await
    }

    /// The same with another program in the place of `Open WebUI`.
    pub async fn start_with_chat(open_webui: Option<SocketAddr>) -> Self {
        Self::start_with(Others { open_webui, ..Others::default() }).await
    }

    /// The same with other programs and more variables.
    pub async fn start_with(others: Others) -> Self {
        let folder = Folder::prepare();
        let entra = Entra::start().await;
        for path in ["/callback/entra", "/logged-out"] {
            entra.register_redirect_uri(&format!("{PUBLIC}{path}"));
        }
        for person in [alice(), Person::named("bob"), Person::named("carol")] {
            entra.add(person);
        }
        let redis = Redis::with_password(folder.secret("redis_password").rsplit(' ').next().unwrap()).await;
        make_certificates(&folder).await;
        let database_url = Postgres::shared().await.database().await;
        let builder = builder(&folder, &entra, (&database_url, &redis_url(&folder, &redis)));
        let builder = builder.envs(others.variables);
        let gatepost = builder.start().await;
        gatepost.wait_ready().await;
        let replica = if others.has_replica { Some(start_replica(&builder, &gatepost).await) } else { None };
        let (chat, mcp, wiki) = (Echo::start().await, Echo::start().await, Echo::start().await);
        let (reports, administration) = (Echo::start().await, Echo::start().await);
        let authority = Authority::for_names(["*.example.com"]);
        let mut addresses = vec![
            ("https://gatepost:4181", format!("https://{}", gatepost.internal())),
            ("/etc/traefik/gatepost", folder.path("certs/traefik").display().to_string()),
            ("http://gatepost:4180", format!("http://{}", gatepost.public())),
            ("http://open-webui:8080", format!("http://{}", others.open_webui.unwrap_or(chat.addr()))),
            ("http://mcp-proxy:8080", format!("http://{}", others.mcp_proxy.unwrap_or(mcp.addr()))),
            ("http://wiki:8080", format!("http://{}", wiki.addr())),
            ("http://reports:8080", format!("http://{}", reports.addr())),
            ("http://administration:8080", format!("http://{}", administration.addr())),
        ];
        let traefik = match &replica {
            None => Shipped::start(&authority, &addresses).await,
            Some(replica) => {
                addresses.extend([
                    ("https://gatepost-2:4181", format!("https://{}", replica.internal())),
                    ("http://gatepost-2:4180", format!("http://{}", replica.public())),
                    ("port: 4181", format!("port: {}", gatepost.internal().port())),
                ]);
                Shipped::start_with(files_for_two(), &authority, &addresses).await
            }
        };
        let stage = Self {
            folder,
            entra,
            chat,
            mcp,
            wiki,
            reports,
            administration,
            gatepost,
            replica,
            traefik,
            authority,
            builder,
            _redis: redis,
        };
        stage.cli(&["group", "link", "MCP-GitHub", &format!("entra:{MCP_GITHUB}")]).await;
        for id in ["github", "sentry"] {
            let url = format!("{MCP}/servers/{id}/mcp");
            stage.cli(&["tenant", "create", id]).await;
            stage.cli(&["tool-server", "create", id, "--tenant", id, "--url", &url]).await;
        }
        stage.cli(&["tenant", "map", "MCP-GitHub", "github"]).await;
        stage
    }

    /// Runs a subcommand on this deployment's configuration.
    pub async fn cli(&self, arguments: &[&str]) -> String {
        let (code, stdout, stderr) = run_command(&self.builder, arguments).await;
        assert_eq!(code, Some(0), "{arguments:?}: {stdout}{stderr}");
        stdout
    }

    /// Starts the second replica again, at its address.
    pub async fn start_replica_again(&mut self) {
        self.replica = Some(start_replica(&self.builder, &self.gatepost).await);
    }

    /// A browser in front of which sits nobody yet; its person is patient, as in [`crate::world::World::browser`].
    pub fn browser(&self) -> Client {
        let entra = self.entra.addr();
        let hosts = Client::builder().everywhere(self.traefik.secure).host(&entra.ip().to_string(), entra);
        hosts.trust(&self.authority).build().patient()
    }

    /// A browser in which this person has signed in and seen `url`.
    pub async fn signed_in(&self, who: &str, url: &str) -> Client {
        self.entra.at_the_browser(Some(who));
        let browser = self.browser();
        let trip = browser.navigate(url).await;
        assert_eq!(trip.end().url.as_str(), url, "{}\n{}", trip.describe(), trip.end().body);
        browser
    }
}

/// A failed test tells what both logged.
impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}\n{}", self.gatepost.logs().join("\n"), self.traefik.log());
        }
    }
}

/// Gatepost with the environment of the Compose file: replaced are addresses, the stores' and the provider's with them.
pub fn builder(folder: &Folder, entra: &Entra, (database_url, redis_url): (&str, &str)) -> GatepostBuilder {
    let secret = |name: &str, text: &str| std::fs::write(folder.path(&format!("secrets/{name}")), text);
    make_writable(folder);
    secret("database_url", database_url).unwrap();
    secret("redis_url", redis_url).unwrap();
    secret("microsoft_client_secret", &entra.client_secret()).unwrap();

    let compose = folder.compose();
    let mut builder = Gatepost::builder(env!("CARGO_BIN_EXE_gatepost"))
        .internal(free_addr())
        .public(free_addr())
        .folder(folder.path(""));
    for (name, value) in environment(&compose, "gatepost") {
        builder =
            builder.env(name, value.replace("/run/secrets", &folder.path("secrets").display().to_string()));
    }
    let hosts = environment(&compose, "gatepost").into_iter().find(|(name, _)| name == "GATEPOST_HOSTS");
    builder
        .env("GATEPOST_HOSTS", format!("{},{EXAMPLES}", hosts.unwrap().1))
        .env("GATEPOST_INTERNAL_TLS", folder.path("certs/gatepost").display().to_string())
        .health(free_addr())
        .env("GATEPOST_TRUSTED_PROXIES", "127.0.0.1")
        .env("GATEPOST_PROVIDERS__ENTRA__AUTHORITY", entra.authority())
        .env("MICROSOFT_CLIENT_ID", entra.client_id())
        .env("MICROSOFT_CLIENT_TENANT_ID", entra.tid())
}

/// What the folder's secret says, with this server's address.
fn redis_url(folder: &Folder, redis: &Redis) -> String {
    let redis_url = folder.secret("redis_url");
    assert!(redis_url.contains("@redis:6379/"), "{redis_url}");
    redis_url.replace("redis:6379", &redis.addr().to_string())
}

/// The second replica. It listens where an earlier one did.
async fn start_replica(builder: &GatepostBuilder, first: &Gatepost) -> Gatepost {
    let second = |addr: SocketAddr| SocketAddr::from(([127, 0, 0, 2], addr.port()));
    let builder = builder.clone().internal(second(first.internal())).public(second(first.public()));
    let replica = builder.health(second(first.health())).start().await;
    replica.wait_ready().await;
    replica
}

/// The shipped files, switched to two replicas.
pub fn files_for_two() -> BTreeMap<String, String> {
    let folder = TempDir::new().unwrap();
    let files = switched(folder.path()).into_iter().filter(|file| file.starts_with(folder.path()));
    files.map(|file| (file.display().to_string(), std::fs::read_to_string(file).unwrap())).collect()
}

/// Runs the service `certs`, in this folder's places and with loopback's address among the names.
pub async fn make_certificates(folder: &Folder) {
    let compose = folder.compose();
    let command = compose["services"]["certs"]["command"].as_array().unwrap().clone();
    let places = [("/certs", "certs/gatepost"), ("/certs-for-traefik", "certs/traefik")];
    let arguments: Vec<String> = command
        .iter()
        .map(|word| {
            let word = word.as_str().unwrap();
            let place = places.iter().find(|(shipped, _)| *shipped == word);
            place.map_or_else(|| word.to_owned(), |(_, here)| folder.path(here).display().to_string())
        })
        .chain(["--name", "127.0.0.1"].map(str::to_owned))
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let command = Gatepost::builder(env!("CARGO_BIN_EXE_gatepost"));
    let (code, stdout, stderr) = run_command(&command, &arguments).await;
    assert_eq!(code, Some(0), "{stdout}{stderr}");
}

/// The secrets are written by `prepare.sh` for reading alone.
fn make_writable(folder: &Folder) {
    for entry in std::fs::read_dir(folder.path("secrets")).unwrap() {
        let path = entry.unwrap().path();
        let mut permissions = std::fs::metadata(&path).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
        std::fs::set_permissions(path, permissions).unwrap();
    }
}

/// The variables of one service.
pub fn environment(compose: &Value, service: &str) -> Vec<(String, String)> {
    let variables = compose["services"][service]["environment"].as_object().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    variables.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}
