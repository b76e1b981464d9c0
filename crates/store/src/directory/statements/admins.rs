//! Admins: explicit decisions of administrators, and what follows from groups and roles.

use super::admin_overrides::{Override, find_override, find_standing, set_override};
use super::users::{self, UserRow, demand_future};
use super::{Apply, Connection, LockKey, Result, ended};
use crate::directory::actor::Actor;
use crate::directory::changes::{Done, SetAdmin};
use crate::directory::error::DirectoryError;
use crate::directory::records::AdminStanding;
use gatepost_core::administration::{Granted, Version};
use serde_json::{Value, json};

impl Apply for SetAdmin {
    /// `None`: a person to whom nothing was ever said, and who does not exist yet.
    type Locked = (Option<UserRow>, Option<Override>);

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        let user = users::find_for_change(connection, &self.user).await?;
        let before = match &user {
            Some(user) => find_override(connection, user.id).await?,
            None => None,
        };
        Ok(((user, before), before.map(|before| before.version)))
    }

    async fn write(
        granted: Granted<&Self>,
        (user, before): Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<AdminStanding>> {
        let Self { user: key, is_admin, until } = granted.change();
        demand_future(connection, *until).await?;
        let user = match (user, is_admin) {
            (Some(user), _) => user,
            (None, Some(_)) => users::create_for(connection, key, actor).await?,
            (None, None) => return Err(DirectoryError::UnknownUser(key.clone())),
        };
        if before.map(|before| (before.is_admin, before.until)) == is_admin.map(|is_admin| (is_admin, *until))
        {
            let standing = find_standing(connection, user.id).await?;
            return Ok(Done::unchanged(before.map(|before| before.version), standing));
        }
        ended::delete_of_person(connection, user.id).await?;
        set_override(connection, user.id, *is_admin, *until).await?;
        let action = match is_admin {
            Some(true) => "admin.grant",
            Some(false) => "admin.revoke",
            None => "admin.reset",
        };
        let (was, is) = (
            said(before.map(|before| before.is_admin), before.and_then(|before| before.until)),
            said(*is_admin, *until),
        );
        users::note(connection, actor, action, user.id, Some(was), Some(is)).await?;
        let version = find_override(connection, user.id).await?.map(|found| found.version);
        Ok(Done::changed(version, find_standing(connection, user.id).await?))
    }
}

/// A decision for the audit.
fn said(is_admin: Option<bool>, until: Option<gatepost_core::clock::Timestamp>) -> Value {
    let mut said = json!({ "is_admin": is_admin });
    if let Some(until) = until {
        said["until"] = json!(until);
    }
    said
}

/// Of two administrators who unmake each other at the same time, one must see what the other did.
pub(super) fn lock_of_admins() -> LockKey {
    LockKey::of(&["system administrators"])
}

/// Demands that somebody is a system administrator. Whoever is confined to a tenant is none, whatever is said about them.
pub(super) async fn demand_one(connection: &mut Connection) -> Result<()> {
    let sql = concat!(
        "SELECT EXISTS (SELECT 1 FROM current_admin_overrides o JOIN users u ON u.id = o.user_id \
         WHERE o.is_admin AND u.disabled_at IS NULL AND ",
        tenants_provider!("u.id"),
        " IS NULL) OR EXISTS (SELECT 1 FROM admin_reasons r JOIN users u ON u.id = r.user_id \
         WHERE u.disabled_at IS NULL AND ",
        tenants_provider!("u.id"),
        " IS NULL AND NOT EXISTS \
         (SELECT 1 FROM current_admin_overrides o WHERE o.user_id = u.id AND NOT o.is_admin))",
    );
    let is_there: bool = sqlx::query_scalar(sql).fetch_one(connection).await?;
    if is_there { Ok(()) } else { Err(DirectoryError::LastAdmin) }
}
