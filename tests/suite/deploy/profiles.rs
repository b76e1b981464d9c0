//! The profiles `ha` and `monitoring` of the Compose file: what each adds, and that nothing is added without them. What holds for
//! every service is in `compose.rs`, which reads the services of all profiles.

use super::compose::{neighbours, services, texts};
use super::folder::Folder;
use super::stage::environment;
use super::traefik::switched;
use super::{read, repository};
use gatepost_check::{Severity, traefik};
use gatepost_config::Config;
use gatepost_kit::process::{Running, free_addr, until};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// A former primary is made a replica about ten seconds after it came back.
const TIMEOUT: Duration = Duration::from_mins(1);

const HA: [&str; 5] = ["gatepost-2", "redis-2", "sentinel-1", "sentinel-2", "sentinel-3"];
const MONITORING: [&str; 2] = ["grafana", "prometheus"];
const ALWAYS: [&str; 7] = ["backup", "gatepost", "mcp-proxy", "open-webui", "postgres", "redis", "traefik"];

fn names(compose: &Value) -> BTreeSet<&str> {
    services(compose).keys().map(String::as_str).collect()
}

#[test]
fn each_profile_adds_its_services_and_changes_no_other() {
    let folder = Folder::prepare();
    let plain = folder.compose_with(&[]);
    assert_eq!(names(&plain), BTreeSet::from(ALWAYS));
    let profiles: [(&[&str], Vec<&str>); 3] = [
        (&["ha"], HA.to_vec()),
        (&["monitoring"], MONITORING.to_vec()),
        (&["ha", "monitoring"], [&HA[..], &MONITORING].concat()),
    ];
    for (profiles, added) in profiles {
        let compose = folder.compose_with(profiles);
        let wanted: BTreeSet<&str> = ALWAYS.into_iter().chain(added).collect();
        assert_eq!(names(&compose), wanted, "{profiles:?}");
        for name in ALWAYS {
            assert_eq!(compose["services"][name], plain["services"][name], "{profiles:?} changes {name}");
        }
    }
}

#[test]
fn a_service_of_a_profile_reaches_what_it_needs_and_nothing_else() {
    let folder = Folder::prepare();
    let plain = neighbours(&folder.compose_with(&[]));
    let added = |profiles: &[&str]| -> BTreeSet<(String, String)> {
        neighbours(&folder.compose_with(profiles)).difference(&plain).cloned().collect()
    };
    let pairs = |pairs: &[(&str, &str)]| -> BTreeSet<(String, String)> {
        pairs.iter().map(|(one, other)| ((*one).to_owned(), (*other).to_owned())).collect()
    };
    assert_eq!(added(&["monitoring"]), pairs(&[("gatepost", "prometheus"), ("grafana", "prometheus")]));
    // Among themselves, and beside them only Gatepost.
    let redis = ["gatepost", "gatepost-2", "redis", "redis-2", "sentinel-1", "sentinel-2", "sentinel-3"];
    let mut wanted: BTreeSet<(String, String)> = BTreeSet::new();
    for (at, one) in redis.iter().enumerate() {
        wanted.extend(redis[at + 1..].iter().map(|other| ((*one).to_owned(), (*other).to_owned())));
    }
    wanted.extend(pairs(&[("gatepost-2", "postgres"), ("gatepost-2", "traefik")]));
    assert_eq!(added(&["ha"]), wanted.difference(&plain).cloned().collect());
    let together =
        pairs(&[("gatepost", "prometheus"), ("gatepost-2", "prometheus"), ("grafana", "prometheus")]);
    let wanted: BTreeSet<_> = added(&["ha"]).union(&together).cloned().collect();
    assert_eq!(added(&["ha", "monitoring"]), wanted);
}

#[test]
fn the_second_replica_is_like_the_first_but_for_its_addresses() {
    let compose = Folder::prepare().compose_with(&["ha"]);
    let [one, two] = ["gatepost", "gatepost-2"].map(|name| compose["services"][name].clone());
    let own = ["environment", "networks", "profiles"];
    for (key, value) in one.as_object().unwrap().iter().filter(|(key, _)| !own.contains(&key.as_str())) {
        assert_eq!(two[key], *value, "{key}");
    }
    let (first, second) = (environment(&compose, "gatepost"), environment(&compose, "gatepost-2"));
    let differ: Vec<&str> =
        first.iter().filter(|one| !second.contains(one)).map(|(name, _)| name.as_str()).collect();
    assert_eq!(differ, ["GATEPOST_HEALTH_ADDR", "GATEPOST_INTERNAL_ADDR", "GATEPOST_PUBLIC_ADDR"]);
    assert_eq!(first.len(), second.len());
    let address = |network: &str| two["networks"][network]["ipv4_address"].as_str().unwrap().to_owned();
    let of = |wanted: &str| second.iter().find(|(name, _)| name == wanted).unwrap().1.clone();
    assert_eq!(of("GATEPOST_INTERNAL_ADDR"), format!("{}:4181", address("verify")));
    assert_eq!(of("GATEPOST_PUBLIC_ADDR"), format!("{}:4180", address("verify")));
    assert_eq!(of("GATEPOST_HEALTH_ADDR"), format!("{}:4182", address("metrics")));
}

#[test]
fn grafana_shows_the_shipped_dashboard_with_a_random_password_and_asks_nobody_outside() {
    let folder = Folder::prepare();
    let compose = folder.compose_with(&["monitoring"]);
    let grafana = environment(&compose, "grafana");
    let of = |wanted: &str| grafana.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    assert_eq!(of("GF_SECURITY_ADMIN_PASSWORD__FILE"), Some("/run/secrets/grafana_password"));
    assert_eq!(of("GF_AUTH_ANONYMOUS_ENABLED"), Some("false"));
    for asks in ["REPORTING_ENABLED", "CHECK_FOR_UPDATES", "CHECK_FOR_PLUGIN_UPDATES"] {
        assert_eq!(of(&format!("GF_ANALYTICS_{asks}")), Some("false"), "{asks}");
    }
    let password = folder.secret("grafana_password");
    assert_eq!(password.len(), 64);
    assert_ne!(password, Folder::prepare().secret("grafana_password"));

    let mounts = compose["services"]["grafana"]["volumes"].to_string();
    let dashboards = read("deploy/grafana/provisioning/dashboards/gatepost.yml");
    assert!(mounts.contains("/etc/grafana/dashboards/gatepost.json"), "{mounts}");
    assert!(dashboards.contains("path: /etc/grafana/dashboards\n"), "{dashboards}");
    assert!(
        read("deploy/grafana/provisioning/datasources/prometheus.yml").contains("http://prometheus:9090\n")
    );
    let command = texts(&compose["services"]["prometheus"]["command"]).join(" ");
    assert!(command.contains("--config.file=/etc/prometheus/prometheus.yml"), "{command}");
    assert!(!command.contains("enable-"), "nobody may change or stop Prometheus from outside: {command}");
}

#[test]
fn check_finds_nothing_in_the_files_of_either_kind_and_sees_a_gate_that_leads_nowhere() {
    let text = r#"
        public_url = "https://auth.example.com"
        hosts = ["chat.example.com", "mcp.example.com", "debug.example.com"]
        internal_tls = "/certs"
        [providers.entra]
        kind = "entra"
        tenant_id = "11111111-1111-4111-8111-111111111111"
        client_id = "22222222-2222-4222-8222-222222222222"
        client_secret = "not looked at"
    "#;
    let config = Config::parse(text, std::iter::empty()).unwrap();
    let found = |files: &[PathBuf]| -> BTreeSet<String> {
        let findings = traefik::inspect(files, Some(&config)).findings;
        let found = findings.into_iter().filter(|finding| finding.severity() > Severity::Ok);
        found.map(|finding| finding.code().to_owned()).filter(|code| !code.contains("speaker")).collect()
    };
    let folder = TempDir::new().unwrap();
    let mut files = switched(folder.path());
    let shipped: Vec<PathBuf> = files
        .iter()
        .filter(|file| !file.ends_with("replicas.yml"))
        .map(|file| file.strip_prefix(folder.path()).map_or_else(|_| file.clone(), repository_path))
        .chain([repository("traefik/traefik.yml")])
        .collect();
    assert_eq!(found(&shipped), BTreeSet::new());
    // Nothing of Traefik listens at the address, as far as these files tell.
    assert!(found(&files).contains("traefik-address-http"), "{:?}", found(&files));
    files.push(repository("traefik/traefik.yml"));
    assert_eq!(found(&files), BTreeSet::new());
}

fn repository_path(path: &Path) -> PathBuf {
    repository(&path.display().to_string())
}

/// A Redis and its Sentinels as the scripts start them, at addresses of their own.
struct Servers {
    folder: TempDir,
    redis: [SocketAddr; 2],
    sentinels: [SocketAddr; 3],
}

impl Servers {
    fn prepare() -> Self {
        let servers = Self {
            folder: TempDir::new().unwrap(),
            redis: std::array::from_fn(|_| free_addr()),
            sentinels: std::array::from_fn(|_| free_addr()),
        };
        std::fs::write(servers.path("password"), "requirepass the-password\n").unwrap();
        for addr in servers.redis {
            let data = servers.path(&addr.port().to_string());
            std::fs::create_dir(&data).unwrap();
            let text = read("deploy/redis.conf")
                .replace("/run/secrets/redis_password", &servers.path("password").display().to_string())
                .replace("bind 0.0.0.0", "bind 127.0.0.1")
                .replace("port 6379", &format!("port {}", addr.port()))
                .replace("dir /data", &format!("dir {}", data.display()));
            std::fs::write(servers.path(&format!("{}.conf", addr.port())), text).unwrap();
        }
        for addr in servers.sentinels {
            std::fs::create_dir(servers.path(&addr.port().to_string())).unwrap();
        }
        servers
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn script(&self, script: &str, addr: SocketAddr, arguments: &[&str]) -> Running {
        let port = addr.port().to_string();
        let mut command = Command::new("sh");
        command
            .arg(repository("deploy/redis").join(script))
            .args(arguments)
            .env("REDIS_CONF", self.path(&format!("{port}.conf")))
            .env("REDIS_PASSWORD_FILE", self.path("password"))
            .env("REDIS_DATA", self.path(&port))
            .env("SENTINEL_DATA", self.path(&port))
            .env("REDIS_PORT", &port)
            .env("SENTINEL_PORT", &port)
            .env("PRIMARY_PORT", self.redis[0].port().to_string());
        Running::start(script, command)
    }

    /// `localhost`, because containers find each other by name too.
    fn redis(&self, at: usize) -> Running {
        let arguments: &[&str] = if at == 0 { &["localhost"] } else { &["localhost", "localhost"] };
        self.script("start.sh", self.redis[at], arguments)
    }

    async fn wait_for(&self, what: &str, addr: SocketAddr, arguments: &[&str], wanted: &str) {
        until(what, TIMEOUT, async || {
            let mut command = Command::new("redis-cli");
            command.args(["-h", "127.0.0.1", "-p", &addr.port().to_string()]);
            if self.redis.contains(&addr) {
                command.args(["--no-auth-warning", "-a", "the-password"]);
            }
            let output = command.args(arguments).output().unwrap();
            String::from_utf8_lossy(&output.stdout).contains(wanted).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_replica_takes_over_from_a_killed_redis_which_comes_back_as_its_replica_and_stays_one() {
    let servers = Servers::prepare();
    let [first, second] = servers.redis;
    let (primary, replica) = (servers.redis(0), servers.redis(1));
    servers.wait_for("the replica", second, &["info", "replication"], "master_link_status:up").await;
    let arguments = ["localhost", "localhost"];
    let _sentinels = servers.sentinels.map(|addr| servers.script("sentinel.sh", addr, &arguments));
    for sentinel in servers.sentinels {
        servers.wait_for("the quorum", sentinel, &["sentinel", "ckquorum", "gatepost"], "OK 3 usable").await;
        let port = second.port().to_string();
        servers.wait_for("the replica's name", sentinel, &["sentinel", "replicas", "gatepost"], &port).await;
    }
    servers.wait_for("a value", first, &["set", "gatepost:x", "kept"], "OK").await;
    servers.wait_for("its copy", second, &["get", "gatepost:x"], "kept").await;

    primary.sigkill();
    let asked = ["sentinel", "get-master-addr-by-name", "gatepost"];
    let port = second.port().to_string();
    servers.wait_for("another primary", servers.sentinels[0], &asked, &port).await;
    servers.wait_for("writes there", second, &["set", "gatepost:y", "new"], "OK").await;

    // It comes back as a primary, is made a replica, and remembers it.
    let primary = servers.redis(0);
    servers.wait_for("the former primary as replica", first, &["role"], "slave").await;
    servers.wait_for("what it missed", first, &["get", "gatepost:y"], "new").await;
    primary.sigkill();
    assert!(!primary.wait_exit(TIMEOUT).await.success());
    let _primary = servers.redis(0);
    servers.wait_for("it again", first, &["info", "replication"], "role:slave").await;
    servers.wait_for("the primary to be one still", second, &["info", "replication"], "role:master").await;
    drop(replica);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_or_sentinel_without_the_password_of_the_others_does_not_start() {
    let servers = Servers::prepare();
    std::fs::write(servers.path("password"), "# none\n").unwrap();
    for (script, addr) in [("start.sh", servers.redis[0]), ("sentinel.sh", servers.sentinels[0])] {
        let running = servers.script(script, addr, &["localhost", "localhost"]);
        running.wait_for_line("has no line 'requirepass PASSWORD'", TIMEOUT).await;
        assert!(!running.wait_exit(TIMEOUT).await.success(), "{script}");
    }
}
