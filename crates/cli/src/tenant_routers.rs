//! `gatepost tenant routers`: the routers of tenants' hosts as a file for a proxy. Traefik's HTTP provider gets the same
//! without one.

use super::console::Console;
use super::error::CommandError;
use super::report::{Report, lines};
use super::router_file::FileArgs;
use clap::{Args, ValueEnum};
use gatepost_core::router_options::RouterOptions;
use gatepost_runtime::tenant_routers::TenantRouters;
use serde_json::json;

/// A proxy for which files are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Proxy {
    Traefik,
    Nginx,
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
    file: FileArgs,
}

pub(super) async fn run(
    console: &Console,
    Routers { proxy, query, file }: Routers,
) -> Result<Report, CommandError> {
    let state = console.here()?;
    let routers = TenantRouters::read(&state.site, &state.stores.directory).await?;
    // YAML contains JSON. It has comments, as the files of the other two have.
    let mut text =
        vec![format!("# {} routers of tenants' hosts, by `gatepost tenant routers`.", routers.count())];
    text.extend(
        routers
            .unrouted
            .iter()
            .map(|(host, service)| format!("# {host} has none: GATEPOST_SERVICES has no {service}.")),
    );
    let (name, body) = match proxy {
        Proxy::Traefik => {
            file.for_traefik()?;
            let configuration = routers.configuration(&query);
            text.push(format!("{configuration:#}"));
            return Ok(Report::new(lines(&text), configuration));
        }
        Proxy::Caddy => ("caddy", routers.caddy(&file.for_caddy(&state.site.config)?)),
        Proxy::Nginx => ("nginx", routers.nginx(&file.for_nginx(&state.site.config)?)),
    };
    text.push(body);
    let text = lines(&text);
    let json = json!({ "for": name, "file": text });
    Ok(Report::new(text, json))
}
