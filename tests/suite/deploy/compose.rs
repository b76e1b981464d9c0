//! What the Compose file promises: nothing published but 80 and 443, no application that reaches another, a store or
//! `/verify`, nothing without limits, no secret in an environment, no image that changes under its name.

use super::folder::{Folder, normalise};
use super::stage::environment;
use super::{read, repository};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

pub(super) fn services(compose: &Value) -> &Map<String, Value> {
    compose["services"].as_object().unwrap()
}

pub(super) fn texts(value: &Value) -> Vec<&str> {
    value.as_array().map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

#[test]
fn only_traefik_is_published_and_only_80_and_443() {
    let folder = Folder::prepare();
    let traefik = ["traefik 80:80/tcp", "traefik 443:443/tcp", "traefik 443:443/udp"];
    assert_eq!(published(&folder.compose_with(&[])), traefik);
    assert_eq!(published(&folder.compose_with(&["ha"])), traefik);
    // Grafana only for this machine, in its profile.
    let all = folder.compose();
    assert_eq!(published(&all), [&["grafana 3000:3000/tcp"][..], &traefik].concat());
    assert_eq!(all["services"]["grafana"]["ports"][0]["host_ip"], "127.0.0.1");
    assert!(services(&all).values().all(|service| service["network_mode"] != "host"));
}

fn published(compose: &Value) -> Vec<String> {
    services(compose)
        .iter()
        .flat_map(|(name, service)| {
            let ports = service["ports"].as_array().cloned().unwrap_or_default();
            ports.into_iter().map(move |port| {
                let text =
                    |key: &str| port[key].as_str().map_or_else(|| port[key].to_string(), str::to_owned);
                format!("{name} {}:{}/{}", text("published"), text("target"), text("protocol"))
            })
        })
        .collect()
}

/// Who can open a connection to whom: who shares a network.
pub(super) fn neighbours(compose: &Value) -> BTreeSet<(String, String)> {
    let all = services(compose);
    let networks = |name: &str| -> BTreeSet<String> {
        let networks = all[name]["networks"].as_object();
        networks.map(|networks| networks.keys().cloned().collect()).unwrap_or_default()
    };
    let pairs = all.keys().flat_map(|one| all.keys().map(move |other| (one.clone(), other.clone())));
    pairs.filter(|(one, other)| one < other && !networks(one).is_disjoint(&networks(other))).collect()
}

#[test]
fn no_application_reaches_another_a_store_or_the_gate() {
    let compose = Folder::prepare().compose_with(&["setup"]);
    let wanted = [
        ("backup", "postgres"),
        ("drill", "postgres"),
        ("drill", "restore"),
        ("gatepost", "postgres"),
        ("gatepost", "redis"),
        ("gatepost", "traefik"),
        ("mcp-proxy", "traefik"),
        ("open-webui", "traefik"),
        ("postgres", "restore"),
    ];
    let wanted: BTreeSet<_> = wanted.map(|(one, other)| (one.to_owned(), other.to_owned())).into();
    assert_eq!(neighbours(&compose), wanted);
}

/// A network with a way out holds one container, so that it is nobody's way in.
#[test]
fn every_shared_network_is_internal() {
    let compose = Folder::prepare().compose();
    for (network, settings) in compose["networks"].as_object().unwrap() {
        let members = services(&compose).values().filter(|service| !service["networks"][network].is_null());
        let members = members.count()
            + services(&compose)
                .values()
                .filter(|service| {
                    service["networks"]
                        .as_object()
                        .is_some_and(|all| all.get(network).is_some_and(Value::is_null))
                })
                .count();
        assert!(members > 0, "{network} is empty");
        assert!(
            members == 1 || settings["internal"] == true,
            "{network} has {members} members and a way out"
        );
    }
}

/// Gatepost listens on addresses of the network that only Traefik shares, and believes only Traefik's.
#[test]
fn the_gate_listens_only_where_traefik_is() {
    let compose = Folder::prepare().compose();
    let address = |service: &str| {
        let address = &compose["services"][service]["networks"]["verify"]["ipv4_address"];
        address.as_str().unwrap_or_else(|| panic!("{service} has no address")).to_owned()
    };
    let variable = |wanted: &str| {
        let found = environment(&compose, "gatepost").into_iter().find(|(name, _)| name == wanted);
        found.unwrap_or_else(|| panic!("no {wanted}")).1
    };
    assert_eq!(variable("GATEPOST_INTERNAL_ADDR"), format!("{}:4181", address("gatepost")));
    assert_eq!(variable("GATEPOST_PUBLIC_ADDR"), format!("{}:4180", address("gatepost")));
    assert_eq!(variable("GATEPOST_TRUSTED_PROXIES"), address("traefik"));
    let metrics = compose["services"]["gatepost"]["networks"]["metrics"]["ipv4_address"].as_str().unwrap();
    assert_eq!(variable("GATEPOST_HEALTH_ADDR"), format!("{metrics}:4182"));
}

#[test]
fn every_container_is_bound_and_bounded() {
    let compose = Folder::prepare().compose();
    for (name, service) in services(&compose) {
        assert_eq!(service["read_only"], true, "{name}: read-only root file system");
        assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
        assert!(service["cap_add"].is_null() && service["privileged"].is_null(), "{name}");
        assert_eq!(texts(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        assert!(service["mem_limit"].is_string(), "{name}: memory");
        assert!(service["pids_limit"].is_number(), "{name}: processes");
        assert_eq!(service["logging"]["options"]["max-size"], "10m", "{name}: log");
        assert_eq!(service["logging"]["options"]["max-file"], "5", "{name}: log");
        let runs_on = service["restart"] == "unless-stopped";
        assert!(runs_on || service["profiles"] == serde_json::json!(["setup"]), "{name}: restart");
        assert!(!runs_on || service["healthcheck"]["test"].is_array(), "{name}: health check");
        let user = service["user"].as_str().unwrap_or_else(|| panic!("{name}: no user"));
        assert!(user != "root" && !user.starts_with('0'), "{name}: {user}");
        let socket = service["volumes"].to_string().contains("docker.sock");
        assert!(!socket, "{name} holds Docker's socket");
    }
}

#[test]
fn every_image_is_of_an_exact_version() {
    let compose = Folder::prepare().compose();
    let images = services(&compose).values().map(|service| service["image"].as_str().unwrap().to_owned());
    let based = ["Dockerfile", "deploy/mcp/Dockerfile", "deploy/open-webui/Dockerfile"].into_iter().flat_map(
        |file| {
            let text = read(file);
            let lines: Vec<String> =
                text.lines().filter_map(|line| line.strip_prefix("FROM ")).map(str::to_owned).collect();
            lines
        },
    );
    let based =
        based.map(|image| image.split(' ').next().unwrap_or_default().to_owned()).filter(|i| i != "scratch");
    for image in images.chain(based) {
        let tag = image.rsplit_once(':').unwrap_or_else(|| panic!("{image} has no tag")).1.to_owned();
        let digits = tag.trim_start_matches('v').split(['.', '-']).filter(|part| part.parse::<u32>().is_ok());
        assert!(digits.count() >= 2, "{image} is of no exact version");
    }
}

#[test]
fn secrets_come_as_files_and_every_file_is_made() {
    let folder = Folder::prepare();
    let compose = folder.compose();
    for (name, secret) in compose["secrets"].as_object().unwrap() {
        let file = secret["file"].as_str().unwrap();
        assert!(std::path::Path::new(file).exists(), "{name}: prepare.sh makes no {file}");
    }
    for name in services(&compose).keys() {
        let compose_name = name.as_str();
        if services(&compose)[compose_name]["environment"].is_null() {
            continue;
        }
        for (variable, value) in environment(&compose, compose_name) {
            let secret = ["SECRET", "PASSWORD", "TOKEN", "KEY", "DATABASE_URL", "REDIS_URL"];
            let names_a_secret = secret.iter().any(|part| variable.contains(part));
            let is_path = value.starts_with("/run/secrets/");
            assert!(!names_a_secret || is_path, "{name}: {variable} holds {value}");
        }
    }
}

#[test]
fn what_was_prepared_once_is_left_alone() {
    let folder = Folder::prepare();
    let names = [
        "gatepost_keys",
        "database_url",
        "postgres_owner_password",
        "redis_url",
        "redis_password",
        "webui_secret_key",
    ];
    let before = names.map(|name| folder.secret(name));
    assert!(before.iter().all(|text| text.len() >= 40), "{before:?}");
    let said = folder.run_prepare();
    assert!(!said.contains("created"), "{said}");
    assert_eq!(names.map(|name| folder.secret(name)), before);
    assert!(
        before[1].contains(&before[2]) && before[3].contains(before[4].strip_prefix("requirepass ").unwrap())
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(folder.path("secrets")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o700);
}

/// Of the certificates Traefik sees its own pair and the authority's certificate.
#[test]
fn traefik_sees_no_key_of_gatepost_and_no_secret() {
    let compose = Folder::prepare().compose();
    let traefik = &compose["services"]["traefik"];
    assert!(traefik["secrets"].is_null());
    let volumes = traefik["volumes"].as_array().unwrap();
    let sources: Vec<&str> = volumes.iter().map(|volume| volume["source"].as_str().unwrap()).collect();
    assert!(sources.iter().all(|source| !source.ends_with("/certs") && !source.contains("certs/gatepost")));
    assert!(sources.iter().any(|source| source.ends_with("/certs/traefik")), "{sources:?}");
    assert_ne!(traefik["user"], compose["services"]["gatepost"]["user"]);
}

#[test]
fn a_fault_in_the_file_is_named() {
    let folder = Folder::prepare();
    let broken = folder.path("broken.yml");
    std::fs::write(&broken, read("docker-compose.hetzner.yml").replace("mem_limit: 2g", "mem_limits: 2g"))
        .unwrap();
    let fault = normalise(&broken, &folder.path(".env")).unwrap_err();
    assert!(fault.contains("mem_limits"), "{fault}");
    std::fs::write(folder.path("empty.env"), "").unwrap();
    let fault = normalise(&repository("docker-compose.hetzner.yml"), &folder.path("empty.env")).unwrap_err();
    assert!(fault.contains(".env.example"), "{fault}");
}

/// The superuser's is for making roles and databases, which nothing does that runs all day.
#[test]
fn nobody_gets_the_superusers_password_but_postgres_the_restore_and_its_drill() {
    let compose = Folder::prepare().compose();
    let who_has = |secret: &str| -> Vec<&str> {
        let has_it = |service: &Value| {
            let secrets = service["secrets"].as_array();
            secrets.is_some_and(|secrets| secrets.iter().any(|one| one["source"] == secret))
        };
        services(&compose).iter().filter(|(_, one)| has_it(one)).map(|(name, _)| name.as_str()).collect()
    };
    assert_eq!(who_has("postgres_password"), ["drill", "postgres", "restore"]);
    assert_eq!(who_has("postgres_owner_password"), ["postgres"]);
    assert_eq!(who_has("postgres_backup_password"), ["backup", "postgres"]);
    assert_eq!(who_has("grafana_password"), ["grafana"]);
    for (name, service) in services(&compose) {
        let runs_by_itself = service["profiles"] != serde_json::json!(["setup"]);
        assert!(!(runs_by_itself && ["drill", "restore"].contains(&name.as_str())), "{name}");
    }
    let variable = |service: &str, name: &str| {
        environment(&compose, service).into_iter().find(|(found, _)| found == name).map(|(_, value)| value)
    };
    assert_eq!(variable("backup", "PGUSER").as_deref(), Some("gatepost_backup"));
    assert_eq!(variable("restore", "RESTORE_OWNER").as_deref(), Some("gatepost_owner"));
    assert_eq!(variable("restore", "PGUSER"), variable("postgres", "POSTGRES_USER"));
    assert!(Folder::prepare().secret("database_url").starts_with("postgres://gatepost_owner:"));
}

/// They get tokens: what they are made of cannot change under its name.
#[test]
fn every_package_of_the_tool_servers_is_known_by_its_hash() {
    let json = |file: &str| serde_json::from_str::<Value>(&read(file)).unwrap();
    let (wanted, locked) = (json("deploy/mcp/package.json"), json("deploy/mcp/package-lock.json"));
    assert_eq!(locked["packages"][""]["dependencies"], wanted["dependencies"]);
    for (name, version) in wanted["dependencies"].as_object().unwrap() {
        let version = version.as_str().unwrap();
        assert!(version.split('.').all(|part| part.parse::<u32>().is_ok()), "{name} {version}");
    }
    let packages = locked["packages"].as_object().unwrap();
    assert!(packages.len() > 2);
    for (path, package) in packages.iter().filter(|(path, _)| !path.is_empty()) {
        assert!(package["integrity"].as_str().is_some_and(|hash| hash.starts_with("sha512-")), "{path}");
    }
    let dockerfile = read("deploy/mcp/Dockerfile");
    assert!(dockerfile.contains("npm ci ") && !dockerfile.contains("npm install"), "{dockerfile}");
    assert!(dockerfile.contains("--ignore-scripts"), "{dockerfile}");
}

/// `Open WebUI` signs with the secret by which Gatepost verifies, no longer than Gatepost allows, and finds Traefik under the
/// name of the tools' host.
#[test]
fn open_webui_calls_the_tools_through_traefik_with_words_that_gatepost_verifies() {
    let folder = Folder::prepare();
    let compose = folder.compose();
    let variable = |service: &str, name: &str| {
        let found = environment(&compose, service).into_iter().find(|(found, _)| found == name);
        found.unwrap_or_else(|| panic!("{service} has no {name}")).1
    };
    let speaker = |name: &str| variable("gatepost", &format!("GATEPOST_SPEAKERS__OPEN_WEBUI__{name}"));
    let secret = speaker("SECRET_FILE");
    let command = texts(&compose["services"]["open-webui"]["command"]).join(" ");
    // The Compose library keeps `$$`, which Compose itself turns into `$`.
    let signs = format!("FORWARD_USER_INFO_HEADER_JWT_SECRET=$$(cat {secret}) exec bash start.sh");
    assert!(command.replace("=$(", "=$$(").contains(&signs), "{command}");
    for service in ["gatepost", "open-webui"] {
        let secrets = compose["services"][service]["secrets"].to_string();
        assert!(secrets.contains("open_webui_speaker"), "{service}: {secrets}");
    }
    assert_ne!(variable("open-webui", "WEBUI_SECRET_KEY_FILE"), secret);
    assert!(folder.secret("open_webui_speaker").len() >= 64);
    assert_ne!(folder.secret("open_webui_speaker"), folder.secret("webui_secret_key"));
    assert_eq!(variable("open-webui", "ENABLE_FORWARD_USER_INFO_HEADERS"), "true");
    let life = variable("open-webui", "FORWARD_USER_INFO_HEADER_JWT_EXPIRES_SECONDS").parse().ok();
    let max_age = gatepost_config::duration::parse(&speaker("MAX_AGE")).map(|age| age.as_secs());
    assert_eq!((life, life.is_some()), (max_age, true));
    let aliases = &compose["services"]["traefik"]["networks"]["chat"]["aliases"];
    assert_eq!(texts(aliases), [speaker("HOSTS")]);
    assert!(read("traefik/dynamic/mcp.yml").contains(&format!("Host(`{}`)", speaker("HOSTS"))));
}
