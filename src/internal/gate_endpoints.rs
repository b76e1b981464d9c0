//! `/.gatepost/` on every protected host, answered by `/verify` itself whatever the router requires, never with 2xx:
//! that would be an order to let the request through to the application.

use super::responder::{Responder, reason_of_failure};
use crate::gate::forwarded::RequestKind;
use gatepost_core::access::Access;
use gatepost_core::clock::Timestamp;
use gatepost_core::requirement::max_age;
use gatepost_core::return_uri::is_return_uri;
use gatepost_pages::{Refusal, Unfinished, paths};
use gatepost_runtime::parameters;
use gatepost_runtime::respond::{self, Answer};
use gatepost_sign_in::addresses::other_account_address;
use gatepost_sign_in::return_cookie;
use gatepost_sign_in::sign_out::sign_out_address;
use gatepost_sign_in::ticket::{self, TicketFailure, TicketOutcome};
use gatepost_store::session::cookie;
use gatepost_store::session::tokens::SignOutTicket;
use gatepost_telemetry::Reason;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use serde::Deserialize;

/// Answers a request below `/.gatepost/`.
pub async fn answer(responder: &Responder<'_>, path: &str, query: &str) -> (Answer, Reason) {
    let slot = path.strip_prefix("enter/").and_then(return_cookie::slot_of);
    match path {
        "start" => {
            let answer =
                start(responder, query).unwrap_or_else(|wrong| responder.refuse(&Refusal::Malformed(&wrong)));
            (answer, Reason::Asked)
        }
        "logout" => (logout(responder), Reason::Asked),
        _ if (path == "enter" || slot.is_some()) && responder.forwarded.method() == "GET" => {
            enter(responder, slot, query).await
        }
        _ => (respond::empty(StatusCode::NOT_FOUND), Reason::Asked),
    }
}

/// The parameters of `/.gatepost/enter`.
#[derive(Deserialize)]
struct EnterParameters {
    #[serde(rename = "t")]
    ticket: Option<String>,
    id: Option<String>,
    /// [`paths::AGAIN`].
    again: Option<String>,
}

async fn enter(responder: &Responder<'_>, slot: Option<u8>, query: &str) -> (Answer, Reason) {
    let EnterParameters { ticket, id, again } = match parameters::parse(query.as_bytes()) {
        Ok(found) => found,
        Err(error) => {
            return (responder.refuse(&Refusal::Malformed(&error.to_string())), Reason::TicketRefused);
        }
    };
    // A prefetch or a link preview must neither sign in nor use up what the person is about to use.
    if responder.forwarded.kind() != RequestKind::Navigation {
        return (not_a_navigation(responder, &ticket.unwrap_or_default()), Reason::TicketRefused);
    }
    if let (Some(slot), None, Some(id)) = (slot, &ticket, id) {
        let cookies =
            cookie::values(responder.forwarded.cookies(), responder.context.gate.site.cookies.waiting_name());
        let (to, spent) =
            ticket::return_after_expiry(&responder.context.sign_in, responder.origin, cookies, slot, &id);
        return (respond::redirect(StatusCode::SEE_OTHER, &to, spent.as_deref()), Reason::Asked);
    }
    let ticket = ticket.unwrap_or_default();
    if responder.forwarded.is_by_service_worker()
        && again.is_none()
        && would_clear_storage(responder, &ticket)
    {
        let here = format!("{}?t={ticket}", return_cookie::path_of(slot));
        return (responder.refuse(&Refusal::ClearingStorage { here: &here }), Reason::Asked);
    }
    let cookies: Vec<&[u8]> = responder.forwarded.cookies().collect();
    match ticket::consume(&responder.context.sign_in, responder.origin, responder.held(), &cookies, &ticket)
        .await
    {
        Ok(TicketOutcome::Redirect { to, cookies, clears_storage, signed_in }) => {
            if let Some(access) = signed_in {
                count_sign_in(responder, &access);
            }
            let cookies = cookies.iter().map(String::as_str);
            let answer = respond::redirect(StatusCode::SEE_OTHER, &to, cookies);
            (if clears_storage { clearing_storage(responder, answer) } else { answer }, Reason::TicketTaken)
        }
        Ok(TicketOutcome::Failed { uri, cause }) => {
            let cause = match cause {
                TicketFailure::CookieMissing => Unfinished::CookieMissing,
                TicketFailure::Expired => Unfinished::Expired,
                TicketFailure::Used => Unfinished::Used,
            };
            tracing::warn!(request.id = %responder.request_id(), host = %responder.origin.host(), ?cause, "a sign-in could not be finished");
            (responder.refuse(&Refusal::Unfinished { uri: &uri, cause }), Reason::TicketRefused)
        }
        Err(error) => (responder.cannot_know(&error), reason_of_failure(&error)),
    }
}

/// Counts a sign-in for the tenant whose host this is. One of somebody who may not enter the tenant counts for nobody.
fn count_sign_in(responder: &Responder<'_>, access: &Access) {
    if let Some(tenant) = responder.request.host.tenant().filter(|tenant| access.role_in(tenant).is_some()) {
        responder.context.gate.usage.count_sign_in(tenant, Timestamp::now());
    }
}

/// Answers without consuming the ticket. The page [`Refusal::ClearingStorage`] sends such a request to have the storage
/// cleared.
fn not_a_navigation(responder: &Responder<'_>, ticket: &str) -> Answer {
    let answer = responder.refuse(&Refusal::SignIn { uri: "/", resend: false, max_age: None });
    if responder.forwarded.is_user_initiated(responder.origin) && would_clear_storage(responder, ticket) {
        clearing_storage(responder, answer)
    } else {
        answer
    }
}

fn would_clear_storage(responder: &Responder<'_>, ticket: &str) -> bool {
    let cookies: Vec<&[u8]> = responder.forwarded.cookies().collect();
    ticket::would_clear_storage(
        &responder.context.sign_in,
        responder.origin,
        responder.held(),
        &cookies,
        ticket,
    )
}

/// Adds the header by which the browser clears what applications stored for this host (Clear Site Data, section 3.1). It
/// leaves cookies alone: clearing them would reach every host of the domain, and end the session that begins here.
fn clearing_storage(responder: &Responder<'_>, mut answer: Answer) -> Answer {
    tracing::info!(request.id = %responder.request_id(), host = %responder.origin.host(), "the browser clears its storage of this host, because it may hold another person's data");
    answer.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"storage\""));
    answer
}

/// The parameters of `/.gatepost/start`: [`paths::MAX_AGE`] and [`paths::SELECT_ACCOUNT`] beside the return address.
#[derive(Deserialize)]
struct StartParameters {
    uri: Option<String>,
    max_age: Option<String>,
    prompt: Option<String>,
}

/// Begins a sign-in from the link of a 401 page. The error says what is wrong with the link.
fn start(responder: &Responder<'_>, query: &str) -> Result<Answer, String> {
    let StartParameters { uri, max_age: age, prompt } =
        parameters::parse(query.as_bytes()).map_err(|error| error.to_string())?;
    let asked = uri.unwrap_or_else(|| "/".to_owned());
    responder.note_length(asked.len());
    let uri = if is_return_uri(&asked) { asked.as_str() } else { "/" };
    // Ignoring an invalid value would drop the demand.
    let age = age.map(|age| max_age(&age).ok_or_else(|| "max_age is no number of seconds".to_owned()));
    let max_age = age.transpose()?;
    if responder.forwarded.kind() != RequestKind::Navigation {
        return Ok(responder.refuse(&Refusal::SignIn { uri, resend: false, max_age }));
    }
    let wants_other = prompt.as_deref() == Some(paths::SELECT_ACCOUNT.1);
    Ok(if wants_other { to_other_account(responder, uri) } else { responder.to_login(uri, max_age) })
}

/// Redirects to a sign-in with another account. The session stays until that sign-in is complete.
fn to_other_account(responder: &Responder<'_>, uri: &str) -> Answer {
    let asked = return_cookie::request_sign_in(
        &responder.context.sign_in,
        responder.origin,
        responder.held(),
        uri,
        None,
    );
    let address = other_account_address(&responder.context.sign_in.site, &asked.request);
    respond::redirect(StatusCode::FOUND, &address, asked.cookies.iter().map(String::as_str))
}

/// Signs out, or asks first if the request may come from another site.
fn logout(responder: &Responder<'_>) -> Answer {
    let is_navigation =
        responder.forwarded.kind() == RequestKind::Navigation || responder.forwarded.is_form();
    if !is_navigation || !responder.forwarded.is_user_initiated(responder.origin) {
        let targets = responder.context.gate.site.sign_out_targets();
        let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
        return responder.refuse(&Refusal::SignOut { form_targets: &targets });
    }
    let ticket = responder
        .held()
        .and_then(|held| held.value.as_ref())
        .map(|value| SignOutTicket { session: value.session.clone(), user: value.user });
    respond::redirect(
        StatusCode::SEE_OTHER,
        &sign_out_address(&responder.context.sign_in.site, ticket.as_ref()),
        None,
    )
}
