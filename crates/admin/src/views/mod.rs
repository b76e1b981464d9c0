//! The JSON of people, groups, tenants, sessions and the audit. The API and `--json` of the command line print the same
//! objects. Names of members do not change; new ones may come.

mod access;
mod access_csv;
mod access_keys;
mod applications;
mod audit;
mod branding;
mod changes;
mod csv;
mod groups;
mod invitations;
mod keys;
mod people;
mod personal;
mod requests;
mod stores;
mod tenant_data;
mod tenant_proposals;
mod tenant_providers;
mod tenants;
mod tool_servers;
mod usage;

pub use access::{
    AccessList, AccessRequirement, AccessWay, OpenHost, OpenRequirement, OpenTenant, Openable, Opener,
};
pub use access_csv::CSV_HEADER;
pub use access_keys::{KeyWay, OpeningKey, OpeningKeyList};
pub use applications::{Application, ApplicationList};
pub use audit::{AuditEntry, AuditHead};
pub use branding::{Branding, BrandingChange};
pub use changes::{
    AddressRelease, AdminChange, GroupChange, LinkChange, MappingChange, MemberChange, MembersChange,
    SessionEnd, SessionsEnd, TenantChange, TenantMemberChange, UserChange, UserErasure,
};
pub use groups::{Group, Link, Member};
pub use invitations::{Invitation, InvitationChange, InvitationList, NewInvitation};
pub use keys::{Key, KeyChange, LookedUpKey, NewKey};
pub use people::{Admin, AdminEntry, Identity, Session, User, UserDetails};
pub use personal::{
    FormerAddress, PersonalActivity, PersonalData, PersonalInvitation, PersonalRefusal, PersonalRequest,
};
pub use requests::{AccessRequest, RequestChange};
pub use stores::{DirectoryStore, SessionStore, StoresView};
pub use tenant_data::{TenantData, ToolServerData};
pub use tenant_proposals::{OwnProposal, OwnProposals, ProposalChange, TenantProposal};
pub use tenant_providers::{TenantDomain, TenantProvider, TenantProviderChange};
pub use tenants::{
    MeterPrice, ProofRecord, Tenant, TenantHost, TenantHostChange, TenantMember, TenantWritten, Tier,
    TierPrices,
};
pub use tool_servers::{ToolRule, ToolRuleChange, ToolServer, ToolServerChange};
pub use usage::{BilledMeter, TenantBill, TenantUsage, UsagePeriod};

use gatepost_core::access::Role;
use gatepost_core::calendar::rfc3339;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::TenantId;
use std::collections::BTreeMap;

fn time(at: Option<Timestamp>) -> Option<String> {
    at.map(rfc3339)
}

fn text<T: ToString>(value: Option<&T>) -> Option<String> {
    value.map(ToString::to_string)
}

fn roles(tenants: &BTreeMap<TenantId, Role>) -> BTreeMap<String, String> {
    tenants.iter().map(|(id, role)| (id.to_string(), role.to_string())).collect()
}
