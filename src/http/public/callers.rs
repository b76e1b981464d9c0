//! Who may call a route of the public listener, and what its handler learns of them.

use super::fault::Fault;
use super::origin::{client_address, text};
use crate::http::debug::{self, Asserted};
use crate::login::{Visitor, begin};
use crate::principal::Principal;
use crate::state::State;
use actix_web::http::header::HeaderValue;
use actix_web::{HttpMessage, HttpRequest, web};
use gatepost_core::ids::RequestId;
use gatepost_store::session::cookie;
use std::rc::Rc;
use tokio::sync::Semaphore;

/// Longest `User-Agent` that a session remembers, in characters.
const MAX_USER_AGENT: usize = 256;

/// Who may call a route, as the list of routes says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// See [`Anyone`].
    Anyone,
    /// See [`SignedIn`].
    SignedIn,
    /// See [`Admins`].
    Admins,
    /// See [`AssertedAdmins`].
    AssertedAdmins,
}

/// A rule that stands at each route.
pub(super) trait Rule: 'static {
    /// The first argument of the route's handler.
    type Caller: 'static;
    const CALLERS: Callers;

    /// Who calls, if they may.
    async fn judge(request: &HttpRequest) -> Result<Self::Caller, Fault>;

    /// The handler runs when it has one of these.
    fn turns(_: &HttpRequest) -> Option<&Semaphore> {
        None
    }
}

/// Everybody; what the call itself carries (a sealed value, a signed token, a provider's `sid`) says the rest.
pub(super) struct Anyone;
/// Who has a live session here; others are sent to sign in.
pub(super) struct SignedIn;
/// Of them who is an admin now, by the directory's word; others are refused.
pub(super) struct Admins;
/// The admin for whom `/verify` let the request through, by the assertion for the very host; nobody else is told that
/// there is something.
pub(super) struct AssertedAdmins;

/// Somebody with a live session.
pub(in crate::http) struct Person {
    pub(in crate::http) visitor: Rc<Visitor>,
    pub(in crate::http) principal: Principal,
}

/// A person who is an admin now.
pub(in crate::http) struct Admin(pub(in crate::http) Person);

impl Rule for Anyone {
    type Caller = Rc<Visitor>;
    const CALLERS: Callers = Callers::Anyone;

    async fn judge(request: &HttpRequest) -> Result<Rc<Visitor>, Fault> {
        Ok(visitor(request))
    }
}

impl Rule for SignedIn {
    type Caller = Person;
    const CALLERS: Callers = Callers::SignedIn;

    async fn judge(request: &HttpRequest) -> Result<Person, Fault> {
        let visitor = visitor(request);
        let principal = begin::checked(data::<State>(request), &visitor).await?.ok_or(Fault::SignInFirst)?;
        Ok(Person { visitor, principal })
    }

    fn turns(request: &HttpRequest) -> Option<&Semaphore> {
        Some(data::<Semaphore>(request))
    }
}

impl Rule for Admins {
    type Caller = Admin;
    const CALLERS: Callers = Callers::Admins;

    async fn judge(request: &HttpRequest) -> Result<Admin, Fault> {
        let person = SignedIn::judge(request).await?;
        if person.principal.standing.access.is_admin { Ok(Admin(person)) } else { Err(Fault::AdminsOnly) }
    }

    fn turns(request: &HttpRequest) -> Option<&Semaphore> {
        SignedIn::turns(request)
    }
}

impl Rule for AssertedAdmins {
    type Caller = Asserted;
    const CALLERS: Callers = Callers::AssertedAdmins;

    async fn judge(request: &HttpRequest) -> Result<Asserted, Fault> {
        debug::asserted_admin(request).await?.ok_or(Fault::NotFound)
    }
}

/// The mark of a request whose caller was judged.
pub(super) struct Judged;

/// The browser that asks; made once for each request.
pub(in crate::http) fn visitor(request: &HttpRequest) -> Rc<Visitor> {
    if let Some(known) = request.extensions().get::<Rc<Visitor>>() {
        return Rc::clone(known);
    }
    let state = data::<State>(request);
    let cookies = request.headers().get_all("cookie").map(HeaderValue::as_bytes);
    let held = cookie::read_public(cookie::values(cookies, state.cookies.name()), &state.ring);
    let user_agent = text(request.headers(), "user-agent");
    let visitor = Rc::new(Visitor {
        held,
        address: client_address(state, request),
        user_agent: user_agent.map(|text| text.chars().take(MAX_USER_AGENT).collect()),
        request_id: RequestId::generate(),
    });
    request.extensions_mut().insert(Rc::clone(&visitor));
    visitor
}

/// What the application shares.
///
/// # Panics
/// Never: [`super::server`] gives it to the application.
pub(in crate::http) fn data<T: 'static>(request: &HttpRequest) -> &web::Data<T> {
    request.app_data().expect("the application has it")
}
