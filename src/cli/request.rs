//! `gatepost request`: people's requests for access.

use super::console::{Console, listed_in_pages};
use super::end::End;
use super::error::CommandError;
use super::report::{Report, minute};
use crate::admin::DEFAULT_GRANT;
use crate::admin::views::{self, RequestChange};
use clap::Subcommand;
use gatepost_core::access_request::{Remark, RequestState};
use gatepost_core::administration::Scope;
use gatepost_core::ids::AccessRequestId;
use gatepost_store::directory::{AccessRequest, Done, RequestFilter};
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
    console.state.admin.webhook.finish(WEBHOOK_LIMIT).await;
    Ok(report)
}

async fn decide(console: &Console, command: Command) -> Result<Report, CommandError> {
    let Console { state, actor, conditions } = console;
    match command {
        Command::List => list(console).await,
        Command::Grant { id, end } => {
            let until = match end.at(console).await? {
                Some(until) => until,
                None => state.stores.directory.clock().await?.plus(DEFAULT_GRANT),
            };
            let done = state.admin.grant_request(id, until, *conditions, actor).await;
            let Done { changed, outcome: request, .. } =
                done.map_err(|error| console.explain_overtaken(error.into()))?;
            let text = format!(
                "{} {} access to {} until {} UTC.",
                asks(&request),
                console.either("now has", "would have"),
                request.wanted,
                minute(until)
            );
            Ok(Report::new(text, RequestChange::granted(&request, until, changed)))
        }
        Command::Decline { id, answer } => {
            let done = state.admin.decline_request(id, answer.clone(), *conditions, actor).await;
            let Done { changed, outcome: request, .. } =
                done.map_err(|error| console.explain_overtaken(error.into()))?;
            let text = format!(
                "The request of {} for {} {} declined. They {} on their account page: {answer}",
                asks(&request),
                request.wanted,
                console.either("is", "would be"),
                console.either("read", "would read")
            );
            Ok(Report::new(text, RequestChange::declined(&request, answer.as_str(), changed)))
        }
    }
}

async fn list(console: &Console) -> Result<Report, CommandError> {
    let directory = &console.state.stores.directory;
    let filter = RequestFilter { state: Some(RequestState::Open), ..RequestFilter::default() };
    let all = listed_in_pages(async |after, limit| {
        directory.search_requests(&Scope::System, &filter, after.as_ref(), limit).await
    })
    .await?;
    let rows = all.iter().map(|request| {
        let note = request.note.clone().unwrap_or_else(|| "-".to_owned());
        [request.id.to_string(), minute(request.created_at), asks(request), request.wanted.to_string(), note]
    });
    let json: Vec<_> = all.iter().map(views::AccessRequest::from).collect();
    let none = "Nobody waits for an answer.";
    Ok(Report::list(["Id", "Asked (UTC)", "Person", "For", "Note"], rows.collect(), none, json))
}

/// Who asks: the address, else the id.
fn asks(request: &AccessRequest) -> String {
    request.email.as_ref().map_or_else(|| request.user_id.to_string(), ToString::to_string)
}
