//! The members of groups, one by one and many at once.

use super::caller::Caller;
use super::groups::find;
use super::input::{Body, Ids, Json, Post, Write};
use super::list::{List, Page, PageParameters, SearchFilter, SearchParameters};
use super::members::Members;
use super::problems::{ReadProblems, WriteProblems};
use super::refused::Refused;
use super::reply::Reply;
use crate::extract::Path;
use actix_web::web::Data;
use gatepost_admin::Context;
use gatepost_admin::views::{Member, MemberChange, MembersChange};
use gatepost_core::calendar::rfc3339;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::GroupId;
use gatepost_store::directory::changes::{AddMember, ChangeMembers, ChangedMembers, RemoveMember};
use gatepost_store::directory::{Conditions, Done, UserKey};
use utoipa::ToSchema;

/// People in one batch.
const MOST: usize = 1000;

/// Lists the members of a group by id.
#[utoipa::path(get, path = "/api/v1/groups/{id}/members", tag = "groups", params(("id" = String, Path), SearchParameters, PageParameters),
    responses((status = 200, body = List<Member>), ReadProblems))]
pub(super) async fn list(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<GroupId>,
    page: Page<SearchFilter>,
) -> Result<Reply, Refused> {
    let (after, key) = (page.place(), id.into());
    let SearchFilter { q } = &page.filter;
    let directory = &admin.stores.directory;
    let found =
        directory.list_members(&caller.scope, (&key, q.as_deref()), after.as_ref(), page.limit).await?;
    Ok(page.found::<_, Member>(&found))
}

/// How long something holds.
#[derive(ToSchema)]
pub(super) struct Until {
    /// Until this second. `null` or absent: for good.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) until: Option<Timestamp>,
}

impl Body for Until {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        Some(Self { until: members.until()?.value() })
    }
}

/// Adds a person to a group, or changes the end of the membership.
#[utoipa::path(put, path = "/api/v1/groups/{id}/members/{user}", tag = "groups",
    params(("id" = String, Path), ("user" = String, Path, description = "An id, or an address, which may be nobody's yet")), request_body = Until,
    responses((status = 201, body = MemberChange), (status = 200, body = MemberChange), WriteProblems))]
pub(super) async fn add(
    caller: Caller,
    admin: Data<Context>,
    Ids(id, user_key): Ids<GroupId, UserKey>,
    Write(conditions): Write,
    Json(Until { until }): Json<Until>,
) -> Result<Reply, Refused> {
    let group = find(&admin, &caller, id).await?.name.to_string();
    let change = AddMember { group: id.into(), user: user_key.clone(), until };
    let done = admin.carry_out(&change, conditions, &caller.actor()).await?;
    let user_id = done.outcome.user.to_string();
    let path = format!("/groups/{id}/members/{user_id}");
    // A dry run kept nobody who was not there before.
    let is_kept = !conditions.is_dry_run || matches!(user_key, UserKey::Id(_));
    let user_id = is_kept.then_some(user_id);
    let until = until.map(rfc3339);
    let change = MemberChange { group, user_id, until, sources: None, changed: done.changed };
    Ok(Reply::changed(&done, conditions, change, Some(path)))
}

/// Removes a person from a group. A provider may add them again at the next sign-in.
#[utoipa::path(delete, path = "/api/v1/groups/{id}/members/{user}", tag = "groups",
    params(("id" = String, Path), ("user" = String, Path)),
    responses((status = 204, description = "It is gone."), (status = 200, body = MemberChange, description = "A dry run."), WriteProblems))]
pub(super) async fn remove(
    caller: Caller,
    admin: Data<Context>,
    Ids(id, user): Ids<GroupId, UserKey>,
    Write(conditions): Write,
) -> Result<Reply, Refused> {
    let group = find(&admin, &caller, id).await?.name.to_string();
    let change = RemoveMember { group: id.into(), user: user.clone() };
    let done = admin.carry_out(&change, conditions, &caller.actor()).await?;
    let user_id = Some(user.to_string());
    let change = MemberChange { group, user_id, until: None, sources: Some(done.outcome), changed: true };
    Ok(Reply::removed(conditions, change))
}

/// Changes of a group's members that are made together or not at all.
#[derive(ToSchema)]
pub(super) struct MemberBatch {
    #[schema(value_type = Vec<BatchedMember>, max_items = 1000, required = false)]
    add: Vec<(UserKey, Option<Timestamp>)>,
    #[schema(value_type = Vec<BatchedUser>, max_items = 1000, required = false)]
    remove: Vec<UserKey>,
}

/// Somebody who is to be a member.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document is made of it")]
pub(super) struct BatchedMember {
    /// An id or an address.
    user: String,
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// Somebody who is to be no member.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document is made of it")]
pub(super) struct BatchedUser {
    /// An id or an address.
    user: String,
}

impl Body for MemberBatch {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let add = members.items("add", MOST, |item| {
            let (user, until) = (item.required("user"), item.until());
            Some((user?, until?.value()))
        });
        let remove = members.items("remove", MOST, |item| item.required("user"));
        let (add, remove) = (add?, remove?);
        if add.len() + remove.len() > MOST {
            members.flaw(
                "remove",
                "too_many",
                format!("`add` and `remove` may have at most {MOST} items together."),
            );
        }
        Some(Self { add, remove })
    }
}

/// Adds and removes many people, all of them or nobody.
#[utoipa::path(post, path = "/api/v1/groups/{id}/members:batch", tag = "groups", params(("id" = String, Path)), request_body = MemberBatch,
    responses((status = 200, body = MembersChange), WriteProblems))]
pub(super) async fn batch(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<GroupId>,
    Post(terms, MemberBatch { add, remove }): Post<MemberBatch>,
) -> Result<Reply, Refused> {
    let change = ChangeMembers { group: id.into(), add, remove };
    let answer = |done: &Done<ChangedMembers>, conditions: Conditions| {
        let change = MembersChange {
            group: done.outcome.group.to_string(),
            added: done.outcome.added,
            removed: done.outcome.removed,
            changed: done.changed,
        };
        Reply::noted(conditions, change)
    };
    terms.carry_out((&admin, &caller), &change, answer).await
}
