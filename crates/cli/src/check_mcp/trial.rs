//! The trial before a tool server's messages are judged by their headers alone: whether it refuses those whose body differs.
//!
//! The gate lets only the key of the trial pass there, so that until the server has refused nobody can write one tool into the
//! headers and another one into the body.

use super::probe::Probe;
use crate::console::Console;
use crate::error::CommandError;
use crate::only_here::OnlyHere;
use clap::Args;
use gatepost_check::mcp::mismatch;
use gatepost_core::administration::{Scope, Version};
use gatepost_core::ids::ToolServerId;
use gatepost_core::mcp::Mode;
use gatepost_store::directory::changes::{JudgeByHeaders, ShownKey};
use gatepost_store::directory::{Conditions, DirectoryError};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A server that has just been moved is known at its address by every replica within a second.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(400);

/// How the server of a trial is reached.
#[derive(Debug, Args)]
pub(crate) struct Way {
    /// With --mode headers: Traefik's files, if the router of the tool server requires groups
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "mode")]
    traefik: Vec<PathBuf>,
    /// With --mode headers: where the proxy is, if the name of the tool server's host leads elsewhere from here
    #[arg(long, value_name = "ADDRESS", requires = "mode")]
    proxy: Option<IpAddr>,
}

/// Tries a server of this version, and has its messages judged by their headers if it refuses those whose body differs.
///
/// # Errors
/// `NotRefused`, `RouterReadsBodies`; what the changes fail with. Then the mode is `body`.
pub(crate) async fn judge_by_headers(
    console: &Console,
    (id, version): (&ToolServerId, Option<Version>),
    way: &Way,
) -> Result<(), CommandError> {
    let state = console.only_here(OnlyHere::Trial)?;
    let server = state.stores.directory.find_tool_server(&Scope::System, id).await?;
    let server = server.ok_or_else(|| DirectoryError::UnknownToolServer(id.clone()))?;
    let traefik = gatepost_check::traefik::inspect(&way.traefik, Some(&state.site.config));
    let probe = Probe::new(console, (&server, Mode::Headers), way.proxy)?;
    let not_refused = |finding| CommandError::NotRefused(id.clone(), Box::new(finding));
    let mut found = probe.stranger().await;
    for _ in 0..ATTEMPTS {
        if found.is_none() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        found = probe.stranger().await;
    }
    if let Some(finding) = found {
        return Err(not_refused(finding));
    }
    let trial = async |key: &ShownKey| {
        for seen in probe.differing(key).await {
            if seen.as_ref().is_ok_and(gatepost_check::mcp::Answer::is_by_gate) {
                return Err(CommandError::RouterReadsBodies(id.clone()));
            }
            if let Some(finding) = mismatch(&probe.known, &seen) {
                return Err(not_refused(finding));
            }
        }
        // What was tried must still be what is judged so.
        let conditions = Conditions { if_version: version, ..Conditions::default() };
        let change = JudgeByHeaders { id: id.clone(), tenant: server.tenant_id.clone(), key: key.record.id };
        let done = state.admin.carry_out(&change, conditions, &console.actor).await;
        done.map(drop).map_err(|error| console.explain_overtaken(error.into()))
    };
    probe.with_key(&traefik.requirements, trial).await
}
