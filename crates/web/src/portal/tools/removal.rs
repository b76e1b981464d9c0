//! Deletes a tool server whose id was typed.

use super::details::rules_of;
use super::facts::{facts, find};
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Form, Path};
use crate::fault::Fault;
use crate::portal::change::{FormAnswer, done};
use crate::portal::forms::{Attempt, TypedId, make};
use actix_web::{Either, web};
use gatepost_admin::Context;
use gatepost_core::ids::ToolServerId;
use gatepost_pages::admin::{EnteredText, PlaceNotice, ToolServerDeletion};
use gatepost_pages::{Section, paths};
use gatepost_store::directory::ToolServer;
use gatepost_store::directory::changes::DeleteToolServer;

/// Asks before a tool server is deleted.
///
/// # Errors
/// [`Fault`]: there is no such server, or the directory does not answer.
pub(crate) async fn ask(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<ToolServerId>,
) -> Result<PageAnswer, Fault> {
    let server = find(&administrator, &context, &id).await?;
    page(&administrator, &context, &server, EnteredText::default()).await
}

async fn page(
    administrator: &Administrator,
    context: &Context,
    server: &ToolServer,
    typed: EnteredText<'_>,
) -> Result<PageAnswer, Fault> {
    let rules = rules_of(administrator, context, server).await?.len();
    let (frame, server) = (administrator.frame(None), facts(context, server));
    Ok(PageAnswer(ToolServerDeletion { frame, server, rules, typed }.page()))
}

/// Deletes a tool server.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn delete(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<ToolServerId>,
    Form(form): Form<TypedId>,
) -> FormAnswer {
    let server = find(&administrator, &context, &id).await?;
    let (text, here) = (form.id.unwrap_or_default(), paths::admin_tool_server(&id));
    if text.trim() != id.as_str() {
        let typed = EnteredText { value: &text, error: Some("This is not the id of the tool server.") };
        return page(&administrator, &context, &server, typed).await.map(Either::Right);
    }
    let change = DeleteToolServer { id, tenant: server.tenant_id.clone() };
    match make(&context, &administrator, &change, form.version.as_deref()).await {
        Ok(_) => done(&context, paths::ADMIN_TOOLS, PlaceNotice::Deleted.as_str()),
        Err(why) => {
            let attempt = Attempt {
                section: Section::Tools,
                subject: "The tool server",
                shown: "",
                now: server.settings.url.as_str(),
                action: &format!("{here}/delete"),
                fields: &[("id", &text)],
                text: "Delete it all the same",
                back: &here,
            };
            attempt.answer(&administrator, why)
        }
    }
}
