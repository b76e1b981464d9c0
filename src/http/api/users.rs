//! People: who there is, what they may, and whether they may sign in.

use super::caller::Caller;
use super::input::{Body, Json, Write};
use super::list::{List, Page, PageParameters};
use super::me::{live, session_page};
use super::members::Members;
use super::openapi::{ReadProblems, WriteProblems};
use super::refused::{Refused, not_found};
use super::reply::Reply;
use crate::admin::views::{AddressRelease, Session, SessionsEnd, User, UserChange, UserDetails};
use crate::admin::{Context, EndedSessions};
use crate::authn;
use crate::http::public::extract::Path;
use crate::sign_in;
use actix_web::web::Data;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::UserId;
use gatepost_store::directory::changes::{CreateUser, DisableUser, EnableUser, ReleaseAddress};
use gatepost_store::directory::{DirectoryError, Membership, MembershipSource, UserKey, UserRecord};
use serde::Serialize;
use utoipa::ToSchema;

#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(PageParameters),
    responses((status = 200, body = List<User>), ReadProblems))]
pub(super) async fn list(_: Caller, admin: Data<Context>, page: Page<()>) -> Result<Reply, Refused> {
    let users = admin.stores.directory.list_users(page.place(), page.wanted()).await?;
    Ok(page.reply(users, |user| user.id.to_string(), |item| User::from(item)))
}

/// Who is awaited.
#[derive(ToSchema)]
pub(super) struct NewUser {
    /// The first person who signs in with it takes the place.
    #[schema(value_type = String, example = "alice@example.com")]
    email: EmailAddress,
}

impl Body for NewUser {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        Some(Self { email: members.required("email")? })
    }
}

#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = NewUser,
    responses((status = 201, body = UserChange), (status = 200, body = UserChange, description = "Somebody has the address."), WriteProblems))]
pub(super) async fn create(
    caller: Caller,
    admin: Data<Context>,
    Write(conditions): Write,
    Json(NewUser { email }): Json<NewUser>,
) -> Result<Reply, Refused> {
    let done = admin.carry_out(&CreateUser { email: email.clone() }, conditions, &caller.actor()).await?;
    let (id, changed) = (done.outcome, done.changed);
    let change = match admin.stores.directory.find_user(&UserKey::Id(id)).await? {
        Some(user) => UserChange::new(&user.summary, changed),
        // A dry run has kept nobody.
        None => {
            UserChange { user_id: id.to_string(), email: Some(email.to_string()), disabled_at: None, changed }
        }
    };
    Ok(Reply::changed(&done, conditions, change, Some(format!("/users/{id}"))))
}

#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "users", params(("id" = String, Path)),
    responses((status = 200, body = UserDetails), ReadProblems))]
pub(super) async fn show(_: Caller, admin: Data<Context>, Path(id): Path<UserId>) -> Result<Reply, Refused> {
    Ok(Reply::from(&find(&admin, id).await?))
}

async fn find(admin: &Context, id: UserId) -> Result<UserRecord, Refused> {
    let key = UserKey::Id(id);
    let found = admin.stores.directory.find_user(&key).await?;
    found.ok_or_else(|| DirectoryError::UnknownUser(key).into())
}

#[utoipa::path(post, path = "/api/v1/users/{id}/disable", tag = "users", params(("id" = String, Path)),
    responses((status = 200, body = UserChange), WriteProblems))]
pub(super) async fn disable(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<UserId>,
    Write(conditions): Write,
) -> Result<Reply, Refused> {
    let change = DisableUser { user: UserKey::Id(id) };
    let done = admin.carry_out(&change, conditions, &caller.actor()).await?;
    let change = UserChange::new(&find(&admin, id).await?.summary, done.changed);
    Ok(Reply::changed(&done, conditions, change, None))
}

#[utoipa::path(post, path = "/api/v1/users/{id}/enable", tag = "users", params(("id" = String, Path)),
    responses((status = 200, body = UserChange), WriteProblems))]
pub(super) async fn enable(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<UserId>,
    Write(conditions): Write,
) -> Result<Reply, Refused> {
    let change = EnableUser { user: UserKey::Id(id) };
    let done = admin.carry_out(&change, conditions, &caller.actor()).await?;
    let change = UserChange::new(&find(&admin, id).await?.summary, done.changed);
    Ok(Reply::changed(&done, conditions, change, None))
}

#[utoipa::path(post, path = "/api/v1/users/{id}/end-sessions", tag = "users", params(("id" = String, Path)),
    responses((status = 200, body = SessionsEnd), WriteProblems))]
pub(super) async fn end_sessions(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<UserId>,
    Write(conditions): Write,
) -> Result<Reply, Refused> {
    let ended = Box::pin(admin.end_sessions(&UserKey::Id(id), conditions, &caller.actor())).await?;
    let EndedSessions { user, found } = ended;
    let version = find(&admin, id).await?.summary.version;
    let end = SessionsEnd { user_id: user.to_string(), sessions: found, changed: true };
    Ok(Reply::noted(conditions, end).version(version))
}

#[utoipa::path(post, path = "/api/v1/users/{id}/release-address", tag = "users", params(("id" = String, Path)),
    responses((status = 200, body = AddressRelease), WriteProblems))]
pub(super) async fn release_address(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<UserId>,
    Write(conditions): Write,
) -> Result<Reply, Refused> {
    let done =
        admin.carry_out(&ReleaseAddress { user: UserKey::Id(id) }, conditions, &caller.actor()).await?;
    let released = done.outcome.as_ref().map(ToString::to_string);
    let release = AddressRelease { user_id: id.to_string(), released, changed: done.changed };
    Ok(Reply::changed(&done, conditions, release, None))
}

/// A person's membership of a group, from one source.
#[derive(Serialize, ToSchema)]
pub(super) struct UserMembership {
    /// The group's name.
    group: String,
    /// `manual`, `scim`, or the id of a provider.
    source: String,
    /// The provider's group: `PROVIDER:ID`, for a role `PROVIDER:role:NAME`.
    link: Option<String>,
}

fn membership(membership: &Membership) -> UserMembership {
    let group = membership.group.to_string();
    match &membership.source {
        MembershipSource::Manual => UserMembership { group, source: "manual".to_owned(), link: None },
        MembershipSource::Scim => UserMembership { group, source: "scim".to_owned(), link: None },
        MembershipSource::Provider(link) => UserMembership {
            group,
            source: link.external.provider.to_string(),
            link: Some(link.external.to_string()),
        },
    }
}

#[utoipa::path(get, path = "/api/v1/users/{id}/memberships", tag = "users", params(("id" = String, Path), PageParameters),
    responses((status = 200, body = List<UserMembership>), ReadProblems))]
pub(super) async fn memberships(
    _: Caller,
    admin: Data<Context>,
    Path(id): Path<UserId>,
    page: Page<()>,
) -> Result<Reply, Refused> {
    find(&admin, id).await?;
    let all = admin.stores.directory.list_memberships(id).await?;
    let mut all: Vec<UserMembership> = all.iter().map(membership).collect();
    let place = |one: &UserMembership| serde_json::json!([one.group, one.source, one.link]).to_string();
    all.sort_by_key(place);
    all.retain(|one| page.after.as_ref().is_none_or(|after| place(one) > *after));
    all.truncate(page.wanted() as usize);
    Ok(page.reply(all, place, |one| UserMembership {
        group: one.group.clone(),
        source: one.source.clone(),
        link: one.link.clone(),
    }))
}

#[utoipa::path(get, path = "/api/v1/users/{id}/sessions", tag = "users", params(("id" = String, Path), PageParameters),
    responses((status = 200, body = List<Session>), ReadProblems))]
pub(super) async fn sessions(
    _: Caller,
    context: Data<sign_in::Context>,
    Path(id): Path<UserId>,
    page: Page<()>,
) -> Result<Reply, Refused> {
    let standing = authn::load_person(&context.stores, id).await?;
    let standing = standing.ok_or_else(|| not_found(format!("There is no user {id}.")))?;
    let live = live(&context, &standing, page.place()).await?;
    Ok(session_page(&page, live))
}
