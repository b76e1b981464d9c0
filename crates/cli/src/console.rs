//! What administrative commands work on: the same parts as `serve`, opened in the same way, without its lock; or an
//! installation elsewhere, behind its API.
//!
//! Guarantee: it creates nothing, and refuses a schema that this program does not know exactly. Where an installation
//! elsewhere is named, no store here is opened.

use super::error::CommandError;
use super::only_here::OnlyHere;
use super::remote::{Api, ApiError, Remote};
use super::report::{Report, rfc3339};
use crate::program::{Here, Program};
use gatepost_admin::SessionError;
use gatepost_admin::views::{Group, Tenant, UserDetails};
use gatepost_config::{Config, RemoteConfig, StoresConfig};
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::{GroupName, TenantId, UserId};
use gatepost_store::directory::changes::{LinkGroup, UnlinkGroup};
use gatepost_store::directory::{
    Actor, Applicable, Conditions, Directory, DirectoryError, Done, Page, Place, SchemaState, TenantRecord,
    UserKey,
};
use serde::de::DeserializeOwned;

/// The number of rows in one query.
const PAGE: u32 = 500;

/// What carries changes and questions.
#[derive(Debug)]
enum Carrier {
    /// The opened stores.
    Stores(Here),
    /// An installation elsewhere.
    Api(Api),
}

/// What a command works on, and who runs it.
#[derive(Debug)]
pub(super) struct Console {
    carrier: Carrier,
    pub(super) actor: Actor,
    pub(super) conditions: Conditions,
}

impl Console {
    pub(super) async fn open(
        program: Program,
        config: Config,
        actor: Actor,
        conditions: Conditions,
    ) -> Result<Self, CommandError> {
        if let StoresConfig::Embedded { file } = &config.stores
            && !file.exists()
        {
            return Err(CommandError::NoFile(std::path::absolute(file).unwrap_or_else(|_| file.clone())));
        }
        let here = (program.open)(config)?;
        match here.stores.directory.schema_state().await? {
            SchemaState::Current => {
                here.stores.directory.refuse_half_of_a_copy().await?;
                Ok(Self { carrier: Carrier::Stores(here), actor, conditions })
            }
            SchemaState::Behind => Err(CommandError::OldSchema),
            SchemaState::Newer => Err(DirectoryError::NewerSchema.into()),
        }
    }

    /// Works on an installation elsewhere.
    pub(super) fn elsewhere(
        config: &RemoteConfig,
        actor: Actor,
        conditions: Conditions,
    ) -> Result<Self, CommandError> {
        Ok(Self { carrier: Carrier::Api(Api::new(config)?), actor, conditions })
    }

    /// The stores here, for a command that has asked for [`Self::api`] before.
    pub(super) fn here(&self) -> Result<&Here, CommandError> {
        self.only_here(OnlyHere::Machine)
    }

    /// The stores here, for what the API does not have.
    pub(super) fn only_here(&self, what: OnlyHere) -> Result<&Here, CommandError> {
        match &self.carrier {
            Carrier::Stores(here) => Ok(here),
            Carrier::Api(_) => Err(CommandError::OnlyHere(what)),
        }
    }

    /// What the configuration here says, if the stores here are worked on. One elsewhere asks its own.
    pub(super) fn configured_here(&self) -> Option<&gatepost_admin::Context> {
        self.here().ok().map(|here| &*here.admin)
    }

    /// The installation elsewhere, if one is named.
    pub(super) const fn api(&self) -> Option<&Api> {
        match &self.carrier {
            Carrier::Stores(_) => None,
            Carrier::Api(api) => Some(api),
        }
    }

    /// Makes a change, under the conditions that the command line names.
    pub(super) async fn carry_out<C: Applicable + Remote>(
        &self,
        change: &C,
    ) -> Result<Done<C::Told>, CommandError> {
        if let Some(api) = self.api() {
            return self.sent(Box::pin(change.send(api, self.conditions)).await);
        }
        let Done { changed, version, outcome } = self.carry_out_here(change).await?;
        Ok(Done { changed, version, outcome: C::told(outcome) })
    }

    /// Makes a change in the stores here.
    pub(super) async fn carry_out_here<C: Applicable>(
        &self,
        change: &C,
    ) -> Result<Done<C::Outcome>, CommandError> {
        let done = self.here()?.admin.carry_out(change, self.conditions, &self.actor).await;
        done.map_err(|error| self.explain_overtaken(error.into()))
    }

    /// What became of a change elsewhere.
    pub(super) fn sent<T>(&self, sent: Result<T, ApiError>) -> Result<T, CommandError> {
        sent.map_err(|error| self.explain_overtaken(error.into()))
    }

    /// Links a name to a provider's group. Returns whether anything is different.
    pub(super) async fn link_group(
        &self,
        name: &GroupName,
        external: &ExternalGroup,
    ) -> Result<bool, CommandError> {
        if let Some(api) = self.api() {
            return self.sent(Box::pin(api.link_group(name, external, self.conditions)).await);
        }
        let change = LinkGroup::new(name.clone().into(), external.clone(), &self.here()?.site.config)?;
        Ok(self.carry_out_here(&change).await?.changed)
    }

    /// Removes a link.
    pub(super) async fn unlink_group(&self, external: &ExternalGroup) -> Result<(), CommandError> {
        if let Some(api) = self.api() {
            return self.sent(Box::pin(api.unlink_group(external, self.conditions)).await);
        }
        let change = UnlinkGroup::new(external.clone(), &self.here()?.site.config);
        self.carry_out_here(&change).await.map(drop)
    }

    /// Names both versions, the one that was expected and the one that is there.
    pub(super) fn explain_overtaken(&self, error: CommandError) -> CommandError {
        match error {
            CommandError::Directory(DirectoryError::Overtaken(now))
            | CommandError::Api(ApiError::Directory(DirectoryError::Overtaken(now)))
            | CommandError::Session(SessionError::Directory(DirectoryError::Overtaken(now))) => {
                CommandError::Overtaken { wanted: self.conditions.if_version, now }
            }
            error => error,
        }
    }

    /// The result of a command, which says so if nothing was changed.
    pub(super) fn finish(&self, report: Report) -> Report {
        if self.conditions.is_dry_run { report.of_dry_run() } else { report }
    }

    /// One of two texts: what has been done, or what would be done without `--dry-run`.
    pub(super) const fn either<'a>(&self, done: &'a str, would: &'a str) -> &'a str {
        if self.conditions.is_dry_run { would } else { done }
    }

    /// A note below the result of a change, which a dry run does not have.
    pub(super) fn note(&self, note: &str) -> String {
        if self.conditions.is_dry_run { String::new() } else { format!("\n{note}") }
    }

    /// Finds the person whom a change concerned.
    pub(super) async fn find_subject(&self, key: &UserKey) -> Result<Subject, CommandError> {
        match self.find_user(key).await {
            Ok(user) => Ok(Subject {
                name: user.called(),
                is_awaited: user.details.identities.is_empty(),
                user: Some(user),
            }),
            // A dry run leaves no placeholder behind.
            Err(CommandError::Directory(DirectoryError::UnknownUser(_)))
                if self.conditions.is_dry_run && matches!(key, UserKey::Email(_)) =>
            {
                Ok(Subject { name: key.to_string(), is_awaited: true, user: None })
            }
            Err(error) => Err(error),
        }
    }

    /// Finds a person.
    pub(super) async fn find_user(&self, key: &UserKey) -> Result<Known, CommandError> {
        let details = match &self.carrier {
            Carrier::Stores(here) => {
                let found = here.stores.directory.find_user(&Scope::System, key).await?;
                found.as_ref().map(UserDetails::from)
            }
            Carrier::Api(api) => Box::pin(api.find_user(key)).await?,
        };
        let details = details.ok_or_else(|| DirectoryError::UnknownUser(key.clone()))?;
        // An installation elsewhere names people by their ids too.
        let id = details.user.id.parse().map_err(|_| DirectoryError::UnknownUser(key.clone()))?;
        Ok(Known { id, details })
    }

    /// Adds when memberships end.
    pub(super) async fn add_ends(&self, user: &mut Known) -> Result<(), CommandError> {
        let [groups, tenants] = match &self.carrier {
            Carrier::Stores(here) => {
                let ends = here.stores.directory.list_ends(user.id).await?;
                [ends.groups, ends.tenants]
                    .map(|ends| ends.into_iter().map(|(name, end)| (name, rfc3339(end))).collect())
            }
            Carrier::Api(api) => api.list_ends(user.id).await?,
        };
        user.details.group_ends = Some(groups);
        user.details.tenant_ends = Some(tenants);
        Ok(())
    }

    /// Finds a group.
    pub(super) async fn find_group(&self, name: &GroupName) -> Result<Group, CommandError> {
        let key = name.clone().into();
        let found = match &self.carrier {
            Carrier::Stores(here) => {
                here.stores.directory.find_group(&Scope::System, &key).await?.as_ref().map(Group::from)
            }
            Carrier::Api(api) => Box::pin(api.find_group(&key)).await?,
        };
        found.ok_or_else(|| DirectoryError::UnknownGroup(key).into())
    }

    /// Finds a tenant.
    pub(super) async fn find_tenant(&self, id: &TenantId) -> Result<Tenant, CommandError> {
        let found = match &self.carrier {
            Carrier::Stores(here) => {
                here.stores.directory.find_tenant(&Scope::System, id).await?.as_ref().map(Tenant::from)
            }
            Carrier::Api(api) => api.find_tenant(id).await?,
        };
        found.ok_or_else(|| DirectoryError::UnknownTenant(id.clone()).into())
    }

    /// The record of a tenant here, for what the parts here compute about it.
    pub(super) async fn find_tenant_here(&self, id: &TenantId) -> Result<TenantRecord, CommandError> {
        let found = self.here()?.stores.directory.find_tenant(&Scope::System, id).await?;
        Ok(found.ok_or_else(|| DirectoryError::UnknownTenant(id.clone()))?)
    }

    /// Reads all pages of a list: of the API, from its path and with its filters; of the directory, by `page`.
    pub(super) async fn list<R, V>(
        &self,
        (path, filters): (&[&str], &[(&str, &str)]),
        page: impl AsyncFn(&Directory, Option<Place>, u32) -> Result<Page<R>, DirectoryError>,
    ) -> Result<Vec<V>, CommandError>
    where
        V: for<'a> From<&'a R> + DeserializeOwned,
    {
        let directory = match &self.carrier {
            Carrier::Stores(here) => &here.stores.directory,
            Carrier::Api(api) => return Ok(Box::pin(api.list(path, filters)).await?),
        };
        let mut all = Vec::new();
        let mut place = None;
        loop {
            let found = page(directory, place, PAGE).await?;
            all.extend(found.items.iter().map(V::from));
            place = found.next;
            if place.is_none() {
                return Ok(all);
            }
        }
    }

    /// The time there, which decides when something ends.
    pub(super) async fn clock(&self) -> Result<Timestamp, CommandError> {
        match &self.carrier {
            Carrier::Stores(here) => Ok(here.stores.directory.clock().await?),
            Carrier::Api(api) => Ok(api.clock().await?),
        }
    }
}

/// A person who is there.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) id: UserId,
    pub(super) details: UserDetails,
}

impl Known {
    /// The name of the person in a result: the address, else the id.
    pub(super) fn called(&self) -> String {
        self.details.user.email.clone().unwrap_or_else(|| self.id.to_string())
    }
}

/// The person whom a change concerned.
#[derive(Debug)]
pub(super) struct Subject {
    /// The address, else the id.
    pub(super) name: String,
    /// Nobody has signed in with this address yet.
    pub(super) is_awaited: bool,
    /// What the directory says about the person. `None`: a dry run would create them.
    pub(super) user: Option<Known>,
}

impl Subject {
    /// The id; `None`: a dry run would create the person.
    pub(super) fn id(&self) -> Option<String> {
        self.user.as_ref().map(|user| user.id.to_string())
    }

    /// The groups and roles that make the person an admin.
    pub(super) fn admin_reasons(&self) -> Vec<String> {
        let admin = self.user.as_ref().and_then(|user| user.details.admin.clone());
        admin.map(|admin| admin.reasons).unwrap_or_default()
    }

    /// The address, if the person has one.
    pub(super) fn email(&self) -> Option<String> {
        match &self.user {
            Some(user) => user.details.user.email.clone(),
            None => Some(self.name.clone()),
        }
    }
}

/// What a change does not end: Traefik asks ForwardAuth only when a request starts.
macro_rules! what_goes_on {
    () => {
        "\
        Open streams and WebSockets stay open until the application or the proxy closes them.\n\
        Open WebUI's own token expires after its JWT_EXPIRES_IN: 12h if it is set as in docs/open-webui.md, else four weeks."
    };
}

/// The note after a command that ends sessions.
pub(super) const WHAT_GOES_ON: &str = concat!("New requests are refused within a second.\n", what_goes_on!());

/// The note after a command that takes a group, a tenant or a role from somebody, who may have access by another.
pub(super) const WHAT_GOES_ON_WITH_LESS_ACCESS: &str =
    concat!("The change applies to new requests within a second.\n", what_goes_on!());
