//! The page of an invitation to a tenant, for who is signed in: they read what is offered to them, and accept it. The secret in the
//! path lets nobody in: the directory compares the address of the person with the one that was invited.

use super::account::back_to_account;
use super::answer::{PageAnswer, RedirectOrPage};
use super::callers::Person;
use super::extract::Path;
use super::fault::Fault;
use actix_web::{Either, web};
use gatepost_admin::Context as Admin;
use gatepost_core::administration::Scope;
use gatepost_core::invitation::{InvitationSecret, masked};
use gatepost_pages::{Brand, Invitation, paths};
use gatepost_sign_in::{Context, addresses};
use gatepost_store::directory::changes::AcceptInvitation;
use gatepost_store::directory::{Conditions, DirectoryError, InvitationRecord, Who};

/// Shows what is offered.
///
/// # Errors
/// [`Fault`]: the directory does not answer.
pub(super) async fn show(
    person: Person,
    context: web::Data<Context>,
    Path(secret): Path<InvitationSecret>,
) -> Result<PageAnswer, Fault> {
    let request_id = person.browser.request_id;
    let Some(invitation) = context.stores.directory.find_invitation(&secret.digest()).await? else {
        return Ok(PageAnswer(Invitation::Over.page(request_id)));
    };
    let own = person.principal.standing.person.email.as_ref();
    if own != Some(&invitation.email) {
        return Ok(for_somebody_else(&context, &person, &secret, &masked(&invitation.email)));
    }
    offered(&context, &person, &secret, &invitation).await
}

async fn offered(
    context: &Context,
    person: &Person,
    secret: &InvitationSecret,
    invitation: &InvitationRecord,
) -> Result<PageAnswer, Fault> {
    let id = &invitation.tenant_id;
    let tenant = context.stores.directory.find_tenant(&Scope::System, id).await?.ok_or(Fault::NotFound)?;
    let host = context.site.config.public_url.host();
    let page = Invitation::Offered {
        tenant: tenant.name.as_deref().unwrap_or(id.as_str()),
        role: invitation.role,
        email: &invitation.email,
        secret,
        brand: Some(&tenant.branding)
            .filter(|branding| !branding.is_empty())
            .map(|branding| Brand { branding, host }),
    };
    Ok(PageAnswer(page.page(person.browser.request_id)))
}

fn for_somebody_else(
    context: &Context,
    person: &Person,
    secret: &InvitationSecret,
    masked: &str,
) -> PageAnswer {
    let to = addresses::sealed_page(&context.site, &paths::invitation(secret));
    PageAnswer(Invitation::ForSomebodyElse { masked, to: &to }.page(person.browser.request_id))
}

/// Accepts it.
///
/// # Errors
/// [`Fault`]: the directory does not answer.
pub(super) async fn accept(
    person: Person,
    context: web::Data<Context>,
    admin: web::Data<Admin>,
    Path(secret): Path<InvitationSecret>,
) -> Result<RedirectOrPage, Fault> {
    let user = person.principal.standing.person.id;
    let change = AcceptInvitation { user, hash: secret.digest() };
    let actor = person.browser.actor(Who::Person(user));
    let page = |invitation: Invitation<'_>| {
        Ok(Either::Right(PageAnswer(invitation.page(person.browser.request_id))))
    };
    match admin.carry_out(&change, Conditions::default(), &actor).await {
        Ok(_) => Ok(Either::Left(back_to_account(&context, "joined"))),
        Err(DirectoryError::InvitationOver) => page(Invitation::Over),
        Err(DirectoryError::NotInvited(masked)) => {
            Ok(Either::Right(for_somebody_else(&context, &person, &secret, &masked)))
        }
        Err(DirectoryError::TenantSuspended(_)) => page(Invitation::Suspended),
        Err(DirectoryError::LimitReached(..)) => page(Invitation::Full),
        // They were disabled or erased a moment ago.
        Err(DirectoryError::Denied(_) | DirectoryError::UnknownUser(_)) => Err(Fault::NotFound),
        Err(error) => Err(error.into()),
    }
}
