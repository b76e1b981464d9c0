//! `gatepost proposal`: tenants that people propose.

use super::console::Console;
use super::error::CommandError;
use super::report::{Report, minute_of, text_or_dash};
use clap::Subcommand;
use gatepost_admin::views::{ProposalChange, TenantProposal};
use gatepost_core::access_request::Remark;
use gatepost_core::administration::Scope;
use gatepost_core::ids::ProposalId;
use gatepost_core::tenant_proposal::{PROPOSED_TIER, ProposalState};
use gatepost_store::directory::{Directory, Done, Place, ProposalFilter};
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows the open proposals, oldest first
    #[command(after_help = "Example:\n  gatepost proposal list --json")]
    List,
    /// Creates the proposed tenant with the tier free; whoever proposed it administers it
    #[command(after_help = "Example:\n  gatepost proposal approve 0199d1f0-5b7c-7d2e-8a3f-0123456789ab")]
    Approve {
        /// The proposal's id, as `proposal list` shows it
        id: ProposalId,
    },
    /// Refuses a proposal; the person reads the answer on their account page
    #[command(
        after_help = "Example:\n  gatepost proposal refuse 0199d1f0-5b7c-7d2e-8a3f-0123456789ab --answer later"
    )]
    Refuse {
        /// The proposal's id, as `proposal list` shows it
        id: ProposalId,
        /// What the person reads: at most 280 characters
        #[arg(long, value_name = "TEXT")]
        answer: Option<Remark>,
    },
}

pub(super) async fn run(console: &Console, command: Command) -> Result<Report, CommandError> {
    // An installation elsewhere says so itself: it has no such path.
    if console.configured_here().is_some_and(|admin| !admin.site.config.tenants.self_service) {
        return Err(CommandError::NoSelfService);
    }
    match command {
        Command::List => list(console).await,
        Command::Approve { id } => {
            let (proposal, change) = approve(console, id).await?;
            let text = format!(
                "Tenant {} {} created with the tier {PROPOSED_TIER}. {} {} it.",
                proposal.tenant,
                console.either("is", "would be"),
                proposed_by(&proposal),
                console.either("administers", "would administer")
            );
            Ok(Report::new(text, change))
        }
        Command::Refuse { id, answer } => {
            let (proposal, change) = refuse(console, id, answer.as_ref()).await?;
            let read = answer.map_or_else(String::new, |answer| format!(": {answer}"));
            let text = format!(
                "The tenant {} that {} proposed {} refused. They {} it on their account page{read}",
                proposal.tenant,
                proposed_by(&proposal),
                console.either("is", "would be"),
                console.either("read", "would read")
            );
            Ok(Report::new(text, change))
        }
    }
}

/// Approves a proposal. Returns the proposal as it was, and the change.
async fn approve(
    console: &Console,
    id: ProposalId,
) -> Result<(TenantProposal, ProposalChange), CommandError> {
    let Console { actor, conditions, .. } = console;
    if let Some(api) = console.api() {
        return console.sent(api.decide_proposal(id, ("approve", None), *conditions).await);
    }
    let done = console.here()?.admin.approve_proposal(id, *conditions, actor).await;
    let Done { changed, outcome, .. } = done.map_err(|error| console.explain_overtaken(error.into()))?;
    let change = ProposalChange::decided(&outcome, ProposalState::Approved, None, changed);
    Ok(((&outcome).into(), change))
}

/// Refuses a proposal. Returns the proposal as it was, and the change.
async fn refuse(
    console: &Console,
    id: ProposalId,
    answer: Option<&Remark>,
) -> Result<(TenantProposal, ProposalChange), CommandError> {
    let Console { actor, conditions, .. } = console;
    let word = answer.map(Remark::as_str);
    if let Some(api) = console.api() {
        let body = json!({ "answer": word });
        return console.sent(api.decide_proposal(id, ("refuse", Some(body)), *conditions).await);
    }
    let done = console.here()?.admin.refuse_proposal(id, answer.cloned(), *conditions, actor).await;
    let Done { changed, outcome, .. } = done.map_err(|error| console.explain_overtaken(error.into()))?;
    Ok(((&outcome).into(), ProposalChange::decided(&outcome, ProposalState::Refused, word, changed)))
}

async fn list(console: &Console) -> Result<Report, CommandError> {
    let filter = ProposalFilter { state: Some(ProposalState::Open), ..ProposalFilter::default() };
    let page = async |directory: &Directory, after: Option<Place>, limit| {
        directory.search_proposals(&Scope::System, &filter, after.as_ref(), limit).await
    };
    let open = (["proposals"].as_slice(), [("state", "open")].as_slice());
    let all: Vec<TenantProposal> = console.list(open, page).await?;
    let rows = all.iter().map(|proposal| {
        let TenantProposal { id, created_at, tenant, name, reason, .. } = proposal;
        let reason = text_or_dash(reason.as_ref());
        [id.clone(), minute_of(created_at), proposed_by(proposal), tenant.clone(), name.clone(), reason]
    });
    let header = ["Id", "Proposed (UTC)", "Person", "Tenant", "Name", "Reason"];
    Ok(Report::list(header, rows.collect(), "Nobody waits for an answer.", &all))
}

/// Who proposes it: the address, else the id.
fn proposed_by(proposal: &TenantProposal) -> String {
    proposal.email.as_ref().unwrap_or(&proposal.user_id).clone()
}
