//! `gatepost group`: which provider's group a name here stands for, and who is in it.

use super::console::Console;
use super::error::CommandError;
use super::member;
use super::report::{Report, lines};
use clap::Subcommand;
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::GroupName;
use gatepost_store::directory::{GroupLink, LinkSource, UserKey};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lets a name stand for a provider's group; makes the name if need be
    #[command(after_help = "Examples:\n  \
        gatepost group link MCP-GitHub entra:5d2f0c1e-8d3a-4a56-9f0e-0a1b2c3d4e5f\n  \
        gatepost group link MCP-Admin entra:role:Administrator")]
    Link {
        /// The group's name here, as requirements and X-User-Groups have it
        name: GroupName,
        /// The provider's group (Entra: its object id); an app role as PROVIDER:role:NAME
        #[arg(value_name = "PROVIDER:ID")]
        external: ExternalGroup,
    },
    /// Takes a link back: the provider's group is called by its id again
    #[command(after_help = "Example:\n  gatepost group unlink entra:5d2f0c1e-8d3a-4a56-9f0e-0a1b2c3d4e5f")]
    Unlink {
        /// The provider's group, as `group list` shows it
        #[arg(value_name = "PROVIDER:ID")]
        external: ExternalGroup,
    },
    /// Puts a person into a group, whatever providers say; makes the group if need be
    #[command(after_help = "Example:\n  gatepost group add MCP-GitHub alice@example.com")]
    Add {
        /// The group's name here
        name: GroupName,
        /// Address or id; of an address that nobody has yet, its first holder is in the group
        user: UserKey,
    },
    /// Takes a person out of a group; what a provider says comes back with its next word
    #[command(after_help = "Example:\n  gatepost group remove MCP-GitHub alice@example.com")]
    Remove {
        /// The group's name here
        name: GroupName,
        /// Address or id
        user: UserKey,
    },
    /// Shows who is in a group, and who says so
    #[command(after_help = "Example:\n  gatepost group members MCP-GitHub")]
    Members {
        /// The group's name here
        name: GroupName,
    },
    /// Shows all groups, what they stand for and what they open
    #[command(after_help = "Example:\n  gatepost group list --json")]
    List,
}

pub(super) async fn run(console: &Console, command: Command) -> Result<Report, CommandError> {
    let (directory, actor) = (&console.state.stores.directory, &console.actor);
    match command {
        Command::Link { name, external } => {
            is_configured(console, &external)?;
            let changed = directory.link_group(&name, &external, actor).await?;
            let text = if changed {
                format!("{name} stands for {external} now.")
            } else {
                format!("{name} stood for {external} already.")
            };
            Ok(Report::new(text, json!({ "name": name, "link": external.to_string(), "changed": changed })))
        }
        Command::Unlink { external } => {
            let names = console.state.site.config.group_names_of(&external.provider);
            directory.unlink_group(&external, names, actor).await?;
            let text = format!("{external} is linked to no name any more.");
            Ok(Report::new(text, json!({ "link": external.to_string(), "changed": true })))
        }
        Command::Add { name, user } => member::add(console, &name, &user).await,
        Command::Remove { name, user } => member::remove(console, &name, &user).await,
        Command::Members { name } => member::list(console, &name).await,
        Command::List => list(console).await,
    }
}

/// As `GATEPOST_GROUPS` does: a typing error must not leave a group without its members unnoticed.
fn is_configured(console: &Console, external: &ExternalGroup) -> Result<(), CommandError> {
    let providers = &console.state.site.config.providers;
    let Some(provider) = providers.iter().find(|one| one.id == external.provider) else {
        let ids: Vec<&str> = providers.iter().map(|one| one.id.as_str()).collect();
        return Err(CommandError::UnknownProvider(external.provider.clone(), ids.join(", ")));
    };
    Ok(provider.check_role(external)?)
}

async fn list(console: &Console) -> Result<Report, CommandError> {
    let groups = console.state.stores.directory.list_groups().await?;
    let rows = groups.iter().map(|group| {
        let links: Vec<String> = group.links.iter().map(describe).collect();
        let tenants: Vec<String> = group.tenants.iter().map(|(id, role)| format!("{id} ({role})")).collect();
        [group.name.to_string(), group.members.to_string(), lines(&links), lines(&tenants)]
    });
    let json = groups.iter().map(|group| {
        json!({
            "name": group.name,
            "members": group.members,
            "links": group.links.iter().map(to_json).collect::<Vec<_>>(),
            "tenants": group.tenants,
        })
    });
    let none = "There is no group yet: they come with the first sign-in, with gatepost group link NAME PROVIDER:ID, or with \
                gatepost group add NAME ADDRESS";
    Ok(Report::list(["Group", "Members", "Stands for", "Opens"], rows.collect(), none, json.collect()))
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

fn to_json(link: &GroupLink) -> Value {
    json!({
        "provider": link.external.provider,
        "kind": link.external.kind.as_str(),
        "external_id": link.external.external_id,
        "display_name": link.display_name,
        "source": link.source.as_str(),
    })
}
