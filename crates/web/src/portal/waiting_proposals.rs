//! How many proposed tenants wait, which other pages say.

use crate::routing::is_self_service;
use gatepost_core::administration::{Matter, Scope};
use gatepost_core::tenant_proposal::ProposalState;
use gatepost_sign_in::Context;
use gatepost_store::directory::{DirectoryError, ProposalFilter};

/// How many proposals wait for an answer, at most `most`, and whether there are more. `None`: the reader does not decide
/// them, or nobody proposes tenants here.
///
/// # Errors
/// The directory does not answer.
pub(super) async fn count_waiting(
    context: &Context,
    scope: &Scope,
    most: u32,
) -> Result<Option<(usize, bool)>, DirectoryError> {
    if !is_self_service(&context.site.config) || scope.allows(&Matter::Platform).is_err() {
        return Ok(None);
    }
    let open = ProposalFilter { state: Some(ProposalState::Open), ..ProposalFilter::default() };
    let found = context.stores.directory.search_proposals(scope, &open, None, most).await?;
    Ok(Some((found.items.len(), found.next.is_some())))
}
