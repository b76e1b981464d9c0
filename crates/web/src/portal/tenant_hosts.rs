//! The hosts of a tenant: its administrators propose, confirm and remove them; those of the system also approve and refuse.

use super::change::{FormAnswer, Refused, carry_out, conditions, done, refused};
use super::forms::{Attempt, ListParameters, entered, filled_in, make};
use super::proofs::{Verb, part};
use super::tenant::find;
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Fields, Form, Path, Query};
use crate::fault::Fault;
use actix_web::{Either, web};
use gatepost_admin::Context;
use gatepost_core::host::HostName;
use gatepost_core::ids::TenantId;
use gatepost_core::tenant_host::{HostProof, HostState};
use gatepost_core::tier::{CUSTOM_DOMAINS, HOSTS};
use gatepost_pages::admin::{
    Again, EnteredText, HostBounds, PlaceNotice, ProofEntry, Question, TenantHosts, WrongProof,
};
use gatepost_pages::{Section, paths};
use gatepost_store::directory::changes::{
    AddTenantHost, ApproveTenantHost, RefuseTenantHost, RemoveTenantHost, TenantHostName,
};
use gatepost_store::directory::{Conditions, TenantHostRecord, TenantRecord};
use serde::Deserialize;

/// A host, and what the form showed of it.
#[derive(Deserialize)]
pub(crate) struct HostForm {
    host: Option<String>,
    shown: Option<String>,
    version: Option<String>,
}

impl Fields for HostForm {}

/// What the page shows beside the list.
#[derive(Clone, Copy, Default)]
struct Shown<'a> {
    done: Option<&'a str>,
    after: Option<&'a str>,
    host: EnteredText<'a>,
    wrong: Option<WrongProof<'a>>,
}

/// Shows the hosts of a tenant, with the records that prove them.
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
    let (done, after) = (parameters.done.as_deref(), parameters.after.as_deref());
    let shown = Shown { done, after, ..Shown::default() };
    Ok(page(&administrator, &context, &tenant, shown))
}

fn page(
    administrator: &Administrator,
    context: &Context,
    tenant: &TenantRecord,
    Shown { done, after, host, wrong }: Shown<'_>,
) -> PageAnswer {
    let all = tenant.hosts.iter().map(entry).collect();
    let (hosts, next) = part(all, after, wrong.map(|wrong| wrong.name));
    let page = TenantHosts {
        frame: administrator.frame(PlaceNotice::text_of(done)),
        id: &tenant.id,
        name: tenant.name.as_deref(),
        hosts: &hosts,
        next,
        most: tenant.allowances.limits.limit(HOSTS),
        bounds: match &context.site.config.tenants.domain {
            _ if tenant.allowances.features.has(CUSTOM_DOMAINS) => HostBounds::Any,
            Some(domain) => HostBounds::Below(domain),
            None => HostBounds::None,
        },
        host,
        wrong,
    };
    PageAnswer(page.page())
}

fn entry(host: &TenantHostRecord) -> ProofEntry<'_> {
    let record = || (HostProof::record_name(&host.host), host.proof.record_text());
    ProofEntry {
        name: host.host.as_str(),
        state: host.state,
        record: (host.state == HostState::Proposed).then(record),
        proved_at: host.proved_at,
        version: host.version,
    }
}

/// Proposes a host.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn propose(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(form): Form<HostForm>,
) -> FormAnswer {
    let tenant = find(&administrator, &context, &id).await?;
    let (text, here) = (form.host.unwrap_or_default(), paths::admin_tenant_hosts(&id));
    let wrong = match entered::<HostName>(&text) {
        Err(wrong) => wrong,
        Ok(host) => match try_to_propose(&administrator, &context, &id, host).await {
            Ok(true) => return done(&context, &here, PlaceNotice::Proposed.as_str()),
            Ok(false) => return done(&context, &here, PlaceNotice::Known.as_str()),
            Err(Refused::Impossible(why)) => why.advice(),
            Err(why) => return why.answer(&administrator, Section::Tenants, &here),
        },
    };
    let host = EnteredText { value: &text, error: Some(&wrong) };
    Ok(Either::Right(page(&administrator, &context, &tenant, Shown { host, ..Shown::default() })))
}

/// Whether the host is a new one.
async fn try_to_propose(
    administrator: &Administrator,
    context: &Context,
    tenant: &TenantId,
    host: HostName,
) -> Result<bool, Refused> {
    let host = TenantHostName::new(host, &context.site.config)?;
    let change = AddTenantHost { tenant: tenant.clone(), host };
    Ok(carry_out(context, administrator, &change, Conditions::default()).await?.changed)
}

pub(crate) async fn confirm(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(form): Form<HostForm>,
) -> FormAnswer {
    decide(&administrator, &context, &id, Verb::Confirm, &form).await
}

pub(crate) async fn approve(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(form): Form<HostForm>,
) -> FormAnswer {
    decide(&administrator, &context, &id, Verb::Approve, &form).await
}

pub(crate) async fn refuse(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(form): Form<HostForm>,
) -> FormAnswer {
    decide(&administrator, &context, &id, Verb::Refuse, &form).await
}

async fn decide(
    administrator: &Administrator,
    context: &Context,
    id: &TenantId,
    verb: Verb,
    form: &HostForm,
) -> FormAnswer {
    let tenant = find(administrator, context, id).await?;
    let (host, here) = (host_of(form)?, paths::admin_tenant_hosts(id));
    let tried = try_to(administrator, context, (id, &host), verb, form.version.as_deref()).await;
    match tried {
        Ok(()) => done(context, &here, verb.notice().as_str()),
        Err(Refused::Impossible(why)) if why.status != 400 => {
            let error = why.advice();
            let wrong = WrongProof { name: host.as_str(), error: &error, status: why.status };
            Ok(Either::Right(page(
                administrator,
                context,
                &tenant,
                Shown { wrong: Some(wrong), ..Shown::default() },
            )))
        }
        Err(why) => {
            let action = (verb.path(), "Do it all the same");
            overtaken(administrator, context, (&tenant, &host), (form, action), why).await
        }
    }
}

fn host_of(form: &HostForm) -> Result<HostName, Fault> {
    filled_in("host", form.host.as_deref())
}

async fn try_to(
    administrator: &Administrator,
    context: &Context,
    (tenant, host): (&TenantId, &HostName),
    verb: Verb,
    version: Option<&str>,
) -> Result<(), Refused> {
    let (tenant, host, of_this) = (tenant.clone(), host.clone(), conditions(version)?);
    match verb {
        Verb::Confirm => {
            let change = context.find_proof(&administrator.scope, tenant, host).await?;
            carry_out(context, administrator, &change, of_this).await.map(drop)
        }
        Verb::Approve => {
            carry_out(context, administrator, &ApproveTenantHost { tenant, host }, of_this).await.map(drop)
        }
        Verb::Refuse => {
            carry_out(context, administrator, &RefuseTenantHost { tenant, host }, of_this).await.map(drop)
        }
    }
}

/// Says what the host is now, and offers the form again: its verb, and what its button says.
async fn overtaken(
    administrator: &Administrator,
    context: &Context,
    (tenant, host): (&TenantRecord, &HostName),
    (form, (verb, text)): (&HostForm, (&str, &str)),
    why: Refused,
) -> FormAnswer {
    let here = paths::admin_tenant_hosts(&tenant.id);
    let directory = &context.stores.directory;
    let now = match &why {
        Refused::Overtaken(Some(_)) => {
            directory.find_tenant_host(&administrator.scope, &tenant.id, host).await?.state.as_str()
        }
        _ => "",
    };
    let attempt = Attempt {
        section: Section::Tenants,
        subject: &format!("The host {host}"),
        shown: form.shown.as_deref().unwrap_or_default(),
        now,
        action: &format!("{here}/{verb}"),
        fields: &[("host", host.as_str()), ("shown", now)],
        text,
        back: &here,
    };
    attempt.answer(administrator, why)
}

/// Which host.
#[derive(Deserialize)]
pub(crate) struct WhichHost {
    host: Option<String>,
}

/// Asks before a host is taken away.
///
/// # Errors
/// [`Fault`]: the tenant has no such host.
pub(crate) async fn ask_to_remove(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Query(WhichHost { host }): Query<WhichHost>,
) -> Result<PageAnswer, Fault> {
    let tenant = find(&administrator, &context, &id).await?;
    let found = tenant.hosts.iter().find(|own| Some(own.host.as_str()) == host.as_deref());
    let found = found.ok_or(Fault::NotFound)?;
    let (here, name) = (paths::admin_tenant_hosts(&id), found.host.as_str());
    let first = match found.state {
        HostState::Active => {
            format!("Nobody may enter at {name} any more: it is answered with 403, and has no router.")
        }
        HostState::Proposed => format!("The record for {name} proves nothing any more."),
        HostState::Refused => format!("{name} stays refused, also if somebody proposes it again."),
    };
    let effects = [
        first,
        "Sessions, members and keys of the tenant stay.".to_owned(),
        "Another tenant may propose the host then. To bring it back it is proposed again, and proved by another record.".to_owned(),
    ];
    let (version, state) = (found.version.to_string(), found.state.to_string());
    let page = Question {
        frame: administrator.frame(None),
        section: Section::Tenants,
        above: &[
            (tenant.name.as_deref().unwrap_or(id.as_str()), paths::admin_tenant(&id)),
            ("Hosts", here.clone()),
        ],
        heading: &format!("Remove {name}?"),
        effects: &effects[..],
        form: Again {
            action: &format!("{here}/remove"),
            fields: &[("host", name), ("shown", &state), ("version", &version)],
            text: "Remove the host",
        },
        api: ("DELETE", &format!("/tenants/{id}/hosts/{name}")),
        version: found.version,
        back: &here,
    };
    Ok(PageAnswer(page.page()))
}

/// Takes a host away.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn remove(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(form): Form<HostForm>,
) -> FormAnswer {
    let tenant = find(&administrator, &context, &id).await?;
    let (host, here) = (host_of(&form)?, paths::admin_tenant_hosts(&id));
    let change = RemoveTenantHost { tenant: id, host: host.clone() };
    match make(&context, &administrator, &change, form.version.as_deref()).await {
        Ok(_) => done(&context, &here, PlaceNotice::Unhosted.as_str()),
        Err(Refused::Impossible(why)) => refused(&administrator, Section::Tenants, &here, &why),
        Err(why) => {
            let again = (&form, ("remove", "Remove it all the same"));
            overtaken(&administrator, &context, (&tenant, &host), again, why).await
        }
    }
}
