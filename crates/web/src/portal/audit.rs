//! Who changed what: everywhere, and in one tenant.

use super::forms::{PAGE, linked};
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Path, Query};
use crate::fault::Fault;
use actix_web::web;
use gatepost_admin::Context;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{RequestId, TenantId, UserId};
use gatepost_pages::admin::{Audit, AuditFilterWords, AuditRow};
use gatepost_store::directory::{AuditFilter, AuditRecord, Directory, DirectoryError, UserKey, Via, Who};
use serde::Deserialize;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
/// The most days that are asked for.
const MOST_DAYS: u32 = 3660;

/// The filters, and where the page begins.
#[derive(Default, Deserialize)]
pub(crate) struct Parameters {
    user: Option<String>,
    actor: Option<String>,
    action: Option<String>,
    tenant: Option<String>,
    via: Option<String>,
    /// The number of a request.
    request: Option<String>,
    days: Option<String>,
    after: Option<String>,
    /// A person, by the address or the id.
    q: Option<String>,
}

/// Lists the changes that the caller may read.
///
/// # Errors
/// [`Fault`]: a filter cannot be read, or the directory does not answer.
pub(crate) async fn list(
    administrator: Administrator,
    context: web::Data<Context>,
    Query(parameters): Query<Parameters>,
) -> Result<PageAnswer, Fault> {
    page(&administrator, &context, &parameters, None).await
}

/// Lists the changes of a tenant.
///
/// # Errors
/// [`Fault`]: the tenant does not exist for the caller.
pub(crate) async fn of_tenant(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Query(parameters): Query<Parameters>,
) -> Result<PageAnswer, Fault> {
    let tenant = context.stores.directory.find_tenant(&administrator.scope, &id).await?;
    let tenant = tenant.ok_or(Fault::NotFound)?;
    let name = tenant.name.as_deref().unwrap_or(id.as_str());
    page(&administrator, &context, &parameters, Some((&id, name))).await
}

async fn page(
    administrator: &Administrator,
    context: &Context,
    parameters: &Parameters,
    of_tenant: Option<(&TenantId, &str)>,
) -> Result<PageAnswer, Fault> {
    let (now, directory) = (Timestamp::now(), &context.stores.directory);
    let mut filter = read(parameters, now)?;
    let q = parameters.q.as_deref().map(str::trim).unwrap_or_default();
    let sought = find_person(administrator, directory, q).await?;
    filter.user = sought.or(filter.user);
    let is_unknown = !q.is_empty() && sought.is_none();
    let user = filter.user.map(|user| user.to_string());
    if let Some((id, _)) = of_tenant {
        filter.tenant = Some(id.clone());
    }
    let mut rows = Vec::new();
    if !is_unknown {
        rows = directory.list_audit(&administrator.scope, &filter, PAGE + 1).await?;
    }
    let has_more = rows.len() > PAGE as usize;
    rows.truncate(PAGE as usize);
    let next = rows.last().filter(|_| has_more).map(|row| row.cursor().to_string());
    let actors: Vec<String> = rows.iter().map(|row| row.actor.to_string()).collect();
    let entries: Vec<_> = rows.iter().zip(&actors).map(|(row, actor)| entry(row, actor)).collect();
    let words = AuditFilterWords {
        user: user.as_deref(),
        actor: chosen(parameters.actor.as_ref()),
        action: chosen(parameters.action.as_ref()),
        tenant: chosen(parameters.tenant.as_ref()),
        via: chosen(parameters.via.as_ref()),
        request: chosen(parameters.request.as_ref()),
        days: chosen(parameters.days.as_ref()),
    };
    let page = Audit {
        frame: administrator.frame(None),
        of_tenant,
        filter: words,
        q,
        is_unknown,
        entries: &entries,
        next: next.as_deref(),
        now,
    };
    Ok(PageAnswer(page.page()))
}

/// The person of this address or id. Of somebody who was erased the audit still has the id.
async fn find_person(
    administrator: &Administrator,
    directory: &Directory,
    q: &str,
) -> Result<Option<UserId>, DirectoryError> {
    match q.parse::<UserKey>() {
        Ok(UserKey::Id(id)) => Ok(Some(id)),
        Ok(key) => Ok(directory.find_user(&administrator.scope, &key).await?.map(|user| user.summary.id)),
        Err(_) => Ok(None),
    }
}

fn chosen(value: Option<&String>) -> Option<&str> {
    value.map(String::as_str).filter(|value| !value.is_empty())
}

fn read(parameters: &Parameters, now: Timestamp) -> Result<AuditFilter, Fault> {
    let Parameters { user, actor, action, tenant, via, request, days, after, q: _ } = parameters;
    let days: Option<u32> = linked(days.as_deref())?;
    if days.is_some_and(|days| days == 0 || days > MOST_DAYS) {
        return Err(Fault::NotFound);
    }
    // Postgres takes no NUL in a text.
    if [actor, action].into_iter().flatten().any(|text| text.contains('\0')) {
        return Err(Fault::NotFound);
    }
    Ok(AuditFilter {
        user: linked::<UserId>(user.as_deref())?,
        actor: linked::<Who>(actor.as_deref())?,
        actions: chosen(action.as_ref()).map(str::to_owned).into_iter().collect(),
        tenant: linked::<TenantId>(tenant.as_deref())?,
        via: linked::<Via>(via.as_deref())?,
        request_id: linked::<RequestId>(request.as_deref())?,
        since: days.map(|days| now.minus(DAY * days)),
        before: linked(after.as_deref())?,
        ..AuditFilter::default()
    })
}

fn entry<'a>(row: &'a AuditRecord, actor: &'a str) -> AuditRow<'a> {
    AuditRow {
        at: row.at,
        actor: actor.to_owned(),
        actor_shown: row.actor_email.as_deref().unwrap_or(actor),
        actor_id: match row.actor {
            Who::Person(id) => Some(id),
            _ => None,
        },
        action: &row.action,
        target: &row.target,
        target_email: row.target_email.as_deref(),
        before: row.before.as_deref(),
        after: row.after.as_deref(),
        address: row.address.as_deref(),
        request_id: row.request_id.as_deref(),
        via: &row.via,
        key: row.key_id.as_deref(),
        tenant: row.tenant_id.as_deref(),
    }
}
