//! The demo: the real binary in embedded mode, a fake Entra with some people, and two applications behind a
//! `ForwardAuth` proxy, all on `*.localhost` over plain HTTP.
//!
//! `script/demo` builds and starts it. All child processes end with this process, however it ends.

mod tenants;
mod tools;

use gatepost_kit::echo::{Echo, Link, Pages};
use gatepost_kit::edge::{Edge, Route};
use gatepost_kit::entra::{Entra, Person, Style, stable_guid};
use gatepost_kit::process::{Application, Dynamic, Gatepost, Traefik, free_port};
use gatepost_kit::tool_server::ToolServer;
use sqlx::{Connection as _, SqliteConnection};
use std::error::Error;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tenants::Tenant;
use tokio::signal::unix::{SignalKind, signal};

const PUBLIC: &str = "auth.localhost";
const APP: &str = "app.localhost";
const GITHUB: &str = "github.localhost";
const MCP: &str = "mcp.localhost";
/// The file of the directory.
const DIRECTORY: &str = "gatepost.db";
/// The port of the proxy. If it is taken, the next free port is used.
const PORT: u16 = 8000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    // Ctrl-C in a terminal also ends the child processes, which must not be reported as a failure.
    let demo = tokio::select! {
        biased;
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
        demo = Demo::start() => demo?,
    };
    demo.explain(started.elapsed());
    tokio::select! {
        biased;
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        end = demo.until_gatepost_ends() => return Err(end.into()),
    }
    println!("\nEverything is stopped.");
    Ok(())
}

/// Everything that runs. Dropping it stops it.
struct Demo {
    port: u16,
    binary: PathBuf,
    gatepost: Gatepost,
    edge: RunningEdge,
    folder: TempDir,
    /// The commands that show a tool server, keys, and a chat that acts for people.
    tools: String,
    _tool_server: ToolServer,
    _entra: Entra,
    _applications: [Echo; 2],
    _tenants: [Tenant; 2],
}

/// The proxy that browsers connect to: Traefik, or the test kit's replacement for it.
enum RunningEdge {
    Traefik { _guard: Box<Traefik>, binary: PathBuf },
    Kit { _guard: Edge },
}

impl Demo {
    async fn start() -> Result<Self, Box<dyn Error>> {
        let binary = binary()?;
        let port = port_from(PORT)?;
        let folder = TempDir::with_prefix("gatepost-demo-")?;
        let entra = entra(port).await?;
        let applications = [
            Echo::with_pages(pages("An application for all signed-in people", port)).await,
            Echo::with_pages(pages("An application for the group MCP-GitHub", port)).await,
        ];
        let tool_server = ToolServer::start().await;
        let tenants = Tenant::start_both(&format!("http://{PUBLIC}:{port}"), || port_from(port + 2)).await?;
        tools::write_speaker(folder.path())?;
        std::fs::write(folder.path().join("gatepost.toml"), settings(port, &entra, folder.path()))?;
        let [internal, public] =
            std::array::from_fn(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, free_port())));
        let builder = Gatepost::builder(&binary)
            .folder(folder.path())
            .log(File::create(folder.path().join("gatepost.log"))?)
            .internal(internal)
            .public(public);
        let verify = |query: &str| format!("http://{internal}/verify{query}");
        let routes = [
            (PUBLIC, None, public),
            (APP, Some(verify("")), applications[0].addr()),
            (GITHUB, Some(verify("?group=MCP-GitHub")), applications[1].addr()),
            (MCP, Some(verify("?tenant=tools&mcp=true")), tool_server.addr()),
            (tenants[0].host(), Some(verify("")), tenants[0].application()),
            (tenants[1].host(), Some(verify("")), tenants[1].application()),
        ];
        let gate = async {
            let gatepost = builder.start().await;
            gatepost.wait_ready().await;
            gatepost
        };
        let (gatepost, edge) = tokio::join!(gate, start_edge(port, &routes));
        write_past(&folder.path().join(DIRECTORY)).await?;
        let tools = tools::set_up(&binary, folder.path(), port).await?;
        for tenant in &tenants {
            tenant.set_up(&binary, folder.path()).await?;
        }
        Ok(Self {
            port,
            binary,
            gatepost,
            edge: edge?,
            folder,
            tools,
            _tool_server: tool_server,
            _entra: entra,
            _applications: applications,
            _tenants: tenants,
        })
    }

    /// Waits until the Gatepost process ends.
    async fn until_gatepost_ends(&self) -> String {
        loop {
            if let Some(exit) = self.gatepost.running().find_exit() {
                return format!("gatepost ended ({exit}):\n{}", self.gatepost.running().log());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn explain(&self, took: Duration) {
        let port = self.port;
        let edge = match &self.edge {
            RunningEdge::Traefik { binary, .. } => format!("a real Traefik ({})", binary.display()),
            RunningEdge::Kit { .. } => {
                "the test kit's own proxy, because no Traefik was found (set TRAEFIK_BIN to use one)"
                    .to_owned()
            }
        };
        let other_port = if port == PORT {
            String::new()
        } else {
            format!("\n(port {PORT} is in use, so the demo uses port {port})")
        };
        let cli = format!(
            "{} --config {}",
            self.binary.display(),
            self.folder.path().join("gatepost.toml").display()
        );
        println!(
            "
Gatepost is ready after {seconds:.1} s. ForwardAuth proxy: {edge}.{other_port}

Open one of these
  http://{APP}:{port}       an application for all signed-in people
  http://{GITHUB}:{port}    an application for the group MCP-GitHub
  http://{PUBLIC}:{port}      your account: groups, sessions, signing out
  http://{PUBLIC}:{port}/admin  for Alice: 180 people, their groups, tenants, and what they did in the last month
(Chrome, Edge and Firefox resolve *.localhost themselves; for another browser add the names to /etc/hosts)

Sign in as one of these people; the sign-in page takes the place of Microsoft's
  Alice   in MCP-Admin, so an administrator, and in MCP-GitHub
  Bob     in MCP-GitHub
  Carol   in 250 groups, more than fit into a token or a header
  Dave    in no group

Try this
  1. Open http://{APP}:{port}/deep/link?x=1 and sign in as Bob: you return to that link.
  2. Go to http://{GITHUB}:{port}: no second sign-in.
  3. Sign out there (with the link on the page), then open http://{APP}:{port} again: you must sign in again.
  4. Open http://{GITHUB}:{port} as Dave: the page says which group is missing, and lets you switch accounts.
  5. Sign in as Bob, run one of these in a second terminal, and reload Bob's page:
     {cli} user disable bob@example.com
     {cli} user enable bob@example.com
     {cli} admin list
{tools}{tenants}
Gatepost's log: {log}
Press Ctrl-C to stop everything.",
            tools = self.tools,
            tenants = tenants::describe(port, PUBLIC),
            seconds = took.as_secs_f32(),
            log = self.folder.path().join("gatepost.log").display(),
        );
    }
}

/// The binary that `script/demo` has just built. Without the script, the one in the same target folder as this program.
#[expect(clippy::disallowed_methods, reason = "the demo reads its own variables")]
fn binary() -> Result<PathBuf, Box<dyn Error>> {
    let named = std::env::var_os("GATEPOST_DEMO_BINARY").map(PathBuf::from);
    let beside = || Some(std::env::current_exe().ok()?.parent()?.parent()?.join("gatepost"));
    let binary = named.or_else(beside).filter(|binary| binary.is_file());
    Ok(std::path::absolute(binary.ok_or("there is no gatepost binary: start the demo with script/demo")?)?)
}

/// The path of Traefik, if `script/demo` found one. The demo never downloads or builds it.
#[expect(clippy::disallowed_methods, reason = "the demo reads its own variables")]
fn traefik() -> Option<PathBuf> {
    std::env::var_os("TRAEFIK_BIN").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The first free port of the hundred from `first` on.
fn port_from(first: u16) -> Result<u16, String> {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let last = first + 99;
    (first..=last).find(is_free).ok_or_else(|| format!("no port between {first} and {last} is free"))
}

fn group(name: &str) -> String {
    stable_guid(&format!("group {name}"))
}

/// Starts the fake Entra. Its address is an IP address, because Gatepost must reach it too, and only browsers can be
/// relied on to resolve `*.localhost`.
async fn entra(port: u16) -> Result<Entra, Box<dyn Error>> {
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port_from(port + 1)?));
    let entra = Entra::start_with(Style::Entra, addr).await?;
    let (admins, github) = (group("MCP-Admin"), group("MCP-GitHub"));
    entra.add(
        Person::named("alice").name("Alice Admin").group(&admins, "MCP-Admin").group(&github, "MCP-GitHub"),
    );
    entra.add(Person::named("bob").name("Bob Builder").group(&github, "MCP-GitHub"));
    entra.add(Person::named("carol").name("Carol Collector").many_groups(250));
    entra.add(Person::named("dave").name("Dave Different"));
    for path in ["callback/entra", "logged-out"] {
        entra.register_redirect_uri(&format!("http://{PUBLIC}:{port}/{path}"));
    }
    Ok(entra)
}

/// Fills the directory with people and with what they did in the last month.
async fn write_past(file: &Path) -> Result<(), sqlx::Error> {
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await?;
    sqlx::raw_sql(include_str!("past.sql")).execute(&mut connection).await?;
    connection.close().await
}

fn pages(title: &str, port: u16) -> Pages {
    let link = |text: &str, host: &str| Link { text: text.to_owned(), url: format!("http://{host}:{port}/") };
    let links = vec![link("For everybody", APP), link("For MCP-GitHub", GITHUB), link("My account", PUBLIC)];
    Pages { title: title.to_owned(), links }
}

/// The text of `gatepost.toml`. Settings are in a file, so that commands in a second terminal use the same.
fn settings(port: u16, entra: &Entra, folder: &Path) -> String {
    format!(
        r#"public_url = "http://{PUBLIC}:{port}"
hosts = ["http://{APP}:{port}", "http://{GITHUB}:{port}", "http://{MCP}:{port}"]
database_url = "sqlite://{file}"

[tenants]
provider_networks = ["127.0.0.0/8"]

[groups]
MCP-Admin = "entra:{admins}"
MCP-GitHub = "entra:{github}"

[providers.entra]
kind = "entra"
authority = "{authority}"
tenant_id = "{tid}"
client_id = "{client_id}"
client_secret = "{client_secret}"

[speakers.chat]
kind = "jwt"
issuer = "https://chat.localhost"
secret_file = "{secret}"
hosts = ["http://{MCP}:{port}"]
"#,
        secret = folder.join(tools::SECRET).display(),
        file = folder.join(DIRECTORY).display(),
        admins = group("MCP-Admin"),
        github = group("MCP-GitHub"),
        authority = entra.authority(),
        tid = entra.tid(),
        client_id = entra.client_id(),
        client_secret = entra.client_secret(),
    )
}

/// The host, the address of `/verify` if the host is protected, and the backend.
type RouteOf<'a> = (&'a str, Option<String>, SocketAddr);

async fn start_edge(port: u16, routes: &[RouteOf<'_>]) -> Result<RunningEdge, Box<dyn Error>> {
    let Some(binary) = traefik() else {
        let edge = routes.iter().fold(Edge::builder().port(port), |edge, (host, verify, backend)| {
            let route = verify
                .as_ref()
                .map_or_else(|| Route::open(*backend), |verify| Route::gated(verify, *backend));
            edge.route(host, route)
        });
        return Ok(RunningEdge::Kit { _guard: edge.start().await? });
    };
    let dynamic = routes.iter().fold(Dynamic::default(), |dynamic, (host, verify, backend)| {
        dynamic.application(&Application {
            host: (*host).to_owned(),
            backend: *backend,
            verify: verify.clone(),
        })
    });
    let plain = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let traefik = Traefik::start_on(&binary, plain, &dynamic.yaml()).await;
    Ok(RunningEdge::Traefik { _guard: Box::new(traefik), binary })
}
