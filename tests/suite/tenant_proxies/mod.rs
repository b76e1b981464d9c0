//! Tenants' hosts behind a real Caddy and a real nginx, on the shipped configurations and the files that `gatepost tenant routers`
//! prints: who passes, what the application gets, and what a client cannot say.

mod file;
mod local;
mod raw;
mod requests;
mod sign_in;
mod surroundings;

use crate::cli::sql;
use crate::world::{PUBLIC, Pair, Plan, World, alice};
use gatepost_kit::client::Client;
use gatepost_kit::echo::Echo;
use gatepost_kit::entra::Person;
use gatepost_kit::process::{Caddy, Nginx};
use sqlx::AssertSqlSafe;
use std::net::SocketAddr;

const HOST: &str = "acme.example.net";
const OTHER_HOST: &str = "zeta.example.net";
const BOB: &str = "bob@example.com";

/// Runs each test behind both proxies.
macro_rules! both_proxies {
    ($($(#[$meta:meta])* async fn $name:ident($kind:ident) $body:block)*) => {
        $(mod $name {
            use super::*;

            $(#[$meta])*
            async fn run($kind: crate::tenant_proxies::Kind) $body

            #[tokio::test(flavor = "multi_thread")]
            async fn caddy() {
                run(crate::tenant_proxies::Kind::Caddy).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn nginx() {
                run(crate::tenant_proxies::Kind::Nginx).await;
            }
        })*
    };
}
use both_proxies;

/// Which proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Caddy,
    Nginx,
}

impl Kind {
    /// The value of `--for`.
    fn name(self) -> &'static str {
        match self {
            Self::Caddy => "caddy",
            Self::Nginx => "nginx",
        }
    }

    /// What the printed file includes in each site, by the name that the shipped configuration has for it.
    fn import(self) -> &'static str {
        match self {
            Self::Caddy => "own",
            Self::Nginx => "/etc/nginx/gatepost/site.conf",
        }
    }
}

#[derive(Debug)]
enum Proxy {
    Caddy(Caddy),
    Nginx(Nginx),
}

impl Proxy {
    /// On the shipped configuration, with this file of tenants' hosts.
    async fn start(kind: Kind, world: &World, file: &str) -> Self {
        match kind {
            Kind::Caddy => {
                let shipped = of_world(include_str!("../../../deploy/caddy/Caddyfile"), world);
                Self::Caddy(Caddy::start(&shipped, file, &world.authority).await)
            }
            Kind::Nginx => Self::nginx(&nginx_template(world), world, file).await,
        }
    }

    /// nginx with this configuration of its `http` block.
    async fn nginx(template: &str, world: &World, file: &str) -> Self {
        let site = include_str!("../../../deploy/nginx/site.conf");
        Self::Nginx(Nginx::start(template, site, file, &world.authority).await)
    }

    fn secure(&self) -> SocketAddr {
        match self {
            Self::Caddy(caddy) => caddy.secure(),
            Self::Nginx(nginx) => nginx.secure(),
        }
    }

    fn log(&self) -> String {
        match self {
            Self::Caddy(caddy) => caddy.log(),
            Self::Nginx(nginx) => nginx.log(),
        }
    }
}

/// A shipped file, with the addresses of a world.
fn of_world(shipped: &str, world: &World) -> String {
    let shipped = shipped.replace("auth.example.com", PUBLIC);
    shipped.replace("gatepost:4180", &world.gatepost.public().to_string())
}

fn nginx_template(world: &World) -> String {
    of_world(include_str!("../../../deploy/nginx/nginx-template.conf"), world)
}

/// The tenants `acme` at [`HOST`] and `zeta` at [`OTHER_HOST`] behind a proxy. Bob is a member of `acme`, alice of `zeta`.
struct Site {
    world: World,
    proxy: Proxy,
    application: Echo,
}

/// The world and the application of a site, without a proxy. The public host and those of tenants have the port 443, which is
/// the proxy's.
async fn world() -> (World, Echo) {
    let application = Echo::start().await;
    let public = format!("https://{PUBLIC}");
    let plan = Plan::default()
        .env("GATEPOST_PUBLIC_URL", &*public)
        .env("GATEPOST_HOSTS", "*.example.test")
        .env("GATEPOST_SERVICES", format!("chat=http://{}", application.addr()));
    let world = plan.start(Pair::Shared).await;
    world.entra.register_redirect_uri(&format!("{public}/callback/entra"));
    world.entra.register_redirect_uri(&format!("{public}/logged-out"));
    world.entra.add(alice());
    world.entra.add(Person::named("bob"));
    give(&world, "acme", HOST, "chat").await;
    give(&world, "zeta", OTHER_HOST, "chat").await;
    world
        .cli_all(&[
            &["tenant", "add-member", "acme", BOB],
            &["tenant", "add-member", "zeta", "alice@example.com"],
        ])
        .await;
    (world, application)
}

impl Site {
    async fn start(kind: Kind, arguments: &[&str]) -> Self {
        let (world, application) = world().await;
        let file = file(&world, kind, arguments).await;
        Self::with(kind, world, application, &file).await
    }

    async fn with(kind: Kind, world: World, application: Echo, file: &str) -> Self {
        let proxy = Proxy::start(kind, &world, file).await;
        Self { world, proxy, application }
    }

    /// A browser whose way to everything but the provider is the proxy.
    fn browser(&self) -> Client {
        let entra = self.world.entra.addr();
        Client::builder()
            .everywhere(self.proxy.secure())
            .host(&entra.ip().to_string(), entra)
            .trust(&self.world.authority)
            .build()
            .patient()
    }

    /// A browser in which somebody has tried to open the host, with the status that they saw.
    async fn visited(&self, who: &str) -> (Client, u16) {
        self.world.entra.at_the_browser(Some(who));
        let browser = self.browser();
        let trip = browser.navigate(&url("/read?a=1")).await;
        (browser, trip.end().status)
    }

    /// A browser in which Bob has signed in, whose requests so far are forgotten.
    async fn of_bob(&self) -> Client {
        let (browser, status) = self.visited("bob").await;
        assert_eq!(status, 200, "{}", self.proxy.log());
        self.application.forget();
        browser
    }
}

/// An address on [`HOST`].
fn url(path: &str) -> String {
    format!("https://{HOST}{path}")
}

/// A tenant with an active host that leads to a service.
async fn give(world: &World, tenant: &str, host: &str, service: &str) {
    world.cli_all(&[&["tenant", "create", tenant], &["tenant", "set", tenant, "--service", service]]).await;
    let proof = "0123456789abcdef0123456789abcdef";
    let row = format!(
        "INSERT INTO tenant_hosts (host, tenant_id, state, proof, created_at) VALUES ('{host}', '{tenant}', 'active', '{proof}', 1)"
    );
    sql(world, AssertSqlSafe(row)).await;
    world.has_heard().await;
}

/// The printed file.
async fn file(world: &World, kind: Kind, arguments: &[&str]) -> String {
    file_of(world, kind, kind.import(), arguments).await
}

/// The printed file, whose sites include `import`.
async fn file_of(world: &World, kind: Kind, import: &str, arguments: &[&str]) -> String {
    let gate = format!("http://{}", world.gatepost.internal());
    let own: &[&str] = if arguments.contains(&"--gate") { &[] } else { &["--gate", &gate] };
    let command = ["tenant", "routers", "--for", kind.name(), "--import", import];
    world.cli(&[&command, own, arguments].concat()).await
}
