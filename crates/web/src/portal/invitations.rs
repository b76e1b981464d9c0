//! Invitations to a tenant: the list, a new one with its link, and withdrawing one.

use super::change::{FormAnswer, Refused, carry_out, done};
use super::forms::{ListParameters, entered, filled_in};
use super::tenant::find;
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Fields, Form, Path, Query};
use crate::fault::Fault;
use actix_web::{Either, web};
use gatepost_admin::Context;
use gatepost_core::access::Role;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{InvitationId, TenantId};
use gatepost_pages::admin::{EnteredText, InvitationEntry, PlaceNotice, TenantInvitations};
use gatepost_pages::{Section, paths};
use gatepost_store::directory::changes::{InviteMember, NewInvitation, WithdrawInvitation};
use gatepost_store::directory::{Conditions, TenantRecord};
use serde::Deserialize;

/// What the page shows beside the list.
#[derive(Default)]
struct Shown<'a> {
    done: Option<&'a str>,
    email: EnteredText<'a>,
    role: Option<Role>,
    made: Option<(&'a EmailAddress, &'a str)>,
}

async fn page(
    administrator: &Administrator,
    context: &Context,
    tenant: &TenantRecord,
    Shown { done, email, role, made }: Shown<'_>,
) -> Result<PageAnswer, Fault> {
    let found = context.stores.directory.list_invitations(&administrator.scope, &tenant.id).await?;
    let entries: Vec<_> = found
        .iter()
        .map(|invitation| InvitationEntry {
            id: invitation.id,
            email: &invitation.email,
            role: invitation.role,
            expires_at: invitation.expires_at,
        })
        .collect();
    let page = TenantInvitations {
        frame: administrator.frame(PlaceNotice::text_of(done)),
        id: &tenant.id,
        name: tenant.name.as_deref(),
        invitations: &entries,
        email,
        role: role.unwrap_or(Role::Member),
        is_new: PlaceNotice::is_created(done),
        made,
    };
    Ok(PageAnswer(page.page()))
}

/// Shows who is invited.
///
/// # Errors
/// [`Fault`]: the tenant does not exist for the caller, or the directory does not answer.
pub(crate) async fn show(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Query(parameters): Query<ListParameters>,
) -> Result<PageAnswer, Fault> {
    let tenant = find(&administrator, &context, &id).await?;
    let shown = Shown { done: parameters.done.as_deref(), ..Shown::default() };
    page(&administrator, &context, &tenant, shown).await
}

/// Who is to be invited.
#[derive(Deserialize)]
pub(crate) struct Plan {
    email: Option<String>,
    role: Option<String>,
}

impl Fields for Plan {}

/// Invites somebody. The answer shows the link, which nothing shows again.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn invite(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(plan): Form<Plan>,
) -> FormAnswer {
    let tenant = find(&administrator, &context, &id).await?;
    let (text, role) = (plan.email.unwrap_or_default(), filled_in::<Role>("role", plan.role.as_deref())?);
    let wrong = match entered::<EmailAddress>(&text) {
        Err(wrong) => wrong,
        Ok(email) => {
            let change = InviteMember { tenant: id, email, role };
            match carry_out(&context, &administrator, &change, Conditions::default()).await {
                Ok(made) => {
                    return shown_once(&administrator, &context, &tenant, (&made.outcome, None)).await;
                }
                Err(Refused::Impossible(why)) => why.text,
                Err(why) => {
                    return why.answer(&administrator, Section::Tenants, &paths::admin_tenant(&tenant.id));
                }
            }
        }
    };
    let email = EnteredText { value: &text, error: Some(&wrong) };
    let shown = Shown { email, role: Some(role), ..Shown::default() };
    page(&administrator, &context, &tenant, shown).await.map(Either::Right)
}

/// The page with the link of a new invitation, and what else was done.
pub(super) async fn shown_once(
    administrator: &Administrator,
    context: &Context,
    tenant: &TenantRecord,
    (NewInvitation { record, secret }, done): (&NewInvitation, Option<&str>),
) -> FormAnswer {
    let link = context.site.public_address(&paths::invitation(secret), &[]);
    let shown = Shown { done, made: Some((&record.email, link.as_str())), ..Shown::default() };
    page(administrator, context, tenant, shown).await.map(Either::Right)
}

/// Which invitation is to be withdrawn.
#[derive(Deserialize)]
pub(crate) struct Withdrawn {
    invitation: Option<String>,
}

impl Fields for Withdrawn {}

/// Withdraws an invitation.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn withdraw(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(tenant): Path<TenantId>,
    Form(form): Form<Withdrawn>,
) -> FormAnswer {
    find(&administrator, &context, &tenant).await?;
    let here = paths::admin_tenant_invitations(&tenant);
    let id: InvitationId = filled_in("invitation", form.invitation.as_deref())?;
    let change = WithdrawInvitation { tenant, id };
    match carry_out(&context, &administrator, &change, Conditions::default()).await {
        Ok(_) => done(&context, &here, PlaceNotice::Withdrawn.as_str()),
        Err(why) => why.answer(&administrator, Section::Tenants, &here),
    }
}
