//! `gatepost tenant set`, `show` and `host`: what the platform says about a tenant, and its hosts.

use super::console::Console;
use super::error::CommandError;
use super::report::{Report, lines};
use crate::admin::views::{self, TenantWritten};
use clap::{Args, Subcommand};
use gatepost_core::administration::Scope;
use gatepost_core::host::HostName;
use gatepost_core::ids::{ServiceName, TenantId, TierId};
use gatepost_core::tenant_host::{HostProof, HostState};
use gatepost_core::tier::{Allowances, JsonObject};
use gatepost_store::directory::changes::{
    AddTenantHost, ApproveTenantHost, ObjectEdit, RefuseTenantHost, RemoveTenantHost, TenantEdit,
    TenantHostName, WriteMode, WriteTenant,
};
use gatepost_store::directory::{DirectoryError, TenantHostRecord};
use serde_json::{Map, Value, json};
use std::str::FromStr;

/// What `--service` takes for no upstream. No service can be named so.
const NO_SERVICE: &str = "none";

/// What to change of a tenant.
#[derive(Debug, Args)]
pub(super) struct Settings {
    /// The tier: free, pro, enterprise or one of your own
    #[arg(long)]
    tier: Option<TierId>,
    /// No tier limits the tenant any more
    #[arg(long, conflicts_with = "tier")]
    no_tier: bool,
    /// The upstream in `GATEPOST_SERVICES` to which its hosts lead; `none`: no routers are made for them
    #[arg(long, value_name = "NAME")]
    service: Option<ServiceName>,
    /// What it may use over its tier, as `sso_enabled=true`; without a value the tier decides again
    #[arg(long, value_name = "NAME=VALUE")]
    feature: Vec<Member>,
    /// How much it may have over its tier, as keys=10 or members=none; without a value the tier decides again
    #[arg(long, value_name = "NAME=VALUE")]
    limit: Vec<Member>,
}

/// A member of features or limits.
#[derive(Clone, Debug)]
struct Member {
    name: String,
    value: Value,
}

impl FromStr for Member {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
        let value = match value {
            "" => Value::Null,
            "true" => true.into(),
            "false" => false.into(),
            value => value.parse::<u64>().map_or_else(|_| value.into(), Value::from),
        };
        Ok(Self { name: name.to_owned(), value })
    }
}

fn edit(members: Vec<Member>) -> Option<ObjectEdit> {
    let object: Map<String, Value> =
        members.into_iter().map(|Member { name, value }| (name, value)).collect();
    (!object.is_empty()).then(|| ObjectEdit::Merge(object.into()))
}

pub(super) async fn set(console: &Console, id: TenantId, settings: Settings) -> Result<Report, CommandError> {
    let Settings { tier, no_tier, service, feature, limit } = settings;
    let (features, limits) = (edit(feature), edit(limit));
    demand_plain(features.as_ref(), limits.as_ref())?;
    let tier = if no_tier { Some(None) } else { tier.map(Some) };
    let service = service.map(|name| Some(name).filter(|name| name.as_str() != NO_SERVICE));
    if let Some(Some(unknown)) = &service
        && !console.here()?.site.config.services.contains_key(unknown)
    {
        return Err(DirectoryError::UnknownService(unknown.clone()).into());
    }
    let edit = TenantEdit { tier, service, features, limits, ..TenantEdit::default() };
    let done = console.carry_out_here(&WriteTenant { id: id.clone(), mode: WriteMode::Patch, edit }).await?;
    let written = TenantWritten::new(&done.outcome, done.changed);
    let mut text = if done.changed {
        format!("Tenant {id} {} changed.", console.either("was", "would be"))
    } else {
        format!("Tenant {id} is already like this.")
    };
    for warning in &written.warnings {
        text.push('\n');
        text.push_str(warning);
    }
    Ok(Report::new(text, written))
}

/// Demands that what is set is what its name says.
fn demand_plain(features: Option<&ObjectEdit>, limits: Option<&ObjectEdit>) -> Result<(), CommandError> {
    let object =
        |edit: Option<&ObjectEdit>| edit.map(|edit| edit.of(&JsonObject::default())).unwrap_or_default();
    let flaws = Allowances { features: object(features), limits: object(limits) }.flaws();
    match flaws.first() {
        None => Ok(()),
        Some(flaw) => {
            let member = flaw.member.as_deref().unwrap_or(flaw.part);
            Err(CommandError::Allowance(member.to_owned(), flaw.expected))
        }
    }
}

pub(super) async fn show(console: &Console, id: TenantId) -> Result<Report, CommandError> {
    let tenant = console.find_tenant(&id).await?;
    Ok(Report::new(described(&tenant), tenant))
}

fn described(tenant: &views::Tenant) -> String {
    let members = |object: &JsonObject| {
        let member = |(name, value): (&String, &Value)| {
            format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        };
        object.members().iter().map(member).collect::<Vec<_>>().join(", ")
    };
    let mut said = vec![
        format!("Tenant {}", tenant.id),
        format!("  Name: {}", tenant.name.as_deref().unwrap_or("-")),
        format!("  State: {}", tenant.state),
    ];
    said.extend(tenant.suspended_reason.as_ref().map(|reason| format!("  Suspended because: {reason}")));
    said.extend(tenant.deleted_at.as_ref().map(|at| format!("  Deleted: {at}")));
    said.push(format!("  Tier: {}", tenant.tier.as_deref().unwrap_or("-")));
    said.extend(tenant.service.as_ref().map(|service| format!("  Service: {service}")));
    said.push(format!("  Features: {}", members(&tenant.features)));
    said.push(format!("  Limits: {}", members(&tenant.limits)));
    said.extend(tenant.hosts.iter().map(|host| format!("  Host: {} ({})", host.host, host.state)));
    lines(&said)
}

/// A host of a tenant.
#[derive(Debug, Args)]
pub(super) struct OneHost {
    /// The tenant's id
    id: TenantId,
    /// A name in the DNS, without a port
    host: HostName,
}

#[derive(Debug, Subcommand)]
pub(super) enum HostCommand {
    /// Proposes a host of a tenant
    #[command(after_help = "Example:\n  gatepost tenant host add acme blog.acme.com")]
    Add(OneHost),
    /// Asks the DNS for the record that proves a host, and has the host count if it is there
    #[command(after_help = "Example:\n  gatepost tenant host confirm acme blog.acme.com")]
    Confirm(OneHost),
    /// Has a host count, because you say that it is the tenant's
    #[command(after_help = "Example:\n  gatepost tenant host approve acme blog.acme.com")]
    Approve(OneHost),
    /// Says no to a host of a tenant; another tenant may propose it then
    #[command(after_help = "Example:\n  gatepost tenant host refuse acme blog.acme.com")]
    Refuse(OneHost),
    /// Takes a host from a tenant
    #[command(after_help = "Example:\n  gatepost tenant host remove acme blog.acme.com")]
    Remove(OneHost),
}

pub(super) async fn host(console: &Console, command: HostCommand) -> Result<Report, CommandError> {
    match command {
        HostCommand::Add(OneHost { id, host }) => {
            let host = TenantHostName::new(host, &console.here()?.site.config)?;
            let done = console.carry_out_here(&AddTenantHost { tenant: id.clone(), host }).await?;
            let host = &done.outcome;
            let mut text = match (done.changed, host.state) {
                (true, _) => format!(
                    "Host {} {} proposed for tenant {id}.",
                    host.host,
                    console.either("is", "would be")
                ),
                (false, state) => format!("Tenant {id} already has host {} ({state}).", host.host),
            };
            if host.state == HostState::Proposed {
                let how = format!(
                    "\nIt counts when its zone has this record: {} TXT \"{}\"\n\
                     Then: gatepost tenant host confirm {id} {name}\n\
                     Or because you say so: gatepost tenant host approve {id} {name}",
                    HostProof::record_name(&host.host),
                    host.proof.record_text(),
                    name = host.host
                );
                text.push_str(&how);
            }
            Ok(Report::new(text, views::TenantHost::from(host)))
        }
        HostCommand::Confirm(OneHost { id, host }) => {
            let change = console.here()?.admin.find_proof(&Scope::System, id.clone(), host).await?;
            let done = console.carry_out_here(&change).await?;
            let is = console.either("belongs to", "would belong to");
            Ok(said(&done.outcome, done.changed, &format!("{is} tenant {id}: its members may enter there.")))
        }
        HostCommand::Approve(OneHost { id, host }) => {
            let done = console.carry_out_here(&ApproveTenantHost { tenant: id.clone(), host }).await?;
            let is = console.either("belongs to", "would belong to");
            Ok(said(&done.outcome, done.changed, &format!("{is} tenant {id}: its members may enter there.")))
        }
        HostCommand::Refuse(OneHost { id, host }) => {
            let done = console.carry_out_here(&RefuseTenantHost { tenant: id, host }).await?;
            Ok(said(&done.outcome, done.changed, console.either("is refused.", "would be refused.")))
        }
        HostCommand::Remove(OneHost { id, host }) => {
            console.carry_out_here(&RemoveTenantHost { tenant: id.clone(), host: host.clone() }).await?;
            let text = format!(
                "Host {host} {} tenant {id}.",
                console.either("no longer belongs to", "would no longer belong to")
            );
            Ok(Report::new(text, json!({ "tenant": id, "host": host.as_str(), "changed": true })))
        }
    }
}

fn said(host: &TenantHostRecord, changed: bool, what: &str) -> Report {
    let name = &host.host;
    let text = if changed {
        format!("Host {name} {what}")
    } else {
        format!("Host {name} is already {}.", host.state)
    };
    Report::new(text, views::TenantHost::from(host))
}
