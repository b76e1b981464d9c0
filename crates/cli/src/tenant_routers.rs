//! `gatepost tenant routers`: the routers of tenants' hosts as a file for a proxy. Traefik's HTTP provider gets the same
//! without one.

use super::console::Console;
use super::error::CommandError;
use super::report::{Report, lines};
use clap::{Args, ValueEnum};
use gatepost_config::{Config, SpeakerConfig};
use gatepost_core::header_names::IDENTITY_HEADERS;
use gatepost_core::mcp::Mode;
use gatepost_core::requirement::Requirement;
use gatepost_core::router_options::RouterOptions;
use gatepost_runtime::tenant_routers::{CaddyOptions, TenantRouters};
use serde_json::json;
use url::Url;

/// A proxy for which files are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Proxy {
    Traefik,
    Caddy,
}

/// What the routers have.
#[derive(Debug, Args)]
pub(super) struct Routers {
    /// The proxy
    #[arg(long = "for", value_name = "PROXY", value_enum, default_value = "traefik")]
    proxy: Proxy,
    /// For Traefik: what each router has, as in the address of its HTTP provider: middleware, gate, `entry_point`, `cert_resolver`
    #[arg(long, default_value = "", hide_default_value = true, value_parser = RouterOptions::parse)]
    query: RouterOptions,
    #[command(flatten)]
    caddy: CaddyArgs,
}

#[derive(Debug, Args)]
struct CaddyArgs {
    /// For Caddy: where it reaches the internal listener; default: `GATEPOST_INTERNAL_ADDR`
    #[arg(long, value_name = "URL", value_parser = gate)]
    gate: Option<Url>,
    /// For Caddy: what every request must meet, as behind `/verify?`; whoever enters a tenant's host is always a member
    #[arg(long, value_name = "QUERY", value_parser = requirement)]
    require: Option<String>,
    /// For Caddy: a snippet of the Caddyfile that each site imports, as for its certificate; may be repeated
    #[arg(long, value_name = "SNIPPET", value_parser = snippet)]
    import: Vec<String>,
    /// For Caddy: the folder of `ca.crt`, `client.crt` and `client.key` there, if the internal listener speaks TLS
    #[arg(long, value_name = "DIR", default_value = "/etc/caddy/gatepost", value_parser = folder)]
    certificates: String,
}

/// An origin, which Caddy takes as an upstream.
fn gate(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let is_plain = |url: &Url| url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_anonymous = |url: &Url| url.username().is_empty() && url.password().is_none();
    url.filter(|url| is_plain(url) && is_anonymous(url)).ok_or("expected an address as https://gatepost:4181")
}

fn requirement(text: &str) -> Result<String, String> {
    let read = Requirement::parse(text).map_err(|error| error.to_string())?;
    if read.mcp == Some(Mode::Body) {
        return Err(
            "mcp=true judges bodies, which Caddy does not send to Gatepost: expected mcp=headers".to_owned()
        );
    }
    Ok(text.to_owned())
}

fn snippet(text: &str) -> Result<String, &'static str> {
    let is_name = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if is_name {
        Ok(text.to_owned())
    } else {
        Err("expected the name of a snippet: A-Z, a-z, 0-9, -, _ and .")
    }
}

/// A path that stands between quotation marks in a Caddyfile, where braces begin a placeholder.
fn folder(text: &str) -> Result<String, &'static str> {
    let is_plain =
        !text.is_empty() && !text.contains(['"', '\\', '{', '}', '`']) && !text.contains(char::is_control);
    if is_plain {
        Ok(text.to_owned())
    } else {
        Err("expected a path without quotation marks, backslashes and braces")
    }
}

pub(super) async fn run(console: &Console, args: Routers) -> Result<Report, CommandError> {
    let state = console.here()?;
    let routers = TenantRouters::read(&state.site, &state.stores.directory).await?;
    // YAML contains JSON, and has comments as a Caddyfile has.
    let mut text =
        vec![format!("# {} routers of tenants' hosts, by `gatepost tenant routers`.", routers.count())];
    text.extend(
        routers
            .unrouted
            .iter()
            .map(|(host, service)| format!("# {host} has none: GATEPOST_SERVICES has no {service}.")),
    );
    match args.proxy {
        Proxy::Traefik => {
            let configuration = routers.configuration(&args.query);
            text.push(format!("{configuration:#}"));
            Ok(Report::new(lines(&text), configuration))
        }
        Proxy::Caddy => {
            text.push(routers.caddy(&args.caddy.options(&state.site.config)?));
            let text = lines(&text);
            let json = json!({ "for": "caddy", "file": text });
            Ok(Report::new(text, json))
        }
    }
}

impl CaddyArgs {
    fn options(self, config: &Config) -> Result<CaddyOptions, CommandError> {
        let scheme = if config.internal_tls.is_some() { "https" } else { "http" };
        let gate = match self.gate {
            Some(gate) => gate,
            None if config.internal_addr.ip().is_unspecified() => {
                return Err(CommandError::NoGate(config.internal_addr));
            }
            None => Url::parse(&format!("{scheme}://{}", config.internal_addr))
                .map_err(|_| CommandError::NoGate(config.internal_addr))?,
        };
        if gate.scheme() != scheme {
            return Err(CommandError::GateScheme(gate, scheme));
        }
        let hidden = config.speakers.iter().flat_map(SpeakerConfig::hidden_headers);
        let own_headers = IDENTITY_HEADERS.into_iter().chain(hidden).map(str::to_owned).collect();
        Ok(CaddyOptions {
            gate,
            certificates: self.certificates,
            requirement: self.require.unwrap_or_default(),
            imports: self.import,
            own_headers,
        })
    }
}
