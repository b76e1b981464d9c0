//! What the forms of a group's page change: its name, its members, and the tenants that it opens.

use super::change::{FormAnswer, Refused, carry_out, done};
use super::forms::{
    Attempt, FormerMember, ListParameters, NewName, end_of, entered, entered_user, filled_in, make,
    until_words,
};
use super::group::{find, find_held, page};
use crate::callers::Administrator;
use crate::extract::{Fields, Form, Path};
use crate::fault::Fault;
use actix_web::{Either, web};
use gatepost_admin::Context;
use gatepost_core::access::Role;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupId, GroupName, TenantId, UserId};
use gatepost_pages::admin::{EnteredEnd, EnteredText, GroupEntered, PlaceNotice};
use gatepost_pages::{Section, paths};
use gatepost_store::directory::changes::{AddMember, MapGroup, RemoveMember, RenameGroup, UnmapGroup};
use gatepost_store::directory::{Conditions, GroupRecord, UserKey};
use serde::Deserialize;

/// Gives a group another name.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn rename(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<GroupId>,
    Form(form): Form<NewName>,
) -> FormAnswer {
    let (text, here) = (form.name.unwrap_or_default(), paths::admin_group(id));
    let why = match entered::<GroupName>(&text) {
        Err(wrong) => wrong,
        Ok(name) => {
            let change = RenameGroup { group: id.into(), name };
            let made = make(&context, &administrator, &change, form.version.as_deref()).await;
            match made {
                Ok(_) => return done(&context, &here, PlaceNotice::Renamed.as_str()),
                Err(Refused::Impossible(why)) if why.status != 400 => why.text,
                Err(other) => {
                    let now = find(&administrator, &context, id).await?.name.to_string();
                    let attempt = Attempt {
                        section: Section::Groups,
                        subject: "The name of the group",
                        shown: form.shown.as_deref().unwrap_or_default(),
                        now: &now,
                        action: &format!("{here}/rename"),
                        fields: &[("name", &text)],
                        text: &format!("Rename it to {}", text.trim()),
                        back: &here,
                    };
                    return attempt.answer(&administrator, other);
                }
            }
        }
    };
    let group = find(&administrator, &context, id).await?;
    let no_end = EnteredEnd::default();
    let none = GroupEntered::none(group.name.as_str(), &no_end);
    let entered = GroupEntered { name: EnteredText { value: &text, error: Some(&why) }, ..none };
    again(&administrator, &context, &group, entered).await
}

/// The page of the group, with what was entered.
async fn again(
    administrator: &Administrator,
    context: &Context,
    group: &GroupRecord,
    entered: GroupEntered<'_>,
) -> FormAnswer {
    page(administrator, context, group, &ListParameters::default(), entered).await.map(Either::Right)
}

/// Who is to be a member, and how long.
#[derive(Deserialize)]
pub(crate) struct NewMember {
    user: Option<String>,
    end: Option<String>,
    at: Option<String>,
    /// Empty: who is a member already stays as they are.
    version: Option<String>,
}

impl Fields for NewMember {
    const LIMIT: usize = 4096;
}

/// Adds a person to a group.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn add_member(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<GroupId>,
    Form(form): Form<NewMember>,
) -> FormAnswer {
    let (text, here) = (form.user.unwrap_or_default(), paths::admin_group(id));
    let end = end_of(form.end.as_deref(), form.at.as_deref())?;
    let user = entered_user(&administrator, &context, &text).await?;
    let until = end.until(Timestamp::now());
    let (mut wrong_user, wrong_end) = (user.as_ref().err().cloned(), until.err());
    if let (Ok(user), Ok(until)) = (user, until) {
        let change = AddMember { group: id.into(), user: user.clone(), until };
        let made = make(&context, &administrator, &change, form.version.as_deref()).await;
        match made {
            Ok(made) => {
                let joined = format!("{}&in={}", PlaceNotice::Joined.as_str(), made.outcome.user);
                return done(&context, &here, &joined);
            }
            Err(Refused::Impossible(why)) if why.status != 400 => wrong_user = Some(why.text),
            Err(other) => {
                let now = held(&administrator, &context, id, &user).await?;
                let (end, at) = (form.end.unwrap_or_default(), form.at.unwrap_or_default());
                let attempt = Attempt {
                    section: Section::Groups,
                    subject: &format!("The membership of {user}"),
                    shown: "",
                    now: &now,
                    action: &format!("{here}/members"),
                    fields: &[("user", &text), ("end", &end), ("at", &at)],
                    text: &format!("Make it {}", until_words(until)),
                    back: &here,
                };
                return attempt.answer(&administrator, other);
            }
        }
    }
    let group = find(&administrator, &context, id).await?;
    let entered = GroupEntered {
        user: EnteredText { value: &text, error: wrong_user.as_deref() },
        end_error: wrong_end,
        ..GroupEntered::none(group.name.as_str(), &end)
    };
    again(&administrator, &context, &group, entered).await
}

/// The membership that an administrator gave, in words.
async fn held(
    administrator: &Administrator,
    context: &Context,
    group: GroupId,
    user: &UserKey,
) -> Result<String, Fault> {
    Ok(match find_held(administrator, context, group, user).await? {
        None => "no member".to_owned(),
        Some((_, None)) => "no member by a decision made here".to_owned(),
        Some((_, Some(held))) => format!("a member {}", until_words(held.until)),
    })
}

/// Removes a person from a group.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn remove_member(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<GroupId>,
    Form(form): Form<FormerMember>,
) -> FormAnswer {
    let here = paths::admin_group(id);
    let user = UserKey::Id(filled_in::<UserId>("user", form.user.as_deref())?);
    let change = RemoveMember { group: id.into(), user: user.clone() };
    // Who is in by a provider alone has no version.
    let made = match form.version.as_deref() {
        None => carry_out(&context, &administrator, &change, Conditions::default()).await,
        version => make(&context, &administrator, &change, version).await,
    };
    match made {
        Ok(_) => done(&context, &here, PlaceNotice::Left.as_str()),
        Err(why) => {
            let now = held(&administrator, &context, id, &user).await?;
            let id = user.to_string();
            let attempt = Attempt {
                section: Section::Groups,
                subject: "The membership",
                shown: "",
                now: &now,
                action: &format!("{here}/members/remove"),
                fields: &[("user", &id)],
                text: "Remove the person all the same",
                back: &here,
            };
            attempt.answer(&administrator, why)
        }
    }
}

/// The tenant that the group is to open, or to open no more.
#[derive(Deserialize)]
pub(crate) struct Mapping {
    tenant: Option<String>,
    role: Option<String>,
    version: Option<String>,
}

impl Fields for Mapping {}

/// Opens a tenant to the members of a group.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn map(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<GroupId>,
    Form(form): Form<Mapping>,
) -> FormAnswer {
    let (text, here) = (form.tenant.unwrap_or_default(), paths::admin_group(id));
    let role: Role = filled_in("role", form.role.as_deref())?;
    let group = find(&administrator, &context, id).await?;
    let wrong = match entered::<TenantId>(&text) {
        Err(wrong) => wrong,
        Ok(tenant) if context.stores.directory.tenant_exists(&tenant).await? => {
            let change = MapGroup { group: id.into(), tenant: tenant.clone(), role };
            match make(&context, &administrator, &change, form.version.as_deref()).await {
                Ok(_) => return done(&context, &here, PlaceNotice::Mapped.as_str()),
                Err(Refused::Impossible(why)) if why.status != 400 => why.text,
                Err(other) => {
                    let attempt = Attempt {
                        section: Section::Groups,
                        subject: &format!("The role in {tenant}"),
                        shown: "",
                        now: role_in(&administrator, &context, id, &tenant).await?,
                        action: &format!("{here}/tenants"),
                        fields: &[("tenant", tenant.as_str()), ("role", role.as_str())],
                        text: &format!("Make it {role}"),
                        back: &here,
                    };
                    return attempt.answer(&administrator, other);
                }
            }
        }
        Ok(tenant) => format!("There is no tenant {tenant}."),
    };
    let no_end = EnteredEnd::default();
    let none = GroupEntered::none(group.name.as_str(), &no_end);
    let entered = GroupEntered { tenant: EnteredText { value: &text, error: Some(&wrong) }, role, ..none };
    again(&administrator, &context, &group, entered).await
}

/// Takes the members of a group their role in a tenant.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn unmap(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<GroupId>,
    Form(form): Form<Mapping>,
) -> FormAnswer {
    let here = paths::admin_group(id);
    let tenant: TenantId = filled_in("tenant", form.tenant.as_deref())?;
    let change = UnmapGroup { group: id.into(), tenant: tenant.clone() };
    let made = make(&context, &administrator, &change, form.version.as_deref()).await;
    match made {
        Ok(_) => done(&context, &here, PlaceNotice::Unmapped.as_str()),
        Err(why) => {
            let attempt = Attempt {
                section: Section::Groups,
                subject: &format!("The role in {tenant}"),
                shown: "",
                now: role_in(&administrator, &context, id, &tenant).await?,
                action: &format!("{here}/tenants/remove"),
                fields: &[("tenant", tenant.as_str())],
                text: "Remove it all the same",
                back: &here,
            };
            attempt.answer(&administrator, why)
        }
    }
}

/// The role that the members of a group have in a tenant by it, in words.
async fn role_in(
    administrator: &Administrator,
    context: &Context,
    id: GroupId,
    tenant: &TenantId,
) -> Result<&'static str, Fault> {
    let tenants = context.stores.directory.list_group_tenants(&administrator.scope, id).await?;
    let role = tenants.iter().find(|mapped| mapped.tenant_id == *tenant).map(|mapped| mapped.role);
    Ok(role.map_or("none", Role::as_str))
}
