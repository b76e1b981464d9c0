//! `gatepost user`: people, and whether they may sign in.

use super::address;
use super::admin::yes_or_no;
use super::console::{Console, Known, Subject, WHAT_GOES_ON};
use super::end;
use super::error::CommandError;
use super::report::{Report, lines, minute_of, minute_or_dash, table, text_or_dash};
use clap::Subcommand;
use gatepost_admin::views::{Admin, Identity, User, UserChange, UserErasure};
use gatepost_core::administration::Scope;
use gatepost_core::email::EmailAddress;
use gatepost_store::directory::changes::{CreateUser, DisableUser, EnableUser, EraseUser};
use gatepost_store::directory::{Directory, Place, UserFilter, UserKey};
use serde_json::json;
use std::collections::BTreeMap;

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
            let mut user = console.find_user(&user).await?;
            console.add_ends(&mut user).await?;
            Ok(Report::new(describe(&user), user.details))
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
    Ok(Report::new(text, json!({ "user_id": user.id(), "email": email, "changed": changed })))
}

async fn erase(console: &Console, key: &UserKey, confirm: String) -> Result<Report, CommandError> {
    let id = console.find_user(key).await?.id;
    let changed = console.carry_out(&EraseUser { user: id, confirm }).await?.changed;
    if !console.conditions.is_dry_run && console.api().is_none() {
        console.here()?.admin.forget_sessions(id).await;
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
    let disabled_at = user.user.as_ref().and_then(|user| user.details.user.disabled_at.clone());
    UserChange { user_id: user.id(), email: user.email(), disabled_at, changed }
}

async fn list(console: &Console) -> Result<Report, CommandError> {
    let everybody = UserFilter::default();
    let page = async |directory: &Directory, after: Option<Place>, limit| {
        directory.search_users(&Scope::System, &everybody, after.as_ref(), limit).await
    };
    let people: Vec<User> = console.list((&["users"], &[]), page).await?;
    let rows = people.iter().map(|user| {
        [
            text_or_dash(user.email.as_ref()),
            text_or_dash(user.name.as_ref()),
            minute_or_dash(user.last_sign_in_at.as_ref()),
            minute_or_dash(user.disabled_at.as_ref()),
            user.id.clone(),
        ]
    });
    let none = "There are no people yet. A person appears after the first sign-in.";
    let header = ["Address", "Name", "Last sign-in (UTC)", "Disabled since", "Id"];
    Ok(Report::list(header, rows.collect(), none, &people))
}

fn describe(Known { details, .. }: &Known) -> String {
    let User { id, email, name, disabled_at, created_at, last_sign_in_at, .. } = &details.user;
    let since = |at: &String| format!("since {} UTC", minute_of(at));
    let identity = |Identity { provider, issuer, subject, email: asserted }: &Identity| {
        let other = asserted.as_ref().filter(|asserted| Some(*asserted) != email.as_ref());
        let other = other.map(|other| format!(", asserts {other}")).unwrap_or_default();
        format!("{provider}: {subject} at {issuer}{other}")
    };
    let identities: Vec<String> = details.identities.iter().map(identity).collect();
    let end_in = |ends: &Option<BTreeMap<String, String>>, name: &String| {
        end::until_text(ends.as_ref().and_then(|ends| ends.get(name)))
    };
    let group = |(name, sources): (&String, &Vec<String>)| {
        format!("{name} ({}){}", sources.join(", "), end_in(&details.group_ends, name))
    };
    let groups: Vec<String> = details.groups.iter().map(group).collect();
    let tenant =
        |(id, role): (&String, &String)| format!("{id} ({role}){}", end_in(&details.tenant_ends, id));
    let tenants: Vec<String> = details.tenants.iter().map(tenant).collect();
    let over = details.sessions_not_before.as_ref();
    let over = over.map(|at| format!("those started before {} UTC", minute_of(at)));
    let last = last_sign_in_at.as_ref().map(|at| format!("{} UTC", minute_of(at)));
    let row = |label: &str, value: String| [label.to_owned(), value];
    let rows = vec![
        row("Address", text_or_dash(email.as_ref())),
        row("Name", text_or_dash(name.as_ref())),
        row("Id", id.clone()),
        row("Disabled", disabled_at.as_ref().map_or_else(|| "no".to_owned(), since)),
        row("Admin", admin(details.admin.as_ref())),
        row("Known since", format!("{} UTC", minute_of(created_at))),
        row("Last sign-in", last.unwrap_or_else(|| "never".to_owned())),
        row("Ended sessions", text_or_dash(over.as_ref())),
        row("Identities", lines(&identities)),
        row("Groups", lines(&groups)),
        row("Tenants", lines(&tenants)),
    ];
    table(None, rows)
}

/// Whether a person is an admin, and why. A tenant's administrator elsewhere may not know of it.
fn admin(admin: Option<&Admin>) -> String {
    let Some(Admin { is_admin, explicit, until, reasons }) = admin else { return "-".to_owned() };
    let mut text = yes_or_no(*is_admin).to_owned();
    match explicit {
        Some(true) => text.push_str(", set explicitly"),
        Some(false) => text.push_str(", set explicitly, which overrides groups and roles"),
        None => {}
    }
    text.push_str(&end::until_text(until.as_ref()));
    if reasons.is_empty() { text } else { format!("{text}; groups and roles: {}", reasons.join(", ")) }
}
