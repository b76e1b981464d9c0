//! A person asks for access that they were refused, and withdraws their request.

use super::account::back_to_account;
use super::answer::{PageAnswer, RedirectOrPage};
use super::callers::Person;
use super::extract::{Fields, Form, Query};
use super::fault::Fault;
use actix_web::{Either, web};
use gatepost_admin::Context as Admin;
use gatepost_core::access_request::{Remark, Wanted};
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::Missing;
use gatepost_core::ids::RequestId;
use gatepost_core::refusal::Refusal;
use gatepost_pages::{RequestFault, RequestForm, refusal_not_stored_yet};
use gatepost_sign_in::Context;
use gatepost_store::directory::changes::{RequestAccess, WithdrawRequest};
use gatepost_store::directory::{Conditions, DirectoryError, Who};
use serde::Deserialize;
use std::time::Duration;

/// Refusals are stored in batches, so one that is younger may be on its way.
const STORED_AFTER: Duration = Duration::from_secs(30);

/// The number of a refusal.
#[derive(Deserialize)]
pub(super) struct Number {
    refusal: Option<String>,
}

/// The fields of the form.
#[derive(Deserialize)]
pub(super) struct Asked {
    refusal: Option<String>,
    group: Option<String>,
    tenant: Option<String>,
    note: Option<String>,
}

impl Fields for Asked {
    // A note of the longest characters, each percent-encoded, and the longest name of a group.
    const LIMIT: usize = 8 * 1024;
}

/// The id of a request for access.
#[derive(Deserialize)]
pub(super) struct Withdrawn {
    request: Option<String>,
}

impl Fields for Withdrawn {}

pub(super) async fn show(
    person: Person,
    context: web::Data<Context>,
    Query(Number { refusal }): Query<Number>,
) -> Result<PageAnswer, Fault> {
    Ok(PageAnswer(match find(&context, &person, refusal.as_deref()).await? {
        Found::NotStoredYet => refusal_not_stored_yet(person.browser.request_id),
        Found::Refused(refused) => refused.form(&person, "", None).page(),
    }))
}

pub(super) async fn ask(
    person: Person,
    context: web::Data<Context>,
    admin: web::Data<Admin>,
    Form(asked): Form<Asked>,
) -> Result<RedirectOrPage, Fault> {
    let refused = match find(&context, &person, asked.refusal.as_deref()).await? {
        Found::NotStoredYet => {
            return Ok(Either::Right(PageAnswer(refusal_not_stored_yet(person.browser.request_id))));
        }
        Found::Refused(refused) => refused,
    };
    let note = asked.note.as_deref().unwrap_or_default();
    let again = |fault| Ok(Either::Right(PageAnswer(refused.form(&person, note, Some(fault)).page())));
    let wanted = refused.wanted(&asked).ok_or(Fault::NotFound)?;
    let Ok(remark) = Remark::optional(note) else { return again(RequestFault::TooLong) };
    let user = person.principal.standing.person.id;
    let change = RequestAccess { user, wanted, note: remark };
    let actor = person.browser.actor(Who::Person(user));
    match admin.carry_out(&change, Conditions::default(), &actor).await {
        Ok(_) => Ok(Either::Left(back_to_account(&context, "requested"))),
        Err(DirectoryError::AccessHeld(_)) => again(RequestFault::Held),
        Err(DirectoryError::TooManyRequests(_)) => again(RequestFault::TooMany),
        Err(DirectoryError::UnknownGroup(_) | DirectoryError::UnknownTenant(_)) => {
            again(RequestFault::Unknown)
        }
        // They were disabled a moment ago.
        Err(DirectoryError::Denied(_)) => Err(Fault::NotFound),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn withdraw(
    person: Person,
    context: web::Data<Context>,
    admin: web::Data<Admin>,
    Form(Withdrawn { request }): Form<Withdrawn>,
) -> Result<RedirectOrPage, Fault> {
    let id = request.and_then(|id| id.parse().ok()).ok_or(Fault::NotFound)?;
    let user = person.principal.standing.person.id;
    let actor = person.browser.actor(Who::Person(user));
    match admin.carry_out(&WithdrawRequest { user, id }, Conditions::default(), &actor).await {
        Ok(_) => Ok(Either::Left(back_to_account(&context, "withdrawn"))),
        // It was decided while the person read the page, which shows what was decided.
        Err(DirectoryError::RequestDecided(..)) => Ok(Either::Left(back_to_account(&context, ""))),
        Err(DirectoryError::UnknownRequest(_) | DirectoryError::Denied(_)) => Err(Fault::NotFound),
        Err(error) => Err(error.into()),
    }
}

enum Found {
    Refused(Box<Refused>),
    NotStoredYet,
}

/// A refusal of the caller that a group or a tenant would cure.
struct Refused {
    refusal: Refusal,
    missing: Missing,
}

/// Looks up the refusal. To a person the refusals of others do not exist, and neither do those that they may not ask about.
async fn find(context: &Context, person: &Person, number: Option<&str>) -> Result<Found, Fault> {
    let standing = &person.principal.standing;
    if !context.site.may_request_access(&standing.access) {
        return Err(Fault::NotFound);
    }
    let id: RequestId = number.and_then(|number| number.parse().ok()).ok_or(Fault::NotFound)?;
    let Some(mut refusal) = context.stores.directory.find_refusal(id).await? else {
        let now = Timestamp::now();
        let is_new = id.created_at().is_some_and(|at| at <= now && now.since(at) < STORED_AFTER);
        return if is_new { Ok(Found::NotStoredYet) } else { Err(Fault::NotFound) };
    };
    let missing =
        refusal.missing.take().filter(|missing| refusal.user == standing.person.id && missing.is_curable());
    Ok(Found::Refused(Box::new(Refused { missing: missing.ok_or(Fault::NotFound)?, refusal })))
}

impl Refused {
    fn form<'a>(&'a self, person: &Person, note: &'a str, fault: Option<RequestFault>) -> RequestForm<'a> {
        RequestForm {
            refusal: self.refusal.request_id,
            host: &self.refusal.host,
            missing: &self.missing,
            note,
            fault,
            request_id: person.browser.request_id,
        }
    }

    /// What the form asks for: of groups and of tenants one each, if one was missing. `None`: something else.
    fn wanted(&self, asked: &Asked) -> Option<Vec<Wanted>> {
        let Missing { groups, tenants, .. } = &self.missing;
        let group = groups.iter().find(|group| asked.group.as_deref() == Some(group.as_str()));
        let tenant = tenants.iter().find(|tenant| asked.tenant.as_deref() == Some(tenant.as_str()));
        let is_whole = (groups.is_empty() || group.is_some()) && (tenants.is_empty() || tenant.is_some());
        let group = group.cloned().map(Wanted::Group);
        let tenant = tenant.cloned().map(Wanted::Tenant);
        is_whole.then(|| group.into_iter().chain(tenant).collect())
    }
}
