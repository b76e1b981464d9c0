//! `/.gatepost/enter` on a protected host: exchanges a ticket for the host's cookie, once.

use super::Context;
use super::addresses::login_address;
use super::return_cookie::{self, ReturnAddress};
use super::storage_owner::{self, StorageOwner};
use gatepost_core::access::Access;
use gatepost_core::clock::Timestamp;
use gatepost_core::host::Origin;
use gatepost_runtime::authn::{self, DEADLINE, LoadError};
use gatepost_runtime::session_cache::{CacheKey, CachedSession};
use gatepost_store::session::cookie::{self, BrowserCookie};
use gatepost_store::session::sealed::{Opened, Purpose};
use gatepost_store::session::tokens::{HostValue, OneTimeId, ReturnUri, Target, Ticket, WaitingUri};
use gatepost_telemetry::{Store, StoreOperation};
use std::sync::Arc;
use tokio::time::timeout;

/// Where the browser goes next on a protected host.
#[derive(Debug)]
pub enum TicketOutcome {
    /// 303, with or without cookies.
    Redirect {
        /// An absolute address.
        to: String,
        /// `Set-Cookie`.
        cookies: Vec<String>,
        /// The browser must clear what the host's applications stored, because it may be another person's.
        clears_storage: bool,
        /// What the person may enter whose session begins here. `None`: none begins.
        signed_in: Option<Arc<Access>>,
    },
    /// A page: the sign-in was restarted twice without success.
    Failed {
        /// The return address.
        uri: String,
        /// The reason, as far as it is known.
        cause: TicketFailure,
    },
}

/// Why a ticket did not become a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketFailure {
    /// The browser did not send the cookie that the sign-in began with.
    CookieMissing,
    /// The ticket is too old.
    Expired,
    /// The ticket was consumed before, or its session has ended.
    Used,
}

/// What a browser sends besides the ticket.
struct BrowserState {
    held: Option<BrowserCookie<HostValue>>,
    return_address: ReturnAddress,
    owner: StorageOwner,
}

/// Consumes a ticket, within the deadline of `/verify`. `cookies` are the values of the `Cookie` header lines.
///
/// # Errors
/// [`LoadError`]: a store did not answer. If it was only too slow, the ticket may be consumed; the next try then restarts
/// the sign-in without a page.
pub async fn consume(
    context: &Arc<Context>,
    origin: &Origin,
    held: Option<&BrowserCookie<HostValue>>,
    cookies: &[&[u8]],
    sealed: &str,
) -> Result<TicketOutcome, LoadError> {
    let Ok(opened) =
        context.site.ring.open_any_age::<Ticket>(Purpose::Ticket, origin.host().as_str(), sealed)
    else {
        return Ok(to_host_root(origin));
    };
    let Target::Host { uri, .. } = &opened.value.request.target else { return Ok(to_host_root(origin)) };
    let waiting = cookie::values(cookies.iter().copied(), context.site.cookies.waiting_name());
    let return_address = ReturnAddress::find(&context.site, origin.host(), uri, waiting);
    let owner = StorageOwner::find(&context.site, origin.host(), held, cookies);
    let browser = BrowserState { held: held.cloned(), return_address, owner };
    let consuming = consume_opened(Arc::clone(context), origin.clone(), browser, opened);
    timeout(DEADLINE, context.tasks.run(consuming)).await.map_err(|_| LoadError::Deadline)?
}

/// Whether consuming this ticket would clear the host's storage: only if it belongs to this browser and has not expired.
/// Queries no store.
pub fn would_clear_storage(
    context: &Context,
    origin: &Origin,
    held: Option<&BrowserCookie<HostValue>>,
    cookies: &[&[u8]],
    sealed: &str,
) -> bool {
    let Ok(opened) = context.site.ring.open::<Ticket>(Purpose::Ticket, origin.host().as_str(), sealed) else {
        return false;
    };
    let Target::Host { bind, .. } = &opened.request.target else { return false };
    held.is_some_and(|held| held.binding() == *bind)
        && !StorageOwner::find(&context.site, origin.host(), held, cookies).is(opened.user)
}

/// The return address of an expired sign-in, and the `Set-Cookie` that removes the cookie in which it was stored.
pub fn return_after_expiry<'a>(
    context: &Context,
    origin: &Origin,
    cookies: impl Iterator<Item = &'a str>,
    slot: u8,
    id: &str,
) -> (String, Option<String>) {
    let Some(id) = OneTimeId::from_text(id) else { return (format!("{origin}/"), None) };
    let return_address = ReturnAddress::find(
        &context.site,
        origin.host(),
        &ReturnUri::Waiting(WaitingUri { id, slot }),
        cookies,
    );
    (format!("{origin}{}", return_address.uri), return_address.removal_cookie(&context.site))
}

fn to_host_root(origin: &Origin) -> TicketOutcome {
    redirect(format!("{origin}/"), Vec::new())
}

/// A redirect that does not clear the host's storage.
fn redirect(to: String, cookies: Vec<String>) -> TicketOutcome {
    TicketOutcome::Redirect { to, cookies, clears_storage: false, signed_in: None }
}

async fn consume_opened(
    context: Arc<Context>,
    origin: Origin,
    browser: BrowserState,
    opened: Opened<Ticket>,
) -> Result<TicketOutcome, LoadError> {
    let BrowserState { held, return_address, owner } = browser;
    let (context, held) = (&*context, held.as_ref());
    let ticket = opened.value;
    let Target::Host { bind, .. } = &ticket.request.target else { return Ok(to_host_root(&origin)) };
    let to = format!("{origin}{}", return_address.uri);
    let value = HostValue { session: ticket.session.clone(), user: ticket.user, auth_time: ticket.auth_time };
    let counts_now =
        |found: &CachedSession| context.site.is_valid_at(&found.standing, &found.times(), Timestamp::now());
    let found = context.cache.load_uncached(&value).await?.filter(|found| counts_now(found));
    let consuming = context.stores.sessions.consume_ticket(&ticket.id);
    let is_first = context.stores.query(Store::Session, StoreOperation::ConsumeTicket, consuming).await?;
    let is_bound = held.is_some_and(|held| held.binding() == *bind);
    if let Some(found) = found.filter(|_| is_first && !opened.is_expired && is_bound) {
        let cookie = context.site.ring.seal(Purpose::HostCookie, origin.host().as_str(), &value);
        // The next request finds the session in the cache and needs no look-up.
        context.cache.insert(CacheKey::of(origin.host().as_str(), &cookie), &found);
        let cookie = context.site.cookies.for_session(&cookie, ticket.expires_at.since(Timestamp::now()));
        let named = storage_owner::name(&context.site, origin.host(), ticket.user);
        let cookies =
            return_address.removal_cookie(&context.site).into_iter().chain([cookie, named]).collect();
        let (clears_storage, signed_in) = (!owner.is(ticket.user), Some(Arc::clone(&found.standing.access)));
        return Ok(TicketOutcome::Redirect { to, cookies, clears_storage, signed_in });
    }
    if has_live_session(context, held).await? {
        return Ok(redirect(to, return_address.removal_cookie(&context.site).into_iter().collect()));
    }
    let cause = match (is_bound, opened.is_expired) {
        (false, _) => TicketFailure::CookieMissing,
        (true, true) => TicketFailure::Expired,
        (true, false) => TicketFailure::Used,
    };
    Ok(match return_cookie::retry_sign_in(context, &origin, held, &ticket.request, &return_address) {
        Some(requested) => redirect(login_address(&context.site, &requested.request), requested.cookies),
        None => TicketOutcome::Failed { uri: return_address.uri, cause },
    })
}

async fn has_live_session(
    context: &Context,
    held: Option<&BrowserCookie<HostValue>>,
) -> Result<bool, LoadError> {
    let Some(value) = held.and_then(|held| held.value.as_ref()) else { return Ok(false) };
    let principal = authn::load(&context.stores, &value.session, value.user).await?;
    Ok(principal
        .is_some_and(|principal| context.site.is_valid(&principal.standing, &principal.session.record)))
}
