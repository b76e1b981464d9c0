//! Admins: explicit decisions of administrators, and what follows from groups and roles.

use super::admin_overrides::{find_override, find_standing, set_override};
use super::users::{self, find_known, find_or_create};
use super::{Result, Store};
use crate::directory::actor::Actor;
use crate::directory::records::{AdminStanding, UserKey};
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::UserId;
use serde_json::json;

row! {
    /// A person who may be an admin.
    struct CandidateRow {
        id: UserId,
        email: Option<EmailAddress>,
    }
}

impl Store {
    /// Sets or, with `None`, deletes the explicit decision. Returns whether anything changed.
    pub(in crate::directory) async fn override_admin(
        &self,
        key: &UserKey,
        is_admin: Option<bool>,
        actor: &Actor,
    ) -> Result<bool> {
        transaction!(self, |connection| {
            let user = match is_admin {
                Some(_) => find_or_create(connection, key, actor).await?,
                None => find_known(connection, key).await?,
            };
            let before = find_override(connection, user.id).await?;
            if before == is_admin {
                return Ok(false);
            }
            set_override(connection, user.id, is_admin).await?;
            let action = match is_admin {
                Some(true) => "admin.grant",
                Some(false) => "admin.revoke",
                None => "admin.reset",
            };
            let (before, after) = (json!({ "is_admin": before }), json!({ "is_admin": is_admin }));
            users::note(connection, actor, action, user.id, Some(before), Some(after)).await?;
            Ok(true)
        })
    }

    /// Lists everybody who is an admin or has an explicit decision.
    pub(in crate::directory) async fn list_admins(&self) -> Result<Vec<(UserKey, AdminStanding)>> {
        reading!(self, |connection| {
            let rows: Vec<CandidateRow> = sqlx::query_as(
                "SELECT id, email FROM users WHERE id IN (SELECT user_id FROM admin_overrides) \
                 OR id IN (SELECT user_id FROM admin_reasons) ORDER BY email, id",
            )
            .fetch_all(&mut *connection)
            .await?;
            let mut admins = Vec::with_capacity(rows.len());
            for CandidateRow { id, email } in rows {
                let standing = find_standing(connection, id).await?;
                admins.push((email.map_or(UserKey::Id(id), UserKey::Email), standing));
            }
            Ok(admins)
        })
    }
}
