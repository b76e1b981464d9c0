//! What administrative commands work on: the same parts as `serve`, opened in the same way, without its lock.
//!
//! Guarantee: it creates nothing, and refuses a schema that this program does not know exactly.

use super::error::CommandError;
use super::report::Report;
use crate::admin::SessionError;
use crate::app::{self, State};
use gatepost_config::{Config, StoresConfig};
use gatepost_core::administration::Scope;
use gatepost_core::ids::UserId;
use gatepost_store::directory::{
    Actor, AdminStanding, Applicable, Conditions, DirectoryError, Done, Page, Place, SchemaState, UserKey,
    UserRecord,
};

/// The number of rows in one query.
const PAGE: u32 = 500;

/// The opened stores, and who runs the command.
#[derive(Debug)]
pub(super) struct Console {
    pub(super) state: State,
    pub(super) actor: Actor,
    pub(super) conditions: Conditions,
}

impl Console {
    pub(super) async fn open(
        config: Config,
        actor: Actor,
        conditions: Conditions,
    ) -> Result<Self, CommandError> {
        if let StoresConfig::Embedded { file } = &config.stores
            && !file.exists()
        {
            return Err(CommandError::NoFile(std::path::absolute(file).unwrap_or_else(|_| file.clone())));
        }
        let state = app::build(config)?;
        match state.stores.directory.schema_state().await? {
            SchemaState::Current => {
                state.stores.directory.refuse_half_of_a_copy().await?;
                Ok(Self { state, actor, conditions })
            }
            SchemaState::Behind => Err(CommandError::OldSchema),
            SchemaState::Newer => Err(DirectoryError::NewerSchema.into()),
        }
    }

    /// Makes a change, under the conditions that the command line names.
    pub(super) async fn carry_out<C: Applicable>(
        &self,
        change: &C,
    ) -> Result<Done<C::Outcome>, CommandError> {
        let done = self.state.admin.carry_out(change, self.conditions, &self.actor).await;
        done.map_err(|error| self.explain_overtaken(error.into()))
    }

    /// Names both versions, the one that was expected and the one that is there.
    pub(super) fn explain_overtaken(&self, error: CommandError) -> CommandError {
        match error {
            CommandError::Directory(DirectoryError::Overtaken(now))
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
                id: Some(user.summary.id),
                name: called(&user),
                is_awaited: is_awaited(&user),
                user: Some(user),
            }),
            // A dry run leaves no placeholder behind.
            Err(CommandError::Directory(DirectoryError::UnknownUser(_)))
                if self.conditions.is_dry_run && matches!(key, UserKey::Email(_)) =>
            {
                Ok(Subject { id: None, name: key.to_string(), is_awaited: true, user: None })
            }
            Err(error) => Err(error),
        }
    }

    /// Finds a person in the directory.
    pub(super) async fn find_user(&self, key: &UserKey) -> Result<UserRecord, CommandError> {
        let found = self.state.stores.directory.find_user(&Scope::System, key).await?;
        found.ok_or_else(|| DirectoryError::UnknownUser(key.clone()).into())
    }
}

/// The person whom a change concerned.
#[derive(Debug)]
pub(super) struct Subject {
    /// `None`: a dry run would create the person.
    pub(super) id: Option<UserId>,
    /// The address, else the id.
    pub(super) name: String,
    /// Nobody has signed in with this address yet.
    pub(super) is_awaited: bool,
    /// What the directory says about the person.
    pub(super) user: Option<UserRecord>,
}

impl Subject {
    /// The groups and roles that make the person an admin.
    pub(super) fn admin_reasons(&self) -> Vec<String> {
        self.user.as_ref().map_or_else(Vec::new, |user| admin_of(user).reasons)
    }

    /// The address, if the person has one.
    pub(super) fn email(&self) -> Option<String> {
        match &self.user {
            Some(user) => user.summary.email.as_ref().map(ToString::to_string),
            None => Some(self.name.clone()),
        }
    }
}

/// Reads all pages of a list.
pub(super) async fn listed_in_pages<T>(
    page: impl AsyncFn(Option<Place>, u32) -> Result<Page<T>, DirectoryError>,
) -> Result<Vec<T>, DirectoryError> {
    let mut all: Vec<T> = Vec::new();
    let mut place = None;
    loop {
        let found = page(place, PAGE).await?;
        all.extend(found.items);
        place = found.next;
        if place.is_none() {
            return Ok(all);
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

/// The name of a person in a result: the address, else the id.
pub(super) fn called(user: &UserRecord) -> String {
    user.summary.email.as_ref().map_or_else(|| user.summary.id.to_string(), ToString::to_string)
}

/// Whether a person is an admin, and why. Nothing is hidden from the command line.
pub(super) fn admin_of(user: &UserRecord) -> AdminStanding {
    user.admin.clone().unwrap_or_default()
}

/// Whether nobody has signed in with this address yet.
pub(super) fn is_awaited(user: &UserRecord) -> bool {
    user.identities.is_empty()
}
