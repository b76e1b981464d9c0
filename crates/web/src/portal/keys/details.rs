//! One key.

use super::facts;
use super::reader::KeyReader;
use crate::answer::PageAnswer;
use crate::extract::{Path, Query};
use crate::fault::Fault;
use crate::portal::loaded::named;
use actix_web::web;
use gatepost_admin::Context;
use gatepost_core::api_key::KeyId;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::UserId;
use gatepost_pages::admin::{KeyDetails, PlaceNotice};
use gatepost_runtime::authn;
use gatepost_store::directory::{KeyRecord, UserKey};
use serde::Deserialize;

/// What the last form did.
#[derive(Deserialize)]
pub(crate) struct Done {
    done: Option<String>,
}

/// Shows a key that exists for the reader.
///
/// # Errors
/// [`Fault`]: there is none, or a store does not answer.
pub(crate) async fn show<C: Into<KeyReader>>(
    caller: C,
    context: web::Data<Context>,
    Path(id): Path<KeyId>,
    Query(Done { done }): Query<Done>,
) -> Result<PageAnswer, Fault> {
    let reader: KeyReader = caller.into();
    let key = reader.find(&context, id).await?;
    let (obstacles, maker) = (obstacles(&context, &key).await?, maker(&context, &reader, &key).await?);
    let page = KeyDetails {
        frame: reader.frame(PlaceNotice::text_of(done.as_deref())),
        pages: reader.pages,
        key: facts(&key),
        obstacles: &obstacles,
        may_change: reader.may_change(&key),
        maker: &maker,
        now: Timestamp::now(),
    };
    Ok(PageAnswer(page.page()))
}

/// Why the key does not count, beside what it says itself.
async fn obstacles(context: &Context, key: &KeyRecord) -> Result<Vec<String>, Fault> {
    let mut obstacles = Vec::new();
    if let (false, Some(owner), Some(tenant)) = (key.is_stopped, key.owner_id, &key.tenant_id)
        && let Some(standing) = authn::load_person(&context.stores, owner).await?
        && standing.access.role_in(tenant).is_none()
    {
        obstacles.push(format!("Its owner may not enter the tenant {tenant}, so the key does not open it."));
    }
    for host in &key.limits.hosts {
        if context.hosts.find(host).await?.is_none() {
            obstacles.push(format!("{host} is no protected host any more."));
        }
    }
    Ok(obstacles)
}

/// Who made it, as the reader may know them.
async fn maker(context: &Context, reader: &KeyReader, key: &KeyRecord) -> Result<String, Fault> {
    let Ok(id) = key.created_by.parse::<UserId>() else { return Ok(key.created_by.clone()) };
    if id == reader.id() {
        return Ok("you".to_owned());
    }
    let found = context.stores.directory.find_user(&reader.scope, &UserKey::Id(id)).await?;
    Ok(found.map_or_else(|| "an administrator".to_owned(), |user| named(&user.summary)))
}
