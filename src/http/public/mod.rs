//! The public listener: browsers sign in, look at their account, sign out. Who may call what stands in
//! [`routes`](super::routes) and is enforced here, before any endpoint runs.

mod account;
mod body;
mod problem;
mod server;
mod sign_in;
mod sign_out;

pub use body::Bodies;
pub use server::start;

use super::debug;
use super::internal::trusts;
use super::pages::{self, Asset, Retry, paths};
use super::parameters::{self, Repeated};
use super::respond::{self, Answer};
use super::routes::{self, Body, Caller, Endpoint, Found, From};
use crate::domain::asking;
use crate::domain::host::Origin;
use crate::domain::ids::RequestId;
use crate::login::{Problem, Visitor, begin};
use crate::principal::{LoadError, Principal};
use crate::session::cookie;
use crate::state::State;
use actix_web::http::header::HeaderValue as HttpHeaderValue;
use actix_web::{HttpRequest, HttpResponse, web};
use body::{BodyError, WithRest};
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, HeaderValue};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

const RETRY_AFTER: Duration = Duration::from_secs(5);

/// A new key signs only after it stood last in the ring for longer than this (docs/operations.md).
const KEYS_CACHE_CONTROL: &str = "public, max-age=300";

/// Longest `User-Agent` that a session remembers, in characters.
const MAX_USER_AGENT: usize = 256;

/// Every request of the public listener.
pub async fn handle(
    request: HttpRequest,
    mut body: web::Payload,
    state: web::Data<Arc<State>>,
) -> HttpResponse<WithRest> {
    let answer = answer(&request, &mut body, &state).await;
    body::answered(answer, body)
}

async fn answer(request: &HttpRequest, body: &mut web::Payload, state: &Arc<State>) -> Answer {
    let mut visit = Visit::new(state, request);
    if let Some(asset) = pages::assets().into_iter().find(|asset| asset.path == request.path()) {
        return match request.method().as_str() {
            "GET" | "HEAD" => static_file(asset),
            _ => visit.page(pages::Problem::MethodNotAllowed { allow: "GET, HEAD" }),
        };
    }
    let is_public = debug::host(request).as_ref() == Some(state.config.public_url.host());
    let (route, segment) = match routes::find(is_public, request.method().as_str(), request.path()) {
        Found::Route(route, segment) => (route, segment),
        Found::OtherMethods(allow) => return visit.page(pages::Problem::MethodNotAllowed { allow }),
        Found::Nothing => return visit.page(pages::Problem::NotFound),
    };
    if route.from == From::OwnPages && !visit.is_own_page() {
        tracing::warn!(request.id = %visit.visitor.request_id, path = request.path(), "refused a change that another site asked for");
        return visit.page(pages::Problem::CrossOrigin);
    }
    // Hovering over a link must neither sign in nor out, nor use up a code; no more must an image.
    if visit.is_in_advance() || (route.from == From::Navigation && visit.is_navigation() == Some(false)) {
        return respond::empty(StatusCode::FORBIDDEN);
    }
    // What says nothing of its caller is read now; a form waits until they are known.
    let is_read_first = route.caller == Caller::Anyone || route.body() == Body::Nothing;
    if is_read_first && let Err(error) = visit.read_body(route.body(), body).await {
        return visit.unread(error);
    }
    match route.caller {
        Caller::Anyone => visit.anyone(route.endpoint, segment).await,
        Caller::Person | Caller::Admin => match begin::checked(state, &visit.visitor).await {
            Ok(Some(principal)) if route.caller == Caller::Admin && !principal.standing.access.is_admin => {
                visit.page(pages::Problem::AdminsOnly)
            }
            Ok(Some(principal)) => match visit.read_body(route.body(), body).await {
                Ok(()) => visit.person(route.endpoint, &principal).await,
                Err(error) => visit.unread(error),
            },
            Ok(None) => respond::redirect(StatusCode::SEE_OTHER, &visit.address(paths::LOGIN), None),
            Err(problem) => visit.problem(&problem, None),
        },
        Caller::AssertedAdmin => match debug::asserted_admin(&visit).await {
            Ok(Some(asserted)) => debug::live_headers(&visit, &asserted),
            Ok(None) => visit.page(pages::Problem::NotFound),
            Err(error) => visit.problem(&Problem::Unavailable(error), None),
        },
    }
}

fn static_file(asset: Asset) -> Answer {
    cached(asset.media_type, asset.body.to_owned(), Asset::CACHE_CONTROL)
}

fn cached(media_type: &'static str, body: String, cache_control: &'static str) -> Answer {
    let mut response = respond::text(StatusCode::OK, media_type, body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache_control));
    response
}

/// Why a person gets no answer of the endpoint.
pub(super) enum Fault {
    Repeated(Repeated),
    Unavailable(LoadError),
}

impl std::convert::From<Repeated> for Fault {
    fn from(repeated: Repeated) -> Self {
        Self::Repeated(repeated)
    }
}

impl<E: Into<LoadError>> std::convert::From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Unavailable(error.into())
    }
}

/// One request of the public listener.
pub(super) struct Visit<'a> {
    pub(super) state: &'a Arc<State>,
    pub(super) request: &'a HttpRequest,
    /// Empty until it is read.
    body: web::Bytes,
    pub(super) visitor: Visitor,
}

impl<'a> Visit<'a> {
    fn new(state: &'a Arc<State>, request: &'a HttpRequest) -> Self {
        let cookies = request.headers().get_all("cookie").map(HttpHeaderValue::as_bytes);
        let held = cookie::read_public(cookie::values(cookies, state.cookies.name()), &state.ring);
        let user_agent = request.headers().get("user-agent").and_then(|value| value.to_str().ok());
        let visitor = Visitor {
            held,
            address: client_address(state, request),
            user_agent: user_agent.map(|text| text.chars().take(MAX_USER_AGENT).collect()),
            request_id: RequestId::generate(),
        };
        Self { state, request, body: web::Bytes::new(), visitor }
    }

    async fn read_body(&mut self, takes: Body, payload: &mut web::Payload) -> Result<(), BodyError> {
        self.body = self.state.bodies.read(takes, self.request.headers(), payload).await?;
        Ok(())
    }

    /// The connection ends with this answer, whatever is left of the body.
    fn unread(&self, error: BodyError) -> Answer {
        tracing::info!(request.id = %self.visitor.request_id, path = self.request.path(), error = %error, "refused a request for its body");
        respond::empty(error.status())
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.request.headers().get(name).and_then(|value| value.to_str().ok())
    }

    fn is_in_advance(&self) -> bool {
        asking::is_in_advance(|name| self.request.headers().get(name).map(HttpHeaderValue::as_bytes))
    }

    fn is_navigation(&self) -> Option<bool> {
        asking::is_navigation(self.header("sec-fetch-mode"), self.header("sec-fetch-dest"))
    }

    /// Does the browser say that our own page made this request?
    fn is_own_page(&self) -> bool {
        match self.header("sec-fetch-site") {
            Some(site) => site == "same-origin",
            None => {
                self.header("origin").and_then(|text| text.parse::<Origin>().ok()).as_ref()
                    == Some(&self.state.config.public_url)
            }
        }
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.state.config.public_url)
    }

    /// Those of the address.
    pub(super) fn parameters<const N: usize>(
        &self,
        names: [&'static str; N],
    ) -> Result<[Option<String>; N], Repeated> {
        parameters::read(self.request.query_string().as_bytes(), names)
    }

    /// Those of the form.
    fn fields<const N: usize>(&self, names: [&'static str; N]) -> Result<[Option<String>; N], Repeated> {
        parameters::read(&self.body, names)
    }

    fn refuse_repeated(&self, repeated: Repeated) -> Answer {
        let what = repeated.to_string();
        tracing::info!(request.id = %self.visitor.request_id, path = self.request.path(), error = %what, "refused a request");
        self.page(pages::Problem::Malformed(&what))
    }

    async fn anyone(&self, endpoint: Endpoint, segment: &str) -> Answer {
        let result = match endpoint {
            Endpoint::Login => self.login().await,
            Endpoint::Callback => self.callback(segment).await,
            Endpoint::Logout => self.logout().await,
            Endpoint::ConfirmedLogout => Ok(self.finish_logout(None).await),
            Endpoint::LoggedOut => self.logged_out(),
            Endpoint::FrontChannelLogout => self.front_channel_logout().await,
            Endpoint::BackChannelLogout => self.back_channel_logout().await,
            Endpoint::Keys => {
                let keys = self.state.assertion_keys.published().to_string();
                Ok(cached("application/jwk-set+json", keys, KEYS_CACHE_CONTROL))
            }
            Endpoint::Account
            | Endpoint::EndSession
            | Endpoint::EndOtherSessions
            | Endpoint::Explain
            | Endpoint::LiveHeaders => Ok(self.page(pages::Problem::NotFound)),
        };
        result.unwrap_or_else(|repeated| self.refuse_repeated(repeated))
    }

    async fn person(&self, endpoint: Endpoint, principal: &Principal) -> Answer {
        // Never closed.
        let _turn = self.state.person_pages.acquire().await;
        let result = match endpoint {
            Endpoint::EndSession => self.end_session(principal).await,
            Endpoint::EndOtherSessions => self.end_other_sessions(principal).await,
            Endpoint::Explain => debug::explained(self).await,
            _ => self.account(principal).await,
        };
        result.unwrap_or_else(|fault| match fault {
            Fault::Repeated(repeated) => self.refuse_repeated(repeated),
            Fault::Unavailable(error) => self.problem(&Problem::Unavailable(error), None),
        })
    }

    pub(super) fn is_head(&self) -> bool {
        self.request.method() == "HEAD"
    }

    fn unavailable(&self) -> pages::Problem<'static> {
        pages::Problem::Unavailable { retry_after: RETRY_AFTER, resend: self.request.method() == "POST" }
    }

    fn page(&self, problem: pages::Problem<'_>) -> Answer {
        respond::page(problem.page(Retry::default(), self.visitor.request_id), self.is_head())
    }
}

fn client_address(state: &State, request: &HttpRequest) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip().to_canonical();
    let forwarded = request.headers().get_all("x-forwarded-for").last().and_then(|value| value.to_str().ok());
    let last =
        forwarded.and_then(|list| list.rsplit(',').next()).and_then(|address| address.trim().parse().ok());
    if trusts(state, peer) { last.or(Some(peer)) } else { Some(peer) }
}
