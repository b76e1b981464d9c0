//! A refusal: why it was, and a form that gives the person exactly what is missing.

use super::change::{FormAnswer, Impossible, Refused, carry_out, done, refused};
use crate::admin::access::missing::{Grant, find_remedy};
use crate::explain::{ExplainError, explain_request};
use crate::http::public::answer::{PageAnswer, Redirect};
use crate::http::public::callers::Administrator;
use crate::http::public::extract::{Fields, Form, Path, Query};
use crate::http::public::fault::Fault;
use crate::{admin, explain};
use actix_web::{Either, web};
use gatepost_core::access::Role;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{RequestId, UserId};
use gatepost_core::requirement::Requirement;
use gatepost_pages::admin::{EnteredEnd, GrantingForm, RefusalDetails};
use gatepost_pages::explanation::PastRequest;
use gatepost_pages::{Section, paths};
use gatepost_store::directory::changes::{AddMember, AddTenantMember, SetAdmin};
use gatepost_store::directory::{Conditions, GroupKey, UserKey};
use serde::Deserialize;

/// The number of a refusal.
#[derive(Deserialize)]
pub(in crate::http::public) struct Wanted {
    number: Option<String>,
}

/// Leads to a refusal by its number.
///
/// # Errors
/// [`Fault::NotFound`]: it is no number.
pub(in crate::http::public) async fn find(
    _: Administrator,
    admin: web::Data<admin::Context>,
    Query(wanted): Query<Wanted>,
) -> Result<Redirect, Fault> {
    let number = wanted.number.as_deref().map(str::trim).and_then(|number| number.parse().ok());
    let path = paths::admin_refusal(number.ok_or(Fault::NotFound)?);
    Ok(Redirect { to: format!("{}{path}", admin.site.config.public_url), cookie: None })
}

/// What the last form did.
#[derive(Deserialize)]
pub(in crate::http::public) struct Shown {
    done: Option<String>,
}

/// Shows a refusal, for administrators of the system.
///
/// # Errors
/// [`Fault`]: it is not stored, or the directory does not answer.
pub(in crate::http::public) async fn refusal(
    administrator: Administrator,
    explain: web::Data<explain::Context>,
    Path(number): Path<RequestId>,
    Query(shown): Query<Shown>,
) -> Result<PageAnswer, Fault> {
    let past = load(&administrator, &explain, number).await?;
    let notice = shown.done.filter(|done| done == GRANTED).map(|_| "It was granted.");
    show(&administrator, &past, notice, &GrantingForm::default())
}

const GRANTED: &str = "granted";

async fn load(
    administrator: &Administrator,
    explain: &explain::Context,
    number: RequestId,
) -> Result<PastRequest, Fault> {
    if !administrator.scope.is_system() {
        return Err(Fault::AdminsOnly);
    }
    match explain_request(explain, number).await {
        Ok(past) if past.refused.is_some() => Ok(past),
        Ok(_) | Err(ExplainError::UnknownRequest(_) | ExplainError::UnknownUser { .. }) => {
            Err(Fault::NotFound)
        }
        Err(ExplainError::Directory(error)) => Err(error.into()),
    }
}

fn show(
    administrator: &Administrator,
    past: &PastRequest,
    notice: Option<&str>,
    form: &GrantingForm,
) -> Result<PageAnswer, Fault> {
    let refused = past.refused.as_ref().ok_or(Fault::NotFound)?;
    let frame = administrator.frame(notice);
    let page = RefusalDetails { frame, past, refused, form, now: Timestamp::now() };
    Ok(PageAnswer(page.page()))
}

/// One choice of each step, and how long it counts.
#[derive(Deserialize)]
pub(in crate::http::public) struct Granting {
    step0: Option<String>,
    step1: Option<String>,
    step2: Option<String>,
    end: Option<String>,
    at: Option<String>,
}

impl Fields for Granting {
    const LIMIT: usize = 8 * 1024;
}

/// Gives the person what is missing now, as far as the form chose it; nothing else can be given here.
pub(in crate::http::public) async fn grant(
    administrator: Administrator,
    admin: web::Data<admin::Context>,
    explain: web::Data<explain::Context>,
    Path(number): Path<RequestId>,
    Form(form): Form<Granting>,
) -> FormAnswer {
    let past = load(&administrator, &explain, number).await?;
    let facts = past.refused.as_ref().ok_or(Fault::NotFound)?;
    let requirement = Requirement::parse(&facts.requirement).map_err(|_| Fault::NotFound)?;
    let chosen: Vec<String> = [form.step0, form.step1, form.step2].into_iter().flatten().collect();
    let entered = EnteredEnd::new(form.end.as_deref(), form.at.as_deref()).ok_or(Fault::NotFound)?;
    let until = match entered.until(Timestamp::now()) {
        Ok(until) => until,
        Err(error) => {
            let form = GrantingForm { chosen, end: entered, end_error: Some(error) };
            return Ok(Either::Right(show(&administrator, &past, None, &form)?));
        }
    };
    let back = paths::admin_refusal(number);
    let remedy = find_remedy(&admin.stores.directory, facts.user_id, &requirement).await?;
    let steps = remedy.map(|remedy| remedy.steps).unwrap_or_default();
    let pairs = steps.iter().zip(&chosen);
    let grants: Vec<&Grant> =
        pairs.filter_map(|(step, key)| step.choices.iter().find(|grant| grant.key() == *key)).collect();
    if grants.is_empty() || grants.len() != steps.len() || grants.len() != chosen.len() {
        let why = Impossible {
            status: 409,
            text: "What is missing has changed since the page was shown.".to_owned(),
            remedy: "Look at the refusal again.",
        };
        return refused(&administrator, Section::Access, &back, &why);
    }
    for one in grants {
        if let Err(why) = give(&admin, &administrator, facts.user_id, one, until).await {
            return why.answer(&administrator, Section::Access, &back);
        }
    }
    done(&admin, &back, GRANTED)
}

async fn give(
    admin: &admin::Context,
    administrator: &Administrator,
    user: UserId,
    grant: &Grant,
    until: Option<Timestamp>,
) -> Result<(), Refused> {
    let (user, conditions) = (UserKey::Id(user), Conditions::default());
    match grant {
        Grant::Group { name, .. } => {
            let change = AddMember { group: GroupKey::Name(name.clone()), user, until };
            carry_out(admin, administrator, &change, conditions).await.map(drop)
        }
        Grant::Tenant(tenant) => {
            let change = AddTenantMember { tenant: tenant.clone(), user, role: Role::Member, until };
            carry_out(admin, administrator, &change, conditions).await.map(drop)
        }
        Grant::Admin => {
            let change = SetAdmin { user, is_admin: Some(true), until };
            carry_out(admin, administrator, &change, conditions).await.map(drop)
        }
    }
}
