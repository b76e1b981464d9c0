//! `gatepost request`: people's requests for access.

use super::console::Console;
use super::end::End;
use super::error::CommandError;
use super::report::{Report, minute};
use crate::admin::DEFAULT_GRANT;
use clap::Subcommand;
use gatepost_core::access_request::Remark;
use gatepost_core::ids::AccessRequestId;
use gatepost_store::directory::AccessRequest;
use serde_json::{Value, json};
use std::time::Duration;

/// The number of requests in one query.
const PAGE: u32 = 500;
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
        after_help = "Example:\n  gatepost request decline 0199d1f0-5b7c-7d2e-8a3f-0123456789ab --answer 'Ask again when the audit begins.'"
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
            let decided = state.admin.grant_request(id, until, *conditions, actor).await;
            let request = decided.map_err(|error| console.explain_overtaken(error.into()))?;
            let text = format!(
                "{} {} access to {} until {} UTC.",
                asks(&request),
                console.either("now has", "would have"),
                request.wanted,
                minute(until)
            );
            let json = json!({ "request": id, "user_id": request.user_id, "until": until, "changed": true });
            Ok(Report::new(text, with_wanted(json, &request)))
        }
        Command::Decline { id, answer } => {
            let decided = state.admin.decline_request(id, answer.clone(), *conditions, actor).await;
            let request = decided.map_err(|error| console.explain_overtaken(error.into()))?;
            let text = format!(
                "The request of {} for {} {} declined. They {} on their account page: {answer}",
                asks(&request),
                request.wanted,
                console.either("is", "would be"),
                console.either("read", "would read")
            );
            let json = json!({ "request": id, "user_id": request.user_id, "answer": answer.as_str(), "changed": true });
            Ok(Report::new(text, with_wanted(json, &request)))
        }
    }
}

async fn list(console: &Console) -> Result<Report, CommandError> {
    let mut all: Vec<AccessRequest> = Vec::new();
    loop {
        let after = all.last().map(|request| request.id);
        let found = console.state.admin.list_requests(&console.actor, after, PAGE).await?;
        if found.is_empty() {
            break;
        }
        all.extend(found);
    }
    let rows = all.iter().map(|request| {
        let note = request.note.clone().unwrap_or_else(|| "-".to_owned());
        [request.id.to_string(), minute(request.created_at), asks(request), request.wanted.to_string(), note]
    });
    let json = all.iter().map(|request| {
        let json = json!({
            "id": request.id,
            "created_at": request.created_at,
            "user_id": request.user_id,
            "email": request.email,
            "name": request.name,
            "note": request.note,
        });
        with_wanted(json, request)
    });
    let none = "Nobody waits for an answer.";
    Ok(Report::list(
        ["Id", "Asked (UTC)", "Person", "For", "Note"],
        rows.collect(),
        none,
        json.collect::<Vec<_>>(),
    ))
}

/// Who asks: the address, else the id.
fn asks(request: &AccessRequest) -> String {
    request.email.as_ref().map_or_else(|| request.user_id.to_string(), ToString::to_string)
}

/// With `group` or `tenant`.
fn with_wanted(mut json: Value, request: &AccessRequest) -> Value {
    json[request.wanted.kind()] = json!(request.wanted.name());
    json
}
