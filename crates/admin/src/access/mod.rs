//! Who can open this, and why: the gate's decision, made for everybody, with each person's ways.
//!
//! Guarantee: nothing is decided here. [`decide`] is asked as `/verify` asks it, about a session that the person starts
//! now. Memory is bounded: people are read in ranges, and of their memberships only those that matter.
//!
//! [`decide`]: gatepost_core::decision::decide

mod applications;
pub mod missing;
mod openable;
mod openers;
mod opening_keys;
mod tool;
mod ways;
mod words;

pub use applications::{Application, Applications};
pub use openable::{OpenHost, OpenRequirement, Openable};
pub use openers::Opener;
pub use opening_keys::{KeyWay, OpeningKey};
pub use tool::{ServersTool, ServersToolError};
pub use ways::{By, SetBy, Way};
pub use words::{set_by, source_of};

use self::tool::AskedTool;
use super::Context;
use gatepost_core::access::Standing;
use gatepost_core::administration::{Denied, Matter, Scope};
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::{Demand, Denial, Lifetimes, SessionTimes, decide};
use gatepost_core::host::{HostError, HostName};
use gatepost_core::ids::{GroupName, TenantId};
use gatepost_core::requirement::{Requirement, RequirementError};
use gatepost_runtime::hosts::Protected;
use gatepost_store::directory::DirectoryError;
use gatepost_store::directory::access::{Named, Relevant};

/// What is to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A host, with any of the requirements that requests for it showed.
    Host(HostName),
    /// What a router with this query in its middleware's address protects.
    Requirement(String),
    Tenant(TenantId),
    /// A tool of a tool server, behind a router that asks for its tenant.
    Tool(ServersTool),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Gatepost does not protect this host.
    #[error("{0} is not a protected host: GATEPOST_HOSTS does not name it, and no tenant has it")]
    UnprotectedHost(HostName),
    /// The text is no host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The query is not a valid requirement.
    #[error("the requirement is not valid")]
    Requirement(#[from] RequirementError),
    /// Also who may not ask this question, and an unknown tenant.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl From<Denied> for AccessError {
    fn from(denied: Denied) -> Self {
        Self::Directory(denied.into())
    }
}

/// A question that can be answered for everybody.
#[derive(Clone, Debug)]
pub struct Question {
    pub what: What,
    /// One of them is enough. Empty: it is not known what the routers of the host require.
    pub requirements: Vec<Asked>,
    /// The tool that must be given to them, too.
    tool: Option<AskedTool>,
    relevant: Relevant,
}

/// A requirement of a question.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The query of the middleware's address.
    pub query: String,
    pub requirement: Requirement,
    /// When a request showed it last. `None`: it is part of the question itself.
    pub seen_at: Option<Timestamp>,
}

impl Question {
    /// Groups that are required and do not exist: nobody is in them.
    pub fn unknown_groups(&self) -> Vec<&GroupName> {
        let names = self.requirements.iter().flat_map(|asked| &asked.requirement.groups);
        names.filter(|name| !self.relevant.has_group(name)).collect()
    }

    /// Tenants that are required and do not exist: nobody may enter them.
    pub fn unknown_tenants(&self) -> Vec<&TenantId> {
        let ids = self.requirements.iter().flat_map(|asked| asked.requirement.all_tenants());
        ids.filter(|id| !self.relevant.has_tenant(id)).collect()
    }
}

impl Context {
    /// Reads what the answer to a question depends on.
    ///
    /// # Errors
    /// [`AccessError`]. Administrators of tenants may ask about their tenants, and about requirements and hosts as far as
    /// these require nothing else.
    pub async fn ask(&self, scope: &Scope, what: What) -> Result<Question, AccessError> {
        let directory = &self.stores.directory;
        let mut tool = None;
        let requirements = match &what {
            What::Host(host) => self.requirements_of(scope, host).await?,
            What::Requirement(query) => {
                let requirement = Requirement::parse(query)?;
                allows(scope, &requirement)?;
                vec![Asked { query: query.clone(), requirement, seen_at: None }]
            }
            What::Tenant(id) => {
                if directory.find_tenant(scope, id).await?.is_none() {
                    return Err(DirectoryError::UnknownTenant(id.clone()).into());
                }
                let requirement = Requirement { tenants: vec![id.clone()], ..Requirement::default() };
                vec![Asked { query: format!("tenant={id}"), requirement, seen_at: None }]
            }
            What::Tool(asked) => {
                let (requirement, found) = self.find_tool(scope, asked).await?;
                tool = Some(found);
                vec![requirement]
            }
        };
        let mut named = Named::by(requirements.iter().map(|asked| &asked.requirement));
        named.groups.extend(tool.iter().flat_map(|tool| tool.groups().iter().cloned()));
        let relevant = directory.find_relevant(&named).await?;
        Ok(Question { what, requirements, tool, relevant })
    }

    async fn requirements_of(&self, scope: &Scope, host: &HostName) -> Result<Vec<Asked>, AccessError> {
        let found = self.hosts.find(host).await.map_err(DirectoryError::from)?;
        let Some(found) = found else { return Err(AccessError::UnprotectedHost(host.clone())) };
        let seen = self.stores.directory.list_requirements(Some(host)).await?;
        Ok(seen.into_iter().filter_map(|seen| asked(scope, &found, seen.query, seen.seen_at)).collect())
    }
}

/// A requirement that a request showed. `None`: it is not one, or does not exist for the reader.
fn asked(scope: &Scope, host: &Protected<'_>, query: String, seen_at: Timestamp) -> Option<Asked> {
    let requirement = Requirement::parse(&query).ok()?.at(host.tenant(), None);
    allows(scope, &requirement).ok()?;
    Some(Asked { query, requirement, seen_at: Some(seen_at) })
}

/// Whether somebody may know who meets a requirement. Groups and administrators do not exist for the administrators of
/// tenants.
fn allows(scope: &Scope, requirement: &Requirement) -> Result<(), Denied> {
    if requirement.admin || !requirement.groups.is_empty() {
        return scope.allows(&Matter::Platform);
    }
    requirement.all_tenants().try_for_each(|id| scope.allows(&Matter::Tenant(id.clone())))
}

/// What `/verify` would say to a person who signs in at `now`.
fn judge(
    requirement: &Requirement,
    standing: &Standing,
    lifetimes: &Lifetimes,
    now: Timestamp,
) -> Result<(), Denial> {
    let demand = Demand { now, requirement, is_cross_origin: false, may_redirect: false };
    decide(&demand, standing, &SessionTimes::of_new_session(standing, now), lifetimes).map(drop)
}
