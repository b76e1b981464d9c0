//! What the directory holds of what files can declare, with versions and with who manages it.

use super::keys::{DeclaredKey, KeyPlace};
use super::rules::DeclaredRule;
use crate::directory::records::UserKey;
use gatepost_core::access::Role;
use gatepost_core::administration::Version;
use gatepost_core::api_key::KeyId;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::{GroupName, TenantId, TierId, ToolRuleId, ToolServerId, UserId};
use gatepost_core::mcp::rules::Holder as RuleHolder;
use gatepost_core::tier::TierTerms;
use std::collections::{BTreeMap, BTreeSet};

/// What the directory holds at one moment.
#[derive(Clone, Debug)]
pub struct Held {
    /// The moment, by the database's clock.
    pub now: Timestamp,
    pub groups: BTreeMap<GroupName, HeldGroup>,
    /// The links that administrators made. Those of the configuration are not among them.
    pub links: BTreeMap<ExternalGroup, HeldLink>,
    pub tenants: BTreeMap<TenantId, HeldTenant>,
    pub admins: Vec<HeldAdmin>,
    /// Those that were set here. What comes with Gatepost as it is is not among them.
    pub tiers: BTreeMap<TierId, HeldTier>,
    pub rules: Vec<HeldRule>,
    /// The tool servers that there are.
    pub servers: BTreeSet<ToolServerId>,
    /// The keys that count and have no owner.
    pub keys: Vec<HeldKey>,
}

/// A group.
#[derive(Clone, Debug)]
pub struct HeldGroup {
    pub version: Version,
    pub is_managed: bool,
    /// Whose it is, beside administrators.
    pub used_by: UsedBy,
    /// How many people are in it, if it is managed.
    pub people: u64,
    /// The manual members, if they were asked for.
    pub members: Vec<HeldMember>,
}

/// Who uses a group's name, beside administrators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsedBy {
    Nobody,
    /// The configuration names it.
    Configuration,
    /// A provider's group bears the name without a link.
    Provider,
    /// The same, but that group leaves the name as soon as an administrator uses it.
    Unlinked,
}

/// A link that an administrator made.
#[derive(Clone, Debug)]
pub struct HeldLink {
    pub group: GroupName,
    pub is_managed: bool,
}

/// A tenant.
#[derive(Clone, Debug)]
pub struct HeldTenant {
    pub name: Option<String>,
    pub version: Version,
    pub is_managed: bool,
    /// How many members it has by itself.
    pub people: u64,
    pub groups: BTreeMap<GroupName, HeldMapping>,
}

/// A group's access to a tenant.
#[derive(Clone, Debug)]
pub struct HeldMapping {
    pub role: Role,
    pub version: Version,
    pub is_managed: bool,
}

/// A tier.
#[derive(Clone, Debug)]
pub struct HeldTier {
    pub terms: TierTerms,
    pub version: Version,
    pub is_managed: bool,
    /// A tenant has it.
    pub is_used: bool,
}

/// A rule of a tool server.
#[derive(Clone, Debug)]
pub struct HeldRule {
    pub id: ToolRuleId,
    pub rule: DeclaredRule,
    pub is_managed: bool,
}

/// An API key that has no owner.
#[derive(Clone, Debug)]
pub struct HeldKey {
    pub id: KeyId,
    pub place: KeyPlace,
    pub key: DeclaredKey,
    pub version: Version,
    pub is_managed: bool,
}

row! {
    /// A person to whom something was given.
    #[derive(Clone, Debug)]
    pub struct Holder {
        pub user_id: UserId,
        pub email: Option<EmailAddress>,
        /// Addresses that providers assert for the person, and that nobody else holds here.
        pub asserted: BTreeSet<String>,
        pub until: Option<Timestamp>,
        pub version: Version,
        pub is_managed: bool,
    }
}

impl Holder {
    /// The texts with which a file may name this person, as on the command line.
    pub(super) fn names(&self) -> Vec<String> {
        let own = [Some(self.user_id.to_string()), self.email.as_ref().map(ToString::to_string)];
        own.into_iter().flatten().chain(self.asserted.iter().cloned()).collect()
    }

    /// How a file names this person.
    pub fn key(&self) -> UserKey {
        self.email.clone().map_or(UserKey::Id(self.user_id), UserKey::Email)
    }
}

/// A manual member.
pub type HeldMember = Holder;

/// An explicit decision about a system administrator.
#[derive(Clone, Debug)]
pub struct HeldAdmin {
    pub holder: Holder,
    pub is_admin: bool,
}

impl Held {
    /// The groups that the configuration, a provider or an administrator uses by more than their members.
    pub(super) fn groups_of_others(&self) -> BTreeSet<&GroupName> {
        let named = self.groups.iter().filter(|(_, group)| group.used_by != UsedBy::Nobody);
        let linked = self.links.values().filter(|link| !link.is_managed).map(|link| &link.group);
        let mappings = self.tenants.values().flat_map(|tenant| &tenant.groups);
        let mapped = mappings.filter(|(_, mapping)| !mapping.is_managed).map(|(name, _)| name);
        let by_hand = self.rules.iter().filter(|rule| !rule.is_managed);
        let ruled = by_hand.filter_map(|rule| match &rule.rule.holder {
            RuleHolder::Group(name) => Some(name),
            _ => None,
        });
        let keys = self.keys.iter().filter(|key| !key.is_managed);
        let keyed = keys.flat_map(|key| &key.key.groups);
        named.map(|(name, _)| name).chain(linked).chain(mapped).chain(ruled).chain(keyed).collect()
    }
}

impl HeldTenant {
    /// Whether an administrator has given a group access to it.
    pub(super) fn is_opened_by_others(&self) -> bool {
        self.groups.values().any(|mapping| !mapping.is_managed)
    }
}
