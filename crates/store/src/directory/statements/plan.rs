//! Carries out a plan: each step is the single change that the command line makes too, and notes that `gatepost apply`
//! manages the row.

use super::group_changes;
use super::managed::{self, APPLY};
use super::members::{self, MANUAL};
use super::tenant_changes::find_for_update;
use super::{Apply, Connection, LockKey, Result, held, naming, tenant_life, tool_servers, users};
use crate::directory::actor::Actor;
use crate::directory::changes::{
    AddMember, AddToolRule, ApplyPlan, CreateGroup, CreateKey, CreateTenant, DeleteGroup, DeleteTenant,
    DeleteTier, Done, KeyUpdate, LinkGroup, MapGroup, RemoveToolRule, RenameTenant, RevokeKey, SetAdmin,
    SetTier, UnlinkGroup, UnmapGroup, UpdateKey,
};
use crate::directory::error::DirectoryError;
use crate::directory::files::{
    Action, DeclaredKey, DeclaredRule, KeyPlace, MOST_STEPS, Step, Thing, difference,
};
use crate::directory::keys::KeyHolder;
use crate::directory::records::UserKey;
use gatepost_core::administration::{Granted, Version};
use gatepost_core::api_key::{KeyId, KeyLimits};
use gatepost_core::ids::{GroupName, TenantId};
use gatepost_core::mcp::pattern::Subject;
use gatepost_core::mcp::rules::Holder;
use gatepost_core::tenant::TenantState;
use std::time::Duration;

impl Apply for ApplyPlan {
    type Locked = ();

    /// A plan is up to [`MOST_STEPS`] changes of a few statements each. A step takes 1 to 5 ms, and more on a busy machine.
    const TIMEOUT: Duration = Duration::from_mins(2);

    /// Of two that run at the same time the second sees what the first has done.
    fn locks(&self) -> Vec<LockKey> {
        let keys = self.plan.steps.iter().filter_map(|step| match &step.thing {
            Thing::Key { place: KeyPlace { tenant: Some(tenant), .. }, .. } => {
                Some(LockKey::of(&["keys of tenant", tenant.as_str()]))
            }
            _ => None,
        });
        [LockKey::of(&["configuration as files"])].into_iter().chain(keys).collect()
    }

    /// Compares what has to be done now with what somebody has agreed to.
    async fn lock(&self, connection: &mut Connection) -> Result<((), Option<Version>)> {
        if self.plan.steps.len() > MOST_STEPS {
            return Err(DirectoryError::PlanTooLong(self.plan.steps.len(), MOST_STEPS));
        }
        naming::lock_names(connection).await?;
        let held = held::read(connection, self.declared.has_members()).await?;
        let now = difference(&self.declared, &held);
        match self.plan.first_difference(&now) {
            None => Ok(((), None)),
            Some(step) => Err(DirectoryError::PlanOvertaken(step.to_string())),
        }
    }

    async fn write(
        granted: Granted<&Self>,
        (): (),
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<()>> {
        let plan = &granted.change().plan;
        for step in &plan.steps {
            let mut work = Work { granted: &granted, step, connection: &mut *connection, actor };
            work.carry_out().await?;
        }
        Ok(Done { changed: !plan.is_empty(), version: None, outcome: () })
    }
}

/// One step, and what it needs.
struct Work<'a> {
    granted: &'a Granted<&'a ApplyPlan>,
    step: &'a Step,
    connection: &'a mut Connection,
    actor: &'a Actor,
}

impl Work<'_> {
    async fn carry_out(&mut self) -> Result<()> {
        match self.step.action {
            Action::Create | Action::Change => {
                self.set().await?;
                self.manage(Some(APPLY)).await
            }
            Action::TakeOver => self.hand_over(Some(APPLY)).await,
            Action::Release => self.hand_over(None).await,
            Action::Delete => self.delete().await,
        }
    }

    async fn set(&mut self) -> Result<()> {
        match self.step.thing.clone() {
            Thing::Group(name) => self.make(&CreateGroup { name }).await,
            Thing::Link { group, external } => {
                let change = LinkGroup::new(group.into(), external, &self.granted.change().config)?;
                self.make(&change).await
            }
            Thing::Tenant { id, name } if self.step.action == Action::Create => {
                self.erase_deleted_tenant(&id).await?;
                self.make(&CreateTenant { id, name }).await
            }
            Thing::Tenant { id, name } => self.make(&RenameTenant { id, name }).await,
            Thing::Mapping { tenant, group, role } => {
                self.make(&MapGroup { group: group.into(), tenant, role }).await
            }
            Thing::Member { group, user, until } => {
                self.make(&AddMember { group: group.into(), user, until }).await
            }
            Thing::Admin { user, is_admin, until } => {
                self.make(&SetAdmin { user, is_admin: Some(is_admin), until }).await
            }
            Thing::Tier { id, terms } => self.make(&SetTier { id, terms }).await,
            Thing::Rule { rule, .. } => self.add_rule(rule).await,
            Thing::Key { place, key, id } => self.set_key(place, key, id).await,
        }
    }

    async fn delete(&mut self) -> Result<()> {
        match self.step.thing.clone() {
            Thing::Group(name) => self.delete_group(name).await,
            Thing::Link { external, .. } => {
                let change = UnlinkGroup::new(external, &self.granted.change().config);
                self.make(&change).await
            }
            Thing::Tenant { id, .. } => self.delete_tenant(id).await,
            Thing::Mapping { tenant, group, .. } => {
                self.make(&UnmapGroup { group: group.into(), tenant }).await
            }
            Thing::Member { group, user, .. } => self.remove_member(&group, &user).await,
            Thing::Admin { user, .. } => self.make(&SetAdmin { user, is_admin: None, until: None }).await,
            Thing::Tier { id, .. } => self.make(&DeleteTier { id }).await,
            Thing::Rule { rule: DeclaredRule { server, .. }, id: Some(rule) } => {
                let tenant = tool_servers::tenant_of(self.connection, &server).await?;
                self.make(&RemoveToolRule { server, tenant, rule }).await
            }
            Thing::Key { place: KeyPlace { tenant, .. }, id: Some(id), .. } => {
                self.make(&RevokeKey { id, holder: KeyHolder { tenant, owner: None } }).await
            }
            Thing::Rule { id: None, .. } | Thing::Key { id: None, .. } => Err(self.overtaken()),
        }
    }

    /// Makes the single change, if the thing has the version that the plan was made for. A link has none: nobody else
    /// changes one under `lock_names`.
    async fn make<C: Apply>(&mut self, change: &C) -> Result<()> {
        let granted = self.granted.part(change);
        let (locked, version) = change.lock(self.connection).await?;
        if !matches!(self.step.thing, Thing::Link { .. }) && version != self.step.seen {
            return Err(self.overtaken());
        }
        C::write(granted, locked, self.connection, self.actor).await.map(drop)
    }

    /// Makes a key whose secret nobody learns, or changes one. Scopes and groups do not change.
    async fn set_key(&mut self, place: KeyPlace, key: DeclaredKey, id: Option<KeyId>) -> Result<()> {
        let expiry = key.expiry();
        let DeclaredKey { scopes, groups, hosts, networks, tools, requests_per_minute, .. } = key;
        let holder = KeyHolder { tenant: place.tenant, owner: None };
        let limits = KeyLimits {
            scopes: scopes.into_iter().collect(),
            hosts: hosts.into_iter().collect(),
            networks: networks.into_iter().collect(),
            tools: tools.into_iter().collect(),
            requests_per_minute,
            ..KeyLimits::default()
        };
        // Whoever made the plan has asked the configuration about the hosts.
        let faults = Vec::new();
        if let Some(id) = id {
            let (hosts, networks, tools) = (Some(limits.hosts), Some(limits.networks), Some(limits.tools));
            let (requests_per_minute, expiry) = (Some(requests_per_minute), Some(expiry));
            let new = KeyUpdate { name: None, hosts, networks, tools, requests_per_minute, expiry, faults };
            return self.make(&UpdateKey { id, holder, new }).await;
        }
        let groups = groups.into_iter().collect();
        let name = place.name.parse().map_err(DirectoryError::unreadable)?;
        self.make(&CreateKey { name, holder, limits, groups, expiry, faults }).await
    }

    /// A rule that somebody has meanwhile added is theirs.
    async fn add_rule(&mut self, declared: DeclaredRule) -> Result<()> {
        let DeclaredRule { server, kind, holder, pattern } = declared;
        let subject = match holder {
            Holder::Everyone => Subject::Everyone,
            Holder::Role(role) => Subject::Role(role),
            Holder::Key(id) => Subject::Key(id),
            Holder::Group(name) => {
                Subject::Group(group_changes::find_known(self.connection, &name.into()).await?.id)
            }
            Holder::Nobody => Subject::DeletedGroup,
        };
        let tenant = tool_servers::tenant_of(self.connection, &server).await?;
        let change = AddToolRule { server, tenant, subject, kind, pattern };
        let (found, _) = change.lock(self.connection).await?;
        if found.is_some() { Err(self.overtaken()) } else { self.make(&change).await }
    }

    /// A plan does not see a tenant that was deleted. Files that declare its id again declare a new tenant: what the deleted
    /// one had must not come back with it.
    async fn erase_deleted_tenant(&mut self, id: &TenantId) -> Result<()> {
        let found = find_for_update(self.connection, id).await?;
        if found.is_some_and(|found| found.state == TenantState::Deleted) {
            tenant_life::erase(self.connection, self.actor, id, None).await?;
        }
        Ok(())
    }

    fn overtaken(&self) -> DirectoryError {
        DirectoryError::PlanOvertaken(self.step.to_string())
    }

    /// A provider whose names are trusted may have taken the name over when its link was removed. The group stays then.
    async fn delete_group(&mut self, name: GroupName) -> Result<()> {
        let change = DeleteGroup { group: name.into() };
        change.lock(self.connection).await?;
        self.demand_managed_mappings(
            "SELECT EXISTS (SELECT 1 FROM group_tenants t JOIN groups g ON g.id = t.group_id \
             WHERE g.name = $1 AND t.managed_by IS NULL)",
            change.group.to_string(),
        )
        .await?;
        match self.make(&change).await {
            Err(DirectoryError::GroupLinked(_)) => self.hand_over(None).await,
            result => result,
        }
    }

    async fn delete_tenant(&mut self, id: TenantId) -> Result<()> {
        let change = DeleteTenant { id };
        change.lock(self.connection).await?;
        self.demand_managed_mappings(
            "SELECT EXISTS (SELECT 1 FROM group_tenants WHERE tenant_id = $1 AND managed_by IS NULL)",
            change.id.to_string(),
        )
        .await?;
        self.make(&change).await
    }

    /// Demands that no administrator has meanwhile given access that would go with the thing. Call when it is locked.
    async fn demand_managed_mappings(&mut self, others: &'static str, thing: String) -> Result<()> {
        let has_others: bool =
            sqlx::query_scalar(others).bind(thing).fetch_one(&mut *self.connection).await?;
        if has_others { Err(self.overtaken()) } else { Ok(()) }
    }

    /// Removes the manual membership alone. What a provider or a directory asserts stays.
    async fn remove_member(&mut self, group: &GroupName, key: &UserKey) -> Result<()> {
        let group = group_changes::find_known(self.connection, &group.clone().into()).await?;
        let user = users::find_known(self.connection, key).await?;
        let sources = members::delete_manual(self.connection, group.id, user.id, Some(MANUAL)).await?;
        if sources.is_empty() {
            return Err(self.overtaken());
        }
        members::note_deleted(self.connection, self.actor, &group.name, user.id, &sources).await
    }

    async fn manage(&mut self, manager: Option<&str>) -> Result<()> {
        if managed::set(self.connection, &self.step.thing, manager).await? {
            Ok(())
        } else {
            Err(self.overtaken())
        }
    }

    /// Changes nothing but who manages the thing.
    async fn hand_over(&mut self, manager: Option<&str>) -> Result<()> {
        self.manage(manager).await?;
        managed::note(self.connection, self.actor, &self.step.thing, manager).await
    }
}
