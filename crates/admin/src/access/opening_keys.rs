//! The API keys that can open something. They are programs, so they are told apart from people.
//!
//! Guarantee: nothing is decided here. What the record of a key rules out is left out at once; about every other key the
//! directory is read as the gate reads it, and the gate's decisions are asked.

use super::tool::AskedTool;
use super::{Question, What};
use crate::Context;
use gatepost_core::access::{Access, Role, Standing};
use gatepost_core::administration::{Matter, Scope};
use gatepost_core::api_key::{KeyLimits, KeyScope, KeyUse};
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::{decide_for_person, decide_key, missing, require_active};
use gatepost_core::host::HostName;
use gatepost_core::ids::{GroupName, TenantId};
use gatepost_core::requirement::Requirement;
use gatepost_runtime::session_cache::standing_of;
use gatepost_runtime::site::Site;
use gatepost_store::directory::{DirectoryError, FoundKey, KeyFilter, KeyRecord, KeyStanding, Page, Place};
use std::collections::BTreeMap;

/// How many keys are read at once.
const RANGE: u32 = 500;

/// A key that can open it.
#[derive(Clone, Debug)]
pub struct OpeningKey {
    pub key: KeyRecord,
    /// Which requirements of the question it meets, by their place there.
    pub meets: Vec<usize>,
    pub ways: Vec<KeyWay>,
}

/// What lets a key in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyWay {
    /// Nothing is required but a caller whom the gate knows.
    Key,
    /// The key is in a group that is required, or to which a rule gives the tool.
    Group(GroupName),
    /// It is a key of a tenant that is required.
    Tenant(TenantId),
    /// A rule of the tool server gives this key the tool.
    Rule,
    /// A program may send requests for people with it. Each of them must be able to open it, too.
    People,
}

impl KeyWay {
    /// The way in words.
    pub fn text(&self) -> String {
        match self {
            Self::Key => "any key of this host is enough".to_owned(),
            Self::Group(name) => format!("the key is in group {name}"),
            Self::Tenant(id) => format!("a key of the tenant {id}"),
            Self::Rule => "a rule gives the tool to this key".to_owned(),
            Self::People => {
                "a program sends requests for people with it, who must be able to open it".to_owned()
            }
        }
    }
}

impl Context {
    /// Lists the keys that can open it, by id. Reads all keys up to the last of the page.
    pub async fn list_opening_keys(
        &self,
        scope: &Scope,
        question: &Question,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<OpeningKey>, DirectoryError> {
        if question.requirements.is_empty() {
            return Ok(Page::empty());
        }
        let directory = &self.stores.directory;
        let (now, mut items, mut after) = (Timestamp::now(), Vec::new(), after.cloned());
        let filter = KeyFilter { standing: Some(KeyStanding::Valid(now)), ..KeyFilter::default() };
        loop {
            let page = directory.search_keys(scope, &filter, after.as_ref(), RANGE).await?;
            for key in page.items.into_iter().filter(|key| question.may_be_open_to(key)) {
                let Some(found) = directory.find_key_of_id(key.id).await? else { continue };
                let caller = Program::new(&self.site, question, &found, now);
                let Some((meets, ways)) = caller.judge(scope) else { continue };
                if items.len() == limit as usize {
                    return Ok(Page { next: items.last().map(place_of), items });
                }
                items.push(OpeningKey { key, meets, ways });
            }
            after = page.next;
            if after.is_none() {
                return Ok(Page { items, next: None });
            }
        }
    }
}

fn place_of(opening: &OpeningKey) -> Place {
    opening.key.id.to_string().parse().expect("an id is a place in a list of keys")
}

impl Question {
    /// The host that it is about. `None`: any at which the key counts.
    fn host(&self) -> Option<&HostName> {
        match &self.what {
            What::Host(host) => Some(host),
            What::Tool(_) => self.tool.as_ref().map(AskedTool::host),
            What::Requirement(_) | What::Tenant(_) => None,
        }
    }

    /// Whether the record of a key alone does not rule it out. A key that sends requests for people needs nothing itself.
    fn may_be_open_to(&self, key: &KeyRecord) -> bool {
        let limits = &key.limits;
        if self.host().is_some_and(|host| !limits.hosts.contains(host)) {
            return false;
        }
        let tenants: BTreeMap<TenantId, Role> =
            key.tenant_id.iter().map(|id| (id.clone(), Role::Member)).collect();
        let access = Access { groups: key.groups.clone(), tenants: tenants.into(), ..Access::default() };
        let meets_one =
            || self.requirements.iter().any(|asked| missing(&asked.requirement, &access).is_none());
        limits.acts_for_people() || (limits.has(&KeyScope::Gate) && meets_one())
    }
}

/// The program that has a key, as the gate knows it.
struct Program<'a> {
    site: &'a Site,
    question: &'a Question,
    found: &'a FoundKey,
    standing: Standing,
    now: Timestamp,
}

impl<'a> Program<'a> {
    fn new(site: &'a Site, question: &'a Question, found: &'a FoundKey, now: Timestamp) -> Self {
        Self { site, question, found, standing: standing_of(site, found), now }
    }

    /// The requirements that the key meets, and its ways. `None`: it can open nothing of it.
    fn judge(&self, scope: &Scope) -> Option<(Vec<usize>, Vec<KeyWay>)> {
        let (mut meets, mut alone, mut for_people) = (Vec::new(), Vec::new(), false);
        for (place, asked) in self.question.requirements.iter().enumerate() {
            let requirement = &asked.requirement;
            let passes = self.passes_alone(requirement);
            let speaks = self.passes_for_people(requirement);
            if passes {
                alone.push(requirement);
            }
            if passes || speaks {
                meets.push(place);
            }
            for_people |= speaks;
        }
        let mut ways = if alone.is_empty() { Vec::new() } else { self.own_ways(scope, &alone) };
        ways.extend(for_people.then_some(KeyWay::People));
        (!meets.is_empty()).then_some((meets, ways))
    }

    /// The hosts about which the gate is asked.
    fn hosts(&self) -> &[HostName] {
        self.question.host().map_or(&self.found.limits.hosts, std::slice::from_ref)
    }

    fn limits(&self) -> &KeyLimits {
        &self.found.limits
    }

    /// A request to this host from where the key counts.
    fn request<'b>(&self, host: &'b HostName) -> KeyUse<'b> {
        KeyUse { now: self.now, host, client: self.limits().client_within() }
    }

    /// Whether the key itself may pass. One that only acts for people may look at tool servers, and use nothing of them.
    fn passes_alone(&self, requirement: &Requirement) -> bool {
        let passes =
            |host| decide_key(requirement, &self.standing, self.limits(), &self.request(host)).is_ok();
        let may_use = || self.question.tool.as_ref().is_none_or(|tool| tool.is_for_key(self.found));
        self.limits().has(&KeyScope::Gate) && self.hosts().iter().any(passes) && may_use()
    }

    /// Whether a person could pass for whom a program sends the request with this key: somebody who has all that is required.
    fn passes_for_people(&self, requirement: &Requirement) -> bool {
        let limits = self.limits();
        let counts = |host| {
            let is_heard = self.site.speakers.on(host).any(|one| limits.may_act_by(&one.config().id));
            is_heard && limits.check(&self.request(host)).is_ok()
        };
        let may_use = || self.question.tool.as_ref().is_none_or(|tool| tool.is_within(limits));
        let is_active = require_active(&self.found.access).is_ok();
        if !is_active || !self.hosts().iter().any(counts) || !may_use() {
            return false;
        }
        let mut groups = requirement.groups.clone();
        groups.sort_unstable();
        let tenants: BTreeMap<TenantId, Role> =
            requirement.all_tenants().map(|id| (id.clone(), Role::Admin)).collect();
        let everything = Access { groups, tenants: tenants.into(), ..Access::default() };
        // As the gate limits whoever sends a word with a key of a tenant.
        let own = self.found.tenant.as_ref();
        let within =
            own.map(|id| self.found.access.role_in(id).map(|_| id.clone()).into_iter().collect::<Vec<_>>());
        let access = everything.for_speaker(within.as_deref()).into();
        let person = Standing { access, ..self.standing.clone() };
        decide_for_person(requirement, &person, None, &self.site.lifetimes, self.now).is_ok()
    }

    /// The ways that count for the requirements which the key itself meets.
    fn own_ways(&self, scope: &Scope, met: &[&Requirement]) -> Vec<KeyWay> {
        let Access { groups, tenants, .. } = &*self.found.access;
        let tool = self.question.tool.as_ref();
        let asks_group = |name: &&GroupName| {
            met.iter().any(|requirement| requirement.groups.contains(name))
                || tool.is_some_and(|tool| tool.groups().contains(name))
        };
        let asks_tenant = |id: &&TenantId| {
            met.iter().any(|requirement| requirement.all_tenants().any(|asked| asked == *id))
        };
        let is_free = |requirement: &&Requirement| {
            requirement.groups.is_empty() && requirement.all_tenants().next().is_none()
        };
        let knows_groups = scope.allows(&Matter::Platform).is_ok();
        let mut ways = Vec::new();
        ways.extend(met.iter().any(is_free).then_some(KeyWay::Key));
        ways.extend(groups.iter().filter(|_| knows_groups).filter(asks_group).cloned().map(KeyWay::Group));
        ways.extend(tenants.ids().filter(asks_tenant).cloned().map(KeyWay::Tenant));
        ways.extend(tool.is_some_and(|tool| tool.has_rule_for(self.found)).then_some(KeyWay::Rule));
        ways
    }
}
