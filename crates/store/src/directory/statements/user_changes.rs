//! What administrators change about people.

use super::sessions::move_not_before;
use super::users::{self, UserRow};
use super::{Apply, Connection, Result, ended_keys, present};
use crate::directory::actor::Actor;
use crate::directory::changes::{CreateUser, DisableUser, Done, EnableUser, EndSessions};
use crate::directory::records::{UserKey, UserSummary};
use gatepost_core::administration::{Granted, Version};
use gatepost_core::api_key::KeyId;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::UserId;
use serde_json::json;
use std::time::Duration;

impl Apply for CreateUser {
    type Locked = Option<UserRow>;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        let found = users::find_for_change(connection, &UserKey::Email(self.email.clone())).await?;
        let version = found.as_ref().map(|found| found.version);
        Ok((found, version))
    }

    async fn write(
        granted: Granted<&Self>,
        found: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<UserSummary>> {
        if let Some(found) = found {
            return Ok(Done::unchanged(Some(found.version), found.summary()));
        }
        let email = &granted.change().email;
        let user = users::create(connection, Some(email), Timestamp::now(), actor).await?;
        Ok(Done::changed(Some(user.version), user.summary()))
    }
}

/// Sessions that started up to this second stay ended, also after [`EnableUser`].
impl Apply for DisableUser {
    type Locked = Option<UserRow>;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        let found = users::find_for_change(connection, &self.user).await?;
        let version = found.as_ref().map(|found| found.version);
        Ok((found, version))
    }

    async fn write(
        granted: Granted<&Self>,
        found: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<UserSummary>> {
        let user = match found {
            Some(user) => user,
            None => users::create_for(connection, &granted.change().user, actor).await?,
        };
        if user.disabled_at.is_some() {
            return Ok(Done::unchanged(Some(user.version), user.summary()));
        }
        let now = present(connection).await?;
        let not_before = user.sessions_not_before.max(Some(now.plus(Duration::from_secs(1))));
        sqlx::query("UPDATE users SET disabled_at = $2, sessions_not_before = $3 WHERE id = $1")
            .bind(user.id.to_string())
            .bind(now.unix())
            .bind(not_before.map(Timestamp::unix))
            .execute(&mut *connection)
            .await?;
        let keys = ended_keys::of_owner(connection, user.id).await?;
        let keys: Vec<KeyId> = keys.iter().map(|key| key.id).collect();
        let mut after = json!({ "disabled_at": now });
        if !keys.is_empty() {
            after["stopped_keys"] = json!(keys);
        }
        let before = json!({ "disabled_at": null });
        users::note(connection, actor, "user.disable", user.id, Some(before), Some(after)).await?;
        changed(connection, user.id).await
    }
}

impl Apply for EnableUser {
    type Locked = UserRow;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        users::lock_known(connection, &self.user).await
    }

    async fn write(
        _: Granted<&Self>,
        user: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<UserSummary>> {
        let Some(disabled_at) = user.disabled_at else {
            return Ok(Done::unchanged(Some(user.version), user.summary()));
        };
        let sql = "UPDATE users SET disabled_at = NULL WHERE id = $1";
        sqlx::query(sql).bind(user.id.to_string()).execute(&mut *connection).await?;
        let (before, after) = (json!({ "disabled_at": disabled_at }), json!({ "disabled_at": null }));
        users::note(connection, actor, "user.enable", user.id, Some(before), Some(after)).await?;
        changed(connection, user.id).await
    }
}

impl Apply for EndSessions {
    type Locked = UserRow;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        users::lock_known(connection, &self.user).await
    }

    async fn write(
        granted: Granted<&Self>,
        user: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<UserId>> {
        let started_before = granted.change().started_before;
        let changed = user.sessions_not_before < Some(started_before);
        move_not_before(connection, &user, started_before, actor).await?;
        Ok(Done { changed, version: users::version_of(connection, user.id).await?, outcome: user.id })
    }
}

/// The person after a change.
async fn changed(connection: &mut Connection, id: UserId) -> Result<Done<UserSummary>> {
    let user = users::find_known(connection, &UserKey::Id(id)).await?;
    Ok(Done::changed(Some(user.version), user.summary()))
}
