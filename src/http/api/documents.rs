//! What anybody may read about the API: its OpenAPI document, a page that shows its operations, and one for each kind of
//! problem.

use super::openapi;
use crate::http::problem_document::ProblemCode;
use crate::http::public::answer::{PageAnswer, text};
use crate::http::public::extract::Path;
use crate::http::public::fault::Fault;
use crate::sign_in::{Browser, Context};
use actix_web::{HttpResponse, web};
use gatepost_pages as pages;
use std::rc::Rc;

pub(super) async fn openapi(_: Rc<Browser>, context: web::Data<Context>) -> HttpResponse {
    let document = openapi::document(Some(&context.site.config.public_url));
    text("application/json", document, "no-store")
}

pub(super) async fn page(browser: Rc<Browser>) -> PageAnswer {
    PageAnswer(pages::api_operations(&openapi::operations(), browser.request_id))
}

pub(super) async fn problem(browser: Rc<Browser>, Path(slug): Path<String>) -> Result<PageAnswer, Fault> {
    let kind = ProblemCode::find(&slug).ok_or(Fault::NotFound)?.kind();
    let page = pages::problem_kind(kind.title, kind.status.as_u16(), &kind.explanation, browser.request_id);
    Ok(PageAnswer(page))
}
