//! Who can open something, and what somebody can open.

use super::groups::Link;
use super::people::User;
use super::time;
use crate::access::{self, By, Question};
use gatepost_core::access::Role;
use gatepost_core::calendar::rfc3339;
use gatepost_core::decision::SignInReason;
use gatepost_core::ids::TenantId;
use gatepost_store::directory::{By as TenantBy, MembershipSource, TenantWay};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Who can open it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AccessList {
    pub items: Vec<Opener>,
    /// The value of `after` for the next page. `null`: this is the last one.
    pub next: Option<String>,
    /// What is asked for: one of these is enough. Empty: it is not known what the routers of the host require.
    pub requirements: Vec<AccessRequirement>,
    /// Groups that are required and do not exist.
    pub unknown_groups: Vec<String>,
    /// Tenants that are required and do not exist.
    pub unknown_tenants: Vec<String>,
}

impl AccessList {
    pub fn new(question: &Question, openers: &[access::Opener], next: Option<String>) -> Self {
        Self {
            items: openers.iter().map(|opener| Opener::new(question, opener)).collect(),
            next,
            requirements: question.requirements.iter().map(AccessRequirement::from).collect(),
            unknown_groups: question.unknown_groups().iter().map(ToString::to_string).collect(),
            unknown_tenants: question.unknown_tenants().iter().map(ToString::to_string).collect(),
        }
    }
}

/// A requirement of a router.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AccessRequirement {
    /// The query after `/verify?` in the middleware's address.
    #[schema(example = "group=MCP-GitHub")]
    pub query: String,
    /// When a request showed it last, exact to about a day. `null`: it is what was asked.
    #[schema(format = DateTime)]
    pub seen_at: Option<String>,
}

impl From<&access::Asked> for AccessRequirement {
    fn from(asked: &access::Asked) -> Self {
        Self { query: asked.query.clone(), seen_at: time(asked.seen_at) }
    }
}

/// Somebody who can open it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Opener {
    #[serde(flatten)]
    pub user: User,
    /// The requirements that the person meets.
    pub requirements: Vec<String>,
    pub ways: Vec<AccessWay>,
}

impl Opener {
    fn new(question: &Question, opener: &access::Opener) -> Self {
        let met = opener.meets.iter().map(|place| question.requirements[*place].query.clone());
        Self {
            user: (&opener.user).into(),
            requirements: met.collect(),
            ways: opener.ways.iter().map(AccessWay::from).collect(),
        }
    }
}

/// What lets somebody in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AccessWay {
    /// `sign_in`, `group`, `tenant` or `admin`.
    #[schema(value_type = String, example = "group")]
    pub by: Cow<'static, str>,
    /// The group, for whoever may know of groups.
    pub group: Option<String>,
    /// Who says so: `manual`, `invitation`, `scim`, or the id of a provider.
    pub source: Option<String>,
    /// The provider's group behind it.
    pub link: Option<Link>,
    /// The tenants that it opens, of those that are asked for, each with the role.
    pub tenants: BTreeMap<String, String>,
    /// What makes the person an administrator: `group NAME`, `role PROVIDER:ROLE`. `null`: somebody decided it.
    pub reason: Option<String>,
    /// When it ends. `null`: never.
    #[schema(format = DateTime)]
    pub until: Option<String>,
    /// Who decided it, as far as the audit knows: an address, `cli:NAME`, `db:ROLE`.
    pub set_by: Option<String>,
    #[schema(format = DateTime)]
    pub set_at: Option<String>,
    /// The same in words.
    pub text: String,
}

impl From<&access::Way> for AccessWay {
    fn from(way: &access::Way) -> Self {
        let mut view = Self {
            by: "sign_in".into(),
            group: None,
            source: None,
            link: None,
            tenants: BTreeMap::new(),
            reason: None,
            until: time(way.until),
            set_by: way.set_by.as_ref().map(|set| set.actor.clone()),
            set_at: way.set_by.as_ref().map(|set| rfc3339(set.at)),
            text: way.text(),
        };
        match &way.by {
            By::SignIn => {}
            By::Group { group, source, opens, .. } => {
                view.by = "group".into();
                view.group = group.as_ref().map(ToString::to_string);
                (view.source, view.link) = source.as_ref().map_or((None, None), said);
                view.tenants = opens.iter().map(named).collect();
            }
            By::Tenant { tenant, role, source } => {
                view.by = "tenant".into();
                view.source = Some(source.clone());
                view.tenants = [(tenant.to_string(), role.to_string())].into();
            }
            By::Decision => view.by = "admin".into(),
            By::Reason(reason) => {
                view.by = "admin".into();
                view.reason = Some(reason.clone());
            }
        }
        view
    }
}

fn said(source: &MembershipSource) -> (Option<String>, Option<Link>) {
    match source {
        MembershipSource::Manual => (Some("manual".to_owned()), None),
        MembershipSource::Scim => (Some("scim".to_owned()), None),
        MembershipSource::Provider(link) => (Some(link.external.provider.to_string()), Some(link.into())),
    }
}

fn named((tenant, role): &(TenantId, Role)) -> (String, String) {
    (tenant.to_string(), role.to_string())
}

/// What somebody can open.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Openable {
    /// Why the person can open nothing at all: `disabled` or `no_address`.
    #[schema(value_type = Option<String>)]
    pub obstacle: Option<Cow<'static, str>>,
    /// Hosts, as far as it is known from requests of the last 30 days what their routers require.
    pub hosts: Vec<OpenHost>,
    /// The ways by which the person may enter tenants.
    pub tenants: Vec<OpenTenant>,
    /// The person is an administrator and may enter every tenant. `null` for readers who may not know of it.
    pub is_admin: Option<bool>,
    /// Entries of `GATEPOST_HOSTS` of which no requirement is known.
    pub unknown_hosts: Vec<String>,
}

impl From<&access::Openable> for Openable {
    fn from(openable: &access::Openable) -> Self {
        let obstacle = |reason| match reason {
            SignInReason::Disabled => "disabled",
            SignInReason::NoAddress => "no_address",
            SignInReason::NoSession | SignInReason::Ended | SignInReason::Expired => "signed_out",
        };
        Self {
            obstacle: openable.obstacle.map(obstacle).map(Cow::Borrowed),
            hosts: openable.hosts.iter().map(OpenHost::from).collect(),
            tenants: openable.tenants.iter().map(OpenTenant::from).collect(),
            is_admin: openable.is_admin,
            unknown_hosts: openable.unknown_hosts.clone(),
        }
    }
}

/// A host that somebody can open.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OpenHost {
    #[schema(example = "https://wiki.example.com")]
    pub origin: String,
    /// The requirements of its routers that the person meets.
    pub requirements: Vec<OpenRequirement>,
    /// How many requirements of its routers the person does not meet.
    pub unmet: usize,
}

impl From<&access::OpenHost> for OpenHost {
    fn from(host: &access::OpenHost) -> Self {
        let requirement = |open: &access::OpenRequirement| OpenRequirement {
            query: open.query.clone(),
            seen_at: time(open.seen_at),
            ways: open.ways.iter().map(AccessWay::from).collect(),
        };
        Self {
            origin: host.origin.clone(),
            requirements: host.requirements.iter().map(requirement).collect(),
            unmet: host.unmet,
        }
    }
}

/// A requirement that somebody meets.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OpenRequirement {
    pub query: String,
    #[schema(format = DateTime)]
    pub seen_at: Option<String>,
    pub ways: Vec<AccessWay>,
}

/// A way by which somebody may enter a tenant.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OpenTenant {
    pub tenant: String,
    pub role: String,
    /// The group that opens it. `null`: a membership in the tenant itself, or the reader may not know of groups.
    pub group: Option<String>,
    /// It is a membership in the tenant itself.
    pub is_direct: bool,
    #[schema(format = DateTime)]
    pub until: Option<String>,
}

impl From<&TenantWay> for OpenTenant {
    fn from(way: &TenantWay) -> Self {
        let group = match &way.by {
            TenantBy::Group(group) => group.as_ref().map(ToString::to_string),
            TenantBy::Direct(_) => None,
        };
        Self {
            tenant: way.tenant.to_string(),
            role: way.role.to_string(),
            group,
            is_direct: matches!(way.by, TenantBy::Direct(_)),
            until: time(way.until),
        }
    }
}
