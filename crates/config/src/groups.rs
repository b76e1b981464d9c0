//! Reads the groups of the configuration: links to providers' groups, and the groups and roles that make
//! administrators.
//!
//! A reference to a provider that is not configured is an error: otherwise a typing error would leave a group without
//! members.

use super::error::shown;
use super::reader::{Read, Reader, Separator};
use super::{EntraTenant, ProviderConfig, ProviderKind};
use gatepost_core::identity::{ExternalGroup, GroupKind};
use gatepost_core::ids::GroupName;
use std::collections::BTreeMap;

const LINK: &str = "NAME=PROVIDER:ID, or NAME=PROVIDER:role:NAME for an app role";
const NAMES: &str = "names of groups, 1 to 256 characters each, no control characters";
const ROLES: &str = "app roles as in PROVIDER:ROLE";
const DEFAULT_ADMINS: &str = "MCP-Admin";

/// The settings that this module reads.
pub(super) struct Groups {
    pub links: Vec<(GroupName, ExternalGroup)>,
    pub admins: Vec<GroupName>,
    pub admin_roles: Vec<ExternalGroup>,
}

/// Reads the settings. `providers` is `None` if the providers' settings have errors.
pub(super) fn read(reader: &mut Reader, providers: Option<&[ProviderConfig]>) -> Read<Groups> {
    let links = read_links(reader, providers);
    let admin_groups = reader.list("admin_groups", NAMES, Separator::Comma, |text| text.parse().ok());
    let admin_roles = reader.list("admin_roles", ROLES, Separator::Comma, role);
    let admin_roles = admin_roles.map(Option::unwrap_or_default);
    if let Ok(roles) = &admin_roles {
        are_known(reader, "admin_roles", roles, providers)?;
    }
    let default = || DEFAULT_ADMINS.parse().into_iter().collect();
    Ok(Groups { links: links?, admins: admin_groups?.unwrap_or_else(default), admin_roles: admin_roles? })
}

fn read_links(
    reader: &mut Reader,
    providers: Option<&[ProviderConfig]>,
) -> Read<Vec<(GroupName, ExternalGroup)>> {
    let pairs = reader.pairs("groups", LINK)?;
    let mut fault = None;
    let mut links: BTreeMap<ExternalGroup, GroupName> = BTreeMap::new();
    let mut list = Vec::new();
    for (name, group) in pairs {
        let (Ok(name), Ok(group)) = (name.parse::<GroupName>(), group.parse::<ExternalGroup>()) else {
            fault = Some(reader.malformed("groups", shown(&format!("{name}={group}")), LINK));
            continue;
        };
        if let Some(other) = links.insert(group.clone(), name.clone()) {
            fault = Some(reader.contradiction(
                "groups",
                format!("{group} is linked to {other} and to {name}, but a group can only have one name"),
            ));
        }
        list.push((name, group));
    }
    let groups: Vec<ExternalGroup> = links.into_keys().collect();
    let known = are_known(reader, "groups", &groups, providers);
    fault.map_or(known, Err).map(|()| list)
}

/// Checks that each group's provider is configured, and that a role names its tenant where that is required.
fn are_known(
    reader: &mut Reader,
    key: &str,
    groups: &[ExternalGroup],
    providers: Option<&[ProviderConfig]>,
) -> Read<()> {
    let Some(providers) = providers else { return Ok(()) };
    let mut known = Ok(());
    for group in groups {
        let provider = providers.iter().find(|provider| provider.id == group.provider);
        let why = match provider {
            None => {
                let ids: Vec<&str> = providers.iter().map(|provider| provider.id.as_str()).collect();
                format!("{group} names a provider that is not configured: expected one of {}", ids.join(", "))
            }
            Some(provider) => match provider.check_role(group) {
                Ok(()) => continue,
                Err(error) => error.to_string(),
            },
        };
        known = Err(reader.contradiction(key, why));
    }
    known
}

/// A role that does not name its tenant, at a provider with several tenants.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} does not name the role's tenant: with several tenants expected TENANT-ID/ROLE as role, the tenant one of {1}"
)]
pub struct RoleWithoutTenant(ExternalGroup, String);

impl ProviderConfig {
    /// Checks that a role names its tenant if the provider has several: each tenant has its own roles.
    ///
    /// # Errors
    /// The role names no tenant, or one that may not sign in.
    pub fn check_role(&self, group: &ExternalGroup) -> Result<(), RoleWithoutTenant> {
        let ProviderKind::Entra { tenant: EntraTenant::Several { allowed, .. }, .. } = &self.kind else {
            return Ok(());
        };
        let names_tenant = group
            .external_id
            .split_once('/')
            .is_some_and(|(tid, role)| !role.is_empty() && allowed.iter().any(|one| one == tid));
        if names_tenant || group.kind != GroupKind::Role {
            Ok(())
        } else {
            Err(RoleWithoutTenant(group.clone(), allowed.join(", ")))
        }
    }
}

/// Reads `PROVIDER:ROLE`, or `PROVIDER:role:ROLE` as in links.
fn role(text: &str) -> Option<ExternalGroup> {
    let (provider, role) = text.split_once(':')?;
    let role = role.strip_prefix("role:").unwrap_or(role);
    let group: ExternalGroup = format!("{provider}:role:{role}").parse().ok()?;
    (group.kind == GroupKind::Role).then_some(group)
}
