//! Erases a person, after a page that says what that does and wants the address typed.

use super::change::{FormAnswer, Refused, done};
use super::forms::make;
use super::loaded::{named, sessions, working_keys};
use super::standing::find;
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Fields, Form, Path};
use crate::fault::Fault;
use actix_web::{Either, web};
use gatepost_core::ids::UserId;
use gatepost_pages::admin::{EnteredText, PersonErasure, PlaceNotice};
use gatepost_pages::{Section, paths};
use gatepost_sign_in::Context;
use gatepost_store::directory::UserSummary;
use gatepost_store::directory::changes::EraseUser;
use serde::Deserialize;

/// Asks before a person is erased.
///
/// # Errors
/// [`Fault`]: there is no such person, or the directory does not answer.
pub(crate) async fn ask(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<UserId>,
) -> Result<PageAnswer, Fault> {
    let user = find(&administrator, &context, id).await?;
    page(&administrator, &context, &user, EnteredText::default()).await
}

/// The name of the person, as it was typed.
#[derive(Deserialize)]
pub(crate) struct Typed {
    name: Option<String>,
    version: Option<String>,
}

impl Fields for Typed {}

/// Erases a person whose address was typed, or the id of a person who has none.
///
/// # Errors
/// As [`ask`].
pub(crate) async fn erase(
    administrator: Administrator,
    admin: web::Data<gatepost_admin::Context>,
    context: web::Data<Context>,
    Path(id): Path<UserId>,
    Form(form): Form<Typed>,
) -> FormAnswer {
    let user = find(&administrator, &context, id).await?;
    let text = form.name.unwrap_or_default();
    let typed = |error| EnteredText { value: &text, error: Some(error) };
    if text.trim() != named(&user) {
        let typed = typed("This is not the address of the person.");
        return page(&administrator, &context, &user, typed).await.map(Either::Right);
    }
    let change = EraseUser { user: id, confirm: text.trim().to_owned() };
    match make(&admin, &administrator, &change, form.version.as_deref()).await {
        Ok(_) => {
            admin.forget_sessions(id).await;
            done(&admin, paths::ADMIN_USERS, PlaceNotice::Erased.as_str())
        }
        Err(Refused::Overtaken(Some(_))) => {
            let typed = typed(
                "Somebody has changed the person since this page was shown. Look again, then type it once more.",
            );
            page(&administrator, &context, &user, typed).await.map(Either::Right)
        }
        Err(why) => why.answer(&administrator, Section::People, &paths::admin_user(id)),
    }
}

async fn page(
    administrator: &Administrator,
    context: &Context,
    user: &UserSummary,
    typed: EnteredText<'_>,
) -> Result<PageAnswer, Fault> {
    let keys = working_keys(&context.stores.directory, &administrator.scope, user.id).await?;
    let page = PersonErasure {
        frame: administrator.frame(None),
        id: user.id,
        name: &named(user),
        version: user.version,
        sessions: sessions(context, &administrator.scope, user.id).await.map(|sessions| sessions.len()),
        keys: &keys,
        typed,
    };
    Ok(PageAnswer(page.page()))
}
