//! `gatepost session`: lists and ends sessions.

use super::console::{Console, WHAT_GOES_ON, called};
use super::error::CommandError;
use super::report::{Report, minute};
use crate::admin::EndedSessions;
use crate::admin::views::{Session, SessionEnd, SessionsEnd};
use crate::authn;
use clap::{Args, Subcommand};
use gatepost_core::ids::UserId;
use gatepost_core::secret::Hash;
use gatepost_store::directory::UserKey;
use gatepost_store::retry::retry;
use gatepost_store::session::record::SessionRecord;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows a person's live sessions
    #[command(after_help = "Example:\n  gatepost session list alice@example.com")]
    List {
        /// Address or id
        user: UserKey,
    },
    /// Ends one session, or all sessions of a person
    #[command(after_help = "Examples:\n  \
        gatepost session end 5f2c0a9be1d34c7f8a6b5e2d1c0f9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a29\n  \
        gatepost session end --user alice@example.com")]
    End(Which),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Which {
    /// The session, as `session list` shows it
    hash: Option<Hash>,
    /// All sessions of this person, by address or id; needs no Redis
    #[arg(long)]
    user: Option<UserKey>,
}

pub(super) async fn run(console: &Console, command: Command) -> Result<Report, CommandError> {
    match command {
        Command::List { user } => list(console, &user).await,
        Command::End(Which { hash: Some(hash), .. }) => Box::pin(end_one(console, &hash)).await,
        Command::End(Which { user: Some(user), .. }) => Box::pin(end_all(console, &user)).await,
        Command::End(_) => unreachable!("clap asks for one of the two"),
    }
}

async fn list(console: &Console, key: &UserKey) -> Result<Report, CommandError> {
    let user = console.find_user(key).await?;
    let sessions = list_live(console, user.summary.id).await?;
    let rows = sessions.iter().map(|(hash, record)| {
        let address = record.address.map_or_else(|| "-".to_owned(), |address| address.to_string());
        let device = gatepost_pages::device(record.user_agent.as_deref().unwrap_or_default());
        [
            device,
            address,
            minute(record.started_at),
            minute(record.last_seen_at),
            record.provider.to_string(),
            hash.to_string(),
        ]
    });
    let json: Vec<Session> = sessions.iter().map(|(hash, record)| Session::new(hash, record)).collect();
    let none = format!("{} has no session.", called(&user));
    let header = ["Device", "Address", "Signed in (UTC)", "Last use (UTC)", "Provider", "Session"];
    Ok(Report::list(header, rows.collect(), &none, json))
}

/// The valid sessions, the last used first.
async fn list_live(console: &Console, user: UserId) -> Result<Vec<(Hash, SessionRecord)>, CommandError> {
    let state = &console.state;
    let Some(standing) = retry(async || authn::load_person(&state.stores, user).await).await? else {
        return Ok(Vec::new());
    };
    let mut live = retry(async || authn::list_live(&state.site, &state.stores, &standing).await).await?;
    live.sort_by_key(|(_, record)| std::cmp::Reverse(record.last_seen_at));
    Ok(live)
}

async fn end_one(console: &Console, hash: &Hash) -> Result<Report, CommandError> {
    let admin = &console.state.admin;
    let id = if console.conditions.is_dry_run {
        admin.find_session(hash, &console.actor).await?
    } else {
        admin.end_session(hash, &console.actor).await?
    };
    let user = console.find_user(&UserKey::Id(id)).await?;
    let has = console.either("has ended", "would end");
    let text = format!("The session of {} {has}.{}", called(&user), console.note(WHAT_GOES_ON));
    Ok(Report::new(text, SessionEnd { hash: hash.to_string(), user_id: id.to_string(), changed: true }))
}

async fn end_all(console: &Console, key: &UserKey) -> Result<Report, CommandError> {
    let ended = Box::pin(console.state.admin.end_sessions(key, console.conditions, &console.actor)).await;
    let ended = ended.map_err(|error| console.explain_overtaken(error.into()))?;
    let EndedSessions { user: id, found, .. } = ended;
    let name = called(&console.find_user(&UserKey::Id(id)).await?);
    let have = console.either("have ended", "would end");
    let text = match found {
        Some(found) => format!("All sessions of {name} {have} ({found} found)."),
        None => format!(
            "All sessions of {name} {have}. Their number is unknown, because the session store does not answer."
        ),
    };
    let text = format!("{text}{}", console.note(WHAT_GOES_ON));
    Ok(Report::new(text, SessionsEnd { user_id: id.to_string(), sessions: found, changed: true }))
}
