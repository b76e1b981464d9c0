//! Authenticates an admin on a protected host whose router sends a request through `/verify` to the public listener: by
//! the assertion that `/verify` made for this host.

use super::request::{browser, data, host, one};
use actix_web::HttpRequest;
use gatepost_core::access::Standing;
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::Chain;
use gatepost_core::host::Origin;
use gatepost_runtime::assertion::{self, AssertionError, AssertionKeys, Claims};
use gatepost_runtime::authn::{self, LoadError};
use gatepost_runtime::hosts::Protected;
use gatepost_sign_in::{Browser, Context};
use std::net::IpAddr;
use std::rc::Rc;

/// An admin according to the directory now.
pub(super) struct Asserted {
    pub(super) browser: Rc<Browser>,
    pub(super) origin: Origin,
    pub(super) standing: Standing,
}

/// Why a request for a protected host's headers is refused. Only the log contains it.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("it came from {0:?}, which is no trusted proxy")]
    Peer(Option<IpAddr>),
    #[error("it names no protected host")]
    Host,
    #[error(
        "no X-User-Assertion came with it: the middleware's address needs assertion=true, its authResponseHeaders the name"
    )]
    NoAssertion,
    #[error("its X-User-Assertion does not count")]
    Assertion(#[from] AssertionError),
    #[error("it is no admin's: the middleware's address needs admin=true")]
    NotAdmin,
    #[error("the directory knows no such admin any more")]
    NoLonger,
}

/// The admin who sent the request. `None`: the sender is not an admin, or cannot be authenticated.
///
/// # Errors
/// [`LoadError`]: the directory cannot say whether the admin still is one.
pub(super) async fn asserted_admin(request: &HttpRequest) -> Result<Option<Asserted>, LoadError> {
    let (context, browser) = (data::<Context>(request), browser(request));
    let asked = match claims(context, request).await? {
        Ok((origin, claims)) => {
            let standing = still_admin(context, &claims).await?;
            standing.map(|standing| Asserted { browser: Rc::clone(&browser), origin, standing })
        }
        Err(refused) => Err(refused),
    };
    asked.map(Some).or_else(|refused| {
        tracing::warn!(
            request.id = %browser.request_id,
            client.address = browser.address.map(tracing::field::display),
            why = %Chain(&refused),
            "refused to show the headers of a request"
        );
        Ok(None)
    })
}

/// The claims of the request's assertion, which only `/verify` can have made, for this host and within the last minute.
async fn claims(
    context: &Context,
    request: &HttpRequest,
) -> Result<Result<(Origin, Claims), Refused>, LoadError> {
    let found = match host(request.headers()) {
        Some(name) => context.hosts.find(&name).await?,
        None => None,
    };
    Ok(open(context, request, found.as_ref().map(Protected::origin)))
}

fn open(
    context: &Context,
    request: &HttpRequest,
    origin: Option<&Origin>,
) -> Result<(Origin, Claims), Refused> {
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    if !peer.is_some_and(|peer| context.site.trusts(peer)) {
        return Err(Refused::Peer(peer));
    }
    let origin = origin.ok_or(Refused::Host)?;
    let token = one(request.headers(), assertion::HEADER.as_str()).ok_or(Refused::NoAssertion)?;
    let (keys, issuer) = (data::<AssertionKeys>(request), &context.site.config.public_url);
    let claims = Claims::open(token, keys, issuer, origin.host(), Timestamp::now())?;
    if claims.admin { Ok((origin.clone(), claims)) } else { Err(Refused::NotAdmin) }
}

/// Looks the admin up in the directory, because the assertion may be a minute old.
async fn still_admin(context: &Context, claims: &Claims) -> Result<Result<Standing, Refused>, LoadError> {
    let standing = authn::load_person(&context.stores, claims.sub).await?;
    let admin = standing.filter(|standing| standing.access.is_admin && !standing.is_disabled);
    Ok(admin.ok_or(Refused::NoLonger))
}
