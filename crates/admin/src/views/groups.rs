//! Groups, their links and their members.

use super::{roles, text, time};
use gatepost_store::directory::{GroupLink, GroupRecord, MemberRecord};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A group.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Group {
    /// A number, which stays when the name changes.
    #[schema(example = "42")]
    pub id: String,
    pub name: String,
    /// Counts the changes of the name.
    #[schema(example = "v7")]
    pub version: String,
    /// How many people are in it, as far as they were counted.
    pub members: u64,
    /// There are more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_more_members: bool,
    /// The providers' groups that it stands for.
    pub links: Vec<Link>,
    /// The tenants that it opens, each with the role.
    pub tenants: BTreeMap<String, String>,
}

impl From<&GroupRecord> for Group {
    fn from(group: &GroupRecord) -> Self {
        Self {
            id: group.id.to_string(),
            name: group.name.to_string(),
            version: group.version.to_string(),
            members: group.members.number,
            has_more_members: group.members.is_more,
            links: group.links.iter().map(Link::from).collect(),
            tenants: roles(&group.tenants),
        }
    }
}

/// A provider's group that a group here stands for.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Link {
    pub provider: String,
    /// `group` or `role`.
    pub kind: String,
    pub external_id: String,
    /// The provider's name for it.
    pub display_name: Option<String>,
    /// `auto`, `trusted`, `config` or `manual`.
    pub source: String,
}

impl From<&GroupLink> for Link {
    fn from(link: &GroupLink) -> Self {
        Self {
            provider: link.external.provider.to_string(),
            kind: link.external.kind.as_str().to_owned(),
            external_id: link.external.external_id.clone(),
            display_name: link.display_name.clone(),
            source: link.source.as_str().to_owned(),
        }
    }
}

/// A member of a group.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Member {
    #[schema(format = "uuid")]
    pub id: String,
    pub email: Option<String>,
    pub name: Option<String>,
    /// Who says so: `manual`, `scim`, or the id of a provider.
    pub sources: Vec<String>,
    /// When it ends. `null`: never, by one source at least.
    #[schema(format = DateTime)]
    pub until: Option<String>,
}

impl From<&MemberRecord> for Member {
    fn from(member: &MemberRecord) -> Self {
        Self {
            id: member.id.to_string(),
            email: text(member.email.as_ref()),
            name: member.name.clone(),
            sources: member.sources.iter().cloned().collect(),
            until: time(member.until),
        }
    }
}
