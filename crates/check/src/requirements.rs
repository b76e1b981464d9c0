//! Groups and tenants that Traefik's middlewares require, against those that the directory knows.

use super::finding::{Finding, Place, codes};
use gatepost_core::requirement::Requirement;
use gatepost_store::directory::{Directory, DirectoryError};

codes! {
    GROUP_UNKNOWN = Warning "requirement-group-unknown":
        "Nobody is in this group: everybody gets 403 on its routers.",
        "Correct the name in the address, or make the group with `gatepost group link NAME entra:ID`. A provider's group that is not linked bears its id; `gatepost group list` shows its name here.";
    TENANT_UNKNOWN = Warning "requirement-tenant-unknown":
        "Only admins get in: everybody else gets 403 on its routers.",
        "Correct the id in the address, or make the tenant with `gatepost tenant create ID` and open it with `gatepost tenant map GROUP ID`.";
}

/// A directory that fails now was found to fail already.
pub(super) async fn look(directory: &Directory, requirements: &[(Requirement, Place)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (requirement, place) in requirements {
        if let Ok(own) = unknown(directory, requirement, place).await {
            findings.extend(own);
        }
    }
    findings
}

async fn unknown(
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
