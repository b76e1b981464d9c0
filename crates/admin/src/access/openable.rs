//! What one person can open: the hosts whose requirements are known, and the tenants.

use super::ways::{self, Setters, Way};
use super::{Asked, asked, judge};
use crate::Context;
use gatepost_core::administration::{Matter, Scope};
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::{SessionTimes, SignInReason, require_live};
use gatepost_core::host::HostName;
use gatepost_core::ids::UserId;
use gatepost_store::directory::access::Named;
use gatepost_store::directory::{DirectoryError, TenantWay, UserSummary};

/// What a person can open.
#[derive(Clone, Debug)]
pub struct Openable {
    pub user: UserSummary,
    /// Why the person can open nothing at all: disabled, or without an address.
    pub obstacle: Option<SignInReason>,
    pub hosts: Vec<OpenHost>,
    /// The ways by which the person may enter tenants.
    pub tenants: Vec<TenantWay>,
    /// The person is an administrator and may enter every tenant. `None` for readers who may not know of it.
    pub is_admin: Option<bool>,
    /// Entries of `GATEPOST_HOSTS` of which no requirement is known: nobody who was signed in asked for them lately.
    pub unknown_hosts: Vec<String>,
}

/// A host that a person can open.
#[derive(Clone, Debug)]
pub struct OpenHost {
    /// Scheme, host and port.
    pub origin: String,
    /// The requirements that the person meets. Several routers of a host may require different things.
    pub requirements: Vec<OpenRequirement>,
    /// How many requirements of the host the person does not meet.
    pub unmet: usize,
}

/// A requirement that the person meets.
#[derive(Clone, Debug)]
pub struct OpenRequirement {
    /// The query of the middleware's address.
    pub query: String,
    /// When a request showed it last, exact to about a day.
    pub seen_at: Option<Timestamp>,
    pub ways: Vec<Way>,
}

/// A requirement that requests to a protected host showed.
pub(super) struct Seen {
    pub(super) host: HostName,
    pub(super) origin: String,
    pub(super) asked: Asked,
}

impl Context {
    /// What a person can open. `None`: the person does not exist for the reader.
    pub async fn find_openable(
        &self,
        scope: &Scope,
        user: UserId,
    ) -> Result<Option<Openable>, DirectoryError> {
        let Some(mut found) = self.find_hosts(scope, user).await? else { return Ok(None) };
        let directory = &self.stores.directory;
        let setters = Setters::of(directory.list_setters(scope, &[user]).await?);
        for met in found.hosts.iter_mut().flat_map(|host| &mut host.requirements) {
            setters.add_to(user, &mut met.ways);
        }
        found.tenants = directory.list_tenant_ways(scope, user).await?;
        Ok(Some(found))
    }

    /// The same, without who decided it and without the tenants.
    async fn find_hosts(&self, scope: &Scope, user: UserId) -> Result<Option<Openable>, DirectoryError> {
        let directory = &self.stores.directory;
        let seen = self.list_seen(scope).await?;
        let mut named = Named::by(seen.iter().map(|seen| &seen.asked.requirement));
        named.admins = true;
        let relevant = directory.find_relevant(&named).await?;
        let Some(candidate) = directory.find_candidate(scope, &relevant, user).await? else {
            return Ok(None);
        };
        let (now, lifetimes) = (Timestamp::now(), &self.site.lifetimes);
        let times = SessionTimes::of_new_session(&candidate.standing, now);
        let obstacle = require_live(&candidate.standing, &times, lifetimes, now).err();
        let mut hosts: Vec<(HostName, OpenHost)> = Vec::new();
        for Seen { host, origin, asked } in seen {
            if hosts.last().is_none_or(|(last, _)| *last != host) {
                let empty = OpenHost { origin, requirements: Vec::new(), unmet: 0 };
                hosts.push((host, empty));
            }
            let Some((_, open)) = hosts.last_mut() else { continue };
            if judge(&asked.requirement, &candidate.standing, lifetimes, now).is_err() {
                open.unmet += 1;
                continue;
            }
            let met = std::iter::once(&asked.requirement);
            let ways = ways::of(scope, &relevant, &candidate.ways, &met, None);
            if ways.is_empty() && !scope.is_system() {
                // By a right that does not exist for the reader.
                open.unmet += 1;
                continue;
            }
            open.requirements.push(OpenRequirement { query: asked.query, seen_at: asked.seen_at, ways });
        }
        let knows_all = scope.allows(&Matter::Platform).is_ok();
        let mut known = hosts.iter().map(|(host, _)| host);
        let unknown_hosts = if knows_all { self.unknown_hosts(&mut known) } else { Vec::new() };
        let open = hosts.into_iter().map(|(_, host)| host).filter(|host| !host.requirements.is_empty());
        Ok(Some(Openable {
            hosts: open.collect(),
            tenants: Vec::new(),
            is_admin: knows_all.then_some(candidate.standing.access.is_admin),
            user: candidate.user,
            obstacle,
            unknown_hosts,
        }))
    }

    /// What a person can open, for the person: without who decided it.
    pub async fn find_own_openable(&self, user: UserId) -> Result<Option<Openable>, DirectoryError> {
        self.find_hosts(&Scope::System, user).await
    }

    /// The requirements that exist for the reader, by host.
    pub(super) async fn list_seen(&self, scope: &Scope) -> Result<Vec<Seen>, DirectoryError> {
        let mut known = Vec::new();
        for seen in self.stores.directory.list_requirements(None).await? {
            let Some(found) = self.hosts.find(&seen.host).await? else { continue };
            let asked = asked(scope, &found, seen.query, seen.seen_at);
            let origin = found.origin().to_string();
            known.extend(asked.map(|asked| Seen { host: seen.host, origin, asked }));
        }
        Ok(known)
    }

    /// The entries of `GATEPOST_HOSTS` to which none of these hosts belongs.
    pub(super) fn unknown_hosts(&self, known: &mut dyn Iterator<Item = &HostName>) -> Vec<String> {
        let known: Vec<&HostName> = known.collect();
        let patterns = self.site.config.hosts.iter();
        let unknown = patterns.filter(|pattern| !known.iter().any(|host| pattern.origin_of(host).is_some()));
        unknown.map(ToString::to_string).collect()
    }
}
