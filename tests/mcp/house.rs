//! Everything that runs: the suite's stage, and a tool server of each kind.

use crate::programs::{mcp_proxy, newer_node, node, package, python, sdk, serve};
use crate::repository;
use crate::stage::{MCP, Others, Stage};
use gatepost_kit::process::{Running, free_addr};
use gatepost_kit::tunnel::Tunnel;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

/// A tool server behind the gate.
pub struct Server {
    pub id: &'static str,
    /// The tool that a group may use, and the one that nobody may.
    pub tools: [&'static str; 2],
    addr: SocketAddr,
    /// Its own path is `/mcp`.
    is_stripped: bool,
}

/// Where clients reach a tool server.
pub fn url_of(id: &str) -> String {
    format!("{MCP}/servers/{id}/mcp")
}

const FILES: [&str; 2] = ["get_file", "delete_repo"];
const REFERENCE: [&str; 2] = ["echo", "get-sum"];
/// The server that the shipped files have a router for, and that the stage registers.
const SHIPPED: &str = "github";
/// The server that takes tokens of `oidc-provider`.
pub const OAUTH: &str = "oauth";
/// The server that the conformance suite judges.
pub const EVERYTHING: &str = "everything";

pub struct House {
    pub stage: Stage,
    pub servers: Vec<Server>,
    /// What the conformance suite judges without the gate.
    pub everything: SocketAddr,
    pub issuer: String,
    /// For programs that take a proxy.
    pub tunnel: Tunnel,
    authority: PathBuf,
    programs: Vec<Running>,
}

impl House {
    pub async fn start() -> Self {
        let addrs: [SocketAddr; 6] = std::array::from_fn(|_| free_addr());
        let [sdk_server, reference, proxied, python_server, everything, authorization] = addrs;
        let issuer = format!("http://{authorization}");
        let (programs, stage) = tokio::join!(start_programs(addrs), start_stage(&issuer, addrs));
        let server = |id, tools, addr, is_stripped| Server { id, tools, addr, is_stripped };
        let servers = vec![
            server("sdk", FILES, sdk_server, false),
            server("reference", REFERENCE, reference, true),
            server(SHIPPED, REFERENCE, proxied, false),
            server("python", FILES, python_server, false),
            server(EVERYTHING, ["", ""], everything, false),
            server(OAUTH, FILES, sdk_server, false),
        ];
        let authority = stage.folder.path("authority.pem");
        std::fs::write(&authority, stage.authority.ca_pem()).unwrap();
        let tunnel = Tunnel::to(stage.traefik.secure).await;
        Self { stage, servers, everything, issuer, tunnel, authority, programs }
    }

    /// Registers the servers and their rules, and adds their routers.
    pub async fn set_up(&self) {
        for Server { id, tools: [allowed, _], .. } in &self.servers {
            let mut create = vec!["tool-server", "create", id, "--tenant", "github", "--url"];
            let url = url_of(id);
            create.push(&url);
            if *id == OAUTH {
                create.extend(["--provider", "tools", "--scope", "tools"]);
            }
            // The stage has registered the one of the shipped files.
            if *id != SHIPPED {
                self.stage.cli(&create).await;
            }
            if !allowed.is_empty() {
                let allow = ["tool-server", "allow", id, "--group", "MCP-GitHub", "--tool", allowed];
                self.stage.cli(&allow).await;
            }
        }
        self.stage.cli(&["group", "link", "MCP-GitHub", "tools:tool-users"]).await;
        let routes = self.servers.iter().filter(|server| server.id != SHIPPED).map(route);
        let (mut routers, mut services, mut middlewares) = (json!({}), json!({}), json!({}));
        for (id, router, service, middleware) in routes {
            routers[format!("mcp-{id}")] = router;
            services[format!("mcp-{id}")] = service;
            middlewares[format!("strip-{id}")] = middleware;
        }
        let file =
            json!({ "http": { "routers": routers, "services": services, "middlewares": middlewares } });
        self.stage.traefik.add("mcp-servers.yml", &file.to_string(), "mcp-python").await;
    }

    /// A key of a member of the tenant, with the group of the rules.
    pub async fn make_key(&self, name: &str) -> String {
        let create = [
            "key",
            "create",
            name,
            "--host",
            "mcp.example.com",
            "--tenant",
            "github",
            "--group",
            "MCP-GitHub",
        ];
        self.stage.cli(&create).await.trim().to_owned()
    }

    /// Lets a program find the hosts at Traefik, and trust its certificate.
    pub fn place(&self, command: &mut Command) {
        let port = self.stage.traefik.secure.port().to_string();
        let hook = repository("tests/mcp-sdk/places.cjs").display().to_string();
        command.env("NODE_OPTIONS", format!("--require {hook}")).env("TRAEFIK_PORT", port);
        command.env("NODE_EXTRA_CA_CERTS", &self.authority).env("SSL_CERT_FILE", &self.authority);
        command.env("NODE_NO_WARNINGS", "1").env("HOME", self.stage.folder.path(""));
    }

    /// The same for a program that takes a proxy.
    pub fn place_by_proxy(&self, command: &mut Command) {
        self.place(command);
        command.env_remove("NODE_OPTIONS").env("HTTPS_PROXY", self.tunnel.url());
    }

    /// Leaves what everything logged.
    pub fn keep_logs(&self) {
        let folder = logs();
        std::fs::create_dir_all(&folder).unwrap();
        let programs = self.programs.iter().enumerate();
        let logs = programs.map(|(number, program)| (format!("program-{number}"), program.log()));
        let own = [
            ("gatepost".to_owned(), self.stage.gatepost.logs().join("\n")),
            ("traefik".to_owned(), self.stage.traefik.log()),
        ];
        for (name, log) in logs.chain(own) {
            std::fs::write(folder.join(format!("{name}.log")), log).unwrap();
        }
        println!("Logs: {}", folder.display());
    }
}

/// Where logs and the suite's results are left.
pub fn logs() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("mcp")
}

fn route(server: &Server) -> (&'static str, serde_json::Value, serde_json::Value, serde_json::Value) {
    let Server { id, addr, is_stripped, .. } = server;
    let prefix = format!("/servers/{id}");
    let middlewares = match is_stripped {
        true => vec!["gatepost-github@file".to_owned(), format!("strip-{id}")],
        false => vec!["gatepost-github@file".to_owned()],
    };
    let rule = format!("Host(`mcp.example.com`) && PathPrefix(`{prefix}/`)");
    let router = json!({ "rule": rule, "entryPoints": ["websecure"], "middlewares": middlewares,
        "service": format!("mcp-{id}") });
    let service = json!({ "loadBalancer": { "servers": [{ "url": format!("http://{addr}") }] } });
    (id, router, service, json!({ "stripPrefix": { "prefixes": [prefix] } }))
}

/// Gatepost knows `oidc-provider` as a provider, of whose tokens it takes those for one tool server.
async fn start_stage(issuer: &str, addrs: [SocketAddr; 6]) -> Stage {
    let [sdk_server, _, proxied, python_server, ..] = addrs;
    let setting = |name: &str, value: &str| (format!("GATEPOST_PROVIDERS__TOOLS__{name}"), value.to_owned());
    let variables = vec![
        setting("KIND", "oidc"),
        setting("ISSUER", issuer),
        setting("CLIENT_ID", "gatepost"),
        setting("CLIENT_SECRET", "of-gatepost"),
        setting("ALLOWED_DOMAINS", "example.com"),
        setting("AUDIENCE", &url_of(OAUTH)),
        setting("BEARER", "admit"),
        setting("BEARER_SCOPES", "tools"),
        (
            "GATEPOST_SERVICES".to_owned(),
            format!("sdk=http://{sdk_server},github=http://{proxied},python=http://{python_server}"),
        ),
    ];
    Stage::start_with(Others { mcp_proxy: Some(proxied), variables, ..Others::default() }).await
}

async fn start_programs(addrs: [SocketAddr; 6]) -> Vec<Running> {
    let [sdk_server, reference, proxied, python_server, everything, authorization] = addrs;
    let port = |addr: SocketAddr| addr.port().to_string();
    let reference_program = package("@modelcontextprotocol/server-everything/dist/index.js");

    let mut of_sdk = node("tests/mcp-sdk/server.mjs");
    of_sdk.arg(sdk()).arg(port(sdk_server));
    let mut of_reference = Command::new("node");
    of_reference.arg(&reference_program).arg("streamableHttp").env("PORT", port(reference));
    let mut of_proxy = Command::new(mcp_proxy());
    of_proxy.args(["--host", "127.0.0.1", "--port", &port(proxied), "--named-server", "github"]);
    of_proxy.arg(format!("node {} stdio", reference_program.display()));
    let mut of_python = python("tests/mcp/server.py");
    of_python.args([&port(python_server), "/servers/python/mcp"]);
    let mut of_everything = newer_node();
    of_everything.arg(repository("tests/mcp/everything.mjs")).arg(sdk()).arg(port(everything));
    of_everything.args(["localhost", "127.0.0.1", "mcp.example.com"]);
    let mut of_authorization = newer_node();
    of_authorization.arg(repository("tests/mcp/authorization_server.mjs")).arg(package(""));
    of_authorization.args([&port(authorization), &url_of(OAUTH), "tools"]);

    let servers = tokio::join!(
        serve("a server of MCP's SDK", of_sdk, sdk_server),
        serve("server-everything", of_reference, reference),
        serve("mcp-proxy", of_proxy, proxied),
        serve("a server of mcp", of_python, python_server),
        serve("the server of the conformance suite", of_everything, everything),
        serve("oidc-provider", of_authorization, authorization),
    );
    let (one, two, three, four, five, six) = servers;
    vec![one, two, three, four, five, six]
}
