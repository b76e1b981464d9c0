//! Many members of a group at once.

use super::group_changes::{self, GroupRow};
use super::{Apply, Connection, Result};
use crate::directory::actor::Actor;
use crate::directory::changes::{AddMember, ChangeMembers, ChangedMembers, Done, RemoveMember};
use crate::directory::records::UserKey;
use gatepost_core::administration::{Granted, Version};

impl Apply for ChangeMembers {
    type Locked = GroupRow;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        let group = group_changes::find_known(connection, &self.group).await?;
        let version = group.version;
        Ok((group, Some(version)))
    }

    /// In the order of the people, so that two batches lock them in the same order.
    async fn write(
        granted: Granted<&Self>,
        group: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<ChangedMembers>> {
        let Self { add, remove, .. } = granted.change();
        let (mut add, mut remove) = (add.clone(), remove.clone());
        add.sort_by_key(|(user, _)| user.to_string());
        remove.sort_by_key(UserKey::to_string);
        let mut changed = ChangedMembers { group: group.name, added: 0, removed: 0 };
        for (user, until) in add {
            let part = AddMember { group: group.id.into(), user, until };
            let (locked, _) = part.lock(&mut *connection).await?;
            let done = AddMember::write(granted.part(&part), locked, &mut *connection, actor).await?;
            changed.added += usize::from(done.changed);
        }
        for user in remove {
            let part = RemoveMember { group: group.id.into(), user };
            let (locked, _) = part.lock(&mut *connection).await?;
            RemoveMember::write(granted.part(&part), locked, &mut *connection, actor).await?;
            changed.removed += 1;
        }
        let is_any = changed.added + changed.removed > 0;
        let version = Some(group.version);
        Ok(if is_any { Done::changed(version, changed) } else { Done::unchanged(version, changed) })
    }
}
