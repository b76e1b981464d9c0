//! One tenant.

use super::forms::{ListParameters, PAGE, linked};
use super::loaded::tenant as tenant_entry;
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Path, Query};
use crate::fault::Fault;
use actix_web::web;
use gatepost_admin::Context;
use gatepost_admin::views::BilledMeter;
use gatepost_core::administration::Scope;
use gatepost_core::clock::{Day, Timestamp};
use gatepost_core::ids::TenantId;
use gatepost_core::tenant::TenantState;
use gatepost_core::usage::{API_REQUESTS, Month};
use gatepost_pages::admin::{
    DeletedTenant, EnteredEnd, MappedGroup, MonthMeter, MonthOfTenant, PlaceNotice, Suspended, TenantDetails,
    TenantEntered, TenantPersonEntry,
};
use gatepost_store::directory::changes::KEPT_DELETED;
use gatepost_store::directory::{By, TenantGroup, TenantPerson, TenantRecord, Usage};

/// Shows a tenant that the caller administers.
///
/// # Errors
/// [`Fault`]: the tenant does not exist for the caller, or the directory does not answer.
pub(crate) async fn show(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Query(parameters): Query<ListParameters>,
) -> Result<PageAnswer, Fault> {
    let tenant = context.stores.directory.find_tenant(&administrator.scope, &id).await?;
    let tenant = tenant.ok_or(Fault::NotFound)?;
    let notice = PlaceNotice::text_of(parameters.done.as_deref());
    if let Some(page) = deleted(&administrator, &tenant, notice) {
        return Ok(page);
    }
    let no_end = EnteredEnd::default();
    let entered = TenantEntered::none(tenant.name.as_deref().unwrap_or_default(), &no_end);
    page(&administrator, &context, &tenant, &parameters, entered).await
}

/// The page of a deleted tenant. `None`: it is not deleted.
fn deleted(administrator: &Administrator, tenant: &TenantRecord, notice: Option<&str>) -> Option<PageAnswer> {
    let deleted_at = tenant.deleted_at.filter(|_| tenant.state == TenantState::Deleted)?;
    let page = DeletedTenant {
        frame: administrator.frame(notice),
        id: &tenant.id,
        name: tenant.name.as_deref(),
        version: tenant.version,
        count: &tenant.members.to_string(),
        is_suspended: tenant.suspended_at.is_some(),
        deleted_at,
        erased_at: deleted_at.plus(KEPT_DELETED),
    };
    Some(PageAnswer(page.page()))
}

/// The tenant of this id, as far as it exists for the caller. A deleted one has no pages but its own.
///
/// # Errors
/// `NotFound`.
pub(super) async fn find(
    administrator: &Administrator,
    context: &Context,
    id: &TenantId,
) -> Result<TenantRecord, Fault> {
    let found = context.stores.directory.find_tenant(&administrator.scope, id).await?;
    found.filter(|tenant| tenant.state != TenantState::Deleted).ok_or(Fault::NotFound)
}

/// Shows a tenant, with what was entered into its forms.
pub(super) async fn page(
    administrator: &Administrator,
    context: &Context,
    tenant: &TenantRecord,
    parameters: &ListParameters,
    entered: TenantEntered<'_>,
) -> Result<PageAnswer, Fault> {
    let (scope, directory) = (&administrator.scope, &context.stores.directory);
    let after = linked(parameters.after.as_deref())?;
    let q = parameters.q.as_deref().map(str::trim).unwrap_or_default();
    let now = Timestamp::now();
    let month = Month::of(now.day());
    let (people, groups, (used, bill)) = tokio::try_join!(
        directory.list_tenant_people(scope, (&tenant.id, Some(q)), after.as_ref(), PAGE),
        directory.list_tenant_groups(scope, &tenant.id),
        context.read_month(tenant, month),
    )?;
    let entries: Vec<_> = people.items.iter().map(person_entry).collect();
    let groups: Vec<_> = groups.iter().map(group_entry).collect();
    let next = people.next.map(|next| next.to_string());
    let (named, requests) = (month.to_string(), requests_of(&used, (month.first_day(), now.day())));
    let meters: Vec<_> = bill.meters.iter().map(meter_entry).collect();
    let page = TenantDetails {
        frame: administrator.frame(PlaceNotice::text_of(parameters.done.as_deref())),
        id: &tenant.id,
        name: tenant.name.as_deref(),
        version: tenant.version,
        created_at: tenant.created_at,
        suspended: suspended(tenant),
        count: &tenant.members.to_string(),
        q,
        people: &entries,
        next: next.as_deref(),
        groups: (*scope == Scope::System).then_some(groups.as_slice()),
        usage: MonthOfTenant { month: &named, meters: &meters, requests: &requests },
        entered,
        is_new: PlaceNotice::is_created(parameters.done.as_deref()),
        now,
    };
    Ok(PageAnswer(page.page()))
}

fn meter_entry(line: &BilledMeter) -> MonthMeter<'_> {
    MonthMeter { name: &line.meter, used: line.used, included: line.included }
}

/// How many requests of programs each day had, one entry for each day.
fn requests_of(usage: &Usage, (first, last): (Day, Day)) -> Vec<(Timestamp, u64)> {
    let of = |day: Day| {
        let found = usage.days.iter().find(|one| one.day == day && one.meter.as_str() == API_REQUESTS);
        (day.start(), found.map_or(0, |one| one.value))
    };
    (first.number()..=last.number()).map(Day::from_number).map(of).collect()
}

fn suspended(tenant: &TenantRecord) -> Option<Suspended<'_>> {
    let at = tenant.suspended_at?;
    Some(Suspended { at, reason: tenant.suspended_reason.as_deref().unwrap_or_default() })
}

fn person_entry(person: &TenantPerson) -> TenantPersonEntry<'_> {
    let TenantPerson { user, ways } = person;
    let own = ways.iter().find_map(|way| match way.by {
        By::Direct(version) => Some(version),
        By::Group(_) => None,
    });
    TenantPersonEntry {
        id: user.id,
        email: user.email.as_ref(),
        name: user.name.as_deref(),
        is_disabled: user.disabled_at.is_some(),
        ways: ways.iter().map(tenant_entry).collect(),
        version: own,
    }
}

fn group_entry(group: &TenantGroup) -> MappedGroup<'_> {
    let TenantGroup { id, name, role, version, members } = group;
    MappedGroup { id: *id, name, role: *role, version: *version, members: members.to_string() }
}
