//! `gatepost check --store`: the database of the directory alone, with its audit, as `restore.sh --drill` needs it.

use super::audit_chain;
use gatepost_admin::audit;
use gatepost_check::{self as check, Finding, Order};
use gatepost_core::error_chain::Chain;
use std::collections::BTreeMap;

/// What is found in the database, and whether each entry of the audit fits the heads that it has itself.
pub(super) async fn run(order: &Order) -> Vec<Finding> {
    let (mut findings, directory) = check::run_store(order).await;
    let Some(directory) = directory else { return findings };
    findings.push(match audit::verify(&directory, &BTreeMap::new()).await {
        Ok(verdict) if verdict.fault.is_none() => {
            Finding::fine("audit", "DATABASE_URL", audit_chain::text(&verdict))
        }
        Ok(verdict) => check::audit_broken(audit_chain::text(&verdict)),
        Err(error) => check::audit_broken(format!("The audit cannot be read: {}.", Chain(&error))),
    });
    findings
}
