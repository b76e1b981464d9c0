//! `gatepost session`: lists and ends sessions.

use super::console::{Console, WHAT_GOES_ON};
use super::error::CommandError;
use super::report::{Report, minute_of, text_or_dash};
use clap::{Args, Subcommand};
use gatepost_admin::views::{Session, SessionEnd, SessionsEnd};
use gatepost_core::ids::UserId;
use gatepost_core::secret::Hash;
use gatepost_runtime::authn;
use gatepost_store::directory::{DirectoryError, UserKey};
use gatepost_store::retry::retry;

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
    let sessions = list_live(console, user.id).await?;
    let rows = sessions.iter().map(|session| {
        [
            gatepost_pages::device(session.user_agent.as_deref().unwrap_or_default()),
            text_or_dash(session.address.as_ref()),
            minute_of(&session.begun_at),
            minute_of(&session.last_seen_at),
            session.provider.clone(),
            session.hash.clone(),
        ]
    });
    let none = format!("{} has no session.", user.called());
    let header = ["Device", "Address", "Signed in (UTC)", "Last use (UTC)", "Provider", "Session"];
    Ok(Report::list(header, rows.collect(), &none, &sessions))
}

/// The valid sessions, the last used first.
async fn list_live(console: &Console, user: UserId) -> Result<Vec<Session>, CommandError> {
    let mut live: Vec<Session> = if let Some(api) = console.api() {
        api.list(&["users", &user.to_string(), "sessions"], &[]).await?
    } else {
        let state = console.here()?;
        let Some(standing) = retry(async || authn::load_person(&state.stores, user).await).await? else {
            return Ok(Vec::new());
        };
        let live = retry(async || authn::list_live(&state.site, &state.stores, &standing).await).await?;
        live.iter().map(|(hash, record)| Session::new(hash, record)).collect()
    };
    // Texts of one form are ordered as the times.
    live.sort_by(|one, other| other.last_seen_at.cmp(&one.last_seen_at));
    Ok(live)
}

async fn end_one(console: &Console, hash: &Hash) -> Result<Report, CommandError> {
    let end = if let Some(api) = console.api() {
        console.sent(Box::pin(api.end_session(hash, console.conditions)).await)?
    } else {
        let admin = &console.here()?.admin;
        let ended = Box::pin(admin.end_session(hash, console.conditions, &console.actor)).await;
        let done = ended.map_err(|error| console.explain_overtaken(error.into()))?;
        let (hash, user_id) = (hash.to_string(), done.outcome.to_string());
        SessionEnd { hash, user_id, changed: done.changed }
    };
    // An installation elsewhere answers with text, which may be anything.
    let key = end.user_id.parse::<UserId>().map_err(DirectoryError::unreadable)?;
    let user = console.find_user(&UserKey::Id(key)).await?;
    let has = console.either("has ended", "would end");
    let text = format!("The session of {} {has}.{}", user.called(), console.note(WHAT_GOES_ON));
    Ok(Report::new(text, end))
}

async fn end_all(console: &Console, key: &UserKey) -> Result<Report, CommandError> {
    let ended = if let Some(api) = console.api() {
        console.sent(Box::pin(api.end_sessions(key, console.conditions)).await)?
    } else {
        let ended =
            Box::pin(console.here()?.admin.end_sessions(key, console.conditions, &console.actor)).await;
        let ended = ended.map_err(|error| console.explain_overtaken(error.into()))?;
        SessionsEnd { user_id: ended.user.to_string(), sessions: ended.found, changed: true }
    };
    let name = console.find_user(key).await?.called();
    let have = console.either("have ended", "would end");
    let text = match ended.sessions {
        Some(found) => format!("All sessions of {name} {have} ({found} found)."),
        None => format!(
            "All sessions of {name} {have}. Their number is unknown, because the session store does not answer."
        ),
    };
    Ok(Report::new(format!("{text}{}", console.note(WHAT_GOES_ON)), ended))
}
