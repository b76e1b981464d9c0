//! Refusals: the last ones, and one of them: why it was, and a form that gives the person exactly what is missing.

use super::change::{FormAnswer, Impossible, Refused, carry_out, done, refused};
use super::forms::{PAGE, linked};
use super::rows::Reasoned;
use super::sought::request_number;
use crate::answer::{PageAnswer, Redirect};
use crate::callers::Administrator;
use crate::extract::{Fields, Form, Path, Query};
use crate::fault::Fault;
use actix_web::{Either, web};
use gatepost_admin::access::missing::{Grant, find_remedy};
use gatepost_admin::explain::{ExplainError, Explainer};
use gatepost_core::access::Role;
use gatepost_core::api_key::KeyId;
use gatepost_core::clock::Timestamp;
use gatepost_core::host::HostName;
use gatepost_core::ids::{RequestId, UserId};
use gatepost_core::requirement::Requirement;
use gatepost_pages::admin::{
    EnteredEnd, GrantingForm, RefusalDetails, RefusalFilterWords, Refusals, UnknownRefusal,
};
use gatepost_pages::explanation::PastRequest;
use gatepost_pages::{Section, paths};
use gatepost_runtime::hosts::Protected;
use gatepost_store::directory::changes::{AddMember, AddTenantMember, SetAdmin};
use gatepost_store::directory::{AuditFilter, Conditions, GroupKey, RefusalFilter, UserKey};
use serde::Deserialize;
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);
/// Refusals are kept for a week.
const MOST_HOURS: u32 = 7 * 24;

/// The number of a refusal; or the filter, and where the page begins.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    number: Option<String>,
    user: Option<String>,
    key: Option<String>,
    host: Option<String>,
    reason: Option<String>,
    hours: Option<String>,
    after: Option<String>,
}

/// Leads to a refusal by its number, or lists the last ones.
///
/// # Errors
/// [`Fault`]: the filter is none of the page's, or the directory does not answer.
pub(crate) async fn list(
    administrator: Administrator,
    admin: web::Data<gatepost_admin::Context>,
    Query(wanted): Query<Wanted>,
) -> FormAnswer {
    let number = wanted.number.as_deref().map(str::trim).filter(|number| !number.is_empty());
    if let Some(number) = number.and_then(any_number) {
        let to = format!("{}{}", admin.site.config.public_url, paths::admin_refusal(number));
        return Ok(Either::Left(Redirect { to, cookie: None }));
    }
    let now = Timestamp::now();
    let (filter, after) = (read(&wanted, now)?, linked(wanted.after.as_deref())?);
    let (scope, directory) = (&administrator.scope, &admin.stores.directory);
    let found = directory.search_refusals(scope, &filter, after.as_ref(), PAGE).await?;
    let reasoned: Vec<Reasoned> = found.items.into_iter().map(Reasoned::from).collect();
    let next = found.next.map(|next| next.to_string());
    let chosen = |value: &'_ Option<String>| value.clone().filter(|value| !value.is_empty());
    let (user, key) = (chosen(&wanted.user), chosen(&wanted.key));
    let (host, reason, hours) = (chosen(&wanted.host), chosen(&wanted.reason), chosen(&wanted.hours));
    let page = Refusals {
        frame: administrator.frame(None),
        filter: RefusalFilterWords {
            user: user.as_deref(),
            key: key.as_deref(),
            host: host.as_deref(),
            reason: reason.as_deref(),
            hours: hours.as_deref(),
        },
        entries: &reasoned.iter().map(Reasoned::entry).collect::<Vec<_>>(),
        next: next.as_deref(),
        wrong_number: number,
        now,
    };
    Ok(Either::Right(PageAnswer(page.page())))
}

/// As a search finds it, and as links write it.
fn any_number(text: &str) -> Option<RequestId> {
    text.parse().ok().or_else(|| request_number(text))
}

fn read(wanted: &Wanted, now: Timestamp) -> Result<RefusalFilter, Fault> {
    let hours: Option<u32> = linked(wanted.hours.as_deref())?;
    if hours.is_some_and(|hours| hours == 0 || hours > MOST_HOURS) {
        return Err(Fault::NotFound);
    }
    let reason = wanted.reason.clone().filter(|reason| !reason.is_empty());
    // Postgres takes no NUL in a text.
    if reason.as_ref().is_some_and(|reason| reason.contains('\0')) {
        return Err(Fault::NotFound);
    }
    Ok(RefusalFilter {
        user: linked::<UserId>(wanted.user.as_deref())?,
        key: linked::<KeyId>(wanted.key.as_deref())?,
        host: linked::<HostName>(wanted.host.as_deref())?.map(|host| host.to_string()),
        reason,
        since: hours.map(|hours| now.minus(HOUR * hours)),
    })
}

/// What the last form did.
#[derive(Deserialize)]
pub(crate) struct Shown {
    done: Option<String>,
}

/// Shows a refusal, or why none may have this number, for administrators of the system.
///
/// # Errors
/// [`Fault`]: the directory does not answer.
pub(crate) async fn refusal(
    administrator: Administrator,
    admin: web::Data<gatepost_admin::Context>,
    explainer: web::Data<dyn Explainer>,
    Path(number): Path<RequestId>,
    Query(shown): Query<Shown>,
) -> Result<PageAnswer, Fault> {
    let past = match load(&administrator, &**explainer, number).await {
        Err(Fault::NotFound) => {
            let filter = AuditFilter { request_id: Some(number), ..AuditFilter::default() };
            let audited = admin.stores.directory.list_audit(&administrator.scope, &filter, 1).await?;
            let frame = administrator.frame(None);
            let page = UnknownRefusal { frame, number, is_audited: !audited.is_empty() };
            return Ok(PageAnswer(page.page()));
        }
        past => past?,
    };
    let is_person = past.refused.as_ref().is_some_and(|refused| refused.is_person);
    let notice = shown.done.filter(|done| is_person && done == GRANTED).map(|_| {
        "It was granted, and counts from the next request on. A group and the role of an administrator are taken back on the person's page, a tenant on its own."
    });
    show(&administrator, &past, notice, &GrantingForm::default())
}

const GRANTED: &str = "granted";

async fn load(
    administrator: &Administrator,
    explainer: &dyn Explainer,
    number: RequestId,
) -> Result<PastRequest, Fault> {
    if !administrator.scope.is_system() {
        return Err(Fault::AdminsOnly);
    }
    match explainer.explain_request(number).await {
        Ok(past) if past.refused.is_some() => Ok(past),
        Ok(_)
        | Err(
            ExplainError::UnknownRequest(_) | ExplainError::UnknownKey(_) | ExplainError::UnknownUser { .. },
        ) => Err(Fault::NotFound),
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
pub(crate) struct Granting {
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
pub(crate) async fn grant(
    administrator: Administrator,
    admin: web::Data<gatepost_admin::Context>,
    explainer: web::Data<dyn Explainer>,
    Path(number): Path<RequestId>,
    Form(form): Form<Granting>,
) -> FormAnswer {
    let past = load(&administrator, &**explainer, number).await?;
    // A program asks for nothing, and its key is changed on its own page.
    let facts = past.refused.as_ref().filter(|facts| facts.is_person).ok_or(Fault::NotFound)?;
    let requirement = Requirement::parse(&facts.requirement).map_err(|_| Fault::NotFound)?;
    let host = match facts.host.parse::<HostName>() {
        Ok(name) => admin.hosts.find(&name).await?,
        Err(_) => None,
    };
    let requirement = requirement.at(host.as_ref().and_then(Protected::tenant), None);
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
    admin: &gatepost_admin::Context,
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
