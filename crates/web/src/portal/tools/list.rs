//! The list of tool servers, and the form that registers one.

use super::facts::{facts, providers};
use super::settings::{Sent, check_address, read};
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Form, Query};
use crate::fault::Fault;
use crate::portal::change::{FormAnswer, Refused, carry_out, done};
use crate::portal::forms::{PAGE, entered as parsed, linked};
use actix_web::{Either, web};
use gatepost_admin::Context;
use gatepost_core::administration::Scope;
use gatepost_core::ids::{TenantId, ToolServerId};
use gatepost_pages::admin::{FormErrors, PlaceNotice, ToolServerEntered, ToolServers};
use gatepost_pages::paths;
use gatepost_store::directory::changes::CreateToolServer;
use gatepost_store::directory::{Conditions, TenantFilter};
use serde::Deserialize;

/// Tenants that the form proposes.
const PROPOSED: u32 = 200;

/// Whose servers, where the page begins, and what the last form did.
#[derive(Default, Deserialize)]
pub(crate) struct Parameters {
    tenant: Option<String>,
    after: Option<String>,
    done: Option<String>,
}

/// Lists the tool servers that exist for the reader.
///
/// # Errors
/// [`Fault`]: the filter is none of the page's, or the directory does not answer.
pub(crate) async fn list(
    administrator: Administrator,
    context: web::Data<Context>,
    Query(parameters): Query<Parameters>,
) -> Result<PageAnswer, Fault> {
    let only = match &administrator.scope {
        Scope::Tenants(tenants) if tenants.len() == 1 => tenants.first().map(ToString::to_string),
        _ => None,
    };
    let tenant = parameters.tenant.clone().or(only).unwrap_or_default();
    let entered = ToolServerEntered { tenant, ..ToolServerEntered::default() };
    page(&administrator, &context, parameters, (&entered, &FormErrors::default())).await
}

async fn page(
    administrator: &Administrator,
    context: &Context,
    parameters: Parameters,
    (entered, errors): (&ToolServerEntered, &FormErrors),
) -> Result<PageAnswer, Fault> {
    let (scope, directory) = (&administrator.scope, &context.stores.directory);
    let (tenant, after): (Option<TenantId>, _) =
        (linked(parameters.tenant.as_deref())?, linked(parameters.after.as_deref())?);
    if let Some(tenant) = &tenant {
        directory.find_tenant(scope, tenant).await?.ok_or(Fault::NotFound)?;
    }
    let found = directory.list_tool_servers(scope, tenant.as_ref(), after.as_ref(), PAGE).await?;
    let tenants = directory.search_tenants(scope, &TenantFilter::default(), None, PROPOSED).await?;
    let tenants: Vec<&str> = tenants.items.iter().map(|tenant| tenant.id.as_str()).collect();
    let servers: Vec<_> = found.items.iter().map(|server| facts(context, server)).collect();
    let next = found.next.map(|next| next.to_string());
    let page = ToolServers {
        frame: administrator.frame(PlaceNotice::text_of(parameters.done.as_deref())),
        tenant: tenant.as_ref(),
        servers: &servers,
        next: next.as_deref(),
        entered,
        errors,
        tenants: &tenants,
        providers: &providers(context),
    };
    Ok(PageAnswer(page.page()))
}

/// Registers a tool server.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn create(
    administrator: Administrator,
    context: web::Data<Context>,
    Form(sent): Form<Sent>,
) -> FormAnswer {
    let (entered, mut errors) = (sent.entered(), FormErrors::default());
    let id = parsed::<ToolServerId>(&entered.id).map_err(|error| errors.add("id", &error)).ok();
    let tenant = parsed::<TenantId>(&entered.tenant).map_err(|error| errors.add("tenant", &error)).ok();
    if let Some(tenant) = &tenant {
        let found = context.stores.directory.find_tenant(&administrator.scope, tenant).await?;
        if found.is_none() {
            errors.add("tenant", "There is no tenant of this id that you administer.");
        }
    }
    let settings = read(&context, &entered, &mut errors);
    check_address(&context, tenant.as_ref(), settings.as_ref(), &mut errors).await?;
    if let (Some(id), Some(tenant), Some(settings), true) = (id, tenant, settings, errors.is_empty()) {
        let change = CreateToolServer { id: id.clone(), tenant, settings };
        match carry_out(&context, &administrator, &change, Conditions::default()).await {
            Ok(_) => return done(&context, &paths::admin_tool_server(&id), PlaceNotice::Registered.as_str()),
            Err(Refused::Impossible(why)) => errors.add("", &why.advice()),
            Err(Refused::Fault(fault)) => return Err(fault),
            Err(Refused::Overtaken(_)) => return Err(Fault::NotFound),
        }
    }
    page(&administrator, &context, Parameters::default(), (&entered, &errors)).await.map(Either::Right)
}
