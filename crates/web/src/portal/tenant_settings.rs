//! What a tenant may have: its administrators read it, and those of the system change it.

use super::change::{FormAnswer, Refused, done};
use super::forms::{ListParameters, entered as parsed, make, optional};
use super::tenant::find;
use crate::answer::PageAnswer;
use crate::api::MOST_ALLOWANCES;
use crate::callers::Administrator;
use crate::extract::{Fields, Form, Path, Query};
use crate::fault::Fault;
use actix_web::{Either, web};
use gatepost_admin::Context;
use gatepost_core::error_chain::sentence;
use gatepost_core::ids::{ServiceName, TenantId, TierId};
use gatepost_core::tier::{AllowanceMember, Allowances, JsonObject};
use gatepost_pages::admin::{
    AllowanceEntry, FormErrors, PlaceNotice, SettingsEntered, SettingsForm, TenantSettings,
};
use gatepost_pages::{Section, paths};
use gatepost_store::directory::changes::{ObjectEdit, TenantEdit, WriteMode, WriteTenant};
use gatepost_store::directory::{Excess, TenantRecord};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The fields of the form.
#[derive(Deserialize)]
pub(crate) struct Sent {
    tier: Option<String>,
    service: Option<String>,
    features: Option<String>,
    limits: Option<String>,
    version: Option<String>,
}

impl Fields for Sent {
    const LIMIT: usize = 64 * 1024;
}

/// What the page shows beside what there is.
#[derive(Clone, Copy, Default)]
struct Shown<'a> {
    done: Option<&'a str>,
    /// What was entered, and what is wrong with it. `None`: the form has what there is.
    entered: Option<(&'a SettingsEntered, &'a FormErrors)>,
    is_overtaken: bool,
}

/// Shows what a tenant may have.
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

async fn page(
    administrator: &Administrator,
    context: &Context,
    tenant: &TenantRecord,
    Shown { done, entered, is_overtaken }: Shown<'_>,
) -> Result<PageAnswer, Fault> {
    let (directory, is_system) = (&context.stores.directory, administrator.scope.is_system());
    let counts = directory.count_limited(&administrator.scope, &tenant.id).await?;
    let tiers = if is_system { directory.list_tiers().await? } else { Vec::new() };
    let tiers: Vec<&str> = tiers.iter().map(|tier| tier.id.as_str()).collect();
    let services: Vec<&str> = context.site.config.services.keys().map(ServiceName::as_str).collect();
    let (known, no_errors) = (known(tenant), FormErrors::default());
    let (entered, errors) = entered.unwrap_or((&known, &no_errors));
    let form = SettingsForm { entered, errors, tiers: &tiers, services: &services };
    let (counting, own) = (&tenant.allowances, &tenant.own);
    let page = TenantSettings {
        frame: administrator.frame(PlaceNotice::text_of(done)),
        id: &tenant.id,
        name: tenant.name.as_deref(),
        version: tenant.version,
        tier: tenant.tier.as_ref().map(TierId::as_str),
        service: tenant.service.as_ref().map(ServiceName::as_str),
        limits: &entries((&counting.limits, &own.limits), &counts),
        features: &entries((&counting.features, &own.features), &[]),
        warnings: &warnings(&counting.limits, &counts),
        form: is_system.then_some(form),
        is_overtaken,
    };
    Ok(PageAnswer(page.page()))
}

fn entries<'a>(
    (counting, own): (&'a JsonObject, &JsonObject),
    counts: &[(&str, u64)],
) -> Vec<AllowanceEntry<'a>> {
    let entry = |(name, value): (&'a String, &Value)| AllowanceEntry {
        name,
        value: value.as_str().map_or_else(|| value.to_string(), str::to_owned),
        is_own: own.members().contains_key(name),
        present: counts.iter().find(|(limit, _)| limit == name).map(|(_, present)| *present),
    };
    counting.members().iter().map(entry).collect()
}

/// What there is more of than the limits allow.
fn warnings(limits: &JsonObject, counts: &[(&'static str, u64)]) -> Vec<String> {
    let over = counts.iter().filter_map(|(limit, present)| {
        let most = limits.limit(limit).filter(|most| present > most)?;
        Some(Excess { limit, most, present: *present }.to_string())
    });
    over.collect()
}

/// What the form shows of a tenant.
fn known(tenant: &TenantRecord) -> SettingsEntered {
    SettingsEntered {
        tier: tenant.tier.as_ref().map(ToString::to_string).unwrap_or_default(),
        service: tenant.service.as_ref().map(ToString::to_string).unwrap_or_default(),
        features: tenant.own.features.texts().join("\n"),
        limits: tenant.own.limits.texts().join("\n"),
    }
}

/// Changes what a tenant may have.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn change(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(sent): Form<Sent>,
) -> FormAnswer {
    let mut tenant = find(&administrator, &context, &id).await?;
    let text = |field: &Option<String>| field.as_deref().unwrap_or_default().trim().to_owned();
    let entered = SettingsEntered {
        tier: text(&sent.tier),
        service: text(&sent.service),
        features: text(&sent.features),
        limits: text(&sent.limits),
    };
    let (mut errors, mut is_overtaken) = (FormErrors::default(), false);
    if let Some(edit) = read(&context, &entered, &mut errors) {
        let here = paths::admin_tenant_settings(&id);
        let change = WriteTenant { id: id.clone(), mode: WriteMode::Patch, edit };
        match make(&context, &administrator, &change, sent.version.as_deref()).await {
            Ok(_) => return done(&context, &here, PlaceNotice::Settled.as_str()),
            Err(Refused::Impossible(why)) if why.status == 400 => {
                return Refused::Impossible(why).answer(&administrator, Section::Tenants, &here);
            }
            Err(Refused::Impossible(why)) => {
                let field = if why.status == 422 { "tier" } else { "" };
                errors.add(field, &why.advice());
            }
            Err(Refused::Overtaken(_)) => {
                tenant = find(&administrator, &context, &id).await?;
                is_overtaken = true;
            }
            Err(Refused::Fault(fault)) => return Err(fault),
        }
    }
    let shown = Shown { entered: Some((&entered, &errors)), is_overtaken, ..Shown::default() };
    page(&administrator, &context, &tenant, shown).await.map(Either::Right)
}

/// Reads the form. Everything that is wrong is noted beside its field; `None`: something is.
fn read(context: &Context, entered: &SettingsEntered, errors: &mut FormErrors) -> Option<TenantEdit> {
    let tier = optional::<TierId>(&entered.tier).map_err(|error| errors.add("tier", &error));
    let service = optional::<ServiceName>(&entered.service).map_err(|error| errors.add("service", &error));
    if let Ok(service) = &service
        && let Err(error) = context.demand_service(service.as_ref())
    {
        errors.add("service", &sentence(&error.to_string()));
    }
    let features = members("features", &entered.features, errors);
    let limits = members("limits", &entered.limits, errors);
    let allowances = Allowances { features, limits };
    for flaw in allowances.flaws() {
        let wrong = match flaw.member {
            Some(member) => format!("{member} must be {}.", flaw.expected),
            None => format!("It must have {}.", flaw.expected),
        };
        errors.add(flaw.part, &wrong);
    }
    let (Ok(tier), Ok(service), true) = (tier, service, errors.is_empty()) else { return None };
    let [features, limits] = [allowances.features, allowances.limits].map(ObjectEdit::Replace).map(Some);
    Some(TenantEdit { tier: Some(tier), service: Some(service), features, limits, ..TenantEdit::default() })
}

/// The members in the lines of a field.
fn members(field: &'static str, text: &str, errors: &mut FormErrors) -> JsonObject {
    let mut members = Map::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match parsed::<AllowanceMember>(line) {
            Ok(AllowanceMember { name, value }) if !members.contains_key(&name) => {
                members.insert(name, value);
            }
            Ok(AllowanceMember { name, .. }) => errors.add(field, &format!("{name} is there twice.")),
            Err(error) => errors.add(field, &format!("{line}: {error}")),
        }
    }
    let members = JsonObject::from(members);
    if members.to_string().len() > MOST_ALLOWANCES {
        errors.add(field, &format!("It may have at most {MOST_ALLOWANCES} bytes."));
    }
    members
}
