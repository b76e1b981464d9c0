//! The list of tenants, and a new one.

use super::change::{FormAnswer, Refused, carry_out, done};
use super::forms::{PAGE, entered, linked, optional};
use super::invitations::shown_once;
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Fields, Form, Query};
use crate::fault::Fault;
use actix_web::{Either, web};
use gatepost_admin::Context;
use gatepost_core::administration::Scope;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::TenantId;
use gatepost_pages::admin::{EnteredText, PlaceNotice, TenantSummary, Tenants};
use gatepost_pages::{Section, paths};
use gatepost_store::directory::changes::{TenantEdit, WriteMode, WriteTenant, WrittenTenant};
use gatepost_store::directory::{Conditions, Done, TenantFilter};
use serde::Deserialize;

/// The longest name that people see, in characters.
const LONGEST_NAME: usize = 256;

/// Which tenants, where the page begins, and what the last form did.
#[derive(Default, Deserialize)]
pub(crate) struct Parameters {
    q: Option<String>,
    state: Option<String>,
    after: Option<String>,
    done: Option<String>,
}

/// Lists the tenants that the caller administers.
///
/// # Errors
/// [`Fault`]: the directory does not answer.
pub(crate) async fn list(
    administrator: Administrator,
    context: web::Data<Context>,
    Query(parameters): Query<Parameters>,
) -> Result<PageAnswer, Fault> {
    let none = EnteredText::default();
    page(&administrator, &context, &parameters, [none; 3]).await
}

/// A new tenant.
#[derive(Deserialize)]
pub(crate) struct NewTenant {
    id: Option<String>,
    name: Option<String>,
    /// Who is to administer it. Empty: nobody is invited.
    admin: Option<String>,
}

impl Fields for NewTenant {
    const LIMIT: usize = 4096;
}

/// Creates a tenant. If somebody is invited by it, the answer shows the link, which nothing shows again.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn create(
    administrator: Administrator,
    context: web::Data<Context>,
    Form(form): Form<NewTenant>,
) -> FormAnswer {
    let [id_text, name_text, admin_text] = [form.id, form.name, form.admin].map(Option::unwrap_or_default);
    let (id, name) = (entered::<TenantId>(&id_text), name(&name_text));
    let admin: Result<Option<EmailAddress>, String> = optional(&admin_text);
    let mut wrong_id = id.as_ref().err().cloned();
    let (wrong_name, wrong_admin) = (name.as_ref().err().copied(), admin.as_ref().err().cloned());
    if let (Ok(id), Ok(name), Ok(admin)) = (id, name, admin) {
        let edit = TenantEdit { name: Some(name), admin, ..TenantEdit::default() };
        let change = WriteTenant { id: id.clone(), mode: WriteMode::Create, edit };
        match carry_out(&context, &administrator, &change, Conditions::default()).await {
            Ok(Done { outcome: WrittenTenant { tenant, invitation: Some(invitation), .. }, .. }) => {
                let notice = Some(PlaceNotice::Created.as_str());
                return shown_once(&administrator, &context, &tenant, (&invitation, notice)).await;
            }
            Ok(_) => return done(&context, &paths::admin_tenant(&id), PlaceNotice::Created.as_str()),
            Err(Refused::Impossible(why)) => wrong_id = Some(why.text),
            Err(why) => return why.answer(&administrator, Section::Tenants, paths::ADMIN_TENANTS),
        }
    }
    let id = EnteredText { value: &id_text, error: wrong_id.as_deref() };
    let name = EnteredText { value: &name_text, error: wrong_name };
    let admin = EnteredText { value: &admin_text, error: wrong_admin.as_deref() };
    page(&administrator, &context, &Parameters::default(), [id, name, admin]).await.map(Either::Right)
}

/// The name that people see. Empty: none.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub(super) fn name(text: &str) -> Result<Option<String>, &'static str> {
    let text = text.trim();
    if text.chars().count() > LONGEST_NAME || text.chars().any(char::is_control) {
        return Err("A name has at most 256 characters, none of them a control character.");
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

async fn page(
    administrator: &Administrator,
    context: &Context,
    parameters: &Parameters,
    [new_id, new_name, new_admin]: [EnteredText<'_>; 3],
) -> Result<PageAnswer, Fault> {
    let (scope, directory) = (&administrator.scope, &context.stores.directory);
    let after = linked(parameters.after.as_deref())?;
    let q = parameters.q.as_deref().map(|q| q.trim().to_owned()).filter(|q| !q.is_empty());
    let filter = TenantFilter { q, state: linked(parameters.state.as_deref())? };
    let found = directory.search_tenants(scope, &filter, after.as_ref(), PAGE).await?;
    let shows_groups = *scope == Scope::System;
    let entries: Vec<_> = found
        .items
        .iter()
        .map(|tenant| TenantSummary {
            id: &tenant.id,
            name: tenant.name.as_deref(),
            state: tenant.state,
            people: tenant.members.to_string(),
            groups: shows_groups.then_some(tenant.groups.len()),
        })
        .collect();
    let next = found.next.map(|next| next.to_string());
    let frame = administrator.frame(PlaceNotice::text_of(parameters.done.as_deref()));
    let page = Tenants {
        frame,
        q: filter.q.as_deref().unwrap_or_default(),
        state: filter.state,
        tenants: &entries,
        next: next.as_deref(),
        new_id,
        new_name,
        new_admin,
    };
    Ok(PageAnswer(page.page()))
}
