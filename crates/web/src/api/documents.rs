//! What anybody may read about the API: its OpenAPI document, a page that shows its operations, and one for each kind of
//! problem.

use super::openapi;
use crate::answer::{PageAnswer, text};
use crate::extract::Path;
use crate::fault::Fault;
use crate::problem_document::ProblemCode;
use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};
use gatepost_pages::{self as pages, ApiOperation};
use gatepost_sign_in::{Browser, Context};
use std::rc::Rc;
use std::sync::OnceLock;

/// What the documents hold, computed at the first request for one: anybody may ask, and each takes milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    openapi: OnceLock<Bytes>,
    operations: OnceLock<Vec<(String, Vec<ApiOperation>)>>,
}

pub(super) async fn openapi(
    _: Rc<Browser>,
    documents: Data<Documents>,
    context: Data<Context>,
) -> HttpResponse {
    let public_url = &context.site.config.public_url;
    let document = documents.openapi.get_or_init(|| openapi::document(Some(public_url)).into());
    text("application/json", document.clone(), "no-store")
}

pub(super) async fn page(browser: Rc<Browser>, documents: Data<Documents>) -> PageAnswer {
    let operations = documents.operations.get_or_init(openapi::operations);
    PageAnswer(pages::api_operations(operations, browser.request_id))
}

pub(super) async fn problem(browser: Rc<Browser>, Path(slug): Path<String>) -> Result<PageAnswer, Fault> {
    let kind = ProblemCode::find(&slug).ok_or(Fault::NotFound)?.kind();
    let page = pages::problem_kind(kind.title, kind.status.as_u16(), &kind.explanation, browser.request_id);
    Ok(PageAnswer(page))
}
