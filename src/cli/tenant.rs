//! `gatepost tenant`: tenants, and the groups that have access to them.

use super::console::{Console, WHAT_GOES_ON_WITH_LESS_ACCESS, listed_in_pages};
use super::error::CommandError;
use super::report::{Report, lines};
use crate::admin::views::{self, MappingChange, TenantChange};
use clap::Subcommand;
use gatepost_core::access::Role;
use gatepost_core::administration::Scope;
use gatepost_core::ids::{GroupName, TenantId};
use gatepost_store::directory::Done;
use gatepost_store::directory::changes::{CreateTenant, MapGroup, UnmapGroup};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Creates a tenant
    #[command(after_help = "Example:\n  gatepost tenant create github --name 'GitHub tools'")]
    Create {
        /// The tenant's id, as used in requirements and X-User-Tenants
        id: TenantId,
        /// The name that people see
        #[arg(long)]
        name: Option<String>,
    },
    /// Gives a group access to a tenant
    #[command(after_help = "Example:\n  gatepost tenant map MCP-GitHub github --role member")]
    Map {
        /// A group's name here
        group: GroupName,
        /// A tenant's id
        tenant: TenantId,
        /// admin, member or viewer
        #[arg(long, default_value_t)]
        role: Role,
    },
    /// Removes a group's access to a tenant
    #[command(after_help = "Example:\n  gatepost tenant unmap MCP-GitHub github")]
    Unmap {
        /// A group's name here
        group: GroupName,
        /// A tenant's id
        tenant: TenantId,
    },
    /// Shows all tenants and the groups that have access to them
    #[command(after_help = "Example:\n  gatepost tenant list --json")]
    List,
}

pub(super) async fn run(console: &Console, command: Command) -> Result<Report, CommandError> {
    match command {
        Command::Create { id, name } => {
            let changed = console.carry_out(&CreateTenant { id: id.clone(), name }).await?.changed;
            let text = if changed {
                format!("Tenant {id} was created.")
            } else {
                format!("Tenant {id} already exists.")
            };
            Ok(Report::new(text, TenantChange { id: id.to_string(), changed }))
        }
        Command::Map { group, tenant, role } => {
            let change = MapGroup { group: group.clone().into(), tenant: tenant.clone(), role };
            let Done { changed, outcome: before, .. } = console.carry_out(&change).await?;
            let mut text = match before {
                _ if !changed => format!("Group {group} already has access to tenant {tenant} as {role}."),
                Some(before) => {
                    format!(
                        "Group {group} now has access to tenant {tenant} as {role}, no longer as {before}."
                    )
                }
                None => format!("Group {group} now has access to tenant {tenant} as {role}."),
            };
            if before.is_some_and(|before| before > role) {
                text = format!("{text}\n{WHAT_GOES_ON_WITH_LESS_ACCESS}");
            }
            let role = Some(role.to_string());
            let (group, tenant) = (group.to_string(), tenant.to_string());
            Ok(Report::new(text, MappingChange { group, tenant, role, changed }))
        }
        Command::Unmap { group, tenant } => {
            console.carry_out(&UnmapGroup { group: group.clone().into(), tenant: tenant.clone() }).await?;
            let text = format!(
                "Group {group} no longer has access to tenant {tenant}.\n{WHAT_GOES_ON_WITH_LESS_ACCESS}"
            );
            let (group, tenant) = (group.to_string(), tenant.to_string());
            Ok(Report::new(text, MappingChange { group, tenant, role: None, changed: true }))
        }
        Command::List => list(console).await,
    }
}

async fn list(console: &Console) -> Result<Report, CommandError> {
    let directory = &console.state.stores.directory;
    let tenants = listed_in_pages(async |after, limit| {
        directory.search_tenants(&Scope::System, None, after.as_ref(), limit).await
    })
    .await?;
    let rows = tenants.iter().map(|tenant| {
        let groups: Vec<String> =
            tenant.groups.iter().map(|(name, role)| format!("{name} ({role})")).collect();
        [tenant.id.to_string(), tenant.name.clone().unwrap_or_else(|| "-".to_owned()), lines(&groups)]
    });
    let json: Vec<views::Tenant> = tenants.iter().map(views::Tenant::from).collect();
    let none = "There is no tenant. To create one: gatepost tenant create ID";
    Ok(Report::list(["Tenant", "Name", "Groups with access"], rows.collect(), none, json))
}
