//! The life of a tenant: suspended and resumed, deleted and restored. What takes something away is asked before on a page of
//! its own.

use super::change::{FormAnswer, Refused, done};
use super::forms::{Attempt, TypedId, entered, make};
use super::tenant::find;
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Fields, Form, Path};
use crate::fault::Fault;
use actix_web::{Either, web};
use gatepost_admin::Context;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::TenantId;
use gatepost_core::tenant::SuspensionReason;
use gatepost_pages::admin::{EnteredText, PlaceNotice, TenantDeletion, TenantSuspension};
use gatepost_pages::{Section, paths};
use gatepost_store::directory::changes::{DeleteTenant, RestoreTenant, ResumeTenant, SuspendTenant};
use gatepost_store::directory::{KeyFilter, KeyStanding, TenantRecord};
use serde::Deserialize;

/// Keys that are counted: more are told as this number.
const MOST_KEYS: u32 = 100;

/// Asks before a tenant is suspended.
///
/// # Errors
/// [`Fault`]: there is no such tenant.
pub(crate) async fn ask_to_suspend(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
) -> Result<PageAnswer, Fault> {
    let tenant = find(&administrator, &context, &id).await?;
    let reason = EnteredText::of(tenant.suspended_reason.as_deref().unwrap_or_default());
    suspension(&administrator, &context, &tenant, reason).await
}

async fn suspension(
    administrator: &Administrator,
    context: &Context,
    tenant: &TenantRecord,
    reason: EnteredText<'_>,
) -> Result<PageAnswer, Fault> {
    let standing = Some(KeyStanding::Valid(Timestamp::now()));
    let filter = KeyFilter { tenant: Some(tenant.id.clone()), standing, ..KeyFilter::default() };
    let keys = context.stores.directory.search_keys(&administrator.scope, &filter, None, MOST_KEYS).await?;
    let more = if keys.next.is_some() { "+" } else { "" };
    let page = TenantSuspension {
        frame: administrator.frame(None),
        id: &tenant.id,
        name: tenant.name.as_deref(),
        version: tenant.version,
        count: &tenant.members.to_string(),
        keys: &format!("{}{more}", keys.items.len()),
        reason,
    };
    Ok(PageAnswer(page.page()))
}

/// Why a tenant is suspended; or, without a reason, what the form showed.
#[derive(Deserialize)]
pub(crate) struct Suspending {
    reason: Option<String>,
    version: Option<String>,
}

impl Fields for Suspending {
    const LIMIT: usize = 4096;
}

/// Suspends a tenant, or changes the reason of a suspended one.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn suspend(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(form): Form<Suspending>,
) -> FormAnswer {
    let tenant = find(&administrator, &context, &id).await?;
    let (text, here) = (form.reason.unwrap_or_default(), paths::admin_tenant(&id));
    let reason = match entered::<SuspensionReason>(&text) {
        Ok(reason) => reason,
        Err(wrong) => {
            let reason = EnteredText { value: &text, error: Some(&wrong) };
            return suspension(&administrator, &context, &tenant, reason).await.map(Either::Right);
        }
    };
    match make(&context, &administrator, &SuspendTenant { id, reason }, form.version.as_deref()).await {
        Ok(_) => done(&context, &here, PlaceNotice::Suspended.as_str()),
        Err(why) => overtaken(&administrator, &tenant, ("suspend", &[("reason", &text)], "Suspend"), why),
    }
}

/// Ends the suspension of a tenant.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn resume(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(form): Form<Suspending>,
) -> FormAnswer {
    let tenant = find(&administrator, &context, &id).await?;
    let here = paths::admin_tenant(&id);
    match make(&context, &administrator, &ResumeTenant { id }, form.version.as_deref()).await {
        Ok(_) => done(&context, &here, PlaceNotice::Resumed.as_str()),
        Err(why) => overtaken(&administrator, &tenant, ("resume", &[], "Resume"), why),
    }
}

/// Brings a deleted tenant back.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn restore(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(form): Form<Suspending>,
) -> FormAnswer {
    let found = context.stores.directory.find_tenant(&administrator.scope, &id).await?;
    let (tenant, here) = (found.ok_or(Fault::NotFound)?, paths::admin_tenant(&id));
    match make(&context, &administrator, &RestoreTenant { id }, form.version.as_deref()).await {
        Ok(_) => done(&context, &here, PlaceNotice::Restored.as_str()),
        Err(why) => overtaken(&administrator, &tenant, ("restore", &[], "Restore"), why),
    }
}

/// Says what there is now, and offers the form again: its verb, its fields, and what its button says.
fn overtaken(
    administrator: &Administrator,
    tenant: &TenantRecord,
    (verb, fields, word): (&str, &[(&str, &str)], &str),
    why: Refused,
) -> FormAnswer {
    let here = paths::admin_tenant(&tenant.id);
    let name = tenant.name.as_deref().unwrap_or(tenant.id.as_str());
    let attempt = Attempt {
        section: Section::Tenants,
        subject: "The tenant",
        shown: "",
        now: &format!("{name}, {}", tenant.state),
        action: &format!("{here}/{verb}"),
        fields,
        text: &format!("{word} it all the same"),
        back: &here,
    };
    attempt.answer(administrator, why)
}

/// Asks before a tenant is deleted.
///
/// # Errors
/// [`Fault`]: there is no such tenant.
pub(crate) async fn ask_to_delete(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
) -> Result<PageAnswer, Fault> {
    let tenant = find(&administrator, &context, &id).await?;
    Ok(deletion(&administrator, &tenant, EnteredText::default()))
}

fn deletion(administrator: &Administrator, tenant: &TenantRecord, typed: EnteredText<'_>) -> PageAnswer {
    let page = TenantDeletion {
        frame: administrator.frame(None),
        id: &tenant.id,
        name: tenant.name.as_deref(),
        version: tenant.version,
        count: &tenant.members.to_string(),
        groups: tenant.groups.len(),
        typed,
    };
    PageAnswer(page.page())
}

/// Deletes a tenant whose id was typed.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn delete(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(form): Form<TypedId>,
) -> FormAnswer {
    let tenant = find(&administrator, &context, &id).await?;
    let (text, here) = (form.id.unwrap_or_default(), paths::admin_tenant(&id));
    if text.trim() != id.as_str() {
        let typed = EnteredText { value: &text, error: Some("This is not the id of the tenant.") };
        return Ok(Either::Right(deletion(&administrator, &tenant, typed)));
    }
    let change = DeleteTenant { id };
    match make(&context, &administrator, &change, form.version.as_deref()).await {
        Ok(_) => done(&context, &here, PlaceNotice::Deleted.as_str()),
        Err(why) => overtaken(&administrator, &tenant, ("delete", &[("id", &text)], "Delete"), why),
    }
}
