//! People: who there is, what they may, and whether they may sign in.

use super::caller::Caller;
use super::input::{Body, Post, PostEmpty, Write};
use super::list::{Filter, Filtered, List, Page, PageParameters, Parameters, SearchText};
use super::me::{live, session_page};
use super::members::Members;
use super::problems::{ReadProblems, WriteProblems};
use super::refused::{Refused, not_found};
use super::repeats::Terms;
use super::reply::Reply;
use crate::extract::Path;
use actix_web::web::Data;
use gatepost_admin::views::{
    AddressRelease, Openable, Session, SessionEnd, SessionsEnd, User, UserChange, UserDetails,
};
use gatepost_admin::{Context, EndedSessions};
use gatepost_core::administration::Scope;
use gatepost_core::calendar::rfc3339;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupId, TenantId, UserId};
use gatepost_core::secret::Hash;
use gatepost_runtime::authn;
use gatepost_store::directory::changes::{CreateUser, DisableUser, EnableUser, ReleaseAddress};
use gatepost_store::directory::{
    By, Conditions, DirectoryError, Done, Membership, MembershipSource, TenantWay, UserFilter, UserKey,
    UserRecord, UserState, UserSummary,
};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// Lists people by id.
#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(UserParameters, PageParameters),
    responses((status = 200, body = List<User>), ReadProblems))]
pub(super) async fn list(
    caller: Caller,
    admin: Data<Context>,
    page: Page<UserFilter>,
) -> Result<Reply, Refused> {
    let (after, directory) = (page.place(), &admin.stores.directory);
    let found = directory.search_users(&caller.scope, &page.filter, after.as_ref(), page.limit).await?;
    Ok(page.found::<_, User>(&found))
}

/// Which people.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document is made of it; the filter reads them")]
pub(super) struct UserParameters {
    /// An id; or words, each of which begins a word of the name or of the address.
    q: Option<String>,
    /// The address, as applications know it or as the provider asserts it.
    email: Option<String>,
    /// The number of a group. It finds nobody for the administrator of a tenant.
    group: Option<String>,
    /// The id of a tenant that the caller administers.
    tenant: Option<String>,
    /// `active`, `disabled`, `awaited` or `admin`, which finds nobody for the administrator of a tenant.
    state: Option<String>,
}

impl Filter for UserFilter {
    fn read(parameters: &mut Parameters<'_>) -> Self {
        Self {
            q: parameters.one::<SearchText>("q").map(|SearchText(text)| text),
            email: parameters.one::<EmailAddress>("email"),
            group: parameters.one::<GroupId>("group"),
            tenant: parameters.one::<TenantId>("tenant"),
            state: parameters.one::<UserState>("state"),
        }
    }
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

/// Makes a place for the first person who signs in with an address.
#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = NewUser,
    responses((status = 201, body = UserChange), (status = 200, body = UserChange, description = "Somebody has the address."), WriteProblems))]
pub(super) async fn create(
    caller: Caller,
    admin: Data<Context>,
    Post(terms, NewUser { email }): Post<NewUser>,
) -> Result<Reply, Refused> {
    let answer = |done: &Done<UserSummary>, conditions: Conditions| {
        let user = UserChange::new(&done.outcome, done.changed);
        // A dry run has kept nobody.
        let is_kept = !(conditions.is_dry_run && done.changed);
        let path = format!("/users/{}", done.outcome.id);
        let user = UserChange { user_id: user.user_id.filter(|_| is_kept), ..user };
        Reply::changed(done, conditions, user, Some(path))
    };
    terms.carry_out((&admin, &caller), &CreateUser { email }, answer).await
}

/// A person with identities, groups and tenants.
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "users", params(("id" = String, Path)),
    responses((status = 200, body = UserDetails), ReadProblems))]
pub(super) async fn show(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<UserId>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    Ok(Reply::from(&find(&admin, &caller.scope, id).await?))
}

/// The person of this id, as far as they exist for the caller.
pub(super) async fn find(admin: &Context, scope: &Scope, id: UserId) -> Result<UserRecord, Refused> {
    let (key, directory) = (UserKey::Id(id), &admin.stores.directory);
    if let Some(found) = directory.find_user(scope, &key).await? {
        return Ok(found);
    }
    let is_erased = *scope == Scope::System && directory.is_erased(id).await?;
    let why = if is_erased { DirectoryError::Erased(id) } else { DirectoryError::UnknownUser(key) };
    Err(why.into())
}

/// Ends all sessions of a person and refuses further sign-ins.
#[utoipa::path(post, path = "/api/v1/users/{id}/disable", tag = "users", params(("id" = String, Path)),
    responses((status = 200, body = UserChange), WriteProblems))]
pub(super) async fn disable(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<UserId>,
    PostEmpty(terms): PostEmpty,
) -> Result<Reply, Refused> {
    let change = DisableUser { user: UserKey::Id(id) };
    terms.carry_out((&admin, &caller), &change, changed_user).await
}

fn changed_user(done: &Done<UserSummary>, conditions: Conditions) -> Reply {
    Reply::changed(done, conditions, UserChange::new(&done.outcome, done.changed), None)
}

/// Lets a disabled person sign in again. Ended sessions stay ended.
#[utoipa::path(post, path = "/api/v1/users/{id}/enable", tag = "users", params(("id" = String, Path)),
    responses((status = 200, body = UserChange), WriteProblems))]
pub(super) async fn enable(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<UserId>,
    PostEmpty(terms): PostEmpty,
) -> Result<Reply, Refused> {
    let change = EnableUser { user: UserKey::Id(id) };
    terms.carry_out((&admin, &caller), &change, changed_user).await
}

/// Ends all sessions of a person.
#[utoipa::path(post, path = "/api/v1/users/{id}/end-sessions", tag = "users", params(("id" = String, Path)),
    responses((status = 200, body = SessionsEnd), WriteProblems))]
pub(super) async fn end_sessions(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<UserId>,
    PostEmpty(Terms { conditions, repeat }): PostEmpty,
) -> Result<Reply, Refused> {
    let answer = |ended: &EndedSessions| {
        let EndedSessions { user, found, version } = *ended;
        let end = SessionsEnd { user_id: user.to_string(), sessions: found, changed: true };
        Reply::noted(conditions, end).version(version)
    };
    let (user, actor) = (UserKey::Id(id), caller.actor());
    let ended = match repeat {
        Some(repeat) => {
            let once = |ended: &EndedSessions| answer(ended).to_stored();
            Box::pin(admin.end_sessions_once(id, (repeat, once), conditions, &actor)).await?
        }
        None => Box::pin(admin.end_sessions(&user, conditions, &actor)).await?,
    };
    Ok(answer(&ended))
}

/// Releases the address of a person: the next person who signs in with it gets it.
#[utoipa::path(post, path = "/api/v1/users/{id}/release-address", tag = "users", params(("id" = String, Path)),
    responses((status = 200, body = AddressRelease), WriteProblems))]
pub(super) async fn release_address(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<UserId>,
    PostEmpty(terms): PostEmpty,
) -> Result<Reply, Refused> {
    let answer = |done: &Done<Option<EmailAddress>>, conditions: Conditions| {
        let released = done.outcome.as_ref().map(ToString::to_string);
        let release = AddressRelease { user_id: id.to_string(), released, changed: done.changed };
        Reply::changed(done, conditions, release, None)
    };
    terms.carry_out((&admin, &caller), &ReleaseAddress { user: UserKey::Id(id) }, answer).await
}

/// A person's membership of a group, from one source.
#[derive(Clone, Serialize, ToSchema)]
pub(super) struct UserMembership {
    /// The group's number. `null`: it is a membership of a tenant.
    group_id: Option<String>,
    /// The group's name.
    group: Option<String>,
    /// The tenant. `null`: it is a membership of a group.
    tenant: Option<String>,
    /// The role in the tenant.
    role: Option<String>,
    /// `manual`, `scim`, or the id of a provider; `group` if a group that the caller may not see gives the role.
    source: String,
    /// The provider's group: `PROVIDER:ID`, for a role `PROVIDER:role:NAME`.
    link: Option<String>,
    /// When it ends. `null`: never.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// Counts the changes of the membership. `null`: only the provider changes it.
    version: Option<String>,
}

impl From<&Membership> for UserMembership {
    fn from(membership: &Membership) -> Self {
        let (source, link) = match &membership.source {
            MembershipSource::Manual => ("manual".to_owned(), None),
            MembershipSource::Scim => ("scim".to_owned(), None),
            MembershipSource::Provider(link) => {
                (link.external.provider.to_string(), Some(link.external.to_string()))
            }
        };
        Self {
            group_id: Some(membership.group_id.to_string()),
            group: Some(membership.group.to_string()),
            tenant: None,
            role: None,
            source,
            link,
            until: membership.until.map(rfc3339),
            version: membership.version.map(|version| version.to_string()),
        }
    }
}

impl From<&TenantWay> for UserMembership {
    fn from(TenantWay { tenant, role, by, until }: &TenantWay) -> Self {
        let (source, version) = match by {
            By::Direct(version) => ("manual", Some(version.to_string())),
            By::Group(_) => ("group", None),
        };
        Self {
            group_id: None,
            group: None,
            tenant: Some(tenant.to_string()),
            role: Some(role.to_string()),
            source: source.to_owned(),
            link: None,
            until: until.map(rfc3339),
            version,
        }
    }
}

/// What a person is a member of, as far as the reader may know it. System administrators see groups, once for each source,
/// and tenants that the person is in without a group; administrators of tenants see how the person is in those.
pub(super) async fn list_memberships(
    admin: &Context,
    scope: &Scope,
    id: UserId,
) -> Result<Vec<UserMembership>, Refused> {
    let directory = &admin.stores.directory;
    let groups = directory.list_memberships(scope, id).await?;
    let ways = directory.list_tenant_ways(scope, id).await?;
    let is_shown = |way: &&TenantWay| *scope != Scope::System || matches!(way.by, By::Direct(_));
    let tenants = ways.iter().filter(is_shown).map(UserMembership::from);
    Ok(groups.iter().map(UserMembership::from).chain(tenants).collect())
}

/// A person's memberships of groups, once for each source, and of tenants.
#[utoipa::path(get, path = "/api/v1/users/{id}/memberships", tag = "users", params(("id" = String, Path), PageParameters),
    responses((status = 200, body = List<UserMembership>), ReadProblems))]
pub(super) async fn memberships(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<UserId>,
    page: Page<()>,
) -> Result<Reply, Refused> {
    find(&admin, &caller.scope, id).await?;
    let mut all = list_memberships(&admin, &caller.scope, id).await?;
    let place = |one: &UserMembership| {
        serde_json::json!([one.group, one.tenant, one.role, one.source, one.link]).to_string()
    };
    all.sort_by_key(place);
    all.retain(|one| page.after.as_ref().is_none_or(|after| place(one) > *after));
    all.truncate(page.wanted() as usize);
    Ok(page.reply(all, place, Clone::clone))
}

/// What a person can open, as far as it exists for the caller.
#[utoipa::path(get, path = "/api/v1/users/{id}/access", tag = "access", params(("id" = String, Path)),
    responses((status = 200, body = Openable), ReadProblems))]
pub(super) async fn access(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<UserId>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let found = admin.find_openable(&caller.scope, id).await?;
    let found = found.ok_or_else(|| DirectoryError::UnknownUser(UserKey::Id(id)))?;
    Ok(Reply::ok(Openable::from(&found)))
}

/// The valid sessions of a person. Administrators of a tenant see those at the tenant's own provider.
#[utoipa::path(get, path = "/api/v1/users/{id}/sessions", tag = "users", params(("id" = String, Path), PageParameters),
    responses((status = 200, body = List<Session>), ReadProblems))]
pub(super) async fn sessions(
    caller: Caller,
    admin: Data<Context>,
    context: Data<gatepost_sign_in::Context>,
    Path(id): Path<UserId>,
    page: Page<()>,
) -> Result<Reply, Refused> {
    find(&admin, &caller.scope, id).await?;
    let standing = authn::load_person(&context.stores, id).await?;
    let standing = standing.ok_or_else(|| not_found(format!("There is no user {id}.")))?;
    let mut live = live(&context, &standing, page.place()).await?;
    live.retain(|(_, record)| caller.scope.covers_sessions(&record.provider, &standing.access));
    Ok(session_page(&page, live))
}

/// Ends one session of a person. Administrators of a tenant end those of its members at its own provider.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "users", params(("id" = String, Path)),
    responses((status = 204, description = "It has ended."), (status = 200, body = SessionEnd, description = "A dry run."), WriteProblems))]
pub(super) async fn end_session(
    caller: Caller,
    admin: Data<Context>,
    Path(hash): Path<Hash>,
    Write(conditions): Write,
) -> Result<Reply, Refused> {
    let done = Box::pin(admin.end_session(&hash, conditions, &caller.actor())).await?;
    let end = SessionEnd { hash: hash.to_string(), user_id: done.outcome.to_string(), changed: done.changed };
    Ok(Reply::removed(conditions, end))
}
