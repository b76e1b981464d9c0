//! Groups by configuration: links of providers' groups, and what makes an admin.
//!
//! Only configured providers may be named: a typing error must not leave a group without its members unnoticed.

use super::error::shown;
use super::reader::{Read, Reader, Separator};
use crate::domain::identity::{ExternalGroup, GroupKind};
use crate::domain::ids::{GroupName, ProviderId};
use std::collections::BTreeMap;

const LINK: &str = "NAME=PROVIDER:ID, or NAME=PROVIDER:role:NAME for an app role";
const NAMES: &str = "names of groups, 1 to 256 characters each, no control characters";
const ROLES: &str = "app roles as in PROVIDER:ROLE";
const DEFAULT_ADMINS: &str = "MCP-Admin";

/// The part of the configuration that this module reads.
pub(super) struct Groups {
    pub links: Vec<(GroupName, ExternalGroup)>,
    pub admins: Vec<GroupName>,
    pub admin_roles: Vec<ExternalGroup>,
}

/// `ids`: the configured providers, `None` if they could not be read.
pub(super) fn read(reader: &mut Reader, ids: Option<&[ProviderId]>) -> Read<Groups> {
    let links = read_links(reader, ids);
    let admin_groups = reader.list("admin_groups", NAMES, Separator::Comma, |text| text.parse().ok());
    let admin_roles = reader.list("admin_roles", ROLES, Separator::Comma, role);
    let admin_roles = admin_roles.map(Option::unwrap_or_default);
    if let Ok(roles) = &admin_roles {
        providers_exist(reader, "admin_roles", roles, ids)?;
    }
    let default = || DEFAULT_ADMINS.parse().into_iter().collect();
    Ok(Groups { links: links?, admins: admin_groups?.unwrap_or_else(default), admin_roles: admin_roles? })
}

fn read_links(reader: &mut Reader, ids: Option<&[ProviderId]>) -> Read<Vec<(GroupName, ExternalGroup)>> {
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
                format!("{group} is linked to {other} and to {name}: a group has one name"),
            ));
        }
        list.push((name, group));
    }
    let groups: Vec<ExternalGroup> = links.into_keys().collect();
    let exist = providers_exist(reader, "groups", &groups, ids);
    fault.map_or(exist, Err).map(|()| list)
}

fn providers_exist(
    reader: &mut Reader,
    key: &str,
    groups: &[ExternalGroup],
    ids: Option<&[ProviderId]>,
) -> Read<()> {
    let Some(ids) = ids else { return Ok(()) };
    let configured = ids.iter().map(ProviderId::as_str).collect::<Vec<_>>().join(", ");
    let mut exist = Ok(());
    for group in groups.iter().filter(|group| !ids.contains(&group.provider)) {
        let why = format!("{group} is of no configured provider: expected one of {configured}");
        exist = Err(reader.contradiction(key, why));
    }
    exist
}

/// `PROVIDER:ROLE`, or `PROVIDER:role:ROLE` as links write it.
fn role(text: &str) -> Option<ExternalGroup> {
    let (provider, role) = text.split_once(':')?;
    let role = role.strip_prefix("role:").unwrap_or(role);
    let group: ExternalGroup = format!("{provider}:role:{role}").parse().ok()?;
    (group.kind == GroupKind::Role).then_some(group)
}
