//! `gatepost tenant`: tenants, the groups that have access to them, and their own members.

use super::console::{Console, WHAT_GOES_ON_WITH_LESS_ACCESS};
use super::end::End;
use super::error::CommandError;
use super::remote::Remote;
use super::report::{Report, lines, text_or_dash};
use super::{
    tenant_branding, tenant_check, tenant_export, tenant_invitation, tenant_life, tenant_member,
    tenant_provider, tenant_routers, tenant_settings, tenant_usage,
};
use clap::Subcommand;
use gatepost_admin::views::{self, MappingChange, TenantChange};
use gatepost_core::access::Role;
use gatepost_core::administration::Scope;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupName, InvitationId, TenantId};
use gatepost_core::tenant::SuspensionReason;
use gatepost_store::directory::changes::{
    CreateTenant, MapGroup, RenameTenant, TenantEdit, UnmapGroup, WriteMode, WriteTenant,
};
use gatepost_store::directory::{Directory, Done, Place, TenantFilter, UserKey};
use serde::Serialize;
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Creates a tenant
    #[command(after_help = "Examples:\n  gatepost tenant create github --name 'GitHub tools'\n  \
        gatepost tenant create acme --admin admin@acme.com")]
    Create {
        /// The tenant's id, as used in requirements and X-User-Tenants
        id: TenantId,
        /// The name that people see
        #[arg(long)]
        name: Option<String>,
        /// Who is to administer it: whoever signs in with this address is invited to, and the link is printed once
        #[arg(long, value_name = "ADDRESS")]
        admin: Option<EmailAddress>,
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
    /// Gives a person a role in a tenant, beside what groups give
    #[command(after_help = "Examples:\n  gatepost tenant add-member github alice@example.com\n  \
        gatepost tenant add-member github alice@example.com --role admin --for 8h")]
    AddMember {
        /// A tenant's id
        tenant: TenantId,
        /// Address or id; if nobody has the address yet, the first person who signs in with it gets the role
        user: UserKey,
        /// admin, member or viewer
        #[arg(long, default_value_t)]
        role: Role,
        #[command(flatten)]
        end: End,
    },
    /// Takes the role that `add-member` gave; a role that comes through a group stays
    #[command(after_help = "Example:\n  gatepost tenant remove-member github alice@example.com")]
    RemoveMember {
        /// A tenant's id
        tenant: TenantId,
        /// Address or id
        user: UserKey,
    },
    /// Invites whoever signs in with an address, and prints the link once; Gatepost sends no mail
    #[command(after_help = "Examples:\n  gatepost tenant invite github alice@example.com\n  \
        gatepost tenant invite github alice@example.com --role admin")]
    Invite {
        /// A tenant's id
        tenant: TenantId,
        /// Who signs in with it may accept, for seven days
        email: EmailAddress,
        /// admin, member or viewer
        #[arg(long, default_value_t)]
        role: Role,
    },
    /// Shows the invitations that nobody has accepted yet
    #[command(after_help = "Example:\n  gatepost tenant invitations github")]
    Invitations {
        /// A tenant's id
        tenant: TenantId,
    },
    /// Withdraws an invitation: its link counts no more
    #[command(
        after_help = "Example:\n  gatepost tenant withdraw-invitation github 0199d1f0-5b7c-7d2e-8a3f-0123456789ab"
    )]
    WithdrawInvitation {
        /// A tenant's id
        tenant: TenantId,
        /// The invitation's id, as `tenant invitations` shows it
        id: InvitationId,
    },
    /// Changes the name that people see
    #[command(
        after_help = "Examples:\n  gatepost tenant rename github 'GitHub tools'\n  gatepost tenant rename github"
    )]
    Rename {
        /// The tenant's id, which stays
        id: TenantId,
        /// The new name; without it the tenant has none
        name: Option<String>,
    },
    /// Changes the tier of a tenant, what it has over its tier, and where its hosts lead
    #[command(after_help = "Examples:\n  gatepost tenant set github --tier pro\n  \
        gatepost tenant set github --limit keys=100 --feature custom_domains=true\n  gatepost tenant set github --limit keys=\n  \
        gatepost tenant set github --service chat")]
    Set {
        /// The tenant's id
        id: TenantId,
        #[command(flatten)]
        settings: tenant_settings::Settings,
    },
    /// Shows a tenant: its state, tier, features, limits and hosts
    #[command(after_help = "Example:\n  gatepost tenant show github --json")]
    Show {
        /// The tenant's id
        id: TenantId,
    },
    /// Changes how the pages of a tenant look, or shows it; an empty value takes a part away
    #[command(after_help = "Examples:\n  gatepost tenant branding acme --name ACME --accent '#2b5c4e'\n  \
        gatepost tenant branding acme --support mailto:help@acme.com --notice 'Closed on Monday'\n  \
        gatepost tenant branding acme --notice ''\n  gatepost tenant branding acme")]
    Branding {
        /// The tenant's id
        id: TenantId,
        #[command(flatten)]
        looks: tenant_branding::Looks,
    },
    /// Says what is not as it should be about a tenant, and what to do; exit code 1 if there are errors
    #[command(after_help = "Example:\n  gatepost tenant check acme --json")]
    Check {
        /// The tenant's id
        id: TenantId,
    },
    /// Writes everything that is held about a tenant into a file, without secrets
    #[command(after_help = "Example:\n  gatepost tenant export acme -o acme.json")]
    Export {
        /// The tenant's id
        id: TenantId,
        /// The file, a new one or one that is replaced; others may not read it
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Shows what a tenant used, by day or month in UTC
    #[command(after_help = "Examples:\n  gatepost tenant usage acme\n  \
        gatepost tenant usage acme --from 2026-11-01 --to 2026-11-30 --csv\n  gatepost tenant usage acme --by month")]
    Usage(tenant_usage::UsageArgs),
    /// Shows what a tenant owes for a month, by the prices that its tier has now
    #[command(after_help = "Example:\n  gatepost tenant bill acme --month 2026-11")]
    Bill(tenant_usage::BillArgs),
    /// Prints the routers of tenants' hosts, as a file for Traefik, nginx or Caddy; Traefik's HTTP provider gets the same without one
    #[command(after_help = "Examples:\n  gatepost tenant routers > /etc/traefik/dynamic/tenants.yml\n  \
        gatepost tenant routers --query cert_resolver=letsencrypt\n  \
        gatepost tenant routers --for nginx --gate https://gatepost:4181 --import /etc/nginx/gatepost/site.conf\n  \
        gatepost tenant routers --for caddy --gate https://gatepost:4181 > /etc/caddy/tenants.caddy")]
    Routers(tenant_routers::Routers),
    /// Hosts of tenants
    #[command(
        subcommand,
        after_help = "Examples:\n  gatepost tenant host add acme blog.acme.com\n  gatepost tenant host confirm acme blog.acme.com"
    )]
    Host(tenant_settings::HostCommand),
    /// The provider that a tenant brings, at which its people sign in
    #[command(
        subcommand,
        after_help = "Examples:\n  gatepost tenant provider show acme\n  gatepost tenant provider remove acme"
    )]
    Provider(tenant_provider::ProviderCommand),
    /// Has nobody enter a tenant, by session, key or token, until it is resumed; its data stays
    #[command(after_help = "Example:\n  gatepost tenant suspend github --reason unpaid")]
    Suspend {
        /// The tenant's id
        id: TenantId,
        /// Why, for administrators; members are not told
        #[arg(long)]
        reason: SuspensionReason,
    },
    /// Ends the suspension of a tenant
    #[command(after_help = "Example:\n  gatepost tenant resume github")]
    Resume {
        /// The tenant's id
        id: TenantId,
    },
    /// Brings a deleted tenant back, with its members and keys
    #[command(after_help = "Example:\n  gatepost tenant restore github")]
    Restore {
        /// The tenant's id
        id: TenantId,
    },
    /// Deletes a tenant; for 30 days it can be restored, then everything of it is erased
    #[command(
        after_help = "Examples:\n  gatepost tenant delete github --dry-run\n  gatepost tenant delete github"
    )]
    Delete {
        /// The tenant's id
        #[arg(value_parser = TenantId::from_stored)]
        id: TenantId,
    },
    /// Shows all tenants, the groups that have access to them, and their own members with the ends
    #[command(after_help = "Example:\n  gatepost tenant list --json")]
    List,
}

pub(super) async fn run(console: &Console, command: Command) -> Result<Report, CommandError> {
    match command {
        Command::Create { id, name, admin: None } => create(console, id, name).await,
        Command::Create { id, name, admin: Some(admin) } => create_with_admin(console, id, name, admin).await,
        Command::Map { group, tenant, role } => {
            let change = MapGroup { group: group.clone().into(), tenant: tenant.clone(), role };
            let Done { changed, outcome: before, .. } = console.carry_out(&change).await?;
            let has = console.either("now has", "would have");
            let mut text = match before {
                _ if !changed => format!("Group {group} already has access to tenant {tenant} as {role}."),
                Some(before) => {
                    format!("Group {group} {has} access to tenant {tenant} as {role}, no longer as {before}.")
                }
                None => format!("Group {group} {has} access to tenant {tenant} as {role}."),
            };
            if before.is_some_and(|before| before > role) {
                text.push_str(&console.note(WHAT_GOES_ON_WITH_LESS_ACCESS));
            }
            let role = Some(role.to_string());
            let (group, tenant) = (group.to_string(), tenant.to_string());
            Ok(Report::new(text, MappingChange { group, tenant, role, changed }))
        }
        Command::Unmap { group, tenant } => {
            console.carry_out(&UnmapGroup { group: group.clone().into(), tenant: tenant.clone() }).await?;
            let text = format!(
                "Group {group} {} access to tenant {tenant}.{}",
                console.either("no longer has", "would no longer have"),
                console.note(WHAT_GOES_ON_WITH_LESS_ACCESS)
            );
            let (group, tenant) = (group.to_string(), tenant.to_string());
            Ok(Report::new(text, MappingChange { group, tenant, role: None, changed: true }))
        }
        Command::AddMember { tenant, user, role, end } => {
            tenant_member::add(console, &tenant, &user, role, end).await
        }
        Command::RemoveMember { tenant, user } => tenant_member::remove(console, &tenant, &user).await,
        Command::Invite { tenant, email, role } => {
            tenant_invitation::invite(console, tenant, email, role).await
        }
        Command::Invitations { tenant } => tenant_invitation::list(console, &tenant).await,
        Command::WithdrawInvitation { tenant, id } => tenant_invitation::withdraw(console, tenant, id).await,
        Command::Rename { id, name } => rename(console, &id, name).await,
        Command::Set { id, settings } => tenant_settings::set(console, id, settings).await,
        Command::Show { id } => tenant_settings::show(console, id).await,
        Command::Branding { id, looks } => tenant_branding::run(console, id, looks).await,
        Command::Check { id } => tenant_check::run(console, &id).await,
        Command::Export { id, output } => tenant_export::run(console, &id, &output).await,
        Command::Usage(args) => tenant_usage::usage(console, args).await,
        Command::Bill(args) => tenant_usage::bill(console, args).await,
        Command::Routers(routers) => tenant_routers::run(console, routers).await,
        Command::Host(command) => tenant_settings::host(console, command).await,
        Command::Provider(command) => Box::pin(tenant_provider::run(console, command)).await,
        Command::Suspend { id, reason } => tenant_life::suspend(console, id, reason).await,
        Command::Resume { id } => tenant_life::resume(console, id).await,
        Command::Delete { id } => tenant_life::delete(console, id).await,
        Command::Restore { id } => tenant_life::restore(console, id).await,
        Command::List => list(console).await,
    }
}

async fn create(console: &Console, id: TenantId, name: Option<String>) -> Result<Report, CommandError> {
    let changed = console.carry_out(&CreateTenant { id: id.clone(), name }).await?.changed;
    let text = if changed { created(console, &id) } else { format!("Tenant {id} already exists.") };
    Ok(Report::new(text, TenantChange { id: id.to_string(), changed }))
}

fn created(console: &Console, id: &TenantId) -> String {
    format!("Tenant {id} {} created.", console.either("was", "would be"))
}

/// A tenant that is there already stays as it is, and nobody is invited.
async fn create_with_admin(
    console: &Console,
    id: TenantId,
    name: Option<String>,
    admin: EmailAddress,
) -> Result<Report, CommandError> {
    let edit = TenantEdit { name: Some(name), admin: Some(admin), ..TenantEdit::default() };
    let change = WriteTenant { id: id.clone(), mode: WriteMode::Create, edit };
    let written = if let Some(api) = console.api() {
        console.sent(Box::pin(change.send(api, console.conditions)).await)?.outcome
    } else {
        let Done { changed, outcome, .. } = console.carry_out_here(&change).await?;
        console.here()?.admin.tenant_written(&outcome, changed, console.conditions)
    };
    let invited = written.invitation.as_ref().map(|made| tenant_invitation::told(&id, made));
    let text = std::iter::once(created(console, &id)).chain(invited).collect::<Vec<_>>().join("\n");
    Ok(Report::new(text, written))
}

async fn rename(console: &Console, id: &TenantId, name: Option<String>) -> Result<Report, CommandError> {
    let changed = console.carry_out(&RenameTenant { id: id.clone(), name: name.clone() }).await?.changed;
    let text = match &name {
        _ if !changed => format!("Tenant {id} already has this name."),
        Some(name) => format!("Tenant {id} {} called {name}.", console.either("is now", "would be")),
        None => format!("Tenant {id} {} no name.", console.either("has now", "would have")),
    };
    Ok(Report::new(text, json!({ "id": id, "name": name, "changed": changed })))
}

async fn list(console: &Console) -> Result<Report, CommandError> {
    let page = async |directory: &Directory, after: Option<Place>, limit| {
        directory.search_tenants(&Scope::System, &TenantFilter::default(), after.as_ref(), limit).await
    };
    let tenants: Vec<views::Tenant> = console.list((&["tenants"], &[]), page).await?;
    let mut listed = Vec::new();
    for tenant in tenants {
        let own_members = tenant_member::list(console, &tenant.id).await?;
        listed.push(Listed { tenant, own_members });
    }
    let rows = listed.iter().map(|Listed { tenant, own_members }| {
        let groups: Vec<String> =
            tenant.groups.iter().map(|(name, role)| format!("{name} ({role})")).collect();
        let members = tenant_member::described(own_members);
        [tenant.id.clone(), text_or_dash(tenant.name.as_ref()), lines(&groups), lines(&members)]
    });
    let none = "There is no tenant. To create one: gatepost tenant create ID";
    let header = ["Tenant", "Name", "Groups with access", "Members of its own"];
    Ok(Report::list(header, rows.collect(), none, &listed))
}

/// A tenant, and the members that it has by itself.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    tenant: views::Tenant,
    own_members: Vec<views::TenantMember>,
}
