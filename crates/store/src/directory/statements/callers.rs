//! Who an actor is, and what they may administer: what the directory says now, not what a page said that somebody read a
//! second ago, and not what a key could do when it was made.

use super::standing::IS_STANDBY;
use super::{Connection, Result, Store, standing};
use crate::directory::actor::{Actor, Who};
use crate::directory::error::DirectoryError;
use crate::directory::keys::KeyHolder;
use gatepost_core::administration::Caller;
use gatepost_core::api_key::KeyId;
use gatepost_core::ids::{TenantId, UserId};

/// A key counts as at the gate. `created_by` is its maker, as the audit names them.
const KEY: &str = concat!(
    "SELECT k.tenant_id, k.owner_id, k.created_by FROM keys k LEFT JOIN tenants t ON t.id = k.tenant_id \
     WHERE k.id = $1 AND k.revoked_at IS NULL AND coalesce(t.state = 'active', true) AND (k.expires_at IS NULL OR k.expires_at > ",
    present!(),
    ") AND NOT ",
    key_is_stopped!(),
);

row! {
    struct KeyRow {
        tenant_id: Option<TenantId>,
        owner_id: Option<UserId>,
        created_by: String,
    }
}

/// Who the actor of a change is, in its transaction. Who acts by a key is that key, whoever they are.
pub(super) async fn find(connection: &mut Connection, actor: &Actor) -> Result<Caller> {
    match (actor.key, &actor.who) {
        (Some(key), _) => Ok(of_key(connection, key).await?.unwrap_or(Caller::NOBODY)),
        (None, who) => of_maker(connection, who).await,
    }
}

/// `None`: the key does not count.
async fn of_key(connection: &mut Connection, id: KeyId) -> Result<Option<Caller>> {
    let found: Option<KeyRow> =
        sqlx::query_as(KEY).bind(id.to_string()).fetch_optional(&mut *connection).await?;
    let Some(KeyRow { tenant_id, owner_id, created_by }) = found else { return Ok(None) };
    let maker = created_by.parse().unwrap_or_else(|never: std::convert::Infallible| match never {});
    let maker = of_maker(connection, &maker).await?;
    let holder = KeyHolder { tenant: tenant_id, owner: owner_id };
    Ok(Some(Caller::of_key(&holder.matter(), &maker)))
}

/// A person or the command line.
async fn of_maker(connection: &mut Connection, who: &Who) -> Result<Caller> {
    match who {
        Who::CommandLine(_) => Ok(Caller::SYSTEM),
        Who::Person(id) => {
            let standing = standing::find(connection, *id).await?;
            Ok(standing.map_or(Caller::NOBODY, |standing| Caller::of(&standing)))
        }
        _ => Ok(Caller::NOBODY),
    }
}

impl Store {
    pub(in crate::directory) async fn find_key_caller(&self, id: KeyId) -> Result<Option<Caller>> {
        reading!(self, |connection| {
            // A standby may not know yet that the key was revoked.
            if sqlx::query_scalar(IS_STANDBY).fetch_one(&mut *connection).await? {
                return Err(DirectoryError::standby());
            }
            of_key(connection, id).await
        })
    }
}
