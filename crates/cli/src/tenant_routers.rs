//! `gatepost tenant routers`: what Traefik's HTTP provider gets, as a file.

use super::console::Console;
use super::error::CommandError;
use super::report::{Report, lines};
use clap::Args;
use gatepost_core::router_options::RouterOptions;
use gatepost_runtime::tenant_routers::TenantRouters;

/// What the routers have.
#[derive(Debug, Args)]
pub(super) struct Routers {
    /// What each router has, as in the address of Traefik's HTTP provider: middleware, gate, `entry_point`, `cert_resolver`
    #[arg(long, default_value = "", hide_default_value = true, value_parser = RouterOptions::parse)]
    query: RouterOptions,
}

pub(super) async fn run(console: &Console, Routers { query }: Routers) -> Result<Report, CommandError> {
    let state = console.here()?;
    let routers = TenantRouters::read(&state.site, &state.stores.directory).await?;
    let configuration = routers.configuration(&query);
    // YAML contains JSON, and has comments.
    let mut text =
        vec![format!("# {} routers of tenants' hosts, by `gatepost tenant routers`.", routers.count())];
    text.extend(
        routers
            .unrouted
            .iter()
            .map(|(host, service)| format!("# {host} has none: GATEPOST_SERVICES has no {service}.")),
    );
    text.push(format!("{configuration:#}"));
    Ok(Report::new(lines(&text), configuration))
}
