//! `gatepost group`: groups, their links to groups of providers, and their members.

use super::console::{Console, WHAT_GOES_ON_WITH_LESS_ACCESS};
use super::end::End;
use super::error::CommandError;
use super::member;
use super::report::{Report, lines};
use clap::Subcommand;
use gatepost_admin::views::{Group, Link, LinkChange};
use gatepost_core::administration::Scope;
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::GroupName;
use gatepost_store::directory::changes::{CreateGroup, DeleteGroup, RenameGroup};
use gatepost_store::directory::{Count, Directory, GroupFilter, Place, UserKey};
use serde_json::json;

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
    #[command(after_help = "Examples:\n  gatepost group add MCP-GitHub alice@example.com\n  \
        gatepost group add MCP-GitHub alice@example.com --for 8h\n  \
        gatepost group add MCP-GitHub alice@example.com --until 2026-12-04T17:00Z")]
    Add {
        /// The group's name here
        name: GroupName,
        /// Address or id; if nobody has the address yet, the first person who signs in with it is in the group
        user: UserKey,
        #[command(flatten)]
        end: End,
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
    /// Creates a group without members
    #[command(after_help = "Example:\n  gatepost group create MCP-GitHub")]
    Create {
        /// The group's name here, as used in requirements and X-User-Groups
        name: GroupName,
    },
    /// Renames a group; members, links and access to tenants stay
    #[command(after_help = "Example:\n  gatepost group rename MCP-Gihtub MCP-GitHub")]
    Rename {
        /// The group's name here
        name: GroupName,
        /// The new name; requirements of routers must be changed too
        new: GroupName,
    },
    /// Deletes a group with its members and its access to tenants; a linked group must be unlinked first
    #[command(
        after_help = "Examples:\n  gatepost group delete MCP-Gihtub --dry-run\n  gatepost group delete MCP-Gihtub"
    )]
    Delete {
        /// The group's name here
        name: GroupName,
    },
    /// Shows all groups, their links, and the tenants that they give access to
    #[command(after_help = "Example:\n  gatepost group list --json")]
    List,
}

pub(super) async fn run(console: &Console, command: Command) -> Result<Report, CommandError> {
    match command {
        Command::Link { name, external } => {
            let changed = console.link_group(&name, &external).await?;
            let text = if changed {
                format!("{name} {} linked to {external}.", console.either("is now", "would be"))
            } else {
                format!("{name} is already linked to {external}.")
            };
            let name = Some(name.to_string());
            Ok(Report::new(text, LinkChange { name, link: external.to_string(), changed }))
        }
        Command::Unlink { external } => {
            console.unlink_group(&external).await?;
            let is = console.either("is no longer", "would no longer be");
            let text =
                format!("{external} {is} linked to a name.{}", console.note(WHAT_GOES_ON_WITH_LESS_ACCESS));
            Ok(Report::new(text, LinkChange { name: None, link: external.to_string(), changed: true }))
        }
        Command::Create { name } => create(console, &name).await,
        Command::Rename { name, new } => rename(console, &name, &new).await,
        Command::Delete { name } => delete(console, &name).await,
        Command::Add { name, user, end } => member::add(console, &name, &user, end).await,
        Command::Remove { name, user } => member::remove(console, &name, &user).await,
        Command::Members { name } => member::list(console, &name).await,
        Command::List => list(console).await,
    }
}

async fn create(console: &Console, name: &GroupName) -> Result<Report, CommandError> {
    let changed = console.carry_out(&CreateGroup { name: name.clone() }).await?.changed;
    let text = if changed {
        format!("Group {name} {} created. It gives no access yet.", console.either("was", "would be"))
    } else {
        format!("Group {name} already exists.")
    };
    Ok(Report::new(text, json!({ "group": name, "changed": changed })))
}

async fn rename(console: &Console, name: &GroupName, new: &GroupName) -> Result<Report, CommandError> {
    let change = RenameGroup { group: name.clone().into(), name: new.clone() };
    let changed = console.carry_out(&change).await?.changed;
    let text = if changed {
        let is = console.either("is now", "would be");
        format!(
            "Group {name} {is} called {new}. Members, links and tenants stay.\n\
             Routers that require {name} refuse everybody until they require {new}.{}",
            console.note(WHAT_GOES_ON_WITH_LESS_ACCESS)
        )
    } else {
        format!("Group {name} is already called that.")
    };
    Ok(Report::new(text, json!({ "group": new, "former_name": name, "changed": changed })))
}

async fn delete(console: &Console, name: &GroupName) -> Result<Report, CommandError> {
    let Group { members, tenants, .. } = console.find_group(name).await?;
    console.carry_out(&DeleteGroup { group: name.clone().into() }).await?;
    let tenants: Vec<String> = tenants.into_keys().collect();
    let people = if members == 1 { "1 person".to_owned() } else { format!("{members} people") };
    let opened = if tenants.is_empty() { "no tenant".to_owned() } else { tenants.join(", ") };
    let (is, was, gave) =
        (console.either("was", "would be"), console.either("was", "is"), console.either("gave", "gives"));
    let text = format!(
        "Group {name} {is} deleted. {people} {} in it, and it {gave} access to {opened}.\n\
         Routers that require it refuse everybody.{}",
        if members == 1 { was } else { console.either("were", "are") },
        console.note(WHAT_GOES_ON_WITH_LESS_ACCESS)
    );
    Ok(Report::new(text, json!({ "group": name, "members": members, "tenants": tenants, "changed": true })))
}

async fn list(console: &Console) -> Result<Report, CommandError> {
    let filter = GroupFilter { counted: Count::ALL, ..GroupFilter::default() };
    let page = async |directory: &Directory, after: Option<Place>, limit| {
        directory.search_groups(&Scope::System, &filter, after.as_ref(), limit).await
    };
    let groups: Vec<Group> = console.list((&["groups"], &[]), page).await?;
    let rows = groups.iter().map(|group| {
        let links: Vec<String> = group.links.iter().map(describe).collect();
        let tenants: Vec<String> = group.tenants.iter().map(|(id, role)| format!("{id} ({role})")).collect();
        let more = if group.has_more_members { "+" } else { "" };
        [group.name.clone(), format!("{}{more}", group.members), lines(&links), lines(&tenants)]
    });
    let none = "There is no group yet. Groups appear with the first sign-in. To create one: gatepost group link NAME PROVIDER:ID, \
                or gatepost group add NAME ADDRESS";
    Ok(Report::list(["Group", "Members", "Linked to", "Tenants"], rows.collect(), none, &groups))
}

fn describe(link: &Link) -> String {
    let how = match link.source.as_str() {
        "auto" => "not linked",
        "trusted" => "trusted name",
        "config" => "by GATEPOST_GROUPS",
        _ => "linked",
    };
    let name = link.display_name.as_ref().map(|name| format!("{name:?}, ")).unwrap_or_default();
    let role = if link.kind == "role" { "role:" } else { "" };
    format!("{}:{role}{} ({name}{how})", link.provider, link.external_id)
}
