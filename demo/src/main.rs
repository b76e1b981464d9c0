//! Two minutes with Gatepost: the real binary on one embedded file, a fake Entra with people to choose from, and two
//! applications behind a `ForwardAuth` edge, all on `*.localhost` over plain HTTP.
//!
//! `script/demo` builds and starts it. Everything ends with this process, however it ends.

use gatepost_kit::echo::{Echo, Link, Pages};
use gatepost_kit::edge::{Edge, Route};
use gatepost_kit::entra::{Entra, Person, Style, stable_guid};
use gatepost_kit::process::{Application, Dynamic, Gatepost, Traefik, free_port};
use std::error::Error;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

const PUBLIC: &str = "auth.localhost";
const APP: &str = "app.localhost";
const GITHUB: &str = "github.localhost";
/// Where the edge listens if nobody else does; the next free port otherwise.
const PORT: u16 = 8000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    // A terminal's Ctrl-C reaches the children too: their end must not look like a failure.
    let demo = tokio::select! {
        biased;
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
        demo = Demo::start() => demo?,
    };
    demo.explain(begun.elapsed());
    tokio::select! {
        biased;
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        end = demo.until_gatepost_ends() => return Err(end.into()),
    }
    println!("\nEverything is stopped.");
    Ok(())
}

/// All that runs; dropping it ends it.
struct Demo {
    port: u16,
    binary: PathBuf,
    gatepost: Gatepost,
    edge: RunningEdge,
    folder: TempDir,
    _entra: Entra,
    _applications: [Echo; 2],
}

/// What stands between the browser and everything else.
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
            Echo::with_pages(pages("An application for everybody who is signed in", port)).await,
            Echo::with_pages(pages("An application for the group MCP-GitHub", port)).await,
        ];
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
        ];
        let gate = async {
            let gatepost = builder.start().await;
            gatepost.wait_ready().await;
            gatepost
        };
        let (gatepost, edge) = tokio::join!(gate, start_edge(port, &routes));
        Ok(Self { port, binary, gatepost, edge: edge?, folder, _entra: entra, _applications: applications })
    }

    /// Returns when the one process that the demo is about is gone.
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
                "the kit's own edge, as no Traefik was found (TRAEFIK_BIN may name one)".to_owned()
            }
        };
        let other_port =
            if port == PORT { String::new() } else { format!("\n(port {PORT} is taken, so it is {port})") };
        let cli = format!(
            "{} --config {}",
            self.binary.display(),
            self.folder.path().join("gatepost.toml").display()
        );
        println!(
            "
Gatepost is ready after {seconds:.1} s. ForwardAuth edge: {edge}.{other_port}

Open this
  http://{APP}:{port}       an application for everybody who is signed in
  http://{GITHUB}:{port}    an application for the group MCP-GitHub
  http://{PUBLIC}:{port}      your account: groups, sessions, signing out
  (Chrome, Edge and Firefox find *.localhost by themselves; for another browser put the names into /etc/hosts)

Choose one of these people; the sign-in page stands for Microsoft's
  Alice   in MCP-Admin, so an admin, and in MCP-GitHub
  Bob     in MCP-GitHub
  Carol   in 250 groups, more than a token holds and more than a header takes
  Dave    in no group

Try this
  1. Open http://{APP}:{port}/deep/link?x=1 and sign in as Bob: you land on that link.
  2. Go to http://{GITHUB}:{port}: no second sign-in.
  3. Sign out there (the link on the page), then look at http://{APP}:{port} again: it asks who you are.
  4. Come as Dave to http://{GITHUB}:{port}: the refusal says which group is missing, and switches account.
  5. In a second terminal, with Bob signed in, and then reload his page:
       {cli} user disable bob@example.com
       {cli} user enable bob@example.com
       {cli} admin list

Gatepost's log: {log}
Ctrl-C ends everything.",
            seconds = took.as_secs_f32(),
            log = self.folder.path().join("gatepost.log").display(),
        );
    }
}

/// The binary that `script/demo` has just built; without the script, the one beside the folder of this example.
#[expect(clippy::disallowed_methods, reason = "the demo's own door to the environment")]
fn binary() -> Result<PathBuf, Box<dyn Error>> {
    let named = std::env::var_os("GATEPOST_DEMO_BINARY").map(PathBuf::from);
    let beside = || Some(std::env::current_exe().ok()?.parent()?.parent()?.join("gatepost"));
    let binary = named.or_else(beside).filter(|binary| binary.is_file());
    Ok(std::path::absolute(binary.ok_or("there is no gatepost binary: start the demo with script/demo")?)?)
}

/// The Traefik that `script/demo` found, never one that would have to be fetched or built.
#[expect(clippy::disallowed_methods, reason = "the demo's own door to the environment")]
fn traefik() -> Option<PathBuf> {
    std::env::var_os("TRAEFIK_BIN").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The first free port from `first` on.
fn port_from(first: u16) -> Result<u16, String> {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let last = first + 99;
    (first..=last).find(is_free).ok_or_else(|| format!("no port between {first} and {last} is free"))
}

fn group(name: &str) -> String {
    stable_guid(&format!("group {name}"))
}

/// By its number, not by a name: few resolvers besides the browsers' know `*.localhost`, and Gatepost asks it too.
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

fn pages(title: &str, port: u16) -> Pages {
    let link = |text: &str, host: &str| Link { text: text.to_owned(), url: format!("http://{host}:{port}/") };
    let links = vec![link("For everybody", APP), link("For MCP-GitHub", GITHUB), link("My account", PUBLIC)];
    Pages { title: title.to_owned(), links }
}

/// In a file, so that the command line in a second terminal reads the same.
fn settings(port: u16, entra: &Entra, folder: &Path) -> String {
    format!(
        r#"public_url = "http://{PUBLIC}:{port}"
hosts = ["http://{APP}:{port}", "http://{GITHUB}:{port}"]
database_url = "sqlite://{file}"

[groups]
MCP-Admin = "entra:{admins}"
MCP-GitHub = "entra:{github}"

[providers.entra]
kind = "entra"
authority = "{authority}"
tenant_id = "{tid}"
client_id = "{client_id}"
client_secret = "{client_secret}"
"#,
        file = folder.join("gatepost.db").display(),
        admins = group("MCP-Admin"),
        github = group("MCP-GitHub"),
        authority = entra.authority(),
        tid = entra.tid(),
        client_id = entra.client_id(),
        client_secret = entra.client_secret(),
    )
}

/// Host, address of `/verify` where it is guarded, and who answers.
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
