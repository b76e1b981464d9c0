//! Changes what is said about a tool server.

use super::facts::{facts, find, providers, services};
use super::settings::{Sent, check_address, known, read};
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Form, Path};
use crate::fault::Fault;
use crate::portal::change::{FormAnswer, Refused, done, refused};
use crate::portal::forms::make;
use actix_web::{Either, web};
use gatepost_admin::Context;
use gatepost_core::ids::ToolServerId;
use gatepost_pages::admin::{FormErrors, PlaceNotice, ToolServerEdit, ToolServerEntered};
use gatepost_pages::{Section, paths};
use gatepost_store::directory::changes::{ToolServerPatch, UpdateToolServer};
use gatepost_store::directory::{ToolServer, ToolServerSettings};

/// Shows the form.
///
/// # Errors
/// [`Fault`]: there is no such server, or the directory does not answer.
pub(crate) async fn show(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<ToolServerId>,
) -> Result<PageAnswer, Fault> {
    let server = find(&administrator, &context, &id).await?;
    Ok(page(&administrator, &context, &server, (&known(&server), &FormErrors::default(), false)))
}

fn page(
    administrator: &Administrator,
    context: &Context,
    server: &ToolServer,
    (entered, errors, is_overtaken): (&ToolServerEntered, &FormErrors, bool),
) -> PageAnswer {
    let services = services(administrator, context);
    let page = ToolServerEdit {
        frame: administrator.frame(None),
        server: facts(context, server),
        entered,
        errors,
        providers: &providers(context),
        services: services.as_deref(),
        is_overtaken,
    };
    PageAnswer(page.page())
}

/// Changes a tool server.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn update(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<ToolServerId>,
    Form(sent): Form<Sent>,
) -> FormAnswer {
    let is_system = administrator.scope.is_system();
    let mut server = find(&administrator, &context, &id).await?;
    let (entered, mut errors, here) = (sent.entered(), FormErrors::default(), paths::admin_tool_server(&id));
    let mut is_overtaken = false;
    let settings = read(&context, &entered, &mut errors);
    check_address(&context, Some(&server.tenant_id), settings.as_ref(), &mut errors).await?;
    if let Some(settings) = settings.filter(|_| errors.is_empty()) {
        let patch = patch(settings, is_system);
        let change = UpdateToolServer { id: id.clone(), tenant: server.tenant_id.clone(), patch };
        match make(&context, &administrator, &change, sent.version.as_deref()).await {
            Ok(_) => return done(&context, &here, PlaceNotice::ServerChanged.as_str()),
            Err(Refused::Impossible(why)) if why.status == 400 => {
                return refused(&administrator, Section::Tools, &here, &why);
            }
            Err(Refused::Impossible(why)) => errors.add("", &why.advice()),
            Err(Refused::Fault(fault)) => return Err(fault),
            Err(Refused::Overtaken(_)) => {
                server = find(&administrator, &context, &id).await?;
                is_overtaken = true;
            }
        }
    }
    let shown = (&entered, &errors, is_overtaken);
    Ok(Either::Right(page(&administrator, &context, &server, shown)))
}

/// The form says everything; the upstream only to system administrators.
fn patch(settings: ToolServerSettings, is_system: bool) -> ToolServerPatch {
    let ToolServerSettings {
        url,
        name,
        provider,
        audience,
        scopes,
        mode,
        documentation,
        is_default,
        service,
    } = settings;
    ToolServerPatch {
        url: Some(url),
        name: Some(name),
        provider: Some(provider),
        audience: Some(audience),
        scopes: Some(scopes),
        mode: Some(mode),
        documentation: Some(documentation),
        is_default: Some(is_default),
        service: is_system.then_some(service),
    }
}
