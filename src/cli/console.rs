//! What administrative commands work on: the same parts as `serve`, opened in the same way, without its lock.
//!
//! Guarantee: it creates nothing, and refuses a schema that this program does not know exactly.

use super::error::CommandError;
use crate::app::{self, State};
use gatepost_config::{Config, StoresConfig};
use gatepost_core::administration::Scope;
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
            SchemaState::Current => Ok(Self { state, actor, conditions }),
            SchemaState::Behind => Err(CommandError::OldSchema),
            SchemaState::Newer => Err(DirectoryError::NewerSchema.into()),
        }
    }

    /// Makes a change, under the conditions that the command line names.
    pub(super) async fn carry_out<C: Applicable>(
        &self,
        change: &C,
    ) -> Result<Done<C::Outcome>, CommandError> {
        Ok(self.state.admin.carry_out(change, self.conditions, &self.actor).await?)
    }

    /// Finds a person in the directory.
    pub(super) async fn find_user(&self, key: &UserKey) -> Result<UserRecord, CommandError> {
        let found = self.state.stores.directory.find_user(&Scope::System, key).await?;
        found.ok_or_else(|| DirectoryError::UnknownUser(key.clone()).into())
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
