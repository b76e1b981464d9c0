//! API keys: those of the platform, of tenants and of people, and one's own. A secret is in the answer that makes it, and
//! in no other.

use super::caller::{Caller, Person};
use super::input::{Json, Post, Write};
use super::key_bodies::{FoundSecret, HeldBy, HeldByParameters, KeyPatch, KeyPlan, Overlap};
use super::list::{Filter, Filtered, List, Page, PageParameters};
use super::problems::{ReadProblems, WriteProblems};
use super::refused::{Refused, not_found};
use super::repeats::Terms;
use super::reply::Reply;
use crate::extract::Path;
use crate::problem_document::{Flaw, Problem};
use actix_web::web::Data;
use gatepost_admin::Context;
use gatepost_admin::views::{Key, KeyChange, LookedUpKey, NewKey};
use gatepost_core::administration::{Matter, Scope};
use gatepost_core::api_key::{ApiKey, KeyId};
use gatepost_core::ids::{TenantId, UserId};
use gatepost_store::directory::changes::{RevokeKey, RotateKey, ShownKey, UpdateKey};
use gatepost_store::directory::{
    Applicable, Conditions, DirectoryError, Done, KeyFilter, KeyHolder, KeyRecord,
};
use std::time::Duration;

/// What an answer says that comes again.
const REPLAYED: &str =
    "The secret was in the first answer to this request. Rotate the key to get another one.";
const DRY: &str = "A dry run makes no key.";

/// Lists keys by id, revoked ones too.
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys", params(HeldByParameters, PageParameters),
    responses((status = 200, body = List<Key>), ReadProblems))]
pub(super) async fn list(caller: Caller, admin: Data<Context>, page: Page<HeldBy>) -> Result<Reply, Refused> {
    let filter =
        KeyFilter { tenant: page.filter.tenant.clone(), owner: page.filter.owner, ..KeyFilter::default() };
    listed(&admin, &caller.scope, &page, &filter).await
}

/// Lists the keys of a tenant by id.
#[utoipa::path(get, path = "/api/v1/tenants/{id}/keys", tag = "keys", params(("id" = String, Path), PageParameters),
    responses((status = 200, body = List<Key>), ReadProblems))]
pub(super) async fn list_of_tenant(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    page: Page<()>,
) -> Result<Reply, Refused> {
    caller.scope.allows(&Matter::Tenant(id.clone()))?;
    let found = admin.stores.directory.find_tenant(&caller.scope, &id).await?;
    found.ok_or_else(|| DirectoryError::UnknownTenant(id.clone()))?;
    listed(&admin, &caller.scope, &page, &KeyFilter { tenant: Some(id), ..KeyFilter::default() }).await
}

/// Lists the keys of a person by id.
#[utoipa::path(get, path = "/api/v1/users/{id}/keys", tag = "keys", params(("id" = String, Path), PageParameters),
    responses((status = 200, body = List<Key>), ReadProblems))]
pub(super) async fn list_of_user(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<UserId>,
    page: Page<()>,
) -> Result<Reply, Refused> {
    super::users::find(&admin, &caller.scope, id).await?;
    listed(&admin, &caller.scope, &page, &KeyFilter { owner: Some(id), ..KeyFilter::default() }).await
}

/// Lists the caller's own keys by id.
#[utoipa::path(get, path = "/api/v1/me/keys", tag = "me", params(PageParameters),
    responses((status = 200, body = List<Key>), ReadProblems))]
pub(super) async fn list_own(caller: Person, admin: Data<Context>, page: Page<()>) -> Result<Reply, Refused> {
    listed(&admin, &Scope::System, &page, &KeyFilter { owner: Some(caller.id()), ..KeyFilter::default() })
        .await
}

async fn listed<F>(
    admin: &Context,
    scope: &Scope,
    page: &Page<F>,
    filter: &KeyFilter,
) -> Result<Reply, Refused>
where
    F: Filter,
{
    let after = page.place();
    let found = admin.stores.directory.search_keys(scope, filter, after.as_ref(), page.limit).await?;
    Ok(page.found::<_, Key>(&found))
}

/// A key.
#[utoipa::path(get, path = "/api/v1/keys/{id}", tag = "keys", params(("id" = String, Path)),
    responses((status = 200, body = Key), ReadProblems))]
pub(super) async fn show(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<KeyId>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    Ok(shown(&admin.find_key(id, &caller.actor()).await?))
}

/// One of the caller's own keys.
#[utoipa::path(get, path = "/api/v1/me/keys/{id}", tag = "me", params(("id" = String, Path)),
    responses((status = 200, body = Key), ReadProblems))]
pub(super) async fn show_own(
    caller: Person,
    admin: Data<Context>,
    Path(id): Path<KeyId>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    Ok(shown(&find_own(&admin, &caller, id).await?))
}

/// Below `me` there are the caller's own keys alone.
async fn find_own(admin: &Context, caller: &Person, id: KeyId) -> Result<KeyRecord, Refused> {
    let key = admin.find_key(id, &caller.caller.actor()).await?;
    if key.owner_id == Some(caller.id()) { Ok(key) } else { Err(DirectoryError::UnknownKey(id).into()) }
}

fn shown(key: &KeyRecord) -> Reply {
    Reply::ok(Key::from(key)).version(key.version)
}

/// Makes a key. The answer has its secret, which is never shown again.
#[utoipa::path(post, path = "/api/v1/keys", tag = "keys", request_body = KeyPlan,
    responses((status = 201, body = NewKey), (status = 200, body = NewKey, description = "A dry run."), WriteProblems))]
pub(super) async fn create(
    caller: Caller,
    admin: Data<Context>,
    Post(terms, plan): Post<KeyPlan>,
) -> Result<Reply, Refused> {
    let holder = KeyHolder { tenant: plan.tenant.clone(), owner: plan.owner_id };
    make(&admin, &caller, terms, &plan.into_change(holder, &admin).await?).await
}

/// Makes a key of a tenant. The answer has its secret, which is never shown again.
#[utoipa::path(post, path = "/api/v1/tenants/{id}/keys", tag = "keys", params(("id" = String, Path)), request_body = KeyPlan,
    responses((status = 201, body = NewKey), (status = 200, body = NewKey, description = "A dry run."), WriteProblems))]
pub(super) async fn create_of_tenant(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<TenantId>,
    Post(terms, plan): Post<KeyPlan>,
) -> Result<Reply, Refused> {
    if plan.owner_id.is_some() || plan.tenant.as_ref().is_some_and(|tenant| *tenant != id) {
        return Err(of_another_holder());
    }
    let holder = KeyHolder { tenant: Some(id), owner: None };
    make(&admin, &caller, terms, &plan.into_change(holder, &admin).await?).await
}

/// Makes a key of the caller. The answer has its secret, which is never shown again.
#[utoipa::path(post, path = "/api/v1/me/keys", tag = "me", request_body = KeyPlan,
    responses((status = 201, body = NewKey), (status = 200, body = NewKey, description = "A dry run."), WriteProblems))]
pub(super) async fn create_own(
    caller: Person,
    admin: Data<Context>,
    Post(terms, plan): Post<KeyPlan>,
) -> Result<Reply, Refused> {
    if plan.owner_id.is_some_and(|owner| owner != caller.id()) {
        return Err(of_another_holder());
    }
    let holder = KeyHolder { tenant: plan.tenant.clone(), owner: Some(caller.id()) };
    make(&admin, &caller.caller, terms, &plan.into_change(holder, &admin).await?).await
}

fn of_another_holder() -> Refused {
    let flaw = Flaw::at("", "another_holder", "The path says whose the key is.");
    Problem::invalid(vec![flaw]).into()
}

/// The first answer has the secret. What is kept for later answers has none.
async fn make<C: Applicable<Outcome = ShownKey>>(
    admin: &Context,
    caller: &Caller,
    terms: Terms,
    change: &C,
) -> Result<Reply, Refused> {
    let reply = |done: &Done<ShownKey>, conditions: Conditions, key: NewKey| {
        Reply::changed(done, conditions, key, Some(format!("/keys/{}", done.outcome.record.id)))
    };
    let first = |done: &Done<ShownKey>, conditions: Conditions| {
        let dry = conditions.is_dry_run.then(|| NewKey::hidden(&done.outcome, DRY));
        reply(done, conditions, dry.unwrap_or_else(|| NewKey::shown(&done.outcome)))
    };
    let kept = |done: &Done<ShownKey>, conditions: Conditions| {
        reply(done, conditions, NewKey::hidden(&done.outcome, REPLAYED))
    };
    terms.carry_out_keeping((admin, caller), change, first, kept).await
}

/// Changes the name, hosts, networks, tools, rate or end of a key.
#[utoipa::path(patch, path = "/api/v1/keys/{id}", tag = "keys", params(("id" = String, Path)), request_body = KeyPatch,
    responses((status = 200, body = KeyChange), WriteProblems))]
pub(super) async fn patch(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<KeyId>,
    Write(conditions): Write,
    Json(patch): Json<KeyPatch>,
) -> Result<Reply, Refused> {
    let key = admin.find_key(id, &caller.actor()).await?;
    update(&admin, &caller, &key, conditions, patch).await
}

/// Changes one of the caller's own keys.
#[utoipa::path(patch, path = "/api/v1/me/keys/{id}", tag = "me", params(("id" = String, Path)), request_body = KeyPatch,
    responses((status = 200, body = KeyChange), WriteProblems))]
pub(super) async fn patch_own(
    caller: Person,
    admin: Data<Context>,
    Path(id): Path<KeyId>,
    Write(conditions): Write,
    Json(patch): Json<KeyPatch>,
) -> Result<Reply, Refused> {
    let key = find_own(&admin, &caller, id).await?;
    update(&admin, &caller.caller, &key, conditions, patch).await
}

async fn update(
    admin: &Context,
    caller: &Caller,
    key: &KeyRecord,
    conditions: Conditions,
    patch: KeyPatch,
) -> Result<Reply, Refused> {
    let new = patch.into_update(key.tenant_id.as_ref(), admin).await?;
    let change = UpdateKey { id: key.id, holder: key.holder(), new };
    let done = admin.carry_out(&change, conditions, &caller.actor()).await?;
    let body = KeyChange { record: (&done.outcome).into(), changed: done.changed };
    Ok(Reply::changed(&done, conditions, body, None))
}

/// Gives a key another secret. The answer has it, and it is never shown again.
#[utoipa::path(post, path = "/api/v1/keys/{id}/rotate", tag = "keys", params(("id" = String, Path)), request_body = Overlap,
    responses((status = 200, body = NewKey), WriteProblems))]
pub(super) async fn rotate(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<KeyId>,
    Post(terms, overlap): Post<Overlap>,
) -> Result<Reply, Refused> {
    let key = admin.find_key(id, &caller.actor()).await?;
    make(&admin, &caller, terms, &rotation(&key, &overlap)).await
}

/// Gives one of the caller's own keys another secret. The answer has it, and it is never shown again.
#[utoipa::path(post, path = "/api/v1/me/keys/{id}/rotate", tag = "me", params(("id" = String, Path)), request_body = Overlap,
    responses((status = 200, body = NewKey), WriteProblems))]
pub(super) async fn rotate_own(
    caller: Person,
    admin: Data<Context>,
    Path(id): Path<KeyId>,
    Post(terms, overlap): Post<Overlap>,
) -> Result<Reply, Refused> {
    let key = find_own(&admin, &caller, id).await?;
    make(&admin, &caller.caller, terms, &rotation(&key, &overlap)).await
}

fn rotation(key: &KeyRecord, overlap: &Overlap) -> RotateKey {
    let overlap = Duration::from_secs(overlap.overlap_seconds.into());
    RotateKey { id: key.id, holder: key.holder(), overlap }
}

/// Revokes one of the caller's own keys, for good. Its record stays.
#[utoipa::path(delete, path = "/api/v1/me/keys/{id}", tag = "me", params(("id" = String, Path)),
    responses((status = 204, description = "It counts no more."), (status = 200, body = KeyChange, description = "A dry run."), WriteProblems))]
pub(super) async fn revoke_own(
    caller: Person,
    admin: Data<Context>,
    Path(id): Path<KeyId>,
    Write(conditions): Write,
) -> Result<Reply, Refused> {
    let key = find_own(&admin, &caller, id).await?;
    end(&admin, &caller.caller, conditions, RevokeKey { id, holder: key.holder() }).await
}

/// Revokes a key, for good. Its record stays.
#[utoipa::path(delete, path = "/api/v1/keys/{id}", tag = "keys", params(("id" = String, Path)),
    responses((status = 204, description = "It counts no more."), (status = 200, body = KeyChange, description = "A dry run."), WriteProblems))]
pub(super) async fn revoke(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<KeyId>,
    Write(conditions): Write,
) -> Result<Reply, Refused> {
    let change = admin.revocation_of_key(id, &caller.actor()).await?;
    end(&admin, &caller, conditions, change).await
}

async fn end(
    admin: &Context,
    caller: &Caller,
    conditions: Conditions,
    change: RevokeKey,
) -> Result<Reply, Refused> {
    let done = admin.carry_out(&change, conditions, &caller.actor()).await?;
    Ok(Reply::removed(conditions, KeyChange { record: (&done.outcome).into(), changed: done.changed }))
}

/// Finds whose a key is that was found somewhere.
#[utoipa::path(post, path = "/api/v1/keys/lookup", tag = "keys", request_body = FoundSecret,
    responses((status = 200, body = LookedUpKey), WriteProblems))]
pub(super) async fn look_up(
    caller: Caller,
    admin: Data<Context>,
    Json(FoundSecret { key }): Json<FoundSecret>,
) -> Result<Reply, Refused> {
    let nobodys = || not_found("No key that you administer has this secret.");
    let secret = ApiKey::parse(&key).map_err(|_| nobodys())?;
    let found = admin.stores.directory.look_up_key(&caller.scope, &secret.digest()).await?;
    let found = found.ok_or_else(nobodys)?;
    Ok(Reply::ok(LookedUpKey::new(&found, &secret)).version(found.version))
}
