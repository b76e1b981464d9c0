//! `gatepost user`: people, and whether they may sign in.

use super::address;
use super::admin::yes_or_no;
use super::console::{Console, WHAT_GOES_ON, admin_of, called, is_awaited, listed_in_pages};
use super::error::CommandError;
use super::report::{Report, lines, minute, minute_or_dash, table};
use crate::admin::views::{User, UserChange, UserDetails};
use clap::Subcommand;
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_store::directory::changes::{DisableUser, EnableUser};
use gatepost_store::directory::{IdentityRecord, UserFilter, UserKey, UserRecord, UserSummary};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Ends all sessions of a person and refuses further sign-ins
    #[command(after_help = "Example:\n  gatepost user disable alice@example.com")]
    Disable {
        /// Address or id; if nobody has the address yet, the first person who signs in with it is refused
        user: UserKey,
    },
    /// Lets a disabled person sign in again
    #[command(after_help = "Example:\n  gatepost user enable alice@example.com")]
    Enable {
        /// Address or id
        user: UserKey,
    },
    /// Shows a person: identities, groups with their sources, tenants, and why the person is an admin or not
    #[command(after_help = "Example:\n  gatepost user show alice@example.com")]
    Show {
        /// Address or id
        user: UserKey,
    },
    /// Shows all people
    #[command(after_help = "Example:\n  gatepost user list --json")]
    List,
    /// Changes the address that applications get for a person, with `GATEPOST_ADDRESS_CHANGES=keep`
    #[command(after_help = "Example, after the account in the application got the new address too:\n  \
                            gatepost user address alice@example.com --to alice@married.example")]
    Address {
        /// Address or id
        user: UserKey,
        /// The address that applications get from now on; no other person may have it
        #[arg(long)]
        to: EmailAddress,
    },
    /// Releases a person's address; the next person who signs in with it gets it
    #[command(after_help = "Example, when alice@example.com now belongs to somebody else:\n  \
                            gatepost user release alice@example.com")]
    Release {
        /// Address or id
        user: UserKey,
    },
}

pub(super) async fn run(console: &Console, command: Command) -> Result<Report, CommandError> {
    match command {
        Command::Disable { user: key } => {
            let changed = console.carry_out(&DisableUser { user: key.clone() }).await?.changed;
            let user = console.find_user(&key).await?;
            Ok(Report::new(disabled(&user, changed), change(&user, changed)))
        }
        Command::Enable { user: key } => {
            let changed = console.carry_out(&EnableUser { user: key.clone() }).await?.changed;
            let user = console.find_user(&key).await?;
            let name = called(&user);
            let text = if changed {
                format!("{name} may sign in again. Ended sessions stay ended.")
            } else {
                format!("{name} is not disabled.")
            };
            Ok(Report::new(text, change(&user, changed)))
        }
        Command::Show { user } => {
            let user = console.find_user(&user).await?;
            Ok(Report::new(describe(&user), UserDetails::from(&user)))
        }
        Command::List => list(console).await,
        Command::Address { user, to } => address::change(console, &user, &to).await,
        Command::Release { user } => address::release(console, &user).await,
    }
}

fn disabled(user: &UserRecord, changed: bool) -> String {
    let name = called(user);
    if !changed {
        format!("{name} is already disabled.")
    } else if is_awaited(user) {
        format!(
            "Nobody has signed in as {name} yet. The first person who signs in with this address will be refused."
        )
    } else {
        format!("{name} is disabled: all sessions have ended, and sign-ins are refused.\n{WHAT_GOES_ON}")
    }
}

fn change(user: &UserRecord, changed: bool) -> UserChange {
    UserChange::new(&user.summary, changed)
}

async fn list(console: &Console) -> Result<Report, CommandError> {
    let directory = &console.state.stores.directory;
    let everybody = UserFilter::default();
    let people = listed_in_pages(async |after, limit| {
        directory.search_users(&Scope::System, &everybody, after.as_ref(), limit).await
    })
    .await?;
    let rows = people.iter().map(|user| {
        let text = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let last = minute_or_dash(user.last_sign_in_at);
        let disabled = minute_or_dash(user.disabled_at);
        [
            text(user.email.as_ref().map(ToString::to_string)),
            text(user.name.clone()),
            last,
            disabled,
            user.id.to_string(),
        ]
    });
    let none = "There are no people yet. A person appears after the first sign-in.";
    let header = ["Address", "Name", "Last sign-in (UTC)", "Disabled since", "Id"];
    Ok(Report::list(header, rows.collect(), none, people.iter().map(User::from).collect::<Vec<_>>()))
}

fn describe(user: &UserRecord) -> String {
    let UserSummary { id, email, name, disabled_at, created_at, last_sign_in_at, .. } = &user.summary;
    let since =
        |at: Option<Timestamp>| at.map_or_else(|| "no".to_owned(), |at| format!("since {} UTC", minute(at)));
    let identities: Vec<String> = user
        .identities
        .iter()
        .map(|IdentityRecord { provider, key, email: asserted }| {
            let other = asserted.as_ref().filter(|asserted| Some(*asserted) != email.as_ref());
            let other = other.map(|other| format!(", asserts {other}")).unwrap_or_default();
            format!("{provider}: {} at {}{other}", key.subject, key.issuer)
        })
        .collect();
    let groups: Vec<String> =
        user.groups.iter().map(|(name, sources)| format!("{name} ({})", sources.join(", "))).collect();
    let tenants: Vec<String> = user.tenants.iter().map(|(id, role)| format!("{id} ({role})")).collect();
    let standing = admin_of(user);
    let mut admin = yes_or_no(standing.is_admin).to_owned();
    match standing.explicit {
        Some(true) => admin.push_str(", set explicitly"),
        Some(false) => admin.push_str(", set explicitly, which overrides groups and roles"),
        None => {}
    }
    if !standing.reasons.is_empty() {
        admin = format!("{admin}; groups and roles: {}", standing.reasons.join(", "));
    }
    let sessions_over = user.sessions_not_before.map(|at| format!("those started before {} UTC", minute(at)));
    let sessions_over = sessions_over.unwrap_or_else(|| "-".to_owned());
    let row = |label: &str, value: String| [label.to_owned(), value];
    let rows = vec![
        row("Address", email.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)),
        row("Name", name.clone().unwrap_or_else(|| "-".to_owned())),
        row("Id", id.to_string()),
        row("Disabled", since(*disabled_at)),
        row("Admin", admin),
        row("Known since", format!("{} UTC", minute(*created_at))),
        row(
            "Last sign-in",
            last_sign_in_at.map_or_else(|| "never".to_owned(), |at| format!("{} UTC", minute(at))),
        ),
        row("Ended sessions", sessions_over),
        row("Identities", lines(&identities)),
        row("Groups", lines(&groups)),
        row("Tenants", lines(&tenants)),
    ];
    table(None, rows)
}
