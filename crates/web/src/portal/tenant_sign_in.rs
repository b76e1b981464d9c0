//! The provider that a tenant brings: its administrators set, change and remove it, and prove its domains; those of the system
//! approve and refuse domains.

use super::change::{FormAnswer, Refused, carry_out, conditions, done, refused};
use super::forms::{Attempt, ListParameters, TypedId, filled_in, make};
use super::proofs::{Verb, part};
use super::sign_in_form::{Sent, body, field_of, known, note};
use super::tenant::find;
use crate::answer::PageAnswer;
use crate::api::{ProviderFlaws, read_provider};
use crate::callers::Administrator;
use crate::extract::{Fields, Form, Path, Query};
use crate::fault::Fault;
use actix_web::{Either, web};
use gatepost_admin::Context;
use gatepost_core::administration::Version;
use gatepost_core::ids::{ProviderId, TenantId};
use gatepost_core::tenant_host::{HostProof, HostState};
use gatepost_core::tenant_provider::EmailDomain;
use gatepost_core::tier::SSO;
use gatepost_pages::admin::{
    EnteredText, FormErrors, PlaceNotice, ProofEntry, ProviderEntered, ProviderFacts, ProviderRemoval,
    TenantSignIn, WrongProof,
};
use gatepost_pages::{Section, paths};
use gatepost_store::directory::changes::{
    DecideTenantDomain, DomainVerdict, RemoveTenantProvider, TenantDomainName,
};
use gatepost_store::directory::{
    Conditions, DirectoryError, TenantDomain, TenantProviderRecord, TenantRecord,
};
use secrecy::SecretString;
use serde::Deserialize;

/// What the page shows beside the provider.
#[derive(Clone, Copy, Default)]
struct Shown<'a> {
    done: Option<&'a str>,
    after: Option<&'a str>,
    wrong_domain: Option<WrongProof<'a>>,
    /// What was entered, and what is wrong with it. `None`: the form has what there is.
    entered: Option<(&'a ProviderEntered, &'a FormErrors)>,
    is_overtaken: bool,
}

/// Shows the provider of a tenant, with the records that prove its domains.
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
    page(&administrator, &context, &tenant, shown).await
}

async fn page(
    administrator: &Administrator,
    context: &Context,
    tenant: &TenantRecord,
    Shown { done, after, wrong_domain, entered, is_overtaken }: Shown<'_>,
) -> Result<PageAnswer, Fault> {
    let found = provider_of(administrator, context, &tenant.id).await?;
    let (known, no_errors) = (known(found.as_ref()), FormErrors::default());
    let (entered, errors) = entered.unwrap_or((&known, &no_errors));
    let redirect_uri = context.site.callback_address(&ProviderId::of_tenant(&tenant.id));
    let all = found.iter().flat_map(domains).collect();
    let (domains, next) = part(all, after, wrong_domain.map(|wrong| wrong.name));
    let page = TenantSignIn {
        frame: administrator.frame(PlaceNotice::text_of(done)),
        id: &tenant.id,
        name: tenant.name.as_deref(),
        provider: found.as_ref().map(facts),
        redirect_uri: redirect_uri.as_str(),
        is_allowed: tenant.allowances.features.has(SSO),
        domains: &domains,
        next,
        wrong_domain,
        entered,
        errors,
        is_overtaken,
    };
    Ok(PageAnswer(page.page()))
}

/// `None`: the tenant brings none.
async fn provider_of(
    administrator: &Administrator,
    context: &Context,
    id: &TenantId,
) -> Result<Option<TenantProviderRecord>, DirectoryError> {
    match context.stores.directory.find_tenant_provider(&administrator.scope, id).await {
        Err(DirectoryError::NoTenantProvider(_)) => Ok(None),
        found => found.map(Some),
    }
}

fn facts(TenantProviderRecord { provider, .. }: &TenantProviderRecord) -> ProviderFacts<'_> {
    ProviderFacts {
        kind: provider.kind,
        place: &provider.place,
        client_id: &provider.client_id,
        label: &provider.label,
        groups_claim: provider.groups_claim.as_deref(),
        trusts_addresses: provider.trusts_addresses,
        is_only: provider.is_only,
        changed_at: provider.updated_at.unwrap_or(provider.created_at),
        version: provider.version,
    }
}

fn domains(TenantProviderRecord { provider, domains }: &TenantProviderRecord) -> Vec<ProofEntry<'_>> {
    domains.iter().map(|domain| domain_entry(domain, provider.version)).collect()
}

fn domain_entry(found: &TenantDomain, version: Version) -> ProofEntry<'_> {
    let record = || (HostProof::record_name(found.domain.name()), found.proof.record_text());
    ProofEntry {
        name: found.domain.as_str(),
        state: found.state,
        record: (found.state == HostState::Proposed).then(record),
        proved_at: found.proved_at,
        version,
    }
}

/// Has a tenant bring a provider, if it accepts the client and the secret.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn set(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(sent): Form<Sent>,
) -> FormAnswer {
    let tenant = find(&administrator, &context, &id).await?;
    let here = paths::admin_tenant_sign_in(&id);
    let of_this = match conditions(sent.version.as_deref()) {
        Ok(conditions) => conditions,
        Err(why) => return why.answer(&administrator, Section::Tenants, &here),
    };
    let secret = sent.secret(&context, &administrator, &id);
    let entered = sent.entered(&context, &administrator, (&id, secret.as_ref()));
    let (mut errors, mut is_overtaken) = (FormErrors::default(), false);
    match put(&administrator, &context, &id, of_this, (&entered, secret.as_ref())).await {
        Ok(()) => return done(&context, &here, PlaceNotice::ProviderSet.as_str()),
        Err(ProviderFlaws::Members(flaws)) => {
            for flaw in flaws {
                note(flaw.pointer.as_deref(), &flaw.detail, &mut errors);
            }
        }
        Err(ProviderFlaws::Trial(error)) => {
            let field = field_of(&error);
            match Refused::from(error) {
                Refused::Impossible(why) => errors.add(field, &why.advice()),
                Refused::Overtaken(_) => is_overtaken = true,
                Refused::Fault(fault) => return Err(fault),
            }
        }
    }
    let shown = Shown { entered: Some((&entered, &errors)), is_overtaken, ..Shown::default() };
    page(&administrator, &context, &tenant, shown).await.map(Either::Right)
}

async fn put(
    administrator: &Administrator,
    context: &Context,
    id: &TenantId,
    of_this: Conditions,
    (entered, secret): (&ProviderEntered, Option<&SecretString>),
) -> Result<(), ProviderFlaws> {
    let settings = read_provider(body(entered, secret), context, id)?;
    let by = (&administrator.scope, &administrator.actor());
    Ok(context.put_provider(by, id.clone(), of_this, settings).await.map(drop)?)
}

/// A domain, and what the form showed of it.
#[derive(Deserialize)]
pub(crate) struct DomainForm {
    domain: Option<String>,
    shown: Option<String>,
    version: Option<String>,
}

impl Fields for DomainForm {}

pub(crate) async fn confirm(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(form): Form<DomainForm>,
) -> FormAnswer {
    decide(&administrator, &context, &id, Verb::Confirm, &form).await
}

pub(crate) async fn approve(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(form): Form<DomainForm>,
) -> FormAnswer {
    decide(&administrator, &context, &id, Verb::Approve, &form).await
}

pub(crate) async fn refuse(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(form): Form<DomainForm>,
) -> FormAnswer {
    decide(&administrator, &context, &id, Verb::Refuse, &form).await
}

async fn decide(
    administrator: &Administrator,
    context: &Context,
    id: &TenantId,
    verb: Verb,
    form: &DomainForm,
) -> FormAnswer {
    let tenant = find(administrator, context, id).await?;
    let here = paths::admin_tenant_sign_in(id);
    let domain: EmailDomain = filled_in("domain", form.domain.as_deref())?;
    match try_to(administrator, context, (id, &domain), verb, form.version.as_deref()).await {
        Ok(()) => done(context, &here, verb.notice().as_str()),
        Err(Refused::Impossible(why)) if why.status != 400 => {
            let error = why.advice();
            let wrong = WrongProof { name: domain.as_str(), error: &error, status: why.status };
            let shown = Shown { wrong_domain: Some(wrong), ..Shown::default() };
            page(administrator, context, &tenant, shown).await.map(Either::Right)
        }
        Err(why) => {
            let found = provider_of(administrator, context, id).await?;
            let domains = found.iter().flat_map(|found| &found.domains);
            let state = domains.into_iter().find(|one| one.domain == domain).map(|one| one.state.as_str());
            let attempt = Attempt {
                section: Section::Tenants,
                subject: &format!("The provider, or {domain},"),
                shown: form.shown.as_deref().unwrap_or_default(),
                now: state.unwrap_or("no domain of the provider"),
                action: &format!("{here}/domains/{}", verb.path()),
                fields: &[("domain", domain.as_str()), ("shown", state.unwrap_or_default())],
                text: "Do it all the same",
                back: &here,
            };
            attempt.answer(administrator, why)
        }
    }
}

async fn try_to(
    administrator: &Administrator,
    context: &Context,
    (tenant, domain): (&TenantId, &EmailDomain),
    verb: Verb,
    version: Option<&str>,
) -> Result<(), Refused> {
    let of_this = conditions(version)?;
    let (tenant, domain) = (tenant.clone(), TenantDomainName::new(domain.clone(), &context.site.config)?);
    let change = match verb {
        Verb::Confirm => context.find_domain_proof(&administrator.scope, tenant, domain).await?,
        Verb::Approve => DecideTenantDomain { tenant, domain, verdict: DomainVerdict::Approved },
        Verb::Refuse => DecideTenantDomain { tenant, domain, verdict: DomainVerdict::Refused },
    };
    carry_out(context, administrator, &change, of_this).await.map(drop)
}

/// Asks before the provider is taken from a tenant.
///
/// # Errors
/// [`Fault`]: there is none.
pub(crate) async fn ask_to_remove(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
) -> Result<PageAnswer, Fault> {
    let tenant = find(&administrator, &context, &id).await?;
    removal(&administrator, &context, &tenant, EnteredText::default()).await
}

async fn removal(
    administrator: &Administrator,
    context: &Context,
    tenant: &TenantRecord,
    typed: EnteredText<'_>,
) -> Result<PageAnswer, Fault> {
    let found = provider_of(administrator, context, &tenant.id).await?.ok_or(Fault::NotFound)?;
    let page = ProviderRemoval {
        frame: administrator.frame(None),
        id: &tenant.id,
        name: tenant.name.as_deref(),
        label: &found.provider.label,
        version: found.provider.version,
        typed,
    };
    Ok(PageAnswer(page.page()))
}

/// Takes the provider from a tenant whose id was typed.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn remove(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<TenantId>,
    Form(form): Form<TypedId>,
) -> FormAnswer {
    let tenant = find(&administrator, &context, &id).await?;
    let (text, here) = (form.id.unwrap_or_default(), paths::admin_tenant_sign_in(&id));
    if text.trim() != id.as_str() {
        let typed = EnteredText { value: &text, error: Some("This is not the id of the tenant.") };
        return removal(&administrator, &context, &tenant, typed).await.map(Either::Right);
    }
    let change = RemoveTenantProvider { tenant: id.clone() };
    match make(&context, &administrator, &change, form.version.as_deref()).await {
        Ok(_) => done(&context, &here, PlaceNotice::ProviderRemoved.as_str()),
        Err(Refused::Impossible(why)) => refused(&administrator, Section::Tenants, &here, &why),
        Err(why) => {
            let found = provider_of(&administrator, &context, &id).await?.ok_or(Fault::NotFound)?;
            let attempt = Attempt {
                section: Section::Tenants,
                subject: "The provider",
                shown: "",
                now: &format!("{}, {}", found.provider.label, found.provider.place),
                action: &format!("{here}/remove"),
                fields: &[("id", &text)],
                text: "Remove it all the same",
                back: &here,
            };
            attempt.answer(&administrator, why)
        }
    }
}
