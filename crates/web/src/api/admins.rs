//! Who is a system administrator, and who decided so.

use super::caller::Caller;
use super::input::{Body, Json, Write};
use super::list::{Filtered, List, Page, PageParameters};
use super::members::Members;
use super::problems::{ReadProblems, WriteProblems};
use super::refused::Refused;
use super::reply::Reply;
use crate::extract::Path;
use actix_web::web::Data;
use gatepost_admin::Context;
use gatepost_admin::views::{Admin, AdminChange, AdminEntry};
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_store::directory::changes::SetAdmin;
use gatepost_store::directory::{AdminStanding, DirectoryError, Done, UserKey};
use utoipa::ToSchema;

/// Lists administrators, and people about whom it was decided.
#[utoipa::path(get, path = "/api/v1/admins", tag = "admins", params(PageParameters),
    responses((status = 200, body = List<AdminEntry>), ReadProblems))]
pub(super) async fn list(caller: Caller, admin: Data<Context>, page: Page<()>) -> Result<Reply, Refused> {
    let (after, directory) = (page.place(), &admin.stores.directory);
    let found = directory.list_admins(&caller.scope, after.as_ref(), page.limit).await?;
    Ok(page.found::<_, AdminEntry>(&found))
}

/// Whether a person is an administrator, and why.
#[utoipa::path(get, path = "/api/v1/admins/{user}", tag = "admins", params(("user" = String, Path, description = "An id or an address")),
    responses((status = 200, body = Admin), ReadProblems))]
pub(super) async fn show(
    caller: Caller,
    admin: Data<Context>,
    Path(user): Path<UserKey>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let found = admin.stores.directory.find_user(&caller.scope, &user).await?;
    let found = found.ok_or(DirectoryError::UnknownUser(user))?;
    Ok(Reply::ok(Admin::from(&found.admin.unwrap_or_default())))
}

/// What is decided about a person.
#[derive(ToSchema)]
pub(super) struct AdminDecision {
    /// `false` overrides groups and roles.
    is_admin: bool,
    /// Until this second; then groups and roles decide again. `null` or absent: for good.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

impl Body for AdminDecision {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let (is_admin, until) = (members.required_bool("is_admin"), members.until());
        Some(Self { is_admin: is_admin?, until: until?.value() })
    }
}

/// Decides whether a person is an administrator, whatever groups and roles say.
#[utoipa::path(put, path = "/api/v1/admins/{user}", tag = "admins",
    params(("user" = String, Path, description = "An id, or an address, which may be nobody's yet")), request_body = AdminDecision,
    responses((status = 201, body = AdminChange), (status = 200, body = AdminChange), WriteProblems))]
pub(super) async fn decide(
    caller: Caller,
    admin: Data<Context>,
    Path(user): Path<UserKey>,
    Write(conditions): Write,
    Json(AdminDecision { is_admin, until }): Json<AdminDecision>,
) -> Result<Reply, Refused> {
    let change = SetAdmin { user: user.clone(), is_admin: Some(is_admin), until };
    let done = admin.carry_out(&change, conditions, &caller.actor()).await?;
    let path = format!("/admins/{user}");
    let change = change_of(&admin, &user, &done).await?;
    Ok(Reply::changed(&done, conditions, change, Some(path)))
}

/// Lets groups and roles decide again.
#[utoipa::path(delete, path = "/api/v1/admins/{user}", tag = "admins", params(("user" = String, Path, description = "An id or an address")),
    responses((status = 204, description = "Groups and roles decide again."), (status = 200, body = AdminChange, description = "A dry run."), WriteProblems))]
pub(super) async fn reset(
    caller: Caller,
    admin: Data<Context>,
    Path(user): Path<UserKey>,
    Write(conditions): Write,
) -> Result<Reply, Refused> {
    let change = SetAdmin { user: user.clone(), is_admin: None, until: None };
    let done = admin.carry_out(&change, conditions, &caller.actor()).await?;
    Ok(Reply::removed(conditions, change_of(&admin, &user, &done).await?))
}

/// What changed about a person. A dry run keeps nobody who was made for an address.
async fn change_of(
    admin: &Context,
    key: &UserKey,
    done: &Done<AdminStanding>,
) -> Result<AdminChange, Refused> {
    let user = admin.stores.directory.find_user(&Scope::System, key).await?.map(|user| user.summary);
    let address = match key {
        UserKey::Email(email) => Some(email.to_string()),
        UserKey::Id(_) => None,
    };
    Ok(AdminChange {
        user_id: user.as_ref().map(|user| user.id.to_string()),
        email: user.map_or(address, |user| user.email.map(|email| email.to_string())),
        admin: (&done.outcome).into(),
        changed: done.changed,
    })
}
