//! What the forms of a tenant's page change: its members, the groups that open it, its name.

use super::change::{FormAnswer, Refused, done};
use super::forms::{
    Attempt, FormerMember, ListParameters, NewName, end_of, entered, entered_user, filled_in, make,
    until_words,
};
use super::tenant::{find, page};
use super::tenants;
use crate::callers::Administrator;
use crate::extract::{Fields, Form, Path};
use crate::fault::Fault;
use actix_web::{Either, web};
use gatepost_admin::Context;
use gatepost_core::access::Role;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupId, GroupName, TenantId, UserId};
use gatepost_pages::admin::{EnteredEnd, EnteredText, PlaceNotice, TenantEntered};
use gatepost_pages::{Section, paths};
use gatepost_store::directory::changes::{
    AddTenantMember, MapGroup, RemoveTenantMember, RenameTenant, UnmapGroup,
};
use gatepost_store::directory::{By, GroupKey, TenantRecord, UserKey};
use serde::Deserialize;

/// Who is to be a member, as what, and how long.
#[derive(Deserialize)]
pub(crate) struct NewMember {
    user: Option<String>,
    role: Option<String>,
    end: Option<String>,
    at: Option<String>,
    /// Empty: who is a member already stays as they are.
    version: Option<String>,
}

impl Fields for NewMember {
    const LIMIT: usize = 4096;
}

/// Gives a person a role in a tenant.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn add_member(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(form): Form<NewMember>,
) -> FormAnswer {
    let tenant = find(&administrator, &context, &id).await?;
    let (text, here) = (form.user.unwrap_or_default(), paths::admin_tenant(&id));
    let role: Role = filled_in("role", form.role.as_deref())?;
    let end = end_of(form.end.as_deref(), form.at.as_deref())?;
    let user = entered_user(&administrator, &context, &text).await?;
    let until = end.until(Timestamp::now());
    let (mut wrong_user, wrong_end) = (user.as_ref().err().cloned(), until.err());
    if let (Ok(user), Ok(until)) = (user, until) {
        let change = AddTenantMember { tenant: id.clone(), user: user.clone(), role, until };
        match make(&context, &administrator, &change, form.version.as_deref()).await {
            Ok(_) => return done(&context, &here, PlaceNotice::Joined.as_str()),
            Err(Refused::Impossible(why)) if why.status != 400 => wrong_user = Some(why.text),
            // To a tenant's administrators nobody exists who is not in the tenant.
            Err(Refused::Fault(Fault::NotFound)) => {
                wrong_user = Some(format!("There is nobody {user} in this tenant. Enter an address."));
            }
            Err(other) => {
                let now = held(&administrator, &context, &id, &user).await?;
                let (end, at) = (form.end.unwrap_or_default(), form.at.unwrap_or_default());
                let attempt = Attempt {
                    section: Section::Tenants,
                    subject: &format!("The membership of {user}"),
                    shown: "",
                    now: &now,
                    action: &format!("{here}/members"),
                    fields: &[("user", &text), ("role", role.as_str()), ("end", &end), ("at", &at)],
                    text: &format!("Make it {role}, {}", until_words(until)),
                    back: &here,
                };
                return attempt.answer(&administrator, other);
            }
        }
    }
    let none = TenantEntered::none(tenant.name.as_deref().unwrap_or_default(), &end);
    let user = EnteredText { value: &text, error: wrong_user.as_deref() };
    again(&administrator, &context, &tenant, TenantEntered { user, role, end_error: wrong_end, ..none }).await
}

/// The page of the tenant, with what was entered.
async fn again(
    administrator: &Administrator,
    context: &Context,
    tenant: &TenantRecord,
    entered: TenantEntered<'_>,
) -> FormAnswer {
    page(administrator, context, tenant, &ListParameters::default(), entered).await.map(Either::Right)
}

/// The membership in the tenant itself, in words.
async fn held(
    administrator: &Administrator,
    context: &Context,
    tenant: &TenantId,
    user: &UserKey,
) -> Result<String, Fault> {
    let (scope, directory) = (&administrator.scope, &context.stores.directory);
    let Some(user) = directory.find_user(scope, user).await? else { return Ok("no member".to_owned()) };
    let ways = directory.list_tenant_ways(scope, user.summary.id).await?;
    let own = ways.iter().find(|way| way.tenant == *tenant && matches!(way.by, By::Direct(_)));
    Ok(own.map_or_else(
        || "no member by a decision made here".to_owned(),
        |way| format!("{}, {}", way.role, until_words(way.until)),
    ))
}

/// Takes a person the role that they have in the tenant itself.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn remove_member(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(form): Form<FormerMember>,
) -> FormAnswer {
    let here = paths::admin_tenant(&id);
    find(&administrator, &context, &id).await?;
    let user = UserKey::Id(filled_in::<UserId>("user", form.user.as_deref())?);
    let change = RemoveTenantMember { tenant: id.clone(), user: user.clone() };
    match make(&context, &administrator, &change, form.version.as_deref()).await {
        Ok(_) => done(&context, &here, PlaceNotice::Left.as_str()),
        Err(why) => {
            let now = held(&administrator, &context, &id, &user).await?;
            let attempt = Attempt {
                section: Section::Tenants,
                subject: "The membership",
                shown: "",
                now: &now,
                action: &format!("{here}/members/remove"),
                fields: &[("user", &user.to_string())],
                text: "Remove the person all the same",
                back: &here,
            };
            attempt.answer(&administrator, why)
        }
    }
}

/// The group that is to open the tenant: its name, or its number where it is to open it no more.
#[derive(Deserialize)]
pub(crate) struct Mapping {
    group: Option<String>,
    role: Option<String>,
    version: Option<String>,
}

impl Fields for Mapping {
    const LIMIT: usize = 4096;
}

/// Opens a tenant to the members of a group.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn map(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(form): Form<Mapping>,
) -> FormAnswer {
    let tenant = find(&administrator, &context, &id).await?;
    let (text, here) = (form.group.unwrap_or_default(), paths::admin_tenant(&id));
    let role: Role = filled_in("role", form.role.as_deref())?;
    let wrong = match entered::<GroupName>(&text) {
        Err(wrong) => wrong,
        Ok(name) => {
            let change = MapGroup { group: GroupKey::Name(name.clone()), tenant: id.clone(), role };
            match make(&context, &administrator, &change, form.version.as_deref()).await {
                Ok(_) => return done(&context, &here, PlaceNotice::Mapped.as_str()),
                Err(Refused::Impossible(why)) if why.status != 400 => why.text,
                Err(other) => {
                    let groups =
                        context.stores.directory.list_tenant_groups(&administrator.scope, &id).await?;
                    let now = groups.iter().find(|mapped| mapped.name == name).map(|mapped| mapped.role);
                    let attempt = Attempt {
                        section: Section::Tenants,
                        subject: &format!("The role of {name}"),
                        shown: "",
                        now: now.map_or("none", Role::as_str),
                        action: &format!("{here}/groups"),
                        fields: &[("group", name.as_str()), ("role", role.as_str())],
                        text: &format!("Make it {role}"),
                        back: &here,
                    };
                    return attempt.answer(&administrator, other);
                }
            }
        }
    };
    let no_end = EnteredEnd::default();
    let none = TenantEntered::none(tenant.name.as_deref().unwrap_or_default(), &no_end);
    let group = EnteredText { value: &text, error: Some(&wrong) };
    again(&administrator, &context, &tenant, TenantEntered { group, group_role: role, ..none }).await
}

/// Takes the members of a group their role in a tenant.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn unmap(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(form): Form<Mapping>,
) -> FormAnswer {
    let here = paths::admin_tenant(&id);
    find(&administrator, &context, &id).await?;
    let group: GroupId = filled_in("group", form.group.as_deref())?;
    let change = UnmapGroup { group: group.into(), tenant: id.clone() };
    match make(&context, &administrator, &change, form.version.as_deref()).await {
        Ok(_) => done(&context, &here, PlaceNotice::Unmapped.as_str()),
        Err(why) => {
            let groups = context.stores.directory.list_tenant_groups(&administrator.scope, &id).await?;
            let role = groups.iter().find(|mapped| mapped.id == group).map(|mapped| mapped.role);
            let attempt = Attempt {
                section: Section::Tenants,
                subject: "The role of the group",
                shown: "",
                now: role.map_or("none", Role::as_str),
                action: &format!("{here}/groups/remove"),
                fields: &[("group", &group.to_string())],
                text: "Remove it all the same",
                back: &here,
            };
            attempt.answer(&administrator, why)
        }
    }
}

/// Changes the name that people see.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn rename(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(form): Form<NewName>,
) -> FormAnswer {
    let tenant = find(&administrator, &context, &id).await?;
    let (text, here) = (form.name.unwrap_or_default(), paths::admin_tenant(&id));
    let wrong = match tenants::name(&text) {
        Err(wrong) => wrong,
        Ok(name) => {
            let change = RenameTenant { id, name };
            return match make(&context, &administrator, &change, form.version.as_deref()).await {
                Ok(_) => done(&context, &here, PlaceNotice::Renamed.as_str()),
                Err(why) => {
                    let attempt = Attempt {
                        section: Section::Tenants,
                        subject: "The name of the tenant",
                        shown: form.shown.as_deref().unwrap_or_default(),
                        now: tenant.name.as_deref().unwrap_or("none"),
                        action: &format!("{here}/rename"),
                        fields: &[("name", &text)],
                        text: &format!("Rename it to {}", text.trim()),
                        back: &here,
                    };
                    attempt.answer(&administrator, why)
                }
            };
        }
    };
    let no_end = EnteredEnd::default();
    let name = EnteredText { value: &text, error: Some(wrong) };
    let entered = TenantEntered { name, ..TenantEntered::none("", &no_end) };
    again(&administrator, &context, &tenant, entered).await
}
