//! `gatepost admin`: an explicit word about a person, which wins over what groups and roles say.

use super::console::{Console, called, is_awaited};
use super::error::CommandError;
use super::report::Report;
use clap::Subcommand;
use gatepost_store::directory::{AdminStanding, UserKey, UserRecord};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Makes a person an admin, whatever groups say
    #[command(after_help = "Example:\n  gatepost admin grant alice@example.com")]
    Grant {
        /// Address or id; of an address that nobody has yet, its first holder becomes an admin
        user: UserKey,
    },
    /// Says that a person is no admin, whatever groups say
    #[command(after_help = "Example:\n  gatepost admin revoke alice@example.com")]
    Revoke {
        /// Address or id
        user: UserKey,
    },
    /// Takes either word back: groups and roles decide again
    #[command(after_help = "Example:\n  gatepost admin reset alice@example.com")]
    Reset {
        /// Address or id
        user: UserKey,
    },
    /// Shows who is an admin and why, and of whom it was denied
    #[command(after_help = "Example:\n  gatepost admin list --json")]
    List,
}

pub(super) async fn run(console: &Console, command: Command) -> Result<Report, CommandError> {
    let (directory, actor) = (&console.state.stores.directory, &console.actor);
    let (user, changed, text) = match command {
        Command::List => return list(console).await,
        Command::Grant { user: key } => {
            let changed = directory.grant_admin(&key, actor).await?;
            let user = console.find_user(&key).await?;
            let text = granted(&user, changed);
            (user, changed, text)
        }
        Command::Revoke { user: key } => {
            let changed = directory.revoke_admin(&key, actor).await?;
            let user = console.find_user(&key).await?;
            let text = revoked(&user, changed);
            (user, changed, text)
        }
        Command::Reset { user: key } => {
            let changed = directory.reset_admin(&key, actor).await?;
            let user = console.find_user(&key).await?;
            let text = reset(&user, changed);
            (user, changed, text)
        }
    };
    let mut json = standing(&user.admin);
    json["user_id"] = json!(user.summary.id);
    json["email"] = json!(user.summary.email);
    json["changed"] = json!(changed);
    Ok(Report::new(text, json))
}

fn granted(user: &UserRecord, changed: bool) -> String {
    let name = called(user);
    if !changed {
        format!("{name} was an admin already.")
    } else if is_awaited(user) {
        format!("Nobody has signed in as {name} yet: who comes with this address is an admin.")
    } else {
        format!("{name} is an admin now.")
    }
}

fn revoked(user: &UserRecord, changed: bool) -> String {
    let name = called(user);
    let reasons = &user.admin.reasons;
    if !changed {
        format!("It was said of {name} already: no admin, whatever groups say.")
    } else if reasons.is_empty() {
        format!(
            "{name} is no admin, and from now on no group or role makes one of this person.\n\
                 To let groups decide again: gatepost admin reset {name}"
        )
    } else {
        let through = reasons.join(", ");
        format!(
            "{name} is no admin any more. Still there, but outweighed by this explicit no: {through}.\n\
                 To let groups decide again: gatepost admin reset {name}"
        )
    }
}

fn reset(user: &UserRecord, changed: bool) -> String {
    let name = called(user);
    let now = match user.admin.reasons.as_slice() {
        [] => format!("{name} is no admin"),
        reasons => format!("{name} is an admin through {}", reasons.join(", ")),
    };
    if changed {
        format!("Groups and roles decide again: {now}.")
    } else {
        format!("Groups and roles decided already: {now}.")
    }
}

async fn list(console: &Console) -> Result<Report, CommandError> {
    let admins = console.state.stores.directory.list_admins().await?;
    let rows = admins.iter().map(|(user, admin)| {
        let said = match admin.explicit {
            Some(true) => "yes",
            Some(false) => "no",
            None => "-",
        };
        let through = if admin.reasons.is_empty() { "-".to_owned() } else { admin.reasons.join("\n") };
        [user.to_string(), yes_or_no(admin.is_admin).to_owned(), said.to_owned(), through]
    });
    let json = admins.iter().map(|(user, admin)| {
        let mut entry = standing(admin);
        entry["user"] = json!(user.to_string());
        entry
    });
    let none = "Nobody is an admin. To make one: gatepost admin grant ADDRESS";
    let header = ["User", "Admin", "Explicit word", "Groups and roles"];
    Ok(Report::list(header, rows.collect(), none, json.clone().collect()))
}

/// The JSON of an [`AdminStanding`].
pub(super) fn standing(admin: &AdminStanding) -> Value {
    json!({ "is_admin": admin.is_admin, "explicit": admin.explicit, "reasons": admin.reasons })
}

pub(super) const fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}
