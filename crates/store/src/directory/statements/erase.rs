//! Erasing a person on demand, and what is read to tell them what is held about them.

use super::forget;
use super::users::{self, UserRow};
use super::{
    Apply, Connection, Result, Store, ended_keys, erasures, open_invitations, present, refusals, usage,
};
use crate::directory::actor::Actor;
use crate::directory::changes::{Done, EraseUser};
use crate::directory::error::DirectoryError;
use crate::directory::records::{FormerAddress, Traces, UserKey};
use gatepost_core::administration::{Granted, Version};
use gatepost_core::ids::UserId;

impl Apply for EraseUser {
    type Locked = UserRow;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        users::lock_known(connection, &UserKey::Id(self.user)).await
    }

    async fn write(
        granted: Granted<&Self>,
        user: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<UserId>> {
        let named = user.email.as_ref().map_or_else(|| user.id.to_string(), ToString::to_string);
        if granted.change().confirm != named {
            return Err(DirectoryError::NotConfirmed);
        }
        let gone = forget::erase(connection, user.id).await?;
        ended_keys::note(connection, actor, &gone.keys, "owner_erased").await?;
        let now = present(connection).await?;
        erasures::note_users(connection, &[user.id], now).await?;
        erasures::note_users(connection, &gone.merged, now).await?;
        users::note(connection, actor, "user.erase", user.id, None, None).await?;
        Ok(Done::changed(None, user.id))
    }
}

impl Store {
    /// What is held about a person, beside what the other reads show.
    pub(in crate::directory) async fn find_traces(&self, id: UserId) -> Result<Traces> {
        reading!(self, |connection| {
            let sql = "SELECT email, until FROM former_addresses WHERE user_id = $1 ORDER BY until, email";
            let former_addresses: Vec<FormerAddress> =
                sqlx::query_as(sql).bind(id.to_string()).fetch_all(&mut *connection).await?;
            let invitations = open_invitations::list_of_person(&mut *connection, id).await?;
            let active_days = usage::list_days_of(&mut *connection, id).await?;
            let refusals = refusals::list_of(connection, id).await?;
            Ok(Traces { former_addresses, invitations, refusals, active_days })
        })
    }
}
