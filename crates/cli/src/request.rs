//! `gatepost request`: people's requests for access.

use super::console::Console;
use super::end::End;
use super::error::CommandError;
use super::report::{Report, minute, minute_of, text_or_dash};
use clap::Subcommand;
use gatepost_admin::DEFAULT_GRANT;
use gatepost_admin::views::{AccessRequest, RequestChange};
use gatepost_core::access_request::{Remark, RequestState};
use gatepost_core::administration::Scope;
use gatepost_core::calendar::rfc3339;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::AccessRequestId;
use gatepost_store::directory::{Directory, Done, Place, RequestFilter};
use serde_json::json;
use std::time::Duration;

/// How long a command waits until the webhook was told.
const WEBHOOK_LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows the open requests, oldest first
    #[command(after_help = "Example:\n  gatepost request list --json")]
    List,
    /// Gives a person what they asked for, until a time; by default for 30 days
    #[command(after_help = "Examples:\n  gatepost request grant 0199d1f0-5b7c-7d2e-8a3f-0123456789ab\n  \
                            gatepost request grant 0199d1f0-5b7c-7d2e-8a3f-0123456789ab --until 2027-01-31T18:00:00Z")]
    Grant {
        /// The request's id, as `request list` shows it
        id: AccessRequestId,
        #[command(flatten)]
        end: End,
    },
    /// Declines a request; the person reads the answer on their account page
    #[command(
        after_help = "Example:\n  gatepost request decline 0199d1f0-5b7c-7d2e-8a3f-0123456789ab --answer later"
    )]
    Decline {
        /// The request's id, as `request list` shows it
        id: AccessRequestId,
        /// What the person reads: at most 280 characters
        #[arg(long, value_name = "TEXT")]
        answer: Remark,
    },
}

pub(super) async fn run(console: &Console, command: Command) -> Result<Report, CommandError> {
    let report = decide(console, command).await?;
    // The process ends with the command.
    if console.api().is_none() {
        console.here()?.admin.webhook.finish(WEBHOOK_LIMIT).await;
    }
    Ok(report)
}

async fn decide(console: &Console, command: Command) -> Result<Report, CommandError> {
    match command {
        Command::List => list(console).await,
        Command::Grant { id, end } => {
            let until = match end.at(console).await? {
                Some(until) => until,
                None => console.clock().await?.plus(DEFAULT_GRANT),
            };
            let (request, change) = grant(console, id, until).await?;
            let text = format!(
                "{} {} access to {} until {} UTC.",
                asks(&request),
                console.either("now has", "would have"),
                request.wanted,
                minute(until)
            );
            Ok(Report::new(text, change))
        }
        Command::Decline { id, answer } => {
            let (request, change) = decline(console, id, &answer).await?;
            let text = format!(
                "The request of {} for {} {} declined. They {} on their account page: {answer}",
                asks(&request),
                request.wanted,
                console.either("is", "would be"),
                console.either("read", "would read")
            );
            Ok(Report::new(text, change))
        }
    }
}

/// Grants a request. Returns the request as it was, and the change.
async fn grant(
    console: &Console,
    id: AccessRequestId,
    until: Timestamp,
) -> Result<(AccessRequest, RequestChange), CommandError> {
    let Console { actor, conditions, .. } = console;
    if let Some(api) = console.api() {
        return console
            .sent(api.decide(id, ("grant", json!({ "until": rfc3339(until) })), *conditions).await);
    }
    let done = console.here()?.admin.grant_request(id, until, *conditions, actor).await;
    let Done { changed, outcome, .. } = done.map_err(|error| console.explain_overtaken(error.into()))?;
    Ok(((&outcome).into(), RequestChange::granted(&outcome, until, changed)))
}

/// Declines a request. Returns the request as it was, and the change.
async fn decline(
    console: &Console,
    id: AccessRequestId,
    answer: &Remark,
) -> Result<(AccessRequest, RequestChange), CommandError> {
    let Console { actor, conditions, .. } = console;
    if let Some(api) = console.api() {
        let body = json!({ "answer": answer.as_str() });
        return console.sent(api.decide(id, ("decline", body), *conditions).await);
    }
    let done = console.here()?.admin.decline_request(id, answer.clone(), *conditions, actor).await;
    let Done { changed, outcome, .. } = done.map_err(|error| console.explain_overtaken(error.into()))?;
    Ok(((&outcome).into(), RequestChange::declined(&outcome, answer.as_str(), changed)))
}

async fn list(console: &Console) -> Result<Report, CommandError> {
    let filter = RequestFilter { state: Some(RequestState::Open), ..RequestFilter::default() };
    let page = async |directory: &Directory, after: Option<Place>, limit| {
        directory.search_requests(&Scope::System, &filter, after.as_ref(), limit).await
    };
    let open = (["requests"].as_slice(), [("state", "open")].as_slice());
    let all: Vec<AccessRequest> = console.list(open, page).await?;
    let rows = all.iter().map(|request| {
        let note = text_or_dash(request.note.as_ref());
        [request.id.clone(), minute_of(&request.created_at), asks(request), request.wanted.to_string(), note]
    });
    let none = "Nobody waits for an answer.";
    Ok(Report::list(["Id", "Asked (UTC)", "Person", "For", "Note"], rows.collect(), none, &all))
}

/// Who asks: the address, else the id.
fn asks(request: &AccessRequest) -> String {
    request.email.as_ref().unwrap_or(&request.user_id).clone()
}
