//! Issues a ticket that carries a session to one protected host, for one browser.

use super::addresses::{find_host, page_address};
use super::{Context, Problem, return_cookie};
use gatepost_core::clock::Timestamp;
use gatepost_store::session::sealed::Purpose;
use gatepost_store::session::tokens::{LoginRequest, OneTimeId, Target, Ticket};
use gatepost_store::session::{Handover, Session};

/// Tickets of one person for one host in a minute. More are a redirect loop.
const MAX_TICKETS: u64 = 30;

/// The address to which the browser goes: the host's, with a ticket, or that of a page of ours.
pub(super) async fn issue_ticket(
    context: &Context,
    session: &Session,
    request: LoginRequest,
) -> Result<String, Problem> {
    let (host, uri) = match &request.target {
        Target::Account => return Ok(page_address(&context.site, "/")),
        Target::Page(page) => return Ok(page_address(&context.site, page)),
        Target::Host { host, uri, .. } => (host, uri),
    };
    let found = find_host(&context.hosts, host).await?;
    let record = &session.record;
    let handovers = context.stores.sessions.count_ticket(record.user, host).await?;
    if handovers > MAX_TICKETS {
        return Err(Problem::TooManyTickets(MAX_TICKETS));
    }
    let (host, path) = (host.clone(), return_cookie::enter_path(uri));
    let ticket = Ticket {
        id: OneTimeId::generate(),
        session: session.id.clone(),
        user: record.user,
        auth_time: record.auth_time,
        expires_at: record.started_at.plus(context.site.lifetimes.absolute),
        request,
    };
    let sealed = context.site.ring.seal(Purpose::Ticket, &host, &ticket);
    Ok(format!("{}{path}?t={sealed}", found.origin()))
}

/// `Set-Cookie` of the public host for a session that has just begun.
pub(super) fn public_cookie(context: &Context, handover: &Handover, session: &Session) -> String {
    let rest = session.record.started_at.plus(context.site.lifetimes.absolute).since(Timestamp::now());
    context.site.cookies.for_session(&handover.cookie, rest)
}
