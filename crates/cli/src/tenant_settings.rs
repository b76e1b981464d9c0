//! `gatepost tenant set`, `show` and `host`: what the platform says about a tenant, and its hosts.

use super::console::Console;
use super::error::CommandError;
use super::report::{Report, lines};
use clap::{Args, Subcommand};
use gatepost_admin::views::{self, TenantHostChange, TenantWritten};
use gatepost_core::administration::Scope;
use gatepost_core::host::HostName;
use gatepost_core::ids::{ServiceName, TenantId, TierId};
use gatepost_core::tier::{AllowanceMember, Allowances, JsonObject};
use gatepost_store::directory::changes::{
    AddTenantHost, ApproveTenantHost, ObjectEdit, RefuseTenantHost, RemoveTenantHost, TenantEdit,
    TenantHostName, WriteMode, WriteTenant,
};
use gatepost_store::directory::{DirectoryError, Done};
use serde_json::{Map, Value, json};

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
    feature: Vec<AllowanceMember>,
    /// How much it may have over its tier, as keys=10 or members=none; without a value the tier decides again
    #[arg(long, value_name = "NAME=VALUE")]
    limit: Vec<AllowanceMember>,
}

fn object(members: Vec<AllowanceMember>) -> Option<JsonObject> {
    let object: Map<String, Value> =
        members.into_iter().map(|AllowanceMember { name, value }| (name, value)).collect();
    (!object.is_empty()).then(|| object.into())
}

pub(super) async fn set(console: &Console, id: TenantId, settings: Settings) -> Result<Report, CommandError> {
    let Settings { tier, no_tier, service, feature, limit } = settings;
    let (features, limits) = (object(feature), object(limit));
    demand_plain(features.as_ref(), limits.as_ref())?;
    let tier = if no_tier { Some(None) } else { tier.map(Some) };
    let service = service.map(|name| Some(name).filter(|name| name.as_str() != NO_SERVICE));
    // An installation elsewhere judges by its own configuration.
    if let Some(Some(unknown)) = &service
        && console.api().is_none()
        && !console.here()?.site.config.services.contains_key(unknown)
    {
        return Err(DirectoryError::UnknownService(unknown.clone()).into());
    }
    let [features, limits] = [features, limits].map(|object| object.map(ObjectEdit::Merge));
    let edit = TenantEdit { tier, service, features, limits, ..TenantEdit::default() };
    let change = WriteTenant { id: id.clone(), mode: WriteMode::Patch, edit };
    let Done { changed, outcome, .. } = console.carry_out(&change).await?;
    let written = TenantWritten { changed, ..outcome };
    let mut text = if changed {
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
fn demand_plain(features: Option<&JsonObject>, limits: Option<&JsonObject>) -> Result<(), CommandError> {
    let object = |patch: Option<&JsonObject>| {
        patch.map(|patch| JsonObject::default().merged(patch)).unwrap_or_default()
    };
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
    let members = |object: &JsonObject| object.texts().join(", ");
    let mut said = vec![
        format!("Tenant {}", tenant.id),
        format!("  Name: {}", tenant.name.as_deref().unwrap_or("-")),
        format!("  State: {}", tenant.state),
    ];
    said.extend(tenant.suspended_reason.as_ref().map(|reason| format!("  Suspended because: {reason}")));
    said.extend(tenant.deleted_at.as_ref().map(|at| format!("  Deleted: {at}")));
    said.push(format!("  Tier: {}", tenant.tier.as_deref().unwrap_or("-")));
    said.extend(tenant.service.as_ref().map(|service| format!("  Service: {service}")));
    said.extend(tenant.provider.as_ref().map(|own| format!("  Provider: {} ({})", own.label, own.kind)));
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
    let belongs = |id: &TenantId| {
        let is = console.either("belongs to", "would belong to");
        format!("{is} tenant {id}: its members may enter there.")
    };
    match command {
        HostCommand::Add(OneHost { id, host }) => {
            let found = if let Some(api) = console.api() {
                console.sent(api.add_tenant_host(&id, &host, console.conditions).await)?
            } else {
                let host = TenantHostName::new(host, &console.here()?.site.config)?;
                let done = console.carry_out_here(&AddTenantHost { tenant: id.clone(), host }).await?;
                TenantHostChange::new(&done.outcome, done.changed)
            };
            Ok(Report::new(added(console, &id, &found), found))
        }
        HostCommand::Confirm(OneHost { id, host }) => {
            let found = if let Some(api) = console.api() {
                console.sent(api.confirm_tenant_host(&id, &host, console.conditions).await)?
            } else {
                let change = console.here()?.admin.find_proof(&Scope::System, id.clone(), host).await?;
                let done = console.carry_out_here(&change).await?;
                TenantHostChange::new(&done.outcome, done.changed)
            };
            Ok(said(found, &belongs(&id)))
        }
        HostCommand::Approve(OneHost { id, host }) => {
            let done = console.carry_out(&ApproveTenantHost { tenant: id.clone(), host }).await?;
            Ok(said(TenantHostChange { host: done.outcome, changed: done.changed }, &belongs(&id)))
        }
        HostCommand::Refuse(OneHost { id, host }) => {
            let done = console.carry_out(&RefuseTenantHost { tenant: id, host }).await?;
            let found = TenantHostChange { host: done.outcome, changed: done.changed };
            Ok(said(found, console.either("is refused.", "would be refused.")))
        }
        HostCommand::Remove(OneHost { id, host }) => {
            console.carry_out(&RemoveTenantHost { tenant: id.clone(), host: host.clone() }).await?;
            let text = format!(
                "Host {host} {} tenant {id}.",
                console.either("no longer belongs to", "would no longer belong to")
            );
            Ok(Report::new(text, json!({ "tenant": id, "host": host.as_str(), "changed": true })))
        }
    }
}

fn added(console: &Console, id: &TenantId, TenantHostChange { host, changed }: &TenantHostChange) -> String {
    let name = &host.host;
    let mut text = if *changed {
        format!("Host {name} {} proposed for tenant {id}.", console.either("is", "would be"))
    } else {
        format!("Tenant {id} already has host {name} ({}).", host.state)
    };
    if let Some(record) = &host.record {
        let how = format!(
            "\nIt counts when its zone has this record: {} {} \"{}\"\n\
             Then: gatepost tenant host confirm {id} {name}\n\
             Or because you say so: gatepost tenant host approve {id} {name}",
            record.name, record.r#type, record.value,
        );
        text.push_str(&how);
    }
    text
}

fn said(found: TenantHostChange, what: &str) -> Report {
    let TenantHostChange { host: views::TenantHost { host, state, .. }, changed } = &found;
    let text =
        if *changed { format!("Host {host} {what}") } else { format!("Host {host} is already {state}.") };
    Report::new(text, found)
}
