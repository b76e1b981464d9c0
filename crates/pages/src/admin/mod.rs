//! The portal: the pages for administrators.
//!
//! The handlers give these pages only what their reader may know; the pages decide nothing.

mod access;
mod audit;
mod audit_words;
mod changing;
mod ending;
mod ends;
mod entries;
mod form_errors;
mod forms;
mod group;
mod group_link;
mod group_removal;
mod groups;
mod home;
mod invitations;
mod keys;
mod new_group;
mod notice;
mod parts;
mod people;
mod person;
mod person_erasure;
mod place_notice;
mod proofs;
mod proposal_form;
mod proposals;
mod refusal;
mod refusals;
mod request;
mod requests;
mod state;
mod system;
mod tenant;
mod tenant_branding;
mod tenant_check;
mod tenant_hosts;
mod tenant_life;
mod tenant_removal;
mod tenant_settings;
mod tenant_sign_in;
mod tenant_usage;
mod tenants;
mod tools;
mod unknown_refusal;

pub use access::{
    Access, AccessAnswer, AccessForm, ApplicationEntry, ApplicationList, OpenerEntry, OpeningKeyEntry,
    RequirementEntry, WayEntry,
};
pub use audit::{Audit, AuditFilterWords, AuditRow};
pub use changing::{Again, Overtaken, Question, RefusedChange};
pub use ending::{EndingEntry, EndingSoon, EndingThing};
pub use ends::{EndChoice, EnteredEnd};
pub use entries::{
    AdminEntry, AdminSession, AuditEntry, ClaimedBy, IdentityEntry, MembershipEntry, PersonSummary,
    RefusalEntry, RefusedSignIn, TenantEntry, decided_words, joined_words, member_words,
};
pub use form_errors::FormErrors;
pub use forms::EnteredText;
pub use group::{GroupDetails, GroupEntered, LinkEntry, LinkStanding, MappedTenant, MemberEntry};
pub use group_link::{GroupLinking, SeenGroup};
pub use group_removal::{GroupDeletion, LinkRemoval};
pub use groups::{GroupEntry, Groups};
pub use home::{Attention, Credential, Found, Home, HomeNumbers, ReplicaTrouble};
pub use invitations::{InvitationEntry, TenantInvitations};
pub use keys::{
    EnteredKeyEnd, KeyChoices, KeyDetails, KeyEndChoice, KeyEntered, KeyFacts, KeyForm, KeyFormOf, KeyLookup,
    KeyMade, KeyPages, KeyRevocation, KeyRotation, KeyState, Keys, KeysOf, OVERLAPS,
};
pub use new_group::NewGroup;
pub use notice::PersonNotice;
pub use people::{CreatingForm, MembersOf, People, PersonEntry};
pub use person::{DecidingForm, JoiningForm, OpenEntry, PersonDetails, SystemDetails};
pub use person_erasure::PersonErasure;
pub use place_notice::PlaceNotice;
pub use proofs::{ProofEntry, WrongProof};
pub use proposal_form::{ProposalFault, ProposalForm};
pub use proposals::{ProposalNotice, TenantProposalDetails, TenantProposalEntry, TenantProposals};
pub use refusal::{GrantingForm, RefusalDetails};
pub use refusals::{RefusalFilterWords, Refusals};
pub use request::{
    AccessRequestDetails, AccessRequestEntry, Names, OtherDeciders, RequestDecision, RequestNotice,
};
pub use requests::AccessRequests;
pub use state::PersonState;
pub use system::{ProviderEntry, ReplicaEntry, StoreState, SystemState};
pub use tenant::{MappedGroup, TenantDetails, TenantEntered, TenantPersonEntry};
pub use tenant_branding::{LooksEntered, TenantLooks};
pub use tenant_check::{CheckFinding, CheckOutcome, CheckSeverity, FixedAt, TenantChecked};
pub use tenant_hosts::{HostBounds, TenantHosts};
pub use tenant_life::{DeletedTenant, Suspended, TenantSuspension};
pub use tenant_removal::TenantDeletion;
pub use tenant_settings::{AllowanceEntry, SettingsEntered, SettingsForm, TenantSettings};
pub use tenant_sign_in::{ProviderEntered, ProviderFacts, ProviderRemoval, TenantSignIn};
pub use tenant_usage::{MonthMeter, MonthOfTenant};
pub use tenants::{TenantSummary, Tenants};
pub use tools::{
    ListedEntry, RuleEntered, RuleQuestion, ToolRuleEntry, ToolServerDeletion, ToolServerDetails,
    ToolServerEdit, ToolServerEntered, ToolServerFacts, ToolServers, ToolsAnswer, ToolsListed,
};
pub use unknown_refusal::UnknownRefusal;
