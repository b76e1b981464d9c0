//! The header debugger on a protected host: its router sends `/debug/headers` through the middleware to the public
//! listener, which then knows by the assertion for that very host that `/verify` let an admin through.

use crate::http::internal::trusts;
use crate::http::pages::{Format, LiveHeaders, Page};
use crate::http::public::{data, host, one, visitor};
use crate::login::Visitor;
use crate::principal::{self, LoadError};
use crate::state::State;
use crate::verify::arrival::Arrival;
use crate::verify::assertion::{self, AssertionError, Claims};
use crate::verify::identity::Rendered;
use actix_web::{HttpRequest, web};
use gatepost_core::access::Standing;
use gatepost_core::clock::Timestamp;
use gatepost_core::host::Origin;
use std::net::IpAddr;
use std::rc::Rc;

/// An admin, as the directory knows them now.
pub(in crate::http) struct Asserted {
    visitor: Rc<Visitor>,
    origin: Origin,
    standing: Standing,
}

/// Why a request for a protected host's headers is not answered; told to the log alone.
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

/// Who asks on a protected host. `None`: nobody who may.
///
/// # Errors
/// [`LoadError`]: the directory cannot say whether the admin still is one.
pub(in crate::http) async fn asserted_admin(request: &HttpRequest) -> Result<Option<Asserted>, LoadError> {
    let (state, visitor) = (data::<State>(request), visitor(request));
    let asked = match claims(state, request) {
        Ok((origin, claims)) => {
            let standing = still_admin(state, &claims).await?;
            standing.map(|standing| Asserted { visitor: Rc::clone(&visitor), origin, standing })
        }
        Err(refused) => Err(refused),
    };
    asked.map(Some).or_else(|refused| {
        tracing::warn!(
            request.id = %visitor.request_id,
            client.address = visitor.address.map(tracing::field::display),
            why = %gatepost_core::error_chain::Chain(&refused),
            "refused to show the headers of a request"
        );
        Ok(None)
    })
}

/// Who the request says it is, so that only `/verify` can have said it, for this host and just now.
fn claims(state: &State, request: &HttpRequest) -> Result<(Origin, Claims), Refused> {
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    if !peer.is_some_and(|peer| trusts(state, peer)) {
        return Err(Refused::Peer(peer));
    }
    let origin = host(request.headers()).and_then(|host| state.hosts.find(&host)).ok_or(Refused::Host)?;
    let token = one(request.headers(), assertion::HEADER.as_str()).ok_or(Refused::NoAssertion)?;
    let (keys, issuer) = (&state.assertion_keys, &state.config.public_url);
    let claims = Claims::open(token, keys, issuer, origin.host(), Timestamp::now())?;
    if claims.admin { Ok((origin.into_owned(), claims)) } else { Err(Refused::NotAdmin) }
}

/// The assertion may be a minute old, so the directory is asked.
async fn still_admin(state: &State, claims: &Claims) -> Result<Result<Standing, Refused>, LoadError> {
    let standing = principal::load_person(state, claims.sub).await?;
    let admin = standing.filter(|standing| standing.access.is_admin && !standing.is_disabled);
    Ok(admin.ok_or(Refused::NoLonger))
}

/// The request's own headers, as an application on this host gets them.
pub(in crate::http) async fn live_headers(
    asserted: Asserted,
    state: web::Data<State>,
    request: HttpRequest,
) -> Page {
    let headers: Vec<(String, Vec<u8>)> =
        request.headers().iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    let arrival = Arrival {
        headers: &headers,
        origin: &asserted.origin,
        rendered: &Rendered::new(&asserted.standing, &state.config.verify),
        access: &asserted.standing.access,
        own_cookies: state.cookies.names(),
    };
    let page = LiveHeaders {
        origin: &asserted.origin,
        person: &asserted.standing.person,
        report: &arrival.report(),
        request_id: asserted.visitor.request_id,
    };
    page.page(format(&request))
}

/// HTML or JSON.
fn format(request: &HttpRequest) -> Format {
    let lines: Vec<&str> =
        request.headers().get_all("accept").filter_map(|value| value.to_str().ok()).collect();
    Format::choose(&lines.join(","), one(request.headers(), "sec-fetch-mode") == Some("navigate"))
}
