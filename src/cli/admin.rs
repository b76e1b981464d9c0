//! `gatepost admin`: sets explicitly whether a person is an admin, which overrides groups and roles.

use super::console::{Console, WHAT_GOES_ON_WITH_LESS_ACCESS, admin_of, called, is_awaited, listed_in_pages};
use super::error::CommandError;
use super::report::Report;
use crate::admin::views::{AdminChange, AdminEntry};
use clap::Subcommand;
use gatepost_core::administration::Scope;
use gatepost_store::directory::changes::SetAdmin;
use gatepost_store::directory::{AdminRecord, AdminStanding, Done, UserKey, UserRecord};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Makes a person an admin, regardless of groups and roles
    #[command(after_help = "Example:\n  gatepost admin grant alice@example.com")]
    Grant {
        /// Address or id; if nobody has the address yet, the first person who signs in with it becomes an admin
        user: UserKey,
    },
    /// Makes a person no admin, regardless of groups and roles
    #[command(after_help = "Example:\n  gatepost admin revoke alice@example.com")]
    Revoke {
        /// Address or id
        user: UserKey,
    },
    /// Removes the explicit setting: groups and roles decide again
    #[command(after_help = "Example:\n  gatepost admin reset alice@example.com")]
    Reset {
        /// Address or id
        user: UserKey,
    },
    /// Shows who is an admin and why, and for whom it was revoked
    #[command(after_help = "Example:\n  gatepost admin list --json")]
    List,
}

pub(super) async fn run(console: &Console, command: Command) -> Result<Report, CommandError> {
    let (key, is_admin) = match command {
        Command::List => return list(console).await,
        Command::Grant { user } => (user, Some(true)),
        Command::Revoke { user } => (user, Some(false)),
        Command::Reset { user } => (user, None),
    };
    let change = SetAdmin { user: key.clone(), is_admin, until: None };
    let Done { changed, outcome: admin, .. } = console.carry_out(&change).await?;
    let user = console.find_user(&key).await?;
    let mut text = match is_admin {
        Some(true) => granted(&user, changed),
        Some(false) => revoked(&user, changed),
        None => reset(&user, changed),
    };
    if changed && !admin.is_admin && !is_awaited(&user) {
        text = format!("{text}\n{WHAT_GOES_ON_WITH_LESS_ACCESS}");
    }
    let user_id = user.summary.id.to_string();
    let email = user.summary.email.as_ref().map(ToString::to_string);
    Ok(Report::new(text, AdminChange { user_id, email, admin: (&admin).into(), changed }))
}

fn granted(user: &UserRecord, changed: bool) -> String {
    let name = called(user);
    if !changed {
        format!("{name} is already an administrator.")
    } else if is_awaited(user) {
        format!(
            "Nobody has signed in as {name} yet. The first person who signs in with this address will be an administrator."
        )
    } else {
        format!("{name} is now an administrator.")
    }
}

fn revoked(user: &UserRecord, changed: bool) -> String {
    let name = called(user);
    let reasons = admin_of(user).reasons;
    if !changed {
        format!("{name} is already not an administrator, regardless of groups and roles.")
    } else if reasons.is_empty() {
        format!(
            "{name} is not an administrator, and groups and roles can no longer change this.\n\
                 To let groups decide again: gatepost admin reset {name}"
        )
    } else {
        let through = reasons.join(", ");
        format!(
            "{name} is no longer an administrator. This overrides: {through}.\n\
                 To let groups decide again: gatepost admin reset {name}"
        )
    }
}

fn reset(user: &UserRecord, changed: bool) -> String {
    let name = called(user);
    let now = match admin_of(user).reasons.as_slice() {
        [] => format!("{name} is not an administrator"),
        reasons => format!("{name} is an administrator through {}", reasons.join(", ")),
    };
    if changed {
        format!("Groups and roles decide again: {now}.")
    } else {
        format!("Groups and roles already decide: {now}.")
    }
}

async fn list(console: &Console) -> Result<Report, CommandError> {
    let directory = &console.state.stores.directory;
    let mut admins = listed_in_pages(async |after, limit| {
        directory.list_admins(&Scope::System, after.as_ref(), limit).await
    })
    .await?;
    // People without an address come last.
    admins.sort_by(|one, other| {
        let place = |admin: &AdminRecord| (admin.email.is_none(), admin.email.clone(), admin.id);
        place(one).cmp(&place(other))
    });
    let admins: Vec<(UserKey, AdminStanding)> = admins
        .into_iter()
        .map(|admin| (admin.email.map_or(UserKey::Id(admin.id), UserKey::Email), admin.standing))
        .collect();
    let rows = admins.iter().map(|(user, admin)| {
        let said = match admin.explicit {
            Some(true) => "yes",
            Some(false) => "no",
            None => "-",
        };
        let through = if admin.reasons.is_empty() { "-".to_owned() } else { admin.reasons.join("\n") };
        [user.to_string(), yes_or_no(admin.is_admin).to_owned(), said.to_owned(), through]
    });
    let json: Vec<AdminEntry> = admins.iter().map(|(user, admin)| AdminEntry::new(user, admin)).collect();
    let none = "Nobody is an administrator. To add one: gatepost admin grant ADDRESS";
    let header = ["User", "Admin", "Set explicitly", "Groups and roles"];
    Ok(Report::list(header, rows.collect(), none, json))
}

pub(super) const fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}
