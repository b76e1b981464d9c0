//! `gatepost user`: people, and whether they may sign in.

use super::address;
use super::admin::yes_or_no;
use super::console::{Console, Subject, WHAT_GOES_ON, admin_of, listed_in_pages};
use super::end;
use super::error::CommandError;
use super::report::{Report, lines, minute, minute_or_dash, rfc3339, table};
use crate::admin::views::{User, UserChange, UserDetails, UserErasure};
use clap::Subcommand;
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_store::directory::changes::{CreateUser, DisableUser, EnableUser, EraseUser};
use gatepost_store::directory::{Ends, IdentityRecord, UserFilter, UserKey, UserRecord, UserSummary};
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Creates a person whom groups, tenants and roles can be given to before the first sign-in
    #[command(after_help = "Example:\n  gatepost user create alice@example.com")]
    Create {
        /// The address; the first person who signs in with it takes everything over
        email: EmailAddress,
    },
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
    /// Deletes a person with everything that is held about them; the audit keeps the id alone
    #[command(
        after_help = "This cannot be undone. Whoever signs in with the address later is a new person.\n\n\
                            Example:\n  gatepost user erase alice@example.com --confirm alice@example.com"
    )]
    Erase {
        /// Address or id
        user: UserKey,
        /// The address of the person, or the id of a person who has none
        #[arg(long, value_name = "ADDRESS")]
        confirm: String,
    },
}

pub(super) async fn run(console: &Console, command: Command) -> Result<Report, CommandError> {
    match command {
        Command::Create { email } => create(console, &email).await,
        Command::Disable { user: key } => {
            let changed = console.carry_out(&DisableUser { user: key.clone() }).await?.changed;
            let user = console.find_subject(&key).await?;
            Ok(Report::new(disabled(console, &user, changed), change(&user, changed)))
        }
        Command::Enable { user: key } => {
            let changed = console.carry_out(&EnableUser { user: key.clone() }).await?.changed;
            let user = console.find_subject(&key).await?;
            let name = &user.name;
            let text = if changed {
                let may = console.either("may", "could");
                format!("{name} {may} sign in again. Ended sessions stay ended.")
            } else {
                format!("{name} is not disabled.")
            };
            Ok(Report::new(text, change(&user, changed)))
        }
        Command::Show { user } => {
            let user = console.find_user(&user).await?;
            let ends = console.state.stores.directory.list_ends(user.summary.id).await?;
            Ok(Report::new(describe(&user, &ends), UserDetails::with_ends(&user, &ends)))
        }
        Command::List => list(console).await,
        Command::Address { user, to } => address::change(console, &user, &to).await,
        Command::Release { user } => address::release(console, &user).await,
        Command::Erase { user, confirm } => erase(console, &user, confirm).await,
    }
}

async fn create(console: &Console, email: &EmailAddress) -> Result<Report, CommandError> {
    let changed = console.carry_out(&CreateUser { email: email.clone() }).await?.changed;
    let user = console.find_subject(&UserKey::Email(email.clone())).await?;
    let text = if changed {
        let (was, gets) = (console.either("was", "would be"), console.either("gets", "would get"));
        format!(
            "{email} {was} created. The first person who signs in with this address {gets} what is given to it."
        )
    } else {
        format!("{email} already exists.")
    };
    Ok(Report::new(text, json!({ "user_id": user.id, "email": email, "changed": changed })))
}

async fn erase(console: &Console, key: &UserKey, confirm: String) -> Result<Report, CommandError> {
    let id = console.find_user(key).await?.summary.id;
    let changed = console.carry_out(&EraseUser { user: id, confirm }).await?.changed;
    if !console.conditions.is_dry_run {
        console.state.admin.forget_sessions(id).await;
    }
    let text = format!(
        "User {id} {}: the audit keeps the id alone.{}",
        console.either("is erased", "would be erased"),
        console.note(WHAT_GOES_ON)
    );
    Ok(Report::new(text, UserErasure { user_id: id.to_string(), changed }))
}

fn disabled(console: &Console, user: &Subject, changed: bool) -> String {
    let name = &user.name;
    if !changed {
        format!("{name} is already disabled.")
    } else if user.is_awaited {
        let will = console.either("will", "would");
        format!(
            "Nobody has signed in as {name} yet. The first person who signs in with this address {will} be refused."
        )
    } else {
        let text = console.either(
            "is disabled: all sessions have ended, and sign-ins are refused.",
            "would be disabled: all sessions would end, and sign-ins would be refused.",
        );
        format!("{name} {text}{}", console.note(WHAT_GOES_ON))
    }
}

fn change(user: &Subject, changed: bool) -> UserChange {
    let disabled_at = user.user.as_ref().and_then(|user| user.summary.disabled_at);
    UserChange {
        user_id: user.id.map(|id| id.to_string()),
        email: user.email(),
        disabled_at: disabled_at.map(rfc3339),
        changed,
    }
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

fn describe(user: &UserRecord, ends: &Ends) -> String {
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
    let groups: Vec<String> = user
        .groups
        .iter()
        .map(|(name, sources)| {
            format!("{name} ({}){}", sources.join(", "), end::until(ends.groups.get(name.as_str()).copied()))
        })
        .collect();
    let tenants: Vec<String> = user
        .tenants
        .iter()
        .map(|(id, role)| format!("{id} ({role}){}", end::until(ends.tenants.get(id.as_str()).copied())))
        .collect();
    let of_admin = admin_of(user);
    let mut admin = yes_or_no(of_admin.is_admin).to_owned();
    match of_admin.explicit {
        Some(true) => admin.push_str(", set explicitly"),
        Some(false) => admin.push_str(", set explicitly, which overrides groups and roles"),
        None => {}
    }
    admin.push_str(&end::until(of_admin.until));
    if !of_admin.reasons.is_empty() {
        admin = format!("{admin}; groups and roles: {}", of_admin.reasons.join(", "));
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
