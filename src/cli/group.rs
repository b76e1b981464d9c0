//! `gatepost group`: groups, their links to groups of providers, and their members.

use super::console::{Console, WHAT_GOES_ON_WITH_LESS_ACCESS, listed_in_pages};
use super::error::CommandError;
use super::member;
use super::report::{Report, lines};
use crate::admin::views::{Group, LinkChange};
use clap::Subcommand;
use gatepost_core::administration::Scope;
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::GroupName;
use gatepost_store::directory::changes::{LinkGroup, UnlinkGroup};
use gatepost_store::directory::{Count, GroupFilter, GroupLink, LinkSource, UserKey};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Links a name to a provider's group; creates the name if it does not exist
    #[command(after_help = "Examples:\n  \
        gatepost group link MCP-GitHub entra:5d2f0c1e-8d3a-4a56-9f0e-0a1b2c3d4e5f\n  \
        gatepost group link MCP-Admin entra:role:Administrator")]
    Link {
        /// The group's name here, as used in requirements and X-User-Groups
        name: GroupName,
        /// The provider's group (Entra: its object id); an app role as PROVIDER:role:NAME
        #[arg(value_name = "PROVIDER:ID")]
        external: ExternalGroup,
    },
    /// Removes a link: the name of the provider's group is its id again
    #[command(after_help = "Example:\n  gatepost group unlink entra:5d2f0c1e-8d3a-4a56-9f0e-0a1b2c3d4e5f")]
    Unlink {
        /// The provider's group, as `group list` shows it
        #[arg(value_name = "PROVIDER:ID")]
        external: ExternalGroup,
    },
    /// Adds a person to a group, regardless of providers; creates the group if it does not exist
    #[command(after_help = "Example:\n  gatepost group add MCP-GitHub alice@example.com")]
    Add {
        /// The group's name here
        name: GroupName,
        /// Address or id; if nobody has the address yet, the first person who signs in with it is in the group
        user: UserKey,
    },
    /// Removes a person from a group; a membership asserted by a provider comes back at the next refresh or sign-in
    #[command(after_help = "Example:\n  gatepost group remove MCP-GitHub alice@example.com")]
    Remove {
        /// The group's name here
        name: GroupName,
        /// Address or id
        user: UserKey,
    },
    /// Shows the members of a group, and the source of each membership
    #[command(after_help = "Example:\n  gatepost group members MCP-GitHub")]
    Members {
        /// The group's name here
        name: GroupName,
    },
    /// Shows all groups, their links, and the tenants that they give access to
    #[command(after_help = "Example:\n  gatepost group list --json")]
    List,
}

pub(super) async fn run(console: &Console, command: Command) -> Result<Report, CommandError> {
    let config = &console.state.site.config;
    match command {
        Command::Link { name, external } => {
            let change = LinkGroup::new(name.clone().into(), external.clone(), config)?;
            let changed = console.carry_out(&change).await?.changed;
            let text = if changed {
                format!("{name} is now linked to {external}.")
            } else {
                format!("{name} is already linked to {external}.")
            };
            let name = Some(name.to_string());
            Ok(Report::new(text, LinkChange { name, link: external.to_string(), changed }))
        }
        Command::Unlink { external } => {
            console.carry_out(&UnlinkGroup::new(external.clone(), config)).await?;
            let text = format!("{external} is no longer linked to a name.\n{WHAT_GOES_ON_WITH_LESS_ACCESS}");
            Ok(Report::new(text, LinkChange { name: None, link: external.to_string(), changed: true }))
        }
        Command::Add { name, user } => member::add(console, &name, &user).await,
        Command::Remove { name, user } => member::remove(console, &name, &user).await,
        Command::Members { name } => member::list(console, &name).await,
        Command::List => list(console).await,
    }
}

async fn list(console: &Console) -> Result<Report, CommandError> {
    let directory = &console.state.stores.directory;
    let filter = GroupFilter { counted: Count::ALL, ..GroupFilter::default() };
    let groups = listed_in_pages(async |after, limit| {
        directory.search_groups(&Scope::System, &filter, after.as_ref(), limit).await
    })
    .await?;
    let rows = groups.iter().map(|group| {
        let links: Vec<String> = group.links.iter().map(describe).collect();
        let tenants: Vec<String> = group.tenants.iter().map(|(id, role)| format!("{id} ({role})")).collect();
        [group.name.to_string(), group.members.to_string(), lines(&links), lines(&tenants)]
    });
    let json: Vec<Group> = groups.iter().map(Group::from).collect();
    let none = "There is no group yet. Groups appear with the first sign-in. To create one: gatepost group link NAME PROVIDER:ID, \
                or gatepost group add NAME ADDRESS";
    Ok(Report::list(["Group", "Members", "Linked to", "Tenants"], rows.collect(), none, json))
}

fn describe(link: &GroupLink) -> String {
    let how = match link.source {
        LinkSource::Auto => "not linked",
        LinkSource::Trusted => "trusted name",
        LinkSource::Config => "by GATEPOST_GROUPS",
        LinkSource::Manual => "linked",
    };
    let name = link.display_name.as_ref().map(|name| format!("{name:?}, ")).unwrap_or_default();
    format!("{} ({name}{how})", link.external)
}
