//! Signs out, and receives a provider's notification that a person signed out there.

use super::account::Button;
use super::answer::{PageAnswer, RedirectOrPage, empty, text};
use super::extract::{Fields, Form, Query};
use super::fault::Fault;
use super::origin::is_own_page;
use super::sign_in::next;
use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, Responder, web};
use gatepost_pages as pages;
use gatepost_sign_in::{Browser, Context, sign_out};
use gatepost_store::session::tokens::SignOutTicket;
use hyper::StatusCode;
use serde::Deserialize;
use std::rc::Rc;
use std::sync::Arc;

/// A sealed [`SignOutTicket`].
#[derive(Deserialize)]
pub(super) struct Ticket {
    t: Option<String>,
}

/// Signs out if the request has a ticket, which proves a click on a protected host's own page, or comes from our own page.
/// Else asks, because another site may have made the link.
pub(super) async fn ask(
    browser: Rc<Browser>,
    context: web::Data<Context>,
    request: HttpRequest,
    Query(sealed): Query<Ticket>,
) -> Result<HttpResponse, Fault> {
    let ticket = sealed.t.and_then(|sealed| sign_out::open_ticket(&context.site, &sealed));
    if ticket.is_some() || is_own_page(&request) {
        if request.method() == Method::HEAD {
            return Ok(empty(StatusCode::OK));
        }
        let done = end_session(&context, &browser, ticket.as_ref()).await?;
        return Ok(done.respond_to(&request).map_into_boxed_body());
    }
    let live = browser.live(&context).await?;
    let email = live.as_ref().and_then(|principal| principal.standing.person.email.as_ref());
    let targets = context.site.sign_out_targets();
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    let page = pages::confirm_sign_out(email, &targets, browser.request_id);
    Ok(PageAnswer(page).respond_to(&request))
}

/// Signs out after the button of that page was clicked.
pub(super) async fn confirmed(
    browser: Rc<Browser>,
    context: web::Data<Context>,
    _: Form<Button>,
) -> Result<RedirectOrPage, Fault> {
    end_session(&context, &browser, None).await
}

async fn end_session(
    context: &Arc<Context>,
    browser: &Browser,
    ticket: Option<&SignOutTicket>,
) -> Result<RedirectOrPage, Fault> {
    Ok(next(context, browser, sign_out::sign_out(context, browser, ticket).await?))
}

/// The provider at which the person may still be signed in.
#[derive(Deserialize)]
pub(super) struct At {
    provider: Option<String>,
}

pub(super) async fn done(
    browser: Rc<Browser>,
    context: web::Data<Context>,
    Query(at): Query<At>,
) -> PageAnswer {
    let provider = match at.provider.and_then(|id| id.parse().ok()) {
        Some(id) => context.providers.find(&id).await.ok().flatten(),
        None => None,
    };
    let provider = provider.as_ref();
    PageAnswer(pages::signed_out(provider.map(|provider| provider.label()), browser.request_id))
}

/// OpenID Connect Front-Channel Logout section 2.
#[derive(Deserialize)]
pub(super) struct FrontChannel {
    sid: Option<String>,
    iss: Option<String>,
}

pub(super) async fn front_channel(
    browser: Rc<Browser>,
    context: web::Data<Context>,
    method: Method,
    Query(ended): Query<FrontChannel>,
) -> Result<HttpResponse, Fault> {
    let sid = ended.sid.filter(|sid| !sid.is_empty() && sid.len() <= 256);
    if let Some(sid) = sid.filter(|_| method != Method::HEAD) {
        sign_out::front_channel(&context, &browser, &sid, ended.iss.as_deref()).await?;
    }
    // The provider shows this in a frame; nothing here can be clicked.
    Ok(text("text/plain; charset=utf-8", "", "no-store"))
}

/// OpenID Connect Back-Channel Logout section 2.5.
#[derive(Deserialize)]
pub(super) struct BackChannel {
    logout_token: Option<String>,
}

impl Fields for BackChannel {
    const LIMIT: usize = 16 * 1024;
}

pub(super) async fn back_channel(
    browser: Rc<Browser>,
    context: web::Data<Context>,
    Form(BackChannel { logout_token }): Form<BackChannel>,
) -> Result<HttpResponse, Fault> {
    let Some(token) = logout_token else { return Ok(empty(StatusCode::BAD_REQUEST)) };
    sign_out::back_channel(&context, &browser, &token).await?;
    Ok(empty(StatusCode::OK))
}
