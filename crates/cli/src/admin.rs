//! `gatepost admin`: sets explicitly whether a person is an admin, which overrides groups and roles.

use super::console::{Console, Subject, WHAT_GOES_ON_WITH_LESS_ACCESS};
use super::end::{self, End};
use super::error::CommandError;
use super::report::{Report, lines, minute_or_dash};
use clap::Subcommand;
use gatepost_admin::views::{Admin, AdminChange, AdminEntry};
use gatepost_core::administration::Scope;
use gatepost_store::directory::changes::SetAdmin;
use gatepost_store::directory::{Directory, Done, Place, UserKey};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Makes a person an admin, regardless of groups and roles
    #[command(after_help = "Examples:\n  gatepost admin grant alice@example.com\n  \
        gatepost admin grant alice@example.com --for 8h")]
    Grant {
        /// Address or id; if nobody has the address yet, the first person who signs in with it becomes an admin
        user: UserKey,
        #[command(flatten)]
        end: End,
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
    let (key, is_admin, until) = match command {
        Command::List => return list(console).await,
        Command::Grant { user, end } => (user, Some(true), end.at(console).await?),
        Command::Revoke { user } => (user, Some(false), None),
        Command::Reset { user } => (user, None, None),
    };
    let change = SetAdmin { user: key.clone(), is_admin, until };
    let Done { changed, outcome: admin, .. } = console.carry_out(&change).await?;
    let user = console.find_subject(&key).await?;
    let mut text = match is_admin {
        Some(true) => granted(console, &user, &admin, changed),
        Some(false) => revoked(console, &user, &admin, changed),
        None => reset(console, &user, &admin, changed),
    };
    if changed && !admin.is_admin && !user.is_awaited {
        text.push_str(&console.note(WHAT_GOES_ON_WITH_LESS_ACCESS));
    }
    let (user_id, email) = (user.id(), user.email());
    Ok(Report::new(text, AdminChange { user_id, email, admin, changed }))
}

fn granted(console: &Console, user: &Subject, admin: &Admin, changed: bool) -> String {
    let (name, then) = (&user.name, end::until_text(admin.until.as_ref()));
    if !changed {
        format!("{name} is already an administrator{then}.")
    } else if user.is_awaited {
        let will = console.either("will", "would");
        format!(
            "Nobody has signed in as {name} yet. The first person who signs in with this address {will} be an administrator{then}."
        )
    } else {
        format!("{name} {} an administrator{then}.", console.either("is now", "would be"))
    }
}

fn revoked(console: &Console, user: &Subject, admin: &Admin, changed: bool) -> String {
    let name = &user.name;
    let reasons = &admin.reasons;
    if !changed {
        format!("{name} is already not an administrator, regardless of groups and roles.")
    } else if reasons.is_empty() {
        let (is, can) = (console.either("is not", "would not be"), console.either("can", "could"));
        format!(
            "{name} {is} an administrator, and groups and roles {can} no longer change this.\n\
                 To let groups decide again: gatepost admin reset {name}"
        )
    } else {
        let (is, overrides) = (
            console.either("is no longer", "would no longer be"),
            console.either("overrides", "would override"),
        );
        let through = reasons.join(", ");
        format!(
            "{name} {is} an administrator. This {overrides}: {through}.\n\
                 To let groups decide again: gatepost admin reset {name}"
        )
    }
}

fn reset(console: &Console, user: &Subject, admin: &Admin, changed: bool) -> String {
    let name = &user.name;
    let is = if changed { console.either("is", "would be") } else { "is" };
    let now = match admin.reasons.as_slice() {
        [] if is == "is" => format!("{name} is not an administrator"),
        [] => format!("{name} would not be an administrator"),
        reasons => format!("{name} {is} an administrator through {}", reasons.join(", ")),
    };
    if changed {
        format!("Groups and roles {} again: {now}.", console.either("decide", "would decide"))
    } else {
        format!("Groups and roles already decide: {now}.")
    }
}

async fn list(console: &Console) -> Result<Report, CommandError> {
    let page = async |directory: &Directory, after: Option<Place>, limit| {
        directory.list_admins(&Scope::System, after.as_ref(), limit).await
    };
    let mut admins: Vec<AdminEntry> = console.list((&["admins"], &[]), page).await?;
    // People without an address, who stand with their ids, come last.
    let place = |entry: &AdminEntry| (entry.user_id.as_ref() == Some(&entry.user), entry.user.clone());
    admins.sort_by_cached_key(place);
    let rows = admins.iter().map(|AdminEntry { user, admin, .. }| {
        let said = match admin.explicit {
            Some(true) => "yes",
            Some(false) => "no",
            None => "-",
        };
        let until = minute_or_dash(admin.until.as_ref());
        [user.clone(), yes_or_no(admin.is_admin).to_owned(), said.to_owned(), until, lines(&admin.reasons)]
    });
    let none = "Nobody is an administrator. To add one: gatepost admin grant ADDRESS";
    let header = ["User", "Admin", "Set explicitly", "Until (UTC)", "Groups and roles"];
    Ok(Report::list(header, rows.collect(), none, &admins))
}

pub(super) const fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}
