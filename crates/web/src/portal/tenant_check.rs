//! The check of a tenant. It calls other servers, so a GET only shows the form: a page of somebody else, or a prefetch, can make
//! a browser send a GET, but not the POST of a page of ours.

use super::tenant::find;
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::Path;
use crate::fault::Fault;
use crate::tenant_checks::{CheckError, TenantChecks};
use actix_web::web;
use gatepost_admin::{Context, TenantFinding, TenantSeverity};
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::sentence;
use gatepost_core::ids::TenantId;
use gatepost_pages::admin::{CheckFinding, CheckOutcome, CheckSeverity, FixedAt, TenantChecked};
use gatepost_store::directory::TenantRecord;
use std::cmp::Reverse;

/// Says what a check does, with the form that makes one.
///
/// # Errors
/// [`Fault`]: the tenant does not exist for the caller, or the directory does not answer.
pub(crate) async fn show(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
) -> Result<PageAnswer, Fault> {
    let tenant = find(&administrator, &context, &id).await?;
    Ok(page(&administrator, &tenant, CheckOutcome::NotAsked))
}

/// Makes a check, and shows what it found. No address leads to the result: it is of this moment.
///
/// # Errors
/// As [`show`].
pub(crate) async fn check(
    administrator: Administrator,
    context: web::Data<Context>,
    checks: web::Data<TenantChecks>,
    Path(id): Path<TenantId>,
) -> Result<PageAnswer, Fault> {
    let tenant = find(&administrator, &context, &id).await?;
    let mut found = match checks.run(&context, &tenant).await {
        Ok(check) => check.findings,
        Err(CheckError::Directory(error)) => return Err(error.into()),
        Err(why @ (CheckError::Busy | CheckError::TooSlow)) => {
            let text = sentence(&why.to_string());
            let (remedy, retry_after) = (why.remedy(), CheckError::RETRY_AFTER);
            let outcome = CheckOutcome::NotMade { text: &text, remedy, retry_after };
            return Ok(page(&administrator, &tenant, outcome));
        }
    };
    found.sort_by_key(|finding| Reverse(finding.severity));
    let findings: Vec<_> = found.iter().map(entry).collect();
    let outcome = CheckOutcome::Made { at: Timestamp::now(), findings: &findings };
    Ok(page(&administrator, &tenant, outcome))
}

fn page(administrator: &Administrator, tenant: &TenantRecord, outcome: CheckOutcome<'_>) -> PageAnswer {
    let (frame, name) = (administrator.frame(None), tenant.name.as_deref());
    PageAnswer(TenantChecked { frame, id: &tenant.id, name, outcome }.page())
}

fn entry(finding: &TenantFinding) -> CheckFinding<'_> {
    let TenantFinding { severity, code, about, found, fix } = finding;
    let severity = match severity {
        TenantSeverity::Hint => CheckSeverity::Hint,
        TenantSeverity::Warning => CheckSeverity::Warning,
        TenantSeverity::Error => CheckSeverity::Error,
    };
    let fix = portal_fix(code).unwrap_or(fix);
    CheckFinding { severity, code, about, found, fix, fixed_at: fixed_at(code) }
}

/// What to do in the portal, where [`TenantFinding::fix`] names a command. The link of [`fixed_at`] follows it.
fn portal_fix(code: &str) -> Option<&'static str> {
    Some(match code {
        "tenant-suspended" => "Resume the tenant.",
        "tenant-deleted" => "Restore the tenant.",
        "host-none" => "Propose one, or let routers of a common host require the tenant.",
        "host-provable" | "domain-provable" => "Have Gatepost look for the record: that confirms it.",
        "host-unproved" | "domain-unproved" => {
            "Put the record into the zone, then have Gatepost look for it."
        }
        "host-unrouted" => "Name a service, unless Traefik has a router for the host in its files.",
        "service-unknown" => "Add the service to GATEPOST_SERVICES, or name another one.",
        "provider-secret" => "Enter the provider's secret again.",
        "provider-refused" => "Make a new secret at the provider, and enter it.",
        "domain-none" => "Propose the domains of its addresses, and confirm them.",
        "member-none" => "Add members, invite somebody, or let a group open the tenant.",
        "admin-none" => "Give somebody the role of an administrator, or invite one.",
        "admin-invited" => "Ask them to open their link, or make another one.",
        _ => return None,
    })
}

/// The page where a finding of this kind is fixed. `None`: it is fixed at the DNS.
fn fixed_at(code: &str) -> Option<FixedAt> {
    match code {
        "tenant-suspended" => Some(FixedAt::Suspension),
        "host-unrouted" | "service-unknown" => Some(FixedAt::Settings),
        "host-none" | "host-configured" | "host-unreachable" | "host-provable" | "host-unproved"
        | "host-refused" => Some(FixedAt::Hosts),
        "provider-not-in-tier"
        | "provider-secret"
        | "provider-unusable"
        | "provider-refused"
        | "domain-none"
        | "domain-provable"
        | "domain-unproved" => Some(FixedAt::SignIn),
        "member-none" | "admin-none" => Some(FixedAt::Members),
        "admin-invited" => Some(FixedAt::Invitations),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_that_a_page_can_fix_leads_there() {
        let elsewhere: Vec<_> =
            rows().map(|(code, _)| code).filter(|code| fixed_at(code).is_none()).collect();
        // A deleted tenant has no such page.
        assert_eq!(elsewhere, ["tenant-deleted", "host-unresolved", "dns-silent"]);
    }

    #[test]
    fn a_page_names_no_command() {
        for (code, row) in rows() {
            assert_eq!(portal_fix(code).is_some(), row.contains("gatepost tenant"), "{row}");
            assert!(!portal_fix(code).is_some_and(|fix| fix.contains("gatepost tenant")), "{code}");
        }
    }

    /// The findings of the document, each with its row.
    fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
        let document = include_str!("../../../../docs/tenants.md");
        let (_, table) = document.split_once("| finding | severity |").expect("the table of findings");
        table.lines().filter_map(|row| Some((row.strip_prefix("| `")?.split('`').next()?, row)))
    }
}
