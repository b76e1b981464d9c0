//! Checks that the groups and tenants in Traefik's middlewares exist in the directory.

use super::finding::{Finding, Place, codes};
use gatepost_core::requirement::Requirement;
use gatepost_store::directory::{Directory, DirectoryError};

codes! {
    GROUP_UNKNOWN = Warning "requirement-group-unknown":
        "Nobody is in this group, so everybody gets 403 on its routers.",
        "Correct the name in the address, or create the group with `gatepost group link NAME entra:ID`. A provider's group that is not linked has its id as its name; `gatepost group list` shows the names.";
    TENANT_UNKNOWN = Warning "requirement-tenant-unknown":
        "Only administrators pass; everybody else gets 403 on its routers.",
        "Correct the id in the address, or create the tenant with `gatepost tenant create ID`, and give a group access to it with `gatepost tenant map GROUP ID`.";
}

/// Checks all requirements. Errors of the directory are ignored here, because they are reported elsewhere.
pub(super) async fn inspect(directory: &Directory, requirements: &[(Requirement, Place)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (requirement, place) in requirements {
        if let Ok(own) = find_unknown(directory, requirement, place).await {
            findings.extend(own);
        }
    }
    findings
}

async fn find_unknown(
    directory: &Directory,
    requirement: &Requirement,
    place: &Place,
) -> Result<Vec<Finding>, DirectoryError> {
    let mut findings = Vec::new();
    for group in &requirement.groups {
        if !directory.group_exists(group).await? {
            findings.push(GROUP_UNKNOWN.at(place.clone(), format!("The directory has no group {group}.")));
        }
    }
    for tenant in &requirement.tenants {
        if !directory.tenant_exists(tenant).await? {
            findings.push(TENANT_UNKNOWN.at(place.clone(), format!("The directory has no tenant {tenant}.")));
        }
    }
    Ok(findings)
}
