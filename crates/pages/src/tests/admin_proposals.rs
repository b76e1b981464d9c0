//! Samples of the pages about proposals of tenants.

use super::admin::{frame, longest};
use super::samples::{MINUTE, NOW, PLANTED, Sample};
use crate::admin::*;
use gatepost_core::host::HostName;
use gatepost_core::ids::{ProposalId, TenantId, UserId};
use gatepost_core::tenant_proposal::ProposalState;

fn entry<'a>(words: &'a str, tenant: &'a TenantId, state: ProposalState) -> TenantProposalEntry<'a> {
    let is_open = state == ProposalState::Open;
    TenantProposalEntry {
        id: ProposalId::generate(),
        user_id: UserId::generate(),
        email: None,
        user_name: Some(words),
        tenant,
        name: words,
        reason: Some(words),
        state,
        created_at: NOW.minus(MINUTE * 200),
        expires_at: NOW.plus(MINUTE * 200),
        decided_at: (!is_open).then_some(NOW),
        decided_by: Some(words).filter(|_| !is_open),
        answer: Some(words).filter(|_| state == ProposalState::Refused),
    }
}

/// Of the longest id.
fn tenant() -> TenantId {
    "W".repeat(64).parse().expect("an id")
}

fn list(name: &str, words: &str, state: ProposalState, count: usize) -> Sample {
    let (tenant, address) = (tenant(), longest());
    let proposals = (0..count).map(|number| TenantProposalEntry {
        email: Some(&address).filter(|_| number % 2 == 0),
        reason: Some(words).filter(|_| number % 3 != 0),
        ..entry(words, &tenant, state)
    });
    let page = TenantProposals {
        frame: frame(words, None),
        state,
        proposals: &proposals.collect::<Vec<_>>(),
        next: Some(words).filter(|_| count > 3),
        now: NOW,
    };
    Sample { name: format!("admin-proposals-{name}"), page: page.page() }
}

fn one(name: &str, words: &str, state: ProposalState, error: Option<&str>) -> Sample {
    let (tenant, address) = (tenant(), longest());
    let host: HostName = format!("{}.example.test", "w".repeat(63)).parse().expect("a host");
    let page = TenantProposalDetails {
        frame: frame(words, Some(words).filter(|_| state != ProposalState::Open)),
        proposal: TenantProposalEntry { email: Some(&address), ..entry(words, &tenant, state) },
        required_at: &[host],
        answer: (words, error),
        is_overtaken: state == ProposalState::Refused && error.is_none(),
    };
    Sample { name: format!("admin-proposal-{name}"), page: page.page() }
}

fn form(name: &str, words: &str, error: Option<&str>, fault: Option<ProposalFault>) -> Sample {
    let entered = EnteredText { value: words, error };
    let page = ProposalForm { frame: frame(words, None), id: entered, name: entered, reason: entered, fault };
    Sample { name: format!("admin-proposal-form-{name}"), page: page.page() }
}

pub fn proposal_samples() -> Vec<Sample> {
    let long = "W".repeat(120);
    let name = "Zo\u{eb} \u{141}ukasz";
    vec![
        list("empty", "nobody", ProposalState::Open, 0),
        list("none", "nobody", ProposalState::Refused, 0),
        list("full", name, ProposalState::Open, 50),
        list("approved", name, ProposalState::Approved, 3),
        list("long", &long, ProposalState::Open, 9),
        list("hostile", PLANTED, ProposalState::Refused, 9),
        one("open", name, ProposalState::Open, None),
        one("wrong", &long, ProposalState::Open, Some("Too long.")),
        one("approved", name, ProposalState::Approved, None),
        one("overtaken", name, ProposalState::Refused, None),
        one("hostile", PLANTED, ProposalState::Open, Some(PLANTED)),
        one("hostile-refused", PLANTED, ProposalState::Refused, None),
        form("empty", "", None, None),
        form("wrong", &long, Some("It is too long."), None),
        form("open", name, None, Some(ProposalFault::Open)),
        form("too-many", name, None, Some(ProposalFault::TooMany)),
        form("taken", name, None, Some(ProposalFault::Taken)),
        form("hostile", PLANTED, Some(PLANTED), None),
    ]
}
