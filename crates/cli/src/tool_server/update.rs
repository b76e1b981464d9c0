//! `gatepost tool-server update`: changes what is said about a tool server, and tries it before its headers alone decide.

use super::{demand_configured, find};
use crate::check_mcp::{Way, judge_by_headers};
use crate::console::Console;
use crate::error::CommandError;
use crate::only_here::OnlyHere;
use crate::report::Report;
use gatepost_admin::views;
use gatepost_core::ids::{TenantId, ToolServerId};
use gatepost_core::mcp::Mode;
use gatepost_store::directory::DirectoryError;
use gatepost_store::directory::changes::{ToolServerPatch, UpdateToolServer};

/// The note after the mode `headers` was set. An update of the server may change what it does.
const BY_HEADERS: &str = "It refuses messages whose headers and body differ, so its messages are judged by their headers. \
    Run `gatepost check --mcp` after each update of the server: it tries this again.";

/// Changes what a patch names. The mode `headers` takes a trial.
pub(super) async fn run(
    console: &Console,
    id: ToolServerId,
    mut patch: ToolServerPatch,
    way: &Way,
) -> Result<Report, CommandError> {
    let before = find(console, &id).await?;
    let unknown = || DirectoryError::UnknownToolServer(id.clone());
    let tenant: TenantId = before.tenant.parse().map_err(|_| unknown())?;
    let service = patch.service.as_ref().and_then(Option::as_ref);
    demand_configured(console, &tenant, patch.url.as_ref(), service).await?;
    let moves = patch.url.as_ref().is_some_and(|url| url.as_str() != before.url);
    let needs_trial = patch.mode == Some(Mode::Headers) && (moves || before.mode != Mode::Headers.as_str());
    if needs_trial {
        console.only_here(OnlyHere::Trial)?;
        // Until it was tried at its address.
        patch.mode = Some(Mode::Body);
    }
    let done = console.carry_out(&UpdateToolServer { id: id.clone(), tenant, patch }).await?;
    let is_tried = needs_trial && !console.conditions.is_dry_run;
    if is_tried {
        judge_by_headers(console, (&id, done.version), way).await?;
    }
    let changed = done.changed || needs_trial;
    let text = if is_tried {
        format!("Tool server {id} was changed. {BY_HEADERS}")
    } else if needs_trial {
        format!(
            "Tool server {id} would be tried, and changed if it refuses messages whose headers and body differ."
        )
    } else if changed {
        format!("Tool server {id} {} changed.", console.either("was", "would be"))
    } else {
        format!("Tool server {id} is like that already.")
    };
    Ok(Report::new(text, views::ToolServerChange { id: id.to_string(), changed }))
}
